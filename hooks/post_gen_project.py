"""Make the project's environment and its first revision, and say what to type next."""

import atexit
import importlib.util
import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from hashlib import sha256
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
    r"(?m)^.*(?:\b(?:error|ERROR|cause): (?!subprocess-|metadata-)|(?:Error|Exception)"
    r": ).*(?:\n(?!\s*$|\[|note:|hint:).*){0,2}"
)
UNREACHED = re.compile(r"(?i)no matching distribution|failed to fetch|not found in the")
SERVER = re.compile(r"(?m)^#((\w+DATABASE_URL)=(?!sqlite).+)$")
FIRST_REVISION = """
from PROGRAM import engines, migrations, settings
migrations.migrations.first_revision("first tables", rev_id="REVISION")
for name in engines.metadatas:
    print("File:", settings.url_variable(name), settings.default_url(name).database)
"""
NOTE = """
{1} is there already: another project of this name may use it.
To have one of your own, write in .env:
  {0}=sqlite:///{2}"""


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
        output = "" if kind == "none" else make_first_revision(python)
    except (RuntimeError, KeyboardInterrupt) as problem:
        leave_the_rest(str(problem) or "Stopped by Ctrl-C.")
    else:
        (PROJECT / FINISH).unlink(missing_ok=True)
        print("\nNext:", *next_commands(kind), sep="\n  ")
        found = SERVER.findall((PROJECT / ".env.example").read_text("utf-8"))
        if unset := [line for line, name in found if name not in os.environ]:
            print("\nUntil .env has your server, SQLite is used:", *unset, sep="\n  ")
        for variable, path in re.findall(r"(?m)^File: (\w+) (.+)$", output):
            if variable not in os.environ and Path(path).is_file():
                print(NOTE.format(variable, path, Path(path).name))


def is_template_update() -> bool:
    """Tell whether cruft, which gives no `_output_dir`, renders this to compare it."""
    above, temporary = PROJECT.resolve().parent, Path(tempfile.gettempdir()).resolve()
    ours = above.parent == temporary and re.fullmatch("tmp[a-z0-9_]{8}", above.name)
    return bool("_output_dir" not in ANSWERS and ours)


def make_venv() -> str:
    """Make `.venv` with uv or else with venv and pip, and return its interpreter."""
    new, python = not (PROJECT / ".venv").exists(), str(PROJECT / f"{BIN}python")
    if not UV and sys.version_info < LOWEST:
        needs = "The project needs Python %d.%d, this is %d.%d: uv has one."
        raise RuntimeError(needs % (*LOWEST, *sys.version_info[:2]))
    if not (UV or all(map(importlib.util.find_spec, ("venv", "ensurepip")))):
        raise RuntimeError(
            "This Python has no venv module. Install it (Debian and Ubuntu:"
            " apt install python3-venv), or install uv."
        )
    try:
        if UV:  # the one that runs cookiecutter, or that on PATH
            run_step("environment (uv sync)", [UV, "sync"])
        else:
            run_step("environment (venv)", [sys.executable, "-m", "venv", ".venv"])
            pip = [python, "-m", "pip", "install", "--no-input", "--editable", ".[dev]"]
            run_step("packages (pip install)", pip)
    except BaseException:
        if new:
            shutil.rmtree(PROJECT / ".venv", ignore_errors=True)
        raise
    return python


def make_first_revision(python: str) -> str:
    """Let the project's own Alembic make the first revision; return what it printed."""
    if any(VERSIONS.glob("*.py")):  # another first one would be a second root
        print("  first revision: there are revisions already, none added")
        return ""
    # No clock and no chance: a project that is made again gets the same file.
    revision = sha256(PROGRAM.encode()).hexdigest()[:12]
    code = FIRST_REVISION.replace("PROGRAM", PROGRAM).replace("REVISION", revision)
    output = run_step("first revision", [python, "-c", code])
    next(VERSIONS.glob("*.py")).rename(VERSIONS / f"0001_{revision}_first_tables.py")
    return output


