"""Grey values and batches: what compiled code and threads give is what was written down."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np

import videos
from mousepose.video import open_video
from mousepose.video.pixels import image_of


def test_every_luma_becomes_its_grey() -> None:
    luma = np.tile(np.arange(256, dtype=np.uint8), (4, 1))
    for width in (256, 250):  # rows that are padded in memory, too
        planes = av.VideoFrame(width, 4, "yuv420p")
        np.frombuffer(planes.planes[0], np.uint8).reshape(4, -1)[:, :width] = luma[:, :width]
        grey = np.clip(np.rint((luma[:, :width].astype(float) - 16) * 255 / 219), 0, 255)
        into = np.zeros((4, width), np.uint8)
        assert image_of(planes, False, (width, 4), into) is into
        assert np.array_equal(into, grey)
        assert np.array_equal(image_of(planes, False), grey)


def test_what_is_written_into_a_batch_is_the_frame(tmp_path: Path) -> None:
    for name, settings in (
        ("a.mp4", {"rotation": 90}),
        ("b.mkv", {"codec": "ffv1", "pixel_format": "gray10le", "bits": 10}),
        ("c.mkv", {"codec": "ffv1", "pixel_format": "bgr0"}),
    ):
        path = videos.write(tmp_path / name, numbers=range(6), **settings)  # type: ignore[arg-type]
        with open_video(path) as video:
            for colour in (False, True):
                (batch,) = video.batches(8, colour=colour)
                alone = np.stack([one.image for one in video.frames(colour=colour)])
                assert np.array_equal(batch.images, alone)


def test_no_batch_reaches_over_a_multiple(tmp_path: Path) -> None:
    path = videos.write(tmp_path / "a.mp4", numbers=range(50))
    with open_video(path) as video:
        found = [batch.numbers.tolist() for batch in video.batches(8, within=20)]
        assert [len(numbers) for numbers in found] == [8, 8, 4, 8, 8, 4, 8, 2]
        assert sum(found, []) == list(range(50))
        later = [batch.numbers.tolist() for batch in video.batches(8, 20, within=20)]
        assert later == found[3:]
