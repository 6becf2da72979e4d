"""Let squawk, which parses PostgreSQL, judge statements that a revision has as text.

It is a program of its own, `pip install squawk-cli`. What it finds has here the name of
the rule that finds the same in an operation.
"""

import json
import shutil
import subprocess
import sys
from collections.abc import Iterator, Sequence
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from ..sql import Script, quoted_table
from ..types.portable import dialect_named
from .rules import RULES, Finding, Key

SQUAWK = {
    "adding-field-with-default": "column-rewrites",
    "adding-foreign-key-constraint": "foreign-key-scans",
    "adding-not-nullable-field": "not-null-scans",
    "adding-required-field": "column-required",
    "ban-concurrent-index-creation-in-transaction": "concurrently-in-transaction",
    "ban-drop-column": "column-dropped",
    "ban-drop-table": "table-dropped",
    "changing-column-type": "type-rewrites",
    "constraint-missing-not-valid": "check-scans",
    "disallowed-unique-constraint": "unique-blocks",
    "renaming-column": "column-renamed",
    "renaming-table": "table-renamed",
    "require-concurrent-index-creation": "index-blocks-writes",
}
"""Squawk's rule -> the one that says the same here; its other rules are about style."""

MORE_EXACT = {"foreign-key-scans", "unique-blocks"}
"""What squawk calls a constraint without NOT VALID as well."""

MISSING = "SQL in op.execute() was not looked at: pip install squawk-cli"

BEGIN = "-- the statement\n"

Said = dict[str, Any]


class Statement(NamedTuple):
    """SQL that a revision has as text, and what is known where it stands."""

    text: str
    line: int
    autocommit: bool
    """Whether it stands in an `autocommit_block()`."""


def program() -> str | None:
    """Return the path of squawk, if it is installed."""
    beside = Path(sys.executable).with_name("squawk")
    return str(beside) if beside.exists() else shutil.which("squawk")


def judge(
    squawk: str, statements: Sequence[Statement], new: set[Key]
) -> Iterator[Finding]:
    """Give what squawk finds in statements, by the names of the rules here.

    :param squawk: the path of the program.
    :param new: the tables that came with the revision: what happens to them is short.
    :raises OSError: when the program cannot be run.
    """
    rules = {rule.name: rule for rule in RULES if "postgresql" in rule.dialects}
    for statement, said in _run(squawk, statements, new):
        named = {SQUAWK[each["rule_name"]]: each for each in said}
        if named.keys() & MORE_EXACT:
            named.pop("check-scans", None)
        words = " ".join(statement.text.split())
        for name, each in named.items():
            rule = rules[name]
            yield Finding(
                name,
                rule.harm,
                table="",
                sentence=f"{each['message']} In: {words[:80]}",
                lock=rule.lock,
                growth=rule.growth,
                instead=f"# {each['help']}" if each.get("help") else "",
                line=statement.line,
            )


def _run(
    squawk: str, statements: Sequence[Statement], new: set[Key]
) -> Iterator[tuple[Statement, list[Said]]]:
    """Give each statement with what squawk says about it."""
    known = "".join(f"CREATE TABLE {_quoted(key)} ();\n" for key in new)
    with TemporaryDirectory() as folder:
        files = {str(Path(folder, f"{n}.sql")): s for n, s in enumerate(statements)}
        begins = {}
        for file, statement in files.items():
            begins[file] = known.count("\n") + 1
            Path(file).write_text(f"{known}{BEGIN}{statement.text}\n", encoding="utf-8")
            if _creates(statement.text):
                known += statement.text.strip().rstrip(";") + ";\n"
        for mode in (["--assume-in-transaction"], []):
            part = [f for f, one in files.items() if one.autocommit is not bool(mode)]
            found = _read([squawk, "--reporter", "json", *mode, *part] if part else [])
            for file in part:
                own = [x for x in found if x["file"] == file]
                yield files[file], [x for x in own if x["line"] >= begins[file]]


def _quoted(key: Key) -> str:
    schema, name = key
    return quoted_table(name, schema, dialect_named("postgresql"))


def _creates(text: str) -> bool:
    made = Script(text, dialect_named("postgresql")).statements
    return any(it.begins("CREATE TABLE") for it in made)


def _read(command: list[str]) -> list[Said]:
    if not command:
        return []
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found: list[Said] = json.loads(done.stdout or "[]")
    return [each for each in found if each["rule_name"] in SQUAWK]
