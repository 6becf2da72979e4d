"""The lint says whom a revision would stop, for how long, and how not to."""

import json
import os
import re
import shutil
import subprocess
import sys
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
import yaml
from alembic.ddl.postgresql import CreateExcludeConstraintOp
from alembic.operations import MigrateOperation, ops
from alembic_lossless.autogenerate.online import safe_form
from alembic_lossless.lint import runner
from alembic_lossless.lint.estimate import COSTS, Estimates, Size
from alembic_lossless.lint.rules import (
    RULES,
    Growth,
    Harm,
    Server,
    Situation,
    examine,
    names,
    table,
)
from alembic_lossless.lint.runner import Judged
from alembic_lossless.operations.backfill import backfill
from alembic_lossless.operations.columns import alter_type_concurrently
from alembic_lossless.operations.constraints import (
    create_unique_constraint_concurrently,
    set_not_null,
)
from alembic_lossless.operations.guards import refuse_duplicates
from alembic_lossless.operations.objects import alter_domain, change_enum, drop_view
from alembic_lossless.runtime import applied
from alembic_lossless.runtime.applied import Ran
from environment import LIBRARY, Environment
from rendering import TEMPLATE
from scripts import ask, database_of, empty, write
from servers import ON_SERVERS
from sqlalchemy.dialects import postgresql

FRIEND = 'op.create_table("friend", sa.Column("id", sa.Integer, primary_key=True),'
FRIEND += ' sa.Column("name", sa.String(100)))'
INDEX = 'op.create_index("ix", "friend", ["name"])'
POSTGRESQL = ("lint", "--dialect", "postgresql")
MARIADB = ("lint", "--dialect", "mariadb")


def column(*arguments: Any, **options: Any) -> ops.AddColumnOp:
    """Return what adds a column."""
    return ops.AddColumnOp("friend", sa.Column("new", *arguments, **options))


def alter(**changes: Any) -> ops.AlterColumnOp:
    """Return what changes a column."""
    return ops.AlterColumnOp(
        "friend",
        "name",
        **{"existing_type": sa.String(100), "existing_nullable": False, **changes},
    )


