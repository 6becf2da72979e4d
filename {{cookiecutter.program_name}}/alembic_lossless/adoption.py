"""Change an env.py so that it uses the library: read its syntax tree, edit its text.

What is understood is changed as a whole; where a part is not, it is named, and nothing
is changed. Comments, and all that is no part of the change, stay as they are.
"""

import ast
import textwrap
import tokenize
from collections.abc import Iterator
from dataclasses import dataclass, field
from difflib import unified_diff
from pathlib import Path
from typing import Any, NamedTuple

PAGE = "docs/adopt.md"

CONNECTING = ("connect", "begin")
"""What an engine is asked for a connection with."""

CONTRADICTS = frozenset({"transactional_ddl", "connection", "url", "fn"})
"""Options of `context.configure` that the library gives itself."""

GATE = "configure_logger"
"""The attribute of a configuration that keeps env.py from configuring logging."""

STAYS = {
    "include_schemas": "all schemas are compared, as before",
    "version_table": "the revision of the database stays where it is",
    "version_table_schema": "the revision of the database stays where it is",
    "transaction_per_migration": "a run that fails is undone to the last revision that"
    " ended, and not as a whole: leave it out for that",
    "compare_type": "a function is asked before the library's comparison",
    "compare_server_default": "a function is asked before the library's comparison",
    "render_as_batch": "as it is",
    "include_object": "it is asked before the library",
    "include_name": "it is asked before the library",
    "render_item": "it is asked before the library",
    "process_revision_directives": "it is called before the library's review",
}
"""Options of `context.configure` that stay, and what that means."""

TWO_PHASES = """
for name, rec in engines.items():
    engine = rec['engine']
    rec['connection'] = conn = engine.connect()
    if USE_TWOPHASE:
        rec['transaction'] = conn.begin_twophase()
    else:
        rec['transaction'] = conn.begin()
"""
ENDS = """
try:
    ...
    if USE_TWOPHASE:
        for rec in engines.values():
            rec['transaction'].prepare()
    for rec in engines.values():
        rec['transaction'].commit()
except:
    for rec in engines.values():
        rec['transaction'].rollback()
    raise
finally:
    for rec in engines.values():
        rec['connection'].close()
"""
"""How the templates for several databases begin and end their transactions."""

AWAITED = {
    """    engine = rec['engine']
    rec['connection'] = conn = engine.connect()
""": "    rec['sync_connection'] = conn = rec['connection']._sync_connection()\n",
    "rec['connection'].close()": "rec['sync_connection'].close()",
}
"""What stands there in that of Flask-Migrate for engines that are awaited."""


class Note(NamedTuple):
    """Something to be said of a line.

    :param line: its number.
    :param said: a sentence.
    :param section: the section of the page that applies, if one does.
    """

    line: int
    said: str
    section: str = ""


@dataclass
class Adoption:
    """What is to be done to an env.py.

    :param text: what it becomes; as it was where something is not understood.
    :param changes: what is changed.
    :param stays: what stays, and what that means.
    :param problems: what is not understood.
    """

    text: str
    changes: list[Note] = field(default_factory=list)
    stays: list[Note] = field(default_factory=list)
    problems: list[Note] = field(default_factory=list)


class _NotUnderstoodError(Exception):
    """A part of an env.py is written in a way that is not known."""

    def __init__(self, node: ast.AST, said: str, section: str) -> None:
        super().__init__(said)
        self.note = Note(getattr(node, "lineno", 1), said, section)


BY_HAND = "What adopt does not change"


def read(path: Path) -> Adoption:
    """Read an env.py, and say what it becomes.

    :param path: where it is.
    """
    try:
        with tokenize.open(path) as file:
            return adopted(file.read())
    except (SyntaxError, UnicodeError) as error:
        return Adoption("", problems=[Note(1, f"It is no Python: {error}.", BY_HAND)])


def write(path: Path, text: str) -> None:
    """Write an env.py in the encoding and with the ends of lines that it has."""
    before = path.read_bytes()
    with path.open("rb") as file:
        encoding, _ = tokenize.detect_encoding(file.readline)
    newline = "\r\n" if b"\r\n" in before else "\n"
    path.write_text(text, encoding, newline=newline)


def difference(path: Path, found: Adoption) -> Iterator[str]:
    """Yield the lines of the change, as `diff` has them."""
    with tokenize.open(path) as file:
        before = file.read()
    lines = before.splitlines(), found.text.splitlines()
    yield from unified_diff(*lines, str(path), str(path), lineterm="")


