"""The default body beside the published one: bones, mesh, and how they lie on a real scan.

    python benchmarks/body_models.py

Bone lengths are those of the model at rest; CT 41 (Mouse Pose Analysis Dataset) gives those of one
real mouse of about 21 g. The mesh: whether it is closed, its smallest corners, pairs of triangles
that cross at rest and in typical postures. `scan_mm` is the distance of the laid skin from that of
CT 41, where the scan shows skin.
"""

from __future__ import annotations

import argparse
import sys

import numpy as np
from common import Measured, arguments, folder, run

from mousepose import default_body, load_published
from mousepose.body.model import BodyModel
from mousepose.body.postures import posture
from mousepose.ct.joints.joints import locate_joints
from mousepose.ct.registration.register_body import register_body
from mousepose.ct.segmentation.segment import segment
from mousepose.ct.surfaces.surface import surface_of
from mousepose.ct.surfaces.surface_measure import measured as measured_surface
from mousepose.ct.types import NamedPoints, Surface, Volume

POSTURES = ("walking", "rearing", "curled", "grooming")


def measure(options: argparse.Namespace) -> Measured:
    """Compare the two bodies."""
    measured = Measured("Body models side by side", ("what", "published", "ours", "CT 41"))
    path = folder(options.data, "mouse_pose_dataset_samples") / "ct_slices_41_intensity.npz"
    with np.load(path) as file:
        matrix = np.diag([*file["spacing_mm"], 1.0])
        scan = Volume(file["intensity"], matrix, hounsfield=False, name="CT 41")
    found = segment(scan)
    joints, skin = locate_joints(found), surface_of(found.body, scan, faces=20_000)
    bodies = {
        "published": load_published(folder(options.data, "google_mouse_pose_analysis")),
        "ours": default_body(),
    }
    figures = {name: _figures(body, skin, joints) for name, body in bodies.items()}
    real = _real_lengths(bodies["ours"], joints)
    for what in figures["ours"]:
        cells = [figures[name].get(what, float("nan")) for name in bodies]
        measured.add_row(what, *cells, real.get(what, ""))
    for name, found_figures in figures.items():
        measured.add_figures(name, found_figures)
    measured.add_figures("real", real)
    measured.ran_on += ["google_mouse_pose_analysis", "CT 41 (mouse_pose_dataset_samples)"]
    return measured


def _figures(body: BodyModel, skin: Surface, joints: NamedPoints) -> dict[str, float]:
    assert body.mesh is not None
    rest = measured_surface(Surface(body.mesh.vertices, body.mesh.faces))
    lengths = np.linalg.norm(body.bone_vectors, axis=1)
    names = body.skeleton.joint_names
    figures = {
        f"{name}_mm": float(lengths[names.index(name)])
        for name in names[1:]
        if not name.startswith("RIGHT_")
    }
    figures |= {
        "vertices": float(rest.vertices),
        "watertight": float(rest.watertight),
        "minimum_angle": rest.minimum_angle,
        "median_minimum_angle": rest.median_minimum_angle,
        "crossings": float(rest.self_intersections),
    }
    for name in POSTURES:
        posed = Surface(body.vertices(posture(body, name)), body.mesh.faces)
        figures[f"crossings_{name}"] = float(measured_surface(posed).self_intersections)
    known = [joints.names.index(name) for name in names if name in joints.names]
    own = NamedPoints(
        tuple(joints.names[k] for k in known), joints.points[known], joints.confidence[known]
    )
    laid = register_body(body, skin, own)
    seen = laid.error[laid.matched > 0.5]
    return figures | {
        "scan_mm": float(np.median(seen)), "scan_p90_mm": float(np.quantile(seen, 0.9)),
    }  # fmt: skip


def _real_lengths(body: BodyModel, joints: NamedPoints) -> dict[str, float]:
    """Return the lengths of the real mouse's bones, means of left and right."""
    names, place = body.skeleton.joint_names, dict(zip(joints.names, joints.points, strict=True))
    lengths: dict[str, list[float]] = {}
    for joint, parent in enumerate(body.skeleton.parents):
        if parent < 0 or names[joint] not in place or names[parent] not in place:
            continue
        length = float(np.linalg.norm(place[names[joint]] - place[names[parent]]))
        key = names[joint].replace("RIGHT_", "LEFT_")
        lengths.setdefault(f"{key}_mm", []).append(length)
    means = {
        name: float(np.nanmean(values))
        for name, values in lengths.items()
        if np.isfinite(values).any()
    }
    return {name: value for name, value in means.items() if np.isfinite(value)}


def main() -> int:
    """Run from the command line."""
    return run(arguments(__doc__), measure)


if __name__ == "__main__":
    sys.exit(main())
