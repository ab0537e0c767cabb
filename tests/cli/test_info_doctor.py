"""`mousepose info` and `mousepose doctor` tell what is there, to people and to programs."""

from __future__ import annotations

import json
import tomllib
from collections.abc import Callable
from dataclasses import replace
from importlib.util import find_spec
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mousepose.cli import doctor
from mousepose.io import write_cameras
from mousepose.run import machine
from mousepose.run.about import fields_of_view
from mousepose.run.machine import EXTRAS, ExtraState, Machine, Speed
from mousepose.simulate import watching_camera

Program = Callable[..., Any]
NOT_GOOD_ENOUGH = 3
REPOSITORY = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def poses(program: Program, recording: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("poses") / "poses.parquet"
    found = program(
        "reconstruct", recording / "side.csv", "--camera", recording / "camera.toml", "--fps", 30,
        "--weight", 25, "--frame-by-frame", "-o", out,
    )  # fmt: skip
    assert found.code == 0, found.stderr
    return out


def test_a_result_is_told(program: Program, poses: Path) -> None:
    found = json.loads(program("info", poses, "--json").stdout)
    (animal,) = found["animals"].values()
    assert animal["frames"] == 130
    assert animal["frames_per_second"] == pytest.approx(30)
    assert animal["scale_source"] == "weight 25 g"
    assert animal["seen"] + animal["inferred"] + animal["absent"] == pytest.approx(1, abs=1e-3)
    assert sum(animal["frames_by_status"].values()) == 130
    assert {"inputs", "config", "version"} <= animal["provenance"].keys()
    text = program("info", poses).stdout
    assert "scale source: weight 25 g" in text
    assert "position: mm" in text


def test_tracked_keypoints_are_told(program: Program, recording: Path) -> None:
    found = json.loads(program("info", recording / "side.csv", "--fps", 30, "--json").stdout)
    assert found["format"] == "DeepLabCut csv"
    assert "dataset22" in found["keypoint_maps"]
    (animal,) = found["animals"].values()
    assert animal["frames"] == 130
    assert 0.5 < animal["seen"] < 1
    assert (
        "duration_s"
        not in json.loads(program("info", recording / "side.csv", "--json").stdout)[
            "animals"
        ].popitem()[1]
    )


def test_points_of_another_program_are_told(program: Program, poses: Path, tmp_path: Path) -> None:
    assert program("convert", poses, "-o", tmp_path / "anipose.csv").code == 0
    found = json.loads(program("info", tmp_path / "anipose.csv", "--json").stdout)
    assert found["format"] == "anipose 3D csv"
    (animal,) = found["animals"].values()
    assert animal["frames"] == 130


def test_cameras_are_told(program: Program, recording: Path, tmp_path: Path) -> None:
    found = json.loads(program("info", recording / "rig.toml", "--json").stdout)
    assert set(found["cameras"]) == {"side", "top"}
    side = found["cameras"]["side"]
    camera = watching_camera(name="side")
    wide = 2 * np.degrees(np.arctan(camera.size[0] / 2 / camera.matrix[0, 0]))
    assert side["field_of_view_deg"][0] == pytest.approx(wide, abs=0.5)
    strong = replace(camera, distortion=np.array([-0.9, 0, 0, 0.0]))
    write_cameras(tmp_path / "strong.toml", [strong])
    assert program("info", tmp_path / "strong.toml").code == 0
    assert None in fields_of_view(strong)


def test_a_keypoint_map_is_told(program: Program) -> None:
    path = REPOSITORY / "src/mousepose/data/keypoints/openfield4.toml"
    assert "snout: NOSE" in program("info", path).stdout


@pytest.mark.parametrize("content", [b"", b"hello\n", b"\x00\x01\x02", b"[cam_0]\nname = 3\n"])
def test_what_is_no_such_file_is_told(program: Program, tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "strange.toml"
    path.write_bytes(content)
    found = program("info", path)
    assert found.code == 1
    assert found.stderr.splitlines()[0].startswith("error: ")
    assert program("info", tmp_path / "missing").code == 1


def test_extras_are_those_of_the_package() -> None:
    project = tomllib.loads((REPOSITORY / "pyproject.toml").read_text(encoding="utf-8"))["project"]

    def names(requirements: list[str]) -> set[str]:
        return {text.partition(">")[0] for text in requirements}

    listed = {
        name: names(requirements)
        for name, requirements in project["optional-dependencies"].items()
        if name not in {"all", "dev", "docs"}
    }
    assert {name: set(extra.libraries.values()) for name, extra in EXTRAS.items()} == listed
    assert set(machine.CORE) == names(project["dependencies"])


def test_an_extra_that_is_missing_is_told_with_the_way_to_get_it() -> None:
    extra = machine.Extra("wonders", {"json": "json", "no_such_module": "no-such"}, "io")
    state = machine.state_of(extra)
    assert state.missing == ("no-such",)
    assert not state.works
    told = "\n".join(doctor.lines(_machine(extras={"magic": state})))
    assert "pip install 'mousepose[magic]' for: wonders (missing: no-such)" in told
    later = replace(state, available=False)
    assert "not in this version" in "\n".join(doctor.lines(_machine(extras={"magic": later})))


def test_the_doctor_measures_this_machine(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "_SECONDS", 0.1)
    monkeypatch.setattr(machine, "_SLOW", 0.0)
    monkeypatch.setattr(machine, "_LEAST_FREE", 0.0)
    found = program("doctor", "--json")
    assert found.code == 0, found.stdout
    told = json.loads(found.stdout)
    assert told["speed"]["fits_per_second"] > 1
    assert told["cores"] >= 1
    assert all(told["libraries"].values())
    assert bool(told["onnx_providers"]) == (find_spec("onnxruntime") is not None)


def test_a_machine_with_a_fault_does_not_pass(
    program: Program, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(machine, "examine", lambda: _machine(problems=("the fit does not run",)))
    found = program("doctor")
    assert found.code == NOT_GOOD_ENOUGH
    assert "PROBLEM: the fit does not run" in found.stdout
    assert found.stdout.splitlines()[-1] == "verdict: 1 to mend, see above"


def _machine(
    problems: tuple[str, ...] = (), extras: dict[str, ExtraState] | None = None
) -> Machine:
    return Machine(
        "1", "3.12", "here", 4, {"numpy": "2"}, extras or {}, (),
        Speed(100.0, 1.0, True, "cache", True), "tmp", 10.0, problems,
    )  # fmt: skip
