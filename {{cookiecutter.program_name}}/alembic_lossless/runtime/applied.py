"""What a database remembers of the revisions that ran on it: who, when, how long, what.

A table beside the version table has a row for each. What the revision declared then is
in it, so that one that was edited since is named, in words, and never taken for a
difference of the models. Source: Flyway's schema history, for the idea.
"""

import getpass
import json
import socket
import time
from collections.abc import Collection, Iterator, Mapping, Sequence
from contextlib import suppress
from datetime import datetime
from functools import cache
from hashlib import sha256
from typing import Any, NamedTuple

import sqlalchemy as sa
from alembic.runtime.migration import MigrationContext
from alembic.script import Script, ScriptDirectory
from sqlalchemy.dialects import mysql

from ..config import database_in, lossless_program
from ..digest import as_text, declared, differences, digest, from_text
from ..replaced import replaced_by
from ..sql import compiled
from ..sql import statement as written

LONG = sa.Text().with_variant(mysql.LONGTEXT(), "mysql", "mariadb")

SHOWN = 3
"""How many differences of an edited revision a message has."""


SLOW = 1.0
"""Seconds from which on it is worth remembering how many rows there were."""

LARGE = {
    "postgresql": "SELECT nspname, relname, reltuples, nspname = current_schema()"
    " FROM pg_class JOIN pg_namespace n ON n.oid = relnamespace"
    " WHERE relkind IN ('r', 'p') AND reltuples > 10000 AND nspname !~ '^pg_'",
    "mysql": "SELECT table_schema, table_name, table_rows, table_schema = database()"
    " FROM information_schema.tables"
    " WHERE table_schema = database() AND table_rows > 10000",
}
LARGE["mariadb"] = LARGE["mysql"]
"""The tables with many rows, by what a server counted before, and how many."""


class Ran(NamedTuple):
    """What a database remembers of a revision that took its time.

    :param seconds: how long it took.
    :param rows: how many rows the large tables had then: label -> number.
    """

    seconds: float
    rows: Mapping[str, int]


class Edited(NamedTuple):
    """A revision that says something else than when it ran."""

    revision: str
    path: str
    at: datetime
    differences: tuple[str, ...]

    def __str__(self) -> str:
        """Return it as a line of text."""
        more = len(self.differences) - SHOWN
        shown = "; ".join(self.differences[:SHOWN]) + (f"; {more} more" * (more > 0))
        return (
            f"{self.revision} was edited since it ran here on"
            f" {self.at.day} {self.at:%B %Y}: {shown}"
        )


def refusal(found: Collection[Edited], program: str, stamp: str) -> str:
    """Return revisions that were edited as a message, and what to type.

    :param program: the command that was typed.
    :param stamp: how to stamp the database, with the revisions that it is at.
    """
    files = " ".join(it.path for it in found)
    said = "\n".join(map(str, found))
    return (
        f"{said}\nPut it back as it was (git restore {files}, or from a commit before),"
        f' then draft the difference: {lossless_program(program)} migrate -m "…"'
        f"\nOr, if the database is as the file says now: {stamp}"
    )


def table_of(options: Mapping[str, Any]) -> sa.Table:
    """Return the table that a database remembers in.

    :param options: arguments of `context.configure`, which name the version table.
    """
    schema, name = _place(options)
    return sa.Table(
        name,
        sa.MetaData(),
        sa.Column("revision", sa.String(255), primary_key=True),
        sa.Column("ran_at", sa.DateTime, nullable=False),
        sa.Column("ran_by", sa.String(255), nullable=False),
        sa.Column("seconds", sa.Float),
        sa.Column("large_tables", LONG),
        sa.Column("file", sa.String(16), nullable=False),
        sa.Column("digest", sa.String(16), nullable=False),
        sa.Column("declared", LONG, nullable=False),
        schema=schema,
    )


