"""Focal lengths from fields of view, and the fields of view of common cameras."""

from __future__ import annotations

import numpy as np

from mousepose.errors import UnknownNameError
from mousepose.types import require

#: Horizontal field of view (degrees) over the whole sensor, as their makers state it.
CAMERA_MODELS = {
    "raspberry-pi-1": 53.5,
    "raspberry-pi-2": 62.2,
    "raspberry-pi-3": 66.0,
    "raspberry-pi-3-wide": 102.0,
    "logitech-c920": 70.4,  # 78 along the diagonal of 16:9
    "realsense-d435": 69.0,
}
#: Of a camera of which nothing is known (degrees): between a machine camera's usual lens and a
#: webcam.
TYPICAL_VIEW = 60.0


def focal_of_view(width: float, degrees: float) -> float:
    """Return the focal length (px) of an image `width` px wide that shows so many degrees.

    Raises `InputError` unless the angle lies between 5 and 150 degrees.
    """
    require(
        5 <= degrees <= 150, f"field of view: {degrees:g} degrees, expected 5 to 150 (horizontal)"
    )
    return float(width / 2 / np.tan(np.deg2rad(degrees) / 2))


def view_of_model(name: str) -> float:
    """Return the horizontal field of view (degrees) of a camera model.

    Raises `UnknownNameError`, listing those that are known.
    """
    key = name.strip().lower().replace(" ", "-").replace("_", "-")
    if key not in CAMERA_MODELS:
        raise UnknownNameError.of("camera model", name, CAMERA_MODELS)
    return CAMERA_MODELS[key]
