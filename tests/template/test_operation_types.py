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
