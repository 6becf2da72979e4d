"""Real apps: the models of a release become those of a later one, with rows.

Usage: PYTHONPATH="tests:{{cookiecutter.program_name}}" python -m proof.apps [NAME ...]

With `--history` a database is made as the older release makes a new one, and upgraded
by the newer one's own revisions. What `check` then says is beside what differs in the
catalogs, before and after a draft of it.

Each release is installed from the package index into an environment of its own, with
the newest SQLAlchemy and Alembic. The first draft of the older models is compared with
what `create_all` makes of them, and so is the draft of the newer ones; between the two,
each table gets rows, and each value that both versions know must be there afterwards,
and after a downgrade. A question is answered with what the change says: a column or a
table that is gone was dropped, unless the app's `answers` say otherwise.
"""

import argparse
import importlib
import json
import logging
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping, Sequence
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from decimal import Decimal
from enum import Enum
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any
from uuid import UUID

import sqlalchemy as sa
from alembic.autogenerate import compare_metadata
from alembic.runtime.migration import MigrationContext

from .catalogs import snapshot

TESTS = Path(__file__).resolve().parent.parent
LIBRARY = TESTS.parent / "{{cookiecutter.program_name}}"
FILES = TESTS / "library" / "files" / "one" / "friend_book"
DATABASES = ("sqlite", "postgresql", "mariadb")


@dataclass(frozen=True)
class App:
    """An app, and where its models are.

    :param package: the distribution.
    :param versions: two releases of it.
    :param modules: what declares tables when it is imported.
    :param metadatas: where the metadatas are, each as `module:attribute.attribute`.
    :param answers: what its own history says of the change.
    :param revisions: the folder of its own revisions, in the environment.
    :param needs: other distributions of the same release that its revisions import.
    :param files: what it reads when it is imported, where it runs.
    :param variables: those of the environment.
    :param has_only_revisions: whether it makes a new database by them.
    :param alchemy: the SQLAlchemy that it works with.
    """

    package: str
    versions: tuple[str, str]
    modules: tuple[str, ...]
    metadatas: tuple[str, ...]
    answers: tuple[str, ...] = ()
    revisions: str = ""
    needs: tuple[str, ...] = ()
    files: tuple[tuple[str, str], ...] = ()
    variables: tuple[tuple[str, str], ...] = ()
    has_only_revisions: bool = False
    alchemy: str = ">=2.1.7"


