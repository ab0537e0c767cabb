"""From CT scans to bodies: simulated mice of which everything is known, then a real one.

    python benchmarks/ct.py [--scans 20] [--full-size]

Each phantom (another size, build, limb lengths and posture; bed, nose cone, noise; every fourth
with a metal ear tag, every fifth without its tail) is written as DICOM and goes through the same
code as a user's scan. Medians over scans of medians over an animal:

    phantom.bone_length_mm  error of the 13 bones of head, trunk and limbs, left and right
    phantom.joint_mm        distance of joints from the truth
    phantom.skin_mm         distance of the laid skin from the true one, where the scan shows skin
    phantom.size_r, hind_limb_r, fore_limb_r   correlation with the factors the animal was made of
    phantom.swapped         scans in which left and right were exchanged
    scan.seconds, scan.peak_mb   one scan of 1008 x 640 x 640 voxels, from the file to the laid body
    scan.speedup_2          four scans of 0.3 mm voxels with 1 process and with 2, times as fast
    real.*                  CT 41 of the Mouse Pose Analysis Dataset: volumes and bone lengths
"""

from __future__ import annotations

import argparse
import json
import resource
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path

import numpy as np
from common import CannotMeasure, Measured, arguments, folder, run

from mousepose import default_body
from mousepose.body.model import BodyModel
from mousepose.ct.phantoms.phantom import Phantom, make_phantom
from mousepose.ct.scans.write_dicom import write_dicom
from mousepose.ct.statistics.statistics_body import learn_body
from mousepose.ct.types import Volume
from mousepose.errors import MouseposeError
from mousepose.run.body_scans import ScanPlan, fit_scan, process_scans
from mousepose.types import Floats

#: Lengths (mm) of adult C57BL/6 bones as caliper and micro-CT studies report them, low and high.
PUBLISHED = {
    "femur": (15.0, 16.5), "tibia": (17.0, 18.5), "humerus": (11.5, 12.8), "skull": (21.5, 23.5),
}  # fmt: skip
#: Bones that are scored: what the tail's end and the soft nose add is not bone.
LEFT_OUT = ("SPINE_SHOULDER", "MID_TAIL", "TIP_TAIL")
FULL_SIZE = (1008, 640, 640)


@dataclass(frozen=True, eq=False)
class Found:
    """What was found in one phantom, against its truth."""

    seed: int
    lengths: Floats
    true_lengths: Floats
    joint: Floats
    skin: float
    swapped: bool
    measured: Floats
    measured_sd: Floats
    shape: Floats
    seconds: float


def measure(options: argparse.Namespace) -> Measured:
    """Scan phantoms, then the real mouse."""
    measured = Measured("CT scans to bodies", ("what", "figure", "unit"))
    cost = _full_size() | _scaling() if options.full_size else {}
    with ProcessPoolExecutor(options.processes, mp_context=get_context("spawn")) as pool:
        tried = list(pool.map(_phantom, range(options.scans)))
    found = [one for one in tried if isinstance(one, Found)]
    for one in tried:
        if isinstance(one, str):
            measured.add_row("phantom failed", one, "")
    if len(found) < 4:
        raise CannotMeasure(f"{len(found)} of {options.scans} phantoms could be measured")
    figures = _of_phantoms(found, default_body()) | {"failed": float(len(tried) - len(found))}
    for name, value in figures.items():
        measured.add_row(f"phantom.{name}", value, _unit(name))
    measured.add_figures("phantom", figures)
    measured.ran_on.append(f"{options.scans} phantoms")
    _add_real(measured, options.data)
    measured.add_figures("scan", cost)
    for name, value in cost.items():
        measured.add_row(f"scan.{name}", value, "")
    return measured


