"""One animal's motion as animated glTF 2.0 in one binary file (.glb): one mesh, bones that turn.

What moves the skin is what moves it in our body model: linear blend skinning by bones that turn and
are longer or shorter than at rest, and, as morph targets, the bulges by which the flesh gives way
to posture. Metres and seconds; y is up. Source: Khronos, glTF 2.0 specification.

Nodes: `mousepose` turns y up; below it the tree of `NodeTree`, named after the joints;
`<BONE>_flesh` below the node that carries a bone's turn has the bone's length as its scale, and the
skin hangs on these. Frames without an estimate have no key: programs draw what lies between their
neighbours.
"""

from __future__ import annotations

import json
import shutil
import struct
from collections.abc import Iterable, Mapping, Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from pathlib import Path
from tempfile import TemporaryFile
from typing import IO, Any

import numpy as np
from numpy.typing import NDArray

from mousepose import __version__
from mousepose.atomic import atomic_path
from mousepose.body.model import BodyModel
from mousepose.body.of_sequence import body_of
from mousepose.errors import InputError
from mousepose.geometry import rotation
from mousepose.geometry.triangles import vertex_normals
from mousepose.io.mesh.node_tree import NodeTree, upright
from mousepose.types import Floats, PoseSequence

MM_PER_M = 1000.0
#: Where up is in a sequence's axes where nothing else is said, by its frame of reference.
UP = {"world": (0.0, 0.0, 1.0), "camera": (0.0, -1.0, 0.0)}
#: glTF's numbers for types, targets and the two chunks of a .glb.
FLOAT, UNSIGNED_INT, UNSIGNED_BYTE, UNSIGNED_SHORT = 5126, 5125, 5121, 5123
_VERTICES, _INDICES = 34962, 34963
MAGIC, JSON_CHUNK, BINARY_CHUNK = 0x46546C67, 0x4E4F534A, 0x004E4942
#: A .glb tells its length in 32 bits.
MAX_BYTES = 2**32 - 1
#: Bones that one attribute of a vertex names.
BONES_A_SET = 4
_FUR = {"baseColorFactor": [0.42, 0.36, 0.31, 1.0], "metallicFactor": 0.0, "roughnessFactor": 0.9}


@dataclass(frozen=True)
class ClipSize:
    """What was written: `frames` with a pose, and how many were `left_out` for want of one."""

    frames: int
    left_out: int


def up_in(frame: str, up: Iterable[float] | None = None) -> Floats:
    """Return where up is in a frame of reference: as given, else z of the world, -y of a camera.

    Raises `InputError` where three finite numbers, not all 0, were expected.
    """
    found = np.asarray(tuple(UP.get(frame, UP["world"]) if up is None else up), np.float64)
    if found.shape != (3,) or not np.isfinite(found).all() or not found.any():
        raise InputError(f"up: expected three numbers, not all 0, got {found.tolist()}")
    return found


def no_skin(body: BodyModel) -> InputError:
    """Return the error of a body that makes no mesh."""
    return InputError(f"body {body.name!r} has no skin; give one that has (body=..., --body)")


def write_glb(
    path: str | Path,
    pieces: Iterable[PoseSequence],
    body: BodyModel | None = None,
    *,
    coat: bool = False,
    up: Iterable[float] | None = None,
) -> ClipSize:
    """Write consecutive pieces of one animal's sequence as one animated mesh.

    `body` is that of the fit, by default the one that comes with the package; `coat` adds the fur.
    `up` (3,) is where up is in the sequence's axes, by default z of the world and -y of a camera.
    The pieces go through one by one; 370 bytes a frame wait on disk. Raises `InputError` where the
    body has no skin or is another one, where no frame has a pose, and on more than 4 GiB.
    """
    with ExitStack() as open_files:
        temporary = open_files.enter_context(atomic_path(path))
        clip: _Clip | None = None
        for piece in pieces:
            if clip is None:
                whose = body_of(piece, body)
                channels = len(whose.rest) + 3  # the bones' turns; times, root and bulges
                spools = [open_files.enter_context(TemporaryFile()) for _ in range(channels)]
                clip = _Clip(piece, whose, spools, coat, up_in(piece.frame, up))
            clip.append(piece)
        if clip is None or not clip.frames:
            raise InputError(f"{path}: no frame has a pose, so there is nothing to animate")
        _assemble(temporary, path, clip)
        return ClipSize(clip.frames, clip.left_out)


