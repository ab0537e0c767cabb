"""The report of a result: one HTML file with everything in it, that opens without a network."""

from __future__ import annotations

import json
from collections.abc import Sequence
from contextlib import ExitStack
from dataclasses import dataclass
from html import escape
from importlib.resources import files
from pathlib import Path
from tempfile import TemporaryDirectory

from mousepose import __version__
from mousepose.atomic import atomic_path
from mousepose.body.model import BodyModel
from mousepose.body.of_sequence import body_of
from mousepose.errors import InputError
from mousepose.report import page_html as html
from mousepose.report import page_sections as sections
from mousepose.report.page_advice import Advice, warnings_of
from mousepose.report.page_clips import player_data
from mousepose.report.page_limits import limits_of, note_on_angles
from mousepose.report.page_pictures import draw_angles, draw_poses, draw_whole
from mousepose.report.page_residuals import Residuals, residuals_of
from mousepose.report.page_stage import Stage, stage_of
from mousepose.report.page_views import VideoView, video_views
from mousepose.run.report_company import Company, company_of
from mousepose.run.report_result import Result
from mousepose.run.report_survey import Clip, Survey, survey, telling_clips, worst_frames
from mousepose.run.report_tracker import trackers_of
from mousepose.types import Progress

#: A file that is to be sent by mail; player, pictures and overlays stay far below it.
MAX_BYTES = 15_000_000
#: Nothing is loaded from anywhere, whatever the texts of a file may say.
_POLICY = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:"


@dataclass(frozen=True, eq=False)
class PageJob:
    """What to report on, and where to.

    Files that are None are looked for beside the result; `videos` are drawn on where given. `body`
    is that of the fit, by default the one that comes with the package. `clip_s` is the length of
    the best and worst stretches in s.
    """

    result: Path
    output: Path
    videos: tuple[Path, ...] = ()
    camera: Path | None = None
    body: BodyModel | None = None
    gait: Path | None = None
    behaviour: Path | None = None
    keypoints: Path | None = None
    animal: str | None = None
    clip_s: float = 1.0


@dataclass(frozen=True)
class PageOutcome:
    """What was written: `bytes` of it, and the warnings that stand in it."""

    bytes: int
    warnings: tuple[str, ...]


@dataclass(frozen=True, eq=False)
class _Known:
    """All that the sections are made of."""

    result: Result
    company: Company
    found: Survey
    stage: Stage
    clips: list[Clip]
    body: BodyModel | None
    views: list[VideoView]
    residuals: Residuals | None
    advice: list[Advice]


def write_report(job: PageJob, progress: Progress | None = None) -> PageOutcome:
    """Write the report of a result as one HTML file.

    Raises `FileError` and `InputError` on a result or a given file that cannot be used.
    """
    tell = progress or _quiet
    with ExitStack() as stack:
        known = _gather(job, stack, tell)
        folder = Path(stack.enter_context(TemporaryDirectory()))
        tell("drawing", 0, 0)
        page = _page(known, folder)
        data = page.encode("utf-8")
        if len(data) > MAX_BYTES:
            raise InputError(
                f"{job.output}: the report has {len(data) / 1e6:.0f} MB and may have "
                f"{MAX_BYTES / 1e6:.0f}; take shorter clips (--clip) or fewer videos"
            )
        with atomic_path(job.output) as temporary:
            temporary.write_bytes(data)
        return PageOutcome(len(data), tuple(one.what for one in known.advice))


