"""The viewer listens where it is told, to this machine alone unless told otherwise."""

from __future__ import annotations

import http.client
import socket

import pytest

from mousepose.errors import InputError
from mousepose.view.server import LOCALHOST, start_server, stop_server

pytest.importorskip("viser", reason="the viewer needs viser: pip install 'mousepose[view]'")


def test_a_port_in_use_is_told() -> None:
    with socket.socket() as other:
        other.bind((LOCALHOST, 0))
        other.listen()
        port = other.getsockname()[1]
        with pytest.raises(InputError, match=f"port {port} at 127.0.0.1 is in use.*--port"):
            start_server(LOCALHOST, port, "test")


def test_an_address_of_another_machine_is_told() -> None:
    with pytest.raises(InputError, match="cannot be listened to"):
        start_server("192.0.2.1", 0, "test")


def test_only_this_machine_is_listened_to_and_no_tunnel_is_opened() -> None:
    server = start_server(LOCALHOST, 0, "test")
    try:
        assert server.get_host() == LOCALHOST
        assert server.request_share_url() is None
        # A whole answer: a connection still being greeted when the server stops is left unclosed.
        asked = http.client.HTTPConnection(LOCALHOST, server.get_port(), timeout=10)
        asked.request("GET", "/")
        answer = asked.getresponse()
        assert answer.status == http.HTTPStatus.OK
        assert b"<html" in answer.read()
        asked.close()
    finally:
        stop_server(server)