def report(path: Path, found: Adoption, *, changes: bool) -> Iterator[str]:
    """Yield what is to be said of an env.py.

    :param changes: say what changes, line by line.
    """
    for note in found.problems:
        section = f" See {note.section!r} in {PAGE}." if note.section else ""
        yield f"{path}:{note.line}: {note.said}{section}"
    if found.problems:
        yield "Nothing is changed."
        return
    if changes:
        yield from (f"{path}:{it.line}: changes: {it.said}" for it in found.changes)
    yield from (f"{path}:{it.line}: stays: {it.said}" for it in sorted(found.stays))


def adopted(text: str) -> Adoption:
    """Read an env.py, and say what it becomes.

    :param text: what it is.
    """
    try:
        tree = ast.parse(text)
    except SyntaxError as error:
        note = Note(error.lineno or 1, f"It is no Python: {error.msg}.", BY_HAND)
        return Adoption(text, problems=[note])
    source = _Source(text, tree)
    found = Adoption(text, stays=[*source.stays()])
    edits = list[_Edit]()
    for call in source.calls("configure"):
        try:
            edits += source.adopt(call)
        except _NotUnderstoodError as error:
            found.problems.append(error.note)
    if not source.uses_library and not edits and not found.problems:
        said = "It calls context.configure nowhere: another module may."
        found.problems.append(Note(1, said, BY_HAND))
    edits += [] if source.uses_library else [source.import_()]
    edits += source.leave_logging()
    if found.problems or not edits:
        return found
    found.changes = sorted(Note(source.line_of(it.begin), it.said) for it in edits)
    found.text = _applied(text, edits)
    ast.parse(found.text)
    return found


class _Edit(NamedTuple):
    """A text in the place of another.

    :param begin: where the other begins, likewise `end`.
    """

    begin: int
    end: int
    text: str
    said: str


def _applied(text: str, edits: list[_Edit]) -> str:
    for edit in sorted(edits, reverse=True):
        text = text[: edit.begin] + edit.text + text[edit.end :]
    return text


