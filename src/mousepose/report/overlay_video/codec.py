"""Writing the film: the encoder that is there, times as they were, the sound as it was."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass
from fractions import Fraction
from pathlib import Path
from typing import Any, Literal

from mousepose.atomic import atomic_path
from mousepose.errors import FileError, InputError
from mousepose.report.overlay_video.picture import Colours, Picture
from mousepose.video.container import library, open_file, packets_of

Codec = Literal["h264", "av1"]
SUFFIXES = (".mp4", ".mkv", ".mov")
#: Encoders of each codec, the best first, each with its options for a quality: constant quality
#: where the encoder knows it, else None and bits in proportion to the pixels.
_ENCODERS: dict[str, dict[str, dict[str, str] | None]] = {
    "h264": {
        # as small as "veryfast", in 60 % of its time; one thread, beside those that decode and
        # draw: with two, pictures wait for each other and come half as fast
        "libx264": {
            "crf": "{quality}",
            "preset": "superfast",
            "x264-params": "mbtree=1:rc-lookahead=20:threads=1",
        },
        "libopenh264": None,
        "h264_videotoolbox": None,
    },
    "av1": {
        "libsvtav1": {"crf": "{quality}", "preset": "10", "svtav1-params": "lp=2"},
        "libaom-av1": {"crf": "{quality}", "cpu-used": "8", "row-mt": "1", "usage": "realtime"},
        "librav1e": {"qp": "{quality}", "speed": "10"},
    },
}
#: What looks like the original: constant rate factors mean other things in each codec.
_QUALITY = {"h264": 21, "av1": 29}
_BITS_A_PIXEL = 0.12
#: Where a video tells no times, they are written in units of 1/90,000 s, as MPEG does.
_TICK = Fraction(1, 90_000)


@dataclass(frozen=True)
class Format:
    """What is written: the codec, its quality (None: what looks like the original), the size."""

    codec: Codec
    quality: int | None
    size: tuple[int, int]
    fps: float
    tick: Fraction
    colours: Colours
    pixel_aspect: float = 1.0  #: width over height of a pixel
    threads: int = 2


@dataclass(frozen=True, eq=False)
class Sound:
    """Whose sound is copied: from `start` s of the file to before `stop` s, moved by -`shift` s."""

    video: Path
    start: float
    stop: float
    shift: float


def encoder_of(codec: str) -> str:
    """Return the encoder of a codec that this machine's FFmpeg has.

    Raises `InputError` where it has none, or where the codec is unknown.
    """
    if codec not in _ENCODERS:
        raise InputError(f"unknown codec {codec!r}; known: {', '.join(_ENCODERS)}")
    av = library()
    for name in _ENCODERS[codec]:
        try:
            av.codec.Codec(name, "w")
        except ValueError:
            continue
        return name
    other = ", ".join(name for name in _ENCODERS if name != codec)
    raise InputError(
        f"the FFmpeg of PyAV {av.__version__} cannot write {codec}: it has none of "
        f"{', '.join(_ENCODERS[codec])}. Choose --codec {other}, or pip install --upgrade av"
    )


def ticks_of(video: Path, timed: bool) -> Fraction:
    """Return the unit of a video's times in s; that of MPEG where it tells none."""
    if not timed:
        return _TICK
    container, stream = open_file(video)
    with container:
        return Fraction(stream.time_base or _TICK)


class Film:
    """Takes pictures in the order of their stamps; packets of sound go between them."""

    def __init__(self, container: Any, stream: Any, sounds: list[_Track]) -> None:
        self._container, self._stream, self._sounds = container, stream, sounds

    def write(self, picture: Picture, tick: Fraction) -> None:
        """Add a picture that is shown from its stamp on."""
        frame = picture.frame
        frame.pts, frame.time_base = picture.stamp, tick
        if hasattr(frame, "duration"):
            frame.duration = picture.duration
        self._mux(self._stream.encode(frame), picture.stamp * tick)

    def finish(self) -> None:
        """Add what the encoder still holds, and the rest of the sound."""
        self._mux(self._stream.encode(None), None)

    def _mux(self, packets: list[Any], until: Fraction | None) -> None:
        for packet in packets:
            self._container.mux(packet)
        for sound in self._sounds:
            for packet in sound.until(until):
                self._container.mux(packet)


