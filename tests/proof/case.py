"""One case: models with rows become other models, and the catalogs judge each step.

A case is text, as an author has it: models.py before and after, the rows, and what is
true of the change. It stands for itself, so that one that failed is a test to paste.
"""

import importlib
import logging
from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from contextlib import contextmanager, suppress
from dataclasses import dataclass, field, replace
from datetime import date, datetime, timedelta
from decimal import Decimal, InvalidOperation
from enum import Enum
from functools import partial
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

from alembic.util import CommandError
from alembic_lossless import Migrations, OpenQuestions, Question
from environment import Environment, make
from servers import VACUUMS, empties, empty_database
from sqlalchemy import MetaData, Table, create_engine, make_url, select, text
from sqlalchemy.pool import NullPool

from .catalogs import snapshot
from .judges import schema_of, unlike

Row = tuple[tuple[str, str], ...]
"""The columns of a row, and their values in Python."""

DB = '''"""Where the models are declared."""

from sqlalchemy import MetaData
from sqlalchemy.orm import DeclarativeBase

CONVENTION = {{
    "ix": "ix_%(table_name)s_%(column_0_N_name)s",
    "uq": "uq_%(table_name)s_%(column_0_N_name)s",
    "ck": "ck_%(table_name)s_%(constraint_name)s",
    "fk": "fk_%(table_name)s_%(column_0_N_name)s_%(referred_table_name)s",
    "pk": "pk_%(table_name)s",
}}


class Model(DeclarativeBase):
    """What every model has."""

    metadata = MetaData({convention})


metadatas = {{"default": Model.metadata}}
'''


@dataclass(frozen=True)
class Case:
    """Models that become others.

    :param before: models.py, likewise `after`; `SCHEMA` is a schema beside the own one.
    :param rows: the rows of each table, in the order in which they are inserted.
    :param tables: what each table that stays is called later.
    :param columns: what each column that stays is called later; a key is the table, a
        line break and the column.
    :param retyped: the columns whose values become those of another type.
    :param filled: the columns in which NULL may become a value.
    :param labels: what the values of an Enum are called later.
    :param fills: what an author answers where rows need a value.
    :param answers: what an author answers beside what was renamed.
    :param defaults: the values of new columns that Python gives.
    :param edit: what an author writes at the end of the first upgrade, and `later_edit`
        at that of the other one.
    """

    database: str
    before: str
    after: str
    rows: tuple[tuple[str, tuple[Row, ...]], ...] = ()
    tables: Mapping[str, str] = field(default_factory=dict)
    columns: Mapping[str, str] = field(default_factory=dict)
    retyped: tuple[str, ...] = ()
    filled: tuple[str, ...] = ()
    labels: Mapping[str, tuple[tuple[str, str], ...]] = field(default_factory=dict)
    fills: Mapping[str, str] = field(default_factory=dict)
    defaults: Mapping[str, str] = field(default_factory=dict)
    answers: Sequence[str] = ()
    convention: bool = True
    edit: str = ""
    later_edit: str = ""

    def columns_of(self, table: str) -> list[str]:
        """Return the columns of a table that stay."""
        return sorted(it for it in self.columns if it.startswith(f"{table}\n"))

    def seen(self, key: str, value: Any, *, said: bool) -> str:
        """Return a value of a column, to compare.

        :param said: whether the draft says that it does not know what a value becomes.
        """
        is_retyped = key in self.retyped
        if key in self.filled or (said and is_retyped):
            return "another one"
        return seen(value, loose=is_retyped)

    def renames(self) -> list[str]:
        """Return the true answers to what was renamed."""
        found = [
            f"rename={old}:{new.rpartition('.')[2] if same_schema(old, new) else new}"
            for old, new in self.tables.items()
            if old != new
        ]
        for key, new in self.columns.items():
            table, _, old = key.partition("\n")
            if old != new:
                found.append(f"rename={table}.{old}:{new}")
        return found


def same_schema(old: str, new: str) -> bool:
    """Tell whether a table stays in its schema."""
    return old.startswith("SCHEMA.") == new.startswith("SCHEMA.")


