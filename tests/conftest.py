"""What the tests share: an environment that is nobody's, projects and databases."""

import gc
import os
import signal
import sys
from collections.abc import Generator, Iterator
from pathlib import Path

import pytest
from compiled import compiled_folder, share
from kept import keep
from rendering import Project, generated, warm_process
from servers import DATABASES, drop_emptied, empty_database
from shared import shared_folder
from warm import SELDOM

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


def pytest_configure(config: pytest.Config) -> None:
    """Make what all processes of this run share, before it starts the others."""
    if not hasattr(config, "workerinput"):
        config.add_cleanup(shared_folder().cleanup)
    share(compiled_folder())


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Begin with what takes long; the library's tests are short, and come last."""
    items.sort(
        key=lambda item: (
            item.get_closest_marker("long") is None,
            "library" in item.path.parts,
        )
    )


def pytest_collection_finish() -> None:
    """Spare the garbage collector what was imported, which is most of what there is."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(*SELDOM)


@pytest.fixture(autouse=True, scope="session")
def _current_environment() -> Iterator[None]:
    """Let hooks use this interpreter, and no setting of the person who runs tests."""
    # Started in the background of a shell, this would ignore Ctrl-C, and its children.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    keep()
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("FLASK_ALEMBIC_TEMPLATE_ENVIRONMENT", "current")
        patch.setenv("FLASK_ALEMBIC_TEMPLATE_STRICT", "1")
        patch.setenv("PYTHONDONTWRITEBYTECODE", "1")
        # An owner has none of the plugins that are beside this interpreter.
        patch.setenv("PYTEST_DISABLE_PLUGIN_AUTOLOAD", "1")
        # What is used of an environment is compiled then.
        patch.setenv("PIP_COMPILE", "0")
        # Each of the many runs on MariaDB would make a database; a test asks for it.
        for prefix in ("", "FRIEND_BOOK_"):
            patch.setenv(f"{prefix}MIGRATION_REHEARSE", "no")
        # Nothing need be activated: the tools are beside the interpreter.
        beside = str(Path(sys.executable).parent)
        patch.setenv("PATH", beside, prepend=os.pathsep)
        yield
    drop_emptied()
    if warm_process.cache_info().currsize and (warm := warm_process()):
        warm.stop()


@pytest.fixture(scope="session")
def _pristine(tmp_path_factory: pytest.TempPathFactory) -> Project:
    """Give the project with default answers to tests that change nothing in it."""
    return generated(tmp_path_factory.mktemp("pristine"))


@pytest.fixture
def project(tmp_path: Path) -> Project:
    """Give a fresh copy of the project with default answers, to edit and to run."""
    return generated(tmp_path)


@pytest.fixture
def several(tmp_path: Path) -> Project:
    """Give a fresh copy of a project with two databases, to edit and to run."""
    return generated(tmp_path, databases="several")


@pytest.fixture(params=DATABASES)
def database_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Give the URL of an empty database, one test for each kind of database."""
    with empty_database(request.param, tmp_path) as url:
        yield url
