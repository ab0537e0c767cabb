"""What is learned of an animal from its own frames: its shape, and how it moves."""

from __future__ import annotations

import json
from dataclasses import replace

import numpy as np
import pytest

from mousepose.errors import InputError, MouseposeError
from mousepose.fit.config import FitConfig, Scale
from mousepose.fit.setup import Animal, Setup
from mousepose.method import learn_animal, solve
from mousepose.types import Floats
from synthetic import draw_motion, draw_poses, hide, make_setup, ring, see, to_pose

SHAPE_ONLY = FitConfig(temporal=False, pixel_sigma=1.0)
HIND = "hind limb"


def setup_with(scale: Scale, cameras: int = 1, config: FitConfig = SHAPE_ONLY) -> Setup:
    return make_setup(
        ring(cameras, floor=scale.kind in ("floor", "camera_height")), config, scale=scale
    )


def long_legged(setup: Setup) -> Floats:
    """Return the shape of a mouse whose hind limbs are 8 % longer than usual."""
    shape = setup.first_shape().copy()
    shape[setup.body.shape_space.names.index(HIND)] += np.log(1.08)
    return shape


def bone_lengths(setup: Setup, shape: Floats) -> Floats:
    return np.asarray(
        np.linalg.norm(setup.body.bone_vectors, axis=1) * setup.body.bone_scale(shape)
    )


@pytest.mark.parametrize("cameras", [1, 3])
def test_longer_hind_limbs_are_found(cameras: int) -> None:
    length = Scale.body_length(80.0) if cameras == 1 else Scale.none()
    setup = setup_with(length, cameras)
    truth = long_legged(setup)
    keypoints = see(setup, to_pose(setup, draw_poses(setup, 60), truth), noise=1.0)
    animal = learn_animal(keypoints, setup)
    first, want, have = (bone_lengths(setup, s) for s in (setup.first_shape(), truth, animal.shape))
    leg = [setup.body.skeleton.index(f"{side}_KNEE") for side in ("LEFT", "RIGHT")]
    trunk = setup.body.skeleton.index("SPINE_MID")
    ratio = [
        (lengths[leg] / lengths[trunk]) / (first[leg] / first[trunk]) for lengths in (want, have)
    ]
    assert ratio[0] == pytest.approx(1.08)
    assert (ratio[1] > 1.03).all()
    if cameras > 1:
        np.testing.assert_allclose(have[leg], want[leg], rtol=0.025)


@pytest.mark.parametrize(
    "scale",
    [Scale.body_length(80.0), Scale.bone("LEFT_KNEE", 16.0), Scale.weight(25.0), Scale.none()],
    ids=str,
)
def test_what_the_scale_fixes_stays(scale: Scale) -> None:
    setup = setup_with(scale)
    pose = to_pose(setup, draw_poses(setup, 40), long_legged(setup))
    keypoints = see(setup, pose, noise=1.0)
    animal = learn_animal(keypoints, setup)
    first = setup.first_shape()
    assert np.abs(animal.shape - first).max() > 0.01  # it did learn
    if scale.kind == "body_length":
        sequence = solve(keypoints, setup, animal)
        snout, tail = (sequence.keypoint_names.index(name) for name in ("NOSE", "ROOT_TAIL"))
        straight = np.linalg.norm(
            sequence.keypoints[:, snout] - sequence.keypoints[:, tail], axis=1
        )
        assert straight.mean() == pytest.approx(80.0, rel=0.04)
    elif scale.kind == "bone":
        knee = setup.body.skeleton.index("LEFT_KNEE")
        assert bone_lengths(setup, animal.shape)[knee] == pytest.approx(16.0, rel=1e-9)
    else:
        size = setup.body.shape_space.names.index("size")
        assert animal.shape[size] == first[size]


def test_an_exact_body_stays_as_it_is() -> None:
    setup = setup_with(Scale.model())
    pose = to_pose(setup, draw_poses(setup, 30), long_legged(setup))
    animal = learn_animal(see(setup, pose, noise=1.0), setup)
    np.testing.assert_array_equal(animal.shape, setup.body.shape_space.mean)


