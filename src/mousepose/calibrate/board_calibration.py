"""Cameras from videos of a board, from the search for it to the verdict: the whole way."""

from __future__ import annotations

import os
from collections.abc import Sequence
from dataclasses import dataclass, replace

import numpy as np

from mousepose.calibrate.board import Board
from mousepose.calibrate.board_floor import on_floor
from mousepose.calibrate.board_lens import Lens, Model, check_terms, fit_lens, known_lens
from mousepose.calibrate.board_views import BoardViews, find_board
from mousepose.calibrate.report import LensReport, RigReport, report_lens, report_rig
from mousepose.calibrate.rig import Rig, fit_rig
from mousepose.calibrate.verdict import Finding, judge_lens, judge_rig
from mousepose.errors import InputError
from mousepose.geometry.camera import Camera
from mousepose.types import Progress


@dataclass(frozen=True, eq=False)
class BoardCalibration:
    """Cameras (C) in mm, the views they come from, reports, and what is not good about them.

    The world is the first camera's frame, or stands on the floor where that was asked for. `rig`
    and `rig_report` are None for one camera.
    """

    cameras: tuple[Camera, ...]
    views: BoardViews
    lenses: tuple[Lens, ...]
    rig: Rig | None
    lens_reports: tuple[LensReport, ...]
    rig_report: RigReport | None
    findings: tuple[Finding, ...]

    @property
    def passed(self) -> bool:
        """Whether nothing forbids to use the cameras."""
        return all(finding.level != "fail" for finding in self.findings)


def calibrate_board(
    inputs: Sequence[str | os.PathLike[str]],
    board: Board,
    *,
    names: Sequence[str] | None = None,
    model: Model = "pinhole",
    terms: int | None = None,
    known: Sequence[Camera] | None = None,
    floor_frame: int | None = None,
    thickness_mm: float = 0.0,
    frames: int = 200,
    progress: Progress | None = None,
) -> BoardCalibration:
    """Return the cameras that took videos, or folders of images, of a board.

    One input a camera; several make a rig, whose frames of one number are of one time. `terms`
    distortion terms (None: as many as pay). `known` cameras lend their lenses, by name or else by
    order, and only their places are sought. In `floor_frame` the board lies on the floor, its print
    `thickness_mm` above it. `frames` are looked at in each input.

    Raises `FileError` for footage that cannot be read, `InputError` where the board is not found,
    its order stays open, or cameras share no view of it.
    """
    check_terms(model, terms)
    also = [] if floor_frame is None else [floor_frame]
    views = find_board(inputs, board, names=names, frames=frames, also=also, progress=progress)
    return calibrate_views(
        views, model=model, terms=terms, known=known, floor_frame=floor_frame,
        thickness_mm=thickness_mm, progress=progress,
    )  # fmt: skip


def calibrate_views(
    views: BoardViews,
    *,
    model: Model = "pinhole",
    terms: int | None = None,
    known: Sequence[Camera] | None = None,
    floor_frame: int | None = None,
    thickness_mm: float = 0.0,
    progress: Progress | None = None,
) -> BoardCalibration:
    """Return `calibrate_board` of views that were found already."""
    points, count = views.board.points, len(views.names)
    given = None if known is None else _matched(views, known)
    lenses = []
    for index, name in enumerate(views.names):
        if progress is not None:
            progress("fitting lenses", index, count)
        pixels = views.pixels[index]
        if given is not None:
            lenses.append(known_lens(given[index], points, pixels))
            continue
        widths, size = views.edge_width[index], views.sizes[index]
        lenses.append(fit_lens(points, pixels, widths, size, name=name, model=model, terms=terms))
    if progress is not None:
        progress("fitting lenses", count, count)
    rig = None
    if count > 1:
        floor = np.flatnonzero(views.frame_numbers == floor_frame)
        rig = fit_rig(views, lenses, intrinsics=given is None, keep=floor.tolist())
    cameras = [lens.camera for lens in lenses] if rig is None else list(rig.cameras)
    spread = [lens.deviations for lens in lenses] if rig is None else rig.intrinsics_sd
    lens_reports = tuple(
        report_lens(views, index, lens, cameras[index], spread[index])
        for index, lens in enumerate(lenses)
    )
    rig_report = None if rig is None else report_rig(views, rig)
    if floor_frame is not None:
        cameras = _on_floor(views, rig, cameras, floor_frame, thickness_mm)
    findings = [Finding("warn", "footage", note, "check the recording") for note in views.notes]
    for report in lens_reports:
        findings += judge_lens(report, known=given is not None)
    if rig_report is not None:
        findings += judge_rig(rig_report, [sum(r.distances) / 2 for r in lens_reports])
    source = _source(views, lens_reports, rig_report)
    return BoardCalibration(
        tuple(replace(camera, source=source) for camera in cameras),
        views, tuple(lenses), rig, lens_reports, rig_report, tuple(findings),
    )  # fmt: skip


def _matched(views: BoardViews, known: Sequence[Camera]) -> list[Camera]:
    """Return the known cameras in the order of the views, each named as they are."""
    by_name = {camera.name: camera for camera in known}
    if set(views.names) <= by_name.keys():
        chosen = [by_name[name] for name in views.names]
    elif len(known) == len(views.names):
        chosen = list(known)
    else:
        raise InputError(
            f"the known lenses are of {', '.join(by_name)}; expected {', '.join(views.names)}, or "
            "one for each input in their order"
        )
    for name, size, camera in zip(views.names, views.sizes, chosen, strict=True):
        if camera.size != size:
            raise InputError(
                f"{name}: the known lens is of {camera.size[0]} x {camera.size[1]} px, the footage "
                f"has {size[0]} x {size[1]}"
            )
    pairs = zip(views.names, chosen, strict=True)
    return [replace(camera, name=name) for name, camera in pairs]


def _on_floor(
    views: BoardViews, rig: Rig | None, cameras: list[Camera], frame: int, thickness_mm: float
) -> list[Camera]:
    places = np.flatnonzero(views.frame_numbers == frame)
    pixels = views.pixels[:, places]
    if rig is not None:
        kept = np.flatnonzero(rig.frames == (places[0] if len(places) else -1))
        pixels = rig.pixels[:, kept]  # in the board's one order
    if not pixels.shape[1]:
        raise InputError(
            f"frame {frame}: no camera sees the board there, so it tells no floor; give a frame in "
            "which it lies flat on the floor in full view"
        )
    return on_floor(cameras, views.board.points, pixels[:, 0], thickness_mm)


def _source(views: BoardViews, lenses: Sequence[LensReport], rig: RigReport | None) -> str:
    worst = max((lens.held_out_px for lens in lenses), default=float("nan"))
    error = worst if rig is None or not np.isfinite(rig.held_out_px) else rig.held_out_px
    return f"board ({views.board}), {error:.2f} px in views left out"
