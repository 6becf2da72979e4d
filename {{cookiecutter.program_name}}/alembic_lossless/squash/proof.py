"""Run the old revisions and the squashed one on empty databases, and compare these.

A database is compared by lines that say what it has. Columns are in no order: no
revision moves one, and no query needs it.
"""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import AbstractContextManager, contextmanager
from dataclasses import dataclass, field
from functools import cache, partial
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa
from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.util import CommandError
from sqlalchemy import URL, Connection, Engine, event, make_url

from ..config import database_in, reading
from ..rehearsal.copies import throw_away_each, user_tables
from ..runtime.applied import is_own
from ..runtime.run import unlogged
from ..sql import Effect, items, normal, script

if TYPE_CHECKING:
    from ..migrations import Migrations


OWN = """
SELECT oid FROM pg_namespace WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
"""

POSTGRESQL = (
    """
    SELECT 'column', attrelid::regclass, attname, format_type(atttypid, atttypmod),
        attnotnull, attidentity, attgenerated, attcollation::regcollation,
        pg_get_expr(adbin, adrelid)
    FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
    LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
    WHERE relnamespace IN ({own}) AND relkind IN ('r', 'p', 'v', 'm', 'f')
        AND attnum > 0 AND NOT attisdropped
    """,
    """
    SELECT 'constraint', conrelid::regclass, contypid::regtype, conname,
        pg_get_constraintdef(oid), convalidated
    FROM pg_constraint WHERE connamespace IN ({own}) AND contype <> 'n'
    """,
    """
    SELECT 'index', indexrelid::regclass, pg_get_indexdef(indexrelid), indisvalid
    FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
    WHERE relnamespace IN ({own})
    """,
    """
    SELECT 'sequence', seqrelid::regclass, seqtypid::regtype, seqstart, seqincrement,
        seqmin, seqmax, seqcache, seqcycle, refobjid::regclass, attname
    FROM pg_sequence JOIN pg_class ON pg_class.oid = seqrelid
    LEFT JOIN pg_depend ON objid = seqrelid AND deptype IN ('a', 'i')
        AND refclassid = 'pg_class'::regclass
    LEFT JOIN pg_attribute ON attrelid = refobjid AND attnum = refobjsubid
    WHERE relnamespace IN ({own})
    """,
    """
    SELECT 'table', pg_class.oid::regclass, relkind, relpersistence, reloptions,
        relrowsecurity, pg_get_partkeydef(pg_class.oid), pg_get_viewdef(pg_class.oid)
    FROM pg_class
    WHERE relnamespace IN ({own}) AND relkind IN ('r', 'p', 'v', 'm', 'f')
    """,
    """
    SELECT 'comment', pg_describe_object(classoid, objoid, objsubid), description
    FROM pg_description WHERE objoid >= 16384
        AND pg_describe_object(classoid, objoid, objsubid)
            !~ '^(schema public|extension|function|type|operator|cast)'
    """,
    """
    SELECT 'type', pg_type.oid::regtype, typtype, format_type(typbasetype, typtypmod),
        typdefault, (SELECT string_agg(enumlabel, ',' ORDER BY enumsortorder)
            FROM pg_enum WHERE enumtypid = pg_type.oid)
    FROM pg_type WHERE typtype IN ('e', 'd') AND typnamespace IN ({own})
    """,
    """
    SELECT 'trigger', tgrelid::regclass, pg_get_triggerdef(oid)
    FROM pg_trigger WHERE NOT tgisinternal
    """,
    """
    SELECT 'routine', pg_proc.oid::regprocedure, md5(prosrc) FROM pg_proc
    WHERE pronamespace IN ({own}) AND NOT EXISTS (SELECT FROM pg_depend
        WHERE objid = pg_proc.oid AND deptype = 'e')
    """,
    "SELECT 'extension', extname FROM pg_extension",
)
"""What PostgreSQL says of all that is not its own; the first two words name a thing."""

MYSQL = (
    """
    SELECT 'trigger', trigger_name, event_object_table, action_timing,
        event_manipulation, action_statement
    FROM information_schema.triggers WHERE trigger_schema = DATABASE()
    """,
    """
    SELECT 'routine', routine_name, routine_definition
    FROM information_schema.routines WHERE routine_schema = DATABASE()
    """,
)


