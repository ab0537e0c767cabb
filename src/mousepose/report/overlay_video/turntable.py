"""The panel beside the video: the animals on their floor, seen from a camera that goes round."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray
from scipy.ndimage import uniform_filter

from mousepose.geometry.camera import Camera, pinhole
from mousepose.report.overlay_video.layer import Layer
from mousepose.report.overlay_video.mesh import Lens, Look, Skin, View, draw_skins
from mousepose.report.overlay_video.picture import Picture
from mousepose.types import Bytes, Floats

Image = NDArray[np.float32]

#: s for one turn, and how high the camera stands above the animals (degrees).
_TURN_S, _ELEVATION = 24.0, 24.0
#: What the panel shows at least: a ball of this radius (mm) about the animals.
_REACH_MM = 72.0
#: s in which the camera comes two thirds of the way to where the animals are.
_LAG_S = 0.2
#: The camera's distance from the middle, in reaches.
_AWAY = 5.2
#: The side of a square of the floor (mm); every fifth line is stronger.
SQUARE_MM, _STRONG = 10.0, 5
#: The tint of the floor, and how bright it, its lines and what lies beyond are (0 to 255).
_TINT = np.array([0.80, 0.885, 1.0])
_FLOOR, _LINE, _SKY = 58.0, 116.0, 34.0
#: The shadow: its cells along a side, how dark it is, and the height (mm) from which it fades.
_CELLS, _SHADOW, _FADES_MM = 96, 0.72, 22.0
_LOOK = Look(shaded=1.0)


@dataclass(frozen=True, eq=False)
class Sight:
    """What the turntable's camera sees: points of the stage go to `turn` (3, 3) them + `shift`.

    It looks at `middle` (3,) and sees `reach` mm about it.
    """

    turn: Floats
    shift: Floats
    middle: Floats
    reach: float

    @property
    def place(self) -> Floats:
        """Where the camera is (3,) on the stage."""
        return np.asarray(-self.shift @ self.turn)


class Turntable:
    """A camera that goes round what is on a stage (z up, the floor at 0), for one size of panel.

    `to_stage` turns (3, 3) and shifts (3,) mm the world to the stage.
    """

    def __init__(self, size: tuple[int, int], to_stage: tuple[Floats, Floats]) -> None:
        self.size, self._to_stage = size, to_stage
        #: the camera, at the origin: what it sees is turned and shifted before
        self.camera: Camera = pinhole(size, 0.5 * min(size) * _AWAY, "turntable")
        self._lens = Lens.of(self.camera)

    def looking(self, middle: Floats, reach: float, time: float) -> Sight:
        """Return what is seen at a time in s: `reach` mm about `middle` (3,), both of the stage."""
        turn, up = 2 * np.pi * time / _TURN_S, np.radians(_ELEVATION)
        towards = -np.array([np.cos(up) * np.cos(turn), np.cos(up) * np.sin(turn), np.sin(up)])
        right = np.cross(towards, [0.0, 0.0, 1.0])
        right /= np.linalg.norm(right)
        axes = np.stack([right, np.cross(towards, right), towards])
        return Sight(axes, np.array([0.0, 0.0, _AWAY * reach]) - axes @ middle, middle, reach)

    def draw_floor(
        self, picture: Picture, x: int, yuv: NDArray[np.float32], sight: Sight,
        skins: Sequence[Skin],
    ) -> None:  # fmt: skip
        """Draw the floor with the skins' shadows on the planes of a picture, from column x on."""
        shade = np.zeros((_CELLS, _CELLS), np.float32)
        cell = 2 * 1.6 * sight.reach / _CELLS
        corner = sight.middle[:2] - 0.5 * cell * _CELLS
        for skin in skins:
            _darken(skin.vertices, *self._to_stage, corner, cell, shade)
        if skins:
            shade = uniform_filter(uniform_filter(shade, 5), 3) * np.float32(_SHADOW)
        tinted = yuv[:, :3] @ _TINT.astype(np.float32)
        matrix = self.camera.matrix
        optics = np.array([matrix[0, 0], matrix[0, 2], matrix[1, 2]], np.float32)
        _floor(
            picture.y, picture.u, picture.v, x, self.size[0], tinted, yuv[:, 3],
            sight.turn.astype(np.float32), sight.place.astype(np.float32), optics,
            np.array([*sight.middle[:2], 2.3 * sight.reach, *corner, cell], np.float32), shade,
        )  # fmt: skip

    def draw(self, layer: Layer, sight: Sight, skins: Sequence[Skin]) -> None:
        """Draw skins, whose corners are of the world, into a layer of the panel's size."""
        turn, shift = self._to_stage
        view = View(sight.turn @ turn, sight.turn @ shift + sight.shift, self._lens)
        draw_skins(layer, view, skins, _LOOK)


