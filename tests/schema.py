"""What a database says of its tables, to compare two databases in every detail."""

import re

from servers import engine_of
from sqlalchemy import text

POSTGRESQL = (
    """
    SELECT 'column', attrelid::regclass::text, attname,
        format_type(atttypid, atttypmod), attnotnull, attidentity, attgenerated,
        attcollation, pg_get_expr(adbin, adrelid)
    FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
    LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
    WHERE relnamespace = 'public'::regnamespace AND relkind = 'r'
        AND attnum > 0 AND NOT attisdropped
    """,
    """
    SELECT 'constraint', conrelid::regclass::text, conname, pg_get_constraintdef(oid)
    FROM pg_constraint WHERE connamespace = 'public'::regnamespace
    """,
    "SELECT 'index', indexname, indexdef FROM pg_indexes WHERE schemaname = 'public'",
    """
    SELECT 'sequence', seqrelid::regclass::text, seqtypid::regtype::text, seqstart,
        seqincrement, seqmin, seqmax, seqcache, seqcycle
    FROM pg_sequence
    """,
    """
    SELECT 'table', relname, relkind, relpersistence, reloptions FROM pg_class
    WHERE relnamespace = 'public'::regnamespace AND relkind IN ('r', 'p')
    """,
    """
    SELECT 'comment', objoid::regclass::text, objsubid, description FROM pg_description
    WHERE classoid = 'pg_class'::regclass
        AND objoid IN (
            SELECT oid FROM pg_class WHERE relnamespace = 'public'::regnamespace
        )
    """,
    """
    SELECT 'enum', typname, enumlabel FROM pg_enum
    JOIN pg_type ON pg_type.oid = enumtypid
    """,
)
SQLITE = ("SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL",)


def snapshot(url: str) -> list[str]:
    """Return a line for each thing that a database has, but Alembic's own table."""
    engine = engine_of(url)
    with engine.connect() as connection:

        def ask(query: str) -> list[str]:
            rows = connection.execute(text(query))
            return [" ".join(str(value) for value in row) for row in rows]

        if engine.dialect.name == "postgresql":
            lines = [line for query in POSTGRESQL for line in ask(query)]
        elif engine.dialect.name == "sqlite":
            lines = [_sorted(line) for query in SQLITE for line in ask(query)]
        else:
            lines = [
                _sorted(line)
                for name in ask("SHOW TABLES")
                for line in ask(f"SHOW CREATE TABLE `{name}`")
            ]
    own = ("alembic_version", "alembic_version_history", "sqlite_sequence")
    return sorted(line for line in lines if not any(name in line for name in own))


def _sorted(sql: str) -> str:
    """Return a CREATE TABLE with its lines in order, and one way to write names."""
    lines = (" ".join(line.split()).strip(",") for line in _split(sql).splitlines())
    words = (re.sub(r" ?([(),]) ?", r"\1", line) for line in lines)
    words = (re.sub(r'"(\w+)"', r"\1", line) for line in words)
    return " | ".join(sorted(line for line in words if line))


def _split(sql: str) -> str:
    """Begin a line at each column: SQLite adds a new one to the line of the last."""
    depth, found = 0, ""
    for sign in sql:
        depth += (sign == "(") - (sign == ")")
        found += "\n" if sign == "," and depth == 1 else sign
    return found
