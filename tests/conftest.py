"""What the tests share: an environment that is nobody's, projects and databases."""

import os
import shutil
import signal
import sys
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from rendering import Project, compiled, render
from servers import DATABASES, drop_emptied, empty_database

# A byte code file beside the library would travel into every generated project.
sys.dont_write_bytecode = True

Report = pytest.TestReport


@pytest.hookimpl(wrapper=True)
def pytest_runtest_makereport() -> Generator[
    None, pytest.TestReport, pytest.TestReport
]:
    """Let a skipped test fail where `TEST_SKIPS=fail` says that all is there."""
    report = yield
    if report.skipped and os.environ.get("TEST_SKIPS") == "fail":
        report.outcome = "failed"
        report.longrepr = f"skipped: {report.longrepr}"
    return report


@pytest.fixture(autouse=True, scope="session")
def _current_environment() -> Iterator[None]:
    """Let hooks use this interpreter, and no setting of the person who runs tests."""
    # Started in the background of a shell, this would ignore Ctrl-C, and its children.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FLASK_ALEMBIC_TEMPLATE_ENVIRONMENT", "current")
        patch.setenv("FLASK_ALEMBIC_TEMPLATE_STRICT", "1")
        patch.setenv("PYTHONDONTWRITEBYTECODE", "1")
        # Nothing need be activated: the tools are beside the interpreter.
        beside = str(Path(sys.executable).parent)
        patch.setenv("PATH", beside, prepend=os.pathsep)
        yield
    drop_emptied()


@pytest.fixture(scope="session")
def _pristine(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return compiled(render(tmp_path_factory.mktemp("pristine")))


@pytest.fixture(scope="session")
def _pristine_several(tmp_path_factory: pytest.TempPathFactory) -> Project:
    return compiled(render(tmp_path_factory.mktemp("several"), databases="several"))


@pytest.fixture
def project(_pristine: Project, tmp_path: Path) -> Project:
    """Give a fresh copy of the project with default answers, to edit and to run."""
    return _copy(_pristine, tmp_path)


@pytest.fixture
def several(_pristine_several: Project, tmp_path: Path) -> Project:
    """Give a fresh copy of a project with two databases, to edit and to run."""
    return _copy(_pristine_several, tmp_path)


def _copy(project: Project, folder: Path) -> Project:
    path = folder / project.name
    shutil.copytree(project.path, path)
    return Project(path, {"HOME": str(folder), "XDG_DATA_HOME": str(folder)})


@pytest.fixture(params=DATABASES)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Give the URL of an empty database, one test for each kind of database."""
    with empty_database(request.param, tmp_path) as url:
        yield url
