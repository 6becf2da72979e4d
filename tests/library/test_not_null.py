"""A column that must have a value arrives in a table whose rows have none."""

import datetime as dt
from decimal import Decimal
from uuid import UUID

import pytest
from drafting import change, round_trip
from drafts import alembic, define_thing, draft, sql
from environment import Environment
from proof.case import Case, Court, Verdict
from sqlalchemy.exc import DBAPIError

AFTER = "    city: Mapped[City | None] = relationship"
ROWS = (
    "INSERT INTO city (id, name) VALUES (1, 'Oslo')",
    "INSERT INTO friend (id, name, city_id) VALUES (1, 'Ann', 1), (2, 'Bob', NULL)",
)
IMPORTS = "from sqlalchemy import Column, ForeignKey, String, Table"


CITY = """    city_id: Mapped[int | None] = mapped_column(
        ForeignKey("city.id", ondelete="SET NULL"), index=True
    )
"""
RELATIONS = (
    '    friends: Mapped[list["Friend"]] = relationship(back_populates="city")\n',
    '    city: Mapped[City | None] = relationship(back_populates="friends")\n',
)
ONE = ("INSERT INTO friend (id, name, city_id) VALUES (1, 'Ann', 1)",)
SIGNS = """'O'Brien \\ "x":y %s '' 5% {z}"""


def _add(project: Environment, column: str) -> None:
    change(project, (AFTER, f"    {column}\n{AFTER}"))


COLUMNS: dict[str, tuple[str, str, object]] = {
    "text": ("Mapped[str] = mapped_column(String(50))", "a b", "a b"),
    "blank": ("Mapped[str] = mapped_column(String(50))", "''", ""),
    "word": ("Mapped[str] = mapped_column(String(50))", "'NULL'", "NULL"),
    "signs": ("Mapped[str] = mapped_column(String(50))", SIGNS, SIGNS),
    "long": ("Mapped[str] = mapped_column(sa.Text)", "none", "none"),
    "whole": ("Mapped[int]", "-7", -7),
    "yes": ("Mapped[bool]", "true", True),
    "exact": (
        "Mapped[Decimal] = mapped_column(sa.Numeric(9, 2))",
        "2.5",
        Decimal("2.50"),
    ),
    "day": ("Mapped[dt.date]", "2020-02-29", dt.date(2020, 2, 29)),
    "moment": (
        "Mapped[dt.datetime]",
        "2020-02-29T10:30",
        dt.datetime(2020, 2, 29, 10, 30),  # noqa: DTZ001  the column has no zone
    ),
    "clock": ("Mapped[dt.time]", "10:30", dt.time(10, 30)),
    "json": ("Mapped[dict[str, int]] = mapped_column(sa.JSON)", '{"a": 1}', {"a": 1}),
    "uuid": ("Mapped[UUID]", str(UUID(int=7)), UUID(int=7)),
}
"""A column of each kind: its model, the value as typed, the value in Python."""


def test_new_columns_get_the_values_given(
    project: Environment, database_url: str
) -> None:
    """I add columns that must have a value, and say what the old rows get."""
    imports = (
        "import datetime as dt\nfrom decimal import Decimal\nfrom uuid import UUID"
    )
    change(project, (IMPORTS, f"{imports}\n\nimport sqlalchemy as sa\n{IMPORTS}"))
    columns = [f"{name}: {model}" for name, (model, _, _) in COLUMNS.items()]
    _add(project, "\n    ".join(columns))
    answers = [f"fill=friend.{name}:{typed}" for name, (_, typed, _) in COLUMNS.items()]
    shop = project.using(database_url)
    round_trip(shop, insert=ROWS, answers=answers)
    code = (
        "from friend_book import migrations, models\n"
        "from sqlalchemy import create_engine\n"
        "from sqlalchemy.orm import Session\n"
        "with Session(create_engine(migrations.url('default'))) as session:\n"
        "    friend = session.get(models.Friend, 2)\n"
        f"    print([getattr(friend, name) for name in {list(COLUMNS)}])"
    )
    found = shop.run("python", "-c", code).stdout.strip()
    assert found == repr([value for _, _, value in COLUMNS.values()])


def test_a_default_of_the_model_needs_no_answer(
    project: Environment, database_url: str
) -> None:
    """I add a column with default=7 in Python, and the old rows get 7."""
    _add(project, "x: Mapped[int] = mapped_column(default=7)")
    query = "SELECT x FROM friend"
    trip = round_trip(project.using(database_url), insert=ROWS, up=[query])
    assert trip.up[query] == trip.again[query] == [(7,), (7,)]


