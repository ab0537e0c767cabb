"""`mousepose kinematics`: speeds, angles and posture of every frame."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mousepose.cli.failures import told
from mousepose.cli.gait import Animal, Debug, Fps, Source, Up, numbers

EXAMPLES = """
Examples:

  mousepose kinematics poses.parquet -o kinematics.parquet

  mousepose kinematics points3d.csv -o kinematics.csv --fps 100 --up 0,0,1 --bandwidth 20
"""

Output = Annotated[
    Path,
    typer.Option(
        "--output", "-o", help="The table to write, .parquet or .csv.", show_default=False
    ),
]
Bandwidth = Annotated[
    float, typer.Option(help="What speeds and other derivatives keep, in Hz.", min=0.1)
]


def kinematics(
    poses: Source,
    output: Output,
    bandwidth: Bandwidth = 12.0,
    up: Up = None,
    fps: Fps = None,
    animal: Animal = None,
    debug: Debug = False,
) -> None:
    """Write speeds, accelerations, joint angles and posture of every frame, with their sd."""
    with told(debug):
        from mousepose.cli.progress import ProgressReport
        from mousepose.run.kinematics import KinematicsJob, write_kinematics

        upwards = None if up is None else numbers("--up", up, 3)
        job = KinematicsJob(
            poses, output, upwards, bandwidth, fps, animal  # type: ignore[arg-type]
        )  # fmt: skip
        with ProgressReport() as progress:
            outcome = write_kinematics(job, progress)
        typer.echo(
            f"{outcome.frames:,} frames, {len(outcome.columns)} columns; derivatives keep "
            f"{outcome.bandwidth:.3g} Hz"
        )
        typer.echo(f"wrote {output}")
