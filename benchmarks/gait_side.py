"""Strides on a treadmill seen from the side: one hind limb in 2D, and no frame rate in the file.

Stride length on a belt is its speed times the period, so what is compared is the count of strides
and their period. The rate is assumed: 119.88 frames/s, at which a stride of 25 frames on a belt of
300 mm/s is 63 mm long; at 60 it would be 125 mm, at 240 31 mm. The scale comes of the belt: a
standing toe goes as fast as it.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pandas as pd
from common import CannotMeasure, folder
from gait_real import agreement, in_windows, spans, spans_rows, strides_of, without

from mousepose.analysis.floor import on_belt
from mousepose.analysis.gait import Gait, analyse_gait
from mousepose.analysis.motion import motion_of
from mousepose.types import Floats, Keypoints3D

RATE_HZ, BELT_MM_S = 119.88, 300.0
#: The points by our names. The mouse heads to the right, the belt runs to the left.
MARKS = {
    "iliac crest": "SPINE_HIP", "hip": "LEFT_HIP", "knee": "LEFT_KNEE", "toe": "LEFT_HIND_PAW",
}  # fmt: skip
_LEAST_CONFIDENCE = 0.6
#: A stride swings the toe by so much at least (px), and takes so many frames.
_LEAST_SWING_PX, _FEWEST_FRAMES = 60.0, 12
#: Foremost places of the toe that lie farther apart than this (s) are not those of one stride.
_LONGEST_S = 0.4


def side_view(data: Path) -> dict[str, dict[str, float]]:
    """Return strides counted and periods, by the toe, and by the rhythm of what is left of it."""
    places = _places(data)
    foremost = _foremost(places["toe"][:, 0] - places["iliac crest"][:, 0]) / RATE_HZ
    starts, stops = foremost[:-1], foremost[1:]
    real = stops - starts < _LONGEST_S
    starts, stops = starts[real], stops[real]
    toe = places["toe"][:, 0]
    standing = np.diff(toe)[np.diff(toe) < -8.0]
    scale = BELT_MM_S / RATE_HZ / -float(np.median(standing))
    xyz = np.stack(
        [np.column_stack([p[:, 0], np.zeros(len(p)), -p[:, 1]]) for p in places.values()], axis=1
    )
    times = np.arange(len(xyz)) / RATE_HZ
    held = motion_of(Keypoints3D(scale * xyz, times, tuple(MARKS.values())))
    motion = on_belt(held, BELT_MM_S, np.array([-1.0, 0.0]))
    gait, toeless = analyse_gait(motion), analyse_gait(without(motion, "PAW"))
    found = {"events": _counted(starts, stops, gait)}
    windows, _ = spans(gait)
    reference = in_windows(windows, starts, stops, stops - starts)
    own_start, own_stop, _ = strides_of(gait)
    found["events"] |= agreement(
        reference, in_windows(windows, own_start, own_stop, own_stop - own_start), "period"
    )
    for name, own in (("spectral", gait), ("spectral_without_paws", toeless)):
        windows, lengths = spans(own)
        speed = own.rhythm["speed_mm_s"].to_numpy(np.float64)[spans_rows(own)]
        reference = in_windows(windows, starts, stops, stops - starts)
        found[name] = agreement(reference, lengths / speed, "period")
    return found


def _counted(starts: Floats, stops: Floats, gait: Gait) -> dict[str, float]:
    """Return how many footfalls of the reference, in the bouts found, are among ours.

    One of ours is that of the reference which is nearest, within a third of a stride; one that is
    nobody's, and lies inside a stride of the reference, is false.
    """
    within = np.zeros(len(starts), bool)
    for bout in gait.bouts.itertuples():
        within |= (starts >= bout.start_s) & (stops <= bout.stop_s)
    starts, stops = starts[within], stops[within]
    strides = gait.strides
    own = np.unique(np.concatenate([strides["contact_s"], strides["next_contact_s"]]))
    footfalls = np.unique(np.concatenate([starts, stops]))
    if not len(own) or not len(footfalls):
        raise CannotMeasure("no stride of the side view was found")
    near = np.abs(own[:, None] - footfalls)
    limit = float(np.median(stops - starts)) / 3
    hit = near.min(axis=0) < limit
    inside = ((own[:, None] > starts) & (own[:, None] < stops)).any(axis=1)
    return {
        "footfalls": float(len(footfalls)),
        "hits_percent": float(100 * hit.mean()),
        "false": float((inside & (near.min(axis=1) >= limit)).sum()),
    }


def _places(data: Path) -> dict[str, Floats]:
    """Return the places (T, 2) px of the marks; NaN where the network was unsure."""
    paths = sorted(folder(data, "treadmill_side_view").glob("*.csv"))
    if not paths:
        raise CannotMeasure("treadmill_side_view holds no .csv file")
    table = pd.read_csv(paths[0], header=[0, 1, 2])
    table.columns = pd.MultiIndex.from_tuples([column[1:] for column in table.columns])
    found = {}
    for mark in MARKS:
        own = table[mark].to_numpy(np.float64)
        found[mark] = np.where(own[:, 2:] < _LEAST_CONFIDENCE, np.nan, own[:, :2])
    return found


def _foremost(forward: Floats) -> Floats:
    """Return the frames (N,) in which the toe is foremost, where it is known all around."""
    from scipy.signal import find_peaks

    smooth = pd.Series(forward).rolling(5, center=True, min_periods=3).mean().to_numpy()
    lowest = np.nanmin(smooth) - 1000.0
    peaks, _ = find_peaks(
        np.where(np.isfinite(smooth), smooth, lowest), distance=_FEWEST_FRAMES,
        prominence=_LEAST_SWING_PX,
    )  # fmt: skip
    known = np.isfinite(smooth)
    clear = [bool(known[max(0, p - 6) : p + 7].all()) for p in peaks]
    return peaks[np.array(clear, bool)].astype(np.float64)
