"""`mousepose train` and `mousepose finetune train` from samples to a network that is used."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np
import pytest
import typer
from typer.testing import CliRunner

from mousepose import extras
from mousepose.cli import finetune
from mousepose.cli.train import train
from mousepose.train.samples import Samples, SampleWriter
from training_pictures import ellipses

app = typer.Typer()
app.command("train")(train)
app.add_typer(finetune.app, name="finetune")


@pytest.fixture
def rendered(tmp_path: Path) -> Path:
    """A folder of 40 crops."""
    folder = tmp_path / "rendered"
    SampleWriter(folder, {"licence": "CC0"}).write(0, ellipses(40, 128))
    return folder


def run(*arguments: object) -> tuple[int, str]:
    result = CliRunner().invoke(app, [str(argument) for argument in arguments])
    return result.exit_code, result.output


def test_without_torch_the_extra_is_named(
    rendered: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def missing(name: str) -> None:
        raise ImportError(name)

    monkeypatch.setattr(extras, "import_module", missing)
    code, text = run("train", rendered, "-o", tmp_path / "m.onnx")
    assert code == 1
    assert "training needs torch and onnx: pip install 'mousepose[train]'" in text


def test_a_network_is_trained_and_trained_on(rendered: Path, tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="training needs torch")
    pytest.importorskip("onnx", reason="writing networks needs onnx")
    from mousepose.detect.network import KeypointModel

    model = tmp_path / "m.onnx"
    code, text = run("train", rendered, "-o", model, "--steps", 2, "--batch", 4,
                     "--licence", "Apache-2.0")  # fmt: skip
    assert code == 0, text
    assert "learnt from rendered: 36 samples (CC0)" in text
    for ending in (".onnx", ".curves.png", ".training.json", ".weights.npz"):
        assert model.with_suffix(ending).stat().st_size > 0
    log = json.loads(model.with_suffix(".training.json").read_text())
    assert log["history"][-1]["step"] == 2 and "rendered" in log["figures"]
    finder = KeypointModel(model, threads=1)
    assert finder.description.about["licence"] == "Apache-2.0"
    assert len(finder.description.calibration.scores) > 2
    assert np.isfinite(finder.predict(ellipses(2, 128).images).xy).all()
    code, text = run("finetune", "train", "--model", model, "-o", tmp_path / "n.onnx")
    assert code == 1 and "finetuning needs a labelled set" in text
    model.with_suffix(".weights.npz").unlink()
    code, text = run("finetune", "train", rendered, "--labelled", rendered, "--model", model,
                     "-o", tmp_path / "n.onnx")  # fmt: skip
    assert code == 1 and "expected the weights of a network" in text


def test_a_detector_is_trained(tmp_path: Path) -> None:
    pytest.importorskip("torch", reason="training needs torch")
    pytest.importorskip("onnx", reason="writing networks needs onnx")
    crops = ellipses(12, 192)
    box = np.full((12, 2, 4), np.nan, np.float32)
    box[:, 0, :2], box[:, 0, 2:] = crops.xy.min(1), crops.xy.max(1)
    frames = Samples(crops.images, crops.xy, crops.state, crops.view, crops.length, box)
    SampleWriter(tmp_path / "frames", {"licence": "CC0"}, kind="frames").write(0, frames)
    code, text = run("train", tmp_path / "frames", "--kind", "detector", "--steps", 1,
                     "--batch", 4, "-o", tmp_path / "d.onnx")  # fmt: skip
    assert code == 0, text
    assert "found %" in text and (tmp_path / "d.onnx").is_file()
    code, text = run("train", tmp_path / "frames", "--steps", 1, "-o", tmp_path / "k.onnx")
    assert code == 1 and "holds frames; expected a folder of crops" in text


@pytest.mark.parametrize(
    ("options", "message"),
    [
        (["--steps", "2", "--minutes", "3"], "one of them ends the run"),
        (["--labelled", "x.csv,view=above"], "not 'above'"),
        (["--kind", "detector", "--labelled", "x.csv"], "folders of frames alone"),
    ],
)
def test_wrong_options_are_told(
    rendered: Path, tmp_path: Path, options: list[str], message: str
) -> None:
    pytest.importorskip("torch", reason="training needs torch")
    code, text = run("train", rendered, "-o", tmp_path / "m.onnx", *options)
    assert code in (1, 2) and message in text
    assert run("train", rendered, "-o", tmp_path / "m.pt")[0] == 2
    code, text = run("train", "-o", tmp_path / "m.onnx")
    assert code == 1 and "give folders of samples, labelled sets, or both" in text
