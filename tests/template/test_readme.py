"""The README keeps its word: every command is typed as written."""

import json
import os
import re
import signal
import subprocess
import sys
from pathlib import Path

import pytest
import readme
from rendering import QUESTIONS, TEMPLATE, Project

README = TEMPLATE / "README.md"
BLOCKS = readme.blocks(README)
COMMANDS = [block.text for block in BLOCKS if block.language == "sh"]
DEFAULTS = QUESTIONS | {"program_name": "friend_book"}
SERVER = "flask run"
ENTERS = "\n" * len(QUESTIONS)
CACHE = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")

pytestmark = pytest.mark.skipif(
    sys.platform == "win32", reason="these commands are for a POSIX shell"
)
LINK = re.compile(r"\]\((?!http)([^)#\s]*)(?:#([^)\s]+))?\)")
LIBRARY = "alembic_lossless/__init__.py"
"""One file for all: another test compares the folder."""


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """Give a home folder in which `gh:org/flask-alembic-template` is this checkout."""
    (tmp_path / "gh" / "org").mkdir(parents=True)
    (tmp_path / "gh" / "org" / TEMPLATE.name).symlink_to(TEMPLATE)
    (tmp_path / "gh" / "org" / "flask-alembic-template").symlink_to(TEMPLATE)
    abbreviation = json.dumps({"abbreviations": {"gh": f"{tmp_path}/gh/{{0}}"}})
    (tmp_path / ".cookiecutterrc").write_text(abbreviation)
    return tmp_path


def type_in(home: Path, command: str, path: str) -> str:
    """Type a command in a shell at home, press Enter at each question."""
    kept = {key: value for key, value in os.environ.items() if "TEMPLATE" not in key}
    caches = {"PIP_CACHE_DIR": f"{CACHE}/pip", "UV_CACHE_DIR": f"{CACHE}/uv"}
    mine = {"HOME": str(home), "PATH": path, "PYTHONDONTWRITEBYTECODE": ""}
    done = subprocess.run(
        ["/bin/sh", "-ec", command],
        cwd=home,
        env={**kept, **caches, **mine},
        input=ENTERS,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=False,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout


@pytest.mark.long
def test_two_commands_do_it_with_python_and_pip_alone(home: Path) -> None:
    """I paste two commands on a fresh machine: a migrated project, and its tests."""
    tools = home / "bin"
    tools.mkdir()
    (tools / "python3").symlink_to(Path(sys.base_prefix, "bin", "python3"))
    shown = type_in(home, "\n".join(COMMANDS[:2]), str(tools))
    assert "Running upgrade  -> " in shown
    assert re.search(r"\d+ passed", shown)
    assert (home / ".local/share/friend_book/main.db").exists()


@pytest.mark.parametrize("command", COMMANDS[2:4], ids=str.split)
def test_a_tool_runner_generates(home: Path, command: str) -> None:
    """I have uv or pipx, and one short command makes the project."""
    type_in(home, command, f"{Path(sys.executable).parent}{os.pathsep}/usr/bin:/bin")
    assert list((home / "friend_book/friend_book/migrations/versions").glob("0001_*"))


def test_the_terminal_shows_what_the_readme_shows(project: Project) -> None:
    """I follow the README, and my terminal shows the same."""
    home = project.path.parent
    more = {"XDG_DATA_HOME": f"{home}/.local/share", "PYTHONUNBUFFERED": "1"}
    shell = Project(project.path, {**project.environment, **more})
    shell.alembic("upgrade", "head")
    for block in BLOCKS:
        if block.language == "diff":
            readme.apply_edit(block.text, project.path)
        if block.language == "console":
            for command, expected in readme.steps(block.text):
                shown = shell.run("sh", "-c", f"{command} 2>&1", status=None).stdout
                assert readme.settled(shown, home) == readme.settled(expected, home)


def test_the_tree_is_the_tree() -> None:
    """I find every file where the README's tree has it, and it leaves none out."""
    [block] = [block for block in BLOCKS if block.language == "text"]
    shown = set(readme.tree(block.text))
    listed = (TEMPLATE / "tests" / "template" / "tree.txt").read_text()
    real = [*listed.replace("PROGRAM", "friend_book").split(), LIBRARY]
    opened = {re.sub("[^/]+/?$", "", path) for path in shown}
    assert shown == {
        path[: len(folder)] + re.split("(?<=/)", path[len(folder) :])[0]
        for folder in opened
        for path in real
        if path.startswith(folder)
    }


def test_the_table_of_questions_is_complete() -> None:
    """I find each question, its words and its answers, the default first."""
    rows = []
    for key, label in QUESTIONS["__prompts__"].items():
        answers = (
            QUESTIONS[key] if isinstance(QUESTIONS[key], list) else [DEFAULTS[key]]
        )
        asked = label if isinstance(label, str) else label["__prompt__"]
        choices = ", ".join(f"`{answer}`" for answer in answers)
        rows.append(f"| `{key}` | {asked} | {choices} |\n")
    assert "".join(rows) in README.read_text()


def test_links_lead_somewhere() -> None:
    """I follow a link to a file or to a heading, and it is there."""
    links = [
        (document, *link)
        for document in (*TEMPLATE.glob("*.md"), *TEMPLATE.glob("docs/*.md"))
        for link in LINK.findall(document.read_text())
    ]
    assert {document.parent.name for document, *_ in links} == {TEMPLATE.name, "docs"}
    for document, path, anchor in links:
        target = document.parent / path if path else document
        assert target.exists(), f"{path} in {document.name}"
        assert not anchor or anchor in anchors(target), f"{path}#{anchor}"


def anchors(page: Path) -> set[str]:
    """Return the names that a page's headings and marks can be linked by."""
    text = page.read_text()
    headings = re.findall(r"^#+ (.+)$", text, re.MULTILINE)
    plain = (re.sub(r"[^\w -]", "", heading).lower() for heading in headings)
    return {*(it.replace(" ", "-") for it in plain), *re.findall('id="([^"]+)"', text)}


def test_ci_runs_the_command_of_the_readme() -> None:
    """I run the template's own tests as its README says, and so does CI."""
    script = (TEMPLATE / ".ci" / "run").read_text()
    assert script.endswith(f"step {COMMANDS[-1]}")
    assert "pip install --group dev" in COMMANDS[-2]


def test_the_projects_readme_works_too(project: Project) -> None:
    """I type the commands of the project's own README, one after the other."""
    block, *_ = readme.blocks(project.path / "README.md")
    lines = [line.partition("  #")[0].strip() for line in block.text.splitlines()]
    assert any(line.startswith(SERVER) for line in lines)
    for line in lines:
        if line.startswith(SERVER):
            assert "Running on http://127.0.0.1:" in served(project, line)
        else:
            project.run("sh", "-c", line)


def served(project: Project, command: str) -> str:
    """Start a server on a free port, and stop it when it has said where it is."""
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    server = subprocess.Popen(
        ["/bin/sh", "-c", f"exec {command}"],
        cwd=project.path,
        env={**os.environ, "PATH": path, "FLASK_RUN_PORT": "0", **project.environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )
    with server:
        try:
            return next((line for line in server.stderr or () if "Running" in line), "")
        finally:
            os.killpg(server.pid, signal.SIGTERM)
