"""What a revision declares: the statements of its upgrade, which are read and not run.

What a revision does may depend on rows, on the clock and on the database; what it says
is the same everywhere. Comments, layout, docstrings, annotations, the order of keywords
and the names that modules are imported by say nothing; the text of SQL does.
"""

import ast
import json
from collections.abc import Collection, Iterable, Iterator, Sequence
from difflib import SequenceMatcher
from functools import lru_cache
from hashlib import sha256
from itertools import zip_longest
from typing import Any, NamedTuple

PLACES = frozenset({"revision", "down_revision", "branch_labels", "depends_on"})
"""The names that say where a revision stands, and not what it does."""

SILENT = frozenset({"annotation", "ctx", "kind", "returns", "type_comment"})
"""The parts of Python's grammar that change nothing that a revision does."""

LONGEST = 200
"""The characters of a value that are kept; of a longer one they are a digest."""

POSITIONAL = {
    **dict.fromkeys(("String", "Text", "Unicode", "UnicodeText"), ("length",)),
    **dict.fromkeys(("CHAR", "VARCHAR", "LargeBinary"), ("length",)),
    **dict.fromkeys(("Numeric", "NUMERIC", "DECIMAL"), ("precision", "scale")),
}
"""The first arguments of types, which people write without their names."""

OF_COLUMNS = frozenset({"alter_column", "drop_column"})
"""The operations whose second argument is a column's name."""


class Statement(NamedTuple):
    """A statement, or a part of one, such as a column of a new table."""

    depth: int
    subject: str
    """What it is about: "city", "city.name", or "" where the file does not say it."""
    parts: tuple[str, ...]
    """What is said of that."""


@lru_cache(maxsize=1000)
def declared(source: bytes, only: str = "") -> tuple[Statement, ...]:
    """Return the statements of the upgrade of a revision.

    :param source: its file.
    :param only: the database whose part of it counts; "" where all do.
    :raises SyntaxError: for what is no Python.
    """
    body = ast.parse(source).body
    reader = _Reader({*_parts_of_others(body, only)} if only else ())
    reader.block(body, 0)
    return tuple(reader.found)


def _parts_of_others(body: Iterable[ast.stmt], only: str) -> Iterator[str]:
    """Yield the functions that are the parts of other databases: they can go back."""
    names = {it.name for it in body if isinstance(it, ast.FunctionDef)}
    for name in names:
        database = name.removeprefix("upgrade_")
        if database not in {name, only} and f"downgrade_{database}" in names:
            yield name


def digest(statements: Iterable[Statement]) -> str:
    """Return a digest of statements, the same for all versions of Python."""
    return sha256(as_text(statements).encode()).hexdigest()[:16]


def as_text(statements: Iterable[Statement]) -> str:
    """Return statements as a text, in ASCII."""
    return json.dumps([*statements], separators=(",", ":"))


def from_text(text: str) -> tuple[Statement, ...]:
    """Return the statements that a text was made of."""
    return tuple(Statement(it[0], it[1], tuple(it[2])) for it in json.loads(text))


def differences(
    before: Sequence[Statement], after: Sequence[Statement]
) -> Iterator[str]:
    """Yield what was said and is said now: "city.name String(100), now String(50)"."""
    matcher = SequenceMatcher(None, before, after, autojunk=False)
    for _, begin, end, first, last in matcher.get_opcodes():
        old, new = [*before[begin:end]], [*after[first:last]]
        if old == new:
            continue
        for one in [*old]:
            other = next((it for it in new if it[:2] == one[:2]), None)
            if other is not None and one.subject:
                old.remove(one)
                new.remove(other)
                yield _change(one.subject, one.parts, other.parts)
        for was, now in zip_longest(old, new):
            subject = next(it.subject for it in (was, now) if it is not None)
            yield _change(
                subject if was is None or now is None else "",
                () if was is None else _whole(was, now),
                () if now is None else _whole(now, was),
            )


def _whole(one: Statement, other: Statement | None) -> tuple[str, ...]:
    """Return the parts of a statement, with its subject where that has changed."""
    return (one.subject, *one.parts) if other is not None and one.subject else one.parts


