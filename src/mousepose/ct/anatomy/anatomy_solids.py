"""Round cones and ellipsoids: how far points lie from many of them, one by one or blended.

Distances are signed, mm, negative inside. Of a round cone (the hull of two spheres) the distance is
exact; of an ellipsoid it is exact on the surface and right to first order beside it (Quilez 2008,
|q| (|q| - 1) / |grad|). A blend is d = -k log sum exp(-d_i / k): smooth, whatever the order of the
parts, and equal to the nearest part where no other lies within some k.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any, TypeVar

import numba
import numpy as np
from numpy.typing import NDArray

from mousepose.types import Floats

Grid3 = NDArray[np.float32]
Distances = TypeVar("Distances", Grid3, Floats)

#: Columns of the table of parts: kind, centre or start (3), then what `_distance` reads.
_COLUMNS = 18
#: Beyond this many blend radii a part adds less than exp(-6) to its neighbours: it is left out.
_REACH = 6.0
#: An ellipsoid is flat where its radii differ by more than this factor.
_FLAT = 3.0


@dataclass(frozen=True, eq=False)
class Solids:
    """Parts as rows of a table (N, 18), with the box `low`, `high` (N, 3) mm around each."""

    table: Floats
    low: Floats
    high: Floats

    def __len__(self) -> int:
        return len(self.table)


@dataclass(frozen=True, eq=False)
class Lattice:
    """Where fields are asked for: `shape` points, `step` mm apart, the first at `origin` (3,)."""

    origin: Floats
    step: Floats
    shape: tuple[int, int, int]

    @classmethod
    def around(cls, low: Floats, high: Floats, step: float) -> Lattice:
        """Return the points `step` mm apart that fill a box; whole multiples of the step."""
        first, last = np.floor(low / step), np.ceil(high / step)
        x, y, z = (int(n) for n in last - first + 1)
        return cls(first * step, np.full(3, step), (x, y, z))

    def slabs(self, thickness: int) -> list[tuple[slice, Lattice]]:
        """Return the same points in layers of at most `thickness` along x, each with its place."""
        layers = []
        for start in range(0, self.shape[0], thickness):
            stop = min(start + thickness, self.shape[0])
            origin = self.origin + np.array([start * self.step[0], 0.0, 0.0])
            layer = Lattice(origin, self.step, (stop - start, self.shape[1], self.shape[2]))
            layers.append((slice(start, stop), layer))
        return layers


def cones(start: Floats, end: Floats, start_radius: Floats, end_radius: Floats) -> Solids:
    """Return round cones from `start` to `end` (N, 3) with the radii (N,) of their end spheres."""
    way = end - start
    length = np.linalg.norm(way, axis=1)
    narrowing = start_radius - end_radius
    swallowed = length <= np.abs(narrowing) * (1 + 1e-9)  # one sphere holds the other
    safe = np.where(swallowed, 1.0, length)
    sine = np.where(swallowed, 0.0, narrowing / safe)
    larger = start_radius >= end_radius
    table = np.zeros((len(start), _COLUMNS))
    table[:, 1:4] = np.where((swallowed & ~larger)[:, None], end, start)
    table[:, 4:7] = way / safe[:, None]
    table[:, 7] = np.where(swallowed, 0.0, length)
    table[:, 8] = np.where(swallowed, np.maximum(start_radius, end_radius), start_radius)
    table[:, 9] = sine
    table[:, 10] = sine / np.sqrt(1 - sine**2)
    first, last = start_radius[:, None], end_radius[:, None]
    low = np.minimum(start - first, end - last)
    return Solids(table, low, np.maximum(start + first, end + last))


def ellipsoids(
    centre: Floats, axes: Floats, radii: Floats, wall: Floats, rim: float = 0.0
) -> Solids:
    """Return ellipsoids (N,): `axes` (N, 3, 3) as rows, `radii` (N, 3) along them.

    Where `wall` (N,) is above 0 only a shell of that thickness, inside the surface, is solid. A
    `rim` mm is the smallest radius that an edge of a flat one may have.
    """
    inner = radii - rim
    table = np.zeros((len(centre), _COLUMNS))
    table[:, 0] = 1
    table[:, 1:4] = centre
    table[:, 4:13] = (axes / inner[..., None]).reshape(-1, 9)
    table[:, 13:16] = 1 / inner
    table[:, 16] = wall
    table[:, 17] = rim
    reach = np.sqrt(((axes * radii[..., None]) ** 2).sum(axis=1))
    return Solids(table, centre - reach, centre + reach)


def joined(parts: list[Solids]) -> Solids:
    """Return all parts of several lists in one."""
    return Solids(
        np.concatenate([part.table for part in parts]),
        np.concatenate([part.low for part in parts]),
        np.concatenate([part.high for part in parts]),
    )


def part_distances(points: Floats, solids: Solids) -> Floats:
    """Return the distance (P, N) mm from points (P, 3) to every part."""
    distances: Floats = _distances(np.ascontiguousarray(points, np.float64), solids.table)
    return distances


def nearest_on(lattice: Lattice, solids: Solids, band: float) -> Grid3:
    """Return the distance (X, Y, Z) to the nearest part, `band` mm where none is nearer."""
    field = np.full(lattice.shape, band, np.float32)
    _lower(field, lattice.origin, lattice.step, solids.table, solids.low, solids.high, band)
    return field


def blended_on(lattice: Lattice, solids: Solids, radius: float) -> Grid3:
    """Return the blend (X, Y, Z) of the parts with blend `radius` mm, 6 radii where all are far."""
    band = _REACH * radius
    total = np.zeros(lattice.shape, np.float32)
    _add(total, lattice.origin, lattice.step, solids.table, solids.low, solids.high, band, radius)
    _to_distance(total, np.float32(radius))
    return total


def seamed(first: Distances, second: Distances, radius: float) -> Distances:
    """Return two distances blended: -k log(exp(-first / k) + exp(-second / k)), k = `radius`."""
    out = np.empty(first.size, first.dtype)
    _seam(first.ravel(), second.ravel(), radius, out)
    shaped: Distances = out.reshape(first.shape)
    return shaped


def blended_smooth_on(lattice: Lattice, solids: Solids, radius: float) -> Grid3:
    """Return `blended_on` from every second point, linear between: for parts of 1 mm and more.

    Eight times as fast; off by step^2 / (2 x radius of curvature), 0.01 mm at steps of 0.2 mm.
    """
    x, y, z = (n // 2 + 1 for n in lattice.shape)
    coarse = blended_on(Lattice(lattice.origin, 2 * lattice.step, (x, y, z)), solids, radius)
    for axis in range(3):
        coarse = _doubled(coarse, axis)
    inside: Grid3 = coarse[tuple(slice(0, n) for n in lattice.shape)]
    return inside


def _doubled(field: Grid3, axis: int) -> Grid3:
    """Return a field with the means of neighbours between them along one axis."""
    rows = np.moveaxis(field, axis, 0)
    out = np.empty((2 * len(rows), *rows.shape[1:]), np.float32)
    out[::2] = rows
    out[1:-1:2] = 0.5 * (rows[1:] + rows[:-1])
    out[-1] = rows[-1]
    return np.moveaxis(out, 0, axis)


def blended_at(distances: Floats, radius: float) -> Floats:
    """Return the blend (P,) of part distances (P, N), as `blended_on` has it."""
    near = np.where(distances < _REACH * radius, np.exp(-distances / radius), 0.0)
    return np.asarray(-radius * np.log(near.sum(axis=1) + np.exp(-_REACH)))


# Compiled -----------------------------------------------------------------------------------------


@numba.njit(cache=True)
def _beyond(
    q0: float, q1: float, q2: float, i0: float, i1: float, i2: float
) -> Any:  # pragma: no cover - compiled
    """Return |q| (|q| - 1) / |grad| at a point q in radii, their inverses i."""
    size = np.sqrt(q0 * q0 + q1 * q1 + q2 * q2)
    slope = np.sqrt((q0 * i0) ** 2 + (q1 * i1) ** 2 + (q2 * i2) ** 2)
    if slope < 1e-12:  # the centre
        return -1.0 / max(i0, i1, i2)
    return size * (size - 1) / slope


@numba.njit(cache=True)
def _distance(part: Any, x: float, y: float, z: float) -> Any:  # pragma: no cover - compiled
    dx, dy, dz = x - part[1], y - part[2], z - part[3]
    if part[0] == 0:
        along = dx * part[4] + dy * part[5] + dz * part[6]
        beside = np.sqrt(max(dx * dx + dy * dy + dz * dz - along * along, 0.0))
        # The nearest of the spheres along the axis: the distance to them is convex in their place.
        place = min(max(along - beside * part[10], 0.0), part[7])
        from_axis = np.sqrt((along - place) ** 2 + beside * beside)
        return from_axis - part[8] + part[9] * place
    q0 = part[4] * dx + part[5] * dy + part[6] * dz
    q1 = part[7] * dx + part[8] * dy + part[9] * dz
    q2 = part[10] * dx + part[11] * dy + part[12] * dz
    outer = _beyond(q0, q1, q2, part[13], part[14], part[15])
    # Beside the rim of a flat one that first order is far too near; no point is nearer than it
    # is to the cylinder around it.
    thinnest = max(part[13], part[14], part[15])
    if thinnest > _FLAT * min(part[13], part[14], part[15]):
        s0 = q0 if part[13] < thinnest else 0.0
        s1 = q1 if part[14] < thinnest else 0.0
        s2 = q2 if part[15] < thinnest else 0.0
        outer = max(outer, _beyond(s0, s1, s2, part[13], part[14], part[15]))
    outer -= part[17]
    if part[16] > 0:
        outer = abs(outer + 0.5 * part[16]) - 0.5 * part[16]
    return outer


@numba.njit(cache=True)
def _distances(points: Floats, table: Floats) -> Floats:  # pragma: no cover - compiled
    out = np.empty((len(points), len(table)))
    for p in range(len(points)):
        for n in range(len(table)):
            out[p, n] = _distance(table[n], points[p, 0], points[p, 1], points[p, 2])
    return out


@numba.njit(cache=True)
def _span(
    low: float, high: float, origin: float, step: float, count: int
) -> tuple[int, int]:  # pragma: no cover - compiled
    first = int(np.ceil((low - origin) / step))
    last = int(np.floor((high - origin) / step)) + 1
    return max(first, 0), min(last, count)


@numba.njit(cache=True)
def _lower(
    field: Any, origin: Floats, step: Floats, table: Floats, low: Floats, high: Floats, band: float
) -> None:  # pragma: no cover - compiled
    nx, ny, nz = field.shape
    for n in range(len(table)):
        x0, x1 = _span(low[n, 0] - band, high[n, 0] + band, origin[0], step[0], nx)
        y0, y1 = _span(low[n, 1] - band, high[n, 1] + band, origin[1], step[1], ny)
        z0, z1 = _span(low[n, 2] - band, high[n, 2] + band, origin[2], step[2], nz)
        for i in range(x0, x1):
            x = origin[0] + i * step[0]
            for j in range(y0, y1):
                y = origin[1] + j * step[1]
                for k in range(z0, z1):
                    d = _distance(table[n], x, y, origin[2] + k * step[2])
                    field[i, j, k] = min(field[i, j, k], d)


@numba.njit(cache=True)
def _to_distance(total: Any, radius: Any) -> None:  # pragma: no cover - compiled
    far = np.float32(np.exp(-_REACH))
    flat = total.ravel()
    for n in range(len(flat)):
        flat[n] = -radius * np.log(flat[n] + far) if flat[n] > 0 else radius * _REACH


@numba.njit(cache=True)
def _add(
    total: Any, origin: Floats, step: Floats, table: Floats, low: Floats, high: Floats,
    band: float, radius: float,
) -> None:  # pragma: no cover - compiled  # fmt: skip
    nx, ny, nz = total.shape
    for n in range(len(table)):
        x0, x1 = _span(low[n, 0] - band, high[n, 0] + band, origin[0], step[0], nx)
        y0, y1 = _span(low[n, 1] - band, high[n, 1] + band, origin[1], step[1], ny)
        z0, z1 = _span(low[n, 2] - band, high[n, 2] + band, origin[2], step[2], nz)
        for i in range(x0, x1):
            x = origin[0] + i * step[0]
            for j in range(y0, y1):
                y = origin[1] + j * step[1]
                for k in range(z0, z1):
                    d = _distance(table[n], x, y, origin[2] + k * step[2])
                    if d < band:
                        total[i, j, k] += np.exp(-d / radius)


@numba.njit(cache=True)
def _seam(first: Any, second: Any, radius: float, out: Any) -> None:  # pragma: no cover - compiled
    for n in range(len(first)):
        apart = abs(first[n] - second[n])
        nearer = min(first[n], second[n])
        # Beyond that the blend rounds to the nearer one.
        out[n] = (
            nearer if apart > 16 * radius else nearer - radius * np.log1p(np.exp(-apart / radius))
        )
