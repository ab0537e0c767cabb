"""Recordings of 3D keypoints from which a prior is to be learned, read and judged.

Anything that would teach a wrong prior without a word is refused here: another unit than mm, left
and right swapped, a single pose over and over, keypoints that leave out a limb.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from zipfile import BadZipFile

import numpy as np
from numpy.typing import NDArray

from mousepose.body.keypoint_map import KeypointMap
from mousepose.body.model import BodyModel, Marks
from mousepose.errors import FileError, InputError
from mousepose.fit.learn_start import Landmarks, relative_size
from mousepose.io.poses.registry import open_points
from mousepose.types import Floats, Ints, State

#: Fewer poses than this cannot be split into folds that say anything.
LEAST_POSES = 24
#: A pose needs this share of the marks.
_LEAST_KNOWN = 0.6
#: mm; two poses whose marks all keep their distances this well are one.
_SAME_POSE = 0.05
#: How many times the size of the body an animal may be: pups are refused, large rats too.
_SIZES = (0.55, 1.8)
#: mm in a unit that files come in.
UNITS = {"mm": 1.0, "cm": 10.0, "dm": 100.0, "m": 1000.0}
#: Beyond this share of poses with paws on their backs, sides were swapped.
_MOST_UPSIDE_DOWN = 0.5
_MAX_BYTES = 2 * 2**30
#: Names under which npz files hold points in space, the first that is there is taken.
_NPZ_POINTS = ("points3d_mm", "points3d", "xyz")
_NPZ_FORM = "an npz of points in space holds points3d_mm (T, K, 3) and keypoint_names (K)"
#: Rate of files that state no times, whose times are then left out.
_NO_RATE = 1.0


@dataclass(frozen=True, eq=False)
class Recording:
    """One animal's points in one file: `xyz` (T, K, 3) mm, NaN = unknown, and their `names` (K,).

    `times` (T,) s, None where neither the file nor the user told.
    """

    name: str
    xyz: Floats
    names: tuple[str, ...]
    times: Floats | None = None


@dataclass(frozen=True, eq=False)
class Marked:
    """Recordings whose points stand in the order of `keypoint_map`, and its marks on the body."""

    recordings: tuple[Recording, ...]
    keypoint_map: KeypointMap
    marks: Marks
    landmarks: Landmarks
    unknown: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class ChosenPoses:
    """Poses to learn from: `xyz` (N, M, 3), their `recording` (N,) and `frame` (N,) in it.

    `unusable` and `repeated` frames were left out, and those that were too many to be needed.
    """

    xyz: Floats
    recording: Ints
    frame: Ints
    unusable: int
    repeated: int

    def __len__(self) -> int:
        return len(self.xyz)


def read_recordings(path: Path, fps: float | None = None, unit: str = "mm") -> list[Recording]:
    """Return the recordings in a file: one for each animal.

    `fps` is the frame rate where the file holds no times. Of poses that mousepose itself found only
    the points that were seen are taken: those it inferred say what the old prior says. Raises
    `FileError` on a file of no known format, `UnknownNameError` on another unit.
    """
    if unit not in UNITS:
        raise InputError(f"unit: expected one of {', '.join(UNITS)}, got {unit!r}")
    if fps is not None and not (np.isfinite(fps) and fps > 0):
        raise InputError(f"fps: expected a positive number of frames per second, got {fps!r}")
    if path.is_dir():
        raise FileError(
            f"{path} is a folder: give files of 3D points; mousepose triangulate makes them of 2D "
            "keypoints of several cameras"
        )
    found = _from_npz(path, fps) if _is_npz(path) else _from_points(path, fps)
    return [replace(one, xyz=one.xyz * UNITS[unit]) for one in found]


def _from_points(path: Path, fps: float | None) -> list[Recording]:
    file = open_points(path)
    timed = file.is_timed or fps is not None
    found = []
    for animal in file.animals:
        pieces = list(file.tracks(animal, fps if timed else _NO_RATE))
        seen = np.concatenate([piece.state for piece in pieces]) == State.SEEN
        xyz = np.concatenate([piece.points.xyz for piece in pieces])
        times = np.concatenate([piece.points.times for piece in pieces])
        name = path.name if len(file.animals) == 1 else f"{path.name}, {animal}"
        found.append(Recording(
            name, np.where(seen[..., None], xyz, np.nan), pieces[0].points.keypoint_names,
            times if timed else None,
        ))  # fmt: skip
    return found


def _is_npz(path: Path) -> bool:
    try:
        with path.open("rb") as stream:
            return stream.read(4) == b"PK\x03\x04"
    except OSError as error:
        raise FileError(f"{path} cannot be read: {error.strerror}") from error


def _from_npz(path: Path, fps: float | None) -> list[Recording]:
    if path.stat().st_size > _MAX_BYTES:
        raise FileError(f"{path}: larger than {_MAX_BYTES:,} bytes; save the points as Parquet")
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            key = next((key for key in _NPZ_POINTS if key in file), None)
            if key is None or "keypoint_names" not in file:
                raise FileError(f"{path}: {_NPZ_FORM}; found {', '.join(file) or 'nothing'}")
            xyz = np.asarray(file[key], np.float64)
            names = tuple(str(name) for name in np.atleast_1d(file["keypoint_names"]))
            rate = float(file["fps"]) if fps is None and "fps" in file else fps
    except FileError:
        raise
    except (OSError, EOFError, ValueError, TypeError, BadZipFile) as error:
        raise FileError(f"{path}: cannot be read: {error}") from error
    if xyz.ndim != 3 or xyz.shape[1:] != (len(names), 3):
        raise FileError(f"{path}: expected {key} (T, {len(names)}, 3), got {xyz.shape}")
    times = None if rate is None else np.arange(len(xyz)) / rate
    return [Recording(path.name, np.where(np.isfinite(xyz), xyz, np.nan), names, times)]


def mark(
    recordings: Sequence[Recording], keypoint_map: KeypointMap, body: BodyModel
) -> Marked:  # fmt: skip
    """Return the recordings with their columns as marks on the body.

    Raises `InputError` where the map knows too few of them, naming the limbs it leaves out.
    """
    known = keypoint_map.restricted_to(body)
    order: list[str] = []
    unknown: list[str] = []
    selections = [known.select(one.names) for one in recordings]
    for selection in selections:
        order += [name for name in selection.map.names if name not in order]
        unknown += [name for name in selection.unknown if name not in unknown]
    if not order:
        raise InputError(
            f"the keypoint map knows none of the keypoints {', '.join(recordings[0].names[:8])}: "
            "give the map of this tracker (mousepose keypoints list shows those that are shipped)"
        )
    whole = known.select(order).map
    marks = whole.marks(body)
    marked = []
    for one, selection in zip(recordings, selections, strict=True):
        xyz = np.full((len(one.xyz), len(order), 3), np.nan)
        places = [order.index(name) for name in selection.map.names]
        xyz[:, places] = one.xyz[:, list(selection.columns)]
        marked.append(replace(one, xyz=xyz, names=tuple(order)))
    landmarks = Landmarks.of(body, marks)
    return Marked(tuple(marked), whole, marks, landmarks, tuple(unknown))


def choose_poses(marked: Marked, body: BodyModel, most: int) -> ChosenPoses:
    """Return at most `most` poses, spread evenly over all recordings.

    Raises `InputError` where there are too few, and where unit or sides cannot be right.
    """
    picked: list[Ints] = []
    unusable = repeated = 0
    for one in marked.recordings:
        good = usable_poses(one.xyz, marked.landmarks)
        fresh = good & ~_repeats(one.xyz, good)
        unusable += int((~good).sum())
        repeated += int((good & ~fresh).sum())
        if good.any():
            _refuse_wrong(one.name, one.xyz[good], marked, body)
        picked.append(np.flatnonzero(fresh))
    total = sum(map(len, picked))
    if total < LEAST_POSES:
        frames = sum(len(one.xyz) for one in marked.recordings)
        raise InputError(
            f"{total} different poses can be used, at least {LEAST_POSES} are needed: of {frames} "
            f"frames {unusable} lack the trunk's marks or more than "
            f"{1 - _LEAST_KNOWN:.0%} of all marks, {repeated} repeat the pose before them"
        )
    taken = np.round(np.linspace(0, total - 1, min(most, total))).astype(np.int64)
    owner = np.repeat(np.arange(len(picked)), [len(rows) for rows in picked])[taken]
    frame = np.concatenate(picked)[taken]
    xyz = np.stack([
        marked.recordings[k].xyz[t] for k, t in zip(owner, frame, strict=True)
    ])  # fmt: skip
    return ChosenPoses(xyz, owner, frame, unusable, repeated)


def usable_poses(xyz: Floats, landmarks: Landmarks) -> NDArray[np.bool_]:
    """Return the poses (T,) with enough marks to learn from."""
    known = np.isfinite(xyz).all(axis=-1).mean(axis=1)
    return np.asarray(landmarks.usable(xyz) & (known >= _LEAST_KNOWN))


def _repeats(xyz: Floats, good: NDArray[np.bool_]) -> NDArray[np.bool_]:
    """Return the good poses (T,) that are the one before them, wherever the animal may be."""
    rows = np.flatnonzero(good)
    distance = np.linalg.norm(xyz[rows] - np.roll(xyz[rows], 1, axis=1), axis=-1)
    moved = np.nan_to_num(np.abs(np.diff(distance, axis=0)), nan=0.0).max(axis=1, initial=0.0)
    out = np.zeros(len(xyz), bool)
    out[rows[1:]] = moved < _SAME_POSE
    return out


def _refuse_wrong(name: str, xyz: Floats, marked: Marked, body: BodyModel) -> None:
    size = relative_size(body, marked.marks, xyz)
    low, high = _SIZES
    if not low <= size <= high:
        units = [unit for unit, mm in UNITS.items() if low <= size * mm <= high]
        hint = f"the points seem to be in {units[0]}: give --unit {units[0]}" if units else (
            "is the unit right, and the keypoint map that of this tracker?"
        )  # fmt: skip
        raise InputError(
            f"{name}: taken as mm its bones are {size:.3g} times as long as a mouse's "
            f"(expected {low} to {high}); {hint}"
        )
    swapped = float(marked.landmarks.upside_down(xyz).mean())
    if swapped > _MOST_UPSIDE_DOWN:
        raise InputError(
            f"{name}: in {swapped:.0%} of the poses the paws lie on the animal's back: left and "
            "right are swapped in the names, or the axes are left-handed (negate one of them)"
        )
