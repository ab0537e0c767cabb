"""JABS pose files of every version."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import h5py
import numpy as np
import pytest

from mousepose.errors import FileError
from mousepose.io.keypoints.registry import animals_in, load_keypoints, load_tracks

NAMES = {
    3: ("track_0", "track_1"),
    **dict.fromkeys(range(4, 9), ("identity_1", "identity_2")),
}


@pytest.fixture
def good(tmp_path: Path, mice: Callable, write: dict) -> Path:
    write["jabs"](tmp_path / "pose.h5", mice())
    return tmp_path / "pose.h5"


@pytest.mark.parametrize("version", NAMES)
def test_every_version_tells_its_animals_apart(
    tmp_path: Path, mice: Callable, write: dict, version: int
) -> None:
    truth = mice(31)
    write["jabs"](tmp_path / "pose.h5", truth, version)
    tracks = load_tracks(tmp_path / "pose.h5", fps=30)
    assert tuple(tracks) == NAMES[version]
    for animal, track in enumerate(tracks.values()):
        np.testing.assert_array_equal(track.xy[:, 0], truth.xy[animal])
        np.testing.assert_array_equal(track.confidence[:, 0], truth.sure[animal])


def test_version_2_holds_one_animal(tmp_path: Path, mice: Callable, write: dict) -> None:
    truth = mice(9, 1)
    write["jabs"](tmp_path / "pose.h5", truth, version=2)
    points = load_keypoints(tmp_path / "pose.h5", fps=30)
    assert points.animal == "animal0"
    np.testing.assert_array_equal(points.xy[:, 0], truth.xy[0])


def test_a_masked_instance_is_nobody(good: Path) -> None:
    with h5py.File(good, "r+") as file:
        file["poseest/id_mask"][3] = True
        file["poseest/instance_embed_id"][4] = 0
    for track in load_tracks(good, fps=30).values():
        assert np.isnan(track.xy[3:5]).all()
        assert not track.confidence[3:5].any()


def test_identities_have_the_names_that_the_file_gives(good: Path) -> None:
    with h5py.File(good, "r+") as file:
        names = file["poseest"].create_dataset(
            "external_identity_mapping", data=["M7", "M9"], dtype=h5py.string_dtype()
        )
        assert len(names) == 2
    assert animals_in(good) == ("M7", "M9")
    with h5py.File(good, "r+") as file:
        del file["poseest/external_identity_mapping"]
        file["poseest/external_identity_mapping"] = np.array([12, 13])
    assert animals_in(good) == ("12", "13")


def test_points_of_later_trackers_are_not_whole(good: Path) -> None:
    with h5py.File(good, "r+") as file:
        points = file["poseest/points"][:] + 0.25
        del file["poseest/points"]
        file["poseest/points"] = points.astype(np.float32)
    track = load_keypoints(good, fps=30, animal="identity_1")
    assert set((track.xy[np.isfinite(track.xy)] % 1).tolist()) == {0.25}


@pytest.mark.parametrize(
    ("name", "value", "message"),
    [
        ("points", np.zeros((8, 2, 5, 2), np.uint16), r"expected \(8, 2, 12, 2\)"),
        ("points", None, "'points' is missing or a link"),
        ("confidence", np.zeros((7, 2, 12)), r"shape \(7, 2, 12\), expected \(8, 2, 12\)"),
        ("instance_embed_id", np.zeros((8, 2), np.uint32), "names no animal in any frame"),
        ("id_mask", np.zeros((8, 3), bool), r"'id_mask' has the shape \(8, 3\)"),
        ("points", np.zeros((8, 2000, 12, 2), np.uint16), "2000 instances a frame"),
    ],
)
def test_bad_files_are_refused(good: Path, name: str, value: object, message: str) -> None:
    with h5py.File(good, "r+") as file:
        del file["poseest"][name]
        if value is not None:
            file["poseest"][name] = value
    with pytest.raises(FileError, match=message) as refusal:
        load_tracks(good, fps=30)
    assert str(good) in str(refusal.value)


def test_an_unknown_version_is_told(good: Path) -> None:
    with h5py.File(good, "r+") as file:
        file["poseest"].attrs["version"] = np.array([12, 0], np.uint16)
    with pytest.raises(FileError, match="version 12 of the format; versions 2 to 8 are known"):
        load_tracks(good, fps=30)


def test_what_sleap_io_reads_is_what_we_read(good: Path) -> None:
    sleap_io = pytest.importorskip("sleap_io", reason="the extra formats is not installed")
    labels = sleap_io.load_jabs(str(good))
    theirs = labels.numpy()
    for place, track in enumerate(labels.tracks):
        ours = load_keypoints(good, fps=30, animal=f"identity_{track.name}")
        np.testing.assert_array_equal(ours.xy[:, 0], theirs[:, place])