def described(
    connection: Connection, version_table: Mapping[str, Any]
) -> dict[str, Counter[str]]:
    """Return what each thing of a database is, by a kind and a name.

    :param version_table: what the table is called of where the database is.
    """
    kind = connection.dialect.name
    read = {"sqlite": _sqlite, "postgresql": _postgresql}.get(kind, _mysql)
    found = dict[str, Counter[str]]()
    for what, line in read(connection):
        # Of a table, or of a key of it.
        name = _bare(what.split()[-1].rpartition(".")[2])
        name = name.removesuffix("_pkc").removesuffix("_pkey")
        if not is_own((None, name), version_table):
            found.setdefault(what, Counter())[line] += 1
    return found


def differences(
    old: Mapping[str, Counter[str]], new: Mapping[str, Counter[str]]
) -> list[str]:
    """Return a line for each thing that two databases do not both have, as it is."""
    found = []
    for what in sorted({*old, *new}):
        before, after = old.get(what, Counter()), new.get(what, Counter())
        if before != after:
            gone, more = before - after, after - before
            said = [f"not {next(iter(it))}" for it in [gone] if it]
            said = [*(next(iter(it)) for it in [more] if it), *said]
            found.append(f"{what}: {', '.join(said)}")
    return found


def _postgresql(connection: Connection) -> Iterator[tuple[str, str]]:
    for query in POSTGRESQL:
        for kind, name, *rest in connection.exec_driver_sql(
            query.replace("{own}", OWN)
        ):
            yield f"{kind} {name}", " ".join(_word(it) for it in rest)


def _word(value: object) -> str:
    return "-" if value is None else " ".join(str(value).split())


def _mysql(connection: Connection) -> Iterator[tuple[str, str]]:
    quote = connection.dialect.identifier_preparer.quote
    query = (
        "SELECT table_name, table_type FROM information_schema.tables"
        " WHERE table_schema = DATABASE()"
    )
    for name, kind in connection.exec_driver_sql(query).all():
        what = kind if kind in {"VIEW", "SEQUENCE"} else "TABLE"
        script = connection.exec_driver_sql(f"SHOW CREATE {what} {quote(name)}").one()[
            1
        ]
        first, *lines = script.splitlines()
        yield f"table {name}", first
        for line in lines:
            # How far a key has counted is no part of the table.
            yield f"table {name}", _without_count(line.strip().rstrip(","))
    for query in MYSQL:
        for kind, name, *rest in connection.exec_driver_sql(query):
            yield f"{kind} {name}", " ".join(_word(it) for it in rest)


def _without_count(line: str) -> str:
    return " ".join(it for it in line.split() if not it.startswith("AUTO_INCREMENT="))


def _sqlite(connection: Connection) -> Iterator[tuple[str, str]]:
    dialect = connection.dialect
    query = "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL"
    for kind, name, made in connection.exec_driver_sql(query).all():
        if name.startswith("sqlite_"):
            continue
        if kind != "table":
            yield f"{kind} {name}", " ".join(normal(made, dialect))
            continue
        for item in items(made, dialect):
            groups = (" ".join(normal(it, dialect)) for it in item.groups)
            words = [item.column, *map(_bare, item.words), *groups]
            yield f"table {name}", " ".join(it for it in words if it)


def _bare(word: str) -> str:
    return word.strip('"`[]')


class Rows(NamedTuple):
    """The rows of a table: how often each is there, as its columns and values."""

    columns: tuple[str, ...]
    found: Counter[tuple[str, ...]]

    def without(self, names: set[str]) -> "Rows":
        """Return the rows without some columns."""
        kept = [n for n, it in enumerate(self.columns) if it not in names]
        shorter = Counter[tuple[str, ...]]()
        for row, count in self.found.items():
            shorter[tuple(row[n] for n in kept)] += count
        return Rows(tuple(self.columns[n] for n in kept), shorter)


