"""Animated meshes of glTF 2.0 in binary files (.glb): read back, posed at their keys.

Reads one skinned mesh with one animation, which is what `write_glb` writes: linear keys at the same
times for all channels, any tree of nodes, any number of bones a vertex, morph targets.
"""

from __future__ import annotations

import json
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mousepose.errors import FileError, InputError
from mousepose.geometry import rotation
from mousepose.io.mesh.gltf import (
    BINARY_CHUNK,
    FLOAT,
    JSON_CHUNK,
    MAGIC,
    MM_PER_M,
    UNSIGNED_BYTE,
    UNSIGNED_INT,
    UNSIGNED_SHORT,
)
from mousepose.types import Floats, Ints

#: What the description of a scene may need at most.
_MAX_JSON = 64 * 2**20
_KINDS = {FLOAT: "<f4", UNSIGNED_INT: "<u4", UNSIGNED_BYTE: "u1", UNSIGNED_SHORT: "<u2"}
_WIDTHS = {"SCALAR": 1, "VEC2": 2, "VEC3": 3, "VEC4": 4, "MAT4": 16}


@dataclass(frozen=True, eq=False)
class AnimatedMesh:
    """A skinned mesh in motion: `times` (T,) s, `faces` (F, 3), `node_names`, and what it says.

    `about` is what `write_glb` told of the sequence; empty for files of other programs.
    """

    times: Floats
    faces: Ints
    node_names: tuple[str, ...]
    about: Mapping[str, Any]
    _document: Mapping[str, Any]
    _binary: NDArray[np.uint8]

    def __len__(self) -> int:
        return len(self.times)

    def vertices(self, key: int) -> Floats:
        """Return the skin (V, 3) mm at one key, in the file's axes, y up."""
        primitive, skin = self._primitive, self._document["skins"][0]
        attributes = primitive["attributes"]
        rest = self._array(attributes["POSITION"])
        for target, weight in zip(primitive.get("targets", []), self._bulges(key), strict=True):
            rest = rest + weight * self._array(target["POSITION"])
        matrices = self._nodes_at(key)[skin["joints"]]
        inverse = self._array(skin["inverseBindMatrices"]).reshape(-1, 4, 4).transpose(0, 2, 1)
        moves = matrices @ inverse
        sets = sorted(name for name in attributes if name.startswith("JOINTS_"))
        bones = np.hstack([self._array(attributes[name]) for name in sets]).astype(np.int64)
        weights = np.hstack(
            [self._array(attributes[name.replace("JOINTS", "WEIGHTS")]) for name in sets]
        )
        weights = weights / weights.sum(axis=1, keepdims=True)
        posed = np.zeros_like(rest)
        for bone, weight in zip(bones.T, weights.T, strict=True):
            moved = (moves[bone, :3, :3] @ rest[..., None])[..., 0] + moves[bone, :3, 3]
            posed += weight[:, None] * moved
        return np.asarray(posed * MM_PER_M)

    def nodes(self, key: int) -> Floats:
        """Return where all nodes (N, 3) mm are at one key, in the file's axes, y up."""
        return np.asarray(self._nodes_at(key)[:, :3, 3] * MM_PER_M)

    @cached_property
    def turn(self) -> Floats:
        """Return the rotation (3, 3) from the sequence's axes to those of the file."""
        return rotation.from_quaternion(np.roll(self._document["nodes"][0]["rotation"], 1))

    @property
    def _primitive(self) -> Mapping[str, Any]:
        primitive: Mapping[str, Any] = self._document["meshes"][0]["primitives"][0]
        return primitive

    @cached_property
    def _keys(self) -> dict[tuple[int, str], Floats]:
        """The keys of each channel by its node and what it moves."""
        animation = self._document["animations"][0]
        found = {}
        for channel in animation["channels"]:
            target = channel["target"]
            sampler = animation["samplers"][channel["sampler"]]
            keys = self._array(sampler["output"]).reshape(len(self.times), -1)
            found[target["node"], target["path"]] = keys
        return found

    def _bulges(self, key: int) -> Floats:
        moved = [keys for (_, path), keys in self._keys.items() if path == "weights"]
        if moved:
            return np.asarray(moved[0][key])
        return np.asarray(self._document["meshes"][0].get("weights", []), np.float64)

    def _nodes_at(self, key: int) -> Floats:
        """Return the maps (N, 4, 4) of all nodes to the scene, in m."""
        nodes = self._document["nodes"]
        maps = np.tile(np.eye(4), (len(nodes), 1, 1))
        order = [(node, np.eye(4)) for node in self._document["scenes"][0]["nodes"]]
        for node, above in order:  # grows while it is gone through
            own, keys = nodes[node], self._keys
            turn = keys.get((node, "rotation"))
            place = keys.get((node, "translation"))
            scalar_last = own.get("rotation", [0, 0, 0, 1]) if turn is None else turn[key]
            scale = np.asarray(own.get("scale", [1, 1, 1]), np.float64)
            local = np.eye(4)
            local[:3, :3] = rotation.from_quaternion(np.roll(scalar_last, 1)) * scale
            local[:3, 3] = own.get("translation", [0, 0, 0]) if place is None else place[key]
            maps[node] = above @ local
            if len(order) > len(nodes):
                raise InputError("the nodes of the scene are no tree")
            order += [(child, maps[node]) for child in own.get("children", [])]
        return maps

    def _array(self, number: int) -> Floats:
        return _array(self._document, self._binary, number)


