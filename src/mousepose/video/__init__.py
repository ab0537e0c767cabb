"""Videos and folders of images as frames of exact numbers and times."""

from __future__ import annotations

from mousepose.video.reader import Video, open_video
from mousepose.video.types import Batch, Frame, FrameIndex, FrameState
from mousepose.video.write import VideoWriter, video_writer

__all__ = [
    "Batch",
    "Frame",
    "FrameIndex",
    "FrameState",
    "Video",
    "VideoWriter",
    "open_video",
    "video_writer",
]
