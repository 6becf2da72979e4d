"""The image's own command, without Docker: from a wheel, as nobody, on a free port."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from rendering import Project
from serving import answer

USER = 65534 if hasattr(os, "getuid") and os.getuid() == 0 else None
"""Who runs the command: nobody instead of root."""

PODS = 8
COMMAND = re.compile(r"^CMD (\[.*\])$", re.MULTILINE)
SLOW = """
import time
from friend_book.wsgi import app


@app.get("/slow")
def slow():
    time.sleep(2)
    return "finished"
"""

pytestmark = [
    pytest.mark.long,
    pytest.mark.skipif(sys.platform != "linux", reason="the image is for Linux"),
]


@dataclass(frozen=True)
class Image:
    """What the image holds: the installed wheel, and the command that it runs."""

    folder: Path
    command: list[str]

    def start(
        self, port: int = 0, *changes: tuple[str, str], **variables: str
    ) -> subprocess.Popen[str]:
        """Start the command.

        :param port: where it listens, instead of 8000.
        :param changes: what else to replace in the command.
        :param variables: what the container is told.
        """
        words = [
            word.replace("0.0.0.0:8000", f"127.0.0.1:{port}") for word in self.command
        ]
        for old, new in changes:
            words = [word.replace(old, new) for word in words]
        home = str(self.folder / "home")
        path = f"{self.folder / 'env' / 'bin'}{os.pathsep}/usr/bin{os.pathsep}/bin"
        base = {"PATH": path, "HOME": home, "XDG_DATA_HOME": home, "WORKERS": "1"}
        return subprocess.Popen(
            words,
            cwd=home,
            env={**base, **variables},
            user=USER,
            group=USER,
            extra_groups=[] if USER else None,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
        )


@pytest.fixture(scope="module")
def image(_pristine: Project) -> Iterator[Image]:
    """Give an environment that holds the wheel alone, and its server."""
    with TemporaryDirectory(ignore_cleanup_errors=True) as name:
        folder = Path(name)
        folder.chmod(0o755)
        build = ("-m", "hatchling", "build", "-t", "wheel", "-d", name)
        _pristine.run(sys.executable, *build)
        (wheel,) = folder.glob("*.whl")
        environment = str(folder / "env")
        _pristine.run("uv", "venv", "--python", interpreter(), environment)
        extras = f"{wheel}[serve,postgresql,mariadb]"
        # As pip does in an image, whose user can write none.
        options = ("--compile-bytecode", "--python", environment)
        install = ("uv", "pip", "install", *options, extras)
        shell = Project(_pristine.path, {**_pristine.environment, **caches()})
        shell.run(*install)
        (folder / "home").mkdir(mode=0o755)
        if USER:
            os.chown(folder / "home", USER, USER)
        dockerfile = (_pristine.path / "Dockerfile").read_text()
        (command,) = COMMAND.findall(dockerfile)
        yield Image(folder, json.loads(command))


def interpreter() -> str:
    """Return a Python that the user may run: root's own may be in root's home."""
    new_enough = "import sys; sys.exit(sys.version_info < (3, 11))"
    for python in (sys.executable, "/usr/bin/python3", "/usr/local/bin/python3"):
        try:
            done = subprocess.run([python, "-c", new_enough], user=USER, check=False)
        except OSError:
            continue
        if done.returncode == 0:
            return python
    pytest.skip("no Python 3.11 that another user than root may run")


def caches() -> dict[str, str]:
    """Return where uv keeps what it downloaded, whatever the home folder."""
    kept = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    return {"UV_CACHE_DIR": str(kept / "uv")}


def free_port() -> int:
    """Return a port on which nobody listens."""
    with socket.socket() as found:
        found.bind(("127.0.0.1", 0))
        port: int = found.getsockname()[1]
        return port


@contextmanager
def running(
    image: Image, *changes: tuple[str, str], **variables: str
) -> Iterator["Pod"]:
    """Run the image's command on a free port, and end it as a platform does."""
    port = free_port()
    variables.setdefault("FRIEND_BOOK_SECRET_KEY", "a secret of nobody")
    pod = Pod(image.start(port, *changes, **variables), port)
    try:
        yield pod
    finally:
        pod.stop()


