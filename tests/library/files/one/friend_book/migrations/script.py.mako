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


def upgrade() -> None:
    ${upgrades if upgrades else "pass"}


def downgrade() -> None:
    ${downgrades if downgrades else "pass"}
