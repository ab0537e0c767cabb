"""The search for a board in the footage of all cameras: which frames show it, and where."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mousepose.calibrate.board import Board
from mousepose.calibrate.board_detect import Detector
from mousepose.calibrate.board_diagnose import diagnose
from mousepose.calibrate.board_frames import Footage, open_footage, read_frames, spread_numbers
from mousepose.calibrate.board_refine import Grey
from mousepose.errors import InputError
from mousepose.geometry.resection import is_seen
from mousepose.types import Floats, Ints, Progress

#: Without this many views of the board there is nothing to calibrate.
LEAST_VIEWS = 3
#: Frames that are looked at again when no board was found.
_DIAGNOSED = 4
#: A video with fewer frames than this share of what it states is cut.
_WHOLE = 0.97


@dataclass(frozen=True, eq=False)
class BoardViews:
    """Where C cameras saw the P corners of a board in F frames.

    `pixels` (C, F, P, 2) are NaN where not seen, `edge_width` (C, F) px tells the blur. `searched`
    counts the frames that were looked at, `notes` say what was odd about the footage.
    """

    board: Board
    names: tuple[str, ...]
    sizes: tuple[tuple[int, int], ...]
    frame_numbers: Ints
    pixels: Floats
    edge_width: Floats
    searched: int
    notes: tuple[str, ...] = ()

    @property
    def seen(self) -> np.ndarray:
        """Which camera (C, F) saw the board in which frame."""
        return np.asarray(is_seen(self.pixels).any(axis=-1))

    def only(self, frames: np.ndarray) -> BoardViews:
        """Return the views of the frames that a mask (F,) or their places name."""
        return replace(
            self,
            frame_numbers=self.frame_numbers[frames],
            pixels=self.pixels[:, frames],
            edge_width=self.edge_width[:, frames],
        )


def find_board(
    inputs: Sequence[str | os.PathLike[str]],
    board: Board,
    *,
    names: Sequence[str] | None = None,
    frames: int = 200,
    also: Sequence[int] = (),
    progress: Progress | None = None,
) -> BoardViews:
    """Return where each input's camera sees the board, in up to `frames` frames spread evenly.

    Inputs are videos or folders of images, one a camera; several are frames of one time where
    their numbers agree. `names` default to those of the files, `also` are frame numbers to look at
    in any case. Raises `FileError` for footage that cannot be read and `InputError` where a camera
    never sees the board: which frames were tried, what was seen in them, what to do.
    """
    footage = [open_footage(path) for path in inputs]
    called = _names(footage, names)
    count = min(each.count for each in footage)
    if wrong := [number for number in also if not 0 <= number < count]:
        raise InputError(f"frame {wrong[0]}: the footage has the frames 0 to {count - 1}")
    numbers = spread_numbers(count, frames, also)
    pixels = np.full((len(footage), len(numbers), len(board.points), 2), np.nan)
    widths = np.full((len(footage), len(numbers)), np.nan)
    notes = list(_notes(footage, called))
    for index, each in enumerate(footage):
        detector, last = Detector(board), -1
        shown = _sample(numbers)
        samples: dict[int, Grey] = {}
        for place, (number, image) in enumerate(read_frames(each, numbers)):
            _check_size(each, number, image)
            found = detector(image)
            if found is not None:
                slot = numbers.index(number)
                pixels[index, slot], widths[index, slot] = found
            elif number in shown:
                samples[number] = image
            last = number
            if progress is not None:
                progress(f"looking for the board in {called[index]}", place + 1, len(numbers))
        if last < numbers[-1]:
            notes.append(f"{each.path.name} can be read up to frame {last} of {each.count} only")
        views = np.isfinite(widths[index]).sum()
        if views < LEAST_VIEWS:
            raise InputError(
                f"{each.path}: the board ({board}) was found in {views} of {len(numbers)} frames "
                f"({numbers[0]} to {numbers[-1]}); {diagnose(list(samples.values()), board)}"
            )
    seen = np.isfinite(widths).any(axis=0)
    found_views = BoardViews(
        board,
        called,
        tuple(each.size for each in footage),
        np.array(numbers),
        pixels,
        widths,
        len(numbers),
        tuple(notes),
    )
    return found_views.only(seen)


def _names(footage: Sequence[Footage], names: Sequence[str] | None) -> tuple[str, ...]:
    called = tuple(names or [each.name for each in footage])
    if len(called) != len(footage):
        raise InputError(f"{len(called)} names for {len(footage)} cameras")
    if len(set(called)) < len(called):
        raise InputError(
            f"two cameras have one name among {', '.join(called)}: rename a file, or name them"
        )
    return called


def _notes(footage: Sequence[Footage], names: Sequence[str]) -> list[str]:
    """Return what is odd about the lengths of the footage."""
    notes = [
        f"{each.path.name} holds {each.count} of the {each.stated} frames that it states: it is cut"
        for each in footage
        if each.count < _WHOLE * each.stated
    ]
    counts = {each.count for each in footage}
    if len(counts) > 1:
        listed = ", ".join(f"{n} {f.count}" for n, f in zip(names, footage, strict=True))
        notes.append(
            f"the cameras have different numbers of frames ({listed}): frames are paired by their "
            "numbers, so all must have started together"
        )
    return notes


def _sample(numbers: Sequence[int]) -> set[int]:
    """Return some of the frame numbers, spread evenly, to look at once more if need be."""
    places = np.linspace(0, len(numbers) - 1, min(len(numbers), 2 * _DIAGNOSED)).round()
    return {numbers[int(place)] for place in places[1::2] if len(places) > 1} or {numbers[0]}


def _check_size(footage: Footage, number: int, image: Grey) -> None:
    width, height = footage.size
    if image.shape != (height, width):
        which = footage.path if footage.is_video else footage.images[number]
        raise InputError(
            f"{which}: frame {number} has {image.shape[1]} x {image.shape[0]} px, the first one "
            f"{width} x {height}; one camera's frames have one size: sort the images into folders"
        )
