"""`mousepose reconstruct`: files of 2D keypoints in, a table of 3D poses out."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import typer

from mousepose.cli.failures import told

EXAMPLES = """
Examples:

  mousepose reconstruct mouse.csv --camera camera.toml --fps 30 --body-length 90 -o mouse.parquet

  mousepose reconstruct side.h5 top.h5 --camera rig.toml --fps 60 -o mouse.parquet --plots plots

  mousepose reconstruct mouse.parquet --camera intrinsics.txt --weight 24 --keypoints dannce22
  -o poses.parquet

An interrupted run goes on where it stopped when the same command is given again.
"""

Inputs = Annotated[
    list[Path],
    typer.Argument(
        metavar="INPUT...",
        help="Keypoints: a DeepLabCut csv or h5, or a Parquet file; one for each camera.",
        show_default=False,
    ),
]
Cameras = Annotated[
    list[Path],
    typer.Option(
        "--camera",
        help="Calibration TOML, or a text file of a 3x3 matrix. Repeat for several files.",
        show_default=False,
    ),
]
Names = Annotated[
    list[str] | None,
    typer.Option("--camera-name", help="Use only this camera of the files. Repeat for several."),
]
Output = Annotated[
    Path, typer.Option("--output", "-o", help="The Parquet file to write.", show_default=False)
]
Keypoints = Annotated[
    str, typer.Option(help="Keypoint map of the tracker: dataset22, dannce22, or a TOML file.")
]
Fps = Annotated[
    float | None, typer.Option(help="Frames per second, where the file holds no times.")
]
AnimalName = Annotated[str | None, typer.Option(help="Which animal of a file with several.")]
BodyLength = Annotated[
    float | None,
    typer.Option(help="Scale: mm from snout to tail base, straight, as on average.", min=0),
]
Weight = Annotated[float | None, typer.Option(help="Scale: the animal's weight in g.", min=0)]
Bone = Annotated[
    str | None, typer.Option(metavar="NAME=MM", help="Scale: a bone's length, LEFT_KNEE=15.7.")
]
Floor = Annotated[bool, typer.Option("--floor", help="Scale: the camera file's floor plane.")]
CameraHeight = Annotated[
    float | None, typer.Option(help="Scale: mm from the floor to the camera.", min=0)
]
PublishedModel = Annotated[
    Path | None,
    typer.Option(help="Use the body of this folder, files of google/mouse-pose-analysis."),
]
Alone = Annotated[
    bool, typer.Option("--frame-by-frame", help="Solve every frame alone, without time.")
]
Plots = Annotated[Path | None, typer.Option(help="Draw pictures into this folder.")]
Obj = Annotated[Path | None, typer.Option(help="Write the skin (.obj) into this folder.")]
Frames = Annotated[
    str, typer.Option(metavar="FROM:TO", help="Frame numbers for --obj, TO not included.")
]
Resume = Annotated[bool, typer.Option(help="Go on with an interrupted run of this command.")]
Chunk = Annotated[int, typer.Option(help="Frames solved and written at once.", min=1)]
Report = Annotated[
    Literal["skeleton", "marks"],
    typer.Option(help="Write the 22 dataset keypoints, or the tracker's own marks."),
]
PixelSigma = Annotated[
    float, typer.Option(help="px, standard deviation of a keypoint of confidence 1.")
]
MinConfidence = Annotated[float, typer.Option(help="Keypoints below it count as not seen.")]
Prior = Annotated[
    Literal["learned", "isotropic", "published"], typer.Option(help="How mice are said to bend.")
]
PublishedGmm = Annotated[
    Path | None,
    typer.Option(
        metavar="FILE",
        help="The mixture of --prior published: the gmm file of google/mouse-pose-analysis.",
    ),
]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]


def reconstruct(
    inputs: Inputs,
    camera: Cameras,
    output: Output,
    camera_name: Names = None,
    keypoints: Keypoints = "dataset22",
    fps: Fps = None,
    animal: AnimalName = None,
    body_length: BodyLength = None,
    weight: Weight = None,
    bone: Bone = None,
    floor: Floor = False,
    camera_height: CameraHeight = None,
    published_model: PublishedModel = None,
    frame_by_frame: Alone = False,
    plots: Plots = None,
    obj: Obj = None,
    frames: Frames = "0:10",
    resume: Resume = True,
    chunk: Chunk = 6000,
    report: Report = "skeleton",
    pixel_sigma: PixelSigma = 2.0,
    min_confidence: MinConfidence = 0.1,
    prior: Prior = "learned",
    published_gmm: PublishedGmm = None,
    debug: Debug = False,
) -> None:
    """Reconstruct the 3D pose of one mouse in every frame, in mm, with its uncertainty."""
    with told(debug):
        from mousepose.cli import pictures, streaming, summary
        from mousepose.cli.keypoint_files import KeypointFiles
        from mousepose.cli.options import chosen_scale, frame_span, make_setup
        from mousepose.cli.progress import ProgressReport

        settings = {
            "temporal": not frame_by_frame,
            "report": report,
            "pixel_sigma": pixel_sigma,
            "min_confidence": min_confidence,
            "prior": prior,
        }
        scale = chosen_scale(body_length, weight, bone, floor, camera_height)
        setup = make_setup(
            camera, camera_name, keypoints, published_model, published_gmm, scale, settings
        )
        span = frame_span(frames)
        if obj is not None:
            pictures.check_mesh(setup.body)
        files = KeypointFiles(tuple(inputs), fps, animal)
        job = streaming.Job(files, setup, output, chunk, resume, keypoints)
        with ProgressReport() as progress:
            outcome = streaming.run(job, progress)
            found = summary.summarise(job, outcome, progress)
            written = [output]
            if plots is not None:
                progress("drawing", 0, 0)
                written += pictures.draw_job(plots, job, outcome)
            if obj is not None:
                progress("writing meshes", 0, 0)
                pictures.write_meshes(obj, job, *span)
                written.append(obj)
        for line in summary.lines(found, job, outcome, written):
            typer.echo(line)
