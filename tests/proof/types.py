"""Random types: every class that SQLAlchemy exports, with each argument it has."""

import inspect
import sqlite3
from collections.abc import Callable, Container, Iterator, Sequence
from random import Random
from typing import Any

import sqlalchemy as sa
from gallery import ABSTRACT, COLLATIONS, MODULES, exported
from sqlalchemy.dialects import mysql, postgresql

from .described import Type

LENGTHS = ("12", "20", "40", "60")
FLAGS = ("True", "False")

ARGUMENTS: dict[str, Sequence[str]] = {
    "length": LENGTHS,
    "collation": ("COLLATION",),
    "timezone": FLAGS,
    "precision": ("9", "12"),
    "scale": ("0", "2", "3"),
    "decimal_return_scale": ("3",),
    "asdecimal": FLAGS,
    "create_constraint": FLAGS,
    "name": ("'named by hand'", "'flag'"),
    "native": FLAGS,
    "second_precision": ("3", "6"),
    "day_precision": ("3",),
    "none_as_null": FLAGS,
    "protocol": ("4",),
    "impl": ("sa.LargeBinary(300)",),
    "as_uuid": FLAGS,
    "native_uuid": FLAGS,
    "as_tuple": FLAGS,
    "dimensions": ("1",),
    "zero_indexes": FLAGS,
    "varying": FLAGS,
    "text_type": ("sa.Text()",),
    "astext_type": ("sa.Text()",),
    "fields": ("'DAY TO SECOND'", "'HOUR TO SECOND'"),
    "display_width": ("5", "9"),
    "unsigned": FLAGS,
    "zerofill": FLAGS,
    "charset": ("'latin1'", "'utf8mb4'"),
    "ascii": FLAGS,
    "unicode": FLAGS,
    "binary": FLAGS,
    "national": FLAGS,
    "fsp": ("0", "3", "6"),
    "truncate_microseconds": FLAGS,
}
"""What each argument of a type can be, in Python."""

OWN_ARGUMENTS: dict[str, Sequence[str]] = {
    "mysql.TINYINT.display_width": ("1", "4"),
    "mysql.YEAR.display_width": ("4",),
    "postgresql.BIT.length": ("5",),
    "mysql.BIT.length": ("8",),
    "postgresql.INTERVAL.precision": ("3", "6"),
    "postgresql.TIME.precision": ("0", "3"),
    "postgresql.TIMESTAMP.precision": ("0", "3"),
    "sa.BINARY.length": ("20",),
    "mysql.BINARY.length": ("20",),
    "mysql.MEDIUMTEXT.charset": ("'latin1'",),
}
"""Where an argument can be something else in one class."""

NEEDED = {
    "ARRAY": ("item_type",),
    "String": ("length",),
    "Unicode": ("length",),
    "VARCHAR": ("length",),
    "NVARCHAR": ("length",),
    "CHAR": ("length",),
    "NCHAR": ("length",),
    "VARBINARY": ("length",),
    "BINARY": ("length",),
    "BIT": ("length",),
}
"""The arguments without which a class makes no column, or loses values."""

TOGETHER = {
    "scale": ("precision",),
    "zerofill": (),
}
"""The arguments that say nothing without others."""

AGAINST = (
    {"charset", "ascii", "unicode", "binary", "national", "collation"},
    {"zerofill", "unsigned"},
    {"second_precision", "native"},
    {"fields", "precision"},
)
"""The arguments of which one is enough."""

REFUSED = {
    "sqlite": {
        "sa.ARRAY",
        *(["sqlite.JSONB"] if sqlite3.sqlite_version_info < (3, 45) else []),
    },
    "postgresql": {
        "sa.BINARY",
        "sa.BLOB",
        "sa.CLOB",
        "sa.DATETIME",
        "sa.DOUBLE",
        "sa.NVARCHAR",
        "sa.VARBINARY",
    },
    "mariadb": {"sa.ARRAY", "sa.CLOB"},
}
"""The types of which a database makes no column; `create_all` fails."""

WITHOUT = {
    "postgresql": dict.fromkeys(("TEXT", "Text", "UnicodeText"), ("length",)),
    # It wants a scale, too, which these have not.
    "mariadb": dict.fromkeys(("Double", "DOUBLE_PRECISION"), ("precision",)),
}
"""The arguments with which a database makes no column."""

