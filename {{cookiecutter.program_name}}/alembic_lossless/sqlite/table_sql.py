"""Read what a CREATE TABLE of SQLite says beyond what SQLAlchemy sees in it."""

import re
from collections.abc import Mapping
from typing import NamedTuple

from sqlalchemy.dialects import sqlite

STRING = r"""'[^']*'|"[^"]*"|`[^`]*`|\[[^\]]*\]"""

COMMENT = re.compile(rf"({STRING})|--[^\n]*|/\*.*?\*/", re.DOTALL)

TOKEN = re.compile(rf"\s+|{STRING}|\w+|.", re.DOTALL)
"""A doubled quote inside quotes makes two tokens, which does no harm here."""

_QUOTER = sqlite.dialect().identifier_preparer

CONSTRAINTS = ("CONSTRAINT", "PRIMARY", "UNIQUE", "CHECK", "FOREIGN")


class Item(NamedTuple):
    """A column, a constraint, or the options after the parentheses."""

    column: str | None
    constraint: str | None
    words: list[str]
    """In upper case; what stands in parentheses is one word."""
    checks: list[str]
    """The conditions of CHECKs without a name."""
    collation: str | None
    computed: str | None
    """The expression of a generated column."""

    @property
    def is_key(self) -> bool:
        """Whether it is a primary key, or a UNIQUE, that stands by itself."""
        return self.column is None and bool({"PRIMARY", "UNIQUE"} & {*self.words})

    def count(self, clause: str) -> int:
        """Count a clause, such as ON CONFLICT."""
        return f" {' '.join(self.words)} ".count(f" {clause} ")


def read(sql: str) -> list[Item]:
    """Read the text that `sqlite_master` has of a table.

    :param sql: it begins with CREATE TABLE.
    """
    parts = _parts(COMMENT.sub(r"\1", sql))
    body = next(part for part in parts if part.startswith("("))
    items: list[list[str]] = [[]]
    for part in _parts(body[1:-1]):
        if part == ",":
            items.append([])
        else:
            items[-1].append(part)
    options = [part.upper() for part in parts[parts.index(body) + 1 :]]
    return [*map(_item, items), Item(None, None, options, [], None, None)]


def renamed(condition: str, names: Mapping[str, str | None]) -> str | None:
    """Return a condition as it reads when columns have other names.

    :param condition: an expression of SQL.
    :param names: the new name of each column by the old one; None for one that goes.
    :return: None when the condition speaks of a column that goes.
    """
    known = {old.lower(): new for old, new in names.items()}
    words = []
    for word in TOKEN.findall(condition):
        bare = _name(word)
        new = known.get(bare.lower(), bare) if word[0] != "'" else bare
        if new is None:
            return None
        words.append(word if new == bare else _QUOTER.quote(new))
    return "".join(words)


def bare(expression: str | None) -> str:
    """Return an expression without spaces, and the parentheses around it."""
    words = "".join((expression or "").split())
    while words.startswith("(") and words.endswith(")"):
        words = words[1:-1]
    return words


def _parts(sql: str) -> list[str]:
    """Split into words, each pair of parentheses with all that is in it being one."""
    parts = [""]
    depth = 0
    for piece in TOKEN.findall(sql):
        depth += (piece == "(") - (piece == ")")
        parts[-1] += piece
        if depth == 0:
            parts.append("")
    return [part for part in parts if part.strip()]


def _item(parts: list[str]) -> Item:
    words = [part.upper() for part in parts]
    column = _name(parts[0]) if words[0] not in CONSTRAINTS else None
    constraint = _name(parts[1]) if words[0] == "CONSTRAINT" else None
    checks = [
        parts[place + 1][1:-1].strip()
        for place, word in enumerate(words)
        if word == "CHECK" and "CONSTRAINT" not in words[max(0, place - 2) : place]
    ]
    collation = computed = None
    if column and "COLLATE" in words:
        collation = _name(parts[words.index("COLLATE") + 1])
    if column and "AS" in words:
        computed = parts[words.index("AS") + 1][1:-1]
    said = words[1:] if column else words
    return Item(column, constraint, said, checks, collation, computed)


def _name(word: str) -> str:
    """Return a name without its quotes."""
    return word[1:-1] if word[0] in "\"'`[" else word