class _Clip:
    """What has come in so far of one animal: the keys of each channel, in files of their own."""

    def __init__(
        self,
        first: PoseSequence,
        body: BodyModel,
        spools: Sequence[IO[bytes]],
        coat: bool,
        up: Floats,
    ) -> None:
        if body.mesh is None:
            raise no_skin(body)
        self.body, self.mesh, self.coat, self.up = body, body.mesh, coat, up
        self.shape = first.pose.shape
        self.tree = NodeTree.of(body, self.shape)
        self.about = {
            "software": f"mousepose {__version__}",
            "animal": first.animal,
            "frame": first.frame,
            "scale_source": first.scale_source,
            "coat": coat,
        }
        self.times, self.root, self.bulges, *self.turns = spools
        self.frames = self.left_out = 0
        self.start, self.last, self.first_root = 0.0, 0.0, np.zeros(3)
        self._before = np.tile([0.0, 0.0, 0.0, 1.0], (len(body.rest), 1))

    def append(self, piece: PoseSequence) -> None:
        """Add the keys of the frames that have a pose."""
        pose = piece.pose
        known = np.isfinite(pose.joint_rotation).all(axis=(1, 2))
        there = np.asarray(known & np.isfinite(pose.root_translation).all(axis=1))
        self.left_out += int((~there).sum())
        if not there.any():
            return
        times, joint_rotation = piece.times[there], pose.joint_rotation[there]
        if not self.frames:
            self.start, self.first_root = float(times[0]), pose.root_translation[there][0]
        self.last = float(times[-1])
        self.frames += len(times)
        _put(self.times, times - self.start)
        _put(self.root, pose.root_translation[there] / MM_PER_M)
        turns = joint_rotation.copy()
        turns[:, 0] = pose.root_rotation[there]
        quaternions = _smooth_quaternions(turns, self._before)
        self._before = quaternions[-1]
        for bone, spool in enumerate(self.turns):
            _put(spool, quaternions[:, bone])
        if len(self.mesh.bulges):
            _put(self.bulges, np.einsum("pjx,tjx->tp", self.mesh.drivers, joint_rotation))


def _smooth_quaternions(turns: Floats, before: Floats) -> Floats:
    """Return unit quaternions (T, J, 4), scalar last, of rotation vectors, without leaps of sign.

    `before` (J, 4) are those of the frame before the first.
    """
    angle = np.linalg.norm(turns, axis=-1, keepdims=True)
    vector = turns * 0.5 * np.sinc(angle / (2 * np.pi))
    quaternions = np.concatenate([vector, np.cos(angle / 2)], axis=-1)
    chained = np.concatenate([before[None], quaternions])
    leaps = (chained[1:] * chained[:-1]).sum(axis=-1) < 0
    sign = np.where(np.cumsum(leaps, axis=0) % 2 == 1, -1.0, 1.0)
    return np.asarray(quaternions * sign[..., None])


def _put(spool: IO[bytes], values: Floats) -> None:
    spool.write(np.ascontiguousarray(values, "<f4").tobytes())


class _Binary:
    """The binary chunk as it grows: its views and accessors, and what each is copied from."""

    def __init__(self) -> None:
        self.views: list[dict[str, Any]] = []
        self.accessors: list[dict[str, Any]] = []
        self.sources: list[bytes | IO[bytes]] = []
        self.length = 0

    def array(self, values: NDArray[Any], kind: str, target: int | None = None, **more: Any) -> int:
        """Add an array and return the number of its accessor."""
        number = {"f": FLOAT, "B": UNSIGNED_BYTE, "H": UNSIGNED_SHORT, "I": UNSIGNED_INT}
        component = number[values.dtype.char]
        data = values.astype(values.dtype.newbyteorder("<")).tobytes()
        return self._add(data, len(data), len(values), component, kind, target, more)

    def spool(self, spool: IO[bytes], count: int, kind: str, **more: Any) -> int:
        """Add the numbers of a file and return the number of their accessor."""
        return self._add(spool, spool.tell(), count, FLOAT, kind, None, more)

    def _add(
        self,
        source: bytes | IO[bytes],
        length: int,
        count: int,
        component: int,
        kind: str,
        target: int | None,
        more: Mapping[str, Any],
    ) -> int:
        view: dict[str, Any] = {"buffer": 0, "byteOffset": self.length, "byteLength": length}
        self.views.append(view if target is None else view | {"target": target})
        self.accessors.append(
            {"bufferView": len(self.views) - 1, "componentType": component, "count": count}
            | {"type": kind, **more}
        )
        self.sources.append(source)
        self.length += length + -length % 4
        return len(self.accessors) - 1

    def write(self, file: IO[bytes]) -> None:
        """Write all of it, each view from a multiple of four bytes on."""
        for source, view in zip(self.sources, self.views, strict=True):
            if isinstance(source, bytes):
                file.write(source)
            else:
                source.seek(0)
                shutil.copyfileobj(source, file, 2**20)
            file.write(b"\0" * (-view["byteLength"] % 4))


