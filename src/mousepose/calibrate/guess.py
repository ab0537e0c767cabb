"""`calibrate guess`: a camera from its field of view and the mice that it sees, nothing else.

choose      frames of many places and headings
find        the floor on which the animals of all of them are of one size and shape
scale       the size of a usual mouse, or what is known of this one, makes it metric
say         how far scale, focal length and tilt may be off, or why they cannot be told
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mousepose.body.keypoint_map import KeypointMap
from mousepose.calibrate.cage_geometry import CameraUncertainty, millimetres_per_pixel
from mousepose.calibrate.guess_body import Silhouette, silhouette
from mousepose.calibrate.guess_fit import Fit, covariance, find_floor
from mousepose.calibrate.guess_floor import PARAMETERS, Floor, Sightings, tangents
from mousepose.calibrate.guess_lens import TYPICAL_VIEW, focal_of_view
from mousepose.errors import CameraError, InputError
from mousepose.fit.config import Scale
from mousepose.fit.setup import Setup
from mousepose.geometry.camera import Camera, pinhole
from mousepose.types import Floats, Ints, Keypoints2D, require

#: Of its logarithm, how sure a typical focal length is, one of a field of view, and one known.
TYPICAL_SD, VIEW_SD, _KNOWN_SD = 0.3, 0.05, 1e-3
#: So many frames, of as many places and headings as there are, tell all.
_MOST_FRAMES = 300
_LEAST_FRAMES = 50
#: A frame counts where this share of the marks is seen, and three.
_LEAST_SHARE = 0.5
#: mm; places nearer to each other are the same.
_BODY_MM = 80.0
#: Different places (a body length apart) and headings (an eighth of a turn) that are needed.
_LEAST_POSES, _HEADINGS = 15, 8
#: What is less sure than this is not worth writing.
_MOST_TILT_DEGREES, _MOST_SCALE_PERCENT = 8.0, 30.0
#: -2 log of the probability by which another floor must be less likely.
_AS_GOOD = 10.0
_STEP = 1e-4


@dataclass(frozen=True, eq=False)
class CameraGuess:
    """A guessed camera, its floor z = 0, and how far it may be off.

    `frames` were looked at, in `poses` different places and headings. `scale_from` says what the
    scale takes for granted, which is sure to `size_percent`. `pixels` (frames, 2) is where animals
    were seen.
    """

    camera: Camera
    uncertainty: CameraUncertainty
    frames: int
    poses: int
    scale_from: str
    size_percent: float
    pixels: Floats


def guess_camera(
    keypoints: Keypoints2D,
    size: tuple[int, int],
    *,
    keypoint_map: KeypointMap | str = "dataset22",
    scale: Scale | None = None,
    focal_px: float | None = None,
    intrinsics: Camera | None = None,
    name: str = "cam_0",
) -> CameraGuess:
    """Return the camera with images of `size` (width, height) px that saw `keypoints` on a floor.

    `scale` may be a body length, a weight or a bone; without it the mouse is a typical one. The
    focal length is that of `intrinsics`, or near `focal_px`, or near that of a typical camera.
    Raises `InputError` where the frames do not tell: too few, the animal did not move, or the
    result would be too unsure; `CameraError` where the intrinsics are of another image size.
    """
    base, focal_sd = _base_camera(size, focal_px, intrinsics, name)
    setup = Setup.of(base, keypoint_map=keypoint_map, scale=scale)
    require(
        not setup.size_from_floor,
        f"scale {setup.scale.kind!r}: the floor is what is sought; give --body-length or --weight",
    )
    body = silhouette(setup, keypoints.keypoint_names)
    pixels, seen = _seen(keypoints, body, base, setup.config.min_confidence)
    chosen, poses = _varied(pixels, seen, body)
    sight = Sightings(pixels[chosen], seen[chosen], body, _focal(base), focal_sd)
    fits = find_floor(sight)
    _check_rival(fits)
    centre = _centres(sight.pixels, sight.seen)
    camera = _camera_of(base, fits[0].floor, centre, intrinsics is not None)
    off = _uncertainty(fits[0], camera, centre, setup.scale_sd, intrinsics is not None)
    _check_sure(off, setup.scale_sd)
    usual = f"a typical mouse, {setup.prior.typical_length:.0f} mm from snout to tail base"
    return CameraGuess(
        replace(camera, source=_source(off)),
        off,
        len(chosen),
        poses,
        usual if setup.scale.kind == "none" else str(setup.scale),
        100 * setup.scale_sd,
        base.project(np.column_stack([centre / _focal(base), np.ones(len(centre))])),
    )


def _base_camera(
    size: tuple[int, int], focal_px: float | None, intrinsics: Camera | None, name: str
) -> tuple[Camera, float]:
    """Return a camera at the world's origin with the presumed lens, and how sure that is."""
    if intrinsics is None:
        focal = focal_of_view(size[0], TYPICAL_VIEW) if focal_px is None else focal_px
        require(
            0.05 * size[0] < focal < 100 * size[0],
            f"focal length: {focal:g} px does not go with an image {size[0]} px wide",
        )
        return pinhole(size, focal, name), TYPICAL_SD if focal_px is None else VIEW_SD
    require(focal_px is None, "give either the intrinsics or a field of view, not both")
    if intrinsics.size != size:
        raise CameraError(
            f"the intrinsics of camera {intrinsics.name!r} are for images of "
            f"{intrinsics.size[0]} x {intrinsics.size[1]} px, not {size[0]} x {size[1]} px"
        )
    return replace(intrinsics, name=name, T_camera_world=np.eye(4), floor_plane=None), _KNOWN_SD


