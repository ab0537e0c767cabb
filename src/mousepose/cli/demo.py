"""`mousepose demo`: a simulated mouse whose true pose is known, filmed and reconstructed.

The film is rendered, and goes through the whole chain; `--no-film` simulates the keypoints, too.
"""

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
    from mousepose.simulate import SimulatedWalk
    from mousepose.types import Keypoints2D, PoseSequence, Progress

#: What the camera of the demonstration does wrong.
NOISE_PX, HIDDEN_FEET, OUTLIERS = 2.0, 0.3, 0.02
GAPS = ((2.0, 2.25), (5.0, 5.3))
SECONDS, FRAMES_PER_SECOND = 8.0, 60.0
STRIDE_MM, STRIDES_PER_SECOND = 55.0, 2.6  # a walk, 143 mm/s
#: The film: its length, its camera, how wide a circle the mouse walks.
FILM_SECONDS, FILM_FPS, FILM_PX, FILM_FOCAL_PX, FILM_RADIUS_MM = 4.0, 30.0, 400, 470.0, 95.0
#: Of its keypoints those that are less sure than this are told apart as not seen.
_SURE = 0.3

EXAMPLES = """
Examples:

  mousepose demo

  mousepose demo --no-film

  mousepose demo --video cage.mp4 -o mine
"""

