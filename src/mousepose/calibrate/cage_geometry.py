"""A cage as a box in the world, the names and symmetries of its corners, scale on its floor.

World: the origin is floor_front_left, x goes along the length to floor_front_right, y along the
width to floor_back_left, z up; the floor is z = 0.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike

from mousepose.errors import UnknownNameError
from mousepose.geometry.camera import Camera
from mousepose.types import Floats, require

#: Around the cage as seen from above: counter-clockwise, the front edge first.
_AROUND = ("front_left", "front_right", "back_right", "back_left")
FLOOR_NAMES = tuple(f"floor_{place}" for place in _AROUND)
RIM_NAMES = tuple(f"rim_{place}" for place in _AROUND)
#: The order in which corners are given without names.
CORNER_NAMES = (*FLOOR_NAMES, *RIM_NAMES)

#: The floor is looked at in so many places along each side, away from the walls.
_PLACES = 5
_HALF_PIXEL = 0.5


@dataclass(frozen=True)
class CameraUncertainty:
    """Standard deviations of what is said of a camera that sees a floor.

    `scale_percent` is that of mm per pixel on the floor (root mean square over the floor),
    `focal_percent` that of the focal length (0 where it is known) and `tilt_degrees` the angle
    between the true and the found floor.
    """

    scale_percent: float
    focal_percent: float
    tilt_degrees: float


@dataclass(frozen=True)
class Box:
    """A cage: inner `length` x `width` mm of the floor, `height` mm (None: only a floor).

    `rim` is length and width at the upper rim where the walls lean (None: as the floor); it is
    centred over the floor. Raises `InputError` on lengths that no cage has.
    """

    length: float
    width: float
    height: float | None = None
    rim: tuple[float, float] | None = None

    def __post_init__(self) -> None:
        sides = {"length": self.length, "width": self.width}
        if self.height is not None:
            sides["height"] = self.height
        if self.rim is not None:
            require(self.height is not None, "a rim needs the height of the cage: LxWxH")
            sides |= {"rim length": self.rim[0], "rim width": self.rim[1]}
        for name, mm in sides.items():
            require(
                bool(_SHORTEST <= mm <= _LONGEST),
                f"cage {name}: {mm:g} mm, expected {_SHORTEST:g} to {_LONGEST:g} mm",
            )

    def corners(self, names: Sequence[str]) -> Floats:
        """Return the places (N, 3) mm of corners by their names, which must be `CORNER_NAMES`."""
        lies_up = [name in RIM_NAMES for name in names]
        require(
            self.height is not None or not any(lies_up),
            "corners of the rim need the height of the cage: --size LENGTHxWIDTHxHEIGHT",
        )
        rim_length, rim_width = self.rim or (self.length, self.width)
        centre = np.array([self.length, self.width]) / 2
        places = []
        for name, up in zip(names, lies_up, strict=True):
            half = np.array([rim_length, rim_width] if up else [self.length, self.width]) / 2
            side = _SIDES[name.partition("_")[2]]
            places.append([*(centre + side * half), (self.height or 0.0) if up else 0.0])
        return np.array(places)

    def floor_places(self) -> Floats:
        """Return points (25, 3) mm spread over the floor."""
        share = (np.arange(_PLACES) + 0.5) / _PLACES
        x, y = np.meshgrid(share * self.length, share * self.width)
        return np.stack([x.ravel(), y.ravel(), np.zeros(x.size)], axis=1)

    def __str__(self) -> str:
        size = f"{self.length:g}x{self.width:g}"
        if self.height is not None:
            size += f"x{self.height:g}"
        return size + (f" mm, rim {self.rim[0]:g}x{self.rim[1]:g} mm" if self.rim else " mm")


_SHORTEST, _LONGEST = 10.0, 10_000.0
#: Where a corner lies from the middle, in half lengths and half widths.
_SIDES = {
    "front_left": np.array([-1, -1]),
    "front_right": np.array([1, -1]),
    "back_right": np.array([1, 1]),
    "back_left": np.array([-1, 1]),
}


@dataclass(frozen=True, eq=False)
class Clicks:
    """Points of known place that were clicked: `names` (N,), `pixels` (N, 2), corners first.

    `marks` (name -> x, y, z mm in the cage's world) are those that are no corners.
    """

    names: tuple[str, ...]
    pixels: Floats
    marks: Mapping[str, Floats]

    @classmethod
    def of(cls, clicked: Mapping[str, Sequence[float]]) -> Clicks:
        """Return clicks: corners by their names (x, y), and marks of any name (x, y, X, Y, Z).

        Raises `UnknownNameError` for a name without a place, `InputError` for other numbers.
        """
        for name, numbers in clicked.items():
            if name not in CORNER_NAMES and len(numbers) == 2:
                raise UnknownNameError.of("corner", name, CORNER_NAMES)
            good = len(numbers) == (2 if name in CORNER_NAMES else 5)
            require(
                good and bool(np.isfinite(np.array(numbers, np.float64)).all()),
                f"{name}: expected [x, y] px of a corner, or [x, y, X, Y, Z] px and mm of a mark",
            )
        names = sorted(clicked, key=lambda n: (*CORNER_NAMES, n).index(n))
        pixels = np.array([clicked[name][:2] for name in names], np.float64)
        marks = {n: np.array(clicked[n][2:], np.float64) for n in names if n not in CORNER_NAMES}
        return cls(tuple(names), pixels.reshape(-1, 2), marks)

    def points(self, box: Box, names: Sequence[str] | None = None) -> Floats:
        """Return the places (N, 3) mm in a cage of the clicks, under other names if given."""
        names = self.names if names is None else names
        corners = box.corners([name for name in names if name not in self.marks])
        return np.concatenate(
            [corners.reshape(-1, 3), *(place[None] for place in self.marks.values())]
        )

    def level(self, names: Sequence[str]) -> list[int]:
        """Return the indices of the clicks that have one of these names."""
        return [index for index, name in enumerate(self.names) if name in names]


def other_orders(
    clicks: Clicks, possible: Callable[[dict[int, str]], bool]
) -> Iterator[tuple[str, ...]]:
    """Yield other names for the same clicks: what somebody who mixed corners up may mean.

    The four turns and four mirrorings of the rectangle for floor and rim, where all four corners
    of one are given every order that goes around it without crossing itself, and floor and rim
    exchanged. `possible` is asked of the names, by index, of the floor alone and of the rim alone.
    Those that move the fewest names come first.
    """
    renamed = set()
    for swaps in (False, True):
        start = {i: _swapped(n) if swaps else n for i, n in enumerate(clicks.names)}
        start = {i: n for i, n in start.items() if clicks.names[i] not in clicks.marks}
        kept = {i: n for i, n in enumerate(clicks.names) if n in clicks.marks}
        levels = [
            [names for names in _levels(start, clicks.pixels, known) if possible(names)]
            for known in (FLOOR_NAMES, RIM_NAMES)
        ]
        for floor, rim in itertools.product(*levels):
            names = floor | rim | kept
            renamed.add(tuple(names[index] for index in range(len(names))))
    renamed -= {clicks.names}
    yield from sorted(renamed, key=lambda o: (sum(map(str.__ne__, o, clicks.names)), o))


def _swapped(name: str) -> str:
    level, _, place = name.partition("_")
    return f"{'rim' if level == 'floor' else 'floor'}_{place}"


def _levels(names: Mapping[int, str], pixels: Floats, known: Sequence[str]) -> list[dict[int, str]]:
    """Return the possible names, by index, of the corners of one level, the floor or the rim."""
    here = [index for index, name in names.items() if name in known]
    start = [known.index(names[index]) for index in here]
    places: set[tuple[int, ...]] = {
        tuple((turn + sign * place) % 4 for place in start) for turn in range(4) for sign in (1, -1)
    }
    if len(here) == 4:
        permutations = set(itertools.permutations(range(4)))
        places = {p for p in permutations if goes_around(pixels[here], p)} or places
    return [dict(zip(here, (known[p] for p in place), strict=True)) for place in sorted(places)]


def goes_around(pixels: Floats, places: Sequence[int] = (0, 1, 2, 3)) -> bool:
    """Return whether four pixels (4, 2), the i-th at place places[i], are a convex quadrilateral.

    The image of a rectangle that is wholly before the camera always is.
    """
    around = pixels[np.argsort(places)]
    side = np.roll(around, -1, axis=0) - around
    following = np.roll(side, -1, axis=0)
    turns = side[:, 0] * following[:, 1] - side[:, 1] * following[:, 0]
    return bool((turns > 0).all() or (turns < 0).all())


def millimetres_per_pixel(camera: Camera, pixels: ArrayLike) -> Floats:
    """Return how many mm one pixel is (*B,) across the line of sight, where it meets the floor.

    Distance along the ray times the root of the solid angle of a pixel; NaN where the ray of
    `pixels` (*B, 2) does not meet the camera's floor plane, which must be known.
    """
    xy = np.asarray(pixels, np.float64)
    plane = camera.floor_plane
    require(plane is not None, f"camera {camera.name!r} has no floor plane")
    assert plane is not None
    eye, ray = camera.rays(xy)
    towards = ray @ plane[:3]
    with np.errstate(divide="ignore", invalid="ignore"):
        distance = -(plane[:3] @ eye + plane[3]) / towards
    steps = _HALF_PIXEL * np.eye(2)
    across, down = (camera.rays(xy + step)[1] - camera.rays(xy - step)[1] for step in steps)
    solid_angle = np.linalg.norm(np.cross(across, down), axis=-1)
    return np.asarray(np.where(distance > 0, distance, np.nan) * np.sqrt(solid_angle))
