"""Whatever text a column holds: a new type refuses it, or gives it back."""

from collections.abc import Callable
from datetime import date, datetime
from decimal import Decimal
from typing import Any

import pytest
import sqlalchemy as sa
from alembic.migration import MigrationContext
from alembic.operations import Operations
from alembic_lossless.sqlite import batch
from alembic_lossless.types import survives, using
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from sqlalchemy.pool import NullPool
from sqlalchemy.types import TypeEngine

TEXT = sa.String(60)
ODD = ("nan", "Infinity", "1_000", "\uff11\uff12", "20260301", "2026-W09-7", "1e400")
EVEN = ("0", "1", "-7", "1.5", "0.1", "1e10", "2026-03-01", "2026-03-01 09:00:00", "[]")

texts = st.lists(
    st.one_of(
        st.sampled_from(ODD + EVEN),
        st.text("0123456789-+.eE_ :T", max_size=20),
        st.integers().map(str),
        st.floats().map(repr),
        st.decimals(allow_nan=False, places=3, max_value=10**12).map(str),
        st.dates().map(date.isoformat),
        st.datetimes().map(str),
    ).filter(lambda text: len(text) <= 60 and "\0" not in text),
    max_size=40,
)


def number(text: str, back: Any) -> bool:
    """Tell whether a number is what a text said."""
    return Decimal(text) == Decimal(str(back))


def moment(text: str, back: Any) -> bool:
    """Tell whether a moment is what a text said."""
    return bool(datetime.fromisoformat(text) == back)


TYPES: list[tuple[TypeEngine[Any], Callable[[str, Any], bool]]] = [
    (sa.Integer(), number),
    (sa.BigInteger(), number),
    (sa.Numeric(14, 3), number),
    (sa.Numeric(), number),
    (sa.Double(), number),
    (sa.Boolean(), lambda text, back: bool(int(text)) is back),
    (sa.Date(), lambda text, back: date.fromisoformat(text[:10]) == back),
    (sa.DateTime(), moment),
]


@pytest.mark.parametrize(("new", "equal"), TYPES, ids=lambda it: repr(it)[:9])
def test_a_text_is_refused_or_comes_back(
    database_url: str, new: TypeEngine[Any], equal: Callable[[str, Any], bool]
) -> None:
    """I give a column of text another type: no value is another one afterwards."""
    assert batch.SQLite.__dialect__ == "sqlite"
    engine = sa.create_engine(database_url, poolclass=NullPool)

    @settings(
        max_examples=12,
        deadline=None,
        derandomize=True,
        suppress_health_check=list(HealthCheck),
    )
    @given(texts)
    def lose_nothing(values: list[str]) -> None:
        kept = [it for it in values if survives(it, new, dialect=engine.dialect.name)]
        with engine.begin() as connection:
            found = converted(connection, kept, new)
        wrong = [pair for pair in zip(kept, found, strict=True) if not equal(*pair)]
        assert wrong == []

    lose_nothing()


def converted(
    connection: sa.Connection, values: list[str], new: TypeEngine[Any]
) -> list[Any]:
    """Return what a database makes of texts whose column gets a new type."""
    metadata = sa.MetaData()
    id_ = sa.Column("id", sa.Integer, primary_key=True, autoincrement=False)
    table = sa.Table("held", metadata, id_, sa.Column("it", TEXT))
    metadata.drop_all(connection)
    metadata.create_all(connection)
    if values:
        rows = [{"id": number, "it": text} for number, text in enumerate(values)]
        connection.execute(table.insert(), rows)
    operations = Operations(MigrationContext.configure(connection))
    with operations.batch_alter_table("held") as changes:
        how = using("it", TEXT, new)
        changes.alter_column("it", existing_type=TEXT, type_=new, postgresql_using=how)
    typed = sa.table("held", sa.column("id"), sa.column("it", new))
    query = sa.select(typed.c.it).order_by(typed.c.id)
    return list(connection.execute(query).scalars())
