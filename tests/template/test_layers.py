"""Each database layer gives the app the same names."""

from pathlib import Path

import pytest
from combinations import CHOICES
from rendering import Project, generated

TWO_APPS = """
import sys
from sqlalchemy import select, text
from {package} import create_app
from {package}.db import Model, db, engines
from {package}.models import City

first, second = (create_app({{"DATABASE_URL": url}}) for url in sys.argv[1:])
for app in (first, second):
    with app.app_context():
        Model.metadata.create_all(db.engine)
with first.app_context():
    assert engines() == {{"default": db.engine}}, engines()
    db.session.add(City(name="Oslo"))
    db.session.commit()
    db.session.add(City(name="never committed"))
    assert db.session.scalar(text("PRAGMA foreign_keys")) == 1
with first.app_context():
    assert db.session.scalars(select(City.name)).all() == ["Oslo"]
with second.app_context():
    assert db.session.scalars(select(City.name)).all() == []
print("done")
"""


STALE = """
from {package} import create_app
from {package}.db import engines

names = "DATABASE_URL", "AUTH_DATABASE_URL"
app = create_app({{name: f"sqlite:///{{name}}.db" for name in names}})
with app.app_context():
    for name, engine in engines().items():
        with engine.connect() as connection:
            raw = connection.connection.dbapi_connection
        raw.close()
        with engine.connect() as connection:
            print(name, connection.exec_driver_sql("SELECT 7").scalar())
"""


@pytest.fixture(params=CHOICES["database_layer"], scope="module")
def layered(
    request: pytest.FixtureRequest, tmp_path_factory: pytest.TempPathFactory
) -> Project:
    """Give a project for each layer, with a first revision."""
    folder = tmp_path_factory.mktemp(request.param)
    return generated(folder, database_layer=request.param)


def test_two_apps_have_two_databases_and_a_session_for_each_context(
    layered: Project, tmp_path: Path
) -> None:
    """I make two apps, and what one of them commits is in its own database only."""
    urls = [f"sqlite:///{tmp_path / name}.db" for name in ("first", "second")]
    script = TWO_APPS.format(package=layered.name)
    assert layered.run("python", "-c", script, *urls).stdout == "done\n"


def test_a_database_in_memory_is_the_same_in_every_thread(layered: Project) -> None:
    """I run the app on sqlite:// and a second thread finds my tables."""
    script = f"""
from concurrent.futures import ThreadPoolExecutor
from sqlalchemy import inspect
from {layered.name} import create_app, models
from {layered.name}.db import Model, db

app = create_app({{"DATABASE_URL": "sqlite://"}})

def tables():
    with app.app_context():
        return inspect(db.engine).get_table_names()

with app.app_context():
    Model.metadata.create_all(db.engine)
print(ThreadPoolExecutor().submit(tables).result())
"""
    assert "'friend'" in layered.run("python", "-c", script).stdout


@pytest.mark.parametrize("databases", CHOICES["databases"])
@pytest.mark.parametrize("layer", CHOICES["database_layer"])
def test_a_connection_that_the_server_ended_is_replaced(
    tmp_path: Path, layer: str, databases: str
) -> None:
    """The server restarts, or ends what was idle, and no request of mine fails."""
    answers = {"database_layer": layer, "databases": databases}
    project = generated(tmp_path, hooks=False, **answers)
    done = project.run("python", "-c", STALE.format(package=project.name))
    both = "default 7\nauth 7\n"
    assert done.stdout == (both if databases == "several" else "default 7\n")


def test_a_bad_url_names_the_variable(layered: Project) -> None:
    """I mistype the URL, and the app says which variable to mend."""
    done = layered.using("nonsense").run("flask", "routes", status=None)
    assert f"{layered.url_variable} is not a database URL" in done.stderr
