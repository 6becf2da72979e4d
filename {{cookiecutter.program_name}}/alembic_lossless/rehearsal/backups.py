"""A backup that is restored in the place of a copy: what it is, and if it is whole.

It is looked at before anything is made. A script that would leave the copy for another
database, perhaps the original itself, is never run.
"""

import re
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from enum import StrEnum
from pathlib import Path
from typing import IO, Any

from alembic.util import CommandError
from sqlalchemy import Connection

from ..sql import begins_rows, beyond_database, sets_gtids
from ..types.portable import SERVER_NAMES, kind_of


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