def rows_of(
    connection: Connection, version_table: Mapping[str, Any]
) -> dict[str, Rows]:
    """Return the rows of each table that has some.

    :param version_table: what the table is called of where the database is.
    """
    found = dict[str, Rows]()
    for table in user_tables(connection):
        if is_own(table, version_table):
            continue
        named = sa.table(table.name, schema=table.schema)
        every: sa.Select[Any] = sa.select(sa.literal_column("*")).select_from(named)
        result = connection.execute(every)
        order = sorted(result.keys())
        rows = Counter(
            tuple(repr(row[name]) for name in order) for row in result.mappings()
        )
        if rows:
            found[str(table)] = Rows(tuple(order), rows)
    return found


def row_differences(old: Mapping[str, Rows], new: Mapping[str, Rows]) -> list[str]:
    """Return a line for each table whose rows differ."""
    none = Rows((), Counter())
    found = []
    for table in sorted({*old, *new}):
        before, after = old.get(table, none), new.get(table, none)
        if before != after:
            was, now = (it.found.total() for it in (before, after))
            other = by_chance({table: before}, {table: after}).get(table)
            said = f"{was} rows by the old way, {now} by the new one"
            if was == now and other:
                said = f"other values in {', '.join(sorted(other))}"
            found.append(f"{table}: {said}")
    return found


def by_chance(
    one: Mapping[str, Rows], other: Mapping[str, Rows]
) -> dict[str, set[str]]:
    """Return the columns whose values differ between two runs of the same revisions.

    They hold the time, or a number that was drawn.
    """
    found = dict[str, set[str]]()
    for table, rows in one.items():
        again = other.get(table)
        if again is not None and again.columns == rows.columns:
            found[table] = {
                name
                for n, name in enumerate(rows.columns)
                if Counter(it[n] for it in rows.found.elements())
                != Counter(it[n] for it in again.found.elements())
            }
    return found


Engines = Mapping[str, Engine]
"""Databases of one kind, by the names that the project has for its own."""

Watched = Callable[[str, MigrationContext], AbstractContextManager[None]]
"""Begins what a revision runs in, given its identifier."""

SHOWN = 5
"""How many differences a refusal names."""


@dataclass
class Place:
    """What the databases of one kind have at a revision."""

    things: dict[str, Counter[str]] = field(default_factory=dict)
    rows: dict[str, Rows] = field(default_factory=dict)


@dataclass
class OldWay:
    """What the old revisions make on databases of one kind."""

    kind: str
    begin: dict[str, Place] = field(default_factory=dict)
    end: dict[str, Place] = field(default_factory=dict)
    head: dict[str, Place] = field(default_factory=dict)
    moved: set[tuple[str, str]] = field(default_factory=set)
    """The revisions that changed rows, each with the name of a database."""


def servers(migrations: "Migrations", more: tuple[str, ...]) -> list[URL | None]:
    """Return where both ways are tried: the project's own first, SQLite, and others."""
    own = migrations.database().url.get_backend_name()
    found: list[URL | None] = [None]
    if own != "sqlite":
        found.append(make_url("sqlite://"))
    return [*found, *map(make_url, more)]


class Way:
    """The revisions of a project as they are in some folder, on some databases."""

    def __init__(
        self, migrations: "Migrations", engines: Engines, versions: Path | None = None
    ) -> None:
        """Take the databases, and the folder with the revisions if it is another."""
        self._engines = engines
        self._migrations, self._versions = migrations, versions

    @contextmanager
    def _configured(self) -> Iterator[Config]:
        with self._migrations.configured(self._engines) as found, unlogged():
            yield found if self._versions is None else reading(found, self._versions)

    def upgrade(self, target: str, watched: Watched | None = None) -> None:
        """Run revisions up to a target, without a line for each.

        :param watched: begins what each of them runs in.
        """
        with self._configured() as config:
            config.attributes["watched"] = watched
            command.upgrade(config, target)

    def downgrade(self, target: str) -> None:
        """Undo revisions down to a target."""
        with self._configured() as config:
            command.downgrade(config, target)

    def place(self) -> dict[str, Place]:
        """Return what the databases have now."""
        found = dict[str, Place]()
        for name, engine in self._engines.items():
            own = self._migrations.database(name).version_table
            with engine.connect() as connection:
                found[name] = Place(
                    described(connection, own), rows_of(connection, own)
                )
        return found


