"""The sections of a report, each a function from what is known to HTML."""

from __future__ import annotations

import json
from collections.abc import Sequence
from html import escape
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mousepose.analysis.gait import Gait
from mousepose.report import page_html as html
from mousepose.report.gait import draw_gait
from mousepose.report.page_advice import Advice, camera_verdict
from mousepose.report.page_pictures import draw_bouts
from mousepose.report.page_residuals import Residuals
from mousepose.report.page_views import VideoView
from mousepose.run.about import fields_of_view
from mousepose.run.report_company import Company, read_table
from mousepose.run.report_result import Result
from mousepose.run.report_survey import Clip, Moment, Survey
from mousepose.types import State, Status

if TYPE_CHECKING:
    import pandas as pd

_STATUS_WORDS = {
    Status.OK: "solved from their own keypoints",
    Status.BRIDGED: "too few keypoints, carried by neighbours in time",
    Status.EMPTY: "no pose: nothing was seen",
    Status.POOR: "keypoints that agree with no mouse pose",
    Status.FAILED: "no pose: the solver failed",
}
#: Long lists of numbers in a provenance say nothing to a reader.
_LONG = 12
_GAIT_MEASURES = (
    ("stride_length_mm", "stride length (mm)"), ("stride_frequency_hz", "frequency (Hz)"),
    ("duty_factor", "duty factor"), ("stance_s", "stance (s)"), ("swing_s", "swing (s)"),
    ("base_of_support_mm", "base of support (mm)"), ("speed_mm_s", "speed (mm/s)"),
)  # fmt: skip


def summary(result: Result, found: Survey) -> str:
    """Return the figures that matter most."""
    seconds = result.times[-1] - result.times[0]
    misfit, spread = (v[np.isfinite(v)] for v in (found.misfit, found.sd_mm))
    tiles = [
        html.tile(f"{len(result):,}", "frames"),
        html.tile(f"{seconds:,.1f} s", f"at {1 / result.interval:.4g} frames/s"),
        *(
            html.tile(f"{found.share(state):.1%}", f"keypoints {state.name.lower()}")
            for state in (State.SEEN, State.INFERRED, State.ABSENT)
        ),
    ]
    if len(misfit):
        tiles.append(html.tile(f"{np.median(misfit):.2f} SD", "misfit, median frame"))
    if len(spread):
        tiles.append(html.tile(f"{np.median(spread):.1f} mm", "uncertainty (SD), median frame"))
    tiles.append(html.tile(str(result.about["scale_source"]), "gave the scale"))
    return f'<div class="tiles">{"".join(tiles)}</div>'


def warnings(found: Sequence[Advice]) -> str:
    """Return all warnings, or that there is none."""
    if not found:
        return f'<div class="good">{html.paragraph("Nothing speaks against this result.")}</div>'
    return "".join(
        f'<div class="warning"><b>{escape(one.what)}</b>{html.paragraph(one.what_to_do)}</div>'
        for one in found
    )


def player(text: str) -> str:
    """Return the player and its data, a text of JSON without "<"."""
    return f"""
<p class="quiet">Drag to turn, wheel to come nearer, arrow keys to step. Hollow points and dashed
bones are inferred; the shades hold a point with 90 %.</p>
<div id="player"><div class="row" id="choices"></div><p id="why" class="quiet"></p>
<div id="stage"><canvas id="skin"></canvas><canvas id="stick"></canvas></div>
<div class="row"><button id="play">Play</button>
<input id="place" type="range" min="0" value="0" aria-label="frame"><span id="moment"></span>
<label>speed <select id="speed"><option value="0.1">0.1x</option><option value="0.25">0.25x</option>
<option value="0.5" selected>0.5x</option><option value="1">1x</option></select></label></div>
<div class="row"><label><input id="show-skin" type="checkbox" checked> skin</label>
<label><input id="show-regions" type="checkbox" checked> 90 % regions</label>
<label><input id="follow" type="checkbox" checked> follow the mouse</label>
<label>height of <select id="keypoint"></select></label></div>
<canvas id="plot"></canvas></div>
<noscript><p class="warning">The player needs JavaScript; the pictures below do not.</p></noscript>
<script type="application/json" id="clips">{text}</script>"""


def quality(
    result: Result, found: Survey, worst: Sequence[Moment], residuals: Residuals | None
) -> str:
    """Return how much was seen of each keypoint, how frames ended, how large residuals are."""
    total = max(1, len(result))
    rows = []
    for name, row in zip(result.keypoint_names, found.counts, strict=True):
        own = [(s.name.lower(), float(row[s] / total)) for s in reversed(State)]
        rows.append([name, html.shares(own), *(f"{share:.1%}" for _, share in own)])
    key = '<p class="key quiet"><i class="seen"></i>seen: image evidence in the frame'
    key += '<i class="inferred"></i>inferred: placed by the body, the prior and time'
    key += '<i class="absent"></i>absent: no estimate</p>'
    frames = [
        [f"{found.statuses[s]:,}", f"{found.statuses[s] / total:.1%}", s.name.lower(), words]
        for s, words in _STATUS_WORDS.items()
        if found.statuses[s]
    ]
    parts = [
        html.table(("frames", "share", "status", "meaning"), frames),
        key,
        html.table(("keypoint", "", "seen", "inferred", "absent"), rows),
    ]
    if residuals is not None:
        parts += [html.heading("Residuals"), _residuals(residuals)]
    if worst:
        parts += [
            html.heading("Frames to look at first"),
            html.table(
                ("frame", "time (s)", "why"), [(m.number, f"{m.time:.3f}", m.why) for m in worst]
            ),
        ]
    return "".join(parts)


