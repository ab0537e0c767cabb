"""Which way a mouse heads in a picture, from whatever keypoints of it are known."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import ArrayLike

from mousepose.types import Floats

#: Where keypoints lie along the trunk, as shares of its length before the pelvis. Limbs are left
#: out: they reach forward and back.
ALONG_TRUNK = {
    "NOSE": 1.3, "LEFT_EAR": 1.0, "RIGHT_EAR": 1.0, "NECK": 0.85,
    "LEFT_SHOULDER": 0.65, "RIGHT_SHOULDER": 0.65, "SPINE_SHOULDER": 0.6, "SPINE_MID": 0.35,
    "SPINE_HIP": 0.0, "LEFT_HIP": 0.0, "RIGHT_HIP": 0.0, "ROOT_TAIL": -0.1,
}  # fmt: skip
#: Points that lie within such a share of the trunk tell no direction.
_LEAST_SPREAD = 0.2


def headings(xy: Floats, names: Sequence[str], weight: ArrayLike | None = None) -> Floats:
    """Return the angles (N,) from tail to nose of keypoints (N, K, 2) px, NaN = not known.

    Radians from the picture's x towards its y: 0 heads right, -pi/2 up. It is the slope of the
    places over how far along the trunk each keypoint lies (weighted least squares; `weight` (N, K),
    1 by default), so it needs no pair of points of its own. NaN where too few points are known.
    """
    along = np.array([ALONG_TRUNK.get(name, np.nan) for name in names])
    known = np.isfinite(xy).all(-1) & np.isfinite(along)
    weights = np.where(known, 1.0 if weight is None else np.asarray(weight), 0.0)
    total = np.maximum(weights.sum(-1), 1e-12)
    share = weights / total[:, None]
    along = np.nan_to_num(along)
    places = np.where(known[..., None], xy, 0.0)
    off = along - (share * along).sum(-1, keepdims=True)
    slope = (share[..., None] * off[..., None] * places).sum(1)
    spread = np.sqrt((share * off**2).sum(-1))
    angle = np.arctan2(slope[:, 1], slope[:, 0])
    told = (spread >= _LEAST_SPREAD) & (np.abs(slope) > 0).any(-1)
    return np.asarray(np.where(told, angle, np.nan))
