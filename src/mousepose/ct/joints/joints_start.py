"""Where the fit of a limb's bones begins: each bone laid along the limb's chain of places."""

from __future__ import annotations

import numpy as np

from mousepose.body.model import BodyModel
from mousepose.ct.joints.joints_atlas import Piece
from mousepose.types import Floats


def girdle_turn(body: BodyModel, frame: Floats) -> Floats:
    """Return the turn (3, 3) from rest to the spine's `frame`: forward, left, up as rows."""
    return np.asarray(frame.T @ body.axes)


def limb_turns(pieces: list[Piece], places: Floats, girdle: Floats) -> Floats:
    """Return the turns (4, 3, 3) that lay a limb's bones along its four `places` (4, 3) mm.

    The first piece, of the pelvis or the shoulder, turns with the trunk: `girdle`. The plane of
    each bone and its neighbour tells how the bone is turned about itself.
    """
    rest = np.array([pieces[1].pivot, *(piece.end for piece in pieces[1:])])
    old, new = np.diff(rest, axis=0), np.diff(places, axis=0)
    turns = [girdle]
    for k in range(3):
        other = 1 if k == 0 else k - 1
        # a bone and the one before it bend the other way round than it and the next one
        turns.append(turn_between(old[k], old[other], new[k], new[other]))
    return np.array(turns)


def turn_between(first: Floats, second: Floats, to_first: Floats, to_second: Floats) -> Floats:
    """Return the turn (3, 3) that takes the direction of `first` to that of `to_first`.

    And the plane of `first` and `second` to that of `to_first` and `to_second`.
    """
    return np.asarray(_frame(to_first, to_second).T @ _frame(first, second))


def _frame(first: Floats, second: Floats) -> Floats:
    along = first / np.linalg.norm(first)
    across = np.cross(along, second)
    size = float(np.linalg.norm(across))
    if size < 1e-6 * float(np.linalg.norm(second)):
        across = np.cross(along, np.eye(3)[np.argmin(np.abs(along))])
        size = float(np.linalg.norm(across))
    across = across / size
    return np.stack([along, np.cross(across, along), across])
