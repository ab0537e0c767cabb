"""The server waits for a browser to take in what it was sent, but not for one that sleeps."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any, cast

import pytest

from mousepose.view.pace import Pace


def server_of(answer: Callable[[], None]) -> Any:
    """Return what stands for a server of one browser."""

    def get_item(key: str, timeout: float) -> None:
        answer()

    client = SimpleNamespace(local_storage=SimpleNamespace(get_item=get_item))
    return cast(Any, SimpleNamespace(get_clients=lambda: {0: client}))


def test_it_is_free_when_the_browser_has_answered() -> None:
    answered = threading.Event()
    pace = Pace(server_of(lambda: (answered.wait(10), None)[1]))
    assert pace.free
    pace.sent()
    time.sleep(0.05)
    assert not pace.free and not pace.wait(0.01)
    answered.set()
    assert pace.wait(5)
    pace.close()


@pytest.mark.parametrize("error", [RuntimeError("it left"), TimeoutError("it sleeps")])
def test_a_browser_that_is_gone_holds_nothing_up(error: Exception) -> None:
    def fail() -> None:
        raise error

    pace = Pace(server_of(fail))
    pace.sent()
    assert pace.wait(5)
    pace.close()


def test_without_a_browser_it_is_free_at_once() -> None:
    pace = Pace(cast(Any, SimpleNamespace(get_clients=dict)))
    pace.sent()
    assert pace.wait(5)
    pace.close()
