"""What a database says of itself, as lines to compare: no code of the library is in it.

Columns are in no order: no migration moves a column, and no query needs it.
"""

import re
from collections.abc import Iterator

from sqlalchemy import Connection, Engine, text

POSTGRESQL = (
    """
    SELECT 'column', attrelid::regclass, relkind, attname,
        format_type(atttypid, atttypmod), attnotnull, attidentity, attgenerated,
        CASE WHEN attcollation <> typcollation THEN attcollation::regcollation END,
        pg_get_expr(adbin, adrelid)
    FROM pg_attribute JOIN pg_class ON pg_class.oid = attrelid
    JOIN pg_type ON pg_type.oid = atttypid
    LEFT JOIN pg_attrdef ON adrelid = attrelid AND adnum = attnum
    WHERE relnamespace IN ({own}) AND relkind IN ('r', 'p', 'v', 'm', 'f')
        AND attnum > 0 AND NOT attisdropped
    """,
    """
    SELECT 'constraint', conrelid::regclass, contypid::regtype, conname,
        pg_get_constraintdef(oid), convalidated
    FROM pg_constraint WHERE connamespace IN ({own})    """,
    """
    SELECT 'index', indexrelid::regclass, pg_get_indexdef(indexrelid), indisvalid,
        reltablespace
    FROM pg_index JOIN pg_class ON pg_class.oid = indexrelid
    WHERE relnamespace IN ({own})
    """,
    """
    SELECT 'sequence', seqrelid::regclass, seqtypid::regtype, seqstart, seqincrement,
        seqmin, seqmax, seqcache, seqcycle, refobjid::regclass, deptype, attname
    FROM pg_sequence JOIN pg_class ON pg_class.oid = seqrelid
    LEFT JOIN pg_depend ON objid = seqrelid AND deptype IN ('a', 'i')
        AND refclassid = 'pg_class'::regclass
    LEFT JOIN pg_attribute ON attrelid = refobjid AND attnum = refobjsubid
    WHERE relnamespace IN ({own})
    """,
    """
    SELECT 'table', pg_class.oid::regclass, relkind, relpersistence, reloptions, amname,
        reltablespace, relrowsecurity, pg_get_partkeydef(pg_class.oid),
        pg_get_viewdef(pg_class.oid)
    FROM pg_class LEFT JOIN pg_am ON pg_am.oid = relam
    WHERE relnamespace IN ({own}) AND relkind IN ('r', 'p', 'v', 'm', 'f')
    """,
    """
    SELECT 'inherits', inhrelid::regclass, inhparent::regclass, inhseqno
    FROM pg_inherits JOIN pg_class ON pg_class.oid = inhrelid
    WHERE relnamespace IN ({own}) AND relkind = 'r'
    """,
    """
    SELECT 'comment', pg_describe_object(classoid, objoid, objsubid), description
    FROM pg_description WHERE pg_describe_object(classoid, objoid, objsubid)
        !~ '^(schema public|extension|function|type|operator|cast)'
        AND objoid >= 16384
    """,
    """
    SELECT 'enum', typname::regtype, string_agg(enumlabel, ',' ORDER BY enumsortorder)
    FROM (
        SELECT oid AS typname FROM pg_type WHERE typnamespace IN ({own})
    ) AS types
    JOIN pg_enum ON typname = enumtypid GROUP BY typname
    """,
    """
    SELECT 'domain', pg_type.oid::regtype, format_type(typbasetype, typtypmod),
        typnotnull, typdefault, typcollation::regcollation
    FROM pg_type WHERE typtype = 'd' AND typnamespace IN ({own})
    """,
)
OWN_SCHEMAS = """
SELECT oid FROM pg_namespace
WHERE nspname !~ '^pg_' AND nspname <> 'information_schema'
"""
IGNORED = ("alembic_version", "alembic_lossless")
"""Tables of the tools', which are no part of an app."""


def snapshot(engine: Engine, schema: str) -> tuple[str, ...]:
    """Return a line for each thing that a database has.

    :param schema: the schema beside its own in which tables may be.
    """
    read = {"postgresql": _postgresql, "sqlite": _sqlite}.get(
        engine.dialect.name, _mysql
    )
    with engine.connect() as connection:
        lines = {it.replace(schema, "SCHEMA") for it in read(connection, schema)}
    return tuple(
        sorted(it for it in lines if not any(own in it.lower() for own in IGNORED))
    )


def _lines(connection: Connection, query: str) -> Iterator[str]:
    for found in connection.execute(text(query)):
        yield " ".join("·" if value is None else str(value) for value in found)


def _postgresql(connection: Connection, _: str) -> Iterator[str]:
    for query in POSTGRESQL:
        for line in _lines(connection, query.replace("{own}", OWN_SCHEMAS)):
            # Those of several CHECKs that nobody named have numbers, in any order.
            yield re.sub(r"_check\d+ CHECK", "_check CHECK", " ".join(line.split()))


