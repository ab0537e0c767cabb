"""What a call of `mousepose reconstruct` will do: settings become jobs, all that can be checked is.

Only headers are read, so that a wrong name or a missing camera is told before any work is done.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from mousepose.cli import pictures
from mousepose.cli.failures import UsageError
from mousepose.cli.options import DEFAULT_MAP, NO_CAMERA, frame_span, make_setup
from mousepose.errors import InputError, UnknownNameError
from mousepose.extras import needed
from mousepose.fit.setup import Setup
from mousepose.io.keypoints.registry import recognize
from mousepose.io.keypoints.registry_write import Writer, chosen_writer, of_animal
from mousepose.io.poses.registry import WRITERS
from mousepose.run.keypoint_files import KeypointFiles
from mousepose.run.streaming import Job, check_names

if TYPE_CHECKING:
    from mousepose.cli.config import ReconstructConfig

#: What the optional formats are written with.
_LIBRARIES = {"movement": ("h5netcdf", "xarray"), "dlc-h5": ("tables",)}


@dataclass(frozen=True, eq=False)
class Plan:
    """A job for each animal, and how their results become `output`.

    Jobs write Parquet: the results themselves where that is the `writer`, else files beside the
    output that are converted. `notes` (one for each job) tell of columns that are left out.
    """

    settings: ReconstructConfig
    jobs: tuple[Job, ...]
    writer: Writer
    output: Path
    notes: tuple[str, ...]

    @property
    def setup(self) -> Setup:
        """Return the setup, which all jobs share."""
        return self.jobs[0].setup

    @property
    def converts(self) -> bool:
        """Tell whether the jobs' Parquet files are not the results themselves."""
        return self.writer.name != "parquet"

    @property
    def animals(self) -> tuple[str, ...]:
        """Return the name of each job's animal."""
        return tuple(job.files.tracks()[0].animal for job in self.jobs)

    @property
    def results(self) -> list[Path]:
        """Return the paths of the files of poses that will be there."""
        if not self.converts:
            return [job.output for job in self.jobs]
        if len(self.jobs) == 1 or "animals" in self.writer.holds:
            return [self.output]
        return [of_animal(self.output, name, self.writer.ending) for name in self.animals]

    def folder_of(self, folder: Path, job: Job) -> Path:
        """Return where a job's pictures or meshes go: a folder of its own where there are more."""
        return folder if len(self.jobs) == 1 else folder / job.output.stem.lstrip(".")


def make_plan(settings: ReconstructConfig) -> Plan:
    """Return what the settings ask for.

    Raises `UsageError` where settings are missing or exclude each other, `InputError` where the
    files do not fit them.
    """
    _refuse_missing(settings)
    output, writer = _aim(settings)
    frame_span(settings.frames)
    setup = make_setup(settings)
    if settings.obj is not None:
        pictures.check_mesh(setup.body)
    files = KeypointFiles(tuple(settings.inputs), settings.fps, settings.animal)
    animals = _animals(files, settings)
    targets = _targets(output, writer, animals)
    map_name = settings.keypoints or DEFAULT_MAP
    jobs = tuple(
        Job(
            KeypointFiles(files.paths, files.fps, animal),
            setup, target, settings.chunk, settings.resume, map_name,
        )
        for animal, target in zip(animals, targets, strict=True)
    )  # fmt: skip
    plan = Plan(settings, jobs, writer, output, tuple(check_names(job) for job in jobs))
    for target in (*targets, *plan.results):
        refuse_overwriting(target, settings)
    return plan


