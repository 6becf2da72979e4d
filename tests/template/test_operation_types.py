"""A draft is typed: whatever it calls on `op`, the project's own checks pass."""

import re
from pathlib import Path
from textwrap import indent

import pytest
import sqlalchemy as sa
from alembic.autogenerate import render_python_code
from alembic.operations import ops
from alembic.script import ScriptDirectory
from alembic_lossless.autogenerate.render import render_item
from alembic_lossless.operations.backfill import backfill
from alembic_lossless.operations.base import OPERATIONS
from alembic_lossless.operations.columns import (
    alter_generated,
    alter_type_concurrently,
    begin_dual_write,
    end_dual_write,
    manual_change,
)
from alembic_lossless.operations.constraints import (
    create_unique_constraint_concurrently,
    drop_unnamed_constraint,
    set_not_null,
    validate_constraint,
)
from alembic_lossless.operations.guards import (
    refuse_duplicates,
    refuse_loss,
    refuse_missing,
    refuse_orphans,
    refuse_violations,
)
from alembic_lossless.operations.keys import (
    rename_primary_key,
    rename_sequence,
    resize_sequence,
)
from alembic_lossless.operations.objects import (
    alter_sequence,
    change_enum,
    create_enum,
    create_schema,
    create_sequence,
    drop_enum,
    drop_sequence,
    rename_enum_value,
)
from drafting import change
from rendering import Project, generated, knowing_types

pytestmark = pytest.mark.long

FORMULA = sa.Computed("age * 2", persisted=True)
CALLS = (
    alter_generated("a", "b", sa.Integer(), FORMULA, existing=sa.Computed("age")),
    alter_generated("a", "b", sa.Integer(), None, existing=sa.Identity(), counts=True),
    alter_sequence("seq", existing={"start": 1}, increment=2),
    alter_type_concurrently(
        "a",
        "b",
        sa.Enum("x", name="kind"),
        existing_type=sa.String(9),
        existing_nullable=False,
        existing_server_default=sa.DefaultClause("x"),
        postgresql_using="b::kind",
        schema="s",
    ),
    backfill("a", "b", sa.column("c")),
    backfill("a", "b", "it's", schema="s"),
    begin_dual_write("a", "b", "c"),
    change_enum("kind", ["x"], ["x", "y"], {}),
    create_enum("kind", ["x", "y"], schema="s"),
    create_schema("s"),
    create_sequence("seq", start=1, cycle=True, if_not_exists=True, schema="s"),
    create_unique_constraint_concurrently("uq", "a", ["b"]),
    drop_enum("kind"),
    drop_sequence("seq", start=1, if_exists=True),
    drop_unnamed_constraint("a", ["b"], type_="unique"),
    end_dual_write("a", "b", "c"),
    manual_change("a", "b", schema="s", mysql_collate="utf8mb4_bin"),
    manual_change("a", mysql_engine="Aria", postgresql_with={"fillfactor": 70}),
    refuse_duplicates("a", ["b", "c"]),
    refuse_loss("a", "b", sa.Numeric(10, 2)),
    refuse_missing("a", None, ("b", "id"), 1),
    refuse_orphans("a", ["b_id"], "b", ["id"]),
    refuse_violations("a", "age > 0", ["age"]),
    rename_enum_value("a", "b", "x", "y"),
    rename_primary_key("a", "a_pkey"),
    rename_sequence("a", "b", "old", "new"),
    resize_sequence("a", "id", 64),
    set_not_null("a", "b", existing_type=sa.Text(), existing_comment="c"),
    validate_constraint("ck", "a"),
)
"""Calls as drafts make them, with each operation at least once."""
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


def test_every_operation_is_drafted_here() -> None:
    """A new operation is added to the calls above."""
    names = {call.operation.name for call in CALLS} | {"sql_type"}
    assert names == {*OPERATIONS}


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