INDEXED = ops.CreateIndexOp("ix", "friend", ["name"], postgresql_concurrently=True)
FOUND: dict[str, tuple[str, MigrateOperation]] = {
    "check-copies": ("mariadb", ops.CreateCheckConstraintOp("ck", "friend", "id > 0")),
    "check-scans": (
        "postgresql",
        ops.CreateCheckConstraintOp("ck", "friend", "id > 0"),
    ),
    "column-copies": ("mariadb", column(sa.Integer, sa.ForeignKey("city.id"))),
    "column-dropped": ("postgresql", ops.DropColumnOp("friend", "name")),
    "column-renamed": ("mariadb", alter(modify_name="full_name")),
    "column-required": ("postgresql", column(sa.Integer, nullable=False)),
    "column-rewrites": (
        "postgresql",
        column(sa.Float, server_default=sa.func.random()),
    ),
    "column-scans": ("postgresql", column(sa.Integer, unique=True)),
    "concurrently-partitioned": ("postgresql", INDEXED),
    "concurrently-in-transaction": ("postgresql", INDEXED),
    "default-dropped": ("mariadb", alter(modify_server_default=None)),
    "domain-scans": (
        "postgresql",
        alter_domain("size", sa.Integer(), not_null=True, existing={}),
    ),
    "enum-rewrites": ("postgresql", change_enum("mood", ["a", "b"], ["a"], {})),
    "exclude-blocks": (
        "postgresql",
        CreateExcludeConstraintOp("ex", "friend", [("id", "=")]),
    ),
    "foreign-key-copies": (
        "mariadb",
        ops.CreateForeignKeyOp("fk", "friend", "city", ["city_id"], ["id"]),
    ),
    "foreign-key-scans": (
        "postgresql",
        ops.CreateForeignKeyOp("fk", "friend", "city", ["city_id"], ["id"]),
    ),
    "fulltext-blocks": (
        "mariadb",
        ops.CreateIndexOp("ft", "friend", ["name"], mariadb_prefix="FULLTEXT"),
    ),
    "guard-reads": ("postgresql", refuse_duplicates("friend", ["name"])),
    "index-concurrently": (
        "postgresql",
        create_unique_constraint_concurrently("uq", "friend", ["name"]),
    ),
    "index-online": ("mariadb", ops.CreateUniqueConstraintOp("uq", "friend", ["name"])),
    "index-blocks-writes": ("postgresql", ops.CreateIndexOp("ix", "friend", ["name"])),
    "may-copy": ("mariadb", ops.ExecuteSQLOp("ALTER TABLE friend ADD x INT")),
    "not-null-online": ("mariadb", alter(modify_nullable=False)),
    "not-null-proved": (
        "postgresql",
        set_not_null("friend", "name", existing_type=sa.String(9)),
    ),
    "not-null-refuses": (
        "mariadb",
        alter(modify_nullable=False, existing_nullable=True),
    ),
    "not-null-scans": (
        "postgresql",
        alter(modify_nullable=False, existing_nullable=True),
    ),
    "rows-locked": ("postgresql", ops.ExecuteSQLOp("UPDATE friend SET name = 'x'")),
    "rows-online": ("mariadb", backfill("friend", "name", "x")),
    "table-dropped": ("postgresql", ops.DropTableOp("friend")),
    "table-renamed": ("mariadb", ops.RenameTableOp("friend", "person")),
    "type-concurrently": (
        "postgresql",
        alter_type_concurrently(
            "friend", "name", sa.Text(), existing_type=sa.Integer()
        ),
    ),
    "type-copies": ("mariadb", alter(modify_type=sa.Text())),
    "type-rewrites": ("postgresql", alter(modify_type=postgresql.JSONB())),
    "unique-blocks": (
        "postgresql",
        ops.CreateUniqueConstraintOp("uq", "friend", ["name"]),
    ),
    "view-dropped": ("postgresql", drop_view("friend")),
}
"""An operation in which each rule finds something."""

BY_ITSELF = {"index-concurrently", "rows-online"}
"""The rules of what an `autocommit_block()` has."""


def test_every_rule_is_shown() -> None:
    """A rule that nothing breaks is no rule."""
    assert set(FOUND) == names()


@pytest.mark.parametrize("rule", FOUND)
def test_a_rule_finds_what_it_is_about(rule: str) -> None:
    """Each rule has its sentence for one operation, and none where the table is new."""
    dialect, operation = FOUND[rule]
    situation = Situation(Server.oldest(dialect), autocommit=rule in BY_ITSELF)
    if rule == "concurrently-partitioned":
        by: dict[str, Any] = {"postgresql_partition_by": "HASH (name)"}
        situation.history.apply(ops.CreateTableOp("friend", [], **by))
    found = {one.rule: one for one in examine(operation, situation)}
    assert found[rule].sentence.endswith(".")
    assert "{" not in found[rule].sentence
    situation.new.add(((None, "friend"), None))
    always = {"concurrently-in-transaction", "enum-rewrites"}
    always |= {"concurrently-partitioned", "domain-scans"}
    assert (rule in {one.rule for one in examine(operation, situation)}) == (
        rule in always
    )


NO_OTHER_WAY = {"column-copies"}
"""Rules that have no other form, and say so by saying nothing."""


@pytest.mark.parametrize("rule", FOUND)
def test_a_rule_says_what_to_write_instead(rule: str) -> None:
    """What stops others or breaks has code to paste, or I read that there is no way."""
    dialect, operation = FOUND[rule]
    situation = Situation(Server.oldest(dialect), autocommit=rule in BY_ITSELF)
    if parts := rule == "concurrently-partitioned":
        by: dict[str, Any] = {"postgresql_partition_by": "HASH (name)"}
        situation.history.apply(ops.CreateTableOp("friend", [], **by))
    found = next(it for it in examine(operation, situation) if it.rule == rule)
    if found.harm is Harm.GOES_ON or rule in NO_OTHER_WAY:
        assert found.instead == ""
    elif found.instead == "":
        assert "no other way" in found.sentence
    else:
        code = found.instead or safe_form(operation, partitioned=parts)
        assert code
        assert "{" not in code
        compile(code, rule, "exec")


