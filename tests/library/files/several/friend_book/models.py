"""The tables: friends with cities and hobbies and, in their own database, users."""

from sqlalchemy import Column, ForeignKey, String, Table
from sqlalchemy.orm import Mapped, mapped_column, relationship

from .db import AuthModel, Model

friend_hobby = Table(
    "friend_hobby",
    Model.metadata,
    Column("friend_id", ForeignKey("friend.id", ondelete="CASCADE"), primary_key=True),
    Column("hobby_id", ForeignKey("hobby.id", ondelete="CASCADE"), primary_key=True),
)


class City(Model):
    """A place where friends live."""

    __tablename__ = "city"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100), unique=True)

    friends: Mapped[list["Friend"]] = relationship(back_populates="city")


class Friend(Model):
    """A person, perhaps with a city and some hobbies."""

    __tablename__ = "friend"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100))
    city_id: Mapped[int | None] = mapped_column(
        ForeignKey("city.id", ondelete="SET NULL"), index=True
    )

    city: Mapped[City | None] = relationship(back_populates="friends")
    hobbies: Mapped[list["Hobby"]] = relationship(
        secondary=friend_hobby, back_populates="friends", order_by="Hobby.name"
    )


class Hobby(Model):
    """Something friends like to do."""

    __tablename__ = "hobby"

    id: Mapped[int] = mapped_column(primary_key=True)
    name: Mapped[str] = mapped_column(String(100), unique=True)

    friends: Mapped[list[Friend]] = relationship(
        secondary=friend_hobby, back_populates="hobbies"
    )


class User(AuthModel):
    """Somebody who may log in; kept in the database `auth`."""

    __tablename__ = "user"

    id: Mapped[int] = mapped_column(primary_key=True)
    email: Mapped[str] = mapped_column(String(254), unique=True)
