"""From what many CT scans gave to one body model, and how good that model is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mousepose.body.model import BodyModel
from mousepose.ct.scans.scan import open_scan
from mousepose.ct.statistics.statistics import ShapeCurves, shape_curves
from mousepose.ct.statistics.statistics_body import LearnedBody, learn_body
from mousepose.ct.statistics.statistics_regression import Animals, Regression, regress
from mousepose.errors import FileError, InputError
from mousepose.run.body_scans import ScanOutcome

#: Fewer animals than this say nothing of how animals differ.
LEAST_SCANS = 3
_MOST_CURVE = 12


@dataclass(frozen=True, eq=False)
class BuiltBody:
    """A body built from scans: what was `learned`, how compact it is, and what a table tells of it.

    `bone_curves` are of log bone lengths, `skin_curves` of rest vertices in mm.
    """

    learned: LearnedBody
    bone_curves: ShapeCurves
    skin_curves: ShapeCurves
    regression: Regression | None

    @property
    def body(self) -> BodyModel:
        """Return the body model itself."""
        return self.learned.body


def build_body(
    outcomes: Sequence[ScanOutcome], template: BodyModel, *, shapes: int = 4, builds: int = 4,
    animals: Animals | None = None, name: str = "",
) -> BuiltBody:  # fmt: skip
    """Return the body of all good scans; those that failed are left out.

    `animals` is a table of weight, sex and age by the scans' names. Raises `InputError` for fewer
    than 3 good scans.
    """
    good = [one for one in outcomes if one.good]
    if len(good) < LEAST_SCANS:
        bad = "; ".join(f"{one.name}: {one.reason}" for one in outcomes if not one.good)
        raise InputError(
            f"{len(good)} of {len(outcomes)} scans can be used, at least {LEAST_SCANS} are needed"
            + (f" ({bad})" if bad else "")
        )
    lengths = np.stack([one.bone_lengths for one in good if one.bone_lengths is not None])
    bone_sd = np.stack([one.bone_sd for one in good if one.bone_sd is not None])
    skins = np.stack([one.rest_vertices for one in good if one.rest_vertices is not None])
    source = f"{name or 'built'} from {len(good)} CT scans: {', '.join(one.name for one in good)}"
    learned = learn_body(
        template, lengths, skins, bone_sd=bone_sd, shapes=min(shapes, len(good) - 2),
        builds=min(builds, len(good) - 2), source=source,
    )  # fmt: skip
    # as learned: what a scan does not show is told there by the other bones
    weights = np.linalg.norm(template.bone_vectors, axis=1)[1:]
    logs = learned.bones.rebuild(learned.bones.scores) * weights.mean() / weights
    most = min(_MOST_CURVE, len(good) - 2)
    table = None if animals is None else animals.of([one.name for one in good])
    return BuiltBody(
        learned,
        shape_curves(logs, most),
        shape_curves(skins.reshape(len(skins), -1), most),
        None if table is None else regress(learned.shape, table),
    )


def find_scans(paths: Sequence[Path]) -> list[Path]:
    """Return the scans that files and folders hold, each once, in the order of their names.

    A file is a scan. A folder of single slices is one scan; any other folder holds scans: its
    files, and its folders of slices. Raises `FileError` where there is none.
    """
    found = [scan for path in paths for scan in _scans_in(Path(path))]
    names = [scan.stem for scan in found]
    twice = sorted({name for name in names if names.count(name) > 1})
    if twice:
        raise FileError(f"two scans are named {', '.join(twice)}: give every scan its own name")
    if not found:
        raise FileError(f"no scan in {', '.join(str(path) for path in paths)}")
    return found


def _scans_in(path: Path) -> list[Path]:
    if not path.is_dir():
        return [path]
    entries = sorted(p for p in path.iterdir() if not p.name.startswith("."))
    files = [p for p in entries if p.is_file() and not p.name.endswith((".csv", ".json", ".txt"))]
    if files and _is_slice(files[0]):
        return [path]
    folders = [p for p in entries if p.is_dir()]
    return [*files, *(p for folder in folders for p in _scans_in(folder))]


def _is_slice(path: Path) -> bool:
    """Return whether a file is a single slice, so that its folder is the scan."""
    try:
        return open_scan(path).shape[0] == 1
    except (FileError, InputError):
        return False
