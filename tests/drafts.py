"""A table of a test's own, `thing`, in a module that nothing imports by hand."""

import re
import shlex
from typing import Any

from rendering import Project
from servers import engine_of
from sqlalchemy import text

MODULE = '''"""Things."""

import enum

import sqlalchemy as sa
from sqlalchemy.dialects import postgresql

from .db import Model

{before}

class Thing(Model):
    __tablename__ = "thing"

    id = sa.Column(sa.Integer, primary_key=True)
{columns}
'''


def define_thing(project: Project, *columns: str, before: str = "") -> None:
    """Write the model `Thing` with these columns, for example `"age = sa.Integer"`.

    :param columns: a name and the arguments of its `sa.Column`.
    :param before: what the module says before the model.
    """
    pairs = [column.split(" = ", 1) for column in columns]
    lines = "\n".join(f"    {name} = sa.Column({rest})" for name, rest in pairs)
    module = MODULE.format(before=before, columns=lines)
    (project.package / "things.py").write_text(module)


def draft(project: Project, name: str, *answers: str) -> str:
    """Draft a revision and upgrade to it, which must leave no difference.

    :return: the text of the revision.
    """
    options = "".join(f"-x {shlex.quote(answer)} " for answer in answers)
    revision = f"{options}revision --autogenerate -m {shlex.quote(name)}"
    alembic(project, "upgrade head", revision, "upgrade head", "check")
    return newest(project, name)


def alembic(project: Project, *commands: str) -> str:
    """Run Alembic commands in one process, and return what they log."""
    return project.commands(*commands)


def refusal(project: Project, *arguments: str) -> str:
    """Run an Alembic command that must fail, and return all that it says."""
    done = project.alembic(*arguments, status=255)
    return done.stdout + done.stderr


def newest(project: Project, name: str) -> str:
    """Return the text of the revision with this message."""
    pattern = f"*_{name.replace(' ', '_')}.py"
    (path,) = (project.package / "migrations" / "versions").glob(pattern)
    return path.read_text()


def sql(url: str, statement: str) -> list[tuple[Any, ...]]:
    """Run a statement on a database, and return its rows as the driver gives them."""
    with engine_of(url).begin() as connection:
        result = connection.execute(text(statement))
        return [tuple(row) for row in result] if result.returns_rows else []


OWN_NAMES = re.compile(r"""Friend|(?<=")friend|(?<=name=["'])\w+|(?<=Index\(["'])ix""")
"""The class of a model of friends, its table, and what is named in it."""


def one_of_several(model: str, number: int) -> str:
    """Return a model as one of several: a schema has each of its names once."""
    return OWN_NAMES.sub(rf"\g<0>{number}", model)
