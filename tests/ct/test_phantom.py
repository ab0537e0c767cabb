"""Scans of mice that never lived: the volume shows what the truth says."""

from __future__ import annotations

from dataclasses import replace
from functools import cache

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from mousepose.body.default import default_body
from mousepose.ct.anatomy.anatomy_solids import Lattice
from mousepose.ct.phantoms.phantom import Phantom, make_phantom, reoriented
from mousepose.ct.phantoms.phantom_bed import LYING, Bed
from mousepose.ct.phantoms.phantom_faults import FAULTS, faulty
from mousepose.ct.types import Surface, Volume
from mousepose.errors import InputError

pytest.importorskip("skimage", reason="the extra ct makes true surfaces with it")

BODY = default_body()
NAMES = BODY.skeleton.joint_names
VOXEL = 0.6


@cache
def phantom(seed: int = 11) -> Phantom:
    return make_phantom(seed, voxel_mm=VOXEL)


@cache
def bare(seed: int = 11) -> Phantom:
    """The same animal alone, sharp and without noise."""
    return make_phantom(
        seed, voxel_mm=VOXEL, bed=False, nose_cone=False, noise_hu=0, blur_mm=0, cupping_hu=0
    )


def value_at(volume: Volume, points: np.ndarray) -> np.ndarray:
    at = np.rint(volume.to_voxel(points)).astype(int)
    return np.asarray(volume.values[tuple(at.T)])


def enclosed(surface: Surface) -> float:
    a, b, c = surface.vertices[surface.faces].transpose(1, 0, 2)
    return float((a * np.cross(b, c)).sum() / 6)


def closed(faces: np.ndarray) -> bool:
    """Every edge is passed as often in one direction as in the other."""
    there = np.stack([faces.ravel(), np.roll(faces, -1, axis=1).ravel()], axis=1)
    back = there[:, ::-1]
    return np.array_equal(there[np.lexsort(there.T)], back[np.lexsort(back.T)])


def test_same_seed_same_bytes_and_another_seed_another_mouse() -> None:
    first = make_phantom(3, voxel_mm=0.8, ear_tag=True, tubes=True)
    again = make_phantom(3, voxel_mm=0.8, ear_tag=True, tubes=True)
    other = make_phantom(4, voxel_mm=0.8)
    assert first.volume.values.tobytes() == again.volume.values.tobytes()
    assert np.array_equal(first.joints, again.joints)
    assert not np.allclose(first.bone_lengths, other.bone_lengths)


def test_the_truth_fits_together() -> None:
    truth = phantom()
    assert np.allclose(truth.joints, BODY.joints(truth.pose))
    parents = np.array(BODY.skeleton.parents)
    way = np.linalg.norm(truth.joints[1:] - truth.joints[parents[1:]], axis=1)
    assert np.allclose(truth.bone_lengths[1:], way)
    low, high = BODY.limits[..., 0], BODY.limits[..., 1]
    turned = truth.pose.joint_rotation
    assert ((turned >= low) & (turned <= high)).all()
    assert truth.volume.values.dtype == np.int16
    assert truth.volume.hounsfield


def test_world_axes_are_those_of_the_animal() -> None:
    joints = dict(zip(NAMES, phantom().joints, strict=True))
    assert joints["NOSE"][2] > joints["ROOT_TAIL"][2] + 50  # superior: the nose
    assert joints["RIGHT_HIP"][0] > joints["LEFT_HIP"][0] + 5  # right
    middle = 0.5 * (joints["LEFT_KNEE"] + joints["RIGHT_KNEE"])
    assert middle[1] > joints["SPINE_HIP"][1]  # anterior: ventral


@pytest.mark.parametrize("seed", [11, 12])
def test_the_volume_shows_the_true_skin_and_bones(seed: int) -> None:
    alone = bare(seed)
    tissue = (alone.volume.values > -500).sum() * VOXEL**3
    lungs_and_gas = enclosed_air(alone)
    assert tissue + lungs_and_gas == pytest.approx(enclosed(alone.skin_surface(0.3)), rel=0.03)
    at_joints = value_at(alone.volume, alone.joints)
    big = [NAMES.index(f"{side}_{name}") for side in ("LEFT", "RIGHT") for name in ("HIP", "KNEE")]
    assert (at_joints[big] > 250).all()
    # Bones are too thin for a threshold at this voxel size: the light they stop is what is known.
    bone = np.maximum(alone.volume.values.astype(float) - 100, 0).sum() * VOXEL**3
    assert 0.4 < bone / enclosed(alone.skeleton_surface(0.25)) / 1600 < 1.2


def enclosed_air(alone: Phantom) -> float:
    """Air in the body, mm^3: holes of what is tissue."""
    tissue = alone.volume.values > -500
    return float((ndimage.binary_fill_holes(tissue) & ~tissue).sum()) * VOXEL**3


def test_tissues_are_what_they_are_in_hounsfield_units() -> None:
    alone = bare()
    spine, lattice = alone.anatomy.spine, alone.anatomy.box
    assert value_at(alone.volume, lattice[0][None])[0] == -1000
    lung = spine.at(np.array([1.5])).point(np.array([[0.0, 3.3, -5.8]]))
    assert value_at(alone.volume, lung)[0] == -600
    skin = alone.anatomy.skin_distance
    points = np.random.default_rng(0).uniform(*lattice, (15000, 3))
    deep = points[skin(points) < -2.5]
    values = value_at(alone.volume, deep)
    assert np.median(values) == 40


