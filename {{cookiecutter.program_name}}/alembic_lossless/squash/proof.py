"""Run the old revisions and the squashed one on empty databases, and compare these."""

from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any

from alembic import command
from alembic.config import Config
from alembic.runtime.migration import MigrationContext
from alembic.util import CommandError
from sqlalchemy import URL, Engine, event, make_url

from ..config import database_in, reading
from ..rehearsal.copies import throw_away
from ..runtime.run import unlogged
from ..sql import Effect, script
from .catalog import Rows, by_chance, described, differences, row_differences, rows_of

if TYPE_CHECKING:
    from ..migrations import Migrations

Engines = Mapping[str, Engine]
"""Databases of one kind, by the names that the project has for its own."""

SHOWN = 5
"""How many differences a refusal names."""


@dataclass
class Place:
    """What the databases of one kind have at a revision."""

    things: dict[str, Counter[str]] = field(default_factory=dict)
    rows: dict[str, Rows] = field(default_factory=dict)


@dataclass
class OldWay:
    """What the old revisions make on databases of one kind."""

    kind: str
    begin: dict[str, Place] = field(default_factory=dict)
    end: dict[str, Place] = field(default_factory=dict)
    head: dict[str, Place] = field(default_factory=dict)
    moved: set[tuple[str, str]] = field(default_factory=set)
    """The revisions that changed rows, each with the name of a database."""


@contextmanager
def databases_like(migrations: "Migrations", server: URL | None) -> Iterator[Engines]:
    """Make an empty database for each of a project's.

    :param server: the server; by default that of each database itself.
    """
    with ExitStack() as stack:
        settings, known = migrations.project.settings, migrations.database
        yield {
            it: stack.enter_context(
                throw_away(server or known(it).url, settings, known(it).version_table)
            )
            for it in migrations.names()
        }


def servers(migrations: "Migrations", more: tuple[str, ...]) -> list[URL | None]:
    """Return where both ways are tried: the project's own first, SQLite, and others."""
    own = migrations.database().url.get_backend_name()
    found: list[URL | None] = [None]
    if own != "sqlite":
        found.append(make_url("sqlite://"))
    return [*found, *map(make_url, more)]


class Way:
    """The revisions of a project as they are in some folder, on some databases."""

    def __init__(
        self, migrations: "Migrations", engines: Engines, versions: Path | None = None
    ) -> None:
        """Take the databases, and the folder with the revisions if it is another."""
        self._engines = engines
        self._given: Any = engines
        if migrations.project.names[1:] == ():
            (self._given,) = engines.values()
        self._attributes = dict[str, Any]()
        self._migrations, self._versions = migrations, versions

    @contextmanager
    def _configured(self) -> Iterator[Config]:
        with self._migrations.configured(self._given) as found, unlogged():
            found.attributes.update(self._attributes)
            yield found if self._versions is None else reading(found, self._versions)

    def upgrade(self, target: str) -> None:
        """Run revisions up to a target, without a line for each."""
        with self._configured() as config:
            command.upgrade(config, target)

    def downgrade(self, target: str) -> None:
        """Undo revisions down to a target."""
        with self._configured() as config:
            command.downgrade(config, target)

    def place(self) -> dict[str, Place]:
        """Return what the databases have now."""
        found = dict[str, Place]()
        for name, engine in self._engines.items():
            own = self._migrations.database(name).version_table
            with engine.connect() as connection:
                found[name] = Place(
                    described(connection, own), rows_of(connection, own)
                )
        return found

    @contextmanager
    def watched(self, moved: Callable[[str, str], None]) -> Iterator[None]:
        """Tell of each revision that changes rows of a database."""

        @contextmanager
        def watch(revision: str, migration: MigrationContext) -> Iterator[None]:
            name = database_in(migration.opts["upgrade_token"])
            connection: Any = migration.connection

            def after(_connection: Any, cursor: Any, text: str, *_: Any) -> None:
                said = script(text, connection.dialect)
                if said.effect is Effect.ROWS and (cursor.rowcount or not said.only):
                    moved(revision, name)

            event.listen(connection.engine, "after_cursor_execute", after)
            try:
                yield
            finally:
                event.remove(connection.engine, "after_cursor_execute", after)

        self._attributes["watched"] = watch
        try:
            yield
        finally:
            del self._attributes["watched"]


