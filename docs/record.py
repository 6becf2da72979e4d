"""Make the pictures of the documentation from real runs in a real terminal.

Usage: python docs/record.py   (Linux; Chromium for the pictures of the pages)

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
from urllib.request import Request, urlopen

from playwright.sync_api import Browser, sync_playwright
from terminal import Terminal

DOCS = Path(__file__).resolve().parent
HOME = "/home/ada"
NAME = "    name: Mapped[str] = mapped_column(String(100))\n"
ADDRESS = "    address: Mapped[str | None] = mapped_column(String(200))\n"
EMAIL = "    email: Mapped[str] = mapped_column(String(200))\n"
DESKTOP, PHONE, NOTE = (900, 540), (390, 844), (900, 420)
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
        photograph(project, environment)
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


def photograph(project: Path, environment: Mapping[str, str]) -> None:
    """Show the page on a desktop and on a phone, and what a developer sees before."""
    chromium = shutil.which("chromium") or shutil.which("google-chrome")
    if not chromium:
        sys.exit("No Chromium on PATH: the pictures of the pages stay as they are.")
    empty = {"FRIEND_BOOK_DATABASE_URL": f"sqlite:///{project.parent}/empty.db"}
    with sync_playwright() as playwright:
        flags = ["--no-sandbox", "--disable-gpu", "--disable-background-networking"]
        browser = playwright.chromium.launch(executable_path=chromium, args=flags)
        with served(project, {**environment, **empty}, "--debug") as address:
            shoot(browser, address, "pending", NOTE)
        with served(project, environment) as address:
            for friend in FRIENDS:
                body = json.dumps(friend).encode()
                headers = {"Content-Type": "application/json"}
                urlopen(Request(f"{address}/api/friends", body, headers)).close()  # noqa: S310
            shoot(browser, address, "page", DESKTOP)
            shoot(browser, address, "phone", PHONE, dark=True)
        browser.close()


def shoot(
    browser: Browser,
    address: str,
    name: str,
    size: tuple[int, int],
    *,
    dark: bool = False,
) -> None:
    """Save what a window of this size shows."""
    width, height = size
    page = browser.new_page(
        viewport={"width": width, "height": height},
        color_scheme="dark" if dark else "light",
    )
    page.goto(address)
    page.screenshot(path=DOCS / f"{name}.png")
    page.close()


@contextmanager
def served(
    project: Path, environment: Mapping[str, str], *options: str
) -> Iterator[str]:
    """Serve the app on a free port and give its address."""
    flask = str(project / ".venv" / "bin" / "flask")
    with subprocess.Popen(
        [flask, "run", "--port", "0", "--no-reload", *options],
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
