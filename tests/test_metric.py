"""Is a millimetre a millimetre? Every scale against mice whose size is known."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from functools import cache
from pathlib import Path

import numpy as np
import pytest

from mousepose.body.default import default_body
from mousepose.body.keypoint_map import load_keypoint_map
from mousepose.body.model import Marks
from mousepose.body.prior import PosePrior
from mousepose.errors import InputError
from mousepose.fit.config import FitConfig, Scale
from mousepose.fit.setup import Setup
from mousepose.geometry.camera import Camera
from mousepose.method import reconstruct
from mousepose.simulate import SimulatedWalk, observe, walking_mouse, watching_camera
from mousepose.skeleton import Skeleton
from mousepose.types import Floats, Keypoints2D, PoseSequence, Status
from synthetic import ring

BODY = default_body()
NAMES = BODY.keypoints.names
ALONE = FitConfig(temporal=False)
#: Where the real recording of several cameras is, and which of its poses are looked at.
DANNCE = "dannce_mouse1/dannce_mouse1.npz"
POSES = slice(0, None, 4)


@cache
def walk(factor: float = 1.0) -> SimulatedWalk:
    """A mouse of the default proportions, `factor` times as large, in 60 frames."""
    shape = np.zeros(len(BODY.shape_space))
    shape[BODY.shape_space.names.index("size")] = np.log(factor)
    return walking_mouse(BODY, seconds=4, frames_per_second=15, shape=shape, stride_length_mm=50.0)


def seen(mouse: SimulatedWalk, cameras: Camera | tuple[Camera, ...]) -> Keypoints2D:
    return observe(BODY, mouse.pose, mouse.times, cameras, noise_px=1.0, seed=2)


def distance(points: Floats, one: str = "NOSE", other: str = "ROOT_TAIL") -> Floats:
    return np.linalg.norm(points[:, NAMES.index(one)] - points[:, NAMES.index(other)], axis=-1)


def apart(found: PoseSequence, mouse: SimulatedWalk, camera: Camera) -> float:
    """The median of the keypoints' distance from the camera over what it truly is."""
    have = found.keypoints[:, [found.keypoint_names.index(name) for name in NAMES]]
    true = BODY.keypoints_of(mouse.pose)
    ways = [np.linalg.norm(points - camera.position, axis=-1) for points in (have, true)]
    return float(np.median(ways[0] / ways[1]))


def size(found: PoseSequence, mouse: SimulatedWalk) -> float:
    """The length along the spine over what it truly is."""
    return BODY.body_length_of(found.pose.shape) / BODY.body_length_of(mouse.pose.shape)


@pytest.mark.parametrize(
    ("elevation", "factor"), [(30, 1.0), (30, 1.3), (45, 0.75), (45, 1.15), (60, 1.3)]
)
def test_the_floor_tells_how_big_a_mouse_is(elevation: float, factor: float) -> None:
    camera = watching_camera(elevation_deg=elevation)
    mouse = walk(factor)
    found = reconstruct(seen(mouse, camera), camera, scale=Scale.floor(), config=ALONE)
    assert apart(found, mouse, camera) == pytest.approx(1, abs=0.01)
    # how far the back is bent and how long it is are hard to tell apart, the distance is not
    assert size(found, mouse) == pytest.approx(1, abs=0.15)
    assert found.scale_source == "floor"


def test_the_floor_finds_a_mouse_15_percent_larger() -> None:
    camera = watching_camera(elevation_deg=40)
    lengths = [
        BODY.body_length_of(
            reconstruct(seen(walk(f), camera), camera, scale=Scale.floor(), config=ALONE).pose.shape
        )
        for f in (1.0, 1.15)
    ]
    assert lengths[1] / lengths[0] == pytest.approx(1.15, rel=0.03)


def test_the_floor_sizes_a_mouse_whose_proportions_are_not_learned() -> None:
    camera = watching_camera(elevation_deg=45)
    config = replace(ALONE, animal_shape=False)
    found = reconstruct(seen(walk(1.3), camera), camera, scale=Scale.floor(), config=config)
    assert apart(found, walk(1.3), camera) == pytest.approx(1, abs=0.02)


def test_a_camera_twice_as_high_sees_a_mouse_twice_as_large() -> None:
    camera = watching_camera(elevation_deg=45)
    keypoints = seen(walk(), camera)
    height = camera.position[2]
    once, twice = (
        reconstruct(keypoints, camera, scale=Scale.camera_height(h), config=ALONE)
        for h in (height, 2 * height)
    )
    assert apart(once, walk(), camera) == pytest.approx(1, abs=0.01)
    assert apart(twice, walk(), camera) == pytest.approx(2, abs=0.03)


