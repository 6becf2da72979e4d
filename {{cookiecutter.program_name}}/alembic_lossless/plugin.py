"""A plugin of Alembic: what the library compares beside Alembic's own comparison.

Installed, it is found by its entry point in the group `alembic.plugins`; a copy that
stands beside an app is registered by the first draft. Either way it compares only where
`autogenerate_plugins` names it, as `alembic_lossless.env` does.

Source: "Plugins" in Alembic's documentation, and `alembic.runtime.plugins`.
"""

from contextlib import suppress
from typing import Any

from alembic.runtime.plugins import Plugin

NAME = "alembic_lossless"

AUTOGENERATE_PLUGINS = ("alembic.autogenerate.*", NAME)
"""What `context.configure` is told to compare with, unless env.py says otherwise."""


def setup(plugin: Plugin) -> None:
    """Add the comparisons to a plugin, perhaps while Alembic is being imported.

    An Alembic that the library was not made for has to be imported all the same.
    """
    if not hasattr(plugin, "add_autogenerate_comparator"):
        return
    from alembic.util import DispatchPriority  # noqa: PLC0415

    first, last = DispatchPriority.FIRST, DispatchPriority.LAST
    plugin.add_autogenerate_comparator(_prepare, "autogenerate", priority=first)
    plugin.add_autogenerate_comparator(_compare_column, "column", priority=first)
    plugin.add_autogenerate_comparator(_compare_table, "table", priority=first)
    # What Alembic noticed by itself stands there by then.
    plugin.add_autogenerate_comparator(_complete_table, "table", priority=last)
    for target in ("column", "table"):  # before Alembic says that it goes
        plugin.add_autogenerate_comparator(
            _keep_comment, target, "comments", priority=first
        )
    plugin.add_autogenerate_comparator(_complete_column, "column", priority=last)
    plugin.add_autogenerate_comparator(_compare_sequences, "schema", priority=last)
    plugin.add_autogenerate_comparator(_compare_domains, "schema", priority=last)
    plugin.add_autogenerate_comparator(_compare_views, "schema", priority=last)
    plugin.add_autogenerate_comparator(_hold, "autogenerate", priority=last)


def register() -> None:
    """Register the plugin, unless its entry point did."""
    with suppress(ValueError):  # a second plugin of one name is refused
        setup(Plugin(NAME))


def _prepare(*arguments: Any) -> Any:
    """Import what a comparison reads with when there is one."""
    from .autogenerate.draft import prepare  # noqa: PLC0415

    prepare(*arguments)


def _compare_column(*arguments: Any) -> Any:
    """Import the comparison when it is needed: Alembic is whole by then."""
    from .autogenerate.compare_columns import (  # noqa: PLC0415
        compare_column,
        compare_generated,
    )
    from .autogenerate.compare_domains import without_domain  # noqa: PLC0415

    without_domain(*arguments)
    compare_column(*arguments)
    compare_generated(*arguments)


def _compare_table(*arguments: Any) -> Any:
    """Import the comparison when it is needed: Alembic is whole by then."""
    from .autogenerate.compare_columns import compare_primary_key  # noqa: PLC0415
    from .autogenerate.compare_constraints import compare_unnamed  # noqa: PLC0415

    compare_unnamed(*arguments)
    compare_primary_key(*arguments)


def _complete_table(*arguments: Any) -> Any:
    """Import the comparison when it is needed: Alembic is whole by then."""
    from .autogenerate.compare_constraints import compare_objects  # noqa: PLC0415
    from .autogenerate.compare_tables import compare_options  # noqa: PLC0415
    from .autogenerate.unmanaged import compare_unmanaged  # noqa: PLC0415

    compare_objects(*arguments)
    compare_unmanaged(*arguments)
    compare_options(*arguments)


def _keep_comment(*arguments: Any) -> Any:
    """Import the comparison when it is needed: Alembic is whole by then."""
    from .autogenerate.unmanaged import keep_comment  # noqa: PLC0415

    return keep_comment(*arguments)


def _complete_column(*arguments: Any) -> Any:
    """Import the comparison when it is needed: Alembic is whole by then."""
    from .autogenerate.compare_columns import existing_as_declared  # noqa: PLC0415
    from .autogenerate.unmanaged import compare_default  # noqa: PLC0415

    compare_default(*arguments)
    existing_as_declared(*arguments)


def _compare_sequences(*arguments: Any) -> Any:
    """Import the comparison when it is needed: Alembic is whole by then."""
    from .autogenerate.compare_objects import compare_sequences  # noqa: PLC0415

    compare_sequences(*arguments)


def _compare_domains(*arguments: Any) -> Any:
    """Import the comparison when it is needed: Alembic is whole by then."""
    from .autogenerate.compare_domains import compare_domains  # noqa: PLC0415

    compare_domains(*arguments)


def _compare_views(*arguments: Any) -> Any:
    """Import the comparison when it is needed: Alembic is whole by then."""
    from .autogenerate.compare_views import compare_views  # noqa: PLC0415

    compare_views(*arguments)


def _hold(*arguments: Any) -> Any:
    """Import what keeps a draft for its review when there is one."""
    from .autogenerate.draft import hold  # noqa: PLC0415

    hold(*arguments)
