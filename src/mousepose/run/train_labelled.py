"""Labelled sets of any known tracker as samples: labels through `io`, pictures beside them.

A set is written `PATH,view=top,keypoints=openfield4,pictures=DIR`: the labels (or a folder that
holds DeepLabCut's CollectedData*.csv, or the dataset's TFRecord), how the mouse is seen, the map of
its names, and the folder or the video that the labels belong to. `region=LEFT:TOP:RIGHT:LOW` (px)
is the part of each picture that shows this view, `frames=FROM:TO` are some of the labelled frames
in their order, `share` is that of each batch, relative to other sets. `mirrored=yes` says that the
view was seen in a mirror: its pictures are turned over, for left and right are exchanged in it.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mousepose.dataset.dataset import MousePoseDataset
from mousepose.dataset.tfrecord_shards import is_record_name
from mousepose.detect.crops import Crops
from mousepose.errors import FileError, InputError
from mousepose.io.keypoints.images import frame_in
from mousepose.io.keypoints.registry import animals_in, load_keypoints
from mousepose.skeleton import KEYPOINT_NAMES, canonical_name
from mousepose.train.labelled import CONTEXT, body_length, samples_of, squares_of
from mousepose.train.labelled_names import keypoint_places
from mousepose.train.samples import CROP_SIZE, VIEWS, Samples
from mousepose.types import Bytes, Floats, Ints
from mousepose.video.folder import IMAGE_SUFFIXES, read_image
from mousepose.video.reader import Video

_OPTIONS = ("view", "keypoints", "pictures", "region", "frames", "share", "mirrored")
#: Labels number frames; any rate gives them back.
_ANY_FPS = 1.0
_WEIGHTS = np.array([0.299, 0.587, 0.114])  # grey of RGB, ITU-R BT.601


@dataclass(frozen=True)
class LabelledSet:
    """Where labels are: see the module's text. `share` of each batch, relative to other sources."""

    path: Path
    view: str = "unknown"
    keypoints: str | None = None
    pictures: Path | None = None
    region: tuple[int, ...] | None = None
    frames: tuple[int, ...] | None = None
    share: float = 1.0
    mirrored: bool = False

    @classmethod
    def parsed(cls, text: str) -> LabelledSet:
        """Return the set that a text such as "labels.csv,view=top" tells. Raises `InputError`."""
        path, *options = text.split(",")
        values = {}
        for option in options:
            name, equals, value = option.partition("=")
            if name not in _OPTIONS or not equals or not value:
                known = ", ".join(f"{one}=..." for one in _OPTIONS)
                raise InputError(f"labelled set {text!r}: {option!r} is none of {known}")
            values[name] = value
        view = values.get("view", "unknown")
        if view not in VIEWS:
            raise InputError(f"labelled set {text!r}: view is {', '.join(VIEWS)}, not {view!r}")
        try:
            share = float(values.get("share", "1"))
            region, frames = _numbers(values.get("region"), 4), _numbers(values.get("frames"), 2)
        except ValueError:
            raise InputError(
                f"labelled set {text!r}: expected share=NUMBER, region=LEFT:TOP:RIGHT:LOW and "
                "frames=FROM:TO in whole numbers"
            ) from None
        if not (np.isfinite(share) and share > 0):
            raise InputError(f"labelled set {text!r}: share is a number above 0")
        mirrored = values.get("mirrored", "no")
        if mirrored not in ("yes", "no"):
            raise InputError(f"labelled set {text!r}: mirrored is yes or no")
        pictures = None if "pictures" not in values else Path(values["pictures"])
        return cls(
            Path(path), view, values.get("keypoints"), pictures, region, frames, share,
            mirrored == "yes",
        )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Recording:
    """Labelled pictures of one recording: `xy` (N, 22, 2) px in grey `pictures`, NaN = no label.

    `other` are labels (N, 2) by their own names that are none of the 22 keypoints.
    """

    name: str
    view: str
    pictures: list[Bytes]
    xy: Floats
    other: dict[str, Floats] = field(default_factory=dict)

    @property
    def length(self) -> float:
        """The mouse's length in px of the pictures; see `body_length`."""
        return body_length(self.xy)

    def samples(self, size: int = round(CROP_SIZE * CONTEXT)) -> Samples:
        """Return crops of `size` px, larger than the network's at the same scale by default."""
        squares = squares_of(self.xy)
        images = np.empty((len(squares.rows), size, size), np.uint8)
        sides = squares.sides * size / CROP_SIZE
        for k, row in enumerate(squares.rows.tolist()):  # pictures may differ in size
            one = Crops(squares.centres[k : k + 1], sides[k : k + 1], size)
            images[k] = one.cut(self.pictures[row][None])[0]
        return samples_of(images, self.xy, squares, self.view)


def read_recordings(labelled: LabelledSet) -> list[Recording]:
    """Return the recordings of a set.

    Raises `FileError` and `InputError` where labels cannot be read, none of their names is known,
    or a picture is missing.
    """
    if _is_dataset(labelled.path):
        found = list(_of_dataset(labelled))
    else:
        found = [one for path in _label_files(labelled.path) for one in _of_labels(path, labelled)]
    if labelled.region is not None:
        found = [_cut(recording, labelled.region) for recording in found]
    if labelled.mirrored:
        found = [_turned_over(recording) for recording in found]
    if not found:
        raise InputError(f"{labelled.path}: holds no labelled picture")
    return found


