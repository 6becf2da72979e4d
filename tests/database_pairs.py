"""Projects with two databases, `default` and `auth`, and revisions with two parts."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path
from textwrap import indent
from typing import TypeVar

from rendering import Project
from servers import empty_database

AnyProject = TypeVar("AnyProject", bound=Project)

SCRIPT = '''"""{revision}"""
import sqlalchemy as sa
from alembic import op

revision = {revision!r}
down_revision = {down!r}
branch_labels = None
depends_on = None


def upgrade(database):
    globals()["upgrade_" + database]()


def downgrade(database):
    pass


def upgrade_default():
{default}


def upgrade_auth():
{auth}
'''


@contextmanager
def two_databases(kinds: str, folder: Path) -> Iterator[tuple[str, str]]:
    """Make two empty databases and give their URLs.

    :param kinds: for example `sqlite-postgresql`: the kind of each.
    """
    first, second = kinds.split("-")
    with (
        empty_database(first, folder) as default,
        empty_database(second, folder) as auth,
    ):
        yield default, auth


def using_both(project: AnyProject, urls: tuple[str, str]) -> AnyProject:
    """Return the same project with two other databases."""
    default, auth = urls
    variable = f"{project.name.upper()}_AUTH_DATABASE_URL"
    project = project.using(default)
    return replace(project, environment={**project.environment, variable: auth})


def write_parts(
    project: Project, revision: str, default: str = "pass", auth: str = "pass"
) -> None:
    """Add a revision to the first one, or write it anew.

    :param default: what its part for this database does, likewise `auth`.
    """
    versions = project.package / "migrations" / "versions"
    (first,) = versions.glob("0001_*.py")
    down = first.name.split("_")[1]
    bodies = {"default": default, "auth": auth}
    bodies = {name: indent(body.strip("\n"), "    ") for name, body in bodies.items()}
    text = SCRIPT.format(revision=revision, down=down, **bodies)
    (versions / f"{revision}.py").write_text(text)
