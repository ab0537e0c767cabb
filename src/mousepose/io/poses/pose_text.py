"""Points in space as the published code writes them: one `.keypoint.txt` for each frame.

A sequence becomes `<STEM>_<FRAME>.keypoint.txt` in mm, six digits after the point, and a single
frame the very file. Only names and points are in it.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np

from mousepose.errors import InputError
from mousepose.io.keypoints.rows import ONLY_ANIMAL, names_of_parts
from mousepose.io.keypoints.sniff import Content
from mousepose.io.keypoints.streams_write import Stream, blocks, no_frames
from mousepose.io.poses.mesh import read_keypoint_text, write_keypoint_text
from mousepose.io.poses.point_files import PointFile, PointRows

ENDING = ".keypoint.txt"
#: A folder with more files than this is of no use to anyone.
MAX_FILES = 100_000

_NUMBERED = re.compile(r"_(\d{6,15})" + re.escape(ENDING) + "$")


def write_pose_texts(path: Path, streams: Sequence[Stream]) -> list[Path]:
    """Write a file for each frame of one animal; return the paths.

    Raises `InputError` on several animals, on no frames and on more than any folder should hold.
    """
    if len(streams) != 1:
        raise InputError(f"{path}: a {ENDING} holds one animal; write files for each")
    frames, poses = [], []
    for block in blocks(streams):
        frames.append(block.frames)
        poses.append(block.values[:, 0, :, :3])
        if sum(map(len, frames)) > MAX_FILES:
            raise InputError(
                f"{path}: one file for each frame makes more than {MAX_FILES:,} files; write one "
                "of the other formats, or fewer frames"
            )
    if not frames:
        raise no_frames(path)
    numbers, points = np.concatenate(frames), np.concatenate(poses)
    names = streams[0].keypoint_names
    if len(numbers) == 1:
        write_keypoint_text(path, names, points[0])
        return [path]
    stem = path.name.removesuffix(ENDING)
    written = [path.with_name(f"{stem}_{number:06d}{ENDING}") for number in numbers]
    for target, pose in zip(written, points, strict=True):
        write_keypoint_text(target, names, pose)
    return written


def is_pose_text(content: Content) -> bool:
    """Tell whether a text starts with a name and three numbers."""
    if content.family != "text" or content.text is None or not content.text.lines:
        return False
    words = content.text.lines[0].split()
    try:
        numbers = [float(word) for word in words[1:]]
    except ValueError:
        return False
    return len(numbers) == 3 and words[0] != "v"  # "v x y z" begins a mesh


def open_pose_text(content: Content) -> PointFile:
    """Return the one frame of such a file: number 0, or the one in its name."""
    names, points = read_keypoint_text(content.path)
    found = _NUMBERED.search(content.path.name)
    start = np.zeros(1) if found is None else None  # the first frame is at 0 s at any rate

    def rows(animal: str) -> Iterator[PointRows]:
        yield PointRows(np.array([float(found[1]) if found else 0.0]), points[None], start)

    return PointFile(
        content.path,
        {ONLY_ANIMAL: names_of_parts(content.path, names)},
        rows,
        has_times=start is not None,
    )