@dataclass(frozen=True)
class Verdict:
    """What became of a case.

    :param kind: "passed", "refused", "marked" (the draft says what it cannot do),
        "impossible" (`create_all` fails) or what is wrong.
    :param text: what was said, or the difference.
    """

    kind: str
    text: str = ""

    @property
    def is_fault(self) -> bool:
        """Whether the library is wrong."""
        return self.kind not in {"passed", "refused", "marked", "impossible"}

    @property
    def cause(self) -> str:
        """What verdicts have in common that are about the same fault."""
        words = self.text.split()[:2] if "unlike" in self.kind else []
        if "fails" in self.kind:
            words = [it for it in self.text.split() if it.isalpha()][:6]
        if "clean" in self.kind:
            words = [it for it in self.text.split()[-9:] if it in DIFFERENCES]
        return " ".join([f"{self.kind}:", *words])


DIFFERENCES = {
    "index",
    "constraint",
    "type",
    "key",
    "check",
    "column",
    "table",
    "default",
    "added",
    "removed",
    "becomes",
    "sequence",
    "comment",
    "CHECK",
    "foreign",
    "unique",
    "identity",
    "nullable",
}
"""The words by which differences that `check` tells are alike."""


class Wrong(Exception):  # noqa: N818  a verdict that ends a case
    """A step of a case went wrong, or ended it."""

    def __init__(self, kind: str, text: str = "") -> None:
        """Take the verdict."""
        super().__init__(kind, text)
        self.verdict = Verdict(kind, text)


