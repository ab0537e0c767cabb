"""Laws that every layout keeps: the same mice come out, whole or in chunks, under any name."""

from __future__ import annotations

import random
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from mousepose.errors import FileError, InputError, MouseposeError, UnknownNameError
from mousepose.io.keypoints.registry import (
    READERS,
    animals_in,
    iterate_keypoints,
    load_keypoints,
    load_tracks,
    recognize,
)

Layout = tuple[str, Callable[..., None], str]


def test_every_reader_is_tried(layout: Layout) -> None:
    assert layout[2] in {reader.name for reader in READERS}


def test_each_animal_comes_back_as_one_track(
    tmp_path: Path, mice: Callable, layout: Layout
) -> None:
    truth = mice(40)
    path = tmp_path / "file"  # no ending: the content tells
    layout[1](path, truth)
    tracks = load_tracks(path, fps=50)
    assert tuple(tracks) == animals_in(path)
    assert len(tracks) == 2
    for animal, track in enumerate(tracks.values()):
        np.testing.assert_array_equal(track.xy[:, 0], truth.xy[animal])
        np.testing.assert_array_equal(track.confidence[:, 0], truth.sure[animal])
        np.testing.assert_array_equal(track.frame_numbers, np.arange(40))
        np.testing.assert_allclose(track.times, np.arange(40) / 50, rtol=1e-15)
        assert track.keypoint_names[::11] == ("NOSE", "TIP_TAIL")


def test_one_animal_is_chosen_by_name(tmp_path: Path, mice: Callable, layout: Layout) -> None:
    path = tmp_path / "file"
    layout[1](path, mice())
    first, second = animals_in(path)
    chosen = load_keypoints(path, fps=50, animal=second)
    assert chosen.animal == second
    np.testing.assert_array_equal(chosen.xy[:, 0], mice().xy[1])
    with pytest.raises(InputError, match=f"holds 2 animals: {first}, {second}; choose one"):
        load_keypoints(path, fps=50)
    with pytest.raises(UnknownNameError, match=f"'nobody'; known: {first}, {second}"):
        load_keypoints(path, fps=50, animal="nobody")


@pytest.mark.parametrize("size", [1, 7, 40, 1000])
def test_chunks_joined_are_the_whole(
    tmp_path: Path, mice: Callable, layout: Layout, size: int
) -> None:
    path = tmp_path / "file"
    layout[1](path, mice(40))
    animal = animals_in(path)[0]
    whole = load_keypoints(path, fps=50, animal=animal)
    chunks = list(iterate_keypoints(path, size, fps=50, animal=animal))
    assert [len(chunk) for chunk in chunks[:-1]] == [size] * (len(chunks) - 1)
    np.testing.assert_array_equal(np.concatenate([c.xy for c in chunks]), whole.xy)
    np.testing.assert_array_equal(np.concatenate([c.confidence for c in chunks]), whole.confidence)
    np.testing.assert_array_equal(np.concatenate([c.times for c in chunks]), whole.times)


def test_the_content_is_recognized_under_a_wrong_ending(
    tmp_path: Path, mice: Callable, layout: Layout
) -> None:
    for ending in ("csv", "h5", "json", "txt"):
        path = tmp_path / f"file.{ending}"
        layout[1](path, mice())
        reader = recognize(path)
        assert reader is not None
        assert reader.name == layout[2]


def test_keypoints_are_kept_by_name_in_order(
    tmp_path: Path, mice: Callable, layout: Layout
) -> None:
    path = tmp_path / "file"
    layout[1](path, mice())
    names = ("TIP_TAIL", "NOSE")
    for animal, track in enumerate(load_tracks(path, fps=50, keypoint_names=names).values()):
        assert track.keypoint_names == names
        np.testing.assert_array_equal(track.xy[:, 0], mice().xy[animal][:, [11, 0]])
    with pytest.raises(UnknownNameError, match="'SNOUT'"):
        load_tracks(path, fps=50, keypoint_names=["SNOUT"])


@pytest.mark.parametrize("share", [0.1, 0.5, 0.9, 0.99])
def test_a_cut_file_is_refused_or_short(
    tmp_path: Path, mice: Callable, layout: Layout, share: float
) -> None:
    whole, path = tmp_path / "whole", tmp_path / "cut"
    layout[1](whole, mice(40))
    content = whole.read_bytes()
    path.write_bytes(content[: int(share * len(content))])
    try:
        tracks = load_tracks(path, fps=50)
    except FileError as error:
        assert str(path) in str(error)
    else:
        # a text cut between two lines is a shorter text, and a row cut in a number is one too
        assert layout[0] in ("dlc_csv", "plain_csv")
        assert all(len(track) < 40 for track in tracks.values())


def damaged(content: bytes, seed: int) -> bytes:
    """The content with a few bytes exchanged, cut out, put in, zeroed, or moved."""
    chance = random.Random(seed)
    found = bytearray(content)
    for _ in range(chance.choice([1, 1, 2, 8])):
        place, size = chance.randrange(len(found) + 1), chance.choice([1, 2, 8, 64])
        new = chance.choice(
            [chance.randbytes(size), bytes(size), b"\xff" * size, b"", bytes(found[-size:])]
        )
        end = place + (len(new) if chance.random() < 0.7 else size * chance.randrange(2))
        found[place:end] = new
    return bytes(found)


@settings(max_examples=25)
@given(st.integers(0, 2**32))
def test_a_damaged_file_is_read_or_refused_in_words(
    tmp_path: Path, mice: Callable, layout: Layout, seed: int
) -> None:
    whole, path = tmp_path / "whole", tmp_path / "damaged"
    if not whole.exists():
        layout[1](whole, mice())
    path.write_bytes(damaged(whole.read_bytes(), seed))
    try:
        tracks = load_tracks(path, fps=50)
    except MouseposeError as error:
        assert str(path) in str(error)
    else:
        assert all(len(track) > 0 for track in tracks.values())
