"""Make the project's environment and its first revision, and say what to type next.

Cookiecutter renders this file and runs it in the new project. What fails here leaves
the project whole, with a copy of this file in it that finishes the job.
"""

import hashlib
import importlib
import importlib.util
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import textwrap
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

# Parsed as data: no quote, backslash or emoji of an answer can become Python.
ANSWERS = json.loads(r"""{{ cookiecutter | tojson }}""")
PROGRAM = ANSWERS["program_name"]

FINISH = "finish_setup.py"
SELF = Path(__file__).resolve()
PROJECT = SELF.parent if SELF.name == FINISH else Path.cwd()
VERSIONS = PROJECT / PROGRAM / "migrations" / "versions"
BIN = ".venv\\Scripts\\" if sys.platform == "win32" else ".venv/bin/"

LOWEST = (3, 11)
"""The oldest Python that a project runs on; cookiecutter itself runs on older ones."""

NOT_OURS = ("PYTHONHOME", "PYTHONPATH", "UV_PROJECT_ENVIRONMENT", "VIRTUAL_ENV")
"""Variables that would lead a command to another environment than the project's."""

EXISTING = "existing database: "
"""How a process says that a SQLite file of the project's is there, and its variable."""

SERVER_URL = re.compile(r"(?m)^#(\w+DATABASE_URL)=(?!sqlite)(.+)$")
"""A line of `.env.example` for a database on a server."""


TELLING = re.compile(
    r"\b(error|ERROR|cause): (?!subprocess-|metadata-)|(Error|Exception|Detected): "
)
"""A line that says why a command failed; pip's own two summaries do not."""

UNREACHED = re.compile(r"(?i)no matching distribution|failed to fetch|not found in the")


class StepError(Exception):
    """A step failed; the text says which and why, in a line or two."""


def main() -> None:
    """Take the steps; when one fails, keep the project and say how to finish."""
    sys.stdout.reconfigure(errors="replace")  # type: ignore[union-attr]
    kind = os.environ.get("FLASK_ALEMBIC_TEMPLATE_ENVIRONMENT") or "venv"
    if is_template_update():
        print("Template update: .venv, uv.lock and the revisions stay as they are.")
        return
    print(f"Setting up {PROJECT}", flush=True)
    output = ""
    try:
        if kind != "none":
            python = sys.executable if kind == "current" else make_venv()
            output = make_first_revision(python)
    except (StepError, KeyboardInterrupt) as problem:
        leave_the_rest(str(problem) or "Stopped by Ctrl-C.")
    else:
        (PROJECT / FINISH).unlink(missing_ok=True)
        print("\nNext:", *next_commands(kind), sep="\n  ", flush=True)
        for note in database_notes(output):
            print(f"\n{note}", flush=True)


def is_template_update() -> bool:
    """Tell whether cruft renders the project into a folder that it will throw away.

    `[tool.cruft] skip` leaves out what this hook makes, so that it makes nothing there.
    Only cookiecutter itself says where the project goes; cruft's own folders are
    those of Python's `tempfile`.
    """
    folder = PROJECT.resolve().parent
    temporary = folder.parent == Path(tempfile.gettempdir()).resolve()
    return (
        "_output_dir" not in ANSWERS
        and temporary
        and re.fullmatch(r"tmp[a-z0-9_]{8}", folder.name) is not None
    )


def make_venv() -> str:
    """Make `.venv` with uv or else with venv and pip, and return its interpreter.

    :raises StepError: when it cannot be made; nothing of a new one is left then.
    """
    new = not (PROJECT / ".venv").exists()
    try:
        uv = find_uv()
        if uv:
            run_step("environment (uv sync)", [uv, "sync"])
        else:
            need_venv_module()
            run_step("environment (venv)", [sys.executable, "-m", "venv", ".venv"])
            pip = [str(PROJECT / f"{BIN}python"), "-m", "pip", "install", "--no-input"]
            run_step("packages (pip install)", [*pip, "--editable", ".[dev]"])
    except BaseException:
        if new:
            shutil.rmtree(PROJECT / ".venv", ignore_errors=True)
        raise
    return str(PROJECT / f"{BIN}python")


def find_uv() -> str | None:
    """Return the uv that runs cookiecutter, which it names in UV, or that on PATH."""
    return shutil.which(os.environ.get("UV") or "uv") or shutil.which("uv")


