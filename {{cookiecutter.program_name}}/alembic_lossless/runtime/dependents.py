"""What needs a table, a column or a type, and has to go before it on PostgreSQL.

The server describes what stands in the way, in its own language and in the words of
`pg_describe_object`. So its catalog is asked what depends on something and how that is
described, and no name is read out of a text: one that somebody else wrote names nothing
that is not there.

Source: "pg_depend" and "Object Information Functions" in PostgreSQL's documentation.
"""

from collections.abc import Iterator
from contextlib import suppress
from typing import Any, NamedTuple

from sqlalchemy import Connection, text
from sqlalchemy.exc import SQLAlchemyError

DEPENDENTS = text("""
WITH edge AS (
    SELECT classid::regclass::text AS catalog, objid, objsubid, refobjid, refobjsubid,
        pg_describe_object(classid, objid, objsubid) AS words
    FROM pg_depend WHERE deptype IN ('n', 'a') AND refobjid >= 16384
), relation AS (
    SELECT pg_class.oid, relname::text AS name, oid::regclass::text AS quoted, reltype,
        CASE WHEN NOT pg_table_is_visible(oid) THEN relnamespace::regnamespace::text END
            AS schema,
        CASE relkind WHEN 'm' THEN 'MATERIALIZED VIEW' WHEN 'c' THEN 'TYPE' ELSE 'VIEW'
        END AS kind
    FROM pg_class
)
-- A view needs something by its rule, which some messages name and some do not.
SELECT ARRAY[words, pg_describe_object('pg_class'::regclass, ev_class, 0)] AS words,
    kind, quoted AS name, NULL AS owner, NULL AS schema
FROM edge JOIN pg_rewrite ON pg_rewrite.oid = objid
    JOIN relation ON relation.oid = ev_class
WHERE catalog = 'pg_rewrite' AND rulename = '_RETURN'
UNION SELECT ARRAY[words], 'RULE', quote_ident(rulename), ev_class::regclass::text, NULL
FROM edge JOIN pg_rewrite ON oid = objid
WHERE catalog = 'pg_rewrite' AND rulename <> '_RETURN'
UNION SELECT ARRAY[words], 'TRIGGER', quote_ident(tgname), tgrelid::regclass::text, NULL
FROM edge JOIN pg_trigger ON oid = objid WHERE catalog = 'pg_trigger'
UNION SELECT ARRAY[words], 'POLICY', quote_ident(polname), polrelid::regclass::text,
    NULL
FROM edge JOIN pg_policy ON oid = objid WHERE catalog = 'pg_policy'
UNION SELECT ARRAY[words],
    CASE prokind WHEN 'a' THEN 'AGGREGATE' WHEN 'p' THEN 'PROCEDURE' ELSE 'FUNCTION'
    END, objid::regprocedure::text, NULL, NULL
FROM edge JOIN pg_proc ON oid = objid WHERE catalog = 'pg_proc'
UNION SELECT ARRAY[words], 'TYPE', objid::regtype::text, NULL, NULL
FROM edge WHERE catalog = 'pg_type'
UNION SELECT ARRAY[words], kind, reltype::regtype::text, NULL, NULL
FROM edge JOIN relation ON oid = objid WHERE catalog = 'pg_class' AND kind = 'TYPE'
UNION SELECT ARRAY[words], 'constraint', conname, name, schema
FROM edge JOIN pg_constraint ON pg_constraint.oid = objid
    JOIN relation ON relation.oid = conrelid
WHERE catalog = 'pg_constraint'
-- Where a type is changed, a computed column is told by its name and its source's.
UNION SELECT ARRAY[pg_describe_object('pg_class'::regclass, own.attrelid, own.attnum),
        format('Column "%s" is used by generated column "%s"', source.attname,
            own.attname)],
    'column', own.attname, name, schema
FROM edge LEFT JOIN pg_attrdef ON catalog = 'pg_attrdef' AND pg_attrdef.oid = objid
    JOIN pg_attribute AS own ON own.attrelid = coalesce(adrelid, objid)
        AND own.attnum = coalesce(adnum, objsubid) AND own.attgenerated <> ''
    LEFT JOIN pg_attribute AS source
        ON source.attrelid = refobjid AND source.attnum = refobjsubid
    JOIN relation ON relation.oid = own.attrelid
WHERE catalog IN ('pg_attrdef', 'pg_class')
""")
"""What depends on something: how it is described, its kind, and how it is named."""

BEFORE = "Let the revision drop it first and create it again after:"


class Dependent(NamedTuple):
    """Something that needs a table, a column or a type."""

    words: list[str]
    """How the server describes it."""
    kind: str
    name: str
    owner: str | None
    """The table that it is a part of."""
    schema: str | None
    """The table's, if it must be said."""

    @property
    def drop(self) -> str:
        """The line of a revision that drops it."""
        if self.kind in {"constraint", "column"}:
            of_schema = f", schema={_text(self.schema)}" if self.schema else ""
            names = [self.name, str(self.owner)]
            first, second = names if self.kind == "constraint" else names[::-1]
            return f"op.drop_{self.kind}({_text(first)}, {_text(second)}{of_schema})"
        on = f" ON {self.owner}" if self.owner else ""
        return f"op.execute({_text(f'DROP {self.kind} {self.name}{on}')})"


def hint(connection: Connection, error: Any) -> list[str]:
    """Say what a revision has to drop first, and to create again.

    :param connection: one whose transaction was undone.
    :param error: a driver's, whose code is that something depends on it.
    """
    said = (getattr(error.diag, "message_detail", None) or "").splitlines()
    with suppress(SQLAlchemyError), connection.begin():
        found = [Dependent(*row) for row in connection.execute(DEPENDENTS)]
        # What depends on a view stands behind it, and has to go before it.
        drops = [each.drop for line in reversed(said) for each in _in(line, found)]
        return [f"{BEFORE} {'; '.join(dict.fromkeys(drops))}"] if drops else []
    return []


def _in(line: str, dependents: list[Dependent]) -> Iterator[Dependent]:
    """Yield the one that a line of the server's begins with."""
    for each in dependents:
        if any(line.startswith((f"{words} ", f"{words}.")) for words in each.words):
            yield each


def _text(value: str) -> str:
    """Return a text as Python has it, in the quotes that it needs no escapes for."""
    return repr(value) if '"' in value else f'"{value}"'