def _assemble(temporary: Path, path: str | Path, clip: _Clip) -> None:
    """Write the file: its header, the description in JSON, the numbers."""
    binary = _Binary()
    document = _document(clip, binary)
    text = json.dumps(document, separators=(",", ":"), allow_nan=False).encode()
    text += b" " * (-len(text) % 4)
    length = 12 + 8 + len(text) + 8 + binary.length
    if length > MAX_BYTES:
        raise InputError(
            f"{path}: {clip.frames:,} frames make {length / 2**30:.1f} GiB, and a .glb ends at "
            "4 GiB; choose fewer frames (--frames FROM:TO)"
        )
    with temporary.open("wb") as file:
        file.write(struct.pack("<III", MAGIC, 2, length))
        file.write(struct.pack("<II", len(text), JSON_CHUNK) + text)
        file.write(struct.pack("<II", binary.length, BINARY_CHUNK))
        binary.write(file)


def _document(clip: _Clip, binary: _Binary) -> dict[str, Any]:
    """Return the description of the file; what it points to is put into `binary`."""
    tree, body = clip.tree, clip.body
    flesh = len(tree) + 1  # the first of the flesh's nodes
    skin_node = flesh + len(body.rest)
    primitive = _primitive(clip, binary)
    mesh: dict[str, Any] = {"name": "skin", "primitives": [primitive]}
    bulges = len(clip.mesh.bulges)
    if bulges:
        mesh |= {"weights": [0.0] * bulges}
        mesh |= {"extras": {"targetNames": [f"bulge {index}" for index in range(bulges)]}}
    start = np.maximum(body.skeleton.parents, 0)
    rest = np.concatenate([body.rest[start], _rest_of_nodes(clip)])
    inverse = np.tile(np.eye(4), (len(rest), 1, 1))
    inverse[:, :3, 3] = -rest / MM_PER_M
    matrices = binary.array(inverse.transpose(0, 2, 1).astype(np.float32).reshape(-1, 16), "MAT4")
    joints = [*range(flesh, skin_node), *range(1, flesh)]
    return {
        "asset": {"version": "2.0", "generator": f"mousepose {__version__}"},
        "scene": 0,
        "scenes": [{"nodes": [0, skin_node], "extras": {"mousepose": _told(clip)}}],
        "nodes": [*_nodes(clip), {"name": str(clip.about["animal"]), "mesh": 0, "skin": 0}],
        "meshes": [mesh],
        "materials": [{"name": "fur", "pbrMetallicRoughness": _FUR, "doubleSided": True}],
        "skins": [{"inverseBindMatrices": matrices, "skeleton": 1, "joints": joints}],
        "animations": [_animation(clip, binary, skin_node)],
        "accessors": binary.accessors,
        "bufferViews": binary.views,
        "buffers": [{"byteLength": binary.length}],
    }


def _told(clip: _Clip) -> dict[str, Any]:
    counts = {"frames": clip.frames, "frames_without_estimate": clip.left_out}
    return {**clip.about, **counts, "start_s": clip.start, "units": "m", "up_before": [*clip.up]}


def _rest_of_nodes(clip: _Clip) -> Floats:
    """Return where the nodes (N, 3) mm of the tree are in the body's own rest pose."""
    tree = clip.tree
    at = np.zeros((len(tree), 3))
    at[tree.joints] = clip.body.rest
    for node, parent in enumerate(tree.parents):
        if node not in tree.joints:
            at[node] = at[parent]
    return at


