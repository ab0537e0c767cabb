"""COCO's json of keypoints: the lists images, annotations and categories.

A track is one category of animal, or one instance of it: by its identity (`track_id`,
`instance_id`, `attributes.object_id`) where all annotations have one and some share it, else by its
order in each image, which is no identity. Frames are the numbers in the images' file names where
these lie in one folder and all differ, else the images' ids.
"""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

import numpy as np

from mousepose.errors import FileError
from mousepose.io.keypoints.images import folder_of, frame_in
from mousepose.io.keypoints.rows import (
    Rows,
    Track,
    TrackFile,
    by_visibility,
    names_of_animals,
    names_of_parts,
)
from mousepose.io.keypoints.sniff import Content
from mousepose.types import Floats, Ints

#: Python needs some ten times this to hold it.
MAX_JSON_BYTES = 256 * 2**20
LISTS = ("images", "annotations", "categories")
IDENTITIES = ("track_id", "instance_id", "object_id")
EXPECTED = f"expected COCO: an object with the lists {', '.join(LISTS)}"


@dataclass
class _Category:
    """A kind of animal: its points, and of each annotation the image's row, who it is, values."""

    name: str
    points: tuple[str, ...]
    rows: list[int] = field(default_factory=list)
    identities: list[Any] = field(default_factory=list)
    values: list[list[float]] = field(default_factory=list)

    def owners(self) -> list[str]:
        """Return the name of each annotation's animal, by identity or by order in its image."""
        different = set(self.identities)
        if None not in different and 1 < len(different) < len(self.identities):
            return [f"{self.name}_{identity}" for identity in self.identities]
        order: Counter[int] = Counter()
        places = []
        for row in self.rows:
            places.append(order[row])
            order[row] += 1
        several = max(places, default=0) > 0
        return [f"{self.name}_{place}" if several else self.name for place in places]


def recognizes(content: Content) -> bool:
    """Tell whether a json names COCO's three lists."""
    text = _text(content.path)
    return all(f'"{name}"' in text for name in LISTS)


def in_space(_: Content) -> bool:
    """Return False: COCO knows no points in space."""
    return False


def open_tracks(path: Path) -> TrackFile:
    """Return the tracks in a COCO json. Raises `FileError`."""
    content = _parsed(path)
    frames, row_of = _frames(path, content["images"])
    tracks: dict[str, tuple[_Category, Ints]] = {}
    for category in _categories(path, content, row_of):
        owners = np.array(category.owners())
        for owner in dict.fromkeys(owners.tolist()):
            tracks[owner] = category, np.flatnonzero(owners == owner)
    if not tracks:
        raise FileError(f"{path} holds no annotation with keypoints")

    def open_one(animal: str) -> Track:
        category, chosen = tracks[animal]
        rows = _rows(path, animal, category, chosen, frames)
        return Track(path, animal, category.points, rows, row_word="image", frames=len(frames))

    return TrackFile(path, names_of_animals(path, list(tracks)), open_one)


def _text(path: Path) -> str:
    """Return the text of a json. Raises `FileError` where it is too large or cannot be read."""
    try:
        size = path.stat().st_size
        if size > MAX_JSON_BYTES:
            raise FileError(
                f"{path} has {size / 2**20:.0f} MB; a json is read up to "
                f"{MAX_JSON_BYTES / 2**20:.0f} MB: split it"
            )
        data = path.read_bytes()
        return data.decode(json.detect_encoding(data))
    except OSError as error:
        raise FileError(f"{path} cannot be read: {error}") from error
    except UnicodeDecodeError:
        return data.decode("latin-1")


def _parsed(path: Path) -> dict[str, list[Any]]:
    try:
        found = json.loads(_text(path))
    except FileError:
        raise
    except (ValueError, RecursionError, MemoryError) as error:
        raise FileError(f"{path} is no whole json, it may be cut: {error}") from error
    if not isinstance(found, dict) or not all(isinstance(found.get(n), list) for n in LISTS):
        shown = f"the keys {', '.join(list(found)[:8])}" if isinstance(found, dict) else "no object"
        raise FileError(f"{path} holds {shown}; {EXPECTED}")
    for name in LISTS:
        wrong = next((n for n, item in enumerate(found[name]) if not isinstance(item, dict)), None)
        if wrong is not None:
            raise FileError(f"{path}: item {wrong} of {name} is no object; {EXPECTED}")
    return found


