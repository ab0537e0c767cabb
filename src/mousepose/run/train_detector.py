"""Training of the detector from start to end, measured on frames that were held out."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import asdict, dataclass
from pathlib import Path

import numpy as np
import torch

from mousepose.atomic import atomic_path
from mousepose.detect.blobs import overlap
from mousepose.detect.network_detector import NetworkDetector
from mousepose.detect.network_file import (
    METADATA_KEY,
    NetworkDescription,
    NetworkInput,
    NetworkOutput,
)
from mousepose.errors import InputError
from mousepose.run.train_sources import TrainingData
from mousepose.train.augment import Movement
from mousepose.train.data import Mixture, Source
from mousepose.train.export import DETECTOR_INPUTS, DETECTOR_OUTPUTS, export_network
from mousepose.train.loop import TrainOptions, train
from mousepose.train.model import STRIDE, DetectorNetwork
from mousepose.train.samples import FRAME_SIZE, Samples
from mousepose.types import Progress

#: Boxes stay boxes only where nothing is turned.
FRAME_MOVEMENT = Movement(turn=0.0, zoom=1.15, shift=0.05, any_way_up=False)
#: A box that shares so much of the union with a true one has found it.
_FOUND_OVERLAP = 0.5


@dataclass(frozen=True, eq=False)
class TrainedDetector:
    """What training made: the `model` file, its `history`, and `figures` on held-out frames."""

    model: Path
    history: list[dict[str, float]]
    figures: dict[str, dict[str, float]]
    trained_on: tuple[str, ...]


def train_detector(
    data: TrainingData,
    output: Path,
    options: TrainOptions,
    *,
    checkpoint: Path | None = None,
    about: Mapping[str, str] | None = None,
    progress: Progress | None = None,
) -> TrainedDetector:
    """Train a detector on folders of frames, write it to `output`, and return the whole.

    Beside the output goes `<stem>.training.json`. Raises as `train` does.
    """
    if not output.parent.is_dir():
        raise InputError(f"{output}: the folder {output.parent} does not exist; make it first")
    sources = [
        Source(one.name, one.samples, one.share, FRAME_MOVEMENT, one.light) for one in data.sources
    ]
    torch.manual_seed(options.seed)
    mixture = Mixture(sources, options.batch, FRAME_SIZE, options.seed)
    state = train(DetectorNetwork(), mixture, options, checkpoint=checkpoint, progress=progress)
    if not isinstance(state.mean, DetectorNetwork):
        raise InputError("expected a detector")
    told = {**(about or {}), "trained_on": "; ".join(data.trained_on), "steps": str(state.step)}
    centre, extent = DETECTOR_OUTPUTS
    description = NetworkDescription(
        "detector",
        input=NetworkInput(images=DETECTOR_INPUTS[0], size=FRAME_SIZE, integers=True),
        output=NetworkOutput(centre=centre, extent=extent, stride=float(STRIDE)),
        about=told,
    )
    export_network(state.mean, FRAME_SIZE, output, {METADATA_KEY: description.as_json()})
    figures = {name: measure_detector(output, held) for name, held in data.held.items()}
    done = TrainedDetector(output, state.history, figures, data.trained_on)
    log = {"model": output.name, "options": asdict(options), "trained_on": data.trained_on,
           "figures": figures, "history": state.history}  # fmt: skip
    with atomic_path(output.with_suffix(".training.json")) as temporary:
        temporary.write_text(json.dumps(log, indent=1) + "\n", encoding="utf-8")
    return done


def measure_detector(model: Path, frames: Samples) -> dict[str, float]:
    """Return how well a detector finds the mice of frames with boxes.

    "found_percent" of the true boxes, "false_percent" of the boxes given, "overlap" the median
    share of the union of those found.
    """
    if frames.box is None:
        raise InputError("a detector is measured on whole frames with boxes")
    finder = NetworkDetector(model, threads=1)
    overlaps: list[float] = []
    true = given = 0
    for found, boxes in zip(finder.detect(frames.images), frames.box, strict=True):
        known = boxes[np.isfinite(boxes).all(-1)].astype(np.float64)
        best = overlap(known, found.boxes).max(axis=1, initial=0.0)
        overlaps += best[best >= _FOUND_OVERLAP].tolist()
        true, given = true + len(known), given + len(found)
    hits = len(overlaps)
    return {
        "points": float(true),
        "found_percent": 100 * hits / max(true, 1),
        "false_percent": 100 * max(given - hits, 0) / max(given, 1),
        "overlap": float(np.median(overlaps)) if overlaps else 0.0,
    }