def read_glb(path: str | Path) -> AnimatedMesh:
    """Return the animated mesh in a .glb file. The numbers stay on disk until they are asked for.

    Raises `FileError` on a file that is none, was cut, or holds no skinned mesh in motion.
    """
    path = Path(path)
    document, binary = _opened(path)
    try:
        animation = document["animations"][0]
        times = _array(document, binary, animation["samplers"][0]["input"])[:, 0]
        primitive = document["meshes"][0]["primitives"][0]
        faces = _array(document, binary, primitive["indices"]).astype(np.int64).reshape(-1, 3)
        names = tuple(str(node.get("name", "")) for node in document["nodes"])
        about = document["scenes"][0].get("extras", {}).get("mousepose", {})
        mesh = AnimatedMesh(times, faces, names, about, document, binary)
        mesh.vertices(0)
        return mesh
    except (LookupError, TypeError, ValueError, AttributeError, RecursionError) as error:
        raise FileError(
            f"{path} holds no skinned mesh in motion, or one that is damaged: {error!r}"
        ) from error


def _opened(path: Path) -> tuple[dict[str, Any], NDArray[np.uint8]]:
    """Return the description in the file and its numbers as bytes."""
    try:
        size = path.stat().st_size
        with path.open("rb") as file:
            head = file.read(20)
            if len(head) < 20:
                raise FileError(f"{path} is too short for a .glb: {size} bytes")
            magic, version, length, json_bytes, json_kind = struct.unpack("<5I", head)
            if magic != MAGIC or version != 2 or json_kind != JSON_CHUNK:
                raise FileError(f"{path} is no binary glTF 2.0 (.glb)")
            if length != size or json_bytes > min(size, _MAX_JSON):
                raise FileError(f"{path} says it has {length} bytes and has {size}: it was cut")
            text = file.read(json_bytes)
            binary_bytes, kind = struct.unpack("<2I", file.read(8))
        if kind != BINARY_CHUNK or 28 + json_bytes + binary_bytes > size:
            raise FileError(f"{path}: its numbers are missing: it was cut")
        document = json.loads(text)
    except OSError as error:
        raise FileError(f"{path} cannot be read: {error.strerror}") from error
    except (struct.error, ValueError, RecursionError) as error:
        if isinstance(error, FileError):
            raise
        raise FileError(f"{path}: its description is damaged: {error!r}") from error
    if not isinstance(document, dict):
        raise FileError(f"{path}: its description is no JSON object")
    return document, np.memmap(path, np.uint8, "r", 28 + json_bytes, (binary_bytes,))


def _array(document: Mapping[str, Any], binary: NDArray[np.uint8], number: int) -> Floats:
    """Return the numbers of an accessor, (count, width). Raises `InputError` beyond the file."""
    accessor = document["accessors"][number]
    view = document["bufferViews"][accessor["bufferView"]]
    kind = np.dtype(_KINDS[accessor["componentType"]])
    width, count = _WIDTHS[accessor["type"]], int(accessor["count"])
    first = int(view.get("byteOffset", 0)) + int(accessor.get("byteOffset", 0))
    stop = first + count * width * kind.itemsize
    if "byteStride" in view or not 0 <= first <= stop <= len(binary):
        raise InputError(
            f"accessor {number} points beyond the file, or its numbers are interleaved"
        )
    return binary[first:stop].view(kind).reshape(count, width).astype(np.float64)