BRINGS = {
    "unique index": column(sa.Integer, unique=True),
    "index": column(sa.Integer, index=True),
    "foreign key": column(sa.Integer, sa.ForeignKey("city.id")),
    "CHECK": column(sa.Integer, sa.CheckConstraint("new > 0")),
}


@pytest.mark.parametrize("what", BRINGS)
def test_each_thing_that_a_new_column_brings_is_named(what: str) -> None:
    """I add a column with a key, an index or a CHECK: told which one has to wait."""
    situation = Situation(Server.oldest("postgresql"), autocommit=False)
    found = examine(BRINGS[what], situation)
    assert [it.sentence for it in found if it.rule == "column-scans"] == [
        f"Nobody can use friend while the {what} of the new new is made."
    ]


@pytest.mark.parametrize("server", ["postgresql", "mariadb"])
def test_a_column_that_rows_need_not_have_breaks_nothing(server: str) -> None:
    """I add a column that may be NULL or has a default: the app that runs goes on."""
    default = sa.Column("age", sa.Integer, nullable=False, server_default="1")
    for column in (sa.Column("age", sa.Integer), default):
        situation = Situation(Server.oldest(server), autocommit=False)
        found = examine(ops.AddColumnOp("friend", column), situation)
        assert "column-required" not in {one.rule for one in found}


def test_the_page_lists_every_rule() -> None:
    """I look up a rule in the docs, and the table there is the code's own."""
    assert table() in (TEMPLATE / "docs" / "live.md").read_text()
    assert all(rule.growth in Growth and rule.harm in Harm for rule in RULES)


@pytest.fixture
def shop(project: Environment) -> Environment:
    """Give a project whose first revision makes a table."""
    empty(project)
    write(project, "a", FRIEND)
    return project


def lint(shop: Environment, *arguments: str, status: int = 1) -> str:
    """Run the lint and return what it says."""
    done = shop.run("flask", "db", *arguments, status=status)
    return done.stdout + done.stderr


def test_it_names_the_line_the_cost_and_what_to_write_instead(
    shop: Environment,
) -> None:
    """I see where an index stops writers, and paste the form that does not."""
    write(shop, "b", INDEX, down="a")
    said = lint(shop, *POSTGRESQL)
    path = next(shop.package.rglob("b*.py"))
    line = path.read_text().splitlines().index(f"    {INDEX}") + 1
    assert f"{path.relative_to(shop.path)}:{line}: index-blocks-writes" in said
    assert "Lock: SHARE, while every row is read." in said
    assert "postgresql_concurrently=True)" in said
    assert "1 thing found in 2 revisions." in said


@pytest.mark.parametrize(
    "body",
    [
        INDEX,
        'op.create_unique_constraint("uq", "friend", ["name"])',
        'op.create_check_constraint("ck", "friend", "id > 0")',
        'op.create_foreign_key("fk", "friend", "city", ["name"], ["id"])',
        'op.alter_column("friend", "name", type_=sa.Integer())',
    ],
)
def test_what_it_says_instead_is_what_it_finds_nothing_in(
    shop: Environment, body: str
) -> None:
    """I paste the safe form, and the lint is content with what stops others."""
    write(shop, "b", body, down="a")
    (finding,) = json.loads(lint(shop, *POSTGRESQL, "--format=json"))
    write(shop, "b", finding["instead"], down="a")
    found = json.loads(lint(shop, *POSTGRESQL, "--format=json", status=0))
    assert found == []
    assert "not looked at" not in lint(shop, *POSTGRESQL, status=0)


def test_a_finding_is_allowed_with_a_reason(shop: Environment) -> None:
    """The table is small: the revision says so, and the lint repeats it."""
    write(shop, "b", INDEX, down="a")
    path = next(shop.package.rglob("b*.py"))
    path.write_text(
        path.read_text() + 'lint_allow = {"index-blocks-writes": "nine rows"}\n'
    )
    assert "allowed index-blocks-writes: nine rows" in lint(shop, *POSTGRESQL, status=0)


