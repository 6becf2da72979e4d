"""Copies of a database: what a rehearsal changes in the place of the original.

There are two of each: one that the revisions run on, and one that stays as it was,
beside it, so that a query can compare them. A copy is dropped at the end; what a killed
rehearsal left behind, the next one drops.

A backup can be restored in the place of a copy. It is looked at before anything is
made: a script that would leave the copy for another database, perhaps the original
itself, is never run.
"""

import os
import re
import shutil
import sqlite3
import subprocess
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, closing, contextmanager, suppress
from dataclasses import dataclass, field
from enum import StrEnum
from functools import partial
from itertools import islice
from math import log10
from pathlib import Path
from tempfile import TemporaryDirectory, TemporaryFile, gettempdir, mkdtemp
from typing import IO, TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa
from alembic.util import CommandError
from sqlalchemy import URL, Connection, Engine, event
from sqlalchemy.exc import DBAPIError
from sqlalchemy.pool import NullPool

from ..project import Databases, Settings
from ..runtime.applied import is_own
from ..runtime.causes import explain
from ..runtime.connect import Database, engine_of, synchronous_url
from ..runtime.several import IS_TENANT
from ..runtime.trial import create, options_of, thrown_away
from ..sql import begins_rows, beyond_database, sets_gtids, setting_in
from ..types.portable import SERVER_NAMES, kind_of
from ..types.reflection import inspector_of
from ..urls import printable

if TYPE_CHECKING:
    from ..migrations import Migrations


# Backups


class Form(StrEnum):
    """What a backup is, as messages have it."""

    FILE = "a file of SQLite"
    ARCHIVE = "an archive of pg_dump"
    POSTGRESQL = "a script of pg_dump"
    MARIADB = "a script of mariadb-dump or mysqldump"
    SCRIPT = "a script"
    """Of SQL, which does not say what wrote it."""


TAKES = {
    "sqlite": (Form.FILE,),
    "postgresql": (Form.ARCHIVE, Form.POSTGRESQL, Form.SCRIPT),
    "mysql": (Form.MARIADB, Form.SCRIPT),
    "mariadb": (Form.MARIADB, Form.SCRIPT),
}
"""What can be restored on each kind of database, the usual form first."""

BEGINS = {
    b"SQLite format 3\0": Form.FILE,
    b"PGDMP": Form.ARCHIVE,
    b"toc.dat\0": Form.ARCHIVE,
}
PACKED = {
    b"\x1f\x8b": "gzip",
    b"BZh": "bzip2",
    b"\xfd7zXZ": "xz",
    b"\x28\xb5\x2f\xfd": "zstd",
    b"PK\x03\x04": "zip",
}
"""How files begin that a program has packed."""

HEAD, TAIL = 16_384, 1024
"""The bytes of a backup that say what it is, and whether it is whole."""

FIRST_LINES = 100
"""The lines of a script that have its settings."""

WROTE = {
    Form.POSTGRESQL: re.compile(
        rb"^-- PostgreSQL database (?:cluster )?dump", re.MULTILINE
    ),
    Form.MARIADB: re.compile(rb"^-- M(?:y|aria)(?:SQL|DB) dump ", re.MULTILINE),
}
"""How a program names itself at the begin of its script."""

ENDS = {
    Form.POSTGRESQL: b"-- PostgreSQL database dump complete",
    Form.MARIADB: b"-- Dump completed",
}
"""What it writes at the end."""

SERVER = {
    Form.POSTGRESQL: re.compile(
        rb"^-- Dumped from database version (\S+)", re.MULTILINE
    ),
    Form.MARIADB: re.compile(rb"^-- Server version\s+(\S+)", re.MULTILINE),
}
"""Where a backup says which version it is of."""

MAGIC, COMPRESSED_IN_WORDS = b"PGDMP", (1, 15)
"""How an archive begins, and from which form on a byte names how it is compressed."""

END_OF_ROWS = b"\\."


