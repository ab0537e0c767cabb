"""A headless Chromium, driven by its DevTools protocol; tests skip where there is none."""

from __future__ import annotations

import base64
import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
_FLAGS = (
    "--headless=new",
    "--no-sandbox",
    "--no-first-run",
    "--disable-extensions",
    "--disable-background-networking",
    "--use-angle=swiftshader",
    "--enable-unsafe-swiftshader",
    "--window-size=640,400",
    "--remote-debugging-port=0",
    "--remote-allow-origins=*",
)
_SPARING = """
const draw = window.requestAnimationFrame.bind(window);
window.requestAnimationFrame = (f) => setTimeout(() => draw(f), %d);
"""
#: Seconds that a loaded machine may need.
PATIENCE = float(os.environ.get("MOUSEPOSE_BROWSER_PATIENCE", "60"))


def found() -> str:
    """Return the path of a browser, "" where there is none."""
    return os.environ.get("MOUSEPOSE_BROWSER") or next(filter(None, map(shutil.which, _NAMES)), "")


def program() -> str:
    """Return the path of a browser, or skip the test."""
    path = found()
    if not path:
        pytest.skip("no Chromium on this machine (apt-get install chromium)")
    pytest.importorskip("websockets", reason="the browser is driven through websockets")
    return path


class Page:
    """One page: run scripts in it, wait for what they tell, take pictures; hears its errors."""

    def __init__(self, socket: Any) -> None:
        self._socket, self._number = socket, 0
        self.errors: list[str] = []
        self.requests: list[str] = []
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.tell(f"{domain}.enable")

    def tell(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Send a command and return its answer."""
        self._number += 1
        own = self._number
        self._socket.send(json.dumps({"id": own, "method": method, "params": parameters}))
        until = time.monotonic() + PATIENCE
        while True:
            message = json.loads(self._socket.recv(timeout=max(0.0, until - time.monotonic())))
            if message.get("id") == own:
                assert "error" not in message, (method, message["error"])
                return dict(message["result"])
            self._hear(message)

    def open(self, address: str, pause_ms: int = 0) -> None:
        """Go to an address; `pause_ms` spares a machine that draws without a GPU between frames."""
        if pause_ms:
            self.tell("Page.addScriptToEvaluateOnNewDocument", source=_SPARING % pause_ms)
        self.tell("Page.navigate", url=address)

    def ask(self, script: str) -> Any:
        """Return the value of a script."""
        answer = self.tell(
            "Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait_for(self, script: str, seconds: float = PATIENCE) -> Any:
        """Return what a script tells as soon as that is true."""
        until = time.monotonic() + seconds
        while not (told := self.ask(script)):
            assert time.monotonic() < until, f"still not true: {script}; {self.errors}"
            time.sleep(0.1)
        return told

    def wait_for_text(self, words: str, seconds: float = PATIENCE) -> None:
        """Wait until the page says so."""
        self.wait_for(f"!!document.body && document.body.innerText.includes({words!r})", seconds)

    def press(self, words: str) -> None:
        """Click the button that says so."""
        chosen = f"[...document.querySelectorAll('button')].find(b => b.innerText==={words!r})"
        self.wait_for(f"!!{chosen}")
        self.ask(f"{chosen}.click()")

    def choose(self, label: str, words: str) -> None:
        """Open the list with that label and click the entry that says so."""
        name = f"[...document.querySelectorAll('label')].find(l => l.innerText==={label!r})"
        self.wait_for(f"!!{name} && !!document.getElementById({name}.htmlFor)")
        self.ask(f"document.getElementById({name}.htmlFor).click()")
        entry = (
            f"[...document.querySelectorAll('[role=option]')].find(o => o.innerText==={words!r})"
        )
        self.wait_for(f"!!{entry}")
        self.ask(f"{entry}.click()")

    def press_key(self, key: str, chosen: str) -> None:
        """Press a key, named as JavaScript does, in the first element that a CSS selector finds."""
        self.ask(f"document.querySelector({chosen!r}).focus()")
        for kind in ("keyDown", "keyUp"):
            self.tell("Input.dispatchKeyEvent", type=kind, key=key, code=key)

    def picture(self, path: Path, width: int = 1280, height: int = 860) -> None:
        """Save what the page looks like as PNG."""
        self.tell(
            "Emulation.setDeviceMetricsOverride",
            width=width, height=height, deviceScaleFactor=1, mobile=False,
        )  # fmt: skip
        time.sleep(0.5)
        answer = self.tell("Page.captureScreenshot", format="png", optimizeForSpeed=True)
        path.write_bytes(base64.b64decode(answer["data"]))

    def _hear(self, message: dict[str, Any]) -> None:
        told = message.get("params", {})
        if message.get("method") == "Runtime.exceptionThrown":
            details = told["exceptionDetails"]
            self.errors.append(details.get("exception", details).get("description", str(details)))
        elif message.get("method") == "Runtime.consoleAPICalled" and told["type"] == "error":
            self.errors.append(json.dumps(told["args"])[:500])
        elif message.get("method") == "Log.entryAdded" and told["entry"]["level"] == "error":
            # A picture that a newer one replaced before it was drawn is no error.
            if not told["entry"].get("url", "").startswith("blob:"):
                self.errors.append(json.dumps(told["entry"])[:500])
        elif message.get("method") == "Network.requestWillBeSent":
            self.requests.append(told["request"]["url"])


@contextmanager
def browser(folder: Path) -> Iterator[Page]:
    """Give a page of a browser whose profile lies in `folder`; it ends with the block."""
    from websockets.sync.client import connect

    command = [program(), *_FLAGS, f"--user-data-dir={folder}", "about:blank"]
    quiet = subprocess.DEVNULL
    with subprocess.Popen(command, stdout=quiet, stderr=quiet, start_new_session=True) as process:
        try:
            told = folder / "DevToolsActivePort"
            until = time.monotonic() + PATIENCE
            while not (told.exists() and len(told.read_text().split()) == 2):
                assert time.monotonic() < until and process.poll() is None, "it does not start"
                time.sleep(0.1)
            port, path = told.read_text().split()
            with connect(f"ws://127.0.0.1:{port}{path}", max_size=None) as root:
                made = _first(root, "Target.createTarget", {"url": "about:blank"})["targetId"]
            with connect(f"ws://127.0.0.1:{port}/devtools/page/{made}", max_size=None) as socket:
                yield Page(socket)
        finally:
            process.terminate()
            try:
                process.wait(10)
            except subprocess.TimeoutExpired:
                process.kill()


def _first(socket: Any, method: str, parameters: dict[str, Any]) -> dict[str, Any]:
    socket.send(json.dumps({"id": 1, "method": method, "params": parameters}))
    while True:
        message = json.loads(socket.recv(timeout=PATIENCE))
        if message.get("id") == 1:
            return dict(message["result"])
