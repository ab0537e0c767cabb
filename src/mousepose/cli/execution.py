"""A plan of `mousepose reconstruct` carried out: every animal solved, drawn, told and written."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import typer

from mousepose.cli import pictures, summary
from mousepose.cli.options import frame_span
from mousepose.cli.plan import Plan
from mousepose.cli.progress import ProgressReport
from mousepose.errors import InputError
from mousepose.io import SequenceWriter, convert
from mousepose.run.streaming import Job, Outcome, run
from mousepose.types import Progress


def carry_out(plan: Plan) -> bool:
    """Reconstruct all animals of a plan; return whether all results passed their check."""
    passed = True
    told: list[str] = []
    with ProgressReport() as progress:
        for job in plan.jobs:
            of_animal = _named(progress, job, len(plan.jobs))
            outcome = run(job, of_animal)
            found = summary.summarise(job, outcome, of_animal)
            passed &= not found.failure
            written = [] if plan.converts else [job.output]
            written += _drawn(plan, job, outcome, of_animal)
            if len(plan.jobs) > 1:
                told.append(f"{job.files.animal}:")
            told += summary.lines(found, job, outcome, written)
        if plan.converts:
            told += [f"wrote {path}" for path in _converted(plan, progress)]
    for line in told:
        typer.echo(line)
    return passed


def _named(progress: Progress, job: Job, jobs: int) -> Progress:
    """Return the report of one animal's progress; it names the animal where there are more."""
    if jobs == 1:
        return progress
    return lambda stage, done, total: progress(f"{job.files.animal}: {stage}", done, total)


def _drawn(plan: Plan, job: Job, outcome: Outcome, progress: Progress) -> list[Path]:
    """Draw the pictures and write the meshes that were asked for; return their paths."""
    written: list[Path] = []
    if plan.settings.plots is not None:
        progress("drawing", 0, 0)
        written += pictures.draw_job(plan.folder_of(plan.settings.plots, job), job, outcome)
    if plan.settings.obj is not None:
        progress("writing meshes", 0, 0)
        folder = plan.folder_of(plan.settings.obj, job)
        pictures.write_meshes(folder, job, *frame_span(plan.settings.frames))
        written.append(folder)
    return written


def _converted(plan: Plan, progress: Progress) -> Sequence[Path]:
    """Write the output from the jobs' Parquet files and remove these."""
    parquet = [job.output for job in plan.jobs]
    try:
        whole = parquet[0]
        if len(parquet) > 1:
            whole = plan.output.with_name(f".{plan.output.name}.all.parquet")
            parquet.append(whole)
            with SequenceWriter(whole) as writer:
                for job in plan.jobs:
                    writer.append_file(job.output)
        read = ", ".join(path.name for path in plan.jobs[0].files.paths)
        done = convert(whole, plan.output, to=plan.writer.name, source_name=read, progress=progress)
    except (InputError, OSError) as error:
        kept = ", ".join(str(job.output) for job in plan.jobs)
        raise InputError(
            f"{plan.output} could not be written: {error}; the poses themselves are whole in "
            f"{kept}, for mousepose convert"
        ) from error
    for path in parquet:
        path.unlink()
    return done.written
