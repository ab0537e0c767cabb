"""Points in space from several cameras, and cameras from the mouse itself, beside aniposelib.

`dannce_mouse1`: 81 labelled poses, 22 keypoints, 6 cameras. Their images are the exact projections
of the truth; noise and wrong views are drawn here, the same for both programs. These cameras' pixel
axes are not quite square to each other (a skew of up to 1.6 px), which OpenCV, and so aniposelib,
has no place for: `square` are the same cameras without it. Wrong views are 20 to 100 px off, to any
side; aniposelib's own search for them goes point by point and is left out.
Self-calibration starts from the lenses alone, and is compared with the true cameras. The
keypoint map and pose prior that give its scale were learned on this set, so that the scale shown
here is better than another animal's would be. `homecage_4cam`: proof-read points of two videos,
compared with cameras solved from a board; the animal hardly moves there, which a verdict must say.
"""

from __future__ import annotations

import argparse
import sys
import time
from collections.abc import Sequence
from dataclasses import replace
from itertools import combinations
from pathlib import Path
from typing import Any

import numpy as np
from common import CannotMeasure, Measured, arguments, folder, run
from problems import load_arrays

from mousepose.body.keypoint_check import check_names
from mousepose.calibrate.self_calibration import SelfCalibration, self_calibrate
from mousepose.geometry import rotation
from mousepose.geometry.camera import Camera, pinhole
from mousepose.geometry.triangulate import triangulate
from mousepose.geometry.triangulate_keypoints import triangulate_keypoints
from mousepose.types import Floats, Keypoints2D

NOISE_PX = 2.0
WRONG = (0.05, 0.1, 0.2)
WRONG_PX = (20.0, 100.0)
SEEDS = 2
#: The chi-square distribution of three dimensions holds 90 % below this.
REGION_90 = 6.2514
#: Points of the test of speed.
SPEED_FRAMES = 2000


def measure(options: argparse.Namespace) -> Measured:
    """Measure triangulation and self-calibration."""
    columns = ("what", "mousepose", "every view believed", "aniposelib", "known", "in 90 %")
    measured = Measured(
        "Triangulation (rms mm; known: share of points) and self-calibration", columns
    )
    names, truth, cameras = _dannce(folder(options.data, "dannce_mouse1"))
    _exact(measured, names, truth, cameras)
    _noisy(measured, names, truth, cameras)
    _wrong(measured, names, truth, cameras)
    _fewer(measured, names, truth, cameras)
    _speed(measured, names, truth, cameras)
    _self(measured, names, truth, cameras)
    _homecage(measured, folder(options.data, "homecage_4cam"))
    measured.ran_on += ["dannce_mouse1 (81 frames, 6 cameras)", "homecage_4cam (120 frames)"]
    return measured


def _exact(measured: Measured, names: Sequence[str], truth: Floats, cameras: list[Camera]) -> None:
    """Images without noise, of all cameras and of every pair."""
    pixels = _images(cameras, truth)
    ours, _, known = _ours(names, cameras, pixels, truth)
    square = _square(cameras)
    ani = _rms(_anipose(square, _images(square, truth)) - truth)
    measured.add_figures("triangulate.exact", {"rms_mm": ours, "aniposelib_square_rms_mm": ani})
    plain = _rms(triangulate(cameras, pixels).points - truth)
    measured.add_row("exact images, 6 cameras", ours, plain, ani, known, "")


def _noisy(measured: Measured, names: Sequence[str], truth: Floats, cameras: list[Camera]) -> None:
    """Noise of 2 px in all six cameras: the figures of the issue."""
    for name, kind in (("", cameras), ("square", _square(cameras))):
        rows = []
        for seed in range(SEEDS):
            pixels = _disturbed(kind, truth, 0.0, seed)
            ours, inside, known = _ours(names, kind, pixels, truth)
            plain = _rms(triangulate(kind, pixels).points - truth)
            rows.append((ours, plain, _rms(_anipose(kind, pixels) - truth), known, inside))
        mean = np.mean(rows, axis=0).tolist()
        prefix = f"triangulate.{name}" if name else "triangulate"
        figures = {"rms_mm": mean[0], "aniposelib_rms_mm": mean[2], "in_90_region": mean[4]}
        measured.add_figures(prefix, figures)
        label = "noise 2 px" + (", square pixel axes" if name else "")
        measured.add_row(label, *mean)


