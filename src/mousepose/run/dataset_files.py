"""What each file in a folder of the data set is, in words."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import NamedTuple

import numpy as np

from mousepose.dataset.dataset import (
    ABOUT,
    FILM_SAMPLE,
    FRAMES,
    INTRINSICS,
    PUBLISHED_INTRINSICS,
    TRUTH,
    VIEWS_SAMPLE,
    MousePoseDataset,
)
from mousepose.dataset.multiview import FOLDERS, TABLE, read_picture
from mousepose.dataset.samples import load_slices, view_panels
from mousepose.dataset.tfrecord_shards import is_record_name
from mousepose.errors import MouseposeError
from mousepose.io import read_cameras
from mousepose.run.dataset_film import read_film
from mousepose.run.dataset_scans import slices_spacing

#: The site's picture of the keypoints.
_DEFINITION = "keypoints-definition.png"
#: Files that are told one by one.
_MOST = 40


class FileNote(NamedTuple):
    """A file or folder of the data set and what it is."""

    name: str
    what: str


def describe_files(dataset: MousePoseDataset) -> list[FileNote]:
    """Return what each file and folder is; what cannot be read is told, not raised."""
    inside = dataset.path.iterdir() if dataset.file is None else [dataset.file]
    entries = sorted(path for path in inside if not path.name.startswith("."))
    notes = [_note(path, dataset) for path in entries[:_MOST]]
    if len(entries) > _MOST:
        notes.append(FileNote("...", f"and {len(entries) - _MOST} more"))
    return notes


def _note(path: Path, dataset: MousePoseDataset) -> FileNote:
    try:
        told = _folder(path, dataset) if path.is_dir() else _file(path, dataset)
    except MouseposeError as error:
        told = f"cannot be read: {str(error).removeprefix(f'{path}: ')}"
    return FileNote(f"{path.name}/" if path.is_dir() else path.name, told)


def _folder(path: Path, dataset: MousePoseDataset) -> str:
    if dataset.scans and dataset.scans[0].parent == path:
        return f"CT scans: {len(dataset.scans)} DICOM files, an animal each"
    if path == dataset.multiview_path:
        odd = " (the published notebook's spelling)" if path.name == FOLDERS[1] else ""
        return f"pictures of several cameras, their points in keypoints.csv{odd}"
    return "not of the data set"


def _file(path: Path, dataset: MousePoseDataset) -> str:
    if path.name in _BY_NAME:
        return _BY_NAME[path.name](path)
    if is_record_name(path.name) or path == dataset.frames_path:
        return "labelled frames" if path.name.startswith(FRAMES) else "TFRecord file"
    if path in dataset.scans:
        return "a CT scan (DICOM)"
    if path in dataset.slices:
        return _slices(path)
    told = _BY_SUFFIX.get(path.suffix.lower())
    return "not of the data set" if told is None else told(path)


def _camera(path: Path) -> str:
    (camera,) = read_cameras(path)[:1]
    own = camera.matrix
    fx, fy, cx, cy = own[0, 0], own[1, 1], own[0, 2], own[1, 2]
    same = np.allclose((fx, fy, cx, cy), PUBLISHED_INTRINSICS, atol=0.005)
    told = "as published" if same else "not the published one"
    return f"the home-cage camera: fx {fx:g}, fy {fy:g}, cx {cx:g}, cy {cy:g} px, {told}"


def _slices(path: Path) -> str:
    slices = load_slices(path)
    count, rows, columns = slices.intensity.shape
    spacing = " x ".join(f"{s:.2f}" for s in slices_spacing(slices))
    told = "" if slices.spacing_mm is not None else ", not told: by the scanner's field of view"
    return (
        f"{count} sagittal slices of a CT scan, {columns} x {rows} px, brightness, no Hounsfield "
        f"units, {spacing} mm apart{told}"
    )


def _picture(path: Path) -> str:
    height, width = read_picture(path).shape[:2]
    told = f"a picture, {width} x {height} px"
    if path.name == _DEFINITION:
        return f"{told}: where the 22 keypoints lie on the skeleton"
    if path.name == VIEWS_SAMPLE:
        count = len(view_panels(path))
        return f"{told}: {count} views of a moment side by side, marks painted in; no table"
    return f"{told}; not of the data set"


def _film(path: Path) -> str:
    film = read_film(path, pictures=0)
    width, height = film.size
    what = "; the authors' fit beside a video of the cage" if path.name == FILM_SAMPLE else ""
    rate = film.frames_per_second
    return f"a video of {film.frames} frames, {width} x {height} px, {rate:g} a second{what}"


def _table(path: Path) -> str:
    return "points in the pictures of several cameras"


def _truth(path: Path) -> str:
    return "the twin's truth: points in space, cameras, joints of its scans"


def _twin(path: Path) -> str:
    try:
        options = json.loads(path.read_text(encoding="utf-8"))["options"]
        told = f"seed {options['seed']}"
    except (ValueError, KeyError, TypeError, OSError):
        told = "its options cannot be read"
    return f"says that this is a synthetic twin and no animal was recorded ({told})"


_BY_NAME: Mapping[str, Callable[[Path], str]] = {
    INTRINSICS: _camera, TABLE: _table, ABOUT: _twin, TRUTH: _truth,
}  # fmt: skip
_BY_SUFFIX: Mapping[str, Callable[[Path], str]] = {
    **dict.fromkeys((".png", ".jpg", ".jpeg"), _picture),
    **dict.fromkeys((".mp4", ".avi", ".mov"), _film),
}
