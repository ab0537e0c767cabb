"""The benchmark of attributes measures what it says."""

from __future__ import annotations

import argparse
import importlib
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mousepose.geometry.camera import Camera
from mousepose.simulate import watching_camera
from mousepose.types import Keypoints3D

BENCHMARKS = Path(__file__).resolve().parents[1] / "benchmarks"


def benchmark(name: str) -> Any:
    """Import a module of the folder of benchmarks, which is no package."""
    if str(BENCHMARKS) not in sys.path:
        sys.path.append(str(BENCHMARKS))
    return importlib.import_module(name)


def test_the_planted_leak_is_caught() -> None:
    assert benchmark("classify").leak(argparse.Namespace()) == {"caught": 1.0}


def test_clusters_are_shares_of_known_time_and_bouts() -> None:
    cluster = np.array([-1, -1, 3, 3, 25, 3, 1, 1], np.int8)
    found = benchmark("classify")._of_clusters(cluster)
    assert found["share_3"] == found["share_25"] * 3 == 0.5
    shares = [value for name, value in found.items() if name.startswith("share")]
    assert sum(shares) == pytest.approx(1)
    assert found["bouts_3"] == pytest.approx(2000 / 6)


def test_a_camera_sees_points_where_it_projects_them() -> None:
    camera: Camera = watching_camera()
    xyz = np.array([[[0.0, 0, 15], [np.nan] * 3]])
    seen = benchmark("classify_cohort").seen_through(
        camera, Keypoints3D(xyz, np.array([0.0]), ("NOSE", "NECK")), 0.0, 0
    )
    assert np.allclose(seen.xy[0, 0, 0], (np.array(camera.size) - 1) / 2)
    assert np.isnan(seen.xy[0, 0, 1]).all()
    assert list(seen.confidence[0, 0]) == [1, 0]


def test_animals_of_the_second_class_stand_wider() -> None:
    cohort = benchmark("classify_cohort")
    wide, usual = (
        cohort.walker(np.random.default_rng(3), angle, cohort.SIDE) for angle in (0.2, 0.0)
    )
    body = cohort.default_body()
    ends = [body.keypoints.names.index(f"{side}_HIND_PAW") for side in ("LEFT", "RIGHT")]
    apart = [
        np.linalg.norm(np.subtract(*walk.sequence(body).keypoints[:, ends].swapaxes(0, 1)), axis=-1)
        for walk in (wide, usual)
    ]
    assert apart[0].min() > apart[1].min() + 3
