"""What the tests of the library share: projects made by hand, with one revision."""

import shutil
from pathlib import Path

import pytest
from environment import Environment, make

CONVENTION = "metadata = MetaData(naming_convention=NAMING_CONVENTION)"


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
