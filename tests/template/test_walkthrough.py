"""The walk through a first year of changes, with rows in the tables."""

import pytest
from drafts import alembic, draft, newest, sql
from rendering import Project

HOBBY = "    friends: Mapped[list[Friend]]"
ADDRESS = (
    "    address: Mapped[str | None] = mapped_column(String(100), server_default='')\n"
)
NUMBER = "    address: Mapped[int | None] = mapped_column(server_default='')\n"
STREET = '''

class Street(Model):
    """Where friends live."""

    __tablename__ = "street"

    id: Mapped[int] = mapped_column(primary_key=True)
'''
CITY_ID = "    city_id: Mapped[int | None] = mapped_column("
STREET_ID = (
    '    street_id: Mapped[int | None] = mapped_column(ForeignKey("street.id"))\n'
)
ROWS = "SELECT id, name FROM friend ORDER BY id"
ADDRESSES = "SELECT address FROM hobby ORDER BY id"


@pytest.fixture
def shop(project: Project, database_url: str) -> Project:
    """Give a migrated project, with friends, a city and hobbies in it."""
    shop = project.using(database_url)
    shop.alembic("upgrade", "head")
    sql(database_url, "INSERT INTO city (name) VALUES ('Ghent')")
    sql(database_url, "INSERT INTO friend (name, city_id) VALUES ('Ann', 1), ('Bo', 1)")
    sql(database_url, "INSERT INTO hobby (name) VALUES ('chess'), ('judo')")
    sql(database_url, "INSERT INTO friend_hobby VALUES (1, 1), (2, 2)")
    return shop


def test_a_column_arrives_and_is_dropped(shop: Project, database_url: str) -> None:
    """I add a column and drop it, forwards and backwards, and my rows stay."""
    shop.edit("models.py", HOBBY, ADDRESS + HOBBY)
    assert "add_column" in draft(shop, "hobby has an address")
    assert sql(database_url, ADDRESSES) == [("",), ("",)]
    shop.edit("models.py", ADDRESS + HOBBY, HOBBY)
    assert "drop_column" in draft(shop, "hobby has no address")
    alembic(shop, "downgrade -1")
    assert sql(database_url, ADDRESSES) == [("",), ("",)]
    alembic(shop, "downgrade -1", "upgrade head")
    assert sql(database_url, "SELECT * FROM hobby") == [(1, "chess"), (2, "judo")]
    assert len(sql(database_url, "SELECT * FROM friend_hobby")) == 2


def test_text_becomes_a_number_and_back(shop: Project, database_url: str) -> None:
    """String(100) with the default '' becomes Integer, with rows of numeric text."""
    shop.edit("models.py", HOBBY, ADDRESS + HOBBY)
    draft(shop, "address")
    sql(database_url, "UPDATE hobby SET address = '1' WHERE id = 1")
    sql(database_url, "UPDATE hobby SET address = '42' WHERE id = 2")
    shop.edit("models.py", ADDRESS, NUMBER)
    assert 'postgresql_using="address::INTEGER"' in draft(shop, "number")
    assert sql(database_url, ADDRESSES) == [(1,), (42,)]
    sql(database_url, "INSERT INTO hobby (name, address) VALUES ('go', 7)")
    alembic(shop, "downgrade -1")
    assert sql(database_url, ADDRESSES) == [("1",), ("42",), ("7",)]
    sql(database_url, "INSERT INTO hobby (name) VALUES ('polo')")
    assert sql(database_url, ADDRESSES)[3] == ("",)
    sql(database_url, "UPDATE hobby SET address = NULL WHERE name = 'polo'")
    alembic(shop, "upgrade head")
    assert sql(database_url, ADDRESSES) == [(1,), (42,), (7,), (None,)]
    assert len(sql(database_url, "SELECT * FROM friend_hobby")) == 2


def test_a_foreign_key_on_an_existing_table(shop: Project, database_url: str) -> None:
    """I add a table and a foreign key to it, and no constraint is without a name."""
    shop.edit("models.py", CITY_ID, STREET_ID + CITY_ID)
    shop.edit("models.py", "\n\nclass City(Model)", f"{STREET}\n\nclass City(Model)")
    draft(shop, "street")
    assert "create_foreign_key(None" not in newest(shop, "street")
    assert "fk_friend_street_id_street" in newest(shop, "street")
    assert sql(database_url, ROWS) == [(1, "Ann"), (2, "Bo")]
    sql(database_url, "INSERT INTO street (id) VALUES (5)")
    sql(database_url, "UPDATE friend SET street_id = 5")
    alembic(shop, "downgrade -1", "upgrade head", "check")
    assert sql(database_url, ROWS) == [(1, "Ann"), (2, "Bo")]
    assert len(sql(database_url, "SELECT * FROM friend_hobby")) == 2
