"""`calibrate cage`: a camera from one image of a cage of known size, no board needed.

read the corners   four of the floor, or more of floor and rim, each with its name
solve              place of the camera; focal length and lens too where nobody knows them
order              corners that do not fit: would another order?
uncertainty        clicks are off by a few px: what that does to scale, focal length and tilt
verdict            good enough, or what to do better
"""

from __future__ import annotations

import itertools
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace

import numpy as np

from mousepose.calibrate.cage_error import uncertainty
from mousepose.calibrate.cage_fit import Fit, fit_corners, fits_turned, tell_other_order
from mousepose.calibrate.cage_geometry import FLOOR_NAMES, RIM_NAMES, Box, CameraUncertainty, Clicks
from mousepose.calibrate.cage_solve import Pose, Sight
from mousepose.calibrate.guess_lens import TYPICAL_VIEW, focal_of_view
from mousepose.errors import CameraError, InputError
from mousepose.geometry.camera import Camera, pinhole
from mousepose.types import Floats, require

#: px, how exactly corners are clicked: one standard deviation of x and of y.
CLICK_NOISE = 2.0
#: Passed are calibrations whose standard deviations are at most these.
MOST_SCALE_PERCENT, MOST_FOCAL_PERCENT, MOST_TILT_DEGREES = 2.0, 10.0, 2.0
#: A focal length that may be off by more than this is not worth writing.
_HOPELESS_FOCAL_PERCENT = 25.0
#: How sure a lens is without a calibration: k1, and the principal point as a share of the width.
_BEND_SD, _CENTRE_SHARE = 0.1, 0.01
#: How sure a focal length in px is, one from a field of view, and a typical one (of its logarithm).
FOCAL_SD, VIEW_SD, _TYPICAL_SD = 0.02, 0.05, 0.4
#: Clicks nearer to each other than this are the same corner.
_SAME_PLACE_PX = 3.0


@dataclass(frozen=True, eq=False)
class CageCalibration:
    """A camera from a cage: `camera`, whose world is that of the cage, with z = 0 as its floor.

    `pixels` (N, 2) are the corners `names` (N,) as clicked, `residuals` (N, 2) px from where the
    cage puts them to the clicks. `failures` says in words why it is not good enough (none: it
    is), `notes` what else to know.
    """

    camera: Camera
    box: Box
    names: tuple[str, ...]
    pixels: Floats
    residuals: Floats
    uncertainty: CameraUncertainty
    failures: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()

    @property
    def passed(self) -> bool:
        """Return whether the calibration is good enough to be used."""
        return not self.failures

    @property
    def rms_px(self) -> float:
        """Return the root mean square distance (px) of clicks from the corners of the cage."""
        return float(np.sqrt((self.residuals**2).sum(axis=1).mean()))


def calibrate_cage(
    corners: Mapping[str, Sequence[float]],
    box: Box,
    size: tuple[int, int],
    *,
    intrinsics: Camera | None = None,
    focal_px: float | None = None,
    focal_sd: float = FOCAL_SD,
    click_noise: float = CLICK_NOISE,
    name: str = "cam_0",
) -> CageCalibration:
    """Return the camera that sees the `corners` (name -> x, y in px) of the cage `box`.

    Besides corners there may be marks of any other name: x, y in px, X, Y, Z in mm in the cage.
    `size` (width, height) px is that of the image. Focal length and lens are those of the camera
    `intrinsics` where it is given. Else they are sought together with the pose, as far as the
    corners tell: from `focal_px` (sure to the share `focal_sd`; None: that of a typical lens, sure
    to a factor of 1.5), no distortion and the middle of the image. Raises `InputError` for corners
    that cannot be used, that stand in another order than their names say, or that do not show the
    focal length; and `CameraError` where the intrinsics are those of another image size.
    """
    clicks = _checked(Clicks.of(corners), size)
    require(
        0 < click_noise <= 100, f"click noise: {click_noise:g} px, expected above 0, at most 100"
    )
    base = _base_camera(intrinsics, focal_px, size, name)
    points = clicks.points(box)
    if intrinsics is not None:
        sight = _known_lens(base, points, clicks.pixels, click_noise)
    else:
        sd = _TYPICAL_SD if focal_px is None else focal_sd
        sight = _sought_lens(base, points, clicks.pixels, click_noise, sd)
    fit = fit_corners(sight)
    if not fit.good:
        tell_other_order(sight, fit, box, clicks)
    return _judged(sight, fit, _camera_of(base, fit.pose), box, clicks)


