"""Old revisions whose place a squashed one took.

The squashed revision has the identifier of the last of them, so that a database which
is there, or further, has nothing to do. The files wait in a folder beside `versions`
for databases in the middle, which go on along the old way.
"""

from collections.abc import Iterable, Mapping
from pathlib import Path

from alembic.script import Script, ScriptDirectory
from alembic.script.revision import RevisionMap
from alembic.util import CommandError, to_tuple

from ._alembic import script_at

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


def old_files(folder: ScriptDirectory) -> list[Path]:
    """Return the old files that are still there."""
    return sorted(folder_of(folder).glob("*.py"))


def put_back(folder: ScriptDirectory, heads: Iterable[str]) -> None:
    """Let old revisions take the place of the squashed one while a database needs them.

    :param folder: the revisions of a command; they are changed for as long as it runs.
    :param heads: where a database is.
    :raises CommandError: where the old files are gone.
    """
    every = {it.revision: it for it in folder.walk_revisions()}
    squashed = {old: it for it in every.values() for old in replaced_by(it)}
    for head in heads:
        if head in every or (new := squashed.get(head)) is None:
            continue
        old = _old_way(folder, new, every)
        if head not in {it.revision for it in old}:
            raise CommandError(
                f"The database is at {head}, which was squashed into {new.revision},"
                f" and not all old files are in {folder_of(folder)} any more.\n"
                f"Upgrade it to {new.revision} with the version of the app that had"
                " them, and then with this one."
            )
        kept = [it for it in every.values() if it is not new]
        every = {it.revision: _again(it) for it in (*kept, *old)}
        folder.revision_map = RevisionMap(every.values)
        if (give_parts := getattr(folder, GIVE_PARTS, None)) is not None:
            give_parts(folder)


def _old_way(
    folder: ScriptDirectory, new: Script, every: Mapping[str, Script]
) -> list[Script]:
    """Return the revisions that one stands for; none if the file of one is gone."""
    found = (script_at(folder, path) for path in old_files(folder))
    there = {it.revision: it for it in found if it is not None}
    old, queue = dict[str, Script](), [new.revision]
    while queue:
        name = queue.pop()
        if name in old or (name in every and name != new.revision):
            continue
        if name not in there:
            return []
        old[name] = there[name]
        queue += to_tuple(there[name].down_revision, default=())
    return [*old.values()]


def _again(script: Script) -> Script:
    """Return a revision that does not know yet which others build on it."""
    return Script(script.module, script.revision, script.path)
