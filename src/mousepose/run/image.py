"""Whether keypoints lie in the image of the camera that is said to have seen them."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mousepose.errors import InputError
from mousepose.geometry.camera import Camera
from mousepose.types import Keypoints2D

#: Shares of points outside the image that are worth a word, and that no recording has.
_SOME, _MOST = 0.05, 0.5


def check_image(
    keypoints: Keypoints2D, cameras: Sequence[Camera], min_confidence: float
) -> str | None:
    """Return a warning where points lie outside the image of their camera, None where they do not.

    Points of less than `min_confidence` do not count: a tracker puts them anywhere. Raises
    `InputError` where most of them do: that camera did not see this video.
    """
    for view, camera in enumerate(cameras):
        xy = keypoints.xy[:, view]
        sure = keypoints.confidence[:, view] >= min_confidence
        known = xy[np.isfinite(xy).all(-1) & sure]
        if not len(known):
            continue
        outside = float(np.mean(((known < -0.5) | (known > np.array(camera.size) - 0.5)).any(-1)))
        if outside < _SOME:
            continue
        width, height = camera.size
        right, low = np.quantile(known, 0.99, axis=0)
        told = (
            f"{outside:.0%} of the points lie outside the {width} x {height} px image of camera "
            f"{camera.name!r} (they reach to x = {right:.0f}, y = {low:.0f}): is it the camera of "
            "this video, in the video's size?"
        )
        if outside > _MOST:
            raise InputError(
                f"{told} Where the video was scaled or cropped, calibrate in that size"
            )
        return told
    return None
