"""DICOM scans: every layout that scanners write ends as the same RAS volume."""

from __future__ import annotations

import itertools
from pathlib import Path

import numpy as np
import pytest

from ct.scans import (
    SHAPE,
    SPACING,
    assert_placed,
    axial,
    coded,
    pydicom,
    tags_of,
    write_slices,
    write_whole,
)
from mousepose.ct.scans.scan import load_scan, open_scan
from mousepose.errors import FileError


def all_orientations() -> list[np.ndarray]:
    """Every right-handed way in which slices, rows and columns can lie along world axes."""
    ways = []
    for order in itertools.permutations(range(3)):
        for signs in itertools.product((-1, 1), repeat=3):
            axes = np.eye(3)[list(order)].T * signs * SPACING
            # DICOM's slices follow the cross product of columns' and rows' directions, or not.
            T = np.eye(4)
            T[:3, :3], T[:3, 3] = axes, -axes @ [7, 6, 5]
            ways.append(T)
    return ways


def test_a_file_with_all_slices_is_placed(tmp_path: Path) -> None:
    path = write_whole(tmp_path / "20190729_M19.dcm")
    volume = load_scan(path)
    assert_placed(volume)
    assert volume.name == "20190729_M19"
    assert volume.values.dtype == np.int16
    assert volume.values.flags.c_contiguous
    np.testing.assert_allclose(volume.spacing, SPACING)
    # The dataset's notebook takes the middle sagittal plane as pixel_array[:, :, half].
    plane = pydicom.dcmread(path).pixel_array[:, :, SHAPE[2] // 2]
    middle = int(np.rint(volume.to_voxel([0, 0, 0])[0]))
    np.testing.assert_array_equal(plane, volume.values[middle, ::-1, :].T)


@pytest.mark.parametrize("T_world_index", all_orientations()[::5])
def test_a_folder_of_slices_is_sorted_and_turned(tmp_path: Path, T_world_index) -> None:
    folder = write_slices(tmp_path / "series", T_world_index)
    (folder / "notes.txt").write_text("not a slice")
    assert_placed(load_scan(folder))


def enhanced(path: Path, order: list[int], *, shared_place: bool = False) -> Path:
    """Write an Enhanced file with a rescale of its own for each frame."""
    values, T = coded(axial(), SHAPE), axial()
    lps = np.diag([-1, -1, 1]) @ T[:3]
    stored = values - np.arange(SHAPE[0], dtype=np.int16)[:, None, None]
    tags = tags_of(
        stored[order],
        **dict.fromkeys(
            ("PixelSpacing", "SliceThickness", "ImagePositionPatient", "RescaleSlope"), None
        ),
        ImageOrientationPatient=None,
        RescaleIntercept=None,
    )
    measures, orientation, shared = (pydicom.Dataset() for _ in range(3))
    measures.PixelSpacing, measures.SliceThickness = [SPACING, SPACING], 5 * SPACING
    orientation.ImageOrientationPatient = [1, 0, 0, 0, 1, 0]
    shared.PixelMeasuresSequence = [measures]
    shared.PlaneOrientationSequence = [orientation]
    tags.SharedFunctionalGroupsSequence = [shared]
    frames = []
    for number in order:
        place, rescale, frame = (pydicom.Dataset() for _ in range(3))
        place.ImagePositionPatient = [round(x, 6) for x in lps[:, 3] + number * lps[:, 0]]
        rescale.RescaleSlope, rescale.RescaleIntercept, rescale.RescaleType = 1, number, "HU"
        frame.PlanePositionSequence = [place]
        frame.PixelValueTransformationSequence = [rescale]
        frames.append(frame)
    tags.PerFrameFunctionalGroupsSequence = frames
    tags.save_as(path, enforce_file_format=True)
    return path


@pytest.mark.parametrize("step", [1, -1])
def test_enhanced_frames_have_their_own_places_and_rescale(tmp_path: Path, step: int) -> None:
    volume = load_scan(enhanced(tmp_path / "a.dcm", list(range(SHAPE[0]))[::step]))
    assert_placed(volume)
    assert volume.hounsfield


def test_enhanced_frames_in_no_order_are_refused(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="not stored from one end"):
        open_scan(enhanced(tmp_path / "a.dcm", [1, 0, *range(2, SHAPE[0])]))


@pytest.mark.parametrize("syntax", ["1.2.840.10008.1.2", "1.2.840.10008.1.2.2"])
def test_other_byte_orders(tmp_path: Path, syntax: str) -> None:
    values = coded(axial(), SHAPE)
    big = syntax.endswith(".2.2")
    tags = tags_of(values.astype(">i2") if big else values)
    tags.file_meta.TransferSyntaxUID = syntax
    tags["PixelData"].VR = "OW"
    tags.save_as(tmp_path / "a", implicit_vr=not big, little_endian=not big)
    assert_placed(load_scan(tmp_path / "a"))


def test_run_length_compression(tmp_path: Path) -> None:
    tags = tags_of(coded(axial(), SHAPE))
    tags.compress(pydicom.uid.RLELossless)
    tags.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    assert_placed(load_scan(tmp_path / "a.dcm"))


def test_other_compression_names_what_to_install(tmp_path: Path) -> None:
    tags = tags_of(coded(axial(), SHAPE))
    frames = [b"\xff\xd8\xff\xd9" * 40 for _ in range(SHAPE[0])]
    tags.PixelData = pydicom.encaps.encapsulate(frames)
    tags["PixelData"].is_undefined_length = True
    tags.file_meta.TransferSyntaxUID = pydicom.uid.JPEGLSLossless
    tags.save_as(tmp_path / "a.dcm", enforce_file_format=True)
    with pytest.raises(FileError, match=r"JPEG-LS.*pip install"):
        open_scan(tmp_path / "a.dcm")


def test_a_file_without_preamble(tmp_path: Path) -> None:
    tags = tags_of(coded(axial(), SHAPE))
    del tags.file_meta
    tags["PixelData"].VR = "OW"
    tags.save_as(tmp_path / "old", implicit_vr=True, little_endian=True)
    assert_placed(load_scan(tmp_path / "old"))


@pytest.mark.parametrize(
    ("stored", "slope", "intercept", "kept"),
    [
        (np.uint16, 1, -1024, np.int16),
        (np.int16, 1, 0, np.int16),
        (np.uint8, 1, 0, np.uint8),
        (np.int16, 0.5, -10, np.float32),
        (np.int32, 1, 0, np.int16),
        (np.int16, 20, 0, np.float32),
    ],
)
def test_values_keep_the_smallest_type_that_loses_nothing(
    tmp_path: Path, stored: type, slope: float, intercept: float, kept: type
) -> None:
    values = np.arange(np.prod(SHAPE)).reshape(SHAPE).astype(stored)
    values[0, 0, 0] = 100
    path = write_whole(tmp_path / "a.dcm", values, RescaleSlope=slope, RescaleIntercept=intercept)
    volume = load_scan(path)
    assert volume.values.dtype == kept
    expected = values[:, ::-1, ::-1].transpose(2, 1, 0) * float(slope) + intercept
    np.testing.assert_allclose(volume.values, expected, rtol=1e-6)


def test_what_was_not_measured_becomes_air(tmp_path: Path) -> None:
    values = np.full(SHAPE, 40, dtype=np.int16)
    values[0] = -2000
    values[1] = 50
    path = write_whole(
        tmp_path / "a.dcm", values, PixelPaddingValue=-2000, RescaleType="HU", RescaleSlope=1
    )
    assert load_scan(path).values.min() == -1024


def test_the_plain_kind_has_its_spacing_in_any_of_several_tags(tmp_path: Path) -> None:
    path = write_whole(
        tmp_path / "a.dcm", PixelSpacing=None, SliceThickness=None,
        NominalScannedPixelSpacing=[SPACING, SPACING],
        GridFrameOffsetVector=[round(SPACING * n, 6) for n in range(SHAPE[0])],
    )  # fmt: skip
    stack = open_scan(path)
    np.testing.assert_allclose(stack.spacing, SPACING, rtol=1e-4)
    assert any("NominalScannedPixelSpacing" in note for note in stack.notes)


def test_spacing_shared_by_frames_without_places(tmp_path: Path) -> None:
    measures, shared = pydicom.Dataset(), pydicom.Dataset()
    measures.PixelSpacing, measures.SpacingBetweenSlices = [SPACING, SPACING], SPACING
    shared.PixelMeasuresSequence = [measures]
    path = write_whole(
        tmp_path / "a.dcm", PixelSpacing=None, SliceThickness=None,
        SharedFunctionalGroupsSequence=[shared],
    )  # fmt: skip
    assert_placed(load_scan(path))


def test_missing_orientation_is_taken_as_axial_and_said(tmp_path: Path) -> None:
    path = write_whole(tmp_path / "a.dcm", ImageOrientationPatient=None)
    assert any("no orientation" in note for note in open_scan(path).notes)
    assert_placed(load_scan(path))


def test_spacing_given_by_hand_replaces_what_is_missing(tmp_path: Path) -> None:
    path = write_whole(tmp_path / "a.dcm", PixelSpacing=None, SliceThickness=None)
    with pytest.raises(FileError, match=r"does not tell the spacing of its slices, rows.*0\.0913"):
        open_scan(path)
    assert_placed(load_scan(path, spacing_mm=SPACING))


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"PixelData": None}, "holds no pixels"),
        ({"Modality": "MR"}, r"another kind \(MR\)"),
        ({"PhotometricInterpretation": "RGB"}, "colour"),
        ({"SamplesPerPixel": 3}, "colour"),
        ({"Rows": 60000, "Columns": 60000}, "claims"),
        ({"Rows": 0}, "empty volume"),
        ({"NumberOfFrames": 10**6}, "claims"),
        ({"NumberOfFrames": 400}, "cut"),
        ({"NumberOfFrames": 3}, "header is wrong"),
        ({"NumberOfFrames": 1, "PixelData": bytes(240)}, "single image"),
        ({"PixelSpacing": [91.3, 91.3]}, "none of a mouse's scan"),
        ({"SliceThickness": 1e-6}, "none of a mouse's scan"),
        ({"RescaleSlope": 0}, "slope is 0"),
        ({"SpacingBetweenSlices": 0.2, "GridFrameOffsetVector": [0.1 * n for n in range(14)]},
         "contradict"),
        ({"ImageOrientationPatient": [1, 0, 0, 1, 0, 0]}, "right angles"),
        ({"BitsAllocated": 12}, "bits per pixel"),
        ({"PixelData": bytes(2 * 14 * 12 * 10)}, "volume is empty"),
    ],
)  # fmt: skip
def test_bad_files_are_told(tmp_path: Path, changes: dict, message: str) -> None:
    path = write_whole(tmp_path / "a.dcm", **changes)
    with pytest.raises(FileError, match=message) as error:
        load_scan(path)
    assert "a.dcm" in str(error.value)


