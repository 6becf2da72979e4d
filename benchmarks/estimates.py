"""Estimate how long others would wait for each of the twelve changes, and make it.

Usage: python benchmarks/estimates.py [--help]

A table gets the twelve changes of benchmarks/live.py, one behind the other, by drafts
that are for a project in use (`--live`) or not. Before each, `lint --estimate` is
asked; behind it, the database has noted how long the revisions took. A change that the
server cannot do while others write is said to be refused, and left out.

It needs `pip install --group dev`, TEST_POSTGRESQL_URL and TEST_MARIADB_URL.
"""

import argparse
import json
import re
import shutil
from collections.abc import Iterator
from dataclasses import replace
from math import sqrt
from pathlib import Path
from tempfile import TemporaryDirectory

import sqlalchemy as sa
from live_changes import CHANGES
from live_project import SERVERS, Project, Server, make

TWELVE = [*CHANGES][:12]
RAN = sa.text(
    "SELECT sum(seconds) FROM alembic_version_history WHERE revision IN :ids"
).bindparams(sa.bindparam("ids", expanding=True))

REFUSED = "cannot do this while others write to the table"
"""How the library says that a server has no way that stops nobody."""


def main() -> None:
    """Print a table for each server."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--rows", type=int, default=1_000_000)
    parser.add_argument("--server", action="append", choices=SERVERS)
    parser.add_argument("--live", action="store_true", help="by drafts of a live one")
    options = parser.parse_args()
    for kind in options.server or SERVERS:
        print(f"\n### {kind}, {options.rows:,} rows\n")
        print("| | said | took | took / said |\n|---|---|---|---|")
        with TemporaryDirectory() as folder:
            for row in _rows(kind, options.rows, Path(folder), live=options.live):
                print(row, flush=True)


def _rows(kind: str, rows: int, folder: Path, *, live: bool) -> Iterator[str]:
    with Server(kind, rows, folder) as server:
        project = make(folder / "project", server.url, ours=True, live=live)
        versions = project.folder / "migrations" / "versions"
        shutil.copy(server.first, versions / "1_first.py")
        done: dict[str, str | None] = {}
        before, arguments, engine = "1", "", sa.create_engine(server.url)
        for name in TWELVE:
            change = CHANGES[name]
            columns = done | change.columns
            more = ", ".join(filter(None, (arguments, change.arguments)))
            paths = project.draft(replace(change, columns=columns, arguments=more))
            said = _said(project, before)
            estimate = f"{said:.2f} s" if said else "an instant"
            ids = [path.name.partition("_")[0] for path in paths]
            try:
                project.alembic("upgrade", "head")
            except RuntimeError as error:
                if REFUSED not in str(error):
                    raise
                project.alembic("stamp", before)  # it has noted that it began
                for path in paths:
                    path.unlink()
                yield f"| {change.title} | {estimate} | refused | |"
                continue
            done, arguments, before = columns, more, ids[-1]
            with engine.connect() as connection:
                took = float(connection.scalar(RAN, {"ids": ids}) or 0)
            ratio = f"{took / said:.2f}" if said else ""
            yield f"| {change.title} | {estimate} | {took:.2f} s | {ratio} |"
        engine.dispose()


def _said(project: Project, before: str) -> float:
    """Return the seconds that an estimate names for what follows; 0 where it has none.

    :param before: the last revision that ran.
    """
    words = ("lint", f"{before}:head", "--estimate", "--json")
    shown, _ = project.start(*words, module="alembic_lossless").communicate()
    every = json.loads(shown[shown.index("[") :])
    return sum(
        sqrt(float(least) * float(most))
        for it in every
        for least, most in re.findall(r"about ([\d.]+) to ([\d.]+) s", it["estimate"])
    )


if __name__ == "__main__":
    main()