def run_step(label: str, command: list[str]) -> str:
    """Run a command in the project, show label and seconds, and return its output."""
    env = {name: it for name, it in os.environ.items() if name not in NOT_OURS}
    env |= {"NO_COLOR": "1", "PYTHONDONTWRITEBYTECODE": "1"}
    start, line, terminal = time.monotonic(), f"  {label:25}", sys.stdout.isatty()
    print(line, end="")
    with tempfile.TemporaryFile("w+", errors="replace") as output:
        both: Any = {"stdin": subprocess.DEVNULL, "stdout": output, "stderr": output}
        try:
            with subprocess.Popen(command, cwd=PROJECT, env=env, **both) as process:
                while process.poll() is None:
                    time.sleep(0.05)
                    seconds = f"{time.monotonic() - start:6.1f} s"
                    print(f"\r{line}{seconds}" if terminal else "", end="")
        except OSError as error:
            raise RuntimeError(f"{label} failed: {error}") from None
        print("" if terminal else f"{time.monotonic() - start:6.1f} s")
        output.seek(0)
        text = output.read()
    if process.returncode:
        raise RuntimeError(f"{label} failed: {cause(text)}")
    return text


def cause(output: str) -> str:
    """Return the lines of a command's output that say why it failed, as one."""
    found = CAUSE.findall(output)[-1:] or output.splitlines()[-3:]
    text = " ".join(line.strip(" │╰─>") for line in "\n".join(found).splitlines())
    # Alembic's own messages say what is wrong without the name of a class.
    text = text.removeprefix("alembic.util.exc.CommandError: ").removeprefix("cause: ")
    hint = " (is the package index reachable?)" * bool(UNREACHED.search(output))
    return text[:200] + hint


def leave_the_rest(problem: str) -> None:
    """Say what is missing and the one command that makes it, and end."""
    if os.environ.get("FLASK_ALEMBIC_TEMPLATE_STRICT") == "1":
        sys.exit(problem)
    if SELF.name != FINISH:
        shutil.copyfile(SELF, PROJECT / FINISH)
    kept = f"\n{problem}\nThe project is kept; this finishes it:"
    print(kept, *map(JOIN, finish_commands()), sep="\n  ")
    sys.exit(1 if SELF.name == FINISH else 0)


def finish_commands() -> list[list[str]]:
    """Return what to type to run the copy of this file in the project."""
    run, here = ["uv", "run", "--no-project", str(PROJECT / FINISH)], sys.executable
    if UV:
        return [["uv" if shutil.which("uv") else UV, *run[1:]]]
    if sys.version_info >= LOWEST:
        found = ((name, shutil.which(name)) for name in ("python3", "python"))
        same = [name for name, path in found if path and Path(path).samefile(here)]
        return [[*same, here][:1] + run[-1:]]
    if not importlib.util.find_spec("pip"):
        return [["pipx", "run", *run]]
    return [[here, "-m", "pip", "install", "uv"], [here, "-m", *run]]


def next_commands(kind: str) -> list[str]:
    """Return what to type next: into the project, its tables, the app, its tests."""
    # A colon in the folder's name stops `uv run`, and a dollar sign pip's own scripts.
    uv = shutil.which("uv") and os.pathsep not in str(PROJECT)
    before = "uv run " * (kind != "current") if uv else ""
    before = before or f"{BIN}python -m " * (kind == "venv")
    # PWD is where the shell is; cookiecutter itself is in the template by now.
    shell, folder = Path(os.environ.get("PWD", os.sep)), str(PROJECT)
    if PROJECT.is_relative_to(shell) and shell != PROJECT:
        folder = re.sub("^-", f".{os.sep}-", str(PROJECT.relative_to(shell)))
    above = (PROJECT, *PROJECT.parents)
    new = shutil.which("git") and not any((it / ".git").exists() for it in above)
    lines = [JOIN(["cd", folder]), *["git init"] * bool(new)]
    if kind == "none":
        lines.append("uv sync" if uv else 'python -m pip install -e ".[dev]"')
        lines.append(f'{before}flask db migrate -m "first tables"')
    commands = ("flask db upgrade", "flask db status", "flask run", "pytest")
    return lines + [before + command for command in commands]


if __name__ == "__main__":
    if ANSWERS["library"] == "dependency":  # the folder is there for the first revision
        atexit.register(shutil.rmtree, PROJECT / "alembic_lossless", ignore_errors=True)
    main()
