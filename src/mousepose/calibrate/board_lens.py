"""The lens of one camera from its views of a board: focal length, centre, distortion.

How many distortion terms there are is decided by views left out: the fewest terms whose error on
them is not clearly worse than the best.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Literal

import numpy as np

from mousepose.calibrate.board_choose import choose_views, placement
from mousepose.errors import InputError
from mousepose.geometry.bundle import Adjustment, adjust
from mousepose.geometry.camera import Camera, pinhole
from mousepose.geometry.distortion import TERMS
from mousepose.geometry.homography import fit_homography, focal_from_homographies
from mousepose.geometry.resection import Poses, plane_poses, refine_poses
from mousepose.types import Floats, Ints

#: More views than this cost time and tell nothing new.
MOST_VIEWS = 45
#: Views from which the first focal length is sought.
_START_VIEWS = 12
_START_STEPS = 8
_HELD_OUT_STEPS = 8
#: First cameras are compared by their cost, for which the same residuals must count the same.
_START_HUBER_PX = 2.0
#: Focal lengths tried first, in image widths: from wide angle to tele.
_START_FOCALS = {"pinhole": (0.6, 1.0, 1.8, 4.0), "fisheye": (0.25, 0.4, 0.7)}
#: A view whose error is this many times the median and above this many px is dropped.
_OUTLYING, _LEAST_OUTLIER_PX = 4.0, 0.75
#: A view blurred this many times as much as the median, and by this many px, is left out.
_BLURRED, _LEAST_BLUR_PX = 1.8, 5.0
_ROUNDS = 3
#: Numbers of terms of which the views choose.
_TRIED: dict[str, tuple[int, ...]] = {"pinhole": TERMS["pinhole"], "fisheye": (4,)}
_FOLDS = 4
#: More terms are taken only where they lower the error of left-out views by this share at least.
_WORTH = 0.01

Model = Literal["pinhole", "fisheye"]


@dataclass(frozen=True, eq=False)
class Lens:
    """A camera at its own origin, and how well it explains the V views of the board.

    `used` (V,) tells which views it was fitted to, `dropped` why others were not (place: reason).
    `transforms` (V, 4, 4) take the board to the camera. `rms` (V,) px of all views with the final
    lens, `held_out` (V,) px of those used, each left out of the fit that measured it.
    `by_terms` holds the error of left-out views by number of distortion terms. `deviations` are
    standard deviations of fx, fy, cx, cy (px) and the terms.
    """

    camera: Camera
    used: np.ndarray
    dropped: dict[int, str]
    transforms: Floats
    rms: Floats
    held_out: Floats
    by_terms: dict[int, float]
    deviations: Floats


def fit_lens(
    points: Floats,
    pixels: Floats,
    edge_width: Floats,
    size: tuple[int, int],
    *,
    name: str = "cam_0",
    model: Model = "pinhole",
    terms: int | None = None,
) -> Lens:
    """Return the lens that took views (V, P, 2) px of a board with corners (P, 3) mm.

    `edge_width` (V,) px tells the blur of each. `terms` distortion terms, or None: as many as pay.
    Raises `InputError` where no lens of the model can have taken these views.
    """
    check_terms(model, terms)
    counts = _TRIED[model] if terms is None else (terms,)
    seen = np.flatnonzero(np.isfinite(pixels[..., 0]).any(axis=1))
    dropped = _blurred(edge_width, seen)
    kept = np.array([view for view in seen if view not in dropped])
    width = 5 if 5 in counts else max(counts)
    camera = _start(points, pixels[kept], size, name, model, width)
    poses = plane_poses(camera, points, pixels)
    kept = kept[np.isfinite(poses.rms[kept])]
    chosen = kept[_choose(camera, points, pixels[kept], poses.of(kept))]
    camera, transforms, chosen, outliers = _without_outliers(
        camera, points, pixels, poses.transforms, chosen
    )
    dropped |= outliers
    own, views = transforms[chosen], pixels[chosen]
    held_out = {count: _held_out(camera, count, points, views, own) for count in counts}
    best = _fewest(held_out)
    fitted = _fit(_with_terms(camera, best), points, views, own)
    poses = plane_poses(fitted.cameras[0], points, pixels)
    used = np.isin(np.arange(len(pixels)), chosen)
    errors = np.full(len(pixels), np.nan)
    errors[chosen] = held_out[best]
    by_terms = {count: _total(error) for count, error in held_out.items()}
    return Lens(
        replace(fitted.cameras[0], source=""), used, dropped, poses.transforms, poses.rms, errors,
        by_terms, fitted.intrinsics_sd[0],
    )  # fmt: skip


def check_terms(model: Model, terms: int | None) -> None:
    """Raise `InputError` unless a lens of the model may have `terms` distortion terms."""
    if terms is not None and terms not in TERMS[model]:
        allowed = ", ".join(map(str, TERMS[model]))
        raise InputError(f"distortion: a {model} lens has {allowed} terms, not {terms}")


def known_lens(camera: Camera, points: Floats, pixels: Floats) -> Lens:
    """Return how well a camera that is known already explains views (V, P, 2) of a board."""
    own = replace(camera, T_camera_world=np.eye(4), floor_plane=None)
    poses = plane_poses(own, points, pixels)
    used = np.isfinite(poses.rms)
    terms = len(camera.distortion)
    rms = _total(poses.rms[used])
    return Lens(
        own, used, {}, poses.transforms, poses.rms, poses.rms, {terms: rms}, np.zeros(4 + terms)
    )


def _blurred(edge_width: Floats, seen: Ints) -> dict[int, str]:
    """Return the views that are much more blurred than the others, as long as enough are left."""
    limit = max(_BLURRED * float(np.median(edge_width[seen])), _LEAST_BLUR_PX)
    blurred = {
        int(view): f"blurred over {edge_width[view]:.0f} px"
        for view in seen
        if edge_width[view] > limit
    }
    return blurred if len(seen) - len(blurred) >= _START_VIEWS else {}


def _start(
    points: Floats, pixels: Floats, size: tuple[int, int], name: str, model: Model, terms: int
) -> Camera:
    """Return a first camera: of several focal lengths the one that can be fitted best."""
    some = np.linspace(0, len(pixels) - 1, min(len(pixels), _START_VIEWS)).round().astype(int)
    views = pixels[np.unique(some)]
    width, height = size
    homographies = []
    for view in views:
        seen = np.isfinite(view[:, 0])
        homographies.append(fit_homography(points[seen, :2], view[seen]))
    told = focal_from_homographies(homographies, ((width - 1) / 2, (height - 1) / 2))
    focals = [factor * max(size) for factor in _START_FOCALS[model]]
    if told is not None and model == "pinhole":
        focals.insert(0, told)
    best, least = None, np.inf
    for focal in focals:
        bare = pinhole(size, focal, name)
        camera = replace(bare, model=model, distortion=np.zeros(min(terms, 4)))
        poses = plane_poses(camera, points, views)
        # a wrong focal length may give no pose at all
        known = np.isfinite(poses.rms)
        if known.mean() < 0.5:
            continue
        fitted = _fit(
            camera, points, views[known], poses.transforms[known], _START_STEPS, _START_HUBER_PX
        )
        cost = fitted.cost / known.sum()
        if cost < least:
            best, least = fitted.cameras[0], cost
    if best is None:
        raise InputError(
            f"{name}: no {model} lens explains the views of the board; check --columns, --rows and "
            "whether the lens is a fisheye (--fisheye)"
        )
    return _with_terms(best, terms)


def _choose(camera: Camera, points: Floats, pixels: Floats, poses: Poses) -> Ints:
    return choose_views(camera, placement(pixels, poses, points), MOST_VIEWS)


def _without_outliers(
    camera: Camera, points: Floats, pixels: Floats, transforms: Floats, chosen: Ints
) -> tuple[Camera, Floats, Ints, dict[int, str]]:
    """Return the camera, poses (V, 4, 4) and places of the views that agree, and who does not."""
    transforms = transforms.copy()
    dropped: dict[int, str] = {}
    for _ in range(_ROUNDS):
        fitted = _fit(camera, points, pixels[chosen], transforms[chosen])
        camera, transforms[chosen] = fitted.cameras[0], fitted.T_world_object
        error = _rms(fitted.residuals[0])
        outlying = error > max(_OUTLYING * float(np.median(error)), _LEAST_OUTLIER_PX)
        if not outlying.any() or len(chosen) - outlying.sum() < _FOLDS:
            break
        dropped |= {
            int(view): f"{value:.1f} px off, the others {np.median(error):.2f}"
            for view, value in zip(chosen[outlying], error[outlying], strict=True)
        }
        chosen = chosen[~outlying]
    return camera, transforms, chosen, dropped


def _fit(
    camera: Camera,
    points: Floats,
    pixels: Floats,
    transforms: Floats,
    steps: int = 60,
    huber_px: float | None = None,
) -> Adjustment:
    views = pixels[None]
    return adjust([camera], points, views, transforms, huber_px=huber_px, most_steps=steps)


def _with_terms(camera: Camera, count: int) -> Camera:
    """Return the camera with `count` distortion terms: cut, or zeros added."""
    lens = np.zeros(count)
    common = min(count, len(camera.distortion))
    lens[:common] = camera.distortion[:common]
    return replace(camera, distortion=lens)


def _held_out(
    camera: Camera, count: int, points: Floats, pixels: Floats, transforms: Floats
) -> Floats:
    """Return the rms (V,) px of each view under a lens of `count` terms fitted to the others.

    Its pose is its own: only the lens is put to the test.
    """
    errors = np.full(len(pixels), np.nan)
    start = _with_terms(camera, count)
    folds = np.arange(len(pixels)) % min(_FOLDS, len(pixels))
    for fold in range(folds.max() + 1):
        test = folds == fold
        if test.all():
            continue
        fitted = _fit(start, points, pixels[~test], transforms[~test], _HELD_OUT_STEPS)
        errors[test] = refine_poses(fitted.cameras[0], points, pixels[test], transforms[test]).rms
    return errors


def _fewest(held_out: dict[int, Floats]) -> int:
    """Return the fewest terms whose error is not clearly above the least, view by view."""
    best = min(held_out, key=lambda count: _total(held_out[count]))
    for count in sorted(held_out):
        excess = held_out[count] ** 2 - held_out[best] ** 2
        excess = excess[np.isfinite(excess)]
        doubt = excess.std() / np.sqrt(max(len(excess), 1))
        slight = _WORTH * 2 * _total(held_out[best]) ** 2
        if excess.mean() <= max(doubt, slight):
            return count
    return best


def _total(rms: Floats) -> float:
    return float(np.sqrt(np.nanmean(rms**2)))


def _rms(residuals: Floats) -> Floats:
    """Return the rms (V,) px of residuals (V, P, 2)."""
    return np.asarray(np.sqrt(np.nanmean((residuals**2).sum(axis=-1), axis=1)))
