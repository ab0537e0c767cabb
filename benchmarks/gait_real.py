"""Gait of real mice: marker recordings on a treadmill and along a walkway."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
from common import CannotMeasure, folder
from gait_walkers import concordance

from mousepose.analysis.axes import body_axes
from mousepose.analysis.floor import above_floor, find_floor, on_belt
from mousepose.analysis.gait import Gait, analyse_gait
from mousepose.analysis.motion import Motion, motion_of
from mousepose.types import Floats, Keypoints3D

#: The belt's speed by its own markers (mm/s); the first seconds are dropped, as its notes say.
BELT_MM_S, DROPPED_S, MOCAP_HZ = 259.5, 5.0, 300.0
#: A reference that covers less of a window says nothing of it.
_COVERED = 0.7
#: Strides within this are strides (Hz); the reference's cycles are looked for here.
BAND_HZ = (1.5, 8.0)
#: Markers of the two recordings by the names of our skeleton; several markers give their mean.
TREADMILL = {
    "NECK": ("miniscope",), "SPINE_MID": ("left_back", "right_back"),
    "SPINE_HIP": ("left_coord", "right_coord"), "LEFT_HIP": ("left_hip",),
    "RIGHT_HIP": ("right_hip",), "LEFT_KNEE": ("left_knee",), "RIGHT_KNEE": ("right_knee",),
    "LEFT_HIND_PAW": ("left_ankle",), "RIGHT_HIND_PAW": ("right_ankle",),
}  # fmt: skip
WALKWAY = {
    "SPINE_MID": ("Spine",), "ROOT_TAIL": ("TAIL",), "SPINE_HIP": ("LASI", "RASI"),
    "LEFT_HIP": ("LEFT_HIP",), "RIGHT_HIP": ("RightHIP",), "LEFT_KNEE": ("LeftKNEE",),
    "RIGHT_KNEE": ("RightKNEE",), "LEFT_HIND_PAW": ("LeftMET",), "RIGHT_HIND_PAW": ("RightMET",),
}  # fmt: skip


def treadmill_points(data: Path) -> Keypoints3D:
    """Return the markers of the treadmill recording by our names, mm."""
    from scipy.io import loadmat

    paths = sorted(folder(data, "treadmill_mocap").glob("*.mat"))
    if not paths:
        raise CannotMeasure("treadmill_mocap holds no .mat file")
    content = loadmat(paths[0], struct_as_record=False, squeeze_me=True)
    record = next(value for name, value in content.items() if not name.startswith("__"))
    labelled = record.Trajectories.Labeled
    xyz = np.asarray(labelled.Data)[:, :3].transpose(2, 0, 1)[round(DROPPED_S * MOCAP_HZ) :]
    return _named(xyz, list(labelled.Labels), MOCAP_HZ, TREADMILL)


def walkway_points(path: Path) -> Keypoints3D:
    """Return the markers of one walkway recording by our names, mm."""
    try:
        import ezc3d
    except ImportError:
        raise CannotMeasure("the walkway files need ezc3d: pip install ezc3d") from None
    content = ezc3d.c3d(str(path))
    labels = content["parameters"]["POINT"]["LABELS"]["value"]
    rate = float(content["parameters"]["POINT"]["RATE"]["value"][0])
    xyz = content["data"]["points"][:3].transpose(2, 1, 0)
    return _named(xyz, list(labels), rate, WALKWAY)


def _named(
    xyz: Floats, labels: list[str], rate: float, names: dict[str, tuple[str, ...]]
) -> Keypoints3D:
    points = {
        name: np.mean([xyz[:, labels.index(marker)] for marker in markers], axis=0)
        for name, markers in names.items()
        if all(marker in labels for marker in markers)
    }
    return Keypoints3D(
        np.stack(list(points.values()), axis=1), np.arange(len(xyz)) / rate, tuple(points)
    )


def without(motion: Motion, *endings: str) -> Motion:
    """Return the motion with the points of these names unknown."""
    hidden = np.array([name.endswith(endings) for name in motion.names])
    return replace(motion, xyz=np.where(hidden[:, None], np.nan, motion.xyz))


def reference_cycles(
    motion: Motion, held: Motion, rising: bool = True
) -> tuple[Floats, Floats, Floats]:
    """Return start and end (N,) s of cycles of the left knee about its hip, and their lengths mm.

    Upward (or downward) zeros of the knee's way forward of the hip, filtered both ways to the band
    of strides. The length is the way of the hip over the belt from one to the next.
    """
    from scipy.signal import butter, sosfiltfilt

    axes = body_axes(held)
    away = held.of("LEFT_KNEE") - held.of("LEFT_HIP") + axes.centre
    forward = axes.turned(away)[:, 0]
    known = np.isfinite(forward)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], known.astype(int), [0]])))
    band = butter(2, BAND_HZ, "bandpass", fs=motion.rate, output="sos")
    rows = []
    for first, stop in edges.reshape(-1, 2):
        if stop - first < motion.rate:
            continue
        wave = sosfiltfilt(band, forward[first:stop]) * (1 if rising else -1)
        up = first + np.flatnonzero((wave[:-1] < 0) & (wave[1:] >= 0)) + 1
        hip = motion.of("LEFT_HIP")[up, :2]
        way = np.hypot(*np.diff(hip, axis=0).T)
        times = motion.times[up]
        real = (np.diff(times) > 1 / BAND_HZ[1]) & (np.diff(times) < 1 / BAND_HZ[0])
        rows.append(np.stack([times[:-1], times[1:], way], axis=1)[real])
    start, end, length = np.concatenate(rows).T
    return start, end, length


def in_windows(windows: Floats, start: Floats, stop: Floats, lengths: Floats) -> Floats:
    """Return the mean stride length (W,) in windows (W, 2) s of strides from `start` to `stop`.

    Strides count by the part of them that lies inside; NaN where they cover less than 70 % of a
    window, so that a reference and what is checked tell of the same time.
    """
    known = np.isfinite(lengths)
    start, stop, lengths = start[known], stop[known], lengths[known]
    inside = np.minimum(windows[:, 1:], stop) - np.maximum(windows[:, :1], start)
    inside = np.maximum(inside, 0.0)
    strides = inside / (stop - start)
    with np.errstate(invalid="ignore"):
        mean = (strides * lengths).sum(axis=1) / strides.sum(axis=1)
    return np.where(inside.sum(axis=1) >= _COVERED * np.ptp(windows, axis=1), mean, np.nan)


def agreement(reference: Floats, found: Floats, what: str = "stride") -> dict[str, float]:
    """Return bias and typical error in percent, and concordance, where both are known."""
    known = np.isfinite(reference) & np.isfinite(found)
    if known.sum() < 3:
        raise CannotMeasure(f"only {known.sum()} windows or strides have a reference and a result")
    share = 100 * (found[known] / reference[known] - 1)
    return {
        f"{what}_bias_percent": float(np.median(share)),
        f"{what}_error_percent": float(np.median(np.abs(share))),
        "ccc": concordance(reference[known], found[known]),
        "compared": float(known.sum()),
    }


def treadmill(data: Path) -> dict[str, dict[str, float]]:
    """Return how both methods agree with the cycles of the knee about the hip."""
    held = motion_of(treadmill_points(data))
    motion = on_belt(held, BELT_MM_S)
    start, stop, length = reference_cycles(motion, held)
    other = reference_cycles(motion, held, rising=False)
    found = {}
    gait, trunk = analyse_gait(motion), analyse_gait(without(motion, "KNEE", "PAW"))
    for name, own in (("spectral", gait), ("spectral_without_legs", trunk)):
        windows, lengths = spans(own)
        found[name] = agreement(in_windows(windows, start, stop, length), lengths)
    windows, _ = spans(gait)
    reference = in_windows(windows, start, stop, length)
    found["events"] = agreement(reference, in_windows(windows, *strides_of(gait)))
    found["reference_repeated"] = agreement(reference, in_windows(windows, *other))
    return found


def walkway(data: Path) -> dict[str, dict[str, float]]:
    """Return how strides by paws agree with the body's way, and with the rhythm of each pass."""
    by_paws, progress = [], []
    passes: list[tuple[float, ...]] = []
    for path in sorted(folder(data, "walkway_c3d").glob("*.c3d")):
        motion = motion_of(walkway_points(path))
        if not all(map(motion.has, ("SPINE_MID", "SPINE_HIP"))):
            continue  # nothing is labelled from which the body's axis could be told
        motion = above_floor(motion, find_floor(motion))
        gait, legless = analyse_gait(motion), analyse_gait(without(motion, "KNEE", "PAW"))
        good = gait.strides[gait.strides["quality"] == "good"]
        by_paws += list(good["stride_length_mm"])
        progress += list(good["speed_mm_s"] * good["stride_period_s"])
        columns = [f"spectral_stride_length_{part}mm" for part in ("", "low_", "high_")]
        for row in range(len(gait.bouts)):
            one, other = gait.bouts.iloc[row], legless.bouts.iloc[row]
            passes.append((
                one["events_stride_length_mm"], *(x[name] for x in (one, other) for name in columns)
            ))  # fmt: skip
    table = np.array(passes)
    found = {"events": agreement(np.array(progress), np.array(by_paws))}
    for name, at in (("spectral", 1), ("spectral_without_legs", 4)):
        found[name] = agreement(table[:, 0], table[:, at])
        known = np.isfinite(table[:, [0, at]]).all(axis=1)
        inside = (table[:, at + 1] <= table[:, 0]) & (table[:, 0] <= table[:, at + 2])
        found[name]["interval_holds_percent"] = float(100 * inside[known].mean())
    return found


def strides_of(gait: Gait) -> tuple[Floats, Floats, Floats]:
    """Return start and end (s) and length (mm) of the strides by the limbs."""
    strides = gait.strides[gait.strides["quality"] != "irregular"]
    columns = ("contact_s", "next_contact_s", "stride_length_mm")
    start, stop, length = (strides[column].to_numpy(np.float64) for column in columns)
    return start, stop, length


def spans(gait: Gait) -> tuple[Floats, Floats]:
    """Return windows (W, 2) s of the rhythm that do not overlap, and its stride lengths (W,)."""
    rows = spans_rows(gait)
    windows = gait.rhythm[["start_s", "stop_s"]].to_numpy(np.float64)[rows]
    return windows, gait.rhythm["stride_length_mm"].to_numpy(np.float64)[rows]


def spans_rows(gait: Gait) -> list[int]:
    """Return the places in the table of the rhythm of windows that do not overlap."""
    chosen, end = [], -np.inf
    windows = gait.rhythm[["start_s", "stop_s"]].to_numpy(np.float64)
    for row, (start, stop) in enumerate(windows):
        if start >= end - 0.05:
            chosen.append(row)
            end = stop
    return chosen