DATE_FORMAT = "'%(year)04d/%(month)02d/%(day)02d'"
DATE_PATTERN = r"r'(\d+)/(\d+)/(\d+)'"

NAMED = {"Enum", "ENUM", "DOMAIN"}
"""The types with a name, which `generate` makes."""


def prefixes(database: str) -> tuple[str, str]:
    """Return the modules whose types a database has."""
    return "sa.", f"{database.replace('mariadb', 'mysql')}."


def classes(database: str) -> list[str]:
    """Return the types that a model of a database can have, by module and class."""
    own = prefixes(database)
    return [
        name
        for name in exported()
        if name.startswith(own) and name not in ABSTRACT
        if name not in REFUSED[database] and name.partition(".")[2] not in NAMED
    ]


def parameters(name: str) -> list[str]:
    """Return the arguments of a type, those of its bases behind `**kw` too."""
    module, _, cls = name.partition(".")
    found = dict[str, None]()
    for base in getattr(MODULES[module], cls).__mro__:
        if "__init__" not in vars(base) or base is object:
            continue
        given = inspect.signature(base.__init__).parameters.values()
        found |= {
            it.name: None
            for it in given
            if it.kind not in {it.VAR_POSITIONAL, it.VAR_KEYWORD}
            if it.name != "self" and not it.name.startswith("_")
        }
        if not any(it.kind is it.VAR_KEYWORD for it in given):
            break
    return [*found]


def random_type(rng: Random, database: str, known: Container[str] = ()) -> Type:
    """Return a type that a database has, with random arguments.

    :param known: the features to keep off.
    """
    names = classes(database)
    plain = [it for it in names if it.startswith("sa.")]
    while True:
        name = rng.choice(plain if rng.random() < 0.6 else names)
        expression = expression_of(rng, name, database)
        if not any(name in known for name in features_of(expression)):
            return typed(expression, database)


def features_of(expression: str) -> Iterator[str]:
    """Give what a type has that may have a known fault."""
    if "create_constraint" in expression:
        yield "CHECK of a Boolean"
    if "storage_format" in expression:
        yield "storage_format"
    if "Text(" in expression and "length" in expression and "collation" in expression:
        yield "Text.length and collation"


def expression_of(rng: Random, name: str, database: str) -> str:
    """Return a type as a model writes it."""
    cls = name.partition(".")[2]
    if cls == "SET":
        return f"{name}('one', 'two', 'three')"
    chosen = dict[str, str]()
    for parameter in parameters(name):
        needed = parameter in NEEDED.get(cls, ())
        values = values_for(name, parameter)
        if values and (needed or rng.random() < 0.3) and fits(parameter, chosen):
            chosen[parameter] = rng.choice(values)
    for parameter in WITHOUT.get(database, {}).get(cls, ()):
        chosen.pop(parameter, None)
    chosen |= together(rng, name, chosen)
    collation = repr(COLLATIONS[database])
    if database == "mariadb" and cls in {"NCHAR", "NVARCHAR"}:
        collation = "'utf8mb3_bin'"
    words = (
        f"{key}={value.replace('COLLATION', collation)}"
        for key, value in chosen.items()
    )
    return f"{name}({', '.join(words)})"


def fits(parameter: str, chosen: Container[str]) -> bool:
    """Tell whether an argument says something beside those that are chosen."""
    against = (some for some in AGAINST if parameter in some)
    needs = TOGETHER.get(parameter, ())
    return all(it in chosen for it in needs) and not any(
        it in chosen for some in against for it in some
    )


def together(rng: Random, name: str, chosen: Container[str]) -> dict[str, str]:
    """Return the arguments that a class wants beside those that are chosen."""
    if "create_constraint" in chosen or "name" in chosen:
        return {"create_constraint": "True", "name": rng.choice(ARGUMENTS["name"])}
    if name in {"mysql.FLOAT", "mysql.DOUBLE", "mysql.REAL"} and "precision" in chosen:
        return {"scale": "3"}
    if name.endswith(".ARRAY"):
        items = ("sa.Integer()", "sa.String(20)", "sa.Numeric(9, 2)")
        return {"item_type": rng.choice(items)}
    if name == "sqlite.DATE" and rng.random() < 0.3:
        return {"storage_format": DATE_FORMAT, "regexp": DATE_PATTERN}
    return {}


