"""The viewer shows what it was given, follows its clock, and says what does not fit together."""

from __future__ import annotations

import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

pytest.importorskip("viser", reason="the viewer needs viser: pip install 'mousepose[view]'")

import results
from browser import browser
from mousepose.errors import FileError, InputError
from mousepose.report.stick import trunk_of
from mousepose.view.viewer import Viewer, ViewJob, opened
from results import FRAMES, walk, write_result, write_video

result_folder = results.result_folder
#: Shows a frame and tells which slow libraries were started for it.
FIRST_PICTURE = """
import sys
from pathlib import Path
from mousepose.report.stick import trunk_of
from mousepose.view.viewer import ViewJob, opened
told = []
with opened(ViewJob((Path(sys.argv[1]),), port=0), told.append) as viewer:
    viewer.show(0)
print(told[0] == viewer.address, {"matplotlib", "numba", "scipy"} & set(sys.modules))
"""
#: What the plot of a keypoint looks like.
TRACE = "document.querySelector('.uplot canvas').toDataURL()"
HOSTILE = "<img src=x onerror=alert(1)>{{7}}"


@contextmanager
def moving(job: ViewJob) -> Iterator[Viewer]:
    """Give a viewer that a thread moves."""
    stop = threading.Event()
    with opened(job) as viewer:
        thread = threading.Thread(target=viewer.run, args=(stop,))
        thread.start()
        try:
            yield viewer
        finally:
            stop.set()
            viewer.clock.changed.set()
            thread.join(30)


def test_a_frame_is_shown_as_it_is(result_folder: Path) -> None:
    with opened(ViewJob((result_folder,), port=0)) as viewer:
        scene = viewer.server.scene
        viewer.show(30)
        whole = viewer.results[0].at(30)[0]
        nose = whole.keypoints[viewer.results[0].at(30)[1], 11]
        drawn = scene.get_handle_by_name("/result0/joints").batched_positions[11]  # type: ignore[union-attr]
        assert viewer.results[0].keypoint_names[11] == "NOSE"
        np.testing.assert_allclose(drawn[2] * 100, nose[2], atol=1e-3)  # the floor is z = 0
        skin = scene.get_handle_by_name("/result0/skin")
        assert skin is not None and skin.visible
        near = np.linalg.norm(skin.vertices - drawn, axis=1).min()  # type: ignore[attr-defined]
        assert near < 0.06
        viewer.show(65)  # no pose there
        assert not skin.visible
        assert scene.get_handle_by_name("/result0/joints").batched_scales.max() == 0  # type: ignore[union-attr]
        assert scene.get_handle_by_name("/cameras/side") is not None
        assert viewer.address.startswith("http://localhost:")


def test_the_way_behind_the_mouse_is_drawn_on_the_floor(result_folder: Path) -> None:
    with opened(ViewJob((result_folder,), port=0)) as viewer:
        viewer.show(50)  # less than the two seconds of way after the beginning
        way = viewer.server.scene.get_handle_by_name("/result0/way")
        points = way.points  # type: ignore[union-attr]
        assert points.shape == (50, 2, 3) and np.ptp(points[..., 2]) == 0
        np.testing.assert_allclose(points[1:, 0], points[:-1, 1])
        sequence, index = viewer.results[0].at(50)
        trunk = viewer._stages[0].place(trunk_of(sequence[index : index + 1]))[0]
        np.testing.assert_allclose(points[-1, 1, :2] * 100, trunk[:2], atol=1e-3)


def test_the_frame_of_the_video_hangs_before_its_camera(
    result_folder: Path, tmp_path: Path
) -> None:
    video = write_video(tmp_path / "side.mp4", FRAMES)
    with opened(ViewJob((result_folder,), (video,), port=0)) as viewer:
        viewer.show(30)
        frustum = viewer.server.scene.get_handle_by_name("/cameras/side")
        until = time.monotonic() + 60
        while frustum.image is None and time.monotonic() < until:  # type: ignore[union-attr]
            time.sleep(0.01)
        image = frustum.image  # type: ignore[union-attr]
        assert image is not None and image.shape == (240, 320, 3)
        assert abs(int(image[0, 0, 0]) - 90) < 5  # frame 30 is so light


def test_the_first_picture_starts_no_slow_library(result_folder: Path) -> None:
    command = [sys.executable, "-c", FIRST_PICTURE, str(result_folder)]
    told = subprocess.run(command, capture_output=True, text=True, check=True)
    assert told.stdout.splitlines()[0] == "True set()"