def _phantom(seed: int) -> Found | str:
    """Return what is found in a phantom, or why nothing is."""
    phantom = make_phantom(
        seed, ear_tag=seed % 4 == 1, shown="no tail" if seed % 5 == 2 else "whole",
        lying="supine" if seed % 6 == 3 else "prone",
    )  # fmt: skip
    with tempfile.TemporaryDirectory() as room:
        path = Path(room) / f"phantom_{seed}.dcm"
        write_dicom(phantom.volume, path)
        start = time.perf_counter()
        try:
            _, joints, laid = fit_scan(path, default_body())
        except MouseposeError as error:
            return f"{seed}: {error}"
        seconds = time.perf_counter() - start
    body = phantom.body
    names = body.skeleton.joint_names
    place = dict(zip(joints.names, joints.points, strict=True))
    located = np.stack([place.get(name, np.full(3, np.nan)) for name in names])
    off = np.linalg.norm(located - phantom.joints, axis=1)
    crossed = np.linalg.norm(located - phantom.joints[list(body.skeleton.mirror)], axis=1)
    sides = [j for j, name in enumerate(names) if name.startswith(("LEFT", "RIGHT"))]
    scored = [j for j, name in enumerate(names) if name not in LEFT_OUT]
    return Found(
        seed, laid.bone_lengths[scored], phantom.bone_lengths[scored], off[scored],
        _skin_error(phantom, laid.vertices, laid.matched),
        bool(np.nanmedian(crossed[sides]) < np.nanmedian(off[sides])),
        laid.measured, laid.measured_sd, phantom.pose.shape, seconds,
    )  # fmt: skip


def _skin_error(phantom: Phantom, vertices: Floats, matched: Floats) -> float:
    seen = vertices[matched > 0.5]
    return float(np.median(np.abs(phantom.anatomy.skin_distance(seen))))


def _of_phantoms(found: list[Found], body: BodyModel) -> dict[str, float]:
    lengths, sd, true = (
        np.stack([getattr(one, name) for one in found])
        for name in ("measured", "measured_sd", "shape")
    )
    names = list(body.shape_space.names)
    learned = learn_body(body.with_mesh(None), lengths, bone_sd=sd, shapes=min(4, len(found) - 2))
    figures = {
        "bone_length_mm": _median([np.abs(one.lengths - one.true_lengths) for one in found]),
        "joint_mm": _median([one.joint for one in found]),
        "joint_p90_mm": float(np.nanquantile(np.concatenate([one.joint for one in found]), 0.9)),
        "skin_mm": float(np.median([one.skin for one in found])),
        "swapped": float(sum(one.swapped for one in found)),
        "seconds": float(np.median([one.seconds for one in found])),
    }
    # the coefficients are those of the shape space that the animals were drawn from
    for name, column in zip(names, true.T, strict=True):
        if name in ("size", "hind limb", "fore limb"):
            found_there = learned.shape[:, learned.body.shape_space.names.index(name)]
            figures[f"{name.replace(' ', '_')}_r"] = _correlation(found_there, column)
    return figures


def _median(values: list[Floats]) -> float:
    return float(np.median([np.nanmedian(one) for one in values]))


def _correlation(one: Floats, other: Floats) -> float:
    return float(np.corrcoef(one, other)[0, 1])


def _unit(name: str) -> str:
    return "mm" if name.endswith("_mm") else "s a scan" if name == "seconds" else ""


def _add_real(measured: Measured, data: Path) -> None:
    """Lay the body on the real slices, and compare its bones with published lengths."""
    from mousepose.ct.joints.joints import locate_joints
    from mousepose.ct.registration.register_body import register_body
    from mousepose.ct.segmentation.segment import segment
    from mousepose.ct.surfaces.surface import surface_of

    path = folder(data, "mouse_pose_dataset_samples") / "ct_slices_41_intensity.npz"
    with np.load(path) as file:
        matrix = np.diag([*file["spacing_mm"], 1.0])
        volume = Volume(file["intensity"], matrix, hounsfield=False, name="CT 41")
    found = segment(volume)
    joints = locate_joints(found)
    skin = surface_of(found.body, volume, faces=20_000)
    place = dict(zip(joints.names, joints.points, strict=True))
    figures = {"body_ml": found.body_ml, "bone_ml": found.bone_ml}
    for bone, *ends in (
        ("femur", "HIP", "KNEE"), ("tibia", "KNEE", "ANKLE"), ("humerus", "SHOULDER", "ELBOW"),
    ):  # fmt: skip
        sides = [[place.get(f"{side}_{end}") for end in ends] for side in ("LEFT", "RIGHT")]
        known = [np.linalg.norm(a - b) for a, b in sides if a is not None and b is not None]
        figures[f"{bone}_mm"] = float(np.nanmean(known))
    figures["skull_mm"] = float(np.linalg.norm(place["NECK"] - place["NOSE"]))
    laid = register_body(default_body(), skin, joints)
    seen = laid.error[laid.matched > 0.5]
    figures |= {"skin_mm": float(np.median(seen)), "skin_p90_mm": float(np.quantile(seen, 0.9))}
    for name, value in figures.items():
        low, high = PUBLISHED.get(name.removesuffix("_mm"), (np.nan, np.nan))
        told = f"published {low} to {high}" if np.isfinite(low) else ""
        measured.add_row(f"real.{name}", value, told)
    measured.add_figures("real", figures)
    measured.ran_on.append("CT 41 (mouse_pose_dataset_samples)")