Folder = Annotated[Path, typer.Option("--output", "-o", help="The folder to write into.")]
Seed = Annotated[int, typer.Option(help="Another seed is another mouse on another walk.")]
Filmed = Annotated[
    bool, typer.Option("--film/--no-film", help="Find the keypoints in a film, or simulate them.")
]
OwnVideo = Annotated[
    Path | None, typer.Option("--video", metavar="FILE", help="The same on a video of your own.")
]
Plots = Annotated[bool, typer.Option("--plots", help="Draw all pictures, not only the overview.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]


def demo(
    output: Folder = Path("mousepose-demo"), seed: Seed = 0, film: Filmed = True,
    video: OwnVideo = None, plots: Plots = False, debug: Debug = False,
) -> None:  # fmt: skip
    """Simulate a walking mouse, reconstruct it from one camera and compare with the truth."""
    with told(debug):
        if video is not None:
            _own(video, output)
            return
        started = time.perf_counter()
        from mousepose.fit.ahead import compile_ahead

        compile_ahead()
        from mousepose.cli.pictures import draw_overview, draw_pictures
        from mousepose.cli.progress import ProgressReport
        from mousepose.run.streaming import first_frames, run

        with ProgressReport() as progress:
            progress("simulating", 0, 0)
            output.mkdir(parents=True, exist_ok=True)
            job, truth = _filmed(output, seed, progress) if film else _simulated(output, seed)
            outcome = run(job, progress)
            keypoints, sequence = first_frames(job, len(truth))
            written = [_overlay(output, job, progress)] if film else []
            progress("drawing", 0, 0)
            if plots:
                offset = outcome.animal.offset
                written += draw_pictures(output, keypoints, sequence, job.setup, offset, truth)
            else:
                written += [draw_overview(output, keypoints, sequence, job.setup, truth)]
        _print_table(_rows(sequence, truth, keypoints))
        typer.echo(f"\n{outcome.frames} frames, {outcome.frames / outcome.seconds:,.0f} frames/s")
        typer.echo(f"scale from: {job.setup.scale_source}")
        inputs = [*job.files.paths, output / "camera.toml"]
        typer.echo("wrote " + ", ".join(str(p) for p in [*inputs, job.output, *written]))
        typer.echo(
            f"in {time.perf_counter() - started:.0f} s. The same by hand:\n  {_by_hand(job, film)}"
        )


def _own(video: Path, output: Path) -> None:
    """Reconstruct a video of the user's own as `mousepose reconstruct` does."""
    from mousepose.cli.config import ReconstructConfig
    from mousepose.cli.execution import carry_out
    from mousepose.cli.from_video import from_videos, write_overlay
    from mousepose.cli.plan import make_plan

    settings, videos = from_videos(ReconstructConfig(inputs=[video], output=output), False)
    plan = make_plan(settings)
    carry_out(plan)
    write_overlay(plan, videos)


def _filmed(folder: Path, seed: int, progress: Progress) -> tuple[Job, PoseSequence]:
    """Film a simulated walk and find its keypoints; return the job of the fit, and the truth."""
    from mousepose.detect.shipped import shipped_model
    from mousepose.fit.config import FitConfig, Scale
    from mousepose.fit.setup import Setup
    from mousepose.io import write_cameras
    from mousepose.run.demo_film import film
    from mousepose.run.keypoint_files import KeypointFiles
    from mousepose.run.predict import LIKELY, VideoJob, predict
    from mousepose.run.streaming import Job
    from mousepose.simulate import watching_camera

    walk = _walk(FILM_SECONDS, FILM_FPS, FILM_RADIUS_MM, seed)
    camera = watching_camera(
        distance_mm=520.0, elevation_deg=62.0, focal_px=FILM_FOCAL_PX, size=(FILM_PX, FILM_PX)
    )
    made = film(walk, camera, folder / "film.mp4", progress, seed)
    write_cameras(folder / "camera.toml", [camera])
    table = folder / "keypoints.parquet"
    predict(VideoJob(made.video, table, shipped_model(), view="top", resume=False), progress)
    config = FitConfig(min_confidence=LIKELY)
    setup = Setup.of(camera, scale=Scale.floor(), config=config)
    files = KeypointFiles((table,))
    return Job(files, setup, folder / "poses.parquet", resume=False), made.truth


def _overlay(folder: Path, job: Job, progress: Progress) -> Path:
    """Write the film with the poses drawn on it."""
    from mousepose.report.overlay_keypoints import write_pose_overlay

    target = folder / "overlay.mp4"
    camera = job.setup.cameras[0]
    write_pose_overlay(folder / "film.mp4", [job.output], camera, target, progress)
    return target


def _walk(seconds: float, fps: float, radius_mm: float, seed: int) -> SimulatedWalk:
    """Return a walk of a mouse that differs from the mean one in size and proportions."""
    from mousepose.body.default import default_body
    from mousepose.body.prior import load_prior
    from mousepose.simulate import walking_mouse

    body, prior = default_body(), load_prior()
    random = np.random.default_rng(seed)
    change = 0.5 * body.shape_space.sd * random.standard_normal(len(body.shape_space))
    shape = np.array(prior.shape) + change
    return walking_mouse(
        body, seconds, fps, stride_length_mm=STRIDE_MM, strides_per_second=STRIDES_PER_SECOND,
        turn_radius_mm=radius_mm, shape=shape, posture=prior.mean, seed=seed,
    )  # fmt: skip


def _simulated(folder: Path, seed: int) -> tuple[Job, PoseSequence]:
    """Write the files of a simulated recording; return the job of reconstructing it, and its truth.

    The reconstruction is not told the size of the mouse: the floor in the camera file gives the
    scale.
    """
    from mousepose.body.default import default_body
    from mousepose.fit.config import Scale
    from mousepose.fit.setup import Setup
    from mousepose.io import write_cameras, write_dlc_csv
    from mousepose.run.keypoint_files import KeypointFiles
    from mousepose.run.streaming import Job
    from mousepose.simulate import observe, watching_camera

    body = default_body()
    walk = _walk(SECONDS, FRAMES_PER_SECOND, 150.0, seed)
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
    seen = np.isfinite(keypoints.xy[:, 0, :, 0]) & (keypoints.confidence[:, 0] >= _SURE)
    empty = ~np.isfinite(keypoints.xy[:, 0, :, 0]).any(axis=1, keepdims=True)
    feet = np.array([name.endswith("_PAW") for name in names])
    groups = {
        "all keypoints": np.ones_like(seen),
        "feet the camera saw": seen & feet,
        "feet it did not see": ~seen & feet & ~empty,
        "gaps, nothing seen": empty & np.ones_like(seen),
    }
    return [
        _Row(name, compare_with_truth(sequence, truth.keypoints, among))
        for name, among in groups.items()
        if among.any()
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


def _by_hand(job: Job, film: bool) -> str:
    folder = job.output.parent
    of_film = [folder / "film.mp4", "--view", "top"]
    of_keypoints = [job.files.paths[0], "--fps", f"{FRAMES_PER_SECOND:g}"]
    words = ["mousepose", "reconstruct", *(of_film if film else of_keypoints)]
    words += ["--camera", folder / "camera.toml", "--floor", "--output", job.output]
    return shlex.join([str(word) for word in [*words, "--plots", folder / "plots"]])