def test_paws_stand_on_the_floor_and_do_not_sink() -> None:
    camera = watching_camera(elevation_deg=45)
    keypoints, mouse = seen(walk(), camera), walk()
    paws = [i for i, name in enumerate(NAMES) if name.endswith("_PAW")]
    found = reconstruct(keypoints, camera, scale=Scale.floor(), config=FitConfig())
    heights = found.keypoints[:, paws, 2]
    true = BODY.keypoints_of(mouse.pose)[:, paws, 2]
    assert np.percentile(heights, 2) > -2.5
    assert abs(np.median(heights) - np.median(true)) < 1.5
    none = reconstruct(keypoints, replace(camera, floor_plane=None), scale=Scale.weight(25))
    assert np.abs(none.keypoints[:, paws, 2] - true).mean() > 3 * np.abs(heights - true).mean()


def test_snout_and_tail_base_are_about_as_far_apart_as_was_told() -> None:
    camera = replace(watching_camera(), floor_plane=None)
    mouse = walk(1.15)
    told = float(distance(BODY.keypoints_of(mouse.pose)).mean())
    found = reconstruct(seen(mouse, camera), camera, scale=Scale.body_length(told), config=ALONE)
    # the simulated mouse runs, and is straighter than the typical mouse of the prior
    assert distance(found.keypoints).mean() == pytest.approx(told, rel=0.15)
    assert apart(found, mouse, camera) == pytest.approx(1, abs=0.18)


def test_a_bone_is_as_long_as_was_told() -> None:
    camera = replace(watching_camera(), floor_plane=None)
    scale = Scale.bone("NOSE", 30.0)
    found = reconstruct(seen(walk(), camera), camera, scale=scale, config=ALONE)
    nose = BODY.skeleton.index("NOSE")
    length = np.linalg.norm(BODY.bone_vectors[nose]) * BODY.bone_scale(found.pose.shape)[nose]
    assert length == pytest.approx(30.0)


def test_lengths_grow_with_the_cube_root_of_weight() -> None:
    camera = replace(watching_camera(), floor_plane=None)
    keypoints = seen(walk(), camera)
    light, heavy = (
        reconstruct(keypoints, camera, scale=Scale.weight(grams), config=ALONE)
        for grams in (20.0, 20.0 * 1.2**3)
    )
    growth = np.linalg.norm(heavy.keypoints - camera.position, axis=-1) / np.linalg.norm(
        light.keypoints - camera.position, axis=-1
    )
    assert np.median(growth) == pytest.approx(1.2, rel=1e-3)


def test_a_scale_that_the_body_cannot_hold_is_refused() -> None:
    skeleton = Skeleton(("NECK", "NOSE"), (-1, 0))
    body = replace(
        BODY, skeleton=skeleton, rest=BODY.rest[:2], free=BODY.free[:2], limits=BODY.limits[:2],
        keypoints=Marks.of_joints(skeleton), mesh=None,
        shape_space=replace(BODY.shape_space, basis=BODY.shape_space.basis[:, :2]),
    )  # fmt: skip
    camera = watching_camera()
    with pytest.raises(InputError, match="has no ROOT_TAIL"):
        Setup.of(camera, body, scale=Scale.body_length(90), prior=PosePrior.isotropic(body))
    rigid = BODY.with_shape_space(replace(BODY.shape_space, names=("a", "b", "c", "d", "e", "f")))
    with pytest.raises(InputError, match="no shape coefficient 'size'"):
        Setup.of(camera, rigid, scale=Scale.floor())


def test_cameras_at_the_same_place_are_refused() -> None:
    one = watching_camera(name="one")
    with pytest.raises(InputError, match=r"'one' and 'two'.*T_camera_world"):
        Setup.of([one, replace(one, name="two")])


def test_two_cameras_know_the_size_whatever_is_said() -> None:
    cameras, mouse = ring(2), walk(1.2)
    scales = (Scale.none(), Scale.body_length(60.0))
    config = replace(ALONE, report="marks")
    found = [reconstruct(seen(mouse, cameras), cameras, scale=s, config=config) for s in scales]
    order = [found[0].keypoint_names.index(name) for name in NAMES]
    for one in found:
        assert one.scale_source == "cameras"
        assert apart(one, mouse, cameras[0]) == pytest.approx(1, abs=0.005)
        error = np.linalg.norm(one.keypoints[:, order] - BODY.keypoints_of(mouse.pose), axis=-1)
        assert np.median(error) < 1.5