@contextmanager
def _noting_rows(
    moved: set[tuple[str, str]], revision: str, migration: MigrationContext
) -> Iterator[None]:
    """Take note of a revision that changes rows of a database."""
    name = database_in(migration.opts["upgrade_token"])
    connection: Any = migration.connection

    def after(_connection: Any, cursor: Any, text: str, *_: Any) -> None:
        said = script(text, connection.dialect)
        if said.effect is Effect.ROWS and (cursor.rowcount or not said.only):
            moved.add((revision, name))

    event.listen(connection.engine, "after_cursor_execute", after)
    try:
        yield
    finally:
        event.remove(connection.engine, "after_cursor_execute", after)


def old_way(migrations: "Migrations", engines: Engines, begin: str, end: str) -> OldWay:
    """Run the revisions as they are, and remember what they make.

    :param begin: the revision before the range, or "base".
    :param end: the last one of the range.
    """
    way = Way(migrations, engines)
    found = OldWay(next(iter(engines.values())).dialect.name)
    if begin != "base":
        way.upgrade(begin)
    found.begin = way.place()
    way.upgrade(end, partial(_noting_rows, found.moved))
    found.end = way.place()
    way.upgrade("heads")
    found.head = way.place()
    return found


def prove(  # noqa: PLR0913  two ways, and where they begin and end
    migrations: "Migrations",
    old: OldWay,
    server: URL | None,
    versions: Path,
    *,
    begin: str,
    end: str,
    leads_back: bool,
) -> str | None:
    """Run the squashed revision, and refuse it where it makes something else.

    :param old: what the old revisions make there.
    :param versions: the folder with the squashed revision in the place of these.
    :param leads_back: whether its downgrade must lead to where the range begins.
    :return: what is to be said of its downgrade, if something is.
    :raises CommandError: with what differs; nothing is written.
    """

    @cache
    def again() -> OldWay:
        """Run the old way once more, which tells what is in rows by chance."""
        with throw_away_each(migrations, server) as engines:
            return old_way(migrations, engines, begin, end)

    with throw_away_each(migrations, server) as engines:
        way = Way(migrations, engines, versions)
        if begin != "base":
            way.upgrade(begin)
        way.upgrade(end)
        _insist(old, old.end, way.place(), end, lambda: again().end)
        said = _down(way, old, begin)
        if said and leads_back:
            raise _refusal(old, said)
    if end not in migrations.script().get_heads():
        with throw_away_each(migrations, server) as engines:
            way = Way(migrations, engines, versions)
            way.upgrade("heads")
            _insist(old, old.head, way.place(), "the head", lambda: again().head)
    return said


def _down(way: Way, old: OldWay, begin: str) -> str | None:
    """Undo the squashed revision; return what is wrong with that."""
    try:
        way.downgrade(begin)
    except CommandError as error:
        return f"its downgrade fails: {str(error).splitlines()[0]}"
    now = way.place()
    found = [
        line
        for name in now
        for line in differences(old.begin[name].things, now[name].things)
    ]
    return f"its downgrade leaves {'; '.join(found[:SHOWN])}" if found else None


def _insist(
    old: OldWay,
    before: Mapping[str, Place],
    now: Mapping[str, Place],
    where: str,
    again: Callable[[], Mapping[str, Place]],
) -> None:
    """Refuse what differs."""
    found = list[str]()
    for name, place in now.items():
        lines = differences(before[name].things, place.things)
        if rows := row_differences(before[name].rows, place.rows):
            chance = by_chance(before[name].rows, again()[name].rows)
            kept = [
                {
                    table: it.without(chance.get(table, set()))
                    for table, it in each.items()
                }
                for each in (before[name].rows, place.rows)
            ]
            rows = row_differences(*kept)
        label = f"{name}: " if len(now) > 1 else ""
        found += [f"{label}{line}" for line in (*lines, *rows)]
    if found:
        raise _refusal(old, f"at {where} it makes {'; '.join(found[:SHOWN])}", found)


def _refusal(old: OldWay, what: str, every: list[str] | None = None) -> CommandError:
    more = len(every or ()) - SHOWN
    rest = f" and {more} more" if more > 0 else ""
    return CommandError(
        f"The squashed revision is not the same on {old.kind}: {what}{rest}.\n"
        "Nothing is written. Squash a smaller range: up to the revision that makes it,"
        " or behind."
    )
