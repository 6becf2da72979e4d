"""A rehearsal: pending revisions run on a copy, and every value is compared."""

import json
import os
import shutil
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager, nullcontext, suppress
from pathlib import Path
from typing import Any

import pytest
import sqlalchemy as sa
from alembic_lossless.rehearsal.copies import Copy, Source, copied
from alembic_lossless.rehearsal.run import compared
from alembic_lossless.runtime.trial import PREFIX
from environment import LIBRARY, Environment
from scripts import ask, back_up, empty, open_query, server, versions, write
from servers import ON_SERVERS, engine_of
from sqlalchemy import make_url

TABLES = """
op.create_table(
    "city",
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.String(40)),
)
op.create_table(
    "friend",
    sa.Column("id", sa.Integer, primary_key=True),
    sa.Column("name", sa.String(40)),
    sa.Column("phone", sa.String(40)),
    sa.Column("city_id", sa.Integer, sa.ForeignKey("city.id", name="fk_city")),
    sa.Column("boss_id", sa.Integer, sa.ForeignKey("friend.id", name="fk_boss")),
)
"""

HIDDEN = """
op.execute("UPDATE friend SET name = lower(name) WHERE id <= 12")
with op.batch_alter_table("friend") as batch:
    batch.drop_column("phone")
"""

BACK = "op.add_column('friend', sa.Column('phone', sa.String(40)))"


