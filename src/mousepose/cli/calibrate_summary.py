"""What `mousepose calibrate board` shows of what it found: a table, the verdict, pictures."""

from __future__ import annotations

import re
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from mousepose.calibrate.board_calibration import BoardCalibration
from mousepose.calibrate.verdict import Finding

_MARK = {"fail": "[bold red]FAIL[/]", "warn": "[yellow]warn[/]"}
#: Dropped views that are listed; the pictures show all.
_LISTED = 5


def draw(calibration: BoardCalibration, folder: Path) -> list[Path]:
    """Draw all pictures of a calibration into `folder` and return their paths."""
    from mousepose.report.calibration import plot_lens, plot_rig

    folder.mkdir(exist_ok=True)
    written = []
    for index, camera in enumerate(calibration.cameras):
        name = re.sub(r"[^\w.-]", "_", camera.name)
        written.append(folder / f"{name}.png")
        plot_lens(calibration, index, written[-1])
    if calibration.rig is not None:
        written.append(folder / "rig.png")
        plot_rig(calibration, written[-1])
    return written


def print_summary(calibration: BoardCalibration, console: Console | None = None) -> None:
    """Print the lenses, how the cameras agree, what was dropped, and the verdict."""
    console = console or Console(highlight=False)
    console.print(_lens_table(calibration))
    if calibration.rig_report is not None:
        _print_rig(calibration, console)
    _print_dropped(calibration, console)
    for line in _verdict_lines(calibration.findings):
        console.print(line, soft_wrap=True)
    if calibration.passed:
        console.print("[bold green]PASS[/] the cameras can be used")


def _verdict_lines(findings: Sequence[Finding]) -> Iterator[str]:
    """Yield what is not good, what is serious first, with one advice for all whom it concerns."""
    groups: dict[tuple[str, str], list[Finding]] = {}
    for finding in sorted(findings, key=lambda finding: finding.level):
        groups.setdefault((finding.level, finding.advice), []).append(finding)
    for (level, advice), group in groups.items():
        for finding in group:
            yield f"{_MARK[level]} {escape(f'{finding.who}: {finding.what}')}"
        yield f"     {escape(advice)}"


def _lens_table(calibration: BoardCalibration) -> Table:
    table = Table(
        title=f"Lenses; board: {calibration.views.board}", title_justify="left", box=None,
        padding=(0, 1, 0, 0), pad_edge=False,
    )  # fmt: skip
    table.add_column("\ncamera", no_wrap=True)
    for title in (
        "views\nused", "focal length\npx", "1 SD\n%", "\nterms", "error\npx", "left out\npx",
        "covered\n%", "tilt\ndeg", "distance\nmm",
    ):  # fmt: skip
        table.add_column(title, justify="right", no_wrap=True)
    for report in calibration.lens_reports:
        near, far = report.distances
        fx, fy = report.focal
        table.add_row(
            report.camera.name,
            f"{np.count_nonzero(report.used)}/{len(report.used)}",
            f"{fx:.1f} {fy:.1f}",
            f"{100 * report.focal_doubt:.2f}",
            str(len(report.camera.distortion)),
            f"{report.rms_px:.2f}",
            f"{report.held_out_px:.2f}",
            f"{100 * report.coverage:.0f}",
            f"{report.tilt_deg:.0f}",
            f"{near:.0f}-{far:.0f}",
        )
    return table


def _print_rig(calibration: BoardCalibration, console: Console) -> None:
    report = calibration.rig_report
    assert report is not None
    told = (
        f"rig: {report.frames} frames, error {report.rms_px:.2f} px; in frames left out "
        f"{report.held_out_px:.2f} px, boards true to {report.held_out_mm:.2f} mm and "
        f"{abs(report.held_out_scale):.2%} of their size"
    )
    console.print(told, soft_wrap=True)
    for camera, sd in zip(calibration.cameras, report.position_sd, strict=True):
        x, y, z = camera.position
        doubt = f", 1 SD {sd:.1f} mm" if sd else ""  # the first one stands where the world is
        console.print(f"  {camera.name} stands at ({x:.1f}, {y:.1f}, {z:.1f}) mm{doubt}")


def _print_dropped(calibration: BoardCalibration, console: Console) -> None:
    dropped = [
        (report.camera.name, frame, why)
        for report in calibration.lens_reports
        for frame, why in report.dropped.items()
    ]
    if calibration.rig_report is not None:
        dropped += calibration.rig_report.dropped
    for name, frame, why in dropped[:_LISTED]:
        console.print(f"dropped {name} frame {frame}: {why}")
    if len(dropped) > _LISTED:
        console.print(f"dropped {len(dropped) - _LISTED} more, see the pictures")
