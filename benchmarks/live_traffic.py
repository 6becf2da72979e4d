"""What people do while a table is migrated: one writes and one reads, all the time."""

import random
import threading
import time
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from typing import NamedTuple
from uuid import uuid4

import sqlalchemy as sa
from sqlalchemy.exc import SQLAlchemyError
from sqlalchemy.pool import NullPool

PAUSE = 0.005
"""Seconds between two requests of the same person."""


class Request(NamedTuple):
    """One request: when it began, how long it took, and what went wrong."""

    begin: float
    seconds: float
    error: str


@dataclass
class Traffic:
    """The requests of a writer and a reader, as the app of one version makes them."""

    url: str
    rows: int
    where: str = "id = :id"
    """What tells one row from all others, by an index."""
    written: list[Request] = field(default_factory=list)
    read: list[Request] = field(default_factory=list)

    @contextmanager
    def flowing(self, writes: Mapping[str, str]) -> Iterator[None]:
        """Let people use a version of the app.

        :param writes: what it gives of a new row: column -> SQL.
        """
        done = threading.Event()
        people = [
            threading.Thread(target=self._act, args=(act, kept, done))
            for act, kept in (
                (self._write(writes), self.written),
                (self._read(), self.read),
            )
        ]
        for person in people:
            person.start()
        try:
            yield
        finally:
            done.set()
            for person in people:
                person.join()

    @contextmanager
    def held(self, statement: str, seconds: float) -> Iterator[None]:
        """Let somebody else have a transaction open for a while.

        :param statement: what is done in it; nothing where nobody has one.
        :param seconds: how long it stays open.
        """
        if not statement:
            yield
            return
        engine = sa.create_engine(self.url, poolclass=NullPool)
        with engine.connect() as connection:
            connection.execute(sa.text(statement))
            timer = threading.Timer(seconds, connection.rollback)
            timer.start()
            try:
                yield
            finally:
                timer.join()

    def _write(self, writes: Mapping[str, str]) -> Callable[[sa.Connection], None]:
        columns, values = ", ".join(writes), ", ".join(writes.values())
        insert = sa.text(f"INSERT INTO event ({columns}) VALUES ({values})")  # noqa: S608
        given = [it for it in ("code", "new") if f":{it}" in values]
        update = sa.text(f"UPDATE event SET amount = amount + 1 WHERE {self.where}")  # noqa: S608

        def write(connection: sa.Connection) -> None:
            new = uuid4()
            fresh = {"code": new.hex, "new": new.int >> 65}
            connection.execute(insert, {it: fresh[it] for it in given})
            connection.execute(update, {"id": random.randint(1, self.rows)})  # noqa: S311
            connection.commit()

        return write

    def _read(self) -> Callable[[sa.Connection], None]:
        query = sa.text(f"SELECT name FROM event WHERE {self.where}")  # noqa: S608

        def read(connection: sa.Connection) -> None:
            connection.execute(query, {"id": random.randint(1, self.rows)})  # noqa: S311
            connection.commit()

        return read

    def _act(
        self,
        act: Callable[[sa.Connection], None],
        kept: list[Request],
        done: threading.Event,
    ) -> None:
        engine = sa.create_engine(self.url, poolclass=NullPool)
        with engine.connect() as connection:
            while not done.wait(PAUSE):
                begin, error = time.monotonic(), ""
                try:
                    act(connection)
                except SQLAlchemyError as failed:
                    error = str(failed).partition("\n")[0]
                    connection.rollback()
                kept.append(Request(begin, time.monotonic() - begin, error))
