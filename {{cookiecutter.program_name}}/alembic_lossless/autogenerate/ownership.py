"""Whose a table is: what neither the models nor a revision declare is left alone."""

import logging
from collections.abc import Callable, Mapping
from functools import cached_property
from typing import Any

import sqlalchemy as sa
from alembic import context
from sqlalchemy import MetaData

from ..prompts.prompt import Prompt
from .long_names import whole_names
from .operations import Key, label
from .replay import replayed

log = logging.getLogger("alembic.review")

SHOWN = 10
"""How many of the things that are left alone are named."""

OF_EXTENSIONS = sa.text(
    "SELECT nspname, relname FROM pg_depend"
    " JOIN pg_class ON classid = 'pg_class'::regclass AND objid = pg_class.oid"
    " JOIN pg_namespace ON relnamespace = pg_namespace.oid"
    " WHERE deptype = 'e'"
)
"""The tables that PostgreSQL's extensions brought, as PostGIS does."""


class Ownership:
    """What a comparison looks at in the database that Alembic is configured for.

    Alembic asks `include_name` of schemas, tables and columns before it reads them, and
    `include_object` of indexes, some of which MariaDB makes by itself.
    """

    def __init__(self, prompt: Callable[[], Prompt]) -> None:
        """Begin with nothing that is left alone.

        :param prompt: returns where answers are: `-x drop=…` makes a thing ours.
        """
        self._prompt = prompt
        self.left: dict[str, str] = {}
        """What is left alone, as an answer names it -> what it is."""

    def include_name(
        self, name: str | None, kind: str, parents: Mapping[str, str | None]
    ) -> bool:
        """Tell whether a schema, a table or a column is ours."""
        schema = parents.get("schema_name")
        if kind == "schema":
            return name is None or name in self._schemas()
        if kind == "table":
            key = schema, str(name)
            if self._columns(*key) is not None:
                return True
            return key not in self._extensions and self._is_wanted("table", label(*key))
        if kind == "column":
            key = schema, str(parents["table_name"])
            known = name in (self._columns(*key) or ())
            return known or self._is_wanted("column", f"{label(*key)}.{name}")
        return True

    def include_object(
        self,
        item: Any,
        name: str | None,
        kind: str,
        reflected: bool,  # noqa: FBT001  the signature is Alembic's
        model: Any,
    ) -> bool:
        """Tell whether an index that no model has was made by a revision.

        One that MariaDB made for a foreign key, and kept without it, does no harm, and
        the other databases have none that a script could drop.
        """
        if kind != "index" or not reflected or model is not None:
            return True
        known = replayed(context.get_context())
        if name in known.foreign_keys:
            return False
        key = item.table.schema, item.table.name
        if self._columns(*key) is None:
            return True  # it goes with its table
        if item.unique and str(None) in known.unique:
            return True  # MariaDB's name of a constraint that a revision gave none
        if _is_made(str(name), key):
            return True
        return self._is_wanted("index", f"{label(*key)}.{name}")

    def say(self) -> None:
        """Say in one line what is left alone."""
        if not self.left:
            return
        subjects = sorted(self.left)
        names = ", ".join(f"{self.left[it]} {it}" for it in subjects[:SHOWN])
        more = len(subjects) - SHOWN
        log.info(
            "Left alone, for neither the models nor a revision declare it: %s."
            " To drop it: -x drop=%s",
            f"{names} and {more} more" if more > 0 else names,
            subjects[0],
        )

    def _is_wanted(self, kind: str, subject: str) -> bool:
        """Tell whether an answer speaks of it; otherwise it is left alone."""
        prompt = self._prompt()
        if prompt.confirms_drop(subject) or prompt.answers.says("rename", subject):
            return True
        self.left[subject] = kind
        return False

    def _columns(self, schema: str | None, name: str) -> set[str] | None:
        """Return the columns that are declared of a table, None of one that is not."""
        revisions = replayed(context.get_context()).tables
        places = [(it, name) for it in (schema, schema or self._default)]
        found = [
            it[key] for key in places for it in (self._models, revisions) if key in it
        ]
        return set().union(*found) if found else None

    def _schemas(self) -> set[str | None]:
        revisions = replayed(context.get_context()).tables
        return {schema for schema, _ in (*self._models, *revisions)}

    @cached_property
    def _default(self) -> str | None:
        """The schema that a connection looks into, for which Alembic says None."""
        return context.get_context().dialect.default_schema_name

    @cached_property
    def _models(self) -> dict[Key, set[str]]:
        given = context.get_context().opts["target_metadata"]
        every = [given] if isinstance(given, MetaData) else given
        found = [table for metadata in every for table in metadata.tables.values()]
        return {(it.schema, it.name): {c.name for c in it.columns} for it in found}

    @cached_property
    def _extensions(self) -> set[Key]:
        connection = context.get_context().connection
        if connection is None or connection.dialect.name != "postgresql":
            return set()
        found = connection.execute(OF_EXTENSIONS)
        return {(None if at == self._default else at, name) for at, name in found}


def _is_made(name: str, key: Key) -> bool:
    """Tell whether a revision made an index, or the constraint that MariaDB means."""
    database = context.get_context()
    known = replayed(database)
    return (
        name in known.indexes
        or name in known.unique
        or any(name == its for _, its in known.objects.tables.get(key, ()))
        # Last, since it looks at every name of the history.
        or name in whole_names(database)
    )
