"""`mousepose convert`: any file of keypoints or poses into any format of the same kind.

Whole sequences also become animated meshes, skeletons in motion and NWB files.
"""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from mousepose.cli.failures import told

if TYPE_CHECKING:
    from mousepose.io.conversion import Conversion
    from mousepose.run.export import Exported, ExportJob

EXAMPLES = """
Examples:

  mousepose convert mouse.csv -o mouse.parquet --fps 30

  mousepose convert poses.parquet -o poses.nc

  mousepose convert poses.parquet -o poses.csv --to dlc-csv

  mousepose convert two_mice.h5 -o mouse2.analysis.h5 --animal mouse2

  mousepose convert poses.parquet -o mouse.glb --frames 300:900

  mousepose convert poses.parquet -o poses.c3d

  mousepose convert poses.parquet -o mouse.nwb --session session.toml --camera cameras.toml
  --video side.mp4 --keypoints side.csv --gait gait

  mousepose convert --list

The ending of OUTPUT tells the format unless --to names one. All animals are written: into one file
where the format holds several, else into one file for each.
"""

Source = Annotated[
    Path | None,
    typer.Argument(
        metavar="INPUT", help="A file of 2D keypoints or of 3D poses.", show_default=False
    ),
]
Output = Annotated[
    Path | None,
    typer.Option("--output", "-o", help="The file to write, or a folder.", show_default=False),
]
To = Annotated[
    str | None,
    typer.Option("--to", metavar="FORMAT", help="The format to write; --list shows all."),
]
AnimalName = Annotated[str | None, typer.Option(help="Write only this animal.")]
Fps = Annotated[
    float | None, typer.Option(help="Frames per second, where the file holds no times.")
]
Dims = Annotated[
    Literal["singular", "plural"],
    typer.Option(help="Dimensions' names in a netCDF: plural for movement up to 0.16."),
]
Frames = Annotated[
    str | None,
    typer.Option(metavar="FROM:TO", help="Only these frames, of whole poses.", show_default=False),
]
Body = Annotated[
    Path | None,
    typer.Option(help="The body of the fit, where it was another than ours.", show_default=False),
]
Coat = Annotated[bool, typer.Option("--coat", help="Draw the fur on the skin of a mesh.")]
Up = Annotated[
    str | None,
    typer.Option(
        metavar="X,Y,Z",
        help="Where up is in the file's axes, for .glb and .bvh; default: z in a world's frame, -y "
        "in a camera's.",
        show_default=False,
    ),
]
Session = Annotated[
    Path | None,
    typer.Option(
        help="TOML with the session and the animal; an .nwb needs it. Left out, an example is "
        "shown.",
        rich_help_panel="For .nwb",
        show_default=False,
    ),
]
Cameras = Annotated[
    list[Path] | None,
    typer.Option("--camera", help="Camera file; several may be given.", rich_help_panel="For .nwb"),
]
Tracks = Annotated[
    list[Path] | None,
    typer.Option(
        "--keypoints", help="2D keypoints, a file of each camera.", rich_help_panel="For .nwb"
    ),
]
Videos = Annotated[
    list[Path] | None,
    typer.Option("--video", help="Video, one of each camera.", rich_help_panel="For .nwb"),
]
GaitFolder = Annotated[
    Path | None,
    typer.Option("--gait", help="Folder of mousepose gait.", rich_help_panel="For .nwb"),
]
Behaviour = Annotated[
    Path | None,
    typer.Option(
        help="Table of bouts of behaviour: csv, Parquet, BORIS.", rich_help_panel="For .nwb"
    ),
]
List = Annotated[bool, typer.Option("--list", help="Show the formats and stop.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]


def convert(
    source: Source = None,
    output: Output = None,
    to: To = None,
    animal: AnimalName = None,
    fps: Fps = None,
    dims: Dims = "singular",
    frames: Frames = None,
    body: Body = None,
    coat: Coat = False,
    up: Up = None,
    session: Session = None,
    camera: Cameras = None,
    keypoints: Tracks = None,
    video: Videos = None,
    gait: GaitFolder = None,
    behaviour: Behaviour = None,
    list_formats: List = False,
    debug: Debug = False,
) -> None:
    """Write keypoints or poses in another format, whole poses also as meshes, motion and NWB."""
    with told(debug):
        if list_formats:
            _print_formats()
            return
        from mousepose.cli.progress import ProgressReport
        from mousepose.errors import InputError
        from mousepose.io.conversion import convert as convert_file

        if source is None or output is None:
            raise InputError(
                "give the file to read and the file to write, as in: mousepose convert mouse.csv "
                "-o mouse.parquet; --list shows the formats"
            )
        from mousepose.cli.gait import numbers
        from mousepose.cli.options import frame_span
        from mousepose.run.export import ExportJob, export, export_format
        from mousepose.run.export_nwb import NwbParts

        job = ExportJob(
            source, output, to, animal,
            None if frames is None else frame_span(frames),
            body, coat, None if up is None else numbers("--up", up, 3),
            NwbParts(
                session, tuple(camera or ()), tuple(keypoints or ()), tuple(video or ()), gait,
                behaviour, fps,
            ),
        )  # fmt: skip
        with ProgressReport() as progress:
            if export_format(output, to) is not None:
                lines = _exported(export(job, progress))
            else:
                _refuse_for_points(job)
                done = convert_file(
                    source, output, to=to, animal=animal, fps=fps, dims=dims, progress=progress
                )
                lines = _lines(done)
        for line in lines:
            typer.echo(line)


def _refuse_for_points(job: ExportJob) -> None:
    """Raise `UsageError` where something is given that only formats of whole poses know."""
    from mousepose.cli.failures import UsageError
    from mousepose.run.export import EXPORTS
    from mousepose.run.export_nwb import NwbParts

    plain = (None, None, False, None, NwbParts(fps=job.nwb.fps))
    if (job.frames, job.body, job.coat, job.up, job.nwb) != plain:
        known = ", ".join(one.ending for one in EXPORTS.values())
        raise UsageError(
            "--frames, --body, --coat, --up and what stands under 'For .nwb' go with whole poses "
            f"only: {known}"
        )


def _exported(done: Exported) -> list[str]:
    """Return in words what was made of whole sequences."""
    animals = done.animals[0] if len(done.animals) == 1 else f"{len(done.animals)} animals"
    lines = [f"{done.frames:,} frames of {animals} as {done.format.title}"]
    if done.without_pose:
        what = "repeat the one before" if done.format.name == "bvh" else "are left out"
        lines.append(f"{done.without_pose:,} frames have no pose and {what}")
    if done.back_up < 0:
        lines.append("the animal lies on its back as it seems: say where up is with --up X,Y,Z")
    return lines + _files(done.written)


def _files(written: Sequence[Path]) -> list[str]:
    if len(written) > 6:
        return [f"wrote {written[0]} ... {written[-1]}, {len(written):,} files"]
    return [f"wrote {path}" for path in written]


def _lines(done: Conversion) -> list[str]:
    """Return what was done in words."""
    animals = done.animals[0] if len(done.animals) == 1 else f"{len(done.animals)} animals"
    lines = [f"{done.frames:,} frames of {animals}, {done.kind}, as {done.format.title}"]
    if done.left_out:
        lines.append(f"left out, the format cannot hold it: {', '.join(done.left_out)}")
    if not done.timed and "times" in done.format.holds:
        lines.append("no times: the source has none; give the frame rate with --fps")
    return lines + _files(done.written)


def _print_formats() -> None:
    from rich.console import Console
    from rich.table import Table

    from mousepose.io.keypoints.registry import READERS
    from mousepose.io.keypoints.registry_write import KEYPOINT_WRITERS
    from mousepose.io.poses.registry import POINT_READERS, WRITERS
    from mousepose.run.export import EXPORTS

    console = Console()
    for title, writers in (("2D keypoints, out", KEYPOINT_WRITERS), ("3D points, out", WRITERS)):
        table = Table(title=title, title_justify="left", box=None)
        for column in ("--to", "what", "ends in", "holds besides names and points"):
            table.add_column(column, no_wrap=column != "holds besides names and points")
        for name, writer in writers.items():
            ending = writer.ending + (" *" if writer.default else "")
            table.add_row(name, writer.title, ending, ", ".join(sorted(writer.holds)))
        console.print(table)
        console.print()
    whole = Table(title="whole poses, out", title_justify="left", box=None)
    for column in ("--to", "what", "ends in", "needs"):
        whole.add_column(column, no_wrap=True)
    for one in EXPORTS.values():
        extra = rf"mousepose\[{one.extra}]" if one.extra else ""
        whole.add_row(one.name, one.title, f"{one.ending} *", extra)
    console.print(whole)
    console.print()
    console.print("* the format where none is named")
    for title, names in (
        ("2D keypoints, in", [reader.name for reader in READERS]),
        ("3D points, in", [reader.name for reader in POINT_READERS]),
    ):
        console.print(f"{title}: {', '.join(names)}", highlight=False)