def need_venv_module() -> None:
    """Stop early where Debian's Python comes without venv, or Python is too old.

    :raises StepError: with what to install.
    """
    if sys.version_info < LOWEST:
        here, needed = (".".join(map(str, v[:2])) for v in (sys.version_info, LOWEST))
        raise StepError(
            f"The project needs Python {needed}, this is {here}: uv has one."
        )
    if not (importlib.util.find_spec("venv") and importlib.util.find_spec("ensurepip")):
        raise StepError(
            "This Python has no venv module. Install it (Debian and Ubuntu:"
            " apt install python3-venv), or install uv."
        )


def make_first_revision(python: str) -> str:
    """Let the project's own Alembic draft, apply and check the first revision.

    A project that has revisions keeps them: another first one would be a second root.

    :param python: an interpreter that has what the project depends on.
    :return: what the process that made it printed.
    :raises StepError: when the draft does not work; it is not left behind then.
    """
    if any(VERSIONS.glob("*.py")):
        print("  first revision: there are revisions already, none added")
        return ""
    try:
        return run_step("first revision", [python, str(SELF), "first-revision"])
    except BaseException:
        for draft in VERSIONS.glob("*.py"):
            draft.unlink()
        raise


def first_revision() -> None:
    """Draft, apply and check, in one process, on databases that are thrown away.

    Runs in the project's own interpreter. No clock and no chance is in the result: a
    project that is made again gets the same file.
    """
    from alembic import command  # noqa: PLC0415  cookiecutter's Python has no Alembic

    sys.path.insert(0, str(PROJECT))
    settings = importlib.import_module(f"{PROGRAM}.settings")
    databases = importlib.import_module(f"{PROGRAM}.engines").metadatas
    config = importlib.import_module(f"{PROGRAM}.migrations").migrations.config()
    config.set_main_option("file_template", "0001_%%(rev)s_%%(slug)s")
    revision = hashlib.sha256(PROGRAM.encode()).hexdigest()[:12]
    for name in databases:
        print_existing(settings, name)
    with tempfile.TemporaryDirectory() as folder:
        for name in databases:
            url = f"sqlite:///{Path(folder, name).as_posix()}.db"
            os.environ[settings.url_variable(name)] = url
        command.revision(config, "first tables", autogenerate=True, rev_id=revision)
        command.upgrade(config, "head")
        command.check(config)


def print_existing(settings: Any, name: str) -> None:
    """Say which SQLite file is there already, and which variable names another."""
    try:
        url = settings.database_url(name, make_folder=False)
    except ValueError:  # a variable that cannot be used; the first command says why
        return
    if url.get_backend_name() == "sqlite" and Path(url.database or "").is_file():
        print(f"{EXISTING}{settings.url_variable(name)}={url.database}")