@pytest.mark.parametrize(
    ("allowed", "said"),
    [
        ('{"index-blocks": "few rows"}', "'index-blocks', which is no rule"),
        ('{"index-blocks-writes": ""}', "['index-blocks-writes'] needs a reason"),
        ('["index-blocks-writes"]', 'Write {"rule": "reason"}'),
    ],
)
def test_an_allowance_that_says_nothing_is_refused(
    shop: Environment, allowed: str, said: str
) -> None:
    """I mistype a rule or give no reason, and hear it."""
    write(shop, "b", INDEX, down="a")
    path = next(shop.package.rglob("b*.py"))
    path.write_text(f"{path.read_text()}lint_allow = {allowed}\n")
    assert said in lint(shop, *POSTGRESQL, status=255)


def test_an_allowance_for_nothing_is_said(shop: Environment) -> None:
    """The reason has gone, the allowance has not: a note says it."""
    write(shop, "b", 'lint = "a word"', down="a")
    path = next(shop.package.rglob("b*.py"))
    path.write_text(path.read_text() + 'lint_allow = {"check-scans": "few rows"}\n')
    said = lint(shop, *POSTGRESQL, status=0)
    assert "note: lint_allow has 'check-scans', which is not found in it." in said


def test_old_revisions_are_not_looked_at(shop: Environment) -> None:
    """I take the lint up today: what ran years ago is nobody's concern."""
    write(shop, "b", INDEX, down="a")
    write(shop, "c", 'op.drop_column("friend", "name")', down="b")
    assert "index-blocks-writes" not in lint(shop, *POSTGRESQL, "b")
    assert "column-dropped" not in lint(shop, *POSTGRESQL, "a:b")
    description = shop.package / "migrations" / "__init__.py"
    text = description.read_text()
    description.write_text(
        text.replace("    url=url,", '    url=url,\n    lint_after="b",')
    )
    said = lint(shop, *POSTGRESQL)
    assert "column-dropped" in said
    assert "index-blocks-writes" not in said


@pytest.mark.parametrize(("version", "stalls"), [("", True), (">=11.2", False)])
def test_the_oldest_version_of_production(
    shop: Environment, version: str, *, stalls: bool
) -> None:
    """I say how old production's MariaDB may be: I hear what that one locks."""
    body = 'op.alter_column("friend", "name", type_=sa.Text(),'
    write(shop, "b", f"{body} existing_type=sa.String(100))", down="a")
    given = f'    url=url,\n    runs_on=("mariadb{version}",),'
    shop.edit("migrations/__init__.py", "    url=url,", given)
    said = lint(shop, "lint", status=int(stalls))
    assert ("type-copies (stops others)" in said) is stalls


def test_github_shows_it_beside_the_line(shop: Environment) -> None:
    """The pull request has a warning at the line, in one line for the server."""
    write(shop, "b", INDEX, down="a")
    (said,) = lint(shop, *POSTGRESQL, "--format=github").strip().splitlines()
    assert said.startswith("::warning file=friend_book/migrations/versions/b")
    assert ",title=index-blocks-writes::No row of friend can be written" in said
    assert "%0AInstead:%0Awith op.get_context().autocommit_block():%0A" in said


@pytest.mark.parametrize(
    "call", ["op.execute({})", "op.get_bind().execute(sa.text({}))"]
)
def test_sql_as_text_is_looked_at(shop: Environment, call: str) -> None:
    """I wrote the statement by hand, and it is found under the same name."""
    statement = call.format('"CREATE INDEX ix ON friend (name)"')
    write(shop, "b", statement, down="a")
    assert "index-blocks-writes (stops others)" in lint(shop, *POSTGRESQL)
    assert "may-copy (stops others)" in lint(shop, *MARIADB)


