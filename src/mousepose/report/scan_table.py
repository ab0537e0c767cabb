"""The words and figures beside a scan's pictures: bone lengths and the notes of the verdict."""

from __future__ import annotations

import textwrap

import numpy as np
from matplotlib.axes import Axes

from mousepose.ct.segmentation.segment_types import Segmentation
from mousepose.ct.types import NamedPoints
from mousepose.report.canvas import GREEN, GREY, INK, ORANGE, VERMILLION
from mousepose.skeleton import PUBLISHED_PARENTS, TAIL_PARENTS

#: What ankle and wrist are hung on; a paw hangs on them where they are known.
_INNER = {"HIND_PAW": ("ANKLE", "KNEE"), "FORE_PAW": ("WRIST", "ELBOW")}
#: What people call the bone that ends at a joint.
_BONE_NAMES = {
    "SPINE_MID": "chest (T1 to T13)",
    "SPINE_HIP": "loin (T13 to sacrum)",
    "ROOT_TAIL": "sacrum to tail root",
    "MID_TAIL": "tail, first half",
    "TIP_TAIL": "tail, second half",
    "NECK": "neck",
    "NOSE": "head, neck to nose",
    "HIP": "spine to hip",
    "KNEE": "femur",
    "ANKLE": "tibia",
    "HIND_PAW": "ankle to middle of paw",
    "SHOULDER": "spine to shoulder",
    "ELBOW": "humerus",
    "WRIST": "radius",
    "FORE_PAW": "wrist to middle of paw",
}
_COLOURS = {"good": GREEN, "doubtful": ORANGE, "unusable": VERMILLION, "note": GREY}


def bones_of(joints: NamedPoints) -> list[tuple[str, str]]:
    """Return the bones whose two ends are known: the place at its end, and the one before it."""
    known = {
        name
        for name, point in zip(joints.names, joints.points, strict=True)
        if np.isfinite(point).all()
    }
    parents: dict[str, str | None] = dict(PUBLISHED_PARENTS | TAIL_PARENTS)
    for side in ("LEFT", "RIGHT"):
        for paw, (inner, outer) in _INNER.items():
            if f"{side}_{inner}" in known:
                parents[f"{side}_{paw}"] = f"{side}_{inner}"
                parents[f"{side}_{inner}"] = f"{side}_{outer}"
    return [
        (name, parent)
        for name, parent in parents.items()
        if parent is not None and name in known and parent in known
    ]


def draw_lengths(axes: Axes, joints: NamedPoints) -> None:
    """Write the length of every bone, left and right, with the lower confidence of its ends."""
    place = dict(zip(joints.names, joints.points, strict=True))
    sure = dict(zip(joints.names, joints.confidence, strict=True))
    rows: dict[str, dict[str, str]] = {}
    for name, parent in bones_of(joints):
        side, _, bone = name.partition("_")
        if side not in {"LEFT", "RIGHT"}:
            side, bone = "LEFT", name
        length = float(np.linalg.norm(place[name] - place[parent]))
        confidence = min(sure[name], sure[parent])
        rows.setdefault(bone, {})[side] = f"{length:.2f}  ({confidence:.2f})"
    axes.axis("off")
    axes.set_title("Bone lengths, mm (confidence)")
    lines = [(_BONE_NAMES[bone], rows[bone]) for bone in _BONE_NAMES if bone in rows]
    for column, text in ((0.0, ""), (0.56, "left or middle"), (0.82, "right")):
        axes.text(column, 0.97, text, color=GREY, transform=axes.transAxes, va="top")
    for row, (bone, sides) in enumerate(lines):
        at = 0.90 - 0.9 * row / max(len(lines), 12)
        axes.text(0.0, at, bone, transform=axes.transAxes, va="top")
        for column, side in ((0.56, "LEFT"), (0.82, "RIGHT")):
            axes.text(column, at, sides.get(side, ""), transform=axes.transAxes, va="top")


def draw_notes(axes: Axes, found: Segmentation) -> None:
    """Write the body's volume, the thresholds and all notes, each in the colour of its weight."""
    axes.axis("off")
    levels = found.levels
    unit = "HU" if found.volume.hounsfield else "of the scan's units"
    voxel = " x ".join(f"{s:.3g}" for s in found.volume.spacing)
    lines = [
        (f"body {found.body_ml:.1f} ml, bone {found.bone_ml:.2f} ml", INK),
        (f"voxels {voxel} mm", INK),
        (f"skin above {levels.skin:.0f}, bone above {levels.bone:.0f} {unit}", INK),
        (f"verdict: {found.verdict}", _COLOURS[found.verdict]),
        *((note.text, _COLOURS[note.severity]) for note in found.notes),
    ]
    at = 1.0
    for text, colour in lines:
        wrapped = textwrap.wrap(text, 46)
        axes.text(0, at, "\n".join(wrapped), color=colour, transform=axes.transAxes, va="top")
        at -= 0.02 + 0.085 * len(wrapped)
