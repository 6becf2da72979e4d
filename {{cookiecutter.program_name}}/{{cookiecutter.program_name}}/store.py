"""Friends in the database: how they are found and added."""

from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import selectinload

from .db import db
from .fields import NewFriend
from .models import City, Friend, Hobby

PAGE_SIZE = 50
TRIES = 5

Row = TypeVar("Row", City, Hobby)


def newest_friends(page: int) -> tuple[list[Friend], bool]:
    """Return a page of friends, and whether there are older ones.

    :param page: its number; 1 has the newest.
    """
    found = db.session.scalars(
        select(Friend)
        .options(selectinload(Friend.city), selectinload(Friend.hobbies))
        .order_by(Friend.id.desc())
        .offset((page - 1) * PAGE_SIZE)
        .limit(PAGE_SIZE + 1)
    ).all()
    return list(found[:PAGE_SIZE]), len(found) > PAGE_SIZE


def add_friend(new: NewFriend) -> Friend:
    """Store a friend; the city and the hobbies are those of that name, or new ones.

    Another request may make the same city or hobby between our look and our write.
    Its row is there to be found once our transaction has begun anew.

    :param new: the checked fields.
    """
    for _ in range(TRIES - 1):
        try:
            return _added(new)
        except IntegrityError:
            db.session.rollback()
    return _added(new)


def _added(new: NewFriend) -> Friend:
    city = _named(City, new.city) if new.city else None
    # Two spellings are one row where the database ignores case.
    hobbies = dict.fromkeys(_named(Hobby, name) for name in new.hobbies)
    friend = Friend(name=new.name, city=city, hobbies=list(hobbies))
    db.session.add(friend)
    db.session.commit()
    return friend


def _named(kind: type[Row], name: str) -> Row:
    row = db.session.scalar(select(kind).where(kind.name == name))
    if row is None:
        row = kind(name=name)
        db.session.add(row)
    return row
