"""Pictures of cameras from a cage or a guess: does the floor drawn lie on the real one?"""

from __future__ import annotations

from pathlib import Path

import numpy as np
from matplotlib.axes import Axes
from numpy.typing import NDArray

from mousepose.calibrate.cage import CageCalibration
from mousepose.calibrate.cage_geometry import FLOOR_NAMES, RIM_NAMES
from mousepose.calibrate.guess import CameraGuess
from mousepose.geometry.camera import Camera
from mousepose.report.canvas import GREEN, ORANGE, SKY, VERMILLION, drawing
from mousepose.types import Floats

#: mm between two lines of the floor's grid; every tenth is drawn stronger.
GRID_MM = 10.0
#: Residuals are drawn so many times longer, to be seen at all.
_MAGNIFIED = 10.0
#: A line is drawn through so many points, as lenses bend lines.
_POINTS = 60
_WIDTH_INCHES = 9.0
#: The grid on a guessed floor, about the place where the mice were.
_GUESS_GRID_MM, _GUESS_GRID_LINES = 50.0, 12


def plot_cage(result: CageCalibration, image: NDArray[np.uint8], path: str | Path) -> None:
    """Draw the fitted cage, a 10 mm grid on its floor and the clicks on `image`, as a PNG."""
    width, height = result.camera.size
    with drawing(path, _WIDTH_INCHES, _WIDTH_INCHES * height / width + 0.9) as figure:
        axes = figure.subplots()
        shade = {"cmap": "gray", "vmin": 0, "vmax": 255} if image.ndim == 2 else {}
        axes.imshow(_brightened(image), **shade)  # type: ignore[arg-type]
        _draw_grid(axes, result)
        for start, stop in _edges(result):
            _draw_line(axes, result.camera, start, stop, color=SKY, linewidth=1.6)
        _draw_clicks(axes, result)
        axes.set_xlim(-0.5, width - 0.5)
        axes.set_ylim(height - 0.5, -0.5)
        axes.set_axis_off()
        axes.set_title(_title(result))
        figure.legend(loc="outside lower center", ncols=3)


def plot_guess(result: CameraGuess, path: str | Path) -> None:
    """Draw, as a PNG, the image's frame with a grid on the guessed floor and where mice were."""
    camera, off = result.camera, result.uncertainty
    width, height = camera.size
    with drawing(path, _WIDTH_INCHES, _WIDTH_INCHES * height / width + 0.9) as figure:
        axes = figure.subplots()
        label: str | None = f"{_GUESS_GRID_MM:g} mm grid of the floor"
        for place in np.arange(-_GUESS_GRID_LINES, _GUESS_GRID_LINES + 1) * _GUESS_GRID_MM:
            far = _GUESS_GRID_LINES * _GUESS_GRID_MM
            for start, stop in (([place, -far], [place, far]), ([-far, place], [far, place])):
                ends = np.array([[*start, 0.0], [*stop, 0.0]])
                _draw_line(
                    axes, camera, ends[0], ends[1], color=GREEN, alpha=0.6, linewidth=0.8,
                    label=label,
                )  # fmt: skip
                label = None
        axes.plot(
            result.pixels[:, 0], result.pixels[:, 1], ".", color=VERMILLION, markersize=4,
            label="mice",
        )  # fmt: skip
        axes.set_xlim(-0.5, width - 0.5)
        axes.set_ylim(height - 0.5, -0.5)
        axes.set_aspect("equal")
        axes.set_xlabel("x (px)")
        axes.set_ylabel("y (px)")
        axes.set_title(
            f"A guess: camera {camera.position[2]:.0f} mm above the floor\nstandard deviations: "
            f"scale {off.scale_percent:.0f} %, focal length {off.focal_percent:.0f} %, tilt "
            f"{off.tilt_degrees:.1f}°"
        )
        figure.legend(loc="outside lower center", ncols=2)


def _title(result: CageCalibration) -> str:
    off = result.uncertainty
    verdict = "PASSED" if result.passed else "NOT GOOD ENOUGH"
    return (
        f"{verdict}: cage {result.box}, corners {result.rms_px:.1f} px off\n"
        f"standard deviations: scale {off.scale_percent:.1f} %, focal length "
        f"{off.focal_percent:.1f} %, tilt {off.tilt_degrees:.1f}°"
    )


def _brightened(image: NDArray[np.uint8]) -> NDArray[np.uint8]:
    """Return the image with its brightest hundredth white: infrared images are often dark."""
    top = max(float(np.percentile(image, 99)), 1.0)
    return np.clip(image.astype(np.float64) * (255.0 / top), 0, 255).astype(np.uint8)


def _draw_grid(axes: Axes, result: CageCalibration) -> None:
    sides = (result.box.length, result.box.width)
    label: str | None = f"{GRID_MM:g} mm grid of the floor"
    for axis in (0, 1):
        for index, place in enumerate(np.arange(0, sides[axis] + 1e-6, GRID_MM)):
            ends = np.zeros((2, 3))
            ends[:, axis], ends[1, 1 - axis] = place, sides[1 - axis]
            strong = index % 10 == 0
            _draw_line(
                axes, result.camera, ends[0], ends[1], color=GREEN, alpha=0.9 if strong else 0.35,
                linewidth=1.0 if strong else 0.5, label=label,
            )  # fmt: skip
            label = None


def _edges(result: CageCalibration) -> list[tuple[Floats, Floats]]:
    """Return the two ends of every edge of the cage."""
    box = result.box
    floor = box.corners(FLOOR_NAMES)
    rings = [floor] if box.height is None else [floor, box.corners(RIM_NAMES)]
    edges = [(a, b) for ring in rings for a, b in zip(ring, np.roll(ring, -1, 0), strict=True)]
    return edges + (list(zip(*rings, strict=True)) if len(rings) == 2 else [])


def _draw_line(axes: Axes, camera: Camera, start: Floats, stop: Floats, **style: object) -> None:
    share = np.linspace(0, 1, _POINTS)[:, None]
    pixels = camera.project(start + share * (stop - start))  # NaN behind the camera: not drawn
    axes.plot(pixels[:, 0], pixels[:, 1], **style)  # type: ignore[arg-type]


def _draw_clicks(axes: Axes, result: CageCalibration) -> None:
    clicks, off = result.pixels, _MAGNIFIED * result.residuals
    fitted = clicks - result.residuals
    for at, (x, y) in zip(fitted, off, strict=True):
        axes.plot([at[0], at[0] + x], [at[1], at[1] + y], color=VERMILLION, linewidth=1.8)
    axes.plot([], [], color=VERMILLION, label=f"from the cage to the click, {_MAGNIFIED:g}x")
    axes.plot(
        clicks[:, 0], clicks[:, 1], "o", color=ORANGE, markersize=6, fillstyle="none",
        label="clicked corners",
    )  # fmt: skip
    middle = result.camera.size[0] / 2
    for name, (x, y) in zip(result.names, clicks, strict=True):
        axes.annotate(
            name.replace("_", " "), (x, y), xytext=(6 if x < middle else -6, 6),
            textcoords="offset points", ha="left" if x < middle else "right", color=ORANGE,
            fontsize=7,
        )  # fmt: skip
