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
#: Stretches over which methods and reference are compared (s).
SEGMENT_S = 3.0
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


def reference_cycles(motion: Motion, held: Motion) -> tuple[Floats, Floats]:
    """Return when (N,) s cycles of the left knee about its hip begin, and each one's length mm.

    Upward zeros of the knee's way forward of the hip, filtered both ways to the band of strides.
    The length is the way of the hip over the belt from one to the next.
    """
    from scipy.signal import butter, sosfiltfilt

    axes = body_axes(held)
    away = held.of("LEFT_KNEE") - held.of("LEFT_HIP") + axes.centre
    forward = axes.turned(away)[:, 0]
    known = np.isfinite(forward)
    edges = np.flatnonzero(np.diff(np.concatenate([[0], known.astype(int), [0]])))
    band = butter(2, BAND_HZ, "bandpass", fs=motion.rate, output="sos")
    starts, lengths = [], []
    for first, stop in edges.reshape(-1, 2):
        if stop - first < motion.rate:
            continue
        wave = sosfiltfilt(band, forward[first:stop])
        up = first + np.flatnonzero((wave[:-1] < 0) & (wave[1:] >= 0)) + 1
        period = np.diff(up) / motion.rate
        hip = motion.of("LEFT_HIP")[up, :2]
        real = (period > 1 / BAND_HZ[1]) & (period < 1 / BAND_HZ[0])
        starts.append(motion.times[up[:-1]][real])
        lengths.append(np.hypot(*np.diff(hip, axis=0).T)[real])
    return np.concatenate(starts), np.concatenate(lengths)


def in_segments(times: Floats, values: Floats, edges: Floats) -> Floats:
    """Return the median of the values in each segment, NaN below two of them."""
    found = []
    for low, high in zip(edges[:-1], edges[1:], strict=True):
        own = values[(times >= low) & (times < high) & np.isfinite(values)]
        found.append(np.median(own) if len(own) > 1 else np.nan)
    return np.array(found)


def agreement(reference: Floats, found: Floats) -> dict[str, float]:
    """Return bias and typical error in percent, and concordance, where both are known."""
    known = np.isfinite(reference) & np.isfinite(found)
    if known.sum() < 3:
        raise CannotMeasure(f"only {known.sum()} segments have a reference and a result")
    share = 100 * (found[known] / reference[known] - 1)
    return {
        "stride_bias_percent": float(np.median(share)),
        "stride_error_percent": float(np.median(np.abs(share))),
        "ccc": concordance(reference[known], found[known]),
        "segments": float(known.sum()),
    }


def treadmill(data: Path) -> dict[str, dict[str, float]]:
    """Return how both methods agree with the cycles of the knee about the hip."""
    held = motion_of(treadmill_points(data))
    motion = on_belt(held, BELT_MM_S)
    when, length = reference_cycles(motion, held)
    edges = np.arange(0.0, motion.times[-1] + SEGMENT_S, SEGMENT_S)
    reference = in_segments(when, length, edges)
    gait, trunk = analyse_gait(motion), analyse_gait(without(motion, "KNEE", "PAW"))
    return {
        "events": agreement(reference, _events(gait, edges)),
        "spectral": agreement(reference, _spectral(gait, edges)),
        "spectral_without_legs": agreement(reference, _spectral(trunk, edges)),
    }


def walkway(data: Path) -> dict[str, dict[str, float]]:
    """Return how strides by paws agree with the body's way per cycle and with the rhythm."""
    by_paws, progress, by_rhythm, hidden = [], [], [], []
    for path in sorted(folder(data, "walkway_c3d").glob("*.c3d")):
        motion = motion_of(walkway_points(path))
        if not all(map(motion.has, ("SPINE_MID", "SPINE_HIP"))):
            continue  # nothing is labelled from which the body's axis could be told
        motion = above_floor(motion, find_floor(motion))
        gait, legless = analyse_gait(motion), analyse_gait(without(motion, "KNEE", "PAW"))
        good = gait.strides[gait.strides["quality"] == "good"]
        by_paws += list(good["stride_length_mm"])
        progress += list(good["speed_mm_s"] * good["stride_period_s"])
        middles = (good["contact_s"] + good["next_contact_s"]) / 2
        by_rhythm += [_nearest(gait, time) for time in middles]
        hidden += [_nearest(legless, time) for time in middles]
    paws = np.array(by_paws)
    return {
        "events": agreement(np.array(progress), paws),
        "spectral": agreement(paws, np.array(by_rhythm)),
        "spectral_without_legs": agreement(paws, np.array(hidden)),
    }


def _events(gait: Gait, edges: Floats) -> Floats:
    strides = gait.strides[gait.strides["quality"] != "irregular"]
    return in_segments(
        strides["contact_s"].to_numpy(), strides["stride_length_mm"].to_numpy(), edges
    )


def _spectral(gait: Gait, edges: Floats) -> Floats:
    return in_segments(
        gait.rhythm["time_s"].to_numpy(), gait.rhythm["stride_length_mm"].to_numpy(), edges
    )


def _nearest(gait: Gait, time: float) -> float:
    """Return the stride length by the rhythm of the window whose middle is nearest, NaN if far."""
    rhythm = gait.rhythm.dropna(subset=["stride_length_mm"])
    if not len(rhythm):
        return float("nan")
    away = (rhythm["time_s"] - time).abs()
    return float(rhythm.loc[away.idxmin(), "stride_length_mm"]) if away.min() < 0.8 else np.nan
