"""`mousepose doctor`: what is installed, what works, how fast this machine fits, what to add."""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import TYPE_CHECKING, Annotated

import typer

from mousepose.cli.failures import ExitCode, told

if TYPE_CHECKING:
    from mousepose.run.machine import ExtraState, Machine

EXAMPLES = """
Examples:

  mousepose doctor

  mousepose doctor --json

A first run compiles the kernels, which takes about a minute. Exit code 3: something needs mending.
"""

Json = Annotated[bool, typer.Option("--json", help="Write JSON, for programs.")]
Debug = Annotated[bool, typer.Option("--debug", help="Show the traceback of an error.")]


def doctor(as_json: Json = False, debug: Debug = False) -> None:
    """Tell what is installed, what works, how fast this machine fits and what to add."""
    with told(debug):
        from dataclasses import asdict

        from mousepose.cli.progress import ProgressReport
        from mousepose.run.machine import examine

        with ProgressReport() as progress:
            progress("measuring how fast this machine fits", 0, 0)
            machine = examine()
        if as_json:
            typer.echo(json.dumps(asdict(machine), indent=2))
        else:
            for line in lines(machine):
                typer.echo(line)
        if machine.problems:
            raise typer.Exit(ExitCode.NOT_GOOD_ENOUGH)


def lines(machine: Machine) -> Iterator[str]:
    """Yield what was found in words, the verdict last."""
    yield f"mousepose {machine.version}, Python {machine.python}, {machine.platform}"
    yield f"processor cores: {machine.cores}"
    known = [f"{name} {version or 'MISSING'}" for name, version in machine.libraries.items()]
    yield f"libraries: {', '.join(known)}"
    yield ""
    yield "extras"
    for name, extra in machine.extras.items():
        yield f"  {name:<10} {_state(name, extra)}"
    if machine.onnx_providers:
        yield f"  onnxruntime computes on: {', '.join(machine.onnx_providers)}"
    yield ""
    if machine.speed is not None:
        speed = machine.speed
        yield f"speed: {speed.fits_per_second:,.0f} fits/s on one core"
        state = "were found" if speed.warm else f"were compiled now, {speed.start_seconds:.0f} s"
        kept = "" if speed.cache_writable else ", NOT writable"
        yield f"compiled kernels: {state}; kept in {speed.cache_folder}{kept}"
    yield f"temporary files: {machine.free_gib:,.1f} GiB free in {machine.temporary_folder}"
    yield ""
    for problem in machine.problems:
        yield f"PROBLEM: {problem}"
    if not machine.problems:
        yield "verdict: everything that reconstruct needs works"
    else:
        yield f"verdict: {len(machine.problems)} to mend, see above"


def _state(name: str, extra: ExtraState) -> str:
    """Return in words whether an extra works, else what to do."""
    if not extra.available:
        return f"not in this version ({extra.gives})"
    if extra.works:
        return f"works: {extra.gives}"
    missing = ", ".join(extra.missing)
    return f"pip install 'mousepose[{name}]' for: {extra.gives} (missing: {missing})"
