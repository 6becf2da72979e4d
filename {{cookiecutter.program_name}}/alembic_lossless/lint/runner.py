"""Run the upgrades of revisions on no database, and judge their operations in order.

What stops others is shown in the form that lets them go on. Statements that a revision
has as text are read by squawk, which parses PostgreSQL and is a program of its own,
`pip install squawk-cli`. The report is for people, for programs, or beside the lines on
GitHub.
"""

import json
import shutil
import subprocess
import sys
import traceback
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from contextlib import contextmanager
from copy import copy
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NamedTuple

from alembic.operations import MigrateOperation, ops
from alembic.script import Script
from alembic.util import CommandError

from .._alembic import commit_blocks_by
from ..operations.base import LosslessOp, called
from ..operations.objects import begin_table_rename
from ..replay import Replay
from ..rules import AFTER, phase_of
from ..sql import quoted_table, script
from ..types.portable import dialect_named
from .rules import (
    RULES,
    DualWrites,
    Finding,
    Growth,
    Harm,
    Key,
    Server,
    Situation,
    examine,
    names,
    page_of,
    sql_of,
)

# Statements as text


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


def squawk() -> str | None:
    """Return the path of squawk, if it is installed."""
    beside = Path(sys.executable).with_name("squawk")
    return str(beside) if beside.exists() else shutil.which("squawk")


def _found_by_squawk(
    program: str, statements: Sequence[Statement], new: set[Key]
) -> Iterator[Finding]:
    """Give what squawk finds in statements, by the names of the rules here.

    :param program: the path of squawk.
    :param new: the tables that came with the revision: what happens to them is short.
    :raises OSError: when the program cannot be run.
    """
    rules = {rule.name: rule for rule in RULES if "postgresql" in rule.dialects}
    for statement, said in _run(program, statements, new):
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
    program: str, statements: Sequence[Statement], new: set[Key]
) -> Iterator[tuple[Statement, list[Said]]]:
    """Give each statement with what squawk says about it."""
    dialect = dialect_named("postgresql")
    known = "".join(
        f"CREATE TABLE {quoted_table(name, schema, dialect)} ();\n"
        for schema, name in new
    )
    with TemporaryDirectory() as folder:
        files = {str(Path(folder, f"{n}.sql")): s for n, s in enumerate(statements)}
        begins = {}
        for file, statement in files.items():
            begins[file] = known.count("\n") + 1
            Path(file).write_text(f"{known}{BEGIN}{statement.text}\n", encoding="utf-8")
            made = script(statement.text, dialect).statements
            if any(it.begins("CREATE TABLE") for it in made):
                known += statement.text.strip().rstrip(";") + ";\n"
        for mode in (["--assume-in-transaction"], []):
            part = [f for f, one in files.items() if one.autocommit is not bool(mode)]
            found = _read([program, "--reporter", "json", *mode, *part] if part else [])
            for file in part:
                own = [x for x in found if x["file"] == file]
                yield files[file], [x for x in own if x["line"] >= begins[file]]


def _read(command: list[str]) -> list[Said]:
    if not command:
        return []
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    found: list[Said] = json.loads(done.stdout or "[]")
    return [each for each in found if each["rule_name"] in SQUAWK]


# Operations


SafeForm = Callable[..., str]
"""Returns code that lets concurrent clients go on, or nothing where there is none."""


class Judge(Replay):
    """Take the place of `op` while revisions run, and judge what they ask for.

    It knows the columns that earlier revisions declared.
    """

    def __init__(self, server: Server, safe_form: SafeForm) -> None:
        """Begin before the first revision, on no table.

        :param server: what the revisions will run on.
        :param safe_form: returns the form of an operation that a draft takes.
        """
        dialect: Any = copy(dialect_named(server.dialect))
        dialect.server_version_info = server.version
        super().__init__(dialect)
        self._safe_form = safe_form
        commit_blocks_by(self.migration_context, self._autocommit)
        self._file = ""
        self._before: Situation | None = None
        self._dual_writes = DualWrites()
        self.findings: list[Finding] = []
        self.statements: list[Statement] = []

    @contextmanager
    def judging(self, situation: Situation, file: str) -> Iterator[None]:
        """Judge what a revision does, by what is known before it.

        :param file: the revision's; the lines of findings are its lines.
        """
        situation.history, situation.dual_writes = self.state, self._dual_writes
        self._before, self._file = situation, file
        self.findings, self.statements = [], []
        try:
            yield
        finally:
            self._before = None

    def invoke(self, operation: MigrateOperation) -> Any:
        """Judge an operation by what is known before it, and remember what it does."""
        situation = self._before
        self._dual_writes.before(operation)
        if situation is not None:
            line = self._line()
            found = _judged(operation, situation)
            self.findings += [
                replace(it, line=line, instead=self._instead(it, operation))
                for it in found
            ]
            if isinstance(operation, ops.ExecuteSQLOp) and (text := sql_of(operation)):
                self.statements.append(Statement(text, line, situation.autocommit))
        result = super().invoke(operation)
        self._dual_writes.after(operation)
        if situation is not None:
            situation.after(operation)
        return result

    @contextmanager
    def _autocommit(self) -> Iterator[None]:
        before = self._before
        if before is None or before.autocommit:
            yield
            return
        before.autocommit = True
        try:
            yield
        finally:
            before.autocommit = False

    def _instead(self, finding: Finding, operation: MigrateOperation) -> str:
        if finding.instead is not None:
            return finding.instead
        if isinstance(operation, ops.AlterColumnOp) and operation.existing_type is None:
            # The safe form is told the type that the column has.
            table = operation.schema, operation.table_name
            column = self.state.column(*table, operation.column_name)
            if column is None:
                return ""
            operation = copy(operation)
            operation.existing_type = column.type
        schema, _, name = finding.table.rpartition(".")
        partitioned = self.state.is_partitioned(schema or None, name)
        return self._safe_form(operation, partitioned=partitioned)

    def _line(self) -> int:
        """Return the line of the revision that is running."""
        frames = traceback.walk_stack(None)
        return next((n for f, n in frames if f.f_code.co_filename == self._file), 0)


