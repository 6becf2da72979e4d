<%!
from {{ cookiecutter.program_name }}.engines import metadatas
%>\
"""${message}

Revision ID: ${up_revision}
Revises:${f" {comma(down_revision)}" if down_revision else " nothing"}
"""

from collections.abc import Sequence

import sqlalchemy as sa
from alembic import op
% if imports:

${imports}
% endif

revision: str = ${repr(up_revision)}
down_revision: str | Sequence[str] | None = ${repr(down_revision)}
branch_labels: str | Sequence[str] | None = ${repr(branch_labels)}
depends_on: str | Sequence[str] | None = ${repr(depends_on)}
% for table in context.get("tables") or []:

${table}
% endfor


def upgrade(database: str) -> None:
    """Run the part for a database; one that came later has none."""
    if part := globals().get(f"upgrade_{database}"):
        part()


def downgrade(database: str) -> None:
    """Undo the part for a database; one that came later has none."""
    if part := globals().get(f"downgrade_{database}"):
        part()
% for name in metadatas:


def upgrade_${name}() -> None:
    ${context.get(f"{name}_upgrades") or "pass"}


def downgrade_${name}() -> None:
    ${context.get(f"{name}_downgrades") or "pass"}
% endfor
