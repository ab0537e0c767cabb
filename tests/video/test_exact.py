"""Frame n is always frame n: held against a decode of the whole file from its start."""

from __future__ import annotations

from collections.abc import Callable
from fractions import Fraction
from pathlib import Path

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import videos
from mousepose.video import FrameState, Video, open_video

COUNT = 60
#: name: (codec, pixel format, options)
KINDS = {
    "closed.mp4": ("libx264", "yuv420p", {"g": "12", "bf": "3"}),
    "one_key.mp4": ("libx264", "yuv420p", {"g": "250", "bf": "3"}),
    "open.mp4": ("libx264", "yuv420p", {"g": "12", "x264-params": "open-gop=1:bframes=3"}),
    "open.mkv": ("libx264", "yuv420p", {"g": "12", "x264-params": "open-gop=1:bframes=3"}),
    "refresh.mp4": ("libx264", "yuv420p", {"g": "12", "x264-params": "intra-refresh=1:bframes=0"}),
    "hevc.mp4": ("libx265", "yuv420p", {"g": "12", "x265-params": "log-level=none:open-gop=1"}),
    "h264.ts": ("libx264", "yuv420p", {"g": "12", "bf": "2"}),
    "bare.h264": ("libx264", "yuv420p", {"g": "12", "bf": "2"}),
    "h264.avi": ("libx264", "yuv420p", {"g": "12", "bf": "2"}),
    "ten_bits.mp4": ("libx264", "yuv420p10le", {"g": "12"}),
    "grey.mp4": ("libx264", "gray", {"g": "12"}),
    "mpeg4.avi": ("mpeg4", "yuv420p", {"g": "12"}),
    "mpeg4_b.avi": ("mpeg4", "yuv420p", {"g": "12", "bf": "2"}),
    "mpeg4_b.mp4": ("mpeg4", "yuv420p", {"g": "12", "bf": "2"}),
    "mpeg2.mpg": ("mpeg2video", "yuv420p", {"g": "12", "bf": "2"}),
    "motion.avi": ("mjpeg", "yuvj420p", {}),
    "lossless.mkv": ("ffv1", "gray", {}),
    "lossless16.mkv": ("ffv1", "gray16le", {}),
    "vp8.webm": ("libvpx", "yuv420p", {"auto-alt-ref": "1", "lag-in-frames": "8", "g": "20"}),
    "vp9.webm": ("libvpx-vp9", "yuv420p", {"g": "20", "deadline": "realtime", "cpu-used": "8"}),
}