@dataclass(frozen=True)
class Backup:
    """A file, or a folder of pg_dump's, that can be restored.

    :param path: where it is.
    :param form: what it is.
    :param server: the kind of the server that it is of, likewise `version`; nothing
        where it does not say that.
    :param wrote: the version of the program that wrote an archive.
    """

    path: Path
    form: Form
    server: str = ""
    version: str = ""
    wrote: str = ""

    def reading(self, program: str, here: str) -> str:
        """Return what to do where a program could not read it.

        :param program: its name.
        :param here: what it says of its own version.
        """
        numbers = _numbers(here)
        if _numbers(self.wrote)[:1] > numbers[:1]:
            own = ".".join(map(str, numbers[:2]))
            return (
                f"It was made by version {self.wrote}, and {program} here is of {own}:"
                " install the client programs of that version, or of a newer one."
            )
        return "It is damaged, or was cut short: copy it again, or make it again."

    def advice(self, connection: Connection) -> str:
        """Return what to do where a server did not take it.

        :param connection: one to the server.
        """
        here = _server_of(connection)
        known: tuple[Any, ...] = connection.dialect.server_version_info or ()
        digits = 1 if connection.dialect.name == "postgresql" else 2
        is_newer = _numbers(self.version)[:digits] > known[:digits]
        if self.server and (self.server not in here or is_newer):
            return (
                f"It is of {self.server} {self.version}, and the server is {here}: name"
                " one of that kind and version in the URL."
            )
        roles = ""
        if self.form is Form.POSTGRESQL:
            roles = " An archive names no role: pg_dump --format custom."
        return f"Nothing was changed, and the copy is dropped.{roles}"


def _server_of(connection: Connection) -> str:
    found = connection.dialect.server_version_info or ()
    version = ".".join(str(it) for it in found if isinstance(it, int))
    return f"{SERVER_NAMES[kind_of(connection.dialect)]} {version}"


def _numbers(version: str) -> tuple[int, ...]:
    return tuple(int(it) for it in re.findall(r"\d+", version))


def looked_at(path: Path, kind: str) -> Backup:
    """Return what a backup is.

    :param path: the file.
    :param kind: that of the database whose place it takes.
    :raises CommandError: where it cannot be restored, with the cause and what to do.
    """
    toc = path / "toc.dat"  # of an archive that is a folder
    try:
        with (toc if toc.is_file() else path).open("rb") as file:
            backup = _read(path, file, kind)
    except OSError as error:
        raise CommandError(f"{path} cannot be read: {error.strerror}.") from error
    if backup.form not in TAKES[kind]:
        wanted = " or ".join(it for it in TAKES[kind] if it is not Form.SCRIPT)
        raise CommandError(
            f"{path} is {backup.form}, and the URL names a {kind} database: give --from"
            f" {wanted}."
        )
    return backup


def _read(path: Path, file: IO[bytes], kind: str) -> Backup:
    head = file.read(HEAD)
    if not head.strip():
        raise CommandError(f"{path} is empty: make the backup again.")
    packed = next((it for begin, it in PACKED.items() if head.startswith(begin)), None)
    if packed:
        raise CommandError(f"{path} is packed by {packed}: unpack it first.")
    form = _form_of(head)
    if form is None:
        raise CommandError(
            f"{path} is no backup that is known: give --from {TAKES[kind][0]}."
        )
    backup = Backup(path, form, *_origin(form, head))
    if form in TAKES[kind] and form not in {Form.FILE, Form.ARCHIVE}:
        _refuse_cut(backup, file)
        _refuse_beyond(backup, file, kind)
    return backup


def _form_of(head: bytes) -> Form | None:
    for begin, form in BEGINS.items():
        if head.startswith(begin):
            return form
    if b"\0" in head:
        return None
    return next((it for it, wrote in WROTE.items() if wrote.search(head)), Form.SCRIPT)


def _origin(form: Form, head: bytes) -> tuple[str, ...]:
    """Return the kind and the version of the server that a backup is of."""
    if form is Form.ARCHIVE:
        return SERVER_NAMES["postgresql"], *_versions(head)
    found = form in SERVER and SERVER[form].search(head)
    if not found:
        return "", ""
    version = found[1].decode(errors="replace")
    if form is Form.POSTGRESQL:
        return SERVER_NAMES["postgresql"], version
    name = SERVER_NAMES["mariadb" if "MariaDB" in version else "mysql"]
    return name, version.partition("-")[0]


def _versions(head: bytes) -> Iterator[str]:
    """Give the versions of the server and of the program that an archive is of.

    Source: `WriteHead` in PostgreSQL's pg_backup_archiver.c: a number is a sign and
    four bytes, a text its length and its bytes. Seven numbers are the time; three texts
    follow, the name of the database and these versions.
    """
    place = head.find(MAGIC) + len(MAGIC)
    form = tuple(head[place : place + 2])
    place += 6 + (1 if form >= COMPRESSED_IN_WORDS else 5) + 7 * 5
    for number in range(3):
        length = int.from_bytes(head[place + 1 : place + 5], "little")
        place += 5 + length
        if number:
            text = head[place - length : place]
            yield text.partition(b" ")[0].decode(errors="replace")