APPS = {
    "optuna": App(
        "optuna",
        ("2.10.1", "5.0.0"),
        ("optuna.storages._rdb.models",),
        ("optuna.storages._rdb.models:BaseModel.metadata",),
        revisions="optuna/storages/_rdb/alembic/versions",
    ),
    "jupyterhub": App(
        "jupyterhub",
        ("3.1.1", "5.4.2"),
        ("jupyterhub.orm",),
        ("jupyterhub.orm:Base.metadata",),
        revisions="jupyterhub/alembic/versions",
    ),
    "buildbot": App(
        "buildbot",
        ("3.4.0", "4.3.0"),
        ("buildbot.db.model",),
        ("buildbot.db.model:Model.metadata",),
        revisions="buildbot/db/migrations/versions",
    ),
    "mlflow": App(
        "mlflow",
        ("2.9.2", "3.9.0"),
        (
            "mlflow.store.tracking.dbmodels.models",
            "mlflow.store.model_registry.dbmodels.models",
        ),
        ("mlflow.store.db.base_sql_model:Base.metadata",),
    ),
    "prefect": App(
        "prefect",
        ("3.0.11", "3.7.5"),
        ("prefect.server.database.orm_models",),
        ("prefect.server.database.orm_models:Base.metadata",),
    ),
    "galaxy": App(
        "galaxy-data",
        ("24.1.3", "26.1.2"),
        ("galaxy.model", "galaxy.model.tool_shed_install"),
        (
            "galaxy.model:mapper_registry.metadata",
            "galaxy.model.tool_shed_install:mapper_registry.metadata",
        ),
        revisions="galaxy/model/migrations/alembic/versions_gxy",
        needs=("galaxy-config",),
    ),
    "dagster": App(
        "dagster",
        ("1.8.13", "1.13.29"),
        ("dagster._core.storage.event_log.schema",),
        ("dagster._core.storage.event_log.schema:SqlEventLogStorageMetadata",),
        revisions="dagster/_core/storage/alembic/versions",
    ),
    "dstack": App(
        "dstack[server]",
        ("0.18.30", "0.19.30"),
        ("dstack._internal.server.models",),
        ("dstack._internal.server.models:BaseModel.metadata",),
        answers=("rename=volumes_attachments.instace_id:instance_id",),
        revisions="dstack/_internal/server/migrations/versions",
    ),
    "aiida": App(
        "aiida-core",
        ("2.3.1", "2.7.1"),
        ("aiida.storage.psql_dos.models",),
        ("aiida.storage.psql_dos.models.base:Base.metadata",),
        revisions="aiida/storage/psql_dos/migrations/versions",
    ),
    "rucio": App(
        "rucio",
        ("34.6.0", "41.5.1"),
        ("rucio.db.sqla.models",),
        ("rucio.db.sqla.models:BASE.metadata",),
        revisions="rucio/db/sqla/migrate_repo/versions",
        files=(("rucio.cfg", "[database]\ndefault = sqlite://\n"),),
        variables=(("RUCIO_CONFIG", "rucio.cfg"),),
    ),
    "octavia": App(
        "octavia",
        ("10.0.0", "19.0.0"),
        ("octavia.db.models",),
        ("octavia.db.base_models:BASE.metadata",),
        revisions="octavia/db/migration/alembic_migrations/versions",
        has_only_revisions=True,
    ),
    "ironic": App(
        "ironic",
        ("24.1.0", "39.0.0"),
        ("ironic.db.sqlalchemy.models",),
        ("ironic.db.sqlalchemy.models:Base.metadata",),
        revisions="ironic/db/sqlalchemy/alembic/versions",
    ),
    "zenml": App(
        "zenml[server]",
        ("0.84.3", "0.91.0"),
        ("zenml.zen_stores.schemas",),
        ("sqlmodel:SQLModel.metadata",),
        answers=(
            "rename=pipeline_deployment:pipeline_snapshot",
            "rename=pipeline_run.deployment_id:snapshot_id",
            "rename=run_template.source_deployment_id:source_snapshot_id",
            "rename=step_configuration.deployment_id:snapshot_id",
            "rename=step_run.deployment_id:snapshot_id",
        ),
        revisions="zenml/zen_stores/migrations/versions",
    ),
    "zou": App(
        "zou",
        ("1.0.67", "1.0.97"),
        ("zou.app.models",),
        ("zou.app:db.metadata",),
        revisions="zou/migrations/versions",
        variables=(("SECRET_KEY", "a strong, unique value"),),
        alchemy="==2.0.*",
        has_only_revisions=True,
    ),
    "airflow": App(
        "apache-airflow-core",
        ("3.2.0", "3.3.2"),
        ("airflow.models", "airflow.jobs.job"),
        ("airflow.models.base:Base.metadata",),
        revisions="airflow/migrations/versions",
        variables=(
            ("AIRFLOW_HOME", "."),
            ("AIRFLOW__DATABASE__SQL_ALCHEMY_CONN", "sqlite:////tmp/none.db"),
        ),
    ),
}
"""The apps, by the names that the command line takes."""

DB = '''"""The models of an app that is installed."""

import importlib
import pkgutil

for name in {modules!r}:
    module = importlib.import_module(name)
    for found in pkgutil.iter_modules(getattr(module, "__path__", ())):
        if name.endswith(".models"):
            importlib.import_module(f"{{name}}.{{found.name}}")


def metadata(place):
    module, _, path = place.partition(":")
    found = importlib.import_module(module)
    for attribute in path.split("."):
        found = getattr(found, attribute)
    return found


every = [metadata(it) for it in {metadatas!r}]
metadatas = {{"default": every if len(every) > 1 else every[0]}}
'''
DRIVERS = ("psycopg[binary]", "PyMySQL", "setuptools<80", "six")
"""What an app need not have for itself; older ones import the last two."""

