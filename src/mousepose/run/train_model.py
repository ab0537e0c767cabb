"""Training from start to end: learn, write the network, calibrate it on what was held out."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from pathlib import Path
from typing import Any

import numpy as np
import torch

from mousepose.atomic import atomic_path
from mousepose.detect.heatmaps import Decoded, decode
from mousepose.detect.network import KeypointModel
from mousepose.detect.network_file import (
    METADATA_KEY,
    Calibration,
    NetworkDescription,
    NetworkInput,
    NetworkOutput,
)
from mousepose.detect.upright import looked_upright
from mousepose.errors import InputError
from mousepose.run.train_scores import WRONG_PERCENT, errors_percent, score
from mousepose.run.train_sources import TrainingData
from mousepose.skeleton import KEYPOINT_NAMES
from mousepose.train.calibrate import LEAST_POINTS, calibrate
from mousepose.train.data import Mixture
from mousepose.train.export import KEYPOINT_INPUTS, KEYPOINT_OUTPUTS, export_network, set_metadata
from mousepose.train.labelled import view_names
from mousepose.train.loop import Measure, Network, TrainOptions, TrainState, train
from mousepose.train.model import STRIDE, KeypointNetwork, NetworkSize
from mousepose.train.model_file import weights_beside, write_weights
from mousepose.train.model_loss import BLOB_CELLS
from mousepose.train.samples import CROP_SIZE, VIEWS, Samples
from mousepose.types import Bytes, Floats, Ints, Progress

#: Real pictures count so much in the calibration against rendered ones, where there are both.
_REAL_WEIGHT = 0.8
_BATCH = 50
_SHOWN = ("median_percent", "pck10", "pck20", "swaps_percent", "flips_percent")


@dataclass(frozen=True, eq=False)
class Trained:
    """What training made: the `model` file, its `history`, and `figures` on what was held out."""

    model: Path
    history: list[dict[str, float]]
    figures: dict[str, dict[str, float]]
    calibration: Calibration
    trained_on: tuple[str, ...]
    about: Mapping[str, str] = field(default_factory=dict)


def train_keypoints(
    data: TrainingData,
    output: Path,
    options: TrainOptions,
    *,
    size: NetworkSize | None = None,
    checkpoint: Path | None = None,
    about: Mapping[str, str] | None = None,
    progress: Progress | None = None,
    start: KeypointNetwork | None = None,
) -> Trained:
    """Train a keypoint network on `data`, write it to `output`, calibrated, and return the whole.

    Beside the output go `<stem>.training.json` with all that was noted and `<stem>.weights.npz`
    from which `finetune` goes on. `start` is a network to
    go on with. A `checkpoint` that exists is gone on from. Raises as `train` does.
    """
    if not output.parent.is_dir():
        raise InputError(f"{output}: the folder {output.parent} does not exist; make it first")
    mixture = Mixture(data.sources, options.batch, CROP_SIZE, options.seed)
    torch.manual_seed(options.seed)
    network = start if start is not None else KeypointNetwork(size)
    state = train(
        network, mixture, options, measure=measure_of(data.held), checkpoint=checkpoint,
        progress=progress,
    )  # fmt: skip
    return finish(state, data, output, options, about or {})


def finish(
    state: TrainState,
    data: TrainingData,
    output: Path,
    options: TrainOptions,
    about: Mapping[str, str],
) -> Trained:
    """Write the mean weights of a state as a calibrated network; see `train_keypoints`."""
    told = {**about, "trained_on": "; ".join(data.trained_on), "steps": str(state.step),
            "pictures": str(state.step * options.batch), "seed": str(options.seed)}  # fmt: skip
    description = keypoint_description(told)
    if not isinstance(state.mean, KeypointNetwork):
        raise InputError("expected a keypoint network")
    export_network(state.mean, CROP_SIZE, output, {METADATA_KEY: description.as_json()})
    write_weights(weights_beside(output), state.mean)
    calibration, figures = calibrate_file(output, data.held, data.real)
    done = Trained(output, state.history, figures, calibration, data.trained_on, told)
    _write_log(done, options)
    return done


def keypoint_description(about: Mapping[str, str]) -> NetworkDescription:
    """Return the description of a network that `export_network` writes, before calibration."""
    images, view = KEYPOINT_INPUTS
    maps, seen, views = KEYPOINT_OUTPUTS
    return NetworkDescription(
        "keypoints",
        KEYPOINT_NAMES,
        NetworkInput(images=images, view=view, size=CROP_SIZE, integers=True, upright=True),
        NetworkOutput(heatmaps=maps, visibility=seen, view=views, stride=float(STRIDE)),
        Calibration(blob=BLOB_CELLS),
        about=dict(about),
    )


def calibrate_file(
    model: Path, held: Mapping[str, Samples], real: Sequence[str]
) -> tuple[Calibration, dict[str, dict[str, float]]]:
    """Calibrate a network file on held-out samples; return the calibration and the figures.

    Samples of `real` count most. With too few points the file stays as it is.
    """
    finder = KeypointModel(model, threads=1)
    rows, figures = [], {}
    for name, samples in held.items():
        found = finder.predict(samples.images, view_names(samples))
        errors = errors_percent(found.xy, samples.xy.astype(np.float64), samples.length)
        figures[name] = score(found.xy, samples.xy.astype(np.float64), samples.length,
                              found.confidence)  # fmt: skip
        use = np.isfinite(errors) & _inside(samples)
        share = _REAL_WEIGHT if name in real else 1 - _REAL_WEIGHT
        peers = len(real) if name in real else len(held) - len(real)
        weight = np.full(int(use.sum()), share / peers / max(int(use.sum()), 1))
        off = (found.xy - samples.xy)[use]
        rows.append((found.confidence[use], errors[use] <= WRONG_PERCENT, off,
                     found.covariance[use], weight))  # fmt: skip
    description = finder.description
    if sum(len(row[0]) for row in rows) < LEAST_POINTS:
        return description.calibration, figures
    result = calibrate(*(np.concatenate(column) for column in zip(*rows, strict=True)))
    calibration = replace(
        description.calibration, scores=result.scores, confidences=result.confidences,
        covariance_scale=result.covariance_scale, measured_on=", ".join(held),
    )  # fmt: skip
    calibrated = replace(description, calibration=calibration)
    set_metadata(model, {METADATA_KEY: calibrated.as_json()})
    return calibration, figures


def measure_of(held: Mapping[str, Samples]) -> Measure:
    """Return what takes figures of a network on held-out samples, their views declared."""

    def measure(network: Network) -> dict[str, float]:
        figures: dict[str, float] = {}
        for name, samples in held.items():
            xy = _found(network, samples)
            got = score(xy, samples.xy.astype(np.float64), samples.length)
            figures |= {f"{name}.{key}": got[key] for key in _SHOWN if key in got}
        return figures

    return measure


def _found(network: Network, samples: Samples) -> Floats:
    network.eval()
    device = next(network.parameters()).device
    views = np.eye(len(VIEWS), dtype=np.float32)[samples.view][:, 1:]
    free = np.isin(samples.view, [VIEWS.index("top"), VIEWS.index("bottom")])

    def look(crops: Bytes, rows: Ints) -> Decoded:
        maps = []
        for first in range(0, len(rows), _BATCH):
            images = torch.from_numpy(np.ascontiguousarray(crops[first : first + _BATCH]))
            view = torch.from_numpy(views[rows[first : first + _BATCH]])
            with torch.no_grad():
                seen = network(images[:, None].float().to(device), view.to(device))[0]
            maps.append(seen.float().cpu().numpy())
        return decode(np.concatenate(maps), float(STRIDE))

    still = np.zeros(len(samples))
    return looked_upright(look, samples.images, KEYPOINT_NAMES, lambda: free, still).xy


def _inside(samples: Samples) -> Any:
    size = samples.images.shape[-1]
    return ((samples.xy >= -0.5) & (samples.xy < size - 0.5)).all(-1)


def _write_log(done: Trained, options: TrainOptions) -> None:
    log = {
        "model": done.model.name,
        "options": asdict(options),
        "trained_on": list(done.trained_on),
        "figures": done.figures,
        "calibration": asdict(done.calibration),
        "history": done.history,
    }
    path = done.model.with_suffix(".training.json")
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(log, indent=1) + "\n", encoding="utf-8")
