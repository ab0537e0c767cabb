"""The whole chain on real videos: video to keypoints to poses, nothing by hand.

    python benchmarks/end_to_end.py [--model FILE] [--method NAME] [--frames N] [--pictures DIR]

`homecage_4cam`, views top and mid: 120 frames of a white mouse that hardly moves, so that the
background does not tell it and the keypoint network has to find it. No frame of it was learned
from. The video goes through `mousepose reconstruct`'s own steps: mice found, 22
keypoints, poses through time; the camera is the calibrated one and the scale the animal's length,
as in benchmarks/homecage.py. Truth are 3D points triangulated from four views (error 1 to 2 mm).

    2d.median_percent   keypoints against proof-read points that both have, % of the body's length
    root, rigid         3D error, mm, aligned at the root, and turned and moved as fits best
    *.proofread         the same fit fed with the proof-read 2D points, as in benchmarks/homecage.py

`openfield_topview` (2330 frames from start to end) and the left half of the published clip
(`running`, with the authors' own overlay painted on it) have no truth in their frames: counted are
the frames in which the mouse is seen and absent, and the leaps, where its middle is more than a
quarter of a body's length from where it would be without a jerk. `--pictures` also writes overlays
and a sheet of frames of each to look at.
"""

from __future__ import annotations

import argparse
import sys
import tempfile
from pathlib import Path

import numpy as np
from common import Measured, arguments, folder, run, silent
from held_out import in_frame_of
from homecage import GROUPS, MARKS_FILE, Recording, load_recording
from problems import is_known
from scoring import score

from mousepose import FitConfig, Scale, default_body, load_keypoints, reconstruct, write_sequence
from mousepose.body.keypoint_map import KeypointMap, load_keypoint_map
from mousepose.detect.shipped import shipped_model
from mousepose.geometry.camera import Camera
from mousepose.report.overlay_keypoints import write_keypoint_overlay, write_pose_overlay
from mousepose.run.predict import LIKELY, VideoJob, predict
from mousepose.types import Floats, Keypoints2D, PoseSequence
from mousepose.video import open_video, video_writer

VIEWS = {"top": "top", "mid": "side"}
#: Videos without truth in their frames: their paths, and the share of the width that is kept.
WATCHED = {
    "openfield_topview": ("openfield_topview/m3v1mp4.mp4", 1.0),
    "running": ("mouse_pose_dataset_samples/running.mp4", 0.5),
}
#: A middle so far (body lengths) from where it would be without a jerk has leapt.
_LEAP = 0.25
_SHEET = (4, 3)
#: Proof-read points that are also among the 22, under the name that they have there.
SAME = {
    "Nose": "NOSE", "Ear_L": "LEFT_EAR", "Ear_R": "RIGHT_EAR", "TTI": "ROOT_TAIL", "Neck": "NECK",
}  # fmt: skip


def measure(options: argparse.Namespace) -> Measured:
    """Run the chain on both views, and the fit alone on proof-read points."""
    columns = ("view", "2D from", "seen", "2D median %", "PCK10", "PCK20", "root", "rigid", "trunk")
    measured = Measured("From video to poses, one camera (3D in mm)", columns)
    marks = load_keypoint_map(MARKS_FILE)
    recording = load_recording(folder(options.data, "homecage_4cam"), marks)
    for index, camera in enumerate(recording.cameras):
        video = options.data / "homecage_4cam" / f"minimal_{camera.name}.mp4"
        with tempfile.TemporaryDirectory() as place:
            found = _predicted(video, VIEWS[camera.name], Path(place), options)
            sequence = _fitted(found, camera, "dataset22", recording.body_length, LIKELY)
            if options.pictures is not None:
                _draw(video, Path(place), sequence, camera, options.pictures)
        flat = errors_2d(found, recording, index)
        solid = _errors_3d(sequence, marks, recording, camera)
        measured.add_figures(camera.name, {"2d": flat, **solid})
        measured.add_row(
            camera.name, "video", flat["seen_percent"], flat["median_percent"], flat["pck10"],
            flat["pck20"], solid["root"], solid["rigid"], solid["trunk"],
        )  # fmt: skip
        fed = _fitted(_proofread(recording, index), camera, MARKS_FILE, recording.body_length)
        solid = _errors_3d(fed, marks, recording, camera)
        measured.add_figures(f"{camera.name}.proofread", solid)
        nothing = float("nan")
        measured.add_row(camera.name, "proof-read", 100.0, nothing, nothing, nothing,
                         solid["root"], solid["rigid"], solid["trunk"])  # fmt: skip
    measured.ran_on.append(f"homecage_4cam ({len(recording.times)} frames)")
    for name, (path, share) in WATCHED.items():
        folder(options.data, path.partition("/")[0])
        _watch(measured, name, options.data / path, share, options)
    return measured


