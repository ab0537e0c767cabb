"""Opening a video file with PyAV: one kind of error, and limits on what a hostile file may ask."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from mousepose.errors import FileError

#: A picture with more pixels than this is no camera's: 8192 x 8192.
MAX_PIXELS = 1 << 26
#: Containers of single video files. Playlists and the like are left out: they name other files.
_FORMATS = (
    "mov,mp4,m4a,3gp,3g2,mj2,matroska,webm,avi,mpegts,mpeg,asf,flv,h264,hevc,av1,obu,ivf,ogg,gif,"
    "m4v,mjpeg,mpegvideo,mxf,nut,yuv4mpegpipe,apng,dv,vc1"
)


def library() -> Any:
    """Return the module `av`, which tells nothing on stderr: what a broken file does is ours."""
    import av

    # The library's own log, and only of panics. PyAV's would need Python's lock in the threads that
    # decode, for which a container that closes waits while it holds that lock.
    av.logging.restore_default_callback()
    av.logging.set_libav_level(av.logging.PANIC)
    return av


@contextmanager
def opened(path: Path) -> Iterator[tuple[Any, Any]]:
    """Give the open container and its video stream; both end with the block.

    Raises `FileError` for a missing, empty or cut file, one that is no video or only sound, and one
    whose picture is larger than `MAX_PIXELS`.
    """
    container, stream = open_file(path)
    with container:
        yield container, stream


def open_file(path: Path) -> tuple[Any, Any]:
    """Return the open container and its video stream. Raises `FileError`; see `opened`."""
    av = library()
    try:
        if not path.stat().st_size:
            raise FileError(f"{path}: is empty (0 bytes): was the recording stopped at once?")
        # "file:" keeps names such as "concat:a|b" from being read as anything but a name
        container = av.open(
            f"file:{path}",
            options={"protocol_whitelist": "file", "format_whitelist": _FORMATS},
            metadata_errors="replace",
        )
    except av.error.FFmpegError as error:
        raise FileError(
            f"{path}: cannot be opened as a video ({error.strerror or error}): is it cut, or still "
            "being written?"
        ) from error
    except OSError as error:
        raise FileError(f"{path}: cannot be read: {error.strerror or error}") from error
    try:
        return container, _video_stream(path, container)
    except BaseException:
        container.close()
        raise


def _video_stream(path: Path, container: Any) -> Any:
    streams = [s for s in container.streams.video if not _is_cover(s)]
    if not streams:
        held = ", ".join(sorted({s.type for s in container.streams})) or "nothing"
        raise FileError(f"{path}: holds no video, only {held}")
    stream = streams[0]
    context = stream.codec_context
    if context is None:
        raise FileError(f"{path}: its codec is not one that can be decoded here")
    if context.width * context.height > MAX_PIXELS:
        raise FileError(
            f"{path}: claims {context.width} x {context.height} px, which no camera has"
        )
    context.options = {"max_pixels": str(MAX_PIXELS)}
    stream.thread_type = "AUTO"
    return stream


def _is_cover(stream: Any) -> bool:
    """Tell whether it is the picture on the cover of a sound file."""
    return bool(stream.disposition & stream.disposition.__class__.attached_pic)


def packets_of(av: Any, container: Any, stream: Any) -> Iterator[Any]:
    """Yield the stream's packets that hold data, past damaged places of the file as far as it goes.

    Raises the last error where nothing more can be read.
    """
    failures = 0
    while True:
        try:
            for packet in container.demux(stream):
                if packet.size:
                    failures = 0
                    yield packet
            return
        except av.error.FFmpegError:
            failures += 1
            if failures > _MOST_FAILURES:
                raise


#: So many times in a row a container may fail to give a packet before it is taken to be cut.
_MOST_FAILURES = 8
