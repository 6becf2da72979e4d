"""A draft is typed: whatever it calls on `op`, the project's own checks pass."""

import re
from pathlib import Path
from textwrap import indent

import pytest
from alembic.autogenerate import render_python_code
from alembic.operations import ops
from alembic.script import ScriptDirectory
from alembic_lossless.autogenerate.render import render_item
from drafting import change
from operation_calls import CALLS
from rendering import Project, generated, knowing_types

pytestmark = pytest.mark.long

COLUMN = 'op.add_column("a", sa.Column("b", op.sql_type("LTREE")))'
"""The one that is called within another one."""


def write(project: Project, *code: str) -> None:
    """Write a revision as Alembic does, by the project's own script.py.mako."""
    folder = ScriptDirectory(str(project.package / "migrations"))
    body = indent("\n".join(code), "    ").strip()
    folder.generate_revision(
        "1a2b3c4d5e6f", "every operation", head="heads", upgrades=body, downgrades=body
    )


def run_checks(project: Project) -> None:
    """Run what the project's own CI runs before its tests."""
    workflow = (project.path / ".github" / "workflows" / "ci.yml").read_text()
    commands = re.findall(r"- run: ((?:ruff|mypy).*)", workflow)
    assert commands == ["ruff check", "ruff format --check", "mypy"]
    for command in commands:
        project.run(*command.split())


def test_the_checks_of_a_project_pass_on_any_draft(tmp_path: Path) -> None:
    """I commit what was drafted, and neither CI nor pre-commit has a word about it."""
    shop = knowing_types(generated(tmp_path))
    drafted = render_python_code(ops.UpgradeOps([*CALLS]), render_item=render_item)
    lines = (line.strip() for line in drafted.splitlines())
    former = [
        f"op.{name}('a', 'b', 'c')"
        for name in ("fill_in_batches", "keep_in_step", "stop_keeping_in_step")
    ]
    write(shop, *lines, COLUMN, *former)
    run_checks(shop)


def test_a_guarded_draft_passes_the_checks(tmp_path: Path) -> None:
    """I make a name unique: the draft looks at the rows first, and CI passes."""
    shop = knowing_types(generated(tmp_path))
    shop.alembic("upgrade", "head")
    change(shop, ("String(100))", "String(100), unique=True)"))
    shop.alembic("revision", "--autogenerate", "-m", "unique")
    assert any("op.refuse_duplicates(" in it.read_text() for it in shop.revisions())
    run_checks(shop)


@pytest.mark.parametrize(
    ("call", "error"),
    [
        ('op.backfill("a", 3, 4)', '"backfill" has incompatible type "int"'),
        ('op.refuse_loss("a", "b")', 'Missing positional argument "type_"'),
        ('op.add_column("a", "b")', 'has incompatible type "str"'),
        ('op.refuse_los("a")', 'Module has no attribute "refuse_los"'),
    ],
)
def test_a_wrong_call_is_an_error(call: str, error: str, tmp_path: Path) -> None:
    """I mistype a call, of the library's or of Alembic's, and mypy knows better."""
    shop = knowing_types(generated(tmp_path))
    write(shop, call)
    assert error in shop.run("mypy", status=1).stdout


IMPORTS = """import datetime as dt

import sqlalchemy as sa
"""
PETS = '''

class Owner(Model):
    """Who has pets."""

    __tablename__ = "{owner}"

    id: Mapped[int] = mapped_column(primary_key=True)


class Pet(Model):
    """An animal."""

    __tablename__ = "pet"
    __table_args__ = ({arguments})

    id: Mapped[int] = mapped_column(primary_key=True)
{columns}
'''
"""Models beside the project's own, of which each stage changes something."""
KEEPER = 'keeper: Mapped[int] = mapped_column(sa.ForeignKey("{owner}.id"))'
STAGES = (
    (
        *("owner", 'sa.CheckConstraint("age > 0", name="age"),'),
        (
            KEEPER,
            "name: Mapped[str] = mapped_column(sa.String(50), index=True)",
            "age: Mapped[int | None]",
            'mood: Mapped[str] = mapped_column(sa.Enum("calm", "wild", name="mood"))',
            "weight: Mapped[int | None]",
            "gone: Mapped[str | None]",
        ),
        (),
    ),
    (
        *("owner", 'sa.UniqueConstraint("name"), sa.Index("ix_age", "age")'),
        (
            KEEPER,
            "name: Mapped[str] = mapped_column(sa.String(20))",
            "age: Mapped[int] = mapped_column(server_default=sa.text('1'))",
            'mood: Mapped[str] = mapped_column(sa.Enum("calm", "shy", name="mood"))',
            "mass: Mapped[int | None]",
            "born: Mapped[dt.date]",
        ),
        (
            *("rename=pet.weight:mass", "rename=pet.mood.wild:shy"),
            *("fill=pet.born:2020-01-01", "fill=pet.age:1"),
        ),
    ),
    (
        *("person", 'sa.CheckConstraint("age >= 0", name="age"),'),
        (
            KEEPER,
            "name: Mapped[str] = mapped_column(sa.String(20), unique=True)",
            "age: Mapped[int | None]",
            "mass: Mapped[str | None] = mapped_column(sa.String(9))",
            "twice: Mapped[int] = mapped_column(sa.Computed('age * 2'))",
        ),
        ("rename=owner:person",),
    ),
)


def test_all_of_ci_passes_on_a_history(tmp_path: Path) -> None:
    """I draft each kind of change in its turn; CI has nothing to say, nor its tests."""
    shop = generated(tmp_path)
    shop.alembic("upgrade", "head")
    path = shop.package / "models.py"
    own = path.read_text()
    docstring, rest = own.split("\n\n", 1)
    for number, (owner, arguments, columns, answers) in enumerate(STAGES):
        lines = "".join(f"    {it.format(owner=owner)}\n" for it in columns)
        pets = PETS.format(owner=owner, arguments=arguments, columns=lines)
        path.write_text(f"{docstring}\n\n{IMPORTS}{rest}{pets}")
        shop.run("ruff", "check", "--fix", str(path))
        shop.run("ruff", "format", str(path))
        said = [word for it in answers for word in ("-x", it)]
        name = f"stage {number}"
        shop.alembic(*said, "revision", "--autogenerate", "-m", name)
        shop.alembic("upgrade", "head")
    workflow = (shop.path / ".github" / "workflows" / "ci.yml").read_text()
    commands = re.findall(r"- run: ((?:ruff|mypy|pytest|flask).*)", workflow)
    assert {"ruff check", "ruff format --check", "mypy", "pytest"} < {*commands}
    for command in commands:
        shop.run(*command.split())