def _place(options: Mapping[str, Any]) -> tuple[str | None, str]:
    name = f"{options.get('version_table', 'alembic_version')}_history"
    return options.get("version_table_schema"), name


def is_own(place: tuple[str | None, str], options: Mapping[str, Any]) -> bool:
    """Tell the tables of where a database is, and of what ran, from its owner's.

    :param place: a schema and the name of a table.
    :param options: arguments of `context.configure`, which name the version table.
    """
    schema, name = _place(options)
    own = {name, name.removesuffix("_history")}
    return place[1] in own and place[0] in {None, schema}


class Applied:
    """The rows of one database."""

    def __init__(
        self, connection: sa.Connection | None, options: Mapping[str, Any]
    ) -> None:
        """Take a database, of which Alembic knows by these options.

        :param connection: None where a script is written.
        """
        self._connection = connection
        self._table = table_of(options)
        now = sa.func.current_timestamp()
        self._insert = self._table.insert().values(ran_at=now)
        self.knows = False
        """Whether any revision is remembered, once that was asked."""
        self._there: set[str] | None = None
        self._began = time.monotonic()
        self._begun: tuple[str, dict[str, Any] | None] = "", None
        self._name = database_in(options.get("upgrade_token", "upgrades"))

    def begin(self, script: Script) -> None:
        """Read what a revision declares, whose file may be gone when it ends."""
        self._begun = script.revision, self._said(script)
        self._began = time.monotonic()

    def note(self, ctx: MigrationContext, step: Any, **_others: Any) -> None:
        """Remember a revision that ran, or forget one that was undone.

        Alembic calls it in the transaction of the revision, also for a script.
        """
        if step.is_stamp:
            return
        self._prepare(ctx)
        squashed = (old for it in step.up_revisions for old in replaced_by(it))
        for revision in (*step.up_revision_ids, *squashed):
            if self._there is None or revision in self._there:
                gone = self._table.delete().where(self._table.c.revision == revision)
                self._execute(ctx, gone)
        script = step.up_revision
        begun, said = self._begun
        if begun != script.revision:
            said = self._said(script)
        if step.is_upgrade and said:
            seconds = round(time.monotonic() - self._began, 3)
            known = {"revision": script.revision, "ran_by": _who(), **said}
            if self._connection is None:
                self._execute(ctx, self._insert.values(known))
            else:
                known |= {"seconds": seconds, "large_tables": self._large(seconds)}
                self._connection.execute(self._insert, known)

    def _large(self, seconds: float) -> str | None:
        """Return how many rows there are where a revision took long, as JSON."""
        kind = "" if self._connection is None else self._connection.dialect.name
        if seconds < SLOW or kind not in LARGE:
            return None
        found = self._ask(sa.text(LARGE[kind]))
        rows = {
            name if is_default else f"{schema}.{name}": int(count)
            for schema, name, count, is_default in found
        }
        return json.dumps(rows)

    def ran(self) -> dict[str, Ran]:
        """Return what is remembered of the revisions that took long."""
        if not self._is_there():
            return {}
        of = self._table.c
        query = sa.select(of.revision, of.seconds, of.large_tables)
        found = self._ask(query.where(of.seconds >= SLOW, of.large_tables.is_not(None)))
        return {name: Ran(took, json.loads(rows)) for name, took, rows in found}

    def accept(self, folder: ScriptDirectory, heads: Sequence[str]) -> None:
        """Take it that what is in the database is what the revisions say now.

        :param folder: the revisions.
        :param heads: those that the database is at.
        """
        for edited in self.edited(folder, heads):
            said = self._said(folder.get_revision(edited.revision))
            row = self._table.c.revision == edited.revision
            self._ask(self._table.update().where(row).values(said or {}))

    def edited(self, folder: ScriptDirectory, heads: Sequence[str]) -> list[Edited]:
        """Return the revisions that say something else than when they ran here.

        Where a revision has no file any more, the history was written anew, and not
        edited. A squashed one is judged where it ran itself.

        :param folder: the revisions.
        :param heads: those that the database is at.
        """
        if not heads or not self._is_there():
            return []
        rows = self._ask(sa.select(self._table.c.revision, self._table.c.file)).all()
        self.knows = bool(rows)
        known = {it.revision: it for it in folder.walk_revisions()} if rows else {}
        ran = {name for name, _ in rows}
        squashed = {old for it in known.values() for old in replaced_by(it)}
        if ran - known.keys() - squashed:
            return []
        changed = {
            name
            for name, file in rows
            if name in known
            # What many were squashed into has the identifier of the last of them.
            and not ran & {*replaced_by(known[name])}
            and self._is_other(known[name], file)
        }
        done = folder.iterate_revisions(tuple(heads), "base") if changed else ()
        scripts = [it for it in done if it.revision in changed]
        return [it for script in scripts[::-1] for it in self._edited(script)]

    def _is_other(self, script: Script, file: str) -> bool:
        source = _source(script)
        return source is not None and _digest_of(source) != file

    def _edited(self, script: Script) -> Iterator[Edited]:
        row = self._table.c.revision == script.revision
        was = self._ask(sa.select(self._table).where(row)).one()
        now = declared(_source(script) or b"", only=self._name)
        if digest(now) != was.digest:
            found = tuple(differences(from_text(was.declared), now))
            yield Edited(script.revision, script.path, was.ran_at, found)

    def _said(self, script: Any) -> dict[str, Any] | None:
        """Return what is remembered of a revision; of one without a source nothing."""
        source = _source(script)
        if source is None:
            return None
        statements = declared(source, only=self._name)
        return {
            "file": _digest_of(source),
            "digest": digest(statements),
            "declared": as_text(statements),
        }

    def _prepare(self, ctx: MigrationContext) -> None:
        """Make the table, the first time that something is remembered."""
        if self._connection is None:
            if not ctx.opts.get("remembers"):
                ctx.opts["remembers"] = True
                made = sa.schema.CreateTable(self._table, if_not_exists=True)
                ctx.impl.static_output(f"{written(made, ctx.dialect).strip()};")
        elif self._there is None:
            self._table.create(self._connection, checkfirst=True)
            self._there = {*self._connection.scalars(sa.select(self._table.c.revision))}

    def _execute(self, ctx: MigrationContext, statement: Any) -> None:
        if self._connection is None:
            ctx.impl.static_output(f"{compiled(statement, ctx.dialect)};")
        else:
            self._ask(statement)

    def _is_there(self) -> bool:
        inspector: Any = sa.inspect(self._connection)
        return bool(inspector.has_table(self._table.name, self._table.schema))

    def _ask(self, statement: Any) -> Any:
        if self._connection is None:
            raise AssertionError
        return self._connection.execute(statement)


def remember(migration: MigrationContext, applied: Applied) -> None:
    """Let a database remember each revision that runs, in the revision's transaction.

    :param migration: what runs them, or writes a script of them.
    :param applied: the rows of the database.
    """
    migration.on_version_apply_callbacks = (
        *migration.on_version_apply_callbacks,
        applied.note,
    )


def _source(script: Script) -> bytes | None:
    """Return the file of a revision, if it is there and no byte code."""
    if not script.path.endswith(".py"):
        return None
    with (
        suppress(OSError),
        open(script.path, "rb") as file,  # noqa: PTH123  a Path for each takes longer
    ):
        return file.read()
    return None


def _digest_of(source: bytes) -> str:
    """Return a digest of a file: of one with the same nothing need be read."""
    return sha256(source).hexdigest()[:16]


@cache
def _who() -> str:
    """Return who runs this, and where."""
    user = ""
    with suppress(OSError, KeyError, ImportError):  # a container need not name it
        user = getpass.getuser()
    return f"{user}@{socket.gethostname()}"[:255]
