"""Make the project's environment and its first revision, and say what to type next.

Cookiecutter runs this in the new project. What fails here leaves the project whole,
with a copy of this file in it that finishes the job.
"""

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
from contextlib import suppress
from hashlib import sha256
from importlib import import_module
from pathlib import Path
from typing import Any

# Parsed as data: no quote, backslash or emoji of an answer can become Python.
ANSWERS = json.loads(r"""{{ cookiecutter | tojson }}""")
PROGRAM, FINISH, SELF = ANSWERS["program_name"], "finish_setup.py", Path(__file__)
PROJECT = SELF.resolve().parent if SELF.name == FINISH else Path.cwd()
VERSIONS = PROJECT / PROGRAM / "migrations" / "versions"
BIN = ".venv\\Scripts\\" if sys.platform == "win32" else ".venv/bin/"
JOIN = subprocess.list2cmdline if sys.platform == "win32" else shlex.join
UV = shutil.which(os.environ.get("UV") or "uv") or shutil.which("uv")
LOWEST = (3, 11)  # of a project; cookiecutter itself runs on older Pythons
# Variables that would lead a command to another environment than the project's.
NOT_OURS = ("PYTHONHOME", "PYTHONPATH", "UV_PROJECT_ENVIRONMENT", "VIRTUAL_ENV")
# The line of an output that says why a command failed, and what goes on from there.
CAUSE = re.compile(
    r"^.*(?:\b(?:error|ERROR|cause): (?!subprocess-|metadata-)|(?:Error|Exception): )"
    r".*(?:\n(?!\s*$|\[|note:|hint:).*){0,2}",
    re.MULTILINE,
)
UNREACHED = re.compile(r"(?i)no matching distribution|failed to fetch|not found in the")
URL = re.compile(r"(?m)^#(\w+DATABASE_URL)=(?!sqlite)(.+)$")
NOTES = "What to know:"


def main() -> None:
    """Take the steps; when one fails, keep the project and say how to finish."""
    sys.stdout.reconfigure(errors="replace", write_through=True)  # type: ignore[union-attr]
    kind = os.environ.get("FLASK_ALEMBIC_TEMPLATE_ENVIRONMENT") or "venv"
    if is_template_update():
        print("Template update: .venv, uv.lock and the revisions stay as they are.")
        return
    print(f"Setting up {PROJECT}")
    try:
        python = make_venv() if kind == "venv" else sys.executable
        notes = "" if kind == "none" else make_first_revision(python)
    except (RuntimeError, KeyboardInterrupt) as problem:
        leave_the_rest(str(problem) or "Stopped by Ctrl-C.")
    else:
        (PROJECT / FINISH).unlink(missing_ok=True)
        print("\nNext:", *next_commands(kind), sep="\n  ")
        print(*server_note(), notes, sep="", end="")


def is_template_update() -> bool:
    """Tell whether cruft renders the project into a folder that it will throw away."""
    # Only cookiecutter says where the project goes; cruft's folders are tempfile's.
    above = PROJECT.resolve().parent
    temporary = above.parent == Path(tempfile.gettempdir()).resolve()
    thrown_away = temporary and re.fullmatch("tmp[a-z0-9_]{8}", above.name)
    return bool("_output_dir" not in ANSWERS and thrown_away)


def make_venv() -> str:
    """Make `.venv` with uv or else with venv and pip, and return its interpreter."""
    new, python = not (PROJECT / ".venv").exists(), str(PROJECT / f"{BIN}python")
    try:
        if UV:  # the one that runs cookiecutter, or that on PATH
            run_step("environment (uv sync)", [UV, "sync"])
            return python
        need_venv_module()
        run_step("environment (venv)", [sys.executable, "-m", "venv", ".venv"])
        pip = [python, "-m", "pip", "install", "--no-input", "--editable", ".[dev]"]
        run_step("packages (pip install)", pip)
    except BaseException:
        if new:
            shutil.rmtree(PROJECT / ".venv", ignore_errors=True)
        raise
    return python


def need_venv_module() -> None:
    """Stop where Python is too old, or Debian's comes without venv."""
    if sys.version_info < LOWEST:
        here, needed = (f"{v[0]}.{v[1]}" for v in (sys.version_info, LOWEST))
        raise RuntimeError(
            f"The project needs Python {needed}, this is {here}: uv has one."
        )
    if not all(map(importlib.util.find_spec, ("venv", "ensurepip"))):
        raise RuntimeError(
            "This Python has no venv module. Install it (Debian and Ubuntu:"
            " apt install python3-venv), or install uv."
        )


def make_first_revision(python: str) -> str:
    """Let the project's own Alembic make the first revision; return what to know."""
    if any(VERSIONS.glob("*.py")):  # another first one would be a second root
        print("  first revision: there are revisions already, none added")
        return ""
    try:
        step = [python, str(SELF.resolve()), "first-revision"]
        return run_step("first revision", step).partition(NOTES)[2]
    except BaseException:  # what does not work is not left behind
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
    settings = import_module(f"{PROGRAM}.settings")
    config = import_module(f"{PROGRAM}.migrations").migrations.config()
    config.set_main_option("file_template", "0001_%%(rev)s_%%(slug)s")
    revision, notes = sha256(PROGRAM.encode()).hexdigest()[:12], ""
    with tempfile.TemporaryDirectory() as folder:
        for name in import_module(f"{PROGRAM}.engines").metadatas:
            variable = settings.url_variable(name)
            with suppress(ValueError):  # of a variable; the first command says why
                notes += file_note(variable, settings.database_url(name))
            os.environ[variable] = f"sqlite:///{Path(folder, name).as_posix()}.db"
        command.revision(config, "first tables", autogenerate=True, rev_id=revision)
        command.upgrade(config, "head")
        command.check(config)
    print(NOTES, notes, sep="", end="")


