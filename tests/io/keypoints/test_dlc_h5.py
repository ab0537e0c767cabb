"""DeepLabCut h5, as pandas writes it: read without pandas and without unpickling."""

from __future__ import annotations

import pickle
from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mousepose.errors import FileError, InputError
from mousepose.io.keypoints.registry import load_keypoints, load_tracks
from mousepose.types import Keypoints2D

LAYOUTS = pytest.mark.parametrize("layout", ["table", "fixed"])


def frame_of(points: Keypoints2D, animals: tuple[str, ...] = ()) -> pd.DataFrame:
    """The points as DeepLabCut's table; with `animals`, once for each of them."""
    values = np.concatenate([points.xy[:, 0], points.confidence[:, 0, :, None]], axis=-1)
    values = values.reshape(len(points), -1)
    coords = ["x", "y", "likelihood"]
    if animals:
        levels = [["scorer"], animals, points.keypoint_names, coords]
        names = ["scorer", "individuals", "bodyparts", "coords"]
        values = np.concatenate([values + i for i in range(len(animals))], axis=1)
        values[:, 2::3] = 0.5
    else:
        levels = [["scorer"], points.keypoint_names, coords]
        names = ["scorer", "bodyparts", "coords"]
    columns = pd.MultiIndex.from_product(levels, names=names)
    return pd.DataFrame(values, columns=columns, index=points.frame_numbers)


def save(frame: pd.DataFrame, path: Path, layout: str = "table") -> Path:
    frame.to_hdf(path, key="df_with_missing", format=layout, mode="w")  # type: ignore[call-overload]
    return path


@pytest.fixture
def good(tmp_path: Path, keypoints: Callable[..., Keypoints2D]) -> Path:
    return save(frame_of(keypoints()), tmp_path / "track.h5")


@LAYOUTS
def test_values_come_back(
    tmp_path: Path, keypoints: Callable[..., Keypoints2D], layout: str
) -> None:
    points = keypoints()
    again = load_keypoints(save(frame_of(points), tmp_path / "track.h5", layout), fps=50)
    np.testing.assert_array_equal(again.xy, points.xy)
    np.testing.assert_array_equal(again.confidence, points.confidence)
    np.testing.assert_array_equal(again.frame_numbers, points.frame_numbers)
    assert again.keypoint_names == points.keypoint_names


@LAYOUTS
def test_one_animal_of_several(
    tmp_path: Path, keypoints: Callable[..., Keypoints2D], layout: str
) -> None:
    points = keypoints()
    path = save(frame_of(points, animals=("a", "b")), tmp_path / "track.h5", layout)
    again = load_keypoints(path, fps=50, animal="b")
    np.testing.assert_array_equal(again.xy, points.xy + 1)
    with pytest.raises(InputError, match="2 animals: a, b"):
        load_keypoints(path, fps=50)


@LAYOUTS
def test_columns_of_mixed_types_are_in_several_blocks(tmp_path: Path, layout: str) -> None:
    columns = pd.MultiIndex.from_product([["s"], ["nose"], ["x", "y", "likelihood"]])
    frame = pd.DataFrame([[1, 2.5, 0.5], [3, 4.5, 0.25]], columns=columns)
    frame[("s", "nose", "x")] = frame[("s", "nose", "x")].astype(np.int64)
    again = load_keypoints(save(frame, tmp_path / "track.h5", layout), fps=50)
    assert again.xy.reshape(-1, 2).tolist() == [[1, 2.5], [3, 4.5]]
    assert again.confidence.ravel().tolist() == [0.5, 0.25]


@LAYOUTS
def test_a_table_of_images_is_read_by_the_numbers_in_their_names(
    tmp_path: Path, keypoints: Callable[..., Keypoints2D], layout: str
) -> None:
    points = keypoints()
    frame = frame_of(points)
    frame.index = [f"labeled-data/m1/img{number:03}.png" for number in frame.index]
    again = load_keypoints(save(frame[::-1], tmp_path / "track.h5", layout), fps=50)
    np.testing.assert_array_equal(again.frame_numbers, points.frame_numbers)
    np.testing.assert_array_equal(again.xy, points.xy)


def test_a_path_in_parts_names_the_recording(
    tmp_path: Path, keypoints: Callable[..., Keypoints2D]
) -> None:
    frame = frame_of(keypoints(4))
    images = [("m1", "img0.png"), ("m2", "img5.png"), ("m1", "img3.png"), ("m2", "img4.png")]
    frame.index = pd.MultiIndex.from_tuples([("labeled-data", *image) for image in images])
    tracks = load_tracks(save(frame, tmp_path / "track.h5", "fixed"), fps=50)
    assert {name: track.frame_numbers.tolist() for name, track in tracks.items()} == {
        "m1": [0, 3],
        "m2": [4, 5],
    }


def test_a_table_without_three_levels_is_refused(tmp_path: Path) -> None:
    frame = pd.DataFrame({"x": [1.0], "y": [2.0]})
    with pytest.raises(FileError, match="column labels are not"):
        load_keypoints(save(frame, tmp_path / "track.h5"), fps=50)


def test_another_h5_is_refused(tmp_path: Path) -> None:
    with h5py.File(tmp_path / "other.h5", "w") as file:
        file["tracks"] = np.zeros((1, 2, 15, 120))
    with pytest.raises(FileError, match="HDF5 file of no known format.*; found tracks"):
        load_keypoints(tmp_path / "other.h5", fps=50)


class Touch:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Callable[[Path], None], tuple[Path]]:
        return Path.touch, (self.path,)


def test_code_in_the_column_labels_is_not_run(good: Path, tmp_path: Path) -> None:
    with h5py.File(good, "r+") as file:
        trap = pickle.dumps([Touch(tmp_path / "run")], 0)
        file["df_with_missing/table"].attrs["values_block_0_kind"] = np.bytes_(trap)
    with pytest.raises(FileError, match="could run code"):
        load_keypoints(good, fps=50)
    assert not (tmp_path / "run").exists()


@pytest.mark.parametrize("kind", ["external", "soft"])
def test_a_link_out_of_the_table_is_refused(good: Path, tmp_path: Path, kind: str) -> None:
    other = tmp_path / "other.h5"
    good.rename(other)
    with h5py.File(good, "w") as file:
        target = "/df_with_missing"
        file["df"] = h5py.ExternalLink(other, target) if kind == "external" else h5py.SoftLink("/a")
    with pytest.raises(FileError, match="found df .a link to elsewhere, not followed"):
        load_keypoints(good, fps=50)


@given(st.floats(0, 0.99))
def test_a_cut_file_is_refused(
    tmp_path: Path, keypoints: Callable[..., Keypoints2D], share: float
) -> None:
    path = save(frame_of(keypoints()), tmp_path / "whole.h5")
    content = path.read_bytes()
    cut = tmp_path / "cut.h5"
    cut.write_bytes(content[: int(share * len(content))])
    with pytest.raises(FileError, match=r"cut\.h5"):
        load_keypoints(cut, fps=50)
