"""A video goes to its camera; of one that does not fit it is said how."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

import results
from mousepose.errors import FileError, InputError
from mousepose.report.page_views import VideoView, paired, video_views
from mousepose.run.report_result import Result
from results import FRAMES, camera, write_video

result_folder = results.result_folder


def test_the_pose_is_drawn_where_the_camera_sees_it(result_folder: Path, tmp_path: Path) -> None:
    video = write_video(tmp_path / "side.mp4", FRAMES)
    with Result(result_folder) as result, VideoView(video, camera(), result) as view:
        assert view.warning == ""
        bare, drawn = view.picture(5, drawn=False), view.picture(5, drawn=True)
        assert bare is not None and drawn is not None and bare.shape == (240, 320, 3)
        rows, columns = np.nonzero((bare != drawn).any(axis=-1))
        pixels = view.pixels(5)
        assert pixels[:, 0].min() - 4 < columns.min() and columns.max() < pixels[:, 0].max() + 4
        assert pixels[:, 1].min() - 4 < rows.min() and rows.max() < pixels[:, 1].max() + 4
        near = view.close_up(5, drawn=True, side=200)
        plain = view.close_up(5, drawn=False, side=200)
        assert near is not None and plain is not None and near.shape == (200, 200, 3)
        rows, columns = np.nonzero((near != plain).any(axis=-1))
        assert np.ptp(columns) > 100 and abs(columns.mean() - 100) < 30
        assert view.close_up(65, drawn=True) is None  # no pose there, nowhere to look


def test_a_video_of_another_length_is_a_warning(result_folder: Path, tmp_path: Path) -> None:
    video = write_video(tmp_path / "short.mp4", 40)
    with Result(result_folder) as result, VideoView(video, camera(), result) as view:
        assert "has 40 frames, the result 150" in view.warning
        assert view.picture(39, drawn=True) is not None
        assert view.picture(40, drawn=True) is None


def test_what_cannot_go_together_is_refused(result_folder: Path, tmp_path: Path) -> None:
    small = write_video(tmp_path / "small.mp4", 3, (160, 120))
    with Result(result_folder) as result:
        with pytest.raises(InputError, match="160 x 120 px.*320 x 240"):
            VideoView(small, camera(), result)
        with pytest.raises(InputError, match="needs the camera"):
            video_views([small], [], result)
        with pytest.raises(InputError, match="2 videos for 1 camera"):
            video_views([small, small], [camera()], result)
        with pytest.raises(FileError, match="no such file"):
            video_views([tmp_path / "none.mp4"], [camera()], result)


def test_a_video_goes_to_the_camera_whose_name_it_bears() -> None:
    cameras = [replace(camera(), name=name) for name in ("mid", "top")]
    videos = [Path("minimal_top.mp4"), Path("x.mp4")]
    assert [c.name for _, c in paired(videos, cameras)] == ["top", "mid"]
    assert [c.name for _, c in paired([Path("a.mp4"), Path("b.mp4")], cameras)] == ["mid", "top"]
