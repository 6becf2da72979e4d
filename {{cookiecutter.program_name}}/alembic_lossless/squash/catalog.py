"""What a database has, in lines that two ways to make it can be compared by.

Columns are in no order: no revision moves one, and no query needs it.
"""

from collections import Counter
from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

import sqlalchemy as sa
from sqlalchemy import Connection

from ..rehearsal.copies import Table, user_tables
from ..runtime.applied import is_own
from ..sql import items, normal

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
    for kind, name, script in connection.exec_driver_sql(query).all():
        if name.startswith("sqlite_"):
            continue
        if kind != "table":
            yield f"{kind} {name}", " ".join(normal(script, dialect))
            continue
        for item in items(script, dialect):
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
        result = connection.execute(_all_of(table))
        order = sorted(result.keys())
        rows = Counter(
            tuple(repr(row[name]) for name in order) for row in result.mappings()
        )
        if rows:
            found[str(table)] = Rows(tuple(order), rows)
    return found


def _all_of(table: Table) -> sa.Select[tuple[object, ...]]:
    named = sa.table(table.name, schema=table.schema)
    return sa.select(sa.literal_column("*")).select_from(named)


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
