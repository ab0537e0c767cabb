"""What a network says of itself is checked before it is used."""

from __future__ import annotations

import json
from dataclasses import asdict, replace
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mousepose.detect.network_file import (
    METADATA_KEY,
    Calibration,
    NetworkDescription,
    NetworkOutput,
    described,
)
from mousepose.errors import FileError, MouseposeError

GOOD = NetworkDescription(
    "keypoints",
    ("NOSE", "ROOT_TAIL"),
    output=NetworkOutput(heatmaps="maps"),
    calibration=Calibration(scores=(0.1, 0.9), confidences=(0.2, 0.8)),
    about={"licence": "Apache-2.0"},
)
TOML = """
keypoints = ["NOSE", "ROOT_TAIL"]
[input]
images = "input"
size = 256
layout = "NHWC"
channels = 3
scale = 1
[output]
heatmaps = "maps"
layout = "NHWC"
form = "chances"
stride = 8
"""


def test_metadata_give_the_description_back() -> None:
    assert described(Path("a.onnx"), {METADATA_KEY: GOOD.as_json()}) == GOOD


def test_a_toml_beside_the_file_comes_first(tmp_path: Path) -> None:
    (tmp_path / "net.toml").write_text(TOML)
    found = described(tmp_path / "net.onnx", {METADATA_KEY: GOOD.as_json()})
    assert (found.input.size, found.input.scale, found.output.stride) == (256, 1.0, 8.0)
    assert found.keypoints == ("NOSE", "ROOT_TAIL") and found.output.form == "chances"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ('keypoints = ["NOSE"]\n[input]\nsizes = 3', "input.sizes: unknown; known: images"),
        ('keypoints = ["NOSE"]\n[input]\nsize = "big"', "input.size: expected int, got 'big'"),
        ('keypoints = ["NOSE"]\n[input]\nsize = 4', "input.size: expected 16 to 4096"),
        ('keypoints = ["NOSE"]', "give the name of heatmaps or of points"),
        ("keypoints = 3", "keypoints: expected a list of names"),
        ('kind = "cat"', "kind: expected keypoints or detector"),
        ('kind = "detector"', "a detector needs the names of centre and extent"),
        ("colour = 3", "unknown entries: colour"),
        ("keypoints = [", "net.toml"),
        ('keypoints = ["a"]\n[output]\npoints = "p"', "output.form: expected px or shares"),
    ],
)
def test_a_wrong_toml_is_told(tmp_path: Path, change: str, message: str) -> None:
    (tmp_path / "net.toml").write_text(change)
    with pytest.raises(FileError, match=message) as caught:
        described(tmp_path / "net.onnx", {})
    assert str(tmp_path / "net.toml") in str(caught.value)


def test_a_network_that_says_nothing_is_told_what_to_write() -> None:
    with pytest.raises(FileError, match=r"write net\.toml beside it"):
        described(Path("net.onnx"), {})
    with pytest.raises(FileError, match="metadata is damaged"):
        described(Path("net.onnx"), {METADATA_KEY: "{"})


JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner),
    max_leaves=8,
)


@given(JSON, st.sampled_from(["kind", "keypoints", "input", "output", "calibration", "about"]))
def test_garbage_is_an_error_or_a_good_description(value: Any, key: str) -> None:
    table = {**json.loads(json.dumps(asdict(GOOD))), key: value}
    try:
        found = NetworkDescription.from_table(table, "here")
    except MouseposeError as error:
        assert str(error).startswith("here: ")
    else:
        assert replace(found) == found
