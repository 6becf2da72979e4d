"""Read a README as its reader does: commands to type, edits to make, the tree."""

import re
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

FENCE = re.compile(r"^```(\w+)\n(.*?)^```$", re.MULTILINE | re.DOTALL)
RECIPE = r"^\*\*{}\*\*.*?(?=^\*\*|^##|\Z)"
CHANGING = (
    (re.compile(r"(?<![0-9a-f])[0-9a-f]{12}(?![0-9a-f])"), "REVISION"),
    (re.compile(r"\b20\d{6}_\d{6}_"), "TIME_"),
    (re.compile(r"\b\d+\.\d+ ?s\b"), "SECONDS"),
)
"""What is another at each run, and what stands for it."""


@dataclass(frozen=True)
class Block:
    """A fenced block: its language and its text."""

    language: str
    text: str


def blocks(readme: Path) -> list[Block]:
    """Return the fenced blocks of a document, in order."""
    return blocks_of(readme.read_text())


def blocks_of(text: str) -> list[Block]:
    """Return the fenced blocks of a text, in order."""
    return [Block(*found) for found in FENCE.findall(text)]


def recipe(project: Path, title: str) -> list[Block]:
    """Return the fenced blocks of a recipe in a project's own README."""
    text = (project / "README.md").read_text()
    found = re.search(RECIPE.format(title), text, re.MULTILINE | re.DOTALL)
    assert found, title
    return blocks_of(found[0])


def steps(session: str) -> Iterator[tuple[str, str]]:
    """Yield the commands of a terminal session, each with the output it shows."""
    for part in re.split(r"^\$ ", session, flags=re.MULTILINE)[1:]:
        command, _, output = part.partition("\n")
        yield command, output


def settled(output: str, home: Path) -> str:
    """Return an output without what is another at each run."""
    output = output.replace(str(home), "/home/ada")
    for pattern, word in CHANGING:
        output = pattern.sub(word, output)
    return "\n".join(line.rstrip() for line in output.splitlines()).strip()


def apply_edit(diff: str, folder: Path) -> None:
    """Make the change that a block in the form of a diff shows; it may make a file."""
    header, _, body = diff.partition("\n")
    path = folder / header.removeprefix("--- ")
    old, new = (
        "".join(line[1:] for line in body.splitlines(keepends=True) if line[0] in kinds)
        for kinds in (" -", " +")
    )
    if not old:
        path.write_text(new)
        return
    text = path.read_text()
    assert text.count(old) == 1, f"{old!r} is {text.count(old)} times in {path}"
    path.write_text(text.replace(old, new))


def tree(text: str) -> Iterator[str]:
    """Yield the paths of an indented tree below its first line; folders end with /."""
    parents: list[str] = []
    for line in text.splitlines()[1:]:
        depth = (len(line) - len(line.lstrip())) // 2
        parents[depth - 1 :] = [line.split()[0]]
        yield "".join(parents)
