"""TIFF stacks: slices in one file or one each, with the spacing that a program wrote."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from ct.scans import SHAPE, SPACING
from mousepose.ct.scans.scan import load_scan, open_scan
from mousepose.ct.types import Volume
from mousepose.errors import FileError

tifffile = pytest.importorskip("tifffile", reason="reading TIFF needs tifffile")


def values() -> np.ndarray:
    return np.arange(np.prod(SHAPE), dtype=np.int16).reshape(SHAPE)


def assert_stack(volume: Volume) -> None:
    """Slices run to the head, rows to the back, columns to the left, around the origin."""
    np.testing.assert_array_equal(volume.values, values()[:, ::-1, ::-1].transpose(2, 1, 0))
    np.testing.assert_allclose(volume.spacing, SPACING)
    middle = volume.to_world((np.array(volume.values.shape) - 1) / 2)
    np.testing.assert_allclose(middle, 0, atol=1e-9)


def test_an_imagej_stack(tmp_path: Path) -> None:
    per_um = 1 / (SPACING * 1000)
    tifffile.imwrite(
        tmp_path / "a.tif", values(), imagej=True, resolution=(per_um, per_um),
        metadata={"spacing": SPACING * 1000, "unit": "um"},
    )  # fmt: skip
    stack = open_scan(tmp_path / "a.tif")
    np.testing.assert_allclose(stack.spacing, SPACING, rtol=1e-5)
    assert any("no orientation" in note for note in stack.notes)
    assert_stack(load_scan(tmp_path / "a.tif", spacing_mm=SPACING))


def test_an_ome_stack(tmp_path: Path) -> None:
    tifffile.imwrite(
        tmp_path / "a.ome.tif", values(), ome=True,
        metadata={
            "axes": "ZYX", "PhysicalSizeX": 91.3, "PhysicalSizeY": 91.3,
            "PhysicalSizeZ": 0.2, "PhysicalSizeZUnit": "mm",
        },
    )  # fmt: skip
    np.testing.assert_allclose(open_scan(tmp_path / "a.ome.tif").spacing, [0.2, 0.0913, 0.0913])


@pytest.mark.parametrize(
    "options", [{"compression": "zlib"}, {"bigtiff": True}, {"byteorder": ">"}]
)
def test_a_stack_without_spacing_asks_for_it(tmp_path: Path, options: dict) -> None:
    tifffile.imwrite(tmp_path / "a.tif", values(), photometric="minisblack", **options)
    with pytest.raises(FileError, match="does not tell its spacing; give spacing_mm"):
        load_scan(tmp_path / "a.tif")
    assert_stack(load_scan(tmp_path / "a.tif", spacing_mm=SPACING))


def test_a_folder_of_slices_follows_the_numbers_in_the_names(tmp_path: Path) -> None:
    for number, plane in enumerate(values()):
        tifffile.imwrite(tmp_path / f"M19_{number + 1}.tif", plane)
    with pytest.raises(FileError, match="how far they are apart"):
        open_scan(tmp_path)
    assert_stack(load_scan(tmp_path, spacing_mm=[SPACING] * 3))
    tifffile.imwrite(tmp_path / "M19_99.tif", plane[:4])
    with pytest.raises(FileError, match="different size"):
        open_scan(tmp_path, spacing_mm=SPACING)


@pytest.mark.parametrize(
    ("data", "options", "message"),
    [
        (np.zeros((5, 6, 7, 3), np.uint8), {"photometric": "rgb"}, "colour"),
        (np.zeros((6, 7), np.int16), {}, "single image"),
        (np.zeros((5, 6, 7), np.complex64), {}, "bits"),
        (np.zeros((5, 6, 7), np.int16), {}, "empty"),
    ],
)
def test_other_contents_are_told(
    tmp_path: Path, data: np.ndarray, options: dict, message: str
) -> None:
    tifffile.imwrite(tmp_path / "a.tif", data, **{"photometric": "minisblack", **options})
    with pytest.raises(FileError, match=message):
        load_scan(tmp_path / "a.tif", spacing_mm=0.1)


def test_pages_of_different_size_are_told(tmp_path: Path) -> None:
    with tifffile.TiffWriter(tmp_path / "a.tif") as file:
        file.write(np.zeros((6, 7), np.int16))
        file.write(np.zeros((6, 8), np.int16))
    with pytest.raises(FileError, match="page 2"):
        open_scan(tmp_path / "a.tif", spacing_mm=0.1)


@pytest.mark.parametrize("kind", [{"imagej": True}, {"ome": True}])
def test_channels_are_told(tmp_path: Path, kind: dict) -> None:
    data = np.zeros((5, 2, 6, 7), np.uint16)
    tifffile.imwrite(tmp_path / "a.tif", data, **kind, metadata={"axes": "ZCYX"})
    with pytest.raises(FileError, match="several channels"):
        open_scan(tmp_path / "a.tif", spacing_mm=0.1)


@pytest.mark.parametrize("options", [{}, {"bigtiff": True}, {"byteorder": ">"}])
def test_a_stack_that_is_cut_anywhere_is_told(tmp_path: Path, options: dict) -> None:
    tifffile.imwrite(
        tmp_path / "a.tif", values(), photometric="minisblack", contiguous=False, **options
    )
    data = (tmp_path / "a.tif").read_bytes()
    for size in range(1, len(data), len(data) // 40):
        (tmp_path / "a.tif").write_bytes(data[:size])
        with pytest.raises(FileError):
            load_scan(tmp_path / "a.tif", spacing_mm=SPACING)