@pytest.fixture
def pending(project: Environment, database_url: str) -> Environment:
    """Give a project with 60 friends in three cities, at a first revision."""
    empty(project).environment["FRIEND_BOOK_DATABASE_URL"] = database_url
    write(project, "a1", TABLES)
    project.alembic("upgrade", "head")
    with engine_of(database_url).begin() as connection:
        cities = [{"id": n, "name": f"City {n}"} for n in (1, 2, 3)]
        connection.execute(sa.text("INSERT INTO city VALUES (:id, :name)"), cities)
        friends = [
            {"id": n, "name": f"Friend {n}", "phone": f"0{n}" if n % 3 else None}
            | {"city_id": n % 3 + 1, "boss_id": n // 2 or None}
            for n in range(1, 61)
        ]
        insert = "INSERT INTO friend VALUES (:id, :name, :phone, :city_id, :boss_id)"
        connection.execute(sa.text(insert), friends)
    return project


def rehearsed(
    project: Environment, *words: str, status: int | None = 0
) -> subprocess.CompletedProcess[str]:
    """Rehearse, and return what was said."""
    return project.run("flask", "db", "rehearse", *words, status=status)


def test_lost_values_are_counted(pending: Environment, database_url: str) -> None:
    """A revision hides an UPDATE and drops a column: I see what cannot come back."""
    write(pending, "b1", HIDDEN, BACK, down="a1")
    said = rehearsed(pending, status=1).stdout
    assert "friend.name: 12 values (for example 'Friend 1', now 'friend 1')" in said
    assert "friend.phone: 40 values (for example '01', now None)" in said
    assert said.count("cannot come back") == 2
    assert "lossless" not in said
    # The original was only read.
    assert versions(database_url) == ["a1"]
    found = ask(database_url, "SELECT name, phone FROM friend WHERE id = 1")
    assert found == [("Friend 1", "01")]


def test_a_lossless_revision_is_said(pending: Environment) -> None:
    """A rename and a new column lose nothing: the exit status is 0."""
    rename = "with op.batch_alter_table('city') as batch:\n    batch.alter_column("
    rename += "{!r}, new_column_name={!r}, existing_type=sa.String(40))\n"
    up = rename.format("name", "title") + BACK.replace("phone", "fax")
    down = (
        "with op.batch_alter_table('friend') as batch:\n    batch.drop_column('fax')\n"
    )
    down += rename.format("title", "name")
    write(pending, "b1", up, down, down="a1")
    said = rehearsed(pending).stdout
    assert "lossless: 63 rows of 2 tables" in said


def test_changed_and_brought_back(pending: Environment) -> None:
    """A revision converts values and its downgrade converts them back: I hear of it."""
    convert = 'op.execute("UPDATE friend SET phone = {} WHERE phone IS NOT NULL")'
    up = convert.format("replace(phone, '0', '+')")
    down = convert.format("replace(phone, '+', '0')")
    write(pending, "b1", up, down, down="a1")
    said = rehearsed(pending).stdout
    assert "friend.phone: 40 values" in said
    assert "changed by the upgrade; the downgrade brings them back" in said


def test_rows_that_are_gone(pending: Environment) -> None:
    """A revision deletes rows and drops a table: the rows are counted."""
    up = "op.execute('DELETE FROM friend WHERE id > 50')\n"
    up += "with op.batch_alter_table('friend') as batch:\n"
    up += "    batch.drop_constraint('fk_city', type_='foreignkey')\n"
    up += "op.drop_table('city')"
    write(pending, "b1", up, "pass", down="a1")
    said = rehearsed(pending, status=1).stdout
    assert "friend: 10 rows cannot come back" in said
    assert "city: 3 rows cannot come back" in said


def test_a_failure_is_said(pending: Environment, database_url: str) -> None:
    """What would fail fails on the copy: the database is as it was."""
    broken = """
op.add_column("friend", sa.Column("y", sa.Integer))
op.execute("SELECT * FROM nowhere")
"""
    write(pending, "b1", broken, down="a1")
    said = rehearsed(pending, status=1).stdout
    assert "The upgrade of revision b1 failed" in said
    assert "nowhere" in said
    columns = sa.inspect(engine_of(database_url)).get_columns("friend")
    assert "y" not in {column["name"] for column in columns}
    assert versions(database_url) == ["a1"]


def test_a_downgrade_that_fails_is_said(pending: Environment) -> None:
    """A downgrade that cannot run is found before anybody needs it."""
    write(pending, "b1", "pass", "op.execute('SELECT * FROM nowhere')", down="a1")
    said = rehearsed(pending, status=1).stdout
    assert "The downgrade fails" in said
    assert "nowhere" in said


def counted_besides(url: str) -> int:
    """Return how many rows of its own dictionary MySQL may count, in any revision."""
    return 1000 if url.startswith("mysql") else 0


def test_what_each_revision_costs(pending: Environment, database_url: str) -> None:
    """Programs read seconds, rows and locks of each revision."""
    update = "op.execute('UPDATE friend SET name = id WHERE id % 99 > 0')"
    write(pending, "b1", update, down="a1")
    write(pending, "c1", BACK.replace("phone", "fax"), down="b1")
    (found,) = json.loads(rehearsed(pending, "--json", status=1).stdout)
    first, second = found["costs"]
    assert "%%" not in first["statement"][0]
    assert [first["revision"], second["revision"]] == ["b1", "c1"]
    assert first["rows_written"] >= 60
    assert second["rows_written"] < 60 + counted_besides(database_url)
    assert not found["lossless"]
    if database_url.startswith("postgresql"):
        assert {name: it for name, (it, _) in first["locks"].items()} == {
            "friend": "ROW EXCLUSIVE"
        }
        assert second["locks"]["friend"][0] == "ACCESS EXCLUSIVE"
        assert 60 <= first["rows_read"] < 80
        assert first["rows_written"] < 80
        assert first["bytes_written"] > 0


LIVE = """
op.add_column("friend", sa.Column("fax", sa.String(40)))
with op.get_context().autocommit_block():
    op.backfill("friend", "fax", sa.column("name"))
    op.create_index("ix_fax", "friend", ["fax"], postgresql_concurrently=True)
"""


def test_what_is_committed_by_itself_is_counted_too(
    pending: Environment, database_url: str
) -> None:
    """A backfill in batches writes each row: I read how many."""
    back = "with op.batch_alter_table('friend') as batch:\n"
    back += "    batch.drop_index('ix_fax')\n    batch.drop_column('fax')\n"
    write(pending, "b1", LIVE, back, down="a1")
    (found,) = json.loads(rehearsed(pending, "--json").stdout)
    (cost,) = found["costs"]
    assert 60 <= cost["rows_written"] < 80 + counted_besides(database_url)
    if database_url.startswith("postgresql"):
        assert cost["locks"]["friend"][0] == "ACCESS EXCLUSIVE"


def test_the_report_for_a_pull_request(pending: Environment) -> None:
    """A workflow posts the table of revisions and the verdict."""
    write(pending, "b1", HIDDEN, BACK, down="a1")
    said = rehearsed(pending, "--format", "markdown", status=1).stdout
    assert "| `b1` | b1 |" in said
    assert "- friend.phone: 40 values" in said


def test_up_to_a_revision(pending: Environment) -> None:
    """I rehearse only what the next deployment runs."""
    write(pending, "b1", "pass", down="a1")
    write(pending, "c1", HIDDEN, BACK, down="b1")
    said = rehearsed(pending, "b1").stdout
    assert "  b1  b1: " in said
    assert "  c1  c1: " not in said


def test_a_sample_keeps_what_its_rows_refer_to(database_url: str, pending: Any) -> None:
    """Of a large database a part is copied, and no row of it refers to nothing."""
    source = Source(make_url(database_url), share=0.2)
    with copied(source) as copy, copy.engine.connect() as connection:
        count = connection.scalar(sa.text("SELECT count(*) FROM friend"))
        friend, city = (
            sa.Table(name, sa.MetaData(), autoload_with=connection, resolve_fks=False)
            for name in ("friend", "city")
        )
        for column, parent in (("city_id", city), ("boss_id", friend.alias())):
            refers = sa.exists().where(parent.c.id == friend.c[column])
            orphan = sa.select(friend.c.id).where(
                friend.c[column].is_not(None), ~refers
            )
            assert connection.execute(orphan).all() == []
        assert 0 < (count or 0) < 60
    assert rehearsable(pending)


def rehearsable(project: Environment) -> bool:
    """Tell whether pending revisions run on a sample, too."""
    write(project, "b1", HIDDEN, BACK, down="a1")
    return "friend.name" in rehearsed(project, "--sample", "90%", status=1).stdout


def test_the_structure_alone(pending: Environment) -> None:
    """Where rows may not be copied, the revisions run on empty tables."""
    write(pending, "b1", HIDDEN, BACK, down="a1")
    assert "lossless: 0 rows of 2 tables" in rehearsed(pending, "--structure").stdout


@pytest.mark.parametrize("plain", [False, True], ids=["archive", "script"])
def test_a_backup_is_restored(
    pending: Environment,
    database_url: str,
    tmp_path: Path,
    plain: bool,  # noqa: FBT001
) -> None:
    """I rehearse on last night's backup, and the database changes meanwhile."""
    backup = tmp_path / "backup"
    back_up(database_url, backup, plain=plain)
    with engine_of(database_url).begin() as connection:
        connection.execute(sa.text("DELETE FROM friend WHERE id > 30"))
    write(pending, "b1", HIDDEN, BACK, down="a1")
    said = rehearsed(pending, "--from", str(backup), status=1).stdout
    assert "friend.phone: 40 values" in said


def test_somebody_uses_the_database(pending: Environment, database_url: str) -> None:
    """The app goes on, and writes all the time, while I rehearse."""
    write(pending, "b1", HIDDEN, BACK, down="a1")
    done = threading.Event()

    def use() -> None:
        while not done.wait(0.01):
            with engine_of(database_url).begin() as connection:
                connection.execute(
                    sa.text("UPDATE city SET name = replace(name, 'City', 'Town')")
                )

    user = threading.Thread(target=use)
    # A file of SQLite has no writer while somebody reads it.
    is_file = database_url.startswith("sqlite")
    reads = open_query(database_url, "SELECT count(*) FROM friend")
    with nullcontext() if is_file else reads:
        user.start()
        try:
            said = rehearsed(pending, status=1).stdout
        finally:
            done.set()
            user.join()
    assert "friend.phone: 40 values" in said
    assert "city" not in said
    assert len(ask(database_url, "SELECT 1 FROM city WHERE name LIKE 'Town%'")) == 3


KILLED = """
import os, sys
from alembic_lossless.rehearsal.copies import Source, copied
from sqlalchemy import make_url

with copied(Source(make_url(sys.argv[1]))) as copy:
    print(copy.engine.url.database, flush=True)
    os._exit(9)
"""


def test_a_killed_rehearsal_leaves_nothing(
    pending: Environment, database_url: str
) -> None:
    """I kill a rehearsal: the next one drops the copies that it left behind."""
    command = [sys.executable, "-c", KILLED, database_url]
    environment = {**os.environ, "PYTHONPATH": str(LIBRARY)}
    done = subprocess.run(
        command, env=environment, check=False, stdout=subprocess.PIPE, text=True
    )
    left = done.stdout.strip()
    assert is_there(database_url, left)
    write(pending, "b1", "pass", down="a1")
    rehearsed(pending)
    assert not is_there(database_url, left)


def test_a_rehearsal_that_ends_leaves_nothing(
    pending: Environment, database_url: str
) -> None:
    """Whether it ends well or not, no copy stays."""
    with copied(Source(make_url(database_url))) as copy:
        name = str(copy.engine.url.database)
        assert is_there(database_url, name)
    assert not is_there(database_url, name)
    with suppress(ZeroDivisionError), copied(Source(make_url(database_url))) as copy:
        name = str(copy.engine.url.database)
        raise ZeroDivisionError
    assert not is_there(database_url, name)
    assert versions(database_url) == ["a1"]
    del pending


def is_there(url: str, name: str) -> bool:
    """Tell whether a copy, or the folder of one, is there."""
    if url.startswith("sqlite"):
        return Path(name).parent.exists()
    found = sa.inspect(server(url)).get_schema_names()
    if url.startswith("postgresql"):
        found = [it for (it,) in ask(url, "SELECT datname FROM pg_database")]
    assert name.startswith(PREFIX)
    return name in found or f"{name}_before" in found


@contextmanager
def without_rights(url: str) -> Iterator[str]:
    """Give the URL of a user who may read a database, and make none."""
    place, name = make_url(url), f"poor_{make_url(url).database}"[:32]
    make = [f"CREATE USER {name}", f"GRANT ALL ON {place.database}.* TO {name}"]
    drop = [f"DROP USER {name}"]
    if url.startswith("postgresql"):
        make[1] = f"GRANT SELECT ON ALL TABLES IN SCHEMA public TO {name}"
        drop.insert(0, f"DROP OWNED BY {name}")
    with server(url).connect() as connection:
        for statement in make:
            connection.exec_driver_sql(statement)
        try:
            yield place.set(username=name).render_as_string(hide_password=False)
        finally:
            for statement in drop:
                connection.exec_driver_sql(statement)


def test_no_right_to_make_a_copy(pending: Environment, database_url: str) -> None:
    """Who may not make a database is told the right, and what else can be done."""
    if database_url.startswith("sqlite"):
        return
    write(pending, "b1", "pass", down="a1")
    with without_rights(database_url) as url:
        pending.environment["FRIEND_BOOK_DATABASE_URL"] = url
        done = rehearsed(pending, status=255)
    said = done.stdout + done.stderr
    assert "Traceback" not in said
    assert "ALTER ROLE" in said or "GRANT CREATE, DROP" in said
    assert len(said.strip().splitlines()) <= 2


def test_no_room_for_a_copy(
    pending: Environment, database_url: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """A disk that is too small is said before anything is copied."""
    write(pending, "b1", "pass", down="a1")
    little = shutil.disk_usage("/")._replace(free=9)
    monkeypatch.setattr(shutil, "disk_usage", lambda _folder: little)
    done = rehearsed(pending, status=255)
    (said,) = (done.stdout + done.stderr).strip().splitlines()
    assert "needs about" in said
    assert "9 bytes" in said
    assert "--sample 10%" in said
    del database_url


FAILS = """#!/bin/sh
echo "$(basename "$0"): error: aborting because of server version mismatch" >&2
echo "$(basename "$0"): detail: server version: 99.1" >&2
exit 1
"""


@ON_SERVERS
def test_the_program_that_fails_is_named(
    pending: Environment,
    database_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """My pg_dump is too old: it is named, and not pg_restore, which got nothing."""
    write(pending, "b1", "pass", down="a1")
    for name in ("pg_dump", "mariadb-dump", "mysqldump"):
        program = tmp_path / name
        program.write_text(FAILS)
        program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}{os.pathsep}{os.environ['PATH']}")
    done = rehearsed(pending, "--sample", "50%", status=255)
    said = (done.stdout + done.stderr).strip()
    assert "dump failed: aborting because of server version mismatch, server" in said
    assert len(said.splitlines()) <= 2
    del database_url


def test_a_backup_of_another_version(
    pending: Environment, database_url: str, tmp_path: Path
) -> None:
    """The backup is at a revision that this version of the app does not have."""
    write(pending, "z9", "pass", down="a1")
    pending.alembic("upgrade", "head")
    back_up(database_url, tmp_path / "backup", plain=False)
    pending.alembic("downgrade", "a1")
    (path,) = [it for it in pending.revisions() if it.name.startswith("z9")]
    path.unlink()
    write(pending, "b1", "pass", down="a1")
    done = rehearsed(pending, "--from", str(tmp_path / "backup"), status=255)
    said = (done.stdout + done.stderr).strip()
    assert "z9" in said
    assert str(tmp_path / "backup") in said
    assert "Traceback" not in said
    assert len(said.splitlines()) <= 2, said


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (("--sample", "0"), "--sample 0: write a percentage such as 10%."),
        (("--sample", "ten"), "--sample ten: write a percentage such as 10%."),
        (("--sample", "101%"), "--sample 101%: write a percentage such as 10%."),
        (("--from", "nowhere.dump"), "nowhere.dump"),
        (("nowhere",), "nowhere"),
    ],
)
def test_bad_input(project: Environment, words: tuple[str, ...], says: str) -> None:
    """A mistake on the command line is one line, and no copy is made."""
    done = rehearsed(project, *words, status=255)
    assert says in done.stdout + done.stderr
    assert "Traceback" not in done.stderr


