"""CT scans to registered bodies, one scan after the other or many at once; stopped, it goes on.

Every scan leaves one small file in the work folder: what was found, or why it was left out. A
second run takes what is there, if scan, template and version are the same.
"""

from __future__ import annotations

import json
import time
import zlib
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass
from multiprocessing import get_context
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np

from mousepose import __version__
from mousepose.atomic import atomic_path
from mousepose.body.model import BodyModel
from mousepose.ct.joints.joint_files import read_joints, write_joints
from mousepose.ct.joints.joints import locate_joints
from mousepose.ct.registration.register_body import BodyRegistration, register_body
from mousepose.ct.scans.scan import load_scan
from mousepose.ct.segmentation.segment import segment
from mousepose.ct.segmentation.segment_types import Segmentation
from mousepose.ct.surfaces.surface import surface_of
from mousepose.ct.types import NamedPoints
from mousepose.errors import FileError, MouseposeError
from mousepose.extras import needed
from mousepose.run.keypoint_files import digest_of
from mousepose.run.parts import fingerprint_of
from mousepose.types import Floats, Progress

#: mm; joints and skin do not gain from smaller voxels, time and memory do.
VOXEL_MM = 0.2
_SKIN_FACES = 20_000
#: Raised when work files hold something else than before: older ones are made anew.
_FORM = 2
#: Draws what was found in a scan: path, segmentation, joints, registration.
Page = Callable[[Path, Segmentation, NamedPoints, BodyRegistration], None]


@dataclass(frozen=True)
class ScanPlan:
    """How every scan is handled: the template body, voxels and where the work files go."""

    template: BodyModel
    folder: Path
    voxel_mm: float = VOXEL_MM
    page: Page | None = None


@dataclass(frozen=True, eq=False)
class ScanOutcome:
    """What became of one scan: `bone_lengths` (J,) mm and `rest_vertices` (V, 3) mm, or a `reason`.

    Bone lengths are as measured, with their `bone_sd` (J,) mm; both are NaN where the scan is cut.
    `error` (V,) mm is how far the registered skin is from the scan's; `notes` are what a person
    should look at. `reason` says why the scan was left out, and is empty where it was not.
    """

    name: str
    reason: str
    notes: tuple[str, ...] = ()
    seconds: float = 0.0
    bone_lengths: Floats | None = None
    bone_sd: Floats | None = None
    rest_vertices: Floats | None = None
    error: Floats | None = None

    @property
    def good(self) -> bool:
        """Return whether the scan can be averaged in."""
        return not self.reason


def process_scans(
    paths: Sequence[Path], plan: ScanPlan, processes: int = 1, progress: Progress | None = None
) -> list[ScanOutcome]:
    """Return what became of every scan, in their order; those done before are not done again.

    A scan that fails is told in its outcome and stops no other.
    """
    plan.folder.mkdir(parents=True, exist_ok=True)
    told = progress or (lambda stage, done, total: None)
    found: dict[Path, ScanOutcome] = {}
    told("scans", 0, len(paths))
    for path, outcome in _processed(paths, plan, processes):
        found[path] = outcome
        told("scans", len(found), len(paths))
    return [found[path] for path in paths]


def _processed(
    paths: Sequence[Path], plan: ScanPlan, processes: int
) -> Iterator[tuple[Path, ScanOutcome]]:
    if processes <= 1 or len(paths) <= 1:
        yield from ((path, process_scan(path, plan)) for path in paths)
        return
    with ProcessPoolExecutor(processes, mp_context=get_context("spawn")) as pool:
        waiting = {pool.submit(process_scan, path, plan): path for path in paths}
        for done in as_completed(waiting):
            yield waiting[done], done.result()


def process_scan(path: Path, plan: ScanPlan) -> ScanOutcome:
    """Return what became of one scan, from its work file where that is up to date."""
    work = plan.folder / f"{path.stem}.npz"
    try:
        key = _key(path, plan)
        kept = _read(work, key)
        if kept is not None:
            return kept
        outcome = _fresh(path, plan)
    except (MouseposeError, OSError, MemoryError) as error:
        return ScanOutcome(path.stem, " ".join(str(error).split()) or type(error).__name__)
    _write(work, key, outcome)
    return outcome


