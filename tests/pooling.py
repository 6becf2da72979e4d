"""A real PgBouncer in front of the PostgreSQL that tests use."""

import os
import shutil
import socket
import subprocess
import time
from collections.abc import Iterator
from contextlib import closing, contextmanager
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest
from sqlalchemy import make_url

PROGRAM = shutil.which("pgbouncer", path=f"{os.environ['PATH']}:/usr/sbin")
SETTINGS = """
[databases]
* = host={host} port={port} user={user}{password}
[pgbouncer]
listen_addr = 127.0.0.1
listen_port = {listen}
unix_socket_dir =
auth_type = any
pool_mode = {mode}
{more}
"""


@contextmanager
def pooled(url: str, mode: str, more: str = "") -> Iterator[str]:
    """Start a pooler, and give the URL of a database through it.

    :param url: the database on its server.
    :param mode: what keeps a session: "session" or "transaction".
    :param more: lines for its configuration.
    """
    if PROGRAM is None:
        pytest.skip("PgBouncer is not installed")
    server = make_url(url)
    with TemporaryDirectory() as folder, closing(socket.socket()) as free:
        free.bind(("127.0.0.1", 0))
        listen = free.getsockname()[1]
        free.close()
        words = {
            "host": server.host,
            "port": server.port or 5432,
            "user": server.username,
            "password": f" password={server.password}" if server.password else "",
        }
        ini = Path(folder) / "pgbouncer.ini"
        ini.write_text(SETTINGS.format(**words, listen=listen, mode=mode, more=more))
        Path(folder).chmod(0o755)
        # It runs as anybody but root.
        user = ["-u", "nobody"] if os.name == "posix" and os.getuid() == 0 else []
        process = subprocess.Popen([PROGRAM, "-q", *user, str(ini)])
        try:
            _wait_for(process, listen)
            pool = server.set(host="127.0.0.1", port=listen)
            yield pool.render_as_string(hide_password=False)
        finally:
            process.terminate()
            process.wait()


def _wait_for(process: subprocess.Popen[bytes], port: int) -> None:
    for _ in range(100):
        assert process.poll() is None, "PgBouncer does not start"
        with closing(socket.socket()) as client:
            if client.connect_ex(("127.0.0.1", port)) == 0:
                return
        time.sleep(0.1)
    raise AssertionError