def _gather(job: PageJob, stack: ExitStack, tell: Progress) -> _Known:
    """Read all that is needed; what is opened is closed by `stack`."""
    result = stack.enter_context(Result(job.result, job.animal))
    company = company_of(result, job.camera, job.gait, job.behaviour)
    views = video_views(job.videos, company.cameras, result)
    for view in views:
        stack.callback(view.close)
    found = survey(result, tell)
    stage = stage_of(result.at(0)[0], company.cameras)
    advice = warnings_of(result, found, company)
    advice += limits_of(company, stage, trackers_of(result, job.keypoints))
    body: BodyModel | None = None
    try:
        body = body_of(result.at(0)[0][:1], job.body)
    except InputError as error:
        advice.append(Advice(f"No skin and no joint angles: {error}", "Give it with --body."))
    advice += [
        Advice(view.warning, "Give the video that the result was made from.")
        for view in views
        if view.warning
    ]
    keypoints = job.keypoints or company.keypoints
    residuals = None
    if keypoints is not None and body is not None and len(company.cameras) == 1:
        residuals = residuals_of(result, keypoints, company.cameras[0], body)
    return _Known(
        result=result,
        company=company,
        found=found,
        stage=stage,
        clips=telling_clips(result, found, job.clip_s),
        body=body,
        views=views,
        residuals=residuals,
        advice=advice,
    )


def _page(known: _Known, folder: Path) -> str:
    """Return the whole page."""
    title = f"{known.result.path.name} · {known.result.animal}"
    data = player_data(known.result, known.stage, known.clips, known.body)
    coded = json.dumps(data, separators=(",", ":"), allow_nan=False).replace("<", "\\u003c")
    parts = [
        f"<h1>{escape(title)}</h1>",
        html.paragraph(f"mousepose {__version__}: report of a 3D pose reconstruction", "quiet"),
        sections.summary(known.result, known.found),
        html.section("What to know before using it", sections.warnings(known.advice)),
        html.section("The best and the worst seconds", sections.player(coded)),
        html.section("Data quality", _whole(known, folder), _quality(known)),
        html.section("In the video", sections.overlays(known.views, known.result, known.clips)),
        html.section("Poses and angles", *_movement(known, folder)),
        html.section("Gait", sections.gait(known.company, folder)),
        html.section("Behaviour", sections.behaviour(known.company, known.result, folder)),
        html.section("Calibration", sections.calibration(known.company)),
        html.section("What was run", sections.provenance(known.result)),
    ]
    return (
        f'<!DOCTYPE html>\n<html lang="en"><head><meta charset="utf-8">'
        f'<meta http-equiv="Content-Security-Policy" content="{_POLICY}">'
        f'<meta name="viewport" content="width=device-width, initial-scale=1">'
        f"<title>{escape(title)}</title><style>{_own('page.css')}</style></head>"
        f"<body>{''.join(parts)}<script>{_own('page_player.js')}</script></body></html>\n"
    )


def _whole(known: _Known, folder: Path) -> str:
    path = folder / "whole.png"
    draw_whole(path, known.result, known.stage, known.found)
    return html.picture(path, f"the whole recording; {known.stage.words}")


def _quality(known: _Known) -> str:
    worst = worst_frames(known.result, known.found, 8)
    return sections.quality(known.result, known.found, worst, known.residuals)


def _movement(known: _Known, folder: Path) -> Sequence[str]:
    """Return pictures of the best and the worst pose, and of joint angles about the best clip."""
    best = [clip for clip in known.clips if not clip.title.startswith("Worst")][:1]
    worst = [clip for clip in known.clips if clip.title.startswith("Worst")][:1]
    parts = []
    path = folder / "poses.png"
    drawn = draw_poses(path, known.result, [*best, *worst])
    if drawn:
        words = "; ".join(f"row {n}: {clip.title.lower()}" for n, clip in enumerate(drawn, 1))
        parts.append(html.picture(path, f"from four sides, {words}"))
    if best and known.body is not None:
        path = folder / "angles.png"
        draw_angles(path, known.result, known.body, best[0])
        parts.append(html.picture(path, f"joint angles about {best[0].title.lower()}"))
        note = note_on_angles(known.result)
        parts += [html.paragraph(note, "quiet")] if note else []
    return parts


def _own(name: str) -> str:
    """Return a file of this folder."""
    return (files("mousepose.report") / name).read_text(encoding="utf-8")


def _quiet(stage: str, done: int, total: int) -> None:
    """Tell nobody."""
