"""Corners of a cage become a pose; those that do not fit may stand in another order."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mousepose.calibrate.cage_geometry import (
    CORNER_NAMES,
    FLOOR_NAMES,
    RIM_NAMES,
    Box,
    Clicks,
    goes_around,
    other_orders,
)
from mousepose.calibrate.cage_solve import Pose, Sight, solve
from mousepose.errors import InputError
from mousepose.types import Floats

#: Of true corners only one in a thousand fits worse.
_LEAST_PROBABILITY = 1e-3
#: Another pose whose cost is larger by no more than this explains the corners as well.
_AS_GOOD = 6.0


@dataclass(frozen=True, eq=False)
class Fit:
    """The best pose: whether it `fits` as clicks do, and whether it looks from `above` the floor.

    `rival` says that another pose, also above the floor, explains the corners as well.
    """

    pose: Pose
    fits: bool
    above: bool
    rival: bool

    @property
    def good(self) -> bool:
        """Return whether a camera above the floor may see the corners so."""
        return self.fits and self.above


def fit_corners(sight: Sight) -> Fit:
    """Return the pose that explains the corners best."""
    poses, cost = solve(sight)
    above = _heights(poses) > 0
    return Fit(
        poses.at(0),
        fits=_probability(float(cost[0]), sight.freedom) > _LEAST_PROBABILITY,
        above=bool(above[0]),
        rival=bool((above & (cost <= cost[0] + _AS_GOOD))[1:].any()),
    )


def tell_other_order(sight: Sight, fit: Fit, box: Box, clicks: Clicks) -> None:
    """Raise `InputError` where the corners would fit in another order, or show a floor from below.

    It tells the order that moves the fewest corners.
    """

    def possible(names: dict[int, str]) -> bool:
        if box.height is None and set(names.values()) & set(RIM_NAMES):
            return False
        chosen = list(names)
        part = replace(
            sight,
            points=box.corners(list(names.values())),
            pixels=sight.pixels[chosen],
            whiten=sight.whiten[chosen],
        )
        return len(names) < 4 or fit_corners(part).fits

    for order in other_orders(clicks, possible):
        if fit_corners(replace(sight, points=clicks.points(box, order))).good:
            raise InputError(
                f"corners in the wrong order: {_what_is_wrong(fit, clicks, order)}; did you mean "
                f"{_told(clicks, order)}? (counter-clockwise as seen from above, the first two "
                "along the LENGTH, the floor before the rim)"
            )
    if not fit.above:
        raise InputError(
            "corners in the wrong order, or of a cage of another size: the camera would look at "
            "the floor from below; give them counter-clockwise as seen from above"
        )


def fits_turned(sight: Sight, box: Box, clicks: Clicks) -> bool:
    """Return whether the corners would fit as well with length and width exchanged."""
    places = {name: CORNER_NAMES.index(name) for name in clicks.names if name in CORNER_NAMES}
    turned = [CORNER_NAMES[at - at % 4 + (at + 1) % 4] for at in places.values()]
    points = clicks.points(box, (*turned, *clicks.marks))
    return fit_corners(replace(sight, points=points)).good


def _heights(pose: Pose) -> Floats:
    """Return how high (*B,) mm the camera stands above the floor."""
    place = -np.swapaxes(pose.rotation, -1, -2) @ pose.translation[..., None]
    return np.asarray(place[..., 2, 0])


def _probability(square: float, freedom: int) -> float:
    """Return how often chance alone gives a larger chi-squared."""
    from scipy.special import chdtrc

    if freedom == 0:
        return 1.0
    return float(chdtrc(freedom, square)) if np.isfinite(square) else 0.0


def _what_is_wrong(fit: Fit, clicks: Clicks, order: tuple[str, ...]) -> str:
    pairs = list(zip(clicks.names, order, strict=True))
    if any((a in FLOOR_NAMES) != (b in FLOOR_NAMES) for a, b in pairs):
        return "floor and rim are exchanged"
    if fit.fits:
        return "they go around clockwise, so that the camera would look at the floor from below"
    for names in (FLOOR_NAMES, RIM_NAMES):
        level = clicks.level(names)
        places = [names.index(clicks.names[index]) for index in level]
        if len(level) == 4 and not goes_around(clicks.pixels[level], places):
            return f"the outline of the {names[0].partition('_')[0]} crosses itself"
    return "no camera sees a cage of this size so (are length and width exchanged?)"


def _told(clicks: Clicks, order: tuple[str, ...]) -> str:
    """Return corners in another order, as the command line takes them or as names."""
    corners = dict(zip(order, clicks.pixels.tolist(), strict=True))
    if clicks.names in (CORNER_NAMES, FLOOR_NAMES):
        ordered = [corners[name] for name in CORNER_NAMES if name in corners]
        return '"' + " ".join(f"{x:g},{y:g}" for x, y in ordered) + '"'
    named = {name: xy for name, xy in corners.items() if name not in clicks.marks}
    return ", ".join(f"{name} = [{x:g}, {y:g}]" for name, (x, y) in named.items())
