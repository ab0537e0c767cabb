"""The published network of Hu et al. 2023, `pose_2d.tflite`: whole pictures to boxes and keypoints.

It does not come with the package; who has the file gives it as `--model pose_2d.tflite`. It takes
one RGB picture (1, H, W, 3) uint8 of any size and returns D mice: boxes (1, D, 4) top, left,
bottom, right, their scores (1, D), keypoints (1, D, 20, 2) y and x, and their scores (1, D, 20),
all places as shares of the picture. What its outputs are called, and the order of the keypoints, is
that of the published graph `video_to_pose.pbtxt` (google/mouse-pose-analysis, Apache-2.0).

Any of the three interpreters of TensorFlow Lite runs it: ai-edge-litert, tflite-runtime, or the one
in tensorflow.
"""

from __future__ import annotations

from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

from mousepose.detect.network import MOST_BYTES, VIEWS, CropKeypoints, KeypointModel
from mousepose.detect.types import Detections
from mousepose.errors import FileError, InputError
from mousepose.types import Bytes, Floats

SUFFIX = ".tflite"
#: The 20 keypoints in the order of the network.
PUBLISHED_NAMES = (
    "NOSE", "LEFT_EAR", "RIGHT_EAR", "LEFT_SHOULDER", "RIGHT_SHOULDER", "LEFT_FORE_PAW",
    "RIGHT_FORE_PAW", "LEFT_HIP", "RIGHT_HIP", "LEFT_HIND_PAW", "RIGHT_HIND_PAW", "ROOT_TAIL",
    "SPINE_MID", "SPINE_HIP", "LEFT_KNEE", "RIGHT_KNEE", "LEFT_ELBOW", "RIGHT_ELBOW",
    "SPINE_SHOULDER", "NECK",
)  # fmt: skip
#: Where the interpreters of TensorFlow Lite are, best first.
_INTERPRETERS = ("ai_edge_litert.interpreter", "tflite_runtime.interpreter", "tensorflow.lite")
#: The names of the outputs, as TensorFlow gives them, without their numbers.
_OUTPUTS = {0: "boxes", 2: "keypoint_scores", 3: "keypoints", 4: "scores"}
#: Side of a crop, px: a mouse is then about as large as in the pictures that it was trained on.
_CROP = 256
#: It tells no covariance: 2 % of the crop's side, as much as it is off on its own pictures.
_SPREAD = 0.02


class _Found(NamedTuple):
    """What the network tells of one picture: arrays by the number of the mouse."""

    boxes: Floats
    scores: Floats
    keypoints: Floats
    keypoint_scores: Floats