def _checked(clicks: Clicks, size: tuple[int, int]) -> Clicks:
    names, pixels = clicks.names, clicks.pixels
    require(
        len(names) >= 4,
        f"{len(names)} corners, expected at least 4: those of the floor, of the rim, or both",
    )
    for name, (x, y) in zip(names, pixels.tolist(), strict=True):
        require(
            -0.5 <= x <= size[0] - 0.5 and -0.5 <= y <= size[1] - 0.5,
            f"corner {name} ({x:g}, {y:g}) lies outside the image of {size[0]} x {size[1]} px (x "
            "goes right, y down); leave out corners that cannot be seen",
        )
    # Seen from above, a corner of the rim may well hide the one of the floor.
    for level in (clicks.level(FLOOR_NAMES), clicks.level(RIM_NAMES)):
        for one, other in itertools.combinations(level, 2):
            require(
                float(np.linalg.norm(pixels[one] - pixels[other])) > _SAME_PLACE_PX,
                f"corners {names[one]} and {names[other]} are both at ({pixels[one][0]:g}, "
                f"{pixels[one][1]:g}): click each corner once",
            )
    return clicks


def _base_camera(
    intrinsics: Camera | None, focal_px: float | None, size: tuple[int, int], name: str
) -> Camera:
    """Return a camera with the lens that is known or presumed, at the world's origin."""
    if intrinsics is None:
        focal = focal_of_view(size[0], TYPICAL_VIEW) if focal_px is None else focal_px
        require(
            0.05 * size[0] < focal < 100 * size[0],
            f"focal length: {focal:g} px does not go with an image {size[0]} px wide",
        )
        return replace(pinhole(size, focal, name), distortion=np.zeros(5))
    require(focal_px is None, "give either the intrinsics or a focal length, not both")
    if intrinsics.size != size:
        raise CameraError(
            f"the intrinsics of camera {intrinsics.name!r} are for images of "
            f"{intrinsics.size[0]} x {intrinsics.size[1]} px, this image has {size[0]} x "
            f"{size[1]} px: use an image as large as those of the calibration"
        )
    return replace(intrinsics, name=name, T_camera_world=np.eye(4), floor_plane=None)


def _known_lens(base: Camera, points: Floats, pixels: Floats, click_noise: float) -> Sight:
    """Return the sight of corners through a calibrated lens, which is taken out."""
    scale = base.matrix[:2, :2]
    focal = float(np.sqrt(abs(np.linalg.det(scale))))
    straight = base.undistort(pixels) * focal
    require(
        bool(np.isfinite(straight).all()),
        "a corner lies where the lens of the intrinsics shows nothing: do they belong to this "
        "camera?",
    )
    whiten = np.linalg.inv(base.local_scale(pixels)) @ scale / focal
    return Sight(points, straight, whiten, base.size[0], focal, np.zeros(4), click_noise)


def _sought_lens(
    base: Camera, points: Floats, pixels: Floats, click_noise: float, focal_sd: float
) -> Sight:
    """Return the sight of corners through a lens of which little is known."""
    width = base.size[0]
    lens_sd = np.array([focal_sd, _BEND_SD, _CENTRE_SHARE * width, _CENTRE_SHARE * width])
    same = np.broadcast_to(np.eye(2), (len(points), 2, 2))
    centred = pixels - base.matrix[:2, 2]
    return Sight(points, centred, same, width, float(base.matrix[0, 0]), lens_sd, click_noise)


