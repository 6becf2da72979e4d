"""What the lint says of an operation is what the server does."""

from collections.abc import Callable, Iterator
from io import StringIO
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import MigrateOperation, Operations, ops
from alembic_lossless.lint.rules import (
    Finding,
    Growth,
    Harm,
    Server,
    Situation,
    examine,
)
from alembic_lossless.operations.objects import alter_domain
from servers import empty_database
from sqlalchemy.pool import NullPool

KEY = (None, "friend")
COLUMNS: dict[str, sa.types.TypeEngine[Any]] = {
    "id": sa.Integer(),
    "name": sa.String(100),
    "nick": sa.String(40),
    "email": sa.String(20),
    "age": sa.Integer(),
    "city_id": sa.Integer(),
    "owed": sa.Numeric(10, 2),
    "note": sa.Text(),
    "seen": sa.DateTime(),
    "mood": sa.Enum("sad", "glad", name="mood", native_enum=False, length=10),
}

Make = Callable[[], MigrateOperation]


def retype(column: str, new: sa.types.TypeEngine[Any]) -> Make:
    """Return what makes an operation that gives a column another type."""
    return lambda: ops.AlterColumnOp(
        "friend", column, existing_type=COLUMNS[column], modify_type=new
    )


def add(*arguments: Any, **options: Any) -> Make:
    """Return what makes an operation that adds a column."""
    column = sa.Column("new", *arguments, **options)
    # A column belongs to one table: each operation gets its own.
    return lambda: ops.AddColumnOp("friend", column._copy())  # noqa: SLF001


def alter(column: str, **changes: Any) -> Make:
    """Return what makes an operation that changes a column, and not its type."""
    known = COLUMNS[column]
    return lambda: ops.AlterColumnOp("friend", column, existing_type=known, **changes)


CASES: dict[str, Make] = {
    "index": lambda: ops.CreateIndexOp("ix", "friend", ["name"]),
    "unique index": lambda: ops.CreateIndexOp("ix", "friend", ["id"], unique=True),
    "drop index": lambda: ops.DropIndexOp("ix_age", "friend"),
    "unique": lambda: ops.CreateUniqueConstraintOp("uq", "friend", ["id", "name"]),
    "foreign key": lambda: ops.CreateForeignKeyOp(
        "fk", "friend", "city", ["city_id"], ["id"]
    ),
    "check": lambda: ops.CreateCheckConstraintOp("ck", "friend", "age > 0"),
    "drop check": lambda: ops.DropConstraintOp("ck_age", "friend", type_="check"),
    "not null": alter("age", modify_nullable=False),
    "null": alter("email", modify_nullable=True),
    "default": alter("name", modify_server_default="x"),
    "no default": alter("email", modify_server_default=None, existing_nullable=False),
    "rename": alter("name", modify_name="full_name"),
    "rename table": lambda: ops.RenameTableOp("friend", "person"),
    "drop column": lambda: ops.DropColumnOp("friend", "name"),
    "narrower": retype("name", sa.String(60)),
    "wider": retype("name", sa.String(160)),
    "wider within a byte": retype("nick", sa.String(60)),
    "wider beyond a byte": retype("nick", sa.String(80)),
    "to text": retype("name", sa.Text()),
    "text to string": retype("note", sa.String(160)),
    "bigint": retype("age", sa.BigInteger()),
    "more digits": retype("owed", sa.Numeric(12, 2)),
    "more decimals": retype("owed", sa.Numeric(12, 3)),
    "longer enum of text": retype(
        "mood", sa.Enum("sad", "glad", "mad", name="mood", native_enum=False, length=20)
    ),
    "column": add(sa.Integer),
    "column with default": add(sa.Integer, nullable=False, server_default="4"),
    "column with now": add(sa.DateTime, server_default=sa.func.now()),
    "column with uuid": add(sa.String(40), server_default=sa.text("UUID()")),
    "computed column": add(sa.Integer, sa.Computed("age + 1", persisted=True)),
    "column with foreign key": add(sa.Integer, sa.ForeignKey("city.id")),
}

