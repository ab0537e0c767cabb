"""The notebook of the data set is what its program prints and draws, and runs on a twin."""

from __future__ import annotations

import importlib.util
import json
import shutil
from pathlib import Path
from typing import Any

import pytest

from labelled_frames import shared_twin

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
PROGRAM, NOTEBOOK = EXAMPLES / "03_the_data_set.py", EXAMPLES / "03_the_data_set.ipynb"
_MOST_BYTES = 1_000_000


@pytest.fixture(scope="module")
def writer() -> Any:
    spec = importlib.util.spec_from_file_location("writer", EXAMPLES / "03_write_notebook.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


@pytest.fixture(scope="module")
def twin_with_a_scan(tmp_path_factory: pytest.TempPathFactory) -> Path:
    pytest.importorskip("pydicom", reason="the example reads CT scans")
    from mousepose.run.dataset_twin import TwinOptions, make_twin

    folder = tmp_path_factory.mktemp("example")
    shutil.copytree(shared_twin(tmp_path_factory), folder / "twin")
    options = TwinOptions(clips=0, moments=0, scans=1, scan_voxel_mm=0.9)
    scans = make_twin(folder / "scans", options) / "ct-scans"
    shutil.move(scans, folder / "twin" / "ct-scans")
    return folder / "twin"


def test_the_notebook_holds_the_programs_cells(writer: Any) -> None:
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    written = [(cell["cell_type"], "".join(cell["source"])) for cell in cells]
    assert written == writer.cells_of(PROGRAM.read_text(encoding="utf-8"))
    assert len(NOTEBOOK.read_bytes()) < _MOST_BYTES


def test_the_notebook_was_run() -> None:
    cells = json.loads(NOTEBOOK.read_text(encoding="utf-8"))["cells"]
    code = [cell for cell in cells if cell["cell_type"] == "code"]
    assert [cell["execution_count"] for cell in code] == list(range(1, len(code) + 1))
    outputs = [output for cell in code for output in cell["outputs"]]
    assert not [output for output in outputs if output["output_type"] == "error"]
    pictures = [o for o in outputs if "image/png" in o.get("data", {})]
    tables = [o for o in outputs if "text/html" in o.get("data", {})]
    assert len(pictures) == 3
    assert len(tables) >= 3


def test_the_program_runs_on_a_twin(
    writer: Any, twin_with_a_scan: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("MOUSE_POSE_DATASET", str(twin_with_a_scan))
    notebook = writer.notebook_of(PROGRAM.read_text(encoding="utf-8"))
    printed = "".join(
        "".join(output["text"])
        for cell in notebook["cells"]
        for output in cell.get("outputs", ())
        if output["output_type"] == "stream"
    )
    assert "1 scans, 84 frames, 4 moments" in printed
    assert "mm from the left: True" in printed  # the published slice is the one found in mm
    assert "checked: 84 frames, 12 multi-view pictures, 1 scans" in printed
    assert {p.name for p in tmp_path.glob("*.png")} == {"scan.png", "frames.png", "views.png"}


def test_a_cell_gives_what_it_prints_returns_and_draws(writer: Any) -> None:
    names: dict[str, Any] = {}
    drawn = "import matplotlib.pyplot as plt\nprint('a')\n_ = plt.figure(figsize=(1, 1))\n1 + 1"
    kinds = [output["output_type"] for output in writer.run_cell(drawn, names)]
    assert kinds == ["stream", "execute_result", "display_data"]
    assert writer.run_cell("x = 2", names) == []
    assert names["x"] == 2
    assert writer.cells_of("before\n# %% [markdown]\n# # T\n#\n# t\n\n# %%\nx = 1\n") == [
        ("markdown", "# T\n\nt"),
        ("code", "x = 1"),
    ]
