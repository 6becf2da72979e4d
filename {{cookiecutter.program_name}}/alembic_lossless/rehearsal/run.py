"""Rehearse the pending revisions of a project, and say what they cost and lose.

A revision costs seconds, rows, locks and bytes, which the server of the copy counts. It
loses what is no longer among the values of a column: the server compares every one.
"""

from __future__ import annotations

import json
import time
from contextlib import ExitStack, contextmanager
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

import sqlalchemy as sa
from alembic.util import CommandError
from sqlalchemy import Connection, Engine, event
from sqlalchemy.types import NullType, TypeEngine

from ..runtime.applied import is_own
from ..runtime.connect import synchronous_url
from ..runtime.errors import between
from ..sql import undoubled
from ..types.reflection import inspector_of
from ..urls import printable
from .copies import Copy, Source, Table, copied, looked_at, size, user_tables

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from alembic.script import Script
    from sqlalchemy import Engine

    from ..migrations import Migrations
    from ..project import Databases


LOCKS = """
SELECT coalesce(nullif(nspname, 'public') || '.', '') || relname, mode
FROM pg_locks JOIN pg_class ON pg_class.oid = relation
JOIN pg_namespace ON pg_namespace.oid = relnamespace
WHERE pid = pg_backend_pid() AND granted AND relkind IN ('r', 'p', 'm')
AND nspname NOT IN ('pg_catalog', 'information_schema', 'pg_toast')
AND mode NOT IN ('AccessShareLock', 'RowShareLock')
"""
"""The locks of a transaction by which others may have to wait."""

ROWS = """
SELECT coalesce(sum(seq_tup_read + coalesce(idx_tup_fetch, 0)), 0),
    coalesce(sum(n_tup_ins + n_tup_upd + n_tup_del), 0) FROM (
    SELECT seq_tup_read, idx_tup_fetch, n_tup_ins, n_tup_upd, n_tup_del
    FROM pg_stat_user_tables UNION ALL
    SELECT seq_tup_read, idx_tup_fetch, n_tup_ins, n_tup_upd, n_tup_del
    FROM pg_stat_xact_user_tables) AS every
"""
"""The rows that all sessions have read and written, and this one, so far.

What a session has done is told to all some time after it commits, and is its own until
then: of both together nothing is counted twice.
"""

OTHERS = """
SELECT count(*) FROM pg_stat_activity
WHERE datname = current_database() AND pid <> pg_backend_pid()
"""
"""How many other sessions of a copy are there, which tell what they did as they end."""

ENDS_WITHIN = 5.0
"""Seconds for which a session is waited for that nobody uses any more."""

HANDLERS = "SHOW SESSION STATUS LIKE 'Handler%'"
READS, WRITES = "Handler_read", ("Handler_write", "Handler_update", "Handler_delete")

WORDS = {
    "AccessExclusiveLock": "ACCESS EXCLUSIVE",
    "ExclusiveLock": "EXCLUSIVE",
    "ShareRowExclusiveLock": "SHARE ROW EXCLUSIVE",
    "ShareLock": "SHARE",
    "ShareUpdateExclusiveLock": "SHARE UPDATE EXCLUSIVE",
    "RowExclusiveLock": "ROW EXCLUSIVE",
}
"""PostgreSQL's locks in the words of its documentation, the strongest first."""


@dataclass
class Cost:
    """What one revision cost.

    :param revision: its identifier.
    :param message: what it says that it does.
    :param seconds: how long it took, its commit included.
    :param rows_read: rows that it read, None where the server does not count them.
    :param rows_written: rows that it inserted, changed and deleted, likewise.
    :param bytes_written: what the server, or the file, grew by: PostgreSQL's WAL.
    :param locks: the strongest lock on each table, and for how many seconds.
    :param statement: the statement that took longest, and its seconds.
    """

    revision: str
    message: str
    seconds: float = 0
    rows_read: int | None = None
    rows_written: int | None = None
    bytes_written: int | None = None
    locks: dict[str, tuple[str, float]] = field(default_factory=dict)
    statement: tuple[str, float] = ("", 0)


@contextmanager
def measured(engine: Engine, revision: str, message: str) -> Iterator[Cost]:
    """Measure what is run on an engine for a while.

    :param engine: the copy.
    :param revision: what is run, likewise `message`.
    """
    cost = Cost(revision, message)
    meter = METERS.get(engine.dialect.name, _Meter)(engine, cost)
    begin = time.monotonic()
    with meter.listening():
        yield cost
    cost.seconds = time.monotonic() - begin
    meter.finish()