def _focal(base: Camera) -> float:
    return float(np.sqrt(abs(np.linalg.det(base.matrix[:2, :2]))))


def _seen(
    keypoints: Keypoints2D, body: Silhouette, base: Camera, min_confidence: float
) -> tuple[Floats, Floats]:
    """Return usable frames: marks (T, K, 2) px of a pinhole, from its centre; seen (T, K) or not.

    Raises `InputError` where points lie outside the image, or too few frames are usable.
    """
    require(
        keypoints.xy.shape[1] == 1, f"expected one camera's keypoints, got {keypoints.xy.shape[1]}"
    )
    xy = keypoints.xy[:, 0][:, body.columns]
    known = np.isfinite(xy).all(axis=-1)
    known &= keypoints.confidence[:, 0][:, body.columns] >= min_confidence
    with np.errstate(invalid="ignore"):
        outside = known & ((xy < -0.5) | (xy > np.array(base.size) - 0.5)).any(axis=-1)
    require(
        int(outside.sum()) <= 0.05 * max(int(known.sum()), 1),
        f"{outside.sum() / max(known.sum(), 1):.0%} of the keypoints lie outside an image of "
        f"{base.size[0]} x {base.size[1]} px: check --size",
    )
    pixels = base.undistort(np.where(known[..., None], xy, 0.0)) * _focal(base)
    known &= np.isfinite(pixels).all(axis=-1)
    usable = known.sum(axis=1) >= max(3, _LEAST_SHARE * len(body.columns))
    require(
        int(usable.sum()) >= _LEAST_FRAMES,
        f"{usable.sum()} frames show half of the known keypoints or more, at least "
        f"{_LEAST_FRAMES} are needed",
    )
    return np.nan_to_num(pixels[usable]), known[usable].astype(np.float64)


def _centres(pixels: Floats, seen: Floats) -> Floats:
    """Return the middle (T, 2) of the marks that are seen."""
    return np.asarray((pixels * seen[..., None]).sum(axis=1) / seen.sum(axis=1)[:, None])


def _varied(pixels: Floats, seen: Floats, body: Silhouette) -> tuple[Ints, int]:
    """Return frames of as many places and headings as there are, in time, and how many those are.

    Raises `InputError` where the animal hardly moved.
    """
    centre = _centres(pixels, seen)
    weight = seen / seen.sum(axis=1, keepdims=True)
    forward = body.place[:, 0] - (weight * body.place[:, 0]).sum(axis=1, keepdims=True)
    along = (weight * forward)[..., None] * (pixels - centre[:, None])
    ahead = along.sum(axis=1) / (weight * forward**2).sum(axis=1)[:, None]  # px per mm, a heading
    length = _BODY_MM * float(np.median(np.linalg.norm(ahead, axis=1)))
    heading = np.floor(_HEADINGS * (np.arctan2(ahead[:, 1], ahead[:, 0]) / (2 * np.pi) % 1))
    cells = np.column_stack([np.floor(centre / max(length, 1.0)), heading])
    _, cell = np.unique(cells, axis=0, return_inverse=True)
    poses = int(cell.max()) + 1
    require(
        poses >= _LEAST_POSES,
        f"the mouse hardly moved: it was seen in {poses} different places (a body length apart) "
        f"and headings, at least {_LEAST_POSES} are needed; give a longer recording, or use "
        "`mousepose calibrate cage`",
    )
    return _evenly(cell.ravel(), _MOST_FRAMES), poses


