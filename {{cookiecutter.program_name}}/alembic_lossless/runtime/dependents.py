"""What hangs on a table, a column or a type, and has to go before it on PostgreSQL."""

import re
from collections.abc import Iterator

NAME = r'(?:"(?:[^"]|"")*"|\([^)]*\)|[^\s"(])+'
"""A name as PostgreSQL writes it: in quotes where need be, and with arguments."""

DEPENDS = re.compile(
    r"^(?:DETAIL: +)?(?:rule \S+ on |column \S+ of composite )?"
    r"(?P<kind>materialized view|view|trigger|policy|constraint|function|type)"
    rf" (?P<name>{NAME})(?: on table (?P<table>{NAME}))? depends on",
    re.MULTILINE,
)
"""How PostgreSQL names one thing that depends on what is to go or to change."""

GENERATED = re.compile(
    rf"is used by generated column (?P<name>{NAME})\."
    rf".*ALTER TABLE (?:ONLY )?(?P<table>{NAME}) ALTER",
    re.DOTALL,
)
"""How it names a column that is computed; its table is in the statement."""

PART = re.compile(r'"((?:[^"]|"")*)"|([^."]+)')
"""One of the names that a name with a schema has."""


def hint(error: str) -> list[str]:
    """Say what a revision has to drop first, and to create again, if that is it.

    :param error: what PostgreSQL says, with its DETAIL.
    """
    # What depends on a view stands behind it, and has to go before it.
    drops = [*_drops(error)][::-1]
    if not drops:
        return []
    return [
        f"Let the revision drop it first and create it again after: {'; '.join(drops)}"
    ]


def _drops(error: str) -> Iterator[str]:
    for found in DEPENDS.finditer(error):
        kind, name, table = found["kind"], found["name"], found["table"]
        if kind == "constraint":
            yield _call("drop_constraint", name, table)
        else:
            on = f" ON {table}" if kind in {"trigger", "policy"} else ""
            yield f"op.execute({_text(f'DROP {kind.upper()} {name}{on}')})"
    for found in GENERATED.finditer(error):
        yield _call("drop_column", found["table"], found["name"])


def _call(function: str, *names: str) -> str:
    """Return a call that drops a part of a table, whose schema is an argument."""
    every = [[a.replace('""', '"') or b for a, b in PART.findall(it)] for it in names]
    schemas = [f", schema={_text(parts[0])}" for parts in every if parts[1:]]
    words = ", ".join(_text(parts[-1]) for parts in every)
    return f"op.{function}({words}{''.join(schemas)})"


def _text(value: str) -> str:
    """Return a text as Python has it, in the quotes that it needs no escapes for."""
    return repr(value) if '"' in value else f'"{value}"'
