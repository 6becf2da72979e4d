"""A plugin of Alembic: what the library compares beside Alembic's own comparison.

Installed, it is found by its entry point in the group `alembic.plugins`; a copy that
stands beside an app is registered by the first draft. Either way it compares only where
`autogenerate_plugins` names it, as `alembic_lossless.env` does.

Source: "Plugins" in Alembic's documentation, and `alembic.runtime.plugins`.
"""

from collections.abc import Callable
from contextlib import suppress
from importlib import import_module
from importlib.util import find_spec
from typing import Any

from alembic.runtime.plugins import Plugin

NAME = "alembic_lossless"

OPT_IN = find_spec("alembic.ext") is not None
"""Whether Alembic compares CHECKs by their names only where env.py asks for it.

Alembic 1.19.0 and 1.19.1 do it by themselves, and drop those of an Enum.
"""

AUTOGENERATE_PLUGINS = (
    "alembic.autogenerate.*",
    # What is left out could not be asked for: Alembic knows it by both of its names.
    *(() if OPT_IN else ("~alembic.autogenerate.checkconstraint_byname",)),
    NAME,
)
"""What `context.configure` is told to compare with, unless env.py says otherwise."""


COMPARISONS = (
    ("FIRST", "autogenerate", "", "draft.prepare"),
    ("FIRST", "schema", "", "renames.look_into_new"),
    ("FIRST", "column", "", "compare_objects.without_domain"),
    ("FIRST", "column", "", "compare_columns.compare_column"),
    ("FIRST", "table", "indexes", "compare_constraints.in_our_way"),
    ("FIRST", "table", "foreignkeys", "compare_constraints.in_our_way"),
    ("FIRST", "column", "nullable", "compare_columns.keep_not_null_of_key"),
    ("FIRST", "table", "", "compare_columns.compare_primary_key"),
    # What Alembic noticed by itself stands there by then.
    ("LAST", "table", "", "compare_constraints.compare_constraints"),
    ("LAST", "table", "", "unmanaged.compare_unmanaged"),
    ("LAST", "table", "", "compare_tables.compare_options"),
    # Before Alembic says that it goes.
    ("FIRST", "column", "comments", "unmanaged.keep_comment"),
    ("FIRST", "table", "comments", "unmanaged.keep_comment"),
    ("LAST", "column", "", "unmanaged.compare_default"),
    ("LAST", "column", "", "compare_columns.existing_as_declared"),
    ("LAST", "schema", "", "compare_objects.compare_sequences"),
    ("LAST", "schema", "", "compare_objects.compare_domains"),
    ("LAST", "schema", "", "compare_objects.compare_views"),
    ("LAST", "autogenerate", "", "draft.hold"),
)
"""When a function of `autogenerate` compares what, and in which group of Alembic's."""


def setup(plugin: Plugin) -> None:
    """Add the comparisons to a plugin, perhaps while Alembic is being imported.

    An Alembic that the library was not made for has to be imported all the same.

    :param plugin: the one that Alembic has for the library.
    """
    if not hasattr(plugin, "add_autogenerate_comparator"):
        return
    from alembic.util import DispatchPriority  # noqa: PLC0415

    for priority, target, group, path in COMPARISONS:
        plugin.add_autogenerate_comparator(
            _later(path, target),
            target,
            group or None,
            priority=DispatchPriority[priority],
        )


def register() -> None:
    """Register the plugin, unless its entry point did."""
    with suppress(ValueError):  # a second plugin of one name is refused
        setup(Plugin(NAME))


def _later(path: str, target: str) -> Callable[..., Any]:
    """Return a comparison that is imported when it is needed: Alembic is whole then.

    That of a table or a column is given the change, which says where it is, and what
    the database and the models have.
    """
    module, _, name = path.partition(".")

    def compare(*arguments: Any) -> Any:
        found = getattr(import_module(f".autogenerate.{module}", __package__), name)
        if target not in {"table", "column"}:
            return found(*arguments)
        context, change, *_place, there, model = arguments
        return found(context, change, there, model)

    return compare
