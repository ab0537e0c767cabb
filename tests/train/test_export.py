"""A network gives the same as an ONNX file as it does here."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch")
pytest.importorskip("onnx", reason="writing networks needs onnx")

from mousepose.detect.network import KeypointModel, Network  # noqa: E402
from mousepose.detect.network_file import METADATA_KEY  # noqa: E402
from mousepose.errors import FileError, InputError  # noqa: E402
from mousepose.run.train_model import keypoint_description  # noqa: E402
from mousepose.skeleton import KEYPOINT_NAMES  # noqa: E402
from mousepose.train.augment import MIRROR  # noqa: E402
from mousepose.train.export import export_network, set_metadata  # noqa: E402
from mousepose.train.model import DetectorNetwork, KeypointNetwork, NetworkSize  # noqa: E402

SMALL = NetworkSize((8, 8, 16), (0, 1), 8)
SIZE = 128


def random_network() -> KeypointNetwork:
    """A network whose norms have seen something."""
    torch.manual_seed(2)
    network = KeypointNetwork(SMALL).train()
    for _ in range(3):
        network(torch.rand(4, 1, SIZE, SIZE) * 255, torch.zeros(4, 3))
    return network


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("model") / "small.onnx"
    text = keypoint_description({"licence": "Apache-2.0"}).as_json()
    export_network(random_network(), SIZE, path, {METADATA_KEY: text})
    return path


def crops(count: int) -> np.ndarray:
    return np.random.default_rng(1).integers(0, 256, (count, SIZE, SIZE), np.uint8)


def test_onnx_gives_what_torch_gives(model: Path) -> None:
    images, view = crops(3), np.eye(3, dtype=np.float32)
    with torch.no_grad():
        expected = random_network().eval()(
            torch.from_numpy(images)[:, None].float(), torch.from_numpy(view)
        )
    found = Network(model).run({"images": images[:, None], "view": view})
    for name, value in zip(("heatmaps", "visibility", "views"), expected, strict=True):
        np.testing.assert_allclose(found[name], value.numpy(), atol=1e-3, rtol=1e-3)


def test_a_batch_gives_what_single_crops_give(model: Path) -> None:
    finder, images = KeypointModel(model, threads=1), crops(20)
    views = ["top", "side", "bottom", "unknown"] * 5
    together = finder.predict(images, views)
    for k in (0, 7, 19):
        alone = finder.predict(images[k : k + 1], views[k])
        np.testing.assert_allclose(together.xy[k], alone.xy[0], atol=0.05)
        np.testing.assert_allclose(together.visibility[k], alone.visibility[0], atol=1e-4)
    assert together.view.shape == (20, 3)
    assert finder.predict(images[:0]).xy.shape == (0, 22, 2)


def test_averaging_makes_a_network_indifferent_to_mirrors(model: Path) -> None:
    finder, images = KeypointModel(model, threads=1), crops(2)
    seen = finder.predict(images, "top", average=True)
    mirrored = finder.predict(images[:, :, ::-1].copy(), "top", average=True)
    back = mirrored.xy[:, list(MIRROR)] * [-1, 1] + [SIZE - 1, 0]
    np.testing.assert_allclose(back, seen.xy, atol=0.1)


def test_the_description_is_in_the_file(model: Path) -> None:
    finder = KeypointModel(model)
    assert finder.names == KEYPOINT_NAMES and finder.size == SIZE
    assert finder.description.about["licence"] == "Apache-2.0"


def test_metadata_can_be_set_anew(model: Path, tmp_path: Path) -> None:
    copy = tmp_path / "copy.onnx"
    copy.write_bytes(model.read_bytes())
    set_metadata(copy, {"other": "entry"})
    set_metadata(copy, {"other": "again"})
    assert KeypointModel(copy).names == KEYPOINT_NAMES


def test_wrong_input_is_told(model: Path, tmp_path: Path) -> None:
    finder = KeypointModel(model)
    with pytest.raises(InputError, match=r"takes grey pictures \(N, 128, 128\), got \(2, 64, 64\)"):
        finder.predict(np.zeros((2, 64, 64), np.uint8))
    with pytest.raises(InputError, match="expected top, side, bottom or unknown, got 'above'"):
        finder.predict(crops(1), "above")
    with pytest.raises(InputError, match="one for each of 2 crops, got 1"):
        finder.predict(crops(2), ["top"])
    with pytest.raises(InputError, match="'TpuProvider' is not installed; onnxruntime has: "):
        KeypointModel(model, providers=["TpuProvider"])


def test_wrong_files_are_told(model: Path, tmp_path: Path) -> None:
    with pytest.raises(FileError, match="there is no such file"):
        KeypointModel(tmp_path / "none.onnx")
    broken = tmp_path / "broken.onnx"
    broken.write_bytes(model.read_bytes()[:2000])
    with pytest.raises(FileError, match=r"broken\.onnx: no ONNX network"):
        KeypointModel(broken)
    other = tmp_path / "other.onnx"
    other.write_bytes(model.read_bytes())
    about = '[input]\nimages = "input"\nview = "view"\n[output]\nheatmaps = "maps"\n'
    other.with_suffix(".toml").write_text('keypoints = ["NOSE"]\n' + about)
    with pytest.raises(FileError, match="no input 'input', no output 'maps', no a value for input"):
        KeypointModel(other)
    right = about.replace('"input"', '"images"\nintegers = true').replace('"maps"', '"heatmaps"')
    other.with_suffix(".toml").write_text('keypoints = ["NOSE"]\n' + right)
    with pytest.raises(FileError, match=r"its heatmaps have the shape \(22, 32, 32\)"):
        KeypointModel(other).predict(crops(1))
    other.with_suffix(".toml").write_text(
        'keypoints = ["NOSE"]\n' + right.replace("integers = true", "")
    )
    with pytest.raises(FileError, match="does not fit it"):
        KeypointModel(other).predict(crops(1))


def test_a_detector_is_no_keypoint_network(tmp_path: Path) -> None:
    path = tmp_path / "detector.onnx"
    export_network(DetectorNetwork(SMALL), 64, path, {})
    path.with_suffix(".toml").write_text(
        'kind = "detector"\n[input]\nsize = 64\nintegers = true\n'
        '[output]\ncentre = "centre"\nextent = "extent"\n'
    )
    found = Network(path).run({"images": np.zeros((2, 1, 64, 64), np.uint8)})
    assert found["centre"].shape == (2, 1, 16, 16) and found["extent"].shape == (2, 2, 16, 16)
    with pytest.raises(FileError, match="is a detector; expected a keypoint network"):
        KeypointModel(path)


def test_eight_bits_move_no_point_far(model: Path, tmp_path: Path) -> None:
    from mousepose.train.export_int8 import export_int8

    small = tmp_path / "int8.onnx"
    export_int8(model, small, crops(32))
    whole, quantised = KeypointModel(model, threads=1), KeypointModel(small, threads=1)
    assert quantised.description == whole.description
    assert small.stat().st_size < model.stat().st_size
    maps = [one.network.run({"images": crops(2)[:, None], "view": np.zeros((2, 3), np.float32)})
            for one in (whole, quantised)]  # fmt: skip
    one, other = (found["heatmaps"].ravel() for found in maps)
    assert np.corrcoef(one, other)[0, 1] > 0.95
