"""The models as an entity relationship diagram, for a README.

Source: "Entity Relationship Diagrams" in Mermaid's documentation.
"""

import re
from collections.abc import Iterable, Iterator
from typing import Any

from sqlalchemy import Column, MetaData, Table

MANY = "{"
"""The foot of a crow."""


def diagram(metadatas: Iterable[MetaData]) -> str:
    """Return the tables and their foreign keys in the words of Mermaid."""
    tables = [table for metadata in metadatas for table in metadata.tables.values()]
    tables.sort(key=lambda table: table.fullname)
    lines = [line for table in tables for line in _entity(table)]
    lines += [line for table in tables for line in _relations(table)]
    return "\n".join(["erDiagram", *(f"    {line}" for line in lines)])


def _entity(table: Table) -> Iterator[str]:
    yield _name(table) + " {"
    for column in table.columns:
        words = [_word(str(column.type)), _word(column.name)]
        keys = [key for key, there in _keys(column).items() if there]
        if keys:
            words.append(", ".join(keys))
        yield f"    {' '.join(words)}"
    yield "}"


def _keys(column: Column[Any]) -> dict[str, bool]:
    return {
        "PK": column.primary_key,
        "FK": bool(column.foreign_keys),
        "UK": bool(column.unique),
    }


def _relations(table: Table) -> Iterator[str]:
    """Yield a line for each foreign key: many here refer to one there, or to none."""
    for key in sorted(
        table.foreign_key_constraints, key=lambda key: list(key.column_keys)
    ):
        one = "|o" if any(column.nullable for column in key.columns) else "||"
        label = ", ".join(key.column_keys)
        ends = _name(key.referred_table), _name(table)
        yield f" {one}--o{MANY} ".join(ends) + f' : "{label}"'


def _name(table: Table) -> str:
    return f'"{table.fullname}"'


def _word(text: str) -> str:
    """Return a text as one word of Mermaid: `VARCHAR(100)`, `NUMERIC(8-2)`."""
    return re.sub(r"[^\w()\[\]-]+", "-", text.replace(" ", "_")).strip("-")