def test_what_another_linter_advises_is_a_comment(shop: Environment) -> None:
    """I wrote SQL in which squawk finds something: its advice is no code to paste."""
    write(shop, "b", 'op.execute("ALTER TABLE friend ADD x int NOT NULL")', down="a")
    found = json.loads(lint(shop, *POSTGRESQL, "--format=json"))
    advice = [it["instead"] for it in found if " In: ALTER TABLE" in it["sentence"]]
    assert any(advice)
    assert all(it.startswith("# ") for it in advice if it), advice


def test_a_finding_links_its_page(shop: Environment) -> None:
    """I read the name of a rule, and open the page that says more of it."""
    write(shop, "b", 'op.create_index("ix", "friend", ["name"])', down="a")
    anchors = (TEMPLATE / "docs" / "live.md").read_text()
    for form in ("text", "json", "github"):
        said = lint(shop, *POSTGRESQL, f"--format={form}")
        assert "/docs/live.md#index-blocks-writes" in said
    assert all(f'<a id="{name}"></a>' in anchors for name in names())


def test_sql_for_a_new_table_stops_nobody(shop: Environment) -> None:
    """A table that the revision makes has no users yet, whoever makes it."""
    body = 'op.execute("CREATE TABLE pet (id INT)")\n'
    body += 'op.execute("CREATE INDEX ix ON pet (id)")\n'
    body += FRIEND.replace("friend", "foe") + "\n"
    body += 'op.execute("CREATE INDEX ix2 ON foe (name)")'
    write(shop, "b", body, down="a")
    assert "Nothing found" in lint(shop, *POSTGRESQL, status=0)


