"""The program `mousepose`: its commands, and options that belong to none of them."""

from __future__ import annotations

from typing import Annotated

import typer

from mousepose import __version__
from mousepose.cli import (
    behaviour,
    body,
    calibrate,
    dataset,
    finetune,
    keypoints,
    monitor,
    video,
)
from mousepose.cli.attributes import EXAMPLES as ATTRIBUTES_EXAMPLES
from mousepose.cli.attributes import attributes
from mousepose.cli.convert import EXAMPLES as CONVERT_EXAMPLES
from mousepose.cli.convert import convert
from mousepose.cli.demo import EXAMPLES as DEMO_EXAMPLES
from mousepose.cli.demo import demo
from mousepose.cli.doctor import EXAMPLES as DOCTOR_EXAMPLES
from mousepose.cli.doctor import doctor
from mousepose.cli.failures import EXIT_CODES
from mousepose.cli.gait import EXAMPLES as GAIT_EXAMPLES
from mousepose.cli.gait import gait
from mousepose.cli.info import EXAMPLES as INFO_EXAMPLES
from mousepose.cli.info import info
from mousepose.cli.kinematics import EXAMPLES as KINEMATICS_EXAMPLES
from mousepose.cli.kinematics import kinematics
from mousepose.cli.learn_prior import EXAMPLES as LEARN_PRIOR_EXAMPLES
from mousepose.cli.learn_prior import learn_prior
from mousepose.cli.overlay import EXAMPLES as OVERLAY_EXAMPLES
from mousepose.cli.overlay import overlay
from mousepose.cli.query import EXAMPLES as QUERY_EXAMPLES
from mousepose.cli.query import query
from mousepose.cli.reconstruct import EXAMPLES, reconstruct
from mousepose.cli.render import EXAMPLES as RENDER_EXAMPLES
from mousepose.cli.render import render
from mousepose.cli.report import EXAMPLES as REPORT_EXAMPLES
from mousepose.cli.report import report
from mousepose.cli.rig import EXAMPLES as RIG_EXAMPLES
from mousepose.cli.rig import rig
from mousepose.cli.schema import config_schema
from mousepose.cli.statistics import EXAMPLES as STATISTICS_EXAMPLES
from mousepose.cli.statistics import statistics
from mousepose.cli.track import EXAMPLES as TRACK_EXAMPLES
from mousepose.cli.track import track
from mousepose.cli.train import EXAMPLES as TRAIN_EXAMPLES
from mousepose.cli.train import train
from mousepose.cli.triangulate import EXAMPLES as TRIANGULATE_EXAMPLES
from mousepose.cli.triangulate import triangulate
from mousepose.cli.view import EXAMPLES as VIEW_EXAMPLES
from mousepose.cli.view import view

app = typer.Typer(
    name="mousepose",
    help="Metric 3D pose of laboratory mice from videos or 2D keypoints of one camera or more.",
    epilog=EXIT_CODES,
    no_args_is_help=True,
    add_completion=True,
    pretty_exceptions_enable=False,
    context_settings={"help_option_names": ["-h", "--help"]},
)
app.command(epilog=EXAMPLES)(reconstruct)
app.add_typer(calibrate.app, name="calibrate")
app.add_typer(keypoints.app, name="keypoints")
app.add_typer(body.app, name="body")
app.add_typer(dataset.app, name="dataset")
app.add_typer(video.app, name="video")
app.command(epilog=TRACK_EXAMPLES)(track)
app.command(epilog=TRIANGULATE_EXAMPLES)(triangulate)
app.command(epilog=GAIT_EXAMPLES)(gait)
app.command(epilog=KINEMATICS_EXAMPLES)(kinematics)
app.add_typer(behaviour.app, name="behaviour")
app.command(epilog=ATTRIBUTES_EXAMPLES)(attributes)
app.command(epilog=STATISTICS_EXAMPLES)(statistics)
app.command(epilog=VIEW_EXAMPLES)(view)
app.command(epilog=OVERLAY_EXAMPLES)(overlay)
app.command(epilog=REPORT_EXAMPLES)(report)
app.add_typer(monitor.app, name="monitor")
app.command(epilog=QUERY_EXAMPLES)(query)
app.command(epilog=CONVERT_EXAMPLES)(convert)
app.command(epilog=INFO_EXAMPLES)(info)
app.command(epilog=LEARN_PRIOR_EXAMPLES)(learn_prior)
app.command(epilog=RENDER_EXAMPLES)(render)
app.command(epilog=TRAIN_EXAMPLES)(train)
app.add_typer(finetune.app, name="finetune")
app.command(epilog=RIG_EXAMPLES)(rig)
app.command(epilog=DOCTOR_EXAMPLES)(doctor)
app.command(epilog=DEMO_EXAMPLES)(demo)
app.command()(config_schema)


def _show_version(wanted: bool) -> None:
    if wanted:
        typer.echo(f"mousepose {__version__}")
        raise typer.Exit


@app.callback()
def main(
    version: Annotated[
        bool,
        typer.Option(
            "--version", callback=_show_version, is_eager=True, help="Show the version and stop."
        ),
    ] = False,
) -> None:
    """Take the options that stand before a command."""


main.__doc__ = app.info.help
