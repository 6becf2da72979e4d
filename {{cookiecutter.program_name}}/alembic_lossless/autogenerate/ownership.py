"""Whose a thing is: what neither the models nor a revision declare is left alone."""

import logging
from collections.abc import Callable, Iterable, Mapping
from functools import cached_property
from typing import Any

import sqlalchemy as sa
from alembic import context
from alembic.operations import ops
from alembic.runtime.migration import MigrationContext
from sqlalchemy import MetaData

from ..internals import named_as_made
from ..prompts.prompt import Prompt
from .named_objects import (
    Create,
    created_by,
    is_same_key,
    name_for,
    name_of,
    objects_of,
    others_of,
)
from .operations import Key, label
from .replay import Recorder, replayed

log = logging.getLogger("alembic.review")

WORDS = {
    "index": "index",
    "unique_constraint": "unique constraint",
    "foreign_key_constraint": "foreign key",
    "check_constraint": "CHECK",
    "exclude_constraint": "EXCLUDE",
    "primary_key_constraint": "primary key",
}
"""What `include_object` hears of -> what it is called."""

FOUND_BY_NAME = (
    ops.CreateIndexOp,
    ops.CreateUniqueConstraintOp,
    ops.CreateForeignKeyOp,
)
"""What makes something that has its name to itself, whatever its table is called."""

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
    `include_object` of indexes and constraints, some of which MariaDB makes by itself.
    """

    def __init__(self, prompt: Callable[[], Prompt]) -> None:
        """Begin with nothing that is left alone.

        :param prompt: returns where answers are: `-x drop=…` makes a thing ours.
        """
        self._prompt = prompt
        self.left: dict[str, str] = {}
        """What is left alone, as an answer names it -> what it is."""
        self.taken: dict[str, str] = {}
        """Likewise what an answer made ours, though no revision made it."""

    def include_name(
        self, name: str | None, kind: str, parents: Mapping[str, str | None]
    ) -> bool:
        """Tell whether a schema, a table or a column is ours."""
        schema = parents.get("schema_name")
        if kind == "schema":
            return name is None or name in self.schemas()
        if kind == "table":
            key = schema, str(name)
            if self._columns(*key) is not None:
                return True
            return key not in self._extensions and self.is_wanted("table", label(*key))
        if kind == "column":
            key = schema, str(parents["table_name"])
            known = name in (self._columns(*key) or ())
            return known or self.is_wanted("column", f"{label(*key)}.{name}")
        return True

    def include_object(
        self,
        item: Any,
        name: str | None,
        kind: str,
        reflected: bool,  # noqa: FBT001  the signature is Alembic's
        model: Any,
    ) -> bool:
        """Tell whether an index or a constraint that no model has is ours.

        An index that MariaDB made for a foreign key, and kept without it, does no harm,
        and the other databases have none that a script could drop.
        """
        if kind not in WORDS or not reflected or model is not None:
            return True
        names = replayed(context.get_context()).objects.names
        if kind == "index" and name in names[ops.CreateForeignKeyOp]:
            return False
        return self.is_ours(item) or self.is_wanted(WORDS[kind], self.subject(item))

    def is_ours(self, item: Any) -> bool:
        """Tell whether the models or a revision declare an index or a constraint.

        A name is enough; without one, or where the server made up another, it is what
        it holds.
        """
        key = item.table.schema, item.table.name
        if self._columns(*key) is None:
            return True  # it goes with its table
        database = context.get_context()
        known, model = replayed(database), self._models.get(key)
        if item.name and _is_name_of(known, key, str(item.name)):
            return True
        declared = known.objects.of(key)
        if model is not None:
            declared += [*objects_of(model).values(), *others_of(model)]
        dialect = database.dialect
        return any(_is_made_by(item, op, dialect) for op in declared) or (
            # Last, since it looks at every name of the history.
            item.name in known.objects.whole_names(database.dialect)
        )

    @staticmethod
    def subject(item: Any) -> str:
        """Return an index or a constraint as an answer names it."""
        table = item.table
        name = item.name or name_for(item)
        return f"{label(table.schema, table.name)}.{name}"

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

    def is_wanted(self, kind: str, subject: str) -> bool:
        """Tell whether an answer speaks of it; otherwise it is left alone."""
        prompt = self._prompt()
        if prompt.confirms_drop(subject) or prompt.answers.says("rename", subject):
            self.taken[subject] = kind
            return True
        self.left[subject] = kind
        return False

    def _columns(self, schema: str | None, name: str) -> set[str] | None:
        """Return the columns that are declared of a table, None of one that is not."""
        revisions = replayed(context.get_context()).tables
        found = list[Iterable[str]]()
        for key in {(schema, name), (schema or self._default, name)}:
            if key in self._models:
                found.append(column.name for column in self._models[key].columns)
            if key in revisions:
                found.append(revisions[key])
        return set().union(*found) if found else None

    def schemas(self) -> set[str | None]:
        """Return the schemas that models or revisions use."""
        revisions = replayed(context.get_context()).tables
        return {schema for schema, _ in (*self._models, *revisions)}

    @cached_property
    def _default(self) -> str | None:
        """The schema that a connection looks into, for which Alembic says None."""
        return context.get_context().dialect.default_schema_name

    @cached_property
    def _models(self) -> dict[Key, sa.Table]:
        given = context.get_context().opts["target_metadata"]
        every = [given] if isinstance(given, MetaData) else given
        found = [table for metadata in every for table in metadata.tables.values()]
        return {(it.schema, it.name): it for it in found}

    @cached_property
    def _extensions(self) -> set[Key]:
        connection = context.get_context().connection
        if connection is None or connection.dialect.name != "postgresql":
            return set()
        found = connection.execute(OF_EXTENSIONS)
        return {(None if at == self._default else at, name) for at, name in found}


def ownership_of(database: MigrationContext) -> Ownership | None:
    """Return what is ours; None where an env.py of its own names the plugin alone."""
    found: Ownership | None = database.opts.get("ownership")
    return found


def _is_name_of(known: Recorder, key: Key, name: str) -> bool:
    """Tell whether revisions gave something this name."""
    everywhere = any(name in known.objects.names[kind] for kind in FOUND_BY_NAME)
    named = known.objects.tables.get(key, ())
    return everywhere or any(name == its for _, its in named)


def _is_made_by(item: Any, op: Create, dialect: sa.Dialect) -> bool:
    """Tell whether an operation may have made what a database has.

    It has the name or, where the server made up another one, the same columns. Of a
    CHECK without a name nothing more is known.

    :param item: a constraint, or the unique index that MariaDB reports for one.
    """
    if name_of(op) is not None:
        name = named_as_made(op, dialect)
        table = item.table
        there = {str(it.name) for it in (*table.constraints, *table.indexes)}
        if name == item.name or name in there:
            return bool(name == item.name)
    if isinstance(item, sa.Index):
        if not isinstance(op, ops.CreateUniqueConstraintOp) or not item.unique:
            return False
        return {it.name for it in item.columns} == set(op.columns)
    return is_same_key(op, created_by(item))
