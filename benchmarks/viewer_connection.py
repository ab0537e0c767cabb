"""What stands for a browser: it takes in all the viewer sends, answers, presses, draws nothing."""

from __future__ import annotations

import threading
import time
from collections import Counter
from collections.abc import Callable
from contextlib import suppress
from typing import Any

from common import CannotMeasure

PATIENCE_S = 120.0
_CAMERA = {
    "wxyz": (1.0, 0.0, 0.0, 0.0), "position": (1.0, 1.0, 1.0), "fov": 1.0, "near": 0.01,
    "far": 1000.0, "image_height": 600, "image_width": 800, "look_at": (0.0, 0.0, 0.0),
    "up_direction": (0.0, 0.0, 1.0),
}  # fmt: skip


class Connection:
    """A connection to the viewer at an address.

    `heard` counts what came, by kind and node of the scene; `controls` are the panel's by label.
    """

    def __init__(self, address: str) -> None:
        import viser
        from websockets.sync.client import connect

        self._socket = connect(
            address.replace("http", "ws"),
            subprotocols=[f"viser-v{viser.__version__}"],  # type: ignore[list-item]
            max_size=None,
        )
        self._send(type="ViewerCameraMessage", **_CAMERA)
        self.heard: Counter[tuple[str, str]] = Counter()
        self.controls: dict[str, str] = {}
        self._thread = threading.Thread(target=self._listen, daemon=True)
        self._thread.start()

    def __enter__(self) -> Connection:
        return self

    def __exit__(self, *ended: object) -> None:
        self._socket.close()
        self._thread.join(5)

    def choose(self, label: str, value: object) -> None:
        """Set a control of the panel, or press a button (True)."""
        self._send(type="GuiUpdateMessage", uuid=self.controls[label], updates={"value": value})

    def wait_for(self, kind: str, node: str, more_than: int = 0) -> None:
        """Wait until more than so many messages of a kind about a node came."""
        self.wait_until(lambda: self.heard[kind, node] > more_than)

    def wait_until(self, true: Callable[[], bool]) -> None:
        """Wait until something holds. Raises `CannotMeasure` where it never does."""
        until = time.monotonic() + PATIENCE_S
        while not true():
            if time.monotonic() > until:
                raise CannotMeasure("the viewer does not answer")
            time.sleep(0.002)

    def _send(self, **message: object) -> None:
        import msgspec

        self._socket.send(msgspec.msgpack.encode(message))

    def _listen(self) -> None:
        import msgspec
        import zstandard
        from websockets.exceptions import ConnectionClosed

        unpack = zstandard.ZstdDecompressor()
        with suppress(ConnectionClosed):
            for data in self._socket:
                # Two lengths of 8 bytes, then packed messages, then the numbers as they are.
                size, packed = (int.from_bytes(data[at : at + 8], "little") for at in (0, 8))
                inner = unpack.decompress(data[16 : 16 + packed], max_output_size=size)
                for message in msgspec.msgpack.decode(inner)["messages"]:
                    self._hear(message)

    def _hear(self, message: dict[str, Any]) -> None:
        self.heard[message["type"], str(message.get("name", ""))] += 1
        label = message.get("props", {}).get("label")
        if label and "uuid" in message:
            self.controls[label] = message["uuid"]
        if message["type"] == "LocalStorageGetItemRequestMessage":
            answer = {"request_uuid": message["request_uuid"], "value": None, "error": None}
            self._send(type="LocalStorageGetItemResponseMessage", **answer)
