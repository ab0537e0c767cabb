"""What options given as text or in alternatives mean."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from mousepose.body.body_file import load_body
from mousepose.body.keypoint_map import load_keypoint_map
from mousepose.body.mixture import PositionMixture
from mousepose.body.prior import PosePrior, load_prior
from mousepose.body.published import load_gmm
from mousepose.cli.failures import UsageError
from mousepose.errors import InputError, UnknownNameError
from mousepose.fit.config import FitConfig, Scale
from mousepose.fit.setup import Setup
from mousepose.geometry.camera import Camera
from mousepose.io import read_cameras

if TYPE_CHECKING:
    from mousepose.cli.config import ReconstructConfig

#: The keypoint map where none is named.
DEFAULT_MAP = "dataset22"
#: What to do without a camera file.
NO_CAMERA = (
    "--camera FILE is missing: points in an image become points in space through the camera that "
    "saw them. Three ways to get one: mousepose calibrate board VIDEO (a printed board), mousepose "
    "calibrate cage IMAGE (one image of a cage of known size), mousepose calibrate guess (the "
    "field of view and the mice themselves)"
)


def chosen_scale(
    body_length: float | None,
    weight: float | None,
    bone: str | None,
    floor: bool,
    camera_height: float | None,
) -> Scale:
    """Return the one scale that was given, or none. Raises `UsageError` for two of them."""
    given = {
        "--body-length": body_length is not None,
        "--weight": weight is not None,
        "--bone": bone is not None,
        "--floor": floor,
        "--camera-height": camera_height is not None,
    }
    names = [name for name, is_given in given.items() if is_given]
    if len(names) > 1:
        raise UsageError(f"{' and '.join(names)}: one thing gives the scale, choose one of them")
    if body_length is not None:
        return Scale.body_length(body_length)
    if weight is not None:
        return Scale.weight(weight)
    if bone is not None:
        return _bone(bone)
    if camera_height is not None:
        return Scale.camera_height(camera_height)
    return Scale.floor() if floor else Scale.none()


def make_setup(settings: ReconstructConfig) -> Setup:
    """Return the setup of a fit as the settings ask for it."""
    scale = chosen_scale(
        settings.body_length, settings.weight, settings.bone, settings.floor,
        settings.camera_height,
    )  # fmt: skip
    mixture = chosen_mixture(settings.published_gmm, settings.prior, settings.frame_by_frame)
    keypoint_map = load_keypoint_map(settings.keypoints or DEFAULT_MAP)
    return Setup.of(
        chosen_cameras(settings.camera, settings.camera_name),
        body=None if settings.body is None else load_body(settings.body),
        keypoint_map=keypoint_map,
        scale=scale,
        config=FitConfig(
            temporal=not settings.frame_by_frame,
            report=settings.report,
            pixel_sigma=settings.pixel_sigma,
            min_confidence=settings.min_confidence,
            prior=settings.prior,
            min_keypoints=keypoint_map.needed(FitConfig.min_keypoints),
        ),
        mixture=mixture,
        prior=chosen_prior(settings.prior_file, settings.prior),
    )


def chosen_prior(file: Path | None, prior: str) -> PosePrior | None:
    """Return the prior of a file, None where none is given.

    Raises `UsageError` where another prior is asked for too.
    """
    if file is None:
        return None
    if prior != "learned":
        raise UsageError("--prior-file is a learned prior; leave out --prior, or the file")
    return load_prior(file)


def chosen_mixture(file: Path | None, prior: str, frame_by_frame: bool) -> PositionMixture | None:
    """Return the mixture of the published prior where that is asked for, else None.

    Raises `UsageError` where the prior, its file and --frame-by-frame do not go together.
    """
    if prior != "published":
        if file is not None:
            raise UsageError("--published-gmm is the file of --prior published; give both")
        return None
    if file is None:
        raise UsageError(
            "--prior published needs its mixture: give --published-gmm FILE, the gmm file of "
            "google/mouse-pose-analysis"
        )
    if not frame_by_frame:
        raise UsageError(
            "--prior published knows nothing of time: give --frame-by-frame with it, or leave "
            "out --prior for the learned one"
        )
    return load_gmm(file)


def chosen_cameras(files: Sequence[Path], names: Sequence[str] | None) -> list[Camera]:
    """Return the cameras of all files, or those with the given names, in the order of the names.

    Raises `InputError` where two cameras have one name, `UnknownNameError` for an unknown one.
    """
    cameras = [camera for file in files for camera in read_cameras(file)]
    by_name = {camera.name: camera for camera in cameras}
    if not names:
        return cameras
    if len(by_name) < len(cameras):
        raise InputError("--camera-name: two cameras of the files have the same name; rename one")
    for name in names:
        if name not in by_name:
            raise UnknownNameError.of("camera", name, by_name)
    return [by_name[name] for name in names]


def frame_span(text: str) -> tuple[int, int]:
    """Return FROM and TO of "FROM:TO". Raises `UsageError` for anything else."""
    first, colon, last = text.partition(":")
    if not (colon and first.isdecimal() and last.isdecimal() and int(first) < int(last)):
        raise UsageError(f"--frames: expected FROM:TO with FROM below TO, as 0:10, got {text!r}")
    return int(first), int(last)


def _bone(text: str) -> Scale:
    name, _, length = text.partition("=")
    try:
        return Scale.bone(name.strip(), float(length))
    except ValueError as error:
        raise UsageError(
            f"--bone: expected NAME=MM, as LEFT_KNEE=15.7, got {text!r} ({error})"
        ) from error
