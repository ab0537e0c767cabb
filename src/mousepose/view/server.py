"""A server of the viewer at one address, local unless told otherwise."""

from __future__ import annotations

import errno
import logging
import socket
from contextlib import redirect_stdout
from io import StringIO
from typing import TYPE_CHECKING

from mousepose.errors import InputError
from mousepose.extras import needed

if TYPE_CHECKING:
    import viser

#: Where nobody but this machine's own users can look.
LOCALHOST = "127.0.0.1"


def start_server(host: str, port: int, label: str) -> viser.ViserServer:
    """Return a running server; port 0 takes any that is free.

    Raises `InputError` where the port is in use, is not allowed, or the address is none of this
    machine, and where viser is not installed.
    """
    needed("view", "mousepose view", "viser")
    import viser

    port = _free_port(host, port)
    logging.getLogger("websockets").setLevel(logging.ERROR)  # a browser that leaves is no news
    with redirect_stdout(StringIO()):  # it tells addresses in its own way, ours tells them once
        server = viser.ViserServer(host=host, port=port, label=label, verbose=False)
    if server.get_port() != port:  # someone took it in between
        server.stop()
        raise InputError(_taken(host, port))
    # The viewer's own protocol can open a tunnel to a public server; recordings stay here.
    server.request_share_url = lambda verbose=True: None  # type: ignore[method-assign]
    server.gui.configure_theme(
        control_width="large", show_logo=False, show_share_button=False, dark_mode=False
    )
    server.gui.main_panel.dock_right()  # so that it hides nothing of the scene
    return server


def stop_server(server: viser.ViserServer) -> None:
    """Stop a server, without the word that it says on its own."""
    with redirect_stdout(StringIO()):
        server.stop()


def _free_port(host: str, port: int) -> int:
    """Return `port`, or a free one for 0, that can be listened to at `host`."""
    try:
        family, kind, proto, _, address = socket.getaddrinfo(
            host, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE
        )[0]
        with socket.socket(family, kind, proto) as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(address)
            return int(probe.getsockname()[1])
    except (OSError, OverflowError) as error:
        number = getattr(error, "errno", None)
        if number == errno.EADDRINUSE:
            raise InputError(_taken(host, port)) from None
        if number == errno.EACCES:
            raise InputError(f"port {port}: not allowed; take one above 1023") from None
        raise InputError(
            f"{host}:{port} cannot be listened to ({error}); --host is an address of this machine, "
            "127.0.0.1 for this machine alone, 0.0.0.0 for everyone who reaches it"
        ) from None


def _taken(host: str, port: int) -> str:
    return (
        f"port {port} at {host} is in use, maybe by another viewer: take another one with --port, "
        "or --port 0 for any that is free"
    )