class _Meter:
    """Count what a database tells of itself."""

    def __init__(self, engine: Engine, cost: Cost) -> None:
        self._engine, self._cost = engine, cost
        self._begun = 0.0
        self._before = self._bytes()

    @contextmanager
    def listening(self) -> Iterator[None]:
        """Notice each statement, and the end of each transaction."""
        listeners = {
            "before_cursor_execute": self._begin,
            "after_cursor_execute": self._end,
            "commit": self._committed,
            "rollback": self._committed,
        }
        for name, listener in listeners.items():
            event.listen(self._engine, name, listener)
        try:
            yield
        finally:
            for name, listener in listeners.items():
                event.remove(self._engine, name, listener)

    def finish(self) -> None:
        """Take what is known at the end."""
        before, after = self._before, self._bytes()
        if before is not None and after is not None:
            self._cost.bytes_written = max(0, after - before)

    def _begin(self, *_: Any) -> None:
        self._begun = time.monotonic()

    def _end(self, connection: Connection, _cursor: Any, text: str, *_: Any) -> None:
        seconds = time.monotonic() - self._begun
        if seconds > self._cost.statement[1]:
            said = " ".join(undoubled(text, connection.dialect).split())
            self._cost.statement = said, seconds
        self._look(connection)

    def _committed(self, _connection: Connection) -> None:
        """Take note that a transaction ended."""

    def _look(self, connection: Connection) -> None:
        """Ask the session what it has done."""

    def _bytes(self) -> int | None:
        return None


class _Sessions(_Meter):
    """Add up what each session says that it has done since it began."""

    def __init__(self, engine: Engine, cost: Cost) -> None:
        super().__init__(engine, cost)
        # Each is kept, so that no later one has its number.
        self._sessions: dict[int, tuple[Any, int, int]] = {}

    def finish(self) -> None:
        super().finish()
        found = self._sessions.values()
        self._cost.rows_written = sum(written for _, _, written in found)

    def _look(self, connection: Connection) -> None:
        raw: Any = connection.connection.dbapi_connection
        self._sessions[id(raw)] = (raw, *self._counted(raw))

    def _counted(self, raw: Any) -> tuple[int, int]:
        """Return the rows that a session has read and written."""
        return 0, raw.total_changes


class _SQLite(_Sessions):
    """Count the changes of connections, and the bytes of the file."""

    def _bytes(self) -> int | None:
        file = Path(self._engine.url.database or "")
        return file.stat().st_size if file.is_file() else None


class _PostgreSQL(_Meter):
    """Look at the locks of a transaction and at all rows after each statement."""

    def __init__(self, engine: Engine, cost: Cost) -> None:
        super().__init__(engine, cost)
        self._since: dict[tuple[str, str], float] = {}
        self._total = (0, 0)
        with engine.connect() as connection:
            self._rows = self._counted(connection.connection.dbapi_connection)

    def finish(self) -> None:
        super().finish()
        end = time.monotonic() + ENDS_WITHIN
        with self._engine.connect() as connection:
            others = partial(connection.exec_driver_sql, OTHERS)
            while others().scalar() and time.monotonic() < end:
                connection.rollback()
                time.sleep(0.01)
            self._add_rows(connection.connection.dbapi_connection)
        self._cost.rows_read, self._cost.rows_written = self._total

    def _look(self, connection: Connection) -> None:
        raw: Any = connection.connection.dbapi_connection
        info = getattr(raw, "info", None)  # asyncpg has none
        status = "INTRANS" if info is None else info.transaction_status.name
        if status == "IDLE":  # each statement commits itself, or this was a COMMIT
            self._committed(connection)
            self._add_rows(raw)
        elif status == "INTRANS":
            self._add_rows(raw)
            with raw.cursor() as cursor:
                cursor.execute(LOCKS)
                for lock in cursor.fetchall():
                    self._since.setdefault(lock, self._begun)

    def _counted(self, raw: Any) -> tuple[int, int]:
        with raw.cursor() as cursor:
            cursor.execute(ROWS)
            read, written = cursor.fetchone()
        return int(read), int(written)

    def _add_rows(self, raw: Any) -> None:
        """Add what came since the last look; with a table go what it had counted."""
        before, self._rows = self._rows, self._counted(raw)
        read, written = (
            total + max(0, now - was)
            for total, was, now in zip(self._total, before, self._rows, strict=True)
        )
        self._total = read, written

    def _committed(self, _connection: Connection) -> None:
        # The event comes before the commit; what that takes is not the revision's.
        now = time.monotonic()
        for (table, mode), begun in self._since.items():
            known = self._cost.locks.get(table, ("", 0.0))
            word, seconds = WORDS[mode], now - begun
            if not known[0] or _strength(word) < _strength(known[0]):
                known = (word, seconds)
            elif word == known[0]:
                known = (word, max(seconds, known[1]))
            self._cost.locks[table] = known
        self._since = {}

    def _bytes(self) -> int | None:
        query = "SELECT pg_current_wal_lsn() - '0/0'::pg_lsn"
        with self._engine.connect() as connection:
            return int(connection.exec_driver_sql(query).scalar_one())


