"""How far tracked points lie from the poses in px, where the tracker's file is still at hand."""

from __future__ import annotations

from dataclasses import dataclass
from itertools import islice
from pathlib import Path

import numpy as np

from mousepose.body.keypoint_map import KeypointMap, load_keypoint_map, shipped_maps
from mousepose.body.model import BodyModel
from mousepose.errors import InputError, MouseposeError
from mousepose.geometry.camera import Camera
from mousepose.io import iterate_keypoints
from mousepose.run.report_result import Result
from mousepose.run.residuals import reprojection_residuals
from mousepose.sequence import join_sequences
from mousepose.types import Floats

#: Frames that tell how large residuals are; more do not change it.
_FRAMES = 3000


@dataclass(frozen=True, eq=False)
class Residuals:
    """Distances (N, M) px of `marks` over some frames, NaN where a mark was not tracked."""

    marks: tuple[str, ...]
    distances: Floats


def residuals_of(
    result: Result, keypoints: Path, camera: Camera, body: BodyModel
) -> Residuals | None:
    """Return the residuals of the first frames; None where files and poses do not go together.

    The keypoint map is the shipped one whose description the result bears; with a map of one's own
    nothing is known of the marks.
    """
    keypoint_map = _map_of(result)
    if keypoint_map is None:
        return None
    count = min(_FRAMES, len(result))
    try:
        tracked = next(islice(iterate_keypoints(keypoints, count), 1), None)
        if tracked is None or len(tracked) != count:
            return None
        poses = join_sequences(result.span(0, count))
        distances, marks = reprojection_residuals(
            poses, tracked, [camera], body, keypoint_map, _offsets(result)
        )
    except (MouseposeError, IndexError):
        return None
    return Residuals(marks, distances[:, 0])


def _map_of(result: Result) -> KeypointMap | None:
    wanted = result.provenance.get("keypoint_map")
    for name in shipped_maps():
        known = load_keypoint_map(name)
        if known.description == wanted:
            return known
    return None


def _offsets(result: Result) -> Floats | None:
    """Return where the marks sit on this animal (M, 3) mm, where that was learned."""
    animal = result.provenance.get("animal")
    given = animal.get("offset_mm") if isinstance(animal, dict) else None
    if given is None:
        return None
    offsets = np.asarray(given, np.float64)
    if offsets.ndim != 2 or offsets.shape[1] != 3:
        raise InputError(f"{result.path}: offset_mm is no table of points")
    return offsets
