"""Reconstruction of files of any length in flat memory, in parts that survive an interruption."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

from mousepose import __version__
from mousepose.errors import InputError, MouseposeError
from mousepose.fit.ahead import compile_ahead
from mousepose.fit.observe import check_axes
from mousepose.fit.setup import Animal, Setup
from mousepose.io import concatenate_sequences, iterate_sequence, write_sequence
from mousepose.io.keypoints.registry import joined
from mousepose.method import learn_animal, solve
from mousepose.run.columns import check_columns, check_side
from mousepose.run.image import check_image
from mousepose.run.keypoint_files import KeypointFiles, cut, with_context
from mousepose.run.parts import Parts, fingerprint_of, parts_folder
from mousepose.sequence import join_sequences, slice_sequence
from mousepose.types import Keypoints2D, PoseSequence, Progress

#: The animal is learned from so many frames; more do not change it.
LEARNED_FRAMES = 5000
#: What `solve` notes of the frames it was given; it would differ between parts.
_OF_A_PART = ("points_far_outside", "pairs_exchanged", "warning")


@dataclass(frozen=True, eq=False)
class Job:
    """What to reconstruct: files, everything the fit needs, where the result goes.

    `chunk` frames are solved and written at once. Where `resume`, parts that an interrupted run of
    the same job left behind are kept. `map_name` is how the user called the keypoint map.
    """

    files: KeypointFiles
    setup: Setup
    output: Path
    chunk: int = 6000
    resume: bool = True
    map_name: str = "dataset22"

    def __post_init__(self) -> None:
        if self.chunk < self.context:
            raise InputError(f"--chunk: expected at least {self.context} frames, got {self.chunk}")
        if len(self.files.paths) != len(self.setup.cameras):
            raise InputError(
                f"{len(self.files.paths)} keypoint file(s) for {len(self.setup.cameras)} cameras "
                f"({', '.join(camera.name for camera in self.setup.cameras)}): give one file for "
                "each camera in their order, or choose cameras with --camera-name"
            )

    @property
    def context(self) -> int:
        """The frames on either side of a chunk that its solution depends on."""
        return self.setup.config.overlap if self.setup.config.temporal else 0

    @property
    def parts_folder(self) -> Path:
        """Where the parts of an unfinished run of the job lie."""
        return parts_folder(self.output)


@dataclass(frozen=True, eq=False)
class Outcome:
    """How a run went: the animal, frames in all and those found done, seconds of solving.

    `left_out` tells of columns that are no keypoints, "" where there are none.
    """

    animal: Animal
    frames: int
    resumed: int
    seconds: float
    warning: str | None
    left_out: str = ""


def run(job: Job, progress: Progress) -> Outcome:
    """Reconstruct the job's files and write its output; it appears whole or not at all.

    The whole input is read once before anything is solved, so that a fault in its last line is
    told at once. Raises `InputError` and `FileError`.
    """
    if not job.output.parent.is_dir():
        raise InputError(f"{job.output}: the folder {job.output.parent} does not exist")
    left_out = check_names(job)
    compile_ahead()
    frames, sample = _survey(job, progress)
    warning = _warning(job, sample)
    inputs = job.files.digests()
    parts = Parts(job.output, _fingerprint(job, inputs))
    parts.open(job.resume)
    animal = _animal(job, parts, sample, progress)
    notes: dict[str, Any] = {"inputs": inputs, "warning": warning}
    started, resumed, done = time.perf_counter(), 0, 0
    paths = []
    chunks = with_context(job.files.chunks(job.chunk), job.context)
    for number, (keypoints, start, stop) in enumerate(chunks):
        paths.append(parts.part(number))
        if paths[-1].exists():
            resumed += stop - start
            stage = "passing parts that are done"
        else:
            stage = "solving"
            progress(stage, done, frames)
            report = _within(progress, done, stop - start, frames)
            solved = slice_sequence(solve(keypoints, job.setup, animal, report), start, stop)
            write_sequence(paths[-1], _noted(solved, notes))
        done += stop - start
        progress(stage, done, frames)
    seconds = time.perf_counter() - started
    concatenate_sequences(paths, job.output)
    parts.remove()
    return Outcome(animal, frames, resumed, seconds, warning, left_out)


def check_names(job: Job) -> str:
    """Return a note on columns of the job's files that are no keypoints, "" where all are.

    Only headers are read. Raises `InputError` where too few columns are keypoints of the map.
    """
    keypoint_map = job.setup.keypoint_map
    names = job.files.tracks()[0].keypoint_names
    least = keypoint_map.needed(job.setup.config.min_keypoints)
    return check_columns(names, keypoint_map, job.map_name, least)


def results(job: Job) -> Iterator[tuple[Keypoints2D, PoseSequence]]:
    """Yield the keypoints of a finished job chunk by chunk, each with its poses."""
    ready: list[PoseSequence] = []
    poses = iterate_sequence(job.output, job.chunk)
    for keypoints in job.files.chunks(job.chunk):
        pieces, needed = [], len(keypoints)
        while needed:  # row groups of the file may end anywhere
            piece = ready.pop() if ready else next(poses)
            if len(piece) > needed:
                ready.append(slice_sequence(piece, needed, len(piece)))
                piece = slice_sequence(piece, 0, needed)
            pieces.append(piece)
            needed -= len(piece)
        start = 0
        for piece in pieces:
            yield cut(keypoints, start, start + len(piece)), piece
            start += len(piece)


def _survey(job: Job, progress: Progress) -> tuple[int, Keypoints2D]:
    """Return the number of frames, and the first `LEARNED_FRAMES` of them."""
    frames, kept, first = 0, 0, []
    for chunk in job.files.chunks(job.chunk):
        if kept < LEARNED_FRAMES:
            first.append(cut(chunk, 0, LEARNED_FRAMES - kept))
            kept += len(first[-1])
        frames += len(chunk)
        progress("reading", frames, 0)
    return frames, joined(first)


def _warning(job: Job, sample: Keypoints2D) -> str | None:
    """Return what looks wrong with the keypoints. Raises `InputError` where nothing can fit."""
    setup = job.setup
    found = (
        check_axes(sample, setup)
        or check_image(sample, setup.cameras, setup.config.min_confidence),
        check_side(sample, setup.keypoint_map, job.map_name),
    )
    return "; ".join(told for told in found if told) or None


def _animal(job: Job, parts: Parts, sample: Keypoints2D, progress: Progress) -> Animal:
    table = parts.read_animal()
    if table is not None:
        return Animal.from_dict(table)
    progress("learning the animal", 0, 0)
    try:
        animal = learn_animal(sample, job.setup)
    except MouseposeError:
        parts.remove()  # nothing to go on with
        raise
    parts.write_animal(animal.to_dict())
    return animal


def _within(
    progress: Progress, before: int, length: int, frames: int
) -> Callable[[int, int], None]:
    """Return the report of one chunk's progress as part of the whole."""

    def report(done: int, of: int) -> None:
        progress("solving", before + round(length * done / max(of, 1)), frames)

    return report


