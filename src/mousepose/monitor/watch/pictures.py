"""The last picture of a segment with its mice drawn on it, small, as the dashboard shows it."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from io import BytesIO
from typing import TYPE_CHECKING, Protocol

import numpy as np

from mousepose.monitor.records import Segment, Written
from mousepose.skeleton import PUBLISHED_PARENTS, TAIL_PARENTS, canonical_name
from mousepose.types import Bytes, Floats, State
from mousepose.video import FrameState, Video

if TYPE_CHECKING:
    import pyarrow as pa

#: The table of the store in which pictures lie; one of each segment.
PICTURE = "picture"
#: Longer side, px, and quality of JPEG: some 40 kB.
_LONGEST, _QUALITY = 640, 80
#: Keypoints that are less sure are not drawn.
_LEAST_CONFIDENCE = 0.3
#: A colour for each mouse in turn; distinguishable without red and green.
_COLOURS = ("#ffb000", "#5cc8ff", "#f0e442", "#ff8ad0", "#2ee6a8")
#: Frames that are tried before a segment has no picture.
_TRIES = 5
_PARENTS = PUBLISHED_PARENTS | TAIL_PARENTS | {"LEFT_EAR": "NECK", "RIGHT_EAR": "NECK"}


class _Store(Protocol):
    def write_bytes(
        self, table: str, segment: Segment, content: bytes, suffix: str, part: str = ""
    ) -> Written:  # pragma: no cover - a protocol
        ...


def last_picture(
    segment: Segment, video: Video, points: Sequence[pa.Table], store: _Store
) -> Written | None:
    """Write the newest frame of a segment that shows a mouse, with the keypoints of its mice.

    `points` are the rows of the table `points` of each mouse, one a frame of `video`. Where no
    mouse is seen it is the newest frame that was looked at. None where no frame can be decoded.
    Raises as the store does.
    """
    for place in _newest(points, len(video)):
        frame = video.frame(place, colour=True)
        if frame.state < FrameState.DAMAGED:
            mice = [_of_row(table, place) for table in points]
            content = drawn(frame.image, mice)
            return store.write_bytes(PICTURE, segment, content, ".jpg")
    return None


def drawn(image: Bytes, mice: Sequence[tuple[Sequence[str], Floats]]) -> bytes:
    """Return an RGB image (H, W, 3) as a small JPEG with mice drawn on it.

    Each of `mice` has the names of its keypoints and their places (K, 2) px, NaN = not drawn.
    """
    from PIL import Image, ImageDraw

    height, width = image.shape[:2]
    factor = min(1.0, _LONGEST / max(height, width))
    picture = Image.fromarray(image)
    size = (max(1, round(width * factor)), max(1, round(height * factor)))
    picture = picture.resize(size, Image.Resampling.BOX) if factor < 1 else picture
    pencil = ImageDraw.Draw(picture)
    dot = max(2.0, max(size) / 220)
    for number, (names, xy) in enumerate(mice):
        colour = _COLOURS[number % len(_COLOURS)]
        places = (xy + 0.5) * factor - 0.5
        for a, b in _edges(names):
            if np.isfinite(places[[a, b]]).all():
                line = [tuple(places[a]), tuple(places[b])]
                pencil.line(line, fill="#000000", width=max(3, round(1.6 * dot)))
                pencil.line(line, fill=colour, width=max(1, round(0.8 * dot)))
        for x, y in places[np.isfinite(places).all(axis=1)]:
            for radius, fill in ((dot + 1, "#000000"), (dot, colour)):
                pencil.ellipse((x - radius, y - radius, x + radius, y + radius), fill=fill)
    written = BytesIO()
    picture.save(written, "JPEG", quality=_QUALITY, subsampling=0)  # colours stay sharp
    return written.getvalue()


def _newest(points: Sequence[pa.Table], count: int) -> Iterator[int]:
    """Yield the places of frames that may be shown, the best first."""
    seen, looked = np.zeros(count, bool), np.zeros(count, bool)
    for table in points:
        length = min(len(table), count)
        seen[:length] |= table["state"].to_numpy()[:length] == State.SEEN
        looked[:length] |= table["looked"].to_numpy()[:length]
    good = np.flatnonzero(seen & looked)[::-1][:_TRIES]
    rest = np.flatnonzero(looked if looked.any() else ~looked)[::-1][:_TRIES]
    yield from dict.fromkeys([*good.tolist(), *rest.tolist()])


def _of_row(table: pa.Table, place: int) -> tuple[list[str], Floats]:
    """Return the keypoints of a row: names, and places (K, 2) px of those that are sure enough."""
    ending = "_confidence"
    names = [name.removesuffix(ending) for name in table.column_names if name.endswith(ending)]
    row = table.slice(place, 1).to_pydict() if place < len(table) else {}
    xy = np.full((len(names), 2), np.nan)
    for k, name in enumerate(names):
        if row and (row[name + ending][0] or 0.0) >= _LEAST_CONFIDENCE:
            xy[k] = [np.nan if row[f"{name}_{axis}"][0] is None else row[f"{name}_{axis}"][0]
                     for axis in "xy"]  # fmt: skip
    return names, xy


def _edges(names: Sequence[str]) -> Iterator[tuple[int, int]]:
    """Yield pairs of keypoints that are joined by a line; unknown names stay single points."""
    place: dict[str | None, int] = {}
    for index, name in enumerate(names):
        try:
            place.setdefault(canonical_name(name), index)
        except ValueError:
            continue
    for part, index in place.items():
        parent = _PARENTS.get(str(part))
        while parent is not None and parent not in place:
            parent = _PARENTS[parent]
        if parent is not None:
            yield index, place[parent]