def _full_size() -> dict[str, float]:
    """Return the seconds and the peak memory (MB) of one scan at the dataset's full size."""
    with tempfile.TemporaryDirectory() as room:
        path = Path(room) / "full.dcm"
        phantom = make_phantom(7, voxel_mm=0.0913, shown="no tail")
        write_dicom(_padded(phantom.volume), path)
        command = [sys.executable, str(Path(__file__)), "--one", str(path)]
        done = subprocess.run(command, stdout=subprocess.PIPE, text=True, check=False)
        if done.returncode:
            raise CannotMeasure("a scan of full size could not be laid")
        return dict(json.loads(done.stdout.splitlines()[-1]))


def _padded(volume: Volume) -> Volume:
    """Return a volume in a field of view of the dataset's size, air around it."""
    whole = np.full(FULL_SIZE[::-1], -1000, np.int16)
    part = volume.values[: whole.shape[0], : whole.shape[1], -whole.shape[2] :]  # the head's end
    whole[: part.shape[0], : part.shape[1], : part.shape[2]] = part
    matrix = volume.T_world_voxel.copy()
    matrix[:3, 3] = volume.to_world([0, 0, volume.values.shape[2] - part.shape[2]])
    return Volume(whole, matrix, volume.hounsfield, volume.name)


def _one(path: Path) -> int:
    start = time.perf_counter()
    fit_scan(path, default_body())
    print(json.dumps({"seconds": time.perf_counter() - start, "peak_mb": _peak_mb()}))
    return 0


def _peak_mb() -> float:
    """Return the most memory that this process has held.

    Linux hands a new process the peak of the one that started it in `ru_maxrss`; `VmHWM` is its
    own.
    """
    status = Path("/proc/self/status")
    if status.exists():
        lines = status.read_text(encoding="ascii").splitlines()
        return int(next(line.split()[1] for line in lines if line.startswith("VmHWM"))) * 1.024e-3
    unit = 1 if sys.platform == "darwin" else 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * unit / 1e6


def _scaling() -> dict[str, float]:
    """Return how many times faster 2 processes are than 1, from the start of the run to its end."""
    seconds = []
    with tempfile.TemporaryDirectory() as room:
        paths = [Path(room) / f"scan_{seed}.dcm" for seed in range(4)]
        for seed, path in enumerate(paths):
            write_dicom(make_phantom(seed, voxel_mm=0.3, shown="no tail").volume, path)
        for processes in (1, 2):
            start = time.perf_counter()
            plan = ScanPlan(default_body(), Path(room) / str(processes))
            done = process_scans(paths, plan, processes)
            seconds.append(time.perf_counter() - start)
            if not all(one.good for one in done):
                raise CannotMeasure("a scan could not be laid: no time to compare")
    return {"speedup_2": seconds[0] / seconds[1]}


def main() -> int:
    """Run from the command line."""
    parser = arguments(__doc__)
    parser.add_argument("--scans", type=int, default=20, help="phantoms to scan")
    parser.add_argument("--processes", type=int, default=2, help="phantoms at once")
    parser.add_argument("--full-size", action="store_true", help="also cost: full size, processes")
    parser.add_argument("--one", type=Path, help=argparse.SUPPRESS)
    options = parser.parse_args()
    return run(parser, measure) if options.one is None else _one(options.one)


if __name__ == "__main__":
    sys.exit(main())
