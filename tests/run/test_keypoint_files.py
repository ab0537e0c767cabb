"""Chunks of one or more files hold every frame once, with the right neighbours."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mousepose.errors import InputError
from mousepose.io import load_keypoints, write_dlc_csv
from mousepose.run.keypoint_files import KeypointFiles, with_context

FPS = 30.0


@pytest.mark.parametrize(("chunk", "context"), [(50, 20), (40, 0), (130, 20), (1000, 20), (43, 43)])
def test_every_chunk_has_its_context(recording: Path, chunk: int, context: int) -> None:
    files = KeypointFiles((recording / "side.csv",), FPS)
    own = []
    for keypoints, start, stop in with_context(files.chunks(chunk), context):
        numbers = keypoints.frame_numbers
        np.testing.assert_array_equal(np.diff(numbers), 1)
        own += numbers[start:stop].tolist()
        first, last = numbers[start], numbers[stop - 1]
        assert numbers[0] == max(first - context, 0)
        assert numbers[-1] == min(last + context, 129)
    assert own == list(range(130))


def test_two_files_become_two_cameras(recording: Path) -> None:
    paths = (recording / "side.csv", recording / "top.csv")
    (both,) = KeypointFiles(paths, FPS).chunks(1000)
    assert both.xy.shape[:2] == (130, 2)
    for view, path in enumerate(paths):
        np.testing.assert_array_equal(both.xy[:, view], load_keypoints(path, fps=FPS).xy[:, 0])


def test_files_of_other_frames_are_told(recording: Path, tmp_path: Path) -> None:
    from dataclasses import replace

    from mousepose.run.keypoint_files import cut

    top = load_keypoints(recording / "top.csv", fps=FPS)
    shifted = replace(top, frame_numbers=top.frame_numbers + 1)
    for name, keypoints in (("shifted", shifted), ("short", cut(top, 0, 100))):
        write_dlc_csv(tmp_path / f"{name}.csv", keypoints)
        for paths in (
            (recording / "side.csv", tmp_path / f"{name}.csv"),
            (tmp_path / f"{name}.csv", recording / "side.csv"),
        ):
            with pytest.raises(InputError, match="frames"):
                list(KeypointFiles(paths, FPS).chunks(100))


def test_the_digest_is_of_the_content(recording: Path, tmp_path: Path) -> None:
    copy = tmp_path / "renamed.csv"
    copy.write_bytes((recording / "side.csv").read_bytes())
    files = KeypointFiles((recording / "side.csv", copy, recording / "top.csv"), FPS)
    first, second, third = files.digests()
    assert first == second != third


def test_variances_of_all_cameras_are_kept(tmp_path: Path) -> None:
    from mousepose.io import write_keypoints
    from mousepose.types import Keypoints2D

    random = np.random.default_rng(0)
    names, paths = ("NOSE", "ROOT_TAIL"), []
    for camera in range(2):
        spread = np.zeros((5, 1, 2, 2, 2))
        spread[..., 0, 0], spread[..., 1, 1] = random.uniform(1, 9, (2, 5, 1, 2))
        points = Keypoints2D(
            random.uniform(0, 500, (5, 1, 2, 2)), np.ones((5, 1, 2)), np.arange(5) / FPS,
            np.arange(5), names, covariance=spread,
        )  # fmt: skip
        paths.append(tmp_path / f"{camera}.parquet")
        write_keypoints(paths[-1], points)
    (both,) = KeypointFiles(tuple(paths), FPS).chunks(100)
    assert both.covariance is not None
    for camera, path in enumerate(paths):
        alone = load_keypoints(path, fps=FPS).covariance
        assert alone is not None
        np.testing.assert_array_equal(both.covariance[:, camera], alone[:, 0])
