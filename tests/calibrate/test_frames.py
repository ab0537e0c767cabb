"""Frames by their exact numbers, from videos of several kinds and from folders."""

import numpy as np
import pytest

from mousepose.errors import FileError

pytest.importorskip("cv2", reason="OpenCV is not installed")

from mousepose.calibrate.board_frames import (  # noqa: E402
    open_footage,
    read_frames,
    spread_numbers,
)

COUNT = 40
CODECS = [
    ("a.mp4", "libx264", "yuv420p", {"g": "12"}),
    ("b.avi", "mjpeg", "yuvj420p", {}),
    ("c.mkv", "libx264", "yuv420p", {"g": "250"}),
    ("d.avi", "libx264", "yuv420p", {"g": "12"}),
]


def write_video(path, codec="libx264", pixel_format="yuv420p", options=None, count=COUNT):
    """A video whose frame i is grey of value 5 i."""
    av = pytest.importorskip("av", reason="PyAV is not installed")
    with av.open(str(path), "w") as container:
        stream = container.add_stream(codec, rate=30, options=options or {"g": "12"})
        stream.width, stream.height, stream.pix_fmt = 160, 120, pixel_format
        for index in range(count):
            image = np.full((120, 160, 3), 5 * index, np.uint8)
            for packet in stream.encode(av.VideoFrame.from_ndarray(image, format="rgb24")):
                container.mux(packet)
        for packet in stream.encode():
            container.mux(packet)
    return path


def numbers_shown(footage, numbers):
    """The numbers that the grey values of the frames tell."""
    return {
        number: round(float(image.mean()) / 5) for number, image in read_frames(footage, numbers)
    }


@pytest.mark.parametrize(("name", "codec", "pixel_format", "options"), CODECS)
def test_a_frame_is_the_one_of_its_number(tmp_path, name, codec, pixel_format, options):
    footage = open_footage(write_video(tmp_path / name, codec, pixel_format, options))
    assert (footage.count, footage.size, footage.name) == (COUNT, (160, 120), name[0])
    for numbers in (range(COUNT), [0, 13, 25, 39], [39], [11, 12, 13]):
        assert numbers_shown(footage, list(numbers)) == {n: n for n in numbers}


def test_a_cut_video_ends_early_or_cannot_be_opened(tmp_path):
    whole = write_video(tmp_path / "whole.mkv").read_bytes()
    cut = tmp_path / "cut.mkv"
    cut.write_bytes(whole[: len(whole) // 2])
    footage = open_footage(cut)
    assert 0 < footage.count < COUNT
    assert abs(footage.stated - COUNT) <= 1
    shown = numbers_shown(footage, list(range(footage.count)))
    assert shown == {n: n for n in shown}
    mp4 = tmp_path / "cut.mp4"
    mp4.write_bytes(write_video(tmp_path / "whole.mp4").read_bytes()[:-200])
    with pytest.raises(FileError, match=r"cut.mp4: cannot be opened as a video .* is it cut"):
        open_footage(mp4)


def test_images_of_a_folder_come_in_their_natural_order(tmp_path):
    from PIL import Image

    for number in (10, 9, 1, 100):
        Image.fromarray(np.full((30, 40), number, np.uint8)).save(tmp_path / f"Bild é {number}.png")
    (tmp_path / ".hidden.png").write_bytes(b"x")
    (tmp_path / "notes.txt").write_text("none")
    footage = open_footage(tmp_path)
    assert footage.size == (40, 30)
    assert footage.name == tmp_path.name
    assert [int(image.mean()) for _, image in read_frames(footage, [0, 1, 2, 3])] == [1, 9, 10, 100]


def test_what_is_no_footage(tmp_path):
    with pytest.raises(FileError, match="holds no images"):
        open_footage(tmp_path)
    (tmp_path / "a.png").write_bytes(b"no image")
    with pytest.raises(FileError, match=r"a.png: is no image, or it is cut"):
        open_footage(tmp_path)
    with pytest.raises(FileError, match="is one image; give the folder"):
        open_footage(tmp_path / "a.png")
    with pytest.raises(FileError, match="there is no such file or folder"):
        open_footage(tmp_path / "none.mp4")
    pytest.importorskip("av", reason="PyAV is not installed")
    text = tmp_path / "a.mp4"
    for content in (b"", b"text", bytes(1000)):
        text.write_bytes(content)
        with pytest.raises(FileError, match=r"a.mp4: "):
            open_footage(text)


def test_numbers_are_spread_evenly():
    assert spread_numbers(10, 4) == [0, 3, 6, 9]
    assert spread_numbers(3, 200) == [0, 1, 2]
    assert spread_numbers(1000, 3, [7, 0]) == [0, 7, 500, 999]
