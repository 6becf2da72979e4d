"""What the tests of the library share: projects made by hand, with one revision."""

import shutil
from collections.abc import Iterator
from pathlib import Path

import pytest
from environment import Environment, make
from proof.case import Court, court
from scripts import database_of
from servers import DATABASES, empty_database
from statements import share

CONVENTION = "metadata = MetaData(naming_convention=NAMING_CONVENTION)"


@pytest.fixture(autouse=True, scope="session")
def _statements() -> Iterator[None]:
    """Compile no statement again because another command made another engine."""
    with pytest.MonkeyPatch.context() as patch:
        share(patch)
        yield


@pytest.fixture(scope="session")
def _one(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    return _with_first_revision(make(tmp_path_factory.mktemp("one")))


@pytest.fixture(scope="session")
def _two(tmp_path_factory: pytest.TempPathFactory) -> Environment:
    return _with_first_revision(make(tmp_path_factory.mktemp("two"), several=True))


@pytest.fixture
def project(_one: Environment, tmp_path: Path) -> Environment:
    """Give a fresh copy of a project with one database, to edit and to run."""
    return _copy(_one, tmp_path)


@pytest.fixture
def several(_two: Environment, tmp_path: Path) -> Environment:
    """Give a fresh copy of a project with two databases, to edit and to run."""
    return _copy(_two, tmp_path)


@pytest.fixture
def nameless(project: Environment) -> Environment:
    """Give a project whose history and models name no constraint."""
    project.edit("db.py", CONVENTION, "metadata = MetaData()")
    for path in project.revisions():
        path.unlink()
    return project


@pytest.fixture
def other_url(database_url: str, tmp_path: Path) -> Iterator[str]:
    """Give the URL of a second empty database of the same kind."""
    with empty_database(database_of(database_url), tmp_path) as url:
        yield url


@pytest.fixture(scope="module", params=DATABASES)
def judge(request: pytest.FixtureRequest) -> Iterator[Court]:
    """Give a court for each kind of database."""
    with court(request.param) as found:
        yield found


def _with_first_revision(project: Environment) -> Environment:
    project.alembic("revision", "--autogenerate", "-m", "first tables", "--rev-id=1")
    (first,) = project.revisions()
    first.rename(first.with_name("0001_1_first_tables.py"))
    # Tests write revisions as they like; those of the lock file begin one.
    first.with_name("history.lock").unlink()
    return project


def _copy(project: Environment, folder: Path) -> Environment:
    path = folder / project.name
    shutil.copytree(project.path, path)
    return Environment(path, {"HOME": str(folder), "XDG_DATA_HOME": str(folder)})
