"""Videos with boxes drawn on them: what was found, for the eye."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mousepose.run.track_table import iterate_boxes
from mousepose.types import Bytes, Floats, Progress, State
from mousepose.video import open_video, video_writer

#: A colour for each mouse in turn; distinguishable without red and green.
COLOURS = ((230, 159, 0), (86, 180, 233), (240, 228, 66), (204, 121, 167), (0, 158, 115))
#: Longer side of an overlay, px: larger ones are shrunk by a whole factor.
_LONGEST = 1280


def write_box_overlay(video: Path, boxes: Path, output: Path, progress: Progress) -> None:
    """Write `video` with the boxes of a table of `mousepose track` drawn on its frames.

    A mouse that is hidden has a broken line. In the top-left corner stands the frame's number and
    time, and for a second what happened to the camera or the light. Raises `FileError`.
    """
    with open_video(video) as source:
        width, height = source.size
        factor = max(1, -(-max(width, height) // _LONGEST))
        size = (width // factor, height // factor)
        table, event, until = iterate_boxes(boxes), "", -1
        with video_writer(output, size, source.fps) as writer:
            for batch in source.batches(16, colour=True):
                for number, image in zip(batch.numbers, batch.images, strict=True):
                    _, found, states, told = next(table)
                    if told:
                        event, until = told, number + max(30, source.fps)
                    small = np.ascontiguousarray(image[::factor, ::factor][: size[1], : size[0]])
                    draw_boxes(small, (found + 0.5) / factor - 0.5, states)
                    time = float(source.times[number])
                    note = f"{number}  {time:.2f} s" + (f"  {event}" if number < until else "")
                    write_text(small, (4, 4), note)
                    writer.write(small, time)
                progress("drawing", int(batch.numbers[-1]) + 1, len(source))


def draw_boxes(image: Bytes, boxes: Floats, states: np.ndarray) -> None:
    """Draw boxes (N, 4) px into an RGB image (H, W, 3), each mouse in its colour."""
    thick = max(1, round(max(image.shape[:2]) / 400))
    for animal, (box, state) in enumerate(zip(boxes, states, strict=True)):
        if state == State.ABSENT or not np.isfinite(box).all():
            continue
        left, top, right, bottom = np.rint(box).astype(int)
        colour = COLOURS[animal % len(COLOURS)]
        across, down = np.arange(left, right + 1), np.arange(top, bottom + 1)
        if state == State.INFERRED:
            across, down = (line[(line // (4 * thick)) % 2 == 0] for line in (across, down))
        for n in range(thick):
            for y in (top + n, bottom - n):
                _dots(image, across, np.full(len(across), y), colour)
            for x in (left + n, right - n):
                _dots(image, np.full(len(down), x), down, colour)


def write_text(image: Bytes, place: tuple[int, int], text: str) -> None:
    """Write a line of text into an RGB image (H, W, 3), white on black."""
    from PIL import Image, ImageDraw

    strip = Image.new("RGB", (min(image.shape[1] - place[0], 8 * len(text) + 8), 14))
    ImageDraw.Draw(strip).text((3, 1), text, fill=(255, 255, 255))
    pixels = np.asarray(strip)[: max(0, image.shape[0] - place[1])]
    image[place[1] : place[1] + pixels.shape[0], place[0] : place[0] + pixels.shape[1]] = pixels


def _dots(image: Bytes, x: np.ndarray, y: np.ndarray, colour: tuple[int, int, int]) -> None:
    inside = (x >= 0) & (y >= 0) & (x < image.shape[1]) & (y < image.shape[0])
    image[y[inside], x[inside]] = colour
