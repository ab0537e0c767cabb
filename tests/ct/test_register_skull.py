"""The benchmark of skulls is fair: no landmark of a strain helps to find its own."""

from __future__ import annotations

import importlib
import json
import sys
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from ct.test_register import TURN, blob
from mousepose.ct.registration.register_types import Registration, Similarity
from mousepose.ct.scans.write import write_nifti
from mousepose.ct.types import Volume
from mousepose.types import Floats

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def benchmark() -> Any:
    if str(BENCHMARKS) not in sys.path:
        sys.path.append(str(BENCHMARKS))
    return importlib.import_module("ct_skull")


def landmarks() -> Floats:
    return blob().vertices[::60].copy()


def warp(points: Floats) -> Floats:
    return points + 0.5 * np.sin(points[:, [1, 2, 0]] / 5)


def registered(vertices: Floats) -> Registration:
    """A template laid exactly where it belongs."""
    nothing = Similarity(np.eye(3), 1.0, np.zeros(3))
    none = np.zeros(len(vertices))
    return Registration(blob(), vertices, none, none + 1, nothing, 1.0)


def skulls_of(benchmark: Any) -> tuple[list[Any], list[Registration]]:
    """A template and three strains, of which the last has its landmarks in another frame."""
    maps = [lambda x: x, warp, lambda x: 1.1 * x, lambda x: 0.9 * warp(x)]
    skulls = [
        benchmark.Skull(str(i), Path("none"), ("a",) * 10, f(landmarks()), True)
        for i, f in enumerate(maps)
    ]
    skulls[3] = replace(skulls[3], landmarks=skulls[3].landmarks @ TURN.T + 50, in_frame=False)
    return skulls, [registered(f(blob().vertices)) for f in maps[1:]]


def test_landmarks_are_carried_where_the_others_have_them(benchmark: Any) -> None:
    (template, *others), found = skulls_of(benchmark)
    own = [benchmark.carried(template.landmarks, r) for r in found]
    means = benchmark.leave_one_out(template, others, found, own)
    for mean, skull in zip(means, others, strict=True):
        assert np.median(benchmark.errors(mean, skull)) < 0.05


def test_no_strain_helps_to_find_its_own_landmarks(benchmark: Any) -> None:
    (template, *others), found = skulls_of(benchmark)
    own = [benchmark.carried(template.landmarks, r) for r in found]
    before = benchmark.leave_one_out(template, others, found, own)
    for index in range(3):
        changed = list(others)
        wrong = others[index].landmarks + np.random.default_rng(0).normal(0, 2, (10, 3))
        changed[index] = replace(others[index], landmarks=wrong)
        after = benchmark.leave_one_out(template, changed, found, own)
        np.testing.assert_array_equal(after[index], before[index])
        assert np.abs(after[index - 1] - before[index - 1]).max() > 0.1


def test_another_frame_is_laid_on_without_scaling(benchmark: Any) -> None:
    skulls, _ = skulls_of(benchmark)
    true = 0.9 * warp(landmarks())
    np.testing.assert_allclose(benchmark.errors(true, skulls[3]), 0, atol=1e-9)
    assert benchmark.errors(1.1 * true, skulls[3]).mean() > 0.3


def write_strain(data: Path, name: str, points: list[list[float]] | None) -> None:
    for folder in ("volumes", "landmarks"):
        (data / folder).mkdir(exist_ok=True)
    values = np.zeros((12, 12, 12), np.int16)
    values[3:9, 3:9, 3:9] = 120
    values[5:7, 5:7, 5:7] = 40
    values[0] = 10
    spacing = np.diag([0.5, 0.5, 0.5, 1.0])
    write_nifti(Volume(values, spacing), data / "volumes" / f"{name}.nii.gz")
    marks = [{"label": str(i), "position": p} for i, p in enumerate(points or [])]
    markup = {"coordinateSystem": "LPS", "controlPoints": marks}
    text = json.dumps({"markups": [markup] if points else []})
    (data / "landmarks" / f"{name}.mrk.json").write_text(text, encoding="utf-8")


def test_the_frame_of_landmarks_is_told_by_the_bone(benchmark: Any, tmp_path: Path) -> None:
    pytest.importorskip("nibabel", reason="scans of this format need nibabel")
    pytest.importorskip("skimage", reason="thresholds need scikit-image")
    on_bone = [[-1.5, -1.5, 1.5], [-4.0, -4.0, 4.0], [-1.5, -4.0, 2.5]]
    write_strain(tmp_path, "here", on_bone)
    write_strain(tmp_path, "away", [[p + 90 for p in point] for point in on_bone])
    away, here = benchmark.load_skulls(tmp_path)
    assert (here.name, here.in_frame) == ("here", True)
    assert (away.name, away.in_frame) == ("away", False)
    np.testing.assert_allclose(here.landmarks[0], 1.5)
    assert benchmark.choose_template([away, here]) is here
    with pytest.raises(benchmark.CannotMeasure, match="lie on the bone"):
        benchmark.choose_template([away])
    write_strain(tmp_path, "here", None)
    with pytest.raises(benchmark.CannotMeasure, match="no landmarks of 3D Slicer"):
        benchmark.load_skulls(tmp_path)
    with pytest.raises(benchmark.CannotMeasure, match="expected volumes"):
        benchmark.load_skulls(tmp_path / "landmarks")
