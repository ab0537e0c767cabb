"""The pictures of a video, read by a thread of its own: what is asked for last comes first."""

from __future__ import annotations

import threading
from collections.abc import Callable

from mousepose.errors import MouseposeError
from mousepose.report.page_views import VideoView
from mousepose.types import Bytes


class Feed:
    """Gives pictures of a video to `show`, from a thread of its own.

    Of those asked for while it works only the last is read. `failure` tells why it ended, "" while
    it goes on.
    """

    def __init__(self, view: VideoView, show: Callable[[Bytes], None]) -> None:
        self._view, self._show = view, show
        self.failure = ""
        self._wanted: tuple[int, bool] | None = None
        self._news = threading.Condition()
        self._closed = False
        self._thread = threading.Thread(target=self._work, daemon=True)
        self._thread.start()

    def ask(self, place: int, drawn: bool) -> None:
        """Ask for the picture of a frame, with or without the pose drawn on it."""
        with self._news:
            self._wanted = (place, drawn)
            self._news.notify()

    def close(self) -> None:
        """Stop the thread."""
        with self._news:
            self._closed = True
            self._news.notify()
        self._thread.join(5)

    def _work(self) -> None:
        while True:
            with self._news:
                while self._wanted is None and not self._closed:
                    self._news.wait()
                if self._closed or self._wanted is None:
                    return
                wanted, self._wanted = self._wanted, None
            try:
                image = self._view.picture(*wanted)
            except MouseposeError as error:
                self.failure = str(error)
                return
            if image is not None:
                self._show(image)
