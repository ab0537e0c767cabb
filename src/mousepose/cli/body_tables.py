"""What a body model is, as tables on the terminal."""

from __future__ import annotations

import numpy as np
from rich.console import Console
from rich.table import Table

from mousepose.body.model import BodyModel


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
