"""One program at a time works on a ledger from one machine, so that it knows what was its own."""

from __future__ import annotations

import getpass
import hashlib
import os
import socket
import tempfile
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mousepose.errors import InputError


@contextmanager
def alone(ledger: str) -> Iterator[str]:
    """Give the name under which this machine works on the ledger of a URL.

    A program that was killed held its work under the same name: the next one lets go of it at once.
    Raises `InputError` where another program works on that ledger here. Where the system knows no
    such locks the name is of this process alone, and leases tell what nobody holds.
    """
    host = socket.gethostname()
    try:
        import fcntl
    except ImportError:
        yield f"{host}/{os.getpid()}"
        return
    mark = hashlib.sha256(f"{getpass.getuser()} {ledger}".encode()).hexdigest()[:16]
    path = Path(tempfile.gettempdir()) / f"mousepose-{mark}.lock"
    with path.open("a+", encoding="utf-8") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError as error:
            file.seek(0)
            other = file.read().strip() or "?"
            raise InputError(
                f"process {other} works on this ledger already; stop it first, or give this one a "
                "ledger of its own"
            ) from error
        file.truncate(0)
        file.write(f"{os.getpid()}\n")
        file.flush()
        yield host
