"""What `mousepose triangulate` tells: the cameras it found, the points, and both as figures."""

from __future__ import annotations

import json
import math
from pathlib import Path
from typing import Any

import numpy as np
from rich.console import Console
from rich.table import Table

from mousepose.atomic import atomic_path
from mousepose.calibrate.self_calibration import SelfCalibration
from mousepose.geometry.triangulate_robust import PointState
from mousepose.run.triangulate import Triangulated


def print_calibration(found: SelfCalibration, focal_sd: float) -> None:
    """Print where the cameras were found to stand, and what that is worth."""
    console, quality = Console(), found.quality
    table = Table("camera", "images used", "median px", "turn +- deg", "place +- %", "focal px")
    distance = np.linalg.norm(found.cameras[0].position - np.nanmedian(found.points, axis=(0, 1)))
    for index, camera in enumerate(found.cameras):
        focal = f"{camera.matrix[0, 0]:.0f}"
        if focal_sd:
            focal += f" +- {quality.focal_sd[index]:.1%}"
        table.add_row(
            camera.name,
            f"{quality.points[index]:,}",
            f"{quality.median_px[index]:.2f}",
            f"{quality.turn_sd[index]:.2f}" if index else "-",
            f"{100 * quality.place_sd[index]:.1f}" if index else "-",
            focal,
        )
    console.print(table)
    console.print(
        f"{quality.frames} frames, the animal in {quality.places} places, about {distance:.0f} mm "
        f"from {found.cameras[0].name}; rays meet at {quality.degrees:.0f} degrees",
        soft_wrap=True,
    )
    console.print(
        f"scale from {found.scale_from}: all lengths +- {quality.scale_percent:.0f} % (1 SD)",
        soft_wrap=True,
    )
    if focal_sd:
        console.print(
            "the lens was taken to be centred and without distortion; a calibrated lens is better",
            soft_wrap=True,
        )
    for finding in found.findings:
        console.print(
            f"{finding.level.upper()} {finding.who}: {finding.what}; {finding.advice}",
            soft_wrap=True, markup=False,
        )  # fmt: skip


def print_result(done: Triangulated) -> None:
    """Print how well the cameras agree, and what became of the points."""
    console, report = Console(), done.report
    table = Table("camera", "images used", "left out", "median px", "rms px")
    rows = zip(
        report.camera_names, report.used.sum(axis=1), report.left_out("camera"),
        report.median("camera"), report.rms("camera"), strict=True,
    )  # fmt: skip
    for name, used, out, median, rms in rows:
        table.add_row(name, f"{used:,}", f"{out:.1%}", f"{median:.2f}", f"{rms:.2f}")
    console.print(table)
    states = report.states.sum(axis=0)
    parts = [f"{report.known:,} of {report.total:,} points known ({done.frames:,} frames)"]
    parts += [
        f"{states[state]:,} {words}"
        for state, words in (
            (PointState.UNSEEN, "seen by fewer than two cameras"),
            (PointState.DISAGREE, "on which views disagree"),
            (PointState.PARALLEL, "with parallel rays"),
        )
        if states[state]
    ]
    console.print("; ".join(parts), soft_wrap=True)
    spread = done.first.points.covariance
    if spread is not None and np.isfinite(spread).any():
        sd = float(np.sqrt(np.nanmedian(np.trace(spread, axis1=-2, axis2=-1))))
        low, high = float(done.noise.min()), float(done.noise.max())
        console.print(
            f"noise of the images: {low:.1f} to {high:.1f} px by keypoint, as measured; a point is "
            f"exact to {sd:.2f} mm (1 SD in space, median)",
            soft_wrap=True,
        )


def write_figures(path: Path, done: Triangulated, found: SelfCalibration | None) -> Path:
    """Write the figures of a run as JSON and return the path."""
    report = done.report
    document: dict[str, Any] = {
        "frames": done.frames,
        "points": {state.name.lower(): int(report.states[:, state].sum()) for state in PointState},
        "cameras": _rows(report.camera_names, "camera", done),
        "keypoints": _rows(report.keypoint_names, "keypoint", done),
    }
    for name, noise in zip(report.keypoint_names, done.noise, strict=True):
        document["keypoints"][name]["noise_px"] = _number(noise)
    if found is not None:
        quality = found.quality
        document["self_calibration"] = {
            "good": found.good,
            "scale_from": found.scale_from,
            "scale_percent": _number(quality.scale_percent),
            "frames": quality.frames,
            "places": quality.places,
            "degrees": _number(quality.degrees),
            "findings": [finding._asdict() for finding in found.findings],
        }
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
    return path


def _rows(names: tuple[str, ...], by: str, done: Triangulated) -> dict[str, Any]:
    report = done.report
    columns = zip(
        names, report.used.sum(axis=1 if by == "camera" else 0), report.left_out(by),
        report.median(by), report.rms(by), strict=True,
    )  # fmt: skip
    return {
        name: {
            "used": int(used),
            "left_out": _number(out),
            "median_px": _number(median),
            "rms_px": _number(rms),
        }
        for name, used, out, median, rms in columns
    }


def _number(value: float) -> float | None:
    """Return a number that JSON can hold."""
    return round(float(value), 6) if math.isfinite(value) else None
