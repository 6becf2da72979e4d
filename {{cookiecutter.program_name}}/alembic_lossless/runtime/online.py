"""Statements that let concurrent clients go on, and how long one waits for its lock.

MariaDB is told LOCK=NONE, PostgreSQL builds indexes concurrently. A statement waits for
an instant, and is tried again; what stops nobody may wait for long.
"""

import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from itertools import chain, repeat
from typing import Any, TypeVar

import sqlalchemy as sa
from sqlalchemy import Connection
from sqlalchemy.engine import Dialect
from sqlalchemy.exc import DBAPIError

from .. import sql
from ..rules import rule
from ..types.portable import SERVER_NAMES, kind_of
from .causes import BUSY, PermanentError, codes_of
from .locks import Blockers

T = TypeVar("T")

LOCK_TIMEOUT = "50ms"
"""How long a statement may stand in the queue for a table, and others behind it."""

PAUSES = (0.1, 0.2, 0.5, 1.0, 2.0, 5.0)
"""Seconds between tries; the last again and again."""


def retried(act: Callable[[], T], wait: float, blockers: Blockers) -> T:
    """Repeat what did not get its lock, with growing pauses.

    :param wait: seconds after which that is an error.
    :param blockers: looks who has it.
    :raises DBAPIError: when it did not get it in time, or for another reason.
    """
    deadline = time.monotonic() + wait
    for number, pause in enumerate(chain(PAUSES, repeat(PAUSES[-1]))):
        try:
            # The first try of MySQL waits a second, the others' an instant.
            with blockers.watched(after=0 if number else 0.5, hurries=True):
                return act()
        except DBAPIError as error:
            is_waiting = blockers.interrupted or is_busy(error)
            if not is_waiting or time.monotonic() > deadline:
                raise
        time.sleep(pause)
    raise AssertionError


def is_busy(error: DBAPIError) -> bool:
    """Tell whether an error means that somebody else has the lock."""
    return bool(codes_of(error.orig) & BUSY)


@contextmanager
def short_transaction(connection: Connection) -> Iterator[None]:
    """Commit by itself what PostgreSQL has to wait for a table for."""
    execute = connection.exec_driver_sql
    execute("BEGIN")
    try:
        execute(f"SET LOCAL lock_timeout = '{LOCK_TIMEOUT}'")
        yield
        execute("COMMIT")
    except BaseException:
        execute("ROLLBACK")
        raise


BATCHES: dict[str, dict[str, object]] = {
    # What is lost with a server that dies is found to be missing by the next run.
    "postgresql": {"lock_timeout": "10ms", "synchronous_commit": "off"},
    "mariadb": {"innodb_lock_wait_timeout": 0, "autocommit": 1},
    # MySQL knows no shorter wait than a second.
    "mysql": {"innodb_lock_wait_timeout": 1, "autocommit": 1},
}
"""What a session is told while it changes rows in batches."""

ISOLATION = {"mariadb": "tx_isolation", "mysql": "transaction_isolation"}
"""Where a batch is told to hold no row that it looks at and leaves as it is."""

LOGS_STATEMENTS = "SELECT @@log_bin AND @@binlog_format = 'STATEMENT'"
"""Whether a replica is told statements, of which that may not be said."""


@contextmanager
def batches(connection: Connection) -> Iterator[None]:
    """Let each statement be a transaction, which waits for nobody who holds a row.

    One that waits holds its other rows meanwhile. The server commits it and writes it
    to its disk later: for as long as we take to say COMMIT, others would wait.
    """
    kind = kind_of(connection.dialect)
    told = dict(BATCHES[kind])
    if kind in ISOLATION and not connection.exec_driver_sql(LOGS_STATEMENTS).scalar():
        told[ISOLATION[kind]] = "READ-COMMITTED"
    with _set(connection, told):
        yield


@contextmanager
def unlimited(connection: Connection) -> Iterator[None]:
    """Let PostgreSQL wait for old transactions, which stops nobody."""
    with _set(connection, {"lock_timeout": 0}):
        yield


@contextmanager
def limited(connection: Connection) -> Iterator[None]:
    """Let MySQL wait for a table no longer than the shortest time it knows.

    On MariaDB `Blockers` ends it sooner, if there may be a second connection.
    """
    connection.exec_driver_sql("COMMIT")
    with _set(connection, {"lock_wait_timeout": 1}):
        yield


@contextmanager
def _set(connection: Connection, values: Mapping[str, object]) -> Iterator[None]:
    """Set variables of a session, and set them back."""
    postgresql = connection.dialect.name == "postgresql"
    show = "SHOW {}" if postgresql else "SELECT @@{}"
    before = {
        name: connection.exec_driver_sql(show.format(name)).scalar() for name in values
    }

    def assign(given: Mapping[str, object]) -> None:
        for name, value in given.items():
            text = f"'{value}'" if postgresql or isinstance(value, str) else value
            connection.exec_driver_sql(f"SET {name} = {text}")

    assign(values)
    try:
        yield
    finally:
        assign(before)