def _strength(word: str) -> int:
    return list(WORDS.values()).index(word)


class _MariaDB(_Sessions):
    """Read the counters of sessions, and the server's of its log."""

    def finish(self) -> None:
        super().finish()
        self._cost.rows_read = sum(read for _, read, _ in self._sessions.values())

    def _counted(self, raw: Any) -> tuple[int, int]:
        with raw.cursor() as cursor:
            cursor.execute(HANDLERS)
            found = {name: int(value) for name, value in cursor.fetchall()}
        read = sum(it for name, it in found.items() if name.startswith(READS))
        return read, sum(found[name] for name in WRITES)

    def _bytes(self) -> int | None:
        query = "SHOW GLOBAL STATUS LIKE 'Innodb_os_log_written'"
        with self._engine.connect() as connection:
            row = connection.exec_driver_sql(query).first()
        return int(row[1]) if row else None


METERS: dict[str, type[_Meter]] = {
    "sqlite": _SQLite,
    "postgresql": _PostgreSQL,
    "mysql": _MariaDB,
    "mariadb": _MariaDB,
}
"""The kinds of databases that tell what a revision costs."""


@dataclass(frozen=True)
class Difference:
    """Values, or rows, that are not what they were.

    :param table: the table, as messages have it.
    :param column: the column, or None where whole rows are meant.
    :param count: how many values or rows.
    :param example: one value as it was, and as it is now.
    """

    table: str
    column: str | None
    count: int
    example: tuple[Any, Any] | None = None

    @property
    def subject(self) -> str:
        """The column, or the table."""
        return f"{self.table}.{self.column}" if self.column else self.table


@dataclass(frozen=True)
class Compared:
    """What a comparison looked at, and what it found."""

    rows: int
    tables: int
    differences: tuple[Difference, ...]


def compared(
    copy: Copy, connection: Connection, version_table: Mapping[str, Any], *, whole: bool
) -> Compared:
    """Compare the copy that revisions ran on with the one that stayed as it was.

    :param copy: both copies.
    :param connection: a connection to them.
    :param version_table: what the table is called of where the database is.
    :param whole: whether everything has to be there again, as after a downgrade.
        Otherwise what is there under its name and with its type is compared.
    """
    now = set(user_tables(connection))
    found, rows = list[Difference](), 0
    tables = [it for it in copy.tables if not is_own(it, version_table)]
    for table in tables:
        comparison = _Comparison(connection, table, copy.tables[table])
        count = comparison.count()
        rows += count
        if table in now:
            found += comparison.differences(whole=whole)
        elif whole and count:
            found.append(Difference(str(table), None, count))
    return Compared(rows, len(tables), tuple(found))