def test_the_bed_carries_the_animal() -> None:
    for lying in LYING:
        scan = make_phantom(5, voxel_mm=0.8, lying=lying, nose_cone=False)  # type: ignore[arg-type]
        down = np.array(LYING[lying])
        front = int(scan.volume.to_voxel(scan.joints[NAMES.index("ROOT_TAIL")])[2]) + 1
        seen = np.argwhere(scan.volume.values[..., front:] > -400)[:, :2] @ down
        inside = scan.anatomy.skin_field(lattice_of(scan.volume))[..., front:] < 0
        assert seen.max() > (np.argwhere(inside)[:, :2] @ down).max()


def lattice_of(volume: Volume) -> Lattice:
    x, y, z = volume.values.shape
    return Lattice(volume.T_world_voxel[:3, 3], volume.spacing, (x, y, z))


@given(st.integers(0, 2**32 - 1), st.sampled_from(sorted(LYING)), st.floats(1.05, 1.6))
def test_no_point_is_in_the_bed_and_one_touches_it(seed: int, lying: str, room: float) -> None:
    points = np.random.default_rng(seed).normal(0.0, (8.0, 6.0, 30.0), (50, 3))
    bed = Bed.under(points, lying, room)
    away = points[:, :2] - bed.centre
    below = away @ np.array(bed.down) > 0
    gap = bed.radius - np.linalg.norm(away[below], axis=1)
    assert gap.min() > 0
    assert gap.min() < 0.3


@pytest.mark.parametrize("letters", ["RAS", "LPS", "ASR", "ILP"])
def test_orientation_changes_the_file_not_the_world(letters: str) -> None:
    volume = phantom().volume
    turned = reoriented(volume, letters)
    points = phantom().joints[:8]
    assert np.array_equal(value_at(volume, points), value_at(turned, points))
    direction = {"R": 0, "L": 0, "A": 1, "P": 1, "S": 2, "I": 2}
    for axis, letter in enumerate(letters):
        step = turned.T_world_voxel[direction[letter], axis]
        assert (step > 0) == (letter in "RAS")


@pytest.mark.parametrize("letters", ["RA", "RRS", "XYZ", "RLS", "RASS"])
def test_an_orientation_that_is_none(letters: str) -> None:
    with pytest.raises(InputError, match="RAS or LPS"):
        reoriented(phantom().volume, letters)


def test_cut_fields_of_view() -> None:
    whole = phantom().volume
    tail = make_phantom(11, voxel_mm=VOXEL, shown="no tail").volume
    nose = make_phantom(11, voxel_mm=VOXEL, shown="no tail, no nose").volume
    assert whole.values.shape[2] > tail.values.shape[2] > nose.values.shape[2]
    tip = phantom().joints[NAMES.index("NOSE"), 2]
    assert nose.to_world([[0, 0, nose.values.shape[2] - 1]])[0, 2] < tip


def test_a_metal_tag_throws_streaks() -> None:
    with_tag = make_phantom(11, voxel_mm=VOXEL, ear_tag=True).volume
    assert with_tag.values.max() == 3071
    assert phantom().volume.values.max() < 3000


def test_noise_has_the_sd_asked_for() -> None:
    corner = phantom().volume.values[:6, :6].astype(float)
    scan = make_phantom(11, voxel_mm=VOXEL, noise_hu=15, bed=False, nose_cone=False)
    quiet = scan.volume.values[:6, :6].astype(float)
    assert quiet.std() == pytest.approx(15, rel=0.1)
    assert corner.std() > 1.3 * quiet.std()  # cut at -1024


def test_surfaces_are_closed_and_counted_from_outside() -> None:
    scan = phantom()
    skin, bones = scan.skin_surface(0.4), scan.skeleton_surface(0.4)
    for surface, low, high in ((skin, 1.5e4, 4e4), (bones, 500, 1500)):
        assert closed(surface.faces)
        assert low < enclosed(surface) < high
    away = scan.anatomy.skin_distance(skin.vertices[::20])
    assert np.median(np.abs(away)) < 0.01
    assert np.quantile(np.abs(away), 0.99) < 0.1


@pytest.mark.parametrize("fault", FAULTS)
def test_faults(fault: str) -> None:
    good = make_phantom(1, voxel_mm=0.8).volume
    bad = faulty(good, fault)  # type: ignore[arg-type]
    assert fault in bad.name
    assert bad.values.dtype == np.int16
    same = bad.values.shape == good.values.shape and np.array_equal(bad.values, good.values)
    assert not (same and np.array_equal(bad.T_world_voxel, good.T_world_voxel))
    if fault == "front half":
        corner = np.array(good.values.shape) - 1
        last = np.array(bad.values.shape) - 1
        assert np.allclose(good.to_world(corner), bad.to_world(last))


@pytest.mark.parametrize(
    ("options", "told"),
    [
        ({"voxel_mm": 0.0}, "voxel_mm"),
        ({"voxel_mm": (0.2, 0.2)}, "x, y and z"),
        ({"voxel_mm": float("nan")}, "voxel_mm"),
        ({"lying": "standing"}, "prone"),
        ({"shown": "ears"}, "no tail"),
    ],
)
def test_options_that_make_no_scan(options: dict[str, object], told: str) -> None:
    with pytest.raises(InputError, match=told):
        make_phantom(1, **options)  # type: ignore[arg-type]


def test_a_seed_and_a_fault_that_are_none() -> None:
    with pytest.raises(InputError, match="seed"):
        make_phantom(-1)
    with pytest.raises(InputError, match="two animals"):
        faulty(phantom().volume, "haunted")  # type: ignore[arg-type]


def test_a_body_of_its_own() -> None:
    large = replace(BODY, rest=BODY.rest * 1.2)
    scan = make_phantom(2, voxel_mm=1.0, body=large)
    usual = make_phantom(2, voxel_mm=1.0)
    assert np.allclose(scan.bone_lengths, 1.2 * usual.bone_lengths)
    assert enclosed(scan.skin_surface(0.8)) > 1.6 * enclosed(usual.skin_surface(0.8))
