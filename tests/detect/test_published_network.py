"""The published network behind the interface of ours, with a stand-in for its interpreter."""

from __future__ import annotations

import sys
from pathlib import Path
from types import ModuleType
from typing import Any

import numpy as np
import pytest

from mousepose.detect.network import KeypointModel
from mousepose.detect.published_network import PUBLISHED_NAMES, PublishedModel, opened_model
from mousepose.detect.shipped import shipped_model
from mousepose.errors import FileError, InputError
from mousepose.skeleton import KEYPOINT_NAMES

MODULE = "ai_edge_litert.interpreter"
#: Where the stand-in sees its two mice: middles (x, y) as shares of the picture.
_MIDDLES = np.array([[0.25, 0.75], [0.5, 0.4]])
_SCORES = np.array([0.3, 0.9])


class Interpreter:
    """Finds two mice in the same shares of any picture; the better one follows what is bright."""

    dtype: Any = np.uint8
    outputs = {0: "boxes", 1: "classes", 2: "keypoint_scores", 3: "keypoints", 4: "scores",
               5: "num_detections"}  # fmt: skip
    points = len(PUBLISHED_NAMES)

    def __init__(self, model_path: str, num_threads: int | None = None) -> None:
        if Path(model_path).read_bytes() != b"network":
            raise ValueError("Model provided has model identifier 'oops'\nand more")
        self.shapes: list[tuple[int, ...]] = []
        self.picture = np.zeros(0)

    def get_input_details(self) -> list[dict[str, Any]]:
        return [{"index": 7, "dtype": self.dtype}]

    def get_output_details(self) -> list[dict[str, Any]]:
        return [{"name": f"StatefulPartitionedCall:{k}", "index": k} for k in self.outputs]

    def resize_tensor_input(self, index: int, shape: tuple[int, ...]) -> None:
        assert index == 7
        self.shapes.append(shape)

    def allocate_tensors(self) -> None: ...

    def set_tensor(self, index: int, value: np.ndarray) -> None:
        assert value.dtype == np.uint8 and value.shape == self.shapes[-1] and value.shape[3] == 3
        self.picture = value[0, :, :, 0]

    def invoke(self) -> None:
        height, width = self.picture.shape
        row, column = np.unravel_index(int(self.picture.argmax()), self.picture.shape)
        self.middles = _MIDDLES.copy()
        if self.picture.max() > 0:
            self.middles[1] = (column + 0.5) / width, (row + 0.5) / height

    def get_tensor(self, index: int) -> np.ndarray:
        swapped = self.middles[:, ::-1]
        ahead = np.linspace(0, 0.1, self.points)[:, None] * [0, 1]
        values = {
            0: np.concatenate([swapped - 0.1, swapped + 0.1], 1),
            2: np.tile(np.linspace(0.5, 1, self.points), (2, 1)),
            3: swapped[:, None] + ahead,
            4: _SCORES,
        }
        return values[index][None].astype(np.float32)