def test_results_stand_side_by_side_at_one_time(result_folder: Path, tmp_path: Path) -> None:
    other = write_result(tmp_path, 50, walk()[::2])
    with opened(ViewJob((result_folder, other), port=0)) as viewer:
        viewer.show(100)
        scene = viewer.server.scene
        roots = [scene.get_handle_by_name(f"/result{n}") for n in (0, 1)]
        assert roots[0] is not None and roots[1] is not None
        assert roots[0].position[1] == 0 and roots[1].position[1] > 1
        joints = [scene.get_handle_by_name(f"/result{n}/joints") for n in (0, 1)]
        places = [node.batched_positions for node in joints]  # type: ignore[union-attr]
        np.testing.assert_allclose(places[0], places[1], atol=1e-5)


def test_what_cannot_be_shown_is_told_before_a_server_starts(
    result_folder: Path, tmp_path: Path
) -> None:
    cut = tmp_path / "cut.parquet"
    cut.write_bytes((result_folder / "poses.parquet").read_bytes()[:5000])
    for job, words in (
        (ViewJob((cut,), port=0), "may be cut"),
        (ViewJob((result_folder,), (tmp_path / "none.mp4",), port=0), "no such file"),
    ):
        with pytest.raises(FileError, match=words), opened(job):
            pass
    with pytest.raises(InputError, match="no result"), opened(ViewJob((), port=0)):
        pass


def test_footfalls_lie_where_the_paws_came_down(tmp_path: Path) -> None:
    sequence = walk(2.0)
    path = write_result(tmp_path, 40, sequence)
    strides = {
        "bout": [0, 0], "limb": ["left fore", "right fore"],
        "marker": ["LEFT_FORE_PAW", "RIGHT_FORE_PAW"], "contact_s": [0.5, 1.0],
        "lift_off_s": [0.7, 1.2], "quality": ["good", "good"],
    }  # fmt: skip
    (tmp_path / "gait").mkdir()
    pd.DataFrame(strides).to_parquet(tmp_path / "gait" / "strides.parquet")
    bouts = {"bout": [0], "start_s": [0.5], "stop_s": [1.5], "speed_mm_s": [120.0]}
    pd.DataFrame(bouts).to_parquet(tmp_path / "gait" / "bouts.parquet")
    with opened(ViewJob((path,), port=0)) as viewer:
        viewer.show(24)  # 0.8 s: one has come down
        discs = viewer.server.scene.get_handle_by_name("/result0/footfalls")
        radii = discs.batched_scales[:, 0]  # type: ignore[union-attr]
        assert (radii > 0).sum() == 1
        stage = viewer._stages[0]
        paw = sequence.keypoints[15, sequence.keypoint_names.index("LEFT_FORE_PAW")]
        place = discs.batched_positions[0] * 100  # type: ignore[union-attr]
        np.testing.assert_allclose(place[:2], stage.place(paw)[:2], atol=0.01)


def test_a_browser_follows_it(tmp_path: Path) -> None:
    names = tuple(HOSTILE if name == "NOSE" else name for name in walk(0.1).keypoint_names)
    path = write_result(tmp_path, 40, replace(walk(), keypoint_names=names, animal=HOSTILE))
    video = write_video(tmp_path / "side.mp4", FRAMES - 10)
    job = ViewJob((path,), (video,), port=0)
    with browser(tmp_path / "profile") as page, moving(job) as viewer:
        page.open(viewer.address)
        page.wait_for_text("frame 0 ")
        page.wait_for_text(f"has {FRAMES - 10} frames, the result {FRAMES}")
        page.wait_for_text(HOSTILE)
        page.press("+10")
        page.wait_for_text("frame 10 ")
        viewer.clock.seek(100)
        page.wait_for_text("frame 100 · 3.333 s · poor")
        page.press("Play")
        page.wait_for("!document.body.innerText.includes('frame 100 ')")
        page.press("Pause")
        page.wait_for_text("Play")
        trace = page.ask(TRACE)
        page.choose("worst", "2. 3.33 s: the pose does not agree with the keypoints, misfit 5.6 SD")
        page.wait_for_text("frame 100 · 3.333 s · poor")
        page.wait_for(f"{TRACE} !== {trace!r}")  # the line of the shown moment moved
        page.press_key("ArrowRight", "[role=slider]")
        page.wait_for_text("frame 101 ")
        assert page.ask("document.querySelectorAll('img[src=\"x\"]').length") == 0
        assert page.errors == []
        local = (viewer.address, "data:", "blob:", viewer.address.replace("http", "ws"))
        assert [url for url in page.requests if not url.startswith(local)] == []
