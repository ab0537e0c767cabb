"""A keypoint network on real recordings that it never learnt from: error, swaps, confidence.

    python benchmarks/keypoints.py --model FILE [--detector [FILE]] [--pictures DIR] [--average]

Crops are cut about the labelled mouse, so that no detector's error is in `SET.zero_shot`. With
`--detector` they are also cut about what a detector finds in the whole pictures (`SET.detector`):
the background detector, or a network's file. Errors are in
per cent of the body's length: the median distance from nose to tail root of the recording. The view
is declared. `openfield_boxes`: the recordings that training always holds out. `mirror_*`: all
frames, or the last third where the network learnt from the first ones. `homecage_*` and
`openfield_topview` are never learnt from. Points outside of the crop (tails) are not counted, nor
are the shoulders of `homecage_*`, which mark the body's outline and not the joint; the table of
single keypoints on stderr has them. `--int8` also measures the network in whole numbers of 8 bits.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import numpy as np
from common import Measured, arguments, folder, run

from mousepose.detect.background_detector import BackgroundDetector
from mousepose.detect.crops import Crops
from mousepose.detect.network import KeypointModel
from mousepose.detect.network_detector import NetworkDetector
from mousepose.detect.types import Detector
from mousepose.report.training import draw_crops, draw_reliability
from mousepose.run.train_labelled import LabelledSet, Recording, read_recordings
from mousepose.run.train_scores import WRONG_PERCENT, errors_percent, score
from mousepose.skeleton import KEYPOINT_NAMES
from mousepose.train.labelled import HELD_OUT_SHARE, centred, split_recordings, view_names
from mousepose.train.samples import Samples
from mousepose.types import Floats

#: Each set with its folder and how it is read; {data} is the folder of recordings.
SETS = {
    "openfield_boxes": "{data}/openfield_boxes,view=top,keypoints=anatomy",
    "openfield_topview": "{data}/openfield_topview/labeled_m4s1/CollectedData_Pranav.csv,view=top",
    "homecage_top": "{data}/homecage_4cam/minimal_top_proofread.analysis.h5,view=top,"
    "keypoints=homecage15,pictures={data}/homecage_4cam/minimal_top.mp4",
    "homecage_mid": "{data}/homecage_4cam/minimal_mid_proofread.analysis.h5,view=side,"
    "keypoints=homecage15,pictures={data}/homecage_4cam/minimal_mid.mp4",
    "mirror_bottom": "{data}/mirror_treadmill/CollectedData.csv,view=bottom,"
    "keypoints=mirror7_under,region=0:170:396:406,mirrored=yes",
    "mirror_side": "{data}/mirror_treadmill/CollectedData.csv,view=side,"
    "keypoints=mirror7_side,region=0:0:396:168",
}
#: Frames of the mirror set that training may learn from, in their order.
MIRROR_LEARNT = 60
_SHOWN = ("median_percent", "pck5", "pck10", "pck20", "swaps_percent", "flips_percent", "auroc")
_PICTURES = 24
#: The quickest of so many runs is the speed.
_REPEATS = 4
#: Marks that are called like a keypoint but sit elsewhere, by the beginning of the set's name.
_ELSEWHERE = {"homecage": ("LEFT_SHOULDER", "RIGHT_SHOULDER")}


def measure(options: argparse.Namespace) -> Measured:
    """Run the network on every set."""
    columns = ("set", "points", "median %", "PCK5", "PCK10", "PCK20", "swaps %", "flips %", "AUROC",
               "undeclared %", "view %")  # fmt: skip
    measured = Measured(f"Keypoints of {options.model.name}, crops at the true place", columns)
    model = KeypointModel(options.model, threads=1)
    learnt = model.description.about.get("trained_on", "")
    curves = {}
    for name, text in SETS.items():
        samples, recordings = _samples(name, text, options.data, learnt)
        started = time.perf_counter()
        found = model.predict(samples.images, view_names(samples), average=options.average)
        seconds = time.perf_counter() - started
        truth = _truth(samples)
        counted = _counted(name, truth)
        figures = score(found.xy, counted, samples.length, found.confidence)
        blind = model.predict(samples.images, average=options.average)
        undeclared = score(blind.xy, counted, samples.length)["median_percent"]
        told = 100 * float((blind.view.argmax(1) + 1 == samples.view).mean())
        figures |= {"undeclared_median_percent": undeclared, "view_percent": told}
        if name == "openfield_boxes":
            figures["head_median_percent"] = _head_error(found.xy, samples, recordings)
        measured.add_figures(f"{name}.zero_shot", figures)
        cells = [figures.get(key, float("nan")) for key in _SHOWN]
        measured.add_row(name, int(figures["points"]), *cells, undeclared, told)
        _add_keypoints(measured, name, errors_percent(found.xy, truth, samples.length))
        errors = errors_percent(found.xy, counted, samples.length)
        known = np.isfinite(errors)
        curves[name] = (found.confidence[known], errors[known] <= WRONG_PERCENT)
        print(f"{name}: {len(samples) / seconds:.0f} crops/s", file=sys.stderr)
        if options.detector is not None and not name.startswith("mirror"):
            _add_detected(measured, name, model, recordings, options)
        if options.pictures is not None:
            chosen = np.unique(np.linspace(0, len(samples) - 1, _PICTURES).astype(int))
            draw_crops(samples.images[chosen], found.xy[chosen], found.confidence[chosen],
                       model.names, options.pictures / f"{name}.png", truth[chosen])  # fmt: skip
    if options.int8:
        _add_int8(measured, options)
    if options.pictures is not None:
        draw_reliability(curves, options.pictures / "reliability.png")
    measured.ran_on = list(SETS)
    return measured


def _add_detected(
    measured: Measured,
    name: str,
    model: KeypointModel,
    recordings: list[Recording],
    options: argparse.Namespace,
) -> None:
    """Add the figures of crops about detected mice; a mouse that is not found is lost."""
    tails = [KEYPOINT_NAMES.index(tail) for tail in ("MID_TAIL", "TIP_TAIL")]
    rows: list[tuple[Any, ...]] = []
    for one in recordings:
        stack = np.stack(one.pictures)
        detector: Detector = BackgroundDetector()
        if options.detector.suffix == ".onnx":
            detector = NetworkDetector(options.detector, mice=1, threads=1)
        nothing = np.full(4, np.nan)
        boxes = np.array([e.boxes[0] if len(e) else nothing for e in detector.detect(stack)])
        there = np.isfinite(boxes).all(1)
        seen = np.flatnonzero(there)
        xy, sure = np.full(one.xy.shape, np.nan), np.zeros(one.xy.shape[:2])
        if seen.size:
            crops = Crops.around(boxes[seen], model.size)
            got = model.predict(crops.cut(stack, seen), one.view, average=options.average)
            xy[seen], sure[seen] = crops.to_frame(got.xy), got.confidence
        labels = _counted(name, one.xy)
        labels[:, tails] = np.nan
        rows.append((xy, labels, np.full(len(xy), one.length), sure, there))
    *parts, found = (np.concatenate(column) for column in zip(*rows, strict=True))
    figures = score(*parts) | {"found_percent": 100 * float(found.mean())}
    if not np.isfinite(figures["median_percent"]):  # of most mice nothing was found
        del figures["median_percent"]
    measured.add_figures(f"{name}.detector", figures)
    cells = [figures.get(key, float("nan")) for key in _SHOWN]
    measured.add_row(f"{name}, detected", int(figures["points"]), *cells, "-", "-")


def _samples(name: str, text: str, data: Path, learnt: str) -> tuple[Samples, list[Recording]]:
    folder(data, text.partition("/")[2].partition("/")[0].partition(",")[0])
    if name.startswith("mirror") and "mirror_treadmill" in learnt:
        text += f",frames={MIRROR_LEARNT}:1000"
    recordings = read_recordings(LabelledSet.parsed(text.format(data=data)))
    if name == "openfield_boxes":
        _, held = split_recordings([one.name for one in recordings], HELD_OUT_SHARE)
        recordings = [recordings[place] for place in held]
    return Samples.joined([centred(one.samples()) for one in recordings]), recordings


def _truth(samples: Samples) -> Floats:
    """Return the labels inside of the crops, NaN elsewhere."""
    size = samples.images.shape[-1]
    inside = ((samples.xy >= -0.5) & (samples.xy < size - 0.5)).all(-1)
    return np.where(inside[..., None], samples.xy, np.nan).astype(np.float64)


def _add_int8(measured: Measured, options: argparse.Namespace) -> None:
    """Add how much faster a quantised network is, how far its points move and what that costs."""
    from mousepose.train.export_int8 import export_int8

    text = SETS["openfield_topview"]
    samples, _ = _samples("openfield_topview", text, options.data, "")
    with tempfile.TemporaryDirectory() as name:
        small = Path(name) / "int8.onnx"
        export_int8(options.model, small, samples.images[::2])
        models = [KeypointModel(path, threads=1) for path in (options.model, small)]
    found, seconds = [], []
    for model in models:
        times = []
        for _ in range(_REPEATS):
            started = time.process_time()
            got = model.predict(samples.images, view_names(samples))
            times.append(time.process_time() - started)
        found.append(got.xy)
        seconds.append(min(times))
    moved = np.linalg.norm(found[1] - found[0], axis=-1) / samples.length[:, None] * 100
    errors = [score(xy, _truth(samples), samples.length)["median_percent"] for xy in found]
    figures = {"speed_ratio": seconds[0] / seconds[1], "moved_percent": float(np.median(moved)),
               "loses_percent": errors[1] - errors[0]}  # fmt: skip
    measured.add_figures("int8", figures)
    for key, value in figures.items():
        measured.add_row(f"int8 {key}", *["-"] * 9, value)


def _counted(name: str, truth: Floats) -> Floats:
    """Return the labels without those that mark another place."""
    kept = truth.copy()
    for keypoint in _ELSEWHERE.get(name.partition("_")[0], ()):
        kept[:, KEYPOINT_NAMES.index(keypoint)] = np.nan
    return kept


def _head_error(found: Floats, samples: Samples, recordings: list[Recording]) -> float:
    """Return the median error (%) of the middle between the ears against the label HEAD."""
    ears = [KEYPOINT_NAMES.index(name) for name in ("LEFT_EAR", "RIGHT_EAR")]
    nose = KEYPOINT_NAMES.index("NOSE")
    offsets = np.concatenate([one.other["HEAD"] - one.xy[:, nose] for one in recordings])
    lengths = np.concatenate([np.full(len(one.xy), one.length) for one in recordings])
    zoom = samples.length / lengths
    head = samples.xy[:, nose] + offsets * zoom[:, None]
    off = np.linalg.norm(found[:, ears].mean(1) - head, axis=-1) / samples.length * 100
    return float(np.nanmedian(off))


def _add_keypoints(measured: Measured, name: str, errors: Floats) -> None:
    """Add the median error of every labelled keypoint as figures, and print them."""
    parts = []
    for place, keypoint in enumerate(KEYPOINT_NAMES):
        values: Any = errors[:, place][~np.isnan(errors[:, place])]
        if values.size:
            median = float(np.median(values))
            measured.add_figures(f"{name}.keypoints", {keypoint: median})
            within = 100 * float((values <= WRONG_PERCENT).mean())
            parts.append(f"{keypoint} {median:.1f} ({within:.0f})")
    print(f"{name}: median % (within 10 %): {', '.join(parts)}", file=sys.stderr)


def main() -> int:
    """Measure as the command line says."""
    parser = arguments(__doc__)
    parser.add_argument("--model", type=Path, required=True, help="the network (.onnx)")
    parser.add_argument(
        "--detector", type=Path, nargs="?", const=Path("background"), metavar="FILE",
        help="also find the mice: with a network, or against the background",
    )  # fmt: skip
    parser.add_argument("--pictures", type=Path, help="folder for pictures of what was found")
    parser.add_argument("--average", action="store_true", help="average mirrored and turned crops")
    parser.add_argument("--int8", action="store_true", help="also measure it in 8 bits")
    return run(parser, measure)


if __name__ == "__main__":
    sys.exit(main())