class Follower:
    """Where the turntable's camera looks: at the animals, without haste, and wide enough."""

    def __init__(self) -> None:
        self._time = -np.inf
        self.middle: Floats = np.zeros(3)
        self.reach = _REACH_MM

    def follow(self, trunks: Floats, time: float) -> None:
        """Move on to a time (s) with the animals' trunks at (A, 3) mm on the stage, NaN unknown."""
        known = trunks[np.isfinite(trunks).all(axis=1)]
        if not len(known):
            return
        middle = (known.min(axis=0) + known.max(axis=0)) / 2
        reach = _REACH_MM + float(np.linalg.norm(known - middle, axis=1).max())
        part = 1 - float(np.exp(-max(time - self._time, 0.0) / _LAG_S))  # 1 at the first sight
        self.middle = self.middle + part * (middle - self.middle)
        self.reach += part * (reach - self.reach)
        self._time = time


@numba.njit(cache=True, nogil=True, fastmath=True)
def _darken(
    vertices: Floats, turn: Floats, shift: Floats, corner: Floats, cell: float, shade: Image
) -> None:  # pragma: no cover - compiled
    """Darken the cells of the floor (N, N) below corners of a skin, the more the lower they are."""
    count = shade.shape[0]
    for v in range(len(vertices)):
        a, b, c = vertices[v, 0], vertices[v, 1], vertices[v, 2]
        x = turn[0, 0] * a + turn[0, 1] * b + turn[0, 2] * c + shift[0]
        y = turn[1, 0] * a + turn[1, 1] * b + turn[1, 2] * c + shift[1]
        z = turn[2, 0] * a + turn[2, 1] * b + turn[2, 2] * c + shift[2]
        i, j = int((x - corner[0]) / cell), int((y - corner[1]) / cell)
        if 0 <= i < count and 0 <= j < count:
            shade[j, i] = max(shade[j, i], np.exp(-max(z, 0.0) / _FADES_MM))


@numba.njit(cache=True, nogil=True, fastmath=True)
def _lay_shadow(
    line: Image, shade: Image, cells: Image, x: float, y: float, step_x: float, step_y: float
) -> None:  # pragma: no cover - compiled
    """Darken a row of pixels, the first at (x, y) of the floor; linear between middles of cells."""
    size, count = cells[2], shade.shape[0]
    i, j = (x - cells[0]) / size - 0.5, (y - cells[1]) / size - 0.5
    step_i, step_j = step_x / size, step_y / size
    first, last = 0.0, len(line) - 1.0
    for start, step in ((i, step_i), (j, step_j)):
        if abs(step) > 1e-9:
            ends = -start / step, (count - 1.001 - start) / step
            first, last = max(first, min(ends)), min(last, max(ends))
        elif not 0 <= start < count - 1.001:
            return
    for k in range(int(np.ceil(first)), int(np.floor(last)) + 1):
        a, b = i + step_i * k, j + step_j * k
        m, n = int(a), int(b)
        if 0 <= m < count - 1 and 0 <= n < count - 1:
            s, t = a - m, b - n
            above = shade[n, m] * (1 - s) + shade[n, m + 1] * s
            below = shade[n + 1, m] * (1 - s) + shade[n + 1, m + 1] * s
            line[k] *= 1 - above * (1 - t) - below * t