class _Comparison:
    """One table as it was and as it is."""

    def __init__(self, connection: Connection, table: Table, kept: Table) -> None:
        self._connection, self._table = connection, table
        inspector = inspector_of(connection)
        inspector.clear_cache()
        self._before = self._reflected(kept)
        self._now: sa.TableClause | None = None
        if inspector.has_table(table.name, table.schema):
            self._now = self._reflected(table)
            key = inspector.get_pk_constraint(table.name, table.schema)
            self._key = key["constrained_columns"]

    def _reflected(self, table: Table) -> sa.TableClause:
        """Return a table as a query needs it; types decide how values are compared."""
        found = inspector_of(self._connection).get_columns(table.name, table.schema)
        columns = (sa.column(it["name"], it["type"]) for it in found)
        return sa.table(table.name, *columns, schema=table.schema)

    def count(self) -> int:
        """Count the rows that there were."""
        query = sa.select(sa.func.count()).select_from(self._before)
        return int(self._connection.scalar(query) or 0)

    def differences(self, *, whole: bool) -> Iterator[Difference]:
        """Give what is not as it was: rows first, and then values by column."""
        if self._now is None:
            return
        before, now = self._before.alias("was"), self._now.alias("now")
        missing = [it.name for it in before.columns if it.name not in now.columns]
        shared = [it.name for it in before.columns if it.name in now.columns]
        if not self._key or not set(self._key) <= set(shared):
            yield from self._without_key(shared)
            return
        same = sa.and_(*(before.c[it] == now.c[it] for it in self._key))
        there = before.join(now, same)
        rows = self._scalar(
            sa.select(sa.func.count())
            .select_from(before.outerjoin(now, same))
            .where(now.c[self._key[0]].is_(None))
        )
        if rows:
            yield Difference(str(self._table), None, rows)
        for name in shared:
            old, new = before.c[name], now.c[name]
            if not whole and not self._has_same_type(old.type, new.type):
                continue
            differs = self._differs(old, new)
            yield from self._counted(name, there, old, new, differs)
        if whole:
            for name in missing:
                values = before.c[name].is_not(None)
                yield from self._counted(
                    name, before, before.c[name], sa.null(), values
                )

    def _counted(
        self, name: str, rows: sa.FromClause, old: Any, new: Any, differs: Any
    ) -> Iterator[Difference]:
        count = self._scalar(
            sa.select(sa.func.count()).select_from(rows).where(differs)
        )
        if count:
            query = sa.select(old, new).select_from(rows).where(differs).limit(1)
            example = self._connection.execute(query).first()
            pair = (example[0], example[1]) if example else None
            yield Difference(str(self._table), name, count, pair)

    def _without_key(self, shared: list[str]) -> Iterator[Difference]:
        """Compare rows that nothing tells apart, as a whole."""
        if self._now is None or not shared:
            return
        parts = [
            sa.select(*(self._comparable(it.c[name]) for name in shared))
            for it in (self._before, self._now)
        ]
        gone = sa.except_(*parts).subquery()
        count = self._scalar(sa.select(sa.func.count()).select_from(gone))
        if count:
            yield Difference(str(self._table), None, count)

    def _scalar(self, query: sa.Select[Any]) -> int:
        return int(self._connection.scalar(query) or 0)

    def _has_same_type(self, old: TypeEngine[Any], new: TypeEngine[Any]) -> bool:
        dialect = self._connection.dialect
        if isinstance(old, NullType) or isinstance(new, NullType):
            return type(old) is type(new)
        return old.compile(dialect=dialect) == new.compile(dialect=dialect)

    def _differs(self, old: Any, new: Any) -> sa.ColumnElement[bool]:
        """Return whether two values differ, to the letter, and NULL like a value."""
        differs: sa.ColumnElement[bool] = self._comparable(old).is_distinct_from(
            self._comparable(new)
        )
        if self._connection.dialect.name == "sqlite":
            # 1 and '1' are two values there, and 1 and 1.0 one.
            text = [sa.func.typeof(it) == "text" for it in (old, new)]
            return sa.or_(differs, text[0].is_distinct_from(text[1]))
        return differs

    def _comparable(self, column: Any) -> Any:
        """Return a value as it is compared: not by the rules of a collation."""
        dialect = self._connection.dialect.name
        if dialect == "postgresql":
            # JSON, XML and points have no equality there; the text of each is exact.
            return sa.cast(column, sa.Text)
        if dialect == "sqlite":
            return sa.collate(sa.type_coerce(column, sa.String), "BINARY")
        if isinstance(column.type, sa.String | sa.JSON | sa.Enum):
            return sa.cast(column, sa.LargeBinary)
        return column


LOSSLESS, LOSSY = 0, 1
"""The exit statuses of a rehearsal."""


@dataclass
class Rehearsal:
    """What a rehearsal found on the copy of one database.

    :param database: where it is, without a password.
    :param costs: what each revision cost, in the order in which they ran.
    :param rows: how many rows were compared, likewise `tables`.
    :param changed: values that the upgrade changed and the downgrade brought back.
    :param lost: values and rows that the downgrade did not bring back.
    :param failure: why a revision failed, upwards or downwards.
    """

    database: str
    costs: list[Cost] = field(default_factory=list)
    rows: int = 0
    tables: int = 0
    changed: list[Difference] = field(default_factory=list)
    lost: list[Difference] = field(default_factory=list)
    failure: str = ""

    @property
    def is_lossless(self) -> bool:
        """Whether every revision ran, and every value came through."""
        return not (self.lost or self.failure)


