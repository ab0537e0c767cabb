"""Files that are cut, damaged, hostile or no videos: the right frame, or it is told."""

from __future__ import annotations

from pathlib import Path

import av
import numpy as np
import pytest

import videos
from mousepose.errors import FileError, InputError
from mousepose.video import FrameState, open_video, video_writer


def test_a_cut_tail_ends_the_frames_and_is_told(tmp_path: Path) -> None:
    whole = videos.write(tmp_path / "whole.mkv", options={"g": "12"}).read_bytes()
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(whole[: len(whole) // 2])
    with open_video(cut) as video:
        assert 10 < len(video) < 60
        assert abs(video.index.stated - 60) <= 1
        for frame in video.frames():
            right = videos.number_in(frame.image) == frame.number
            assert right or frame.state != FrameState.OK


def test_a_cut_mp4_cannot_be_opened(tmp_path: Path) -> None:
    whole = videos.write(tmp_path / "whole.mp4").read_bytes()
    (tmp_path / "cut.mp4").write_bytes(whole[:-200])
    with pytest.raises(FileError, match=r"cut.mp4: cannot be opened as a video .* is it cut"):
        open_video(tmp_path / "cut.mp4")


def _damaged(path: Path, share: float, length: int) -> Path:
    """The file with bytes replaced in the middle of its pictures."""
    content = bytearray(path.read_bytes())
    start = int(len(content) * share)
    noise = np.random.default_rng(0).integers(0, 256, length, np.uint8)
    content[start : start + length] = noise.tobytes()
    target = path.with_name("damaged" + path.suffix)
    target.write_bytes(content)
    return target


@pytest.mark.parametrize(
    ("name", "codec", "options", "length"),
    [
        ("a.mp4", "libx264", {"g": "12", "bf": "2"}, 3000),
        ("a.mp4", "libx264", {"g": "12", "bf": "0"}, 300),
        ("a.ts", "libx264", {"g": "12", "bf": "2"}, 3000),
    ],
)
def test_damage_is_told_and_later_frames_keep_their_numbers(
    tmp_path: Path, name: str, codec: str, options: dict[str, str], length: int
) -> None:
    whole = videos.write(tmp_path / name, codec, "yuv420p", options)
    damaged = _damaged(whole, 0.5, length)
    with open_video(damaged) as video:
        frames = list(video.frames())
        bad = [frame.number for frame in frames if frame.state != FrameState.OK]
        assert bad
        if name != "a.ts":  # in a stream of packets what is lost leaves no place
            assert [frame.number for frame in frames] == list(range(60))
            assert len(bad) < 30
            for frame in frames:
                if frame.state == FrameState.OK:
                    assert videos.number_in(frame.image) == frame.number
        # a whole frame is the same however one comes to it, and a broken one never passes for whole
        for frame in frames[::-7]:
            again = video.frame(frame.number)
            assert (again.state == FrameState.OK) == (frame.state == FrameState.OK)
            if frame.state == FrameState.OK:
                assert np.array_equal(again.image, frame.image)


def test_a_frame_without_a_picture_keeps_its_place(tmp_path: Path) -> None:
    path = videos.write(tmp_path / "a.mkv", "mjpeg", "yuvj420p")
    with av.open(str(path)) as source, av.open(str(tmp_path / "b.mkv"), "w") as target:
        copy = target.add_stream_from_template(source.streams.video[0])
        for number, packet in enumerate(source.demux(video=0)):
            if packet.dts is None:
                continue
            sent = av.Packet(b"no picture") if number in (20, 21) else packet
            sent.pts = sent.dts = packet.pts
            sent.time_base = source.streams.video[0].time_base
            sent.is_keyframe, sent.stream = True, copy
            target.mux(sent)
    with open_video(tmp_path / "b.mkv") as video:
        frames = list(video.frames())
        missing = [frame.number for frame in frames if frame.state == FrameState.MISSING]
        assert missing == [20, 21]
        assert not frames[20].image.any()
        told = [videos.number_in(f.image) for f in frames if f.number not in missing]
        assert told == [n for n in range(60) if n not in missing]
        assert video.frame(21).state == FrameState.MISSING
        assert videos.number_in(video.frame(22).image) == 22


def test_a_size_that_changes_is_scaled_to_the_first_and_told(tmp_path: Path) -> None:
    small = videos.write(tmp_path / "small.h264", options={"g": "10"}, numbers=range(20))
    width, height = videos.SIZE
    with av.open(str(tmp_path / "large.h264"), "w") as container:
        stream = container.add_stream("libx264", rate=30, options={"g": "10"})
        stream.width, stream.height, stream.pix_fmt = 2 * width, 2 * height, "yuv420p"
        for number in range(20, 40):
            image = np.kron(videos.picture(number), np.ones((2, 2), np.uint8))
            container.mux(stream.encode(av.VideoFrame.from_ndarray(image, format="gray")))
        container.mux(stream.encode(None))
    both = tmp_path / "both.h264"
    both.write_bytes(small.read_bytes() + (tmp_path / "large.h264").read_bytes())
    with open_video(both) as video:
        frames = list(video.frames())
        assert [videos.number_in(frame.image) for frame in frames] == list(range(40))
        assert {frame.image.shape for frame in frames} == {(height, width)}
        resized = [frame.number for frame in frames if frame.state == FrameState.RESIZED]
        assert resized == list(range(20, 40))


def test_what_is_no_video(tmp_path: Path) -> None:
    path = tmp_path / "a.mp4"
    with pytest.raises(FileError, match=r"a.mp4: there is no such file"):
        open_video(path)
    path.write_bytes(b"")
    with pytest.raises(FileError, match=r"a.mp4: is empty \(0 bytes\)"):
        open_video(path)
    for content in (
        b"text",
        bytes(1000),
        b"#EXTM3U\n#EXTINF:1,\nother.ts\n",
        b"ffconcat version 1.0",
    ):
        path.write_bytes(content)
        with pytest.raises(FileError, match=r"a.mp4: cannot be opened as a video"):
            open_video(path)


def test_only_sound_is_told(tmp_path: Path) -> None:
    path = tmp_path / "sound.mp4"
    with av.open(str(path), "w") as container:
        stream = container.add_stream("aac", rate=8000)
        frame = av.AudioFrame.from_ndarray(np.zeros((1, 1024), np.float32), "fltp", "mono")
        frame.rate = 8000
        container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    with pytest.raises(FileError, match=r"sound.mp4: holds no video, only audio"):
        open_video(path)


def test_a_picture_too_large_for_a_camera_is_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = videos.write(tmp_path / "a.mp4", numbers=range(3))
    monkeypatch.setattr("mousepose.video.container.MAX_PIXELS", 128 * 79)
    with pytest.raises(FileError, match="claims 128 x 80 px, which no camera has"):
        open_video(path)
    monkeypatch.undo()
    monkeypatch.setattr("mousepose.video.index.MAX_FRAMES", 2)
    with pytest.raises(FileError, match="holds more than 2 frames"):
        open_video(path)


def test_numbers_that_are_not_there(tmp_path: Path) -> None:
    with open_video(videos.write(tmp_path / "a.mp4", numbers=range(3))) as video:
        for number in (-1, 3):
            with pytest.raises(InputError, match=f"has 3 frames.*no frame {number}"):
                video.frame(number)


def test_garbage_is_an_error_or_frames(tmp_path: Path) -> None:
    content = videos.write(tmp_path / "a.mkv", options={"g": "12"}, numbers=range(20)).read_bytes()
    random, path = np.random.default_rng(3), tmp_path / "b.mkv"
    for _ in range(25):
        changed = bytearray(content)
        for place in random.integers(0, len(changed), 20):
            changed[place] = random.integers(256)
        path.write_bytes(changed)
        try:
            with open_video(path) as video:
                for frame in video.frames(stop=30):
                    assert frame.image.shape == video.size[::-1]
        except FileError as error:
            assert "b.mkv" in str(error)


def test_a_folder_of_images_is_a_video(tmp_path: Path) -> None:
    from PIL import Image

    for number in (10, 9, 1, 100):
        Image.fromarray(videos.picture(number)).save(tmp_path / f"Bild é {number}.png")
    deep = videos.picture(101).astype(np.uint16) << 8
    Image.fromarray(deep).save(tmp_path / "Bild é 101.tif")
    Image.fromarray(np.kron(videos.picture(102), np.ones((2, 2), np.uint8))).save(
        tmp_path / "Bild é 102.png"
    )
    (tmp_path / "Bild é 103.png").write_bytes(b"no image")
    (tmp_path / "notes.txt").write_text("none")
    with open_video(tmp_path, fps=10) as video:
        frames = list(video.frames())
        assert [videos.number_in(f.image) for f in frames[:-1]] == [1, 9, 10, 100, 101, 102]
        assert video.times[3] == pytest.approx(0.3)
        assert frames[5].state == FrameState.RESIZED
        assert frames[6].state == FrameState.MISSING


def test_what_is_written_comes_back(tmp_path: Path) -> None:
    times = [0.0, 0.1, 0.25, 0.3]
    with video_writer(tmp_path / "a.mp4", (129, 81), 10) as writer:
        for number, time in enumerate(times):
            grey = videos.picture(number, (129, 81))
            writer.write(grey if number % 2 else np.stack([grey] * 3, axis=-1), time)
        with pytest.raises(InputError, match="cannot hold an image of 20 x 10 px"):
            writer.write(np.zeros((10, 20), np.uint8), 1.0)
    with open_video(tmp_path / "a.mp4") as video:
        assert video.size == (128, 80)
        assert np.allclose(video.times, times, atol=1e-4)
        assert [videos.number_in(frame.image) for frame in video.frames()] == [0, 1, 2, 3]
    with (
        pytest.raises(InputError, match=r"written as .mp4, .mkv or .mov"),
        video_writer(tmp_path / "a.txt", (8, 8), 10),
    ):
        pass
