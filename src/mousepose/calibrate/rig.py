"""A rig: several cameras that see one board at the same times, placed to each other."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from typing import NamedTuple

import numpy as np
from numpy.typing import NDArray

from mousepose.calibrate.board_lens import Lens
from mousepose.calibrate.board_views import BoardViews
from mousepose.calibrate.rig_start import Link, board_turns, start_rig, undo_turns
from mousepose.errors import InputError
from mousepose.geometry.bundle import Adjustment, adjust
from mousepose.geometry.camera import Camera
from mousepose.geometry.resection import is_seen
from mousepose.geometry.triangulate import triangulate
from mousepose.types import Floats, Ints

#: Shared frames beyond this many, for each pair of cameras, cost time and tell nothing new.
_FRAMES_OF_A_PAIR = 60
#: A view whose error is this many times its camera's median and above this many px is dropped.
_OUTLYING, _LEAST_OUTLIER_PX = 4.0, 1.0
_ROUNDS = 3
#: A view whose corners are this share of the image off at the start shows another time or board.
_STRAY, _MOST_STRAYS = 0.1, 0.5
#: A triangulated board needs this many corners to be compared with the true one.
_LEAST_CORNERS = 6
#: Every n-th shared frame is left out of the fit that measures the error.
_HELD_OUT_OF = 4

Bools = NDArray[np.bool_]


@dataclass(frozen=True, eq=False)
class Rig:
    """Cameras (C) in one world, that of the first of them, and how well they agree.

    `pixels` (C, F, P, 2) are the views in the board's one order, NaN where not used; `frames` (F,)
    are their places among all views, `T_world_board` (F, 4, 4) the board's poses. `dropped` tells
    the views that do not agree: (camera, place of the frame): reason. `links` tells what pairs say
    of each other. `held_out_px` is the distance of corners from their triangulated places in frames
    left out, `held_out_scale` and `held_out_mm` how far those places are from the board's true
    shape: as a share of its size, and in mm.
    """

    cameras: tuple[Camera, ...]
    pixels: Floats
    frames: Ints
    T_world_board: Floats
    residuals: Floats
    intrinsics_sd: tuple[Floats, ...]
    position_sd: Floats
    dropped: dict[tuple[int, int], str]
    links: dict[tuple[int, int], Link]
    held_out_px: float
    held_out_scale: float
    held_out_mm: float


def fit_rig(
    views: BoardViews, lenses: Sequence[Lens], *, intrinsics: bool = True, keep: Sequence[int] = ()
) -> Rig:
    """Return the rig whose cameras have these lenses and saw these views of the board.

    With `intrinsics` the lenses are adjusted with the rest. `keep` are places of frames that must
    be among those chosen. Raises `InputError` where cameras share no frames, or none that agree.
    """
    transforms = np.stack([lens.transforms for lens in lenses])
    rms = np.stack([lens.rms for lens in lenses])
    for index, lens in enumerate(lenses):
        transforms[index, list(lens.dropped)] = np.nan
    start = start_rig(views.board, views.names, transforms)
    pixels = undo_turns(views.board, views.pixels, start.turns)
    pixels[np.isnan(transforms[..., 0, 0])] = np.nan
    transforms = transforms @ board_turns(views.board)[start.turns]
    cameras = [
        replace(lens.camera, T_camera_world=place)
        for lens, place in zip(lenses, start.T_camera_world, strict=True)
    ]
    frames = _chosen_frames(pixels, lenses, keep)
    boards = _boards(start.T_camera_world, transforms[:, frames], rms[:, frames])
    problem = _Problem(views.board.points, pixels[:, frames], boards, frames)
    problem, dropped = _without_strays(problem, cameras, views.names)
    fitted, problem, outliers = _without_outliers(problem, cameras, intrinsics)
    px, scale, mm = _held_out(problem, fitted, intrinsics)
    return Rig(
        fitted.cameras, problem.pixels, problem.frames, fitted.T_world_object, fitted.residuals,
        fitted.intrinsics_sd, fitted.position_sd, dropped | outliers, start.links, px, scale, mm,
    )  # fmt: skip


class _Problem(NamedTuple):
    """Views to fit: corners (P, 3), pixels (C, F, P, 2), poses (F, 4, 4), places (F,) of frames."""

    points: Floats
    pixels: Floats
    boards: Floats
    frames: Ints

    def without(self, views: Bools, boards: Floats) -> _Problem:
        """Return the problem less the views that a mask (C, F) names, and frames left empty."""
        pixels = np.where(views[..., None, None], np.nan, self.pixels)
        seen = is_seen(pixels).any(axis=2).any(axis=0)
        return _Problem(self.points, pixels[:, seen], boards[seen], self.frames[seen])


def _chosen_frames(pixels: Floats, lenses: Sequence[Lens], keep: Sequence[int]) -> Ints:
    """Return the places of frames that tell of the lenses, and some that each pair shares."""
    seen = np.asarray(is_seen(pixels).any(axis=-1))
    chosen = np.any([lens.used for lens in lenses], axis=0)
    chosen[list(keep)] = True
    for first in range(len(seen)):
        for second in range(first + 1, len(seen)):
            shared = np.flatnonzero(seen[first] & seen[second])
            count = min(len(shared), _FRAMES_OF_A_PAIR)
            if count:
                chosen[shared[np.linspace(0, len(shared) - 1, count).round().astype(int)]] = True
    return np.flatnonzero(chosen & seen.any(axis=0))


def _boards(T_camera_world: Floats, transforms: Floats, rms: Floats) -> Floats:
    """Return T_world_board (F, 4, 4) as the camera tells that sees the board best."""
    best = np.argmin(np.where(np.isfinite(transforms[..., 0, 0]), rms, np.inf), axis=0)
    own = transforms[best, np.arange(len(best))]
    return np.asarray(np.linalg.inv(T_camera_world)[best] @ own)


def _without_strays(
    problem: _Problem, cameras: Sequence[Camera], names: Sequence[str]
) -> tuple[_Problem, dict[tuple[int, int], str]]:
    """Return the problem less views in which the board is nowhere near where others see it."""
    world = np.einsum("fij,pj->fpi", problem.boards[:, :3, :3], problem.points)
    world += problem.boards[:, None, :3, 3]
    images = np.stack([camera.project(world) for camera in cameras])
    away = np.linalg.norm(images - problem.pixels, axis=-1)
    seen = is_seen(problem.pixels)
    # a corner behind the camera is as far away as can be
    away = np.where(seen & np.isnan(away), np.inf, away)
    size = np.array([max(camera.size) for camera in cameras])[:, None]
    count = seen.sum(axis=-1)
    worst = np.where(seen, away, 0.0).sum(axis=-1) / np.maximum(count, 1)
    stray = worst > _STRAY * size
    if stray[count > 0].mean() > _MOST_STRAYS:
        raise InputError(
            f"the views of {', '.join(names)} do not go together: the cameras did not stand still, "
            "or their videos are not of the same time"
        )
    dropped = {
        (int(camera), int(problem.frames[frame])): "not where the other cameras see the board"
        for camera, frame in zip(*np.nonzero(stray), strict=True)
    }
    return problem.without(stray, problem.boards), dropped


def _without_outliers(
    problem: _Problem, cameras: Sequence[Camera], intrinsics: bool
) -> tuple[Adjustment, _Problem, dict[tuple[int, int], str]]:
    """Return the adjusted rig, the problem less the views that do not agree, and who they are."""
    dropped: dict[tuple[int, int], str] = {}
    for _ in range(_ROUNDS):
        fitted = adjust(
            cameras, problem.points, problem.pixels, problem.boards, intrinsics=intrinsics
        )
        squared = (fitted.residuals**2).sum(axis=-1)
        count = np.maximum(np.isfinite(squared).sum(axis=-1), 1)
        error = np.sqrt(np.nansum(squared, axis=-1) / count)
        usual = np.array([np.median(row[row > 0]) for row in error])[:, None]
        outlying = error > np.maximum(_OUTLYING * usual, _LEAST_OUTLIER_PX)
        if not outlying.any():
            break
        for camera, frame in zip(*np.nonzero(outlying), strict=True):
            told = f"{error[camera, frame]:.1f} px off, the others {usual[camera, 0]:.2f}"
            dropped[int(camera), int(problem.frames[frame])] = told
        cameras = fitted.cameras
        problem = problem.without(outlying, fitted.T_world_object)
    else:
        fitted = adjust(
            cameras, problem.points, problem.pixels, problem.boards, intrinsics=intrinsics
        )
    return fitted, problem, dropped


def _held_out(
    problem: _Problem, fitted: Adjustment, intrinsics: bool
) -> tuple[float, float, float]:
    """Return px, scale and mm of shared frames that the fit did not see; NaN for too few."""
    shared = np.flatnonzero(is_seen(problem.pixels).any(axis=-1).sum(axis=0) > 1)
    test = shared[_HELD_OUT_OF // 2 :: _HELD_OUT_OF]
    train = np.setdiff1d(np.arange(len(problem.frames)), test)
    if len(shared) < 2 * _HELD_OUT_OF:
        return np.nan, np.nan, np.nan
    trained = adjust(
        fitted.cameras, problem.points, problem.pixels[:, train], fitted.T_world_object[train],
        intrinsics=intrinsics,
    )  # fmt: skip
    found = triangulate(trained.cameras, problem.pixels[:, test])
    squared = found.reprojection_error**2
    known = np.isfinite(squared)
    px = np.sqrt((squared * found.n_views)[known].sum() / found.n_views[known].sum())
    shapes = [
        _shape_error(problem.points[seen], points[seen])
        for points, seen in zip(found.points, known, strict=True)
        if seen.sum() >= _LEAST_CORNERS
    ]
    if not shapes:
        return float(px), np.nan, np.nan
    scale, mm = np.median(shapes, axis=0)
    return float(px), float(scale), float(mm)


def _shape_error(true: Floats, found: Floats) -> tuple[float, float]:
    """Return how much larger `found` (N, 3) is than `true`, as a share, and its rms distance mm."""
    true, found = true - true.mean(axis=0), found - found.mean(axis=0)
    left, values, right = np.linalg.svd(found.T @ true)
    values[2] *= np.sign(np.linalg.det(left @ right))
    turn = left @ np.diag([1, 1, np.linalg.det(left @ right)]) @ right
    away = found - true @ turn.T
    scale = values.sum() / (true**2).sum() - 1
    return float(scale), float(np.sqrt((away**2).sum(axis=1).mean()))