DIFFERENT = {
    "postgresql": {
        "column with uuid": add(sa.Uuid, server_default=sa.func.gen_random_uuid())
    },
}
"""What a server calls by another name."""

STRENGTHS = (
    "AccessShareLock",
    "RowShareLock",
    "RowExclusiveLock",
    "ShareUpdateExclusiveLock",
    "ShareLock",
    "ShareRowExclusiveLock",
    "ExclusiveLock",
    "AccessExclusiveLock",
)


@pytest.mark.parametrize("case", CASES)
def test_postgresql_locks_and_reads_what_the_lint_says(
    case: str, postgresql: sa.Connection
) -> None:
    """What takes long on PostgreSQL is found, with its lock; what is not is short."""
    make = DIFFERENT["postgresql"].get(case, CASES[case])
    said = stalls(make(), "postgresql", postgresql)
    lock, growth = observed(postgresql, make())
    if said:
        assert (lock, growth) == (said[0].lock, said[0].growth)
    else:
        assert growth is Growth.INSTANT


@pytest.mark.parametrize("less", [{"check": "VALUE > 0"}, {"not_null": True}])
def test_a_domain_locks_the_tables_of_its_columns(
    postgresql: sa.Connection, less: dict[str, Any]
) -> None:
    """A DOMAIN that allows less stops who writes to its tables, and is found."""
    (name,) = less
    postgresql.exec_driver_sql(f'CREATE DOMAIN "{name}" AS integer DEFAULT 7')
    postgresql.exec_driver_sql(f'ALTER TABLE friend ADD COLUMN size "{name}"')
    postgresql.commit()
    more = alter_domain(name, sa.Integer(), existing=less)
    assert not stalls(more, "postgresql", postgresql)
    alter = alter_domain(name, sa.Integer(), default="7", **less, existing={})
    (said,) = stalls(alter, "postgresql", postgresql)
    assert observed(postgresql, alter)[0] == said.lock


@pytest.mark.parametrize("case", CASES)
def test_mariadb_refuses_to_do_online_what_the_lint_finds(
    case: str, mariadb: sa.Connection
) -> None:
    """MariaDB takes LOCK=NONE for what is not found, and the lock of what is."""
    statements = list(written(CASES[case](), mariadb))
    said = stalls(CASES[case](), "mariadb", mariadb)
    if case in {"rename table", "drop index"}:  # they have no LOCK= to be asked with
        assert not said
        return
    assert accepted(mariadb, statements) == (said[0].lock if said else "NONE")


def test_a_table_of_the_same_revision_has_no_rows_to_wait_for() -> None:
    """Nothing is found in what happens to a table that the revision makes."""
    situation = Situation(Server.oldest("postgresql"))
    situation.after(ops.CreateTableOp("friend", []))
    assert not [
        found for make in CASES.values() for found in examine(make(), situation)
    ]


def stalls(
    operation: MigrateOperation, dialect: str, connection: sa.Connection
) -> list[Finding]:
    """Return what the lint finds that lasts longer than an instant."""
    version = connection.dialect.server_version_info or ()
    situation = Situation(
        Server(dialect, tuple(v for v in version if isinstance(v, int)))
    )
    found = examine(operation, situation)
    return [finding for finding in found if finding.harm is Harm.STALLS]


