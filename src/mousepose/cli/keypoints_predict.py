"""`mousepose keypoints predict`: a video in, the 2D keypoints of its mice out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from mousepose.cli.failures import UsageError, told
from mousepose.cli.track import Animals, Debug, Detector, Find, Fps, Output, Resume, Source

if TYPE_CHECKING:
    from mousepose.run.predict import Seen

EXAMPLES = """
Examples:

  mousepose keypoints predict cage.mp4 -o mouse.parquet --view top --overlay seen.mp4

  mousepose keypoints predict pair.mkv --animals 2 -o mice.parquet

  mousepose keypoints predict cage.mp4 --model mine.onnx -o mouse.parquet

For a camera that stands still. Say the view where you know it: a mouse seen from below is a mouse
seen from above with left and right exchanged.
"""

View = Literal["top", "side", "bottom"]

Model = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE", help="Another keypoint network (.onnx).", show_default="the shipped one"
    ),
]
Seen_from = Annotated[
    View | None, typer.Option("--view", help="How the camera sees mice, where you know it.")
]
Overlay = Annotated[
    Path | None, typer.Option(metavar="FILE", help="Also write a video with the keypoints, .mp4.")
]
Threads = Annotated[int, typer.Option(help="Threads of the network, 0 for all cores.", min=0)]


def predict(
    video: Source,
    output: Output,
    model: Model = None,
    animals: Animals = 1,
    view: Seen_from = None,
    overlay: Overlay = None,
    method: Find = "auto",
    detector: Detector = None,
    fps: Fps = None,
    resume: Resume = True,
    threads: Threads = 0,
    debug: Debug = False,
) -> None:
    """Find the 22 keypoints of every mouse in a video, each with its confidence and covariance."""
    with told(debug, goes_on=True):
        from mousepose.cli.progress import ProgressReport
        from mousepose.detect.shipped import shipped_model
        from mousepose.report.overlay_keypoints import write_keypoint_overlay
        from mousepose.run.predict import VideoJob
        from mousepose.run.predict import predict as predict_video

        if output.suffix != ".parquet":
            raise UsageError(
                f"--output {output}: keypoints are written as Parquet; give NAME.parquet, and "
                "mousepose convert makes any other format of it"
            )
        job = VideoJob(
            video, output, model or shipped_model(), animals, view, fps, resume=resume,
            threads=threads, method=method, detector=detector,
        )  # fmt: skip
        with ProgressReport() as progress:
            seen = predict_video(job, progress)
            written = [output]
            if overlay is not None:
                write_keypoint_overlay(video, output, overlay, progress, fps)
                written.append(overlay)
        for line in lines(seen):
            typer.echo(line)
        typer.echo("wrote " + ", ".join(map(str, written)))


def lines(seen: Seen) -> list[str]:
    """Return what is to be said of a video that was looked at."""
    again = f", {seen.resumed:,} of them before" if seen.resumed else ""
    rate = seen.frames / max(seen.seconds, 1e-3)
    said = [f"{seen.frames:,} frames in {seen.seconds:.1f} s ({rate:,.0f} frames/s){again}"]
    for animal, (there, hidden) in enumerate(zip(seen.seen, seen.hidden, strict=True)):
        absent = seen.frames - there - hidden
        said.append(
            f"mouse{animal}: seen in {there / seen.frames:.1%} of the frames, hidden in "
            f"{hidden / seen.frames:.1%}, not there in {absent / seen.frames:.1%}"
        )
    said.append(f"keypoints: mean confidence {seen.sure:.2f}")
    if seen.exchanged:
        said.append(f"left and right were exchanged in {seen.exchanged:,} frames and put right")
    if seen.damaged:
        said.append(f"WARNING: {seen.damaged:,} frames could not be decoded well")
    said += [f"frame {number:,}: {event}" for number, event in seen.events[:20]]
    return said
