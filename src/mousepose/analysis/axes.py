"""Where the body is and where it heads, from whatever points of the trunk are known.

Every frame's trunk points are laid on the animal's usual trunk (seen from above) by a turn and a
shift, so that a point that is missing for a while moves neither the centre nor the heading.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mousepose.analysis.motion import Motion
from mousepose.errors import InputError
from mousepose.types import Floats

#: The trunk from front to hind, with the share of the way along it at which each point lies.
TRUNK_PLACES = {
    "NECK": 0.0, "SPINE_SHOULDER": 0.2, "LEFT_SHOULDER": 0.25, "RIGHT_SHOULDER": 0.25,
    "SPINE_MID": 0.5, "SPINE_HIP": 0.85, "LEFT_HIP": 0.9, "RIGHT_HIP": 0.9, "ROOT_TAIL": 1.0,
}  # fmt: skip
_ROUNDS = 3
_FEWEST = 2
#: Points nearer than this share of the trunk are beside each other rather than behind.
_APART = 0.1


@dataclass(frozen=True, eq=False)
class BodyAxes:
    """`centre` (T, 3) mm of the trunk and its `heading` (T,) rad from x to y, NaN = unknown.

    `variance` (T, 3) mm^2 is that of the centre. `reach` mm is how far the points of the trunk lie
    from their mean along the body (root mean square).
    """

    centre: Floats
    heading: Floats
    variance: Floats
    reach: float

    def turned(self, points: Floats) -> Floats:
        """Return points (T, ..., 3) mm in the frame of the body: forward, left, up."""
        shape = (-1, *([1] * (points.ndim - 2)))
        away = points - self.centre.reshape(len(self.centre), *([1] * (points.ndim - 2)), 3)
        cosine, sine = np.cos(self.heading).reshape(shape), np.sin(self.heading).reshape(shape)
        forward = cosine * away[..., 0] + sine * away[..., 1]
        left = -sine * away[..., 0] + cosine * away[..., 1]
        return np.stack([forward, left, away[..., 2]], axis=-1)


def trunk_names(motion: Motion) -> list[str]:
    """Return the points of the trunk that are known, from front to hind."""
    return [name for name in TRUNK_PLACES if motion.has(name)]


def body_axes(motion: Motion) -> BodyAxes:
    """Return centre and heading of the trunk above the floor (z up).

    Raises `InputError` where fewer than two points of the trunk, one behind the other, are known,
    unless it is known where the animal heads (`Motion.facing`).
    """
    names = trunk_names(motion)
    places = np.array([TRUNK_PLACES[name] for name in names])
    blind = len(names) < _FEWEST or np.ptp(places) < _APART
    if not names or (blind and motion.facing is None):
        raise InputError(
            f"the heading needs two points of the trunk, one behind the other, among "
            f"{', '.join(TRUNK_PLACES)}; known here: {', '.join(names) or 'none'}; "
            "on a treadmill seen from one side, say where the belt runs to (--belt-direction)"
        )
    points = np.stack([motion.of(name) for name in names], axis=1)  # (T, N, 3)
    known = np.isfinite(points[..., 0])
    usable = known.sum(axis=1) >= (1 if blind else _FEWEST)
    flat = np.where(known, points[..., 0] + 1j * points[..., 1], 0.0)
    count = np.maximum(known.sum(axis=1), 1)
    template = (0.5 - places) * 60.0 + 0j  # mm; only its direction matters, and it is replaced
    level = np.zeros(len(names))
    for _ in range(_ROUNDS):
        mean, shape = flat.sum(axis=1) / count, (known * template).sum(axis=1) / count
        away = np.where(known, flat - mean[:, None], 0.0)
        turn = (away * np.conj(template - shape[:, None])).sum(axis=1)
        if blind and motion.facing is not None:
            turn = np.full(len(turn), np.exp(1j * motion.facing))
        turn = np.where(np.abs(turn) > 0, turn / np.maximum(np.abs(turn), 1e-300), np.nan)
        centre = mean - turn * shape
        template = _usual((flat - centre[:, None]) * np.conj(turn)[:, None], known)
        template -= template.mean()
        height = np.where(known, points[..., 2] - level, 0.0).sum(axis=1) / count
        level = _usual(points[..., 2] - height[:, None] + 0j, known).real
        level -= level.mean()
    mean, shape = flat.sum(axis=1) / count, (known * template).sum(axis=1) / count
    centre = mean - turn * shape
    place = np.stack([centre.real, centre.imag, height], axis=-1)
    spread = np.stack([motion.variance_of(name) for name in names], axis=1)
    # Errors of points of one body go together: the mean is no better than a typical point.
    variance = np.where(known[..., None], spread, 0.0).sum(axis=1) / count[:, None]
    place[~usable] = np.nan
    reach = float(np.sqrt(np.mean(template.real**2)))
    return BodyAxes(place, np.where(usable, np.angle(turn), np.nan), variance, reach)


def _usual(values: np.ndarray, known: np.ndarray) -> np.ndarray:
    """Return the median (N,) of complex values (T, N) over at most 20 000 known frames."""
    step = max(1, len(values) // 20_000)
    some, given = values[::step], known[::step] & np.isfinite(values[::step])
    some = np.where(given, some, np.nan)
    empty = ~given.any(axis=0)
    some[:, empty] = 0.0
    return np.asarray(np.nanmedian(some.real, axis=0) + 1j * np.nanmedian(some.imag, axis=0))
