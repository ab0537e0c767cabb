"""What was found in a CT scan, as two pictures: the scan itself, and the body laid on it."""

from __future__ import annotations

from pathlib import Path

import matplotlib
import numpy as np
from matplotlib.colors import Normalize

from mousepose.ct.registration.register_body import BodyRegistration
from mousepose.ct.segmentation.segment_types import Segmentation
from mousepose.ct.types import NamedPoints
from mousepose.geometry.raster import rasterise
from mousepose.report.body_picture import SIDES, shaded, side_camera, trimmed
from mousepose.report.canvas import drawing
from mousepose.report.scan import plot_scan
from mousepose.types import Floats, Ints

#: Rows: forward, left and up of the animal in RAS.
_BODY_AXES = np.array([[0.0, 0.0, 1.0], [-1.0, 0.0, 0.0], [0.0, -1.0, 0.0]])
#: mm; a skin farther off than this is drawn in the last colour.
_WORST_MM = 1.5


def draw_scan_page(
    path: Path, found: Segmentation, joints: NamedPoints, laid: BodyRegistration
) -> None:
    """Draw a scan's quality page at `path`, and the body laid on it as `NAME_fit.png` beside it."""
    plot_scan(found, path, joints)
    plot_laid(path.with_name(f"{path.stem}_fit.png"), laid)


def plot_laid(path: str | Path, laid: BodyRegistration) -> None:
    """Draw a body laid on a scan from six sides, coloured by its distance to the scan's skin."""
    mesh = laid.body.mesh
    faces = np.zeros((0, 3), np.int64) if mesh is None else mesh.faces
    vertices = laid.vertices @ _BODY_AXES.T
    colours = matplotlib.colormaps["viridis"]
    scale = Normalize(0, _WORST_MM)
    with drawing(path, 11.0, 5.5) as figure:
        grid = figure.subplots(2, 3).ravel()
        for axes, (side, at) in zip(grid, SIDES.items(), strict=True):
            axes.axis("off")
            axes.imshow(_coloured(vertices, faces, laid.error, at, scale))
            axes.set_title(f"from {side}")
        dots = matplotlib.cm.ScalarMappable(scale, colours)
        figure.colorbar(dots, ax=grid.tolist(), label="distance to the scan's skin, mm", shrink=0.7)


def _coloured(
    vertices: Floats, faces: Ints, values: Floats, at: tuple[float, float], scale: Normalize
) -> Floats:
    camera = side_camera(vertices, *at)
    light = shaded(vertices, faces, camera)
    seen = rasterise(vertices, faces, camera)[1]
    picture = np.ones((*light.shape, 3))
    drawn = seen >= 0
    value = values[faces[seen[drawn]]].mean(axis=1)
    colour = matplotlib.colormaps["viridis"](scale(value))[:, :3]
    picture[drawn] = colour * (0.35 + 0.75 * light[drawn, None]).clip(0, 1)
    return np.asarray(trimmed(picture.astype(np.float32)), np.float64)
