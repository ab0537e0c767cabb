"""`mousepose track`: where the mice are in a video, frame after frame."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from mousepose.cli.failures import told

if TYPE_CHECKING:
    from mousepose.run.track import TrackOutcome

EXAMPLES = """
Examples:

  mousepose track cage.mp4 -o boxes.parquet --overlay boxes.mp4

  mousepose track pair.mkv --animals 2 -o boxes.parquet

For a camera that stands still. A mouse that is not there has no box (NaN, state "absent").
"""

Source = Annotated[
    Path,
    typer.Argument(metavar="VIDEO", help="A video, or a folder of images.", show_default=False),
]
Output = Annotated[
    Path,
    typer.Option("--output", "-o", help="The table to write, .parquet.", show_default=False),
]
Animals = Annotated[int, typer.Option(help="How many mice are in the cage.", min=1, max=20)]
Overlay = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Also write a video with the boxes, .mp4.")
]
Find = Annotated[
    Literal["auto", "background", "network", "keypoints"],
    typer.Option(
        "--method",
        help="Find mice by what differs from the empty cage, by a network, by their keypoints "
        "(also where they never move), or as the video asks.",
    ),
]
Detector = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="A network that finds mice (mousepose train --kind detector)."
    ),
]
Fps = Annotated[
    float | None, typer.Option(help="Frames per second of a folder of images.", min=0.001)
]
Resume = Annotated[
    bool,
    typer.Option("--resume/--no-resume", help="Go on with an interrupted run, or start afresh."),
]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]


def track(
    video: Source,
    output: Output,
    animals: Animals = 1,
    overlay: Overlay = None,
    method: Find = "auto",
    detector: Detector = None,
    fps: Fps = None,
    resume: Resume = True,
    debug: Debug = False,
) -> None:
    """Find and follow the mice of a video: a box of each in every frame, seen, inferred, absent."""
    with told(debug, goes_on=True):
        from mousepose.cli.progress import ProgressReport
        from mousepose.detect.shipped import shipped_model
        from mousepose.report.overlay import write_box_overlay
        from mousepose.run.track import TrackJob, track_video

        with ProgressReport() as progress:
            job = TrackJob(
                video, output, animals, resume=resume, fps=fps, method=method,
                detector=detector, model=shipped_model(),
            )  # fmt: skip
            found = track_video(job, progress)
            written = [output]
            if overlay is not None:
                write_box_overlay(video, output, overlay, progress)
                written.append(overlay)
        _print(found)
        typer.echo("wrote " + ", ".join(map(str, written)))


def _print(found: TrackOutcome) -> None:
    again = f", {found.resumed:,} of them before" if found.resumed else ""
    typer.echo(f"{found.frames:,} frames in {found.seconds:.1f} s{again}")
    for animal in range(found.animals):
        seen, inferred = found.seen[animal], found.inferred[animal]
        absent = found.frames - seen - inferred
        typer.echo(
            f"mouse {animal}: seen in {seen / found.frames:.1%} of the frames, inferred in "
            f"{inferred / found.frames:.1%}, absent in {absent / found.frames:.1%}"
        )
    if found.damaged:
        typer.echo(f"{found.damaged:,} frames are damaged and were not looked at")
    if found.extra:
        typer.echo(
            f"more than {found.animals} mice (or what looks like one) in {found.extra:,} frames: "
            "look at them with --overlay, or say --animals"
        )
    if found.risky:
        typer.echo(f"in {found.risky:,} frames a mouse may have been taken for another (swap_risk)")
    for number, event in found.events[:10]:
        typer.echo(f"frame {number:,}: {event}")
    if len(found.events) > 10:
        typer.echo(f"and {len(found.events) - 10:,} more events (column event)")
    if not any(found.seen):
        typer.echo(
            "no mouse was found: a mouse that hardly moves in the whole video is part of the "
            "background; give a longer video",
            err=True,
        )
