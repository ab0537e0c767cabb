"""What a sequence answers in a notebook: tables, angles, meshes, pictures, words."""

from __future__ import annotations

import inspect
from collections.abc import Callable
from dataclasses import replace
from importlib import import_module
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mousepose import types
from mousepose.body.default import default_body
from mousepose.body.mesh import Mesh
from mousepose.errors import InputError
from mousepose.io import read_sequence
from mousepose.report import joint_angles
from mousepose.simulate import observe, walking_mouse, watching_camera
from mousepose.types import Keypoints2D, PoseSequence, State, Status

BODY = default_body()
FPS = 20.0


@pytest.fixture(scope="module")
def walk() -> PoseSequence:
    """A walk of 2 s whose covariances differ by axis and whose last two frames have no estimate."""
    truth = walking_mouse(BODY, 2, FPS).sequence(BODY)
    points, state = truth.keypoints.copy(), truth.state.copy()
    points[-2:], state[-2:] = np.nan, State.ABSENT
    state[:, 5] = np.where(state[:, 5] == State.SEEN, State.INFERRED, state[:, 5])
    status = truth.report.status.copy()
    status[-2:] = Status.EMPTY
    spread = np.where(np.isfinite(points)[..., None], np.diag([1.0, 4.0, 9.0]), np.nan)
    pose = replace(truth.pose, root_translation=truth.pose.root_translation.copy())
    pose.root_translation[-2:] = np.nan
    return replace(
        truth,
        pose=pose,
        keypoints=points,
        covariance=spread,
        state=state,
        rotation_sd=np.full_like(truth.rotation_sd, 0.05),
        report=replace(truth.report, status=status),
    )


@pytest.fixture(scope="module")
def seen() -> Keypoints2D:
    truth = walking_mouse(BODY, 1, FPS)
    return observe(BODY, truth.pose, truth.times, watching_camera(), occluded_feet=0.4)


@pytest.mark.parametrize("name", types.VERBS)
def test_every_verb_is_there_and_says_what_it_does(name: str) -> None:
    function = getattr(import_module(f"mousepose.{types.VERBS[name]}"), name)
    assert inspect.isfunction(function)
    assert function.__doc__
    used = inspect.getsource(types).count(f'_verb("{name}")')
    assert used >= 1


# In time ----------------------------------------------------------------------------------------


def test_a_slice_by_place_and_one_by_time_are_the_same_frames(walk: PoseSequence) -> None:
    by_place, by_time = walk[10:25], walk.between(0.5, 1.25)
    np.testing.assert_array_equal(by_place.times, by_time.times)
    np.testing.assert_array_equal(by_place.frame_numbers, np.arange(10, 25))
    np.testing.assert_array_equal(by_place.keypoints, walk.keypoints[10:25])
    np.testing.assert_array_equal(by_time.report.status, walk.report.status[10:25])
    assert by_place.animal == walk.animal


def test_pieces_put_together_are_the_whole(walk: PoseSequence) -> None:
    pieces = [walk[:7], walk[7:8], walk[8:]]
    joined = np.concatenate([piece.pose.joint_rotation for piece in pieces])
    np.testing.assert_array_equal(joined, walk.pose.joint_rotation)
    assert len(walk[::2]) == len(walk) // 2


def test_one_frame_is_a_sequence_of_one(walk: PoseSequence) -> None:
    assert len(walk[3]) == len(walk[-1]) == 1
    assert walk[-1].frame_numbers[0] == len(walk) - 1
    assert [one.frame_numbers[0] for one in walk[:3]] == [0, 1, 2]  # and it can be gone through


def test_a_mask_chooses_frames(walk: PoseSequence) -> None:
    solved = walk[walk.report.status == Status.OK]
    assert len(solved) == len(walk) - 2


@pytest.mark.parametrize(
    ("wrong", "error", "message"),
    [
        (lambda s: s[len(s)], IndexError, "has 40 frames"),
        (lambda s: s[::-1], InputError, "order of time"),
        (lambda s: s["1.5"], InputError, r"between\(start, stop\)"),
        (lambda s: s[np.ones(3, bool)], InputError, r"expected bool \(40,\)"),
        (lambda s: s.between(5, 6), InputError, "lasts from 0 to 1.95 s"),
        (lambda s: s.between(1.0, 1.0), InputError, "no frame"),
        (lambda s: s[:0].between(0, 1), InputError, "empty"),
    ],
)
def test_frames_that_are_not_there_are_told(
    walk: PoseSequence, wrong: Callable[[PoseSequence], Any], error: type, message: str
) -> None:
    with pytest.raises(error, match=message):
        wrong(walk)


