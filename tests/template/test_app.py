"""The generated app as its user meets it: its own tests, and a server over HTTP."""

import json
import os
import threading
from pathlib import Path
from urllib.parse import urlencode

import pytest
from rendering import Project, generated
from servers import DATABASES, VARIABLES
from serving import answer, serving

SECRET = "s3cr3t"  # noqa: S105  of nobody
BAD_URLS = {
    "no port": f"postgresql://me:{SECRET}#@host:port/name",
    "no URL": f"me:{SECRET}@host",
}
PYTEST = ("python", "-m", "pytest", "-q", "-p", "no:cacheprovider")


@pytest.mark.long
@pytest.mark.parametrize("kind", VARIABLES)
def test_its_own_tests_pass_on_a_server(project: Project, kind: str) -> None:
    """I run the tests of my new project on SQLite and on my server."""
    use_server(project, kind)
    insist_on_a_server(project)


CIRCLE = """

class Album(Model):
    \"\"\"Pictures with a cover.\"\"\"

    __tablename__ = "album"

    id: Mapped[int] = mapped_column(primary_key=True)
    cover_id: Mapped[int | None] = mapped_column(ForeignKey("picture.id"), index=True)


class Picture(Model):
    \"\"\"A picture in an album.\"\"\"

    __tablename__ = "picture"

    id: Mapped[int] = mapped_column(primary_key=True)
    album_id: Mapped[int | None] = mapped_column(ForeignKey("album.id"), index=True)
"""


@pytest.mark.parametrize("kind", DATABASES)
def test_its_frame_is_tested_with_other_models(project: Project, kind: str) -> None:
    """My tables refer to each other and have indexes: the page's tests still pass."""
    if kind in VARIABLES:
        use_server(project, kind)
    models = project.package / "models.py"
    models.write_text(models.read_text() + CIRCLE)
    here = project.using(f"sqlite:///{project.path / 'here.db'}")
    here.commands("upgrade head", "revision --autogenerate -m albums")
    project.run(*PYTEST, "tests/test_pending.py")


@pytest.mark.long
def test_its_own_tests_bring_a_server(tmp_path: Path) -> None:
    """I chose PostgreSQL: my tests run on one, and I installed none."""
    insist_on_a_server(generated(tmp_path, database="postgresql"))


def use_server(project: Project, kind: str) -> None:
    """Let the tests of a project run on a server, too."""
    if VARIABLES[kind] not in os.environ:
        pytest.skip(f"{VARIABLES[kind]} is not set: no {kind} server to test on")
    project.environment["TEST_DATABASE_URL"] = os.environ[VARIABLES[kind]]


def insist_on_a_server(project: Project) -> None:
    """Run the tests of a project, which must find a server and skip nothing."""
    done = project.run(*PYTEST, "-vv")
    assert "[server] PASSED" in done.stdout
    assert "skipped" not in done.stdout.lower()


def test_its_own_tests_leave_my_data_alone(project: Project, tmp_path: Path) -> None:
    """I have a `.env` and a database, and the tests use neither."""
    mine = tmp_path / "mine.db"
    mine.write_bytes(b"not even a database")
    prefix = project.name.upper()
    dot_env = (
        f"{project.url_variable}=sqlite:///{mine}\n{prefix}_MAX_CONTENT_LENGTH=3\n"
    )
    (project.path / ".env").write_text(dot_env)
    project.run(*PYTEST)
    assert mine.read_bytes() == b"not even a database"
    assert list(tmp_path.glob("**/main.db")) == []


def test_flask_run_needs_no_variable(project: Project) -> None:
    """I generate, migrate and run, and export nothing."""
    project.alembic("upgrade", "head")
    with serving(project) as url:
        assert "Nobody here yet" in answer(url)[1]
        form = {"name": "<script>alert(1)</script>", "city": "Bonn", "hobbies": "go"}
        status, page = answer(url, urlencode(form).encode())
        assert (status, page.count("<script>")) == (200, 0)
        assert "&lt;script&gt;" in page
        assert (
            json.loads(answer(f"{url}/api/friends")[1])["friends"][0]["city"] == "Bonn"
        )
        assert answer(f"{url}/static/style.css")[0] == 200
        assert answer(f"{url}/readyz")[0] == 200


def test_many_at_once(project: Project, database_url: str) -> None:
    """Eight people add a friend with the same new city and hobbies in one moment."""
    project = project.using(database_url)
    project.alembic("upgrade", "head")
    answers: list[int] = []
    body = json.dumps(
        {"name": "A", "city": "Bonn", "hobbies": ["a", "b", "c"]}
    ).encode()
    with serving(project) as url:
        for _ in range(3):
            start = threading.Barrier(8)

            def add(start: threading.Barrier = start) -> None:
                start.wait()
                answers.append(
                    answer(f"{url}/api/friends", body, "application/json")[0]
                )

            people = [threading.Thread(target=add) for _ in range(8)]
            for person in people:
                person.start()
            for person in people:
                person.join()
    assert answers == [201] * 24


@pytest.mark.parametrize("url", BAD_URLS.values(), ids=BAD_URLS)
@pytest.mark.parametrize(
    "command",
    ["flask run --port 0", "flask db upgrade", "flask routes", "alembic current"],
)
def test_a_bad_url_is_one_line(project: Project, command: str, url: str) -> None:
    """My URL is wrong: I read the variable's name, and nobody reads my password."""
    done = project.using(url).run(*command.split(), status=None)
    said = done.stdout + done.stderr
    assert done.returncode != 0
    assert len(said.splitlines()) <= 2
    assert project.url_variable in said
    assert SECRET not in said


def test_gunicorn_stops_at_a_bad_url(project: Project) -> None:
    """My container ends with the reason, and does not try for ever."""
    bad = project.using(BAD_URLS["no port"])
    command = ("gunicorn", "--bind", "127.0.0.1:0", f"{project.name}.wsgi:app")
    done = bad.run(*command, status=None)
    assert done.returncode != 0
    assert project.url_variable in done.stderr
    assert "Traceback" not in done.stderr
    assert SECRET not in done.stderr


def test_ready_agrees_with_a_new_revision(project: Project) -> None:
    """I draft a revision beside the running app: in debug mode it waits for it."""
    project.alembic("upgrade", "head")
    with serving(project, "--debug", "--no-reload") as url:
        assert answer(f"{url}/readyz")[0] == 200
        project.alembic("revision", "-m", "more")
        status, said = answer(f"{url}/readyz")
        assert status == 503
        assert "must be at" in said
        project.alembic("upgrade", "head")
        assert answer(f"{url}/readyz")[0] == 200
