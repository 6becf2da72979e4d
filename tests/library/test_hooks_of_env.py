"""What env.py gives `context.configure` is asked before the library's own."""

import ast
from typing import Any

import pytest
from alembic import command
from alembic_lossless.plugin import OPT_IN
from drafts import alembic, define_thing
from environment import FILES, Environment
from rendering import TEMPLATE

GIVEN = "        render_as_batch=render_as_batch,\n    ):"
HOOK = '''
from alembic.operations import ops


def mine(_context, _revision, scripts):
    """Say what a draft holds, add a line to it, and want no table `other`."""
    (script,) = scripts
    ways = {"up": script.upgrade_ops, "down": script.downgrade_ops}
    for way, found in ways.items():
        names = [(type(op).__name__, op.table_name) for op in found.ops]
        context.config.print_stdout("%s %s", way, sorted(names))
        found.ops = [op for op in found.ops if op.table_name != "other"]
    if not script.upgrade_ops.ops:
        script.downgrade_ops.ops.append(ops.ExecuteSQLOp("SELECT 7"))


def run_migrations_offline'''
OTHER = """

class Other(Model):
    __tablename__ = "other"
    id = sa.Column(sa.Integer, primary_key=True)
"""


def with_hook(project: Environment) -> None:
    """Give env.py a hook of its owner's."""
    project.edit("migrations/env.py", "\n\ndef run_migrations_offline", HOOK)
    hook = "        process_revision_directives=mine,\n    ):"
    project.edit("migrations/env.py", GIVEN, GIVEN.removesuffix("    ):") + hook)


def test_a_hook_sees_both_ways_of_a_draft(project: Environment) -> None:
    """My hook reads what Alembic would give it, and what it takes out stays out."""
    with_hook(project)
    alembic(project, "upgrade head")
    define_thing(project, "name = sa.String(20), index=True")
    path = project.package / "things.py"
    path.write_text(path.read_text() + OTHER)
    made = project.alembic("revision", "--autogenerate", "-m", "thing").stdout
    assert "up [('CreateTableOp', 'other'), ('CreateTableOp', 'thing'" in made
    assert "down [('DropTableOp', 'other'), ('DropTableOp', 'thing'" in made
    script = project.revisions()[-1].read_text()
    assert 'op.create_table(\n        "thing"' in script
    assert "other" not in script
    alembic(project, "upgrade head", "check", "downgrade -1")


def test_a_plugin_of_alembic_is_asked_for_beside_the_library(
    project: Environment,
) -> None:
    """My env.py names one of Alembic's own plugins, too, and both compare."""
    known = "alembic.ext.checkconstraint_byname" if OPT_IN else "alembic.autogenerate.*"
    plugins = f'["{known}", *AUTOGENERATE_PLUGINS]'
    given = GIVEN.removesuffix("    ):")
    more = f"{given}        autogenerate_plugins={plugins},\n    ):"
    project.edit("migrations/env.py", GIVEN, more)
    path = project.package / "migrations" / "env.py"
    imported = "from alembic_lossless.plugin import AUTOGENERATE_PLUGINS\n"
    path.write_text(
        path.read_text().replace(
            "from alembic import", f"{imported}from alembic import", 1
        )
    )
    alembic(project, "upgrade head", "check")


def test_a_hook_of_a_command_sees_them_too(project: Environment) -> None:
    """A test of mine drafts from Python, and looks at what Alembic hands it."""
    alembic(project, "upgrade head")
    define_thing(project, "name = sa.String(20)")
    seen: list[list[str]] = []

    def look(_context: Any, _revision: Any, scripts: list[Any]) -> None:
        (script,) = scripts
        ways = script.upgrade_ops, script.downgrade_ops
        seen.extend([type(op).__name__ for op in way.ops] for way in ways)
        scripts.clear()

    with project.migrations() as migrations:
        config = migrations.config()
        command.revision(config, autogenerate=True, process_revision_directives=look)
    assert seen == [["CreateTableOp"], ["DropTableOp"]]
    assert len(project.revisions()) == 1


def test_what_a_hook_adds_stays(project: Environment) -> None:
    """My hook completes a revision that nothing was drafted for."""
    with_hook(project)
    alembic(project, "upgrade head")
    project.alembic("revision", "-m", "seven")
    upgrade, downgrade = project.revisions()[-1].read_text().split("def downgrade")
    assert "SELECT 7" in downgrade
    assert "SELECT 7" not in upgrade


@pytest.mark.parametrize("kind", ["one", "several"])
def test_these_projects_have_the_env_py_that_is_generated(kind: str) -> None:
    """What is tested here of env.py is true of mine: they differ in comments only."""
    mine = (TEMPLATE / "templates" / "env" / f"{kind}.py").read_text()
    mine = mine.replace("{{ cookiecutter.program_name }}", "friend_book")
    tested = (FILES / kind / "friend_book" / "migrations" / "env.py").read_text()
    assert ast.unparse(ast.parse(mine)) == ast.unparse(ast.parse(tested))