def _wrong(measured: Measured, names: Sequence[str], truth: Floats, cameras: list[Camera]) -> None:
    """Noise of 2 px and some wrong views, of square cameras so that both programs can be right."""
    kind = _square(cameras)
    for share in WRONG:
        rows = []
        for seed in range(SEEDS):
            pixels = _disturbed(kind, truth, share, seed)
            ours, inside, known = _ours(names, kind, pixels, truth)
            plain = _rms(triangulate(kind, pixels).points - truth)
            rows.append((ours, plain, _rms(_anipose(kind, pixels) - truth), known, inside))
        mean = np.mean(rows, axis=0).tolist()
        label = f"wrong_{share:.0%}".replace("%", "_percent")
        measured.add_figures(
            f"triangulate.{label}",
            {"rms_mm": mean[0], "aniposelib_rms_mm": mean[2], "known": mean[3],
             "in_90_region": mean[4]},
        )  # fmt: skip
        measured.add_row(f"noise 2 px, {share:.0%} of views wrong", *mean)


def _fewer(measured: Measured, names: Sequence[str], truth: Floats, cameras: list[Camera]) -> None:
    """Noise of 2 px in two to five cameras: the mean over some choices of them."""
    pixels = _disturbed(cameras, truth, 0.0, 0)
    square = _square(cameras)
    squarely = _disturbed(square, truth, 0.0, 0)
    for count in range(2, len(cameras)):
        rows = []
        choices = list(combinations(range(len(cameras)), count))
        for chosen in map(list, choices[:: max(1, len(choices) // 5)]):
            some = [cameras[index] for index in chosen]
            ours, inside, known = _ours(names, some, pixels[chosen], truth)
            plain = _rms(triangulate(some, pixels[chosen]).points - truth)
            ani = _anipose([square[index] for index in chosen], squarely[chosen])
            rows.append((ours, plain, _rms(ani - truth), known, inside))
        mean = np.mean(rows, axis=0).tolist()
        measured.add_figures(
            f"triangulate.cameras_{count}",
            {"rms_mm": mean[0], "aniposelib_square_rms_mm": mean[2], "in_90_region": mean[4]},
        )
        measured.add_row(f"noise 2 px, {count} cameras, mean of {len(rows)} choices", *mean)


def _speed(measured: Measured, names: Sequence[str], truth: Floats, cameras: list[Camera]) -> None:
    """Points a second of processor time, 5 % of views wrong: the second of two runs of each."""
    frames = np.arange(SPEED_FRAMES) % len(truth)
    pixels = _disturbed(cameras, truth[frames], 0.05, 0)
    seen = int((np.isfinite(pixels[..., 0]).sum(axis=0) >= 2).sum())
    keypoints = _keypoints(names, pixels)
    speeds = {}
    for name, work in (
        ("points_per_second", lambda: triangulate_keypoints(keypoints, cameras)),
        ("plain_points_per_second", lambda: triangulate(cameras, pixels)),
        ("aniposelib_points_per_second", lambda: _anipose(cameras, pixels)),
    ):
        work()
        began = time.process_time()
        work()
        speeds[name] = seen / (time.process_time() - began)
    measured.add_figures("triangulate", speeds)
    measured.add_row("points a second of one core, 6 cameras", *speeds.values(), "", "")


def _self(measured: Measured, names: Sequence[str], truth: Floats, cameras: list[Camera]) -> None:
    """Cameras from the mouse alone: known lenses, few of them, and guessed focal lengths."""
    every = list(range(len(cameras)))
    for label, chosen, frames, guess in (
        ("six cameras", every, len(truth), None),
        ("three cameras, 36 frames", [0, 2, 4], 36, None),
        ("six cameras, focal 20 % off", every, len(truth), 0.8),
    ):
        some = [cameras[index] for index in chosen]
        pixels = _disturbed(some, truth[:frames], 0.05, 1)
        lenses = some if guess is None else [
            pinhole(camera.size, guess * float(camera.matrix[0, 0]), camera.name)
            for camera in some
        ]  # fmt: skip
        began = time.process_time()
        found = _calibrated(names, lenses, pixels, 0.0 if guess is None else 0.2)
        seconds = time.process_time() - began
        figures = _compared(some, found) | {"seconds": seconds}
        points = triangulate_keypoints(_keypoints(names, pixels), found.cameras).points.xyz
        aligned = _aligned(points, truth[:frames])
        figures["points_rms_mm"] = _rms(aligned - truth[:frames])
        key = label.replace(",", "").replace(" % off", "_guess").replace(" ", "_")
        measured.add_figures(f"self_calibration.{key}", figures)
        _add_self_row(measured, label, figures, found)


def _homecage(measured: Measured, path: Path) -> None:
    """Two real videos of an animal that hardly moves, cameras solved from a board as truth."""
    arrays = load_arrays(path / "points3d_from_4_views.npz")
    cameras = _cameras(arrays, [str(name) for name in arrays["cameras"]])
    names = [str(name) for name in arrays["keypoint_names"]]
    pixels = np.asarray(arrays["points2d_px"], np.float64)
    points = triangulate_keypoints(_keypoints(names, pixels), cameras).points.xyz
    known = np.isfinite(points).all(axis=-1)
    rms = _rms(points - arrays["points3d_mm"])
    median = _median(points - arrays["points3d_mm"])
    figures = {"rms_mm": rms, "median_mm": median, "known": known.mean()}
    measured.add_figures("homecage", figures)
    measured.add_row(
        "homecage, 2 of 4 cameras, median against all 4", median, "", "", known.mean(), ""
    )
    found = _calibrated(names, cameras, pixels, 0.0)
    compared = _compared(cameras, found)
    measured.add_figures("self_calibration.homecage", compared)
    _add_self_row(measured, "homecage, 2 cameras", compared, found)


def _add_self_row(
    measured: Measured, label: str, figures: dict[str, float], found: SelfCalibration
) -> None:
    told = ", ".join(
        f"{name} {figures[key]:.3g}{unit}"
        for name, key, unit in (
            ("turn", "turn_degrees", " deg"),
            ("place", "place_percent", " %"),
            ("scale", "scale_error_percent", " %"),
            ("points", "points_rms_mm", " mm"),
        )
        if key in figures
    )
    verdict = "good" if found.good else "refused"
    measured.add_row(f"self-calibration, {label}: {told}; {verdict}", "", "", "", "", "")


def _calibrated(
    names: Sequence[str], lenses: Sequence[Camera], pixels: Floats, focal_sd: float
) -> SelfCalibration:
    keypoint_map = check_names(tuple(names), None).match.keypoint_map
    return self_calibrate(
        _keypoints(names, pixels), lenses, keypoint_map=keypoint_map, focal_sd=focal_sd
    )


def _compared(true: Sequence[Camera], found: SelfCalibration) -> dict[str, float]:
    """Return how far found cameras are off, in the frame of the first; their scale taken out."""
    turns, places = [], []
    for cameras in (true, found.cameras):
        home = np.linalg.inv(cameras[0].T_camera_world)
        poses = np.stack([camera.T_camera_world @ home for camera in cameras])
        turns.append(poses[:, :3, :3])
        places.append(-np.einsum("cji,cj->ci", poses[:, :3, :3], poses[:, :3, 3]))
    apart = rotation.log(turns[0] @ np.swapaxes(turns[1], 1, 2))
    scale = float((places[0] * places[1]).sum() / (places[1] ** 2).sum())
    off = np.linalg.norm(places[0] - scale * places[1], axis=1)[1:]
    size = np.linalg.norm(places[0], axis=1)[1:]
    return {
        "turn_degrees": float(np.degrees(np.linalg.norm(apart, axis=1)[1:].max())),
        "place_percent": float(100 * (off / size).max()),
        "scale_error_percent": 100 * (1 / scale - 1),
        "scale_sd_percent": found.quality.scale_percent,
        "good": float(found.good),
    }


def _aligned(points: Floats, truth: Floats) -> Floats:
    """Return points (T, K, 3) turned, moved and scaled as a whole to fit the truth best."""
    both = np.isfinite(points).all(axis=-1) & np.isfinite(truth).all(axis=-1)
    one, other = points[both], truth[both]
    middle, target = one.mean(axis=0), other.mean(axis=0)
    left, values, right = np.linalg.svd((other - target).T @ (one - middle))
    sign = np.array([1.0, 1.0, np.sign(np.linalg.det(left @ right))])
    turn = left @ np.diag(sign) @ right
    scale = (values * sign).sum() / ((one - middle) ** 2).sum()
    return np.asarray(scale * (points - middle) @ turn.T + target)


def _ours(
    names: Sequence[str], cameras: Sequence[Camera], pixels: Floats, truth: Floats
) -> tuple[float, float, float]:
    """Return our rms (mm), the share of truths in the 90 % regions, and the share known."""
    found = triangulate_keypoints(_keypoints(names, pixels), cameras).points
    error = found.xyz - truth
    known = np.isfinite(error).all(axis=-1)
    if found.covariance is None:
        raise CannotMeasure("triangulation gave no covariance")
    solved = np.linalg.solve(found.covariance[known], error[known][..., None])[..., 0]
    inside = float(((error[known] * solved).sum(axis=-1) < REGION_90).mean())
    possible = (np.isfinite(pixels[..., 0]).sum(axis=0) >= 2).sum()
    return _rms(error), inside, float(known.sum() / possible)


def _anipose(cameras: Sequence[Camera], pixels: Floats) -> Floats:
    """Return aniposelib's points (T, K, 3)."""
    try:
        from aniposelib.cameras import Camera as AniposeCamera
        from aniposelib.cameras import CameraGroup
    except ImportError as error:
        raise CannotMeasure("aniposelib is not installed: pip install aniposelib") from error
    group = CameraGroup([
        AniposeCamera(
            matrix=camera.matrix.copy(), dist=camera.distortion.copy(), size=list(camera.size),
            rvec=rotation.log(camera.rotation), tvec=camera.translation.copy(), name=camera.name,
        )
        for camera in cameras
    ])  # fmt: skip
    flat = pixels.reshape(len(cameras), -1, 2)
    points: Any = group.triangulate(flat)
    return np.asarray(points).reshape(*pixels.shape[1:3], 3)


def _keypoints(names: Sequence[str], pixels: Floats) -> Keypoints2D:
    """Return pixels (C, T, K, 2) as tracked points."""
    frames = pixels.shape[1]
    xy = np.moveaxis(pixels, 0, 1)
    seen = np.isfinite(xy).all(axis=-1).astype(np.float64)
    return Keypoints2D(xy, seen, np.arange(frames) / 30, np.arange(frames), tuple(names))


def _disturbed(cameras: Sequence[Camera], truth: Floats, wrong: float, seed: int) -> Floats:
    """Return noisy images (C, T, K, 2), a share of them far off."""
    random = np.random.default_rng(seed)
    pixels = _images(cameras, truth)
    pixels = pixels + NOISE_PX * random.standard_normal(pixels.shape)
    away = random.random(pixels.shape[:-1]) < wrong
    angle = random.uniform(0, 2 * np.pi, away.shape)
    far = random.uniform(*WRONG_PX, away.shape)
    shift = far[..., None] * np.stack([np.cos(angle), np.sin(angle)], axis=-1)
    return np.where(away[..., None], pixels + shift, pixels)


def _images(cameras: Sequence[Camera], truth: Floats) -> Floats:
    return np.stack([camera.project(truth) for camera in cameras])


def _square(cameras: Sequence[Camera]) -> list[Camera]:
    """Return the cameras without skew."""
    square = []
    for camera in cameras:
        matrix = camera.matrix.copy()
        matrix[0, 1] = 0.0
        square.append(replace(camera, matrix=matrix))
    return square


def _dannce(path: Path) -> tuple[list[str], Floats, list[Camera]]:
    arrays = load_arrays(path / "dannce_mouse1.npz")
    names = [str(name) for name in arrays["keypoint_names"]]
    cameras = _cameras(arrays, [f"cam_{index}" for index in range(len(arrays["K"]))])
    return names, np.asarray(arrays["points3d_mm"], np.float64), cameras


def _cameras(arrays: dict[str, Any], names: Sequence[str]) -> list[Camera]:
    cameras = []
    size = (int(arrays["image_size_wh"][0]), int(arrays["image_size_wh"][1]))
    for index, name in enumerate(names):
        transform = np.eye(4)
        transform[:3, :3], transform[:3, 3] = arrays["R"][index], arrays["t_mm"][index]
        lens = arrays["distortion_k1k2p1p2k3"][index]
        cameras.append(Camera(arrays["K"][index], lens, transform, size, name))
    return cameras


def _rms(error: Floats) -> float:
    return float(np.sqrt(np.nanmean((error**2).sum(axis=-1))))


def _median(error: Floats) -> float:
    return float(np.nanmedian(np.linalg.norm(error, axis=-1)))


if __name__ == "__main__":
    sys.exit(run(arguments(__doc__), measure))