@pytest.fixture
def network(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A file that the stand-in takes for a network."""
    _install(monkeypatch, Interpreter)
    path = tmp_path / "pose_2d.tflite"
    path.write_bytes(b"network")
    return path


def _install(monkeypatch: pytest.MonkeyPatch, interpreter: type) -> None:
    package, module = ModuleType(MODULE.partition(".")[0]), ModuleType(MODULE)
    module.Interpreter = interpreter  # type: ignore[attr-defined]
    monkeypatch.setitem(sys.modules, package.__name__, package)
    monkeypatch.setitem(sys.modules, MODULE, module)


def _picture(width: int, height: int, x: int, y: int) -> np.ndarray:
    image = np.zeros((height, width), np.uint8)
    image[y, x] = 255
    return image


def test_points_of_crops_are_where_the_best_mouse_is(network: Path) -> None:
    model = opened_model(network)
    assert isinstance(model, PublishedModel) and set(model.names) <= set(KEYPOINT_NAMES)
    crops = np.stack([_picture(64, 64, 40, 20), _picture(64, 64, 5, 60)])
    found = model.predict(crops, "top")
    np.testing.assert_allclose(found.xy[:, 0], [[40, 20], [5, 60]], atol=1e-4)
    np.testing.assert_allclose(found.xy[0, -1], [46.4, 20], atol=1e-4)  # x grows, y does not
    np.testing.assert_allclose(found.confidence[0], np.linspace(0.5, 1, 20), atol=1e-6)
    assert (np.linalg.eigvalsh(found.covariance) > 0).all() and np.isnan(found.view).all()
    assert len(model.predict(crops[:0]).xy) == 0


def test_boxes_of_frames_are_left_top_right_bottom(network: Path) -> None:
    image = _picture(200, 100, 120, 30)
    best = PublishedModel(network).detect(image[None])[0]
    middle = np.array([120.0, 30.0])
    np.testing.assert_allclose(best.boxes[0], [*(middle - [20, 10]), *(middle + [20, 10])],
                               atol=1e-3)  # fmt: skip
    assert best.scores == pytest.approx([0.9])
    both = PublishedModel(network, mice=2).detect(image[None])[0]
    assert both.scores == pytest.approx([0.9, 0.3])


def test_pictures_of_one_size_are_planned_once(network: Path) -> None:
    model = PublishedModel(network)
    model.predict(np.zeros((3, 32, 32), np.uint8))
    model.predict(np.zeros((1, 64, 64), np.uint8))
    assert model._interpreter.shapes == [(1, 32, 32, 3), (1, 64, 64, 3)]


def test_a_mirror_image_gives_the_same_places(network: Path) -> None:
    crop = _picture(64, 64, 40, 20)[None]
    nose = PublishedModel(network).predict(crop, average=True)
    np.testing.assert_allclose(nose.xy[0, 0], [40, 20], atol=1e-4)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"dtype": np.float32}, "expected one picture of uint8"),
        ({"outputs": {0: "boxes"}}, "it has no output keypoint_scores"),
        ({"points": 17}, r"its keypoints have the shape \(1, 2, 17, 2\)"),
    ],
)
def test_another_network_is_told(
    network: Path, monkeypatch: pytest.MonkeyPatch, change: dict[str, Any], message: str
) -> None:
    _install(monkeypatch, type("Other", (Interpreter,), change))
    with pytest.raises(FileError, match=message):
        PublishedModel(network).predict(np.zeros((1, 8, 8), np.uint8))


def test_what_is_no_network_is_told(network: Path, tmp_path: Path) -> None:
    with pytest.raises(FileError, match="there is no such file"):
        PublishedModel(tmp_path / "absent.tflite")
    (tmp_path / "text.tflite").write_bytes(b"text")
    with pytest.raises(FileError, match="no TensorFlow Lite network .Model provided .* 'oops'.$"):
        PublishedModel(tmp_path / "text.tflite")
    with pytest.raises(InputError, match="takes grey crops"):
        PublishedModel(network).predict(np.zeros((1, 8, 9), np.uint8))
    with pytest.raises(InputError, match="mice: expected 1 or more"):
        PublishedModel(network, mice=0)


def test_without_an_interpreter_one_is_named(
    network: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("ai_edge_litert", MODULE, "tflite_runtime", "tensorflow"):
        monkeypatch.setitem(sys.modules, name, None)
    with pytest.raises(InputError, match="pip install ai-edge-litert"):
        PublishedModel(network)


def test_other_files_are_networks_of_ours() -> None:
    assert isinstance(opened_model(shipped_model(), threads=1), KeypointModel)


def test_a_real_file_runs_in_the_real_interpreter(tmp_path: Path) -> None:
    schema = pytest.importorskip(
        "ai_edge_litert.schema_py_generated", reason="needs an interpreter: pip ai-edge-litert"
    )
    points = np.zeros((1, 2, len(PUBLISHED_NAMES), 2), np.float32)
    points[0, 1] = 0.25, 0.5  # y and x
    path = tmp_path / "pose_2d.tflite"
    path.write_bytes(_still(schema, {
        0: np.array([[[0, 0, 0.1, 0.1], [0.1, 0.2, 0.5, 0.9]]]), 1: np.ones((1, 2)),
        2: np.full((1, 2, len(PUBLISHED_NAMES)), 0.75), 3: points, 4: np.array([[0.2, 0.8]]),
        5: np.array([2.0]),
    }))  # fmt: skip
    model = PublishedModel(path, threads=1)
    found = model.predict(np.zeros((2, 64, 64), np.uint8))
    np.testing.assert_allclose(found.xy, np.broadcast_to([31.5, 15.5], found.xy.shape))
    np.testing.assert_allclose(found.confidence, 0.75)
    boxes = model.detect(np.zeros((1, 100, 200), np.uint8))[0]
    np.testing.assert_allclose(boxes.boxes, [[39.5, 9.5, 179.5, 49.5]], atol=1e-4)
    path.write_bytes(b"x" * 200)
    with pytest.raises(FileError, match="no TensorFlow Lite network"):
        PublishedModel(path)


def _still(schema: Any, outputs: dict[int, np.ndarray]) -> bytes:
    """Return a TensorFlow Lite file that gives the same outputs whatever it sees."""
    import flatbuffers

    def tensor(name: str, kind: int, shape: list[int]) -> Any:
        made = schema.TensorT()
        made.name, made.type, made.shape, made.buffer = name.encode(), kind, shape, 0
        return made

    image = tensor("serving_default_input:0", schema.TensorType.UINT8, [1, 1, 1, 3])
    image.shapeSignature = [1, -1, -1, 3]
    tensors, buffers = [image], [schema.BufferT()]
    for number, value in outputs.items():
        one = tensor(f"StatefulPartitionedCall:{number}", schema.TensorType.FLOAT32,
                     list(value.shape))  # fmt: skip
        one.buffer = len(buffers)
        buffers.append(schema.BufferT())
        buffers[-1].data = np.frombuffer(value.astype(np.float32).tobytes(), np.uint8)
        tensors.append(one)
    graph = schema.SubGraphT()
    graph.tensors, graph.inputs, graph.operators = tensors, [0], []
    graph.outputs = list(range(1, len(tensors)))
    model = schema.ModelT()
    model.version, model.subgraphs, model.buffers, model.operatorCodes = 3, [graph], buffers, []
    builder = flatbuffers.Builder(4096)
    builder.Finish(model.Pack(builder), b"TFL3")
    return bytes(builder.Output())
