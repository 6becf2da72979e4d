"""The documentation as a site, and what a release of the library says of itself."""

import os
import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
import readme
from alembic_lossless import __version__
from alembic_lossless.autogenerate import online, review
from alembic_lossless.rules import RULES
from rendering import TEMPLATE

DOCS = TEMPLATE / "docs"


@pytest.fixture(scope="module")
def site(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give the folder of the site; a warning of Sphinx is an error."""
    folder = tmp_path_factory.mktemp("site")
    build = ("sphinx", "-q", "-W", "--keep-going", "-b", "dirhtml", "-d", f"{folder}/d")
    command = [sys.executable, "-m", *build, str(DOCS), f"{folder}/site"]
    done = subprocess.run(command, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    return folder / "site"


def test_every_page_is_in_the_site(site: Path) -> None:
    """I find each page of docs/ from the first one, and the figures of safety on it."""
    first = (site / "index.html").read_text()
    for page in DOCS.glob("*.md"):
        if page.stem != "index":
            assert f'href="{page.stem}/"' in first, page.name
    assert "eight upgrades at once" in first
    # The names of others lead to where they are described, also without a network.
    assert "/core/metadata.html#sqlalchemy.schema.MetaData.create_all" in first
    assert f"alembic-lossless {__version__}" in first


def test_a_rule_has_an_address(site: Path) -> None:
    """I open what a message names, and am at the rule."""
    assert all((online, review))  # these declare them
    shown = (site / "rules" / "index.html").read_text()
    assert {*RULES} <= {*re.findall(r'id="([^"]+)"', shown)}


def test_a_release_says_what_it_is() -> None:
    """I read on a package index where the documentation is, and the changes."""
    about = tomllib.loads((TEMPLATE / "pyproject.toml").read_text())["project"]
    assert {"Documentation", "Changelog", "Issues", "Source"} == {*about["urls"]}
    for url in about["urls"].values():
        path = re.sub(
            r".*flask-alembic-template/?(tree/main/|blob/main/|issues)?", "", url
        )
        assert (TEMPLATE / path).exists(), url
    assert "Typing :: Typed" in about["classifiers"]


COMMAND = """#!{python}
import sys
from alembic_lossless.__main__ import main
sys.exit(main())
"""
"""What an installation makes of the entry point."""


def test_the_tutorial_is_true(tmp_path: Path) -> None:
    """I follow the tutorial to its end, and see what it shows."""
    (tmp_path / "bin").mkdir()
    command = tmp_path / "bin" / "alembic-lossless"
    command.write_text(COMMAND.format(python=sys.executable))
    command.chmod(0o755)
    shop = tmp_path / "shop"
    shop.mkdir()
    path = f"{command.parent}{os.pathsep}{Path(sys.executable).parent}"
    library = str(TEMPLATE / "{{cookiecutter.program_name}}")
    mine = {"PATH": f"{path}{os.pathsep}{os.environ['PATH']}", "PYTHONPATH": library}
    for block in readme.blocks(DOCS / "tutorial.md"):
        if block.language == "diff":
            readme.apply_edit(block.text, shop)
        elif block.language == "console":
            for typed, expected in readme.steps(block.text):
                done = _typed(typed, shop, mine)
                shown = readme.settled(done.stdout, tmp_path)
                assert shown == readme.settled(expected, tmp_path), done.stderr
        else:
            for typed in block.text.splitlines():
                done = _typed(":" if "pip install" in typed else typed, shop, mine)
                assert done.returncode == 0, done.stderr


def _typed(
    command: str, folder: Path, variables: dict[str, str]
) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        ["/bin/sh", "-c", command],
        cwd=folder,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=False,
    )
