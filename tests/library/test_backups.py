"""A rehearsal on a backup: what cannot be restored is said, and nothing is left."""

import gzip
import re
import subprocess
import tempfile
from collections.abc import Callable
from pathlib import Path
from uuid import uuid4

import pytest
import sqlalchemy as sa
from alembic_lossless.rehearsal.copies import FOLDER
from alembic_lossless.runtime import trial
from environment import Environment
from scripts import ask, back_up, empty, server, write
from servers import engine_of, kind_of
from sqlalchemy import make_url

MADE = uuid4().hex[:12]
"""What the copies of this process are called: others run beside it."""

TABLE = 'op.create_table("friend", sa.Column("id", sa.Integer, primary_key=True),'
TABLE += ' sa.Column("name", sa.String(40)))'


@pytest.fixture
def pending(
    project: Environment,
    database_url: str,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> Environment:
    """Give a project with a pending revision; its copies have a name that is known."""
    empty(project).environment["FRIEND_BOOK_DATABASE_URL"] = database_url
    write(project, "a1", TABLE)
    project.alembic("upgrade", "head")
    with engine_of(database_url).begin() as connection:
        rows = [{"id": n, "name": f"Friend {n}"} for n in range(1, 999)]
        connection.execute(sa.text("INSERT INTO friend VALUES (:id, :name)"), rows)
    write(project, "b1", "pass", down="a1")
    monkeypatch.setattr("secrets.token_hex", lambda _size: MADE)
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    return project


def refused(project: Environment, backup: Path, url: str, says: str) -> None:
    """Rehearse on a backup that cannot be restored, and look at what is said."""
    done = project.run("flask", "db", "rehearse", "--from", str(backup), status=255)
    said = (done.stdout + done.stderr).strip()
    assert "Traceback" not in said
    assert str(backup) in said
    assert re.search(says, said), said
    assert len(said.splitlines()) <= 2
    # Nothing is left behind, and the original is as it was.
    if url.startswith("sqlite"):
        assert [*Path(tempfile.gettempdir()).glob(f"{FOLDER}*")] == []
    elif url.startswith("postgresql"):
        names = [name for (name,) in ask(url, "SELECT datname FROM pg_database")]
        assert f"{trial.PREFIX}{MADE}" not in names
    else:
        names = sa.inspect(server(url)).get_schema_names()
        assert f"{trial.PREFIX}{MADE}" not in names
    assert ask(url, "SELECT count(*), max(name) FROM friend") == [(998, "Friend 998")]


SQLITE, POSTGRESQL, MARIADB = (
    b"SQLite format 3\0" + bytes(84),
    b"PGDMP" + bytes(99),
    b"-- MariaDB dump 10.19\n--\n-- Server version\t11.8.9-MariaDB\n",
)
OTHERS = {"sqlite": MARIADB, "postgresql": SQLITE, "mariadb": POSTGRESQL}

DAMAGES: dict[str, tuple[Callable[[bytes, str], bytes], str]] = {
    "empty": (lambda _data, _kind: b"", "is empty"),
    "blank": (lambda _data, _kind: b"\n \n", "is empty"),
    "half": (
        lambda data, _kind: data[: len(data) // 2],
        "cut short|malformed|not a database",
    ),
    "begin": (
        lambda data, _kind: data[:300],
        "cut short|malformed|not a database|damaged",
    ),
    "packed": (lambda data, _kind: gzip.compress(data), "packed by gzip: unpack"),
    "other": (lambda _data, kind: OTHERS[kind], "is a.* names a .*: give --from"),
    "picture": (lambda _data, _kind: b"\x89PNG\0\0" * 99, "is no backup"),
}
"""What may have become of a backup, and what is said of it."""


@pytest.mark.parametrize("plain", [False, True], ids=["archive", "script"])
@pytest.mark.parametrize("damage", DAMAGES)
def test_a_damaged_backup(
    pending: Environment,
    database_url: str,
    tmp_path: Path,
    damage: str,
    plain: bool,  # noqa: FBT001
) -> None:
    """A backup that is empty, cut, packed or another's is said in two lines."""
    spoil, says = DAMAGES[damage]
    backup = tmp_path / "backup.dump"
    back_up(database_url, backup, plain=plain)
    backup.write_bytes(spoil(backup.read_bytes(), kind_of(database_url)))
    refused(pending, backup, database_url, says)


def test_a_backup_of_another_app(
    pending: Environment, database_url: str, tmp_path: Path
) -> None:
    """No revision is noted in it: all of mine would be pending on strange tables."""
    for table in ("alembic_version", "alembic_version_history"):
        ask(database_url, f"DROP TABLE {table}")
    backup = tmp_path / "backup.dump"
    back_up(database_url, backup, plain=False)
    pending.alembic("stamp", "a1")
    says = "has no table alembic_version, .* It has: friend"
    refused(pending, backup, database_url, says)


NEWER = {
    "postgresql": (
        (rb"version 1\d\.\d+", b"version 99.1"),
        (rb"\nCREATE TABLE", b"\nCREATE FASTER TABLE"),
        'syntax error at or near "FASTER"',
        "It is of PostgreSQL 99.1, and the server is PostgreSQL 1",
    ),
    "mariadb": (
        (rb"(?m)^-- Server version.*$", b"-- Server version\t99.7.4"),
        (rb" COLLATE=\w+", b" COLLATE=utf8mb4_0900_ai_ci_x"),
        "ERROR 1273 .*Unknown collation: 'utf8mb4_0900_ai_ci_x'",
        "It is of MySQL 99.7.4, and the server is M",
    ),
}
"""What a script of another server has, and what is said of it."""


def test_a_script_of_another_server(
    pending: Environment, database_url: str, tmp_path: Path
) -> None:
    """A newer server, or another kind, has words that mine does not know."""
    if kind_of(database_url) not in NEWER:
        return
    *changes, cause, fix = NEWER[kind_of(database_url)]
    backup = tmp_path / "backup.sql"
    back_up(database_url, backup, plain=True)
    data = backup.read_bytes()
    for old, new in changes:
        data, count = re.subn(old, new, data)
        assert count
    backup.write_bytes(data)
    refused(pending, backup, database_url, f"{cause}.*\n{fix}")


def with_lines(url: str, folder: Path, lines: bytes, place: bytes) -> Path:
    """Back a database up as a script, with lines before the first place of a text."""
    backup = folder / "backup.sql"
    back_up(url, backup, plain=True)
    data = backup.read_bytes()
    assert place in data
    backup.write_bytes(data.replace(place, lines + place, 1))
    return backup


def test_newer_programs_of_an_older_server(
    pending: Environment, database_url: str, tmp_path: Path
) -> None:
    """My pg_dump is newer than the server: what it sets is left out where it is new."""
    if kind_of(database_url) != "postgresql":
        return
    place = b"SET row_security"
    backup = with_lines(database_url, tmp_path, b"SET new_timeout = 0;\n", place)
    said = pending.run("flask", "db", "rehearse", "--from", str(backup)).stdout
    assert "lossless: 998 rows of 1 tables" in said


GTIDS = b"""SET @@SESSION.SQL_LOG_BIN= 0;
SET @@GLOBAL.GTID_PURGED=/*!80000 '+'*/ '3e11fa47-71ca-11e1-9e33-c80aa9429562:1-9,
4e11fa47-71ca-11e1-9e33-c80aa9429562:1-9';
"""


def test_the_transactions_of_a_replica_are_not_told(
    pending: Environment, database_url: str, tmp_path: Path
) -> None:
    """MySQL's program names those of its server: mine is not told, and goes on."""
    if kind_of(database_url) != "mariadb":
        return
    backup = with_lines(database_url, tmp_path, GTIDS, b"DROP TABLE")
    said = pending.run("flask", "db", "rehearse", "--from", str(backup)).stdout
    assert "lossless: 998 rows of 1 tables" in said
    backup.write_bytes(backup.read_bytes().replace(b"_PURGED", b"_X", 1))
    refused(pending, backup, database_url, "in line .*: SET @@GLOBAL")


BYTE_IS_COMPRESSION = 15


def test_an_archive_of_a_newer_program(
    pending: Environment, database_url: str, tmp_path: Path
) -> None:
    """A newer pg_dump wrote it: I am told which programs to install."""
    if kind_of(database_url) != "postgresql":
        return
    backup = tmp_path / "backup.dump"
    back_up(database_url, backup, plain=False)
    data = bytearray(backup.read_bytes())
    if data[6] < BYTE_IS_COMPRESSION:
        data[11:16] = b"\1"  # how it is compressed was a number before
    data[6] = 99  # the form of the archive
    backup.write_bytes(re.sub(rb"1\d\.\d\d \(", b"99.10 (", bytes(data)))
    cause = r"unsupported version \(1.99\) in file header"
    fix = "It was made by version 99.10, and pg_restore here is of 1.*: install"
    refused(pending, backup, database_url, f"{cause}.*\n{fix}")


@pytest.mark.parametrize("form", ["tar", "directory"])
def test_each_form_of_an_archive(
    pending: Environment, database_url: str, tmp_path: Path, form: str
) -> None:
    """A file of tar and a folder are archives of pg_dump's, too."""
    if kind_of(database_url) != "postgresql":
        return
    backup = tmp_path / "backup"
    where = make_url(database_url).set(drivername="postgresql")
    target = ["--file", str(backup), where.render_as_string(hide_password=False)]
    command = ["pg_dump", "--format", form, *target]
    subprocess.run(command, check=True)
    said = pending.run("flask", "db", "rehearse", "--from", str(backup)).stdout
    assert "lossless: 998 rows of 1 tables" in said


LEAVES = {
    "postgresql": ["pg_dump", "--create", "--clean", "--file"],
    "mariadb": ["mariadb-dump", "--add-drop-database", "--result-file"],
}


def test_a_script_never_leaves_the_copy(
    pending: Environment, database_url: str, tmp_path: Path
) -> None:
    """A script of whole databases would restore over the original: it is not run."""
    if kind_of(database_url) not in LEAVES:
        return
    place, backup = make_url(database_url), tmp_path / "backup.sql"
    words = [*LEAVES[kind_of(database_url)], str(backup)]
    words += [f"--host={place.host}", f"--port={place.port}"]
    if place.get_backend_name() == "postgresql":
        words += [f"--username={place.username}", str(place.database)]
    else:
        words += [f"--user={place.username}", "--databases", str(place.database)]
    subprocess.run(words, check=True)
    says = "leaves the copy for another database, in line .*: .*\nMake it of one"
    refused(pending, backup, database_url, says)


def test_a_part_of_a_backup(
    pending: Environment, database_url: str, tmp_path: Path
) -> None:
    """A part of the rows is a copy's: a backup of a server is restored whole."""
    backup = tmp_path / "backup.dump"
    back_up(database_url, backup, plain=False)
    words = ("flask", "db", "rehearse", "--from", str(backup), "--sample", "50%")
    done = pending.run(*words, status=None)
    if database_url.startswith("sqlite"):
        assert "lossless: " in done.stdout
    else:
        assert "--from restores a backup with all its rows" in done.stdout + done.stderr