def _fresh(path: Path, plan: ScanPlan) -> ScanOutcome:
    start = time.perf_counter()
    segmentation, joints, registration = fit_scan(path, plan.template, plan.voxel_mm)
    if corrected_joints(path) is None:
        write_joints(plan.folder / f"{path.stem}.joints.csv", joints)
    if plan.page is not None:
        plan.page(plan.folder / f"{path.stem}.png", segmentation, joints, registration)
    notes = [note.text for note in segmentation.notes if note.severity != "note"]
    return ScanOutcome(
        path.stem, "", (*notes, *registration.notes), time.perf_counter() - start,
        registration.measured, registration.measured_sd, registration.rest_vertices,
        registration.error,
    )  # fmt: skip


def fit_scan(
    path: Path, template: BodyModel, voxel_mm: float | None = VOXEL_MM
) -> tuple[Segmentation, NamedPoints, BodyRegistration]:
    """Return what a scan shows, its joints, and the template body laid on it.

    Joints that a person corrected, in `NAME.joints.csv` beside the scan, are taken as they are.
    Raises `FileError` and `InputError` where the scan cannot be used.
    """
    needed("ct", "laying a body on a CT scan", "skimage", "fast_simplification")
    segmentation = segment(load_scan(path, voxel_mm=voxel_mm))
    segmentation.require_usable()
    corrected = corrected_joints(path)
    joints = locate_joints(segmentation) if corrected is None else read_joints(corrected).points
    skin = surface_of(segmentation.body, segmentation.volume, faces=_SKIN_FACES)
    return segmentation, joints, register_body(template, skin, joints)


def corrected_joints(path: Path) -> Path | None:
    """Return `NAME.joints.csv` or `NAME.joints.mrk.json` beside a scan, where there is one."""
    for ending in ("csv", "mrk.json"):
        beside = path.with_name(f"{path.stem}.joints.{ending}")
        if beside.is_file():
            return beside
    return None


def _key(path: Path, plan: ScanPlan) -> str:
    """Return what the outcome of a scan depends on, in one string."""
    files = sorted(f for f in path.rglob("*") if f.is_file()) if path.is_dir() else [path]
    corrected = corrected_joints(path)
    digests = []
    for file in [*files, *([corrected] if corrected else [])]:
        try:
            digests.append(digest_of(file))
        except OSError as error:
            raise FileError(f"{file} cannot be read: {error.strerror}") from error
    return fingerprint_of([digests, plan.template, plan.voxel_mm, __version__, _FORM])


def _write(path: Path, key: str, outcome: ScanOutcome) -> None:
    header = {
        "key": key, "name": outcome.name, "reason": outcome.reason, "notes": outcome.notes,
        "seconds": outcome.seconds,
    }  # fmt: skip
    arrays = {
        name: array
        for name in ("bone_lengths", "bone_sd", "rest_vertices", "error")
        if (array := getattr(outcome, name)) is not None
    }
    with atomic_path(path) as temporary, temporary.open("wb") as stream:
        np.savez_compressed(stream, header=np.array(json.dumps(header)), **arrays)


def _read(path: Path, key: str) -> ScanOutcome | None:
    """Return the outcome in a work file, None where there is none for this key."""
    if not path.is_file():
        return None
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
            header: dict[str, Any] = json.loads(str(file["header"]))
            if header.get("key") != key:
                return None
            arrays = {name: file[name] for name in file.files if name != "header"}
        return ScanOutcome(
            str(header["name"]), str(header["reason"]), tuple(header["notes"]),
            float(header["seconds"]), **arrays,
        )  # fmt: skip
    except (OSError, ValueError, LookupError, TypeError, EOFError, BadZipFile, zlib.error):
        return None  # cut short: it is done again
