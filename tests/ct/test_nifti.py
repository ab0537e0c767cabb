"""NIfTI scans of every kind of header."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ct.scans import SHAPE, SPACING, assert_placed, coded
from mousepose.ct.scans.scan import load_scan, open_scan
from mousepose.errors import FileError

nibabel = pytest.importorskip("nibabel", reason="reading NIfTI needs nibabel")


def matrix(axes: str = "LPS") -> np.ndarray:
    """The matrix (4, 4) of a file whose own axes run along `axes`."""
    T = np.eye(4)
    T[:3, :3] = np.diag([SPACING * (1 if letter in "RAS" else -1) for letter in axes])
    T[:3, 3] = -T[:3, :3] @ [5, 6, 7]
    return T


@pytest.mark.parametrize("kind", [nibabel.Nifti1Image, nibabel.Nifti2Image])
@pytest.mark.parametrize("axes", ["RAS", "LPS", "LAI"])
def test_both_versions_are_placed(tmp_path: Path, kind: type, axes: str) -> None:
    T = matrix(axes)
    nibabel.save(kind(coded(T, SHAPE[::-1]), T), tmp_path / "a.nii.gz")
    assert_placed(load_scan(tmp_path / "a.nii.gz"))


def test_big_endian_and_other_units(tmp_path: Path) -> None:
    T = matrix()
    header = nibabel.Nifti1Header(endianness=">")
    header.set_xyzt_units("micron")
    scaled = np.diag([1000, 1000, 1000, 1]) @ T
    image = nibabel.Nifti1Image(coded(T, SHAPE[::-1]), scaled, header)
    image.header.set_xyzt_units("micron")
    nibabel.save(image, tmp_path / "a.nii")
    assert_placed(load_scan(tmp_path / "a.nii"))


def test_the_rescale_of_the_header_is_applied(tmp_path: Path) -> None:
    values = np.arange(np.prod(SHAPE), dtype=np.int16).reshape(SHAPE)
    image = nibabel.Nifti1Image(values, np.diag([0.1, 0.1, 0.1, 1]))
    image.header.set_slope_inter(2, -1000)
    nibabel.save(image, tmp_path / "a.nii")
    data = bytearray((tmp_path / "a.nii").read_bytes())
    data[112:120] = np.array([2, -1000], "<f4").tobytes()
    (tmp_path / "a.nii").write_bytes(data)
    stored = nibabel.load(tmp_path / "a.nii").get_fdata()
    np.testing.assert_array_equal(load_scan(tmp_path / "a.nii").values, stored)


def test_no_orientation_is_taken_as_axial_and_said(tmp_path: Path) -> None:
    image = nibabel.Nifti1Image(coded(matrix(), SHAPE[::-1]), None)
    image.header.set_zooms([SPACING] * 3)
    nibabel.save(image, tmp_path / "a.nii")
    assert any("no orientation" in note for note in open_scan(tmp_path / "a.nii").notes)
    assert any("no unit" in note for note in open_scan(tmp_path / "a.nii").notes)


def test_missing_numbers_become_the_lowest(tmp_path: Path) -> None:
    values = np.arange(np.prod(SHAPE), dtype=np.float32).reshape(SHAPE) + 5
    values[3, :2] = np.nan
    values[4] = np.inf
    nibabel.save(nibabel.Nifti1Image(values, np.diag([0.1, 0.1, 0.1, 1])), tmp_path / "a.nii")
    loaded = load_scan(tmp_path / "a.nii").values
    assert np.isfinite(loaded).all()
    assert loaded.min() == 5


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.zeros((4, 5, 6, 3), np.int16), "3 axes"),
        (np.zeros((4, 5), np.int16), "3 axes"),
        (np.zeros((4, 5, 6), np.complex64), "complex"),
        (np.zeros((4, 5, 6), [("R", "u1"), ("G", "u1"), ("B", "u1")]), "colours"),
        (np.full((4, 5, 6), np.nan, np.float32), "no voxel holds a number"),
        (np.ones((4, 5, 6), np.int16), "empty"),
        (np.ones((4, 5, 1), np.int16), "single image"),
    ],
)
def test_other_contents_are_told(tmp_path: Path, values: np.ndarray, message: str) -> None:
    nibabel.save(nibabel.Nifti1Image(values, np.diag([0.1, 0.1, 0.1, 1])), tmp_path / "a.nii")
    with pytest.raises(FileError, match=message):
        load_scan(tmp_path / "a.nii")


@pytest.mark.parametrize("name", ["a.nii", "a.nii.gz"])
def test_sizes_that_the_file_cannot_hold_are_told_before_anything_is_made(
    tmp_path: Path, name: str
) -> None:
    image = nibabel.Nifti1Image(np.zeros((4, 5, 6), np.int16), np.diag([0.1, 0.1, 0.1, 1]))
    image.header.set_data_dtype(np.int16)
    for sides in ((1600, 1600, 1600), (32000, 32000, 32000)):
        image.to_filename(tmp_path / "b.nii")
        data = bytearray((tmp_path / "b.nii").read_bytes())
        data[42:48] = np.array(sides, "<i2").tobytes()
        import gzip

        packed = gzip.compress(bytes(data)) if name.endswith("gz") else bytes(data)
        (tmp_path / name).write_bytes(packed)
        with pytest.raises(FileError, match=r"cannot hold|claims"):
            load_scan(tmp_path / name)
