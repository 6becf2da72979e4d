"""Squash a range of revisions: choose it, write one, prove it, and put it there.

A revision that is carried along is one function of the new file, with its whole text.
"""

import ast
import io
import shutil
import tokenize
from collections.abc import Iterable, Iterator, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import TYPE_CHECKING, Any, NamedTuple

from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import Script, ScriptDirectory
from alembic.util import CommandError, to_tuple
from sqlalchemy import URL

from .. import lockfile
from ..autogenerate.review import laid_out
from ..config import database_in, insist_on_source_tree, reading
from ..rebase import git, with_code
from ..rehearsal.copies import throw_away_each
from ..replaced import folder_of, follows, old_revisions, replaced_by
from ..rules import AFTER, phase_of
from .fold import Folded, folded
from .proof import Engines, OldWay, old_way, prove, servers

if TYPE_CHECKING:
    from ..migrations import Migrations


OWN = frozenset(
    {"revision", "down_revision", "branch_labels", "depends_on", "phase", "replaces"}
    | {"lint_allow"}
)
"""What a revision says of itself, which the squashed one says in its own place."""

INDENT = "    "


def function_of(revision: Script) -> str:
    """Return the name of the function that a carried revision becomes."""
    letters = (it if it.isalnum() else "_" for it in revision.revision)
    return f"carried_{''.join(letters)}"


def call(revision: Script, direction: str, database: str) -> str:
    """Return the code that runs a carried revision.

    :param direction: "upgrade" or "downgrade".
    :param database: its name where there are several, or "".
    """
    part = f"{direction}_{database}" if database else direction
    return f'{function_of(revision)}("{part}")'


def carried(revision: Script, databases: list[str]) -> str:
    """Return the function that does what a revision does.

    :param databases: the names of those with a part, or [""].
    :raises CommandError: for a text that means something else inside a function.
    """
    source = _dropping_by_columns(Path(revision.path).read_text("utf-8"))
    tree = ast.parse(source)
    parts = _parts(tree, databases)
    run = {it.partition("(")[0] for it in parts.values() if it}
    dropped = {*_dropped(tree, run)}
    kept = [node for node in tree.body if node not in dropped]
    _refuse(revision, kept)
    lines = source.splitlines()
    body = [_text(lines, node) for node in kept]
    doc = revision.doc.replace('"""', "'''").replace("\\", "\\\\").rstrip(".")
    head = [
        f"def {function_of(revision)}(part: str) -> None:",
        f'{INDENT}"""Run a part of revision {revision.revision}: {doc}."""',
    ]
    text = "\n\n".join(_indented(it) for it in body if it.strip())
    return "\n".join([*head, text, "", *_choices(parts)])


MADE = {"create_foreign_key": "foreignkey", "create_unique_constraint": "unique"}
"""What makes a constraint -> what its drop calls it."""


def _dropping_by_columns(source: str) -> str:
    """Let a constraint that nobody named be dropped by its columns.

    `op.drop_constraint(None, …)`, as Alembic drafts it, drops nothing on any database:
    which one it means is what the upgrade makes without a name.
    """
    made = dict[tuple[str, str], list[str]]()
    drops = list[tuple[ast.Call, tuple[str, str]]]()
    for call in (it for it in ast.walk(ast.parse(source)) if isinstance(it, ast.Call)):
        function, given = ast.unparse(call.func), [*map(ast.unparse, call.args)]
        types = {it.arg: ast.unparse(it.value) for it in call.keywords}
        if given[:1] != ["None"] or not function.startswith("op."):
            continue
        if kind := MADE.get(function.removeprefix("op.")):
            columns = given[3:4] if kind == "foreignkey" else given[2:3]
            made.setdefault((given[1], repr(kind)), []).extend(columns)
        elif function == "op.drop_constraint":
            drops.append((call, (given[1], types.get("type_", ""))))
    clear = {
        place
        for place, columns in made.items()
        if len(columns) == sum(it == place for _, it in drops)
    }
    text = source.encode()
    # From the last one on, so that no place moves.
    for call, place in sorted(drops, key=lambda it: -it[0].lineno):
        if place in clear:
            named = f"{place[0]}, {made[place].pop()}, type_={place[1]}"
            code = f"op.drop_unnamed_constraint({named})"
            text = with_code(text, call, code.encode())
    return text.decode()