def _refuse_cut(backup: Backup, file: IO[bytes]) -> None:
    """Refuse a script that its program did not write to the end."""
    end = ENDS.get(backup.form)
    file.seek(max(0, backup.path.stat().st_size - TAIL))
    if end and end not in file.read():
        raise CommandError(
            f"{backup.path} was cut short: it does not end with {end.decode()!r}. Copy"
            " it again, or make it again."
        )


def _refuse_beyond(backup: Backup, file: IO[bytes], kind: str) -> None:
    """Refuse a script that would change another database than the copy."""
    keeps = without_gtids()
    for number, line in _statements(file):
        if number <= FIRST_LINES and not keeps(line):
            continue
        if words := beyond_database(line, kind):
            whole = {"postgresql": "--create or pg_dumpall"}
            without = whole.get(kind, "--databases or --all-databases")
            raise CommandError(
                f"{backup.path} leaves the copy for another database, in line {number}:"
                f" {words}.\nMake it of one database, without {without}."
            )


def without_gtids() -> Callable[[bytes], bool]:
    """Return what tells of each line whether it is run, in the order of a script.

    MySQL's program says at the begin which transactions the server is to know, which is
    the matter of a replica and not of one database.
    """
    inside = False

    def keeps(line: bytes) -> bool:
        nonlocal inside
        begins = inside or sets_gtids(line)
        inside = begins and not line.rstrip().endswith(b";")
        return not begins

    return keeps


def _statements(file: IO[bytes]) -> Iterator[tuple[int, bytes]]:
    """Give the lines of a script, with their numbers, but no row of a COPY."""
    file.seek(0)
    in_rows = False
    for number, line in enumerate(file, 1):
        if in_rows:
            in_rows = line.rstrip() != END_OF_ROWS
        else:
            in_rows = begins_rows(line)
            yield number, line


# Copies


FOLDER = "alembic-lossless-rehearsal-"
"""How the folder with copies of a SQLite file begins."""

IN_USE = "55006"
"""PostgreSQL's SQLSTATE where others use the database that is to be copied whole."""

STATEMENTS = (
    "SELECT sql, type = 'table' FROM origin.sqlite_master"
    " WHERE sql IS NOT NULL AND name NOT GLOB 'sqlite_*' ORDER BY rowid"
)
"""What makes the tables of an attached file, and all else."""

KEPT = "before"
"""The schema, or attached file, of the tables that stay as they were."""


class Table(NamedTuple):
    """A table of the original: where it is in a copy."""

    schema: str | None
    name: str

    def __str__(self) -> str:
        """Return it as messages have it."""
        return f"{self.schema}.{self.name}" if self.schema else self.name


@dataclass(frozen=True)
class Source:
    """What is copied, and how much of it.

    :param url: the original.
    :param backup: what is restored in the place of the original.
    :param share: the share of the rows, above 0 and up to 1; 0 copies no row.
    :param settings: what the owner may set, for messages.
    :param version_table: what the table is called of where the original is.
    """

    url: URL
    backup: Backup | None = None
    share: float = 1.0
    settings: Settings = field(default_factory=Settings)
    version_table: Mapping[str, Any] = field(default_factory=dict)


@dataclass
class Copy:
    """A copy that is there while its context lasts.

    :param engine: the copy that revisions run on.
    :param tables: the tables of the original, each with the one that stays as it was.
    """

    engine: Engine
    tables: dict[Table, Table]


@contextmanager
def copied(source: Source) -> Iterator[Copy]:
    """Copy a database twice, and drop both copies at the end.

    :param source: what is copied.
    :raises CommandError: where it cannot be copied; nothing is left behind.
    """
    kind = source.url.get_backend_name()
    made = KINDS.get(kind)
    if made is None:
        raise CommandError(f"A rehearsal knows no way to copy a {kind} database.")
    if source.backup and source.share < 1 and kind != "sqlite":
        raise CommandError(
            "--from restores a backup with all its rows: leave out --sample and"
            " --structure."
        )
    try:
        with made(source) as copy:
            yield copy
    except DBAPIError as error:
        known = explain(error.orig, source.url, source.settings)
        about = f"The copy of {printable(source.url)} could not be made"
        raise CommandError(known.about(about)) from error


@contextmanager
def throw_away_each(
    migrations: "Migrations",
    server: URL | None = None,
    connection: Databases | None = None,
) -> Iterator[dict[str, Engine]]:
    """Make an empty database for each of a project's, and drop them at the end.

    :param server: where they are made; by default where each of the project's is.
    :param connection: the databases, where they are not those that the project names.
    """
    with ExitStack() as stack:
        found = dict[str, Engine]()
        for name in migrations.names(connection):
            known = migrations.database(name, connection=connection)
            made = _thrown_away(server or synchronous_url(known), known)
            found[name] = stack.enter_context(made)
        yield found


