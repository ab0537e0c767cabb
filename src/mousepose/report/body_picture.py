"""A body from six sides and in typical postures, shaded."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from mousepose.body.model import BodyModel
from mousepose.body.postures import posture, posture_names
from mousepose.errors import InputError
from mousepose.geometry.camera import Camera
from mousepose.geometry.raster import rasterise
from mousepose.geometry.triangles import vertex_normals
from mousepose.report.canvas import drawing
from mousepose.types import Floats, Ints

#: Directions from which a body is looked at: azimuth and elevation in degrees, 0 is from its front.
SIDES = {
    "left": (90.0, 0.0), "right": (-90.0, 0.0), "front": (0.0, 0.0), "back": (180.0, 0.0),
    "above": (90.0, 89.9), "below": (90.0, -89.9),
}  # fmt: skip
_ASLANT = (55.0, 25.0)
_FAR_MM = 3000.0  # so far away that there is hardly any perspective
_SAMPLES = 2
_LIGHT = np.array([-0.35, -0.75, -0.55])  # in camera axes, towards the light


def shaded(vertices: Floats, faces: Ints, camera: Camera) -> NDArray[np.float32]:
    """Return a picture (H, W) of a mesh, 0 black to 1 white, 1 where there is nothing.

    Lambert's law over normals that are smooth from corner to corner of the mesh.
    """
    depth, face = rasterise(vertices, faces, camera)
    seen = face >= 0
    normals = vertex_normals(vertices, faces)
    shown = faces[face[seen]]
    corners = camera.to_camera(vertices)[shown]
    facing = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
    outwards = -np.sign((facing * corners[:, 0]).sum(axis=1))  # some files count from inside
    smooth = (_shares(camera.project(vertices)[shown], seen)[..., None] * normals[shown]).sum(
        axis=1
    )
    turned = outwards[:, None] * smooth @ camera.rotation.T
    light = _LIGHT / np.linalg.norm(_LIGHT)
    picture = np.ones(depth.shape, np.float32)
    picture[seen] = 0.25 + 0.6 * np.clip(turned @ light, 0, 1) + 0.1 * np.clip(-turned[:, 2], 0, 1)
    return picture


def _shares(corners: Floats, seen: NDArray[np.bool_]) -> Floats:
    """Return how much each corner (N, 3, 2) px of a triangle counts at the pixels seen (N, 3)."""
    at = np.stack(np.nonzero(seen)[::-1], axis=-1)
    one, other = corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0]
    away = at - corners[:, 0]
    area = one[:, 0] * other[:, 1] - one[:, 1] * other[:, 0]
    second = (away[:, 0] * other[:, 1] - away[:, 1] * other[:, 0]) / area
    third = (one[:, 0] * away[:, 1] - one[:, 1] * away[:, 0]) / area
    return np.stack([1 - second - third, second, third], axis=1)


def plot_body(path: str | Path, body: BodyModel, *, coat: bool = False) -> None:
    """Draw a body's skin from six sides at rest and in every typical posture.

    Raises `InputError` for a body without a skin.
    """
    if body.mesh is None:
        raise InputError(f"body {body.name!r} has no skin to draw")
    faces = body.mesh.faces
    rest = body.vertices(body.rest_pose(), coat=coat) @ body.axes.T
    pictures = {f"from {side}": _picture(rest, faces, *at) for side, at in SIDES.items()}
    for name in posture_names():
        skin = body.vertices(posture(body, name), coat=coat) @ body.axes.T
        pictures[name] = _picture(skin, faces, *_ASLANT)
    columns, rows = 3, -(-len(pictures) // 3)
    with drawing(path, 3.6 * columns, 2.4 * rows) as figure:
        grid = figure.subplots(rows, columns, squeeze=False).ravel()
        for axes in grid:
            axes.axis("off")
        for axes, (title, picture) in zip(grid, pictures.items(), strict=False):
            axes.imshow(picture, cmap="gray", vmin=0, vmax=1, interpolation="antialiased")
            axes.set_title(title)


def _picture(
    vertices: Floats, faces: Ints, azimuth: float, elevation: float
) -> NDArray[np.float32]:
    """Return a picture of a mesh (x forward, y left, z up), cut to what is seen."""
    large = shaded(vertices, faces, side_camera(vertices, azimuth, elevation))
    height, width = large.shape
    small = large.reshape(height // _SAMPLES, _SAMPLES, width // _SAMPLES, _SAMPLES)
    return trimmed(small.mean(axis=(1, 3)))


def trimmed(picture: NDArray[np.float32]) -> NDArray[np.float32]:
    """Return a picture (H, W) or (H, W, 3) without most of the white around what it shows."""
    y, x = np.nonzero((picture < 1).reshape(*picture.shape[:2], -1).any(axis=-1))
    return np.asarray(picture[max(y.min() - 6, 0) : y.max() + 7, max(x.min() - 6, 0) : x.max() + 7])


def side_camera(vertices: Floats, azimuth: float, elevation: float) -> Camera:
    """Return a camera far away whose picture a mesh (x forward, y left, z up) fills."""
    size = (480 * _SAMPLES, 360 * _SAMPLES)
    a, e = np.radians(azimuth), np.radians(elevation)
    towards = -np.array([np.cos(e) * np.cos(a), np.cos(e) * np.sin(a), np.sin(e)])
    right = np.cross(towards, [0.0, 0.0, 1.0])
    right /= np.linalg.norm(right)
    turn = np.stack([right, np.cross(towards, right), towards])
    centre = (vertices.min(axis=0) + vertices.max(axis=0)) / 2
    reach = np.abs((vertices - centre) @ turn.T).max(axis=0)[:2]
    focal = 0.94 * _FAR_MM * float((np.array(size) / 2 / reach).min())
    transform = np.eye(4)
    transform[:3, :3], transform[:3, 3] = turn, [0, 0, _FAR_MM] - turn @ centre
    matrix = np.array([[focal, 0, size[0] / 2], [0, focal, size[1] / 2], [0, 0, 1]])
    return Camera(matrix, np.zeros(5), transform, size, "looking")
