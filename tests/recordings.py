"""A short recording on disk, as a user would have it, and jobs on it."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest

from mousepose.body.default import default_body
from mousepose.fit.config import FitConfig, Scale
from mousepose.fit.setup import Setup
from mousepose.io import read_cameras, write_cameras, write_dlc_csv
from mousepose.run.keypoint_files import KeypointFiles
from mousepose.run.streaming import Job, Outcome, run
from mousepose.simulate import observe, walking_mouse, watching_camera

FPS = 30.0


@pytest.fixture(scope="session")
def recording(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A folder with side.csv, top.csv, camera.toml (side) and rig.toml (both), 130 frames."""
    folder = tmp_path_factory.mktemp("recording")
    body = default_body()
    walk = walking_mouse(body, 130 / FPS, FPS, seed=1)
    side = watching_camera(name="side")
    top = watching_camera(azimuth_deg=10, elevation_deg=75, name="top")
    for camera in (side, top):
        seen = observe(body, walk.pose, walk.times, camera, occluded_feet=0.2, seed=3)
        write_dlc_csv(folder / f"{camera.name}.csv", seen)
    write_cameras(folder / "camera.toml", [side])
    write_cameras(folder / "rig.toml", [side, top])
    np.savetxt(folder / "intrinsics.txt", side.matrix)
    return folder


def _job(
    recording: Path, output: Path, sigma: float = 2.0, temporal: bool = False, **settings: object
) -> Job:
    config = FitConfig(temporal=temporal, overlap=20, window=60, pixel_sigma=sigma)
    cameras = read_cameras(recording / "camera.toml")
    setup = Setup.of(cameras, scale=Scale.body_length(90), config=config)
    files = KeypointFiles((recording / "side.csv",), FPS)
    return Job(files, setup, output, **{"chunk": 50, **settings})  # type: ignore[arg-type]


@pytest.fixture
def make_job(recording: Path, tmp_path: Path) -> Callable[..., Job]:
    """Give a quick job on the recording: every frame alone, unless told otherwise."""
    return lambda name="out.parquet", **settings: _job(recording, tmp_path / name, **settings)


@pytest.fixture(scope="session")
def finished(recording: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Job, Outcome]:
    """Such a job that was run, alone in its folder; tests only read it."""
    job = _job(recording, tmp_path_factory.mktemp("finished") / "out.parquet")
    return job, run(job, lambda stage, done, total: None)
