"""What is said of a whole result is what is planted in it."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

import results
from mousepose.errors import InputError
from mousepose.io import read_sequence
from mousepose.run.report_result import Result
from mousepose.run.report_survey import survey, telling_clips, worst_frames
from mousepose.types import State, Status
from results import BAD, EMPTY

result_folder = results.result_folder


def test_counts_and_figures_are_those_of_the_frames(result_folder: Path) -> None:
    whole = read_sequence(result_folder / "poses.parquet")
    with Result(result_folder) as result:
        found = survey(result)
    for state in State:
        np.testing.assert_array_equal(found.counts[:, state], (whole.state == state).sum(axis=0))
    assert found.statuses[Status.EMPTY] == 10 and found.statuses[Status.POOR] == 1
    assert found.share(State.ABSENT) == pytest.approx(10 / 150)
    keypoints = len(whole.keypoint_names)
    # cost 0.25 K over K - 1 seen points, E = 1/2 sum of two squares of them
    assert found.misfit[0] == pytest.approx(np.sqrt(0.25 * keypoints / (keypoints - 1)), rel=1e-5)
    assert np.isnan(found.misfit[EMPTY]).all()
    assert found.sd_mm[0] == pytest.approx(np.sqrt(14 / 3), rel=1e-5)  # 1 + 4 + 9 mm^2


def test_the_worst_frames_come_first_and_apart(result_folder: Path) -> None:
    with Result(result_folder) as result:
        moments = worst_frames(result, survey(result), 5)
        assert EMPTY.start <= moments[0].place < EMPTY.stop and "nothing was seen" in moments[0].why
        assert moments[1].place == BAD and "misfit 5." in moments[1].why
        times = sorted(moment.time for moment in moments)
        assert min(np.diff(times)) > 1.0


def test_best_and_worst_clips_do_not_overlap(result_folder: Path) -> None:
    with Result(result_folder) as result:
        clips = telling_clips(result, survey(result))
        assert [clip.title for clip in clips] == [
            "Worst 1",
            "Worst 2",
            "Best 1",
            "Best 2",
            "Best 3",
        ]
        places = [place for clip in clips for place in range(clip.start, clip.stop)]
        assert len(set(places)) == len(places)
        worst = range(clips[0].start, clips[0].stop)
        assert EMPTY.start in worst or BAD in worst
        assert not any(BAD in range(clip.start, clip.stop) for clip in clips[2:])
        whole = telling_clips(result, survey(result), seconds=60.0)
        assert [(clip.start, clip.stop) for clip in whole] == [(0, 150)]
        with pytest.raises(InputError, match="positive"):
            telling_clips(result, survey(result), seconds=0.0)
