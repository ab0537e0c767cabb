"""One door for all formats: told by content, down-sampled on the way, written and read again."""

from __future__ import annotations

import tracemalloc
from pathlib import Path

import numpy as np
import pytest
from numpy.typing import NDArray

from ct.scans import SHAPE, SPACING, assert_placed, axial, coded, pydicom, tags_of, write_whole
from mousepose.ct.scans.orient import matrix_of_axes, ras_order, reordered
from mousepose.ct.scans.scan import load_scan, open_scan
from mousepose.ct.scans.scan_errors import library
from mousepose.ct.scans.write import write_nifti
from mousepose.ct.scans.write_dicom import write_dicom
from mousepose.ct.types import Volume
from mousepose.errors import FileError, InputError

pytest.importorskip("nibabel", reason="writing NIfTI needs nibabel")


def a_volume(
    values: NDArray[np.int16] | NDArray[np.float32], turn: float = 0.0, name: str = "M19"
) -> Volume:
    """A volume whose axes are turned by `turn` rad about x, with another spacing along each."""
    c, s = np.cos(turn), np.sin(turn)
    T = np.eye(4)
    T[:3, :3] = np.array([[1, 0, 0], [0, c, -s], [0, s, c]]) @ np.diag([0.1, 0.0913, 0.2])
    T[:3, 3] = [-3, 4, 5.5]
    return Volume(values, T, name=name)


def noise(kind: type = np.int16) -> NDArray[np.int16]:
    return np.random.default_rng(1).integers(-1024, 3000, (12, 14, 10)).astype(kind)


@pytest.mark.parametrize("turn", [0.0, 0.2])
@pytest.mark.parametrize("name", ["M19.dcm", "M19.nii", "M19.nii.gz"])
def test_what_is_written_is_read_again(tmp_path: Path, name: str, turn: float) -> None:
    volume = a_volume(noise(), turn)
    (write_dicom if name.endswith("dcm") else write_nifti)(volume, tmp_path / name)
    again = load_scan(tmp_path / name)
    np.testing.assert_array_equal(again.values, volume.values)
    np.testing.assert_allclose(again.T_world_voxel, volume.T_world_voxel, atol=2e-6)
    assert again.values.dtype == np.int16
    assert again.hounsfield
    assert again.name == "M19"


@pytest.mark.parametrize("write", [write_dicom, write_nifti])
def test_fractions_come_back_as_near_as_the_format_allows(tmp_path: Path, write) -> None:
    volume = a_volume(noise(np.float32) / np.float32(7))
    path = tmp_path / ("a.dcm" if write is write_dicom else "a.nii")
    write(volume, path)
    again = load_scan(path)
    assert again.values.dtype == np.float32
    step = np.ptp(volume.values) / 65534
    np.testing.assert_allclose(again.values, volume.values, atol=0.51 * step)


def test_the_same_volume_makes_the_same_file(tmp_path: Path) -> None:
    for number in (1, 2):
        write_dicom(a_volume(noise()), tmp_path / f"{number}.dcm")
        write_nifti(a_volume(noise()), tmp_path / f"{number}.nii.gz")
    assert (tmp_path / "1.dcm").read_bytes() == (tmp_path / "2.dcm").read_bytes()
    assert (tmp_path / "1.nii.gz").read_bytes() == (tmp_path / "2.nii.gz").read_bytes()


def test_a_written_file_has_the_layout_of_the_dataset(tmp_path: Path) -> None:
    volume = a_volume(noise())
    write_dicom(volume, tmp_path / "a.dcm")
    tags = pydicom.dcmread(tmp_path / "a.dcm")
    assert tags.pixel_array.shape == volume.values.shape[::-1]
    # Columns run to the left: the middle plane is [:, :, half].
    np.testing.assert_array_equal(tags.pixel_array[:, :, 6], volume.values[5, ::-1, :].T)
    assert [float(x) for x in tags.PixelSpacing] == [0.0913, 0.1]


@pytest.mark.parametrize("axes", [[-1, 0, 0, 0, -1, 0, 0, 0, 1], [0, 0, 1, 0, -1, 0, -1, 0, 0]])
def test_a_volume_of_any_axes_is_written_in_the_layout_of_the_dataset(
    tmp_path: Path, axes: list[int]
) -> None:
    T = np.eye(4)
    T[:3, :3] = np.reshape(axes, (3, 3)) * SPACING
    for mirror in (1, -1):
        T[:, 1] *= mirror
        write_dicom(Volume(coded(T, SHAPE), T), tmp_path / "a.dcm")
        assert_placed(load_scan(tmp_path / "a.dcm"))
        tags = pydicom.dcmread(tmp_path / "a.dcm")
        assert [float(x) for x in tags.ImageOrientationPatient] == [1, 0, 0, 0, 1, 0]


