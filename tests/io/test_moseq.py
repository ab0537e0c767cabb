"""What keypoint-MoSeq reads: its loaders' rules, followed here line by line, find all points."""

from __future__ import annotations

import json
import re
from pathlib import Path

import numpy as np
import pandas as pd
import pytest
from tests.run.test_behaviour import acted, filmed

from mousepose.errors import InputError
from mousepose.io import write_dlc_csv, write_sequence
from mousepose.io.moseq import export_moseq, moseq_settings
from mousepose.skeleton import KEYPOINT_NAMES


def test_points_in_space_are_found_as_anipose_has_them(tmp_path: Path) -> None:
    source = acted(0)
    write_sequence(tmp_path / "day.parquet", source)
    done = export_moseq([tmp_path / "day.parquet"], tmp_path / "out")
    assert done.format == "anipose"
    path = tmp_path / "out" / "day.csv"
    header = path.read_text(encoding="utf-8").splitlines()[0]
    parts = re.findall(r"(\w+)_x,\1_y,\1_z", header)  # how its loader finds the parts
    assert parts == list(KEYPOINT_NAMES)
    table = pd.read_csv(path)
    xyz = np.stack([table[[f"{p}_{axis}" for axis in "xyz"]].to_numpy() for p in parts], axis=1)
    np.testing.assert_allclose(xyz, source.xyz, atol=1e-3)
    assert (table[[f"{p}_score" for p in parts]] == 1).all().all()


def test_points_in_images_are_found_as_deeplabcut_has_them(tmp_path: Path) -> None:
    keypoints = filmed(acted(0))
    write_dlc_csv(tmp_path / "day.csv", keypoints)
    done = export_moseq([tmp_path / "day.csv"], tmp_path / "out", fps=24.0)
    assert done.format == "deeplabcut"
    table = pd.read_csv(tmp_path / "out" / "day.csv", header=[0, 1, 2], index_col=0)
    values = table.to_numpy().reshape(len(table), -1, 3)
    np.testing.assert_allclose(values[..., :2], keypoints.xy[:, 0], atol=1e-3)


def test_the_settings_name_parts_that_are_there(tmp_path: Path) -> None:
    settings = moseq_settings(KEYPOINT_NAMES)
    assert settings["anterior_bodyparts"] == ["NOSE"]
    assert settings["posterior_bodyparts"] == ["ROOT_TAIL"]
    assert "TIP_TAIL" not in settings["use_bodyparts"]
    assert len(settings["skeleton"]) == len(KEYPOINT_NAMES) - 1  # a tree
    few = moseq_settings(["snout", "tailbase", "gadget"])
    assert few["anterior_bodyparts"] == ["snout"]
    assert few["posterior_bodyparts"] == ["tailbase"]
    assert json.loads(json.dumps(few)) == few


def test_recordings_that_do_not_go_together_are_told(tmp_path: Path) -> None:
    write_sequence(tmp_path / "day.parquet", acted(0))
    write_dlc_csv(tmp_path / "flat.csv", filmed(acted(0)))
    with pytest.raises(InputError, match="does not go with"):
        export_moseq([tmp_path / "day.parquet", tmp_path / "flat.csv"], tmp_path / "out", fps=24.0)
    with pytest.raises(InputError, match="two recordings are called day"):
        export_moseq([tmp_path / "day.parquet", tmp_path / "day.csv"], tmp_path / "out")