class _Track:
    """One track of sound, packet after packet."""

    def __init__(self, packets: Iterator[Any], target: Any, sound: Sound) -> None:
        self._packets, self._target, self._sound = packets, target, sound
        self._waiting = next(self._packets, None)

    def until(self, time: Fraction | None) -> Iterator[Any]:
        """Yield the packets up to a time in s of the film, all that are left for None."""
        sound = self._sound
        while (packet := self._waiting) is not None:
            base = packet.time_base
            stamp = packet.pts if packet.pts is not None else packet.dts
            if stamp is None:
                self._waiting = next(self._packets, None)
                continue
            at = float(stamp * base)
            if time is not None and at - sound.shift > time:
                return
            self._waiting = next(self._packets, None)
            if at < sound.start:
                continue
            if at >= sound.stop:
                self._waiting = None
                return
            moved = round(Fraction(sound.shift) / base)
            packet.pts = stamp - moved
            packet.dts = packet.pts if packet.dts is None else packet.dts - moved
            packet.stream = self._target
            yield packet


@contextmanager
def film_writer(path: Path, form: Format, sound: Sound | None) -> Iterator[Film]:
    """Give a film to write; the file appears whole when the block ends, or not at all.

    Raises `InputError` for an ending that is not of a video, a codec that cannot be written here
    and sound that the container cannot hold, `FileError` where nothing can be written at `path`.
    """
    encoder = encoder_of(form.codec)
    os.environ.setdefault("SVT_LOG", "1")  # SVT-AV1 tells of itself on stderr: errors alone
    if path.suffix.lower() not in SUFFIXES:
        raise InputError(f"{path}: a video is written as .mp4, .mkv or .mov")
    count = 0 if sound is None else _count_tracks(sound.video)
    heard = sound if count else None
    with ExitStack() as stack:
        temporary = stack.enter_context(atomic_path(path))
        container = stack.enter_context(_container(path, temporary, heard))
        stream = _video_track(container, encoder, form)
        sounds = [] if heard is None else _sound_tracks(stack, container, heard, count)
        container.start_encoding()
        film = Film(container, stream, sounds)
        yield film
        film.finish()


@contextmanager
def _container(path: Path, temporary: Path, sound: Sound | None) -> Iterator[Any]:
    """Give the container that is written to.

    Raises `InputError` where it cannot hold what is put into it, which some containers tell at once
    and some at their end, and `FileError` where it cannot be written.
    """
    av = library()
    try:
        container = av.open(str(temporary), "w")
        try:
            yield container
        except BaseException:
            with suppress(av.error.FFmpegError):  # its end cannot be written either
                container.close()
            raise
        container.close()
    except (av.error.ArgumentError, av.error.InvalidDataError, av.error.PatchWelcomeError) as error:
        raise InputError(_refusal(path, sound, error)) from error
    except av.error.FFmpegError as error:
        raise FileError(
            f"{path}: cannot be written ({error.strerror or error}): is the disk full?"
        ) from error


def _video_track(container: Any, encoder: str, form: Format) -> Any:
    quality = _QUALITY[form.codec] if form.quality is None else form.quality
    known = _ENCODERS[form.codec][encoder]
    options = {name: text.format(quality=quality) for name, text in (known or {}).items()}
    rate = Fraction(form.fps if 0 < form.fps < 1e5 else 30.0).limit_denominator(1000)
    stream = container.add_stream(encoder, rate=rate, options=options)
    stream.width, stream.height = form.size
    stream.pix_fmt = "yuv420p"
    context = stream.codec_context
    context.time_base, context.thread_count = form.tick, form.threads
    context.color_range, context.colorspace = form.colours.range, form.colours.matrix
    if form.pixel_aspect != 1:
        aspect = Fraction(form.pixel_aspect).limit_denominator(1000)
        context.sample_aspect_ratio = aspect
    if known is None:
        context.bit_rate = int(_BITS_A_PIXEL * form.size[0] * form.size[1] * float(rate))
    return stream


def _count_tracks(video: Path) -> int:
    source, _ = open_file(video)
    with source:
        return len(source.streams.audio)


def _sound_tracks(stack: ExitStack, container: Any, sound: Sound, count: int) -> list[_Track]:
    """Add the tracks of sound of a video to the container."""
    av = library()
    tracks = []
    for number in range(count):  # each from a reader of its own: they are read at their own pace
        source, _ = open_file(sound.video)
        stack.enter_context(source)
        stream = source.streams.audio[number]
        target = container.add_stream_from_template(stream)
        tracks.append(_Track(_until_cut(av, source, stream), target, sound))
    return tracks


def _until_cut(av: Any, source: Any, stream: Any) -> Iterator[Any]:
    try:
        yield from packets_of(av, source, stream)
    except av.error.FFmpegError:
        return  # cut: what was read is what there is


def _refusal(path: Path, sound: Sound | None, error: Any) -> str:
    if sound is None:
        return f"{path}: {path.suffix} cannot hold this video: {error.strerror or error}"
    return (
        f"{path}: {path.suffix} cannot hold this video with the sound of {sound.video.name} "
        f"({error.strerror or error}): write .mkv, or leave the sound out with --no-audio"
    )
