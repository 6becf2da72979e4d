"""Make the pictures of the documentation from real runs in a real terminal.

Usage: python docs/record.py   (Linux; Chromium for the picture of the page)

Needs `pip install --group dev --group docs`. The name of the temporary folder is shown
as that of a home folder of the same length; nothing else is changed.
"""

import json
import os
import re
import secrets
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory
from urllib.request import Request, urlopen

from terminal import Terminal

DOCS = Path(__file__).resolve().parent
HOME = "/home/ada"
NAME = "    name: Mapped[str] = mapped_column(String(100))\n"
ADDRESS = "    address: Mapped[str | None] = mapped_column(String(200))\n"
EMAIL = "    email: Mapped[str] = mapped_column(String(200))\n"
PAGE = (900, 540)
FRIENDS = [
    {"name": "Ada", "city": "London", "hobbies": ["chess", "weaving"]},
    {"name": "Grace", "city": "Arlington", "hobbies": ["sailing"]},
    {"name": "Sofya", "city": "Stockholm", "hobbies": ["chess", "novels"]},
]


def main() -> None:
    """Record every picture, in one project that grows."""
    home = Path("/tmp", secrets.token_hex(2))  # noqa: S108  as long as HOME
    home.mkdir()
    try:
        environment = prepare(home)
        terminal = Terminal(home, environment)
        replace = {str(home): HOME}
        project = home / "friend_book"
        models = project / "friend_book" / "models.py"
        generate(terminal, replace)
        screenshot(project, environment)
        ask(terminal, models, replace)
        refuse(terminal, models, replace)
    finally:
        shutil.rmtree(home)


def prepare(home: Path) -> dict[str, str]:
    """Make `gh:org/…` mean this checkout, and return the variables of a clean home."""
    (home / "gh" / "org").mkdir(parents=True)
    (home / "gh" / "org" / "flask-alembic-template").symlink_to(DOCS.parent)
    abbreviations = f'abbreviations: {{gh: "{home}/gh/{{0}}"}}\n'
    (home / ".cookiecutterrc").write_text(abbreviations)
    cache = Path.home() / ".cache"
    return {
        **os.environ,
        "VIRTUAL_ENV_DISABLE_PROMPT": "1",
        "HOME": str(home),
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "PIP_CACHE_DIR": f"{cache}/pip",
        "UV_CACHE_DIR": f"{cache}/uv",
    }


def generate(terminal: Terminal, replace: Mapping[str, str]) -> None:
    """Show the one command, from the questions to a migrated database."""
    asked = [("(Friend Book): ", ""), ("(friend_book): ", "")]
    asked += [("work): ", ""), ("(Your Name): ", "Ada")]
    asked += [("(1): ", "")] * 3
    terminal.run("uvx cookiecutter gh:org/flask-alembic-template", *asked)
    terminal.run("cd friend_book")
    terminal.run("uv run alembic upgrade head")
    terminal.save(DOCS / "generate.svg", "A project is generated and migrated", replace)


def ask(terminal: Terminal, models: Path, replace: Mapping[str, str]) -> None:
    """Show the question about a column that changed its name."""
    models.write_text(models.read_text().replace(NAME, NAME + ADDRESS))
    terminal.run(". .venv/bin/activate")
    terminal.run('flask db migrate -m "friends have an address"')
    terminal.run("flask db upgrade")
    terminal.clear()
    terminal.run(
        f"sed -i 's/address:/street:/' {models.relative_to(models.parents[1])}"
    )
    terminal.run('flask db migrate -m "call it a street"', ("[y/N] ", "y"))
    terminal.run("flask db upgrade")
    terminal.run("flask db status")
    terminal.save(DOCS / "rename.svg", "A rename is asked about, and applied", replace)


def refuse(terminal: Terminal, models: Path, replace: Mapping[str, str]) -> None:
    """Show the draft that stops, since nobody is there to ask."""
    models.write_text(models.read_text().replace(NAME, NAME + EMAIL))
    terminal.clear()
    terminal.run(f"grep email {models.relative_to(models.parents[1])}")
    terminal.run('flask db migrate -m "friends have e-mail" < /dev/null')
    terminal.save(DOCS / "refused.svg", "A draft that nobody answers stops", replace)


def screenshot(project: Path, environment: Mapping[str, str]) -> None:
    """Show the page of the app, with a few friends."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if not chromium:
        sys.exit("No Chromium on PATH: docs/page.png stays as it is.")
    with served(project, environment) as address, TemporaryDirectory() as profile:
        for friend in FRIENDS:
            body = json.dumps(friend).encode()
            headers = {"Content-Type": "application/json"}
            urlopen(Request(f"{address}/api/friends", body, headers)).close()  # noqa: S310
        subprocess.run(
            [
                chromium,
                *("--headless", "--no-sandbox", "--disable-gpu", "--hide-scrollbars"),
                *("--no-first-run", "--disable-background-networking"),
                f"--user-data-dir={profile}",
                f"--window-size={PAGE[0]},{PAGE[1]}",
                f"--screenshot={DOCS / 'page.png'}",
                address,
            ],
            check=True,
            capture_output=True,
        )


@contextmanager
def served(project: Path, environment: Mapping[str, str]) -> Iterator[str]:
    """Serve the app on a free port and give its address."""
    flask = str(project / ".venv" / "bin" / "flask")
    with subprocess.Popen(
        [flask, "run", "--port", "0"],
        cwd=project,
        env={**environment},
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    ) as server:
        try:
            for line in server.stderr or ():
                found = re.search(r"http://127\.0\.0\.1:\d+", line)
                if found:
                    yield found[0]
                    break
        finally:
            server.terminate()


if __name__ == "__main__":
    main()
