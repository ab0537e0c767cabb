"""Settling by time what one frame cannot tell: a mirrored limb or trunk fits an image as well.

A track is begun anew at anchors. Where the pose jumps at one, the animal did not: one side of the
jump is wrong. Each side is then fitted from the other, and of the two tracks without the jump the
one of less energy stays.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from mousepose.fit import terms
from mousepose.fit.arrays import BodyArrays, Points, PoseArrays, Views, Weights
from mousepose.fit.place import fit_each
from mousepose.types import Floats, Ints

#: mm by which joints differ on average from one frame to the next where a pose jumps.
_JUMP = 10.0
#: A jump stays where removing it costs this much energy a frame more: it may be a cut in the video.
_CUT = 5.0


def settle(
    body: BodyArrays, views: Views, weights: Weights, points: Points, poses: PoseArrays,
    found: Floats, anchors: Ints, iterations: int,
) -> None:  # fmt: skip
    """Remove jumps of `poses` (T) at `anchors` (places of frames), in place, with cost `found`."""
    ends = np.append(anchors[1:], len(found))
    jumps = np.append(False, _jumps(body, poses, anchors[1:]))
    for k in range(1, len(anchors)):
        if not jumps[k]:
            continue
        start = int(anchors[k])
        before = np.arange(anchors[k - 1], start)[::-1]
        after = np.arange(start, ends[k])
        tried = []
        for part, origin in ((before, start), (after, start - 1)):
            new = poses.take(np.full(len(part), origin))
            cut = Points(points.xy[part], points.covariance[part])
            chained = np.arange(len(part)) > 0
            cost, _ = fit_each(body, views, weights, cut, new, iterations, chained)
            tried.append((float(cost.sum() - found[part].sum()), part, new, cost))
        gain, part, new, cost = min(tried, key=lambda item: item[0])
        if gain < _CUT * len(part):
            write_poses(poses, part, new)
            found[part] = cost
            if part is after and k + 1 < len(anchors):
                jumps[k + 1] = _jumps(body, poses, anchors[k + 1 : k + 2])[0]


def write_poses(poses: PoseArrays, frames: Ints, new: PoseArrays) -> None:
    """Put `new` poses in the place of some."""
    for old, fresh in zip(poses, new, strict=True):
        old[frames] = fresh


def _jumps(body: BodyArrays, poses: PoseArrays, frames: Ints) -> NDArray[np.bool_]:
    """Return at which frames (K,) the pose is another than in the frame before."""
    joints = [terms.motion(body, poses.take(f)).joint for f in (frames - 1, frames)]
    before, after = (joint - joint.mean(axis=1, keepdims=True) for joint in joints)
    return np.asarray(np.linalg.norm(after - before, axis=-1).mean(axis=1) > _JUMP)