def test_sequences_without_end_are_told(tmp_path: Path) -> None:
    item = b"\x08\x00\x40\x11SQ\x00\x00\xff\xff\xff\xff\xfe\xff\x00\xe0\xff\xff\xff\xff"
    whole = write_whole(tmp_path / "a.dcm").read_bytes()
    place = whole.index(b"\x08\x00\x60\x00CS")
    (tmp_path / "a.dcm").write_bytes(whole[:place] + item * 20_000)
    with pytest.raises(FileError, match=r"a\.dcm"):
        load_scan(tmp_path / "a.dcm")


def test_a_thickness_other_than_the_spacing_is_a_note(tmp_path: Path) -> None:
    path = write_whole(tmp_path / "a.dcm", SpacingBetweenSlices=SPACING, SliceThickness=0.2)
    stack = open_scan(path)
    np.testing.assert_allclose(stack.spacing, SPACING)
    assert any("thick" in note for note in stack.notes)
    assert any("part of a mouse" in note for note in stack.notes)


def test_slices_missing_or_double_or_mixed_are_named(tmp_path: Path) -> None:
    folder = write_slices(tmp_path / "gap")
    (folder / "slice007.dcm").unlink()
    with pytest.raises(FileError, match="slices are missing"):
        open_scan(folder)
    folder = write_slices(tmp_path / "twice")
    (folder / "copy.dcm").write_bytes((folder / "slice007.dcm").read_bytes())
    with pytest.raises(FileError, match="where another one lies"):
        open_scan(folder)
    folder = write_slices(tmp_path / "mixed")
    write_slices(folder, name="small", shape=(14, 6, 10))
    with pytest.raises(FileError, match="different size"):
        open_scan(folder)


