"""Run Alembic, Flask and Pytest in forks of a process that has imported packages.

Most of the time of a command goes into these imports. What runs is a process all the
same, with its own variables, folder and output, and imports the project by itself.
"""

import gc
import json
import os
import select
import socket
import subprocess
import sys
from collections.abc import Mapping, Sequence
from contextlib import ExitStack, suppress
from importlib import import_module
from pathlib import Path
from runpy import run_module
from tempfile import TemporaryDirectory, TemporaryFile
from types import ModuleType
from typing import IO, Any

from compiled import compiled_folder, share
from kept import read_certificates_once

PACKAGES = (
    "alembic.config",
    "dotenv",
    "flask.cli",
    "flask_sqlalchemy",
    "flask_sqlalchemy_lite",
    "marshmallow",
    "platformdirs",
    "psycopg",
    "pymysql",
    "pytest",
    "pythonjsonlogger",
    "secure",
    "sqlalchemy.dialects.mysql.pymysql",
    "sqlalchemy.dialects.postgresql.psycopg",
    "sqlalchemy.dialects.sqlite.pysqlite",
    "sqlalchemy.orm",
    "sqlite3",
)
"""What the projects and their commands import, and nothing that is in a project."""

SELDOM = (100_000, 20, 50)
"""When garbage is collected: by default it is for each 700 objects more, which takes a
sixth of the time of a command."""

PROGRAMS = {"alembic": "alembic.config", "flask": "flask.cli"}
"""The programs, and where their `main` is."""


def read_at_start(env: Mapping[str, str]) -> dict[str, str]:
    """Return the variables that tell an interpreter how to start, and which one."""
    kinds = ("PATH", "PYTHON", "LANG", "LC_", "TZ")
    ours = {name: value for name, value in env.items() if name.startswith(kinds)}
    ours.pop("PYTHONPATH", None)  # a fork obeys it
    return ours


class Warm:
    """The process that has imported, as the tests use it."""

    def __init__(self, env: Mapping[str, str]) -> None:
        """Start it; it ends with this process, or when it is stopped.

        :param env: the variables of commands, which a fork cannot have otherwise where
            an interpreter reads them when it starts.
        """
        self._started = read_at_start(env)
        self._folder = TemporaryDirectory()
        self._address = str(Path(self._folder.name, "socket"))
        with socket.socket(socket.AF_UNIX) as listening:
            listening.bind(self._address)
            listening.listen()
            number = listening.fileno()
            self._process = subprocess.Popen(
                [sys.executable, __file__, str(number)],
                env={key: env[key] for key in env if key != "PYTHONPATH"},
                stdin=subprocess.PIPE,
                pass_fds=[number],
            )

    def suits(self, env: Mapping[str, str]) -> bool:
        """Tell whether a fork starts as an interpreter with these variables would."""
        return read_at_start(env) == self._started

    def stop(self) -> None:
        """End it."""
        self._process.communicate()
        self._folder.cleanup()

    def run(
        self,
        command: Sequence[str],
        *,
        cwd: Path,
        env: Mapping[str, str],
        typed: str,
        timeout: float,
    ) -> subprocess.CompletedProcess[str]:
        """Run a command as `subprocess.run` does; see there for what is not said here.

        :param typed: the standard input.
        """
        said = json.dumps({"command": command, "cwd": str(cwd), "env": dict(env)})
        with ExitStack() as stack:
            files = [stack.enter_context(TemporaryFile("w+")) for _ in range(3)]
            files[0].write(typed)
            files[0].seek(0)
            here = stack.enter_context(socket.socket(socket.AF_UNIX))
            here.settimeout(timeout)
            here.connect(self._address)
            socket.send_fds(here, [b"."], [file.fileno() for file in files])
            here.sendall(said.encode())
            here.shutdown(socket.SHUT_WR)
            status = int(here.makefile().read())
            return subprocess.CompletedProcess(
                command, status, *(_all_of(file) for file in files[1:])
            )


def _all_of(file: IO[str]) -> str:
    file.seek(0)
    return file.read()


def next_command(listening: socket.socket) -> dict[str, Any]:
    """Wait for commands, and return each of them in a process of its own."""
    while True:
        ready, _, _ = select.select([listening, sys.stdin], [], [])
        if sys.stdin in ready:
            sys.exit()
        asked, _ = listening.accept()
        if os.fork() == 0:
            break
        asked.close()
        with suppress(ChildProcessError):
            while os.waitpid(-1, os.WNOHANG) != (0, 0):
                pass
    _, files, _, _ = socket.recv_fds(asked, 1, 3)
    request: dict[str, Any] = json.loads(asked.makefile().read())
    if child := os.fork():
        _, status = os.waitpid(child, 0)
        asked.sendall(str(os.waitstatus_to_exitcode(status)).encode())
        os._exit(0)
    asked.close()
    listening.close()
    for number, file in enumerate(files):
        os.dup2(file, number)
        os.close(file)
    return request


def run(command: list[str], cwd: str, env: dict[str, str]) -> None:
    """Run a command as a new interpreter would."""
    os.chdir(cwd)
    os.environ.clear()
    os.environ.update(env)
    beside = Path(sys.executable).parent
    sys.path[1:1] = filter(None, env.get("PYTHONPATH", "").split(os.pathsep))
    match command:
        case ["python", "-m", module, *rest]:
            sys.path[0] = cwd
            sys.argv[:] = [module, *rest]
            run_module(module, run_name="__main__", alter_sys=True)
        case ["python", "-c", code, *rest]:
            sys.path[0] = ""
            sys.argv[:] = ["-c", *rest]
            main = sys.modules["__main__"] = ModuleType("__main__")
            exec(code, main.__dict__)  # noqa: S102  the test's own
        case [program, *rest]:
            sys.path[0] = str(beside)
            sys.argv[:] = [str(beside / program), *rest]
            sys.exit(import_module(PROGRAMS[program]).main())


if __name__ == "__main__":
    for package in PACKAGES:
        import_module(package)
    share(compiled_folder())
    read_certificates_once()
    gc.freeze()
    gc.set_threshold(*SELDOM)
    run(**next_command(socket.socket(fileno=int(sys.argv[1]))))