def test_no_default_stays(project: Environment, database_url: str) -> None:
    """I insert a row without the new column afterwards, and it is refused."""
    _add(project, "x: Mapped[int]")
    shop = project.using(database_url)
    round_trip(shop, insert=ROWS, answers=["fill=friend.x:1"])
    with pytest.raises(DBAPIError):
        sql(database_url, "INSERT INTO friend (id, name) VALUES (3, 'Cy')")


def test_rows_with_null_get_the_value(project: Environment, database_url: str) -> None:
    """I make friend.city_id NOT NULL, and the friends without a city get one."""
    change(
        project,
        ("city_id: Mapped[int | None]", "city_id: Mapped[int]"),
        ('ondelete="SET NULL"', 'ondelete="CASCADE"'),
    )
    query = "SELECT id, city_id FROM friend ORDER BY id"
    trip = round_trip(
        project.using(database_url),
        insert=ROWS,
        answers=["fill=friend.city_id:1"],
        up=[query],
        down=[query],
    )
    assert trip.up[query] == trip.again[query] == [(1, 1), (2, 1)]


def test_a_new_type_and_default_come_along(
    project: Environment, database_url: str
) -> None:
    """I say NOT NULL and change type and default too; new rows get the new default."""
    shop = project.using(database_url)
    define_thing(shop, "size = sa.String(9), server_default='5'")
    draft(shop, "before")
    sql(database_url, "INSERT INTO thing (id, size) VALUES (1, '42'), (2, NULL)")
    define_thing(shop, "size = sa.Integer, nullable=False, server_default='6'")
    draft(shop, "after", "fill=thing.size:7")
    sql(database_url, "INSERT INTO thing (id) VALUES (3)")
    query = "SELECT size FROM thing ORDER BY id"
    assert sql(database_url, query) == [(42,), (7,), (6,)]
    alembic(shop, "downgrade -1")
    sql(database_url, "INSERT INTO thing (id) VALUES (4)")
    assert sql(database_url, query) == [("42",), ("7",), ("6",), ("5",)]


def test_a_dropped_column_comes_back_with_a_value(
    project: Environment, database_url: str
) -> None:
    """I drop friend.name and take it back: it is empty text, and the script says so."""
    change(project, ("    name: Mapped[str] = mapped_column(String(100))\n", ""))
    query = "SELECT name FROM friend"
    trip = round_trip(project.using(database_url), insert=ROWS, down=[query])
    assert trip.down[query] == [("",), ("",)]
    assert "# DELETES: column friend.name with its values" in trip.script
    assert "# INVENTS: friend.name is ''" in trip.script


def test_a_dropped_reference_comes_back_empty(
    project: Environment, database_url: str
) -> None:
    """I drop a reference and take it back: no city is invented, and NULL is allowed."""
    lines = (project.package / "models.py").read_text().splitlines(keepends=True)
    shop = project.using(database_url)
    change(project, ("city_id: Mapped[int | None]", "city_id: Mapped[int]"))
    change(project, ('ondelete="SET NULL"', 'ondelete="CASCADE"'))
    round_trip(shop, answers=["fill=friend.city_id:1"])
    models = "".join(lines)
    for gone in (CITY, *RELATIONS):
        models = models.replace(gone, "")
    (project.package / "models.py").write_text(models)
    query = "SELECT city_id FROM friend"
    trip = round_trip(shop, insert=ROWS[:1] + ONE, down=[query])
    assert trip.down[query] == [(None,)]
    assert "# INVENTS: friend.city_id is NULL, and was NOT NULL" in trip.script


KEYED = """
import sqlalchemy as sa

from .db import Model


class Thing(Model):
    __tablename__ = "thing"

    id = sa.Column(sa.String(36), primary_key=True, nullable=True)
    place = sa.Column(sa.Integer, primary_key=True, nullable=True, autoincrement=False)
    {}
"""


def test_a_key_that_may_be_null_in_the_models(judge: Court) -> None:
    """PostgreSQL and MariaDB let no key be NULL, and a draft is settled anyway."""
    before, after = (KEYED.format(it) for it in ("", "size = sa.Column(sa.Integer)"))
    case = Case(judge.database, before, after)
    assert judge.judge(case) == Verdict("passed")
