"""Texts as other systems write them: encodings, line ends, delimiters, decimal commas."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mousepose.errors import FileError
from mousepose.io.keypoints.registry import load_keypoints
from mousepose.io.keypoints.text import encoding_of

TABLE = "scorer,s,s,s\nbodyparts,Öhr,Öhr,Öhr\ncoords,x,y,likelihood\n0,1.5,2,0.5\n1,5,6,0.75\n"
PLAIN = "frame,Öhr_x,Öhr_y,Öhr_confidence\n0,1.5,2,0.5\n1,5,6,0.75\n"
KINDS = ("16", "16-le", "16-be", "32")
BOTH = pytest.mark.parametrize("text", [TABLE, PLAIN], ids=["deeplabcut", "plain"])


def check(path: Path) -> None:
    points = load_keypoints(path, fps=10)
    assert points.keypoint_names == ("Öhr",)
    assert points.xy.ravel().tolist() == [1.5, 2, 5, 6]
    assert points.confidence.ravel().tolist() == [0.5, 0.75]


@BOTH
@pytest.mark.parametrize(
    "encoding", ["utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "latin-1"]
)
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_every_encoding_and_line_end_reads_the_same(
    tmp_path: Path, text: str, encoding: str, end: str
) -> None:
    path = tmp_path / "track.csv"
    path.write_bytes(text.replace("\n", end).encode(encoding))
    check(path)


@BOTH
@pytest.mark.parametrize("delimiter", [";", "\t"])
@pytest.mark.parametrize("decimal", [",", "."])
def test_a_table_saved_by_a_spreadsheet_reads_the_same(
    tmp_path: Path, text: str, delimiter: str, decimal: str
) -> None:
    path = tmp_path / "track.csv"
    text = text.replace(",", delimiter).replace(".", decimal)
    path.write_text(text, encoding="utf-8")
    check(path)


def test_image_names_keep_their_letters_in_any_encoding(tmp_path: Path) -> None:
    path = tmp_path / "labels.csv"
    rows = "scorer,s,s\nbodyparts,a,a\ncoords,x,y\nMäuse/img1.png,1,2\nandere/img2.png,3,4\n"
    path.write_bytes(rows.encode("latin-1"))
    assert load_keypoints(path, fps=10, animal="Mäuse").xy.ravel().tolist() == [1, 2]


@given(st.text(st.characters(codec="utf-8", exclude_characters="\0"), min_size=4))
def test_utf_8_is_told_from_bytes_that_are_none(text: str) -> None:
    assert encoding_of(b"x" + text.encode()) == "utf-8"
    assert encoding_of(b"\xff\xfe" + text.encode("utf-16-le")) == "utf-16"


@given(st.binary(min_size=1, max_size=200))
def test_any_bytes_have_one_encoding_or_none(head: bytes) -> None:
    found = encoding_of(head)
    assert found in {None, "latin-1", "utf-8", "utf-8-sig", *(f"utf-{n}" for n in KINDS)}
    if found == "latin-1":
        with pytest.raises(UnicodeDecodeError):
            head.decode("utf-8")


def test_broken_quotes_are_told(tmp_path: Path) -> None:
    path = tmp_path / "track.csv"
    path.write_text('scorer,"s,s\nbodyparts,a,a\n', encoding="utf-8")
    with pytest.raises(FileError, match="line 1 cannot be read: unexpected end of data"):
        load_keypoints(path, fps=10)
    path.write_text('"quoted, and never ended\n', encoding="utf-8")
    with pytest.raises(FileError, match="text file of no known format"):
        load_keypoints(path, fps=10)


def test_a_long_table_is_read_in_blocks_without_a_seam(tmp_path: Path) -> None:
    path = tmp_path / "long.csv"
    rows = 120_000
    values = np.arange(3 * rows).reshape(rows, 3) % 1009 + 0.125
    with path.open("w", encoding="utf-8") as stream:
        stream.write("frame,a_x,a_y,b_x,b_y\n")
        np.savetxt(
            stream,
            np.column_stack([np.arange(rows), values, values[:, 0]]),
            fmt="%d,%.17g,%.17g,%.17g,%.17g",
        )
    points = load_keypoints(path, fps=10)
    np.testing.assert_array_equal(points.frame_numbers, np.arange(rows))
    np.testing.assert_array_equal(points.xy.reshape(rows, 4)[:, :3], values)
