"""What a value is taken for once its column has another type, where that can be wrong.

`values` decides that no value is lost. A house number that was stored as a number, or a
flag that was 1 and 2, is none of its business: only an author knows what was meant.
"""

import sqlalchemy as sa

from .dialects import Type
from .types import NUMBERS, kind

BECOMES: dict[tuple[type, type], str] = {
    (sa.Boolean, sa.String): "true becomes '1' and false '0'",
    (sa.String, sa.Boolean): "'1' becomes true and '0' false",
    (sa.Date, sa.String): "a day becomes its text, such as '2026-03-01'",
    (sa.String, sa.Date): "a text becomes the day that it spells, year first",
    (sa.DateTime, sa.String): "a moment becomes its text, as the database writes it",
    (sa.String, sa.DateTime): "a text becomes the moment that it spells, year first",
    (sa.Time, sa.String): "a time becomes its text, as the database writes it",
    (sa.String, sa.Time): "a text becomes the time of day that it spells",
    (sa.Uuid, sa.String): "a UUID becomes its text, as the database writes it",
    (sa.String, sa.Uuid): "a text becomes the UUID that it spells",
    (sa.Date, sa.DateTime): "a day becomes its midnight",
    (sa.DateTime, sa.Date): "a midnight becomes its day",
    (sa.String, sa.Enum): "a text becomes the value that is spelled like it",
    (sa.JSON, sa.String): "a JSON value becomes its text",
    (sa.String, sa.JSON): "a text becomes the JSON that it spells: '1' the number 1",
    **{
        pair: words
        for number in NUMBERS
        for pair, words in {
            (number, sa.String): "a number becomes its digits: '10' sorts before '9'",
            (sa.String, number): "a text becomes the number that it spells",
            (number, sa.Enum): "a number is no value of an Enum",
            (sa.Boolean, number): "true becomes 1 and false 0",
            (number, sa.Boolean): "1 becomes true and 0 false",
        }.items()
    },
}
"""The kinds of a type before and after -> what a value becomes."""


def becomes(old: Type, new: Type) -> str | None:
    """Return what a value becomes, None where it stays what it is.

    :param old: the type of the column before.
    :param new: its type afterwards.
    """
    if isinstance(old, sa.DateTime) and isinstance(new, sa.DateTime):
        if old.timezone is new.timezone:
            return None
        return "a moment is taken to be in UTC where it has no zone"
    return BECOMES.get((kind(old), kind(new)))