def test_positions_count_more_than_the_spacing_that_a_tag_claims(tmp_path: Path) -> None:
    folder = write_slices(tmp_path / "claim", SpacingBetweenSlices=0.5)
    assert any("although a tag says 0.5" in note for note in open_scan(folder).notes)
    assert_placed(load_scan(folder))


def test_one_of_several_series_is_chosen(tmp_path: Path) -> None:
    folder = write_slices(tmp_path / "all", SeriesNumber=1, SeriesDescription="body")
    write_slices(folder, name="scout", shape=(2, 4, 4), SeriesInstanceUID="1.2.9", SeriesNumber=2)
    stack = open_scan(folder)
    assert any("series 1 (body) of 2" in note for note in stack.notes)
    write_slices(folder, name="other", SeriesInstanceUID="1.2.7", SeriesNumber=3)
    with pytest.raises(FileError, match=r"3 series; choose one.*1 \(body\): 14 slices"):
        open_scan(folder)
    assert_placed(load_scan(folder, series="body"))
    with pytest.raises(FileError, match="0 series are called '9'"):
        open_scan(folder, series="9")


def test_a_single_slice_opens_but_is_no_volume(tmp_path: Path) -> None:
    folder = write_slices(tmp_path / "one")
    path = folder / "slice005.dcm"
    assert open_scan(path).shape == (1, *SHAPE[1:])
    for other in folder.glob("slice*"):
        if other != path:
            other.unlink()
    for place in (path, folder):
        with pytest.raises(FileError, match="a single image, no volume; give the folder"):
            load_scan(place)


def test_slices_without_positions_follow_their_numbers(tmp_path: Path) -> None:
    folder = write_slices(tmp_path / "old", ImagePositionPatient=None)
    stack = open_scan(folder)
    assert any("instance number" in note for note in stack.notes)
    loaded = load_scan(folder).values
    np.testing.assert_array_equal(loaded, coded(axial(), SHAPE)[:, ::-1, ::-1].transpose(2, 1, 0))


def test_a_folder_of_whole_scans_asks_for_one(tmp_path: Path) -> None:
    write_whole(tmp_path / "a.dcm")
    assert_placed(load_scan(tmp_path))
    write_whole(tmp_path / "b.dcm")
    with pytest.raises(FileError, match="2 whole scans"):
        open_scan(tmp_path)