def _change(subject: str, old: Sequence[str], new: Sequence[str]) -> str:
    was = ", ".join(it for it in old if it not in new) or "nothing"
    now = ", ".join(it for it in new if it not in old) or "without it"
    return f"{subject} {was}, now {now}".strip()


class _Reader:
    """Reads the statements of a file in the names that its imports stand for."""

    def __init__(self, others: Collection[str]) -> None:
        self.found: list[Statement] = []
        self._others = others
        self._names: dict[str, str] = {}
        self._tables: dict[str, str] = {}

    def block(self, body: Iterable[ast.stmt], depth: int) -> None:
        for node in body:
            if not (depth == 0 and self._says_nothing(node)):
                self._statement(node, depth)

    def _says_nothing(self, node: ast.stmt) -> bool:
        """Tell what is no part of the upgrade, by its name."""
        match node:
            case ast.FunctionDef(name=name):
                back = name == "downgrade" or name.startswith("downgrade_")
                return back or name in self._others
            case ast.Assign(targets=[ast.Name(id=name)]):
                return name in PLACES
            case ast.AnnAssign(target=ast.Name(id=name)):
                return name in PLACES
        return False

    def _statement(self, node: ast.stmt, depth: int) -> None:  # noqa: C901  a case for each kind
        match node:
            case ast.Import(names=names):
                for it in names:
                    top = it.name.partition(".")[0]
                    self._names[it.asname or top] = it.name if it.asname else top
            case ast.ImportFrom(names=names) if names[0].name != "*":
                module = "." * node.level + (node.module or "")
                for it in names:
                    self._names[it.asname or it.name] = f"{module}.{it.name}"
            case ast.Pass() | ast.Expr(value=ast.Constant()):
                pass
            case ast.AnnAssign(value=None):
                pass
            case ast.AnnAssign(value=value):
                self._add(depth, "", f"{self.text(node.target)} = {self.text(value)}")
            case ast.Assign(targets=targets, value=value):
                to = " = ".join(map(self.text, targets))
                self._add(depth, "", f"{to} = {self.text(value)}")
            case ast.Expr(value=ast.Call() as call):
                self._call(call, depth)
            case ast.With(items=items):
                self._with(items)
                self._compound(node, depth)
            case _:
                self._compound(node, depth)

    def _compound(self, node: ast.AST, depth: int) -> None:
        """Read a statement that may hold others."""
        fields = dict(ast.iter_fields(node))
        blocks = {name: it for name, it in fields.items() if _is_block(it)}
        kind = type(node).__name__
        header = {name: it for name, it in fields.items() if name not in blocks}
        self._add(depth, "", f"{kind}({self._fields(header)})")
        for name, body in blocks.items():
            if name != "body":
                self._add(depth, "", name)
            for it in body:
                if isinstance(it, ast.stmt):
                    self.block([it], depth + 1)
                else:
                    self._compound(it, depth + 1)

    def _with(self, items: Iterable[ast.withitem]) -> None:
        """Remember of which table a batch is."""
        for it in items:
            match it:
                case ast.withitem(
                    context_expr=ast.Call(
                        func=ast.Attribute(attr="batch_alter_table"),
                        args=[ast.Constant(value=str(table)), *_],
                    ),
                    optional_vars=ast.Name(id=name),
                ):
                    self._tables[name] = table

    def _call(self, call: ast.Call, depth: int) -> None:
        """Read a call, which says of what it is if it is one of `op`'s."""
        match call.func:
            case ast.Attribute(value=ast.Name(id=of), attr=name) if of in self._tables:
                table: str | None = self._tables[of]
            case ast.Attribute(value=value, attr=name) if self.text(value) == OP:
                table = None
            case _:
                self._add(depth, "", self.text(call))
                return
        arguments = [*call.args]
        if table is None and name != "execute" and arguments:
            table = _string(arguments[0])
            del arguments[: table is not None]
        subject = table or ""
        if name == "create_table":
            self._add(depth, subject, name, *self._keywords(call.keywords))
            for it in arguments:
                self._item(subject, it, depth + 1)
            return
        if name in OF_COLUMNS and arguments and (column := _string(arguments[0])):
            subject, _ = f"{subject}.{column}", arguments.pop(0)
        if name == "add_column" and arguments and (column := _column(arguments[0])):
            given: Any = arguments.pop(0)
            subject = f"{subject}.{column}"
            self._add(depth, subject, *self._arguments(given, given.args[1:]), name)
            return
        given_parts = [*map(self.text, arguments), *self._keywords(call.keywords)]
        self._add(depth, subject, f"{name}({', '.join(given_parts)})")

    def _item(self, table: str, item: ast.expr, depth: int) -> None:
        """Read a column or a constraint of a table that is created."""
        if (column := _column(item)) and isinstance(item, ast.Call):
            parts = self._arguments(item, item.args[1:])
            self._add(depth, f"{table}.{column}", *parts)
        else:
            self._add(depth, table, self.text(item))

    def _add(self, depth: int, subject: str, *parts: str) -> None:
        self.found.append(Statement(depth, subject, tuple(map(_short, parts))))

    def _arguments(self, call: ast.Call, args: Iterable[ast.expr]) -> list[str]:
        return [*map(self.text, args), *self._keywords(call.keywords)]

    def _keywords(self, keywords: Iterable[ast.keyword]) -> list[str]:
        return sorted(
            f"{it.arg}={self.text(it.value)}" if it.arg else f"**{self.text(it.value)}"
            for it in keywords
        )

    def text(self, node: Any) -> str:  # noqa: C901, PLR0911  likewise
        """Return an expression in one form, however it is written."""
        match node:
            case ast.Constant(value=str(value)):
                return json.dumps(value)
            case ast.Constant(value=value):
                return repr(value)
            case ast.Name(id=name):
                return _of_sqlalchemy(self._names.get(name, name))
            case ast.Attribute(value=value, attr=name):
                return _of_sqlalchemy(f"{self.text(value)}.{name}")
            case ast.Call():
                return self._written_call(node)
            case ast.List(elts=items):
                return f"[{', '.join(map(self.text, items))}]"
            case ast.Tuple(elts=items):
                return f"({', '.join(map(self.text, items))},)"
            case ast.Dict(keys=keys, values=values):
                pairs = zip(map(self.text, keys), map(self.text, values), strict=True)
                return f"{{{', '.join(f'{key}: {value}' for key, value in pairs)}}}"
            case ast.UnaryOp(op=ast.USub(), operand=operand):
                return f"-{self.text(operand)}"
            case ast.AST():
                fields = self._fields(dict(ast.iter_fields(node)))
                return f"{type(node).__name__}({fields})"
            case list():
                return f"[{', '.join(map(self.text, node))}]"
        return repr(node)

    def _written_call(self, call: ast.Call) -> str:
        function = self.text(call.func)
        keywords = {it.arg: it for it in call.keywords}
        arguments = [*map(self.text, call.args)]
        names = POSITIONAL.get(function.rpartition(".")[2], ())
        for name in names[len(arguments) :]:
            if name not in keywords:
                break
            arguments.append(self.text(keywords.pop(name).value))
        given = [it for it in call.keywords if keywords.get(it.arg) or it.arg is None]
        return f"{function}({', '.join([*arguments, *self._keywords(given)])})"

    def _fields(self, fields: dict[str, Any]) -> str:
        return ", ".join(
            f"{name}={self.text(it)}"
            for name, it in sorted(fields.items())
            if name not in SILENT and it is not None and it != []
        )


OP = "alembic.op"


def _of_sqlalchemy(name: str) -> str:
    return name.removeprefix("sqlalchemy.")


def _is_block(value: Any) -> bool:
    """Tell a list of statements, or of what holds some: a handler, a case."""
    holders = ast.stmt | ast.excepthandler | ast.match_case
    return isinstance(value, list) and bool(value) and isinstance(value[0], holders)


def _string(node: ast.expr) -> str | None:
    is_one = isinstance(node, ast.Constant) and isinstance(node.value, str)
    return node.value if is_one else None  # type: ignore[attr-defined]


def _column(node: ast.expr) -> str | None:
    """Return the name of a column that a call makes."""
    match node:
        case ast.Call(func=ast.Attribute(attr="Column") | ast.Name(id="Column")):
            return _string(node.args[0]) if node.args else None
    return None


def _short(text: str) -> str:
    if len(text) <= LONGEST:
        return text
    return f"{text[:60]}… {sha256(text.encode()).hexdigest()[:16]}"