def test_without_squawk_it_says_what_it_did_not_do(
    shop: Environment, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Squawk is not installed: the SQL is not looked at, and I hear how to get that."""
    monkeypatch.setattr(runner, "squawk", lambda: None)
    write(shop, "b", 'op.execute("CREATE INDEX ix ON friend (name)")', down="a")
    said = lint(shop, *POSTGRESQL, status=0)
    assert "was not looked at: pip install squawk-cli" in said


def test_after_the_deployment_nothing_breaks_the_running_version(
    shop: Environment,
) -> None:
    """The revision says that the old version is gone, so it may drop a column."""
    write(shop, "b", 'op.drop_column("friend", "name")', down="a")
    assert "column-dropped (breaks the running version)" in lint(shop, *POSTGRESQL)
    path = next(shop.package.rglob("b*.py"))
    path.write_text(f'{path.read_text()}phase = "after"\n')
    assert "Nothing found" in lint(shop, *POSTGRESQL, status=0)


def test_sqlite_is_asked_what_production_is(shop: Environment) -> None:
    """I develop on SQLite, where nobody waits: I am told what to add."""
    said = lint(shop, "lint", status=255)
    assert "flask db lint --dialect postgresql" in said


def test_python_gets_it_as_data(shop: Environment) -> None:
    """A program asks for the findings, and gets objects."""
    write(shop, "b", INDEX, down="a")
    with shop.migrations() as migrations:
        (_, second) = migrations.lint(dialect="postgresql")
        assert [finding.rule for finding in second.findings] == ["index-blocks-writes"]
        assert Path(second.path).name.startswith("b")


@pytest.mark.parametrize(
    "generated", [sa.Computed("id * 2", persisted=True), sa.Identity()]
)
def test_a_cure_that_can_be_done(generated: Any) -> None:
    """I add a column that the server fills: no default is advised to me."""
    (found,) = found_in(column(sa.Integer, generated))
    assert (found.rule, found.instead) == ("column-rewrites", "")


def test_what_a_revision_says_of_a_column_is_believed() -> None:
    """My revision says that the column is NOT NULL already: nobody waits for that."""
    assert found_in(alter(modify_nullable=False)) == []


def test_what_it_says_instead_is_of_the_table_at_hand(shop: Environment) -> None:
    """A table has partitions, another one no revision made: each gets what can be."""
    by = "postgresql_partition_by='RANGE (id)')"
    write(shop, "a", FRIEND.removesuffix(")") + f", {by}")
    write(shop, "b", INDEX, down="a")
    write(shop, "c", 'op.alter_column("other", "x", type_=sa.Integer())', down="b")
    found = json.loads(lint(shop, *POSTGRESQL, "--format=json"))
    assert "op.index_partitions" in found[0]["instead"]
    assert (found[1]["table"], found[1]["instead"]) == ("other", "")


@pytest.mark.parametrize("dialect", ["postgresql", "mariadb"])
def test_an_unknown_type_is_said_to_be_unknown(dialect: str) -> None:
    """My revision does not say what a column was, and I am not told that it costs."""
    change = alter(existing_type=None, modify_type=sa.String(200))
    (found,) = found_in(change, dialect)
    assert found.growth is Growth.UNKNOWN
    assert "Say it with existing_type" in found.sentence


def test_a_table_is_new_if_what_it_was_called_is() -> None:
    """A renamed table keeps its users, and one that the revision made has none."""
    for made, found in ((), ["index-blocks-writes"]), (("friend",), []):
        situation = Situation(Server.oldest("postgresql"))
        for name in made:
            situation.after(ops.CreateTableOp(name, []))
        situation.after(ops.RenameTableOp("friend", "person"))
        index = ops.CreateIndexOp("ix", "person", ["name"])
        assert [it.rule for it in examine(index, situation)] == found


@pytest.mark.parametrize("autocommit", [False, True])
@pytest.mark.parametrize("unchecked", [False, True])
def test_mariadb_checks_a_foreign_key_outside_of_a_block(
    *, autocommit: bool, unchecked: bool
) -> None:
    """Only in an `autocommit_block()` does MariaDB hear that it is checked later."""
    more = {"postgresql_not_valid": True} if unchecked else {}
    key = ops.CreateForeignKeyOp("fk", "friend", "city", ["city_id"], ["id"], **more)
    situation = Situation(Server.oldest("mariadb"), autocommit=autocommit)
    found = [it.rule for it in examine(key, situation)]
    assert found == ([] if autocommit and unchecked else ["foreign-key-copies"])


def found_in(operation: MigrateOperation, dialect: str = "postgresql") -> list[Any]:
    """Return what stops others in an operation."""
    situation = Situation(Server.oldest(dialect))
    return [it for it in examine(operation, situation) if it.harm is Harm.STALLS]


SLOW = """
op.add_column("thing", sa.Column("nick", sa.String(20)))
op.create_index("ix_nick", "thing", ["nick", "name"])
op.create_index("ix_thing", "thing", ["name"])
op.alter_column("thing", "name", type_=sa.String(9), existing_type=sa.String(20))
"""
NUMBERS = {
    "postgresql": "SELECT n, 'x' FROM generate_series(1, 30000) AS n",
    "mariadb": "SELECT seq, 'x' FROM seq_1_to_30000",
}
COUNT = {"postgresql": "ANALYZE thing", "mariadb": "ANALYZE TABLE thing"}
SLOWER = {
    "postgresql": {"index-blocks-writes", "type-rewrites"},
    "mariadb": {"type-copies", "index-online"},
}
"""The rules that find what takes as long as there are rows."""
WAIT = {"index-online": "nobody waits"}
"""What is said where writers do not."""


@ON_SERVERS
def test_it_is_estimated_how_long_others_wait(
    project: Environment, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """I ask before the deployment: the database says how many rows there are."""
    shop, kind = empty(project.using(database_url)), database_of(database_url)
    columns = 'sa.Column("id", sa.Integer), sa.Column("name", sa.String(20))'
    write(shop, "a1", f'op.create_table("thing", {columns})')
    write(shop, "b1", SLOW, down="a1")
    shop.alembic("upgrade", "a1")
    ask(database_url, f"INSERT INTO thing {NUMBERS[kind]}")
    ask(database_url, COUNT[kind])
    words = ("flask", "db", "lint", "a1:head", "--estimate")
    found = json.loads(shop.run(*words, "--json", status=1).stdout)
    told = {it["rule"]: it["estimate"] for it in found if it["estimate"]}
    assert set(told) == SLOWER[kind]
    assert all(WAIT.get(rule, "writers wait") in it for rule, it in told.items())
    assert kind != "postgresql" or all("30,000 rows" in it for it in told.values())
    said = shop.run(*words, status=1).stdout
    assert "Estimate: " in said
    assert all(f": {rule} (" in said for rule in told), said
    monkeypatch.setattr(applied, "SLOW", 0)
    shop.alembic("upgrade", "head")
    ran = ask(database_url, "SELECT large_tables FROM alembic_version_history")
    assert any("thing" in json.loads(rows) for (rows,) in ran if rows)
    assert len(json.loads(shop.run(*words, "--json", status=1).stdout)) == len(found)
    away = shop.using(f"sqlite:///{shop.path}/here.db")
    said = away.run(*words, "--dialect", "postgresql", status=255).stdout
    assert "which is sqlite, and not postgresql" in said


def test_what_earlier_revisions_took_is_learned_from() -> None:
    """My server was twice as slow as was said: the next estimate knows it."""
    operation = ops.CreateUniqueConstraintOp("uq", "friend", ["name"])
    index = Judged("a1", "", "", findings=found_in(operation))
    size = Size(10**6, 10**8, 1, reading=1e-5, sorting=lambda _columns: 0)
    for ran, said in (
        (None, "about 2.0 to 4.5 s"),
        (Ran(6, {}), "about 4.0 to 9.0 s"),
        (Ran(6, {"friend": 500_000}), "about 8.0 to 18 s"),
        (Ran(600, {}), "about 10 to 22 s"),
    ):
        estimates = Estimates(lambda _schema, _name: size, "postgresql")
        if ran:
            estimates.learn(index, ran)
        (told,) = estimates.told(index).findings
        assert told.estimate == f"{said} on 1 million rows (100 MB), writers wait"


def size_of_a_million(*_of: Any) -> Size:
    """Return the size of a table that a hundred seconds would be read."""
    return Size(10**6, 10**8, 1, reading=1e-4, sorting=lambda _columns: 0)


def told(judged: Judged, *learned: tuple[Judged, Ran]) -> list[float]:
    """Return the shortest times that are said of what a revision does."""
    estimates = Estimates(size_of_a_million, "postgresql")
    for found, ran in learned:
        estimates.learn(found, ran)
    said = estimates.told(judged)
    every = [it.estimate for it in (*said.findings, *said.goes_on)]
    return [float(it.split()[1]) for it in every if it.startswith("about")]


DUAL = 'op.{}_dual_write("friend", "name", "title")'
FILL = 'op.backfill("{}", "note", "x")'


def test_a_trigger_at_each_row_is_work_of_its_own_kind(project: Environment) -> None:
    """While a column has two names, each row that is written is said to cost more."""
    shop = empty(project)
    tables = "".join(
        f'op.create_table("{it}", sa.Column("id", sa.Integer, primary_key=True),'
        ' sa.Column("name", sa.Text), sa.Column("note", sa.Text))\n'
        for it in ("friend", "city")
    )
    title = 'op.add_column("friend", sa.Column("title", sa.Text))\n'
    write(shop, "a1", tables)
    alone = "with op.get_context().autocommit_block():\n    {}"
    write(shop, "b1", alone.format(FILL.format("friend")), down="a1")
    write(shop, "c1", title + alone.format(DUAL.format("begin")), down="b1")
    write(shop, "d1", alone.format(FILL.format("friend")), down="c1")
    write(shop, "e1", alone.format(FILL.format("city")), down="d1")
    write(shop, "f1", FILL.format("friend"), down="e1")
    write(shop, "g1", DUAL.format("end"), down="f1")
    write(shop, "h1", alone.format(FILL.format("friend")), down="g1")
    with shop.migrations() as migrations:
        every = migrations.lint("a1:head", dialect="postgresql")
        begun = migrations.lint("d1:f1", dialect="postgresql")
    found = {it.revision: it for it in every}
    said = {name: sum(told(it)) for name, it in found.items()}
    assert said["b1"] == said["e1"] == said["h1"] > 0
    assert said["c1"] == said["d1"] > said["b1"]
    assert said["f1"] > said["e1"]
    # What came before the range is known, too.
    assert [sum(told(it)) for it in begun] == [said["e1"], said["f1"]]
    # What one of both took says little of the other.
    slow = Ran(10 * said["b1"], {})
    assert sum(told(found["d1"], (found["b1"], slow))) < 4 * said["d1"]
    assert sum(told(found["d1"], (found["d1"], slow))) > 3 * said["b1"]


def test_what_other_rules_took_corrects_half(project: Environment) -> None:
    """A foreign key took four times as long: an index is said to take twice as long."""
    del project
    index = Judged("a1", "", "", findings=found_in(ops.CreateIndexOp("i", "t", ["a"])))
    check = ops.CreateCheckConstraintOp("c", "t", "a > 0")
    other = Judged("b1", "", "", findings=found_in(check))
    seconds = 1.5 * sum(told(index))
    (alone,), (own,), (others,) = (
        told(index, *learned)
        for learned in ([], [(index, Ran(4 * seconds, {}))], [(other, Ran(60, {}))])
    )
    assert own == pytest.approx(4 * alone, rel=0.1)
    assert others == pytest.approx(2 * alone, rel=0.1)
    assert told(index, (other, Ran(60, {})), (index, Ran(seconds, {}))) == [alone]


@pytest.mark.parametrize("dialect", ["postgresql", "mariadb", "mysql"])
def test_what_goes_on_has_a_cost_of_its_own(dialect: str) -> None:
    """What stops nobody is most of a live draft: no figure of another work is taken."""
    rules = [it for it in RULES if it.harm is Harm.GOES_ON and dialect in it.dialects]
    assert {it.name for it in rules} <= COSTS[dialect].keys()


ASKS = re.compile(r"\$\{\{ inputs\.([\w-]+) \}\}")


@pytest.mark.parametrize(
    ("given", "status", "said"),
    [
        ({"dialect": "postgresql"}, 1, "#index-blocks-writes"),
        ({"dialect": "postgresql", "revisions": "2:head"}, 0, ""),
        ({"dialect": "postgresql", "config": "no.ini"}, 255, "There is no file no.ini"),
        ({"working-directory": ".."}, 255, "No Alembic environment is named in"),
    ],
    ids=lambda it: "-".join(it) if isinstance(it, dict) else None,
)
def test_the_action_runs_as_it_stands(
    project: Environment, given: dict[str, str], status: int, said: str
) -> None:
    """My workflow has the action: its command, given my inputs, judges my files."""
    project.alembic("upgrade", "head")
    write(
        project, "2", "op.create_index('ix_friend_name', 'friend', ['name'])", down="1"
    )
    action = yaml.safe_load((TEMPLATE / "action.yml").read_text())
    defaults = {name: it["default"] for name, it in action["inputs"].items()}
    (step,) = action["runs"]["steps"]

    def asked(text: str) -> str:
        return ASKS.sub(lambda found: {**defaults, **given}[found[1]], text)

    command = project.path.parent / "bin" / "alembic-lossless"
    command.parent.mkdir()
    command.write_text(f'#!/bin/sh\nexec {sys.executable} -m alembic_lossless "$@"\n')
    command.chmod(0o755)
    variables = {
        **os.environ,
        "PATH": f"{command.parent}{os.pathsep}{os.environ['PATH']}",
        "PYTHONPATH": f"{project.path}{os.pathsep}{LIBRARY}",
        **{name: asked(text) for name, text in step["env"].items()},
    }
    done = subprocess.run(
        [
            shutil.which("bash") or "bash",
            "--noprofile",
            "--norc",
            "-eo",
            "pipefail",
            "-c",
            step["run"],
        ],
        cwd=project.path / asked(step["working-directory"]),
        env=variables,
        capture_output=True,
        text=True,
        check=False,
    )
    assert (done.returncode, said in done.stdout) == (status, True), done
