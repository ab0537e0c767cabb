"""The boards that cameras are calibrated with: their corners, their symmetry, what may be wrong.

A board's frame: origin at the outer corner at the top left of its first square (or marker), x along
the columns, y down along the rows, z into the board, away from who looks at it. mm.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Literal, get_args

import numpy as np

from mousepose.errors import UnknownNameError
from mousepose.types import Floats, Ints, require

Kind = Literal["charuco", "checkerboard", "aruco-grid"]

#: ArUco dictionaries by their names in OpenCV, in small letters and without DICT_: their markers.
DICTIONARIES = {
    f"{bits}x{bits}_{count}": count for bits in (4, 5, 6, 7) for count in (50, 100, 250, 1000)
} | {
    "aruco_original": 1024,
    "apriltag_16h5": 30,
    "apriltag_25h9": 35,
    "apriltag_36h10": 2320,
    "apriltag_36h11": 587,
    "aruco_mip_36h12": 250,
}


@dataclass(frozen=True)
class Board:
    """A flat board of `columns` x `rows`: squares, or markers for "aruco-grid".

    `square_mm` is the side of a square, for "aruco-grid" from one marker to the next. `marker_mm`
    is the side of a marker, `dictionary` their family; both are for boards with markers. `legacy`
    is the layout that OpenCV had before 4.6 for an even number of rows of a ChArUco board.
    Raises `InputError` where the numbers make no board.
    """

    kind: Kind
    columns: int
    rows: int
    square_mm: float
    marker_mm: float | None = None
    dictionary: str = "4x4_1000"
    legacy: bool = False

    def __post_init__(self) -> None:
        require(self.kind in get_args(Kind), f"board {self.kind!r}: expected {get_args(Kind)}")
        least = 1 if self.kind == "aruco-grid" else 3
        require(
            self.columns >= least and self.rows >= least and self.columns * self.rows > 1,
            f"a {self.kind} board needs {least} columns and rows or more, got "
            f"{self.columns} x {self.rows} (squares are counted, not inner corners)",
        )
        length = np.isfinite(self.square_mm) and self.square_mm > 0
        require(length, f"square: expected mm above 0, got {self.square_mm}")
        object.__setattr__(self, "dictionary", _dictionary_name(self.dictionary))
        if self.has_markers:
            self._check_markers()

    def _check_markers(self) -> None:
        require(self.marker_mm is not None, f"a {self.kind} board needs the side of its markers")
        assert self.marker_mm is not None
        require(
            0 < self.marker_mm < self.square_mm,
            f"marker: expected mm above 0 and below the square's {self.square_mm:g}, got "
            f"{self.marker_mm:g}",
        )
        held = DICTIONARIES[self.dictionary]
        require(
            self.marker_count <= held,
            f"dictionary {self.dictionary} has {held} markers, the board {self.marker_count}",
        )

    @property
    def has_markers(self) -> bool:
        """Whether markers tell the corners apart, so that a part of the board is enough."""
        return self.kind != "checkerboard"

    @property
    def marker_count(self) -> int:
        """How many markers there are."""
        return {
            "charuco": self.columns * self.rows // 2,
            "checkerboard": 0,
            "aruco-grid": self.columns * self.rows,
        }[self.kind]

    @property
    def size_mm(self) -> tuple[float, float]:
        """Width and height without any margin."""
        gap = self.square_mm - (self.marker_mm or 0) if self.kind == "aruco-grid" else 0.0
        return self.columns * self.square_mm - gap, self.rows * self.square_mm - gap

    @cached_property
    def points(self) -> Floats:
        """The corners (P, 3) mm that are looked for, z = 0.

        Inner corners of squares row by row, or the four corners of each marker, clockwise from its
        top left.
        """
        if self.kind == "aruco-grid":
            column, row = np.meshgrid(np.arange(self.columns), np.arange(self.rows))
            first = np.stack([column, row], axis=-1).reshape(-1, 1, 2) * self.square_mm
            around = np.array([[0, 0], [1, 0], [1, 1], [0, 1]]) * (self.marker_mm or 0.0)
            flat = np.asarray(first + around, np.float64).reshape(-1, 2)
        else:
            column, row = np.meshgrid(np.arange(1, self.columns), np.arange(1, self.rows))
            inner = np.stack([column, row], axis=-1).reshape(-1, 2)
            flat = np.asarray(inner * self.square_mm, np.float64)
        points = np.zeros((len(flat), 3))
        points[:, :2] = flat
        points.flags.writeable = False
        return points

    @cached_property
    def turns(self) -> tuple[Ints, ...]:
        """The orders (P,) of the corners of all turns of the board that look the same.

        The first is the order as it is. A checkerboard whose columns and rows are both even or both
        odd looks the same after half a turn, one with as many columns as rows after a quarter.
        """
        grid = np.arange(len(self.points))
        alike = (self.columns + self.rows) % 2 == 0
        if self.has_markers or not alike:
            return (grid,)
        square = grid.reshape(self.rows - 1, self.columns - 1)
        # a quarter turn keeps the colours only where the corner square goes to one of its colour
        step = 1 if self.columns == self.rows and self.columns % 2 else 2
        return tuple(np.rot90(square, count).ravel() for count in range(0, 4, step))

    def resized(self, columns: int, rows: int) -> Board:
        """Return the board with other numbers of columns and rows."""
        return replace(self, columns=columns, rows=rows)

    def __str__(self) -> str:
        of = f", markers {self.marker_mm:g} mm of {self.dictionary}" if self.has_markers else ""
        return f"{self.kind} of {self.columns} x {self.rows}, {self.square_mm:g} mm{of}"


def _dictionary_name(name: str) -> str:
    plain = name.lower().removeprefix("dict_")
    if plain not in DICTIONARIES:
        raise UnknownNameError.of("dictionary", name, DICTIONARIES)
    return plain