class Court:
    """Judges cases on one database, which it empties between them."""

    def __init__(self, database: str, url: str, folder: Path) -> None:
        """Take an empty database.

        :param database: one of `DATABASES`.
        """
        self.url = url
        self.database = database
        self.engine = create_engine(url, poolclass=NullPool)
        name = make_url(url).database if database == "mariadb" else "proof"
        self.schema = f"{name}_more"
        self.project: Environment = make(folder).using(url)
        self.versions = self.project.package / "migrations" / "versions"
        self.second: dict[tuple[str, ...], Any] | None = None
        """What a second judge sees of what `create_all` made, where there is one."""
        self.opinions = Counter[str]()

    def judge(self, case: Case) -> Verdict:
        """Run a case and return what became of it.

        One that is refused has to be right without its rows, or refused without them.
        """
        try:
            return self._judged(case)
        except Wrong as wrong:
            verdict = wrong.verdict
        if verdict.kind == "refused" and case.rows:
            empty = self.judge(replace(case, rows=()))
            if empty.is_fault:
                return Verdict(f"without rows {empty.kind}", empty.text)
        return verdict

    def _judged(self, case: Case) -> Verdict:
        made_after, _ = self._created(case, case.after, case.rows[:0])
        made, rows = self._created(case, case.before, case.rows)
        self._empty()
        for path in self.versions.glob("*.py"):
            path.unlink()
        self._first(case, made)
        before = self._rows(case)
        if (first := every(rows)) != (found := every(before)):
            raise Wrong("other rows", difference(first, found))
        self._write(case, case.after)
        with self._migrations() as (migrations, said):
            drafted = self._draft(case, migrations)
            if drafted and case.later_edit:
                self._edit(drafted, case.later_edit)
            script = Path(drafted.path).read_text() if drafted else ""
            excused = "# REVIEW:" in script or any("not compared" in it for it in said)
            if drafted:
                self._step("upgrade", migrations.upgrade)
            self._agree(migrations, made_after, "upgrade", excused=excused)
            self._read(case, before, script)
        if drafted:
            self._and_back(case, script, before, (made, made_after), excused=excused)
        return Verdict("marked" if excused else "passed")

    def _first(self, case: Case, made: tuple[str, ...]) -> None:
        """Draft and make the first models, and insert the rows."""
        self._write(case, case.before)
        with self._migrations() as (migrations, _):
            first = self._step("first draft", lambda: migrations.revision("first"))
            if first and case.edit:
                self._edit(first, case.edit)
            self._step("first upgrade", migrations.upgrade)
            self._agree(migrations, made, "first upgrade", excused=False)
            self._insert(case)

    def _edit(self, script: Any, edit: str) -> None:
        """Write something at the end of an upgrade."""
        path, (text,) = Path(script.path), self._named([edit])
        head, end, tail = path.read_text().partition("\n\n\ndef downgrade()")
        path.write_text(f"{head}\n    {text.strip()}{end}{tail}")

    def _and_back(
        self,
        case: Case,
        script: str,
        before: "Rows",
        made: tuple[tuple[str, ...], tuple[str, ...]],
        *,
        excused: bool,
    ) -> None:
        """Downgrade, and upgrade once more.

        :param made: what `create_all` makes of the models before and after.
        """
        with self._migrations() as (migrations, _):
            self._step("downgrade", lambda: migrations.downgrade("-1"))
            # No value of a type may be right for a column that comes back.
            is_said = excused or "NULL, and was NOT NULL" in script
            if not is_said and (found := self._snapshot()) != made[0]:
                raise Wrong("downgrade unlike", difference(made[0], found))
            self._write(case, case.before)
        after_down = self._step("reading after", lambda: self._rows(case))
        # Where the draft asks what becomes of the rows, its author says it.
        is_asked = "# REVIEW: what becomes of the rows" in script
        kept = set(case.columns).difference(case.retyped if is_asked else ())
        meant = case.retyped if "# MEANS:" in script else ()
        first, last = (
            only(it, kept, case.filled, meant) for it in (before, after_down)
        )
        if first != last:
            raise Wrong("downgrade lost", difference(first, last))
        self._write(case, case.after)
        with self._migrations() as (migrations, _):
            self._step("second upgrade", migrations.upgrade)
            self._agree(migrations, made[1], "second upgrade", excused=excused)

    def _step(self, name: str, run: Callable[[], Any]) -> Any:
        """Run a step, whose failure ends the case."""
        try:
            return run()
        except OpenQuestions:
            raise
        except CommandError as error:
            said = str(error)
            # MariaDB rehearses, and says what a guard would say.
            is_failure = said.startswith("The upgrade of revision")
            is_failure &= "this revision has changed nothing" not in said
            if name in {"draft", "upgrade"} and not is_failure:
                raise Wrong("refused", said) from error
            raise Wrong(f"{name} fails", said) from error
        except Exception as error:
            raise Wrong(f"{name} fails", f"{type(error).__name__}: {error}") from error

    def _draft(self, case: Case, migrations: Migrations) -> Any:
        """Draft the change with true answers, and return the script."""
        answers = self._named([*case.renames(), *case.answers])
        for _ in range(3):  # an answer may lead to another question
            try:
                draft = partial(migrations.revision, "change", answers=answers)
                return self._step("draft", draft)
            except OpenQuestions as open_:
                answers += [self._answer(case, it) for it in open_.questions]
                still = str(open_)
        raise Wrong("asks again", still)

    def _named(self, texts: Sequence[str]) -> list[str]:
        return [it.replace("SCHEMA", self.schema) for it in texts]

    def _answer(self, case: Case, question: Question) -> str:
        subject = question.subject
        if question.kind == "rename":
            return f"drop={subject}"
        fills = {
            key.replace("SCHEMA", self.schema): value
            for key, value in case.fills.items()
        }
        return f"fill={subject}:{fills.get(subject, 'no value')}"

    def _agree(
        self, migrations: Migrations, made: tuple[str, ...], step: str, *, excused: bool
    ) -> None:
        """See that `check` is clean and the database is what `create_all` makes."""
        found = self._step(f"check after {step}", migrations.differences)
        if found and not excused:
            raise Wrong(f"not clean after {step}", str(found))
        if not excused and (there := self._snapshot()) != made:
            raise Wrong(f"{step} unlike create_all", difference(made, there))
        if not excused and (known := (self.second or {}).get(made)) is not None:
            self.opinions[unlike(known, schema_of(self.engine))] += 1

    def _read(self, case: Case, before: "Rows", script: str) -> None:
        """Read each value that should be there through the new models."""
        metadata, names = self._imported()
        after = dict[str, list[dict[str, Any]]]()
        with self.engine.connect() as connection:
            for old, new in case.tables.items():
                table = self._table(metadata, new)
                try:
                    found = connection.execute(select(table)).all()
                except Exception as error:
                    raise Wrong(
                        "unreadable", f"{type(error).__name__}: {error}"
                    ) from error
                keys = [it.name for it in table.columns]
                after[old] = [dict(zip(keys, row, strict=True)) for row in found]
        for key, default in case.defaults.items():
            table_name, _, column = key.partition("\n")
            expected = eval(default, names)  # noqa: S307
            for row in after.get(table_name, ()):
                # A Float that is read as Decimal has ten digits behind the point.
                is_number = isinstance(row[column], Decimal)
                same = row[column] == expected if is_number else False
                if not same and exact(row[column]) != exact(expected):
                    raise Wrong(
                        "wrong value", f"{column}: {row[column]!r} for {expected!r}"
                    )
        is_said = "# MEANS:" in script or "# REVIEW:" in script
        for name, rows in before.items():
            if name in after:
                first = sorted(
                    self._expected(case, name, it, said=is_said) for it in rows
                )
                last = sorted(
                    self._found(case, name, it, said=is_said) for it in after[name]
                )
                if first != last:
                    raise Wrong("lost", f"{name}\n{first}\n{last}")

    @staticmethod
    def _expected(
        case: Case, table: str, row: Mapping[str, Any], *, said: bool
    ) -> list[str]:
        """Return the values of a row that should be there, as they should be."""
        found = []
        for key in case.columns_of(table):
            value = row[key.partition("\n")[2]]
            plain = value.name if isinstance(value, Enum) else value
            if key in case.labels:
                value = dict(case.labels[key]).get(plain, value)
            found.append(case.seen(key, value, said=said))
        return found

    @staticmethod
    def _found(
        case: Case, table: str, row: Mapping[str, Any], *, said: bool
    ) -> list[str]:
        """Return the values of a row that are there."""
        keys = case.columns_of(table)
        return [case.seen(key, row[case.columns[key]], said=said) for key in keys]

    def _created(
        self, case: Case, models: str, rows: Any
    ) -> tuple[tuple[str, ...], "Rows"]:
        """Return what `create_all` makes of models, and the rows that it takes."""
        self._empty()
        self._write(case, models)
        try:
            with self.project.migrations() as migrations:
                migrations.project.import_models()
                metadata = importlib.import_module("friend_book.db").Model.metadata
                if f"'{self.schema}'" in models or "SCHEMA" in models:
                    with self.engine.begin() as connection:
                        connection.execute(text(f"CREATE SCHEMA {self.schema}"))
                metadata.create_all(self.engine)
                made = self._snapshot()
                if self.second is not None:
                    self.second[made] = schema_of(self.engine)
                if rows:
                    self._insert(case)
                return made, self._rows_of(metadata, [it for it, _ in rows])
        except Exception as error:
            raise Wrong("impossible", f"{type(error).__name__}: {error}") from error

    def _insert(self, case: Case) -> None:
        metadata, names = self._imported()
        with self.engine.begin() as connection:
            for name, rows in case.rows:
                table = self._table(metadata, name)
                by_name = {it.name: it for it in table.columns}
                for row in rows:
                    values = {
                        by_name[key].key: eval(value, names)  # noqa: S307
                        for key, value in row
                        if key in by_name
                    }
                    connection.execute(table.insert().values(values))

    def _rows(self, case: Case) -> "Rows":
        with self.project.migrations() as migrations:
            migrations.project.import_models()
            metadata, _ = self._imported()
            return self._rows_of(metadata, [it for it, _ in case.rows])

    def _rows_of(self, metadata: MetaData, tables: Sequence[str]) -> "Rows":
        found = Rows()
        with self.engine.connect() as connection:
            for name in tables:
                table = self._table(metadata, name)
                keys = [it.name for it in table.columns]
                rows = connection.execute(select(table)).all()
                found[name] = [dict(zip(keys, row, strict=True)) for row in rows]
                found[name].sort(key=repr)
        return found

    def _table(self, metadata: MetaData, name: str) -> Table:
        key = name.replace("SCHEMA", self.schema)
        # What answers call a table of the schema that a connection looks into.
        own = (it for it in metadata.tables.values() if it.name == name)
        return metadata.tables[key] if key in metadata.tables else next(own)

    def _imported(self) -> tuple[MetaData, dict[str, Any]]:
        models = importlib.import_module("friend_book.models")
        metadata: MetaData = importlib.import_module("friend_book.db").Model.metadata
        return metadata, vars(models)

    def _write(self, case: Case, models: str) -> None:
        convention = "naming_convention=CONVENTION" if case.convention else ""
        (self.project.package / "db.py").write_text(DB.format(convention=convention))
        path = self.project.package / "models.py"
        path.write_text(models.replace("SCHEMA", self.schema))

    def _snapshot(self) -> tuple[str, ...]:
        return snapshot(self.engine, self.schema)

    @contextmanager
    def _migrations(self) -> Iterator[tuple[Migrations, list[str]]]:
        """Give the project's migrations, and what they say."""
        log, said = logging.getLogger("alembic"), list[str]()
        handler = logging.Handler()
        handler.emit = lambda record: said.append(record.getMessage())  # type: ignore[method-assign]
        log.addHandler(handler)
        before = log.level, log.propagate
        log.setLevel(logging.WARNING)
        log.propagate = False
        try:
            with self.project.migrations() as migrations:
                yield migrations, said
        finally:
            log.removeHandler(handler)
            log.level, log.propagate = before

    def _empty(self) -> None:
        if self.database == "sqlite":
            Path(make_url(self.url).database or "").unlink(missing_ok=True)
            return
        with self.engine.connect().execution_options(
            isolation_level="AUTOCOMMIT"
        ) as connection:
            if self.database == "postgresql":
                connection.exec_driver_sql(empties(self.engine.url))
                connection.exec_driver_sql(VACUUMS)
                for name in ("hstore", "citext"):
                    connection.exec_driver_sql(f"CREATE EXTENSION {name}")
            else:
                own = make_url(self.url).database
                connection.exec_driver_sql("SET foreign_key_checks = 0")
                connection.exec_driver_sql(f"DROP DATABASE IF EXISTS {self.schema}")
                connection.exec_driver_sql(f"DROP DATABASE {own}")
                connection.exec_driver_sql(f"CREATE DATABASE {own}")


