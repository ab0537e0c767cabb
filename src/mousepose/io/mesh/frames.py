"""One mesh for each frame: `.obj` as text, `.ply` as numbers, in mm in the sequence's own axes."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from pathlib import Path

import numpy as np

from mousepose.atomic import atomic_path
from mousepose.body.model import BodyModel
from mousepose.body.of_sequence import body_of
from mousepose.errors import InputError
from mousepose.io.mesh.gltf import no_skin
from mousepose.io.poses.mesh import write_obj
from mousepose.types import Floats, Ints, Pose, PoseSequence

#: A folder with more files than this is of no use to anyone.
MAX_FILES = 100_000
#: Frames whose skins are in memory at once: 170 kB each.
_AT_ONCE = 64

_CORNER = np.dtype([("corners", "u1"), ("vertices", "<i4", (3,))])


def write_ply(path: str | Path, vertices: Floats, faces: Ints) -> None:
    """Write a mesh of `vertices` (V, 3) mm and triangles `faces` (F, 3) as binary PLY.

    Vertices have single precision: some 10 nm at 100 mm.
    """
    header = (
        "ply\nformat binary_little_endian 1.0\ncomment mm\n"
        f"element vertex {len(vertices)}\n"
        "property float x\nproperty float y\nproperty float z\n"
        f"element face {len(faces)}\nproperty list uchar int vertex_indices\nend_header\n"
    )
    corners = np.empty(len(faces), _CORNER)
    corners["corners"], corners["vertices"] = 3, faces
    with atomic_path(path) as temporary:
        points = np.ascontiguousarray(vertices, "<f4").tobytes()
        temporary.write_bytes(header.encode() + points + corners.tobytes())


WRITERS: Mapping[str, Callable[[Path, Floats, Ints], None]] = {
    ".obj": write_obj,
    ".ply": write_ply,
}


def write_mesh_frames(
    path: str | Path,
    pieces: Iterable[PoseSequence],
    body: BodyModel | None = None,
    *,
    coat: bool = False,
) -> tuple[list[Path], int]:
    """Write a file `<STEM>_<FRAME>` for each frame with a pose, a single one as the very file.

    The ending of `path` tells the format. Returns the paths and how many frames have no pose.
    `coat` adds the fur. Raises `InputError` on a body without a skin or of another fit, on another
    ending, where no frame has a pose, and on more frames than a folder should hold.
    """
    path = Path(path)
    write = WRITERS.get(path.suffix.lower())
    if write is None:
        raise InputError(f"{path}: a mesh ends in {' or '.join(WRITERS)}")
    written: list[Path] = []
    left_out = 0
    for piece in pieces:
        whose = body_of(piece, body)
        if whose.mesh is None:
            raise no_skin(whose)
        there = np.flatnonzero(np.isfinite(piece.pose.root_translation).all(axis=1))
        left_out += len(piece) - len(there)
        if len(written) + len(there) > MAX_FILES:
            raise InputError(
                f"{path}: one mesh for each frame makes more than {MAX_FILES:,} files; choose "
                "fewer frames (--frames FROM:TO), or write one animated .glb"
            )
        for start in range(0, len(there), _AT_ONCE):
            rows = there[start : start + _AT_ONCE]
            pose = piece.pose
            posed = Pose(
                pose.root_rotation[rows], pose.root_translation[rows], pose.joint_rotation[rows],
                pose.shape,
            )  # fmt: skip
            skins = whose.vertices(posed, coat=coat)
            for number, skin in zip(piece.frame_numbers[rows], skins, strict=True):
                written.append(path.with_name(f"{path.stem}_{number:06d}{path.suffix}"))
                write(written[-1], skin, whose.mesh.faces)
    if not written:
        raise InputError(f"{path}: no frame has a pose, so there is no mesh to write")
    if len(written) == 1:
        written = [written[0].replace(path)]
    return written, left_out