class Pod:
    """A running container, and what it says."""

    def __init__(self, process: subprocess.Popen[str], port: int) -> None:
        """Read along, so that the process never waits for a reader."""
        self.process = process
        self.url = f"http://127.0.0.1:{port}"
        self.lines: list[str] = []
        self._reader = threading.Thread(target=self._read)
        self._reader.start()

    def _read(self) -> None:
        assert self.process.stdout
        with self.process.stdout as said:
            self.lines.extend(said)

    def wait_until_ready(self) -> None:
        """Return when the pod may get requests."""
        while self.process.poll() is None:
            try:
                if answer(f"{self.url}/readyz")[0] == 200:
                    return
            except OSError:
                time.sleep(0.1)
        pytest.fail("".join(self.lines))

    def stop(self) -> int:
        """Ask it to end, and return its exit status."""
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        status = self.process.wait()
        self._reader.join()
        return status


def test_eight_pods_start_at_once(image: Image, database_url: str) -> None:
    """I start eight containers on a new database: one migrates, and all serve."""
    url = {"FRIEND_BOOK_DATABASE_URL": own(image, database_url)}
    with ExitStack() as stack:
        pods = [stack.enter_context(running(image, **url)) for _ in range(PODS)]
        for pod in pods:
            pod.wait_until_ready()
        body = json.dumps({"name": "Ada"}).encode()
        added = answer(f"{pods[0].url}/api/friends", body, "application/json")
        assert added[0] == 201
        for pod in pods:
            assert "Ada" in answer(pod.url)[1]
            assert pod.stop() == 0
    said = "".join(line for pod in pods for line in pod.lines)
    assert said.count("Running upgrade") == 1
    assert "Traceback" not in said
    for asked in ("POST /api/friends 201", "GET / 200"):
        assert asked in said


def own(image: Image, url: str) -> str:
    """Return a database that whoever runs the image can write."""
    if not url.startswith("sqlite"):
        return url
    return f"sqlite:///{image.folder / 'home' / Path(url).name}"


def test_a_request_is_finished(image: Image) -> None:
    """My platform ends a pod while it answers: the answer arrives whole."""
    (image.folder / "slow.py").write_text(SLOW)
    variables = {
        "PYTHONPATH": str(image.folder),
        "FRIEND_BOOK_DATABASE_URL": own(image, "sqlite:///slow.db"),
    }
    mine = ("exec gunicorn", "exec gunicorn slow:app")
    with running(image, mine, **variables) as pod:
        pod.wait_until_ready()
        got: list[tuple[int, str]] = []
        asking = threading.Thread(target=lambda: got.append(answer(f"{pod.url}/slow")))
        asking.start()
        time.sleep(0.5)
        assert pod.stop() == 0
        asking.join()
    assert got == [(200, "finished")]
    assert "GET /slow 200" in "".join(pod.lines)


@pytest.mark.parametrize("scheme", ["postgresql", "mysql"])
def test_a_server_that_is_stopped(image: Image, scheme: str) -> None:
    """My database server is down: the container ends, with a sentence and no secret."""
    url = f"{scheme}://me:s3cr3t@127.0.0.1:{free_port()}/app"
    quick = ("--wait", "--wait 1")
    process = image.start(0, quick, FRIEND_BOOK_DATABASE_URL=url)
    said, _ = process.communicate()
    assert process.returncode not in {0, 4}
    lines = said.splitlines()
    assert lines[0].startswith("Waiting for ")
    assert lines[1].startswith("FAILED: ")
    assert len(lines) <= 3
    assert "s3cr3t" not in said
    assert "Traceback" not in said


def test_a_key_is_missing(image: Image) -> None:
    """I forgot the secret key: the container ends and says how to make one."""
    url = own(image, "sqlite:///key.db")
    process = image.start(free_port(), FRIEND_BOOK_DATABASE_URL=url)
    said, _ = process.communicate()
    assert process.returncode == 4
    assert "Error: FRIEND_BOOK_SECRET_KEY is not set." in said
    assert "Traceback" not in said


def test_every_line_is_json(image: Image) -> None:
    """My log collector reads whatever the container says, from the first line on."""
    variables = {
        "FRIEND_BOOK_LOG_FORMAT": "json",
        "FRIEND_BOOK_DATABASE_URL": own(image, "sqlite:///json.db"),
    }
    with running(image, **variables) as pod:
        pod.wait_until_ready()
        answer(f"{pod.url}/nothing")
    lines = [json.loads(line) for line in pod.lines]
    assert {line["level"] for line in lines} == {"INFO"}
    assert any("Running upgrade" in line["message"] for line in lines)
    assert [line["status"] for line in lines if line.get("path") == "/nothing"] == [404]