def _parts(tree: ast.Module, databases: list[str]) -> dict[str, str | None]:
    """Return the calls that are made for each part, by what `call` says of it."""
    there = {it.name: it for it in tree.body if isinstance(it, ast.FunctionDef)}
    found = dict[str, str | None]()
    for name in databases:
        for direction in ("upgrade", "downgrade"):
            own = f"{direction}_{name}" if name else direction
            plain = there.get(direction)
            if own in there:
                found[own] = f"{own}()"
            elif plain is None or any(it.startswith(f"{direction}_") for it in there):
                found[own] = None  # the database came later
            else:
                given = repr(name) if plain.args.args else ""
                found[own] = f"{direction}({given})"
    return found


def _choices(parts: dict[str, str | None]) -> Iterator[str]:
    for part, called in parts.items():
        if called:
            yield f'{INDENT}if part == "{part}":'
            yield f"{INDENT}{INDENT}{called}"


def _dropped(tree: ast.Module, run: set[str]) -> Iterator[ast.stmt]:
    """Give what a function does not need: the docstring, the revision's names."""
    used = {
        node.id
        for part in tree.body
        if not _names(part) & OWN
        for node in ast.walk(part)
        if isinstance(node, ast.Name) and isinstance(node.ctx, ast.Load)
    }
    for number, node in enumerate(tree.body):
        is_future = isinstance(node, ast.ImportFrom) and node.module == "__future__"
        names, is_first = _names(node), number == 0 and _is_docstring(node)
        if is_first or is_future or (names and names <= OWN - used):
            yield node
        elif isinstance(node, ast.ImportFrom | ast.Import):
            if not {_bound(it) for it in node.names} & used or _is_everywhere(node):
                yield node
        elif isinstance(node, ast.FunctionDef):
            is_other = node.name in {"upgrade", "downgrade"} and node.name not in run
            if is_other and node.args.args:
                yield node  # it only chooses among the parts


def _names(node: ast.stmt) -> set[str]:
    """Return the names that an assignment gives something to."""
    targets = [*getattr(node, "targets", ()), getattr(node, "target", None)]
    return {it.id for it in targets if isinstance(it, ast.Name)}


def _is_docstring(node: ast.stmt) -> bool:
    return isinstance(node, ast.Expr) and isinstance(node.value, ast.Constant)


def _bound(alias: ast.alias) -> str:
    return alias.asname or alias.name.partition(".")[0]


def _is_everywhere(node: ast.stmt) -> bool:
    """Tell an import that every revision has."""
    return ast.unparse(node) in {"import sqlalchemy as sa", "from alembic import op"}


def _refuse(revision: Script, kept: list[ast.stmt]) -> None:
    for node in (node for it in kept for node in ast.walk(it)):
        if isinstance(node, ast.Name) and node.id == "globals":
            raise _cannot_be_carried(revision, "it says `globals()`")
        if isinstance(node, ast.Global):
            raise _cannot_be_carried(revision, f"it says `global {node.names[0]}`")
        if isinstance(node, ast.ImportFrom) and node.names[0].name == "*":
            raise _cannot_be_carried(revision, f"it imports * from {node.module}")


def _cannot_be_carried(revision: Script, why: str) -> CommandError:
    return CommandError(
        f"{Path(revision.path).name} cannot be carried along: {why}. Write it in"
        " another way, or squash what is before it. Nothing is written."
    )


def _text(lines: list[str], node: ast.stmt) -> str:
    """Return a statement as it is written, with the comments before it."""
    decorators = getattr(node, "decorator_list", [])
    begin = min([node.lineno, *(it.lineno for it in decorators)]) - 1
    while begin and lines[begin - 1].startswith("#"):
        begin -= 1
    return "\n".join(lines[begin : node.end_lineno])


def _indented(text: str) -> str:
    """Indent code; what stands in a string of several lines stays as it is."""
    inside = set[int]()
    for token in tokenize.generate_tokens(io.StringIO(text).readline):
        if token.type == tokenize.STRING or token.type in FORMATTED:
            inside |= {*range(token.start[0] + 1, token.end[0] + 1)}
    return "\n".join(
        line if not line or number in inside else INDENT + line
        for number, line in enumerate(text.splitlines(), 1)
    )


FORMATTED = {
    getattr(tokenize, name)
    for name in ("FSTRING_MIDDLE", "FSTRING_END")
    if hasattr(tokenize, name)
}
"""The tokens of an f-string, which are its parts since Python 3.12."""


PROGRAM = "alembic"
"""How the command is called that messages of the lock file name."""


