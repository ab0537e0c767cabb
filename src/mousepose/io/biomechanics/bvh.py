"""Motion capture's `.bvh` out: a skeleton as a tree, and how its joints turn in each frame.

The tree is that of `NodeTree`: every joint of the body under its own name. Lengths are mm, y is up,
and the animal at rest looks along z, as characters do in such files. A joint's channels are degrees
about z, x and y, each in the axes the one before left. Rows have one rate, so frames without a pose
repeat the one before. Source of the layout: Meredith and Maddock, Motion Capture File Formats
Explained (2001).
"""

from __future__ import annotations

from collections.abc import Iterable
from pathlib import Path
from typing import IO

import numpy as np

from mousepose.atomic import atomic_path
from mousepose.body.model import BodyModel
from mousepose.body.of_sequence import body_of
from mousepose.errors import InputError
from mousepose.geometry import rotation
from mousepose.io.keypoints.streams_write import MAX_DENSE_FRAMES
from mousepose.io.mesh.gltf import up_in
from mousepose.io.mesh.node_tree import NodeTree, upright
from mousepose.types import Floats, PoseSequence

_TURNS = ("Zrotation", "Xrotation", "Yrotation")
_PLACE = ("Xposition", "Yposition", "Zposition")
#: Room for the number of frames and the time of one, which are known at the end.
_ROOM = 20
#: Rows turned into text at once.
_ROWS_AT_ONCE = 2000


def write_bvh(
    path: str | Path,
    pieces: Iterable[PoseSequence],
    body: BodyModel | None = None,
    *,
    up: Iterable[float] | None = None,
) -> tuple[int, int]:
    """Write consecutive pieces of one animal's sequence; return the rows and how many repeat.

    Rows go from the first frame with a pose to the last. `body` and `up` are as in `write_glb`.
    Raises `InputError` on another body and where no frame has a pose.
    """
    rows: _Rows | None = None
    with atomic_path(path) as temporary:
        with temporary.open("w", encoding="ascii", newline="\n") as file:
            for piece in pieces:
                if rows is None:
                    rows = _Rows(file, piece, body_of(piece, body), up_in(piece.frame, up))
                rows.append(piece)
            if rows is not None:
                rows.end()
        if rows is None or not rows.count:
            raise InputError(f"{path}: no frame has a pose, so there is no motion to write")
    return rows.count, rows.repeated


class _Rows:
    """The file as it grows."""

    def __init__(self, file: IO[str], first: PoseSequence, body: BodyModel, up: Floats) -> None:
        self._file, self._up = file, upright(up)
        # Left is x, up is y and forward is z at rest.
        self._rest = body.axes[[1, 2, 0]]
        self._tree = NodeTree.of(body, first.pose.shape)
        self.count = self.repeated = 0
        self._first = self._last = (0, 0.0)
        self._before = np.zeros(0)
        self._order: list[int] = []  # of the nodes in the file
        file.write("HIERARCHY\n")
        self._write_node(0, 0)
        file.write("MOTION\n")
        self._place = file.tell()
        file.write(f"Frames: {'':{_ROOM}}\nFrame Time: {'':{_ROOM}}\n")

    def _write_node(self, node: int, depth: int) -> None:
        tree, tab = self._tree, "\t" * depth
        self._order.append(node)
        offset = self._rest @ tree.offsets[node]
        channels = (*_PLACE, *_TURNS) if node == 0 else _TURNS
        self._file.write(
            f"{tab}{'JOINT' if node else 'ROOT'} {tree.names[node]}\n{tab}{{\n"
            f"{tab}\tOFFSET {_numbers(offset)}\n"
            f"{tab}\tCHANNELS {len(channels)} {' '.join(channels)}\n"
        )
        children = [child for child, parent in enumerate(tree.parents) if parent == node]
        for child in children:
            self._write_node(child, depth + 1)
        if not children:
            self._file.write(f"{tab}\tEnd Site\n{tab}\t{{\n{tab}\t\tOFFSET 0 0 0\n{tab}\t}}\n")
        self._file.write(f"{tab}}}\n")

    def append(self, piece: PoseSequence) -> None:
        """Write the rows of a piece, and of the frames that are missing before it."""
        there = np.isfinite(piece.pose.root_translation).all(axis=1)
        there &= np.isfinite(piece.pose.joint_rotation).all(axis=(1, 2))
        if not there.any():
            return
        rows = self._values(piece)[there]
        if self.count:  # no leap of a whole turn between two rows
            rows = np.concatenate([self._before[None], rows])
        rows[:, 3:] = np.unwrap(rows[:, 3:], period=360, axis=0)
        rows = rows[-int(there.sum()) :]
        frames, times = piece.frame_numbers[there], piece.times[there]
        if not self.count:
            self._first, self._last, self._before = (
                (int(frames[0]), float(times[0])), (int(frames[0]) - 1, 0.0), rows[0],
            )  # fmt: skip
        until = int(frames[-1])
        if until - self._first[0] >= MAX_DENSE_FRAMES:
            raise InputError(
                f"frame {until:,}: a .bvh has a row for every frame; number them from 0"
            )
        for start in range(self._last[0] + 1, until + 1, _ROWS_AT_ONCE):
            wanted = np.arange(start, min(start + _ROWS_AT_ONCE, until + 1))
            newest = np.searchsorted(frames, wanted, side="right") - 1
            values = np.where(newest[:, None] < 0, self._before, rows[np.maximum(newest, 0)])
            text = ("%.6f " * (values.shape[1] - 1) + "%.6f\n") * len(values)
            self._file.write(text % tuple(values.ravel()))
            self.repeated += int(len(wanted) - np.isin(wanted, frames).sum())
        self.count += until - self._last[0]
        self._last, self._before = (until, float(times[-1])), rows[-1]

    def _values(self, piece: PoseSequence) -> Floats:
        """Return the channels (T, D): the root's place, then all nodes' turns in degrees."""
        turns = rotation.exp(self._tree.turns(piece.pose))
        turns = self._rest @ turns @ self._rest.T
        turns[:, 0] = self._up @ rotation.exp(piece.pose.root_rotation) @ self._rest.T
        angles = np.degrees(zxy(turns[:, self._order])).reshape(len(turns), -1)
        place = piece.pose.root_translation @ self._up.T
        return np.concatenate([place, angles], axis=1)

    def end(self) -> None:
        """Write the number of frames and the time of one where there is room left for them."""
        frames = self._last[0] - self._first[0]
        step = (self._last[1] - self._first[1]) / frames if frames else 1.0
        self._file.seek(self._place)
        self._file.write(f"Frames: {self.count:<{_ROOM}}\nFrame Time: {step:<{_ROOM}.12g}\n")


def zxy(rotations: Floats) -> Floats:
    """Return angles (*B, 3) rad about z, x and y with Rz Rx Ry the rotations (*B, 3, 3).

    Near 90 degrees about x the other two turn about one axis: all of it is then put on z.
    """
    cosine = np.hypot(rotations[..., 0, 1], rotations[..., 1, 1])
    locked = cosine < 1e-9
    z = np.where(
        locked,
        np.arctan2(rotations[..., 1, 0], rotations[..., 0, 0]),
        np.arctan2(-rotations[..., 0, 1], rotations[..., 1, 1]),
    )
    x = np.arctan2(rotations[..., 2, 1], cosine)
    y = np.where(locked, 0.0, np.arctan2(-rotations[..., 2, 0], rotations[..., 2, 2]))
    return np.stack([z, x, y], axis=-1)


def _numbers(values: Floats) -> str:
    return " ".join(f"{value:.6f}" for value in values)
