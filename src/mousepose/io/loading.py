"""One door to every file of keypoints and poses: what comes back is what the file holds."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

from mousepose.errors import FileError, InputError
from mousepose.io.keypoints.registry import READERS, load_keypoints, recognize
from mousepose.io.keypoints.sniff import Content
from mousepose.io.poses.registry import POINT_READERS, read_points, recognize_points
from mousepose.io.poses.sequences import open_sequences
from mousepose.types import Keypoints2D, Keypoints3D, PoseSequence

#: Endings of files that hold something else, and what reads them.
_OTHERS = {
    ".obj": "a mesh: mousepose.io.read_obj reads it",
    ".glb": "an animated mesh: mousepose.io.read_glb reads it",
    ".bvh": "a skeleton in motion: mousepose.io.read_bvh reads it",
    ".toml": "a camera file or a keypoint map: mousepose.read_cameras reads cameras, "
    "mousepose.load_keypoint_map maps",
}


def load(
    path: str | Path, *, fps: float | None = None, animal: str | None = None
) -> Keypoints2D | Keypoints3D | PoseSequence:
    """Return what a file holds: `Keypoints2D` in px, `Keypoints3D` in mm, or a `PoseSequence`.

    The format is told by the content, not by the name. `fps` is the frame rate in frames per
    second, needed where the file holds no times; `animal` chooses among several. A given `fps`
    outranks the times in the file. Points in space of other programs, whose files state no unit,
    are taken to be in mm.

        load("mouse.csv", fps=30)                  # DeepLabCut, Lightning Pose, plain csv
        load("mouse.analysis.h5", fps=30)          # SLEAP
        load("two_mice.parquet", animal="mouse2")  # one of several animals
        load("triangulated.csv", fps=100).xyz      # anipose: (T, K, 3) mm
        load("poses.parquet").keypoints            # a result of mousepose: (T, K, 3) mm

    Raises `FileError` on a file of no known format, cut or inconsistent, `InputError` on a missing
    `fps` or `animal`, `UnknownNameError` on an animal that is not in the file.
    """
    path = Path(path)
    content = Content(path)
    points = recognize_points(content)
    sequences = open_sequences(content) if points is not None else None
    if sequences is not None:
        return _timed(sequences.whole(animal), fps)
    if points is not None:
        return read_points(path, fps=fps, animal=animal)
    if recognize(path) is not None:
        return load_keypoints(path, fps=fps, animal=animal)
    raise unknown_format(content)


def _timed(sequence: PoseSequence, fps: float | None) -> PoseSequence:
    if fps is None:
        return sequence
    if not 0 < fps < float("inf"):
        raise InputError(f"fps: expected a positive number of frames per second, got {fps!r}")
    return replace(sequence, times=sequence.frame_numbers / fps)


def unknown_format(content: Content) -> FileError:
    """Return the error of a file that holds neither keypoints nor poses of a known format."""
    path = content.path
    other = content.other or _OTHERS.get(path.suffix.lower(), "")
    if other:
        return FileError(f"{path} is {other}")
    return FileError(
        f"{path} is of no known format. Known in 2D: "
        f"{'; '.join(f'{reader.name} ({reader.shows})' for reader in READERS)}. "
        f"Known in 3D: {'; '.join(reader.name for reader in POINT_READERS)}"
    )