def _mysql(connection: Connection, schema: str) -> Iterator[str]:
    query = text(
        "SELECT table_schema, table_name, table_type FROM information_schema.tables"
        " WHERE table_schema IN (DATABASE(), :schema)"
    )
    for database, name, kind in connection.execute(query, {"schema": schema}).all():
        quoted = f"`{database}`.`{name.replace('`', '``')}`"
        what = kind if kind in {"VIEW", "SEQUENCE"} else "TABLE"
        sql = connection.exec_driver_sql(f"SHOW CREATE {what} {quoted}").one()[1]
        there = f"`{schema}`." if database == schema else ""
        yield there + _sorted_mysql(sql.replace(f"`{database}`.", ""))


PART = r"(?:[^`]|``)+"
"""A part of a name of MariaDB's, as it stands between its quotes."""


def _sorted_mysql(sql: str) -> str:
    """Return a CREATE with its columns in order, and without what rows counted."""
    sql = re.sub(r" AUTO_INCREMENT=\d+", "", sql)
    sql = re.sub(rf"UNIQUE KEY `({PART})` \(`({PART})`", _unnamed, sql)
    # A foreign key that nobody named, and its index, may have PostgreSQL's name, too.
    sql = re.sub(rf"CONSTRAINT `{PART}_(ibfk_\d+|fkey)` FOREIGN", "FOREIGN", sql)
    sql = re.sub(rf"CONSTRAINT `(CONSTRAINT_\d+|{PART}_check\d*)` CHECK", "CHECK", sql)
    sql = re.sub(rf"( KEY) `{PART}_fkey` (\(`{PART}`)", r"\1 \2", sql)
    sql = re.sub(rf"( KEY) `({PART})` (\(`\2`)", r"\1 \3", sql)
    first, *lines = sql.splitlines()
    last = lines.pop() if lines else ""
    columns = sorted(
        it.strip().rstrip(",") for it in lines if it.lstrip().startswith("`")
    )
    rest = [it.strip().rstrip(",") for it in lines if not it.lstrip().startswith("`")]
    return " | ".join([first, *columns, *sorted(rest), last])


def _unnamed(key: re.Match[str]) -> str:
    """Return a key without the name that MariaDB gives it, or PostgreSQL would."""
    name, first = key.groups()
    is_given = name.startswith(first) or name.endswith("_key")
    return f"UNIQUE KEY (`{first}`" if is_given else key[0]


TOKEN = re.compile(
    r"""'(?:[^']|'')*'|"(?:[^"]|"")*"|`(?:[^`]|``)*`|\[[^\]]*\]|--[^\n]*|\s+|[\w$]+|."""
)


def _sqlite(connection: Connection, _: str) -> Iterator[str]:
    query = "SELECT type, name, sql FROM sqlite_master WHERE sql IS NOT NULL"
    for kind, name, sql in connection.exec_driver_sql(query):
        if not name.startswith("sqlite_"):
            yield f"{kind} {_sorted_sqlite(sql) if kind == 'table' else _plain(sql)}"


def _tokens(sql: str) -> Iterator[str]:
    """Give the words of SQL, names all quoted in one way and words in capitals."""
    for token in TOKEN.findall(sql):
        if token[0] in "`[":
            name = token[1:-1].replace("``", "`").replace('"', '""')
            yield f'"{name}"'
        elif token.isspace() or token.startswith("--"):
            continue
        elif token[0] in "'\"":
            yield token
        else:
            yield token.upper()


def _bare(token: str) -> str:
    """Return a name without quotes where that is the same name."""
    inner = token[1:-1]
    plain = token[0] == '"' and re.fullmatch(r"[A-Za-z_][\w$]*", inner)
    return inner.upper() if plain else token


def _plain(sql: str) -> str:
    return " ".join(_bare(it) for it in _tokens(sql))


def _sorted_sqlite(sql: str) -> str:
    """Return a CREATE TABLE with its parts in order."""
    words = [_bare(it) for it in _tokens(sql)]
    first = words.index("(")
    last = len(words) - words[::-1].index(")") - 1
    depth, parts = 0, [list[str]()]
    for word in words[first + 1 : last]:
        depth += (word == "(") - (word == ")")
        if depth == 0 and word == ",":
            parts.append([])
        else:
            parts[-1].append(word)
    lines = sorted(_same(" ".join(it)) for it in parts)
    return " | ".join([" ".join(words[:first]), *lines, " ".join(words[last + 1 :])])


def _same(part: str) -> str:
    """Return a part of a CREATE TABLE in one of the ways to say the same.

    A constraint that a model gives no name may have the one that PostgreSQL gives: only
    with a name can a later revision drop it.
    """
    part = re.sub(r" ON (DELETE|UPDATE) NO ACTION", "", part).replace("! =", "< >")
    part = re.sub(r"DEFAULT \( (\S+|\d+ \. \d+) \)", r"DEFAULT \1", part)
    # The column makes a number of it.
    numbers = r"(?:BIG|SMALL)?INT\w*|DECIMAL|DOUBLE|FLOAT|NUMERIC|REAL"
    part = re.sub(
        rf"^(\S+ (?:{numbers}) .*)DEFAULT '(\d+(?:\.\d+)?)'",
        lambda it: f"{it[1]}DEFAULT {it[2].replace('.', ' . ')}",
        part,
    )
    given = r"CONSTRAINT (\S+|\"[^\"]*)_(KEY|FKEY|CHECK\d*|PKEY)\"? "
    return re.sub(given, "", part, flags=re.IGNORECASE)
