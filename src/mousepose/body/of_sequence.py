"""The body that a sequence was fitted with, and its skin in one frame."""

from __future__ import annotations

import numpy as np

from mousepose.body.default import default_body
from mousepose.body.model import BodyModel
from mousepose.errors import InputError
from mousepose.sequence import pose_at
from mousepose.types import Floats, Ints, PoseSequence


def body_of(sequence: PoseSequence, body: BodyModel | None = None) -> BodyModel:
    """Return `body`, or the default one where none is given, if the sequence was fitted with it.

    Raises `InputError` where the sequence has other joints or names another body.
    """
    body = default_body() if body is None else body
    fitted = str(sequence.provenance.get("body", body.name))
    if sequence.joint_names != body.skeleton.joint_names or fitted != body.name:
        other = repr(fitted) if fitted != body.name else f"{len(sequence.joint_names)} joints"
        raise InputError(
            f"this sequence was fitted with another body ({other}) than {body.name!r}: give its "
            "body, as body=load_body(PATH)"
        )
    return body


def mesh_of(
    sequence: PoseSequence, frame: int, body: BodyModel | None = None
) -> tuple[Floats, Ints]:
    """Return the skin of one frame: vertices (V, 3) mm in the sequence's frame, faces (F, 3).

    `frame` is its place in the sequence, negative from the end. Raises `IndexError` where it has no
    such frame, `InputError` where the body has no skin and where the frame has no estimate.
    """
    body = body_of(sequence, body)
    if body.mesh is None:
        raise InputError(
            f"body {body.name!r} has no skin: reconstruct with a body that has one, and give it "
            "here too"
        )
    pose = pose_at(sequence, frame)
    if not np.isfinite(pose.root_translation).all():
        raise InputError(f"frame {frame} has no estimate, so it has no mesh")
    return body.vertices(pose), body.mesh.faces
