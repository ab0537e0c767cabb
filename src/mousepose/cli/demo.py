"""`mousepose demo`: a simulated mouse whose true pose is known, reconstructed from one camera."""

from __future__ import annotations

import shlex
import time
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import numpy as np
import typer

from mousepose.cli.failures import told

if TYPE_CHECKING:
    from mousepose.report import Accuracy
    from mousepose.run.streaming import Job
    from mousepose.types import Keypoints2D, PoseSequence

#: What the camera of the demonstration does wrong.
NOISE_PX, HIDDEN_FEET, OUTLIERS = 2.0, 0.3, 0.02
GAPS = ((2.0, 2.25), (5.0, 5.3))
SECONDS, FRAMES_PER_SECOND = 8.0, 60.0
STRIDE_MM, STRIDES_PER_SECOND = 55.0, 2.6  # a walk, 143 mm/s

Folder = Annotated[Path, typer.Option("--output", "-o", help="The folder to write into.")]
Seed = Annotated[int, typer.Option(help="Another seed is another mouse on another walk.")]
Plots = Annotated[bool, typer.Option("--plots", help="Draw all pictures, not only the overview.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]


def demo(
    output: Folder = Path("mousepose-demo"), seed: Seed = 0, plots: Plots = False,
    debug: Debug = False,
) -> None:  # fmt: skip
    """Simulate a walking mouse, reconstruct it from one camera and compare with the truth."""
    with told(debug):
        started = time.perf_counter()
        from mousepose.fit.ahead import compile_ahead

        compile_ahead()
        from mousepose.cli.pictures import draw_overview, draw_pictures
        from mousepose.cli.progress import ProgressReport
        from mousepose.run.streaming import first_frames, run

        with ProgressReport() as progress:
            progress("simulating", 0, 0)
            output.mkdir(parents=True, exist_ok=True)
            job, truth = _simulated(output, seed)
            outcome = run(job, progress)
            keypoints, sequence = first_frames(job, len(truth))
            progress("drawing", 0, 0)
            if plots:
                offset = outcome.animal.offset
                pictures = draw_pictures(output, keypoints, sequence, job.setup, offset, truth)
            else:
                pictures = [draw_overview(output, keypoints, sequence, job.setup, truth)]
        _print_table(_rows(sequence, truth, keypoints))
        typer.echo(f"\n{outcome.frames} frames, {outcome.frames / outcome.seconds:,.0f} frames/s")
        typer.echo(f"scale from: {job.setup.scale_source}")
        inputs = [*job.files.paths, output / "camera.toml"]
        typer.echo("wrote " + ", ".join(str(p) for p in [*inputs, job.output, *pictures]))
        typer.echo(
            f"in {time.perf_counter() - started:.0f} s. The same by hand:\n  {_by_hand(job)}"
        )


def _simulated(folder: Path, seed: int) -> tuple[Job, PoseSequence]:
    """Write the files of a simulated recording; return the job of reconstructing it, and its truth.

    The mouse differs from the mean one in size and proportions, which the reconstruction is not
    told: the floor in the camera file gives the scale.
    """
    from mousepose.body.default import default_body
    from mousepose.body.prior import load_prior
    from mousepose.fit.config import Scale
    from mousepose.fit.setup import Setup
    from mousepose.io import write_cameras, write_dlc_csv
    from mousepose.run.keypoint_files import KeypointFiles
    from mousepose.run.streaming import Job
    from mousepose.simulate import observe, walking_mouse, watching_camera

    body, prior = default_body(), load_prior()
    random = np.random.default_rng(seed)
    change = 0.5 * body.shape_space.sd * random.standard_normal(len(body.shape_space))
    shape = np.array(prior.shape) + change
    walk = walking_mouse(
        body, SECONDS, FRAMES_PER_SECOND, stride_length_mm=STRIDE_MM,
        strides_per_second=STRIDES_PER_SECOND, turn_radius_mm=150.0, shape=shape,
        posture=prior.mean, seed=seed,
    )  # fmt: skip
    camera = watching_camera(distance_mm=560.0, elevation_deg=30.0)
    keypoints = observe(
        body, walk.pose, walk.times, camera, noise_px=NOISE_PX, occluded_feet=HIDDEN_FEET,
        gaps=GAPS, outliers=OUTLIERS, seed=seed,
    )  # fmt: skip
    write_dlc_csv(folder / "keypoints.csv", keypoints)
    write_cameras(folder / "camera.toml", [camera])
    files = KeypointFiles((folder / "keypoints.csv",), FRAMES_PER_SECOND)
    setup = Setup.of(camera, scale=Scale.floor())
    return Job(files, setup, folder / "poses.parquet", resume=False), walk.sequence(body)


@dataclass(frozen=True)
class _Row:
    name: str
    accuracy: Accuracy


def _rows(sequence: PoseSequence, truth: PoseSequence, keypoints: Keypoints2D) -> list[_Row]:
    from mousepose.report import compare_with_truth

    names = np.array(sequence.keypoint_names)
    seen = np.isfinite(keypoints.xy[:, 0, :, 0])
    feet = np.array([name.endswith("_PAW") for name in names])
    gap = ~seen.any(axis=1, keepdims=True)
    groups = {
        "all keypoints": np.ones_like(seen),
        "feet the camera saw": seen & feet,
        "feet it did not see": ~seen & feet & ~gap,
        "gaps, nothing seen": gap & np.ones_like(seen),
    }
    return [
        _Row(name, compare_with_truth(sequence, truth.keypoints, among))
        for name, among in groups.items()
    ]


def _print_table(rows: list[_Row]) -> None:
    from rich.console import Console
    from rich.table import Table

    table = Table(title="Error against the truth, one camera", title_justify="left")
    table.add_column("", no_wrap=True)
    for title in (
        "root-aligned\nmm",
        "rigid-aligned\nmm",
        "in place\nmm",
        "truth in the\n90 % region",
    ):
        table.add_column(title, justify="right")
    for row in rows:
        found = row.accuracy
        table.add_row(
            row.name,
            f"{found.root:.1f}",
            f"{found.rigid:.1f}",
            f"{found.place:.1f}",
            f"{found.in_90_region:.0%}",
        )
    Console().print(table)


def _by_hand(job: Job) -> str:
    folder = job.output.parent
    words = ["mousepose", "reconstruct", job.files.paths[0], "--camera", folder / "camera.toml"]
    words += ["--fps", f"{FRAMES_PER_SECOND:g}", "--floor", "--output", job.output]
    return shlex.join([str(word) for word in [*words, "--plots", folder / "plots"]])
