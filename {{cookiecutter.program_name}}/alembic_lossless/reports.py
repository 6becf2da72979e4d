"""Where the databases are and whether the models moved on: for people, and as JSON.

What the JSON holds only grows, and the exit statuses stay: a script may rely on both.
"""

import json
from collections.abc import Collection, Iterator
from typing import Any

from alembic.script import Script
from alembic.util import CommandError

from . import lockfile
from .config import merge_command
from .history import half_applied
from .migrations import Migrations
from .replaced import follows, replaced_by
from .rules import BY_HAND
from .runtime.applied import Edited, refusal
from .runtime.connect import explained, opened
from .runtime.errors import applied
from .runtime.several import among, few
from .types.reflection import inspector_of
from .urls import printable

STATUSES = {
    "clean": 0,
    "pending": 3,
    "drift": 4,
    "two heads": 5,
    "stopped": 6,
    "lock": 7,
    "edited": 8,
}
"""The state that a report is about, the worst that there is -> its exit status."""


def report(migrations: Migrations, only: Collection[str] = ()) -> dict[str, Any]:
    """Return what `status --json` prints.

    :param only: the databases or schemas to look at, by default all.
    :raises CommandError: for a database that cannot be read.
    """
    schemas = migrations.schemas()
    names = among(schemas or migrations.names(), only)
    if schemas and not only:
        databases = _report_of_schemas(migrations)
        names = names[:1]  # the models are compared with one of them
    else:
        databases = {name: _report_of(migrations, name) for name in names}
    folder = migrations.script()
    heads = [*folder.get_heads()]
    found = {
        "databases": databases,
        "heads": heads,
        "differences": None,
        "lock": lockfile.state(folder),
    }
    if any(it["stopped"] for it in databases.values()):
        return {"state": "stopped", **found}
    if len(heads) > 1:
        return {"state": "two heads", **found}
    if any(it.get("edited") for it in databases.values()):
        return {"state": "edited", **found}
    if any(it["pending"] for it in databases.values()):
        return {"state": "pending", **found}
    chosen = names if only or schemas else ()
    differences = migrations.differences(only=chosen)
    lines = str(differences).splitlines()[1:] if differences else []
    found["differences"] = [line.strip() for line in lines]
    if not lines and found["lock"]:
        return {"state": "lock", **found}
    return {"state": "drift" if lines else "clean", **found}


def _report_of(migrations: Migrations, name: str) -> dict[str, Any]:
    database = migrations.database(name)
    label = name or "default" if len(migrations.names()) > 1 else "Database"
    with explained(database, label):
        return {
            "url": printable(database.url),
            "at": list(migrations.stamped(name)),
            "pending": [script.revision for script in migrations.pending(name)],
            "stopped": migrations.stopped(name),
            "backfills": [
                {"column": str(it), "revision": it.revision}
                for it in migrations.open_backfills(name)
            ],
            "kept": [
                {"name": str(it), "until": str(it.until), "is_due": it.is_due}
                for it in migrations.set_aside(name)
                if not it.counts
            ],
            "edited": [str(it) for it in _edited(migrations, name)],
        }


def _report_of_schemas(migrations: Migrations) -> dict[str, dict[str, Any]]:
    """Return where each schema is, and no more: there may be thousands of them.

    :raises CommandError: for a revision that is not in this project.
    """
    tenants, found = migrations.tenants(), dict[str, dict[str, Any]]()
    pending = dict[tuple[str, ...], list[str]]()
    for name, place in tenants.places().items():
        if place.heads not in pending:
            folder = migrations.script(place.heads)
            try:
                done = applied(folder, tenants.base.url, place.heads)
            except CommandError as error:
                raise CommandError(f"{name}: {error}") from error
            ids = [it.revision for it in folder.walk_revisions()]
            pending[place.heads] = [it for it in ids[::-1] if it not in done]
        found[name] = {
            "url": printable(tenants.base.url),
            "at": [*place.heads],
            "pending": pending[place.heads],
            "stopped": place.stopped,
        }
    return found


def _edited(migrations: Migrations, name: str) -> list[Edited]:
    """Return what was edited; of a revision that is not there nobody can say it."""
    try:
        return migrations.edited(name)
    except CommandError:
        return []


