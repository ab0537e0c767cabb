"""Small record files and multi-view folders in the data set's layout."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import numpy as np
import pytest

from mousepose.dataset.example import serialise_example
from mousepose.dataset.pictures import encode_jpeg
from mousepose.dataset.tfrecord_write import write_records
from mousepose.skeleton import KEYPOINT_NAMES

WIDTH, HEIGHT = 64, 48
KINDS = ("walking", "eating", "wheel running")


def record(number: int, **changes: Any) -> dict[str, Any]:
    """The features of one frame; TIP_TAIL is not labelled. A change to None leaves one out."""
    random = np.random.default_rng(number)
    clip, frame = divmod(number, 12)
    points = random.uniform(0.1, 0.9, (len(KEYPOINT_NAMES), 2))
    features: dict[str, Any] = {
        f"{name}/region/point/{axis}": np.array([points[k, a]], np.float32)
        for k, name in enumerate(KEYPOINT_NAMES)
        if name != "TIP_TAIL"
        for a, axis in enumerate("xy")
    }
    features |= {
        "image/encoded": [encode_jpeg(picture(number))],
        "image/width": np.array([WIDTH]),
        "clip/id": [f"clip_{clip:03d}"],
        "clip/frame_number": np.array([frame]),
        "clip/behavior/label": [KINDS[clip % 3]],
        **{
            f"image/bbox/{edge}": np.array([value], np.float32)
            for edge, value in zip(
                ("xmin", "ymin", "xmax", "ymax"), (0.1, 0.2, 0.5, 1.0), strict=True
            )
        },
    }
    features |= {name.replace("__", "/"): value for name, value in changes.items()}
    return {name: value for name, value in features.items() if value is not None}


def picture(number: int) -> Any:
    """A picture of one colour, which a JPEG keeps."""
    colour = np.array([number * 5 % 256, 128, 255 - number * 5 % 256], np.uint8)
    return np.broadcast_to(colour, (HEIGHT, WIDTH, 3)).copy()


@pytest.fixture
def make_records(tmp_path: Path) -> Callable[..., Path]:
    """Write frames, all with the same changes, and give the file."""

    def make(count: int = 36, folder: Path = tmp_path, **changes: Any) -> Path:
        payloads = (serialise_example(record(n, **changes)) for n in range(count))
        return write_records(folder / "video_frames.tfrecord", payloads)[0]

    return make


@pytest.fixture
def make_multiview(tmp_path: Path) -> Callable[..., Path]:
    """Write a multi-view folder with pictures called by `name` (moment, view); give the folder."""

    def make(name: str = "m{moment:03d}_{view}.jpg", folder: str = "multiview") -> Path:
        target = tmp_path / folder
        lines = ["FRAME,NOSE_X,NOSE_Y,TAIL_ROOT_X,TAIL_ROOT_Y"]
        for moment in range(5):
            for k, view in enumerate(("side1", "side2", "top")):
                path = name.format(moment=moment, view=view, k=k)
                points = f"{moment}.5,{k}," + ("," if view == "top" else f"{10 * moment},{k}.25")
                lines.append(f"{path},{points}")
                (target / path).parent.mkdir(parents=True, exist_ok=True)
                (target / path).write_bytes(encode_jpeg(picture(moment + 10 * k)))
        (target / "keypoints.csv").write_text("\n".join(lines) + "\n", encoding="utf-8")
        return target

    return make


def shared_twin(factory: pytest.TempPathFactory) -> Path:
    """A twin of a clip of each behaviour, four moments and no scan, in small pictures."""
    from mousepose.run.dataset_twin import TwinOptions, make_twin

    folder = factory.getbasetemp() / "small_twin"  # made once for all tests
    if folder.exists():
        return folder
    return make_twin(folder, TwinOptions(clips=7, moments=4, scans=0, image_scale=0.25, seed=7))
