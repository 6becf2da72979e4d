"""`flask db upgrade --wait`: a container whose database is still starting."""

import socket
import threading
from collections.abc import Iterator
from contextlib import closing, contextmanager, suppress
from pathlib import Path

import pytest
from rendering import Project
from servers import empty_database
from sqlalchemy import make_url

SECRET = "open-sesame"  # noqa: S105  a word that no output may hold


@pytest.fixture(params=["postgresql", "mariadb"])
def server_url(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[str]:
    """Give the URL of an empty database on a server."""
    with empty_database(request.param, tmp_path) as url:
        yield url


@contextmanager
def starting(url: str, refusals: int) -> Iterator[str]:
    """Give a URL of the same database behind a port that hangs up on the first calls.

    Counting calls and not seconds, so that a slow machine sees the same.
    """
    server = make_url(url)
    with closing(socket.create_server(("127.0.0.1", 0))) as front:
        back = (server.host, server.port)
        threading.Thread(
            target=_serve, args=(front, back, refusals), daemon=True
        ).start()
        there = server.set(port=front.getsockname()[1])
        if server.get_backend_name() == "postgresql":  # takes any password in tests
            there = there.set(password=SECRET)
        yield there.render_as_string(hide_password=False)


def _serve(front: socket.socket, back: tuple[str, int], refusals: int) -> None:
    for _ in range(refusals):
        front.accept()[0].close()
    with suppress(OSError):  # the test closes the socket
        while True:
            client = front.accept()[0]
            server = socket.create_connection(back)
            for pair in ((client, server), (server, client)):
                threading.Thread(target=_forward, args=pair, daemon=True).start()


def _forward(source: socket.socket, target: socket.socket) -> None:
    with suppress(OSError):
        while data := source.recv(65536):
            target.sendall(data)
        target.shutdown(socket.SHUT_WR)


def test_it_waits_for_a_late_server(project: Project, server_url: str) -> None:
    """My server starts after the container: one line, then the upgrade."""
    with starting(server_url, refusals=2) as url:
        done = project.using(url).run("flask", "db", "upgrade", "--wait=30")
    lines = [line for line in done.stderr.splitlines() if "Waiting" in line]
    assert len(lines) == 1
    assert SECRET not in done.stdout + done.stderr
    assert "(head)" in project.using(server_url).alembic("current").stdout


def test_it_gives_up_at_the_deadline(project: Project) -> None:
    """My server never starts: the command ends and says which one, and why."""
    with closing(socket.socket()) as nobody:
        nobody.bind(("127.0.0.1", 0))
        port = nobody.getsockname()[1]
        url = f"postgresql://ann:{SECRET}@127.0.0.1:{port}/shop"
        command = ("flask", "db", "upgrade", "--wait", "1")
        done = project.using(url).run(*command, status=255)
    line, advice = done.stdout.splitlines()
    assert line.startswith("FAILED: postgresql+psycopg://ann:***@127.0.0.1")
    assert f"after 1 seconds still no server answers at 127.0.0.1:{port}." in line
    assert advice.startswith("Start the server")
    assert SECRET not in done.stdout + done.stderr


def test_a_silent_host_does_not_outlast_the_deadline(project: Project) -> None:
    """My server takes the connection and says nothing: the deadline holds."""
    with closing(socket.create_server(("127.0.0.1", 0))) as silent:
        url = f"postgresql://ann@127.0.0.1:{silent.getsockname()[1]}/shop"
        command = ("timeout", "60", "flask", "db", "upgrade", "--wait=1")
        done = project.using(url).run(*command, status=255)
    assert "after 1 seconds still" in done.stdout


def test_a_wrong_number_is_refused(project: Project) -> None:
    """I mistype the seconds, and nothing waits or migrates."""
    done = project.run("flask", "db", "upgrade", "--wait", "head", status=2)
    assert "'head'" in done.stderr
    assert "Traceback" not in done.stderr