def observed(
    connection: sa.Connection, operation: MigrateOperation
) -> tuple[str, Growth]:
    """Run an operation and return its strongest lock, and what the server did."""
    driver: Any = connection.connection.dbapi_connection
    said: list[str] = []
    before = connection.scalar(sa.text("SELECT pg_relation_filenode('friend')"))
    oid = connection.scalar(sa.text("SELECT CAST('friend' AS regclass)::oid"))
    driver.add_notice_handler(lambda notice: said.append(notice.message_primary))
    connection.exec_driver_sql("SET client_min_messages = debug1")
    Operations(MigrationContext.configure(connection)).invoke(operation)
    connection.exec_driver_sql("SET client_min_messages = notice")
    locks = connection.scalars(
        sa.text("SELECT mode FROM pg_locks WHERE relation = :oid"), {"oid": oid}
    )
    lock = max(locks, key=STRENGTHS.index)
    words = "".join(f" {c}" if c.isupper() else c for c in lock.removesuffix("Lock"))
    node = sa.text("SELECT pg_relation_filenode(CAST(:oid AS regclass))")
    if connection.scalar(node, {"oid": oid}) != before:
        return words.upper().strip(), Growth.REWRITE
    work = ("building index", "verifying table", "validating foreign key")
    scans = any(line.startswith(work) for line in said)
    return words.upper().strip(), Growth.SCAN if scans else Growth.INSTANT


def accepted(connection: sa.Connection, statements: list[str]) -> str:
    """Return the weakest lock with which MariaDB runs statements."""
    for lock in ("NONE", "SHARED"):
        fill(connection)
        try:
            for statement in statements:
                between = " " if statement.startswith(("CREATE", "DROP")) else ", "
                connection.exec_driver_sql(f"{statement}{between}LOCK={lock}")
        except sa.exc.DBAPIError as error:
            assert "LOCK" in str(error), error  # noqa: PT017
        else:
            return lock
    return "EXCLUSIVE"


def written(operation: MigrateOperation, connection: sa.Connection) -> Iterator[str]:
    """Give the statements of an operation, as Alembic writes them for a server."""
    buffer = StringIO()
    context = MigrationContext.configure(
        dialect=connection.dialect, opts={"as_sql": True, "output_buffer": buffer}
    )
    Operations(context).invoke(operation)
    yield from (s.strip() for s in buffer.getvalue().split(";") if s.strip())


@pytest.fixture(scope="module")
def _servers(
    tmp_path_factory: pytest.TempPathFactory,
) -> Iterator[Callable[[str], Any]]:
    """Give a function that makes a database with tables, once for each server."""
    from contextlib import ExitStack  # noqa: PLC0415

    with ExitStack() as stack:
        made: dict[str, sa.Engine] = {}

        def engine(kind: str) -> sa.Engine:
            if kind not in made:
                folder = tmp_path_factory.mktemp(kind)
                url = stack.enter_context(empty_database(kind, folder))
                made[kind] = sa.create_engine(url, poolclass=NullPool)
            return made[kind]

        yield engine


@pytest.fixture
def postgresql(_servers: Callable[[str], sa.Engine]) -> Iterator[sa.Connection]:
    """Give PostgreSQL with two tables, with rows, made anew."""
    with _servers("postgresql").connect() as connection:
        fill(connection)
        yield connection


@pytest.fixture
def mariadb(_servers: Callable[[str], sa.Engine]) -> Iterator[sa.Connection]:
    """Give MariaDB with the same tables, made anew."""
    with _servers("mariadb").connect() as connection:
        fill(connection)
        yield connection


def fill(connection: sa.Connection) -> None:
    """Make two tables with rows, and nothing else."""
    for table in ("friend", "person", "city"):
        connection.exec_driver_sql(f"DROP TABLE IF EXISTS {table}")
    metadata = sa.MetaData()
    city = sa.Table("city", metadata, sa.Column("id", sa.Integer, primary_key=True))
    friend = sa.Table(
        "friend",
        metadata,
        *(
            sa.Column(name, type_, primary_key=name == "id")
            for name, type_ in COLUMNS.items()
            if name != "email"
        ),
        sa.Column("email", COLUMNS["email"], nullable=False, server_default="x"),
        sa.CheckConstraint("age < 100", name="ck_age"),
        sa.Index("ix_age", "age"),
    )
    metadata.create_all(connection)
    connection.execute(city.insert(), {"id": 1})
    rows = [{"name": "x", "age": 1, "city_id": 1} for _ in range(100)]
    connection.execute(friend.insert(), rows)
    connection.commit()
