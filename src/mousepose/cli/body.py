"""`mousepose body`: the statistical body model that the fit uses, from CT scans to a picture."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from mousepose.cli.failures import ExitCode, told

if TYPE_CHECKING:
    from mousepose.run.body_scans import ScanPlan

app = typer.Typer(
    help="Body models: skin, skeleton and shapes of mice, built from CT scans.",
    no_args_is_help=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)

BUILD_EXAMPLES = """
Examples:

  mousepose body build ct-scans -o body.npz --processes 4

  mousepose body build a.dcm b.nii.gz slices/ -o body.npz --table animals.csv

A folder of slices is one scan, any other folder holds scans. Everything about a scan (a picture,
its joints as a table) is written into the folder BODY.scans; to correct a joint, edit
NAME.joints.csv there, put it beside the scan, and give the command again: only that scan is done
anew. The table has a line for each scan: scan, and weight_g, sex, age_days as far as known.

Exit code 3: some scans were left out; the body is that of the others.
"""
FIT_EXAMPLES = """
Examples:

  mousepose body fit-scan mouse.dcm -o fitted

  mousepose body fit-scan mouse.dcm --body body.npz -o fitted --voxel 0.1
"""
SHOW_EXAMPLES = """
Examples:

  mousepose body show

  mousepose body show body.npz --coat -o body.png

  mousepose body show google_mouse_pose_analysis
"""

BodyFile = Annotated[
    Path | None,
    typer.Argument(
        metavar="[BODY]",
        help="A body file, or a folder of the published model's files; the default body if left "
        "out.",
        show_default=False,
    ),
]
Scans = Annotated[
    list[Path],
    typer.Argument(
        metavar="SCANS...",
        help="CT scans (DICOM, NIfTI, TIFF), or folders of them.",
        show_default=False,
    ),
]
Scan = Annotated[
    Path,
    typer.Argument(metavar="SCAN", help="A CT scan, or a folder of slices.", show_default=False),
]
Template = Annotated[
    Path | None,
    typer.Option("--body", help="The body to begin with; the default body if left out."),
]
Voxel = Annotated[
    float,
    typer.Option("--voxel", min=0.05, max=1.0, help="Voxels to work on, mm; finer is slower."),
]
Picture = Annotated[Path, typer.Option("--output", "-o", help="The picture to draw.")]
Coat = Annotated[bool, typer.Option("--coat", help="Draw the fur over the skin.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]


@app.command(epilog=BUILD_EXAMPLES)
def build(
    scans: Scans,
    output: Annotated[Path, typer.Option("--output", "-o", help="The body file to write.")],
    table: Annotated[
        Path | None, typer.Option(help="A csv of weight, sex and age by scan.")
    ] = None,
    template: Template = None,
    processes: Annotated[int, typer.Option(min=1, help="Scans to work on at once.")] = 1,
    shapes: Annotated[
        int, typer.Option(min=1, help="Ways in which bones differ, besides size.")
    ] = 4,
    builds: Annotated[int, typer.Option(min=1, help="Ways in which skins differ.")] = 4,
    voxel: Voxel = 0.2,
    debug: Debug = False,
) -> None:
    """Build a body model from CT scans: mean skin and bones, and how animals differ."""
    with told(debug, goes_on=True):
        from mousepose.body.body_file import write_body
        from mousepose.cli.body_tables import print_built, print_scans
        from mousepose.cli.progress import ProgressReport
        from mousepose.ct.statistics.statistics_regression import read_animals
        from mousepose.report.body_picture import plot_body
        from mousepose.report.body_statistics import plot_shape_curves
        from mousepose.run.body_build import build_body, find_scans
        from mousepose.run.body_scans import process_scans

        animals = None if table is None else read_animals(table)
        plan = _plan(template, output.with_name(f"{output.stem}.scans"), voxel)
        with ProgressReport() as progress:
            outcomes = process_scans(find_scans(scans), plan, processes, progress)
        print_scans(outcomes)
        built = build_body(
            outcomes, plan.template, shapes=shapes, builds=builds, animals=animals, name=output.stem
        )
        write_body(output, built.body)
        print_built(built)
        plot_body(output.with_suffix(".png"), built.body)
        curves = output.with_name(f"{output.stem}_curves.png")
        plot_shape_curves(curves, built.bone_curves, built.skin_curves)
        typer.echo(f"wrote {output}, {output.with_suffix('.png')}, {curves}, {plan.folder}/")
    if not all(one.good for one in outcomes):
        raise typer.Exit(ExitCode.NOT_GOOD_ENOUGH)


@app.command("fit-scan", epilog=FIT_EXAMPLES)
def fit_scan(
    scan: Scan,
    output: Annotated[Path, typer.Option("--output", "-o", help="The folder to write into.")],
    template: Template = None,
    voxel: Voxel = 0.2,
    debug: Debug = False,
) -> None:
    """Lay a body on one CT scan: its joints, bone lengths, skin, and pictures to check them by."""
    with told(debug):
        from mousepose.cli.body_tables import print_fit
        from mousepose.ct.joints.joint_files import write_joints
        from mousepose.ct.surfaces.surface_files import write_surface
        from mousepose.ct.types import Surface
        from mousepose.run.body_scans import fit_scan as fit

        plan = _plan(template, output, voxel)
        segmentation, joints, found = fit(scan, plan.template, voxel)
        output.mkdir(parents=True, exist_ok=True)
        name = scan.name.split(".")[0]
        write_joints(output / f"{name}.joints.csv", joints)
        mesh = found.body.mesh
        if mesh is not None:
            write_surface(Surface(found.vertices, mesh.faces), output / f"{name}.ply")
        if plan.page is not None:
            plan.page(output / f"{name}.png", segmentation, joints, found)
        print_fit(segmentation, joints, found)
        typer.echo(f"wrote {output}/{name}.joints.csv, .ply, .png")


def _plan(template: Path | None, folder: Path, voxel: float) -> ScanPlan:
    from mousepose.body.body_file import load_body
    from mousepose.body.default import default_body
    from mousepose.report.scan_page import draw_scan_page
    from mousepose.run.body_scans import ScanPlan

    body = default_body() if template is None else load_body(template)
    return ScanPlan(body, folder, voxel, draw_scan_page)


@app.command(epilog=SHOW_EXAMPLES)
def show(
    body: BodyFile = None, output: Picture = Path("body.png"), coat: Coat = False,
    debug: Debug = False,
) -> None:  # fmt: skip
    """Draw a body from six sides and in typical postures, and print its measures."""
    with told(debug):
        from mousepose.body.body_file import load_body
        from mousepose.body.default import default_body
        from mousepose.cli.body_tables import print_body
        from mousepose.report.body_picture import plot_body

        model = default_body() if body is None else load_body(body)
        print_body(model)
        plot_body(output, model, coat=coat)
        typer.echo(f"wrote {output}")
