"""From a file of whole sequences to what draws, animates or archives them."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from functools import partial
from pathlib import Path

import numpy as np

from mousepose.body.body_file import load_body
from mousepose.body.model import BodyModel
from mousepose.body.of_sequence import body_of
from mousepose.errors import FileError, InputError, UnknownNameError
from mousepose.geometry import rotation
from mousepose.io.biomechanics.bvh import write_bvh
from mousepose.io.keypoints.registry_write import of_animal
from mousepose.io.keypoints.rows import choose_animal
from mousepose.io.keypoints.sniff import Content
from mousepose.io.keypoints.streams_write import Again
from mousepose.io.mesh.frames import write_mesh_frames
from mousepose.io.mesh.gltf import up_in, write_glb
from mousepose.io.nwb.write import write_nwb
from mousepose.io.poses.sequences import SequenceFile, open_sequences
from mousepose.run.export_nwb import NwbParts, recording_of
from mousepose.run.report_result import Result
from mousepose.sequence import slice_sequence
from mousepose.types import PoseSequence, Progress


@dataclass(frozen=True)
class ExportFormat:
    """A format that takes whole sequences: its name, what it is, what its files end in.

    `takes` are the fields of `ExportJob` that mean something to it.
    """

    name: str
    title: str
    ending: str
    takes: frozenset[str]
    extra: str = ""


_SKIN = frozenset({"body", "frames", "coat"})
#: Every format of whole sequences by name; Parquet is one of `WRITERS`.
EXPORTS: Mapping[str, ExportFormat] = {
    one.name: one
    for one in (
        ExportFormat("glb", "animated mesh (glTF)", ".glb", _SKIN | {"up"}),
        ExportFormat("obj", "a mesh for each frame (OBJ)", ".obj", _SKIN),
        ExportFormat("ply", "a mesh for each frame (PLY)", ".ply", _SKIN),
        ExportFormat(
            "bvh", "skeleton in motion (BVH)", ".bvh", frozenset({"body", "frames", "up"})
        ),
        ExportFormat(
            "nwb", "Neurodata Without Borders", ".nwb", frozenset({"frames", "nwb"}), extra="nwb"
        ),
    )
}


@dataclass(frozen=True, eq=False)
class ExportJob:
    """What to write: the sequences in `source` to `target`, as the format named `to`.

    `animal` chooses one of several and `frames` the frames from the first to before the second.
    `body` is a body file where the fit had another body than the one that comes with the package,
    `coat` adds the fur, `up` says where up is in the sequence's axes, `nwb` what else an NWB holds.
    """

    source: Path
    target: Path
    to: str | None = None
    animal: str | None = None
    frames: tuple[int, int] | None = None
    body: Path | None = None
    coat: bool = False
    up: Sequence[float] | None = None
    nwb: NwbParts = field(default_factory=NwbParts)


@dataclass(frozen=True)
class Exported:
    """What was written: the format, the animals, the frames of all of them, the files.

    `without_pose` counts frames that were left out, or repeat the one before, for want of a pose.
    `back_up` is the mean cosine between up and where the animals' backs point in the first frames:
    below 0 the file's up is likely another. NaN for formats that keep the file's axes.
    """

    format: ExportFormat
    animals: tuple[str, ...]
    frames: int
    without_pose: int
    written: tuple[Path, ...]
    back_up: float = float("nan")


def export_format(target: Path, to: str | None) -> ExportFormat | None:
    """Return the format of whole sequences that is asked for, None where it is another format."""
    if to is not None:
        return EXPORTS.get(to)
    return next((one for one in EXPORTS.values() if target.suffix.lower() == one.ending), None)


def export(job: ExportJob, progress: Progress | None = None) -> Exported:
    """Write a file of each animal, piece by piece; every file appears whole or not at all.

    Raises `FileError` on a source that is cut or of an unknown schema version, `InputError` on one
    that holds points only, and where format and settings do not go together.
    """
    chosen = export_format(job.target, job.to)
    if chosen is None:
        raise UnknownNameError.of("format", job.to or job.target.suffix, EXPORTS)
    _refuse_strange(job, chosen)
    file = _opened(job.source, chosen)
    names = file.animals if job.animal is None else (job.animal,)
    if chosen.name == "nwb":
        names = (choose_animal(job.source, file.animals, job.animal),)
    target = job.target
    if target.is_dir():
        target = target / (
            job.source.name.removesuffix("".join(job.source.suffixes)) + chosen.ending
        )
    if target.resolve() == job.source.resolve():
        raise InputError(f"{target} is the file that is read; give another name for the result")
    body = None if job.body is None else load_body(job.body)
    frames = without = 0
    backs: list[float] = []
    written: list[Path] = []
    for name in names:
        path = target if len(names) == 1 else of_animal(target, name, chosen.ending)
        pieces = Again(partial(_pieces, file, name, job.frames, progress))
        count, missing, paths = _write(path, pieces, job, chosen, body, progress)
        frames, without, written = frames + count, without + missing, written + paths
        if "up" in chosen.takes:
            backs.append(_back_up(next(iter(pieces)), body, job.up))
    mean = float(np.mean(backs)) if backs else float("nan")
    return Exported(chosen, tuple(names), frames, without, tuple(written), mean)


def _back_up(piece: PoseSequence, body: BodyModel | None, up: Sequence[float] | None) -> float:
    """Return the mean cosine between up and where the animal's back points."""
    there = np.isfinite(piece.pose.root_rotation).all(axis=1)
    if not there.any():
        return float("nan")
    back = rotation.exp(piece.pose.root_rotation[there]) @ body_of(piece, body).axes[2]
    direction = up_in(piece.frame, up)
    return float((back @ direction).mean() / np.linalg.norm(direction))