def _frames(path: Path, images: Sequence[dict[str, Any]]) -> tuple[Floats, dict[Any, int]]:
    """Return the frames in order, and the row of each image by its id."""
    ids = [image.get("id") for image in images]
    if not ids or not all(isinstance(i, int | str) for i in ids) or len(set(ids)) != len(ids):
        raise FileError(f"{path}: expected images, each with an id of its own")
    names = [str(image.get("file_name", "")) for image in images]
    numbers: list[Any] = [frame_in(name) for name in names]
    if None in numbers or len(set(numbers)) != len(numbers) or len(set(map(folder_of, names))) > 1:
        numbers = ids
    if not all(isinstance(number, int) and 0 <= number < 2**53 for number in numbers):
        raise FileError(
            f"{path}: frames can be told neither from the images' file names (expected one "
            "number each, as in img0027.png) nor from their ids (expected whole numbers)"
        )
    order = sorted(range(len(numbers)), key=numbers.__getitem__)
    frames = np.array([numbers[n] for n in order], dtype=np.float64)
    return frames, {ids[n]: row for row, n in enumerate(order)}


def _categories(
    path: Path, content: dict[str, list[Any]], row_of: dict[Any, int]
) -> list[_Category]:
    """Return the categories with keypoints, filled with their annotations."""
    found = _empty_categories(path, content["categories"])
    for number, annotation in enumerate(content["annotations"]):
        values = annotation.get("keypoints")
        if not values:
            continue  # a box or an outline alone
        where = f"{path}: annotation {number} (id {str(annotation.get('id'))[:40]})"
        image, kind = annotation.get("image_id"), annotation.get("category_id")
        if not isinstance(image, int | str) or image not in row_of:
            raise FileError(f"{where} is of image {str(image)[:40]}, which is not listed")
        if not isinstance(kind, int | str) or kind not in found:
            raise FileError(
                f"{where} is of category {str(kind)[:40]}, which has no list of keypoints"
            )
        category = found[kind]
        if not isinstance(values, list) or len(values) != 3 * len(category.points):
            raise FileError(
                f"{where}: expected {3 * len(category.points)} numbers in keypoints, x, y and "
                f"visibility of each of {len(category.points)} points"
            )
        attributes = annotation.get("attributes")
        told = annotation | (attributes if isinstance(attributes, dict) else {})
        identity = next((told[key] for key in IDENTITIES if key in told), None)
        category.rows.append(row_of[image])
        category.identities.append(identity if isinstance(identity, int | str) else None)
        category.values.append(values)
    return list(found.values())


def _empty_categories(path: Path, listed: Sequence[dict[str, Any]]) -> dict[Any, _Category]:
    found: dict[Any, _Category] = {}
    names = names_of_animals(path, [str(category.get("name", "")) for category in listed])
    for name, category in zip(names, listed, strict=True):
        points, identity = category.get("keypoints"), category.get("id")
        if not isinstance(points, list) or not points or not isinstance(identity, int | str):
            continue  # a category of boxes
        found[identity] = _Category(name, names_of_parts(path, [str(point) for point in points]))
    return found


def _rows(
    path: Path, animal: str, category: _Category, chosen: Ints, frames: Floats
) -> Iterator[Rows]:
    rows = np.array(category.rows)[chosen]
    if len(np.unique(rows)) != len(rows):
        raise FileError(f"{path} holds {animal} twice in one image")
    try:
        values = np.array([category.values[n] for n in chosen], dtype=np.float64)
    except (ValueError, TypeError, OverflowError) as error:
        raise FileError(f"{path}: the keypoints of {animal} are no numbers: {error}") from error
    if values.ndim != 2:
        raise FileError(f"{path}: the keypoints of {animal} are nested; expected a flat list")
    values = values.reshape(len(rows), len(category.points), 3)
    points, sure = by_visibility(path, values[..., :2], values[..., 2])
    xy = np.full((len(frames), *points.shape[1:]), np.nan)
    confidence = np.zeros(xy.shape[:2])
    xy[rows], confidence[rows] = points, sure
    yield Rows(frames, None, xy, confidence)
