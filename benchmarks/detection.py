"""Where mice are in real videos, by the background or by the keypoint network: boxes, misses.

`homecage_4cam` (two views, 120 frames): truth boxes from the proof-read points without the tail,
with a margin of 5 % of the body's length for fur. Its mouse hardly moves, so that a background
learned from the clip has it in it: `still` is the clip alone, `moved` the same mouse painted out
of two thirds of the frames that the background is learned from, as in a longer video.
`openfield_topview` and `mirror_treadmill` have no labels on their videos: what is measured there is
in how many frames there is a mouse, how many boxes too many, and how much a box jumps. Speeds are
on 864 x 648 pixels, by the clock and as milliseconds of processor time of a frame.

`keypoints` is the search with the keypoint network alone (`mousepose track --method keypoints`):
`*.still` in single labelled pictures, each by itself, `*.followed` through the clips in which the
mouse hardly moves. Found is a mouse where the middle of its box is within half a box's longer side
of the true one. `--network-only` measures these alone.
"""

from __future__ import annotations

import argparse
import resource
import sys
import tempfile
import time
from collections.abc import Callable
from functools import partial
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from common import Measured, arguments, folder, run
from keypoints import SETS

from mousepose.detect.background import Background, learn_background
from mousepose.detect.background_detector import BackgroundDetector
from mousepose.detect.blobs import overlap
from mousepose.detect.keypoint_detector import KeypointDetector
from mousepose.detect.network import KeypointModel
from mousepose.detect.search import search
from mousepose.detect.shipped import shipped_model
from mousepose.detect.track import TrackedFrame, Tracker
from mousepose.detect.track_filter import as_centre
from mousepose.run.train_labelled import LabelledSet, read_recordings
from mousepose.train.labelled import body_boxes
from mousepose.types import Floats, State
from mousepose.video import Video, open_video, video_writer

_BODY = ("Nose", "Ear_R", "Ear_L", "TTI", "Head", "Trunk", "Shoulder_left", "Shoulder_right",
         "Haunch_left", "Haunch_right", "Neck")  # fmt: skip
_FUR = 0.05
_SIZE = (864, 648)
_TIMED = 240
#: Sets whose labelled pictures are searched, and frames of a clip that the detector learns from.
STILLS = ("openfield_boxes", "openfield_topview", "homecage_top", "homecage_mid", "mirror_bottom")
_SHOWN_FIRST = 8


def measure(options: argparse.Namespace) -> Measured:
    """Find the mice of each video; time each step."""
    measured = Measured(
        "Mice found in whole frames",
        ("video", "frames", "overlap", "centre error %", "missed %", "too many %", "jump %"),
    )
    _add_searched(measured, options)
    if options.network_only:
        return measured
    cage = folder(options.data, "homecage_4cam")
    for view in ("top", "mid"):
        path = cage / f"minimal_{view}.mp4"
        truth, length = _truth(cage / f"minimal_{view}_proofread.analysis.h5")
        for name, moved in (("still", False), ("moved", True)):
            with open_video(path) as video:
                frames = _follow(video, _background(video, truth if moved else None))
            _add(measured, f"homecage_{view}.{name}", frames, truth, length)
    for name, path in (
        ("openfield_topview", "openfield_topview/m3v1mp4.mp4"),
        ("mirror_treadmill", "mirror_treadmill/videos/test_vid.mp4"),
    ):
        folder(options.data, path.split("/", maxsplit=1)[0])
        with open_video(options.data / path) as video:
            _add(measured, name, _follow(video, _background(video, None)))
    _speed(measured, options.data / "openfield_topview/m3v1mp4.mp4", options.hours)
    measured.ran_on += ["homecage_4cam", "openfield_topview", "mirror_treadmill"]
    return measured


