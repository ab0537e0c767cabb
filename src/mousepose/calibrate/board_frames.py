"""Chosen frames of a video or of a folder of images, as grey values, by their exact numbers."""

from __future__ import annotations

import os
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mousepose.calibrate.board_refine import Grey
from mousepose.calibrate.opencv import require_opencv
from mousepose.errors import FileError, InputError

_IMAGE_SUFFIXES = {".png", ".jpg", ".jpeg", ".tif", ".tiff", ".bmp", ".webp"}


@dataclass(frozen=True)
class Footage:
    """One camera's video or folder of images, looked through but not decoded.

    `count` frames of `size` (width, height); `stated` is how many the file says it has, 0 where it
    does not say. `times` holds the presentation time of every frame of
    a video that states them, `keys` those of its key frames, in the video's own unit.
    """

    path: Path
    size: tuple[int, int]
    count: int
    stated: int = 0
    images: tuple[Path, ...] = ()
    times: tuple[int, ...] = ()
    keys: tuple[int, ...] = ()

    @property
    def name(self) -> str:
        """What the camera is called: the file's name without suffix, or the folder's."""
        return self.path.resolve().name if self.images else self.path.stem

    @property
    def is_video(self) -> bool:
        """Whether it is a video."""
        return not self.images


def open_footage(path: str | os.PathLike[str]) -> Footage:
    """Return what there is to see. Raises `FileError` where it is no video and no folder of images.

    A folder's images are taken in the natural order of their names: 2 before 10.
    """
    path = Path(path)
    if path.is_dir():
        return _open_folder(path)
    if not path.exists():
        raise FileError(f"{path}: there is no such file or folder")
    if path.suffix.lower() in _IMAGE_SUFFIXES:
        raise FileError(f"{path}: is one image; give the folder of images, or a video")
    return _open_video(path)


def spread_numbers(count: int, most: int, also: Sequence[int] = ()) -> list[int]:
    """Return up to `most` frame numbers spread evenly over `count`, and those of `also`."""
    spread = np.linspace(0, count - 1, min(most, count)).round().astype(int)
    return sorted({*spread.tolist(), *also})


def read_frames(footage: Footage, numbers: Sequence[int]) -> Iterator[tuple[int, Grey]]:
    """Yield (number, image) of the frames with increasing `numbers`, as far as they can be read.

    A video that is cut ends the frames early; nothing is raised for it.
    """
    if footage.is_video:
        yield from _read_video(footage, numbers)
        return
    for number in numbers:
        yield number, _read_image(footage.images[number])


def _open_folder(path: Path) -> Footage:
    images = [file for file in path.iterdir() if file.suffix.lower() in _IMAGE_SUFFIXES]
    images = [file for file in images if not file.name.startswith(".")]
    if not images:
        raise FileError(f"{path}: holds no images ({', '.join(sorted(_IMAGE_SUFFIXES))})")
    images.sort(key=lambda file: [int(p) if p.isdecimal() else p for p in _digits(file.name)])
    height, width = _read_image(images[0]).shape
    return Footage(path, (width, height), len(images), images=tuple(images))


def _digits(name: str) -> list[str]:
    """Return the runs of digits and of other letters of a name, an other one first."""
    return re.split(r"(\d+)", name.lower())


def _read_image(path: Path) -> Grey:
    cv2 = require_opencv()
    # not cv2.imread: on Windows it cannot open names with letters beyond ASCII
    try:
        raw = np.fromfile(path, np.uint8)
    except OSError as error:
        raise FileError(f"{path}: cannot be read: {error.strerror or error}") from error
    image = cv2.imdecode(raw, cv2.IMREAD_GRAYSCALE) if len(raw) else None
    if image is None:
        raise FileError(f"{path}: is no image, or it is cut")
    return np.asarray(image, np.uint8)


