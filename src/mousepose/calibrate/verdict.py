"""Whether a calibration may be used: plain reasons, and what to do about each.

The limits come from simulated boards: where all of them are kept, focal lengths and distances were
within 2 % of the truth.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Literal, NamedTuple

import numpy as np

from mousepose.calibrate.report import LensReport, RigReport


class Finding(NamedTuple):
    """One thing that is not good: "fail" or "warn", whose it is, what it is, what to do."""

    level: Literal["fail", "warn"]
    who: str
    what: str
    advice: str


class _Limit(NamedTuple):
    """A figure that should be above (`above`) or below two limits, and what to say of it."""

    fail: float
    warn: float
    above: bool
    text: str
    advice: str

    def judge(self, who: str, value: float) -> Iterator[Finding]:
        """Yield a finding unless `value` keeps both limits; NaN keeps them."""
        for level, limit in (("fail", self.fail), ("warn", self.warn)):
            if (value < limit) if self.above else (value > limit):
                shown = self.text.format(value=value, limit=limit)
                yield Finding(level, who, shown, self.advice)  # type: ignore[arg-type]
                return


_VIEWS = _Limit(
    8, 15, True, "{value:.0f} views of the board are few (at least {limit:.0f})",
    "record longer and move the board slowly through the whole picture",
)  # fmt: skip
_COVERAGE = _Limit(
    0.25, 0.5, True, "corners cover {value:.0%} of the image (at least {limit:.0%})",
    "hold the board also at the edges and in the corners of the picture",
)  # fmt: skip
_REACH = _Limit(
    0.35, 0.6, True, "no corner came near the image's corners (up to {value:.0%} of the way)",
    "hold the board into the corners of the picture: the lens bends most there",
)  # fmt: skip
_TILT = _Limit(
    12, 20, True, "the board was hardly tilted (a tenth of the views by {value:.0f} degrees)",
    "tilt it by 30 to 45 degrees to all sides: a board that faces the camera tells no focal length",
)  # fmt: skip
_RANGE = _Limit(
    1.0, 1.25, True, "the board stayed at one distance (farthest / nearest {value:.2f})",
    "show it nearer and farther too",
)  # fmt: skip
_BLUR = _Limit(
    9, 5, False, "edges are blurred over {value:.1f} px (at most {limit:.0f})",
    "focus, give more light, shorten the exposure, move the board more slowly",
)  # fmt: skip
_ERROR = _Limit(
    1.5, 0.6, False, "the error in views left out is {value:.2f} px (at most {limit:g})",
    "check that the board is flat and its print is not scaled, that zoom and focus stayed, that "
    "the lens is no fisheye (--fisheye), and that the board was held still",
)  # fmt: skip
_FOCAL = _Limit(
    0.01, 0.004, False, "the focal length is uncertain by {value:.1%} (at most {limit:.1%})",
    "tilt the board more and show it at several distances",
)  # fmt: skip
_SQUARE = _Limit(
    0.03, 0.01, False, "pixels are not square: fx and fy differ by {value:.1%}",
    "check --square and that the board was printed without stretching, and the video's aspect",
)  # fmt: skip
_CENTRE = _Limit(
    0.3, 0.12, False, "the optical axis is {value:.0%} of the image away from its centre",
    "if the image is not cropped, tilt the board more and cover the picture evenly",
)  # fmt: skip
_SHARED = _Limit(
    3, 10, True, "{value:.0f} frames shared with the best other camera are few (at least "
    "{limit:.0f})", "hold the board where neighbouring cameras see it at once",
)  # fmt: skip
_RIG_ERROR = _Limit(
    2.0, 1.0, False, "cameras disagree by {value:.2f} px in frames left out (at most {limit:g})",
    "check that the cameras did not move, that the videos started together, and that the board "
    "was held still: cameras see one moment only if they are synchronised",
)  # fmt: skip
_RIG_SCALE = _Limit(
    0.02, 0.007, False, "triangulated boards are {value:.1%} too large or too small",
    "record more shared views, with the board tilted and at several distances",
)  # fmt: skip
_POSITION = _Limit(
    0.02, 0.007, False, "its place is uncertain by {value:.1%} of its distance to the board",
    "record more frames in which it sees the board together with other cameras",
)  # fmt: skip
_DROPPED = _Limit(
    0.5, 0.2, False, "{value:.0%} of the views did not agree with the others and were dropped",
    "look at the picture of errors; the board may have moved too fast, or is not flat",
)  # fmt: skip


def judge_lens(report: LensReport, known: bool = False) -> list[Finding]:
    """Return what is not good about one camera; `known`: its lens was given, not fitted."""
    camera = report.camera
    who, used = camera.name, int(report.used.sum())
    if known:
        return list(_ERROR.judge(who, report.rms_px))
    centre = (camera.matrix[:2, 2] - (np.array(camera.size) - 1) / 2) / max(camera.size)
    near, far = report.distances
    figures = [
        (_VIEWS, used),
        (_COVERAGE, report.coverage),
        (_REACH, report.reach),
        (_TILT, report.tilt_deg),
        (_RANGE, far / near),
        (_BLUR, report.edge_px),
        (_ERROR, report.held_out_px),
        (_FOCAL, report.focal_doubt),
        (_SQUARE, abs(report.focal[0] / report.focal[1] - 1)),
        (_CENTRE, float(np.abs(centre).max())),
        (_DROPPED, len(report.dropped) / max(1, used + len(report.dropped))),
    ]
    return [finding for limit, value in figures for finding in limit.judge(who, float(value))]


def judge_rig(report: RigReport, distances: Sequence[float]) -> list[Finding]:
    """Return what is not good about a rig whose cameras see the board at `distances` (C,) mm."""
    findings: list[Finding] = []
    for index, name in enumerate(report.names):
        others = np.delete(report.shared[index], index)
        findings += _SHARED.judge(name, float(others.max(initial=0)))
        findings += _POSITION.judge(name, float(report.position_sd[index] / distances[index]))
    views = int(np.trace(report.shared)) + len(report.dropped)
    findings += _RIG_ERROR.judge("rig", report.held_out_px)
    findings += _RIG_SCALE.judge("rig", abs(report.held_out_scale))
    findings += _DROPPED.judge("rig", len(report.dropped) / max(1, views))
    return findings