def rehearse(
    migrations: Migrations,
    *,
    target: str = "head",
    dump: Path | None = None,
    share: float = 1.0,
) -> list[Rehearsal]:
    """Run the pending revisions up and down on copies, and compare every value.

    `Migrations.rehearse` tells what it is given, and returns.
    """
    names = migrations.names()
    if dump is not None and len(names) > 1:
        raise CommandError("--from restores one database, and the project has several.")
    if dump is None:
        _pending(migrations, target)  # before all rows are copied for nothing
    with ExitStack() as stack:
        copies = dict[str, Copy]()
        for name in names:
            database = migrations.database(name)
            url = synchronous_url(database)
            settings, own = migrations.project.settings, database.version_table
            backup = looked_at(dump, url.get_backend_name()) if dump else None
            source = Source(url, backup, share, settings, own)
            copies[name] = stack.enter_context(copied(source))
            if backup:
                _refuse_other_app(backup.path, copies[name], own)
                _refuse_other_version(backup.path, migrations, copies[name])
        found = {
            name: Rehearsal(printable(migrations.database(name).url)) for name in names
        }
        _rehearse(migrations, target, copies, found)
        return [*found.values()]


def _refuse_other_app(path: Path, copy: Copy, options: Mapping[str, Any]) -> None:
    """Refuse a backup in which no revision of any app is noted.

    All revisions would be pending on tables that are not the app's, or on none.
    """
    own = options.get("version_table", "alembic_version")
    if not any(it.name == own for it in copy.tables if is_own(it, options)):
        others = sorted(str(it) for it in copy.tables)
        shown = ", ".join(others[:SHOWN_TABLES]) + ", …" * (len(others) > SHOWN_TABLES)
        raise CommandError(
            f"{path} has no table {own}, so that it is no backup of this app. It has:"
            f" {shown or 'no table'}."
        )


def _refuse_other_version(path: Path, migrations: Migrations, copy: Copy) -> None:
    """Refuse a backup that is at a revision of another version of the app."""
    heads = migrations.stamped(connection=copy.engine)
    folder = migrations.script(heads)
    for head in heads:
        try:
            folder.get_revision(head)
        except CommandError as error:
            raise CommandError(
                f"{path} is at revision {head!r}, which this project does not have: get"
                " the code that has its file, or another backup."
            ) from error


def _rehearse(
    migrations: Migrations,
    target: str,
    copies: Mapping[str, Copy],
    found: Mapping[str, Rehearsal],
) -> None:
    engines = {name: copy.engine for name, copy in copies.items()}
    begin = {it: migrations.stamped(it, connection=engines) for it in engines}
    pending = _pending(migrations, target, engines)
    tables = {name: migrations.database(name).version_table for name in copies}
    try:
        for script in pending:
            run = partial(migrations.upgrade, script.revision, connection=engines)
            _measure(engines, script, found, run)
            for name, own in tables.items():
                locks = found[name].costs[-1].locks
                for label in [it for it in locks if is_own(_place(it), own)]:
                    del locks[label]  # nobody but a run writes to these
    except CommandError as error:
        for rehearsal in found.values():
            rehearsal.failure = str(error)
        return
    for name, copy in copies.items():
        with copy.engine.connect() as connection:
            result = compared(copy, connection, tables[name], whole=False)
        found[name].changed = [*result.differences]
        found[name].rows, found[name].tables = result.rows, result.tables
    if failure := _undo(migrations, set(begin.values()), engines):
        for rehearsal in found.values():
            rehearsal.failure = failure
        return
    for name, copy in copies.items():
        with copy.engine.connect() as connection:
            lost = compared(copy, connection, tables[name], whole=True).differences
        known = {it.subject for it in lost}
        found[name].lost = [*lost]
        found[name].changed = [
            it for it in found[name].changed if it.subject not in known
        ]


def _place(label: str) -> tuple[str | None, str]:
    """Return the schema and the name of a table from how messages have it."""
    schema, _, name = label.rpartition(".")
    return schema or None, name


def _pending(
    migrations: Migrations, target: str, given: Databases | None = None
) -> Sequence[Script]:
    """Return the pending revisions that a target needs, in their order."""
    pending: Sequence[Script] = migrations.pending(connection=given)
    if target not in {"head", "heads"}:
        wanted = {it.revision for it in between(migrations.script(), "base", target)}
        pending = [it for it in pending if it.revision in wanted]
    if not pending:
        raise CommandError("No revision is pending: there is nothing to rehearse.")
    return pending