@dataclass(frozen=True)
class Squashed:
    """What a squash did.

    :param revision: the identifier of the new revision, that of the last old one.
    :param path: its file.
    :param replaced: the old revisions, in their order.
    :param carried: those that are carried along as they are, each with the reason.
    :param without_rows: those that change rows of which a new database has none.
    :param proved: the kinds of databases on which both ways made the same.
    :param notes: what else is to be said.
    """

    revision: str
    path: Path
    replaced: tuple[str, ...]
    carried: dict[str, str]
    without_rows: tuple[str, ...]
    proved: tuple[str, ...]
    notes: tuple[str, ...]


class _Range:
    """Revisions that follow one another, and what is around them."""

    def __init__(self, folder: ScriptDirectory, given: str | None) -> None:
        """Choose revisions."""
        begin, _, end = (given or "").partition(":")
        self.every = [*folder.walk_revisions()][::-1]
        heads = folder.get_heads()
        if len(heads) > 1 and end in {"", "head"}:
            raise _refusal(
                f"{' and '.join(heads)} are {len(heads)} heads. Name the end:"
                f" {begin or 'base'}:{heads[0]}"
            )
        self.end = _found(folder, end or "head").revision
        first = _found(folder, begin) if begin not in {"", "base"} else None
        self.begin = first.revision if first else "base"
        ancestors = _ancestors(folder, [self.end])
        before = _ancestors(folder, [self.begin]) if first else set()
        if first and first.revision not in ancestors:
            raise _refusal(f"{self.end} does not build on {self.begin}")
        self.scripts = [it for it in self.every if it.revision in ancestors - before]
        self.ids = [it.revision for it in self.scripts]
        self.before = [it for it in self.every if it.revision in before]
        self.dependencies = self._dependencies(folder)
        self.depended_on = {
            it.revision for head in self.dependencies for it in _below(folder, head)
        }
        self._refuse(folder)

    def _refuse(self, folder: ScriptDirectory) -> None:
        inside = {*self.ids}
        kept = {it.revision for it in old_revisions(folder)}
        if len(inside) <= 1:
            raise _refusal(f"it has {'one' if inside else 'no'} revision")
        for it in self.scripts:
            others = {*follows(it)} - inside - {self.begin}
            if others:
                raise _refusal(
                    f"{it.revision} also builds on {min(others)}, which is before it"
                )
            if it.revision != self.end and phase_of(it) == AFTER and self.before:
                raise _refusal(
                    f"{it.revision} waits for a deployment (phase = {AFTER!r}), as one"
                    " revision cannot; a squash from base can have it"
                )
            if Path(it.path).parent == folder_of(folder):
                raise _refusal(
                    f"{it.revision} was squashed before, and another branch builds on"
                    " what was squashed with it"
                )
            if {*replaced_by(it)} & kept:
                raise _refusal(
                    f"the old files of {it.revision} are in {folder_of(folder).name}."
                    " Delete the folder first, when every database has passed it"
                )
        for it in self.every:
            built_on = {*follows(it), *_dependencies(folder, it)} & inside - {self.end}
            if it.revision not in inside and built_on:
                raise _refusal(
                    f"{it.revision} builds on {min(built_on)}, in its middle. Squash up"
                    f" to {min(built_on)}, or from there on"
                )

    def _dependencies(self, folder: ScriptDirectory) -> list[str]:
        """Return what the range depends on beside what it builds on."""
        found = [d for it in self.scripts for d in _dependencies(folder, it)]
        return [it for it in dict.fromkeys(found) if it not in {*self.ids, self.begin}]

    @property
    def labels(self) -> list[str]:
        """The branch labels that its revisions give."""
        found = [
            label
            for it in self.scripts
            for label in to_tuple(getattr(it.module, "branch_labels", None), default=())
        ]
        return [*dict.fromkeys(found)]


def _found(folder: ScriptDirectory, name: str) -> Script:
    try:
        return folder.get_revision(name)
    except CommandError as error:
        raise CommandError(f"{error}. Nothing is written.") from error


def _dependencies(folder: ScriptDirectory, script: Script) -> tuple[str, ...]:
    return tuple(folder.get_revision(it).revision for it in script.dependencies or ())


def _ancestors(folder: ScriptDirectory, heads: Iterable[str]) -> set[str]:
    """Return revisions and all that they build on, whatever they depend on beside."""
    found, queue = set[str](), [*heads]
    while queue:
        if (name := queue.pop()) not in found:
            found.add(name)
            queue += follows(folder.get_revision(name))
    return found


