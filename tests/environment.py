"""A project with migrations that is made by hand, and its commands in this process.

It has models, a description of itself and an env.py, and nothing else: no app, no
Flask, no template. Its files are real: a test edits models as their author would.
"""

import importlib
import logging
import os
import shlex
import subprocess
import sys
import traceback
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager, redirect_stderr, redirect_stdout
from dataclasses import dataclass, field
from functools import cache, partial
from io import StringIO
from pathlib import Path
from unittest.mock import patch
from warnings import catch_warnings, simplefilter

from alembic.config import CommandLine, Config
from alembic_lossless import Migrations, cli
from rendering import TEMPLATE, Project, warm_process

LIBRARY = TEMPLATE / "{{cookiecutter.program_name}}"
FILES = Path(__file__).parent / "library" / "files"
"""The files of a project; `several` replaces some where there are two databases."""


@dataclass
class Environment(Project):
    """A project whose `alembic` runs in this process, which saves its start."""

    path: Path
    environment: dict[str, str] = field(default_factory=dict)

    def alembic(
        self, *arguments: str, status: int | None = 0
    ) -> subprocess.CompletedProcess[str]:
        """Run Alembic in the project.

        :param arguments: for example `"upgrade", "head"`.
        :param status: the exit status to insist on; None takes any.
        """
        return self._inside("alembic", arguments, status)

    def run(
        self,
        *command: str,
        cwd: Path | None = None,
        status: int | None = 0,
        typed: str | None = None,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command; `flask db` stands for the library's own command line."""
        if command[:2] == ("flask", "db"):
            return self._inside("flask db", command[2:], status)
        if command[0] == "alembic":
            return self._inside("alembic", command[1:], status)
        return super().run(*command, cwd=cwd, status=status, typed=typed)

    def commands(self, *commands: str) -> str:
        """Run Alembic commands one after the other; return their standard error."""
        return "".join(self.alembic(*shlex.split(it)).stderr for it in commands)

    def at_once(
        self, *command: str, number: int = 8
    ) -> list[subprocess.CompletedProcess[str]]:
        """Run a command in several processes at the same moment, and wait for all."""
        run = partial(super().run, *command, status=None)
        warm_process()  # one for all of them
        with ThreadPoolExecutor(number) as pool:
            running = [pool.submit(run) for _ in range(number)]
        return [each.result() for each in running]

    def program(self, code: str) -> str:
        """Run a program of the owner's in this process; return all that it prints."""
        with self._imported(), self._captured() as (out, err):
            exec(compile(code, "program.py", "exec"), {"__name__": "__main__"})  # noqa: S102
        return out.getvalue() + err.getvalue()

    @contextmanager
    def migrations(self) -> Iterator[Migrations]:
        """Give the migrations of the project, for its own database."""
        with self._imported():
            module = importlib.import_module(f"{self.name}.migrations")
            yield module.migrations

    def _variables(self) -> dict[str, str]:
        paths = [str(self.path), str(LIBRARY)]
        return {**super()._variables(), "PYTHONPATH": os.pathsep.join(paths)}

    def _inside(
        self, program: str, arguments: tuple[str, ...], status: int | None
    ) -> subprocess.CompletedProcess[str]:
        with self._imported(), self._captured() as (out, err):
            sys.argv[:] = [*program.split(), *arguments]
            code = _status_of(self.name, program, arguments)
        done = subprocess.CompletedProcess(
            arguments, code, out.getvalue(), err.getvalue()
        )
        if status is not None:
            assert code == status, f"{arguments}\n{done.stdout}{done.stderr}"
        return done

    @contextmanager
    def _imported(self) -> Iterator[None]:
        """Let the package be imported from its files as they are now, and forget it."""
        before = Path.cwd(), dict(os.environ), list(sys.path), list(sys.argv)
        os.environ.update(self.environment)
        os.chdir(self.path)
        sys.path.insert(0, str(self.path))
        importlib.invalidate_caches()
        try:
            with catch_warnings():
                simplefilter("error")  # as a generated project's own tests have it
                yield
        finally:
            _forget(self.name)
            sys.path[:], sys.argv[:] = before[2], before[3]
            os.environ.clear()
            os.environ.update(before[1])
            os.chdir(before[0])

    @contextmanager
    def _captured(self) -> Iterator[tuple[StringIO, StringIO]]:
        """Catch what a command prints, and undo what alembic.ini does to logging."""
        root, out, err = logging.getLogger(), StringIO(), StringIO()
        handlers, level = list(root.handlers), root.level
        try:
            with redirect_stdout(out), redirect_stderr(err):
                yield out, err
        finally:
            root.handlers[:] = handlers
            root.setLevel(level)


def make(folder: Path, *, several: bool = False) -> Environment:
    """Make a project with tables and no revision.

    :param folder: where its folder goes.
    :param several: whether it has two databases, `default` and `auth`.
    """
    path = folder / "friend_book"
    for kind in ("one", "several") if several else ("one",):
        for file in (FILES / kind).rglob("*"):
            if file.is_file():
                target = path / file.relative_to(FILES / kind)
                target.parent.mkdir(parents=True, exist_ok=True)
                target.write_text(file.read_text())
    (path / "friend_book" / "migrations" / "versions").mkdir()
    return Environment(path, {"HOME": str(folder), "XDG_DATA_HOME": str(folder)})


def _status_of(package: str, program: str, arguments: tuple[str, ...]) -> int:
    """Run a command line, and return its exit status as a shell has it."""
    try:
        if program == "alembic":
            line = _command_line()
            options = line.parser.parse_args(arguments)
            # Alembic's own `main` prints to what was standard output at its import.
            config = Config("alembic.ini", stdout=sys.stdout, cmd_opts=options)
            line.run_cmd(config, options)
        else:
            module = importlib.import_module(f"{package}.migrations")
            with patch.object(cli, "CommandLine", _lossless_line):
                cli.run(module.migrations, arguments, program)
    except SystemExit as end:
        return int(end.code or 0) & 0xFF
    except Exception:  # noqa: BLE001  the interpreter, too, prints it and exits with 1
        traceback.print_exc()
        return 1
    return 0


@cache
def _command_line() -> CommandLine:
    """Return Alembic's command line, whose parser takes long to make."""
    return CommandLine("alembic")


_lossless_line = cache(cli.CommandLine)
"""Likewise the library's own."""


def _forget(package: str) -> None:
    for name in [*sys.modules]:
        if name == package or name.startswith(f"{package}."):
            del sys.modules[name]