ROWS = 3
"""How many rows each table gets."""


def main() -> None:
    """Try the apps that were asked for, and print a line for each step."""
    parser = argparse.ArgumentParser(description=__doc__, prog="python -m proof.apps")
    parser.add_argument("names", nargs="*", metavar="NAME", help=", ".join(APPS))
    parser.add_argument("--database", choices=DATABASES, action="append")
    parser.add_argument("--history", action="store_true", help="its own revisions")
    parser.add_argument("--environments", type=Path, help="where they are kept")
    given = parser.parse_args()
    for name in given.names or APPS:
        for database in given.database or DATABASES:
            with TemporaryDirectory(ignore_cleanup_errors=True) as folder:
                home = given.environments or Path(folder)
                kinds = ("old", "history") if given.history else ("first", "change")
                tried(name, database, Path(folder), home, kinds)


def tried(
    name: str, database: str, folder: Path, home: Path, kinds: tuple[str, str]
) -> None:
    """Take an app from one version to the next, and print what it does.

    :param kinds: what `step` does with each of them.
    """
    from servers import empty_database  # noqa: PLC0415  not there for an app

    app = APPS[name]
    pythons = [environment(app, version, home) for version in app.versions]
    shutil.copytree(FILES, folder / "friend_book")
    shutil.copy(FILES.parent / "alembic.ini", folder)
    (folder / "friend_book" / "models.py").write_text("")
    versions = folder / "friend_book" / "migrations" / "versions"
    versions.mkdir()
    text = DB.format(modules=app.modules, metadatas=app.metadatas)
    (folder / "friend_book" / "db.py").write_text(text)
    for file, content in app.files:
        (folder / file).write_text(content)
    with (
        empty_database(database, folder) as url,
        empty_database(database, folder) as other,
        empty_database(database, folder) as third,
    ):
        each = zip(app.versions, pythons, kinds, (other, third), strict=True)
        for version, python, kind, made in each:
            if "history" in kinds:
                shutil.rmtree(versions)
                versions.mkdir()
                place = python.parent.parent / "lib"
                for path in place.glob(f"*/site-packages/{app.revisions}/[!_]*.py"):
                    shutil.copy(path, versions)
            paths = f"{folder}{os.pathsep}{LIBRARY}{os.pathsep}{TESTS}"
            variables = {"FRIEND_BOOK_DATABASE_URL": url, "PYTHONPATH": paths}
            variables |= app.variables
            command = [str(python), "-c", STEP, kind, name, made]
            done = subprocess.run(
                command,
                cwd=folder,
                env={**os.environ, **variables},
                stdout=subprocess.PIPE,
                stderr=subprocess.STDOUT,
                text=True,
                check=False,
            )
            said = [it for it in done.stdout.splitlines() if it.startswith("== ")]
            for line in said:
                print(f"{name} {version} {database}: {line.removeprefix('== ')}")
            if done.returncode:
                print(f"{name} {version} {database}: FAILED")
                print("\n".join([it for it in done.stdout.splitlines() if it][-8:]))
                return


STEP = """
import sys
from proof.apps import step
step(*sys.argv[1:])
"""