@contextmanager
def _thrown_away(url: URL, known: Database) -> Iterator[Engine]:
    """Make an empty database of the kind of another, and drop it at the end.

    Where a project has schemas, it is one of these.

    :param url: the other one; on a server the new one is made beside it.
    :param known: the project's own. The schema that it keeps its revision in has to be
        there before the first.
    :raises CommandError: where none can be made.
    """
    url = engine_of(url).url  # with a driver that is installed
    if url.get_backend_name() == "sqlite":
        with TemporaryDirectory() as folder:
            place = str(Path(folder, "empty.db"))
            yield engine_of(URL.create(url.drivername, database=place))
        return
    try:
        with thrown_away(url) as (connection, name), ExitStack() as stack:
            create(connection, f"CREATE DATABASE {name} {options_of(connection)}")
            engine = engine_of(url.set(database=name))
            stack.callback(engine.dispose)
            schema = known.version_table.get("version_table_schema")
            if schema and engine.dialect.name == "postgresql":
                with engine.begin() as new:
                    new.execute(sa.schema.CreateSchema(schema, if_not_exists=True))
            engine.update_execution_options(**{IS_TENANT: True})
            yield engine
    except DBAPIError as error:
        cause = explain(error.orig, url, known.settings)
        raise CommandError(cause.about(printable(url))) from error


def user_tables(connection: Connection) -> list[Table]:
    """Return the tables of a database that hold rows of its owner."""
    inspector = inspector_of(connection)
    schemas: list[str | None] = [None]
    if connection.dialect.name == "postgresql":
        default = inspector.default_schema_name
        hidden = {"information_schema", KEPT, default}
        names = (it for it in inspector.get_schema_names() if it not in hidden)
        schemas += [it for it in names if not it.startswith("pg_")]
    return [
        Table(schema, name)
        for schema in schemas
        for name in sorted(inspector.get_table_names(schema))
    ]


ROOM = 4
"""How much room two copies, a rebuilt table and a log need: times the original."""

SMALLER = "Add --sample 10%, or rehearse a backup on another server: --from FILE."
SMALLER_FILE = "Set TMPDIR to a folder with more room, or add --sample 10%."

SIZES = {
    "postgresql": "SELECT pg_database_size(current_database()),"
    " (SELECT setting FROM pg_settings WHERE name = 'data_directory')",
    "mysql": "SELECT coalesce(sum(data_length + index_length), 0), @@datadir"
    " FROM information_schema.tables WHERE table_schema = database()",
}
SIZES["mariadb"] = SIZES["mysql"]
"""How large a database is, and where its server keeps it, if it says that."""

HERE = {None, "", "localhost", "127.0.0.1", "::1"}
"""The hosts of a server whose disk can be looked at."""


def _refuse_full_disk(origin: str, bytes_: int, folder: str, instead: str) -> None:
    """Refuse where two copies and a rebuilt table have no room."""
    needed, free = ROOM * bytes_, shutil.disk_usage(folder).free
    if needed > free:
        raise CommandError(
            f"Rehearsing {origin} needs about {size(needed)}, and {folder} has"
            f" {size(free)}. {instead}"
        )


def _refuse_full_server(connection: Connection, source: Source) -> None:
    """Refuse where the disk of a server on this machine has no room for two copies."""
    if source.backup or source.share < 1 or source.url.host not in HERE:
        return
    found, folder = connection.exec_driver_sql(SIZES[connection.dialect.name]).one()
    with suppress(OSError):  # the server may have a file system of its own
        _refuse_full_disk(printable(source.url), int(found), folder or "", SMALLER)


# SQLite


@contextmanager
def _sqlite(source: Source) -> Iterator[Copy]:
    _sweep_folders()
    backup = source.backup
    origin = backup.path if backup else Path(source.url.database or "")
    if not origin.is_file():
        raise CommandError(f"There is no file {str(origin)!r} to rehearse on.")
    _refuse_full_disk(str(origin), origin.stat().st_size, gettempdir(), SMALLER_FILE)
    folder = Path(mkdtemp(prefix=FOLDER))
    lock = sqlite3.connect(folder / "lock", isolation_level=None)
    lock.execute("BEGIN EXCLUSIVE")  # as long as this process lives
    try:
        ran, kept = folder / "copy.db", folder / "before.db"
        if source.share == 1:
            _vacuum_into(origin, ran)
        else:
            _sample_file(origin, ran, source)
        _vacuum_into(ran, kept)
        url = URL.create(source.url.drivername, database=str(ran))
        engine = engine_of(url)
        event.listen(engine, "connect", _attaching(kept))
        with engine.connect() as connection:
            tables = user_tables(connection)
        yield Copy(engine, {it: Table(KEPT, it.name) for it in tables})
    finally:
        lock.close()
        shutil.rmtree(folder, ignore_errors=True)


