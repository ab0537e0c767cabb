"""Footfalls of mice on a beam, timed by hand, against those that the analysis finds.

The sheet lists swing begin, swing end and stance end of each stride. A swing that begins where the
sheet ends a stance is the next one, which it does not list: it is neither hit nor false. The
sheet's times lie about two frames after the paw begins to move and comes to rest in the tracked
points, in all three animals, at begins and ends alike: no delay of ours would do that (a filter is
symmetric, and simulated swings are found late and ended early). So errors are told as they are,
and besides with the median offset of the other animals taken off (`aligned`).
"""

from __future__ import annotations

import re
from pathlib import Path

import numpy as np
import pandas as pd
from common import CannotMeasure, folder

from mousepose.analysis.gait_events import find_swings
from mousepose.analysis.locomotion import find_locomotion
from mousepose.analysis.motion import motion_of
from mousepose.types import Floats, Keypoints3D

RATE_HZ = 100.0
#: The side view's marks by our names; one side alone is tracked.
MARKS = {
    "Upper Shoulder": "SPINE_SHOULDER", "Iliac Crest": "SPINE_HIP", "Tail base": "ROOT_TAIL",
    "Hip": "LEFT_HIP", "Knee": "LEFT_KNEE", "Hind paw tao": "LEFT_HIND_PAW",
    "Front paw tao": "LEFT_FORE_PAW",
}  # fmt: skip
#: The files tell no scale: from shoulder to tail base a mouse is about so long (mm).
TRUNK_MM = 55.0
_LEAST_CONFIDENCE = 0.6
#: The sheet's columns: mouse, run and then swing begin, swing end, stance end, over and over.
_MOUSE, _RUN, _FIRST, _SWINGS = 0, 2, 4, 5


def beam(data: Path) -> dict[str, float]:
    """Return hits in percent, false swings, and the timing of swing begin and end in ms."""
    where = folder(data, "beam_side_view")
    timed = _by_hand(where / "25mm.xlsx")
    total = false = 0
    errors: list[Floats] = []
    for path in sorted(where.glob("*.csv")):
        found = re.search(r"Mouse(\d+)_25mm_run(\d+)", path.name)
        own = None if found is None else timed.get((int(found[1]), int(found[2])))
        if own is None:
            continue
        swings = _found(path)
        total += len(own)
        overlap = np.minimum(swings[:, None, 1], own[:, 1]) - np.maximum(
            swings[:, None, 0], own[:, 0]
        )
        best = overlap.argmax(axis=0)
        hit = overlap.max(axis=0) > 0
        errors.append((swings[best] - own[:, :2])[hit])
        standing = (swings[:, None, 0] > own[:, 1]) & (swings[:, None, 1] < own[:, 2])
        false += int(standing.any(axis=1).sum() + len(best[hit]) - len(np.unique(best[hit])))
    together = np.concatenate(errors) if errors else np.empty((0, 2))
    if not len(together) or len(errors) < 2:
        raise CannotMeasure("too few swings on the beam were found")
    rest = [np.concatenate(errors[:n] + errors[n + 1 :]) for n in range(len(errors))]
    aligned = np.concatenate([e - np.median(r) for e, r in zip(errors, rest, strict=True)])
    figures = {
        "hits_percent": 100 * len(together) / total,
        "misses": float(total - len(together)),
        "swings_by_hand": float(total),
        "false": float(false),
        "swing_duration_bias_ms": float(1000 * np.median(together[:, 1] - together[:, 0])),
    }
    for column, name in enumerate(("begin", "end")):
        figures[f"swing_{name}_bias_ms"] = float(1000 * np.median(together[:, column]))
        figures[f"swing_{name}_error_ms"] = float(1000 * np.median(np.abs(together[:, column])))
        figures[f"swing_{name}_aligned_error_ms"] = float(
            1000 * np.median(np.abs(aligned[:, column]))
        )
    return figures


def _by_hand(path: Path) -> dict[tuple[int, int], Floats]:
    """Return for each mouse and run when swings begin and end and stances end (N, 3) s, by hand."""
    try:
        table = pd.read_excel(path, header=None, skiprows=1)
    except ImportError:
        raise CannotMeasure("the hand-timed sheet needs openpyxl: pip install openpyxl") from None
    table[_MOUSE] = table[_MOUSE].ffill()
    found = {}
    for row in table.itertuples(index=False):
        numbers = pd.to_numeric(pd.Series(row[_FIRST : _FIRST + 3 * _SWINGS]), errors="coerce")
        swings = numbers.to_numpy(np.float64).reshape(-1, 3)
        swings = swings[np.isfinite(swings).all(axis=1)]
        if len(swings):
            found[int(row[_MOUSE]), int(row[_RUN])] = swings
    return found


def _found(path: Path) -> Floats:
    """Return when the hind paw's swings begin and end (N, 2) s in the tracked points of a file."""
    table = pd.read_csv(path, header=[0, 1, 2], index_col=0)
    table.columns = pd.MultiIndex.from_tuples([column[1:] for column in table.columns])
    points = []
    for mark in MARKS:
        own = table[mark].to_numpy(np.float64)
        own[own[:, 2] < _LEAST_CONFIDENCE] = np.nan
        points.append(np.column_stack([own[:, 0], np.zeros(len(own)), -own[:, 1]]))
    xyz = np.stack(points, axis=1)
    trunk = np.linalg.norm(xyz[:, 0] - xyz[:, 2], axis=-1)
    xyz *= TRUNK_MM / np.nanmedian(trunk)
    motion = motion_of(Keypoints3D(xyz, np.arange(len(xyz)) / RATE_HZ, tuple(MARKS.values())))
    swings = find_swings(motion, find_locomotion(motion))["left hind"]
    found = np.column_stack([swings.lift_off, swings.contact])
    return found[np.isfinite(found).all(axis=1)]
