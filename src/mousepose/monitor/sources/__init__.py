"""Where segments come from: growing folders, lists of files, cameras, films played for trials."""

from __future__ import annotations

from mousepose.monitor.sources.folder import FolderSource
from mousepose.monitor.sources.found import VIDEO_SUFFIXES, Found
from mousepose.monitor.sources.listed import ListedSource
from mousepose.monitor.sources.names import SPOOL_NAMES, FileNames
from mousepose.monitor.sources.replay import Replay
from mousepose.monitor.sources.stream import Recorder, StreamSettings

__all__ = [
    "SPOOL_NAMES",
    "VIDEO_SUFFIXES",
    "FileNames",
    "FolderSource",
    "Found",
    "ListedSource",
    "Recorder",
    "Replay",
    "StreamSettings",
]
