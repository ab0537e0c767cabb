"""`mousepose overlay`: a video with the reconstructed mice drawn on it."""

from __future__ import annotations

from enum import StrEnum
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mousepose.cli.failures import UsageError, told

if TYPE_CHECKING:
    from mousepose.report.overlay_video.job import At

EXAMPLES = """
Examples:

  mousepose overlay cage.mp4 out -o overlay.mp4 --turntable

  mousepose overlay cage_top.mp4 poses.parquet --camera rig.toml -o top.mp4 --draw silhouette

  mousepose overlay cage.mp4 ours.parquet theirs.parquet -o both.mp4 --start 12.5s --stop 20s

  mousepose overlay day.mkv out -o day.mkv.mp4 --codec av1 --every 10

--draw takes silhouette, mesh, skeleton, keypoints and ellipses (where a point lies with 90 %),
joined by commas. Dashed bones and hollow points are inferred: the image did not show them.
"""


class CodecName(StrEnum):
    """How the video is packed."""

    h264 = "h264"
    av1 = "av1"


def overlay(
    video: Annotated[
        Path, typer.Argument(metavar="VIDEO", help="The video, or a folder of images.")
    ],
    poses: Annotated[
        list[Path],
        typer.Argument(
            metavar="POSES...",
            help="Poses (.parquet), or folders of mousepose reconstruct; all animals are drawn.",
        ),
    ],
    output: Annotated[
        Path, typer.Option("--output", "-o", help="The video to write: .mp4, .mkv or .mov.")
    ],
    camera: Annotated[
        Path | None,
        typer.Option(help="Camera file of the fit.", show_default="camera.toml beside the poses"),
    ] = None,
    camera_name: Annotated[
        str | None, typer.Option(help="Which camera of the file took the video.")
    ] = None,
    draw: Annotated[
        str, typer.Option(help="What is drawn, joined by commas; all names below.")
    ] = "mesh,skeleton,keypoints",
    turntable: Annotated[
        bool, typer.Option("--turntable", help="Beside the video the mice on their floor, turning.")
    ] = False,
    opacity: Annotated[
        float, typer.Option(min=0, max=1, help="How opaque the mesh is, 0 to 1.")
    ] = 0.75,
    start: Annotated[
        str | None, typer.Option(help="First frame: its number, or a time such as 12.5s.")
    ] = None,
    stop: Annotated[
        str | None, typer.Option(help="The frame before which to stop: a number or a time.")
    ] = None,
    every: Annotated[int, typer.Option(min=1, help="Write each so many-th frame only.")] = 1,
    codec: Annotated[CodecName, typer.Option(help="H.264 plays everywhere, AV1 is smaller.")] = (
        CodecName.h264
    ),
    quality: Annotated[
        int | None,
        typer.Option(min=0, max=63, help="Constant rate factor: lower is better and larger."),
    ] = None,
    audio: Annotated[bool, typer.Option("--audio/--no-audio", help="Copy the sound.")] = True,
    text: Annotated[
        bool, typer.Option("--text/--no-text", help="Write frame number, time and status.")
    ] = True,
    animal: Annotated[str | None, typer.Option(help="Draw only this animal.")] = None,
    body: Annotated[Path | None, typer.Option(help="The body of the fit, if another one.")] = None,
    fps: Annotated[
        float | None, typer.Option(min=0.001, help="Frames per second of a folder of images.")
    ] = None,
    debug: Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")] = False,
) -> None:
    """Draw the mice on their video: skin with hidden surfaces, skeleton, uncertainty, turntable."""
    with told(debug):
        from mousepose.body.body_file import load_body
        from mousepose.cli.progress import ProgressReport
        from mousepose.report.overlay_video.cast import Casting
        from mousepose.report.overlay_video.job import OverlayJob, write_overlay

        casting = Casting(
            tuple(poses), camera=camera, camera_name=camera_name, animal=animal,
            body=None if body is None else load_body(body),
        )  # fmt: skip
        job = OverlayJob(
            video, casting, output, turntable=turntable, text=text,
            draw=tuple(name.strip() for name in draw.split(",") if name.strip()),
            opacity=opacity, start=_moment("--start", start), stop=_moment("--stop", stop),
            every=every, codec=codec.value, quality=quality, audio=audio, fps=fps,
        )  # fmt: skip
        with ProgressReport() as progress:
            done = write_overlay(job, progress)
        for warning in done.warnings:
            typer.echo(f"warning: {warning}", err=True)
        typer.echo(
            f"{output}: {done.frames:,} frames of {done.size[0]} x {done.size[1]} px by "
            f"{done.encoder}, {done.frames / done.seconds:,.0f} frames/s"
        )


def _moment(option: str, text: str | None) -> At | None:
    """Return the frame number or the time that a text such as "300" or "12.5s" means."""
    from mousepose.report.overlay_video.job import At

    if text is None:
        return None
    seconds = text.strip().removesuffix("s")
    try:
        found = At(float(seconds), True) if seconds != text.strip() else At(int(text), False)
    except ValueError:
        raise UsageError(
            f"{option}: expected the number of a frame or a time, as 300 or 12.5s, got {text!r}"
        ) from None
    if not 0 <= found.value < 1e12:
        raise UsageError(f"{option}: expected a frame or a time from 0 on, got {text!r}")
    return found
