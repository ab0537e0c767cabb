"""The verdict: each limit, what it says, and that a good calibration has nothing to say."""

from dataclasses import replace

import numpy as np
import pytest

from boards import make_camera
from mousepose.calibrate.report import LensReport, RigReport, coverage
from mousepose.calibrate.verdict import judge_lens, judge_rig

VIEWS = 30
GOOD = LensReport(
    camera=make_camera("four"),
    focal=(520.0, 521.0),
    focal_sd=(0.5, 0.5),
    by_terms={4: 0.2},
    rms_px=0.2,
    held_out_px=0.21,
    coverage=0.8,
    reach=0.9,
    tilt_deg=35.0,
    distances=(350.0, 600.0),
    edge_px=2.5,
    frame_numbers=np.arange(VIEWS),
    used=np.ones(VIEWS, bool),
    view_rms=np.full(VIEWS, 0.2),
    view_held_out=np.full(VIEWS, 0.2),
    view_tilt_deg=np.full(VIEWS, 30.0),
    view_distance=np.full(VIEWS, 400.0),
    dropped={},
)
GOOD_RIG = RigReport(
    names=("a", "b"),
    frames=40,
    shared=np.array([[40, 30], [30, 35]]),
    rms_px=0.3,
    held_out_px=0.3,
    held_out_scale=0.001,
    held_out_mm=0.1,
    position_sd=np.array([0.0, 1.0]),
    dropped=(),
)
FEW = np.arange(VIEWS) < 5


def test_a_good_calibration_has_no_findings():
    assert judge_lens(GOOD) == []
    assert judge_rig(GOOD_RIG, [500.0, 500.0]) == []


@pytest.mark.parametrize(
    ("changes", "level", "what"),
    [
        ({"used": FEW}, "fail", "5 views of the board are few (at least 8)"),
        ({"used": np.arange(VIEWS) < 10}, "warn", "10 views of the board are few (at least 15)"),
        ({"coverage": 0.2}, "fail", "corners cover 20% of the image (at least 25%)"),
        ({"reach": 0.5}, "warn", "no corner came near the image's corners (up to 50% of the way)"),
        ({"tilt_deg": 5.0}, "fail", "hardly tilted (a tenth of the views by 5 degrees)"),
        ({"distances": (400.0, 410.0)}, "warn", "one distance (farthest / nearest 1.02)"),
        ({"edge_px": 12.0}, "fail", "edges are blurred over 12.0 px (at most 9)"),
        ({"held_out_px": 1.0}, "warn", "views left out is 1.00 px (at most 0.6)"),
        ({"held_out_px": 2.0}, "fail", "views left out is 2.00 px (at most 1.5)"),
        ({"focal_sd": (9.0, 9.0)}, "fail", "uncertain by 1.7% (at most 1.0%)"),
        ({"focal": (540.0, 520.0)}, "fail", "fx and fy differ by 3.8%"),
        ({"dropped": dict.fromkeys(range(40), "x")}, "fail", "57% of the views did not agree"),
    ],
)
def test_each_limit_of_a_lens(changes, level, what):
    (finding,) = judge_lens(replace(GOOD, **changes))
    assert finding.level == level
    assert finding.who == "cam_0"
    assert what in finding.what
    assert finding.advice


def test_an_axis_far_from_the_centre_is_found():
    matrix = GOOD.camera.matrix.copy()
    matrix[0, 2] = 640
    (finding,) = judge_lens(replace(GOOD, camera=replace(GOOD.camera, matrix=matrix)))
    assert "the optical axis is 50% of the image away" in finding.what
    assert finding.level == "fail"


def test_of_a_known_lens_only_the_error_counts():
    bad = replace(GOOD, coverage=0.0, focal_sd=(99.0, 99.0), used=FEW)
    assert judge_lens(bad, known=True) == []
    (finding,) = judge_lens(replace(bad, rms_px=3.0), known=True)
    assert finding.level == "fail"


@pytest.mark.parametrize(
    ("changes", "level", "who", "what"),
    [
        ({"held_out_px": 3.0}, "fail", "rig", "disagree by 3.00 px in frames left out (at most 2)"),
        ({"held_out_scale": -0.03}, "fail", "rig", "3.0% too large or too small"),
        ({"position_sd": np.array([0, 20.0])}, "fail", "b", "uncertain by 4.0% of its distance"),
        ({"dropped": (("a", 3, "x"),) * 40}, "warn", "rig", "35% of the views"),
    ],
)
def test_each_limit_of_a_rig(changes, level, who, what):
    (finding,) = judge_rig(replace(GOOD_RIG, **changes), [500.0, 500.0])
    assert (finding.level, finding.who) == (level, who)
    assert what in finding.what


def test_cameras_that_share_few_frames_are_named():
    shared = np.array([[40, 30, 2], [30, 35, 1], [2, 1, 20]])
    rig = replace(GOOD_RIG, names=("a", "b", "c"), shared=shared, position_sd=np.zeros(3))
    (finding,) = judge_rig(rig, [500.0] * 3)
    assert (finding.level, finding.who) == ("fail", "c")
    assert "2 frames shared with the best other camera" in finding.what


def test_unknown_errors_of_a_rig_are_no_finding():
    unknown = replace(GOOD_RIG, held_out_px=np.nan, held_out_scale=np.nan, held_out_mm=np.nan)
    assert judge_rig(unknown, [500.0, 500.0]) == []


def test_coverage_counts_cells():
    cells = coverage(np.array([[0, 0], [639, 511], [10, 20]]), (640, 512))
    assert cells.shape == (6, 8)
    assert cells.sum() == 2
    assert cells[0, 0]
    assert cells[-1, -1]