def values_for(name: str, parameter: str) -> Sequence[str]:
    """Return what an argument of a type can be, or nothing for one that is left out."""
    from .left_out import TYPES  # noqa: PLC0415  it asks what is not left out here

    cls = name.partition(".")[2]
    if parameter in TYPES or f"{cls}.{parameter}" in TYPES:
        return ()
    return OWN_ARGUMENTS.get(f"{name}.{parameter}", ARGUMENTS.get(parameter, ()))


def typed(expression: str, database: str, needs: str = "") -> Type:
    """Return the type of an expression, with values of it."""
    cls = expression.partition("(")[0]
    made = _made(expression)
    family, values, fill = _values(cls.partition(".")[2], made, database)
    return Type(expression, family, tuple(values), fill, needs)


def _made(expression: str) -> sa.types.TypeEngine[object]:
    return eval(expression, dict(MODULES))  # type: ignore[no-any-return]  # noqa: S307


SPECIAL = {
    "INET": ("'10.0.0.1'", "'10.0.0.2'", "'::1'"),
    "CIDR": ("'10.0.0.0/8'", "'10.1.0.0/16'", "'10.2.0.0/16'"),
    "INET4": ("'10.0.0.1'", "'10.0.0.2'", "'10.0.0.3'"),
    "INET6": ("'::1'", "'::2'", "'fe80::1'"),
    "MACADDR": (
        "'08:00:2b:01:02:03'",
        "'08:00:2b:01:02:04'",
        "'08:00:2b:01:02:05'",
    ),
    "MACADDR8": (
        "'08:00:2b:01:02:03:04:05'",
        "'08:00:2b:01:02:03:04:06'",
        "'08:00:2b:01:02:03:04:07'",
    ),
    "MONEY": ("'12.34'", "'0.01'", "'-5.00'"),
    "OID": ("5", "6", "7"),
    "REGCLASS": ("'pg_class'", "'pg_type'", "'pg_proc'"),
    "REGCONFIG": ("'english'", "'simple'", "'german'"),
    "TSVECTOR": ("\"'cat':2 'fat':1\"", "\"'dog':1\"", "\"'x':1\""),
    "TSQUERY": ("\"'fat' & 'cat'\"", "\"'dog'\"", "\"'x'\""),
    "JSONPATH": ("'$.\"a\"'", "'$.\"b\"'", "'$'"),
    "HSTORE": ("{'a': '1'}", "{'it\\'s': None}", "{}"),
    "YEAR": ("2001", "2026", "1999"),
    "SET": ("{'one'}", "{'one', 'two'}", "{'three'}"),
    "INT4RANGE": ("postgresql.Range(1, 5)", "postgresql.Range(2, 9)"),
    "INT8RANGE": ("postgresql.Range(1, 5)", "postgresql.Range(2, 9)"),
    "NUMRANGE": ("postgresql.Range(1, 5)", "postgresql.Range(2, 9)"),
    "DATERANGE": (
        "postgresql.Range(date(2026, 1, 2), date(2026, 3, 4))",
        "postgresql.Range(date(2025, 1, 2), date(2026, 3, 4))",
    ),
    "TSRANGE": (
        "postgresql.Range(datetime(2026, 1, 2), datetime(2026, 3, 4))",
        "postgresql.Range(datetime(2025, 1, 2), datetime(2026, 3, 4))",
    ),
    "TSTZRANGE": (
        "postgresql.Range(datetime(2026, 1, 2, tzinfo=UTC), None)",
        "postgresql.Range(datetime(2025, 1, 2, tzinfo=UTC), None)",
    ),
}
"""Values of types that only one database has."""

FILLS = {
    "INET": "192.168.0.1/24",
    "CIDR": "192.168.0.0/24",
    "INET4": "192.168.0.1",
    "INET6": "fe80::7",
    "MACADDR": "08:00:2b:01:02:07",
    "MACADDR8": "08:00:2b:01:02:03:04:09",
    "MONEY": "7.50",
    "OID": "77",
    "REGCLASS": "pg_attribute",
    "REGCONFIG": "french",
    "TSVECTOR": "'cow':3",
    "TSQUERY": "cat",
    "JSONPATH": "$",
    "HSTORE": '{"b": null, "it\'s": "2"}',
    "YEAR": "2020",
    "SET": "one,three",
    "INT4RANGE": "[3,7)",
    "INT8RANGE": "[3,7)",
    "NUMRANGE": "[0.5,7]",
    "DATERANGE": "[2026-01-02,2026-02-03)",
    "TSRANGE": "[2026-01-02 03:04:05,2026-02-03 00:00)",
    "TSTZRANGE": "[2026-01-02 03:04:05+00:00,)",
}
"""What one types for these."""

