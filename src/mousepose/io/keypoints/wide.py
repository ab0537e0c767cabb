"""Tables of one row per frame (and animal) with plain column names that anyone can write.

`frame`, `time_s` and `animal` where known; `<KEYPOINT>_x` and `<KEYPOINT>_y` in px, and where known
`<KEYPOINT>_confidence` in 0-1 and `<KEYPOINT>_cov_xx`, `_cov_xy`, `_cov_yy` in px^2. Others are
ignored. SLEAP writes the same with dots (`nose.x`) and its own names for the first columns.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mousepose.errors import FileError
from mousepose.io.keypoints.rows import Rows, is_given, names_of_parts, sure_where_silent
from mousepose.types import Floats

FRAME = ("frame", "frame_idx", "frame_number")
TIME = ("time_s",)
ANIMAL = ("animal", "individual", "track")
CONFIDENCE = ("confidence", "likelihood", "score", "p")
COVARIANCE = ("cov_xx", "cov_xy", "cov_yy")

_SEPARATORS = "_."


@dataclass(frozen=True)
class WideColumns:
    """Which column holds what: names of columns, None where there is none."""

    keypoint_names: tuple[str, ...]
    xy: tuple[tuple[str, str], ...]
    confidence: tuple[str | None, ...]
    covariance: tuple[tuple[str, ...], ...]  # K times (xx, xy, yy), empty where not known
    frame: str | None
    time: str | None
    animal: str | None

    @property
    def numbers(self) -> list[str]:
        """The columns that must hold numbers."""
        points = [*self.xy, *self.covariance, self.confidence, (self.frame, self.time)]
        found = [name for group in points for name in group if name is not None]
        return list(dict.fromkeys(found))

    def rows(self, column: Mapping[str, Floats], first: int) -> Rows:
        """Return rows from the numbers of each column; rows without frames count from `first`."""
        xy = np.stack([np.stack([column[x], column[y]], axis=-1) for x, y in self.xy], axis=1)
        sure = [self._confidence(column, k, xy[:, k]) for k in range(len(self.keypoint_names))]
        counted = np.arange(first, first + len(xy), dtype=np.float64)
        return Rows(
            column[self.frame] if self.frame else counted,
            column[self.time] if self.time else None,
            xy,
            np.stack(sure, axis=1),
            self._spread(column) if self.covariance else None,
        )

    def _confidence(self, column: Mapping[str, Floats], point: int, xy: Floats) -> Floats:
        name = self.confidence[point]
        if name is None:
            return is_given(xy).astype(np.float64)
        # SLEAP's scores are heights of a peak, which may exceed 1.
        return sure_where_silent(column[name], xy) if name.endswith("score") else column[name]

    def _spread(self, column: Mapping[str, Floats]) -> Floats:
        parts = [[column[name] for name in names] for names in self.covariance]
        xx, xy, yy = (np.stack(part, axis=1) for part in zip(*parts, strict=True))
        return np.stack([xx, xy, xy, yy], axis=-1).reshape(*xx.shape, 2, 2)


def keypoints_named(columns: Sequence[str]) -> dict[str, str]:
    """Return the column of x of each keypoint, by the keypoint's name."""
    return {
        name[:-2]: name
        for name in columns
        if len(name) > 2 and name[-2] in _SEPARATORS and name[-1] in "xX"
    }


def has_points(columns: Sequence[str]) -> bool:
    """Tell whether a table has at least one column of a keypoint."""
    return bool(keypoints_named(columns))


def has_depth(columns: Sequence[str]) -> bool:
    """Tell whether the points of a table lie in space."""
    present = frozenset(columns)
    return any(_beside(x, "z", present) for x in keypoints_named(columns).values())


def wide_columns(path: Path, columns: Sequence[str]) -> WideColumns:
    """Return which of the `columns` holds what. Raises `FileError` with all that is wrong."""
    repeated = sorted(name for name, count in Counter(columns).items() if count > 1)
    if repeated:
        raise FileError(f"{path}: repeated columns: {', '.join(repeated[:12])}")
    if has_depth(columns):
        raise FileError(f"{path} holds points in space; expected 2D keypoints in px")
    present, found = frozenset(columns), keypoints_named(columns)
    ys = [_beside(x, "y", present) for x in found.values()]
    missing = [f"{x[:-1]}y" for x, y in zip(found.values(), ys, strict=True) if y is None]
    spreads = [_spread_of(x, present) for x in found.values()]
    if any(spreads):
        missing += [
            f"{name}_cov_xx, _xy, _yy"
            for name, spread in zip(found, spreads, strict=True)
            if not spread
        ]
    if missing or not found:
        raise FileError(
            f"{path}: expected columns frame, <KEYPOINT>_x, <KEYPOINT>_y, <KEYPOINT>_confidence; "
            f"missing: {', '.join(missing[:12]) or 'all keypoints'}; "
            f"found: {', '.join(columns[:12])}"
        )
    return WideColumns(
        names_of_parts(path, list(found)),
        tuple((x, y) for x, y in zip(found.values(), ys, strict=True) if y is not None),
        tuple(_first(x, CONFIDENCE, present) for x in found.values()),
        tuple(spreads) if any(spreads) else (),
        *(_named(kind, columns) for kind in (FRAME, TIME, ANIMAL)),
    )


def _beside(x: str, coordinate: str, present: frozenset[str]) -> str | None:
    """Return the column of another coordinate of the point whose x is in column `x`."""
    wanted = x[:-1] + (coordinate.upper() if x[-1] == "X" else coordinate)
    return wanted if wanted in present else None


def _first(x: str, endings: Sequence[str], present: frozenset[str]) -> str | None:
    return next((x[:-1] + ending for ending in endings if x[:-1] + ending in present), None)


def _spread_of(x: str, present: frozenset[str]) -> tuple[str, ...]:
    found = tuple(x[:-1] + ending for ending in COVARIANCE)
    return found if present.issuperset(found) else ()


def _named(kind: Sequence[str], columns: Sequence[str]) -> str | None:
    by_name = {name.lower(): name for name in reversed(columns)}
    return next((by_name[name] for name in kind if name in by_name), None)
