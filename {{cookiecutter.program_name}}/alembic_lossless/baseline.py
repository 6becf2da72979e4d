"""The first revision of databases that have their tables already.

It is drafted from the models on an empty database of the same server, and run there.
What that database has then is compared with what is there, in the server's own words,
and a database in which nothing differs is written down to be at the revision.
"""

from __future__ import annotations

from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple

import sqlalchemy as sa
from alembic.util import CommandError

from .autogenerate.differences import FILE, accepted_in
from .rehearsal.copies import throw_away_each
from .rules import BY_HAND
from .runtime.connect import opened
from .sql import same, significant
from .types.reflection import inspector_of

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from alembic.script import Script

    from .migrations import Migrations
    from .project import Databases


def baseline(
    migrations: Migrations, message: str, connection: Databases | None = None
) -> Script:
    """Draft the first revision, prove that the databases are as it says, and stamp.

    `Migrations.baseline` tells what it is given, and returns.
    """
    _refuse_history(migrations, connection)
    names = migrations.names(connection)
    for name in names:
        url = migrations.database(name, connection=connection).url
        _refuse_other_databases(migrations, name, url)
    empty = throw_away_each(migrations, connection=connection)
    with undone_on_failure(migrations), empty as copies:
        made = migrations.revision(message, connection=copies)
        if made is None:
            raise CommandError("The models declare nothing: there is no baseline.")
        migrations.upgrade(made.revision, connection=copies)
        found = migrations.differences(connection=connection, at=made.revision)
        text = str(found or "").replace(BY_HAND, "")
        lines = [it.strip() for it in text.splitlines()[1:]]
        every = migrations.each(connection)
        for name in every:
            label = f"{name}: " if len(every) > 1 else ""
            copy = copies.get(name, copies[names[0]])  # one stands for all schemas
            lines += (
                label + it for it in _differences(migrations, name, connection, copy)
            )
        if lines:
            begin = "The database is not as the models are, and nothing is written:"
            end = "Bring one to the other, or let a difference stay by a line in"
            end += f" {migrations.folder / FILE}, then type this again."
            raise CommandError(
                "\n".join([begin, *(f"  {line}" for line in lines), end])
            )
        migrations.stamp(made.revision, connection=connection)
    return made


def _refuse_history(migrations: Migrations, connection: Databases | None) -> None:
    """Refuse where there are revisions, or where a database knows of some.

    :raises CommandError: with what there is.
    """
    if heads := migrations.heads():
        raise CommandError(
            f"There is a history already, up to {heads[0].revision}: a baseline is its"
            " first revision."
        )
    for name in migrations.each(connection):
        if stamped := migrations.stamped(name, connection=connection):
            where = migrations.database(name, connection=connection)
            raise CommandError(
                f"{where} is at {', '.join(stamped)} already, which no file here has."
                " Bring that file back."
            )


def _refuse_other_databases(migrations: Migrations, name: str, url: sa.URL) -> None:
    """Refuse models whose schema is another database: it cannot be made twice.

    :raises CommandError: with a table.
    """
    if url.get_backend_name() in {"postgresql", "sqlite"}:
        return
    migrations.project.import_models()
    for one in migrations.metadata_of(name):
        for table in one.tables.values():
            if table.schema:
                raise CommandError(
                    f"{table.fullname} is in another database on this server, of which"
                    " no empty copy can be made. Draft the first revision on an empty"
                    " server, and stamp this one."
                )


def _differences(
    migrations: Migrations,
    name: str,
    connection: Databases | None,
    empty: sa.Engine,
) -> Iterator[str]:
    """Yield what differs of that which `check` compares with the history alone.

    :param empty: a database that has what the revision makes, and nothing else.
    """
    with empty.connect() as copy:
        metadata = sa.MetaData()
        inspector = inspector_of(copy)
        schemas = {
            table.schema
            for one in migrations.metadata_of(name)
            for table in one.tables.values()
        }
        for schema in schemas | {None}:
            for table in inspector.get_table_names(schema):
                sa.Table(table, metadata, schema=schema)
        tables = [*metadata.tables.values()]
        wanted = dict(_attributes(copy, inspector, tables))
    with opened(migrations.database(name, connection=connection)) as found:
        inspector = inspector_of(found)
        known = [it for it in tables if inspector.has_table(it.name, it.schema)]
        there = dict(_attributes(found, inspector, known))
        dialect = found.dialect
    accepted = {*accepted_in(migrations.folder)}
    for key in sorted(wanted.keys() & there.keys()):
        one, other = there[key], wanted[key]
        stays = accepted & {key.table, f"{key.table}.{key.name}"}
        if one != other and not (stays or same(one, other, dialect)):
            what = f"{one or 'none'} in the database, {other or 'none'} by the models"
            yield f"{key.table}.{key.name}: {key.what}: {what}"


