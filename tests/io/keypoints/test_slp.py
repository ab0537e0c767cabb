"""SLEAP's labels: predictions and labels, several videos, and what a damaged file may not do."""

from __future__ import annotations

import builtins
from collections.abc import Callable
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pytest

from mousepose.errors import FileError, InputError
from mousepose.io.keypoints import slp
from mousepose.io.keypoints.registry import animals_in, load_keypoints, load_tracks

sio = pytest.importorskip("sleap_io", reason="the extra formats is not installed")

NODES = ["nose", "tail"]
POINTS = np.array([[1.0, 2.0], [3.0, 4.0]])


def video(name: str, **told: Any) -> Any:
    found = sio.Video(filename=name, open_backend=False)
    found.backend_metadata |= {"type": "MediaVideo", **told}
    return found


def predicted(skeleton: Any, offset: float = 0.0, track: Any = None, score: float = 0.5) -> Any:
    return sio.PredictedInstance.from_numpy(
        POINTS + offset, skeleton=skeleton, point_scores=[score, score], score=1.0, track=track
    )


def labelled(skeleton: Any, offset: float = 0.0, track: Any = None) -> Any:
    return sio.Instance.from_numpy(POINTS + offset, skeleton=skeleton, track=track)


def save(path: Path, frames: list[tuple[Any, int, list[Any]]], **content: Any) -> Path:
    found = [sio.LabeledFrame(video=v, frame_idx=n, instances=i) for v, n, i in frames]
    sio.save_slp(sio.Labels(found, **content), str(path), embed=False, verbose=False)
    return path


def test_predictions_have_a_row_for_every_frame_of_the_video(tmp_path: Path) -> None:
    skeleton, film = sio.Skeleton(NODES), video("m.mp4", fps=25.0, shape=[9, 1, 1, 1])
    path = save(tmp_path / "a.slp", [(film, n, [predicted(skeleton, n)]) for n in (5, 2)])
    points = load_keypoints(path)
    assert points.frame_numbers.tolist() == list(range(9))
    np.testing.assert_allclose(points.times, np.arange(9) / 25)
    assert np.flatnonzero(np.isfinite(points.xy[:, 0, 0, 0])).tolist() == [2, 5]
    assert points.xy[5, 0].tolist() == (POINTS + 5).tolist()
    assert load_keypoints(path, fps=1).times[8] == 8


def test_labels_have_rows_of_the_labelled_frames_only(tmp_path: Path) -> None:
    skeleton, film = sio.Skeleton(NODES), video("m.mp4", shape=[10**9, 1, 1, 1])
    path = save(tmp_path / "a.slp", [(film, n, [labelled(skeleton, n)]) for n in (7, 400)])
    points = load_keypoints(path, fps=10)
    assert points.frame_numbers.tolist() == [7, 400]
    assert points.confidence.min() == 1


def test_a_label_outranks_a_prediction(tmp_path: Path) -> None:
    skeleton, film, track = sio.Skeleton(NODES), video("m.mp4"), sio.Track("m")
    for owner in (None, track):
        both = [predicted(skeleton, 9, owner), labelled(skeleton, 1, owner)]
        path = save(tmp_path / "a.slp", [(film, 0, both), (film, 1, both[:1])])
        points = load_keypoints(path, fps=10)
        assert points.xy[:, 0, 0, 0].tolist() == [2, 10]
        assert points.confidence[:, 0, 0].tolist() == [1, 0.5]


def test_each_video_has_tracks_of_its_own(tmp_path: Path) -> None:
    skeleton, track = sio.Skeleton(NODES), sio.Track("m")
    films = [video("C:\\data\\left.mp4", fps=10.0), video("/data/right.mp4", fps=20.0)]
    frames = [(film, 0, [predicted(skeleton, n, track)]) for n, film in enumerate(films)]
    tracks = load_tracks(save(tmp_path / "a.slp", frames))
    assert list(tracks) == ["left/m", "right/m"]
    assert tracks["right/m"].xy[0, 0, 0].tolist() == [2, 3]


