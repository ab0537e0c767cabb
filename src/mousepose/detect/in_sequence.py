"""Keypoints of crops that follow one another: which way a mouse heads is known from its neighbours.

A network that wants mice to head up looks twice at each crop of which nothing is known. In a film
it looks at every `EVERY`-th crop of a mouse first; between two of those the mouse turns little, and
one look is enough for most.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mousepose.body.heading import headings
from mousepose.detect.network import VIEWS, CropKeypoints, KeypointModel
from mousepose.detect.published_network import PublishedModel
from mousepose.detect.upright import UP
from mousepose.types import Bytes, Floats, Ints

#: Of so many crops of a mouse one is looked at first.
EVERY = 8


def predict_in_sequence(
    model: KeypointModel | PublishedModel, crops: Bytes, who: Ints, view: str | None = None
) -> CropKeypoints:
    """Return the keypoints of crops (N, S, S) of mice `who` (N,), each in the order of time.

    The same as `model.predict` but for what a crop turned by a little less or more shows. Raises as
    that.
    """
    if isinstance(model, PublishedModel) or not model.description.input.upright:
        return model.predict(crops, view)
    if view == "side" or len(crops) <= EVERY:
        return model.predict(crops, view)
    turn = np.zeros(len(crops))
    for mouse in np.unique(who):
        rows = np.flatnonzero(who == mouse)
        first = np.unique(np.r_[0 : len(rows) : EVERY, len(rows) - 1])
        seen = model.predict(crops[rows[first]], view)
        wanted = UP - headings(seen.xy, model.names, np.nan_to_num(seen.confidence))
        if view in (None, "unknown"):
            wanted[~(seen.view[:, VIEWS.index("side")] < 0.5)] = np.nan
        turn[rows] = between(wanted, first, len(rows))
    return model.predict(crops, view, turn=turn)


def between(angle: Floats, places: NDArray[np.int64], count: int) -> Floats:
    """Return angles (count,) of which those at `places` (M,) are known, NaN = not after all.

    Between two of them an angle goes the shorter way round; zeros where none is known.
    """
    known = np.isfinite(angle)
    if not known.any():
        return np.zeros(count)
    return np.asarray(np.interp(np.arange(count), places[known], np.unwrap(angle[known])))