def _attaching(file: Path) -> Callable[[sqlite3.Connection, object], None]:
    def attach(raw: sqlite3.Connection, _record: object) -> None:
        raw.execute(f"ATTACH ? AS {KEPT}", (str(file),))

    return attach


def _vacuum_into(origin: Path, target: Path) -> None:
    """Copy a file in one transaction, whoever writes to it meanwhile.

    Source: "VACUUM INTO" in SQLite's documentation of VACUUM.
    """
    try:
        with closing(sqlite3.connect(f"file:{origin}?mode=ro", uri=True)) as raw:
            raw.execute("VACUUM INTO ?", (str(target),))
    except sqlite3.DatabaseError as error:
        raise CommandError(f"{origin} cannot be copied: {error}.") from error


def _sample_file(origin: Path, target: Path, source: Source) -> None:
    """Make a file of the same structure, with a part of the rows."""
    engine = sa.create_engine(f"sqlite:///{target}", poolclass=NullPool)
    with engine.connect() as connection:
        connection.exec_driver_sql("ATTACH ? AS origin", (f"file:{origin}?mode=ro",))
        statements = connection.exec_driver_sql(STATEMENTS).all()
        for statement, is_table in statements:
            if is_table:
                connection.exec_driver_sql(statement)
        Sample(connection, source, origin="origin").take()
        for statement, is_table in statements:
            if not is_table:
                connection.exec_driver_sql(statement)
        connection.commit()


def _sweep_folders() -> None:
    """Delete the folders of rehearsals that were killed: nobody holds their lock."""
    for folder in Path(gettempdir()).glob(f"{FOLDER}*"):
        with suppress(sqlite3.Error, OSError):
            with closing(sqlite3.connect(folder / "lock", timeout=0)) as lock:
                lock.execute("BEGIN EXCLUSIVE")
            shutil.rmtree(folder)