def _add_searched(measured: Measured, options: argparse.Namespace) -> None:
    """Measure the search with the keypoint network, in pictures and through clips."""
    model = KeypointModel(options.model, threads=1)
    for name in STILLS:
        text = SETS[name]
        folder(options.data, text.partition("/")[2].partition("/")[0].partition(",")[0])
        recordings = read_recordings(LabelledSet.parsed(text.format(data=options.data)))
        hits, overlaps, seconds = [], [], 0.0
        few = max(1, options.stills // len(recordings))
        for one in recordings:
            boxes = body_boxes(one.xy, one.length)
            numbers = np.linspace(0, len(boxes) - 1, min(few, len(boxes))).round().astype(int)
            for number in numbers[np.isfinite(boxes[numbers]).all(1)]:
                started = time.process_time()
                found = search(model, one.pictures[number])
                seconds += time.process_time() - started
                true = boxes[number]
                reach = 0.5 * (true[2:] - true[:2]).max()
                off = np.abs(as_centre(found.boxes)[0, :2] - as_centre(true[None])[0, :2]).max()
                hits.append(off < reach)
                overlaps.append(overlap(found.boxes[:1], true[None])[0, 0])
        found_percent, shared = 100 * float(np.mean(hits)), float(np.median(overlaps))
        measured.add_figures(
            f"keypoints.{name}.still",
            {"frames": len(hits), "found_percent": found_percent, "overlap": shared,
             "seconds": seconds / len(hits)},
        )  # fmt: skip
        nothing = float("nan")
        measured.add_row(f"{name}, one picture, keypoints", len(hits), shared, nothing,
                         100 - found_percent, nothing, nothing)  # fmt: skip
    for view in ("top", "mid"):
        _add_followed(measured, model, options.data / "homecage_4cam", view)
    measured.ran_on += list(STILLS)


def _add_followed(measured: Measured, model: KeypointModel, cage: Path, view: str) -> None:
    """Measure the keypoint detector through a clip in which the mouse hardly moves."""
    truth, length = _truth(cage / f"minimal_{view}_proofread.analysis.h5")
    detector = KeypointDetector(model)
    with open_video(cage / f"minimal_{view}.mp4") as video:
        numbers = np.linspace(0, len(video) - 1, _SHOWN_FIRST).round().astype(int)
        detector.learn(np.stack([frame.image for frame in video.at(numbers.tolist())]))
        tracker = Tracker(1, video.fps)
        started, told = time.process_time(), []
        for batch in video.batches(32):
            told += [tracker.push(found) for found in detector.detect(batch.images)]
        frames = [frame for frame in told if frame is not None] + tracker.finish()
        seconds = time.process_time() - started
    _add(measured, f"keypoints.homecage_{view}.followed", frames, truth, length)
    measured.add_figures(
        f"keypoints.homecage_{view}.followed", {"per_second": len(frames) / seconds}
    )


def _truth(path: Path) -> tuple[Floats, Floats]:
    """Return true body boxes (T, 4) and the body's length (T,), nose to tail base, px."""
    with h5py.File(path) as file:
        names = [name.decode() for name in file["node_names"][:]]
        points = np.moveaxis(file["tracks"][0], -1, 0).transpose(0, 2, 1)
    nose, tail = (points[:, names.index(name)] for name in ("Nose", "TTI"))
    length = np.full(len(points), np.nanmedian(np.hypot(*(nose - tail).T)))
    body = points[:, [names.index(name) for name in _BODY]]
    fur = _FUR * length[:, None]
    low, high = np.nanmin(body, axis=1) - fur, np.nanmax(body, axis=1) + fur
    return np.concatenate([low, high], axis=1), length


def _background(video: Video, truth: Floats | None) -> Background:
    """Learn the background; with `truth` the mouse is painted over in two thirds of the frames."""
    numbers = np.unique(np.linspace(0, len(video) - 1, 60).round().astype(int))
    images = np.stack([frame.image for frame in video.at(numbers.tolist())])
    if truth is not None:
        for place, number in enumerate(numbers):
            if place % 3:
                _paint_out(images[place], truth[number])
    return learn_background(images)


def _paint_out(image: Any, box: Floats) -> None:
    """Paint what lies beside the mouse over it."""
    left, top, right, bottom = (round(edge) for edge in box + [-4, -4, 4, 4])
    aside = right - left if 2 * right - left <= image.shape[1] else left - right
    image[top:bottom, left:right] = image[top:bottom, left + aside : right + aside]


def _follow(video: Video, background: Background) -> list[TrackedFrame]:
    detector, tracker = BackgroundDetector(background), Tracker(1, video.fps)
    told = [
        tracker.push(found)
        for batch in video.batches(32)
        for found in detector.detect(batch.images)
    ]
    return [frame for frame in told if frame is not None] + tracker.finish()


def _add(
    measured: Measured,
    name: str,
    frames: list[TrackedFrame],
    truth: Floats | None = None,
    length: Floats | None = None,
) -> None:
    boxes = np.stack([frame.boxes[0] for frame in frames])
    seen = np.array([frame.states[0] == State.SEEN for frame in frames])
    centres = as_centre(boxes)
    size = np.hypot(centres[:, 2], centres[:, 3])
    step = np.diff(centres[:, :2], n=2, axis=0)
    jump = np.hypot(*step.T)
    figures = {
        "frames": len(frames),
        "missed_percent": 100 * (1 - seen.mean()),
        "too_many_percent": 100 * np.mean([frame.extra > 0 for frame in frames]),
    }
    if seen.sum() > 3:
        figures["jump_percent"] = 100 * np.nanmedian(jump) / np.nanmedian(size)
    if truth is not None and length is not None and seen.any():
        shared = overlap(boxes[seen], truth[seen]).diagonal()
        error = np.hypot(*(centres[seen, :2] - as_centre(truth[seen])[:, :2]).T) / length[seen]
        wrong = shared < 0.3
        figures["missed_percent"] = 100 * (1 - (~wrong).sum() / len(seen))
        figures |= {"overlap": np.median(shared), "centre_error_percent": 100 * np.median(error)}
    order = ("overlap", "centre_error_percent", "missed_percent", "too_many_percent",
             "jump_percent")  # fmt: skip
    measured.add_row(name, len(frames), *(figures.get(key, float("nan")) for key in order))
    measured.add_figures(name, figures)


def _speed(measured: Measured, source: Path, hours: float) -> None:
    """Time decoding, finding and both, and watch the memory over a video that is gone round."""
    with tempfile.TemporaryDirectory() as place:
        path = Path(place) / "speed.mp4"
        _write_speed_video(source, path)
        with open_video(path) as video:
            decode = _timed(lambda: [frame.image for frame in video.frames()])
            images = np.stack([frame.image for frame in video.frames()])
            detector = BackgroundDetector(learn_background(images[::6]))
            detector.detect(images[:2])
            detect = _timed(partial(detector.detect, images))
            del images
            rounds = max(2, round(hours * 3600 * 24 / _TIMED))
            tracker = Tracker(1, video.fps)

            def go_round() -> None:
                for batch in video.batches(32):
                    for found in detector.detect(batch.images):
                        tracker.push(found)

            both = _timed(go_round)
            before = _peak()
            for _ in range(rounds - 1):
                go_round()
    for name, figures in (("decode", decode), ("detect", detect), ("decode_and_detect", both)):
        speed, processor = figures["per_second"], figures["processor_ms"]
        measured.add_row(f"{name}: frames/s, ms", f"{speed:,.0f}", f"{processor:.2f}", *[""] * 4)
        measured.add_figures(name, figures)
    memory = {"frames": rounds * _TIMED, "first_round_mb": before, "peak_mb": _peak()}
    measured.add_row("memory MB", rounds * _TIMED, f"{before:,.0f}", f"{_peak():,.0f}", "", "", "")
    measured.add_figures("memory", memory)


def _write_speed_video(source: Path, target: Path) -> None:
    """Write frames of a video at 864 x 648 px and 24 frames/s."""
    from PIL import Image

    with open_video(source) as video, video_writer(target, _SIZE, 24) as writer:
        for frame in video.frames(stop=_TIMED):
            writer.write(np.asarray(Image.fromarray(frame.image).resize(_SIZE)), frame.number / 24)


def _timed(work: Callable[[], object]) -> dict[str, float]:
    """Return how many of the frames go by in a second, and the processor time of one in ms."""
    started, processor = time.perf_counter(), time.process_time()
    work()
    return {
        "per_second": _TIMED / (time.perf_counter() - started),
        "processor_ms": 1000 * (time.process_time() - processor) / _TIMED,
    }


def _peak() -> float:
    """Return the most memory this process ever held, MB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024


if __name__ == "__main__":
    parser = arguments(__doc__)
    parser.add_argument(
        "--hours", type=float, default=0.1, help="length of the video that memory is watched over"
    )
    parser.add_argument("--model", type=Path, default=shipped_model(), help="keypoints (.onnx)")
    parser.add_argument("--stills", type=int, default=24, help="pictures of each set to search")
    parser.add_argument("--network-only", action="store_true", help="only the keypoint network")
    sys.exit(run(parser, measure))
