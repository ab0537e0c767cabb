"""The clips that a report plays: poses on the stage, small numbers in base64, and the skin once."""

from __future__ import annotations

import base64
from collections.abc import Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from mousepose.body.model import BodyModel
from mousepose.report.page_stage import Stage
from mousepose.report.stick import Stick, trunk_of
from mousepose.run.report_result import Result
from mousepose.run.report_survey import Clip
from mousepose.types import Floats, PoseSequence

#: Frames of a clip at most: those of a fast camera are thinned.
_MOST_FRAMES = 90
#: The player names bones and faces by small numbers.
_MOST_BONES, _MOST_VERTICES = 255, 65_535
_UPPER = ((0, 0, 0, 1, 1, 2), (0, 1, 2, 1, 2, 2))


def player_data(
    result: Result, stage: Stage, clips: Sequence[Clip], body: BodyModel | None
) -> dict[str, Any]:
    """Return what the player reads, plain data for JSON.

    `body` None, or one without a skin, plays the skeleton alone.
    """
    stick = Stick.of(result.keypoint_names)
    if body is not None and not _playable(body):
        body = None
    return {
        "names": list(result.keypoint_names),
        "edges": [[int(a), int(b)] for a, b in stick.edges],
        "colours": stick.colours,
        "clips": [_clip(result, stage, clip, body) for clip in clips],
        "mesh": None if body is None else _mesh(body),
    }


def _playable(body: BodyModel) -> bool:
    mesh = body.mesh
    return (
        mesh is not None and len(mesh.vertices) <= _MOST_VERTICES and len(body.rest) <= _MOST_BONES
    )


def _clip(result: Result, stage: Stage, clip: Clip, body: BodyModel | None) -> dict[str, Any]:
    step = max(1, -(-(clip.stop - clip.start) // _MOST_FRAMES))
    pieces = [piece[::step] for piece in result.span(clip.start, clip.stop)]
    points = stage.place(np.concatenate([piece.keypoints for piece in pieces]))
    spread = stage.spread(np.concatenate([piece.covariance for piece in pieces]))
    times = np.concatenate([piece.times for piece in pieces])
    told: dict[str, Any] = {
        "title": clip.title,
        "why": clip.why,
        "frames": len(times),
        "interval": result.interval * step,
        "times": times.round(6).tolist(),
        "numbers": np.concatenate([piece.frame_numbers for piece in pieces]).tolist(),
        "points": _packed(points),
        "covariance": _packed(spread[..., _UPPER[0], _UPPER[1]]),
        "state": _packed(np.concatenate([piece.state for piece in pieces]), np.uint8),
        "middle": _packed(_middles(np.concatenate([stage.place(trunk_of(p)) for p in pieces]))),
        "bones": None,
        "drive": None,
    }
    if body is not None and body.mesh is not None:
        told["bones"] = _packed(np.concatenate([_bones(body, stage, piece) for piece in pieces]))
        turns = np.concatenate([piece.pose.joint_rotation for piece in pieces])
        told["drive"] = _packed(np.einsum("pjx,tjx->tp", body.mesh.drivers, turns))
    return told


def _bones(body: BodyModel, stage: Stage, piece: PoseSequence) -> Floats:
    """Return the maps (T, J, 3, 4) that carry rest points to the stage."""
    maps = body.bone_transforms(piece.pose)
    moved = stage.turn @ maps
    moved[..., 3] += stage.shift
    return np.asarray(moved)


def _middles(trunk: Floats) -> Floats:
    """Return where to look (T, 3): the trunk; where it is not known, where it was."""
    known = np.isfinite(trunk).all(axis=1)
    if not known.any():
        return np.zeros_like(trunk)
    last = np.maximum.accumulate(np.where(known, np.arange(len(trunk)), np.argmax(known)))
    return np.asarray(trunk[last])


def _mesh(body: BodyModel) -> dict[str, Any]:
    """Return the skin: rest vertices, faces, sparse weights, and the bulges as whole numbers."""
    mesh = body.mesh
    if mesh is None:
        raise AssertionError("only bodies with a skin come here")
    weights = mesh.sparse_weights
    largest = float(np.abs(mesh.bulges).max()) if mesh.bulges.size else 0.0
    unit = largest / 32_767 if largest else 1.0
    return {
        "vertices": _packed(mesh.vertices),
        "faces": _packed(mesh.faces, np.uint16),
        "start": _packed(weights.start, np.uint32),
        "bone": _packed(weights.bone, np.uint8),
        "weight": _packed(weights.value),
        "bulges": _packed(np.rint(mesh.bulges / unit), np.int16),
        "bulge_unit": unit,
        "bulge_count": len(mesh.bulges),
    }


def _packed(values: NDArray[Any], kind: type[np.generic] = np.float32) -> str:
    data = np.ascontiguousarray(values, np.dtype(kind).newbyteorder("<"))
    return base64.b64encode(data.tobytes()).decode("ascii")