def test_nothing_is_pending(pending: Environment) -> None:
    """At the head there is nothing to rehearse, and it is said."""
    done = rehearsed(pending, status=255)
    assert "there is nothing to rehearse" in done.stdout + done.stderr


def test_a_backup_that_is_none(pending: Environment, tmp_path: Path) -> None:
    """A file that is no backup is said in two lines."""
    backup = tmp_path / "backup"
    backup.write_bytes(b"this is no backup;\n" * 99)
    write(pending, "b1", "pass", down="a1")
    done = rehearsed(pending, "--from", str(backup), status=255)
    said = (done.stdout + done.stderr).strip()
    assert "Traceback" not in said
    assert len(said.splitlines()) <= 2


VALUES: dict[str, tuple[Any, str]] = {
    "case": (sa.String(20), "'Anna' -> 'anna'"),
    "space": (sa.String(20), "'a' -> 'a '"),
    "accent": (sa.String(20), "'a' -> 'ä'"),
    "empty": (sa.String(20), "NULL -> ''"),
    "null": (sa.String(20), "'' -> NULL"),
    "text": (sa.Text(), "'Long' -> 'long'"),
    "integer": (sa.BigInteger(), "9007199254740993 -> 9007199254740992"),
    "decimal": (sa.Numeric(20, 10), "1.0000000001 -> 1.0000000002"),
    "double": (sa.Double(), "0.1 -> 0.10000000000000002"),
    "date": (sa.Date(), "'2026-01-01' -> '2026-01-02'"),
    "moment": (sa.DateTime(), "'2026-01-01 10:00:00' -> '2026-01-01 10:00:01'"),
    "bytes": (sa.LargeBinary(), "'Aa' -> 'aa'"),
    "json": (sa.JSON(), '\'{"a": "B"}\' -> \'{"a": "b"}\''),
    "enum": (sa.Enum("A", "a", name="kind", native_enum=False), "'A' -> 'a'"),
}
"""The type of a column, and a change that a comparison by rules would not see."""


