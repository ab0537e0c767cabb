"""Settings in a file: what is written is read, flags outrank it, all faults are told at once."""

from __future__ import annotations

import inspect
import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mousepose.cli.config import (
    ReconstructConfig,
    config_schema,
    read_config,
    settings_of,
    write_config,
)
from mousepose.cli.reconstruct import NO_SETTINGS, reconstruct
from mousepose.errors import FileError
from mousepose.io import read_sequence

REPOSITORY = Path(__file__).resolve().parents[2]
Program = Callable[..., Any]


def test_every_flag_is_a_key_with_the_same_default() -> None:
    parameters = inspect.signature(reconstruct).parameters
    flags = {
        name: parameter.default
        for name, parameter in parameters.items()
        if name not in NO_SETTINGS | {"context"}
    }
    defaults = ReconstructConfig().model_dump()
    assert flags.keys() == defaults.keys()
    for name, default in flags.items():
        assert default == defaults[name] or (default is None and defaults[name] == [])


def test_the_published_schema_is_that_of_the_model() -> None:
    shipped = (REPOSITORY / "docs" / "reconstruct.schema.json").read_text(encoding="utf-8")
    assert shipped == config_schema(), (
        "run: mousepose config-schema -o docs/reconstruct.schema.json"
    )
    assert json.loads(shipped)["additionalProperties"] is False


def test_the_schema_is_shown(program: Program, tmp_path: Path) -> None:
    assert program("config-schema").stdout == config_schema()
    assert program("config-schema", "-o", tmp_path / "schema.json").code == 0
    assert (tmp_path / "schema.json").read_text(encoding="utf-8") == config_schema()


@given(
    settings=st.builds(
        ReconstructConfig,
        inputs=st.lists(st.sampled_from([Path("a.csv"), Path("b ä.h5")])),
        weight=st.none() | st.floats(0.1, 100),
        chunk=st.integers(1, 10**6),
        animal=st.none() | st.text(),
        floor=st.booleans(),
        report=st.sampled_from(["skeleton", "marks"]),
    )
)
def test_what_is_written_is_read(tmp_path: Path, settings: ReconstructConfig) -> None:
    path = tmp_path / "run.toml"
    write_config(path, settings)
    assert read_config(path) == settings


def test_all_faults_are_told_with_file_key_and_expectation(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text(
        'fps = "thirty"\nbody-lenght = 90\nchunk = 0\nprior = "magic"\nresume = 1\nzebra = 2\n'
        'inputs = ["a.csv", 3]\nweight = nan\npixel-sigma = -2.0\ncamera_name = ["top"]\n',
        encoding="utf-8",
    )
    with pytest.raises(FileError) as caught:
        read_config(path)
    told = str(caught.value)
    assert "\n" not in told
    for words in (
        f"{path}: 10 faults: ",
        "fps: expected a number, got 'thirty'",
        "unknown key 'body-lenght'; did you mean 'body-length'?",
        "chunk: expected",
        "prior: expected 'learned', 'isotropic' or 'published', got 'magic'",
        "resume: expected true or false, got 1",
        "unknown key 'zebra'; known: inputs, camera, output",
        "inputs: expected",
        "weight: expected a finite number",
        "pixel-sigma: expected",
        "unknown key 'camera_name'; did you mean 'camera-name'?",
    ):
        assert words in told


@pytest.mark.parametrize(
    ("content", "told"),
    [(b"fps = ", "no TOML"), (b"\xff\xfe\x00", "not a text file"), (b"#" * 1_000_001, "larger")],
)
def test_a_file_that_is_no_toml_is_told(tmp_path: Path, content: bytes, told: str) -> None:
    path = tmp_path / "run.toml"
    path.write_bytes(content)
    with pytest.raises(FileError, match=told):
        read_config(path)


def test_flags_outrank_the_file(tmp_path: Path) -> None:
    path = tmp_path / "run.toml"
    path.write_text(
        "fps = 30\nbody-length = 90.0\nall-animals = true\nframe-by-frame = true\n",
        encoding="utf-8",
    )
    settings = settings_of(path, {"fps": 60.0, "frame_by_frame": False})
    assert (settings.fps, settings.body_length, settings.frame_by_frame) == (60.0, 90.0, False)
    settings = settings_of(path, {"weight": 25.0, "animal": "left"})
    assert (settings.weight, settings.body_length) == (25.0, None)
    assert (settings.animal, settings.all_animals) == ("left", False)


def test_a_run_from_its_own_settings_is_the_same(
    program: Program, recording: Path, tmp_path: Path
) -> None:
    file = tmp_path / "run.toml"
    words = [
        "reconstruct", recording / "side.csv", "--camera", recording / "camera.toml", "--fps", 30,
        "--weight", 24, "--frame-by-frame", "-o", tmp_path / "poses.parquet",
    ]  # fmt: skip
    found = program(*words, "--write-config", file)
    assert found.code == 0, found.stderr
    assert [path.name for path in tmp_path.iterdir()] == ["run.toml"]
    assert program("reconstruct", "--config", file).code == 0
    assert read_sequence(tmp_path / "poses.parquet").scale_source == "weight 24 g"
    other = tmp_path / "other.parquet"
    found = program("reconstruct", "--config", file, "--body-length", 88, "-o", other)
    assert found.code == 0, found.stderr
    assert read_sequence(other).scale_source == "body_length 88 mm"