def size(count: float) -> str:
    """Return a number of bytes as a person says it."""
    power = min(3, int(log10(max(count, 1))) // 3)
    unit = ("bytes", "kB", "MB", "GB")[power]
    return f"{count / 1000**power:.{min(power, 1)}f} {unit}"


# PostgreSQL and MariaDB


def _made(connection: Connection, statement: str) -> None:
    """Make the database of a copy, or say what to do without."""
    try:
        create(connection, statement)
    except CommandError as error:
        raise CommandError(
            f"{error}\nOr rehearse a backup on a server of your own: name that in the"
            " URL, and add --from FILE."
        ) from error


@contextmanager
def _postgresql(source: Source) -> Iterator[Copy]:
    with thrown_away(source.url) as (connection, name), ExitStack() as stack:
        _refuse_full_server(connection, source)
        whole = source.backup is None and source.share == 1
        if not (whole and _from_template(connection, source.url, name)):
            _made(connection, f"CREATE DATABASE {name}")
            with _restoring(source.backup, connection):
                _restore_postgresql(source, name, _known_settings(connection))
        engine = engine_of(source.url.set(database=name))
        stack.callback(engine.dispose)
        with engine.begin() as copy:
            copy.exec_driver_sql(f"CREATE SCHEMA {KEPT}")
            tables = _kept(copy, KEPT)
        yield Copy(engine, tables)


def _from_template(connection: Connection, url: URL, name: str) -> bool:
    """Copy a database as the server itself does, unless somebody uses it."""
    quoted = connection.dialect.identifier_preparer.quote(url.database or "")
    try:
        _made(connection, f"CREATE DATABASE {name} TEMPLATE {quoted}")
    except DBAPIError as error:
        if getattr(error.orig, "sqlstate", None) != IN_USE:
            raise
        return False
    return True


SETTINGS = "SELECT name FROM pg_settings"

ARCHIVER = "pg_restore"


def _known_settings(connection: Connection) -> Callable[[bytes], bool]:
    """Return what tells of a line whether it sets nothing that a server does not know.

    A newer pg_dump or pg_restore sets what is new, on an older server, too.
    """
    known = {*connection.scalars(sa.text(SETTINGS))}
    return lambda line: (name := setting_in(line)) is None or name in known


def _restore_postgresql(
    source: Source, name: str, keeps: Callable[[bytes], bool]
) -> None:
    variables = _for_libpq(source.url)
    psql = ["psql", "--quiet", "--no-psqlrc", "--set", "ON_ERROR_STOP=1"]
    feed = partial(_feed, [*psql, "--dbname", name], variables, keeps=keeps)
    plain, backup = ["--no-owner", "--no-privileges"], source.backup
    dump = ["pg_dump", *plain, "--dbname", source.url.database or ""]
    feed_from = partial(_feed_from, variables=variables, feed=feed)
    if backup is not None and backup.form is not Form.ARCHIVE:
        with backup.path.open("rb") as file:
            feed(file)
    elif backup is not None:
        feed_from([ARCHIVER, *plain, "--file", "-", str(backup.path)])
    elif source.share == 1:
        feed_from(dump)
    else:
        feed_from([*dump, "--section", "pre-data"])
        _copy_sample(source, name)
        feed_from([*dump, "--section", "post-data"])


@contextmanager
def _restoring(backup: Backup | None, connection: Connection) -> Iterator[None]:
    """Say of a backup that cannot be restored what to do."""
    try:
        yield
    except ProgramError as error:
        if backup is None:
            raise
        if error.program == ARCHIVER:
            said = subprocess.run(
                [_program(ARCHIVER), "--version"],
                capture_output=True,
                text=True,
                check=True,
            )
            why, fix = "cannot be read", backup.reading(ARCHIVER, said.stdout)
        else:
            why, fix = "cannot be restored", backup.advice(connection)
        raise CommandError(f"{backup.path} {why}: {error.reason}.\n{fix}") from error


def _copy_sample(source: Source, name: str) -> None:
    """Copy a part of the rows; the original holds it in temporary tables meanwhile."""
    origin = sa.create_engine(
        source.url, poolclass=NullPool, isolation_level="REPEATABLE READ"
    )
    target = sa.create_engine(source.url.set(database=name), poolclass=NullPool)
    with origin.connect() as here, target.connect() as there:
        sample = Sample(here, source, temporary=True)
        sample.take()
        for table, columns in sample.columns.items():
            names = ", ".join(map(sample.quote, columns))
            read: Any = here.connection.cursor()
            write: Any = there.connection.cursor()
            with (
                read.copy(f"COPY {sample.place(table)} ({names}) TO STDOUT") as rows,
                write.copy(f"COPY {sample.name(table)} ({names}) FROM STDIN") as taker,
            ):
                for row in rows:
                    taker.write(row)
        there.connection.commit()


def _query(url: URL) -> dict[str, str]:
    """Return what stands behind the question mark of a URL."""
    return {it: ",".join(value) for it, value in url.normalized_query.items()}


def _for_libpq(url: URL) -> dict[str, str]:
    """Return the variables that libpq reads: no password stands in a command line."""
    query = _query(url)
    found: dict[str, Any] = {
        f"PG{it.upper()}": query[it] for it in query if it.startswith("ssl")
    }
    found |= {
        "PGHOST": url.host or query.get("host"),
        "PGPORT": url.port or query.get("port"),
        "PGUSER": url.username,
        "PGPASSWORD": url.password,
    }
    return {name: str(value) for name, value in found.items() if value is not None}


@contextmanager
def _mariadb(source: Source) -> Iterator[Copy]:
    with thrown_away(source.url) as (connection, name), ExitStack() as stack:
        _refuse_full_server(connection, source)
        for each in (name, f"{name}_{KEPT}"):
            _made(connection, f"CREATE DATABASE {each}")
        with _restoring(source.backup, connection):
            _restore_mariadb(source, name)
        engine = engine_of(source.url.set(database=name))
        stack.callback(engine.dispose)
        with engine.begin() as copy:
            tables = _kept(copy, f"{name}_{KEPT}")
        yield Copy(engine, tables)


def _restore_mariadb(source: Source, name: str) -> None:
    arguments, variables = _for_mariadb(source.url)
    client = [_program("mariadb", "mysql"), *arguments, name]

    def feed(script: IO[bytes]) -> None:
        _feed(client, variables, script, keeps=without_gtids())

    feed_from = partial(_feed_from, variables=variables, feed=feed)
    if source.backup is not None:
        with source.backup.path.open("rb") as file:
            feed(file)
        return
    program, database = _program("mariadb-dump", "mysqldump"), source.url.database or ""
    dump = [program, *arguments, "--single-transaction", "--skip-lock-tables"]
    code = ["--routines", "--triggers", "--events"]
    if source.share == 1:
        feed_from([*dump, *code, database])
        return
    feed_from([*dump, "--no-data", "--skip-triggers", database])
    engine = sa.create_engine(source.url.set(database=name), poolclass=NullPool)
    with engine.begin() as connection:
        connection.exec_driver_sql("SET foreign_key_checks = 0")
        Sample(connection, source, origin=database).take()
    feed_from([*dump, *code, "--no-data", "--no-create-info", database])


def _for_mariadb(url: URL) -> tuple[list[str], dict[str, str]]:
    """Return the arguments and variables of MariaDB's programs."""
    query = _query(url)
    given = {"--host": url.host, "--port": url.port, "--user": url.username}
    given |= {"--socket": query.get("unix_socket")}
    given |= {
        f"--{it.replace('_', '-')}": query[it]
        for it in ("ssl_ca", "ssl_cert", "ssl_key")
        if it in query
    }
    words = [f"{name}={value}" for name, value in given.items() if value is not None]
    return words, {"MYSQL_PWD": url.password} if url.password else {}


def _kept(connection: Connection, database: str) -> dict[Table, Table]:
    """Copy each table to one in another schema or database, which none touches."""
    quote = connection.dialect.identifier_preparer.quote
    found = {}
    for number, table in enumerate(user_tables(connection)):
        kept = Table(database, f"t{number}")
        name = ".".join(quote(part) for part in table if part)
        place = f"{quote(database)}.{kept.name}"
        connection.exec_driver_sql(f"CREATE TABLE {place} AS SELECT * FROM {name}")  # noqa: S608  a quoted name
        found[table] = kept
    return found


class Sample:
    """A part of the rows of each table, and every row that one of them refers to.

    :param connection: a connection that sees the original, and where the sample goes.
    :param source: what is copied, and how much; nothing takes none but the revision.
    :param origin: the schema of the original, where it is not the connection's own.
    :param temporary: whether the sample goes to temporary tables.
    """

    def __init__(
        self,
        connection: Connection,
        source: Source,
        *,
        origin: str | None = None,
        temporary: bool = False,
    ) -> None:
        """Look at the tables of the original."""
        self._connection, self._share = connection, source.share
        self._version_table = source.version_table
        self._origin, self._temporary = origin, temporary
        self.quote = connection.dialect.identifier_preparer.quote
        inspector = inspector_of(connection)
        self.columns: dict[Table, list[str]] = {}
        self._keys: dict[Table, list[Reference]] = {}
        for table in user_tables(connection):
            found = inspector.get_columns(table.name, table.schema)
            stored = [it["name"] for it in found if not it.get("computed")]
            self.columns[table] = stored
            keys = inspector.get_foreign_keys(table.name, table.schema)
            self._keys[table] = [
                Reference(
                    Table(it["referred_schema"], it["referred_table"]),
                    it["constrained_columns"],
                    it["referred_columns"],
                )
                for it in keys
            ]

    def name(self, table: Table) -> str:
        """Return a table as statements of the copy name it."""
        return ".".join(self.quote(part) for part in table if part)

    def place(self, table: Table) -> str:
        """Return where the sample of a table is taken to."""
        if self._temporary:
            return f"pg_temp.s{list(self.columns).index(table)}"
        return self.name(table)

    def take(self) -> None:
        """Take rows by chance, and those that they refer to until all are there."""
        for table in self.columns:
            if self._temporary:
                place = self.place(table).partition(".")[2]
                rows = f"SELECT * FROM {self.name(table)} WITH NO DATA"  # noqa: S608
                self._execute(f"CREATE TEMPORARY TABLE {place} AS {rows}")
            whole = is_own(table, self._version_table)
            self._insert(table, "1 = 1" if whole else self._chance())
        while sum(self._complete(table) for table in self.columns):
            pass

    def _complete(self, table: Table) -> int:
        """Take the rows that are referred to and not there; return how many."""
        return sum(
            self._insert(key.target, self._is_missing(table, key))
            for key in self._keys[table]
            if key.target in self.columns
        )

    def _is_missing(self, table: Table, key: "Reference") -> str:
        pairs = zip(key.columns, key.referred, strict=True)
        refers = [f"child.{self.quote(a)} = origin.{self.quote(b)}" for a, b in pairs]
        same = [
            f"here.{self.quote(it)} = origin.{self.quote(it)}" for it in key.referred
        ]
        child, here = self.place(table), self.place(key.target)
        needed = f"SELECT 1 FROM {child} AS child WHERE {' AND '.join(refers)}"  # noqa: S608
        there = f"SELECT 1 FROM {here} AS here WHERE {' AND '.join(same)}"  # noqa: S608
        return f"EXISTS ({needed}) AND NOT EXISTS ({there})"

    def _chance(self) -> str:
        if self._connection.dialect.name == "sqlite":
            return f"abs(random() % 1000000) < {round(self._share * 1_000_000)}"
        function = "random" if self._temporary else "rand"
        return f"{function}() < {self._share}"

    def _insert(self, table: Table, condition: str) -> int:
        if not self.columns[table]:
            return 0
        names = ", ".join(map(self.quote, self.columns[table]))
        source = self.name(table)
        if self._origin is not None:
            source = f"{self.quote(self._origin)}.{self.quote(table.name)}"
        rows = f"SELECT {names} FROM {source} AS origin WHERE {condition}"  # noqa: S608
        return self._execute(f"INSERT INTO {self.place(table)} ({names}) {rows}")

    def _execute(self, statement: str) -> int:
        # Without parameters a percent sign, or a colon, is only that.
        options = {"no_parameters": True}
        done = self._connection.exec_driver_sql(statement, execution_options=options)
        return max(0, done.rowcount)


class Reference(NamedTuple):
    """A foreign key: where it leads, from which columns to which."""

    target: Table
    columns: list[str]
    referred: list[str]


# Programs


def _program(*names: str) -> str:
    """Return the first of some programs that is installed."""
    found = next(filter(None, map(shutil.which, names)), None)
    if found is None:
        raise CommandError(
            f"{names[0]} is not installed, with which the database is copied. Install"
            " the client programs of the server, of its version or a newer one."
        )
    return found


def _feed_from(
    command: list[str],
    *,
    variables: Mapping[str, str],
    feed: Callable[[IO[bytes]], None],
) -> None:
    """Let a function have the script that a program writes.

    :raises ProgramError: at the end, where it failed.
    """
    first = [_program(command[0]), *command[1:]]
    environment = {**os.environ, **variables}
    with (
        TemporaryFile() as said,
        subprocess.Popen(
            first,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=said,
        ) as begun,
    ):
        if begun.stdout is None:
            raise AssertionError
        feed(begun.stdout)
        _refuse_failure(first[0], begun.wait(), said)


def _feed(
    command: list[str],
    variables: Mapping[str, str],
    script: IO[bytes],
    *,
    keeps: Callable[[bytes], bool],
) -> None:
    """Let a program run a script.

    :param keeps: tells which of its first lines are run.
    :raises ProgramError: where it failed.
    """
    taker = [_program(command[0]), *command[1:]]
    environment = {**os.environ, **variables}
    with TemporaryFile() as said:
        with subprocess.Popen(
            taker,
            env=environment,
            stdin=subprocess.PIPE,
            stdout=subprocess.DEVNULL,
            stderr=said,
        ) as begun:
            if begun.stdin is None:
                raise AssertionError
            with suppress(BrokenPipeError), begun.stdin as target:  # it says why
                target.writelines(filter(keeps, islice(script, FIRST_LINES)))
                shutil.copyfileobj(script, target, CHUNK)
        _refuse_failure(taker[0], begun.returncode, said)


CHUNK = 1 << 20
"""The bytes of a script that are read at once."""


def _refuse_failure(program: str, status: int, said: IO[bytes]) -> None:
    if status:
        said.seek(0)
        raise ProgramError(Path(program).name, said.read().decode(errors="replace"))


class ProgramError(CommandError):
    """A program of the server's did not do what it was asked for.

    :param program: its name.
    :param said: what it said.
    """

    def __init__(self, program: str, said: str) -> None:
        """Take the line that has the cause."""
        self.program = name = program
        lines = said.strip().splitlines() or ["no reason given"]
        # MariaDB's client shows the statement first.
        told = [it for it in lines if it.startswith("ERROR ")]
        told += [it for it in lines if "error:" in it.lower()]
        line = [*told, *lines][0].removeprefix(f"{name}: ").removeprefix("error: ")
        line = line.rpartition("ERROR:  ")[2]  # psql says the line of its input before
        detail = (it.partition(" detail: ")[2] for it in lines)
        self.reason = ", ".join([line.rstrip("."), *filter(None, detail)])
        super().__init__(
            f"{name} failed: {self.reason}\nNothing was changed, and the copy is"
            " dropped."
        )


KINDS = {
    "sqlite": _sqlite,
    "postgresql": _postgresql,
    "mysql": _mariadb,
    "mariadb": _mariadb,
}
"""The kinds of databases that can be copied."""