def test_two_cameras_measure_a_mouse_that_is_built_like_no_mouse_of_the_prior() -> None:
    cameras, mouse = ring(2), walk(1.2)
    config = replace(ALONE, prior="isotropic")
    found = reconstruct(seen(mouse, cameras), cameras, config=config)
    error = np.linalg.norm(found.keypoints - BODY.keypoints_of(mouse.pose), axis=-1)
    assert np.median(error) < 1.5
    assert size(found, mouse) == pytest.approx(1, abs=0.03)


@pytest.mark.parametrize(
    ("views", "most"), [((0, 3), 1.5), ((0, 2, 4), 1.0), ((0, 1, 2, 3, 4, 5), 0.7)]
)
def test_real_cameras_with_their_lenses_give_the_truth(
    shared_data: Callable[[str], Path], views: tuple[int, ...], most: float
) -> None:
    with np.load(shared_data(DANNCE)) as data:
        truth, names = data["points3d_mm"][POSES], tuple(map(str, data["keypoint_names"]))
        cameras = [_real_camera(data, view) for view in views]
    noise = np.random.default_rng(0).standard_normal((len(truth), len(views), len(names), 2))
    xy = np.stack([camera.project(truth) for camera in cameras], axis=1) + noise
    frames = np.arange(len(truth))
    keypoints = Keypoints2D(xy, np.ones(xy.shape[:3]), frames / 30, frames, names)
    config = replace(ALONE, report="marks", pixel_sigma=1.0)
    found = reconstruct(keypoints, cameras, keypoint_map="dannce22", config=config)
    order = [found.keypoint_names.index(name) for name in names]
    error = np.linalg.norm(found.keypoints[:, order] - truth, axis=-1)
    assert np.nanmedian(error) < most
    assert np.nanmean(error) < 2 * most
    assert (found.report.status == Status.OK).mean() > 0.9


def _real_camera(data: np.lib.npyio.NpzFile, view: int) -> Camera:
    transform = np.eye(4)
    transform[:3, :3], transform[:3, 3] = data["R"][view], data["t_mm"][view]
    width, height = map(int, data["image_size_wh"])
    lens = data["distortion_k1k2p1p2k3"][view]
    return Camera(data["K"][view], lens, transform, (width, height), name=f"cam_{view}")


@pytest.mark.parametrize(
    "lens",
    [
        {"distortion": np.array([-0.25, 0.08, 0.001, -0.001, -0.01])},
        {"distortion": np.array([0.2, 0.05, 0.001, -0.001, 0.01, 0.45, 0.1, 0.02])},
        {"distortion": np.array([0.05, -0.01, 0.002, 0.0]), "model": "fisheye"},
    ],
    ids=["5 terms", "8 terms", "fisheye"],
)
def test_a_lens_does_not_change_the_pose(lens: dict[str, object]) -> None:
    plain = replace(watching_camera(), floor_plane=None)
    found = [_through(camera) for camera in (plain, replace(plain, **lens))]
    shift = np.linalg.norm(found[0].keypoints - found[1].keypoints, axis=-1)
    assert shift.max() < 0.1


def _through(camera: Camera) -> PoseSequence:
    """What is found from points without noise, as sure on the undistorted image as 2 px."""
    mouse = walk()
    points = observe(BODY, mouse.pose, mouse.times, camera, noise_px=0.0)
    slope = np.linalg.inv(camera.local_scale(points.xy))
    covariance = 4.0 * slope @ np.swapaxes(slope, -1, -2)
    points = replace(points, covariance=covariance, confidence=np.ones(points.xy.shape[:-1]))
    return reconstruct(points, camera, scale=Scale.body_length(80), config=ALONE)


def test_six_keypoints_are_enough() -> None:
    names = ("NOSE", "LEFT_EAR", "RIGHT_EAR", "SPINE_MID", "SPINE_HIP", "ROOT_TAIL")
    every, camera = load_keypoint_map("dataset22"), watching_camera()
    rows = [every.names.index(name) for name in names]
    few = replace(
        every, names=names, bones=tuple(every.bones[i] for i in rows), offset=every.offset[rows],
        sigma=every.sigma[rows], aliases={},
    )  # fmt: skip
    mouse = walk()
    points = observe(BODY, mouse.pose, mouse.times, camera, few, noise_px=1.0)
    found = reconstruct(points, camera, keypoint_map=few, scale=Scale.weight(25))
    assert found.keypoints.shape == (len(mouse), len(NAMES), 3)
    assert np.isfinite(found.keypoints).all()
    assert np.isfinite(found.covariance).all()
    spread = np.sqrt(np.trace(found.covariance, axis1=-2, axis2=-1))
    unseen, shown = NAMES.index("LEFT_HIND_PAW"), NAMES.index("NOSE")
    assert np.median(spread[:, unseen]) > np.median(spread[:, shown])
