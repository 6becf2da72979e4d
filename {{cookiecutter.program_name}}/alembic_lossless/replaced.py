"""Old revisions whose place a squashed one took.

The squashed revision has the identifier of the last of them, so that a database which
is there, or further, has nothing to do. The files wait in a folder beside `versions`
for databases in the middle, which go on along the old way, and for a revision of
another branch that builds on one of them.
"""

import re
from collections.abc import Callable, Iterable, Iterator, Mapping
from pathlib import Path

from alembic.script import Script, ScriptDirectory
from alembic.script.revision import RevisionMap
from alembic.util import CommandError, to_tuple

from ._alembic import each_readable, script_at

FOLDER = "replaced"
"""The folder of the old files, in the Alembic environment."""

GIVE_PARTS = "give_parts"
"""What a folder of revisions calls the function that gives each its parts."""


def replaced_by(script: Script) -> tuple[str, ...]:
    """Return the revisions that a squashed one stands for, beside its own identifier.

    :param script: any revision.
    """
    return tuple(getattr(script.module, "replaces", ()))


def folder_of(folder: ScriptDirectory) -> Path:
    """Return where the old files are, if there are any.

    :param folder: the revisions of a project.
    """
    return Path(folder.dir) / FOLDER


def in_use(
    folder: ScriptDirectory, load: Callable[[], Iterable[Script]]
) -> list[Script]:
    """Return the revisions of a folder as they count: each once.

    Old ones take the place of the squashed one while another builds on them.

    :param load: reads those of its files.
    :raises CommandError: for two files that have, or stand for, one identifier, and
        where old files are gone that another builds on.
    """
    every = dict[str, Script]()
    for script in each_readable(load()):
        other = every.setdefault(script.revision, script)
        if other.path != script.path:
            raise CommandError(
                f"Two files have the identifier {script.revision!r}: {other.path} and"
                f" {script.path}.\nGive one of them another `revision`, and name that"
                " in the `down_revision` of what builds on it."
            )
    squashed = _squashed(every.values())
    if both := sorted(squashed.keys() & every.keys()):
        raise CommandError(
            f"{every[both[0]].path} is a revision that {squashed[both[0]].revision}"
            f" stands for: a squash was ended before it deleted {', '.join(both)}.\n"
            "Delete their files there: the copies in the folder replaced are enough."
        )
    middle = {
        squashed[parent]: (script, parent)
        for script in every.values()
        for parent in follows(script)
        if parent in squashed
    }
    there = _there(folder) if middle else {}
    for new, (script, parent) in middle.items():
        old = _old_way(new, there, every)
        if parent not in {it.revision for it in old}:
            raise CommandError(
                f"{script.revision} builds on {parent}, which was squashed into"
                f" {new.revision}, and not all old files are in {folder_of(folder)} any"
                f" more.\nIf the order does not matter: down_revision ="
                f" {new.revision!r} in {script.path}"
            )
        every |= {it.revision: it for it in old}
    labels = {it for one in every.values() for it in one.branch_labels}
    for script in every.values():
        needed = {*to_tuple(script.dependencies, default=())} - labels
        for lost in {*follows(script), *needed} - every.keys():
            raise CommandError(
                f"The file of revision {lost!r} is gone, and {script.path} builds on"
                " it. Get it back, from version control or from who has it: no command"
                " can do without."
            )
    return [*every.values()]


def follows(script: Script) -> tuple[str, ...]:
    """Return what a revision builds on, as its file says."""
    return tuple(to_tuple(script.down_revision, default=()))


def old_revisions(folder: ScriptDirectory) -> list[Script]:
    """Return the revisions of the old files."""
    files = sorted(folder_of(folder).glob("*.py"))
    found = (script_at(folder, path) for path in files)
    return [it for it in found if it is not None]


def put_back(
    folder: ScriptDirectory, heads: Iterable[str], typed: Iterable[str] = ()
) -> None:
    """Let old revisions take the place of the squashed one while something needs them.

    That is a database in their middle, a command that is to go there, and one that goes
    back by a number: the squashed one would take the tables of all of them along.

    :param folder: the revisions of a command; they are changed for as long as it runs.
    :param heads: where a database is.
    :param typed: where a command begins and ends, as it was typed: "1a2b", "-1".
    :raises CommandError: where the old files are gone.
    """
    squashed = _squashed(folder.walk_revisions())
    heads, typed = {*heads}, {*typed}
    wanted = {squashed[it]: it for it in heads if it in squashed}
    words = [it for text in typed for it in re.split(r"@|[+-]\d+$", text)]
    for word in words if squashed else ():
        wanted |= {squashed[it]: it for it in _named(folder, word, squashed)}
    goes_back = any(BACK.search(it) for it in typed)
    if not (wanted or (goes_back and squashed)):
        return
    there = _there(folder)
    every = {it.revision: it for it in folder.walk_revisions()}
    for new in dict.fromkeys(squashed.values()):
        old, name = _old_way(new, there, every), wanted.get(new)
        if name and name not in {it.revision for it in old}:
            is_at = "The database is at " if name in heads else ""
            raise CommandError(
                f"{is_at}{name}{', which' if is_at else ''} was squashed into"
                f" {new.revision}, and not all old files are in {folder_of(folder)} any"
                f" more.\nUpgrade it to {new.revision} with the version of the app that"
                " had them, and then with this one."
            )
        if name or goes_back:
            kept = [it for it in every.values() if it is not new or not old]
            # None of them knows yet which others build on it.
            every = {
                it.revision: Script(it.module, it.revision, it.path)
                for it in (*kept, *old)
            }
    folder.revision_map = RevisionMap(every.values)
    if (give_parts := getattr(folder, GIVE_PARTS, None)) is not None:
        give_parts(folder)


BACK = re.compile(r"-\d+$")
"""A number of revisions to go back."""


def stood_for(folder: ScriptDirectory, name: str) -> str | None:
    """Say into what a revision was squashed, if it was.

    :param name: what was typed for it.
    """
    squashed = _squashed(folder.walk_revisions())
    old = next(iter(_named(folder, name, squashed)), None)
    if old is None:
        return None
    kept = _there(folder).get(old)
    known = f"; upgrade, downgrade and stamp know it: {kept.path}" if kept else ""
    return f"{old} was squashed into {squashed[old].revision}{known}."


def _squashed(every: Iterable[Script]) -> dict[str, Script]:
    """Return what stands for each revision that was squashed."""
    return {old: it for it in every for old in replaced_by(it)}


def _named(
    folder: ScriptDirectory, name: str, squashed: Iterable[str]
) -> Iterator[str]:
    """Give the squashed revisions that a name means which Alembic does not know."""
    try:
        _ = name and folder.get_revisions(name)
    except CommandError:
        yield from (it for it in squashed if it.startswith(name))


def _there(folder: ScriptDirectory) -> dict[str, Script]:
    """Return the revisions whose old files are there."""
    return {it.revision: it for it in old_revisions(folder)}


def _old_way(
    new: Script, there: Mapping[str, Script], every: Mapping[str, Script]
) -> list[Script]:
    """Return the revisions that one stands for; none if the file of one is gone."""
    old, queue = dict[str, Script](), [new.revision]
    while queue:
        name = queue.pop()
        if name in old or (name in every and name != new.revision):
            continue
        if name not in there:
            return []
        old[name] = there[name]
        queue += follows(there[name])
    return [*old.values()]
