"""Offsets that were shifted are found again where the recording shows them, and kept elsewhere."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mousepose.body.default import default_body
from mousepose.body.keypoint_map import KeypointMap, load_keypoint_map
from mousepose.body.prior import load_prior
from mousepose.errors import InputError
from mousepose.fit.config import FitConfig, Scale
from mousepose.fit.offsets import LearnedOffsets, OffsetConfig, learn_offsets
from mousepose.fit.offsets_ties import mirror_ties
from mousepose.fit.setup import Setup
from mousepose.geometry.camera import Camera
from mousepose.method import reconstruct
from mousepose.simulate import SimulatedWalk, observe, walking_mouse, watching_camera
from mousepose.types import Floats, Keypoints2D

BODY = default_body()
FPS = 30.0
QUICK = OffsetConfig(frames=40, held_out=40, rounds=2)
CAMERAS = tuple(
    replace(
        watching_camera(azimuth_deg=a, elevation_deg=e, distance_mm=560, name=n), floor_plane=None
    )
    for a, e, n in ((-90, 35, "side"), (20, 60, "above"))
)


def shifted(guess: KeypointMap, mm: float) -> KeypointMap:
    """Return the map with every mark `mm` elsewhere, left and right alike."""
    ties = mirror_ties(guess, BODY)
    away = ties.offsets(np.random.default_rng(3).normal(size=ties.matrix.shape[1]))
    away *= mm / np.linalg.norm(away, axis=1, keepdims=True)
    return replace(guess, offset=guess.offset + away)


@pytest.fixture(scope="module")
def walk() -> SimulatedWalk:
    prior = load_prior()
    return walking_mouse(
        BODY, 20, FPS, stride_length_mm=50, strides_per_second=2.5, turn_radius_mm=150, seed=1,
        shape=np.array(prior.shape), posture=prior.mean,
    )  # fmt: skip


def filmed(walk: SimulatedWalk, marks: KeypointMap, cameras: int) -> Keypoints2D:
    return observe(BODY, walk.pose, walk.times, CAMERAS[:cameras], marks, noise_px=1.5, seed=2)


def length_of(walk: SimulatedWalk) -> float:
    joints = BODY.joints(walk.pose)
    ends = [joints[:, BODY.skeleton.index(name)] for name in ("NOSE", "ROOT_TAIL")]
    return float(np.linalg.norm(ends[0] - ends[1], axis=-1).mean())


def setup_of(walk: SimulatedWalk, guess: KeypointMap, cameras: int) -> Setup:
    scale = Scale.body_length(length_of(walk)) if cameras == 1 else Scale.none()
    return Setup.of(CAMERAS[:cameras], keypoint_map=guess, scale=scale)


@pytest.fixture(scope="module")
def guess() -> KeypointMap:
    return load_keypoint_map("dannce22")


@pytest.fixture(scope="module", params=[1, 2], ids=["one camera", "two cameras"])
def learned(
    request: pytest.FixtureRequest, walk: SimulatedWalk, guess: KeypointMap
) -> tuple[int, LearnedOffsets]:
    cameras = request.param
    keypoints = filmed(walk, shifted(guess, 4.5), cameras)
    return cameras, learn_offsets(keypoints, setup_of(walk, guess, cameras), QUICK, source="a walk")


def test_most_of_the_shift_that_images_show_is_found(
    learned: tuple[int, LearnedOffsets], guess: KeypointMap
) -> None:
    _, found = learned
    truth = shifted(guess, 4.5).offset
    decided = np.array([mark.determined for mark in found.marks])
    before = np.abs(guess.offset - truth)[decided].mean()
    after = np.abs(found.keypoint_map.offset - truth)[decided].mean()
    assert decided.mean() > 0.7
    assert after < 0.65 * before
    sd = np.array([mark.sd for mark in found.marks])
    squares = ((found.keypoint_map.offset - truth) / np.maximum(sd, 0.1))[decided] ** 2
    assert np.median(squares) < 2  # the uncertainty is no boast


def test_held_out_frames_fit_better(learned: tuple[int, LearnedOffsets]) -> None:
    _, found = learned
    before, after = (
        np.median([getattr(mark, f"{side}_px") for mark in found.marks])
        for side in ("before", "after")
    )
    assert after < 0.8 * before
    assert found.better
    assert not any("no better" in warning for warning in found.warnings)


def test_poses_come_out_nearer_to_the_truth(
    learned: tuple[int, LearnedOffsets], walk: SimulatedWalk, guess: KeypointMap
) -> None:
    cameras, found = learned
    keypoints = filmed(walk, shifted(guess, 4.5), cameras)
    last = slice(540, 600)
    seen = replace(
        keypoints, xy=keypoints.xy[last], confidence=keypoints.confidence[last],
        times=keypoints.times[last], frame_numbers=keypoints.frame_numbers[last],
    )  # fmt: skip
    truth = BODY.keypoints_of(walk.pose)[last]

    def error(keypoint_map: KeypointMap) -> float:
        setup = setup_of(walk, keypoint_map, cameras)
        found = reconstruct(
            seen, setup.cameras, keypoint_map=keypoint_map, scale=setup.scale,
            config=FitConfig(temporal=False),
        ).keypoints  # fmt: skip
        away = found - found[:, :1] - (truth - truth[:, :1])
        return float(np.nanmean(np.linalg.norm(away, axis=-1)))

    assert error(found.keypoint_map) < 0.9 * error(guess)


def test_left_and_right_stay_mirror_images(learned: tuple[int, LearnedOffsets]) -> None:
    _, found = learned
    offset, partner = found.keypoint_map.offset, mirror_ties(found.guess, BODY).partner
    np.testing.assert_allclose(offset[partner], offset * [1, -1, 1], atol=1e-9)


def test_the_map_says_what_was_learned(learned: tuple[int, LearnedOffsets]) -> None:
    _, found = learned
    keypoint_map = found.keypoint_map
    assert keypoint_map.names == found.guess.names
    assert keypoint_map.offset_sd is not None
    for row, mark in enumerate(found.marks):
        assert ("a walk" in keypoint_map.origins.get(mark.name, "")) == mark.learned
        np.testing.assert_array_equal(keypoint_map.offset_sd[row], mark.sd)
        kept = ~mark.determined
        np.testing.assert_array_equal(mark.offset[kept], found.guess.offset[row, kept])


def test_one_pose_decides_nothing(walk: SimulatedWalk, guess: KeypointMap) -> None:
    keypoints = filmed(walk, shifted(guess, 4.5), 1)
    random = np.random.default_rng(0)
    still = np.repeat(keypoints.xy[:1], 60, axis=0)
    frozen = Keypoints2D(
        still + random.normal(0, 1, still.shape), np.ones(still.shape[:-1]), np.arange(60.0),
        np.arange(60), keypoints.keypoint_names,
    )  # fmt: skip
    found = learn_offsets(frozen, setup_of(walk, guess, 1), QUICK)
    assert found.poses < 2
    assert not found.better
    assert "different poses" in found.warnings[0]
    np.testing.assert_array_equal(found.keypoint_map.offset, guess.offset)
    np.testing.assert_array_equal(found.keypoint_map.sigma, guess.sigma)


def test_marks_that_are_not_seen_keep_their_guess(walk: SimulatedWalk, guess: KeypointMap) -> None:
    keypoints = filmed(walk, shifted(guess, 4.5), 2)
    xy = keypoints.xy.copy()
    xy[:, :, guess.names.index("Snout")] = np.nan
    setup = setup_of(walk, guess, 2)
    found = learn_offsets(replace(keypoints, xy=xy), setup, replace(QUICK, frames=30, rounds=1))
    snout = found.marks[guess.names.index("Snout")]
    assert not snout.learned and snout.seen == 0
    assert np.isnan(snout.after_px)
    assert any("never seen: Snout" in warning for warning in found.warnings)


def test_progress_is_told(walk: SimulatedWalk, guess: KeypointMap) -> None:
    told: list[tuple[str, int, int]] = []
    learn_offsets(
        filmed(walk, guess, 1), setup_of(walk, guess, 1),
        OffsetConfig(frames=20, held_out=10, rounds=1),
        progress=lambda stage, done, total: told.append((stage, done, total)),
    )  # fmt: skip
    stages = list(dict.fromkeys(stage for stage, _, _ in told))
    assert stages[0] == "choosing frames" and stages[-1] == "trying the held-out frames"
    assert all(done <= total or total == 0 for _, done, total in told)


def test_real_labels_move_a_guess_towards_what_3d_labels_say(
    shared_data: Callable[[str], Path],
) -> None:
    with np.load(shared_data("dannce_mouse1") / "dannce_mouse1.npz") as file:
        names = tuple(str(name) for name in file["keypoint_names"])
        points, size = file["points3d_mm"], tuple(int(side) for side in file["image_size_wh"])
        transform = np.eye(4)
        transform[:3, :3], transform[:3, 3] = file["R"][5], file["t_mm"][5]
        camera = Camera(file["K"][5], file["distortion_k1k2p1p2k3"][5], transform, size)
    first = Path(__file__).parents[2] / "tools" / "dannce22_first_guess.toml"
    guess, in_space = (load_keypoint_map(m).select(names).map for m in (first, "dannce22"))
    pixels = camera.project(points) + np.random.default_rng(0).normal(0, 2, (*points.shape[:2], 2))
    count = len(points)
    seen = Keypoints2D(
        pixels[:, None], np.isfinite(pixels[:, None]).all(-1).astype(float), np.arange(count) * 1.0,
        np.arange(count), names,
    )  # fmt: skip
    length = points[:, names.index("Snout")] - points[:, names.index("Tail(base)")]
    scale = Scale.body_length(float(np.nanmedian(np.linalg.norm(length, axis=-1))))
    found = learn_offsets(seen, Setup.of(camera, keypoint_map=guess, scale=scale), QUICK)
    decided = np.array([mark.determined for mark in found.marks])
    before, after = (
        np.abs(m.offset - in_space.offset)[decided].mean() for m in (guess, found.keypoint_map)
    )
    assert found.better
    assert decided.mean() > 0.7
    assert after < 0.75 * before


@pytest.mark.parametrize("change", [{"guess_sd": 0.0}, {"frames": -1}, {"rounds": np.nan}])
def test_settings_are_checked(change: dict[str, Floats]) -> None:
    with pytest.raises(InputError, match="expected a number above 0"):
        OffsetConfig(**change)  # type: ignore[arg-type]


def test_too_few_frames_are_refused(walk: SimulatedWalk, guess: KeypointMap) -> None:
    keypoints = filmed(walk, guess, 1)
    short = replace(
        keypoints, xy=keypoints.xy[:20], confidence=keypoints.confidence[:20],
        times=keypoints.times[:20], frame_numbers=keypoints.frame_numbers[:20],
    )  # fmt: skip
    with pytest.raises(InputError, match="20 of 20 frames"):
        learn_offsets(short, setup_of(walk, guess, 1), QUICK)