def test_several_cameras_show_the_size() -> None:
    setup = setup_with(Scale.none(), 3)
    shape = setup.first_shape()
    size = setup.body.shape_space.names.index("size")
    shape[size] += np.log(1.15)
    animal = learn_animal(
        see(setup, to_pose(setup, draw_poses(setup, 40), shape), noise=1.0), setup
    )
    trunk = setup.body.skeleton.index("SPINE_HIP")
    lengths = [bone_lengths(setup, s)[trunk] for s in (animal.shape, shape)]
    assert lengths[0] == pytest.approx(lengths[1], rel=0.03)


def test_the_order_of_frames_does_not_change_the_shape() -> None:
    setup = setup_with(Scale.body_length(80.0))
    keypoints = see(setup, to_pose(setup, draw_poses(setup, 30)), noise=1.0)
    turned = replace(keypoints, xy=keypoints.xy[::-1].copy())
    shapes = [learn_animal(k, setup).shape for k in (keypoints, turned)]
    np.testing.assert_allclose(*shapes, atol=1e-6)


def test_a_faster_animal_is_learned_as_one_that_accelerates_more() -> None:
    config = FitConfig(animal_shape=False, pixel_sigma=1.0)
    setup = make_setup(1, config)
    slow, fast = (
        learn_animal(
            see(setup, to_pose(setup, draw_motion(setup, rate * np.arange(90) / 30)), noise=1.0),
            setup,
        ).acceleration
        for rate in (0.5, 2.0)
    )
    assert (fast[:2] > 3 * slow[:2]).all()
    assert np.median(fast[2:10] / slow[2:10]) > 2


def test_nothing_is_learned_of_motion_from_a_few_frames() -> None:
    setup = make_setup(1, FitConfig(animal_shape=False))
    keypoints = see(setup, to_pose(setup, draw_motion(setup, np.arange(5) / 30)))
    animal = learn_animal(keypoints, setup)
    np.testing.assert_array_equal(animal.acceleration, Animal.typical(setup).acceleration)


def test_an_animal_survives_json() -> None:
    setup = make_setup(1)
    animal = replace(Animal.typical(setup), shape=setup.first_shape() + 0.1)
    again = Animal.from_dict(json.loads(json.dumps(animal.to_dict())))
    for field in ("shape", "offset", "mean", "basis", "acceleration"):
        np.testing.assert_array_equal(getattr(again, field), getattr(animal, field))


@pytest.mark.parametrize(
    "table", [{}, {"shape": [1.0]}, {"shape": "x", "offset_mm": [], "acceleration": []}]
)
def test_what_is_no_animal_is_refused(table: dict[str, object]) -> None:
    with pytest.raises(InputError, match="not an animal"):
        Animal.from_dict(table)


def test_an_animal_of_another_setup_is_refused() -> None:
    setup = make_setup(1)
    keypoints = see(setup, to_pose(setup, draw_poses(setup, 3)))
    animal = Animal.typical(setup)
    for field in ("shape", "offset", "mean", "basis", "acceleration"):
        other = replace(animal, **{field: getattr(animal, field)[:-1]})
        with pytest.raises(MouseposeError):
            solve(keypoints, setup, other)


def test_frames_that_fit_badly_do_not_bend_the_shape() -> None:
    setup = setup_with(Scale.body_length(80.0))
    clean = see(setup, to_pose(setup, draw_poses(setup, 40)), noise=1.0)
    xy = clean.xy.copy()
    xy[::8] = np.random.default_rng(0).uniform(300, 900, xy[::8].shape)
    shapes = [
        learn_animal(keypoints, setup).shape
        for keypoints in (replace(clean, xy=xy), hide(clean, slice(None, None, 8)))
    ]
    np.testing.assert_allclose(*shapes, atol=1e-3)
