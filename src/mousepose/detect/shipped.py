"""The keypoint network that comes with the package."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path

#: Its file in `mousepose/data`; docs/keypoint-model.md is its model card.
_KEYPOINTS = "keypoints.onnx"


def shipped_model() -> Path:
    """Return the path of the network that finds the 22 keypoints where none is named."""
    return Path(str(files("mousepose") / "data" / _KEYPOINTS))