def _measure(
    engines: Mapping[str, Engine],
    script: Script,
    found: Mapping[str, Rehearsal],
    run: Any,
) -> None:
    with ExitStack() as stack:
        for name, engine in engines.items():
            measuring = measured(engine, script.revision, script.doc)
            found[name].costs.append(stack.enter_context(measuring))
        run()


def _undo(
    migrations: Migrations, begin: set[tuple[str, ...]], given: Databases
) -> str | None:
    """Undo what was rehearsed; return why that cannot be done."""
    heads, *others = begin
    if others or len(heads) > 1:
        return (
            "The downgrade was not rehearsed, for the databases begin at several"
            f" revisions: {', '.join(sorted(it for each in begin for it in each))}."
        )
    try:
        migrations.downgrade(heads[0] if heads else "base", connection=given)
    except CommandError as error:
        return f"The downgrade fails. {error}"
    return None


def text(found: Iterable[Rehearsal]) -> Iterator[str]:
    """Give lines for people: what each revision cost, and what was lost."""
    for rehearsal in found:
        yield f"Rehearsed on a copy of {rehearsal.database}:"
        for cost in rehearsal.costs:
            yield f"  {cost.revision}  {cost.message}: {', '.join(_figures(cost))}"
            for table, (lock, seconds) in sorted(cost.locks.items()):
                yield f"    {lock} on {table} for {_seconds(seconds)}"
            if cost.statement[1] >= SHOWN_SECONDS:
                words, seconds = cost.statement
                yield f"    longest statement, {_seconds(seconds)}: {words[:100]}"
        yield from (f"  {line}" for line in _verdict(rehearsal))


def markdown(found: Iterable[Rehearsal]) -> Iterator[str]:
    """Give a report for a pull request."""
    for rehearsal in found:
        yield f"### Rehearsed on a copy of {rehearsal.database}"
        yield ""
        yield "| revision | what it does | seconds | rows read | written | locks |"
        yield "|---|---|---|---|---|---|"
        for cost in rehearsal.costs:
            locks = ", ".join(
                f"{lock} on `{table}` {_seconds(seconds)}"
                for table, (lock, seconds) in sorted(cost.locks.items())
            )
            read, written = map(_count, (cost.rows_read, cost.rows_written))
            yield (
                f"| `{cost.revision}` | {cost.message} | {cost.seconds:.2f} | {read}"
                f" | {written} | {locks} |"
            )
        yield ""
        yield from (f"- {line}" for line in _verdict(rehearsal))


def as_json(found: Iterable[Rehearsal]) -> Iterator[str]:
    """Give one document for programs."""
    every = [{**asdict(it), "lossless": it.is_lossless} for it in found]
    yield json.dumps(every, ensure_ascii=False, indent=2, default=str)


FORMATS = {"text": text, "json": as_json, "markdown": markdown}
"""What `--format` takes."""

SHOWN_TABLES = 5
"""How many tables of another app's backup are named."""

SHOWN_SECONDS = 0.1
"""A statement that took less is not worth a line."""


def _figures(cost: Cost) -> Iterator[str]:
    yield _seconds(cost.seconds)
    if cost.rows_read is not None:
        yield f"{_count(cost.rows_read)} rows read"
    if cost.rows_written is not None:
        yield f"{_count(cost.rows_written)} written"
    if cost.bytes_written:
        yield f"{size(cost.bytes_written)} more"


def _verdict(rehearsal: Rehearsal) -> Iterator[str]:
    for it in rehearsal.changed:
        yield f"{_said(it)} changed by the upgrade; the downgrade brings them back"
    for it in rehearsal.lost:
        yield f"{_said(it)} cannot come back"
    if rehearsal.failure:
        yield rehearsal.failure
    if rehearsal.is_lossless:
        of = f"{_count(rehearsal.rows)} rows of {rehearsal.tables} tables"
        yield f"lossless: {of} are as they were after upgrade and downgrade"


def _said(difference: Difference) -> str:
    what = "value" if difference.column else "row"
    many = what if difference.count == 1 else f"{what}s"
    said = f"{difference.subject}: {_count(difference.count)} {many}"
    if difference.example is None:
        return said
    was, now = difference.example
    return f"{said} (for example {was!r}, now {now!r})"


def _seconds(seconds: float) -> str:
    return f"{seconds:#.3g} s"


def _count(number: int | None) -> str:
    return "" if number is None else f"{number:,}"
