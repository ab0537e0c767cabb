"""Skins with hidden surfaces, shaded and with smooth edges, many a second; compiled.

Light is worked out in the corners of the triangles and linear between them (Gouraud 1971), which
on a skin of thousands of corners looks as if it were worked out in every pixel, at a tenth of the
time. Several skins share one z-buffer, finer than the picture, wherever they come near each other.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numba
import numpy as np
from numpy.typing import NDArray

from mousepose.geometry.camera import Camera
from mousepose.geometry.raster import NEAREST
from mousepose.report.overlay_video.layer import Layer
from mousepose.types import Bytes, Floats, Ints

Image = NDArray[np.float32]
Colour = tuple[float, float, float]

#: Squares of the table of a lens along the longer side of its picture.
_SQUARES = 192
#: So much farther than the picture's edge, in its size, is known how the lens bends.
_BEYOND = 0.3
#: Samples of all pixels in a box at most: more of them a pixel, smoother edges, more time.
_MOST_SAMPLES = 220_000
_MOST_A_PIXEL = 2
#: px; a skin ends there at the latest.
_FAR = 1e7
#: Where light comes from, in camera axes (x right, y down, z away): over the left shoulder.
_LAMP = np.array([-0.42, -0.68, -0.60]) / np.linalg.norm([-0.42, -0.68, -0.60])


@dataclass(frozen=True, eq=False)
class Lens:
    """Where a camera puts rays: `table` (N, M, 2) px at equal steps of y/z and of x/z, NaN unseen.

    Between them it is linear: good to some hundredths of a pixel, for lenses of any model.
    """

    table: Image
    start: Floats
    step: Floats
    size: tuple[int, int]

    @classmethod
    def of(cls, camera: Camera) -> Lens:
        """Return the table of a camera's lens; what folds back into the picture is left out."""
        width, height = camera.size
        edge = np.linspace(-0.5, width - 0.5, 33), np.linspace(-0.5, height - 0.5, 33)
        pixels = np.stack(np.meshgrid(*edge), axis=-1).reshape(-1, 2)
        rays = camera.undistort(pixels)
        rays = rays[np.isfinite(rays).all(axis=1)]
        low, high = rays.min(axis=0), rays.max(axis=0)
        margin = _BEYOND * (high - low).max()
        low, high = low - margin, high + margin
        step = (high - low).max() / _SQUARES
        x, y = (np.arange(low[k], high[k] + step, step) for k in range(2))
        at = np.stack(np.meshgrid(x, y), axis=-1)
        points = np.concatenate([at, np.ones((*at.shape[:2], 1))], axis=-1)
        seen, slope = camera.project(camera.to_world(points), jacobian=True)
        turned = slope @ camera.rotation[:2].T  # px for a step of x/z and of y/z
        folded = ~(np.linalg.det(turned) * np.linalg.det(camera.matrix[:2, :2]) > 0)
        farthest = 1.3 * float(np.linalg.norm(rays, axis=1).max())
        folded |= np.linalg.norm(at, axis=-1) > farthest
        seen[folded] = np.nan
        return cls(seen.astype(np.float32), low, np.array([step, step]), camera.size)


@dataclass(frozen=True, eq=False)
class View:
    """A camera for skins: a point goes to `turn` (3, 3) times it plus `shift` (3,), then `lens`."""

    turn: Floats
    shift: Floats
    lens: Lens


@dataclass(frozen=True, eq=False)
class Skin:
    """One animal's skin in one frame: `vertices`, `normals` (V, 3), `faces` (F, 3), a colour."""

    vertices: Floats
    normals: Floats
    faces: NDArray[np.int32]
    colour: Colour


@dataclass(frozen=True)
class Look:
    """How skins are drawn: how opaque shaded, filled flat, and their outline (each 0 to 1)."""

    shaded: float = 0.0
    filled: float = 0.0
    outline: float = 0.0


def draw_skins(layer: Layer, view: View, skins: Sequence[Skin], look: Look) -> None:
    """Draw skins into a layer, those nearer to the camera over those behind."""
    if not max(look.shaded, look.filled, look.outline):
        return
    seen = [_seen(view, skin) for skin in skins]
    for group in _near_each_other([one.box for one in seen]):
        boxes = np.array([seen[k].box for k in group])
        left, top = np.maximum(boxes[:, :2].min(axis=0), 0)
        right, bottom = np.minimum(boxes[:, 2:].max(axis=0), layer.size)
        if left < right and top < bottom:
            _draw_group(layer, (left, top, right, bottom), skins, seen, group, look)
            layer.touch(left, top, right, bottom)


