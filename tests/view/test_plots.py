"""A page of a plot shows the numbers of the result, and the moment that is shown."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import results
from mousepose.body.default import default_body
from mousepose.io import read_sequence
from mousepose.report.angles import joint_angles
from mousepose.report.page_stage import stage_of
from mousepose.run.report_result import Result
from mousepose.view import plots
from mousepose.view.plots import Pages
from results import camera, walk, write_result

result_folder = results.result_folder


def test_lines_are_the_result(
    result_folder: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setattr(plots, "PAGE_S", 2.0)
    whole, body = read_sequence(result_folder / "poses.parquet"), default_body()
    with Result(result_folder) as result:
        stage = stage_of(whole, [camera()])
        pages = Pages([result], [stage], body)
        assert pages.number(float(result.times[0])) == 0 and pages.number(2.5) == 1
        page = pages.of_point(1, "NOSE", "z")
        own = (whole.times >= 2.0) & (whole.times < 4.0)
        points = stage.place(whole.keypoints[own, whole.keypoint_names.index("NOSE")])
        np.testing.assert_allclose(page.times, whole.times[own])
        np.testing.assert_allclose(page.values[0], points[:, 2])
        half = (page.high - page.values[0])[np.isfinite(points[:, 2])]
        np.testing.assert_allclose(half, 1.6449 * 3.0)  # 9 mm^2 along z
        angle = pages.of_angle(1, "left knee")
        np.testing.assert_allclose(
            angle.values[0], joint_angles(body, whole).degrees["left knee"][own]
        )
        assert pages.of_point(1, "NOSE", "z") is page


def test_the_cursor_stands_at_the_moment(result_folder: Path) -> None:
    with Result(result_folder) as result:
        pages = Pages([result, result], [stage_of(result.at(0)[0])] * 2, None)
        page = pages.of_point(0, "NOSE", "x")
        lines = page.with_cursor(1.017)
        assert len(lines) == 6 and len({len(line) for line in lines}) == 1
        times, cursor = lines[0], lines[-1]
        assert (np.diff(times) >= 0).all()
        at = np.flatnonzero(np.isfinite(cursor))
        assert times[at].tolist() == [1.017, 1.017] and cursor[at].tolist() == list(page.limits())
        np.testing.assert_allclose(lines[3], lines[4])  # the same result twice
        assert not np.isfinite(pages.of_angle(0, "spine").values[0]).any()  # no body


def test_a_result_is_read_at_the_times_of_the_first(tmp_path: Path) -> None:
    (tmp_path / "other").mkdir()
    first = write_result(tmp_path, 50, walk(3.0))
    every_other = write_result(tmp_path / "other", 50, walk(3.0)[::2])
    with Result(first) as one, Result(every_other) as two:
        stage = stage_of(one.at(0)[0])
        page = Pages([one, two], [stage, stage], None).of_point(0, "SPINE_MID", "x")
        known = np.isfinite(page.values[1])
        assert known.sum() > 80
        np.testing.assert_allclose(page.values[0][known], page.values[1][known], atol=1.0)
