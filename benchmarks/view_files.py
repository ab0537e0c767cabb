"""Figures of the files that results are handed on in: animated meshes, NWB, long exports."""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
import time
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import numpy as np
from common import CannotMeasure, Measured
from speed import WATCH
from viewer import write_repeated

from mousepose.analysis.gait import analyse_gait
from mousepose.body.default import default_body
from mousepose.body.model import BodyModel
from mousepose.io import Recording, read_glb, read_nwb, write_glb, write_nwb
from mousepose.io.nwb.session import EXAMPLE, read_session
from mousepose.simulate import observe, walking_mouse, watching_camera
from mousepose.types import PoseSequence

_SECONDS, _FPS, _SEED = 6.0, 100.0, 5
#: Frames of a clip whose skin is compared, each so many-th.
_EVERY = 25
#: What a long result is written as, and what else the command needs for it.
_FORMATS = ("glb", "bvh", "trc", "c3d", "stac", "nwb")
#: Frames of the clip that is taken from the end of a long result.
_CLIP = 1000
_MB = 2**20


@cache
def a_walk() -> tuple[BodyModel, PoseSequence]:
    """Return the body and the result of a mouse of its own shape that walks, with some spread."""
    body = default_body()
    shape = body.shape_space.sd * np.random.default_rng(_SEED).uniform(-1, 1, len(body.shape_space))
    walk = walking_mouse(body, _SECONDS, _FPS, shape=shape, stride_length_mm=50.0, seed=_SEED)
    sequence = walk.sequence(body)
    spread = np.broadcast_to(np.eye(3) * 0.5, sequence.covariance.shape).copy()
    return body, replace(sequence, covariance=spread)


def measure_glb(options: argparse.Namespace, measured: Measured) -> None:
    """Compare the skin of an animated mesh that was read back with the body model's own."""
    body, sequence = a_walk()
    figures = {}
    with tempfile.TemporaryDirectory() as room:
        path = Path(room) / "walk.glb"
        for coat in (True, False):
            write_glb(path, [sequence], body, coat=coat)
            mesh = read_glb(path)
            error = 0.0
            for key in range(0, len(mesh), _EVERY):
                skin = body.vertices(sequence[key].pose, coat=coat)[0]
                error = max(error, float(np.abs(mesh.vertices(key) @ mesh.turn - skin).max()))
            figures["coat_error_mm" if coat else "vertex_error_mm"] = error
        figures["mb_a_1000_frames"] = _size_of_clip(path, body, sequence)
    measured.add_figures("glb", figures)
    for name, value in figures.items():
        measured.add_row(f"glb {name.replace('_', ' ')}", value, "")


def _size_of_clip(path: Path, body: BodyModel, sequence: PoseSequence) -> float:
    write_glb(path, [sequence], body)
    whole = path.stat().st_size
    write_glb(path, [sequence[:1]], body)
    skin = path.stat().st_size
    return (skin + (whole - skin) / (len(sequence) - 1) * 1000) / _MB


def measure_nwb(options: argparse.Namespace, measured: Measured) -> None:
    """Write all that an NWB of ours can hold, read it back, and ask nwbinspector."""
    try:
        from nwbinspector import Importance, inspect_nwbfile
    except ImportError as error:
        raise CannotMeasure("nwbinspector is missing: pip install nwbinspector") from error
    body, sequence = a_walk()
    cameras = [watching_camera(azimuth_deg=angle, name=f"cam_{angle}") for angle in (-90, 0)]
    tracks = observe(body, sequence.pose, sequence.times, cameras, seed=_SEED)
    gait = analyse_gait(sequence)
    with tempfile.TemporaryDirectory() as room:
        (Path(room) / "session.toml").write_text(EXAMPLE, encoding="utf-8")
        session = read_session(Path(room) / "session.toml")
        path = Path(room) / "walk.nwb"
        recording = Recording(
            session, [sequence], [tracks], cameras, strides=gait.strides, locomotion=gait.bouts,
            behaviour=_bouts(),
        )  # fmt: skip
        write_nwb(path, recording)
        again = read_nwb(path)
        found = [message.importance for message in inspect_nwbfile(nwbfile_path=path)]
    bad = [kind for kind in found if kind != Importance.BEST_PRACTICE_SUGGESTION]
    change = np.abs(again.keypoints - sequence.keypoints).max()
    turned = np.abs(again.pose.joint_rotation - sequence.pose.joint_rotation).max()
    figures = {
        "violations": len(bad),
        "suggestions": len(found) - len(bad),
        "round_trip_mm": max(float(change), float(turned)),
        "strides": len(gait.strides),
    }
    measured.add_figures("nwb", figures)
    for name, value in figures.items():
        measured.add_row(f"nwb {name.replace('_', ' ')}", value, "")


