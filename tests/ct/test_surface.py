"""Surfaces against bodies of known shape: where they lie, how large they are, that they close."""

from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from mousepose.ct.surfaces.surface import surface_of
from mousepose.ct.surfaces.surface_measure import measured
from mousepose.ct.surfaces.surface_parts import closed_parts
from mousepose.ct.surfaces.surface_smooth import smoothed
from mousepose.ct.types import Surface, Volume
from mousepose.errors import InputError, ModelError

pytest.importorskip("skimage", reason="making surfaces needs scikit-image")
pytest.importorskip("fast_simplification", reason="decimating surfaces needs fast-simplification")

SPACING = 0.2
CENTRE = np.array([0.31, -0.17, 0.05])


def a_volume(side: int = 64, spacing: NDArray[np.float64] | float = SPACING) -> Volume:
    T = np.eye(4)
    T[:3, :3] = np.diag(np.broadcast_to(spacing, 3))
    T[:3, 3] = -T[:3, :3] @ np.full(3, side / 2)
    return Volume(np.zeros((side, side, side), np.int16), T)


def places(volume: Volume) -> NDArray[np.float64]:
    return volume.to_world(np.moveaxis(np.indices(volume.values.shape), 0, -1)) - CENTRE


def ellipsoid(points: NDArray[np.float64]) -> NDArray[np.float64]:
    """The distance to an ellipsoid of half axes 5, 4 and 3 mm, to first order; inside below 0."""
    axes = np.array([5.0, 4.0, 3.0])
    one, two = (np.linalg.norm(points / axes**n, axis=-1) for n in (1, 2))
    return one * (one - 1) / np.maximum(two, 1e-9)


def torus(points: NDArray[np.float64]) -> NDArray[np.float64]:
    ring = np.linalg.norm(points[..., :2], axis=-1) - 4.0
    return np.hypot(ring, points[..., 2]) - 1.5


def sphere(points: NDArray[np.float64]) -> NDArray[np.float64]:
    return np.linalg.norm(points, axis=-1) - 5.0


BODIES = [
    (sphere, 4 / 3 * np.pi * 125, 2),
    (ellipsoid, 4 / 3 * np.pi * 60, 2),
    (torus, 2 * np.pi**2 * 4 * 1.5**2, 0),
]


@pytest.mark.parametrize("faces", [None, 3000])
@pytest.mark.parametrize(("distance", "size", "euler"), BODIES)
def test_a_mask_gives_its_body_to_a_part_of_a_voxel(distance, size, euler, faces) -> None:
    volume = a_volume()
    surface = surface_of(distance(places(volume)) < 0, volume, faces=faces)
    away = distance(surface.vertices - CENTRE)
    assert np.abs(away.mean()) < 0.1 * SPACING
    assert np.sqrt((away**2).mean()) < 0.15 * SPACING
    found = measured(surface)
    assert found.watertight
    assert found.euler_characteristic == euler
    assert found.self_intersections == 0
    assert found.volume_mm3 == pytest.approx(size, rel=0.015)
    if faces:
        assert found.minimum_angle > 3
        assert found.median_minimum_angle > 35
        assert found.faces == pytest.approx(faces, rel=0.05)


@pytest.mark.parametrize(("distance", "size", "euler"), BODIES)
def test_a_scalar_field_gives_its_body_ten_times_better(distance, size, euler) -> None:
    volume = a_volume()
    surface = surface_of(-distance(places(volume)), volume, level=0.0)
    away = distance(surface.vertices - CENTRE)
    assert np.sqrt((away**2).mean()) < 0.02 * SPACING
    assert measured(surface).volume_mm3 == pytest.approx(size, rel=0.005)
    assert measured(surface).euler_characteristic == euler


def test_voxels_of_other_shape_and_a_mirrored_volume_change_nothing() -> None:
    volume = a_volume(spacing=np.array([0.2, 0.25, 0.35]))
    surface = surface_of(sphere(places(volume)) < 0, volume)
    assert np.abs(sphere(surface.vertices - CENTRE)).mean() < 0.03
    mirrored = Volume(volume.values, np.diag([-1, 1, 1, 1]) @ volume.T_world_voxel)
    found = measured(surface_of(sphere(places(mirrored)) < 0, mirrored))
    assert found.volume_mm3 == pytest.approx(4 / 3 * np.pi * 125, rel=0.01)
    assert found.watertight


@pytest.mark.parametrize("far", [0.4, 0.8])
def test_slices_far_apart_are_filled_in(far: float) -> None:
    volume = a_volume(spacing=np.array([0.2, 0.2, far]))
    surface = surface_of(sphere(places(volume)) < 0, volume)
    away = sphere(surface.vertices - CENTRE)
    # Stairs of a voxel's height would have a deviation of far / sqrt(12).
    assert np.abs(away.mean()) < 0.02
    assert away.std() < 0.05 * far


def test_what_touches_the_border_is_closed_there() -> None:
    volume = a_volume(32)
    half = places(volume)[..., 0] < 0.0
    for surface in (
        surface_of(half, volume),
        surface_of(-places(volume)[..., 0], volume, level=0.0),
    ):
        assert measured(surface).watertight
        assert measured(surface).euler_characteristic == 2
    assert measured(surface_of(half, volume)).volume_mm3 == pytest.approx(
        half.sum() * SPACING**3, rel=0.01
    )


