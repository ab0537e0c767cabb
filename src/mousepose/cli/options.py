"""What options given as text or in alternatives mean."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import Any

from mousepose.body.keypoint_map import load_keypoint_map
from mousepose.body.mixture import PositionMixture
from mousepose.body.published import load_gmm, load_published
from mousepose.errors import InputError, UnknownNameError
from mousepose.fit.config import FitConfig, Scale
from mousepose.fit.setup import Setup
from mousepose.geometry.camera import Camera
from mousepose.io import read_cameras


def chosen_scale(
    body_length: float | None,
    weight: float | None,
    bone: str | None,
    floor: bool,
    camera_height: float | None,
) -> Scale:
    """Return the one scale that was given, or none. Raises `InputError` for two of them."""
    given = {
        "--body-length": body_length is not None,
        "--weight": weight is not None,
        "--bone": bone is not None,
        "--floor": floor,
        "--camera-height": camera_height is not None,
    }
    names = [name for name, is_given in given.items() if is_given]
    if len(names) > 1:
        raise InputError(f"{' and '.join(names)}: one thing gives the scale, choose one of them")
    if body_length is not None:
        return Scale.body_length(body_length)
    if weight is not None:
        return Scale.weight(weight)
    if bone is not None:
        return _bone(bone)
    if camera_height is not None:
        return Scale.camera_height(camera_height)
    return Scale.floor() if floor else Scale.none()


def make_setup(
    camera_files: Sequence[Path],
    camera_names: Sequence[str] | None,
    keypoints: str,
    published_model: Path | None,
    published_gmm: Path | None,
    scale: Scale,
    settings: dict[str, Any],
) -> Setup:
    """Return the setup of a fit from files and settings of `FitConfig`."""
    mixture = chosen_mixture(published_gmm, settings)
    return Setup.of(
        chosen_cameras(camera_files, camera_names),
        body=None if published_model is None else load_published(published_model),
        keypoint_map=load_keypoint_map(keypoints),
        scale=scale,
        config=FitConfig(**settings),
        mixture=mixture,
    )


def chosen_mixture(file: Path | None, settings: dict[str, Any]) -> PositionMixture | None:
    """Return the mixture of the published prior where that is asked for, else None.

    Raises `InputError` where the prior, its file and --frame-by-frame do not go together.
    """
    if settings["prior"] != "published":
        if file is not None:
            raise InputError("--published-gmm is the file of --prior published; give both")
        return None
    if file is None:
        raise InputError(
            "--prior published needs its mixture: give --published-gmm FILE, the gmm file of "
            "google/mouse-pose-analysis"
        )
    if settings["temporal"]:
        raise InputError(
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
    """Return FROM and TO of "FROM:TO". Raises `InputError` for anything else."""
    first, colon, last = text.partition(":")
    if not (colon and first.isdecimal() and last.isdecimal() and int(first) < int(last)):
        raise InputError(f"--frames: expected FROM:TO with FROM below TO, as 0:10, got {text!r}")
    return int(first), int(last)


def _bone(text: str) -> Scale:
    name, _, length = text.partition("=")
    try:
        return Scale.bone(name.strip(), float(length))
    except ValueError as error:
        raise InputError(
            f"--bone: expected NAME=MM, as LEFT_KNEE=15.7, got {text!r} ({error})"
        ) from error