def _bouts() -> Any:
    import pandas as pd

    return pd.DataFrame(
        {"behaviour": ["walk", "rear"], "start_s": [0.5, 3.0], "stop_s": [2.0, 3.4]},
    )


def measure_export(options: argparse.Namespace, measured: Measured) -> None:
    """Convert a long result to every format, each in a process of its own."""
    peaks = []
    with tempfile.TemporaryDirectory() as name:
        room = Path(name)
        source = room / "long.parquet"
        write_repeated(source, options.frames)
        (room / "session.toml").write_text(EXAMPLE, encoding="utf-8")
        for to in _FORMATS:
            target = room / f"out.{to}"
            more = ["--session", str(room / "session.toml")] if to == "nwb" else []
            peak, seconds = _watched(source, target, ["--to", to, *more])
            size = target.stat().st_size / _MB
            target.unlink()
            peaks.append(peak)
            figures = {"peak_mb": peak, "per_second": options.frames / seconds, "mb": size}
            measured.add_figures(f"export.{to}", figures)
            measured.add_row(f"{to}: most memory", peak, "MB")
            measured.add_row(f"{to}: speed", options.frames / seconds, "frames/s")
    measured.add_figures("export", {"peak_mb": max(peaks), "frames": options.frames})
    measured.ran_on.append(f"a simulated walk of {options.frames:,} frames")


def measure_long(options: argparse.Namespace, measured: Measured) -> None:
    """Convert two million frames: a clip at their end, and all of them."""
    with tempfile.TemporaryDirectory() as name:
        source = Path(name) / "long.parquet"
        write_repeated(source, options.most)
        clip = f"{options.most - _CLIP}:{options.most}"
        for what, ending, more in (("clip", "glb", ["--frames", clip]), ("c3d", "c3d", [])):
            peak, seconds = _watched(source, Path(name) / f"out.{ending}", more)
            figures = {"peak_mb": peak, "seconds": seconds}
            measured.add_figures(f"two_million.export_{what}", figures)
            measured.add_row(f"{options.most:,} frames, {what}: most memory", peak, "MB")
            measured.add_row(f"{options.most:,} frames, {what}: time", seconds, "s")


def _watched(source: Path, target: Path, more: list[str]) -> tuple[float, float]:
    """Return the peak memory (MB) and the seconds of one conversion."""
    command = [
        sys.executable, "-c", "from mousepose.cli.main import app; app()", "convert", str(source),
        "-o", str(target), *more,
    ]  # fmt: skip
    start = time.perf_counter()
    done = subprocess.run(
        [sys.executable, "-c", WATCH, *command], stdout=subprocess.PIPE, text=True, check=False,
        stderr=subprocess.DEVNULL,
    )  # fmt: skip
    if done.returncode:
        raise CannotMeasure(f"mousepose convert to {target.name} ended with {done.returncode}")
    unit = 1 if sys.platform == "darwin" else 1024
    return int(done.stdout.split()[-1]) * unit / _MB, time.perf_counter() - start