@dataclass(frozen=True, eq=False)
class _Seen:
    """A skin in a picture: `corners` (V, 4), x and y px, 1/depth (0 where unseen) and light."""

    corners: Image
    box: tuple[int, int, int, int]


def _draw_group(
    layer: Layer, box: tuple[int, int, int, int], skins: Sequence[Skin], seen: Sequence[_Seen],
    group: Sequence[int], look: Look,
) -> None:  # fmt: skip
    """Draw the skins of a group, which share a z-buffer, into a box of a layer."""
    left, top, right, bottom = (int(side) for side in box)
    width, height = right - left, bottom - top
    fine = int(np.clip(np.sqrt(_MOST_SAMPLES / (width * height)), 1, _MOST_A_PIXEL))
    near = np.zeros((height * fine, width * fine), np.float32)
    light, owner = np.empty_like(near), np.zeros(near.shape, np.uint8)
    spans = np.tile(np.array([near.shape[1], -1], np.int32), (len(near), 1))
    for k in group:
        _fill(seen[k].corners, skins[k].faces, k, left, top, fine, near, light, owner, spans)
    share, shine = np.zeros((2, height, width), np.float32)
    whose, ends = np.full(share.shape, 255, np.uint8), np.empty((height, 2), np.int64)
    _gather(near, light, owner, spans, fine, share, shine, whose, ends)
    colours = np.array([skin.colour for skin in skins], np.float32)
    looks = (look.shaded, look.filled, look.outline)
    _paint(share, shine, whose, ends, colours, looks, layer.pixels, left, top)


def normals_of(vertices: Floats, faces: NDArray[np.int32]) -> Floats:
    """Return unit normals (B, V, 3) of skins (B, V, 3), as `geometry.triangles.vertex_normals`."""
    normals = np.zeros_like(vertices)
    _add_normals(vertices, faces, normals)
    return normals


def outwards(vertices: Floats, faces: Ints) -> NDArray[np.int32]:
    """Return the faces (F, 3) so that each is counted anticlockwise from outside.

    Some files count them from inside; the volume (V, 3) they hold then is negative.
    """
    a, b, c = vertices[faces].transpose(1, 0, 2)
    volume = (np.cross(a - vertices.mean(axis=0), b - a) * (c - a)).sum()
    return np.ascontiguousarray(faces if volume >= 0 else faces[:, ::-1], np.int32)


def _seen(view: View, skin: Skin) -> _Seen:
    """Return a skin as a view shows it."""
    corners, box, lens = np.empty((len(skin.vertices), 4), np.float32), np.empty(4), view.lens
    _project(skin.vertices, skin.normals, view.turn, view.shift, lens.table, lens.start, lens.step,
             _LAMP, corners, box)  # fmt: skip
    if not box[0] <= box[2]:
        return _Seen(corners, (0, 0, 0, 0))
    left, top, right, bottom = (int(side) for side in np.clip(box, -_FAR, _FAR))
    return _Seen(corners, (left - 2, top - 2, right + 3, bottom + 3))


def _near_each_other(boxes: Sequence[tuple[int, int, int, int]]) -> list[list[int]]:
    """Return groups of boxes that meet, directly or through others."""
    groups: list[list[int]] = []
    for k, box in enumerate(boxes):
        if box[0] >= box[2]:
            continue
        met = [group for group in groups if any(_meet(box, boxes[j]) for j in group)]
        groups = [group for group in groups if group not in met]
        groups.append([*(j for group in met for j in group), k])
    return groups


def _meet(one: tuple[int, int, int, int], other: tuple[int, int, int, int]) -> bool:
    return one[0] < other[2] and other[0] < one[2] and one[1] < other[3] and other[1] < one[3]


@numba.njit(cache=True, nogil=True, fastmath=True)
def _add_normals(
    vertices: Floats, faces: NDArray[np.int32], normals: Floats
) -> None:  # pragma: no cover - compiled
    for b in range(len(vertices)):
        p, n = vertices[b], normals[b]
        for f in range(len(faces)):
            i, j, k = faces[f, 0], faces[f, 1], faces[f, 2]
            ux, uy, uz = p[j, 0] - p[i, 0], p[j, 1] - p[i, 1], p[j, 2] - p[i, 2]
            vx, vy, vz = p[k, 0] - p[i, 0], p[k, 1] - p[i, 1], p[k, 2] - p[i, 2]
            x, y, z = uy * vz - uz * vy, uz * vx - ux * vz, ux * vy - uy * vx
            for c in (i, j, k):
                n[c, 0] += x
                n[c, 1] += y
                n[c, 2] += z
        for v in range(len(n)):
            size = np.sqrt(n[v, 0] ** 2 + n[v, 1] ** 2 + n[v, 2] ** 2) + 1e-30
            n[v] /= size


