"""The data that flows through mousepose. Shapes are checked at construction.

What a sequence can be asked for in a notebook (tables, angles, meshes, pictures) is done by
functions of higher layers, which its methods reach through `_verb` alone: see `VERBS`.

Letters: T frames, C cameras, K keypoints, J joints, S shape coefficients, *B any batch axes.
Units everywhere: mm, rad, px, s.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from enum import IntEnum
from importlib import import_module
from pathlib import Path
from typing import Any, Literal, SupportsIndex, cast

import numpy as np
from numpy.typing import NDArray

from mousepose.errors import InputError

#: Told of long work: the stage's name, how much of it is done, and of how much (0: not known).
Progress = Callable[[str, int, int], None]
Floats = NDArray[np.float64]
Ints = NDArray[np.int64]
Bytes = NDArray[np.uint8]

#: The functions that methods of these types stand for, each with the module that has it. They are
#: loaded when they are called: the types import nothing from above themselves.
VERBS: Mapping[str, str] = {
    "between": "sequence.cut",
    "choose_frames": "sequence.cut",
    "html_of": "sequence.words",
    "keypoints_in_words": "sequence.words",
    "mesh_of": "body.of_sequence",
    "plot_keypoints": "report.picture",
    "plot_sequence": "report.picture",
    "sequence_in_words": "sequence.words",
    "tabulate_angles": "report.angle_table",
    "to_dataframe": "io.poses.dataframe",
    "to_xarray": "io.poses.dataset",
    "write_sequence": "io.poses.registry",
}


def _verb(name: str) -> Any:
    """Return a function of `VERBS`."""
    return getattr(import_module(f"mousepose.{VERBS[name]}"), name)


class State(IntEnum):
    """What is known of one keypoint in one frame."""

    ABSENT = 0  #: no estimate: the frame was not solved
    INFERRED = 1  #: no image evidence in this frame; placed by the body, the prior and time
    SEEN = 2  #: image evidence in this frame was used


class Status(IntEnum):
    """How the fit of one frame ended."""

    OK = 0  #: solved from its own keypoints
    BRIDGED = 1  #: too few keypoints of its own; carried by its neighbours in time
    EMPTY = 2  #: no usable keypoint and no neighbour near enough: no estimate
    POOR = 3  #: solved, but the keypoints do not agree with any mouse pose
    FAILED = 4  #: the solver met a number it could not use: no estimate


def require(condition: bool, message: str) -> None:
    """Raise `InputError` with `message` unless `condition` holds."""
    if not condition:
        raise InputError(message)


def _check(name: str, array: NDArray[Any], expected: tuple[int | None, ...]) -> None:
    good = array.ndim == len(expected) and all(
        want is None or have == want for have, want in zip(array.shape, expected, strict=False)
    )
    shown = ", ".join("any" if n is None else str(n) for n in expected)
    require(good, f"{name}: expected shape ({shown}), got {array.shape}")


@dataclass(frozen=True)
class Keypoints2D:
    """Tracked image points of one animal: `xy` (T, C, K, 2) px, NaN = not seen.

    `confidence` (T, C, K) lies in 0-1. `times` (T,) are seconds and `frame_numbers` (T,) whole
    numbers, both increasing. `covariance` (T, C, K, 2, 2) px^2 replaces the confidence where given.
    The centre of the top-left pixel is (0, 0). Raises `InputError` on any other shape.
    """

    xy: Floats
    confidence: Floats
    times: Floats
    frame_numbers: Ints
    keypoint_names: tuple[str, ...]
    animal: str = "animal0"
    covariance: Floats | None = None

    def __post_init__(self) -> None:
        _check("xy", self.xy, (None, None, len(self.keypoint_names), 2))
        frames, cameras, keypoints, _ = self.xy.shape
        _check("confidence", self.confidence, (frames, cameras, keypoints))
        _check("times", self.times, (frames,))
        _check("frame_numbers", self.frame_numbers, (frames,))
        if self.covariance is not None:
            _check("covariance", self.covariance, (frames, cameras, keypoints, 2, 2))

    def __len__(self) -> int:
        return len(self.times)

    def __repr__(self) -> str:
        return cast(str, _verb("keypoints_in_words")(self))

    def _repr_html_(self) -> str:
        """Return what a notebook shows."""
        return cast(str, _verb("html_of")(self))

    def plot(self, camera: int = 0) -> Any:
        """Return a matplotlib figure of what one camera's tracker gave, counted from 0."""
        return _verb("plot_keypoints")(self, camera)


@dataclass(frozen=True)
class Keypoints3D:
    """Points in space: `xyz` (T, K, 3) mm, NaN = unknown; `covariance` (T, K, 3, 3) mm^2."""

    xyz: Floats
    times: Floats
    keypoint_names: tuple[str, ...]
    covariance: Floats | None = None

    def __post_init__(self) -> None:
        _check("xyz", self.xyz, (None, len(self.keypoint_names), 3))
        _check("times", self.times, (len(self.xyz),))


@dataclass(frozen=True)
class Pose:
    """Rotations and place of a body: what forward kinematics turns into joints.

    `root_rotation` (*B, 3) and `joint_rotation` (*B, J, 3) are axis-angle vectors in rad; row j
    turns the bone that ends at joint j about its parent joint, in the parent bone's frame (row 0
    is zero). `root_translation` (*B, 3) mm places joint 0. `shape` (S,) is shared by all frames.
    """

    root_rotation: Floats
    root_translation: Floats
    joint_rotation: Floats
    shape: Floats

    def __post_init__(self) -> None:
        batch = self.root_rotation.shape[:-1]
        _check("root_rotation", self.root_rotation, (*batch, 3))
        _check("root_translation", self.root_translation, (*batch, 3))
        _check("joint_rotation", self.joint_rotation, (*batch, None, 3))
        _check("shape", self.shape, (None,))


