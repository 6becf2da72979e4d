"""The documentation as a site, and what a release of the library says of itself."""

import re
import subprocess
import sys
import tomllib
from pathlib import Path

import pytest
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
