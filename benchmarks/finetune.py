"""What 50 labelled frames of a set-up bring: its other frames, its other camera, all other sets.

    python benchmarks/finetune.py [--model FILE] [--samples DIR ...] [--minutes M] [--sets NAME ...]

`mousepose finetune train` from the network's weights, which lie beside it, with the first 50
labelled frames of a set and rendered samples. Figures `SET.finetuned_50`: errors in the set's later
frames, in per cent of the body's length, crops at the true place; `before_percent` is the median
error there before, `other_camera_percent` that of another camera of the same cage afterwards,
`loss_percent` by how much the worst of the other sets got worse, `minutes` how long it took.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path

import numpy as np
from common import Measured, arguments, folder, run, silent
from keypoints import SETS

from mousepose.detect.network import KeypointModel
from mousepose.detect.shipped import shipped_model
from mousepose.run.finetune import finetune, with_rendered
from mousepose.run.train_labelled import LabelledSet, read_recordings
from mousepose.run.train_scores import score
from mousepose.skeleton import KEYPOINT_NAMES
from mousepose.train.labelled import centred, view_names
from mousepose.train.loop import TrainOptions
from mousepose.train.samples import SampleFolder, Samples

#: Frames that are learned from, and sets of one recording with enough of them.
_LEARNT = 50
#: Rendered ones beside them, as `mousepose finetune train` makes them.
_RENDERED = 2000
_TUNED = ("openfield_topview", "homecage_top", "homecage_mid")
_OTHER_CAMERA = {"homecage_top": "homecage_mid", "homecage_mid": "homecage_top"}
#: Marks of the home cage that are called like a keypoint but sit elsewhere.
_ELSEWHERE = [KEYPOINT_NAMES.index(name) for name in ("LEFT_SHOULDER", "RIGHT_SHOULDER")]


def measure(options: argparse.Namespace) -> Measured:
    """Train on each set, and measure all sets before and after."""
    columns = ("set", "before %", "after %", "PCK10", "PCK20", "other camera %", "worst loss %",
               "minutes")  # fmt: skip
    measured = Measured(f"{_LEARNT} labelled frames and {options.minutes:g} minutes", columns)
    held = {name: _later(name, options.data) for name in SETS}
    before = _scores(options.model, held)
    for name in options.sets:
        text = SETS[name].format(data=options.data) + f",frames=0:{_LEARNT}"
        train = TrainOptions(
            minutes=options.minutes, batch=32, learning_rate=5e-4, threads=options.threads
        )
        started = time.perf_counter()
        labelled = [LabelledSet.parsed(text)]
        with (
            tempfile.TemporaryDirectory() as place,
            with_rendered(options.samples, labelled, _RENDERED, 0, silent) as folders,
        ):
            tuned = Path(place) / "tuned.onnx"
            finetune(options.model, labelled, folders, tuned, train)
            minutes = (time.perf_counter() - started) / 60
            after = _scores(tuned, held)
        figures = dict(after[name]) | {
            "before_percent": before[name]["median_percent"], "minutes": minutes,
            "loss_percent": max(
                after[other]["median_percent"] - before[other]["median_percent"]
                for other in SETS if other != name
            ),
        }  # fmt: skip
        if name in _OTHER_CAMERA:
            figures["other_camera_percent"] = after[_OTHER_CAMERA[name]]["median_percent"]
        measured.add_figures(f"{name}.finetuned_50", figures)
        measured.add_row(
            name, figures["before_percent"], figures["median_percent"], figures["pck10"],
            figures["pck20"], figures.get("other_camera_percent", float("nan")),
            figures["loss_percent"], minutes,
        )  # fmt: skip
    rendered = sum(len(SampleFolder(one)) for one in options.samples) or _RENDERED
    measured.ran_on = [*SETS, f"{rendered:,} rendered samples"]
    return measured


def _later(name: str, data: Path) -> Samples:
    """Return what is never learned from: of sets to train on, the later frames."""
    text = SETS[name]
    folder(data, text.partition("/")[2].partition("/")[0].partition(",")[0])
    frames = f",frames={_LEARNT}:100000" if name in _TUNED else ""
    recordings = read_recordings(LabelledSet.parsed(text.format(data=data) + frames))
    samples = Samples.joined([centred(one.samples()) for one in recordings])
    if not name.startswith("homecage"):
        return samples
    xy, state = samples.xy.copy(), samples.state.copy()
    xy[:, _ELSEWHERE], state[:, _ELSEWHERE] = np.nan, 0
    return Samples(samples.images, xy, state, samples.view, samples.length)


def _scores(model: Path, held: dict[str, Samples]) -> dict[str, dict[str, float]]:
    finder = KeypointModel(model, threads=1)
    figures = {}
    for name, samples in held.items():
        found = finder.predict(samples.images, view_names(samples))
        size = samples.images.shape[-1]
        inside = ((samples.xy >= -0.5) & (samples.xy < size - 0.5)).all(-1)
        truth = np.where(inside[..., None], samples.xy, np.nan).astype(np.float64)
        figures[name] = score(found.xy, truth, samples.length, found.confidence)
    return figures


def main() -> int:
    """Measure as the command line says."""
    parser = arguments(__doc__)
    parser.add_argument(
        "--model", type=Path, default=shipped_model(), help="the network, weights beside it"
    )
    parser.add_argument(
        "--samples", type=Path, nargs="*", default=[], metavar="DIR", help="else 2,000 are rendered"
    )
    parser.add_argument("--minutes", type=float, default=8.0, help="of training, each set")
    parser.add_argument("--threads", type=int, default=2)
    parser.add_argument("--sets", nargs="*", choices=_TUNED, default=_TUNED, metavar="SET")
    return run(parser, measure)


if __name__ == "__main__":
    sys.exit(main())
