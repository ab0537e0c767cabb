"""Work before and after that of this thread, in threads of their own and bounded memory."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from queue import Empty, Full, Queue
from threading import Event, Thread
from typing import TypeVar

T = TypeVar("T")

#: s between two looks of a thread at whether it is still wanted.
_LOOK = 0.1


class _End:
    """What the last item is followed by: the error that ended the work, if one did."""

    def __init__(self, error: BaseException | None = None) -> None:
        self.error = error


@contextmanager
def ahead(items: Iterator[T], waiting: int) -> Iterator[Iterator[T]]:
    """Give what `items` yields; a thread makes them ahead, at most `waiting` of them.

    An error of theirs is raised where the next item is asked for. The thread ends with the block.
    """
    ready: Queue[T | _End] = Queue(maxsize=waiting)
    stopped = Event()

    def work() -> None:
        end = _End()
        try:
            for item in items:
                if not _put(ready, item, stopped):
                    return
        except BaseException as error:  # noqa: BLE001 - it is raised where the items are used
            end = _End(error)
        _put(ready, end, stopped)

    def taken() -> Iterator[T]:
        while not isinstance(item := ready.get(), _End):
            yield item
        if item.error is not None:
            raise item.error

    thread = Thread(target=work, daemon=True)
    thread.start()
    try:
        yield taken()
    finally:
        stopped.set()
        thread.join()


@contextmanager
def behind(use: Callable[[T], None], waiting: int) -> Iterator[Callable[[T], None]]:
    """Give a function that hands items to a thread, which uses them in turn.

    At most `waiting` items wait. All are used when the block ends well; where it does not, those
    that wait are dropped. An error of `use` is raised at the next item, or at the end.
    """
    queue: Queue[T | _End] = Queue(maxsize=waiting)
    stopped = Event()
    failures: list[BaseException] = []

    def work() -> None:
        try:
            while not stopped.is_set():
                try:
                    item = queue.get(timeout=_LOOK)
                except Empty:
                    continue
                if isinstance(item, _End):
                    return
                use(item)
        except BaseException as error:  # noqa: BLE001 - it is raised where the items come from
            failures.append(error)
            stopped.set()

    def hand_over(item: T) -> None:
        if not _put(queue, item, stopped):
            raise failures[0]

    thread = Thread(target=work, daemon=True)
    thread.start()
    try:
        yield hand_over
        _put(queue, _End(), stopped)
        thread.join()
        if failures:
            raise failures[0]
    finally:
        stopped.set()
        thread.join()


def _put(queue: Queue[T | _End], item: T | _End, stopped: Event) -> bool:
    """Hand an item over, unless nobody waits for it any more."""
    while not stopped.is_set():
        try:
            queue.put(item, timeout=_LOOK)
            return True
        except Full:
            continue
    return False