class _Source:
    """An env.py, its text and its tree."""

    def __init__(self, text: str, tree: ast.Module) -> None:
        self.text = text
        self.tree = tree
        self.lines = [f"{line}\n" for line in text.split("\n")]
        self._starts = [0]
        for line in self.lines:
            self._starts.append(self._starts[-1] + len(line))
        self._above = {
            id(child): node
            for node in ast.walk(tree)
            for child in ast.iter_child_nodes(node)
        }
        imports = [it for it in ast.walk(tree) if isinstance(it, ast.ImportFrom)]
        self.contexts = {
            name.asname or name.name: it
            for it in imports
            for name in it.names
            if (it.module, name.name) == ("alembic", "context")
        }
        own = {
            name.asname or name.name
            for it in imports
            for name in it.names
            if (it.module, name.name) == ("alembic_lossless", "env")
        }
        self.uses_library = bool(own)
        names = {it.id for it in ast.walk(tree) if isinstance(it, ast.Name)}
        names |= {it.arg for it in ast.walk(tree) if isinstance(it, ast.arg)}
        self.env = next(iter(own), "lossless" if "env" in names else "env")

    # Where things are

    def line_of(self, place: int) -> int:
        """Return the number of the line at a place in the text."""
        return self.text.count("\n", 0, place) + 1

    def place(self, line: int, column: int) -> int:
        """Return where a node is: its column counts bytes."""
        text = self.lines[line - 1] if line <= len(self.lines) else ""
        return self._starts[line - 1] + len(text.encode()[:column].decode())

    def begin(self, node: Any) -> int:
        return self.place(node.lineno, node.col_offset)

    def end(self, node: Any) -> int:
        return self.place(node.end_lineno, node.end_col_offset)

    def code(self, node: ast.AST) -> str:
        """Return the text of a node."""
        return self.text[self.begin(node) : self.end(node)]

    def lines_between(self, first: int, last: int) -> list[str]:
        """Return whole lines, from a number up to and without another."""
        return self.lines[first - 1 : last - 1]

    def above(self, node: ast.AST) -> Iterator[ast.AST]:
        """Yield what a node stands in, the nearest first."""
        while (node := self._above.get(id(node))) is not None:  # type: ignore[assignment]
            yield node

    def block(self, node: ast.AST) -> list[ast.stmt]:
        """Return the statements among which one stands."""
        for _, value in ast.iter_fields(self._above[id(node)]):
            if isinstance(value, list) and node in value:
                return value
        raise _NotUnderstoodError(node, "It stands where no statement does.", BY_HAND)

    # What is there

    def calls(self, name: str) -> list[ast.Call]:
        """Return the calls of a function of Alembic's `context`."""
        return [
            it
            for it in ast.walk(self.tree)
            if isinstance(it, ast.Call) and self.is_call(it, name)
        ]

    def is_call(self, node: ast.AST | None, name: str) -> bool:
        """Tell whether a node is a call of a function of `context`."""
        if not (isinstance(node, ast.Call) and isinstance(node.func, ast.Attribute)):
            return False
        owner = ast.unparse(node.func.value)
        return node.func.attr == name and owner in {*self.contexts, "alembic.context"}

    def stays(self) -> Iterator[Note]:
        """Yield what stays of the options, the imports and the listeners."""
        for call in [*self.calls("configure"), *self._library_calls()]:
            for option in call.keywords:
                if option.arg in STAYS and not _is_offline(call):
                    said = f"{self.code(option)}: {STAYS[option.arg]}."
                    yield Note(option.value.lineno, said)
        for node in ast.walk(self.tree):
            yield from self._beside(node)

    def _beside(self, node: ast.AST) -> Iterator[Note]:
        """Yield what else of a project meets the library, and stays."""
        if isinstance(node, ast.Import | ast.ImportFrom):
            for module in _modules_of(node):
                if module.startswith("alembic_") and module != "alembic_lossless":
                    said = "what it compares and renders is beside the library's own"
                    yield Note(node.lineno, f"{module}: {said}.")
        elif isinstance(node, ast.Constant) and (
            str(node.value).split()[:1] in (["PRAGMA"], ["pragma"])
        ):
            said = f"{self.code(node)}: as it is; a run has foreign keys off."
            yield Note(node.lineno, said)

    def _library_calls(self) -> Iterator[ast.Call]:
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Call):
                owner, _, name = ast.unparse(node.func).rpartition(".")
                if owner == self.env and name == "migrating":
                    yield node

    # What it becomes

    def import_(self) -> _Edit:
        """Return the import of the library, below that of Alembic."""
        after = next(iter(self.contexts.values()), None)
        place = self._starts[after.end_lineno or 0] if after else 0
        alias = "" if self.env == "env" else f" as {self.env}"
        indent = " " * after.col_offset if after else ""
        line = f"{indent}from alembic_lossless import env{alias}\n"
        return _Edit(place, place, line, "imports the library")

    def leave_logging(self) -> Iterator[_Edit]:
        """Let alembic.ini's logging be applied where nobody has said that it is not.

        A command that only asks env.py says so, and an app that migrates itself.
        """
        if GATE in self.text:
            return
        owner = f"{next(iter(self.contexts), 'alembic.context')}.config"
        for node in ast.walk(self.tree):
            if isinstance(node, ast.Assign) and ast.unparse(node.value) == owner:
                owner = ast.unparse(node.targets[0])
        gate = f'{owner}.attributes.get("{GATE}", True)'
        for node in ast.walk(self.tree):
            if not (isinstance(node, ast.Expr) and isinstance(node.value, ast.Call)):
                continue
            if ast.unparse(node.value.func).rpartition(".")[2] != "fileConfig":
                continue
            outer = self._above[id(node)]
            if isinstance(outer, ast.If) and outer.body == [node] and not outer.orelse:
                begin, end = self.begin(outer.test), self.end(outer.test)
                test, many = self.text[begin:end], isinstance(outer.test, ast.BoolOp)
                text = f"({test}) and {gate}" if many else f"{test} and {gate}"
            else:
                begin, end = self.begin(node), self.end(node)
                space = " " * node.col_offset
                inner = self.text[begin:end].replace("\n", "\n    ")
                text = f"if {gate}:\n{space}    {inner}"
            yield _Edit(begin, end, text, "logging is configured unless told not to")

    def adopt(self, call: ast.Call) -> list[_Edit]:
        """Return the edits for one call of `context.configure`.

        :raises _NotUnderstoodError: for what is not known.
        """
        statement = self._above[id(call)]
        if not isinstance(statement, ast.Expr):
            raise _NotUnderstoodError(
                call, "context.configure is called inside of an expression.", BY_HAND
            )
        if _is_offline(call):
            return [*self._offline(statement)]
        given = [it for it in call.keywords if it.arg == "connection"]
        if not (call.args or given):
            raise _NotUnderstoodError(
                call,
                "context.configure is given no connection by name: it stands in"
                f" {', '.join(self.code(it) for it in call.keywords) or 'nothing'}.",
                BY_HAND,
            )
        for option in call.keywords:
            if option.arg in CONTRADICTS - {"connection"}:
                raise _NotUnderstoodError(
                    option.value,
                    f"{option.arg} is what the library decides itself: leave it out.",
                    BY_HAND,
                )
        connection = call.args[0] if call.args else given[0].value
        if isinstance(connection, ast.Subscript):
            return self._several(call, statement, connection)
        if not isinstance(connection, ast.Name):
            raise _NotUnderstoodError(
                connection, f"The connection is {self.code(connection)}.", BY_HAND
            )
        return [self._one(call, statement, connection.id)]

    def _offline(self, statement: ast.Expr) -> Iterator[_Edit]:
        """Let the script of `--sql` do what the run does."""
        block = self.block(statement)
        for other in block[block.index(statement) + 1 :]:
            if isinstance(other, ast.With):
                first = other.items[0].context_expr
                if self.is_call(first, "begin_transaction"):
                    begin, end = self.begin(first), self.end(first)
                    new = f"{self.env}.writing_sql()"
                    yield _Edit(begin, end, new, f"context.begin_transaction → {new}")

    def _one(self, call: ast.Call, statement: ast.Expr, connection: str) -> _Edit:
        """Return the edit for the one database of a run."""
        block = self.block(statement)
        index = block.index(statement)
        after = block[index + 1] if index + 1 < len(block) else None
        if isinstance(after, ast.Try) and (found := self._closing(after, connection)):
            transaction, first, engine = found, block[index - 1], None
            if index and (engine := self._engine_of(block[index - 1], connection)):
                return self._replaced(call, transaction, first, after, engine)
        transaction = self._transaction(after, statement, connection)
        outer = self._above[id(statement)]
        if (
            isinstance(outer, ast.With)
            and len(outer.body) == len([statement, after])
            and len(outer.items) == 1
            and (engine := self._engine_of(outer.items[0], connection))
            and not _names(transaction.body, connection)
        ):
            return self._replaced(call, transaction, outer, outer, engine)
        self._refuse_work_before(statement, connection)
        return self._replaced(call, transaction, statement, transaction, connection)

    def _transaction(
        self, after: ast.stmt | None, statement: ast.Expr, connection: str
    ) -> ast.With:
        """Return the block of `context.begin_transaction` behind the configuration.

        :raises _NotUnderstoodError: where something else stands there.
        """
        if isinstance(after, ast.With) and len(after.items) == 1:
            item = after.items[0]
            is_plain = item.optional_vars is None
            if is_plain and self.is_call(item.context_expr, "begin_transaction"):
                return after
        if after is None:
            what = "Nothing follows context.configure."
            raise _NotUnderstoodError(statement, what, BY_HAND)
        shown = self.code(after).splitlines()[0]
        raise _NotUnderstoodError(
            after,
            "Between context.configure and context.begin_transaction stands"
            f" `{shown}`, which may need {connection} or the configuration.",
            BY_HAND,
        )

    def _closing(self, block: ast.Try, connection: str) -> ast.With | None:
        """Return the transaction of a `try` that does nothing else but close."""
        closes = [ast.unparse(it) for it in block.finalbody]
        plain = not block.handlers and not block.orelse and len(block.body) == 1
        inner = block.body[0]
        if (
            plain
            and closes == [f"{connection}.close()"]
            and isinstance(inner, ast.With)
            and len(inner.items) == 1
            and self.is_call(inner.items[0].context_expr, "begin_transaction")
        ):
            return inner
        return None

    def _engine_of(self, node: ast.AST, connection: str) -> str | None:
        """Return what is asked for a connection that is bound to a name."""
        if isinstance(node, ast.withitem):
            target, value = node.optional_vars, node.context_expr
        elif isinstance(node, ast.Assign) and len(node.targets) == 1:
            target, value = node.targets[0], node.value
        else:
            return None
        if not (isinstance(target, ast.Name) and target.id == connection):
            return None
        if (
            isinstance(value, ast.Call)
            and isinstance(value.func, ast.Attribute)
            and value.func.attr in CONNECTING
            and not value.args
            and not value.keywords
        ):
            return self.code(value.func.value)
        return None

    def _refuse_work_before(self, statement: ast.stmt, connection: str) -> None:
        """Refuse a connection on which something was begun before the run.

        :raises _NotUnderstoodError: with the line.
        """
        function = next(
            (
                it
                for it in self.above(statement)
                if isinstance(it, ast.FunctionDef | ast.AsyncFunctionDef | ast.Module)
            ),
            self.tree,
        )
        begun: ast.AST | None = None
        for node in ast.walk(function):
            if not isinstance(node, ast.Call) or node.lineno >= statement.lineno:
                continue
            owner, _, name = ast.unparse(node.func).rpartition(".")
            if owner != connection:
                continue
            if name.startswith(("execute", "exec_", "scalar", "begin")):
                begun = node if begun is None else begun
            elif name in {"commit", "rollback"}:
                begun = None
        if begun is not None:
            raise _NotUnderstoodError(
                begun,
                f"`{self.code(begun).splitlines()[0]}` begins a transaction, which"
                " would stay its owner's, before the run. Let the engine do it in a"
                f" listener of `connect`, or end it with {connection}.commit().",
                BY_HAND,
            )

    def _replaced(
        self,
        call: ast.Call,
        transaction: ast.With,
        first: ast.stmt,
        last: ast.stmt,
        database: str,
    ) -> _Edit:
        """Return statements that migrate, in the place of some that are known."""
        depth = first.col_offset
        arguments = self._arguments(call, database, call.col_offset - depth)
        lines = self._comments(first.lineno, call.lineno)
        lines += self._comments((call.end_lineno or 0) + 1, transaction.lineno)
        lines = [" " * depth + line for line in lines]
        lines.append(f"{' ' * depth}with {self.env}.migrating({arguments}):\n")
        begin = transaction.items[0].context_expr.end_lineno or transaction.lineno
        body = self.lines_between(begin + 1, (transaction.end_lineno or 0) + 1)
        shift = transaction.col_offset - depth
        lines += [line[shift:] if line[:shift].isspace() else line for line in body]
        end = last.end_lineno or 0
        tail = self._comments((transaction.end_lineno or 0) + 1, end + 1)
        lines += [" " * depth + line for line in tail]
        text = "".join(lines)
        if _dumped(textwrap.dedent(text), transaction) is None:
            raise _NotUnderstoodError(
                transaction, "Its lines cannot be moved as they are.", BY_HAND
            )
        said = f"{self.code(call.func)} → {self.env}.migrating({database}, …)"
        return _Edit(self._starts[first.lineno - 1], self._starts[end], text, said)

    def _comments(self, first: int, last: int) -> list[str]:
        """Return what is a comment and nothing else, of the lines up to another."""
        lines = (it.lstrip() for it in self.lines_between(first, last))
        return [it for it in lines if it.startswith("#")]

    def _arguments(self, call: ast.Call, database: str, shift: int) -> str:
        """Return the arguments of a call, with a database for the connection."""
        begin = self.text.index("(", self.end(call.func)) + 1
        end = self.end(call) - 1
        edits = list[_Edit]()
        if call.args:
            where = self.begin(call.args[0]), self.end(call.args[0])
            edits.append(_Edit(*where, database, ""))
        for number, option in enumerate(call.keywords):
            if option.arg == "connection":
                new = f"database={database}" if number else database
                edits.append(_Edit(self.begin(option), self.end(option), new, ""))
        options = {it.arg for it in call.keywords}
        if not options & {None, "render_as_batch"}:
            last = max(self.end(it) for it in [*call.args, *call.keywords])
            one_line = call.lineno == call.end_lineno or "\n" not in self.text[last:end]
            own_line = self.text[:last].rpartition("\n")[2]
            spaces = own_line[: len(own_line) - len(own_line.lstrip())]
            alone = "=" in own_line and own_line.count("=") == 1 and not one_line
            new = (
                f",\n{spaces}render_as_batch=True"
                if alone
                else ", render_as_batch=True"
            )
            edits.append(_Edit(last, last, new, ""))
        shifted = [_Edit(it.begin - begin, it.end - begin, *it[2:]) for it in edits]
        text = _applied(self.text[begin:end], shifted)
        first, *others = text.split("\n")
        moved = [it[shift:] if it[:shift].isspace() else it for it in others]
        return "\n".join([first, *moved])

    def _several(
        self, call: ast.Call, statement: ast.Expr, connection: ast.Subscript
    ) -> list[_Edit]:
        """Return the edits for several databases, as the templates migrate them.

        :raises _NotUnderstoodError: for what differs from these.
        """
        section = "With several databases"
        loop = self._above[id(statement)]
        tried = self._above.get(id(loop))
        if not (isinstance(loop, ast.For) and isinstance(tried, ast.Try)):
            said = f"The connection is {self.code(connection)}, and no loop in a `try`"
            raise _NotUnderstoodError(call, f"{said} has it.", section)
        block = self.block(tried)
        before = block[block.index(tried) - 1] if block.index(tried) else None
        text = TWO_PHASES + ENDS
        if before is not None and "_sync_connection" in ast.unparse(before):
            for plain, awaited in AWAITED.items():
                text = text.replace(plain, awaited)
        begins, ends = ast.parse(text).body
        assert isinstance(ends, ast.Try)  # noqa: S101  a constant
        wanted = [ast.dump(it) for it in (*ends.body[1:], *ends.handlers)]
        wanted += [ast.dump(it) for it in ends.finalbody]
        there = [*tried.body[1:], *tried.handlers, *tried.finalbody]
        if before is None or ast.dump(before) != ast.dump(begins):
            said = "The transactions of the databases begin in a way of their own."
            raise _NotUnderstoodError(before or tried, said, section)
        if tried.body[0] is not loop or [ast.dump(it) for it in there] != wanted:
            said = "The transactions of the databases end in a way of their own."
            raise _NotUnderstoodError(tried, said, section)
        return [*self._in_one_run(call, before, tried, loop)]

    def _in_one_run(
        self, call: ast.Call, before: ast.stmt, tried: ast.Try, loop: ast.For
    ) -> Iterator[_Edit]:
        """Yield the edits that let several databases be migrated in one run."""
        depth = " " * tried.col_offset
        line = self._starts
        comments = self._comments(before.lineno, tried.lineno)
        yield _Edit(
            line[before.lineno - 1],
            line[tried.lineno],
            "".join(depth + comment for comment in comments)
            + f"{depth}databases = {{name: rec['engine'] for name, rec in"
            " engines.items()}\n"
            f"{depth}with {self.env}.migrating_several(databases) as begin:\n",
            f"transactions of each → {self.env}.migrating_several(databases)",
        )
        target, over = loop.target, loop.iter
        where = self.begin(target), self.end(over)
        yield _Edit(*where, "name in databases", "each database by its name")
        begin, end = self.begin(call.func), self.end(call.func)
        yield _Edit(begin, end, "begin", "context.configure → begin")
        for option in call.keywords:
            if option.arg == "connection":
                where = self.begin(option), self.end(option)
                yield _Edit(*where, "name", "connection → name")
        if not {it.arg for it in call.keywords} & {None, "render_as_batch"}:
            last = call.keywords[-1]
            place, own_line = self.end(last), self.lines[last.value.lineno - 1]
            spaces = own_line[: len(own_line) - len(own_line.lstrip())]
            new = f",\n{spaces}render_as_batch=True"
            yield _Edit(place, place, new, "render_as_batch=True")
        first, last_line = loop.end_lineno or 0, tried.end_lineno or 0
        comments = self._comments(first + 1, last_line + 1)
        text = "".join(depth + comment for comment in comments)
        yield _Edit(line[first], line[last_line], text, "one run ends for all")


def _is_offline(call: ast.Call) -> bool:
    options = {it.arg for it in call.keywords}
    return bool(options & {"url", "dialect_name"}) and "connection" not in options


def _modules_of(node: ast.Import | ast.ImportFrom) -> list[str]:
    """Return the packages that a statement imports."""
    if isinstance(node, ast.ImportFrom):
        return [(node.module or "").partition(".")[0]]
    return [it.name.partition(".")[0] for it in node.names]


def _names(body: list[ast.stmt], name: str) -> bool:
    """Tell whether statements speak of a name."""
    found = (node for statement in body for node in ast.walk(statement))
    return any(isinstance(node, ast.Name) and node.id == name for node in found)


def _dumped(text: str, transaction: ast.With) -> str | None:
    """Return the body of a block that was moved, None if it became another one."""
    try:
        (moved,) = ast.parse(text).body
    except (SyntaxError, ValueError):
        return None
    body = [ast.dump(it) for it in getattr(moved, "body", [])]
    same = body == [ast.dump(it) for it in transaction.body]
    return "\n".join(body) if same else None