def test_animals_without_tracks_are_taken_in_their_order(tmp_path: Path) -> None:
    skeleton, film = sio.Skeleton(NODES), video("m.mp4")
    frames = [(film, 0, [predicted(skeleton, n) for n in range(2)]), (film, 1, [])]
    path = save(tmp_path / "a.slp", frames)
    tracks = load_tracks(path, fps=10)
    assert {name: track.xy[0, 0, 0, 0] for name, track in tracks.items()} == {
        "animal0": 1,
        "animal1": 2,
    }


def test_old_files_lie_half_a_pixel_off(tmp_path: Path) -> None:
    skeleton, film = sio.Skeleton(NODES), video("m.mp4")
    path = save(tmp_path / "a.slp", [(film, 0, [predicted(skeleton)])])
    with h5py.File(path, "r+") as file:
        file["metadata"].attrs["format_id"] = 1.0
    assert load_keypoints(path, fps=10).xy[0, 0].tolist() == (POINTS - 0.5).tolist()


def test_what_sleap_io_reads_is_what_we_read(tmp_path: Path, mice: Callable, write: dict) -> None:
    path = tmp_path / "a.slp"
    write["slp"](path, mice(30))
    theirs = sio.load_slp(str(path), open_videos=False).numpy(return_confidence=True)
    for animal, track in enumerate(load_tracks(path, fps=1).values()):
        np.testing.assert_array_equal(track.xy[:, 0], theirs[:, animal, :, :2])


def test_two_skeletons_are_refused(tmp_path: Path) -> None:
    skeletons, film = [sio.Skeleton(NODES), sio.Skeleton(["a", "b"])], video("m.mp4")
    path = save(tmp_path / "a.slp", [(film, 0, [predicted(s) for s in skeletons])])
    with pytest.raises(FileError, match="have 2 skeletons, expected one"):
        animals_in(path)


def good(tmp_path: Path) -> Path:
    frames = [(video("m.mp4"), 0, [predicted(sio.Skeleton(NODES))])]
    return save(tmp_path / "a.slp", frames)


def test_tables_that_name_what_is_not_there_are_refused(tmp_path: Path) -> None:
    for table, field in (("frames", "instance_id_end"), ("instances", "point_id_end")):
        path = good(tmp_path)
        with h5py.File(path, "r+") as file:
            rows = file[table][:]
            rows[field] = 99
            file[table][...] = rows
        with pytest.raises(FileError, match="that are not there") as refusal:
            load_keypoints(path, fps=1)
        assert str(path) in str(refusal.value)


@pytest.mark.parametrize("name", ["points", "metadata", "tracks_json"])
def test_links_to_elsewhere_are_not_followed(tmp_path: Path, name: str) -> None:
    path = good(tmp_path)
    with h5py.File(path, "r+") as file:
        del file[name]
        file[name] = h5py.ExternalLink(str(tmp_path / "other.h5"), f"/{name}")
    with pytest.raises(FileError, match="missing or a link|a link to elsewhere"):
        load_keypoints(path, fps=1)


def test_huge_tables_are_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = good(tmp_path)
    monkeypatch.setattr(slp, "MAX_TABLE_BYTES", 10)
    with pytest.raises(FileError, match="its tables take 0 GiB"):
        load_keypoints(path, fps=1)


def test_without_sleap_io_the_way_out_is_told(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = good(tmp_path)
    load = builtins.__import__

    def without(name: str, *rest: Any) -> Any:
        if name.startswith("sleap_io"):
            raise ImportError(name)
        return load(name, *rest)

    monkeypatch.setattr(builtins, "__import__", without)
    with pytest.raises(InputError, match=r"pip install 'mousepose\[formats\]'"):
        load_keypoints(path, fps=1)