@pytest.mark.parametrize("name", VALUES)
@pytest.mark.parametrize("key", [True, False], ids=["key", "no key"])
def test_each_value_is_compared_to_the_letter(
    database_url: str,
    name: str,
    key: bool,  # noqa: FBT001
) -> None:
    """No collation, rounding or missing key hides that a value was changed."""
    type_, change = VALUES[name]
    before, after = change.split(" -> ")
    engine = engine_of(database_url)
    table = sa.Table(
        "thing",
        sa.MetaData(),
        sa.Column("id", sa.Integer, primary_key=key),
        sa.Column("value", type_),
    )
    table.create(engine)
    with engine.begin() as connection:
        for row, value in ((1, before), (2, before), (3, "NULL")):
            connection.exec_driver_sql(f"INSERT INTO thing VALUES ({row}, {value})")  # noqa: S608
    with copied(Source(make_url(database_url))) as copy:
        assert differences(copy) == []
        with copy.engine.begin() as connection:
            connection.exec_driver_sql(f"UPDATE thing SET value = {after} WHERE id = 2")  # noqa: S608
        (found,) = differences(copy)
    assert found.count == 1
    assert found.subject == ("thing.value" if key else "thing")


def differences(copy: Copy) -> list[Any]:
    """Compare the two copies."""
    with copy.engine.connect() as connection:
        return [*compared(copy, connection, {}, whole=True).differences]
