"""Ctrl-C while a project is generated: it stays, and one command finishes it."""

import os
import shutil
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Mapping
from contextlib import closing
from pathlib import Path

from rendering import TEMPLATE, Project
from test_environment import REAL, lines_after, posix, type_in_shell, without_uv

pytestmark = posix


def interrupted(
    folder: Path,
    begun: Callable[[], bool],
    variables: Mapping[str, str | None],
    template: Path = TEMPLATE,
) -> str:
    """Generate, press Ctrl-C when a step has begun, and return what is told."""
    home = {"HOME": str(folder), **REAL, **variables}
    command = [sys.executable, "-m", "cookiecutter", "--default-config", "--no-input"]
    with subprocess.Popen(
        [*command, str(template)],
        cwd=folder,
        env={k: v for k, v in {**os.environ, **home}.items() if v is not None},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        start_new_session=True,
        text=True,
    ) as process:
        while process.poll() is None and not begun():
            time.sleep(0.02)
        os.killpg(process.pid, signal.SIGINT)
        told = process.communicate()[0]
    assert "\nStopped by Ctrl-C.\nThe project is kept; this finishes it:\n" in told
    assert "Traceback" not in told
    return told


def test_while_uv_makes_the_environment(tmp_path: Path) -> None:
    """I stop uv; later I type what was printed, and my project is whole."""
    slow = tmp_path / "slow"
    slow.write_text("#!/bin/sh\nmkdir .venv; exec sleep 60\n")
    slow.chmod(0o755)
    shop = Project(tmp_path / "friend_book")
    told = interrupted(tmp_path, (shop.path / ".venv").exists, {"UV": str(slow)})
    assert (shop.path / "finish_setup.py").exists()
    assert not (shop.path / ".venv").exists()
    printed = told.partition("\n\nAborted!")[0]  # cookiecutter's own last word
    type_in_shell(lines_after(printed, "this finishes it:\n"), tmp_path)
    assert len(shop.revisions()) == 1
    assert not (shop.path / "finish_setup.py").exists()


def test_while_pip_installs(tmp_path: Path) -> None:
    """I stop pip, whose index does not answer: no half environment is left."""
    with closing(socket.create_server(("127.0.0.1", 0))) as index:
        index.settimeout(0.01)
        url = f"http://127.0.0.1:{index.getsockname()[1]}/simple"
        path = without_uv(tmp_path)
        variables = {"PIP_INDEX_URL": url, "PIP_CONFIG_FILE": os.devnull, "PATH": path}
        variables |= {"PIP_FIND_LINKS": "", "PIP_EXTRA_INDEX_URL": ""}
        interrupted(tmp_path, lambda: asked(index), variables)
    shop = Project(tmp_path / "friend_book")
    assert (shop.path / "finish_setup.py").exists()
    assert not (shop.path / ".venv").exists()


def asked(server: socket.socket) -> bool:
    """Tell whether somebody has called, and leave the caller without an answer."""
    try:
        server.accept()[0].detach()
    except TimeoutError:
        return False
    return True


def test_while_the_first_revision_is_drafted(tmp_path: Path) -> None:
    """I stop the draft: no half revision is left, and finishing makes a whole one."""
    template = tmp_path / "template"
    shutil.copytree(
        TEMPLATE, template, ignore=shutil.ignore_patterns(".git", ".venv", ".*_cache")
    )
    models = template / "templates" / "models" / "one.py"
    mine = models.read_text()
    begun = tmp_path / "begun"
    slow = f"\nopen({str(begun)!r}, 'w').close()\n__import__('time').sleep(60)\n"
    models.write_text(mine + slow)
    current: dict[str, str | None] = {"FLASK_ALEMBIC_TEMPLATE_ENVIRONMENT": "current"}
    interrupted(tmp_path, begun.exists, current, template)
    shop = Project(tmp_path / "friend_book")
    assert shop.revisions() == []
    shop.edit("models.py", slow, "")
    shop.run(sys.executable, "finish_setup.py")
    assert len(shop.revisions()) == 1
    assert not (shop.path / "finish_setup.py").exists()