def _judged(operation: MigrateOperation, situation: Situation) -> list[Finding]:
    """Return what is found in an operation, and in what it comes to in the end.

    An operation of the library stops nobody, but what it makes of a table may be more
    than the running version survives.
    """
    found = examine(operation, situation)
    if called(operation, begin_table_rename):
        return found  # whoever calls it by its old name finds a view
    if isinstance(operation, LosslessOp) and (same := operation.as_alembic()):
        found += [it for it in examine(same, situation) if it.harm is Harm.BREAKS]
    return found


# Revisions


ALLOW = "lint_allow"
"""What a revision calls its dictionary: the name of a rule -> why it may be so."""


@dataclass
class Judged:
    """A revision, and what is found in it."""

    revision: str
    message: str
    path: str
    findings: list[Finding] = field(default_factory=list)
    allowed: list[tuple[Finding, str]] = field(default_factory=list)
    """Findings that the revision allows, and its reasons."""
    goes_on: list[Finding] = field(default_factory=list)
    """What stops nobody, and takes its time."""
    notes: list[str] = field(default_factory=list)
    """What could not be looked at, and what is allowed for nothing."""
    database: str = ""
    """Whose part it is, where there are several databases."""


def judge(
    revisions: Sequence[Script],
    wanted: Iterable[str],
    server: Server,
    safe_form: SafeForm,
    name: str = "",
) -> list[Judged]:
    """Judge revisions for a server.

    :param revisions: all of a project, from the first to the last: each is judged by
        what those before it made.
    :param wanted: the ids of those to judge.
    :param server: what they will run on.
    :param safe_form: returns the form of an operation that a draft takes.
    :param name: the database, where revisions have a part for each of several.
    :raises CommandError: for an allowance that cannot be read.
    """
    recorder, chosen = Judge(server, safe_form), set(wanted)
    judged = []
    with recorder.in_place_of_op():
        for revision in revisions:
            if revision.revision in chosen:
                judged.append(_judge(recorder, revision, server, name))
            else:
                recorder.read(revision, name)
    return judged


def _judge(recorder: Judge, revision: Script, server: Server, name: str) -> Judged:
    found = Judged(revision.revision, revision.doc, revision.path, database=name)
    allowed = _allowed(revision)
    situation = Situation(server, phase=phase_of(revision))
    with recorder.judging(situation, revision.path):
        stopped = recorder.read(revision, name)
    if stopped is not None:
        found.notes.append(
            f"It was not looked at from line {stopped.line} on, where it cannot be read"
            f" ({stopped.error})."
        )
    every = [*recorder.findings, *_in_text(recorder, situation, found)]
    for finding in sorted(every, key=lambda one: one.line):
        if finding.harm is Harm.GOES_ON:
            found.goes_on.append(finding)
        elif finding.rule in allowed:
            found.allowed.append((finding, allowed[finding.rule]))
        else:
            found.findings.append(finding)
    unused = allowed.keys() - {finding.rule for finding in every}
    for rule in unused if not name else ():  # it may be for another's part
        found.notes.append(f"{ALLOW} has {rule!r}, which is not found in it.")
    return found


def _in_text(recorder: Judge, situation: Situation, found: Judged) -> Iterator[Finding]:
    """Give what is found in the SQL of a revision, or say that nobody looked."""
    if situation.server.dialect != "postgresql" or not recorder.statements:
        return
    program = squawk()
    if program is None:
        found.notes.append(MISSING)
        return
    new = {key for key, column in situation.new if column is None}
    for finding in _found_by_squawk(program, recorder.statements, new):
        if not (situation.phase == AFTER and finding.harm is Harm.BREAKS):
            yield finding


