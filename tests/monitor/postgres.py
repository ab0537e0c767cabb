"""A PostgreSQL server of one's own for a test, on a port of its own, gone afterwards."""

from __future__ import annotations

import os
import shutil
import socket
import subprocess
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

#: Where distributions put what is not on the path.
_PLACES = ("/usr/lib/postgresql", "/usr/local/pgsql", "/opt/homebrew/opt")
#: The server refuses to be run by the superuser.
_USER = "nobody"


def programs() -> Path | None:
    """The folder with initdb and postgres, None where there is none."""
    found = shutil.which("initdb")
    if found is not None:
        return Path(found).resolve().parent
    for place in map(Path, _PLACES):
        for path in sorted(place.glob("**/bin/initdb"), reverse=True):
            return path.parent
    return None


class Server:
    """A server that can be stopped as if the power failed, and started again."""

    def __init__(self, programs: Path, folder: Path) -> None:
        self.programs, self.folder = programs, folder
        self.data = folder / "data"
        with socket.socket() as free:
            free.bind(("127.0.0.1", 0))
            self.port = free.getsockname()[1]
        self.url = f"postgresql+pg8000://mouse@127.0.0.1:{self.port}/postgres"
        self.run("initdb", "-D", str(self.data), "-U", "mouse", "-A", "trust", "--no-sync")

    def start(self) -> None:
        options = (
            f"-p {self.port} -c listen_addresses=127.0.0.1 -c unix_socket_directories='' "
            "-c fsync=off -c shared_buffers=16MB"
        )
        log = str(self.folder / "log")
        self.run("pg_ctl", "-D", str(self.data), "-o", options, "-l", log, "-w", "start")

    def stop(self, how: str = "immediate") -> None:
        self.run("pg_ctl", "-D", str(self.data), "-m", how, "-w", "stop")

    def run(self, program: str, *arguments: str) -> None:
        who: dict[str, Any] = {}
        if os.geteuid() == 0:
            who = {"user": _USER, "extra_groups": []}
        subprocess.run(
            [str(self.programs / program), *arguments], check=True, cwd=self.folder,
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, timeout=60,
            env={**os.environ, "LC_ALL": "C"}, **who,
        )  # fmt: skip


@contextmanager
def server() -> Iterator[Server]:
    """Give a server that runs."""
    found = programs()
    assert found is not None
    with tempfile.TemporaryDirectory(prefix="mousepose-postgres-") as name:
        folder = Path(name)
        if os.geteuid() == 0:
            shutil.chown(folder, _USER)
        made = Server(found, folder)
        made.start()
        try:
            yield made
        finally:
            made.stop()
