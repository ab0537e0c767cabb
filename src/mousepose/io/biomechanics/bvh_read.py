"""Motion capture's `.bvh` in: the skeleton and how it moves, whichever program wrote it."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mousepose.errors import FileError
from mousepose.geometry import rotation
from mousepose.io.mesh.node_tree import places
from mousepose.types import Floats

#: A file that holds more than this is read in no program of animation either.
MAX_BYTES = 2**30
MAX_NODES = 1000
_AXES = {"X": np.eye(3)[0], "Y": np.eye(3)[1], "Z": np.eye(3)[2]}


@dataclass(frozen=True, eq=False)
class Motion:
    """A skeleton in motion: N nodes, parents first (-1: the root), in T frames of one length.

    `offsets` (N, 3) are in the file's unit, `turns` (T, N, 3, 3) in the parents' axes, `root`
    (T, 3) is where node 0 is, `frame_time` in s. An end without a name is `<PARENT>_end`.
    """

    names: tuple[str, ...]
    parents: tuple[int, ...]
    offsets: Floats
    turns: Floats
    root: Floats
    frame_time: float

    def places(self) -> Floats:
        """Return where all nodes (T, N, 3) are."""
        return places(self.parents, self.offsets, self.turns, self.root)[1]


@dataclass
class _Node:
    name: str
    parent: int
    offset: list[float]
    channels: list[str]


def read_bvh(path: str | Path) -> Motion:
    """Return the motion in a `.bvh` file. Only the root may move besides turning.

    Raises `FileError` that says where the file is cut or is no `.bvh`.
    """
    path = Path(path)
    try:
        if path.stat().st_size > MAX_BYTES:
            raise FileError(f"{path} has more than {MAX_BYTES / 2**30:.0f} GiB")
        with path.open(encoding="utf-8", errors="replace") as file:
            words = (word for line in file for word in line.split())
            nodes = _hierarchy(path, words)
            head = [next(words, "") for _ in range(5)]
            if head[0] != "Frames:" or head[2:4] != ["Frame", "Time:"]:
                raise FileError(f"{path}: expected 'Frames:' and 'Frame Time:' after the skeleton")
            count, step = int(head[1]), float(head[4])
            columns = sum(len(node.channels) for node in nodes)
            values = np.array([float(word) for word in words])
    except OSError as error:
        raise FileError(f"{path} cannot be read: {error.strerror}") from error
    except ValueError as error:
        if isinstance(error, FileError):
            raise
        raise FileError(f"{path} is no .bvh or was damaged: {error}") from error
    if count < 1 or len(values) != count * columns or not np.isfinite(values).all():
        raise FileError(
            f"{path} says it has {count} rows of {columns} numbers and holds {len(values)} "
            "numbers: it was cut"
        )
    return _motion(path, nodes, values.reshape(count, columns), step)


def _hierarchy(path: Path, words: Iterator[str]) -> list[_Node]:
    """Return the nodes of the skeleton, parents first; the word after it has been taken."""
    if next(words, "") != "HIERARCHY":
        raise FileError(f"{path} is no .bvh: it does not begin with HIERARCHY")
    nodes: list[_Node] = []
    open_nodes: list[int] = []
    for word in words:
        if word == "MOTION":
            if open_nodes or not nodes:
                raise FileError(f"{path}: a joint is not closed before MOTION")
            return nodes
        if word in ("ROOT", "JOINT", "End"):
            name = next(words, "")
            parent = open_nodes[-1] if open_nodes else -1
            if (parent < 0) != (not nodes) or len(nodes) >= MAX_NODES:
                raise FileError(f"{path}: expected one root and at most {MAX_NODES} joints")
            label = f"{nodes[parent].name}_end" if word == "End" else name
            nodes.append(_Node(label, parent, [0.0, 0.0, 0.0], []))
            open_nodes.append(len(nodes) - 1)
        elif word == "OFFSET" and open_nodes:
            nodes[open_nodes[-1]].offset = [float(next(words, "")) for _ in range(3)]
        elif word == "CHANNELS" and open_nodes:
            nodes[open_nodes[-1]].channels = [next(words, "") for _ in range(int(next(words, "")))]
        elif word == "}" and open_nodes:
            open_nodes.pop()
        elif word != "{":
            raise FileError(f"{path}: {word[:40]!r} is no word of a .bvh's skeleton")
    raise FileError(f"{path} ends before MOTION: it was cut")


def _motion(path: Path, nodes: list[_Node], values: Floats, step: float) -> Motion:
    turns = np.tile(np.eye(3), (len(values), len(nodes), 1, 1))
    root = np.tile(np.array(nodes[0].offset), (len(values), 1))
    column = 0
    for index, node in enumerate(nodes):
        for channel in node.channels:
            axis, what = channel[:1].upper(), channel[1:].lower()
            if axis not in _AXES or what not in ("position", "rotation"):
                raise FileError(f"{path}: {channel!r} of {node.name} is no known channel")
            if what == "rotation":
                angle = np.radians(values[:, column])[:, None]
                turns[:, index] = turns[:, index] @ rotation.exp(angle * _AXES[axis])
            elif index:
                raise FileError(f"{path}: {node.name} moves; only the root may")
            else:
                root[:, "XYZ".index(axis)] = values[:, column]
            column += 1
    return Motion(
        tuple(node.name for node in nodes),
        tuple(node.parent for node in nodes),
        np.array([node.offset for node in nodes]),
        turns,
        root,
        step,
    )