def run_step(label: str, command: Sequence[str]) -> str:
    """Run a command in the project, and show its label and its time while it works.

    :return: what it printed.
    :raises StepError: when it fails, with the cause from its output.
    """
    environment = {k: v for k, v in os.environ.items() if k not in NOT_OURS}
    start = time.monotonic()
    print(f"  {label:25}", end="", flush=True)
    try:
        process = subprocess.Popen(
            command,
            cwd=PROJECT,
            env={**environment, "NO_COLOR": "1", "PYTHONDONTWRITEBYTECODE": "1"},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        output = follow(process, label, start)
    except OSError as error:
        raise StepError(f"{label} failed: {error}") from None
    finally:
        print(f"{time.monotonic() - start:6.1f} s", flush=True)
    if process.returncode:
        raise StepError(f"{label} failed: {cause(output)}")
    return output


def follow(process: "subprocess.Popen[bytes]", label: str, start: float) -> str:
    """Wait for a command and return its output; count the seconds on a terminal."""
    try:
        while True:
            try:
                return process.communicate(timeout=0.5)[0].decode(errors="replace")
            except subprocess.TimeoutExpired:
                if sys.stdout.isatty():
                    seconds = f"{time.monotonic() - start:6.1f} s"
                    print(f"\r  {label:25}{seconds}\r  {label:25}", end="", flush=True)
    except BaseException:
        process.kill()
        raise


def cause(output: str) -> str:
    """Return the last lines of a command's output that say why it failed, as one."""
    lines = [line.strip(" │╰─>") for line in output.splitlines()]
    telling = [number for number, line in enumerate(lines) if TELLING.search(line)]
    text = ""
    for line in lines[telling[-1] :][:3] if telling else lines[-3:]:
        if text and (not line or line.startswith(("[", "note:", "hint:"))):
            break
        text = f"{text} {line}".strip()
    # Alembic's own messages say what is wrong without the name of a class.
    text = text.removeprefix("alembic.util.exc.CommandError: ")
    hint = " (is the package index reachable?)" if UNREACHED.search(output) else ""
    return f"{textwrap.shorten(text.removeprefix('cause: '), 200)}{hint}"


def leave_the_rest(problem: str) -> None:
    """Say what is missing and the one command that makes it, and end."""
    if os.environ.get("FLASK_ALEMBIC_TEMPLATE_STRICT") == "1":
        sys.exit(problem)
    if SELF.name != FINISH:
        shutil.copyfile(SELF, PROJECT / FINISH)
    print(f"\n{problem}\nThe project is kept; this finishes it:")
    print(*(f"  {line}" for line in finish_commands()), sep="\n", flush=True)
    sys.exit(1 if SELF.name == FINISH else 0)


def finish_commands() -> list[str]:
    """Return what to type to run the copy of this file in the project."""
    script = str(PROJECT / FINISH)
    uv = find_uv()
    if uv:
        return [join([uv_name(uv), "run", "--no-project", script])]
    if sys.version_info >= LOWEST:
        return [join([python_name(), script])]
    if not importlib.util.find_spec("pip"):
        return [join(["pipx", "run", "uv", "run", "--no-project", script])]
    python = [sys.executable, "-m"]
    return [
        join([*python, "pip", "install", "uv"]),
        join([*python, "uv", "run", "--no-project", script]),
    ]


def python_name() -> str:
    """Return the shortest name of this interpreter."""
    for name in ("python3", "python"):
        found = shutil.which(name)
        if found and Path(found).samefile(sys.executable):
            return name
    return sys.executable


def uv_name(uv: str) -> str:
    """Return the shortest name of a uv."""
    return "uv" if shutil.which("uv") else uv


def next_commands(kind: str) -> list[str]:
    """Return what to type next: into the project, its tables, the app, its tests.

    :param kind: `venv`, `current` or `none`, whose environment is yet to be made.
    """
    # uv run puts the folder into PATH, and a shell reads pip's own scripts, so that a
    # colon stops the one and a dollar sign the others.
    uv = shutil.which("uv") and os.pathsep not in str(PROJECT)
    before = "" if kind == "current" else "uv run " if uv else f"{BIN}python -m "
    lines = [join(["cd", folder_from_here()])]
    if not in_repository():
        lines.append("git init")
    if kind == "none":
        before = "uv run " if uv else ""
        lines.append("uv sync" if uv else 'python -m pip install -e ".[dev]"')
        lines.append(f'{before}flask db migrate -m "first tables"')
    commands = ("flask db upgrade", "flask db status", "flask run", "pytest")
    return lines + [before + command for command in commands]


def folder_from_here() -> str:
    """Return how the shell that runs cookiecutter calls the project's folder."""
    # PWD is where the shell is; cookiecutter itself is in the template by now.
    shell = Path(os.environ.get("PWD", os.sep))
    if not PROJECT.is_relative_to(shell) or shell == PROJECT:
        return str(PROJECT)
    below = str(PROJECT.relative_to(shell))
    return f".{os.sep}{below}" if below.startswith("-") else below


def in_repository() -> bool:
    """Tell whether a Git repository holds the project, or there is no Git."""
    around = any((folder / ".git").exists() for folder in (PROJECT, *PROJECT.parents))
    return around or not shutil.which("git")


def database_notes(output: str) -> Iterator[str]:
    """Yield what to know of the databases before their tables are made.

    :param output: what the process printed that made the first revision.
    """
    example = PROJECT / ".env.example"
    servers = SERVER_URL.findall(example.read_text("utf-8") if example.exists() else "")
    unset = [f"  {name}={url}" for name, url in servers if name not in os.environ]
    if unset:
        yield "\n".join(["Until .env has your server, SQLite is used:", *unset])
    for line in output.splitlines():
        if line.startswith(EXISTING):
            name, _, path = line.removeprefix(EXISTING).partition("=")
            own = f"{name}=sqlite:///{Path(path).name}"
            yield (
                f"{path} is there already: another project of this name may use it.\n"
                f"To have one of your own, write in .env:\n  {own}"
            )


def join(words: Sequence[str]) -> str:
    """Return a command as it is typed here, with what holds spaces in quotes."""
    windows = sys.platform == "win32"
    return subprocess.list2cmdline(words) if windows else shlex.join(words)


if __name__ == "__main__":
    first_revision() if sys.argv[1:] == ["first-revision"] else main()