# Every number is of 32 bits and no branch lies in the inner loop: eight pixels go at once.
@numba.njit(cache=True, nogil=True, fastmath=True)
def _floor(
    luma: Bytes, blue: Bytes, red: Bytes, x_0: int, width: int, tinted: Image, black: Image,
    turn: Image, place: Image, optics: Image, where: Image, shade: Image,
) -> None:  # fmt: skip  # pragma: no cover - compiled
    """Draw the floor z = 0 with its lines; it fades into what lies beyond, away from the middle."""
    f4 = np.float32
    height = luma.shape[0]
    focal, centre_x, centre_y = optics[0], optics[1], optics[2]
    bright, columns = np.empty((2, width), np.float32), np.arange(width).astype(np.float32)
    squares = (f4(SQUARE_MM), f4(SQUARE_MM * _STRONG))
    half, one, zero = f4(0.5), f4(1), f4(0)
    middle_x, middle_y, fade, scale, start = (
        where[0], where[1], where[2], tinted[0], black[0] + half
    )  # fmt: skip
    for row in range(height):
        line = bright[row % 2]
        v = (f4(row) - centre_y) / focal
        down = turn[1, 2] * v + turn[2, 2]
        sky = f4(_SKY) * (one - f4(0.25) * f4(row) / f4(height))
        if down >= f4(-1e-3):
            line[:] = sky
        else:
            t = -place[2] / down
            step_x, step_y = turn[0, 0] / focal * t, turn[0, 1] / focal * t
            x_left = place[0] + t * (turn[1, 0] * v + turn[2, 0]) - step_x * centre_x
            y_left = place[1] + t * (turn[1, 1] * v + turn[2, 1]) - step_y * centre_x
            across = np.sqrt(step_x * step_x + step_y * step_y)  # mm a pixel covers
            broad = half * across * (one + one / max(f4(0.05), -down))
            sharp, thin = one / broad, min(f4(0.9) / broad, one)
            for k in range(width):
                x, y = x_left + step_x * columns[k], y_left + step_y * columns[k]
                dx, dy = x - middle_x, y - middle_y
                there = f4(1.35) - np.sqrt(dx * dx + dy * dy) / fade
                there = min(max(there, zero), one)
                there = there * there * (f4(3) - f4(2) * there)
                a, b = x / squares[0], y / squares[0]
                a, b = abs(a - np.floor(a + half)), abs(b - np.floor(b + half))
                grid = f4(0.35) * (one - (min(a, b) * squares[0] - f4(0.22)) * sharp)
                a, b = x / squares[1], y / squares[1]
                a, b = abs(a - np.floor(a + half)), abs(b - np.floor(b + half))
                grid = max(grid, f4(0.75) * (one - (min(a, b) * squares[1] - f4(0.22)) * sharp))
                grid = min(max(grid, zero), f4(0.75)) * thin
                line[k] = sky + there * (f4(_FLOOR) + f4(_LINE - _FLOOR) * grid - sky)
            _lay_shadow(line, shade, where[3:], x_left, y_left, step_x, step_y)
        out = luma[row, x_0 : x_0 + width]
        for k in range(width):
            out[k] = np.uint8(np.int32(scale * line[k] + start))
        if row % 2:
            for k in range(width // 2):
                mean = bright[0, 2 * k] + bright[0, 2 * k + 1]
                mean = (mean + bright[1, 2 * k] + bright[1, 2 * k + 1]) * f4(0.25)
                blue[row // 2, x_0 // 2 + k] = np.uint8(tinted[1] * mean + black[1] + half)
                red[row // 2, x_0 // 2 + k] = np.uint8(tinted[2] * mean + black[2] + half)
