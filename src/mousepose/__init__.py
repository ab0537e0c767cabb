"""mousepose: 3D pose of laboratory mice, limbs and feet, from one ordinary camera.

    from mousepose import Scale, load_keypoints, read_cameras, reconstruct

    keypoints = load_keypoints("mouse.csv", fps=30)
    cameras = read_cameras("camera.toml")
    sequence = reconstruct(keypoints, cameras, scale=Scale.body_length(90))

Importing the package is light: what needs a compiler, a table or a picture is loaded on first use.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

from mousepose.errors import (
    CameraError,
    FileError,
    InputError,
    ModelError,
    MouseposeError,
    UnknownNameError,
)
from mousepose.types import (
    FitReport,
    Keypoints2D,
    Keypoints3D,
    Pose,
    PoseSequence,
    State,
    Status,
)

if TYPE_CHECKING:
    from mousepose.body.body_file import load_body, write_body
    from mousepose.body.default import default_body
    from mousepose.body.keypoint_map import KeypointMap, load_keypoint_map
    from mousepose.body.model import BodyModel
    from mousepose.body.prior import PosePrior, load_prior
    from mousepose.body.published import load_published
    from mousepose.dataset.dataset import MousePoseDataset
    from mousepose.fit.config import FitConfig, Scale
    from mousepose.fit.setup import Animal, Setup
    from mousepose.geometry.camera import Camera
    from mousepose.io import (
        convert,
        load,
        load_keypoints,
        load_tracks,
        read_cameras,
        read_points,
        read_sequence,
        write_cameras,
        write_keypoints,
        write_sequence,
    )
    from mousepose.method import learn_animal, reconstruct, solve
    from mousepose.run.triangulate import triangulate
    from mousepose.sequence import slice_sequence

__version__ = "0.1.0"

_LAZY = {
    "Animal": "fit.setup",
    "BodyModel": "body.model",
    "Camera": "geometry.camera",
    "FitConfig": "fit.config",
    "KeypointMap": "body.keypoint_map",
    "MousePoseDataset": "dataset.dataset",
    "PosePrior": "body.prior",
    "Scale": "fit.config",
    "Setup": "fit.setup",
    "convert": "io",
    "default_body": "body.default",
    "learn_animal": "method",
    "load": "io",
    "load_body": "body.body_file",
    "load_keypoint_map": "body.keypoint_map",
    "load_keypoints": "io",
    "load_prior": "body.prior",
    "load_published": "body.published",
    "load_tracks": "io",
    "read_cameras": "io",
    "read_points": "io",
    "read_sequence": "io",
    "reconstruct": "method",
    "slice_sequence": "sequence",
    "solve": "method",
    "triangulate": "run.triangulate",
    "write_body": "body.body_file",
    "write_cameras": "io",
    "write_keypoints": "io",
    "write_sequence": "io",
}

__all__ = [
    "Animal",
    "BodyModel",
    "Camera",
    "CameraError",
    "FileError",
    "FitConfig",
    "FitReport",
    "InputError",
    "KeypointMap",
    "Keypoints2D",
    "Keypoints3D",
    "ModelError",
    "MousePoseDataset",
    "MouseposeError",
    "Pose",
    "PosePrior",
    "PoseSequence",
    "Scale",
    "Setup",
    "State",
    "Status",
    "UnknownNameError",
    "convert",
    "default_body",
    "learn_animal",
    "load",
    "load_body",
    "load_keypoint_map",
    "load_keypoints",
    "load_prior",
    "load_published",
    "load_tracks",
    "read_cameras",
    "read_points",
    "read_sequence",
    "reconstruct",
    "slice_sequence",
    "solve",
    "triangulate",
    "write_body",
    "write_cameras",
    "write_keypoints",
    "write_sequence",
]


def __getattr__(name: str) -> Any:
    if name not in _LAZY:
        raise AttributeError(f"module 'mousepose' has no attribute {name!r}")
    value = getattr(import_module(f"mousepose.{_LAZY[name]}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted(__all__)