Values = tuple[str, Sequence[str], str]


def _values(cls: str, made: object, database: str) -> Values:
    """Return the family of a type, some of its values and what one types for it."""
    if cls in SPECIAL:
        return cls, SPECIAL[cls], FILLS[cls]
    if cls.endswith("MULTIRANGE"):
        single = cls.replace("MULTI", "")
        some = [f"[{it}]" for it in SPECIAL[single]]
        return cls, some, f"{{{FILLS[single]}}}"
    for kinds, values in FAMILIES:
        if isinstance(made, kinds):
            return values(made, database)
    raise NotImplementedError(f"values of {made!r}")


def _bits(_: Any, database: str) -> Values:
    bits = ("'10101'", "'00001'", "'11111'")
    return "bits", bits if database == "postgresql" else ("5", "1", "7"), "10001"


def _pickles(*_: Any) -> Values:
    return "pickle", ("[1, 'it']", "{'a': None}", "'text'"), ""


def _arrays(made: Any, database: str) -> Values:
    _, values, fill = _values("", made.item_type, database)
    one, two, three = (*values, *values, *values)[:3]
    brackets = "({},)" if made.as_tuple else "[{}]"
    return (
        "array",
        [brackets.format(it) for it in (f"{one}, {two}", three, two)],
        f'["{fill}", "{fill}"]',
    )


def _documents(*_: Any) -> Values:
    return "json", ("{'a': [1, 'it']}", "[]", "'text'"), """{"b": "it's"}"""


def _booleans(*_: Any) -> Values:
    return "boolean", ("True", "False", "True"), "true"


def _integers(made: Any, _: str) -> Values:
    # MariaDB counts where a key is 0.
    last = "99" if isinstance(made, mysql.TINYINT) else "30000"
    return "integer", ("1", "3", last), "7"


def _floats(made: Any, _: str) -> Values:
    texts = ("0.5", "12.25", "3")
    return "float", _numbers(texts, decimal=made.asdecimal), "1.5"


def _decimals(made: Any, database: str) -> Values:
    # With a precision alone there is nothing after the point, as SQLite does not know.
    is_free = made.precision is None and database != "mariadb"
    scale = 2 if made.scale is None and is_free else made.scale
    texts = ("1.25", "0.5", "42") if scale else ("1", "0", "42")
    return "decimal", _numbers(texts, decimal=made.asdecimal), "2"


def _numbers(texts: Sequence[str], *, decimal: bool) -> list[str]:
    return [f"Decimal('{it}')" if decimal else it for it in texts]


def _texts(made: Any, database: str) -> Values:
    plain = ["it's", "a%b:c", 'x"\\y']
    if "latin1" not in repr(made) and not getattr(made, "ascii", None):
        plain[2] = 'é"\\y'
    fixed = isinstance(made, (sa.CHAR, sa.NCHAR)) and database == "postgresql"
    length = made.length or 12
    some = [repr(it.ljust(length) if fixed else it) for it in plain]
    return "text", some, "some"


def _binaries(made: Any, _: str) -> Values:
    fixed = isinstance(made, sa.BINARY) and made.length
    some = (b"\x00it's", b"\xff%", b"plain")
    return "binary", [repr(it.ljust(fixed or 0, b"\x00")) for it in some], "0x00ff27"


def _dates(*_: Any) -> Values:
    days = ("date(2026, 2, 28)", "date(1999, 12, 31)", "date(2030, 1, 1)")
    return "date", days, "2020-02-03"


def _behind_second(made: Any, database: str) -> str:
    """Return what is behind the second, as much of it as a type keeps."""
    names = {"postgresql": ("precision", 6), "mariadb": ("fsp", 0)}
    name, most = names.get(database, ("", 0))
    digits = getattr(made, name, None) if name else 0
    digits = most if digits is None else digits
    return f", {'123456'[:digits]:0<6}" if digits else ""