def _noted(sequence: PoseSequence, notes: dict[str, Any]) -> PoseSequence:
    kept = {name: note for name, note in sequence.provenance.items() if name not in _OF_A_PART}
    return replace(sequence, provenance=kept | notes)


def _fingerprint(job: Job, inputs: list[str]) -> dict[str, str]:
    """Return what parts depend on, each by the name under which a user knows it."""
    setup = job.setup
    return {
        "version": __version__,
        "input": fingerprint_of(inputs),
        "frame rate": repr(job.files.fps),
        "animal": repr(job.files.animal),
        "chunk": repr(job.chunk),
        "camera": fingerprint_of(setup.cameras),
        "body": fingerprint_of([setup.body.rest, setup.body.limits, setup.body.shape_space]),
        "keypoint map": fingerprint_of(setup.keypoint_map),
        "prior": fingerprint_of([setup.prior, setup.mixture]),
        "scale": str(setup.scale),
        "settings": fingerprint_of(setup.config),
    }


def first_frames(job: Job, count: int) -> tuple[Keypoints2D, PoseSequence]:
    """Return the first `count` frames of a finished job, keypoints and poses."""
    keypoints: list[Keypoints2D] = []
    poses: list[PoseSequence] = []
    have = 0
    for seen, solved in results(job):
        keypoints.append(cut(seen, 0, count - have))
        poses.append(slice_sequence(solved, 0, count - have))
        have += len(poses[-1])
        if have >= count:
            break
    return joined(keypoints), join_sequences(poses)