def _watch(
    measured: Measured, name: str, video: Path, share: float, options: argparse.Namespace
) -> None:
    """Follow the mouse of a video from its start to its end and count what can be counted."""
    with tempfile.TemporaryDirectory() as place:
        part = Path(place) / f"{name}.mp4"
        _copy(video, part, share, options.frames)
        found = _predicted(part, "top" if share == 1 else None, Path(place), options)
        if options.pictures is not None:
            options.pictures.mkdir(parents=True, exist_ok=True)
            overlay = options.pictures / f"{name}_keypoints.mp4"
            write_keypoint_overlay(part, Path(place) / "keypoints.parquet", overlay, silent)
            _write_sheet(overlay, options.pictures / f"{name}.png")
    figures = _followed(found)
    measured.add_figures(name, figures)
    nothing = float("nan")
    measured.add_row(name, "video", figures["seen_percent"], *[nothing] * 6)
    measured.ran_on.append(
        f"{name} ({len(found)} frames, leaps in {figures['leaps_percent']:.2g} % of them)"
    )


def _copy(video: Path, target: Path, share: float, frames: int | None) -> None:
    """Write the left part of a video, all or the first of its frames."""
    with open_video(video) as source:
        width = round(source.size[0] * share / 2) * 2
        count = len(source) if frames is None else min(frames, len(source))
        with video_writer(target, (width, source.size[1]), source.fps, quality=18) as writer:
            for frame in source.frames(0, count):
                writer.write(frame.image[:, :width], frame.time)


def _followed(found: Keypoints2D) -> dict[str, float]:
    """Return in what share of the frames the mouse is seen, absent, leaps, and how sure all is."""
    there = np.isfinite(found.xy[:, 0]).all(-1).any(-1)
    body = [k for k, point in enumerate(found.keypoint_names)
            if point not in ("MID_TAIL", "TIP_TAIL")]  # fmt: skip
    points = found.xy[there][:, 0, body]
    middle, length = np.median(points, axis=1), float(np.median(np.ptp(points, axis=1).max(-1)))
    jerk = np.linalg.norm(np.diff(middle, 2, axis=0), axis=-1) / length
    near = np.diff(np.flatnonzero(there), 2) == 0
    return {
        "frames": float(len(found)),
        "seen_percent": 100 * float(there.mean()),
        "absent_percent": 100 * float(1 - there.mean()),
        "leaps_percent": 100 * float((jerk[near] > _LEAP).mean()),
        "confidence": float(found.confidence[there].mean()),
    }


def _write_sheet(video: Path, target: Path) -> None:
    """Write frames spread over a video as one picture."""
    from PIL import Image

    across, down = _SHEET
    with open_video(video) as source:
        numbers = np.linspace(0, len(source) - 1, across * down).round().astype(int)
        tiles = [frame.image for frame in source.at(numbers.tolist(), colour=True)]
    rows = [np.concatenate(tiles[across * row : across * (row + 1)], axis=1) for row in range(down)]
    Image.fromarray(np.concatenate(rows)[::2, ::2]).save(target)