@contextmanager
def court(database: str) -> Iterator[Court]:
    """Give a court with a database of its own, and drop that."""
    with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
        path = Path(folder)
        with empty_database(database, path) as url:
            found = Court(database, url, path)
            yield found
            found._empty()  # noqa: SLF001  the schema beside it goes too


class Rows(dict[str, list[dict[str, Any]]]):
    """The rows of each table, with the values by the names of columns."""


def every(rows: Rows) -> dict[str, list[str]]:
    """Return all rows, to compare."""
    return only(
        rows,
        {
            f"{table}\n{key}"
            for table, found in rows.items()
            for row in found
            for key in row
        },
    )


def only(
    rows: Rows,
    columns: set[str],
    filled: Sequence[str] = (),
    meant: Sequence[str] = (),
) -> dict[str, list[str]]:
    """Return the rows with some columns alone, to compare."""
    return {
        table: sorted(
            repr(
                {
                    k: seen(v, loose=f"{table}\n{k}" in meant)
                    for k, v in row.items()
                    if f"{table}\n{k}" in columns.difference(filled)
                }
            )
            for row in found
        )
        for table, found in rows.items()
        if any(it.startswith(f"{table}\n") for it in columns)
    }


def difference(first: Any, second: Any) -> str:
    """Return what only one of two has, in lines."""
    if isinstance(first, dict):
        first = [f"{key}: {it!r}" for key, rows in first.items() for it in rows]
        second = [f"{key}: {it!r}" for key, rows in second.items() for it in rows]
    lines = [f"- {it}" for it in first if it not in second]
    return "\n".join([*lines, *(f"+ {it}" for it in second if it not in first)])


def exact(value: Any) -> str:
    """Return a value as it is, to compare."""
    if isinstance(value, Enum):
        return repr(value.name)
    if isinstance(value, (set, frozenset)):
        return repr(sorted(value))
    return repr(value)


def seen(value: Any, *, loose: bool) -> str:
    """Return a value to compare, the same for what means the same when it is loose."""
    if not loose or value is None:
        return exact(value)
    if isinstance(value, Enum):
        value = value.name
    if isinstance(value, bytes):
        value = value.decode("latin1")
    if isinstance(value, bool):
        value = int(value)
    if isinstance(value, timedelta):
        value = value.total_seconds()
    if isinstance(value, datetime):
        value = value.replace(tzinfo=None).isoformat(" ").removesuffix(" 00:00:00")
    if isinstance(value, date):
        value = value.isoformat()
    with suppress(ValueError):  # a UUID, with its signs or without
        return str(UUID(str(value)))
    try:
        number = Decimal(str(value).strip())
    except InvalidOperation:
        return str(value).strip().removesuffix(" 00:00:00")
    return format(number.normalize(), "f") if number.is_finite() else str(value)
