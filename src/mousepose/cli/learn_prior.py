"""`mousepose learn-prior`: files of 3D keypoints in, a prior of how these animals bend out."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, Literal

import typer

from mousepose.cli.failures import told

if TYPE_CHECKING:
    from mousepose.run.learn_prior import LearnedPrior

EXAMPLES = """
Examples:

  mousepose learn-prior labelled.npz --keypoints dannce22 -o prior.npz

  mousepose learn-prior day1.csv day2.csv --keypoints map.toml --fps 100 -o prior.npz
  --source "our open field, 4 adult C57BL/6J" --licence "CC BY 4.0"

  mousepose learn-prior mocap.parquet --keypoints map.toml --kind published -o mixture.pbtxt

Then: mousepose reconstruct ... --prior-file prior.npz, or --prior published --published-gmm
mixture.pbtxt --frame-by-frame. Files of one animal each are best: whole recordings are then held
out. Beside the output go a picture, <OUTPUT>.png, and the keypoint map with offsets learned,
<OUTPUT>.keypoints.toml.
"""

Inputs = Annotated[
    list[Path],
    typer.Argument(
        metavar="POSES...",
        help="3D keypoints: Parquet, csv of anipose or DeepLabCut, h5, npz (points3d_mm, "
        "keypoint_names).",
        show_default=False,
    ),
]
Output = Annotated[
    Path, typer.Option("--output", "-o", help="The prior: .npz; .pbtxt for --kind published.")
]
Keypoints = Annotated[
    str,
    typer.Option(metavar="MAP", help="Keypoint map of the recordings: a shipped one or a TOML."),
]
Fps = Annotated[
    float | None,
    typer.Option(
        min=0.1, help="Frames per second, where files hold no times: how fast mice move is learned."
    ),
]
Unit = Annotated[Literal["mm", "cm", "dm", "m"], typer.Option(help="Unit of the points.")]
KindOption = Annotated[
    Literal["tree", "published"],
    typer.Option(help="A mixture over joint angles, or over aligned positions (Hu et al. 2023)."),
]
ComponentsOption = Annotated[
    int | None,
    typer.Option(min=1, max=12, help="Components; left out: as held-out poses ask for."),
]
Most = Annotated[int, typer.Option(min=1, max=12, help="Most components that are tried.")]
Folds = Annotated[int, typer.Option(min=2, max=20, help="Folds that are held out in turn.")]
MostPoses = Annotated[
    int, typer.Option("--poses", min=24, max=2000, help="Poses to learn from, at most.")
]
Seed = Annotated[int, typer.Option(help="Seed of the starts of mixtures.")]
Source = Annotated[str, typer.Option(help="What the recordings are; kept in the file.")]
Licence = Annotated[str, typer.Option(help="Licence of the recordings; kept in the file.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]


def learn_prior(
    poses: Inputs,
    output: Output,
    keypoints: Keypoints = "dataset22",
    fps: Fps = None,
    unit: Unit = "mm",
    kind: KindOption = "tree",
    components: ComponentsOption = None,
    most: Most = 4,
    folds: Folds = 4,
    most_poses: MostPoses = 200,
    seed: Seed = 0,
    source: Source = "",
    licence: Licence = "",
    debug: Debug = False,
) -> None:
    """Learn a prior of how mice bend from their keypoints in 3D."""
    with told(debug):
        from mousepose.body.keypoint_map import load_keypoint_map, write_keypoint_map
        from mousepose.cli.progress import ProgressReport
        from mousepose.report.prior import plot_prior
        from mousepose.run.learn_prior import PriorPlan, check_ending
        from mousepose.run.learn_prior import learn_prior as learn

        check_ending(output, kind)
        plan = PriorPlan(
            kind=kind, components=components, most=max(most, components or 1), folds=folds,
            poses=most_poses, seed=seed, source=source, licence=licence,
        )  # fmt: skip
        keypoint_map = load_keypoint_map(keypoints)
        with ProgressReport() as progress:
            learned = learn(poses, keypoint_map, plan, progress, fps=fps, unit=unit)
        picture = output.with_suffix(".png")
        marks = output.with_suffix(".keypoints.toml")
        learned.save(output)
        write_keypoint_map(marks, learned.keypoint_map)
        plot_prior(picture, learned)
        _print(learned)
        typer.echo(f"wrote {output}, {picture}, {marks}")


def _print(learned: LearnedPrior) -> None:
    """Print the held-out scores and what was chosen."""
    from rich.console import Console
    from rich.table import Table

    notes, chosen = learned.notes, learned.chosen
    table = Table(title=f"held-out log likelihood, nats per pose ({notes['split']})")
    for column in ("covariance", "components", "held out", "by fold", "learned from"):
        table.add_column(column, justify="left" if column == "covariance" else "right")
    for one in learned.scores:
        folds = "  ".join(f"{value:.1f}" for value in one.by_fold)
        style = "bold" if one is chosen else None
        table.add_row(
            one.structure, str(one.components), f"{one.mean:.2f}", folds, f"{one.training:.2f}",
            style=style,
        )  # fmt: skip
    Console().print(table)
    left_out = notes["frames_left_out"]
    typer.echo(
        f"{notes['poses']} poses; left out: {left_out['lack_marks']} frames that lack marks, "
        f"{left_out['repeat']} that repeat the one before"
    )
    if notes["unknown_keypoints"]:
        typer.echo(f"not in the keypoint map: {', '.join(notes['unknown_keypoints'])}")
    few = "one Gaussian is enough" if chosen.components == 1 else f"{chosen.components} components"
    typer.echo(f"taken: {few}, covariance {chosen.structure}")
    if "calibration" in notes:
        typer.echo(notes["calibration"])
