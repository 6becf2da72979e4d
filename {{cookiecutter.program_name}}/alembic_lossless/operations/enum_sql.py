"""The SQL that makes, changes and drops the type of an Enum on PostgreSQL."""

from collections.abc import Iterator, Mapping, Sequence

MOVE_COLUMNS = """\
DO $$
DECLARE it record;
BEGIN
    FOR it IN
        SELECT attrelid::regclass AS tab, attname AS col,
            pg_get_expr(adbin, adrelid) AS def
        FROM pg_attribute
        JOIN pg_class ON pg_class.oid = attrelid AND relkind IN ('r', 'p')
        LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
        WHERE atttypid = {old_literal}::regtype AND NOT attisdropped
    LOOP
        EXECUTE format('ALTER TABLE %s ALTER %I DROP DEFAULT', it.tab, it.col);
        EXECUTE format('ALTER TABLE %s ALTER %I TYPE {new} USING %I::text::{new}',
            it.tab, it.col, it.col);
        IF split_part(it.def, '''', 2) IN ({values}) THEN
            EXECUTE format('ALTER TABLE %s ALTER %I SET DEFAULT %L',
                it.tab, it.col, split_part(it.def, '''', 2));
        END IF;
    END LOOP;
END $$"""
"""Move every column of a type to another, and a default that is a value of both."""


def create(name: str, values: Sequence[str]) -> str:
    """Return the statement that makes a type."""
    return f"CREATE TYPE {_identifier(name)} AS ENUM ({_literals(values)})"


def drop(name: str) -> str:
    """Return the statement that drops a type."""
    return f"DROP TYPE {_identifier(name)}"


def change(
    name: str, old: Sequence[str], new: Sequence[str], renamed: Mapping[str, str]
) -> Iterator[str]:
    """Give the statements that give a type other values, and keep every row.

    PostgreSQL removes no value, and one that it adds cannot be used before the commit:
    so the columns move to a new type. That rewrites their tables; a rename does not.
    """
    for value, becomes in renamed.items():
        pair = f"{_literal(value)} TO {_literal(becomes)}"
        yield f"ALTER TYPE {_identifier(name)} RENAME VALUE {pair}"
    if {renamed.get(value, value) for value in old} != set(new):
        aside = _identifier(f"{name}__old")
        yield f"ALTER TYPE {_identifier(name)} RENAME TO {aside}"
        yield create(name, new)
        yield MOVE_COLUMNS.format(
            old_literal=_literal(aside), new=_identifier(name), values=_literals(new)
        )
        yield drop(f"{name}__old")


def add(name: str, old: Sequence[str], new: Sequence[str]) -> Iterator[str]:
    """Give the statements that add values where they stand among the others.

    Each takes an instant; none may be in a transaction with one that uses the value.
    """
    before = ""
    for value in new:
        if value not in old:
            place = f" AFTER {_literal(before)}" if before else ""
            place = place or f" BEFORE {_literal(old[0])}"
            yield (
                f"ALTER TYPE {_identifier(name)} ADD VALUE IF NOT EXISTS"
                f" {_literal(value)}{place}"
            )
        before = value


def _identifier(name: str) -> str:
    return '"' + name.replace('"', '""') + '"'


def _literal(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _literals(values: Sequence[str]) -> str:
    return ", ".join(map(_literal, values))
