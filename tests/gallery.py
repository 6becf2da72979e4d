"""Every type that SQLAlchemy and the dialects of three databases export."""

import inspect
from collections.abc import Iterator

import sqlalchemy as sa
from sqlalchemy import create_engine
from sqlalchemy.dialects import mysql, postgresql, sqlite
from sqlalchemy.pool import NullPool
from sqlalchemy.types import TypeEngine

MODULES = {"sa": sa, "postgresql": postgresql, "mysql": mysql, "sqlite": sqlite}

ABSTRACT = {
    "sa.TypeDecorator": "what an app makes types of its own with",
    "sa.TupleType": "of expressions, never of columns",
    "postgresql.AbstractRange": "what ranges have in common",
    "postgresql.AbstractSingleRange": "what ranges have in common",
    "postgresql.AbstractMultiRange": "what multiranges have in common",
    "postgresql.NamedType": "what ENUM and DOMAIN have in common",
}
"""The exported types that no column can have, and what they are for."""

ARGUMENTS = {
    **dict.fromkeys(("ARRAY",), "sa.Integer"),
    **dict.fromkeys(("Enum", "ENUM"), "'one', 'it''s', name='{name}'"),
    **dict.fromkeys(
        ("String", "Unicode", "VARCHAR", "NVARCHAR", "CHAR", "NCHAR"), "20"
    ),
    **dict.fromkeys(("BINARY", "VARBINARY"), "20"),
    **dict.fromkeys(("Numeric", "NUMERIC", "DECIMAL"), "12, 3"),
    "BIT": "5",
    "DOMAIN": "'{name}', sa.Integer, create_type=False",
    "SET": "'one', 'two'",
}
"""What types are made with that need arguments, or lose something without."""

MORE = {
    "sa.String with a collation": "sa.String(20, collation={collation!r})",
    "sa.Text with a length": "sa.Text(300)",
    "sa.Float of 53": "sa.Float(53)",
    "sa.Float of 20": "sa.Float(20)",
    "sa.Numeric bare": "sa.Numeric()",
    "sa.DateTime with a zone": "sa.DateTime(timezone=True)",
    "sa.Time with a zone": "sa.Time(timezone=True)",
    "sa.Uuid as text": "sa.Uuid(as_uuid=False, native_uuid=False)",
    "sa.Interval of days": "sa.Interval(native=True, day_precision=3)",
    "sa.Enum as text": "sa.Enum('one', 'two', native_enum=False, length=9)",
    "sa.LargeBinary with a length": "sa.LargeBinary(100)",
    "sa.ARRAY of two dimensions": "sa.ARRAY(sa.String(9), dimensions=2)",
    "sa.ARRAY of Enum": "sa.ARRAY(sa.Enum('one', 'two', name='{name}'))",
    "postgresql.BIT varying": "postgresql.BIT(5, varying=True)",
    "postgresql.INTERVAL of months": "postgresql.INTERVAL(fields='YEAR TO MONTH')",
    "postgresql.TIMESTAMP of 3": "postgresql.TIMESTAMP(precision=3, timezone=True)",
    "postgresql.TIME of 3": "postgresql.TIME(precision=3)",
    "mysql.BIGINT unsigned": "mysql.BIGINT(unsigned=True)",
    "mysql.INTEGER of zeros": "mysql.INTEGER(display_width=5, zerofill=True)",
    "mysql.DATETIME of 6": "mysql.DATETIME(fsp=6)",
    "mysql.TIME of 3": "mysql.TIME(fsp=3)",
    "mysql.TIMESTAMP of 3": "mysql.TIMESTAMP(fsp=3)",
    "mysql.TINYINT of 1": "mysql.TINYINT(1)",
    "mysql.DOUBLE of digits": "mysql.DOUBLE(precision=10, scale=3, asdecimal=False)",
    "mysql.FLOAT of digits": "mysql.FLOAT(precision=8, scale=2)",
    "mysql.VARCHAR in latin1": "mysql.VARCHAR(20, charset='latin1')",
}
"""Types with the arguments that change what a database stores."""

COLLATIONS = {"sqlite": "NOCASE", "postgresql": "C", "mariadb": "utf8mb4_bin"}


def exported() -> Iterator[str]:
    """Give the name of each type that a column can have, with its module."""
    for prefix, module in MODULES.items():
        for name, found in sorted(vars(module).items()):
            if inspect.isclass(found) and issubclass(found, TypeEngine):
                yield f"{prefix}.{name}"


def expressions(database: str) -> dict[str, str]:
    """Return the types of SQLAlchemy and of a database as a model writes them, by name.

    :param database: one of `DATABASES`; a collation is its own.
    """
    own = ("sa.", f"{database.replace('mariadb', 'mysql')}.")
    found = {}
    for name in exported():
        if name not in ABSTRACT and name.startswith(own):
            arguments = ARGUMENTS.get(name.partition(".")[2], "")
            found[name] = f"{name}({arguments})"
    collation = COLLATIONS[database]
    more = {
        name: text.replace("{collation!r}", repr(collation))
        for name, text in MORE.items()
        if name.startswith(own)
    }
    return {**found, **more}


def made(expression: str) -> TypeEngine[object]:
    """Return the type that an expression of a model makes."""
    return eval(expression, dict(MODULES))  # type: ignore[no-any-return]  # noqa: S307


def known_by(url: str, types: dict[str, str]) -> dict[str, str]:
    """Return the types of which a database can make a column.

    :param types: a name for each, and its expression.
    """
    engine = create_engine(url, poolclass=NullPool)
    found = {}
    with engine.connect() as connection:
        for name, expression in types.items():
            metadata = sa.MetaData()
            sa.Table("probe", metadata, sa.Column("value", made(expression)))
            try:
                with connection.begin():
                    metadata.create_all(connection)
                    metadata.drop_all(connection)
            except Exception:  # noqa: BLE001, S112  the server or the dialect refuses it
                continue
            found[name] = expression
    return found