def environment(app: App, version: str, home: Path) -> Path:
    """Return the Python of an environment that has a release of an app."""
    folder = home / f"{app.package}-{version}"
    python = folder / "bin" / "python"
    if not (folder / "ok").exists():
        uv = [sys.executable, "-m", "uv"]
        subprocess.run([*uv, "venv", "-q", "--clear", str(folder)], check=True)
        newest, build = folder / "overrides.txt", folder / "build.txt"
        newest.write_text(f"SQLAlchemy[asyncio]{app.alchemy}\nalembic>=1.20.1\n")
        build.write_text("setuptools<80\n")
        install = [*uv, "pip", "install", "-q", "--python", str(python)]
        own = [f"{it}=={version}" for it in (app.package, *app.needs)]
        wanted = [*own, *DRIVERS]
        files = ["--override", str(newest), "--build-constraints", str(build)]
        subprocess.run([*install, *files, *wanted], check=True)
        (folder / "ok").touch()
    return python


# What follows runs where the app is installed.


def step(kind: str, name: str, made: str) -> None:
    """Do the first or the second half of a trial, or that of the app's own revisions.

    :param kind: "first" and "change", or "old" and "history".
    :param made: the URL of an empty database, for `create_all`.
    """
    sys.path.insert(0, str(Path.cwd()))
    engine = sa.create_engine(_driven(made))
    url = _driven(os.environ["FRIEND_BOOK_DATABASE_URL"])
    module = importlib.import_module("friend_book.migrations")
    metadatas = _metadatas()
    for metadata in metadatas:
        metadata.create_all(engine)
    whole = snapshot(engine, "no_schema")
    tables = sum(len(it.tables) for it in metadatas)
    say(f"create_all of {tables} tables")
    own = sa.create_engine(url, poolclass=sa.NullPool)
    run = {"first": _first, "change": _change, "old": _old, "history": _history}[kind]
    run(module.migrations, own, whole, APPS[name])


def _first(migrations: Any, engine: sa.Engine, whole: Sequence[str], _: App) -> None:
    _drafted(migrations, "first", [])
    migrations.upgrade()
    _compare("first draft", whole, snapshot(engine, "no_schema"))
    _clean(migrations)
    rows, refused = _insert(engine)
    say(f"{rows} rows" + (f", none in {', '.join(refused)}" if refused else ""))
    Path("before.json").write_text(json.dumps([list(whole), _rows(engine)]))


def _change(migrations: Any, engine: sa.Engine, whole: Sequence[str], app: App) -> None:
    first, before = json.loads(Path("before.json").read_text())
    script = _drafted(migrations, "change", [*app.answers])
    if script is None:
        _compare("nothing to draft", whole, snapshot(engine, "no_schema"))
        return
    text = Path(script.path).read_text()
    marks = re.findall(r"# (?:REVIEW|MEANS|INVENTS|DELETES): .*", text)
    say(f"draft of {len(text.splitlines())} lines")
    for mark in sorted(set(marks)):
        say(mark)
    migrations.upgrade()
    _compare("change", whole, snapshot(engine, "no_schema"))
    _clean(migrations)
    _kept("upgrade", before, _rows(engine))
    migrations.downgrade("-1")
    _compare("downgrade", first, snapshot(engine, "no_schema"))
    _kept("downgrade", before, _rows(engine))
    migrations.upgrade()
    _compare("second upgrade", whole, snapshot(engine, "no_schema"))
    _clean(migrations)
    say("done")


def _old(migrations: Any, engine: sa.Engine, _: Sequence[str], app: App) -> None:
    if app.has_only_revisions:
        migrations.upgrade("heads")
        return
    for metadata in _metadatas():
        metadata.create_all(engine)
    migrations.stamp("heads")


class _Said(logging.Handler):
    def emit(self, record: logging.LogRecord) -> None:
        """Print what `check` names beside the differences."""
        say(f"said: {record.getMessage()}")


def _history(migrations: Any, engine: sa.Engine, whole: Sequence[str], _: App) -> None:
    migrations.upgrade("heads")
    _compare("its own revisions", whole, snapshot(engine, "no_schema"))
    review = logging.getLogger("alembic.review")
    review.setLevel(logging.INFO)
    review.addHandler(_Said())
    say(f"check: {migrations.differences() or 'clean'}")
    with engine.connect() as connection:
        metadatas: Any = _metadatas()
        found = compare_metadata(MigrationContext.configure(connection), metadatas)
        say(f"plain Alembic's check: {found or 'clean'}")
    if _drafted(migrations, "rest", []) is not None:
        migrations.upgrade("heads")
        _compare("with a draft of that", whole, snapshot(engine, "no_schema"))
        _clean(migrations)
    say("done")


