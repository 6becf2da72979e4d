"""A server of a project, and what it answers over HTTP."""

import os
import re
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from urllib.error import HTTPError
from urllib.request import Request, urlopen

from rendering import Project


@contextmanager
def serving(project: Project, *options: str) -> Iterator[str]:
    """Run `flask run` on a free port, and give its address.

    :param options: of `flask run`, for example `"--debug", "--no-reload"`.
    """
    environment = {**os.environ, **project.environment, "PYTHONUNBUFFERED": "1"}
    command = [sys.executable, "-m", "flask", "run", "--port", "0", *options]
    process = subprocess.Popen(
        command,
        cwd=project.path,
        env=environment,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        text=True,
    )
    assert process.stderr
    try:
        said = ""
        while not (found := re.search(r"http://[\d.]+:\d+", said)):
            line = process.stderr.readline()
            assert line, said
            said += line
        reader = threading.Thread(target=process.stderr.read)
        reader.start()
        yield found[0]
    finally:
        process.terminate()
        process.wait()
        reader.join()
        process.stderr.close()


def answer(
    url: str, body: bytes | None = None, kind: str = "application/x-www-form-urlencoded"
) -> tuple[int, str]:
    """Return the status and the text that an address answers."""
    request = Request(url, body, {"Content-Type": kind})  # noqa: S310  our own server
    try:
        with urlopen(request) as response:  # noqa: S310
            return response.status, response.read().decode()
    except HTTPError as error:
        with error:
            return error.code, error.read().decode()