NOT_ONLINE = {1845, 1846}
"""MariaDB's errors for an ALGORITHM or a LOCK that it cannot keep."""


def text_of(construct: Any, dialect: Dialect) -> str:
    """Return a statement as the server gets it."""
    if isinstance(construct, str):
        return construct
    return sql.statement(construct, dialect).strip()


def without_lock(
    said: sql.Script,
    text: str,
    construct: Any,
    dialect: Dialect,
    new: set[sql.TableName],
) -> Any:
    """Return a statement that MariaDB refuses where others would have to wait.

    :param said: what the statement does.
    :param text: the statement as MariaDB gets it.
    :param new: the tables that the revision made: nobody waits for them. It grows.
    """
    statement = said.only
    if statement is None or (table := statement.table) is None:
        return construct
    if statement.renames_table:
        new.clear()  # one of them may be called like a table with rows from now on
    elif statement.begins("CREATE TABLE"):
        new.add(table)
    online = online_form(statement, text, dialect)
    return construct if online is None or table in new else sql.text(online)


def online_form(statement: sql.Statement, text: str, dialect: Dialect) -> str | None:
    """Return a statement of MariaDB with LOCK=NONE; None if it is not for it to say.

    :param text: the statement, as it is written.
    """
    table, chosen = statement.table, map(statement.has, ("LOCK =", "ALGORITHM ="))
    if table is None or statement.renames_table or any(chosen):
        return None
    text = text.rstrip().rstrip(";")
    match statement.verb, statement.object:
        case "ALTER", "TABLE":
            return f"{text}, LOCK=NONE"
        case "CREATE", "INDEX":
            return f"{text} LOCK=NONE"
        case "DROP", "INDEX":
            index = statement.name_behind("DROP INDEX")
            altered = sql.quoted_table(table.name, table.schema, dialect)
            dropped = sql.quoted(index.name if index else "", dialect)
            return f"ALTER TABLE {altered} DROP INDEX {dropped}, LOCK=NONE"
    return None


@rule("not-online", "refusal", "MariaDB cannot do it while others write to the table.")
def refused(
    said: sql.Script, text: str, act: Callable[[], T], connection: sa.Connection
) -> T:
    """Run a statement on MariaDB, and say so where it cannot leave writers alone.

    A foreign key is added unchecked: `op.validate_constraint` looks at the rows then.

    :raises CommandError: when others would have to wait; nothing has happened yet.
    """
    unchecked = said.only is not None and said.only.has("FOREIGN KEY")
    if unchecked:
        connection.exec_driver_sql("SET foreign_key_checks = 0")
    try:
        return act()
    except DBAPIError as error:
        code, reason = getattr(error.orig, "args", (0, ""))[:2]
        if code not in NOT_ONLINE:
            raise
        name = SERVER_NAMES[kind_of(connection.dialect)]
        raise PermanentError(
            f"{name} cannot do this while others write to the table: {reason}.\n"
            f"  {text}\n"
            "Take it out of the autocommit_block() and run it in a quiet hour."
        ) from error
    finally:
        if unchecked:
            connection.exec_driver_sql("SET foreign_key_checks = 1")


def build(
    index: sa.Index, act: Callable[[], T], connection: sa.Connection, *, goes_on: bool
) -> T | None:
    """Build an index of PostgreSQL, and first drop what a run that failed left of it.

    :param goes_on: whether a run that was killed may have built it, and not have
        written that down.
    """
    is_valid = _is_valid(index, connection)
    if is_valid is False:
        dropped = f"DROP INDEX CONCURRENTLY {_name(index, connection)}"
        connection.execute(sql.text(dropped))
    made = None if is_valid and goes_on else act()
    plain = all(isinstance(it, sa.Column) for it in index.expressions)
    if index.table is not None and not plain:
        # Nothing is known of what an expression comes to before somebody looks.
        analyze(connection, index.table.name, index.table.schema)
    return made


def analyze(
    connection: sa.Connection, name: str, schema: str | None, column: str = ""
) -> None:
    """Let PostgreSQL count the values of a table, or a column; it waits for nobody."""
    dialect = connection.dialect
    what = sql.quoted_table(name, schema, dialect)
    what += f" ({sql.quoted(column, dialect)})" if column else ""
    connection.execute(sql.text(f"ANALYZE (SKIP_LOCKED) {what}"))


def _is_valid(index: sa.Index, connection: sa.Connection) -> bool | None:
    """Tell whether an index can be used; None when there is none."""
    found = sa.text(
        "SELECT indisvalid FROM pg_index WHERE indexrelid = to_regclass(:n)"
    )
    valid: bool | None = connection.scalar(found, {"n": _name(index, connection)})
    return valid


def _name(index: sa.Index, connection: sa.Connection) -> str:
    dialect = connection.dialect
    name = sql.undoubled(dialect.identifier_preparer.format_index(index), dialect)
    schema = index.table.schema if index.table is not None else None
    return f"{sql.quoted(schema, dialect)}.{name}" if schema else name