def text(
    migrations: Migrations, prog: str, only: Collection[str] = ()
) -> Iterator[str]:
    """Yield the lines of `status`: the last ones say what to type next.

    :param prog: the name of the command, such as "flask db".
    :param only: the databases or schemas to look at, by default all.
    """
    found = report(migrations, only)
    schemas = () if only else migrations.schemas()
    if schemas:
        yield from _table(found["databases"])
    else:
        yield from _each(migrations, prog, found)
    if found["lock"] is None:
        yield f"Lock: there is no {lockfile.NAME}; {prog} lock begins one"
    for problem in found["lock"] or ():
        yield f"Lock: {problem}"
    where = "the database"
    if schemas:
        where = f"{schemas[0]}, and {prog} check compares each of {len(schemas)}"
    yield from models(found, prog, where)


def _table(databases: dict[str, dict[str, Any]]) -> Iterator[str]:
    """Yield a table of where schemas are: a line for each place, the rarest first."""
    places = dict[tuple[str, str], list[str]]()
    for name, it in databases.items():
        state = f"{len(it['pending'])} pending" if it["pending"] else "head"
        state = f"stopped in {it['stopped']}" if it["stopped"] else state
        places.setdefault((" ".join(it["at"]) or "base", state), []).append(name)
    rows = [("schemas", "at", "state", "")]
    for place, these in sorted(places.items(), key=lambda it: len(it[1])):
        rows.append((str(len(these)), *place, few(these)))
    second, third = (max(len(row[column]) for row in rows) for column in (1, 2))
    yield f"Database: {next(iter(databases.values()))['url']}"
    for row in rows:
        yield f"  {row[0]:>7}  {row[1]:<{second}}  {row[2]:<{third}}  {row[3]}".rstrip()


def _each(migrations: Migrations, prog: str, found: dict[str, Any]) -> Iterator[str]:
    """Yield the lines of each database of a report."""
    several = len(found["databases"]) > 1
    for name, database in found["databases"].items():
        label = name or "default" if several else "Database"
        yield f"{label}: {database['url']}"
        for script in migrations.script(database["at"]).walk_revisions():
            mark = "pending" if script.revision in database["pending"] else "applied"
            mark = "stopped" if script.revision == database["stopped"] else mark
            yield f"  {mark}  {script.revision}  {script.doc}"
        for it in database["backfills"]:
            left = f"which {it['revision']} left: {prog} backfill"
            yield f"  open     {it['column']} has rows without its value, {left}"
        for it in database["kept"]:
            due = f": it is due, {prog} purge drops it" if it["is_due"] else ""
            yield f"  kept     {it['name']} until {it['until']}{due}"
        only = f"{prog} -x database={name}" if several else prog
        if database["stopped"]:
            yield from _half_applied(migrations, name, only)
        if database["edited"]:
            stamp = f"{only} stamp {' '.join(database['at'])}"
            yield from refusal(_edited(migrations, name), prog, stamp).splitlines()


def _half_applied(migrations: Migrations, name: str, prog: str) -> Iterator[str]:
    """Say what goes on from a revision that stopped in the middle."""
    half = half_applied(migrations.database(name))
    if half is None:
        return
    below = follows(migrations.script().get_revision(half.revision))
    before, after = " ".join(below) or "base", half.revision
    if half.direction == "downgrade":
        before, after = after, before
    yield f"{half.revision} stopped in the middle of its {half.direction}"
    if half.goes_on:
        yield f"Next: {prog} {half.direction} {after}"
    else:
        yield f"Next: undo by hand what it did, then: {prog} stamp {before}"
        yield f"  or do the rest by hand, then: {prog} stamp {after}"