def _moments(made: Any, database: str) -> Values:
    zone = ", tzinfo=UTC" if made.timezone and database == "postgresql" else ""
    first = f"2026, 2, 28, 1, 2, 3{_behind_second(made, database)}"
    days = (first, "2001, 1, 1, 0, 0", "2030, 5, 6, 23, 59, 59")
    some = [f"datetime({it}{zone})" for it in days]
    return "zoned" if zone else "datetime", some, "2020-02-03 04:05:06"


def _times(made: Any, database: str) -> Values:
    zone = ", tzinfo=UTC" if made.timezone and database == "postgresql" else ""
    first = f"1, 2, 3{_behind_second(made, database)}"
    some = [f"time({it}{zone})" for it in (first, "0, 0", "23, 59, 59")]
    return "zoned time" if zone else "time", some, "04:05:06"


def _spans(*_: Any) -> Values:
    spans = ("timedelta(hours=1)", "timedelta(days=2)", "timedelta(seconds=5)")
    return "interval", spans, "1 day 02:03:04"


def _uuids(made: Any, _: str) -> Values:
    form = "UUID('{}')" if made.as_uuid else "'{}'"
    ids = (f"{it * 8}-{it * 4}-4{it * 3}-8{it * 3}-{it * 12}" for it in "abc")
    typed_one = "77777777-7777-4777-8777-777777777777"
    return "uuid", [form.format(it) for it in ids], typed_one


FAMILIES: tuple[tuple[Any, Callable[[Any, str], Values]], ...] = (
    ((postgresql.BIT, mysql.BIT), _bits),
    (sa.PickleType, _pickles),
    (sa.ARRAY, _arrays),
    (sa.JSON, _documents),
    (sa.Boolean, _booleans),
    (sa.Integer, _integers),
    (sa.Float, _floats),
    (sa.Numeric, _decimals),
    (sa.String, _texts),
    (sa.types._Binary, _binaries),  # noqa: SLF001  what LargeBinary and BINARY share
    (sa.Date, _dates),
    (sa.DateTime, _moments),
    (sa.Time, _times),
    ((sa.Interval, postgresql.INTERVAL), _spans),
    (sa.Uuid, _uuids),
)
"""What the values of each kind of type are like; the first that fits."""


def wrapped(rng: Random, uid: str) -> Type:
    """Return a type of the app's own: a TypeDecorator with a bind step."""
    name = f"Own{uid.upper()}"
    impl, family, bind, result, values, fill = rng.choice(OWN)
    needs = f"""class {name}(sa.TypeDecorator):
    impl = {impl}
    cache_ok = True

    def process_bind_param(self, value, dialect):
        return None if value is None else {bind}

    def process_result_value(self, value, dialect):
        return None if value is None else {result}
"""
    return Type(f"{name}()", family, values, fill, needs)


OWN = (
    (
        "sa.Integer",
        "own integer",
        "round(value * 100)",
        "Decimal(value) / 100",
        ("Decimal('1.25')", "Decimal('0')", "Decimal('42')"),
        "7",
    ),
    (
        "sa.String(40)",
        "own text",
        "'<' + value + '>'",
        "value[1:-1]",
        ("'it\\'s'", "''", "'x%y'"),
        "<some>",
    ),
    (
        "sa.Text",
        "own list",
        "','.join(value)",
        "value.split(',')",
        ("['a', 'b']", "['c']", "['d', 'e']"),
        "x,y",
    ),
)
"""Types of apps: what they store, how they bind and read it, and some values."""


def variant(rng: Random, database: str) -> Type:
    """Return a type that is another one on one of the databases."""
    pairs = (
        ("sa.Text()", "mysql.LONGTEXT()", "mysql"),
        ("sa.JSON()", "postgresql.JSONB()", "postgresql"),
        ("sa.BigInteger()", "sa.Integer()", "sqlite"),
        ("sa.String(40)", "sa.Text()", "sqlite"),
        ("sa.DateTime()", "mysql.DATETIME(fsp=6)", "mysql"),
        ("sa.LargeBinary()", "mysql.LONGBLOB()", "mysql"),
    )
    first, second, other = rng.choice(pairs)
    here = second if other == database.replace("mariadb", "mysql") else first
    found = typed(here, database)
    expression = f"{first}.with_variant({second}, {other!r})"
    return Type(expression, found.family, found.values, found.fill)


def every_argument() -> Iterator[str]:
    """Give each argument of each type, as `Class.argument`."""
    for name in exported():
        if name not in ABSTRACT:
            for parameter in parameters(name):
                yield f"{name}.{parameter}"
