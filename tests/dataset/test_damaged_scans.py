"""Damaged DICOM files are survived, in a process with little time and memory."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import pytest

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"


@pytest.fixture(scope="module")
def modules() -> tuple[Any, Any]:
    """The modules of the benchmark, which is no package: damage and the process that reads it."""
    pytest.importorskip("pydicom", reason="the scans are DICOM files")
    if str(BENCHMARKS) not in sys.path:
        sys.path.append(str(BENCHMARKS))
    return importlib.import_module("damage_dicom"), importlib.import_module("fuzz")


def test_damaged_scans_of_every_kind_are_survived(modules: tuple[Any, Any], tmp_path: Path) -> None:
    damage, _ = modules
    path = tmp_path / "damaged.dcm"
    wrong = [(c.kind, c.seed, damage.survives(c, path)) for c in damage.cases(120)]
    assert [case for case in wrong if case[2]] == []


def test_the_same_seed_damages_in_the_same_way(modules: tuple[Any, Any]) -> None:
    damage, _ = modules
    assert list(damage.cases(24)) == list(damage.cases(24))
    assert len({case.data for case in damage.cases(24)}) > 20


def test_a_hang_a_crash_and_too_much_memory_are_found(
    modules: tuple[Any, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    _, fuzz = modules
    # A stand-in for the worker, which keeps to its words for some cases only.
    script = tmp_path / "worker.py"
    script.write_text(
        "import json, os, sys, time\n"
        "for n in range(int(sys.argv[3]), int(sys.argv[4])):\n"
        "    if n == 1: os._exit(11)\n"
        "    if n == 3: time.sleep(60)\n"
        "    wrong = 'MemoryError' if n == 4 else ''\n"
        "    print(json.dumps({'case': n, 'kind': 'k', 'wrong': wrong, 'seconds': 0.1,\n"
        "                      'grown_mb': n}), flush=True)\n",
        encoding="utf-8",
    )
    monkeypatch.setattr(fuzz, "__file__", str(script))
    monkeypatch.setattr(fuzz, "SECONDS", 0.2)
    monkeypatch.setattr(fuzz, "FIRST_SECONDS", 2.0)
    found = fuzz.fuzz("dicom", tmp_path, 6)
    assert found.cases == 6
    assert [told.split(": ")[0] for told in found.wrong] == [
        "dicom, seed 1", "dicom, seed 3", "dicom, k, seed 4",
    ]  # fmt: skip
    assert (found.slowest_s, found.grown_mb) == (0.1, 5)