@numba.njit(cache=True, nogil=True)
def _project(
    vertices: Floats, normals: Floats, turn: Floats, shift: Floats, table: Image, start: Floats,
    step: Floats, lamp: Floats, corners: Image, box: Floats,
) -> None:  # fmt: skip  # pragma: no cover - compiled
    """Put corners on the picture and light them; `box` holds those that are seen."""
    rows, columns = table.shape[:2]
    box[:2], box[2:] = np.inf, -np.inf
    for v in range(len(vertices)):
        a, b, c = vertices[v, 0], vertices[v, 1], vertices[v, 2]
        x = turn[0, 0] * a + turn[0, 1] * b + turn[0, 2] * c + shift[0]
        y = turn[1, 0] * a + turn[1, 1] * b + turn[1, 2] * c + shift[1]
        z = turn[2, 0] * a + turn[2, 1] * b + turn[2, 2] * c + shift[2]
        corner = corners[v]
        corner[2] = 0.0
        if not z > NEAREST:
            continue
        column, row = (x / z - start[0]) / step[0], (y / z - start[1]) / step[1]
        if not (0 <= column < columns - 1 and 0 <= row < rows - 1):
            continue
        i, j = int(column), int(row)
        s, t = column - i, row - j
        for k in range(2):
            upper = table[j, i, k] * (1 - s) + table[j, i + 1, k] * s
            lower = table[j + 1, i, k] * (1 - s) + table[j + 1, i + 1, k] * s
            corner[k] = upper * (1 - t) + lower * t
        if np.isnan(corner[0]) or np.isnan(corner[1]):
            continue
        corner[2] = 1.0 / z
        box[0], box[1] = min(box[0], corner[0]), min(box[1], corner[1])
        box[2], box[3] = max(box[2], corner[0]), max(box[3], corner[1])
        a, b, c = normals[v, 0], normals[v, 1], normals[v, 2]
        nx = turn[0, 0] * a + turn[0, 1] * b + turn[0, 2] * c
        ny = turn[1, 0] * a + turn[1, 1] * b + turn[1, 2] * c
        nz = turn[2, 0] * a + turn[2, 1] * b + turn[2, 2] * c
        away = np.sqrt(x * x + y * y + z * z)
        facing = max(-(nx * x + ny * y + nz * z) / away, 0.0)
        lit = nx * lamp[0] + ny * lamp[1] + nz * lamp[2]
        diffuse = max(0.75 * lit + 0.25, 0.0)  # wraps round, as on fur
        edge = (1 - facing) * (1 - facing)
        corner[3] = 0.34 + 0.62 * diffuse + 0.12 * facing - 0.14 * edge + 0.22 * max(lit, 0.0) ** 12