def _of_labels(path: Path, labelled: LabelledSet) -> Iterator[Recording]:
    for animal in animals_in(path):
        tracks = load_keypoints(path, fps=_ANY_FPS, animal=animal)
        places = keypoint_places(tracks.keypoint_names, labelled.keypoints, str(path))
        found = tracks.xy[:, 0]
        xy = np.full((len(found), len(KEYPOINT_NAMES), 2), np.nan)
        for column, name in places.items():
            xy[:, KEYPOINT_NAMES.index(name)] = found[:, tracks.keypoint_names.index(column)]
        other = {
            name: found[:, k] for k, name in enumerate(tracks.keypoint_names) if name not in places
        }
        kept = np.flatnonzero(np.isfinite(xy).all(-1).any(-1))
        if labelled.frames is not None:
            kept = kept[slice(*labelled.frames)]
        if kept.size == 0:
            continue
        pictures = _pictures(path, labelled.pictures, animal, tracks.frame_numbers[kept])
        name = f"{path.parent.name}/{animal}"
        others = {key: value[kept] for key, value in other.items()}
        yield Recording(name, labelled.view, pictures, xy[kept], others)


def _pictures(
    path: Path, given: Path | None, recording: str, numbers: Sequence[int] | Ints
) -> list[Bytes]:
    """Return the grey pictures of frames by their numbers, of a video or of a folder's images."""
    place = path.parent if given is None else given
    if place.is_file():
        with Video(place) as video:
            return [frame.image for frame in video.at(int(number) for number in numbers)]
    if not place.is_dir():
        raise FileError(f"{path}: its pictures should be in {place}, which is not there")
    found = _numbered(place, recording)
    missing = [int(number) for number in numbers if int(number) not in found]
    if missing:
        raise FileError(
            f"{path}: no picture of frame {missing[0]} ({len(missing)} of {len(numbers)} missing) "
            f"in {place}; say where they are with pictures=DIR or pictures=VIDEO"
        )
    return [read_image(found[int(number)], colour=False) for number in numbers]


def _numbered(place: Path, recording: str) -> dict[int, Path]:
    """Return images by their numbers: those of the recording's folder, or of the only one."""
    folders = [place / recording, place / "labeled-data" / recording, place / "labeled-data", place]
    for folder in folders:
        if not folder.is_dir():
            continue
        images = [file for file in sorted(folder.iterdir())
                  if file.suffix.lower() in IMAGE_SUFFIXES]  # fmt: skip
        numbers = [frame_in(file.name) for file in images]
        named = {n: file for n, file in zip(numbers, images, strict=True) if n is not None}
        if named:
            return named
    return {}


def _label_files(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    found = sorted(path.rglob("CollectedData*.csv"))
    if not found:
        raise FileError(f"{path}: holds no CollectedData*.csv; give the file of the labels")
    return found


def _is_dataset(path: Path) -> bool:
    if path.is_dir():
        return any(is_record_name(file.name) for file in path.iterdir())
    return is_record_name(path.name)


def _of_dataset(labelled: LabelledSet) -> Iterator[Recording]:
    """Yield the clips of the dataset's records."""
    with MousePoseDataset(labelled.path) as dataset:
        frames = dataset.frames
        columns = [KEYPOINT_NAMES.index(canonical_name(name)) for name in frames.keypoint_names]
        clips: dict[str, list[tuple[Bytes, Floats]]] = {}
        for frame in frames:
            xy = np.full((len(KEYPOINT_NAMES), 2), np.nan)
            xy[columns] = frame.xy
            grey = np.rint(frame.image @ _WEIGHTS).astype(np.uint8)
            clips.setdefault(frame.clip or "clip", []).append((grey, xy))
    for name, rows in clips.items():
        points = np.stack([xy for _, xy in rows])
        if np.isfinite(points).any():
            yield Recording(name, labelled.view, [grey for grey, _ in rows], points)


def _cut(recording: Recording, region: tuple[int, ...]) -> Recording:
    """Return a recording of which only a region of each picture is kept."""
    left, top, right, low = region
    pictures = [picture[max(top, 0) : low, max(left, 0) : right] for picture in recording.pictures]
    if not all(picture.size for picture in pictures):
        raise InputError(f"{recording.name}: region {left}:{top}:{right}:{low} holds no picture")
    corner = np.array([max(left, 0), max(top, 0)], np.float64)
    other = {name: points - corner for name, points in recording.other.items()}
    return Recording(recording.name, recording.view, pictures, recording.xy - corner, other)


def _turned_over(recording: Recording) -> Recording:
    """Return a recording as it would be without the mirror in which it was seen."""
    last = np.array([picture.shape[1] - 1.0 for picture in recording.pictures])
    pictures = [np.ascontiguousarray(picture[:, ::-1]) for picture in recording.pictures]

    def over(points: Floats) -> Floats:
        across = last.reshape(-1, *[1] * (points.ndim - 2)) - points[..., 0]
        return np.stack([across, points[..., 1]], axis=-1)

    other = {name: over(points) for name, points in recording.other.items()}
    return Recording(recording.name, recording.view, pictures, over(recording.xy), other)


def _numbers(text: str | None, count: int) -> tuple[int, ...] | None:
    """Return the numbers of "1:2". Raises `ValueError` for another count of them."""
    if text is None:
        return None
    numbers = tuple(int(piece) for piece in text.split(":"))
    if len(numbers) != count:
        raise ValueError(text)
    return numbers
