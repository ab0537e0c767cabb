"""What the names of labelled images tell."""

from __future__ import annotations

from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mousepose.errors import FileError
from mousepose.io.keypoints import images
from mousepose.io.keypoints.images import by_recording, folder_of, frame_in


@pytest.mark.parametrize(
    ("name", "folder", "frame"),
    [
        ("labeled-data/m4s1/img0027.png", "m4s1", 27),
        ("labeled-data\\m4s1\\img0027.png", "m4s1", 27),
        ("frame00000001.png", "", 1),
        ("v2/cam1_12.frame.jpeg", "v2", 12),
        ("v2/7", "v2", 7),
        ("v2/nose.png", "v2", None),
    ],
)
def test_folder_and_last_number(name: str, folder: str, frame: int | None) -> None:
    assert (folder_of(name), frame_in(name)) == (folder, frame)


@given(st.lists(st.tuples(st.sampled_from("ab"), st.integers(0, 99)), min_size=1))
def test_every_row_is_in_one_recording_in_order(rows: list[tuple[str, int]]) -> None:
    found = by_recording(Path("t.csv"), [f"{folder}/img{n:03}.png" for folder, n in rows])
    assert sorted(row for places, _ in found.values() for row in places) == list(range(len(rows)))
    for folder, (places, frames) in found.items():
        assert [rows[row] for row in places] == [(folder, frame) for frame in frames]
        assert frames.tolist() == sorted(frames)


def test_too_many_images_are_refused(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(images, "MAX_IMAGES", 1)
    with pytest.raises(FileError, match="lists 2 labelled images; expected 1 at most"):
        by_recording(Path("t.csv"), ["1", "2"])
