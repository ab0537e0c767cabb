"""Lists of single-view problems with true 3D: what they hold, and the one way to read them.

A problem file is an `.npz` of N problems with J joints: `points_px` (N, J, 2), NaN = not seen;
`weight` (N, J) 0-1; `K` (3, 3) of a camera without distortion; `image_size_wh` (2,); `truth_mm`
(N, J, 3) in the camera frame (OpenCV axes); `scored` (N, J), which joints count; `joint_names`
(J,); `sequence` (N,) and `times_s` (N,), NaN = independent; `body_length_mm`, nose to tail base,
the metric scale that a fit may use. Optional: `sigma_px` (N,), the noise of the points, and the
exact skeleton `rest_mm` (J, 3) with `parents` (J,).
"""

from __future__ import annotations

import zipfile
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from common import CannotMeasure
from numpy.typing import ArrayLike, NDArray

from mousepose.types import Floats, Ints

#: Which skin mark of the DANNCE set stands for which joint in the sets of real mice.
MARK_OF_JOINT: Mapping[str, str] = {
    "SPINE_SHOULDER": "SpineF",
    "SPINE_MID": "SpineM",
    "ROOT_TAIL": "Tail(base)",
    "NOSE": "Snout",
    **{
        f"{side}_{joint}": mark + side[0]
        for side in ("LEFT", "RIGHT")
        for joint, mark in (
            ("KNEE", "Knee"),
            ("HIND_PAW", "Hindpaw"),
            ("SHOULDER", "Shoulder"),
            ("ELBOW", "Elbow"),
            ("FORE_PAW", "Forepaw"),
        )
    },
}
#: Noise assumed where a file does not state its own, px.
USUAL_SIGMA_PX = 2.0

Flags = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Problems:
    """N single views of J joints with their truth; fields as in the module's description.

    Raises `CannotMeasure` with every field that does not fit.
    """

    name: str
    joint_names: tuple[str, ...]
    matrix: Floats
    image_size: tuple[int, int]
    points: Floats
    weight: Floats
    truth: Floats
    scored: Flags
    sequence: Ints
    times: Floats
    body_length: float
    sigma: Floats
    rest: Floats | None = None
    parents: tuple[int, ...] | None = None

    def __post_init__(self) -> None:
        count, joints = len(self.points), len(self.joint_names)
        wrong = [
            f"{field}: expected {want}, got {have}"
            for field, have, want in (
                ("points_px", self.points.shape, (count, joints, 2)),
                ("weight", self.weight.shape, (count, joints)),
                ("truth_mm", self.truth.shape, (count, joints, 3)),
                ("scored", self.scored.shape, (count, joints)),
                ("sequence", self.sequence.shape, (count,)),
                ("times_s", self.times.shape, (count,)),
                ("sigma_px", self.sigma.shape, (count,)),
                ("K", self.matrix.shape, (3, 3)),
            )
            if have != want
        ]
        if self.rest is not None and self.rest.shape != (joints, 3):
            wrong.append(f"rest_mm: expected {(joints, 3)}, got {self.rest.shape}")
        if not wrong and not self.counted.any(axis=1).all():
            wrong.append("scored: every problem needs a scored joint with a finite truth")
        if not self.body_length > 0:
            wrong.append(f"body_length_mm: expected a positive length, got {self.body_length}")
        if (self.rest is None) != (self.parents is None):
            wrong.append("rest_mm and parents: expected both or neither")
        if wrong or count == 0:
            raise CannotMeasure(f"{self.name}: {'; '.join(wrong) or 'it holds no problems'}")

    def __len__(self) -> int:
        return len(self.points)

    @property
    def counted(self) -> Flags:
        """Which joints (N, J) are scored and have a truth."""
        return self.scored & is_known(self.truth)

    @property
    def seen(self) -> Flags:
        """Which joints (N, J) have an image point of some weight."""
        return is_known(self.points) & (self.weight > 0)

    @property
    def exact_skeleton(self) -> bool:
        """Whether the file gives the very skeleton that made it."""
        return self.rest is not None

    @property
    def marked(self) -> tuple[str, ...]:
        """The joints that stand for a skin mark of the DANNCE set, in the file's order."""
        return tuple(name for name in self.joint_names if name in MARK_OF_JOINT)


def load_problems(path: str | Path) -> Problems:
    """Return the problems of a file. Raises `CannotMeasure` on what is no problem file."""
    path = Path(path)
    arrays = load_arrays(path)
    needed = (
        "points_px", "weight", "K", "image_size_wh", "truth_mm", "scored", "joint_names",
        "sequence", "times_s", "body_length_mm",
    )  # fmt: skip
    missing = [key for key in needed if key not in arrays]
    if missing:
        raise CannotMeasure(f"{path}: no problem file, it lacks {', '.join(missing)}")
    count = len(arrays["points_px"])
    rest, parents = arrays.get("rest_mm"), arrays.get("parents")
    width, height = (int(side) for side in arrays["image_size_wh"])
    return Problems(
        name=path.stem,
        joint_names=tuple(str(name) for name in arrays["joint_names"]),
        matrix=np.asarray(arrays["K"], np.float64),
        image_size=(width, height),
        points=np.asarray(arrays["points_px"], np.float64),
        weight=np.asarray(arrays["weight"], np.float64),
        truth=np.asarray(arrays["truth_mm"], np.float64),
        scored=np.asarray(arrays["scored"], bool),
        sequence=np.asarray(arrays["sequence"], np.int64),
        times=np.asarray(arrays["times_s"], np.float64),
        body_length=float(arrays["body_length_mm"]),
        sigma=np.asarray(arrays.get("sigma_px", np.full(count, USUAL_SIGMA_PX)), np.float64),
        rest=None if rest is None else np.asarray(rest, np.float64),
        parents=None if parents is None else tuple(int(parent) for parent in parents),
    )


def is_known(points: ArrayLike) -> Flags:
    """Tell which points (*B, 2 or 3) have all their coordinates."""
    return np.asarray(np.isfinite(points).all(axis=-1))


def load_arrays(path: Path) -> dict[str, NDArray[Any]]:
    """Return the arrays of an `.npz` without unpickling. Raises `CannotMeasure`."""
    try:
        with np.load(path, allow_pickle=False) as file:
            return {key: file[key] for key in file.files}
    except FileNotFoundError:
        raise CannotMeasure(f"{path} does not exist; give it by --data or by its path") from None
    except (OSError, ValueError, AttributeError, zipfile.BadZipFile) as error:
        raise CannotMeasure(f"{path} cannot be read as .npz: {error}") from error
