"""Videos to keypoints: nothing lost, nothing invented, the same after an interruption."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mousepose import load_keypoints, load_tracks
from mousepose.detect.crops import Crops
from mousepose.detect.in_sequence import predict_in_sequence
from mousepose.detect.network import KeypointModel
from mousepose.detect.shipped import shipped_model
from mousepose.errors import FileError, InputError
from mousepose.run import mouse_finder
from mousepose.run import predict as predicting
from mousepose.run.film_pass import FilmPass
from mousepose.run.parts import parts_folder
from mousepose.run.predict import VideoJob, is_of, predict
from mousepose.skeleton import mirrored_name
from mousepose.video import open_video, reader, video_writer

FRAMES, SIZE, FPS = 60, 160, 20.0


def _silent(stage: str, done: int, total: int) -> None:
    pass


def _mouse_at(number: int, gone: range) -> np.ndarray:
    """A dark ellipse on a light floor that goes round; it is not there in the frames `gone`."""
    y, x = np.mgrid[:SIZE, :SIZE]
    image = 170 + 6 * np.sin(x / 3) + 6 * np.cos(y / 4)
    turn = 2 * np.pi * number / FRAMES
    u, v = x - 80 - 45 * np.cos(turn), y - 80 - 45 * np.sin(turn)
    along, across = -np.sin(turn) * u + np.cos(turn) * v, np.cos(turn) * u + np.sin(turn) * v
    if number not in gone:
        image[(along / 20) ** 2 + (across / 9) ** 2 < 1] = 40
    return image.astype(np.uint8)


def _film(path: Path, gone: range = range(0)) -> Path:
    with video_writer(path, (SIZE, SIZE), FPS) as writer:
        for number in range(FRAMES):
            writer.write(_mouse_at(number, gone), number / FPS)
    return path


@pytest.fixture(scope="module")
def video(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return _film(tmp_path_factory.mktemp("films") / "cage.mp4")


@pytest.fixture
def job(video: Path, tmp_path: Path) -> Iterator[VideoJob]:
    yield VideoJob(video, tmp_path / "mouse.parquet", shipped_model(), view="top", chunk=25)


def test_every_frame_has_a_row_and_points_on_the_mouse(job: VideoJob) -> None:
    seen = predict(job, _silent)
    found = load_keypoints(job.output)
    assert len(found) == FRAMES
    assert found.frame_numbers.tolist() == list(range(FRAMES))
    assert np.allclose(np.diff(found.times), 1 / FPS, atol=1e-4)
    turn = 2 * np.pi * np.arange(FRAMES) / FRAMES
    middle = 80 + 45 * np.stack([np.cos(turn), np.sin(turn)], axis=1)
    apart = np.linalg.norm(np.nanmedian(found.xy[:, 0], axis=1) - middle, axis=1)
    assert np.nanmax(apart) < 25
    assert seen.seen[0] + seen.hidden[0] == FRAMES
    assert found.covariance is not None
    assert (np.linalg.eigvalsh(found.covariance[np.isfinite(found.xy[..., 0])]) > 0).all()


def test_an_interrupted_run_gives_what_an_uninterrupted_one_gives(
    job: VideoJob, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    predict(job, _silent)
    whole = job.output.read_bytes()
    again = replace(job, output=tmp_path / "again.parquet")
    real, calls = predicting._write_part, []

    def stops(*arguments: object) -> object:
        calls.append(1)
        if len(calls) == 2:
            raise KeyboardInterrupt
        return real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(predicting, "_write_part", stops)
    with pytest.raises(KeyboardInterrupt):
        predict(again, _silent)
    assert not again.output.exists()
    seen = predict(again, _silent)
    assert seen.resumed == 25
    assert again.output.read_bytes() == whole
    assert not parts_folder(again.output).exists()


def test_one_pass_gives_what_two_give_whatever_the_threads(job: VideoJob) -> None:
    predict(job, _silent)
    found, whole = load_keypoints(job.output), job.output.read_bytes()
    predict(replace(job, threads=3), _silent)
    assert job.output.read_bytes() == whole
    model = KeypointModel(job.model, threads=1)
    mirror = [model.names.index(mirrored_name(name)) for name in model.names]
    orders = (list(range(len(mirror))), mirror)
    film = FilmPass(job.search, job.chunk, lambda n: job.output.with_name(f"{n}"), pictures=False)
    with open_video(job.video) as video:
        boxes = [box for watched in film.watch(video, _silent) for box in watched.boxes[:, 0]]
        for start in range(0, FRAMES, job.chunk):  # and only then the second pass
            images = np.stack([one.image for one in video.frames(start, start + job.chunk)])
            places = Crops.around(np.stack(boxes[start : start + job.chunk]), model.size)
            nobody_else = np.zeros(len(images), np.int64)
            seen = predict_in_sequence(model, places.cut(images), nobody_else, "top")
            part = slice(start, start + job.chunk)
            told = np.dstack([places.to_frame(seen.xy), seen.confidence])
            kept = np.dstack([found.xy[part, 0], found.confidence[part, 0]])
            straight, crossed = ((told[:, order] == kept).all((1, 2)) for order in orders)
            assert (straight | crossed).all()  # left and right may have been put right
            assert straight.mean() > 0.5


def test_each_frame_is_decoded_once(job: VideoJob, monkeypatch: pytest.MonkeyPatch) -> None:
    counted: list[int] = []
    real = reader.image_of

    def counts(*arguments: object) -> object:
        counted.append(1)
        return real(*arguments)  # type: ignore[arg-type]

    monkeypatch.setattr(reader, "image_of", counts)
    monkeypatch.setattr(mouse_finder, "_LEARNED", 12)
    predict(job, _silent)
    assert len(counted) == FRAMES + 12


def test_a_mouse_that_is_not_there_has_no_points(tmp_path: Path) -> None:
    gone = range(25, 55)
    video = _film(tmp_path / "leaves.mp4", gone)
    predict(VideoJob(video, tmp_path / "mouse.parquet", shipped_model()), _silent)
    found = load_keypoints(tmp_path / "mouse.parquet")
    away = slice(gone.start + 3, gone.stop - 3)
    assert np.isnan(found.xy[away]).all()
    assert (found.confidence[away] == 0).all()
    assert np.isfinite(found.xy[5:20]).all()


def test_mice_are_told_apart_by_name(job: VideoJob) -> None:
    predict(replace(job, animals=2), _silent)
    assert list(load_tracks(job.output)) == ["mouse0", "mouse1"]


def test_a_finished_table_is_known_again(job: VideoJob) -> None:
    assert not is_of(job.output, job)
    predict(job, _silent)
    assert is_of(job.output, job)
    assert not is_of(job.output, replace(job, view="side"))


def test_nothing_moves_is_said_so(tmp_path: Path) -> None:
    video = _film(tmp_path / "empty.mp4", range(FRAMES))
    with pytest.raises(InputError, match="no mouse was found in 60 frames"):
        predict(VideoJob(video, tmp_path / "mouse.parquet", shipped_model()), _silent)
    assert sorted(path.name for path in tmp_path.iterdir()) == ["empty.mp4"]


def test_what_is_wrong_is_said_before_any_work(video: Path, tmp_path: Path) -> None:
    target = tmp_path / "mouse.parquet"
    with pytest.raises(FileError, match="no such"):
        predict(VideoJob(video, target, tmp_path / "absent.onnx"), _silent)
    with pytest.raises(InputError, match="there is no such video"):
        predict(VideoJob(tmp_path / "absent.mp4", target, shipped_model()), _silent)
    with pytest.raises(InputError, match="animals"):
        VideoJob(video, target, shipped_model(), animals=0)
    with pytest.raises(InputError, match="does not exist"):
        VideoJob(video, tmp_path / "no" / "mouse.parquet", shipped_model())