class _Attribute(NamedTuple):
    """What something in a database has, by the names that `-x leave=` takes."""

    table: str
    name: str
    what: str


def _attributes(
    connection: sa.Connection, inspector: sa.Inspector, tables: list[sa.Table]
) -> Iterator[tuple[_Attribute, str]]:
    """Yield what the tables of a database have."""
    for table in tables:
        where: Any = (table.name, table.schema)
        found: list[tuple[str, Iterable[tuple[str, str]]]] = [
            (it["name"], _column(it)) for it in inspector.get_columns(*where)
        ]
        unnamed, known = list[str](), set[str | None]()
        for check in inspector.get_check_constraints(*where):
            if check["name"] is None:
                unnamed.append(check["sqltext"])
            else:
                found.append((check["name"], [("CHECK", check["sqltext"])]))
        found.append(("options", [("unnamed CHECKs", ", ".join(sorted(unnamed)))]))
        for index in inspector.get_indexes(*where):
            found.append((str(index["name"]), _index(index)))
            known.add(index["name"])
        if connection.dialect.name == "sqlite":
            found += _expression_indexes(connection, table, known)
        if connection.dialect.supports_comments:
            comment = inspector.get_table_comment(*where)["text"] or ""
            found.append(("comment", [("of the table", comment)]))
        for name, attributes in found:
            for what, value in attributes:
                yield _Attribute(table.fullname, name, what), value


def _column(column: Any) -> Iterator[tuple[str, str]]:
    default = column.get("default") or ""
    # The number of a key comes from a sequence whose name is its own affair.
    yield "default", "" if default.startswith("nextval(") else default
    computed, identity = column.get("computed") or {}, column.get("identity") or {}
    yield "computed as", computed.get("sqltext", "")
    yield "computed and stored", str(computed.get("persisted", ""))
    yield "identity", str(sorted(identity.items()) or "")
    yield "comment", column.get("comment") or ""
    yield "collation", getattr(column["type"], "collation", None) or ""


def _index(index: Any) -> Iterator[tuple[str, str]]:
    parts = index.get("expressions") or index["column_names"]
    yield "index of", ", ".join(map(str, parts))
    yield "order", str(sorted(index.get("column_sorting", {}).items()))
    for option, value in index.get("dialect_options", {}).items():
        text = value if isinstance(value, str | sa.TextClause) else repr(value)
        yield option, str(text)


def _expression_indexes(
    connection: sa.Connection, table: sa.Table, known: set[str | None]
) -> Iterator[tuple[str, list[tuple[str, str]]]]:
    """Yield the indexes of a table of SQLite, which reflects none of expressions.

    :param known: those that it does reflect.
    """
    words = "SELECT name, sql FROM sqlite_master WHERE type = 'index'"
    words += " AND tbl_name = :table AND sql IS NOT NULL"
    for name, statement in connection.execute(sa.text(words), {"table": table.name}):
        if name not in known:
            pieces = significant(statement, connection.dialect)
            yield name, [("index", " ".join(it.value for it in pieces))]


@contextmanager
def undone_on_failure(migrations: Migrations) -> Iterator[None]:
    """Let the folder of revisions be as it was when something fails."""
    script = migrations.script()
    folders = [Path(it) for it in script.version_locations or [script.versions]]
    before = {
        path: path.read_bytes()
        for folder in folders
        for path in folder.glob("*")
        if path.is_file()
    }
    try:
        yield
    except BaseException:
        for folder in folders:
            for path in {*folder.glob("*")} - before.keys():
                if path.is_file():
                    path.unlink()
        for path, content in before.items():
            path.write_bytes(content)
        raise