def _below(folder: ScriptDirectory, head: str) -> Iterator[Script]:
    """Give a revision and all that it needs."""
    script = folder.get_revision(head)
    yield script
    for name in (*follows(script), *_dependencies(folder, script)):
        yield from _below(folder, name)


def _refusal(why: str) -> CommandError:
    return CommandError(f"The range cannot be squashed: {why}. Nothing is written.")


def squash(
    migrations: "Migrations",
    given: str | None,
    message: str | None,
    more: Sequence[str],
) -> Squashed:
    """Write one revision from many, and prove that it does what they do.

    `Migrations.squash` tells what it is given.
    """
    insist_on_source_tree(migrations.project)
    folder = migrations.script()
    lockfile.insist(folder, PROGRAM)
    chosen = _Range(folder, given)
    _refuse_uncommitted(chosen.scripts)
    with ExitStack() as stack:
        work = _Squash(migrations, chosen, message, stack)
        for server in servers(migrations, tuple(more)):
            work.run_old_way(server)
        every = work.folded(folds_renames=True)
        try:
            path = work.proved(every)
        except CommandError:
            if not any(it.keeps_names for it in every.values()):
                raise
            # PostgreSQL found another name where the one that it gives was taken.
            every = work.folded(folds_renames=False)
            path = work.proved(every)
        new = _put(migrations, folder, chosen, path)
    why = {
        name: said for it in [*every.values()][::-1] for name, said in it.why.items()
    }
    without_rows = (
        it.revision for found in every.values() for it in found.without_rows
    )
    return Squashed(
        chosen.end,
        new,
        tuple(chosen.ids),
        {it: why[it] for it in chosen.ids if it in why},
        tuple(dict.fromkeys(without_rows)),
        tuple(dict.fromkeys(it.old.kind for it in work.tried)),
        tuple(work.notes),
    )


class _Tried(NamedTuple):
    """Where the old way was run, and what it makes there."""

    server: URL | None
    engines: Engines
    old: OldWay


class _Squash:
    """The work on a range: what its old way makes, and the revision that is proved."""

    def __init__(
        self,
        migrations: "Migrations",
        chosen: _Range,
        message: str | None,
        stack: ExitStack,
    ) -> None:
        self._migrations, self._chosen = migrations, chosen
        self._message, self._stack = message, stack
        self.tried = list[_Tried]()
        self.notes = list[str]()

    def run_old_way(self, server: URL | None) -> None:
        """Run the old revisions on databases of a server, if they run there.

        :param server: None is the project's own, where they have to.
        """
        chosen = self._chosen
        empty = throw_away_each(self._migrations, server)
        engines = self._stack.enter_context(empty)
        try:
            old = old_way(self._migrations, engines, chosen.begin, chosen.end)
        except CommandError as error:
            kind = next(iter(engines.values())).dialect.name
            said = str(error).splitlines()[0].rstrip(".")
            if server is None:
                raise _refusal(
                    f"on {kind} its own revisions do not run: {said}"
                ) from error
            where = f"Not compared on {kind}, where the old revisions fail"
            self.notes.append(f"{where}: {said}.")
        else:
            self.tried.append(_Tried(server, engines, old))

    def folded(self, *, folds_renames: bool) -> dict[str, Folded]:
        """Return the range folded, for each database."""
        chosen, found = self._chosen, dict[str, Folded]()
        moved = {it for tried in self.tried for it in tried.old.moved}

        def changes_rows(revision: str, name: str) -> bool:
            # What it does to rows that are there before the range, nobody can tell.
            return bool(chosen.before) or (revision, name) in moved

        def fold(_heads: Any, migration: MigrationContext) -> list[Any]:
            environment = migration.environment_context
            if environment is None:
                raise AssertionError
            found[database_in(migration.opts["upgrade_token"])] = folded(
                migration,
                environment,
                chosen.ids,
                changes_rows,
                call,
                folds_renames=folds_renames,
            )
            return []

        with self._migrations.configured(self.tried[0].engines) as config:
            folder = ScriptDirectory.from_config(config)
            with EnvironmentContext(config, folder, fn=fold, dont_mutate=True):
                folder.run_env()
        return found

    def proved(self, every: dict[str, Folded]) -> Path:
        """Write the revision, prove it on each kind of database, and return its file.

        :raises CommandError: with what differs.
        """
        versions = Path(self._stack.enter_context(TemporaryDirectory()))
        path = self._written(every, versions)
        notes = list[str]()
        for server, _, old in self.tried:
            said = prove(
                self._migrations,
                old,
                server,
                versions,
                begin=self._chosen.begin,
                end=self._chosen.end,
                leads_back=not any(it.why for it in every.values()),
            )
            notes += [f"On {old.kind} {said}."] if said else []
        self.notes += notes
        return path

    def _written(self, every: dict[str, Folded], versions: Path) -> Path:
        """Write the revision into a folder with all that are not in the range."""
        chosen = self._chosen
        inside = {*chosen.ids}
        others = [it for it in chosen.every if it.revision not in inside]
        needed = {it.revision for it in chosen.before} | chosen.depended_on
        for it in others:
            if it.revision in needed:
                shutil.copy(it.path, versions)
        config = reading(self._migrations.config(), versions)
        folder = ScriptDirectory.from_config(config)
        parts: dict[str, Any] = {
            f"{name}_{direction}s" if name else f"{direction}s": _body(found, direction)
            for name, found in every.items()
            for direction in ("upgrade", "downgrade")
        }
        stood_for = [(*replaced_by(it), it.revision) for it in chosen.scripts]
        names = [name for each in stood_for for name in each if name != chosen.end]
        replaces = f"replaces = {tuple(names)!r}"
        imports = sorted({line for found in every.values() for line in found.imports})
        last = chosen.scripts[-1]
        made = folder.generate_revision(
            chosen.end,
            self._message or f"{last.doc.rstrip('.')}, squashed",
            head=chosen.begin,
            branch_labels=chosen.labels or None,
            depends_on=chosen.dependencies or None,
            splice=True,
            refresh=True,
            imports="\n".join([*imports, "", replaces] if imports else [replaces]),
            **parts,
        )
        if made is None:
            raise AssertionError
        path = Path(made.path)
        _complete(path, chosen, every)
        laid_out(folder, str(path))
        for it in others:
            shutil.copy(it.path, versions)
        return path