class PublishedModel:
    """The published network, to be used as a `KeypointModel` of crops or a `Detector` of frames.

    `PublishedModel("pose_2d.tflite", mice=1)`; `threads` of the processor, 0 for all that the
    interpreter likes. Raises `FileError` for a file that is no such network, `InputError` where no
    interpreter is installed.
    """

    names = PUBLISHED_NAMES
    size = _CROP

    def __init__(self, path: str | Path, *, mice: int = 1, threads: int = 0) -> None:
        if mice < 1:
            raise InputError(f"mice: expected 1 or more, got {mice}")
        self.path, self.mice = Path(path), mice
        self._interpreter = _opened(self.path, threads)
        inputs = self._interpreter.get_input_details()
        if len(inputs) != 1 or inputs[0]["dtype"] != np.uint8:
            kinds = ", ".join(np.dtype(one["dtype"]).name for one in inputs)
            raise FileError(
                f"{self.path} is not the published network: it has {len(inputs)} inputs ({kinds}); "
                "expected one picture of uint8"
            )
        self._input = int(inputs[0]["index"])
        self._outputs = self._named_outputs()
        self._shape: tuple[int, ...] = ()

    def predict(
        self,
        crops: Bytes,
        view: str | Sequence[str] | None = None,
        *,
        average: bool = False,
        turn: Floats | None = None,
    ) -> CropKeypoints:
        """Return the keypoints of the best mouse in each of grey crops (N, S, S) uint8.

        It cannot be told the `view` nor how crops must `turn`, and tells no visibility. With
        `average` confidences and places are those of the crop and its mirror image. Raises
        `InputError` for other crops.
        """
        if crops.ndim != 3 or crops.shape[1] != crops.shape[2]:
            raise InputError(f"{self.path.name} takes grey crops (N, S, S), got {crops.shape}")
        found = [self._best(crop, average) for crop in crops]
        count, points, side = len(crops), len(self.names), crops.shape[-1]
        xy = np.array([one[0] for one in found]).reshape(count, points, 2)
        sure = np.array([one[1] for one in found]).reshape(count, points)
        covariance = np.broadcast_to(np.eye(2) * (_SPREAD * side) ** 2, (count, points, 2, 2))
        unknown, views = np.full((count, points), np.nan), np.full((count, len(VIEWS)), np.nan)
        return CropKeypoints(xy, covariance.copy(), sure, unknown, views)

    def detect(self, images: Bytes) -> list[Detections]:
        """Return up to `mice` boxes of each of grey images (B, H, W), best first."""
        told = []
        for image in images:
            found = self._run(image)
            best = np.argsort(-found.scores, kind="stable")[: self.mice]
            shares = np.clip(found.boxes[best][:, [1, 0, 3, 2]], 0.0, 1.0)
            size = np.array(image.shape[::-1] * 2, np.float64)
            told.append(Detections(shares * size - 0.5, np.clip(found.scores[best], 0.0, 1.0)))
        return told

    def _best(self, crop: Bytes, average: bool) -> tuple[Floats, Floats]:
        xy, sure = self._points(crop)
        if not average:
            return xy, sure
        from mousepose.skeleton import mirrored_name

        order = [self.names.index(mirrored_name(name)) for name in self.names]
        other, as_sure = self._points(np.ascontiguousarray(crop[:, ::-1]))
        other = other[order] * [-1, 1] + [crop.shape[1] - 1, 0]
        return (xy + other) / 2, (sure + as_sure[order]) / 2

    def _points(self, picture: Bytes) -> tuple[Floats, Floats]:
        found = self._run(picture)
        best = int(np.argmax(found.scores))
        size = np.array(picture.shape[::-1], np.float64)
        xy = found.keypoints[best][:, ::-1] * size - 0.5
        return xy, np.clip(found.keypoint_scores[best], 0.0, 1.0)

    def _run(self, picture: Bytes) -> _Found:
        """Return what is found in a grey picture (H, W)."""
        given = np.ascontiguousarray(np.broadcast_to(picture[None, :, :, None],
                                                     (1, *picture.shape, 3)))  # fmt: skip
        run = self._interpreter
        try:
            if self._shape != given.shape:
                run.resize_tensor_input(self._input, given.shape)
                run.allocate_tensors()
                self._shape = given.shape
            run.set_tensor(self._input, given)
            run.invoke()
        except (RuntimeError, ValueError) as error:
            raise FileError(
                f"{self.path} cannot be run on a picture of {picture.shape[1]} x "
                f"{picture.shape[0]} px: {str(error).strip().splitlines()[0][:200]}"
            ) from error
        return _checked(
            {name: run.get_tensor(index) for name, index in self._outputs.items()}, self.path
        )

    def _named_outputs(self) -> dict[str, int]:
        """Return the index of each output that is of use. Raises `FileError` where one is missing.

        TensorFlow names them with a number, "StatefulPartitionedCall:3"; the first may have none.
        """
        found = {}
        for detail in self._interpreter.get_output_details():
            number = str(detail["name"]).rpartition(":")[2]
            name = _OUTPUTS.get(int(number) if number.isdigit() else 0)
            if name is not None:
                found[name] = int(detail["index"])
        missing = sorted(set(_OUTPUTS.values()) - set(found))
        if missing:
            raise FileError(
                f"{self.path} is not the published network: it has no output {missing[0]} "
                f"(expected {len(_OUTPUTS)}, as pose_2d.tflite has them)"
            )
        return found


def opened_model(path: str | Path, *, threads: int = 0) -> KeypointModel | PublishedModel:
    """Return the keypoint network of a file: the published one (.tflite), or an ONNX network."""
    if Path(path).suffix.lower() == SUFFIX:
        return PublishedModel(path, threads=threads)
    return KeypointModel(path, threads=threads)


def _checked(given: dict[str, NDArray[Any]], path: Path) -> _Found:
    """Return the outputs of one picture. Raises `FileError` for other shapes than the published."""
    count, points = np.asarray(given["scores"]).shape[-1], len(PUBLISHED_NAMES)
    wanted = {"boxes": (1, count, 4), "scores": (1, count), "keypoints": (1, count, points, 2),
              "keypoint_scores": (1, count, points)}  # fmt: skip
    values = {}
    for name, shape in wanted.items():
        value = np.asarray(given[name], np.float64)
        if value.shape != shape or count == 0:
            raise FileError(
                f"{path} is not the published network: its {name} have the shape {value.shape}, "
                f"not {shape}"
            )
        values[name] = value[0]
    return _Found(**values)


def _opened(path: Path, threads: int) -> Any:
    """Return the interpreter of a file, ready to be told the size of its pictures."""
    if not path.is_file():
        raise FileError(f"{path}: there is no such file; expected the published network ({SUFFIX})")
    if path.stat().st_size > MOST_BYTES:
        raise FileError(f"{path}: larger than {MOST_BYTES:,} bytes, no network for mice")
    kind = _interpreter()
    try:
        return kind(model_path=str(path), num_threads=threads or None)
    except (RuntimeError, ValueError) as error:
        reason = str(error).strip().splitlines()[0][:200]
        raise FileError(f"{path}: no TensorFlow Lite network ({reason})") from error


def _interpreter() -> Any:
    """Return the class of an interpreter that is installed. Raises `InputError` for none."""
    for name in _INTERPRETERS:
        try:
            return import_module(name).Interpreter
        except ImportError:
            continue
    raise InputError(
        "TensorFlow Lite networks need an interpreter: pip install ai-edge-litert (or "
        "tflite-runtime, or tensorflow)"
    )
