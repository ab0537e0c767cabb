"""One calibrated camera: world points to pixels and back, with derivatives and the floor.

OpenCV axes: x right, y down, z forward; the centre of the top-left pixel is (0, 0). mm and px.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal, overload

import numpy as np
from numpy.typing import ArrayLike

from mousepose.errors import CameraError
from mousepose.geometry import rotation
from mousepose.geometry.camera_checks import FIELDS, find_problems
from mousepose.geometry.distortion import distort, distortion_jacobian, solve_2x2, undistort
from mousepose.types import Floats

#: Points nearer to the camera plane than this (mm), or behind it, have no image.
NEAREST_DEPTH = 1e-3


@dataclass(frozen=True, eq=False)
class Camera:
    """One camera. Pixels = matrix [distort(x/z, y/z), 1], with (x, y, z) = T_camera_world world.

    `matrix` (3, 3) px may hold a skew. `distortion` holds 0, 4, 5 or 8 terms in OpenCV's order
    (k1 k2 p1 p2 k3 k4 k5 k6) for the model "pinhole", 0 or 4 for "fisheye". `T_camera_world`
    (4, 4) takes world points in mm to the camera frame. `size` is (width, height) px.
    `floor_plane` (a, b, c, d) is the world plane a x + b y + c z + d = 0 in mm, its normal up into
    the free space. `source` says where the calibration comes from. Arrays are kept as read-only
    copies, the rotation made exactly orthonormal and the plane's normal of unit length.

    Raises `CameraError` that names every field that is wrong.
    """

    matrix: Floats
    distortion: Floats
    T_camera_world: Floats
    size: tuple[int, int]
    name: str = "cam_0"
    model: Literal["pinhole", "fisheye"] = "pinhole"
    floor_plane: Floats | None = None
    source: str = ""

    def __post_init__(self) -> None:
        fields = {name: getattr(self, name) for name in FIELDS}
        problems = find_problems(**fields)
        if problems:
            listed = "; ".join(f"{field}: {problem}" for field, problem in problems.items())
            raise CameraError(f"camera {self.name!r}: {listed}")
        transform = np.array(self.T_camera_world, np.float64)
        transform[:3, :3] = rotation.exp(rotation.log(transform[:3, :3]))
        self._keep("matrix", np.array(self.matrix, np.float64))
        self._keep("distortion", np.array(self.distortion, np.float64))
        self._keep("T_camera_world", transform)
        object.__setattr__(self, "size", (int(self.size[0]), int(self.size[1])))
        if self.floor_plane is not None:
            plane = np.array(self.floor_plane, np.float64)
            self._keep("floor_plane", plane / np.linalg.norm(plane[:3]))

    def _keep(self, field: str, array: Floats) -> None:
        array.flags.writeable = False
        object.__setattr__(self, field, array)

    @property
    def rotation(self) -> Floats:
        """The matrix (3, 3) that turns world directions into the camera frame."""
        return self.T_camera_world[:3, :3]

    @property
    def translation(self) -> Floats:
        """The world's origin (3,) in the camera frame, mm."""
        return self.T_camera_world[:3, 3]

    @property
    def position(self) -> Floats:
        """The camera's place (3,) in the world, mm."""
        return np.asarray(-self.translation @ self.rotation)

    @property
    def floor_in_camera(self) -> Floats | None:
        """The floor (a, b, c, d) in the camera frame, mm, or None where it is not known."""
        if self.floor_plane is None:
            return None
        normal = self.rotation @ self.floor_plane[:3]
        return np.append(normal, self.floor_plane[3] - normal @ self.translation)

    def to_camera(self, points_world: ArrayLike) -> Floats:
        """Return world points (*B, 3) mm in the camera frame."""
        points = np.asarray(points_world, np.float64)
        return np.asarray(points @ self.rotation.T + self.translation)

    def to_world(self, points_camera: ArrayLike) -> Floats:
        """Return camera-frame points (*B, 3) mm in the world."""
        points = np.asarray(points_camera, np.float64)
        return np.asarray((points - self.translation) @ self.rotation)

    @overload
    def project(self, points: ArrayLike, jacobian: Literal[False] = False) -> Floats: ...
    @overload
    def project(self, points: ArrayLike, jacobian: Literal[True]) -> tuple[Floats, Floats]: ...

    def project(self, points: ArrayLike, jacobian: bool = False) -> Floats | tuple[Floats, Floats]:
        """Return the pixels (*B, 2) of world points (*B, 3) mm, NaN where behind the camera.

        With `jacobian` also their derivative (*B, 2, 3) px/mm with respect to the world points.
        Far outside the image a strong polynomial lens folds back, as OpenCV's does.
        """
        with _quiet():
            points_camera = self.to_camera(points)
            depth = np.where(points_camera[..., 2:] > NEAREST_DEPTH, points_camera[..., 2:], np.nan)
            normalised = points_camera[..., :2] / depth
            pixels = self._to_pixels(distort(normalised, self.distortion, self.model))
            if not jacobian:
                return pixels
            lens = distortion_jacobian(normalised, self.distortion, self.model)
            # d (x/z, y/z) / d (x, y, z) = [I | -(x/z, y/z)] / z, then the turn to the camera frame
            perspective = self.rotation[:2] - normalised[..., None] * self.rotation[2]
            return pixels, self.matrix[:2, :2] @ lens @ perspective / depth[..., None]

    def undistort(self, pixels: ArrayLike) -> Floats:
        """Return (x/z, y/z) (*B, 2) of pixels (*B, 2), NaN where the lens shows nothing there."""
        with _quiet():
            offset = np.asarray(pixels, np.float64) - self.matrix[:2, 2]
            distorted = solve_2x2(self.matrix[:2, :2], offset)
            return undistort(distorted, self.distortion, self.model)

    def undistort_to_pinhole(self, pixels: ArrayLike) -> Floats:
        """Return the pixels (*B, 2) that the same camera without distortion would show."""
        with _quiet():
            return self._to_pixels(self.undistort(pixels))

    def local_scale(self, pixels: ArrayLike) -> Floats:
        """Return the derivative (*B, 2, 2) of `undistort_to_pinhole` at pixels (*B, 2).

        A pixel covariance S becomes L S L^T on the undistorted image.
        """
        scale = self.matrix[:2, :2]
        normalised = self.undistort(pixels)
        with _quiet():
            lens = distortion_jacobian(normalised, self.distortion, self.model)
            ones = np.ones(lens.shape[:-1])
            inverse = np.stack([solve_2x2(lens, column * ones) for column in np.eye(2)], axis=-1)
            return np.asarray(scale @ inverse @ np.linalg.inv(scale))

    def rays(self, pixels: ArrayLike) -> tuple[Floats, Floats]:
        """Return the camera's place (3,) mm and unit directions (*B, 3), both in the world."""
        normalised = self.undistort(pixels)
        with _quiet():
            directions = normalised @ self.rotation[:2] + self.rotation[2]
            directions /= np.linalg.norm(directions, axis=-1, keepdims=True)
        return self.position, directions

    def _to_pixels(self, distorted: Floats) -> Floats:
        return np.asarray(distorted @ self.matrix[:2, :2].T + self.matrix[:2, 2])


def pinhole(size: tuple[int, int], focal_px: float, name: str = "cam_0") -> Camera:
    """Return a camera at the world's origin, without distortion, centred on its image."""
    width, height = size
    matrix = np.array([
        [focal_px, 0.0, (width - 1) / 2],
        [0.0, focal_px, (height - 1) / 2],
        [0.0, 0.0, 1.0],
    ])  # fmt: skip
    source = f"pinhole of {focal_px:g} px, principal point at the image centre"
    return Camera(matrix, np.zeros(0), np.eye(4), size, name=name, source=source)


def _quiet() -> np.errstate:
    """Points and pixels may be garbage: what overflows ends as NaN or infinity in its own row."""
    return np.errstate(over="ignore", invalid="ignore", divide="ignore")