# Tables -----------------------------------------------------------------------------------------


def test_the_wide_table_has_a_row_for_each_frame(walk: PoseSequence) -> None:
    table = walk.to_dataframe()
    assert len(table) == len(walk)
    assert list(table.columns[:5]) == ["frame", "time_s", "animal", "status", "SPINE_SHOULDER_x"]
    nose = walk.keypoint_names.index("NOSE")
    np.testing.assert_array_equal(
        table[["NOSE_x", "NOSE_y", "NOSE_z"]].to_numpy(), walk.keypoints[:, nose]
    )
    assert table.attrs["units"]["position"] == "mm"
    assert table.attrs["frame"] == "world"


def test_the_long_table_holds_the_same_points(walk: PoseSequence) -> None:
    table = walk.to_dataframe("long")
    assert len(table) == walk.state.size
    points = table[["x", "y", "z"]].to_numpy().reshape(walk.keypoints.shape)
    np.testing.assert_array_equal(points, walk.keypoints)
    known = table[table.state != "absent"]
    np.testing.assert_allclose(known[["x_sd", "y_sd", "z_sd"]].to_numpy(), [[1, 2, 3]] * len(known))
    paw = table[table.keypoint == walk.keypoint_names[5]]
    assert set(paw.state) == {"inferred", "absent"}
    assert table.groupby("keypoint", observed=True).size().eq(len(walk)).all()


def test_the_file_table_is_that_of_the_file(walk: PoseSequence, tmp_path: Path) -> None:
    import pandas as pd

    assert walk.save(tmp_path / "poses.parquet") == [tmp_path / "poses.parquet"]
    pd.testing.assert_frame_equal(
        walk.to_dataframe("file"), pd.read_parquet(tmp_path / "poses.parquet")
    )
    back = read_sequence(tmp_path / "poses.parquet")
    np.testing.assert_array_equal(back.keypoints, walk.keypoints)


def test_another_form_is_refused(walk: PoseSequence) -> None:
    with pytest.raises(InputError, match="'wide', 'long' or 'file'"):
        walk.to_dataframe("tall")  # type: ignore[arg-type]


def test_the_dataset_is_that_of_movement(walk: PoseSequence, tmp_path: Path) -> None:
    xarray = pytest.importorskip("xarray", reason="datasets are xarray's")
    data = walk.to_xarray()
    assert data.position.dims == ("time", "space", "keypoint", "individual")
    assert data.attrs["fps"] == FPS
    nose = data.position.sel(keypoint="NOSE", individual=walk.animal)
    np.testing.assert_array_equal(nose, walk.keypoints[:, walk.keypoint_names.index("NOSE")])
    pytest.importorskip("h5netcdf", reason="writing a netCDF needs h5netcdf")
    walk.save(tmp_path / "poses.nc")
    with xarray.open_dataset(tmp_path / "poses.nc", engine="h5netcdf") as file:
        xarray.testing.assert_allclose(data, file.load())


def test_angles_are_those_of_the_pictures(walk: PoseSequence) -> None:
    table = walk.joint_angles()
    known = joint_angles(BODY, walk)
    np.testing.assert_array_equal(table["left knee"], known.degrees["left knee"])
    np.testing.assert_array_equal(table["spine sd"], known.sd["spine"])
    np.testing.assert_array_equal(table.index, walk.times)
    assert table.attrs["units"] == "degrees"
    straight = replace(
        walk, pose=replace(walk.pose, joint_rotation=np.zeros_like(walk.pose.joint_rotation))
    )
    assert straight.joint_angles()["left knee"].nunique() == 1  # the rest pose, in every frame


def test_angles_of_another_body_are_refused(walk: PoseSequence) -> None:
    other = replace(walk, provenance={"body": "some rat"})
    with pytest.raises(InputError, match="'some rat'"):
        other.joint_angles()
    fewer = replace(
        walk,
        joint_names=walk.joint_names[:-1],
        rotation_sd=walk.rotation_sd[:, :-1],
        pose=replace(walk.pose, joint_rotation=walk.pose.joint_rotation[:, :-1]),
    )
    with pytest.raises(InputError, match="19 joints"):
        fewer.joint_angles()


