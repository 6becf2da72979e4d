"""Second judges: packages that share no code with the library, nor with `catalogs`.

`results` says what SQL would make one schema of PostgreSQL the other; `sqlglot` reads
the text that SQLite keeps. Nothing else needs them: `pip install results sqlglot`.
"""

from collections.abc import Iterator
from importlib import import_module
from logging import ERROR, getLogger
from typing import Any

from sqlalchemy import Engine

UNNAMED = ("_key", "_fkey", "_check", "_pkey")
"""How names end that PostgreSQL would give, and a first draft gives for it."""


def schema_of(engine: Engine) -> Any:
    """Return what a judge sees of a database, None where there is no judge."""
    read = {"postgresql": _postgresql, "sqlite": _sqlite}.get(engine.dialect.name)
    return read(engine) if read else None


def unlike(made: Any, there: Any) -> str:
    """Return how a schema differs from the one that should be, in the judge's words."""
    if isinstance(made, frozenset):
        lines = [
            *(f"- {it}" for it in made - there),
            *(f"+ {it}" for it in there - made),
        ]
        return "\n".join(sorted(lines))
    migration = import_module("results.dbdiff").Migration(there, made)
    migration.set_safety(False)
    migration.add_all_changes_ordered()
    own = ("alembic_version", "alembic_lossless")
    said = (str(it).strip() for it in migration.statements)
    return "\n".join(it for it in said if not any(name in it for name in own))


def _postgresql(engine: Engine) -> Any:
    schemainspect = import_module("results.schemainspect")
    connection: Any = engine.raw_connection()
    try:
        return schemainspect.PostgreSQL(connection.cursor())
    finally:
        connection.close()


def _sqlite(engine: Engine) -> frozenset[str]:
    query = (
        "SELECT sql FROM sqlite_master"
        " WHERE sql IS NOT NULL AND name NOT LIKE 'alembic%'"
    )
    with engine.connect() as connection:
        texts = [*connection.exec_driver_sql(query).scalars()]
    return frozenset(part for text in texts for part in _parts(text))


def _parts(text: str) -> Iterator[str]:
    """Give the parts of a CREATE, each with what it is a part of."""
    sqlglot = import_module("sqlglot")
    getLogger("sqlglot").setLevel(ERROR)
    tree = sqlglot.parse_one(text, read="sqlite")
    if isinstance(tree, sqlglot.exp.Command):
        return  # WITHOUT ROWID, ON CONFLICT and others: it does not read them
    for default in tree.find_all(sqlglot.exp.DefaultColumnConstraint):
        default.set("this", default.this.unnest())
    body = tree.this
    if not isinstance(body, sqlglot.exp.Schema):
        yield _written(tree)
        return
    table = _written(body.this)
    for part in body.expressions:
        if isinstance(part, sqlglot.exp.Constraint) and part.name.endswith(UNNAMED):
            yield f"{table}: {' '.join(map(_written, part.expressions))}"
        else:
            yield f"{table}: {_written(part)}"
    yield f"{table}: {[_written(it) for it in tree.args.get('properties') or ()]}"


def _written(tree: Any) -> str:
    return str(tree.sql(dialect="sqlite", identify=True)).replace(" NO ACTION", "")