def file_note(variable: str, url: Any) -> str:
    """Say that a SQLite file is there already, and how not to share it."""
    path = Path(url.database or "")
    if url.get_backend_name() != "sqlite" or not path.is_file():
        return ""
    return f"""
{path} is there already: another project of this name may use it.
To have one of your own, write in .env:
  {variable}=sqlite:///{path.name}
"""


def run_step(label: str, command: Sequence[str]) -> str:
    """Run a command in the project, show label and seconds, and return its output."""
    env = {name: it for name, it in os.environ.items() if name not in NOT_OURS}
    env |= {"NO_COLOR": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    start, line = time.monotonic(), f"  {label:25}"
    print(line, end="")
    with tempfile.TemporaryFile("w+", errors="replace") as output:
        try:
            with subprocess.Popen(
                command,
                cwd=PROJECT,
                env=env,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
            ) as process:
                while process.poll() is None:
                    time.sleep(0.05)
                    if sys.stdout.isatty():
                        print(f"\r{line}{time.monotonic() - start:6.1f} s", end="")
        except OSError as error:
            raise RuntimeError(f"{label} failed: {error}") from None
        finally:
            print(f"{time.monotonic() - start:6.1f} s" * (not sys.stdout.isatty()))
        output.seek(0)
        text = output.read()
    if process.returncode:
        raise RuntimeError(f"{label} failed: {cause(text)}")
    return text


def cause(output: str) -> str:
    """Return the lines of a command's output that say why it failed, as one."""
    found = CAUSE.findall(output) or ["\n".join(output.splitlines()[-3:])]
    text = " ".join(line.strip(" │╰─>") for line in found[-1].splitlines())
    # Alembic's own messages say what is wrong without the name of a class.
    text = text.removeprefix("alembic.util.exc.CommandError: ").removeprefix("cause: ")
    hint = " (is the package index reachable?)" if UNREACHED.search(output) else ""
    return f"{textwrap.shorten(text, 200)}{hint}"


def leave_the_rest(problem: str) -> None:
    """Say what is missing and the one command that makes it, and end."""
    if os.environ.get("FLASK_ALEMBIC_TEMPLATE_STRICT") == "1":
        sys.exit(problem)
    if SELF.name != FINISH:
        shutil.copyfile(SELF, PROJECT / FINISH)
    print(f"\n{problem}\nThe project is kept; this finishes it:")
    print(*(f"  {JOIN(words)}" for words in finish_commands()), sep="\n")
    sys.exit(1 if SELF.name == FINISH else 0)


def finish_commands() -> list[list[str]]:
    """Return what to type to run the copy of this file in the project."""
    run, here = ["uv", "run", "--no-project", str(PROJECT / FINISH)], sys.executable
    if UV:
        return [["uv" if shutil.which("uv") else UV, *run[1:]]]
    if sys.version_info >= LOWEST:
        found = {name: shutil.which(name) for name in ("python3", "python")}
        same = [name for name, it in found.items() if it and Path(it).samefile(here)]
        return [[*same, here][:1] + run[-1:]]
    if not importlib.util.find_spec("pip"):
        return [["pipx", "run", *run]]
    return [[here, "-m", "pip", "install", "uv"], [here, "-m", *run]]


def next_commands(kind: str) -> list[str]:
    """Return what to type next: into the project, its tables, the app, its tests.

    :param kind: `venv`, `current` or `none`, whose environment is yet to be made.
    """
    # uv run puts the folder into PATH, and a shell reads pip's own scripts, so that a
    # colon stops the one and a dollar sign the others.
    uv = shutil.which("uv") and os.pathsep not in str(PROJECT)
    before = "" if kind == "current" else "uv run " if uv else f"{BIN}python -m "
    # PWD is where the shell is; cookiecutter itself is in the template by now.
    shell, folder = Path(os.environ.get("PWD", os.sep)), str(PROJECT)
    if PROJECT.is_relative_to(shell) and shell != PROJECT:
        folder = re.sub("^-", f".{os.sep}-", str(PROJECT.relative_to(shell)))
    lines = [JOIN(["cd", folder])]
    around = any((folder / ".git").exists() for folder in (PROJECT, *PROJECT.parents))
    if shutil.which("git") and not around:
        lines.append("git init")
    if kind == "none":
        before = "uv run " if uv else ""
        lines.append("uv sync" if uv else 'python -m pip install -e ".[dev]"')
        lines.append(f'{before}flask db migrate -m "first tables"')
    commands = ("flask db upgrade", "flask db status", "flask run", "pytest")
    return lines + [before + command for command in commands]


def server_note() -> Iterator[str]:
    """Say which variables are to name a server."""
    example = PROJECT / ".env.example"
    servers = URL.findall(example.read_text("utf-8") if example.exists() else "")
    if unset := [
        f"  {name}={url}\n" for name, url in servers if name not in os.environ
    ]:
        yield "\nUntil .env has your server, SQLite is used:\n" + "".join(unset)


if __name__ == "__main__":
    if sys.argv[1:] == ["first-revision"]:
        first_revision()
        sys.exit()
    try:
        main()
    finally:
        if ANSWERS["library"] == "dependency":
            shutil.rmtree(PROJECT / "alembic_lossless", ignore_errors=True)