def test_a_sheared_volume_is_not_written_as_dicom(tmp_path: Path) -> None:
    T = a_volume(noise()).T_world_voxel.copy()
    T[0, 1] = 0.02
    with pytest.raises(InputError, match="right angles"):
        write_dicom(Volume(noise(), T), tmp_path / "a.dcm")
    assert not list(tmp_path.iterdir())


def test_the_ending_of_a_name_means_nothing_to_the_reader(tmp_path: Path) -> None:
    write_nifti(a_volume(noise()), tmp_path / "a.nii.gz")
    (tmp_path / "a.nii.gz").rename(tmp_path / "scan.dcm")
    assert open_scan(tmp_path / "scan.dcm").kind == "NIfTI"
    assert open_scan(write_whole(tmp_path / "scan.tif")).kind == "DICOM"


@pytest.mark.parametrize("axes", ["SPL", "LAS", "IRP", "RSA"])
def test_axes_given_by_hand_place_the_volume(tmp_path: Path, axes: str) -> None:
    T = matrix_of_axes(axes, [SPACING] * 3, SHAPE)
    T[:3, 3] = np.rint(T[:3, 3] / SPACING) * SPACING
    volume = load_scan(write_whole(tmp_path / "a.dcm", coded(T, SHAPE)), axes=axes)
    middle = volume.to_world((np.array(volume.values.shape) - 1) / 2)
    np.testing.assert_allclose(middle, 0, atol=1e-9)
    shift = np.eye(4)
    shift[:3, 3] = T[:3, 3] - matrix_of_axes(axes, [SPACING] * 3, SHAPE)[:3, 3]
    assert_placed(Volume(volume.values, shift @ volume.T_world_voxel))


@pytest.mark.parametrize("axes", ["SPS", "XYZ", "SP", ""])
def test_axes_that_are_none_are_told(tmp_path: Path, axes: str) -> None:
    with pytest.raises(InputError, match="three letters"):
        open_scan(write_whole(tmp_path / "a.dcm"), axes=axes)


def test_reordering_moves_no_voxel() -> None:
    rng = np.random.default_rng(2)
    for _ in range(20):
        q, _ = np.linalg.qr(rng.normal(size=(3, 3)))
        T = np.eye(4)
        T[:3, :3], T[:3, 3] = q * rng.uniform(0.1, 1, 3), rng.normal(size=3)
        values = rng.integers(0, 9999, (3, 4, 5))
        order, turned = ras_order(T)
        assert sorted(order) == [0, 1, 2]
        moved = values.transpose(order)[tuple(slice(None, None, -1 if t else 1) for t in turned)]
        T_moved = reordered(T, values.shape, order, turned)
        for voxel in np.ndindex(moved.shape):
            index = np.linalg.solve(T, T_moved @ [*voxel, 1])[:3]
            assert values[tuple(np.rint(index).astype(int))] == moved[voxel]