def _predicted(
    video: Path, view: str | None, place: Path, options: argparse.Namespace
) -> Keypoints2D:
    table = place / "keypoints.parquet"
    job = VideoJob(
        video, table, options.model, view=view, method=options.method, detector=options.detector
    )
    predict(job, silent)
    return load_keypoints(table)


def _proofread(recording: Recording, index: int) -> Keypoints2D:
    points = recording.points[:, [index]]
    return Keypoints2D(
        points, is_known(points).astype(np.float64), recording.times, np.arange(len(points)),
        recording.names,
    )  # fmt: skip


def _fitted(
    keypoints: Keypoints2D, camera: Camera, keypoint_map: str | Path, length: float,
    least: float = FitConfig().min_confidence,
) -> PoseSequence:  # fmt: skip
    return reconstruct(
        keypoints, (camera,), keypoint_map=load_keypoint_map(keypoint_map),
        scale=Scale.body_length(length), config=FitConfig(min_confidence=least),
    )  # fmt: skip


def errors_2d(found: Keypoints2D, recording: Recording, index: int) -> dict[str, float]:
    """Return how far points that both have are apart, in per cent of the animal's length."""
    truth = recording.points[:, index]
    ends = [recording.names.index(name) for name in ("Nose", "TTI")]
    length = np.nanmedian(np.linalg.norm(truth[:, ends[0]] - truth[:, ends[1]], axis=-1))
    mine = found.xy[:, 0, [found.keypoint_names.index(SAME[name]) for name in SAME]]
    theirs = truth[:, [recording.names.index(name) for name in SAME]]
    off = 100 * np.linalg.norm(mine - theirs, axis=-1) / length
    known = np.isfinite(theirs).all(-1)
    there = known & np.isfinite(off)
    return {
        "seen_percent": 100 * float(there.sum() / known.sum()),
        "median_percent": float(np.median(off[there])) if there.any() else float("inf"),
        "pck10": 100 * float((off[there] < 10).sum() / known.sum()),
        "pck20": 100 * float((off[there] < 20).sum() / known.sum()),
    }


def _errors_3d(
    sequence: PoseSequence, marks: KeypointMap, recording: Recording, camera: Camera
) -> dict[str, float]:
    """Return the errors of the proof-read marks, which ride on the body that was fitted, in mm."""
    body = default_body()
    points = body.marks(sequence.pose, marks.marks(body))
    solved = np.isfinite(sequence.keypoints).all(axis=(1, 2))
    truth: Floats = in_frame_of(sequence.frame, camera, recording.truth)
    groups = {"trunk": np.array([name in GROUPS["trunk"] for name in recording.names])}
    known = is_known(truth) & solved[:, None]
    found = score(truth, np.where(solved[:, None, None], points, 0.0), known, groups)
    return {
        "root": found["root"]["all"], "rigid": found["rigid"]["all"],
        "trunk": found["rigid"]["trunk"], "solved_percent": 100 * float(solved.mean()),
    }  # fmt: skip


def _draw(video: Path, place: Path, sequence: PoseSequence, camera: Camera, pictures: Path) -> None:
    pictures.mkdir(parents=True, exist_ok=True)
    poses = place / "poses.parquet"
    write_sequence(poses, sequence)
    for name, write in (
        ("keypoints", lambda path: write_keypoint_overlay(
            video, place / "keypoints.parquet", path, silent)),
        ("poses", lambda path: write_pose_overlay(video, [poses], camera, path, silent)),
    ):  # fmt: skip
        write(pictures / f"{video.stem}_{name}.mp4")


def main() -> int:
    """Run from the command line."""
    parser = arguments(__doc__)
    parser.add_argument("--model", type=Path, default=shipped_model(), help="keypoints (.onnx)")
    parser.add_argument("--detector", type=Path, help="a network that finds mice in frames")
    parser.add_argument("--method", default="auto", help="how mice are found")
    parser.add_argument("--frames", type=int, metavar="N", help="only the first of long videos")
    parser.add_argument("--pictures", type=Path, metavar="DIR", help="where to write overlays")
    return run(parser, measure)


if __name__ == "__main__":
    sys.exit(main())