def _residuals(found: Residuals) -> str:
    rows = []
    for name, own in zip(found.marks, found.distances.T, strict=True):
        known = own[np.isfinite(own)]
        if len(known):
            rows.append([name, *(float(np.quantile(known, q)) for q in (0.5, 0.9)), len(known)])
    known = found.distances[np.isfinite(found.distances)]
    if not len(known):
        return ""
    told = (
        f"From tracked to reprojected point: median {np.median(known):.2f} px, 90 % below "
        f"{np.quantile(known, 0.9):.2f} px, in the first {len(found.distances):,} frames."
    )
    return html.paragraph(told) + html.table(("mark", "median (px)", "90 % (px)", "points"), rows)


def calibration(company: Company) -> str:
    """Return what is known of the cameras, and whether they may be trusted."""
    rows = []
    for camera in company.cameras:
        view = " x ".join("–" if a is None else f"{a:.0f}°" for a in fields_of_view(camera))
        floor = "–"
        if camera.floor_plane is not None:
            height = camera.floor_plane[:3] @ camera.position + camera.floor_plane[3]
            floor = f"{height:.0f} mm below the camera"
        size = f"{camera.size[0]} x {camera.size[1]} px"
        rows.append(
            [camera.name, camera_verdict(camera)[0], size, view, floor, camera.source or "–"]
        )
    return html.table(("camera", "verdict", "image", "field of view", "floor", "source"), rows)


def overlays(views: Sequence[VideoView], result: Result, clips: Sequence[Clip]) -> str:
    """Return pictures of the videos with the pose drawn on them, in the middle of each clip."""
    parts = []
    for view in views:
        if view.warning:
            parts.append(f'<div class="warning">{html.paragraph(view.warning)}</div>')
        pictures = []
        for clip in clips:
            place = (clip.start + clip.stop) // 2
            image = view.close_up(place, drawn=True)
            if image is not None:
                words = f"{clip.title}: {view.path.name}, frame {result.frame_numbers[place]}"
                pictures.append(html.photograph(image, words))
        if pictures:
            parts.append(f'<div class="pictures">{"".join(pictures)}</div>')
    return "".join(parts)


def gait(company: Company, folder: Path) -> str:
    """Return the tables and pictures of `mousepose gait`, where it was run."""
    if company.strides is None or company.walks is None or company.gait_folder is None:
        return ""
    strides, walks = company.strides, company.walks
    good = strides[strides["quality"].isin(("good", "no paw"))]
    told = f"{len(walks):,} bouts of locomotion, {len(strides):,} strides, {len(good):,} usable."
    rows = []
    for limb, own in good.groupby("limb"):
        rows.append([str(limb), len(own)] + [_median(own, name) for name, _ in _GAIT_MEASURES])
    columns = ("limb", "strides", *(words for _, words in _GAIT_MEASURES))
    parts = [html.paragraph(told), html.table(columns, rows)]
    rhythm = company.gait_folder / "rhythm.parquet"
    if rhythm.is_file() and len(walks):
        needed = ("stride_length_mm", "stride_frequency_hz", "speed_mm_s")
        found = Gait(strides, read_table(rhythm, needed), walks)
        drawn = [
            html.picture(path, path.stem.replace("-", " ")) for path in draw_gait(folder, found)
        ]
        parts.append(f'<div class="pictures wide">{"".join(drawn)}</div>')
    return "".join(parts)


def _median(table: pd.DataFrame, name: str) -> float:
    return float(table[name].median()) if name in table.columns else float("nan")


def behaviour(company: Company, result: Result, folder: Path) -> str:
    """Return when which behaviour was shown and for how long, where that is known."""
    bouts = company.behaviour
    if bouts is None or not len(bouts):
        return ""
    length = bouts["stop_s"] - bouts["start_s"]
    seconds = float(result.times[-1] - result.times[0]) or 1.0
    rows = []
    for kind, own in length.groupby(bouts["behaviour"].astype(str)):
        rows.append(
            [str(kind), len(own), float(own.sum()), f"{own.sum() / seconds:.1%}",
             float(own.median())]
        )  # fmt: skip
    path = folder / "behaviour.png"
    draw_bouts(path, bouts, (float(result.times[0]), float(result.times[-1])))
    columns = ("behaviour", "bouts", "seconds", "share of time", "median bout (s)")
    return html.table(columns, rows) + html.picture(path, "behaviour in time")


def provenance(result: Result) -> str:
    """Return how the poses came about, as the file says it."""
    plain = json.dumps(_short(dict(result.provenance)), indent=1, ensure_ascii=False)
    rows = [
        ["file", result.path.name],
        ["animal", result.animal],
        ["frame of reference", str(result.about["frame"])],
        ["scale from", str(result.about["scale_source"])],
        ["written by", f"mousepose {result.provenance.get('version', '(not told)')}"],
    ]
    return html.table(("what", ""), rows) + f"<pre>{escape(plain)}</pre>"


def _short(value: object) -> object:
    """Return plain data with long lists of numbers in a few words."""
    if isinstance(value, dict):
        return {str(key): _short(own) for key, own in value.items()}
    if isinstance(value, list):
        if np.size(np.asarray(value, object)) > _LONG or any(isinstance(v, list) for v in value):
            return f"({len(value)} entries)"
        return [_short(own) for own in value]
    return value
