"""What a calibration found, in numbers that people judge it by."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mousepose.calibrate.board_choose import placement
from mousepose.calibrate.board_lens import Lens
from mousepose.calibrate.board_views import BoardViews
from mousepose.calibrate.rig import Rig
from mousepose.geometry.camera import Camera
from mousepose.geometry.resection import Poses, is_seen
from mousepose.types import Floats, Ints

#: Cells along the image's longer side in which corners are counted.
COVERAGE_CELLS = 8


@dataclass(frozen=True, eq=False)
class LensReport:
    """One camera: what was found of its lens, and from what.

    `focal` and `focal_sd` are fx, fy in px. `rms_px` is the distance of corners from where the lens
    puts them, `held_out_px` the same in views that were left out of the fit. `coverage` is the
    share of image cells that hold a corner, `reach` the farthest corner from the image centre over
    half the diagonal. `tilt_deg` is exceeded by a tenth of the views, `distances` the fifth and
    95th percentile of the board's distance (mm). `edge_px` tells the blur. By view: its frame
    number, whether it was used, its rms and left-out rms (px), its tilt and distance.
    """

    camera: Camera
    focal: tuple[float, float]
    focal_sd: tuple[float, float]
    by_terms: dict[int, float]
    rms_px: float
    held_out_px: float
    coverage: float
    reach: float
    tilt_deg: float
    distances: tuple[float, float]
    edge_px: float
    frame_numbers: Ints
    used: np.ndarray
    view_rms: Floats
    view_held_out: Floats
    view_tilt_deg: Floats
    view_distance: Floats
    dropped: dict[int, str]

    @property
    def focal_doubt(self) -> float:
        """The standard deviation of the focal length as a share of it."""
        return max(sd / value for sd, value in zip(self.focal_sd, self.focal, strict=True))


@dataclass(frozen=True, eq=False)
class RigReport:
    """Several cameras: how well they agree.

    `shared` (C, C) counts the frames that pairs share. `held_out_px`, `held_out_scale` (a share)
    and `held_out_mm` are of boards triangulated in frames that were left out; NaN where there were
    too few. `position_sd` (C,) mm is that of each camera's place, `dropped` the views that do not
    agree: (camera name, frame number, reason).
    """

    names: tuple[str, ...]
    frames: int
    shared: Ints
    rms_px: float
    held_out_px: float
    held_out_scale: float
    held_out_mm: float
    position_sd: Floats
    dropped: tuple[tuple[str, int, str], ...]


def report_lens(
    views: BoardViews, index: int, lens: Lens, camera: Camera, deviations: Floats
) -> LensReport:
    """Return the report of camera number `index`, whose final lens is that of `camera`.

    `deviations` are the standard deviations of its fx, fy and so on.
    """
    pixels, points = views.pixels[index], views.board.points
    seen = np.flatnonzero(is_seen(pixels).any(axis=1))
    used = lens.used[seen]
    at = placement(pixels[seen], Poses(lens.transforms[seen], lens.rms[seen]), points)
    tilt = np.rad2deg(at.angle)
    corners = pixels[seen[used]]
    corners = corners[is_seen(corners)]
    return LensReport(
        camera=camera,
        focal=(float(camera.matrix[0, 0]), float(camera.matrix[1, 1])),
        focal_sd=(float(deviations[0]), float(deviations[1])),
        by_terms=lens.by_terms,
        rms_px=_rms(lens.rms[seen[used]]),
        held_out_px=_rms(lens.held_out[seen[used]]),
        coverage=float(coverage(corners, camera.size).mean()),
        reach=_reach(corners, camera.size),
        tilt_deg=float(np.nanpercentile(tilt[used], 90)),
        distances=(
            float(np.nanpercentile(at.distance[used], 5)),
            float(np.nanpercentile(at.distance[used], 95)),
        ),
        edge_px=float(np.nanmedian(views.edge_width[index])),
        frame_numbers=views.frame_numbers[seen],
        used=used,
        view_rms=lens.rms[seen],
        view_held_out=lens.held_out[seen],
        view_tilt_deg=tilt,
        view_distance=at.distance,
        dropped={int(views.frame_numbers[view]): why for view, why in lens.dropped.items()},
    )


def report_rig(views: BoardViews, rig: Rig) -> RigReport:
    """Return the report of a rig."""
    seen = np.asarray(is_seen(rig.pixels).any(axis=-1), np.int64)
    return RigReport(
        names=views.names,
        frames=len(rig.frames),
        shared=seen @ seen.T,
        rms_px=float(np.sqrt(np.nanmean((rig.residuals**2).sum(axis=-1)))),
        held_out_px=rig.held_out_px,
        held_out_scale=rig.held_out_scale,
        held_out_mm=rig.held_out_mm,
        position_sd=rig.position_sd,
        dropped=tuple(
            (views.names[camera], int(views.frame_numbers[frame]), why)
            for (camera, frame), why in sorted(rig.dropped.items())
        ),
    )


def corner_residuals(views: BoardViews, index: int, lens: Lens) -> Floats:
    """Return measured minus projected (V, P, 2) px of all views of a camera, NaN where not seen."""
    turn, shift = lens.transforms[:, :3, :3], lens.transforms[:, None, :3, 3]
    inside = np.einsum("vij,pj->vpi", turn, views.board.points) + shift
    return np.asarray(views.pixels[index] - lens.camera.project(inside))


def coverage(corners: Floats, size: tuple[int, int]) -> np.ndarray:
    """Return which cells (rows, columns) of the image hold one of the corners (N, 2)."""
    side = max(size) / COVERAGE_CELLS
    columns, rows = (max(1, round(length / side)) for length in size)
    counts, _, _ = np.histogram2d(
        corners[:, 1], corners[:, 0], bins=(rows, columns), range=((0, size[1]), (0, size[0]))
    )
    return np.asarray(counts > 0)


def _reach(corners: Floats, size: tuple[int, int]) -> float:
    middle = (np.array(size) - 1) / 2
    away = np.linalg.norm(corners - middle, axis=1)
    return float(away.max(initial=0.0) / np.linalg.norm(middle))


def _rms(values: Floats) -> float:
    return float(np.sqrt(np.nanmean(values**2))) if np.isfinite(values).any() else float("nan")