@numba.njit(cache=True, nogil=True, fastmath=True)
def _fill(
    corners: Image, faces: NDArray[np.int32], who: int, left: int, top: int, fine: int, near: Image,
    lit: Image, owner: Bytes, spans: NDArray[np.int32],
) -> None:  # fmt: skip  # pragma: no cover - compiled
    """Put the triangles that face the camera into samples, `fine` x `fine` a pixel.

    `spans` (H, 2) hold the first and the last column that a row may have samples in.
    """
    height, width = near.shape
    at, half, scale = corners.copy(), np.float32(0.5), np.float32(fine)
    for v in range(len(at)):  # from pixels to samples
        at[v, 0] = (at[v, 0] - np.float32(left) + half) * scale - half
        at[v, 1] = (at[v, 1] - np.float32(top) + half) * scale - half
    one, least = np.float32(1), np.float32(-1e-5)
    for f in range(len(faces)):
        a, b, c = at[faces[f, 0]], at[faces[f, 1]], at[faces[f, 2]]
        za, zb, zc = a[2], b[2], c[2]
        if min(za, zb, zc) <= 0:
            continue
        ax, ay, bx, by, cx, cy = a[0], a[1], b[0], b[1], c[0], c[1]
        # y goes down: what is counted anticlockwise in space has a negative area
        area = (bx - ax) * (cy - ay) - (by - ay) * (cx - ax)
        if area >= -1e-6:
            continue
        # samples lie at whole numbers; what is left of 0 is cut to it, so that int() rounds down
        first = int(max(min(ax, bx, cx), -one) + one)
        last = min(int(max(ax, bx, cx, -one) + one) - 1, width - 1)
        upper = int(max(min(ay, by, cy), -one) + one)
        lower = min(int(max(ay, by, cy, -one) + one) - 1, height - 1)
        if first > last or upper > lower:
            continue
        unit = one / area
        u_x, u_y = (by - cy) * unit, (cx - bx) * unit
        v_x, v_y = (cy - ay) * unit, (ax - cx) * unit
        la, lb, lc = a[3], b[3], c[3]
        for y in range(upper, lower + 1):
            down, along = np.float32(y) - cy, np.float32(first) - cx
            u, v = u_x * along + u_y * down, v_x * along + v_y * down
            spans[y, 0], spans[y, 1] = min(spans[y, 0], first), max(spans[y, 1], last)
            for x in range(first, last + 1):
                w = one - u - v
                if u >= least and v >= least and w >= least:
                    z = u * za + v * zb + w * zc
                    if z > near[y, x]:
                        near[y, x], owner[y, x] = z, who
                        lit[y, x] = u * la + v * lb + w * lc
                u += u_x
                v += v_x


@numba.njit(cache=True, nogil=True, fastmath=True)
def _gather(
    near: Image, lit: Image, owner: Bytes, spans: NDArray[np.int32], fine: int, share: Image,
    shine: Image, whose: Bytes, ends: NDArray[np.int64],
) -> None:  # fmt: skip  # pragma: no cover - compiled
    """Sum the samples of each pixel: the share that is covered, the mean light, whose it is.

    `ends` (H, 2) get the first column of each row and the one after the last.
    """
    unit = np.float32(1.0 / (fine * fine))
    for y in range(len(ends)):
        ends[y] = spans[y * fine]
        for j in range(y * fine + 1, (y + 1) * fine):
            ends[y, 0], ends[y, 1] = min(ends[y, 0], spans[j, 0]), max(ends[y, 1], spans[j, 1])
        ends[y, 0], ends[y, 1] = ends[y, 0] // fine, (ends[y, 1] + fine) // fine
        for x in range(ends[y, 0], ends[y, 1]):
            count, total = 0, np.float32(0)
            for j in range(y * fine, (y + 1) * fine):
                for i in range(x * fine, (x + 1) * fine):
                    if near[j, i] > 0:
                        count += 1
                        total += lit[j, i]
                        whose[y, x] = owner[j, i]
            if count:
                share[y, x], shine[y, x] = count * unit, total / count


@numba.njit(cache=True, nogil=True, fastmath=True)
def _paint(
    share: Image, shine: Image, whose: Bytes, ends: NDArray[np.int64], colours: Image,
    look: tuple[float, float, float], pixels: Image, left: int, top: int,
) -> None:  # fmt: skip  # pragma: no cover - compiled
    """Draw what was gathered into a layer, with an outline where an animal ends."""
    height, width = share.shape
    shaded, filled, outline = look
    for y in range(height):
        for x in range(ends[y, 0], ends[y, 1]):
            part = share[y, x]
            if part <= 0:
                continue
            own, edge = whose[y, x], np.float32(0)
            if outline > 0:
                for j, i in ((y - 2, x), (y + 2, x), (y, x - 2), (y, x + 2)):
                    inside = 0 <= j < height and 0 <= i < width
                    other = share[j, i] if inside and whose[j, i] == own else np.float32(0)
                    edge = max(edge, 1 - other)
            flat = filled + max(outline - filled, 0.0) * edge
            # the flat colour lies over the shaded one
            kept = (1 - part * shaded) * (1 - part * flat)
            for k in range(3):
                glow = colours[own, k] * min(shine[y, x], 1.0)
                glow += (255 - colours[own, k]) * max(shine[y, x] - 1.0, 0.0)
                new = part * shaded * min(glow, 255.0) * (1 - part * flat)
                new += part * flat * colours[own, k]
                pixels[top + y, left + x, k] = pixels[top + y, left + x, k] * kept + new
            pixels[top + y, left + x, 3] = pixels[top + y, left + x, 3] * kept + 1 - kept
