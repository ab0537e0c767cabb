"""The networks that come with the package."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

#: Their files in `mousepose/data`; docs/keypoint-model.md is their model card.
_KEYPOINTS, _DETECTOR = "keypoints.onnx", "detector.onnx"


def shipped_model() -> Path:
    """Return the path of the network that finds the 22 keypoints where none is named."""
    return Path(str(files("mousepose") / "data" / _KEYPOINTS))


def shipped_detector() -> Path:
    """Return the path of the network that finds mice in whole frames where none is named."""
    return Path(str(files("mousepose") / "data" / _DETECTOR))