def test_the_largest_part_is_kept_without_its_holes_or_all_parts_with_them() -> None:
    volume = a_volume(40, 0.32)
    points = places(volume)
    shell = np.abs(np.linalg.norm(points, axis=-1) - 4.0) < 0.8
    crumb = np.linalg.norm(points - [5, 5, 5], axis=-1) < 0.7
    whole = measured(surface_of(shell | crumb, volume))
    assert whole.parts == 1
    assert whole.volume_mm3 == pytest.approx(4 / 3 * np.pi * 4.8**3, rel=0.02)
    every = measured(surface_of(shell | crumb, volume, keep="all"))
    assert every.parts == 3
    assert every.euler_characteristic == 6
    hollow = 4 / 3 * np.pi * (4.8**3 - 3.2**3 + 0.7**3)
    assert every.volume_mm3 == pytest.approx(hollow, rel=0.02)
    assert measured(surface_of(shell | crumb, volume, keep="all", smallest_mm3=10)).parts == 2


def test_smoothing_keeps_the_volume_and_takes_noise_away() -> None:
    volume = a_volume(48)
    surface = surface_of(sphere(places(volume)) < -1.5, volume, smoothing=0)
    rng = np.random.default_rng(3)
    rough = Surface(surface.vertices + rng.normal(0, 0.03, surface.vertices.shape), surface.faces)
    smooth = smoothed(rough, 20)
    away = [np.linalg.norm(s.vertices - CENTRE, axis=1) - 3.5 for s in (rough, smooth)]
    assert away[1].std() < 0.5 * away[0].std()
    assert measured(smooth).volume_mm3 == pytest.approx(measured(rough).volume_mm3, rel=1e-3)


@settings(max_examples=8)
@given(st.integers(0, 10**6), st.sampled_from([0.15, 0.3, 0.5]), st.sampled_from([0.0, 0.6]))
def test_any_mask_gives_closed_surfaces(seed: int, part: float, blur: float) -> None:
    volume = a_volume(9)
    mask = np.random.default_rng(seed).random(volume.values.shape) < part
    mask[4, 4, 4] = True
    for keep in ("largest", "all"):
        for faces in (None, 60):
            surface = surface_of(mask, volume, keep=keep, blur_voxels=blur, faces=faces)
            found = measured(surface)
            assert found.watertight
            assert found.volume_mm3 > 0
            assert len(np.unique(surface.faces)) == len(surface.vertices)


def test_sheets_that_touch_are_taken_apart() -> None:
    # Two tetrahedra that share an edge, and two that share a vertex.
    one = np.array([[0, 2, 1], [0, 1, 3], [1, 2, 3], [2, 0, 3]])
    points = np.random.default_rng(0).normal(size=(9, 3))
    other = one.copy()
    for shared, vertices in (([0, 1], 8), ([2], 8)):
        names = np.array([*shared, *range(4, 8)])[:4]
        faces = np.concatenate([one, names[other]])
        closed = closed_parts(Surface(points, faces))
        assert len(closed.vertices) == vertices
        assert measured(closed).watertight
        assert measured(closed).parts == 2


def test_a_surface_with_a_hole_is_refused() -> None:
    with pytest.raises(ModelError, match="holes"):
        closed_parts(Surface(np.eye(4)[:, :3], np.array([[0, 2, 1], [0, 1, 3], [1, 2, 3]])))


def test_fields_without_a_surface_are_told() -> None:
    volume = a_volume(8)
    empty = np.zeros(volume.values.shape)
    with pytest.raises(InputError, match="nothing lies inside"):
        surface_of(empty > 0, volume)
    with pytest.raises(InputError, match="nothing lies inside"):
        surface_of(empty, volume, level=1.0)
    with pytest.raises(InputError, match="needs the level"):
        surface_of(empty, volume)
    with pytest.raises(InputError, match="must be equal"):
        surface_of(empty[1:] > 0, volume)
    empty[2, 2, 2], empty[2, 2, 3] = 3.0, np.nan
    with pytest.raises(InputError, match="no numbers"):
        surface_of(empty, volume, level=1.0)
    with pytest.raises(InputError, match="4 or more"):
        surface_of(sphere(places(volume)) < 0, volume, faces=2)
    empty[2, 2, 3] = 0
    with pytest.raises(InputError, match="no part"):
        surface_of(empty > 0, volume, keep="all", smallest_mm3=1.0)
    assert measured(surface_of(empty > 0, volume)).volume_mm3 > 0  # one voxel is a mask, too


def test_real_thin_bone_gives_a_closed_surface_with_few_folds(shared_data) -> None:
    scan = pytest.importorskip("mousepose.ct.scans.scan")
    pytest.importorskip("nibabel", reason="reading NIfTI needs nibabel")
    path = sorted(shared_data("skull_ct").glob("volumes/*.nii.gz"))[0]
    whole = scan.load_scan(path)
    part = Volume(whole.values[50:110, 50:110, 40:100], whole.T_world_voxel)
    found = measured(surface_of(part.values, part, level=60.0, faces=5000))
    assert found.watertight
    assert found.median_minimum_angle > 35
    assert found.self_intersections < 0.005 * found.faces
