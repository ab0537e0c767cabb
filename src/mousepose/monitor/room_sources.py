"""Where the film of a cage comes from, as a room's file says it."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path
from typing import Annotated, Literal

from pydantic import AfterValidator, Field, ValidationInfo, field_validator

from mousepose.errors import InputError
from mousepose.monitor.room_values import Above0, File, Folder, Secret, Settings, ZoneName, placed
from mousepose.monitor.sources.names import FileNames


def _pattern(pattern: str) -> str:
    return FileNames(pattern).pattern if pattern else pattern


Pattern = Annotated[str, AfterValidator(_pattern)]


class WatchedFolder(Settings):
    """A folder into which a recorder writes segments; a file is taken when it grows no more.

    `pattern` tells how the names hold the start, in the room's time zone or in `time_zone`; "" that
    they tell no time, and the film itself or its file does.
    """

    kind: Literal["folder"]
    folder: Folder
    pattern: Pattern = FileNames.pattern
    time_zone: ZoneName | None = None
    rest: Above0 = Field(default=5.0, description="s without growth after which a file is complete")


class FileList(Settings):
    """Files that are complete; each of `files` may be a pattern as `*.mp4`."""

    kind: Literal["files"]
    files: Annotated[tuple[str, ...], Field(strict=False)]
    pattern: Pattern = FileNames.pattern
    time_zone: ZoneName | None = None

    @field_validator("files")
    @classmethod
    def _found(cls, patterns: tuple[str, ...], info: ValidationInfo) -> tuple[str, ...]:
        found: list[str] = []
        if not patterns:
            raise InputError("expected at least one file")
        for pattern in patterns:
            path = placed(Path(pattern), info)
            files = sorted(map(str, path.parent.glob(path.name)))
            if not files:
                raise InputError(f"there is no file {path}")
            found += files
        return tuple(dict.fromkeys(found))


class RtspCamera(Settings):
    """A network camera, recorded into segments of `segment` s in the room's spool folder."""

    kind: Literal["rtsp"]
    url: Secret = Field(repr=False)
    segment: Above0 = 60.0
    options: dict[str, str] = Field(default={"rtsp_transport": "tcp"}, description="of FFmpeg")

    @field_validator("url")
    @classmethod
    def _is_rtsp(cls, url: str) -> str:
        if not url.startswith(("rtsp://", "rtsps://")):
            raise InputError("expected a URL that begins with rtsp:// or rtsps://")
        return url


class UsbCamera(Settings):
    """A camera of this machine, as /dev/video0, recorded as an `RtspCamera` is."""

    kind: Literal["usb"]
    device: str
    segment: Above0 = 60.0
    options: dict[str, str] = Field(default={}, description="of FFmpeg, as video_size, framerate")


class ReplayedFile(Settings):
    """A film played as if a camera had just begun: for trials. `speed` 1 is real time."""

    kind: Literal["replay"]
    file: File
    start: datetime | None = Field(default=None, description="when it begins; default: now")
    segment: Above0 = 60.0
    speed: Above0 = 1.0
    repeat: int = Field(default=1, ge=1)

    @field_validator("start")
    @classmethod
    def _has_zone(cls, start: datetime | None) -> datetime | None:
        if start is not None and start.tzinfo is None:
            raise InputError("expected a time with its zone, as 2026-05-01T08:00:00Z")
        return start


Source = Annotated[
    WatchedFolder | FileList | RtspCamera | UsbCamera | ReplayedFile, Field(discriminator="kind")
]