# Meshes -----------------------------------------------------------------------------------------


def test_a_skin_that_rides_on_the_joints_lies_on_them(walk: PoseSequence) -> None:
    joints = len(BODY.skeleton.joint_names)
    skinned = BODY.with_mesh(Mesh(BODY.rest, np.array([[0, 1, 2]]), np.eye(joints)))
    vertices, faces = walk.mesh(4, skinned)
    np.testing.assert_allclose(vertices, BODY.joints(walk.pose)[4], atol=1e-9)
    np.testing.assert_array_equal(faces, [[0, 1, 2]])
    with pytest.raises(InputError, match="no estimate"):
        walk.mesh(-1, skinned)
    with pytest.raises(IndexError, match="frame 40"):
        walk.mesh(40, skinned)


def test_a_body_without_a_skin_has_no_mesh(walk: PoseSequence) -> None:
    with pytest.raises(InputError, match="has no skin"):
        walk.mesh(0, body=default_body().with_mesh(None))


# Pictures and words -----------------------------------------------------------------------------


def test_pictures_show_themselves_in_a_notebook(walk: PoseSequence, seen: Keypoints2D) -> None:
    for figure in (walk.plot(frame=-3), seen.plot()):
        assert figure._repr_png_().startswith(b"\x89PNG")
    with pytest.raises(IndexError):
        walk.plot(frame=99)
    with pytest.raises(InputError, match="empty"):
        walk[:0].plot()
    with pytest.raises(InputError, match="camera 1: expected 0 to 0"):
        seen.plot(camera=1)


def test_a_sequence_of_an_unknown_body_is_drawn_without_its_knees(walk: PoseSequence) -> None:
    figure = replace(walk, provenance={"body": "some rat"}).plot()
    told = [text.get_text() for text in figure.findobj(match=lambda a: hasattr(a, "get_text"))]
    assert any("some rat" in text for text in told)


def test_a_sequence_tells_what_it_holds(walk: PoseSequence) -> None:
    text = repr(walk)
    assert text.startswith("PoseSequence: 40 frames, 0.00 to 1.95 s, 20 a second")
    assert "22 in mm, in the frame of the world" in text
    assert "90.7% seen, 4.3% inferred, 5.0% absent" in text
    assert "WARNING: 2 of 40 frames: empty" in text
    assert "scale" in text
    assert len(text.splitlines()) < 10


def test_a_missing_scale_and_other_warnings_are_told(walk: PoseSequence) -> None:
    notes = {"warning": "x and y look exchanged", "unknown_columns": ["food"]}
    text = repr(replace(walk, scale_source="none", provenance=notes))
    for told in ("typical mouse", "x and y look exchanged", "columns left out: food"):
        assert told in text
    assert "typical mouse" not in repr(walk)


def test_tracked_points_tell_what_they_hold(seen: Keypoints2D) -> None:
    text = repr(seen)
    assert text.startswith("Keypoints2D: 20 frames")
    assert "22 (SPINE_SHOULDER, SPINE_MID" in text


def test_html_is_escaped_and_runs_nothing(walk: PoseSequence, seen: Keypoints2D) -> None:
    for source in (
        replace(walk, animal="<script>alert(1)</script>", provenance={"warning": "<b>"}),
        replace(seen, animal="<script>alert(1)</script>"),
    ):
        html = source._repr_html_()
        assert "<script" not in html
        assert "&lt;script&gt;" in html
        assert html.count("<table>") == html.count("</table>") == 1


@pytest.mark.parametrize("frames", [0, 1])
def test_few_frames_are_told_too(walk: PoseSequence, seen: Keypoints2D, frames: int) -> None:
    assert f"{frames} frame" in repr(walk[:frames])
    assert walk[:frames]._repr_html_()
    assert len(walk[:frames].to_dataframe("long")) == 22 * frames
    none = replace(
        seen, xy=seen.xy[:0], confidence=seen.confidence[:0], times=seen.times[:0],
        frame_numbers=seen.frame_numbers[:0],
    )  # fmt: skip
    assert "0 frames" in repr(none)
