"""What is known of a mouse of a cage for good: its body, how it moves, the floor it walks on.

It is learned from the first segment with enough of it to see, and kept as a file of the store.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from mousepose.analysis.floor import Floor
from mousepose.analysis.motion import motion_of
from mousepose.errors import FileError, InputError
from mousepose.fit.setup import Animal, Setup
from mousepose.monitor.records import Written
from mousepose.monitor.stages.work import CageWork, Store
from mousepose.monitor.store.layout import named
from mousepose.run.gait_parts import floor_of
from mousepose.types import PoseSequence

#: An animal that was seen in fewer frames is not kept: a later segment shows more of it.
LEAST_FRAMES = 200
#: Where up is in the axes of a camera that looks straight at the cage: x right, y down, z away.
_UP = {"top": (0.0, 0.0, -1.0), "bottom": (0.0, 0.0, 1.0)}


@dataclass(frozen=True, eq=False)
class Known:
    """An `animal`, and its `floor` in the axes of the poses, None where it could not be found."""

    animal: Animal
    floor: Floor | None

    def to_bytes(self) -> bytes:
        """Return it as JSON."""
        floor = None
        if self.floor is not None:
            floor = {"turn": self.floor.turn.tolist(), "height_mm": self.floor.height}
        return json.dumps({"animal": self.animal.to_dict(), "floor": floor}).encode()

    @classmethod
    def of_bytes(cls, content: bytes) -> Known:
        """Return what `to_bytes` gave. Raises `FileError` for anything else."""
        try:
            plain = json.loads(content)
            floor = plain["floor"]
            if floor is not None:
                floor = Floor(np.array(floor["turn"], np.float64), float(floor["height_mm"]))
            return cls(Animal.from_dict(plain["animal"]), floor)
        except (ValueError, KeyError, TypeError) as error:
            raise FileError(f"what is known of an animal cannot be read: {error}") from error


def known_animal(files: Sequence[Written], mouse: str, store: Store) -> Known | None:
    """Return the first animal of a name among files of the store, None where there is none."""
    for written in files:
        if mouse_of(written) == mouse:
            return Known.of_bytes(store.read_bytes(written))
    return None


def mouse_of(written: Written) -> str:
    """Return the mouse that a file of the store is of, "" for one of all mice."""
    name = named(written.key)
    return "" if name is None else name.part


def floor_under(poses: PoseSequence, setup: Setup, cage: CageWork) -> Floor | None:
    """Return the floor in the axes of poses: as said, as the camera knows it, or from the paws.

    To a camera above or below the cage of which no floor is known, up is along its axis: seen from
    there the paws tell it worse. None where too little is known of them.
    """
    plane, up = setup.floor(), cage.up
    if up is None and setup.frame == "camera":
        if plane is not None:
            return Floor.level(plane[:3], -float(plane[3]))
        up = _UP.get(cage.view or "")
    try:
        return floor_of(motion_of(poses), up, poses.frame)[0]
    except InputError:
        return None