def _nodes(clip: _Clip) -> list[dict[str, Any]]:
    """Return the node that turns y up, the tree's nodes and those of the flesh."""
    tree, body = clip.tree, clip.body
    children: list[list[int]] = [[] for _ in tree.names]
    for node, parent in enumerate(tree.parents):
        if parent >= 0:
            children[parent].append(node + 1)
    names, scales = body.skeleton.joint_names, body.bone_scale(clip.shape)
    for bone, carrier in enumerate(tree.carriers):
        children[carrier].append(len(tree) + 1 + bone)
    turn = np.roll(rotation.to_quaternion(upright(clip.up)), -1)  # the scalar is last here
    nodes: list[dict[str, Any]] = [{"name": "mousepose", "rotation": [*turn], "children": [1]}]
    offsets = tree.offsets.copy()
    offsets[0] = clip.first_root
    for name, offset, below in zip(tree.names, offsets, children, strict=True):
        placed: dict[str, Any] = {"name": name, "translation": [*(offset / MM_PER_M)]}
        nodes.append(placed | ({"children": below} if below else {}))
    for name, scale in zip(names, scales, strict=True):
        nodes.append({"name": f"{name}_flesh", "scale": [float(scale)] * 3})
    return nodes


def _primitive(clip: _Clip, binary: _Binary) -> dict[str, Any]:
    """Return the skin at rest: places, normals, bones and their weights, bulges, triangles."""
    mesh = clip.mesh
    rest = mesh.vertices
    if clip.coat and mesh.coat is not None:
        rest = rest + mesh.coat[:, None] * mesh.normals
    attributes = {
        "POSITION": _points(binary, rest / MM_PER_M),
        "NORMAL": binary.array(
            vertex_normals(rest, mesh.faces).astype(np.float32), "VEC3", _VERTICES
        ),
    }
    strongest = np.argsort(-mesh.weights, axis=1, kind="stable")
    most = int((mesh.weights > 0).sum(axis=1).max())
    for index, first in enumerate(range(0, most, BONES_A_SET)):
        bones = strongest[:, first : first + BONES_A_SET]
        weights = np.take_along_axis(mesh.weights, bones, axis=1)
        bones = np.where(weights > 0, bones, 0)
        missing = ((0, 0), (0, BONES_A_SET - bones.shape[1]))
        bones, weights = np.pad(bones, missing), np.pad(weights, missing)
        attributes[f"JOINTS_{index}"] = binary.array(bones.astype(np.uint8), "VEC4", _VERTICES)
        attributes[f"WEIGHTS_{index}"] = binary.array(weights.astype(np.float32), "VEC4", _VERTICES)
    kind = np.uint16 if len(rest) < 2**16 else np.uint32
    faces = binary.array(mesh.faces.astype(kind).ravel(), "SCALAR", _INDICES)
    primitive: dict[str, Any] = {"attributes": attributes, "indices": faces, "material": 0}
    if len(mesh.bulges):
        primitive["targets"] = [{"POSITION": _points(binary, b / MM_PER_M)} for b in mesh.bulges]
    return primitive


def _points(binary: _Binary, points: Floats) -> int:
    values = points.astype(np.float32)
    low, high = values.min(axis=0).tolist(), values.max(axis=0).tolist()
    return binary.array(values, "VEC3", _VERTICES, min=low, max=high)


def _animation(clip: _Clip, binary: _Binary, skin_node: int) -> dict[str, Any]:
    """Return the channels: where the root is, how each bone turns, how far the flesh bulges."""
    last = float(np.float32(clip.last - clip.start))
    times = binary.spool(clip.times, clip.frames, "SCALAR", min=[0.0], max=[last])
    outputs = [(1, "translation", binary.spool(clip.root, clip.frames, "VEC3"))]
    for carrier, spool in zip(clip.tree.carriers, clip.turns, strict=True):
        outputs.append((int(carrier) + 1, "rotation", binary.spool(spool, clip.frames, "VEC4")))
    bulges = len(clip.mesh.bulges)
    if bulges:
        keys = binary.spool(clip.bulges, clip.frames * bulges, "SCALAR")
        outputs.append((skin_node, "weights", keys))
    return {
        "name": "motion",
        "samplers": [
            {"input": times, "output": output, "interpolation": "LINEAR"}
            for _, _, output in outputs
        ],
        "channels": [
            {"sampler": index, "target": {"node": node, "path": path}}
            for index, (node, path, _) in enumerate(outputs)
        ],
    }
