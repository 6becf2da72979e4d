"""Two tables that refer to each other."""

import pytest
import sqlalchemy as sa
from drafts import alembic, draft
from environment import Environment
from servers import engine_of

CYCLE = '''"""Two tables."""

import sqlalchemy as sa

from .db import Model


class Team(Model):
    __tablename__ = "team"

    id = sa.Column(sa.Integer, primary_key=True)
    captain_id = sa.Column(sa.ForeignKey("player.id"))


class Player(Model):
    __tablename__ = "player"

    id = sa.Column(sa.Integer, primary_key=True)
    team_id = sa.Column(sa.ForeignKey("team.id"))
'''

FANS = """

class Fan{number}(Model):
    __tablename__ = "fan_{number}"

    id = sa.Column(sa.Integer, primary_key=True)
    player_id = sa.Column(sa.ForeignKey("player.id"))
"""


def test_a_cycle_is_drafted_without_a_warning(
    project: Environment, database_url: str
) -> None:
    """My tables refer to each other: nothing warns, here or in my tests."""
    shop = project.using(database_url)
    (shop.package / "things.py").write_text(CYCLE)
    draft(shop, "cycle")
    alembic(shop, "downgrade -1", "upgrade head", "check")


def test_a_cycle_without_names_goes_and_comes(
    nameless: Environment, database_url: str
) -> None:
    """The keys of the cycle have no names; I go back, and forth again."""
    shop = nameless.using(database_url)
    (shop.package / "things.py").write_text(CYCLE)
    draft(shop, "cycle")
    alembic(shop, "downgrade base", "upgrade head", "check")


def test_tables_around_a_cycle_are_made_whole(project: Environment) -> None:
    """Other tables refer to the cycle: of all keys, one of its own alone comes late."""
    fans = "".join(FANS.format(number=number) for number in range(3))
    (project.package / "things.py").write_text(CYCLE + fans)
    upgrade, _, _ = draft(project, "fans").partition("def downgrade")
    assert upgrade.count("create_foreign_key") == 1


OWN = '''"""A table that refers to itself, by keys that are added by an ALTER."""

import sqlalchemy as sa

from .db import Model


class Part(Model):
    __tablename__ = "part"

    id = sa.Column(sa.Integer, primary_key=True)
    of_id = sa.Column(sa.ForeignKey("part.id", use_alter=True, name="fk_of"))
    copy_id = sa.Column(sa.ForeignKey("part.id", use_alter=True))
    like_id = sa.Column(sa.ForeignKey("part.id"))
'''


@pytest.mark.parametrize("convention", [True, False])
def test_a_key_to_its_own_table_is_made(
    project: Environment, nameless: Environment, database_url: str, *, convention: bool
) -> None:
    """A table refers to itself with `use_alter`, and each of its keys is there."""
    shop = (project if convention else nameless).using(database_url)
    (shop.package / "things.py").write_text(OWN)
    draft(shop, "parts")
    engine = engine_of(database_url)
    assert len(sa.inspect(engine).get_foreign_keys("part")) == 3
    alembic(shop, "downgrade base", "upgrade head", "check")
    assert len(sa.inspect(engine).get_foreign_keys("part")) == 3