@pytest.mark.parametrize("voxel_mm", [0.2, 0.27, 0.05])
def test_down_sampling_is_the_mean_of_blocks_at_their_middle(
    tmp_path: Path, voxel_mm: float
) -> None:
    # A field that is linear in place has its block means at the blocks' middles.
    T = axial()
    indices = np.moveaxis(np.indices(SHAPE), 0, -1)
    places = indices @ T[:3, :3].T + T[:3, 3]
    values = np.rint(places @ [3000, 500, -2000]).astype(np.int16)
    volume = load_scan(write_whole(tmp_path / "a.dcm", values), voxel_mm=voxel_mm)
    factor = max(round(voxel_mm / SPACING), 1)
    np.testing.assert_allclose(volume.spacing, factor * SPACING)
    assert volume.values.shape == tuple(side // factor for side in SHAPE[::-1])
    assert volume.values.dtype == np.int16
    middles = volume.to_world(np.moveaxis(np.indices(volume.values.shape), 0, -1))
    np.testing.assert_allclose(volume.values, middles @ [3000, 500, -2000], atol=1.01)


def test_down_sampled_masks_keep_their_fractions(tmp_path: Path) -> None:
    mask = (noise() > 0).astype(np.uint8)
    volume = load_scan(write_whole(tmp_path / "a.dcm", mask), voxel_mm=2 * SPACING)
    assert volume.values.dtype == np.float32
    np.testing.assert_allclose(volume.values.mean(), mask.mean(), rtol=1e-6)


@pytest.mark.parametrize("voxel_mm", [0, -1, np.nan, 5.0])
def test_voxel_sizes_that_are_none_are_told(tmp_path: Path, voxel_mm: float) -> None:
    with pytest.raises(InputError, match="voxel_mm"):
        load_scan(write_whole(tmp_path / "a.dcm"), voxel_mm=voxel_mm)


def test_progress_counts_slices(tmp_path: Path) -> None:
    told: list[tuple[str, int, int]] = []
    load_scan(write_whole(tmp_path / "a.dcm"), progress=lambda *of: told.append(of))
    assert [done for _, done, _ in told] == list(range(1, SHAPE[0] + 1))
    assert {(stage, total) for stage, _, total in told} == {("reading the scan", SHAPE[0])}


@pytest.mark.parametrize("voxel_mm", [None, 2 * SPACING])
def test_only_the_result_is_ever_in_memory(tmp_path: Path, voxel_mm: float | None) -> None:
    values = np.random.default_rng(0).integers(0, 99, (128, 160, 160)).astype(np.int16)
    path = write_whole(tmp_path / "a.dcm", values)
    load_scan(path, voxel_mm=voxel_mm)  # libraries load now
    tracemalloc.start()
    volume = load_scan(path, voxel_mm=voxel_mm)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < volume.values.nbytes + 0.35 * values.nbytes


def test_hounsfield_is_what_the_file_says_or_what_air_tells(tmp_path: Path) -> None:
    grey = coded(axial(), SHAPE) - coded(axial(), SHAPE).min()
    for changes, expected in (
        ({"RescaleType": "HU"}, True),
        ({"RescaleType": "US", "RescaleIntercept": -1024}, False),
        ({"RescaleIntercept": -1024}, True),
        ({}, False),
    ):
        path = write_whole(tmp_path / "a.dcm", grey, **changes)
        assert load_scan(path).hounsfield is expected


def test_a_missing_library_is_named() -> None:
    with pytest.raises(InputError, match=r"reading X needs nosuch: pip install 'mousepose\[ct\]'"):
        library("reading X", "nosuch.part")


def test_what_is_no_scan_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="does not exist"):
        load_scan(tmp_path / "none.dcm")
    (tmp_path / "empty.dcm").touch()
    with pytest.raises(FileError, match="is empty"):
        load_scan(tmp_path / "empty.dcm")
    (tmp_path / "empty.dcm").write_text("frame,x,y\n1,2,3\n")
    with pytest.raises(FileError, match="is no scan: expected DICOM, NIfTI"):
        load_scan(tmp_path / "empty.dcm")
    with pytest.raises(FileError, match="holds no DICOM"):
        load_scan(tmp_path)


def test_a_file_that_may_not_be_read_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = write_whole(tmp_path / "a.dcm")

    def refuse(*_: object, **__: object) -> None:
        raise PermissionError(13, "Permission denied")

    # Root may read every file, so that taking its rights away would tell nothing.
    monkeypatch.setattr(Path, "open", refuse)
    with pytest.raises(FileError, match="no permission"):
        load_scan(path)


def test_real_skulls_open_as_part_of_a_mouse(shared_data) -> None:
    path = sorted(shared_data("skull_ct").glob("volumes/*.nii.gz"))[0]
    stack = open_scan(path)
    volume = load_scan(path)
    np.testing.assert_allclose(volume.spacing, 0.141, atol=2e-3)
    assert any("part of a mouse" in note for note in stack.notes)
    assert not volume.hounsfield
    assert volume.values.dtype == np.uint8


def _damaged(data: bytes, rng: np.random.Generator) -> bytes:
    """Cut a file, flip some of its bits, or write the largest numbers over some bytes."""
    kind = rng.integers(3)
    if kind == 0:
        return data[: rng.integers(1, len(data))]
    changed = bytearray(data)
    # Most of a scan is pixels; what a reader can trip over is at the beginning.
    for place in rng.integers(0, min(len(data), 1600), rng.integers(1, 6)):
        changed[place] = 255 if kind == 1 else changed[place] ^ (1 << rng.integers(8))
    return bytes(changed)


@pytest.mark.parametrize("kind", ["plain", "enhanced", "rle", "nii", "nii.gz", "tif"])
def test_damaged_files_are_read_or_told_but_never_crash(tmp_path: Path, kind: str) -> None:
    tifffile = pytest.importorskip("tifffile", reason="reading TIFF needs tifffile")
    whole, path = tmp_path / f"whole.{kind}", tmp_path / f"damaged.{kind}"
    if kind in {"plain", "rle"}:
        tags = tags_of(coded(axial(), SHAPE))
        if kind == "rle":
            tags.compress(pydicom.uid.RLELossless)
        tags.save_as(whole, enforce_file_format=True)
    elif kind == "enhanced":
        write_dicom(a_volume(noise()), whole)
    elif kind == "tif":
        tifffile.imwrite(whole, noise(), imagej=True, resolution=(10, 10),
                         metadata={"spacing": 0.1, "unit": "mm"})  # fmt: skip
    else:
        write_nifti(a_volume(noise()), whole)
    data, rng = whole.read_bytes(), np.random.default_rng(5)
    read = 0
    for case in range(60):
        path.write_bytes(_damaged(data, rng))
        try:
            volume = load_scan(path)
        except FileError as error:
            assert str(tmp_path) in str(error), case
        else:
            read += 1
            assert volume.values.size < 10_000
    assert read < 60
