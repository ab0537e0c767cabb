"""Crops turned so that the mouse heads up: left is then left, which is what makes sides learnable.

A network that meets mice any way up must know all of a mouse in every turn to tell its left from
its right. One look is enough to see which way it heads; the second look, at the crop turned to head
up, finds the rest. Crops seen from the side stay as they are: up is up in them.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Sequence

import numba
import numpy as np
from numpy.typing import NDArray

from mousepose.body.heading import headings
from mousepose.detect.heatmaps import Decoded
from mousepose.types import Bytes, Floats, Ints

#: The angle of what heads up in a picture: y points down.
UP = -math.pi / 2
#: rad; a mouse that heads up but for this is looked at once: training shows it so far off.
NEARLY_UP = math.radians(20)

#: Looks at crops (M, S, S), which are those of rows (M,), and returns their points.
Look = Callable[[Bytes, Ints], Decoded]


def looked_upright(
    look: Look,
    crops: Bytes,
    names: Sequence[str],
    may_turn: Callable[[], NDArray[np.bool_]],
    guess: Floats,
) -> Decoded:
    """Return the points of crops (N, S, S) as they look when the mouse heads up.

    Crops are turned by `guess` (N,) rad and looked at; those in which the mouse then does not head
    up, and that `may_turn` (asked after the first look), once more, turned as the first look asks.
    Where the second look sees it head elsewhere again, a third decides by its scores.
    """
    size, turn = crops.shape[-1], guess.copy()
    rows = np.arange(len(crops))
    found = _turned_back(look(_as_turned(crops, turn), rows), turn, size)
    asked = np.zeros(len(crops), bool)
    ask: NDArray[np.bool_] | None = None
    for again in range(2):
        still = _turn_to_head_up(found, names, turn)
        ask = may_turn() if ask is None else ask
        rows = np.flatnonzero(ask & ~(np.abs(still) <= NEARLY_UP) & np.isfinite(still))
        rows = rows[asked[rows] | (again == 0)]
        if rows.size == 0:
            break
        asked[rows] = True
        turn[rows] += still[rows]
        seen = _turned_back(look(turned(crops[rows], turn[rows]), rows), turn[rows], size)
        better = seen.score.mean(-1) > found.score[rows].mean(-1)
        kept = np.flatnonzero(better | (again == 0))
        for whole, part in zip(vars(found).values(), vars(seen).values(), strict=True):
            whole[rows[kept]] = part[kept]
    return found


def _as_turned(crops: Bytes, turn: Floats) -> Bytes:
    return turned(crops, turn) if np.any(turn != 0) else crops


def _turned_back(seen: Decoded, turn: Floats, size: int) -> Decoded:
    xy = turned_points(seen.xy, -turn, size)
    return Decoded(xy, turned_covariance(seen.covariance, -turn), seen.score.copy())


def _turn_to_head_up(found: Decoded, names: Sequence[str], turn: Floats) -> Floats:
    """Return by how much (N,) rad more crops must turn than by `turn`, -pi to pi; NaN: none."""
    more = UP - headings(found.xy, names, found.score) - turn
    return np.asarray(np.remainder(more + np.pi, 2 * np.pi) - np.pi)


def turned(crops: Bytes, angle: Floats) -> Bytes:
    """Return crops (N, S, S) uint8 turned by `angle` (N,) rad, x towards y, about their centres.

    Values between pixels are bilinear; beyond its edge a crop goes on as at its edge.
    """
    out = np.empty_like(crops)
    _turn(np.ascontiguousarray(crops), np.cos(angle), np.sin(angle), out)
    return out


def turned_points(xy: Floats, angle: Floats, size: int) -> Floats:
    """Return where points (N, K, 2) px are after `turned` by `angle` (N,) in crops of `size` px."""
    centre = (size - 1) / 2
    return np.asarray((xy - centre) @ _rotation(angle).swapaxes(-1, -2) + centre)


def turned_covariance(covariance: Floats, angle: Floats) -> Floats:
    """Return covariances (N, K, 2, 2) of points after `turned_points` by `angle` (N,)."""
    rotation = _rotation(angle)[:, None]
    return np.asarray(rotation @ covariance @ rotation.swapaxes(-1, -2))


def _rotation(angle: Floats) -> Floats:
    cosine, sine = np.cos(angle), np.sin(angle)
    return np.stack([np.stack([cosine, -sine], -1), np.stack([sine, cosine], -1)], -2)


@numba.njit(cache=True, nogil=True)
def _turn(
    crops: Bytes, cosine: Floats, sine: Floats, out: Bytes
) -> None:  # pragma: no cover - compiled
    size = crops.shape[1]
    centre, last = (size - 1) / 2, size - 1
    for n in range(len(crops)):
        crop, c, s = crops[n], cosine[n], sine[n]
        for v in range(size):
            for u in range(size):
                x = c * (u - centre) + s * (v - centre) + centre
                y = -s * (u - centre) + c * (v - centre) + centre
                x, y = min(max(x, 0.0), float(last)), min(max(y, 0.0), float(last))
                left, top = min(int(x), last - 1), min(int(y), last - 1)
                across, down = x - left, y - top
                upper = crop[top, left] * (1 - across) + crop[top, left + 1] * across
                lower = crop[top + 1, left] * (1 - across) + crop[top + 1, left + 1] * across
                out[n, v, u] = np.uint8(upper * (1 - down) + lower * down + 0.5)