def models(
    found: dict[str, Any], prog: str, where: str = "the database"
) -> Iterator[str]:
    """Yield what a report says of the models, and what to type next.

    :param found: the report.
    :param prog: the name of the command, such as "flask db".
    :param where: what they were compared with.
    """
    differences = found["differences"]
    match found["state"]:
        case "clean":
            yield f"Models: match {where}"
        case "drift":
            count = len(differences)
            many = "1 difference" if count == 1 else f"{count} differences"
            yield f"Models: {many} between the models and {where}:"
            yield from (f"  {line}" for line in differences)
            if all(line.endswith(BY_HAND) for line in differences):
                yield "Next: undo what was changed by hand"
            else:
                yield f'Next: {prog} migrate -m "…"'
            if not found["heads"]:
                yield f"  or, where the tables are there already: {prog} baseline"
        case "two heads":
            heads = found["heads"]
            yield f"Models: not compared while {' and '.join(heads)} are two heads"
            yield f"Next: {prog} rebase"
            yield f"  or, where others have run both: {merge_command(prog, heads)}"
        case "stopped":
            yield "Models: not compared while a revision is half applied"
        case "edited":
            yield "Models: not compared while a revision is edited that ran here"
        case "lock":
            yield f"Models: match {where}"
            yield f"Next, if the revisions are right: {prog} lock"
        case _:
            yield "Models: not compared while revisions are pending"
            yield f"Next: {prog} upgrade"


def ahead(migrations: Migrations) -> Iterator[str]:
    """Say that the databases are ahead of this version of the app, which can serve.

    While a new version is rolled out, a pod of the old one may start again. It finds
    revisions that it does not have; what counts is that no table and no column is gone
    that its models read. Nothing is said where that is not so for every database.
    """
    places = migrations.places()
    names = [name for name in migrations.names() if not places]
    if any(it.stopped for it in places.values()) or any(map(migrations.stopped, names)):
        return
    # Schemas at one revision have the same tables: one stands for them.
    at = {place.heads: name for name, place in places.items()}
    where = {name: heads for heads, name in at.items()}
    where |= {name: migrations.stamped(name) for name in names}
    history, said = migrations.history(), list[str]()
    known = {name for it in history for name in (it.revision, *replaced_by(it))}
    migrations.project.import_models()
    for name, heads in where.items():
        unknown = set(heads) - known
        if not unknown or list(_missing(migrations, name)):
            return
        url = printable(migrations.database(name).url)
        said.append(
            f"{url} is at revision {', '.join(sorted(unknown))}, which this version of"
            " the app does not have. It is ahead, with every table and column that the"
            " models have: nothing is run."
        )
    yield from said


def _missing(migrations: Migrations, name: str) -> Iterator[str]:
    """Yield the tables and columns of the models that a database does not have."""
    with opened(migrations.database(name)) as connection:
        inspector = inspector_of(connection)
        for metadata in migrations.metadata_of(name):
            for table in metadata.tables.values():
                there = set()
                if inspector.has_table(table.name, schema=table.schema):
                    found = inspector.get_columns(table.name, schema=table.schema)
                    there = {column["name"] for column in found}
                missing = {column.name for column in table.columns} - there
                yield from (f"{table}.{column}" for column in sorted(missing))


def current(migrations: Migrations, only: Collection[str] = ()) -> dict[str, Any]:
    """Return what `current --json` prints: where each database is.

    :param only: the databases or schemas to look at, by default all.
    """
    heads = {script.revision for script in migrations.heads()}
    places = migrations.places()
    found = {
        name: set(places[name].heads if places else migrations.stamped(name))
        for name in among([*places] or migrations.names(), only)
    }
    return {
        name: {"at": sorted(at), "is_head": at == heads} for name, at in found.items()
    }


def check(migrations: Migrations, only: Collection[str] = ()) -> dict[str, Any]:
    """Return what `check --json` prints.

    :param only: the databases or schemas to look at, by default all.
    """
    found = report(migrations, only or migrations.schemas())
    return {"state": found["state"], "differences": found["differences"]}


def revision(script: Script) -> dict[str, Any]:
    """Return a revision as `heads --json` and its like print it."""
    return {
        "revision": script.revision,
        "down_revisions": [*follows(script)],
        "message": script.doc,
        "branch_labels": sorted(script.branch_labels),
        "is_head": script.is_head,
        "path": script.path,
    }


def as_json(found: object) -> str:
    """Return a report as it is printed."""
    return json.dumps(found, indent=2, ensure_ascii=False)
