"""What a body model is, as tables on the terminal."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING

import numpy as np
from rich.console import Console
from rich.table import Table

from mousepose.body.model import BodyModel

if TYPE_CHECKING:
    from mousepose.ct.registration.register_body import BodyRegistration
    from mousepose.ct.segmentation.segment_types import Segmentation
    from mousepose.ct.types import NamedPoints
    from mousepose.run.body_build import BuiltBody
    from mousepose.run.body_scans import ScanOutcome


def print_body(body: BodyModel) -> None:
    """Print a body's bones with their lengths, the ways in which it differs, and its skin."""
    console = Console()
    lengths = np.linalg.norm(body.bone_vectors, axis=1)
    table = Table("bone", "length, mm", title=f"{body.name}: {body.source}", title_justify="left")
    for name, length in list(zip(body.skeleton.joint_names, lengths, strict=True))[1:]:
        if not name.startswith("RIGHT_"):
            table.add_row(name, f"{length:.1f}")
    console.print(table)
    space = body.shape_space
    shapes = ", ".join(f"{n} ({s:.3f})" for n, s in zip(space.names, space.sd, strict=True))
    scans = f" from {space.n_scans} scans" if space.n_scans else ""
    console.print(f"shapes, with the SD of log lengths{scans}: {shapes}")
    mesh = body.mesh
    if mesh is None:
        console.print("skin: none")
        return
    builds = ", ".join(mesh.build_names) or "none"
    coat = "none" if mesh.coat is None else f"up to {mesh.coat.max():.1f} mm"
    console.print(
        f"skin: {len(mesh.vertices):,} vertices, {len(mesh.faces):,} triangles; builds: {builds}; "
        f"coat: {coat}; bulges: {len(mesh.bulges)}"
    )


def print_scans(outcomes: Sequence[ScanOutcome]) -> None:
    """Print what became of every scan."""
    table = Table("scan", "skin off, mm", "seconds", "what to look at")
    for one in outcomes:
        error = "" if one.error is None else f"{np.nanmedian(one.error):.2f}"
        told = "; ".join(one.notes) if one.good else f"[red]left out[/]: {one.reason}"
        table.add_row(one.name, error, f"{one.seconds:.0f}" if one.seconds else "", told)
    Console().print(table)


def print_built(built: BuiltBody) -> None:
    """Print a body's measures and how good its shape space is."""
    print_body(built.body)
    console = Console()
    bones, skin = built.bone_curves, built.skin_curves
    console.print(
        f"{bones.components[-1]} components hold {bones.compactness[-1]:.0%} of how bone lengths "
        f"differ, an animal left out is {bones.generalisation[-1]:.1%} off; of the skin "
        f"{skin.compactness[-1]:.0%} and {skin.generalisation[-1]:.2f} mm"
    )
    found = built.regression
    if found is None:
        return
    table = Table("shape", *found.names, "told of an animal left out (R²)")
    for k, name in enumerate(built.body.shape_space.names):
        cells = [f"{value:+.3f}" for value in found.slope[:, k]]
        table.add_row(name, *cells, f"{found.held_out_r2[k]:.2f}")
    console.print(table)


def print_fit(segmentation: Segmentation, joints: NamedPoints, found: BodyRegistration) -> None:
    """Print what a scan shows and how the body lies on it."""
    console = Console()
    console.print(
        f"body {segmentation.body_ml:.1f} ml, bone {segmentation.bone_ml:.2f} ml: "
        f"{segmentation.verdict}"
    )
    for text in (*(note.text for note in segmentation.notes), *found.notes):
        console.print(f"  {text}")
    sure = dict(zip(joints.names, joints.confidence, strict=True))
    table = Table("bone", "length, mm", "confidence of its end")
    for name, length in zip(
        found.body.skeleton.joint_names[1:], found.bone_lengths[1:], strict=True
    ):
        table.add_row(name, f"{length:.1f}", f"{sure.get(name, 0.0):.2f}")
    console.print(table)
    from mousepose.ct.registration.parts import label_parts, part_volumes

    parts = part_volumes(label_parts(segmentation, found), segmentation)
    console.print(", ".join(f"{name} {volume:.2f} ml" for name, volume in parts.items()))
    console.print(f"skin {np.median(found.error):.2f} mm from the scan's (median)")
