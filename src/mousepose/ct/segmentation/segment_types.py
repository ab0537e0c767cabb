"""What a scan's voxels are: the types that segmentation and its verdict share."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from functools import cached_property
from typing import Literal

from mousepose.ct.segmentation.segment_levels import Levels
from mousepose.ct.segmentation.segment_shapes import Mask
from mousepose.ct.types import Volume
from mousepose.errors import InputError
from mousepose.types import Floats

Progress = Callable[[str, float], None]
Verdict = Literal["good", "doubtful", "unusable"]


@dataclass(frozen=True)
class Note:
    """One thing found in a scan: `code` for programs, `text` for people.

    `severity` is "unusable" where no body may be built from the scan, "doubtful" where a person
    should look, "note" where it only has to be known.
    """

    code: str
    severity: Literal["note", "doubtful", "unusable"]
    text: str


@dataclass(frozen=True, eq=False)
class Segmentation:
    """What a scan's voxels are: `body` and `bone` (X, Y, Z), on the grid of `volume`.

    `body` is filled: lungs and gas in the gut belong to it. `metal` is left out of the bone.
    `braincase` is the middle of the brain (3,) in RAS mm or None; `headward` and `ventral` (3,) are
    unit vectors in RAS as the animal itself shows them, whatever the header says.
    """

    volume: Volume
    body: Mask
    bone: Mask
    metal: Mask
    levels: Levels
    braincase: Floats | None
    headward: Floats
    ventral: Floats
    notes: tuple[Note, ...]

    @property
    def verdict(self) -> Verdict:
        """Return the worst of the notes."""
        severities = {note.severity for note in self.notes}
        if "unusable" in severities:
            return "unusable"
        return "doubtful" if "doubtful" in severities else "good"

    @cached_property
    def body_ml(self) -> float:
        """Return the volume of the body in ml."""
        return float(self.body.sum() * self.volume.spacing.prod() / 1000)

    @cached_property
    def bone_ml(self) -> float:
        """Return the volume of the bone in ml."""
        return float(self.bone.sum() * self.volume.spacing.prod() / 1000)

    def require_usable(self) -> None:
        """Raise `InputError` with all that is wrong where the verdict is "unusable"."""
        if self.verdict == "unusable":
            told = "; ".join(note.text for note in self.notes if note.severity == "unusable")
            raise InputError(f"scan {self.volume.name!r} cannot be used: {told}")