def say(text: str) -> None:
    """Print a line that the one who tries the apps shows."""
    print("== " + text.replace("\n", " | "), flush=True)


def _driven(url: str) -> str:
    for scheme, driver in (("postgresql", "psycopg"), ("mysql", "pymysql")):
        url = re.sub(f"^{scheme}(\\+\\w+)?:", f"{scheme}+{driver}:", url)
    return url


def _metadatas() -> list[sa.MetaData]:
    given = importlib.import_module("friend_book.db").metadatas["default"]
    return given if isinstance(given, list) else [given]


def _drafted(migrations: Any, message: str, answers: list[str]) -> Any:
    """Draft a revision, and answer what is asked as a careful author would."""
    questions = importlib.import_module("alembic_lossless").OpenQuestions
    for _ in range(5):
        try:
            return migrations.revision(message, answers=answers)
        except questions as open_:
            for it in open_.questions:
                say(f"asked: {it.kind} {it.subject}")
                rename = it.kind == "rename"
                fill = f"fill={it.subject}:{_value(it.subject)}"
                answers.append(f"drop={it.subject}" if rename else fill)
    raise SystemExit("it asks again and again")


def _value(subject: str) -> str:
    """Return what an author types for a column that rows need a value of."""
    for metadata in _metadatas():
        table, _, name = subject.rpartition(".")
        if table in metadata.tables and name in metadata.tables[table].c:
            kind = metadata.tables[table].c[name].type
            value = _of(kind, 1)
            if isinstance(value, bytes):
                return f"0x{value.hex()}"
            if isinstance(value, UUID):
                return value.hex
            if isinstance(value, str | Enum):
                return value.name if isinstance(value, Enum) else value
            return json.dumps(value, default=str)
    return "x"


def _clean(migrations: Any) -> None:
    if found := migrations.differences():
        say(f"NOT CLEAN: {found}")


def _compare(when: str, first: Sequence[str], second: Sequence[str]) -> None:
    lines = [f"- {it}" for it in first if it not in second]
    lines += [f"+ {it}" for it in second if it not in first]
    say(f"{when}: " + ("equal" if not lines else "UNLIKE " + " || ".join(lines)[:3000]))


def _insert(engine: sa.Engine) -> tuple[int, list[str]]:
    """Give each table rows; return how many there are, and which tables take none."""
    count, refused = 0, []
    for metadata in _metadatas():
        for table in metadata.sorted_tables:
            if table.name == "alembic_version":
                continue  # it is Alembic's, and an app may have a model of it
            plain = sa.table(
                table.name,
                *(sa.column(it.name, _stored(it.type)) for it in table.c),
                schema=table.schema,
            )
            for number in range(1, ROWS + 1):
                values = {it.name: _of(it.type, number, it) for it in table.c}
                generated = {it.name for it in table.c if it.computed or it.identity}
                given = {k: v for k, v in values.items() if k not in generated}
                # Rows that need each other come without what they need not have.
                free = {it.name for it in table.c if it.foreign_keys and it.nullable}
                alone = {k: None if k in free else v for k, v in given.items()}
                for row in (given, alone):
                    try:
                        with engine.begin() as connection:
                            connection.execute(plain.insert().values(row))
                        count += 1
                        break
                    except Exception as error:  # noqa: BLE001  an app's own rule
                        why = str(error).splitlines()[0][:80]
                else:
                    refused.append(f"{table.name} ({why})")
                    break
    return count, refused


