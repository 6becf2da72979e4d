"""The SQL that makes, changes and drops the type of an Enum on PostgreSQL."""

from collections.abc import Iterator, Mapping, Sequence

REPLACE = """\
DO $enum$
DECLARE
    old CONSTANT oid := {literal}::regtype;
    elements CONSTANT oid := (SELECT typarray FROM pg_type WHERE oid = old);
    it record;
    command text;
    moves text[] := '{{}}';
    defaults text[] := '{{}}';
    again text[] := '{{}}';
BEGIN
    FOR it IN
        SELECT format('ALTER TABLE %s DROP CONSTRAINT %I', conrelid::regclass, conname)
                AS gone,
            format('ALTER TABLE %s ADD CONSTRAINT %I %s', conrelid::regclass, conname,
                pg_get_constraintdef(pg_constraint.oid)) AS made
        FROM pg_constraint
        WHERE contype IN ('c', 'x') AND coninhcount = 0 AND EXISTS (
            SELECT FROM pg_attribute WHERE attrelid = conrelid
            AND attnum = ANY (conkey) AND atttypid IN (old, elements))
        UNION
        SELECT format('DROP INDEX %s', indexrelid::regclass),
            pg_get_indexdef(indexrelid)
        FROM pg_index
        JOIN pg_depend ON classid = 'pg_class'::regclass AND objid = indexrelid
            AND refclassid = 'pg_class'::regclass AND refobjid = indrelid
        JOIN pg_attribute ON attrelid = indrelid AND attnum = refobjsubid
        WHERE atttypid IN (old, elements)
            AND (indpred IS NOT NULL OR indexprs IS NOT NULL)
            AND NOT EXISTS (SELECT FROM pg_constraint WHERE conindid = indexrelid)
            AND NOT EXISTS (SELECT FROM pg_inherits WHERE inhrelid = indexrelid)
    LOOP
        EXECUTE it.gone;
        again := again || it.made;
    END LOOP;
    FOR it IN
        SELECT format('ALTER TABLE %s ALTER %I', attrelid::regclass, attname) AS change,
            format('%I', attname) AS col, atttypid = elements AS many,
            CASE WHEN attgenerated = '' THEN pg_get_expr(adbin, adrelid) END AS def
        FROM pg_attribute
        JOIN pg_class ON pg_class.oid = attrelid AND relkind IN ('r', 'p')
        LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
        WHERE atttypid IN (old, elements) AND NOT attisdropped AND attinhcount = 0
    LOOP
        IF it.def IS NOT NULL THEN
            EXECUTE it.change || ' DROP DEFAULT';
            defaults := defaults || (it.change || ' SET DEFAULT ' || it.def);
        END IF;
        IF it.many THEN
            moves := moves || (it.change || ' TYPE ' || {new} || '[] USING ' || it.col
                || '::text[]::' || {new} || '[]');
        ELSE
            moves := moves || (it.change || ' TYPE ' || {new} || ' USING ' || it.col
                || '::text::' || {new});
        END IF;
    END LOOP;
    {create};
    FOREACH command IN ARRAY moves LOOP
        EXECUTE command;
    END LOOP;
    {drop};
    {rename};
    FOREACH command IN ARRAY defaults LOOP
        BEGIN
            EXECUTE command;
        EXCEPTION WHEN invalid_text_representation THEN
            NULL;  -- a value that is gone is no default any more
        END;
    END LOOP;
    FOREACH command IN ARRAY again LOOP
        EXECUTE command;
    END LOOP;
END $enum$"""
"""Replace a type, and move every column of it, or of arrays of it, to the new one.

Indexes and constraints that compare such a column are made again: PostgreSQL has no
operator between the two types. The old one keeps its name until it goes, so that an
error speaks of it by that.
"""


def create(name: str, values: Sequence[str], *, schema: str | None = None) -> str:
    """Return the statement that makes a type."""
    return f"CREATE TYPE {_identifier(name, schema)} AS ENUM ({_literals(values)})"


def drop(name: str, *, schema: str | None = None) -> str:
    """Return the statement that drops a type."""
    return f"DROP TYPE {_identifier(name, schema)}"


def change(
    name: str,
    old: Sequence[str],
    new: Sequence[str],
    renamed: Mapping[str, str],
    *,
    schema: str | None = None,
) -> Iterator[str]:
    """Give the statements that give a type other values, and keep every row.

    PostgreSQL removes no value, and one that it adds cannot be used before the commit:
    so the columns move to a new type. That rewrites their tables; a rename does not.
    """
    quoted = _identifier(name, schema)
    for value, becomes in renamed.items():
        pair = f"{_literal(value)} TO {_literal(becomes)}"
        yield f"ALTER TYPE {quoted} RENAME VALUE {pair}"
    if {renamed.get(value, value) for value in old} != set(new):
        aside = f"{name}__new"
        made = _identifier(aside, schema)
        yield REPLACE.format(
            literal=_literal(quoted),
            new=_literal(made),
            create=create(aside, new, schema=schema),
            drop=drop(name, schema=schema),
            rename=f"ALTER TYPE {made} RENAME TO {_identifier(name)}",
        )


def add(
    name: str, old: Sequence[str], new: Sequence[str], *, schema: str | None = None
) -> Iterator[str]:
    """Give the statements that add values where they stand among the others.

    Each takes an instant; none may be in a transaction with one that uses the value.
    """
    before = ""
    for value in new:
        if value not in old:
            place = f" AFTER {_literal(before)}" if before else ""
            place = place or f" BEFORE {_literal(old[0])}"
            yield (
                f"ALTER TYPE {_identifier(name, schema)} ADD VALUE IF NOT EXISTS"
                f" {_literal(value)}{place}"
            )
        before = value


def _identifier(name: str, schema: str | None = None) -> str:
    quoted = '"' + name.replace('"', '""') + '"'
    return f"{_identifier(schema)}.{quoted}" if schema else quoted


def _literal(value: str) -> str:
    return "'" + value.replace("'", "''") + "'"


def _literals(values: Sequence[str]) -> str:
    return ", ".join(map(_literal, values))