@pytest.fixture(scope="module")
def made(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("videos")
    made = {}
    for name, (codec, pixel_format, options) in KINDS.items():
        bits = 16 if "16" in pixel_format else 8
        made[name] = videos.write(folder / name, codec, pixel_format, options, bits=bits)
    return made


def shown(video: Video, numbers: list[int]) -> list[int | None]:
    frames = list(video.at(numbers))
    assert [frame.number for frame in frames] == numbers
    return [videos.number_in(frame.image) for frame in frames]


@pytest.mark.parametrize("name", KINDS)
def test_frames_are_those_of_a_decode_from_the_start(made: dict[str, Path], name: str) -> None:
    path = made[name]
    whole = videos.in_turn(path)
    assert whole == list(range(COUNT))
    with open_video(path) as video:
        assert len(video) == COUNT
        assert video.size == videos.SIZE
        assert video.fps == pytest.approx(30, rel=1e-3)
        assert np.allclose(video.times, np.arange(COUNT) / 30, atol=1.1e-3)
        assert shown(video, list(range(COUNT))) == whole
        # leaps back and forth, onto key frames and just before and behind them
        leaps = [59, 0, 47, 48, 49, 12, 11, 13, 36, 24, 23, 58, 1, 30, 30]
        assert shown(video, leaps) == leaps
        assert {frame.state for frame in video.frames()} == {FrameState.OK}


@given(st.lists(st.integers(0, COUNT - 1), min_size=1, max_size=12))
def test_any_order_gives_the_same_frames(
    tmp_path_factory: pytest.TempPathFactory, numbers: list[int]
) -> None:
    path = tmp_path_factory.getbasetemp() / "any.mp4"
    if not path.exists():
        options = {"g": "7", "x264-params": "open-gop=1:bframes=3"}
        videos.write(path, "libx264", "yuv420p", options)
    with open_video(path) as video:
        assert shown(video, numbers) == numbers


@pytest.mark.parametrize("name", ["closed.mp4", "open.mkv", "bare.h264", "mpeg4_b.avi"])
def test_a_first_frame_deep_in_the_file(made: dict[str, Path], name: str) -> None:
    for number in (5, 13, 34, 59):
        with open_video(made[name]) as video:
            assert videos.number_in(video.frame(number).image) == number


def test_batches_hold_the_frames_in_order(made: dict[str, Path]) -> None:
    with open_video(made["closed.mp4"]) as video:
        batches = list(video.batches(16, 3, 50, 2))
        numbers = [videos.number_in(image) for batch in batches for image in batch.images]
        assert numbers == list(range(3, 50, 2))
        assert [len(batch) for batch in batches] == [16, 8]
        assert np.allclose(np.concatenate([b.times for b in batches]), video.times[3:50:2])
        colour = next(video.batches(4, colour=True))
        assert colour.images.shape == (4, *videos.SIZE[::-1], 3)
        assert not colour.states.any()


def test_batches_left_early_end_their_thread(made: dict[str, Path]) -> None:
    import threading

    before = threading.active_count()
    with open_video(made["closed.mp4"]) as video:
        for _ in video.batches(2):
            break
        for _ in video.batches(2):
            break
    assert threading.active_count() == before


def test_frames_come_at_their_own_times(tmp_path: Path) -> None:
    stamps = np.cumsum([0, 1, 1, 5, 1, 1, 1, 90, 1, 1] + [1] * 20)
    for name in ("a.mp4", "a.mkv"):
        path = videos.write(tmp_path / name, numbers=range(30), stamps=stamps)
        with open_video(path) as video:
            assert np.allclose(video.times, stamps / 30, atol=1.1e-3)
            assert video.index.irregular.tolist() == [3, 7]
            assert video.fps == pytest.approx(30, rel=2e-3)
            assert shown(video, [29, 7, 6, 3]) == [29, 7, 6, 3]


def test_a_file_that_starts_late_starts_at_nought(tmp_path: Path) -> None:
    path = videos.write(tmp_path / "a.mkv", numbers=range(20), stamps=range(90, 110))
    with open_video(path) as video:
        assert video.times[0] == 0
        assert video.index.start == pytest.approx(3, abs=0.1)
        assert shown(video, [19, 0, 7]) == [19, 0, 7]


def test_what_an_edit_list_cuts_away_does_not_count(tmp_path: Path) -> None:
    """Frames before the cut are in the file, needed to decode, and not shown."""
    whole = videos.write(tmp_path / "whole.mp4", options={"g": "30", "bf": "0"})
    cut = tmp_path / "cut.mp4"
    with av.open(str(whole)) as source, av.open(str(cut), "w") as target:
        stream = source.streams.video[0]
        copy = target.add_stream_from_template(stream)
        for packet in source.demux(stream):
            if packet.dts is None:
                continue
            shift = int(Fraction(7, 30) / stream.time_base)
            packet.pts, packet.dts = packet.pts - shift, packet.dts - shift
            packet.stream = copy
            target.mux(packet)
    sequential = videos.in_turn(cut)
    assert sequential == list(range(7, 60))
    with open_video(cut) as video:
        assert shown(video, list(range(len(video)))) == sequential
        assert shown(video, [50, 0, 23]) == [57, 7, 30]


@pytest.mark.parametrize("turn", [90, 180, 270])
def test_a_turned_video_comes_upright(tmp_path: Path, turn: int) -> None:
    path = videos.write(tmp_path / "a.mp4", numbers=range(5), rotation=turn)
    with open_video(path) as video:
        width, height = videos.SIZE
        assert video.rotation == turn
        assert video.size == ((height, width) if turn % 180 else (width, height))
        for colour in (False, True):
            image = video.frame(3, colour=colour).image
            assert image.shape[1::-1] == video.size
            assert videos.number_in(np.rot90(image, -turn // 90)) == 3


@pytest.mark.parametrize(
    ("codec", "pixel_format"),
    [
        ("ffv1", "gray"),
        ("ffv1", "gray10le"),
        ("ffv1", "gray16le"),
        ("ffv1", "yuv420p"),
        ("ffv1", "yuv422p10le"),
        ("ffv1", "bgr0"),
        ("mjpeg", "yuvj422p"),
        ("libx264", "nv12"),
    ],
)
def test_grey_spans_the_full_range_of_every_format(
    tmp_path: Path, codec: str, pixel_format: str
) -> None:
    bits = 10 if "10" in pixel_format else 16 if "16" in pixel_format else 8
    path = videos.write(tmp_path / "a.mkv", codec, pixel_format, numbers=range(3), bits=bits)
    with open_video(path) as video:
        grey = video.frame(1).image.astype(float)
        colour = video.frame(1, colour=True).image.astype(float)
    assert grey.shape == videos.SIZE[::-1]
    assert np.abs(grey[4:12, 4:12].mean() - 235) < 6
    assert np.abs(grey[20:28, 4:12].mean() - 20) < 6
    assert np.abs(grey - colour.mean(axis=-1)).mean() < 3


def test_odd_sizes_and_one_frame(tmp_path: Path) -> None:
    size = (videos.SIZE[0] + 3, videos.SIZE[1] + 1)
    path = videos.write(tmp_path / "a.mkv", "ffv1", "yuv420p", numbers=[5], size=size)
    with open_video(path) as video:
        assert (len(video), video.size) == (1, size)
        assert np.isnan(video.fps)
        assert shown(video, [0]) == [5]


def test_a_first_leap_into_a_stream_of_an_old_x264(shared_data: Callable[[str], Path]) -> None:
    """Its version stands in the first packet; a decoder that never saw it decodes wrongly."""
    path = shared_data("openfield_topview") / "m3v1mp4.mp4"
    number = 200
    with open_video(path) as video:
        whole = next(video.frames(number, number + 1)).image
        *_, last = video.again().frames(0, number + 1)
        batch = next(video.batches(4, number))
    assert np.array_equal(whole, last.image)
    assert np.array_equal(batch.images[0], last.image)
    assert (batch.states == FrameState.OK).all()