def _allowed(revision: Script) -> Mapping[str, str]:
    """Return the rules that a revision may break, and why."""
    given: object = getattr(revision.module, ALLOW, {})
    if not isinstance(given, Mapping):
        raise CommandError(
            f'{revision.path}: {ALLOW} is {given!r}. Write {{"rule": "reason"}}.'
        )
    for rule, reason in given.items():
        if rule not in names():
            known = ", ".join(dict.fromkeys(one.name for one in RULES))
            raise CommandError(
                f"{revision.path}: {ALLOW} has {rule!r}, which is no rule.\n"
                f"Rules: {known}"
            )
        if not (isinstance(reason, str) and reason.strip()):
            raise CommandError(f"{revision.path}: {ALLOW}[{rule!r}] needs a reason.")
    return given


# The report


WRITES_NOTHING = (
    "SQLite has one writer, and nobody waits for a revision longer than for another"
    " write. Say what production runs on: {prog} lint --dialect postgresql"
)

WORDS = {
    Harm.STALLS: "stops others",
    Harm.BREAKS: "breaks the running version",
    Harm.FAILS: "fails",
    Harm.GOES_ON: "takes its time",
}

WHILE = {
    Growth.INSTANT: "",
    Growth.SCAN: ", while every row is read",
    Growth.REWRITE: ", while every row is written again",
    Growth.UNKNOWN: ", perhaps while every row is written again",
}


def text(judged: Sequence[Judged]) -> Iterator[str]:
    """Give lines for people: by revision, what is found and what to do instead."""
    for revision in judged:
        every = [*revision.findings, *_timed(revision)]
        if not (every or revision.notes or revision.allowed):
            continue
        part = f" ({revision.database})" if revision.database else ""
        yield f"{revision.revision}  {revision.message}{part}"
        for finding in every:
            yield from _lines(revision, finding)
        for finding, reason in revision.allowed:
            yield f"  allowed {finding.rule}: {reason}"
        yield from (f"  note: {note}" for note in revision.notes)
    yield _summary(judged)


def _timed(revision: Judged) -> list[Finding]:
    """Return what stops nobody, where it was asked how long it takes."""
    return [it for it in revision.goes_on if it.estimate]


def _lines(revision: Judged, finding: Finding) -> Iterator[str]:
    place = f"{_relative(revision.path)}:{finding.line}"
    yield f"  {place}: {finding.rule} ({WORDS[finding.harm]})"
    cost = f" Lock: {finding.lock}{WHILE[finding.growth]}." if finding.lock else ""
    yield f"    {finding.sentence}{cost}"
    if finding.estimate:
        yield f"    Estimate: {finding.estimate}."
    if finding.instead:
        yield "    Instead:"
        yield from (f"      {line}" for line in finding.instead.splitlines())
    yield f"    More: {page_of(finding.rule)}"


def _summary(judged: Sequence[Judged]) -> str:
    count = sum(len(revision.findings) for revision in judged)
    some = {0: "Nothing", 1: "1 thing"}.get(count, f"{count} things")
    number = len({revision.revision for revision in judged})
    of = "1 revision" if number == 1 else f"{number} revisions"
    return f"{some} found in {of}."


def as_json(judged: Sequence[Judged]) -> Iterator[str]:
    """Give one line of JSON: a list of findings, those that are allowed too.

    With an estimate, what stops nobody and takes its time is among them.
    """
    found = [
        {"revision": revision.revision, "path": revision.path}
        | ({"database": revision.database} if revision.database else {})
        | {name: it for name, it in asdict(finding).items() if name != "works"}
        | {"page": page_of(finding.rule)}
        | {"allowed": reason}
        for revision in judged
        for finding, reason in (
            *((finding, None) for finding in revision.findings),
            *((finding, None) for finding in _timed(revision)),
            *revision.allowed,
        )
    ]
    yield json.dumps(found, ensure_ascii=False)


def github(judged: Sequence[Judged]) -> Iterator[str]:
    """Give a workflow command for each finding, which GitHub shows beside its line.

    Source: GitHub, "Workflow commands for GitHub Actions".
    """
    for revision in judged:
        for finding in revision.findings:
            where = f"file={_relative(revision.path)},line={max(1, finding.line)}"
            message = finding.sentence
            if finding.estimate:
                message += f" Estimate: {finding.estimate}."
            if finding.instead:
                message += f"\nInstead:\n{finding.instead}"
            message += f"\nMore: {page_of(finding.rule)}"
            yield f"::warning {where},title={finding.rule}::{_escaped(message)}"


def _escaped(message: str) -> str:
    for plain, code in (("%", "%25"), ("\r", "%0D"), ("\n", "%0A")):
        message = message.replace(plain, code)
    return message


def _relative(path: str) -> str:
    """Return a path as it is from here, as editors and GitHub want it."""
    found = Path(path)
    here = Path.cwd()
    return str(found.relative_to(here) if found.is_relative_to(here) else found)


FORMATS: dict[str, Callable[[Sequence[Judged]], Iterator[str]]] = {
    "text": text,
    "json": as_json,
    "github": github,
}
"""What `--format` takes."""
