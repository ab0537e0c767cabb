"""How good a shape space is: compactness, generalisation and specificity, against components."""

from __future__ import annotations

from pathlib import Path

from matplotlib.axes import Axes
from matplotlib.ticker import MaxNLocator

from mousepose.ct.statistics.statistics import ShapeCurves
from mousepose.report.canvas import BLUE, GREY, VERMILLION, drawing, grid_lines


def plot_shape_curves(path: str | Path, bones: ShapeCurves, skin: ShapeCurves) -> None:
    """Draw the three curves of bone lengths and of the skin, a row each.

    Generalisation is the error for an animal that was left out, specificity that of drawn animals
    to the nearest real one (Davies 2002).
    """
    with drawing(path, 9.0, 5.0) as figure:
        grid = figure.subplots(2, 3)
        for row, (name, curves, scale, unit) in enumerate(
            (("bone lengths", bones, 100.0, "%"), ("skin", skin, 1.0, "mm"))
        ):
            _draw(
                grid[row, 0],
                curves,
                100 * curves.compactness,
                f"{name}: compactness",
                "% of variance",
            )
            _draw(grid[row, 1], curves, scale * curves.generalisation, "generalisation", unit)
            _draw(grid[row, 2], curves, scale * curves.specificity, "specificity", unit)
        for axes in grid[1]:
            axes.set_xlabel("components")


def _draw(axes: Axes, curves: ShapeCurves, values: object, title: str, unit: str) -> None:
    axes.plot(curves.components, values, "o-", color=BLUE if "%" in unit else VERMILLION, ms=3)  # type: ignore[arg-type]
    axes.set_title(title)
    axes.set_ylabel(unit, color=GREY)
    axes.set_ylim(bottom=0)
    axes.xaxis.set_major_locator(MaxNLocator(integer=True))
    grid_lines(axes)