def old_way(migrations: "Migrations", engines: Engines, begin: str, end: str) -> OldWay:
    """Run the revisions as they are, and remember what they make.

    :param begin: the revision before the range, or "base".
    :param end: the last one of the range.
    """
    way = Way(migrations, engines)
    found = OldWay(next(iter(engines.values())).dialect.name)
    if begin != "base":
        way.upgrade(begin)
    found.begin = way.place()
    with way.watched(lambda *it: found.moved.add(it)):
        way.upgrade(end)
    found.end = way.place()
    way.upgrade("heads")
    found.head = way.place()
    return found


def prove(  # noqa: PLR0913  two ways, and where they begin and end
    migrations: "Migrations",
    old: OldWay,
    server: URL | None,
    versions: Path,
    *,
    begin: str,
    end: str,
    leads_back: bool,
) -> str | None:
    """Run the squashed revision, and refuse it where it makes something else.

    :param old: what the old revisions make there.
    :param versions: the folder with the squashed revision in the place of these.
    :param leads_back: whether its downgrade must lead to where the range begins.
    :return: what is to be said of its downgrade, if something is.
    :raises CommandError: with what differs; nothing is written.
    """
    again = _Again(migrations, server, begin, end)
    with databases_like(migrations, server) as engines:
        way = Way(migrations, engines, versions)
        if begin != "base":
            way.upgrade(begin)
        way.upgrade(end)
        _insist(old, old.end, way.place(), end, lambda: again.run().end)
        said = _down(way, old, begin)
        if said and leads_back:
            raise _refusal(old, said)
    if end not in migrations.script().get_heads():
        with databases_like(migrations, server) as engines:
            way = Way(migrations, engines, versions)
            way.upgrade("heads")
            _insist(old, old.head, way.place(), "the head", lambda: again.run().head)
    return said


class _Again:
    """A second run of the old way, which tells what is in rows by chance."""

    def __init__(self, *given: Any) -> None:
        self._given = given
        self._found: OldWay | None = None

    def run(self) -> OldWay:
        """Return what it makes, found out once."""
        if self._found is None:
            migrations, server, begin, end = self._given
            with databases_like(migrations, server) as engines:
                self._found = old_way(migrations, engines, begin, end)
        return self._found


def _down(way: Way, old: OldWay, begin: str) -> str | None:
    """Undo the squashed revision; return what is wrong with that."""
    try:
        way.downgrade(begin)
    except CommandError as error:
        return f"its downgrade fails: {str(error).splitlines()[0]}"
    now = way.place()
    found = [
        line
        for name in now
        for line in differences(old.begin[name].things, now[name].things)
    ]
    return f"its downgrade leaves {'; '.join(found[:SHOWN])}" if found else None


def _insist(
    old: OldWay,
    before: Mapping[str, Place],
    now: Mapping[str, Place],
    where: str,
    again: Callable[[], Mapping[str, Place]],
) -> None:
    """Refuse what differs."""
    found = list[str]()
    for name, place in now.items():
        lines = differences(before[name].things, place.things)
        if rows := row_differences(before[name].rows, place.rows):
            chance = by_chance(before[name].rows, again()[name].rows)
            kept = [
                {
                    table: it.without(chance.get(table, set()))
                    for table, it in each.items()
                }
                for each in (before[name].rows, place.rows)
            ]
            rows = row_differences(*kept)
        label = f"{name}: " if len(now) > 1 else ""
        found += [f"{label}{line}" for line in (*lines, *rows)]
    if found:
        raise _refusal(old, f"at {where} it makes {'; '.join(found[:SHOWN])}", found)


def _refusal(old: OldWay, what: str, every: list[str] | None = None) -> CommandError:
    more = len(every or ()) - SHOWN
    rest = f" and {more} more" if more > 0 else ""
    return CommandError(
        f"The squashed revision is not the same on {old.kind}: {what}{rest}.\n"
        "Nothing is written. Squash a smaller range: up to the revision that makes it,"
        " or behind."
    )