def plan_lines(plan: Plan) -> Iterator[str]:
    """Yield what would be done, in words."""
    setup, settings = plan.setup, plan.settings
    for job, animal, note in zip(plan.jobs, plan.animals, plan.notes, strict=True):
        tracks = job.files.tracks()
        for path, track, camera in zip(job.files.paths, tracks, setup.cameras, strict=True):
            reader = recognize(path)
            name = "" if reader is None else f" ({reader.name})"
            count = "frames not counted" if track.frames is None else f"{track.frames:,} frames"
            yield f"input: {path}{name}, {animal}, {count}, {_rate(job, track.fps)}"
            width, height = camera.size
            yield f"  seen by camera {camera.name!r}, {width} x {height} px"
        names = tracks[0].keypoint_names
        found = setup.keypoint_map.select(names)
        yield f"  keypoints: {len(found.columns)} of {len(names)} columns, map {job.map_name!r}"
        if note:
            yield f"  {note}"
        if found.missing:
            yield f"  marks without a column: {', '.join(found.missing)}"
        if job.parts_folder.exists():
            yield f"  goes on with the interrupted run in {job.parts_folder}"
    yield f"scale from: {setup.scale_source}; in the frame of the {setup.frame}"
    time = "every frame alone" if settings.frame_by_frame else "smoothed through time"
    yield f"fit: {time}, prior {settings.prior!r}: {setup.prior.source or 'no source'}"
    yield f"output: {', '.join(str(path) for path in plan.results)} ({plan.writer.title})"
    for what, folder in (("pictures", settings.plots), ("meshes", settings.obj)):
        if folder is not None:
            yield f"{what}: {', '.join(str(plan.folder_of(folder, job)) for job in plan.jobs)}"


def refuse_overwriting(target: Path, settings: ReconstructConfig) -> None:
    """Raise `UsageError` where `target` is a file that the settings read."""
    read = [
        *settings.inputs,
        *settings.camera,
        settings.published_gmm,
        Path(settings.keypoints or ""),
    ]
    if target.resolve() in {path.resolve() for path in read if path is not None}:
        raise UsageError(f"{target} is a file that is read; give another name for what is written")


def _refuse_missing(settings: ReconstructConfig) -> None:
    """Raise `UsageError` that names all that every call needs and this one lacks."""
    missing = []
    if not settings.inputs:
        missing.append("no INPUT is given: the file of 2D keypoints, one for each camera")
    if settings.output is None:
        missing.append(
            "--output FILE (-o) is missing: the file of poses to write, as poses.parquet"
        )
    if not settings.camera:
        missing.append(NO_CAMERA)
    if missing:
        raise UsageError("; ".join(missing))


def _aim(settings: ReconstructConfig) -> tuple[Path, Writer]:
    """Return the output and its writer, checked before any work is done."""
    output = settings.output or Path()
    if output.is_dir():
        raise UsageError(f"{output}: is a folder; give the path of a file")
    refuse_overwriting(output, settings)
    try:
        writer = chosen_writer(output, settings.to, WRITERS)
    except InputError as error:
        raise UsageError(f"--output {error}") from error
    if not output.parent.is_dir():
        raise InputError(f"{output}: the folder {output.parent} does not exist; make it first")
    needed(writer.extra, f"writing a {writer.title}", *_LIBRARIES.get(writer.name, ()))
    return output, writer


def _animals(files: KeypointFiles, settings: ReconstructConfig) -> tuple[str | None, ...]:
    """Return the name of each animal to reconstruct, None for the only one of its files."""
    if settings.animal is not None and settings.all_animals:
        raise UsageError("--animal and --all-animals exclude each other, choose one of them")
    names = files.animals()
    if settings.animal is not None:
        if settings.animal not in names and len(names) > 1:
            raise UnknownNameError.of(f"animal of {files.paths[0]}", settings.animal, names)
        return (settings.animal,)
    if len(names) == 1:
        return (None,)
    if not settings.all_animals:
        raise InputError(
            f"{files.paths[0]} holds {len(names)} animals: {', '.join(names)}; choose one with "
            "--animal NAME, or take each of them with --all-animals"
        )
    return names


def _targets(output: Path, writer: Writer, animals: tuple[str | None, ...]) -> list[Path]:
    """Return the Parquet file of each job: the result, or a hidden one that becomes it."""
    if writer.name != "parquet":
        output = output.with_name(f".{output.name}.parquet")
    if len(animals) == 1:
        return [output]
    targets = [of_animal(output, animal or "", ".parquet") for animal in animals]
    if len(set(targets)) < len(targets):
        raise InputError(
            f"the animals {', '.join(map(str, animals))} would make two files of one name; "
            "reconstruct them one by one with --animal NAME"
        )
    return targets


def _rate(job: Job, of_file: float | None) -> str:
    rate = job.files.fps or of_file
    return "times from the file" if rate is None else f"{rate:g} frames/s"