def _body(found: Folded, direction: str) -> str:
    """Return the body of a function of the revision, as a template takes it."""
    up = direction == "upgrade"
    ordered = found.parts if up else found.parts[::-1]
    text = "\n".join(part.up if up else part.down for part in ordered)
    return text.replace("\n", "\n    ")


def _complete(path: Path, chosen: _Range, every: dict[str, Folded]) -> None:
    """Add the functions of carried revisions to the file of the squashed one."""
    names = [*every]
    along = {it for found in every.values() for it in found.why}
    text = path.read_text("utf-8").rstrip("\n")
    sources = [it for it in chosen.scripts if it.revision in along]
    functions = [carried(it, names) for it in sources]
    future = "from __future__ import annotations\n"
    if any(future in Path(it.path).read_text("utf-8") for it in sources):
        head, quotes, rest = text.partition('"""\n\n')
        text = f"{head}{quotes}{future}\n{rest}"
    path.write_text("\n\n\n".join([text, *functions]) + "\n", "utf-8")


def _refuse_uncommitted(scripts: Iterable[Script]) -> None:
    """Refuse to move files of which nobody has another copy."""
    paths = [Path(it.path) for it in scripts]
    every = ["--porcelain", "--untracked-files=all", "--", *map(str, paths)]
    if lines := (git(paths[0].parent, "status", *every) or "").splitlines():
        raise CommandError(
            f"{lines[0][3:]} is not committed. Commit the revisions of the range first,"
            " so that the squash is a commit of its own. Nothing is written."
        )


def _put(
    migrations: "Migrations", folder: ScriptDirectory, chosen: _Range, new: Path
) -> Path:
    """Put the squashed revision in the place of the old ones, which are kept beside.

    Its file takes the place of the last one's in one step: before that nothing is
    changed, and after it only files are left to delete whose copies are kept.
    """
    kept = folder_of(folder)
    kept.mkdir(exist_ok=True)
    for it in chosen.scripts:
        shutil.copy(it.path, kept)
    last = Path(chosen.scripts[-1].path)
    aside = last.with_suffix(".new")
    shutil.copy(new, aside)
    aside.replace(last)
    for it in chosen.scripts[:-1]:
        Path(it.path).unlink()
    made = last.rename(last.with_name(new.name))
    if lockfile.path_of(folder).exists():
        config = migrations.config()
        lockfile.write(ScriptDirectory.from_config(config))
    return made
