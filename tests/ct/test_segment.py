"""The animal and its bones in a scan: against a phantom's truth, and what is no mouse at all."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

pytest.importorskip("skimage", reason="the extra ct is not installed")

from ct.phantoms import coarse_phantom, coarse_segmentation
from mousepose.ct.anatomy.anatomy_solids import Lattice
from mousepose.ct.phantoms.phantom import reoriented
from mousepose.ct.phantoms.phantom_faults import faulty
from mousepose.ct.segmentation.segment import segment
from mousepose.ct.segmentation.segment_levels import air_and_tissue, bone_threshold, otsu
from mousepose.ct.segmentation.segment_types import Segmentation
from mousepose.ct.types import Volume
from mousepose.errors import InputError


def codes(found: Segmentation, severity: str) -> set[str]:
    return {note.code for note in found.notes if note.severity == severity}


def shell(radius: float, thick: float, spacing: float = 0.5) -> np.ndarray:
    axis = np.arange(-20, 20.01, spacing)
    gap = np.sqrt(sum(a**2 for a in np.meshgrid(axis, axis, axis, indexing="ij")))
    return np.asarray(np.abs(gap - radius) < thick)


def test_levels_part_two_classes_wherever_they_lie() -> None:
    rng = np.random.default_rng(0)
    air, tissue = rng.normal(-1000, 30, 9000), rng.normal(40, 40, 900)
    values = np.r_[air, tissue].astype(np.float32)
    assert -900 < otsu(values) < -100
    found = air_and_tissue(values, hounsfield=True)
    np.testing.assert_allclose(found, [-1000, 40], atol=8)
    scaled = air_and_tissue((values * 0.04 + 55).astype(np.float32), hounsfield=False)
    np.testing.assert_allclose(scaled, [15, 56.6], atol=0.5)
    with_bone = np.r_[tissue, rng.normal(1500, 100, 60)].astype(np.float32)
    assert bone_threshold(with_bone, -1000, 40) == pytest.approx(770, abs=30)


def test_body_and_bone_of_a_phantom_are_its_own() -> None:
    phantom, found = coarse_phantom(), coarse_segmentation()
    assert found.verdict == "good", found.notes
    volume = found.volume
    lattice = Lattice(volume.T_world_voxel[:3, 3], volume.spacing, volume.values.shape)
    truth = phantom.anatomy.skin_field(lattice) < 0
    overlap = 2 * (truth & found.body).sum() / (truth.sum() + found.body.sum())
    assert overlap > 0.97
    bone = phantom.anatomy.bone_field(lattice)
    assert (bone[found.bone] < 0.5).mean() > 0.95  # within a voxel
    assert found.bone[bone < -0.3].mean() > 0.95
    names = phantom.body.skeleton.joint_names
    neck, nose = (phantom.joints[names.index(name)] for name in ("NECK", "NOSE"))
    assert found.braincase is not None
    assert np.linalg.norm(found.braincase - (neck + 0.27 * (nose - neck))) < 4
    assert found.headward[2] > 0.9
    assert found.ventral[1] > 0.9


@pytest.mark.parametrize(
    ("fault", "code"),
    [
        ("empty", "empty"),
        ("two animals", "two animals"),
        ("hind half", "no skull"),
        ("front half", "cut"),
        ("wrong spacing", "size"),
        ("something else", "no bone"),
    ],
)
def test_what_no_body_can_be_built_from_is_told(fault: str, code: str) -> None:
    found = segment(faulty(coarse_phantom().volume, fault))  # type: ignore[arg-type]
    assert found.verdict == "unusable"
    assert code in codes(found, "unusable")
    with pytest.raises(InputError, match="cannot be used"):
        found.require_usable()


def test_a_turned_animal_is_followed_and_told() -> None:
    volume = coarse_phantom().volume
    around = replace(volume, values=np.ascontiguousarray(volume.values[:, ::-1, ::-1]))
    told: list[float] = []
    found = segment(around, progress=lambda what, share: told.append(share))
    assert told == sorted(told)
    assert told[-1] == 1.0
    assert found.headward[2] < -0.9
    assert found.ventral[1] < -0.9
    assert {"turned head", "turned belly"} <= codes(found, "doubtful")
    np.testing.assert_allclose(found.body_ml, coarse_segmentation().body_ml, rtol=0.02)


def test_the_order_of_the_axes_does_not_matter() -> None:
    found = segment(reoriented(coarse_phantom().volume, "LPS"))
    np.testing.assert_allclose(found.headward, coarse_segmentation().headward, atol=0.05)
    np.testing.assert_allclose(found.ventral, coarse_segmentation().ventral, atol=0.05)
    np.testing.assert_allclose(found.body_ml, coarse_segmentation().body_ml, rtol=0.02)


def test_a_ball_in_a_shell_is_no_mouse() -> None:
    values = np.full((81, 81, 81), -1000, dtype=np.int16)
    axis = np.arange(81) - 40
    gap = np.sqrt(sum(a**2 for a in np.meshgrid(axis, axis, axis, indexing="ij"))) * 0.5
    values[gap < 14] = 30
    values[shell(10.0, 2.5)] = 1200
    found = segment(Volume(values, np.diag([0.5, 0.5, 0.5, 1.0])))
    assert "much bone" in codes(found, "unusable")


def test_a_scan_without_any_number_is_refused() -> None:
    values = np.full((4, 4, 4), np.nan, dtype=np.float32)
    with pytest.raises(InputError, match="no value is finite"):
        segment(Volume(values, np.eye(4)))
    constant = segment(Volume(np.zeros((6, 6, 6), dtype=np.int16), np.eye(4)))
    assert codes(constant, "unusable") == {"empty"}


def test_a_real_mouse_is_found_in_its_scan(shared_data: Callable[[str], Path]) -> None:
    path = shared_data("mouse_pose_dataset_samples/ct_slices_41_intensity.npz")
    with np.load(path) as data:
        spacing = data["spacing_mm"]
        volume = Volume(data["intensity"], np.diag([*spacing, 1.0]), hounsfield=False)
    found = segment(volume)
    assert found.verdict == "doubtful"  # the scan cuts a hind paw
    assert 19 < found.body_ml < 23
    assert 0.02 < found.bone_ml / found.body_ml < 0.08
    assert not found.body[:, 250:].any()  # the bed
    assert found.headward[2] > 0.9
    assert found.ventral[1] > 0.9
