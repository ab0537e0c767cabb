"""`mousepose behaviour` as a user meets it."""

from __future__ import annotations

import json
from pathlib import Path

import pandas as pd
import pytest
from tests.run.test_behaviour import cohort
from typer.testing import CliRunner

from mousepose.cli.behaviour import app


def called(*words: object) -> tuple[int, str]:
    """Return the exit code of a command and all it says."""
    result = CliRunner().invoke(app, [str(word) for word in words])
    return result.exit_code, result.output


def test_train_apply_and_score(tmp_path: Path) -> None:
    pytest.importorskip("sklearn", reason="classifiers are trained with scikit-learn")
    table = cohort(tmp_path, animals=4)
    table[table["animal"] != "mouse 3"].to_csv(tmp_path / "clips.csv", index=False)
    table[table["animal"] == "mouse 3"].to_csv(tmp_path / "others.csv", index=False)
    model, up = tmp_path / "model.npz", ("--up", "0,0,1")
    code, said = called(
        "train", tmp_path / "clips.csv", "-o", model, "--use", "angles", "--folds", 3, *up,
        "--report", tmp_path / "report",
    )  # fmt: skip
    assert code == 0, said
    assert "of 9 clips right (95 % interval over 3 animals" in said
    assert json.loads((tmp_path / "report" / "scores.json").read_text())["animals"] == 3
    assert (tmp_path / "report" / "confusion.png").stat().st_size > 5000
    code, said = called(
        "apply", model, tmp_path / "m3.parquet", "-o", tmp_path / "out", *up, "--format", "boris"
    )
    assert code == 0, said
    assert "m3  going: " in said
    bouts = pd.read_parquet(tmp_path / "out" / "bouts.parquet")
    assert list(bouts.columns[:4]) == ["recording", "animal", "behaviour", "start_s"]
    assert (tmp_path / "out" / "ethogram.png").stat().st_size > 5000
    code, said = called("score", model, tmp_path / "others.csv", "-o", tmp_path / "s", *up)
    assert code == 0, said
    assert "of 3 clips right" in said
    code, said = called("score", model, tmp_path / "clips.csv", "-o", tmp_path / "s", *up)
    assert code == 1
    assert "in training and test at once" in said


def test_wrong_usage_is_told(tmp_path: Path) -> None:
    code, said = called("train", tmp_path, "-o", "model.pkl")
    assert code == 2
    assert ".npz" in said
    code, said = called("apply", "m.npz", "a.csv", "b.csv", "--image", "c.csv", "-o", tmp_path)
    assert code == 2
    assert "--image" in said
    code, said = called("apply", "m.npz", "a.csv", "-o", tmp_path, "--format", "xlsx")
    assert code == 2
    assert "'xlsx'" in said
    code, said = called("apply", tmp_path / "none.npz", "a.csv", "-o", tmp_path)
    assert code == 1
    assert "no such file" in said


def test_recordings_for_moseq(tmp_path: Path) -> None:
    cohort(tmp_path, animals=2)
    code, said = called(
        "moseq", tmp_path / "m0.parquet", tmp_path / "m1.parquet", "-o", tmp_path / "moseq"
    )
    assert code == 0, said
    assert "'anipose'" in said
    assert {path.name for path in (tmp_path / "moseq").iterdir()} == {
        "m0.csv", "m1.csv", "settings.json",
    }  # fmt: skip