@dataclass(frozen=True)
class FitReport:
    """How each frame's fit went: `status` (T,) `Status`, `iterations` (T,), cost by term (T,)."""

    status: Bytes
    iterations: Ints
    cost: Mapping[str, Floats]

    def __post_init__(self) -> None:
        _check("status", self.status, (None,))
        _check("iterations", self.iterations, (len(self.status),))
        for term, values in self.cost.items():
            _check(f"cost[{term!r}]", values, (len(self.status),))


@dataclass(frozen=True)
class PoseSequence:
    """The 3D pose of one animal through time, with its uncertainty and its origin.

    `keypoints` (T, K, 3) mm with `covariance` (T, K, 3, 3) mm^2 and `state` (T, K) `State`;
    `rotation_sd` (T, J, 3) rad is the standard deviation of `pose.joint_rotation`. `frame` names
    the frame of reference ("camera" or "world"), `scale_source` what made the result metric
    ("none" where nothing did). `provenance` holds input hash, config, model and version.
    """

    pose: Pose
    keypoints: Floats
    covariance: Floats
    state: Bytes
    rotation_sd: Floats
    times: Floats
    frame_numbers: Ints
    report: FitReport
    keypoint_names: tuple[str, ...]
    joint_names: tuple[str, ...]
    animal: str = "animal0"
    frame: str = "camera"
    scale_source: str = "none"
    provenance: Mapping[str, Any] = field(default_factory=dict)

    def __post_init__(self) -> None:
        frames, keypoints, joints = len(self.times), len(self.keypoint_names), len(self.joint_names)
        _check("keypoints", self.keypoints, (frames, keypoints, 3))
        _check("covariance", self.covariance, (frames, keypoints, 3, 3))
        _check("state", self.state, (frames, keypoints))
        _check("rotation_sd", self.rotation_sd, (frames, joints, 3))
        _check("joint_rotation", self.pose.joint_rotation, (frames, joints, 3))
        _check("frame_numbers", self.frame_numbers, (frames,))
        _check("status", self.report.status, (frames,))

    def __len__(self) -> int:
        return len(self.times)

    def __repr__(self) -> str:
        return cast(str, _verb("sequence_in_words")(self))

    def _repr_html_(self) -> str:
        """Return what a notebook shows."""
        return cast(str, _verb("html_of")(self))

    def __getitem__(self, chosen: SupportsIndex | slice | NDArray[np.bool_]) -> PoseSequence:
        """Return frames by their place: `sequence[100:200]`, `sequence[-1]`, a mask (T,) of bool.

        Raises `IndexError` for a place that is not there.
        """
        return cast(PoseSequence, _verb("choose_frames")(self, chosen))

    def between(self, start: float, stop: float) -> PoseSequence:
        """Return the frames from time `start` to before `stop`, in s.

        Raises `InputError` where there is none.
        """
        return cast(PoseSequence, _verb("between")(self, start, stop))

    def to_dataframe(self, form: Literal["wide", "long", "file"] = "wide") -> Any:
        """Return a pandas DataFrame; units, frame of reference and scale are in its `attrs`.

        "wide": a row for each frame, with `NOSE_x`, `NOSE_y`, `NOSE_z` mm and `NOSE_state` of every
        keypoint. "long": a row for each frame and keypoint, with standard deviations in mm. "file":
        every column of the Parquet file.
        """
        return _verb("to_dataframe")(self, form)

    def to_xarray(self) -> Any:
        """Return an xarray Dataset that the package `movement` works on.

        `position` (time, space, keypoint, individual) mm, `confidence`, `covariance` mm^2, `state`.
        Raises `InputError` where xarray is not installed: the extra "formats".
        """
        return _verb("to_xarray")(self)

    def joint_angles(self, body: Any = None) -> Any:
        """Return a pandas DataFrame of anatomical angles in degrees, indexed by time in s.

        Columns: "left knee" and its standard deviation "left knee sd", and so on for hip, elbow,
        shoulder and spine; in full in `report.tabulate_angles`. `body` is the `BodyModel` of the
        fit, the default one if none is given.
        """
        return _verb("tabulate_angles")(self, body)

    def mesh(self, frame: int, body: Any = None) -> tuple[Floats, Ints]:
        """Return the skin of one frame: vertices (V, 3) mm and faces (F, 3), counted from 0.

        `body` is the `BodyModel` of the fit and needs a skin. Raises `InputError` where it has none
        and where the frame has no estimate.
        """
        return cast(tuple[Floats, Ints], _verb("mesh_of")(self, frame, body))

    def plot(self, frame: int | None = None, body: Any = None) -> Any:
        """Return a matplotlib figure of the whole: one pose, the path, the knees, what was seen.

        `frame` is the place of the pose that is drawn, by default one with hidden keypoints.
        """
        return _verb("plot_sequence")(self, frame, body)

    def save(self, path: str | Path, *, format: str | None = None) -> list[Path]:
        """Write the sequence and return the paths of the files; the path's ending tells the format.

        See `write_sequence`: `.parquet` holds all of it, `.nc`, `.csv` and `.h5` its points.
        """
        return cast(list[Path], _verb("write_sequence")(path, self, format=format))
