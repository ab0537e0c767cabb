"""One pass over a film: every frame once, the same wherever it begins; what it is learned from."""

from __future__ import annotations

from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest

from detect.cages import HEIGHT, WIDTH, bedding, frame, walk
from mousepose.errors import InputError
from mousepose.run import film_pass
from mousepose.run.film_pass import FilmPass, Watched
from mousepose.run.mouse_finder import Search, spread_frames
from mousepose.video import open_video, video_writer

COUNT, CHUNK = 90, 40


@pytest.fixture(scope="module")
def film(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path, ground = tmp_path_factory.mktemp("film") / "cage.mp4", bedding()
    with video_writer(path, (WIDTH, HEIGHT), 30, quality=15) as writer:
        for number, place in enumerate(walk(COUNT)):
            writer.write(frame(ground, [place], seed=number), number / 30)
    return path


def quiet(stage: str, done: int, total: int) -> None:
    """Report to nobody."""


def passed(film: Path, folder: Path, **settings: object) -> list[Watched]:
    chosen = FilmPass(Search(), CHUNK, lambda n: folder / f"{n}.parquet", **settings)  # type: ignore[arg-type]
    with open_video(film) as video:
        return list(chosen.watch(video, quiet))


def boxes_of(watched: list[Watched]) -> np.ndarray:
    return np.concatenate([one.boxes for one in watched])


def test_a_pass_is_the_same_wherever_it_begins(
    film: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = passed(film, tmp_path)
    assert np.concatenate([one.numbers for one in whole]).tolist() == list(range(COUNT))
    with open_video(film) as video:
        for one in whole:
            assert one.images is not None
            assert np.array_equal(one.images[-1], video.frame(int(one.numbers[-1])).image)
    (tmp_path / "2.parquet").unlink()  # interrupted in its last part
    for first in (0, CHUNK, 2 * CHUNK):
        again = passed(film, tmp_path, first=first)
        assert np.array_equal(boxes_of(again), boxes_of(whole))
        shown = [one for one in again if one.images is not None]
        assert shown[0].numbers[0] == first
        assert {tuple(one.numbers) for one in shown} <= {tuple(one.numbers) for one in whole}
    monkeypatch.setattr(film_pass, "chosen_finder", None)  # all is known: nothing is sought
    unseen = passed(film, tmp_path, pictures=False)
    assert np.array_equal(boxes_of(unseen), boxes_of(whole))
    assert all(one.images is None for one in unseen)


class Long:
    """A video of which only the number of frames and the key frames are known."""

    def __init__(self, count: int, keys: list[int]) -> None:
        self.count, self.index = count, SimpleNamespace(keys=np.array(keys, np.int64))

    def __len__(self) -> int:
        return self.count


def test_key_frames_stand_in_where_they_are_near() -> None:
    numbers = spread_frames(Long(10_000, list(range(0, 10_000, 90))), 21)  # type: ignore[arg-type]
    assert len(numbers) == 21
    assert (numbers % 90 == 0).all()
    assert np.abs(numbers - np.linspace(0, 9999, 21)).max() <= 90
    even = spread_frames(Long(10_000, [0]), 21)  # type: ignore[arg-type]
    assert np.array_equal(even, np.linspace(0, 9999, 21).round())
    assert spread_frames(Long(3, [0]), 21).tolist() == [0, 1, 2]  # type: ignore[arg-type]
    assert spread_frames(Long(1, [0]), 21).tolist() == [0]  # type: ignore[arg-type]


def test_a_network_must_be_there_to_be_asked() -> None:
    with pytest.raises(InputError, match="--detector FILE"):
        Search(method="network").check()
