"""A camera guessed from mice: it lies where it should, says how sure it is, or says why not."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest

from mousepose.calibrate import guess_fit
from mousepose.calibrate.cage_geometry import millimetres_per_pixel
from mousepose.calibrate.guess import CameraGuess, guess_camera
from mousepose.calibrate.guess_body import Silhouette, silhouette
from mousepose.calibrate.guess_floor import Floor, Sightings, by_marks, likeness, stand
from mousepose.calibrate.guess_lens import CAMERA_MODELS, focal_of_view, view_of_model
from mousepose.errors import CameraError, InputError, UnknownNameError
from mousepose.fit.config import Scale
from mousepose.fit.setup import Setup
from mousepose.geometry.camera import Camera, pinhole
from mousepose.simulate import watching_camera
from mousepose.types import Floats, Keypoints2D

NAMES = (
    "NOSE", "LEFT_EAR", "RIGHT_EAR", "NECK", "SPINE_MID", "SPINE_HIP", "LEFT_HIP", "RIGHT_HIP",
    "ROOT_TAIL", "TIP_TAIL",
)  # fmt: skip
CAMERA = watching_camera(distance_mm=620.0, elevation_deg=50.0, focal_px=1100.0)
LENS = replace(CAMERA, T_camera_world=np.eye(4), floor_plane=None)


def usual(camera: Camera = LENS, **setup: object) -> Silhouette:
    return silhouette(Setup.of(camera, **setup), NAMES)  # type: ignore[arg-type]


def mice(
    frames: int = 240, reach: tuple[float, float] = (150.0, 90.0), camera: Camera = CAMERA
) -> Keypoints2D:
    """Return what a camera sees of mice anywhere on the floor, of varying size and shape."""
    random = np.random.default_rng(3)
    body = usual()
    place = random.uniform(-1, 1, (frames, 1, 2)) * reach
    heading = random.uniform(0, 2 * np.pi, frames) if reach[0] > 1 else np.zeros(frames)
    size = np.exp(random.normal(0, 0.08, (frames, 1, 1)))
    cosine, sine = np.cos(heading), np.sin(heading)
    turn = np.stack([np.stack([cosine, -sine], -1), np.stack([sine, cosine], -1)], axis=1)
    flat = size * (body.place @ np.swapaxes(turn, 1, 2)) + place
    height = np.broadcast_to(body.height, flat.shape[:2])
    points = np.concatenate([flat, height[..., None]], axis=-1)
    points = points + random.normal(0, 4.0, points.shape)
    points[..., 2] = np.maximum(points[..., 2], 0.0)
    seen = camera.project(points) + random.normal(0, 1.5, (*flat.shape[:2], 2))
    xy = np.full((frames, 1, len(NAMES), 2), np.nan)
    xy[:, 0, body.columns] = seen
    return Keypoints2D(
        xy=xy,
        confidence=np.isfinite(xy).all(axis=-1).astype(np.float64),
        times=np.arange(frames) / 30.0,
        frame_numbers=np.arange(frames),
        keypoint_names=NAMES,
    )


@pytest.fixture(scope="module")
def guessed() -> CameraGuess:
    return guess_camera(mice(), CAMERA.size, focal_px=1.05 * 1100.0)


def scale_error(found: Camera) -> Floats:
    pixels = CAMERA.project(np.array([[0.0, 0, 0], [100, 50, 0], [-100, 50, 0], [0, -80, 0]]))
    return np.log(millimetres_per_pixel(found, pixels) / millimetres_per_pixel(CAMERA, pixels))


def test_the_floor_is_found(guessed: CameraGuess) -> None:
    true, found = CAMERA.floor_in_camera, guessed.camera.floor_in_camera
    assert true is not None
    assert found is not None
    tilt = np.degrees(np.arccos(true[:3] @ found[:3]))
    assert tilt < min(3.0, 3 * guessed.uncertainty.tilt_degrees)
    assert guessed.camera.position[2] > 0


def test_scale_and_focal_length_are_found(guessed: CameraGuess) -> None:
    assert np.abs(scale_error(guessed.camera)).max() < 0.05
    assert guessed.camera.matrix[0, 0] == pytest.approx(1100.0, rel=0.12)


def test_it_says_how_sure_it_is(guessed: CameraGuess) -> None:
    off = guessed.uncertainty
    assert 10 < off.scale_percent < 15, "a typical mouse is known to 10 %"
    assert 0.3 < off.tilt_degrees < 6
    assert 1 < off.focal_percent < 20
    assert "typical mouse" in guessed.scale_from
    assert guessed.camera.source.startswith("guess")


def test_all_lengths_grow_with_the_body_length() -> None:
    small, large = (
        guess_camera(mice(100), CAMERA.size, intrinsics=LENS, scale=Scale.body_length(mm))
        for mm in (80.0, 96.0)
    )
    assert small.size_percent == 5
    assert large.camera.position[2] / small.camera.position[2] == pytest.approx(1.2, abs=0.03)


def test_a_mouse_that_does_not_move_tells_nothing() -> None:
    with pytest.raises(InputError, match="hardly moved"):
        guess_camera(mice(100, reach=(0.5, 0.5)), CAMERA.size)


def test_what_cannot_be_used_is_refused() -> None:
    with pytest.raises(InputError, match="at least 50"):
        guess_camera(mice(30), CAMERA.size)
    with pytest.raises(InputError, match="check --size"):
        guess_camera(mice(60), (320, 240))
    with pytest.raises(CameraError, match="not 640 x 480"):
        guess_camera(mice(60), (640, 480), intrinsics=LENS)
    with pytest.raises(InputError, match="floor"):
        guess_camera(mice(60), CAMERA.size, intrinsics=LENS, scale=Scale.floor())
    with pytest.raises(InputError, match="at least 3 are needed"):
        silhouette(Setup.of(LENS), ("NOSE", "TIP_TAIL", "left thumb"))


def test_fields_of_view() -> None:
    assert focal_of_view(1000, 90) == pytest.approx(500.0)
    for name in CAMERA_MODELS:
        assert view_of_model(name.upper().replace("-", " ")) == CAMERA_MODELS[name]
    with pytest.raises(UnknownNameError, match="raspberry-pi-2"):
        view_of_model("pi")
    with pytest.raises(InputError, match="field of view"):
        focal_of_view(1000, 0.5)


# The pieces -------------------------------------------------------------------------------------


def sightings(frames: int = 12) -> tuple[Sightings, Floor]:
    keypoints = mice(frames)
    body = usual()
    pixels = keypoints.xy[:, 0][:, body.columns] - CAMERA.matrix[:2, 2]
    sight = Sightings(pixels, np.ones(pixels.shape[:2]), body, 1100.0, 0.05)
    plane = CAMERA.floor_in_camera
    assert plane is not None
    return sight, Floor(plane[:3], float(plane[3]), 1100.0)


def test_a_perfect_mouse_on_the_true_floor_is_like_itself() -> None:
    body = usual()
    points = np.column_stack([body.place, body.height])
    pixels = np.stack([CAMERA.project(points + [x, 20.0, 0]) for x in (-50.0, 0.0, 80.0)])
    sight, floor = sightings(3)
    like = likeness(
        replace(sight, pixels=pixels - CAMERA.matrix[:2, 2]),
        stand(replace(sight, pixels=pixels - CAMERA.matrix[:2, 2]), floor),
    )
    np.testing.assert_allclose(like.size, 0.0, atol=1e-6)
    np.testing.assert_allclose(like.off, 0.0, atol=1e-5)


def test_the_derivative_by_marks_is_that_of_differences() -> None:
    sight, floor = sightings(4)
    body = sight.body
    points = np.column_stack([body.place, body.height])
    exact = np.stack([CAMERA.project(points + [x, 20.0, 0]) for x in (-50.0, 0.0, 80.0, 10.0)])
    sight = replace(sight, pixels=exact - CAMERA.matrix[:2, 2])
    seen = stand(sight, floor)
    by_size, by_off = by_marks(seen, likeness(sight, seen))
    for mark, axis in ((0, 0), (3, 1), (5, 2)):
        place, height = body.place.copy(), body.height.copy()
        if axis < 2:
            place[mark, axis] += 1e-3
        else:
            height[mark] += 1e-3
        moved = replace(sight, body=replace(body, place=place, height=height))
        like = likeness(moved, stand(moved, floor))
        column = 3 * mark + axis
        np.testing.assert_allclose(like.size / 1e-3, by_size[:, column], atol=2e-4)
        slope = like.off.reshape(4, -1) / 1e-3
        np.testing.assert_allclose(slope, by_off[:, :, column], atol=0.02)


def test_a_fit_never_gets_worse_and_keeps_the_length() -> None:
    sight, floor = sightings(40)
    wrong = floor.moved(np.array([0.1, -0.1, 0.02, 0.1]))
    weight, scale = np.ones(40), stand(sight, wrong).scale
    fit = guess_fit.Fit(sight, sight.body, wrong, np.inf, guess_fit.Spread(0.1, 1.0), weight, scale)
    before = guess_fit._residuals(fit)
    after = guess_fit._descended(fit)
    assert after.cost < before @ before
    ends = list(sight.body.ends)
    was, now = (np.linalg.norm(np.subtract(*b.place[ends])) for b in (fit.usual, after.sight.body))
    assert now == pytest.approx(was, abs=0.1)
    assert after.sight.body.height.mean() == pytest.approx(fit.usual.height.mean())


def test_a_pinhole_is_as_good_as_intrinsics_that_are_one() -> None:
    keypoints = mice(80)
    found = guess_camera(keypoints, CAMERA.size, intrinsics=pinhole(CAMERA.size, 1100.0))
    again = guess_camera(keypoints, CAMERA.size, intrinsics=LENS)
    np.testing.assert_allclose(found.camera.T_camera_world, again.camera.T_camera_world, atol=1e-6)
    assert found.uncertainty.focal_percent == 0