def _of(kind: Any, number: int, column: sa.Column[Any] | None = None) -> Any:
    """Return a value of a type, another for each number."""
    if column is not None and column.foreign_keys:
        (key, *_) = column.foreign_keys
        kind = key.column.type
    if isinstance(kind, sa.types.TypeDecorator):
        return _of_own(kind, number)
    if isinstance(kind, sa.Enum):
        found = list(kind.enum_class or kind.enums)
        return found[number % len(found)]
    moment = datetime(2026, 1, number, 12, 30, tzinfo=UTC)
    values: tuple[tuple[type, Any], ...] = (
        (sa.Boolean, number % 2 == 0),
        (sa.Integer, number),
        (sa.Float, number + 0.5),
        (sa.Numeric, Decimal(number)),
        (sa.DateTime, moment if _is_zoned(kind) else moment.replace(tzinfo=None)),
        (sa.Date, date(2026, 1, number)),
        (sa.Time, time(12, number)),
        (sa.Interval, timedelta(days=number)),
        (sa.Uuid, UUID(int=number) if _as_uuid(kind) else UUID(int=number).hex),
        (sa.LargeBinary, bytes([number])),
        (sa.JSON, {"number": number}),
        (sa.ARRAY, []),
        (object, f"v{number}"[: getattr(kind, "length", None) or 40]),
    )
    return next(value for type_, value in values if isinstance(kind, type_))


def _of_own(kind: Any, number: int) -> Any:
    """Return a value that a type of an app's own takes."""
    plain = _of(kind.impl_instance, number)
    return next(_taken(kind, plain, number), plain)


def _taken(kind: Any, plain: Any, number: int) -> Iterator[Any]:
    dialect = sa.create_engine("sqlite://").dialect
    processor = kind.dialect_impl(dialect).bind_processor(dialect)
    for value in (plain, UUID(int=number), {"number": number}, [number], number):
        with suppress(Exception):  # it wants another one
            if processor is not None:
                processor(value)
            yield value


def _stored(kind: Any) -> Any:
    """Return a type, or the plain one below it where none of our values is its own."""
    if isinstance(kind, sa.types.TypeDecorator):
        plain = _of(kind.impl_instance, 1)
        return kind if [*_taken(kind, plain, 1)] else kind.impl_instance
    return kind


def _is_zoned(kind: Any) -> bool:
    return bool(getattr(kind, "timezone", False))


def _as_uuid(kind: Any) -> bool:
    return bool(getattr(kind, "as_uuid", False))


def _rows(engine: sa.Engine) -> dict[str, list[dict[str, str]]]:
    """Return every value of every table, as the database gives it."""
    found = {}
    preparer = engine.dialect.identifier_preparer
    with engine.connect() as connection:
        for name in sa.inspect(connection).get_table_names():
            if not name.startswith("alembic_"):
                query = f"SELECT * FROM {preparer.quote(name)}"  # noqa: S608  a name
                rows = connection.exec_driver_sql(query.replace("%", "%%")).mappings()
                found[name] = [{k: str(v) for k, v in row.items()} for row in rows]
    return found


def _kept(when: str, before: Mapping[str, Any], after: Mapping[str, Any]) -> None:
    """Say which values of columns that are still there are not as they were."""
    lost = [*_lost(before, after)]
    say(f"rows after {when}: " + ("as before" if not lost else f"OTHER {lost[:10]}"))


def _lost(before: Mapping[str, Any], after: Mapping[str, Any]) -> Iterator[str]:
    for name, rows in before.items():
        if not rows or name not in after:
            continue
        columns = set(rows[0]) & set((after[name] or [{}])[0])
        first, last = (
            sorted(repr({k: it[k] for k in sorted(columns)}) for it in every)
            for every in (rows, after[name])
        )
        if len(rows) != len(after[name]):
            yield f"{name}: {len(rows)} rows, now {len(after[name])}"
        elif first != last:
            other = [
                it
                for it in columns
                if sorted(r[it] for r in rows) != sorted(r[it] for r in after[name])
            ]
            yield f"{name}: {', '.join(sorted(other))}"


if __name__ == "__main__":
    main()
