"""`mousepose monitor`: cages day and night, from cameras or growing folders to a store to query."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from mousepose.cli.failures import EXIT_CODES, ExitCode, told
from mousepose.errors import FileError

EXAMPLES = f"""\
Examples:

mousepose monitor example > room.toml

mousepose monitor check room.toml

mousepose monitor run room.toml

mousepose monitor run room.toml --cluster tcp://rack1:8786 --no-dashboard

mousepose monitor status room.toml

mousepose monitor retry room.toml A1/20260501T080000.000000Z

{EXIT_CODES}
"""

app = typer.Typer(
    help="Watch cages day and night: nothing is lost, whatever dies.",
    epilog=EXAMPLES,
    no_args_is_help=True,
)

_Room = Annotated[Path, typer.Argument(metavar="ROOM.toml", help="The file of the room.")]
_Debug = Annotated[bool, typer.Option("--debug", help="Show where an error comes from.")]
_Cluster = Annotated[
    str | None,
    typer.Option(
        metavar="WHERE",
        help="Who does the work: local (processes of this machine), tcp://HOST:PORT or "
        "tls://HOST:PORT (a Dask scheduler), slurm. Default: as the room says.",
    ),
]
_Workers = Annotated[
    int | None, typer.Option(min=1, help="Processes here, or jobs of SLURM. Default: the room's.")
]


@app.command()
def run(
    room: _Room,
    cluster: _Cluster = None,
    workers: _Workers = None,
    dashboard: Annotated[bool, typer.Option(help="Serve the dashboard.")] = True,
    host: Annotated[
        str | None, typer.Option(help="Where the dashboard listens. Default: as the room says.")
    ] = None,
    port: Annotated[
        int | None, typer.Option(min=0, max=65535, help="Its port; 0 takes any that is free.")
    ] = None,
    until_done: Annotated[
        bool, typer.Option(help="Stop when all files of all lists are done.")
    ] = False,
    finish: Annotated[
        float, typer.Option(min=0, metavar="S", help="s in which work may finish at the end.")
    ] = 60.0,
    debug: _Debug = False,
) -> None:
    """Run a room until Ctrl-C or SIGTERM; the same command goes on from there.

    On a terminal a table of the cages is shown, elsewhere each thing that happens is a JSON line.
    """
    with told(debug, goes_on=True):
        from mousepose.cli.monitor_table import shown
        from mousepose.monitor.room import load_room
        from mousepose.monitor.work.room_run import RunSettings, run_room
        from mousepose.monitor.work.stopping import stopped_by_signals

        found = load_room(room)
        if workers is not None:
            found = found.model_copy(update={"workers": workers})
        settings = RunSettings(cluster, dashboard, host, port, until_done, finish)
        with shown() as show, stopped_by_signals() as stop:
            run_room(found, stop, settings, show)


@app.command()
def check(room: _Room, debug: _Debug = False) -> None:
    """Try everything a room needs once, one frame of each camera among it, and change nothing."""
    with told(debug):
        from mousepose.cli.monitor_table import checks_table, print_table
        from mousepose.monitor.room import load_room
        from mousepose.monitor.work.checks import check_room

        found = list(check_room(load_room(room)))
        print_table(checks_table(found))
        bad = sum(not one.ok for one in found)
        if bad:
            raise FileError(f"{room}: {bad} of {len(found)} checks failed")


@app.command()
def status(
    room: _Room,
    as_json: Annotated[bool, typer.Option("--json", help="Print JSON.")] = False,
    debug: _Debug = False,
) -> None:
    """Tell how far each cage is, what became of all frames, and what is parked."""
    with told(debug):
        from mousepose.cli.monitor_table import print_status, status_json
        from mousepose.monitor.room import load_room

        with load_room(room).open_ledger() as ledger:
            if as_json:
                typer.echo(status_json(ledger))
            else:
                print_status(ledger)


@app.command()
def retry(
    room: _Room,
    segments: Annotated[
        list[str] | None,
        typer.Argument(metavar="[SEGMENT]...", help="As `status` names them; none: all."),
    ] = None,
    debug: _Debug = False,
) -> None:
    """Try parked segments again."""
    with told(debug):
        from mousepose.monitor.ledger.overview import troubles
        from mousepose.monitor.records import State
        from mousepose.monitor.room import load_room

        with load_room(room).open_ledger() as ledger:
            names = segments or [
                one.segment.id
                for one in troubles(ledger, limit=1_000_000)
                if one.state == State.PARKED
            ]
            count = sum(ledger.retry(name) for name in names)
        typer.echo(f"{count} of {len(names)} segments are tried again")


@app.command()
def compact(room: _Room, debug: _Debug = False) -> None:
    """Put days that are over together, leave out what is too old, sweep; `run` does it daily."""
    with told(debug):
        from mousepose.monitor.room import load_room
        from mousepose.monitor.work.upkeep import Upkeep

        found = load_room(room)
        with found.open_ledger() as ledger:
            store = found.open_store()
            typer.echo(Upkeep(ledger, store, found.retention, found.compaction_hour).now())


@app.command()
def example(
    output: Annotated[
        Path | None, typer.Argument(metavar="[FILE]", help="Where to write it; default: print it.")
    ] = None,
    debug: _Debug = False,
) -> None:
    """Give a file of a room to begin with."""
    with told(debug):
        from mousepose.atomic import atomic_path
        from mousepose.monitor.room import example_room

        if output is None:
            typer.echo(example_room(), nl=False)
            return
        if output.exists():
            raise FileError(f"{output}: is there already; choose another name")
        with atomic_path(output) as temporary:
            temporary.write_text(example_room(), encoding="utf-8")
        typer.echo(f"wrote {output}")


@app.command()
def batch(
    folders: Annotated[
        list[Path], typer.Argument(metavar="FOLDER...", help="Folders of videos, or videos.")
    ],
    camera: Annotated[Path, typer.Option("--camera", "-c", help="The camera of all videos.")],
    store: Annotated[Path, typer.Option("--store", "-s", help="Where results and ledger go.")],
    study: Annotated[str, typer.Option(help="The name of the study.")] = "batch",
    animals: Annotated[int, typer.Option(min=1, help="Mice in each video.")] = 1,
    view: Annotated[
        str | None, typer.Option(help="How the camera sees them: top, side or bottom.")
    ] = None,
    floor: Annotated[bool, typer.Option(help="The camera knows the floor: metric.")] = False,
    body_length: Annotated[
        float | None, typer.Option(help="mm from snout to tail base, instead of --floor.")
    ] = None,
    model: Annotated[Path | None, typer.Option(help="A keypoint network of your own.")] = None,
    keypoints: Annotated[str, typer.Option(help="The map of its keypoints.")] = "dataset22",
    cluster: _Cluster = None,
    workers: _Workers = None,
    debug: _Debug = False,
) -> None:
    """Do all videos below some folders, each as a cage of its own; the same command goes on.

    Thousands of videos spread over a cluster: mousepose monitor batch /data/cohort -c camera.toml
    -s /data/results --cluster slurm --workers 100
    """
    with told(debug, goes_on=True):
        from mousepose.cli.monitor_table import print_status, shown
        from mousepose.monitor.work.batch import batch_room
        from mousepose.monitor.work.room_run import RunSettings, run_room
        from mousepose.monitor.work.stopping import stopped_by_signals

        cage = {"camera": str(camera), "animals": animals, "view": view, "floor": floor,
                "body-length": body_length, "model": None if model is None else str(model),
                "keypoints": keypoints}  # fmt: skip
        room = batch_room(folders, store, study, cage, workers or 1, cluster or "local")
        with shown() as show, stopped_by_signals() as stop:
            run_room(room, stop, RunSettings(until_done=True), show)
        with room.open_ledger() as ledger:
            if print_status(ledger):
                raise typer.Exit(ExitCode.FAILED)
        if stop.is_set():
            raise KeyboardInterrupt
