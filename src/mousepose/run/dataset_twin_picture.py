"""A plain drawing of a mouse: its skin, or rounded bones where the body has none, shaded by light.

The floor is bedding of fixed grain; light comes from the camera. Enough for a reader, a label
viewer or a first network to have something to look at; it does not look real.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mousepose.body.model import BodyModel
from mousepose.geometry.camera import Camera
from mousepose.geometry.raster import rasterise
from mousepose.types import Bytes, Floats, Ints, Pose

#: Brightness of the coat, 0 to 255, and how it shines red, green and blue.
COATS: Mapping[str, tuple[float, tuple[float, float, float]]] = {
    "albino": (225.0, (1.0, 0.98, 0.96)),
    "black": (38.0, (1.0, 1.0, 1.05)),
    "agouti": (105.0, (1.05, 0.97, 0.85)),
}
#: How thick the flesh is (mm) about each joint of a mouse of 25 g.
_RADIUS: Mapping[str, float] = {
    "SPINE_SHOULDER": 9.0, "SPINE_MID": 11.0, "SPINE_HIP": 10.5, "NECK": 8.5, "NOSE": 3.0,
    "HIP": 7.0, "KNEE": 4.0, "HIND_PAW": 2.0, "SHOULDER": 5.5, "ELBOW": 3.0, "FORE_PAW": 1.8,
    "ROOT_TAIL": 3.5, "MID_TAIL": 1.7, "TIP_TAIL": 0.9, "EAR": 3.5,
}  # fmt: skip
_AROUND, _ALONG = 14, 9
#: A label is hidden where something lies nearer by more than its flesh is thick, times the first
#: number, and by the second besides (mm): people label what they can tell through thin parts.
_HIDDEN_BEHIND, _THIN_MM = 1.6, 6.0
#: Brightness of the bedding's grains and of the camera's noise, SD.
_GRAIN, _NOISE = 7.0, 1.5


@dataclass(frozen=True, eq=False)
class Drawer:
    """Draws poses of one animal: its body, its shape and its coat."""

    body: BodyModel
    coat: str = "agouti"

    def draw(self, pose: Pose, camera: Camera, background: Bytes) -> tuple[Bytes, Floats]:
        """Return the picture (H, W, 3) of one pose, and the depth (H, W) mm, inf = background."""
        vertices, faces = self._surface(pose)
        depth, seen = rasterise(vertices, faces, camera)
        picture = background.copy()
        inside = seen >= 0
        picture[inside] = self._shades(vertices, faces, camera)[seen[inside]]
        return picture, depth.astype(np.float64)

    def visible(
        self, points: Floats, names: tuple[str, ...], camera: Camera, depth: Floats
    ) -> NDArray[np.bool_]:
        """Return which points (K, 3) mm are in the picture and not behind other parts."""
        xy = camera.project(points)
        width, height = camera.size
        inside = (xy >= -0.5) & (xy < np.array([width, height]) - 0.5)
        near = np.logical_and.reduce(np.isfinite(xy) & inside, axis=1)
        place = np.zeros((len(names), 2), np.int64)
        place[near] = np.rint(xy[near])
        column, row = place.T
        behind = camera.to_camera(points)[:, 2] - depth[row, column]
        flesh = np.array([radius_of(name) for name in names])
        return np.asarray(near & (behind < _HIDDEN_BEHIND * flesh + _THIN_MM))

    def _surface(self, pose: Pose) -> tuple[Floats, Ints]:
        if self.body.mesh is not None:
            return self.body.vertices(pose, coat=True), self.body.mesh.faces
        joints, points = self.body.joints(pose), self.body.keypoints_of(pose)
        names, parents = self.body.skeleton.joint_names, self.body.skeleton.parents
        ears = [k for k, name in enumerate(self.body.keypoints.names) if name.endswith("_EAR")]
        starts = [joints[p] for p in parents[1:]] + [points[k] for k in ears]
        stops = [joints[j] for j in range(1, len(names))] + [points[k] for k in ears]
        scale = float(np.exp(self.body.shape_space.log_scale(pose.shape)[0]))
        thick = [
            (radius_of(names[p]), radius_of(n)) for p, n in zip(parents[1:], names[1:], strict=True)
        ]
        thick += [(radius_of("EAR"),) * 2] * len(ears)
        return rounded_bones(np.array(starts), np.array(stops), scale * np.array(thick))

    def _shades(self, vertices: Floats, faces: Ints, camera: Camera) -> Bytes:
        """Return the colour (F, 3) of each face: as bright as it is turned to the camera."""
        corners = vertices[faces]
        normal = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        towards = camera.position - corners.mean(axis=1)
        length = np.linalg.norm(normal, axis=1) * np.linalg.norm(towards, axis=1)
        facing = np.abs((normal * towards).sum(axis=1)) / np.maximum(length, 1e-12)
        brightness, tint = COATS[self.coat]
        shade = brightness * (0.45 + 0.55 * facing)
        colours = np.clip(shade[:, None] * np.array(tint), 0, 255)
        return np.asarray(colours, np.uint8)


def radius_of(name: str) -> float:
    """Return how thick (mm) the flesh is about a joint or keypoint of a mouse of 25 g."""
    bare = name.removeprefix("LEFT_").removeprefix("RIGHT_")
    return _RADIUS.get(bare, 3.0)


def bedding(camera: Camera, seed: int) -> Bytes:
    """Return a floor (H, W, 3) of grains that is darker towards the edges."""
    width, height = camera.size
    random = np.random.default_rng(seed)
    coarse = random.normal(0, 1, (height // 8 + 2, width // 8 + 2))
    grain = _GRAIN * np.kron(coarse, np.ones((8, 8)))[:height, :width]
    grain = grain + _NOISE * random.normal(0, 1, (height, width))
    y, x = np.mgrid[0:height, 0:width]
    away = np.hypot((x - width / 2) / width, (y - height / 2) / height)
    grey = 122.0 - 90.0 * away**2 + grain
    return np.repeat(np.clip(grey, 0, 255).astype(np.uint8)[..., None], 3, axis=2)


def rounded_bones(starts: Floats, stops: Floats, radius: Floats) -> tuple[Floats, Ints]:
    """Return vertices and faces of B bones (B, 3) mm, each as thick as `radius` (B, 2) at its ends.

    A bone is a tube with half a ball at either end.
    """
    along = stops - starts
    length = np.linalg.norm(along, axis=1)
    axis = along / np.maximum(length, 1e-9)[:, None]
    axis[length < 1e-9] = [0.0, 0.0, 1.0]
    helper = np.where(np.abs(axis[:, 2:]) < 0.9, [0.0, 0.0, 1.0], [1.0, 0.0, 0.0])
    side = np.cross(axis, helper)
    side /= np.linalg.norm(side, axis=1, keepdims=True)
    other = np.cross(axis, side)
    half = _ALONG // 2 + 1
    tilt = np.linspace(-np.pi / 2, 0, half)
    ring_end = np.concatenate([np.zeros(half, int), np.ones(half, int)])
    tilt = np.concatenate([tilt, -tilt[::-1]])
    turn = np.linspace(0, 2 * np.pi, _AROUND, endpoint=False)
    thick = radius[:, ring_end]  # (B, R)
    centre = np.stack([starts, stops], axis=1)[:, ring_end]
    centre = centre + (thick * np.sin(tilt))[..., None] * axis[:, None]
    wide = (thick * np.cos(tilt))[..., None, None]
    circle = (
        np.cos(turn)[:, None] * side[:, None, None] + np.sin(turn)[:, None] * other[:, None, None]
    )
    vertices = centre[:, :, None] + wide * circle  # (B, R, A, 3)
    rings = len(tilt)
    ring, around = np.meshgrid(np.arange(rings - 1), np.arange(_AROUND), indexing="ij")
    here, after = ring * _AROUND + around, ring * _AROUND + (around + 1) % _AROUND
    quads = np.stack([
        np.stack([here, after, here + _AROUND], axis=-1),
        np.stack([after, after + _AROUND, here + _AROUND], axis=-1),
    ]).reshape(-1, 3)  # fmt: skip
    first = np.arange(len(starts))[:, None, None] * rings * _AROUND
    return vertices.reshape(-1, 3), (quads + first).reshape(-1, 3)
