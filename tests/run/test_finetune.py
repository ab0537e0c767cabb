"""Picking frames, taking the labels back, and training on."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

torch = pytest.importorskip("torch", reason="training needs torch")
pytest.importorskip("onnx", reason="writing networks needs onnx")

from mousepose.detect.network import KeypointModel, Network  # noqa: E402
from mousepose.detect.network_file import METADATA_KEY  # noqa: E402
from mousepose.detect.shipped import shipped_model  # noqa: E402
from mousepose.detect.types import Detections  # noqa: E402
from mousepose.errors import FileError, InputError  # noqa: E402
from mousepose.run import finetune as finetuning  # noqa: E402
from mousepose.run.finetune import LAST_SHARE, finetune, with_rendered  # noqa: E402
from mousepose.run.finetune_pick import pick_frames  # noqa: E402
from mousepose.run.render import RenderJob  # noqa: E402
from mousepose.run.train_labelled import LabelledSet, read_recordings  # noqa: E402
from mousepose.run.train_model import keypoint_description  # noqa: E402
from mousepose.train.export import export_network  # noqa: E402
from mousepose.train.loop import TrainOptions  # noqa: E402
from mousepose.train.model import KeypointNetwork, NetworkSize  # noqa: E402
from mousepose.train.model_file import read_weights, weights_beside, write_weights  # noqa: E402
from training_pictures import ellipses  # noqa: E402

SIZE, FRAMES, PICKED = 128, 16, 6


class Everywhere:
    """A detector that finds one mouse, always in the same place."""

    def detect(self, images: np.ndarray) -> list[Detections]:
        return [Detections(np.array([[24.0, 24.0, 104.0, 104.0]]), np.ones(1)) for _ in images]


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    torch.manual_seed(0)
    network = KeypointNetwork(NetworkSize((8, 8, 16), (0, 0), 8))
    path = tmp_path_factory.mktemp("model") / "small.onnx"
    export_network(network, SIZE, path, {METADATA_KEY: keypoint_description({}).as_json()})
    write_weights(weights_beside(path), network)
    return path


@pytest.fixture(scope="module")
def picked(model: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A project of frames picked from a folder of images."""
    folder = tmp_path_factory.mktemp("video")
    for number, image in enumerate(ellipses(FRAMES, SIZE).images):
        Image.fromarray(image).save(folder / f"{number:03d}.png")
    project = folder.parent / f"{folder.name}_project"
    done = pick_frames(folder, model, project, PICKED, view="top", detector=Everywhere())
    assert len(done.frames) == PICKED and sorted(set(done.frames)) == done.frames
    # every point is guessed, however unsure: a person would have corrected them
    table = next(project.rglob("CollectedData_mousepose.csv"))
    lines = table.read_text().splitlines()
    random = np.random.default_rng(0)
    for row in range(3, len(lines)):
        place = lines[row].split(",")[:3]
        lines[row] = ",".join([*place, *(f"{v:.2f}" for v in random.uniform(30, 100, 44))])
    table.write_text("\n".join(lines) + "\n")
    return project


def test_the_labels_come_back(picked: Path) -> None:
    recordings = read_recordings(LabelledSet.parsed(f"{picked},view=top"))
    assert len(recordings) == 1 and recordings[0].xy.shape == (PICKED, 22, 2)
    assert np.isfinite(recordings[0].xy).all()
    assert all(picture.shape == (SIZE, SIZE) for picture in recordings[0].pictures)


def test_training_on_tells_before_and_after(picked: Path, model: Path, tmp_path: Path) -> None:
    labelled = [LabelledSet.parsed(f"{picked},view=top")]
    options = TrainOptions(steps=2, batch=4, learning_rate=1e-3)
    done = finetune(model, labelled, [], tmp_path / "mine.onnx", options)
    assert list(done.before) == list(done.after) == [f"{picked.name}_top"]
    held = round(LAST_SHARE * PICKED)
    assert done.before[f"{picked.name}_top"]["points"] <= 22 * held
    assert KeypointModel(done.trained.model).size == SIZE
    assert weights_beside(done.trained.model).is_file()
    with pytest.raises(InputError, match="finetuning needs a labelled set .* or a folder"):
        finetune(model, [], [], tmp_path / "mine.onnx", options)


def test_too_few_mice_and_a_folder_that_is_there_are_told(
    picked: Path, model: Path, tmp_path: Path
) -> None:
    folder = picked.parent / picked.name.removesuffix("_project")
    with pytest.raises(FileError, match="is there already"):
        pick_frames(folder, model, picked, 4, detector=Everywhere())
    with pytest.raises(InputError, match=f"found in {FRAMES} of {FRAMES} frames; 40 are wanted"):
        pick_frames(folder, model, tmp_path / "new", 40, detector=Everywhere())
    with pytest.raises(InputError, match="project: expected deeplabcut or sleap"):
        pick_frames(folder, model, tmp_path / "new", 4, project="yolo", detector=Everywhere())


def test_folders_are_taken_as_they_are_and_without_one_samples_are_rendered(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    jobs: list[RenderJob] = []
    monkeypatch.setattr(finetuning, "render_samples", lambda job, on_progress: jobs.append(job))
    labelled = [LabelledSet.parsed(f"{tmp_path},view=top")]
    for given, sets in (([tmp_path], labelled), ([], [])):
        with with_rendered(given, sets, 500, 3, lambda *told: None) as folders:
            assert folders == given and not jobs
    with (
        pytest.raises(InputError, match="nowhere: there is no such file or folder of labels"),
        with_rendered([], [LabelledSet.parsed("nowhere")], 500, 3, lambda *told: None),
    ):
        pass
    with with_rendered([], labelled, 500, 3, lambda *told: None) as folders:
        assert [(job.folder, job.count, job.seed) for job in jobs] == [(folders[0], 500, 3)]
        assert folders[0].parent.is_dir()
    assert not folders[0].parent.exists()


def test_training_goes_on_from_the_weights_of_the_network_that_ships() -> None:
    shipped = shipped_model()
    images, view = ellipses(3, SIZE).images[:, None], np.eye(3, dtype=np.float32)
    network = read_weights(weights_beside(shipped)).eval()
    with torch.no_grad():
        expected = network(torch.from_numpy(images).float(), torch.from_numpy(view))
    found = Network(shipped).run({"images": images, "view": view})
    for name, value in zip(("heatmaps", "visibility", "views"), expected, strict=True):
        np.testing.assert_allclose(found[name], value.numpy(), atol=2e-3, rtol=1e-3)