def _write(
    path: Path,
    pieces: Again[PoseSequence],
    job: ExportJob,
    chosen: ExportFormat,
    body: BodyModel | None,
    progress: Progress | None,
) -> tuple[int, int, list[Path]]:
    """Write one animal; return its frames, how many of them have no pose, and the files."""
    if chosen.name == "glb":
        size = write_glb(path, pieces, body, coat=job.coat, up=job.up)
        return size.frames + size.left_out, size.left_out, [path]
    if chosen.name == "bvh":
        rows, repeated = write_bvh(path, pieces, body, up=job.up)
        return rows, repeated, [path]
    if chosen.name == "nwb":
        return write_nwb(path, recording_of(job.nwb, pieces, path), progress), 0, [path]
    paths, missing = write_mesh_frames(path, pieces, body, coat=job.coat)
    return len(paths) + missing, missing, paths


def _opened(source: Path, chosen: ExportFormat) -> SequenceFile:
    file = open_sequences(Content(source))
    if file is None:
        raise FileError(
            f"{source} holds no whole sequence: {chosen.title} needs the poses that mousepose "
            "reconstruct writes (.parquet), or an .nwb of ours. Points alone go into the other "
            "formats; mousepose convert --list shows them"
        )
    return file


def _refuse_strange(job: ExportJob, chosen: ExportFormat) -> None:
    given = {
        "frames": job.frames is not None,
        "body": job.body is not None,
        "coat": job.coat,
        "up": job.up is not None,
        "nwb": job.nwb != NwbParts(),
    }
    strange = [name for name, is_given in given.items() if is_given and name not in chosen.takes]
    if strange == ["nwb"]:
        raise InputError(
            "session, cameras, keypoints, videos and tables go into an .nwb only, not into "
            f"{job.target.name}"
        )
    if strange:
        options = ", ".join(f"--{name}" for name in strange)
        raise InputError(f"{options}: means nothing to the format {chosen.name!r}; leave it out")


def _parts_of(path: Path, animal: str, span: tuple[int, int]) -> Iterator[PoseSequence]:
    """Yield the frames from `span` 0 to before 1 of a long file, of which only these are read."""
    with Result(path, animal) as result:
        start, stop = (int(place) for place in np.searchsorted(result.frame_numbers, span))
        while start < stop:
            group, index = result.at(start)
            yield slice_sequence(group, index, min(len(group), index + stop - start))
            start += len(group) - index


def _pieces(
    file: SequenceFile, animal: str, span: tuple[int, int] | None, progress: Progress | None
) -> Iterator[PoseSequence]:
    done = 0
    parts = file.pieces(animal, span)
    if span is not None and not file.is_nwb:
        parts = _parts_of(file.path, animal, span)
    for piece in parts:
        yield piece
        done += len(piece)
        if progress is not None:
            progress(f"reading {animal}", done, 0)
    if not done:
        raise InputError(
            f"{file.path} holds no frame of {animal}"
            + (f" from {span[0]} to before {span[1]}" if span else "")
        )
