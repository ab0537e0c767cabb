"""The labelled frames of `video_frames.tfrecord`: any by its number, or as one table of all.

A `Frame` is decoded when its picture is asked for. Points are normalised in the file, 0 to 1 from
edge to edge of the image; here they are px with the centre of the top-left pixel at (0, 0).
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from functools import cached_property
from pathlib import Path
from typing import Any, overload

import numpy as np
from numpy.typing import NDArray

from mousepose.closing import Closing
from mousepose.dataset.example import Example, Feature
from mousepose.dataset.features import (
    BOX_ROLES,
    FeatureFound,
    first_number,
    map_features,
    survey,
    text_of,
)
from mousepose.dataset.frame_table import FrameTable, TableBuilder
from mousepose.dataset.pictures import PictureError, decode_picture, picture_size
from mousepose.dataset.tfrecord import Records
from mousepose.errors import FileError, InputError
from mousepose.types import Bytes, Floats, Ints, Keypoints2D, Progress

FRAMES_PER_SECOND = 24.0
#: Records that are looked at to find out what features there are, evenly spread over the file.
SURVEYED = 240


@dataclass(frozen=True, eq=False)
class Frame:
    """One labelled frame: `xy` (K, 2) px, NaN = not labelled; `box` (4,) px: left, top, right, low.

    `number` is the record's, `frame` its number in the clip as the file tells it, `size` (width,
    height) px. What the file does not tell is None. `features` are all of the record's; `place`
    says where the record stands, for messages.
    """

    number: int
    encoded: bytes
    size: tuple[int, int]
    keypoint_names: tuple[str, ...]
    xy: Floats
    behaviour: str | None
    clip: str | None
    frame: int | None
    box: Floats | None
    features: Mapping[str, Feature]
    place: str

    @cached_property
    def image(self) -> Bytes:
        """The picture (H, W, 3) RGB. Raises `FileError` where it is damaged."""
        try:
            return decode_picture(self.encoded)
        except PictureError as error:
            raise FileError(f"{self.place}: {error}") from error

    @property
    def visible(self) -> NDArray[np.bool_]:
        """Which keypoints (K,) are labelled."""
        return labelled(self.xy)

    def keypoints(self) -> Keypoints2D:
        """Return the points as tracked points of one frame and camera."""
        return as_keypoints(self.xy[None], self.keypoint_names, np.array([self.frame or 0]))


class Frames(Closing):
    """The frames of a TFRecord file: `frames[i]`, `frames[10:20]`, `for frame in frames`.

    `path` is a file, a shard, a pattern or a folder. `features` names features for the roles of
    `features.ROLES` and "image" that are guessed otherwise (see `feature_map.guessed`).
    `records_per_clip` says that so many records in a row are a clip, for files that name none.
    With `skip_faults` damaged records are left out. Raises `FileError` and `InputError`.
    """

    def __init__(
        self,
        path: str | Path,
        *,
        features: Mapping[str, str] | None = None,
        records_per_clip: int | None = None,
        skip_faults: bool = False,
        progress: Progress | None = None,
    ) -> None:
        if records_per_clip is not None and records_per_clip < 1:
            raise InputError(f"records_per_clip: expected 1 or more, got {records_per_clip}")
        self.path = Path(path)
        self.records = Records(path, skip_faults=skip_faults, progress=progress)
        self.records_per_clip = records_per_clip
        self._skip = skip_faults
        try:
            self.found = self._survey()
            self.feature_map = map_features(self.found, features)
            if not self.feature_map.points:
                raise InputError(
                    "no feature is called NAME/region/point/x and y; these records have: "
                    f"{', '.join(list(self.found)[:20])}"
                )
        except BaseException as error:
            self.close()
            if isinstance(error, InputError) and not isinstance(error, FileError):
                raise type(error)(f"{self.path}: {error}") from error
            raise

    def __len__(self) -> int:
        return len(self.records)

    @overload
    def __getitem__(self, chosen: int) -> Frame: ...
    @overload
    def __getitem__(
        self, chosen: slice | Sequence[int] | Ints | NDArray[np.bool_]
    ) -> FramesView: ...

    def __getitem__(
        self, chosen: int | slice | Sequence[int] | Ints | NDArray[np.bool_]
    ) -> Frame | FramesView:
        """Return a frame by its record's number, or a view of several that is read on demand.

        Several are a slice, numbers, or a mask (N,) of all records.

        Raises `IndexError`, and `FileError` where the record is damaged.
        """
        if isinstance(chosen, int | np.integer):
            number = int(chosen)
            payload = self.records[number]
            number += len(self) if number < 0 else 0
            try:
                return self._frame(number, self.records.parsed(number, payload))
            except PictureError as error:
                raise FileError(str(self.records.fault(number, str(error)))) from error
        if isinstance(chosen, slice):
            return FramesView(self, np.arange(len(self))[chosen])
        given = np.asarray(chosen)
        numbers = np.flatnonzero(given) if given.dtype == bool else given.astype(np.int64)
        return FramesView(self, numbers)

    def __iter__(self) -> Iterator[Frame]:
        """Yield the frames in order, in flat memory; damaged ones are told or left out."""
        for number, example in self.records.examples():
            try:
                yield self._frame(number, example)
            except PictureError as error:
                fault = self.records.fault(number, str(error))
                if not self._skip:
                    raise FileError(str(fault)) from error
                self.records.add_fault(fault)

    @property
    def keypoint_names(self) -> tuple[str, ...]:
        """The names of the points, K of them."""
        return self.feature_map.keypoint_names

    @cached_property
    def table(self) -> FrameTable:
        """Points, labels and sizes of all frames as arrays; reads every record, once."""
        return self.read_table()

    def read_table(self, progress: Progress | None = None) -> FrameTable:
        """Return `table`, telling `progress(stage, done, total)` how far it is."""
        if "table" in self.__dict__:
            return self.table
        builder = TableBuilder(len(self), self.keypoint_names, self.records_per_clip)
        for frame in self:
            builder.add(
                frame.number, frame.xy, frame.size,
                (frame.behaviour, frame.clip, frame.frame), frame.box,
            )  # fmt: skip
            if progress is not None and frame.number % 200 == 0:
                progress("records", frame.number, len(self))
        table = builder.build()
        self.__dict__["table"] = table
        return table

    def index(self) -> Any:
        """Return a pandas table: the behaviour, clip, number and size of each frame by record."""
        return self.table.to_dataframe()

    def clip(self, name: str) -> FramesView:
        """Return the frames of one clip in their order. Raises `InputError` without clips."""
        return self[self.table.rows_of_clip(name)]

    def close(self) -> None:
        """Close the file."""
        self.records.close()

    def _survey(self) -> dict[str, FeatureFound]:
        examples = []
        for number in np.unique(
            np.linspace(0, len(self) - 1, min(SURVEYED, len(self))).astype(int)
        ):
            try:
                examples.append(self.records.example(int(number)))
            except FileError:
                if not self._skip:
                    raise
        if not examples:
            raise InputError("holds no records")
        return survey(examples)

    def _frame(self, number: int, example: Example) -> Frame:
        """Return the frame of a record. Raises `PictureError` where it has no picture."""
        roles = self.feature_map.roles
        image = example.get(self.feature_map.image)
        encoded = image[0] if isinstance(image, list) and image else b""
        size = picture_size(encoded)
        told = {role: text_of(example.get(name, [])) or None for role, name in roles.items()}
        frame = first_number(example.get(roles.get("frame", ""), []))
        clip = told.get("clip")
        if clip is None and self.records_per_clip:
            clip = str(number // self.records_per_clip)
        return Frame(
            number=number,
            encoded=encoded,
            size=size,
            keypoint_names=self.keypoint_names,
            xy=self._points(example, size),
            behaviour=told.get("behaviour"),
            clip=clip,
            frame=int(frame) if np.isfinite(frame) else None,
            box=self._box(example, size),
            features=example,
            place=self.records.place(number),
        )

    def _points(self, example: Example, size: tuple[int, int]) -> Floats:
        nothing: Feature = []
        pairs = self.feature_map.points.values()
        values = [first_number(example.get(key, nothing)) for pair in pairs for key in pair]
        normalised = np.array(values, np.float64).reshape(-1, 2)
        normalised[~np.isfinite(normalised).all(axis=1)] = np.nan
        return to_pixels(normalised, size)

    def _box(self, example: Example, size: tuple[int, int]) -> Floats | None:
        roles = self.feature_map.roles
        if not all(role in roles for role in BOX_ROLES):
            return None
        edges = [first_number(example.get(roles[role], [])) for role in BOX_ROLES]
        box = to_pixels(np.array(edges).reshape(2, 2), size).ravel()
        return box if np.isfinite(box).all() else None


class FramesView(Sequence[Frame]):
    """Some of the frames, by their record's `numbers`, read when they are asked for."""

    def __init__(self, frames: Frames, numbers: Ints) -> None:
        self._frames, self.numbers = frames, numbers

    def __len__(self) -> int:
        return len(self.numbers)

    @overload
    def __getitem__(self, chosen: int) -> Frame: ...
    @overload
    def __getitem__(self, chosen: slice) -> FramesView: ...

    def __getitem__(self, chosen: int | slice) -> Frame | FramesView:
        if isinstance(chosen, slice):
            return FramesView(self._frames, self.numbers[chosen])
        return self._frames[int(self.numbers[chosen])]

    def keypoints(self) -> Keypoints2D:
        """Return the points as tracked points of one camera, 24 frames a second, in this order."""
        frames = list(self)
        xy = np.stack([frame.xy for frame in frames]) if frames else np.zeros((0, 0, 2))
        return as_keypoints(xy, self._frames.keypoint_names, np.arange(len(frames)))


def to_pixels(normalised: Floats, size: tuple[int, int]) -> Floats:
    """Return points (*B, 2) in px of points that are 0 to 1 from edge to edge of the image."""
    return np.asarray(normalised * np.array(size, np.float64) - 0.5)


def to_normalised(xy: Floats, size: tuple[int, int]) -> Floats:
    """Return points (*B, 2), 0 to 1 from edge to edge of the image, of points in px."""
    return np.asarray((xy + 0.5) / np.array(size, np.float64))


def labelled(xy: Floats) -> NDArray[np.bool_]:
    """Return which points (*B,) of `xy` (*B, 2) are there."""
    return np.asarray(np.isfinite(xy).all(axis=-1))


def as_keypoints(xy: Floats, names: tuple[str, ...], numbers: Ints) -> Keypoints2D:
    """Return labelled points (T, K, 2) px as tracked points of one camera, sure where labelled."""
    seen = labelled(xy)
    return Keypoints2D(
        xy=np.where(seen[..., None], xy, np.nan)[:, None],
        confidence=seen[:, None].astype(np.float64),
        times=numbers / FRAMES_PER_SECOND,
        frame_numbers=np.asarray(numbers, np.int64),
        keypoint_names=names,
    )
