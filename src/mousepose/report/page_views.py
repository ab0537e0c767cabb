"""A result in the pictures of its videos: which camera took which, and the pose drawn on them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np
from PIL import Image

from mousepose.closing import Closing
from mousepose.errors import InputError
from mousepose.geometry.camera import Camera
from mousepose.report.stick import Stick
from mousepose.run.report_result import Result
from mousepose.types import Bytes, Floats

if TYPE_CHECKING:
    from mousepose.video import Video

#: Longer side of a picture, px.
_LONGEST = 640
_BILINEAR = Image.Resampling.BILINEAR


class VideoView(Closing):
    """A video as one camera of a result saw it.

    `warning` tells where video and result do not fit together, "" where they do. Use it in a `with`
    block, or close it; one thread at a time may read from it.
    """

    def __init__(self, path: Path, camera: Camera, result: Result) -> None:
        """Open the video. Raises `FileError`, `InputError` where the camera has another size."""
        from mousepose.video import open_video  # starts numba

        self.path, self.camera, self._result = path, camera, result
        self._video: Video = open_video(path)
        self._stick = Stick.of(result.keypoint_names)
        have, want = self._video.size, camera.size
        if tuple(have) != want:
            self._video.close()
            raise InputError(
                f"{path}: its pictures are {have[0]} x {have[1]} px, those of camera "
                f"{camera.name!r} {want[0]} x {want[1]}: give the video that the result was made "
                "from, or its camera file with --camera"
            )
        self.warning = length_warning(path, len(self._video), result)

    def close(self) -> None:
        """Close the video."""
        self._video.close()

    def pixels(self, place: int) -> Floats:
        """Return where the keypoints (K, 2) px of a frame are in the camera's picture."""
        sequence, index = self._result.at(place)
        points = sequence.keypoints[index]
        if sequence.frame == "camera":
            points = self.camera.to_world(points)
        return self.camera.project(points)

    def picture(self, place: int, drawn: bool, longest: int = _LONGEST) -> Bytes | None:
        """Return the picture (H, W, 3) of a frame, shrunk by a whole factor to `longest` px.

        `drawn`: with the pose on it. None where the video has no such frame.
        """
        number = int(self._result.frame_numbers[place])
        if not 0 <= number < len(self._video):
            return None
        image = self._video.frame(number, colour=True).image
        factor = max(1, -(-max(self._video.size) // longest))
        small = np.ascontiguousarray(image[::factor, ::factor])
        return self._drawn(small, place, (self.pixels(place) + 0.5) / factor - 0.5, drawn)

    def close_up(self, place: int, drawn: bool, side: int = 420) -> Bytes | None:
        """Return the part of a frame about the animal as a square (side, side, 3), enlarged.

        None where the video has no such frame, or the animal is not in its picture.
        """
        number = int(self._result.frame_numbers[place])
        pixels = self.pixels(place)
        width, height = self.camera.size
        inside = pixels[np.isfinite(pixels).all(axis=1)]
        inside = inside[((inside > -1) & (inside < [width, height])).all(axis=1)]
        if not 0 <= number < len(self._video) or not len(inside):
            return None
        middle = (inside.min(axis=0) + inside.max(axis=0)) / 2
        half = max(24.0, 0.62 * float(np.ptp(inside, axis=0).max()))
        box = (*(middle - half), *(middle + half))
        whole = Image.fromarray(self._video.frame(number, colour=True).image)
        square = whole.transform((side, side), Image.Transform.EXTENT, box, _BILINEAR)
        scale = side / (2 * half)
        # Edges of pixels are what the box counts from, their middles what the camera does.
        moved = (pixels + 0.5 - (middle - half)) * scale - 0.5
        return self._drawn(np.asarray(square), place, moved, drawn)

    def _drawn(self, image: Bytes, place: int, pixels: Floats, drawn: bool) -> Bytes:
        if not drawn:
            return image
        from mousepose.report.overlay_keypoints import draw_stick  # starts numba

        sequence, index = self._result.at(place)
        return draw_stick(image, pixels, sequence.state[index] / 2.0, self._stick)


def length_warning(path: Path, frames: int, result: Result) -> str:
    """Return what is wrong with a video of another length than its result, "" where nothing is."""
    last = int(result.frame_numbers[-1])
    if frames == last + 1:
        return ""
    what = (
        f"pictures end there, poses go on to frame {last}"
        if frames <= last
        else f"poses end at frame {last}"
    )
    return (
        f"{path.name} has {frames:,} frames, the result {last + 1:,}: {what}. Is it the video that "
        "the result was made from?"
    )


def video_views(
    videos: Sequence[Path], cameras: Sequence[Camera], result: Result
) -> list[VideoView]:
    """Return the views of videos, each with its camera, in the order of the fit's cameras.

    A video that bears a camera's name goes to it. Raises `InputError` where there are more videos
    than cameras, and `FileError` on a video that cannot be read.
    """
    if videos and not cameras:
        raise InputError(
            "a video needs the camera that took it: give the camera file with --camera"
        )
    if len(videos) > len(cameras):
        raise InputError(
            f"{len(videos)} videos for {len(cameras)} camera(s) "
            f"({', '.join(camera.name for camera in cameras)}): give one for each at most"
        )
    views: list[VideoView] = []
    try:
        for video, camera in paired(videos, cameras):
            views.append(VideoView(video, camera, result))
    except BaseException:
        for view in views:
            view.close()
        raise
    return views


def paired(videos: Sequence[Path], cameras: Sequence[Camera]) -> list[tuple[Path, Camera]]:
    """Return each video with its camera: that whose name it bears, else the next one."""
    named = {
        video: camera
        for video in videos
        for camera in cameras
        if video.stem.lower().endswith(camera.name.lower())
    }
    left = [camera for camera in cameras if camera not in named.values()]
    return [(video, named.get(video) or left.pop(0)) for video in videos]