def _camera_of(base: Camera, pose: Pose) -> Camera:
    transform, matrix, lens = np.eye(4), base.matrix.copy(), base.distortion
    transform[:3, :3], transform[:3, 3] = pose.rotation, pose.translation
    if pose.lens.any():
        matrix[:2, :2] *= np.exp(pose.lens[0])
        matrix[:2, 2] += pose.lens[2:]
        lens = np.array([pose.lens[1], 0.0, 0.0, 0.0, 0.0])
    plane = np.array([0.0, 0.0, 1.0, 0.0])
    return replace(
        base, matrix=matrix, distortion=lens, T_camera_world=transform, floor_plane=plane
    )


def _judged(sight: Sight, fit: Fit, camera: Camera, box: Box, clicks: Clicks) -> CageCalibration:
    floor = camera.project(box.floor_places())
    off = uncertainty(sight, fit.pose, camera, floor[np.isfinite(floor).all(axis=1)])
    if sight.lens_sd[0] == _TYPICAL_SD and not off.focal_percent < _HOPELESS_FOCAL_PERCENT:
        raise InputError(
            "these corners do not show the focal length (it may be off by "
            f"{off.focal_percent:.0f} %): a floor seen from straight above looks the same through "
            "every lens. Give --field-of-view or --focal (then lengths on the floor are right), "
            "the --intrinsics, or the corners of the rim with the height of the cage"
        )
    count = len(clicks.names)
    result = CageCalibration(
        replace(camera, source=f"cage {box}, {count} corners"),
        box,
        clicks.names,
        clicks.pixels,
        clicks.pixels - camera.project(sight.points),
        off,
    )
    notes = []
    corners = len(clicks.marks) < count
    if fit.fits and corners and box.length != box.width and fits_turned(sight, box, clicks):
        notes.append(
            "the corners fit as well with length and width exchanged: make sure that the first "
            "two corners lie along the LENGTH"
        )
    if count == 4:
        notes.append("four corners leave little to check by: look at the picture")
    failures = tuple(_failures(result, fit, sight.noise_px))
    return replace(result, failures=failures, notes=tuple(notes))


def _failures(result: CageCalibration, fit: Fit, click_noise: float) -> list[str]:
    off, failures = result.uncertainty, []
    if not fit.fits:
        worst = int(np.argmax(np.linalg.norm(result.residuals, axis=1)))
        failures.append(
            f"the corners do not fit a cage of {result.box}: {result.rms_px:.1f} px off where "
            f"clicks are {click_noise:g} px off, most at {result.names[worst]}; check the size "
            "(inner floor, --rim where the walls lean), the clicks, and the lens: a strongly "
            "curved image needs --intrinsics"
        )
    if off.scale_percent > MOST_SCALE_PERCENT:
        failures.append(
            f"lengths on the floor may be off by {off.scale_percent:.1f} % (at most "
            f"{MOST_SCALE_PERCENT:g} %): click more exactly, in a larger image, or give more "
            "corners or the intrinsics"
        )
    if off.focal_percent > MOST_FOCAL_PERCENT:
        failures.append(
            f"the focal length may be off by {off.focal_percent:.0f} % (at most "
            f"{MOST_FOCAL_PERCENT:g} %): give the intrinsics, or corners of the rim"
        )
    if off.tilt_degrees > MOST_TILT_DEGREES:
        failures.append(
            f"the floor's tilt may be off by {off.tilt_degrees:.1f} degrees (at most "
            f"{MOST_TILT_DEGREES:g}): give the intrinsics, or corners of the rim"
        )
    if fit.rival:
        failures.append(
            "two places of the camera explain the corners as well: the cage fills too little of "
            "the image; give corners of the rim, or a nearer image"
        )
    return failures
