"""Friends in the database: how they are found and added."""

from typing import TypeVar

from sqlalchemy import select
from sqlalchemy.exc import IntegrityError
from sqlalchemy.orm import selectinload

from .db import db
from .fields import NewFriend
from .models import City, Friend, Hobby

PAGE_SIZE = 50

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

    :param new: the checked fields.
    """
    city = get_or_create(City, new.city) if new.city else None
    # Two spellings are one row where the database ignores case.
    hobbies = dict.fromkeys(get_or_create(Hobby, name) for name in new.hobbies)
    friend = Friend(name=new.name, city=city, hobbies=list(hobbies))
    db.session.add(friend)
    db.session.commit()
    return friend


def get_or_create(kind: type[Row], name: str) -> Row:
    """Return the row of that name, which is committed."""
    named = select(kind).where(kind.name == name)
    if row := db.session.scalar(named):
        return row
    try:
        db.session.add(kind(name=name))
        db.session.commit()
    except IntegrityError:  # another request has added it since we looked
        db.session.rollback()
    return db.session.scalars(named).one()
