"""DeepLabCut's column labels: which columns hold which animal's points.

A table has one row per frame and labels of three levels (scorer, bodyparts, coords), or four with
several animals (individuals after the scorer). Lightning Pose, its ensemble smoother (EKS) and
anipose write the same with more coordinates.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mousepose.errors import FileError
from mousepose.io.keypoints.images import by_recording
from mousepose.io.keypoints.rows import (
    ONLY_ANIMAL,
    Rows,
    Track,
    TrackFile,
    by_visibility,
    is_given,
    names_of_animals,
    names_of_parts,
    variances,
)
from mousepose.types import Floats

LEVELS = ("scorer", "bodyparts", "coords")
ANIMAL_LEVELS = ("scorer", "individuals", "bodyparts", "coords")
COORDINATES = ("x", "y", "likelihood")
#: What the smoother of Lightning Pose knows of a point: px^2.
VARIANCES = ("x_posterior_var", "y_posterior_var")
#: In a table of labels: 0 not marked, 1 marked though hidden, 2 seen.
VISIBLE = "visible"
#: Written by trackers beside the points and not needed for them.
LEFT_OUT = frozenset(
    {
        *("x_ens_median", "y_ens_median", "x_ens_var", "y_ens_var"),  # EKS
        *("x_var", "y_var", "zscore"),  # EKS before 2024
        "interpolated",  # anipose's filter
    }
)
#: The individual under which DeepLabCut keeps points that belong to no animal.
OBJECTS = "single"

Label = tuple[str, ...]


@dataclass(frozen=True)
class Columns:
    """Which columns of a table hold one animal's points: K rows of a column for each field."""

    path: Path
    keypoint_names: tuple[str, ...]
    fields: tuple[str, ...]
    indices: tuple[tuple[int, ...], ...]

    @property
    def flat(self) -> list[int]:
        """The columns in the order in which `rows` expects their values."""
        return [index for point in self.indices for index in point]

    def rows(self, frames: Floats, values: Floats) -> Rows:
        """Return rows from the values (N, K * fields) of the columns `flat`."""
        points = values.reshape(len(values), len(self.indices), len(self.fields))
        of = {name: points[..., place] for place, name in enumerate(self.fields)}
        xy = points[..., :2]
        if "likelihood" in of:
            confidence = of["likelihood"]
        elif VISIBLE in of:
            xy, confidence = by_visibility(self.path, xy, of[VISIBLE])
        else:
            # Tables without likelihood are corrected by hand: what is there, is sure.
            confidence = is_given(xy).astype(float)
        spread = variances(*(of[name] for name in VARIANCES)) if VARIANCES[0] in of else None
        return Rows(frames, None, xy, confidence, spread)


def individuals_of(labels: Sequence[Label]) -> list[str]:
    """Return the individual of each column, `ONLY_ANIMAL` where the labels name none."""
    several = len(ANIMAL_LEVELS)
    return [label[1] if len(label) == several else ONLY_ANIMAL for label in labels]


def _with_points(labels: Sequence[Label]) -> tuple[str, ...]:
    """Return the individuals that have points."""
    owners = zip(individuals_of(labels), labels, strict=True)
    return tuple(dict.fromkeys(owner for owner, label in owners if _is_point(label)))


def _is_point(label: Label) -> bool:
    """Tell whether a column is of a point; Lightning Pose's column "set" is of none."""
    return bool(label[-1] or label[-2])


def has_depth(labels: Sequence[Label]) -> bool:
    """Tell whether the table holds points in space."""
    return are_in_space([label[-1] for label in labels])


def are_in_space(coordinates: Sequence[str]) -> bool:
    """Tell whether there is a z to every x and y."""
    counts = {coordinates.count(name) for name in "xyz"}
    return len(counts) == 1 and counts != {0}


def choose_columns(path: Path, labels: Sequence[Label], individual: str) -> Columns:
    """Return the columns of one individual among the `labels`, one tuple of levels per column.

    Raises `FileError` with all problems: repeated, missing or unknown coordinates.
    """
    points: dict[str, dict[str, int]] = {}
    problems = []
    for index, (owner, label) in enumerate(zip(individuals_of(labels), labels, strict=True)):
        *_, part, coordinate = label
        if owner != individual or not _is_point(label):
            continue
        if coordinate not in (*COORDINATES, *VARIANCES, VISIBLE, *LEFT_OUT):
            problems.append(f"{part} has an unknown column {coordinate!r}")
        elif points.setdefault(part, {}).setdefault(coordinate, index) != index:
            problems.append(f"{part} has two columns {coordinate!r}")
    fields = _fields({name for found in points.values() for name in found})
    for part, found in points.items():
        problems += [f"{part} has no column {name!r}" for name in fields if name not in found]
    if problems:
        raise FileError(
            f"{path}: {'; '.join(problems)}; expected x, y and likelihood once for each body part"
        )
    indices = tuple(tuple(found[name] for name in fields) for found in points.values())
    return Columns(path, names_of_parts(path, list(points)), fields, indices)


def _fields(present: set[str]) -> tuple[str, ...]:
    """Return the coordinates that each body part needs, where any part has those `present`."""
    sure = [name for name in ("likelihood", VISIBLE) if name in present][:1]
    spread = VARIANCES if present & set(VARIANCES) else ()
    return ("x", "y", *sure, *spread)


def tracks_of_frames(
    path: Path, labels: Sequence[Label], open_one: Callable[[str, Columns], Track]
) -> TrackFile:
    """Return the tracks of a table with a row for each frame: one for each individual."""
    individuals = _with_points(labels)
    objects = (OBJECTS,) if OBJECTS in individuals and len(individuals) > 1 else ()
    animals = [name for name in individuals if name not in objects]
    names = names_of_animals(path, animals)
    owner = dict(zip((*names, *objects), (*animals, *objects), strict=True))
    return TrackFile(
        path,
        names,
        lambda name: open_one(name, choose_columns(path, labels, owner[name])),
        objects,
    )


def tracks_of_images(
    path: Path,
    labels: Sequence[Label],
    images: Sequence[str],
    read: Callable[[Columns], Floats],
    row_word: str,
) -> TrackFile:
    """Return the tracks of a table with a row for each labelled image.

    Each recording (folder of images) is a track of each individual; `read` gives the values of
    some columns in all rows. Frames are the numbers in the images' names.
    """
    recordings = by_recording(path, images)
    individuals = _with_points(labels)
    names = {
        _name(folder, owner, len(recordings), len(individuals)): (folder, owner)
        for folder in recordings
        for owner in individuals
    }

    def open_one(name: str) -> Track:
        folder, owner = names[name]
        columns = choose_columns(path, labels, owner)
        places, frames = recordings[folder]

        def rows() -> Iterator[Rows]:
            found = columns.rows(frames, read(columns)[places])
            # Labels made by hand have an empty likelihood, where they have one.
            silent = np.isnan(found.confidence) & is_given(found.xy)
            yield found._replace(confidence=np.where(silent, 1.0, found.confidence))

        return Track(
            path, name, columns.keypoint_names, rows(), row_word=row_word, frames=len(frames)
        )

    return TrackFile(path, names_of_animals(path, list(names)), open_one)


def _name(folder: str, owner: str, folders: int, owners: int) -> str:
    if folders == 1:
        return owner
    recording = folder or "no folder"
    return recording if owners == 1 else f"{recording}/{owner}"
