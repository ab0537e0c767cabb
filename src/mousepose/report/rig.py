"""How accurate a planned recording would be: walks are simulated in it, reconstructed, compared."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, replace
from typing import Any, Literal

import numpy as np
from numpy.typing import NDArray

from mousepose.body.default import default_body
from mousepose.body.prior import load_prior
from mousepose.errors import InputError
from mousepose.fit.config import FitConfig, Scale
from mousepose.method import reconstruct
from mousepose.report.accuracy import Accuracy, compare_with_truth
from mousepose.simulate import PAWS
from mousepose.simulate.rig import Recording, Rig, record
from mousepose.types import Floats, PoseSequence, State, require

#: What gives the scale in a planned recording: the floor in the camera file, or a body length.
RigScale = Literal["floor", "body-length"]
#: The parts whose errors are told, in this order.
PARTS = ("all", "trunk", "head", "knees and elbows", "feet seen", "feet not seen", "tail")
_TRUNK = ("SPINE", "HIP", "SHOULDER", "ROOT_TAIL")
_HEAD = ("NECK", "NOSE", "EAR")


@dataclass(frozen=True)
class RigAccuracy:
    """What is to be expected of a rig: errors by part of the body, of `PARTS`, in mm.

    `stride_mm` is the mean error of a stride's length, footfall times known. `in_view` is the share
    (0-1) of keypoints that a camera gave. Where nothing could be reconstructed errors are NaN and
    `trouble` says why.
    """

    parts: Mapping[str, Accuracy]
    stride_mm: float
    in_view: float
    frames: int
    trouble: str = ""

    def figures(self) -> dict[str, Any]:
        """Return all figures as plain data for JSON, which knows no NaN: None in its place."""
        parts = {
            part.replace(" ", "_"): {name: _plain(value) for name, value in asdict(found).items()}
            for part, found in self.parts.items()
        }
        return {
            "parts": parts,
            "stride_mm": _plain(self.stride_mm),
            "in_view": self.in_view,
            "frames": self.frames,
        } | ({"trouble": self.trouble} if self.trouble else {})


def measure_rig(
    rig: Rig,
    *,
    scale: RigScale = "floor",
    mice: int = 2,
    seconds: float = 4.0,
    seed: int = 0,
    progress: Callable[[int, int], None] | None = None,
) -> RigAccuracy:
    """Return what to expect of a rig, over `mice` simulated mice that walk `seconds` each.

    With "body-length" the floor is not known and the scale is each mouse's mean distance from snout
    to tail base. Raises `InputError` for a keypoint map that does not exist and for numbers that
    make no recording.
    """
    require(mice >= 1, f"mice: expected at least one, got {mice}")
    require(1 <= seconds <= 60, f"seconds: expected 1 to 60 a mouse, got {seconds:g}")
    body, prior = default_body(), load_prior()
    found: list[dict[str, Accuracy]] = []
    strides: list[Floats] = []
    views: list[float] = []
    trouble = ""
    for mouse in range(mice):
        recording = record(rig, body, prior, seconds, seed=seed + mouse)
        truth = recording.walk.sequence(body)
        views.append(float(np.isfinite(recording.keypoints.xy[..., 0]).mean()))
        if progress is not None:
            progress(mouse, mice)
        try:
            sequence = _reconstructed(recording, truth, rig, scale)
        except InputError as error:
            trouble = str(error)
            continue
        found.append(_by_part(sequence, truth))
        strides.append(_stride_errors(sequence, truth, recording.walk.paw_contacts))
    off = np.concatenate(strides) if strides else np.zeros(0)
    return RigAccuracy(
        {part: _pooled([one[part] for one in found]) for part in PARTS},
        float(off[np.isfinite(off)].mean()) if np.isfinite(off).any() else float("nan"),
        float(np.mean(views)),
        len(found) * round(seconds * rig.frames_per_second),
        trouble,
    )


def _plain(value: float) -> float | None:
    return None if np.isnan(value) else value


def _reconstructed(
    recording: Recording, truth: PoseSequence, rig: Rig, scale: RigScale
) -> PoseSequence:
    config = FitConfig(pixel_sigma=max(rig.noise_px, 0.5))
    if scale == "floor":
        given, cameras = Scale.floor(), rig.cameras
    else:
        nose, tail = (truth.keypoint_names.index(name) for name in ("NOSE", "ROOT_TAIL"))
        apart = np.linalg.norm(truth.keypoints[:, nose] - truth.keypoints[:, tail], axis=-1)
        given = Scale.body_length(float(apart.mean()))
        cameras = tuple(replace(camera, floor_plane=None) for camera in rig.cameras)
    return reconstruct(
        recording.keypoints, cameras, keypoint_map=rig.keypoints, scale=given, config=config
    )


def _by_part(sequence: PoseSequence, truth: PoseSequence) -> dict[str, Accuracy]:
    names = sequence.keypoint_names
    paws = np.array([name.endswith("_PAW") for name in names])
    head = np.array([any(part in name for part in _HEAD) for name in names])
    trunk = np.array([any(part in name for part in _TRUNK) for name in names])
    tail = np.array(["TAIL" in name for name in names]) & ~trunk
    seen = sequence.state == State.SEEN
    every = np.ones_like(seen)
    chosen = {
        "all": every,
        "trunk": every & trunk,
        "head": every & head,
        "knees and elbows": every & ~(paws | head | trunk | tail),
        "feet seen": paws & seen,
        "feet not seen": paws & ~seen,
        "tail": every & tail,
    }
    return {part: compare_with_truth(sequence, truth.keypoints, chosen[part]) for part in PARTS}


def _pooled(parts: Sequence[Accuracy]) -> Accuracy:
    """Return the accuracy over all points of some recordings."""
    known = [part for part in parts if part.points]
    if not known:
        nothing = float("nan")
        return Accuracy(0, nothing, nothing, nothing, nothing)
    weight = np.array([part.points for part in known], np.float64)

    def mean(field: str) -> float:
        return float(np.average([getattr(part, field) for part in known], weights=weight))

    return Accuracy(
        int(weight.sum()), mean("place"), mean("root"), mean("rigid"), mean("in_90_region")
    )


def _stride_errors(
    sequence: PoseSequence, truth: PoseSequence, contacts: NDArray[np.bool_]
) -> Floats:
    """Return by how much (N,) mm the length of every stride is off, whole stances only."""
    off = []
    for paw, standing in zip(PAWS, contacts.T, strict=True):
        lengths = [
            _stride_lengths(one.keypoints[:, one.keypoint_names.index(paw)], standing)
            for one in (sequence, truth)
        ]
        off.append(np.abs(lengths[0] - lengths[1]))
    return np.concatenate(off)


def _stride_lengths(paw: Floats, standing: NDArray[np.bool_]) -> Floats:
    """Return the ways (N,) mm between the middles of a paw's stances (T,), cut ones left out."""
    number = np.cumsum(np.diff(standing.astype(int), prepend=int(standing[0])) == 1)
    whole = range(1, number[-1] + (0 if standing[-1] else 1))
    middles = [paw[standing & (number == n)].mean(axis=0) for n in whole]
    if len(middles) < 2:
        return np.zeros(0)
    return np.asarray(np.linalg.norm(np.diff(middles, axis=0), axis=-1))
