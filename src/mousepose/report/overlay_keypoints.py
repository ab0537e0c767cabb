"""Videos with what a tracker saw drawn on them, for the eye; and the poses that came of it."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw

from mousepose.body.of_sequence import body_of
from mousepose.errors import InputError
from mousepose.geometry.camera import Camera
from mousepose.io import animals_in, iterate_keypoints, iterate_sequence
from mousepose.report.overlay import write_text
from mousepose.report.stick import Stick
from mousepose.types import Bytes, Floats, Progress
from mousepose.video import open_video, video_writer

#: A frame's number, the points (K, 2) px of its image and how sure each is (K,).
Points = tuple[int, Floats, Floats]
#: Points that are less sure are drawn as rings, lines to them not at all.
_SURE = 0.5
_DARK = "#222222"  #: as good as invisible on a black mouse
_CHUNK = 2000
_LONGEST = 1280


def write_keypoint_overlay(
    video: Path, table: Path, output: Path, progress: Progress, fps: float | None = None
) -> None:
    """Write `video` with the 2D keypoints of a table drawn on its frames.

    A ring is a point of which the tracker is not sure. Raises `FileError` and `InputError`.
    """
    animals = [_keypoints(table, animal, fps) for animal in animals_in(table)]
    first = next(iterate_keypoints(table, 1, fps=fps, animal=animals_in(table)[0]))
    _write(video, first.keypoint_names, animals, output, progress, fps)


def write_pose_overlay(
    video: Path,
    poses: Sequence[Path],
    camera: Camera,
    output: Path,
    progress: Progress,
    fps: float | None = None,
) -> None:
    """Write `video` with the poses (Parquet) of some animals drawn on it, as `camera` sees.

    Their skins are drawn where they were fitted with the default body, else their skeletons alone.
    Raises `FileError` and `InputError`.
    """
    from mousepose.report.overlay_video.cast import Casting
    from mousepose.report.overlay_video.job import USUAL, OverlayJob, write_overlay

    draw: tuple[str, ...] = USUAL
    try:
        for path in poses:
            body_of(next(iterate_sequence(path, 1)))
    except InputError:
        draw = tuple(name for name in USUAL if name != "mesh")
    casting = Casting(tuple(poses), cameras=(camera,))
    write_overlay(OverlayJob(video, casting, output, draw=draw, fps=fps), progress)


def _keypoints(table: Path, animal: str, fps: float | None) -> Iterator[Points]:
    for chunk in iterate_keypoints(table, _CHUNK, fps=fps, animal=animal):
        for n, number in enumerate(chunk.frame_numbers):
            yield int(number), chunk.xy[n, 0], chunk.confidence[n, 0]


def _write(
    video: Path,
    names: tuple[str, ...],
    animals: Iterable[Iterator[Points]],
    output: Path,
    progress: Progress,
    fps: float | None,
) -> None:
    stick = Stick.of(names)
    started = list(animals)
    waiting = [next(animal, None) for animal in started]
    with open_video(video, fps) as source:
        factor = max(1, -(-max(source.size) // _LONGEST))
        size = (source.size[0] // factor, source.size[1] // factor)
        with video_writer(output, size, source.fps) as writer:
            for batch in source.batches(16, colour=True):
                for number, whole in zip(batch.numbers, batch.images, strict=True):
                    image = np.ascontiguousarray(whole[::factor, ::factor][: size[1], : size[0]])
                    for a, animal in enumerate(started):
                        while (points := waiting[a]) is not None and points[0] < number:
                            waiting[a] = next(animal, None)
                        if points is not None and points[0] == number:
                            image = draw_stick(
                                image, (points[1] + 0.5) / factor - 0.5, points[2], stick
                            )
                    time = float(source.times[number])
                    write_text(image, (4, 4), f"{number}  {time:.2f} s")
                    writer.write(image, time)
                progress("drawing", int(batch.numbers[-1]) + 1, len(source))


def draw_stick(image: Bytes, xy: Floats, sure: Floats, stick: Stick) -> Bytes:
    """Return an RGB image (H, W, 3) with points `xy` (K, 2) px and the lines between them."""
    picture = Image.fromarray(image)
    pen = ImageDraw.Draw(picture)
    there = np.asarray((np.abs(xy) < 1e5).all(axis=-1))  # NaN is not
    wide = max(1, round(max(image.shape[:2]) / 500))
    for a, b in stick.edges:
        if there[a] and there[b] and min(sure[a], sure[b]) >= _SURE:
            colour = _visible(stick.colours[a])
            pen.line([tuple(xy[a]), tuple(xy[b])], fill=colour, width=wide)
    for k in np.flatnonzero(there):
        (x, y), reach = xy[k].tolist(), 1.5 * wide
        fill = _visible(stick.colours[k]) if sure[k] >= _SURE else None
        box = (x - reach, y - reach, x + reach, y + reach)
        pen.ellipse(box, fill=fill, outline=_visible(stick.colours[k]))
    return np.array(picture)


def _visible(colour: str) -> str:
    return "#F0E442" if colour == _DARK else colour
