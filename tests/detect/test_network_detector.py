"""The detector's boxes in frames of any shape, from a network made by hand."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mousepose.detect.blobs import overlap
from mousepose.detect.network_detector import NetworkDetector, letterboxed
from mousepose.errors import FileError, InputError

onnx = pytest.importorskip("onnx", reason="the network of this test is written with onnx")

SIZE, STRIDE = 64, 4
ABOUT = """
kind = "{kind}"
keypoints = ["NOSE"]
[input]
size = 64
[output]
centre = "centre"
extent = "extent"
heatmaps = "centre"
stride = 4
"""


@pytest.fixture(scope="module")
def model(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A network that finds what is bright: means of 4 x 4 px; each box is half the frame wide."""
    from onnx import TensorProto, helper, numpy_helper

    cells = SIZE // STRIDE
    halves = np.log(np.full((2, 1, 1, 1), 0.5, np.float32))
    constants = {"middle": np.float32(100), "steep": np.float32(0.1), "halves": halves,
                 "nothing": np.zeros((2, 1, 1, 1), np.float32)}  # fmt: skip
    graph = helper.make_graph(
        [
            helper.make_node("AveragePool", ["images"], ["means"], kernel_shape=[4, 4],
                             strides=[4, 4]),
            helper.make_node("Sub", ["means", "middle"], ["over"]),
            helper.make_node("Mul", ["over", "steep"], ["centre"]),
            helper.make_node("Conv", ["means", "nothing"], ["none"]),
            helper.make_node("Add", ["none", "row"], ["extent"]),
        ],
        "bright",
        [helper.make_tensor_value_info("images", TensorProto.FLOAT, ["n", 1, SIZE, SIZE])],
        [helper.make_tensor_value_info(name, TensorProto.FLOAT, ["n", depth, cells, cells])
         for name, depth in (("centre", 1), ("extent", 2))],
        [numpy_helper.from_array(value, name) for name, value in constants.items()]
        + [numpy_helper.from_array(halves.reshape(1, 2, 1, 1), "row")],
    )  # fmt: skip
    path = tmp_path_factory.mktemp("detector") / "bright.onnx"
    made = helper.make_model(graph, opset_imports=[helper.make_opsetid("", 17)], ir_version=8)
    onnx.save(made, str(path))
    path.with_suffix(".toml").write_text(ABOUT.format(kind="detector"))
    return path


def frame(width: int, height: int, *spots: tuple[int, int]) -> np.ndarray:
    image = np.zeros((height, width), np.uint8)
    for x, y in spots:
        image[max(y - 6, 0) : y + 7, max(x - 6, 0) : x + 7] = 255
    return image


@pytest.mark.parametrize(("width", "height"), [(64, 64), (128, 96), (70, 190)])
def test_a_bright_spot_is_found_where_it_is(model: Path, width: int, height: int) -> None:
    spot = (width // 2 + 8, height // 3)
    found = NetworkDetector(model, mice=1).detect(frame(width, height, spot)[None])[0]
    side = max(width, height)
    box = found.boxes[0]
    np.testing.assert_allclose((box[:2] + box[2:]) / 2, spot, atol=2.5 * side / SIZE)
    np.testing.assert_allclose(box[2:] - box[:2], side / 2, rtol=1e-6)
    assert found.scores[0] > 0.9


def test_nothing_is_found_where_nothing_is_and_two_where_two_are(model: Path) -> None:
    detector = NetworkDetector(model, mice=2)
    empty, two = detector.detect(np.stack([frame(128, 128), frame(128, 128, (20, 20), (100, 100))]))
    assert len(empty) == 0 and empty.boxes.shape == (0, 4)
    assert len(two) == 2 and (np.diff(two.scores) <= 0).all()
    assert (
        len(NetworkDetector(model, mice=1).detect(frame(128, 128, (20, 20), (100, 100))[None])[0])
        == 1
    )
    assert detector.detect(np.zeros((0, 50, 50), np.uint8)) == []


def test_two_tops_of_one_mouse_are_one_box(model: Path) -> None:
    found = NetworkDetector(model).detect(frame(128, 128, (60, 60), (74, 60))[None])[0]
    assert len(found) == 1


def test_letterboxing_keeps_the_shape_and_blackens_the_rest() -> None:
    squares, placed = letterboxed(np.full((1, 50, 100), 200, np.uint8), 64)
    assert (squares[0, :16] == 0).all() and (squares[0, 48:] == 0).all()
    assert (squares[0, 17:47] == 200).all()
    corners = placed.to_frame(np.array([[[-0.5, 15.5], [63.5, 47.5]]]))
    np.testing.assert_allclose(corners, [[[-0.5, -0.5], [99.5, 49.5]]], atol=1e-9)


def test_overlap_is_a_share_of_the_union() -> None:
    one = np.array([[0.0, 0, 2, 2]])
    assert overlap(one, one) == 1 and overlap(one, one + 5) == 0
    assert overlap(one, np.array([[1.0, 0, 3, 2]])) == pytest.approx(1 / 3)


def test_a_network_of_another_kind_is_told(model: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="mice: expected 1 or more"):
        NetworkDetector(model, mice=0)
    other = tmp_path / "other.onnx"
    other.write_bytes(model.read_bytes())
    other.with_suffix(".toml").write_text(ABOUT.format(kind="keypoints"))
    with pytest.raises(FileError, match="is a network of keypoints; expected a detector"):
        NetworkDetector(other)
