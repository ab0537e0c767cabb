"""Skulls of inbred strains: landmarks carried from one strain's scan to all others.

    python benchmarks/ct_skull.py [--strains 5]

One strain's skull is the template, registered to every other one by the code that registers bodies.
A landmark's place on the template is the mean of where the other strains have it, carried back
through their own registrations: of the strain that is scored, no landmark is used.

    skull.landmark_mm   median distance from where a person put the landmark, over all strains
    skull.landmark_p90  mm within which nine of ten landmarks lie
    skull.size_r        correlation of centroid size: landmarks carried, and as a person put them
    skull.single_mm     the same median with the template's own landmarks alone
    skull.seconds       time to register one skull

Some strains' landmarks are given in an atlas's frame, not that of their scan. Which ones is told by
whether they lie on bone; those are compared after a rigid motion that lays one on the other.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path

import numpy as np
from common import CannotMeasure, Measured, arguments, folder, run
from scipy.ndimage import maximum_filter
from scipy.spatial import ConvexHull

from mousepose.ct.registration.register import carry_points, register_surface
from mousepose.ct.registration.register_start import fit_similarity
from mousepose.ct.registration.register_types import Registration
from mousepose.ct.scans.scan import load_scan
from mousepose.ct.surfaces.surface import surface_of
from mousepose.ct.surfaces.surface_parts import compacted
from mousepose.ct.types import Surface, Volume
from mousepose.types import Floats

#: A skull is cut out of its scan around its landmarks, with this much (mm) to spare: jaw, spine and
#: fore limbs lie otherwise in every animal.
MARGIN_MM = 1.0
TEMPLATE_FACES = 26_000
SMALLEST_MM3, BLUR_VOXELS = 0.2, 0.6
#: Greys of air around the animal, and of what counts as teeth whatever it is.
AIR_BELOW, METAL_ABOVE = 4, 150
WORST = 5
_RAS_OF_LPS = np.array([-1.0, -1.0, 1.0])


@dataclass(frozen=True, eq=False)
class Skull:
    """One strain: its `scan` file, `landmarks` (L, 3) RAS mm with their `labels`, `in_frame`."""

    name: str
    scan: Path
    labels: tuple[str, ...]
    landmarks: Floats
    in_frame: bool


def measure(options: argparse.Namespace) -> Measured:
    """Register one skull to all others, carry landmarks both ways, and compare."""
    skulls = load_skulls(folder(options.data, "skull_ct"))
    template = choose_template(skulls)
    others = [skull for skull in skulls if skull is not template][: options.strains]
    if len(others) < 2:
        raise CannotMeasure("expected the scans of three strains or more")
    start = time.perf_counter()
    found = register_all(template, others)
    seconds = (time.perf_counter() - start) / len(others)
    own = [carried(template.landmarks, r) for r in found]
    means = leave_one_out(template, others, found, own)
    error = np.array([errors(m, skull) for m, skull in zip(means, others, strict=True)])
    single = np.array([errors(o, skull) for o, skull in zip(own, others, strict=True)])
    true = [skull.landmarks for skull in others]
    sizes = np.array([[centroid_size(points) for points in each] for each in (means, true)])
    measured = Measured(
        "Skull landmarks carried between strains",
        ("strain or landmark", "median mm", "90 % within mm", "size mm", "true mm", "share placed"),
    )
    for i, skull in enumerate(others):
        row = float(np.median(error[i])), float(np.percentile(error[i], 90))
        size, was = sizes[:, i].tolist()
        measured.add_row(skull.name.strip("_"), *row, size, was, found[i].share)
    for index in np.argsort(np.median(error, axis=0))[::-1][:WORST]:
        row = float(np.median(error[:, index])), float(np.percentile(error[:, index], 90))
        measured.add_row(f"landmark {template.labels[index]}", *row, "", "", "")
    figures = {
        "landmark_mm": np.median(error),
        "landmark_p90": np.percentile(error, 90),
        "worst_strain_mm": np.median(error, axis=1).max(),
        "size_r": np.corrcoef(sizes)[0, 1],
        "single_mm": np.median(single),
        "strains": len(others),
        "seconds": seconds,
    }
    measured.add_row("all", figures["landmark_mm"], figures["landmark_p90"], "", "", "")
    measured.add_figures("skull", figures)
    measured.ran_on.append(f"skull_ct ({len(others)} strains, template {template.name.strip('_')})")
    return measured


def register_all(template: Skull, others: Sequence[Skull]) -> list[Registration]:
    """Return the template's skull laid on the scan of every other strain."""
    surface = cut_out(bone_of(template.scan, TEMPLATE_FACES), template.landmarks)
    found = []
    for index, skull in enumerate(others, start=1):
        found.append(register_surface(surface, bone_of(skull.scan)))
        print(f"\r{index} of {len(others)} strains", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    return found


def leave_one_out(
    template: Skull, others: Sequence[Skull], found: Sequence[Registration], own: Sequence[Floats]
) -> list[Floats]:
    """Return the landmarks (L, 3) carried to each strain from where all but that one have them."""
    places = [template.landmarks]
    for skull, result, carried_there in zip(others, found, own, strict=True):
        there = skull.landmarks
        if not skull.in_frame:
            there = fit_similarity(there, carried_there, scaled=False).apply(there)
        places.append(carry_points(there, result.vertices, result.template.vertices))
    return [
        carried(np.mean(places[: i + 1] + places[i + 2 :], axis=0), result)
        for i, result in enumerate(found)
    ]


def load_skulls(data: Path) -> list[Skull]:
    """Return every strain of a folder with `volumes` and `landmarks`.

    Raises `CannotMeasure` where there is none, and on landmarks that cannot be read.
    """
    skulls = []
    for scan in sorted((data / "volumes").glob("*.nii.gz")):
        name = scan.name.removesuffix(".nii.gz")
        marks = data / "landmarks" / f"{name}.mrk.json"
        if not marks.is_file():
            continue
        try:
            markup = json.loads(marks.read_text(encoding="utf-8"))["markups"][0]
            points = [(point["label"], point["position"]) for point in markup["controlPoints"]]
            labels = tuple(str(label) for label, _ in points)
            places = np.array([place for _, place in points], np.float64)
            if markup["coordinateSystem"] != "RAS":
                places = places * _RAS_OF_LPS
        except (KeyError, IndexError, TypeError, ValueError) as error:
            raise CannotMeasure(f"{marks}: no landmarks of 3D Slicer: {error!r}") from error
        skulls.append(Skull(name, scan, labels, places, on_bone(scan, places)))
    if not skulls or any(skull.labels != skulls[0].labels for skull in skulls):
        raise CannotMeasure(f"{data}: expected volumes/*.nii.gz, each with the same landmarks")
    return skulls


def on_bone(scan: Path, landmarks: Floats) -> bool:
    """Return whether most landmarks lie on a scan's bone: their frame is the scan's."""
    volume = load_scan(scan)
    place = np.rint(volume.to_voxel(landmarks)).astype(int)
    if (place < 0).any() or (place >= volume.values.shape).any():
        return False
    brightest = maximum_filter(volume.values, 3)[tuple(place.T)]  # landmarks lie on its surface
    return bool((brightest > bone_level(volume)).mean() > 0.5)


def choose_template(skulls: Sequence[Skull]) -> Skull:
    """Return the strain of middle size among those whose landmarks are in their scan's frame."""
    known = sorted((s for s in skulls if s.in_frame), key=lambda s: centroid_size(s.landmarks))
    if not known:
        raise CannotMeasure("no strain's landmarks lie on the bone of its own scan")
    return known[len(known) // 2]


def bone_level(volume: Volume) -> float:
    """Return the grey above which a scan shows bone: it parts the second class of three."""
    from skimage.filters import threshold_multiotsu

    animal = volume.values[volume.values > AIR_BELOW]
    return float(threshold_multiotsu(np.minimum(animal, METAL_ABOVE), 3)[0])


def bone_of(scan: Path, faces: int | None = None) -> Surface:
    """Return the surface of the bone in a scan, in so many `faces` or as fine as its voxels."""
    volume = load_scan(scan)
    return surface_of(
        volume.values, volume, level=bone_level(volume), faces=faces, keep="all",
        smallest_mm3=SMALLEST_MM3, blur_voxels=BLUR_VOXELS, smoothing=0,
    )  # fmt: skip


def cut_out(surface: Surface, landmarks: Floats) -> Surface:
    """Return the part of a surface within the hull of the landmarks and a margin around it."""
    planes = ConvexHull(landmarks).equations
    inside = (surface.vertices @ planes[:, :3].T + planes[:, 3]).max(axis=1) < MARGIN_MM
    return compacted(surface.vertices, surface.faces[inside[surface.faces].all(axis=1)])


def carried(landmarks: Floats, found: Registration) -> Floats:
    """Return places (L, 3) on the template where the registration brings them."""
    return carry_points(landmarks, found.template.vertices, found.vertices)


def errors(points: Floats, skull: Skull) -> Floats:
    """Return the distance (L,) mm of points from a strain's landmarks."""
    if not skull.in_frame:
        points = fit_similarity(points, skull.landmarks, scaled=False).apply(points)
    return np.asarray(np.linalg.norm(points - skull.landmarks, axis=1))


def centroid_size(points: Floats) -> float:
    """Return the root of the summed square distances from the middle, mm."""
    return float(np.linalg.norm(points - points.mean(axis=0)))


def main() -> int:
    """Run from the command line."""
    parser = arguments(__doc__)
    parser.add_argument("--strains", type=int, metavar="N", help="only so many (default: all)")
    return run(parser, measure)


if __name__ == "__main__":
    sys.exit(main())