def _evenly(cell: Ints, most: int) -> Ints:
    """Return up to `most` indices, in order, that take the cells (T,) in turn."""
    count = len(cell)
    mixed = np.random.default_rng(0).permutation(count)
    order = mixed[np.argsort(cell[mixed], kind="stable")]
    first = np.searchsorted(cell[order], cell[order])
    turn = np.arange(count) - first  # which one of its cell
    return np.sort(order[np.argsort(turn, kind="stable")[:most]])


def _check_rival(fits: list[Fit]) -> None:
    if len(fits) > 1 and fits[1].cost < fits[0].cost + _AS_GOOD:
        angle = np.rad2deg(np.arccos(np.clip(fits[0].floor.normal @ fits[1].floor.normal, -1, 1)))
        raise InputError(
            f"two floors, {angle:.0f} degrees apart, explain the frames as well: the mouse is seen "
            "from too far, or covers too little of the floor; use `mousepose calibrate cage`"
        )


def _check_sure(off: CameraUncertainty, scale_sd: float) -> None:
    if off.tilt_degrees > _MOST_TILT_DEGREES:
        raise InputError(
            f"the frames do not tell the floor's tilt (it may be off by {off.tilt_degrees:.0f} "
            "degrees): the mouse covers too little of the floor, or too few frames are good; use "
            "`mousepose calibrate cage`"
        )
    if off.scale_percent > 100 * scale_sd + _MOST_SCALE_PERCENT:
        raise InputError(
            f"the frames do not tell how large things are (lengths may be off by "
            f"{off.scale_percent:.0f} %); use `mousepose calibrate cage`"
        )


def _camera_of(base: Camera, floor: Floor, centre: Floats, known_lens: bool) -> Camera:
    """Return the camera over a world whose floor is z = 0, its origin where the animals were.

    Its x axis is the image's, laid on the floor.
    """
    right = np.array([1.0, 0.0, 0.0]) - floor.normal[0] * floor.normal
    if np.linalg.norm(right) < 0.1:
        right = tangents(floor.normal)[0]
    right /= np.linalg.norm(right)
    transform = np.eye(4)
    transform[:3, :3] = np.stack([right, np.cross(floor.normal, right), floor.normal], axis=1)
    ray = np.append(np.median(centre, axis=0) / floor.focal, 1.0)
    transform[:3, 3] = ray * floor.height / -(floor.normal @ ray)
    matrix = base.matrix.copy()
    if not known_lens:
        matrix[0, 0] = matrix[1, 1] = floor.focal
    plane = np.array([0.0, 0.0, 1.0, 0.0])
    return replace(base, matrix=matrix, T_camera_world=transform, floor_plane=plane)


def _uncertainty(
    fit: Fit, camera: Camera, centre: Floats, scale_sd: float, known_lens: bool
) -> CameraUncertainty:
    moves = covariance(fit)
    straight = pinhole(camera.size, fit.floor.focal)

    def log_scale(floor: Floor) -> Floats:
        moved = _camera_of(straight, floor, centre, False)
        return np.log(millimetres_per_pixel(moved, centre + straight.matrix[:2, 2]))

    steps = _STEP * np.eye(PARAMETERS)
    here = log_scale(fit.floor)
    gradient = np.stack([(log_scale(fit.floor.moved(s)) - here) / _STEP for s in steps], axis=1)
    by_fit = np.nanmean(np.einsum("ni,ij,nj->n", gradient, moves, gradient))
    return CameraUncertainty(
        scale_percent=100 * float(np.sqrt(by_fit + scale_sd**2)),
        focal_percent=0.0 if known_lens else 100 * float(np.sqrt(moves[2, 2])),
        tilt_degrees=float(np.rad2deg(np.sqrt(moves[0, 0] + moves[1, 1]))),
    )


def _source(off: CameraUncertainty) -> str:
    return (
        f"guess: standard deviations of scale {off.scale_percent:.0f} %, focal length "
        f"{off.focal_percent:.0f} %, tilt {off.tilt_degrees:.1f} degrees"
    )