def _av() -> Any:
    try:
        import av
    except ImportError as error:
        raise InputError(
            "reading videos needs PyAV: pip install 'mousepose[calibrate]', or give folders of "
            "images"
        ) from error
    av.logging.set_level(av.logging.PANIC)  # what a broken video does is told by us
    return av


def _open_video(path: Path) -> Footage:
    av = _av()
    try:
        with av.open(str(path)) as container:
            if not container.streams.video:
                raise FileError(f"{path}: holds no video")
            stream, form = container.streams.video[0], container.format.name
            packets = []
            try:
                for packet in container.demux(stream):
                    if packet.size:
                        packets.append((packet.pts, packet.is_keyframe))
            except av.error.FFmpegError:
                pass  # cut: what was read so far is what there is
            turned = _quarter_turns(path, container, stream) % 2
            size = (stream.codec_context.width, stream.codec_context.height)
            stated = _stated_count(container, stream)
    except av.error.FFmpegError as error:
        raise FileError(
            f"{path}: cannot be opened as a video ({error.strerror or error}): is it cut, or still "
            "being written?"
        ) from error
    if not packets or min(size) < 1:
        raise FileError(f"{path}: holds no frame: is it cut, or still being written?")
    # the packets of AVI carry no presentation times, even where they seem to
    known = all(pts is not None for pts, _ in packets) and form != "avi"
    times = sorted({pts for pts, _ in packets}) if known else []
    known = len(times) == len(packets)
    return Footage(
        path,
        size[::-1] if turned else size,
        len(packets),
        stated,
        times=tuple(times) if known else (),
        keys=tuple(sorted(pts for pts, is_key in packets if is_key)) if known else (),
    )


def _stated_count(container: Any, stream: Any) -> int:
    """Return the number of frames that the file says it holds, or 0."""
    if stream.frames or not (container.duration and stream.average_rate):
        return int(stream.frames)
    return int(container.duration / 1e6 * stream.average_rate)


def _quarter_turns(path: Path, container: Any, stream: Any) -> int:
    """Return by how many quarters players turn the frames, as phones ask them to."""
    container.seek(0)
    frame = next(iter(container.decode(stream)), None)
    if frame is None:
        raise FileError(f"{path}: no frame of it can be decoded")
    return int(round(frame.rotation / 90) % 4)


def _read_video(footage: Footage, numbers: Sequence[int]) -> Iterator[tuple[int, Grey]]:
    av = _av()
    wanted = list(numbers)
    with av.open(str(footage.path)) as container:
        stream = container.streams.video[0]
        stream.thread_type = "AUTO"
        try:
            if footage.times:
                yield from _read_by_time(footage, container, stream, wanted)
            else:
                yield from _read_in_turn(container, stream, wanted)
        except (av.error.FFmpegError, StopIteration):
            return


def _read_by_time(
    footage: Footage, container: Any, stream: Any, wanted: list[int]
) -> Iterator[tuple[int, Grey]]:
    """Yield frames by their presentation times, leaping over key frames nobody asked for."""
    keys = np.array(footage.keys)
    frames, reached = container.decode(stream), -1
    for number in wanted:
        time = footage.times[number]
        before = keys[keys <= time]
        if len(before) and before[-1] > reached:
            container.seek(int(before[-1]), stream=stream)
            frames = container.decode(stream)
        frame = next(frame for frame in frames if frame.pts is not None and frame.pts >= time)
        reached = frame.pts
        if frame.pts == time:
            yield number, _grey(frame)


def _read_in_turn(container: Any, stream: Any, wanted: list[int]) -> Iterator[tuple[int, Grey]]:
    places = set(wanted)
    for number, frame in enumerate(container.decode(stream)):
        if number in places:
            yield number, _grey(frame)
        if number >= wanted[-1]:
            return


def _grey(frame: Any) -> Grey:
    image = frame.to_ndarray(format="gray")
    return np.ascontiguousarray(np.rot90(image, round(frame.rotation / 90)))
