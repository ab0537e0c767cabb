"""Stick figures as strokes and ellipses: bones, points, and where a point lies with 90 %."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from mousepose.geometry.camera import Camera
from mousepose.report.canvas import INK, REGION_90
from mousepose.report.overlay_video.layer import ELLIPSE, STROKE, Layer
from mousepose.report.stick import Stick
from mousepose.types import Bytes, Floats, State

#: The spine is as good as invisible on a black mouse in its usual colour.
_SPINE = "#F0E442"
#: Beneath coloured lines, so that they stand out on any picture.
_CASING, _CASING_OPACITY, _CASING_PX = (18.0, 20.0, 24.0), 0.7, 1.1
_HOLLOW = (250.0, 250.0, 250.0)


@dataclass(frozen=True)
class Parts:
    """What of a stick figure is drawn, and how large: `scale` 1 is for 648 rows."""

    bones: bool = True
    points: bool = True
    regions: bool = False
    scale: float = 1.0


@dataclass(frozen=True, eq=False)
class Flat:
    """A stick figure in a picture: points (K, 2) px, their covariance (K, 2, 2), state (K,)."""

    xy: Floats
    covariance: Floats
    state: Bytes


class StickPainter:
    """Draws the keypoints of one list of names."""

    def __init__(self, names: tuple[str, ...], parts: Parts) -> None:
        stick = Stick.of(names)
        self._parts = parts
        self._edges = np.array(stick.edges, np.int64).reshape(-1, 2)
        self._colours = np.array([_rgb(_SPINE if c == INK else c) for c in stick.colours])

    def draw(self, layer: Layer, flat: Flat) -> None:
        """Draw one figure; what is inferred is dashed and hollow, what is absent not drawn."""
        known = np.isfinite(flat.xy).all(axis=-1) & (flat.state != State.ABSENT)
        if self._parts.regions:
            layer.ellipses(self._regions(flat, known))
        if self._parts.bones:
            layer.strokes(self._bones(flat, known))
        if self._parts.points:
            layer.strokes(self._points(flat, known))

    def _bones(self, flat: Flat, known: NDArray[np.bool_]) -> Floats:
        scale = self._parts.scale
        edges = self._edges[known[self._edges].all(axis=1)]
        seen = flat.state[edges[:, 1]] == State.SEEN
        rows = np.zeros((len(edges), len(STROKE)))
        rows[:, :2], rows[:, 2:4] = flat.xy[edges[:, 0]], flat.xy[edges[:, 1]]
        rows[:, 4] = 1.15 * scale
        rows[:, 5:8], rows[:, 8] = self._colours[edges[:, 1]], 1.0
        rows[:, 9] = np.where(seen, 0.0, 4.5 * scale)
        return np.concatenate([_cased(rows, scale), rows])

    def _points(self, flat: Flat, known: NDArray[np.bool_]) -> Floats:
        scale = self._parts.scale
        rows = np.zeros((len(known), len(STROKE)))
        rows[:, :2] = rows[:, 2:4] = flat.xy
        rows[:, 4], rows[:, 5:8], rows[:, 8] = 2.9 * scale, self._colours, 1.0
        hollow = rows.copy()
        hollow[:, 4], hollow[:, 5:8] = 1.5 * scale, _HOLLOW
        hollow = hollow[known & (flat.state == State.INFERRED)]
        rows = rows[known]
        return np.concatenate([_cased(rows, scale), rows, hollow])

    def _regions(self, flat: Flat, known: NDArray[np.bool_]) -> Floats:
        covariance = flat.covariance * REGION_90**2
        chosen = known & np.isfinite(covariance).all(axis=(-2, -1))
        a, b, d = covariance[chosen, 0, 0], covariance[chosen, 0, 1], covariance[chosen, 1, 1]
        det = np.maximum(a * d - b * b, 1e-9)
        rows = np.zeros((len(a), len(ELLIPSE)))
        rows[:, :2] = flat.xy[chosen]
        rows[:, 2], rows[:, 3], rows[:, 4] = d / det, -b / det, a / det
        rows[:, 5:8], rows[:, 8], rows[:, 9] = self._colours[chosen], 0.16, 0.75
        return rows


def flattened(camera: Camera, points: Floats, covariance: Floats, state: Bytes) -> list[Flat]:
    """Return figures (B, K, 3) mm of the world as a camera sees them, one for each frame."""
    xy, slope = camera.project(points, jacobian=True)
    with np.errstate(invalid="ignore", over="ignore"):
        spread = slope @ covariance @ slope.swapaxes(-1, -2)
    return [Flat(*one) for one in zip(xy, spread, state, strict=True)]


def _cased(rows: Floats, scale: float) -> Floats:
    """Return strokes a little wider and dark, to lie beneath."""
    below = rows.copy()
    below[:, 4] += _CASING_PX * scale
    below[:, 5:8], below[:, 8] = _CASING, _CASING_OPACITY
    return below


def _rgb(colour: str) -> tuple[int, int, int]:
    """Return red, green and blue, 0 to 255, of "#RRGGBB"."""
    return int(colour[1:3], 16), int(colour[3:5], 16), int(colour[5:7], 16)
