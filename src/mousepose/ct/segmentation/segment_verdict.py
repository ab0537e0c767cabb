"""What is wrong with a scan, in plain words: empty, two mice, half a mouse, no mouse, flipped."""

from __future__ import annotations

from itertools import product

import numpy as np

from mousepose.ct.segmentation.segment_types import Note, Segmentation
from mousepose.types import Floats

#: Living mice from a pup at weaning to an obese adult, ml.
_BODY_ML = (5.0, 75.0)
#: Beyond these a mouse is possible but rare.
_COMMON_ML = (9.0, 60.0)
#: Bone's share of the body's volume; 5 to 7 % are common, coarse voxels make it more or less.
_BONE_SHARE = (0.008, 0.25)
#: Nose to tail base, and with the tail, mm: the longest side of the box about body and bone.
_LENGTH_MM = (45.0, 230.0)
#: A cut through a tail is smaller than this, one through trunk or head larger, mm^2.
_TAIL_CUT_MM2 = 20.0
#: And a cut through a paw or a fold of skin is smaller than this.
_TRUNK_CUT_MM2 = 60.0
#: A cut with this share of the largest cross section along its axis goes through the trunk.
_HALF_SHARE = 0.4
_SIDES = (("left", "right"), ("dorsal", "ventral"), ("tail", "head"))


def notes_on(found: Segmentation, animals: int) -> tuple[Note, ...]:
    """Return all that is to be said of a segmentation, the worst first."""
    if not found.body.any():
        return (
            Note(
                "empty",
                "unusable",
                "the scan is empty: nothing in it stands out from air; expected a mouse",
            ),
        )
    notes = [*_size(found), *_bones(found), *_number(found, animals), *_cuts(found)]
    notes += _turned(found)
    if found.metal.any():
        size = found.metal.sum() * found.volume.spacing.prod()
        notes.append(Note("metal", "note", f"metal ({size:.1f} mm^3 with its glare) was left out"))
    order = ("unusable", "doubtful", "note")
    return tuple(sorted(notes, key=lambda note: order.index(note.severity)))


def _size(found: Segmentation) -> list[Note]:
    low, high = _BODY_ML
    size = found.body_ml
    box = np.argwhere(found.body | found.bone)
    length = float((np.ptp(box, axis=0) * found.volume.spacing).max())
    voxel = " x ".join(f"{s:.3g}" for s in found.volume.spacing)
    advice = f"see whether voxels of {voxel} mm are right, and whether it is a mouse"
    if not low <= size <= high:
        return [
            Note(
                "size",
                "unusable",
                f"the body fills {size:.3g} ml, a mouse {low:g} to {high:g} ml: {advice}",
            )
        ]
    if not _LENGTH_MM[0] <= length <= _LENGTH_MM[1]:
        text = f"the body is {length:.0f} mm long, expected {_LENGTH_MM[0]:.0f} mm or more"
        return [Note("length", "unusable", f"{text}: {advice}")]
    if not _COMMON_ML[0] <= size <= _COMMON_ML[1]:
        text = f"the body fills {size:.3g} ml, which is rare for a mouse: {advice}"
        return [Note("size", "doubtful", text)]
    return []


def _bones(found: Segmentation) -> list[Note]:
    share = found.bone_ml / found.body_ml
    if share < _BONE_SHARE[0]:
        text = f"no bone to speak of ({share:.1%} of the body): no skeleton can be found"
        return [Note("no bone", "unusable", text)]
    if share > _BONE_SHARE[1]:
        text = f"bone makes up {share:.0%} of the body, in a mouse 3 to 10 %: not a mouse"
        return [Note("much bone", "unusable", text)]
    if found.braincase is None:
        text = "no skull: no place in the scan is enclosed by bone on all sides; half a mouse?"
        return [Note("no skull", "unusable", text)]
    return []


def _number(found: Segmentation, animals: int) -> list[Note]:
    if animals < 2:
        return []
    text = f"{animals} animals of like size; scan one at a time, or crop the scan to one"
    return [Note("two animals", "unusable", text)]


def _cuts(found: Segmentation) -> list[Note]:
    """Return a note for every side of the scan at which the body is cut."""
    notes = []
    spacing = found.volume.spacing
    names = _side_names(found)
    for axis, end in product(range(3), (0, -1)):
        face = np.take(found.body, end, axis=axis)
        area = float(face.sum() * np.delete(spacing, axis).prod())
        if area == 0:
            continue
        name = names[axis][0 if end == 0 else 1]
        others = tuple(a for a in range(3) if a != axis)
        if face.sum() > _HALF_SHARE * found.body.sum(axis=others).max():
            what, severity = "the animal, half a mouse:", "unusable"
        elif area < _TAIL_CUT_MM2:
            what, severity = "a small part (tail, paw or skin)", "note"
        elif area < _TRUNK_CUT_MM2:
            what, severity = "a part (limb, nose or skin)", "doubtful"
        else:
            what, severity = "much of the animal", "doubtful"
        text = f"the scan's {name} side cuts {what} {area:.0f} mm^2"
        notes.append(Note("cut", severity, text))  # type: ignore[arg-type]
    return notes


def _turn(found: Segmentation) -> Floats:
    return np.asarray(found.volume.T_world_voxel[:3, :3] / found.volume.spacing)


def _side_names(found: Segmentation) -> list[tuple[str, str]]:
    """Return for each voxel axis what lies at its low and at its high end, as the animal shows."""
    rightward = np.cross(found.ventral, found.headward)
    frame = np.stack([rightward, found.ventral, found.headward])
    along = frame @ _turn(found)  # row: body axis, column: voxel axis
    names = []
    for axis in range(3):
        body_axis = int(np.argmax(np.abs(along[:, axis])))
        low, high = _SIDES[body_axis]
        names.append((low, high) if along[body_axis, axis] > 0 else (high, low))
    return names


def _turned(found: Segmentation) -> list[Note]:
    """Return notes where the animal lies otherwise than the axes say."""
    notes: list[Note] = []
    if found.braincase is None:
        return notes
    for code, direction, axis, threshold in (
        ("turned head", found.headward, 2, 0.5),
        ("turned belly", found.ventral, 1, 0.3),
    ):
        if direction[axis] < threshold:
            side = int(np.argmax(np.abs(direction)))
            where = ("right", "ventral", "head")[side]
            if direction[side] < 0:
                where = ("left", "dorsal", "tail")[side]
            part = code.split()[1]
            text = f"the {part} lies where the axes say {where}; the animal itself was followed"
            notes.append(Note(code, "doubtful", text))
    return notes
