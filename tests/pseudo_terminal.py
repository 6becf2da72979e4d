"""A terminal of its own for a command: what a person sees, and what they type."""

import os
import pty
import select
import subprocess
import sys
import time
from collections.abc import Sequence
from contextlib import suppress

from rendering import Project

PATIENCE = 60.0


def type_into(
    project: Project, command: Sequence[str], *typed: tuple[str, str]
) -> tuple[int, str]:
    """Run a command in a terminal and answer what it asks.

    :param typed: a text to wait for, and what to type then.
    :return: the exit status and everything on the screen.
    """
    path = f"{os.path.dirname(sys.executable)}{os.pathsep}{os.environ['PATH']}"  # noqa: PTH120
    ours, theirs = pty.openpty()
    process = subprocess.Popen(
        command,
        cwd=project.path,
        env={**os.environ, "PATH": path, **project.environment},
        stdin=theirs,
        stdout=theirs,
        stderr=theirs,
        start_new_session=True,
        preexec_fn=_own_terminal,  # noqa: PLW1509
    )
    os.close(theirs)
    screen, start = "", 0
    for text, keys in typed:
        screen = _read(ours, screen, start, text)
        start = len(screen)
        os.write(ours, keys.encode())
    screen = _read(ours, screen, start, None)
    os.close(ours)
    return process.wait(PATIENCE), screen


def _own_terminal() -> None:
    """Let the terminal's Ctrl-C reach the command, and give it a usual size."""
    import fcntl  # noqa: PLC0415
    import termios  # noqa: PLC0415

    fcntl.ioctl(0, termios.TIOCSCTTY, 0)
    termios.tcsetwinsize(0, (24, 80))


def _read(ours: int, screen: str, start: int, text: str | None) -> str:
    """Read until a text appears after the start, or all that comes."""
    end = time.monotonic() + PATIENCE
    while text is None or text not in screen[start:]:
        ready, _, _ = select.select([ours], [], [], max(0, end - time.monotonic()))
        chunk = b""
        with suppress(OSError):
            chunk = os.read(ours, 65536) if ready else b""
        if not chunk:
            assert text is None, f"{text!r} never came:\n{screen}"
            return screen
        screen += chunk.decode().replace("\r\n", "\n")
    return screen
