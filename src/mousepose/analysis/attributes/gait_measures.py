"""Gait as features: the strides of a recording, fore and hind limbs side by side."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mousepose.analysis.gait import Gait

if TYPE_CHECKING:
    import pandas as pd

_OF_STRIDES = (
    "stride_length_mm", "step_length_mm", "base_of_support_mm", "stride_period_s", "stance_s",
    "swing_s", "duty_factor", "stride_frequency_hz", "speed_mm_s", "swing_speed_mm_s",
    "paw_height_mm", "knee_range_deg", "hip_range_deg", "elbow_range_deg", "shoulder_range_deg",
    "spine_range_deg", "nose_lateral_mm", "tail_lateral_mm",
)  # fmt: skip
_OF_RHYTHM = ("stride_frequency_hz", "stride_length_mm", "strength")
_OTHER_SIDE = {"left": "right", "right": "left"}


def gait_segments(gait: Gait) -> pd.DataFrame:
    """Return a row for each usable stride and each window of rhythm, in the columns' own units.

    What is told of a fore limb begins with `fore_`, of a hind limb with `hind_`, by the rhythm with
    `rhythm_`; each row knows one of the three. `phase` is the cosine of when the limb across comes
    down: -1 where the two alternate, 1 where they go together.
    """
    import pandas as pd

    strides = gait.strides[gait.strides["quality"].isin(("good", "no paw"))]
    parts = []
    for girdle in ("fore", "hind"):
        for side, across in _OTHER_SIDE.items():
            own = strides[strides["limb"] == f"{side} {girdle}"]
            phase = own[f"phase_{across}_{girdle}"].astype(float)
            part = own[list(_OF_STRIDES)].astype(float)
            parts.append(part.assign(phase=np.cos(2 * np.pi * phase)).add_prefix(f"{girdle}_"))
    parts.append(gait.rhythm[list(_OF_RHYTHM)].astype(float).add_prefix("rhythm_"))
    filled = [part for part in parts if len(part)]
    columns = list(dict.fromkeys(name for part in parts for name in part))
    if not filled:
        return pd.DataFrame(columns=columns, dtype=float)
    return pd.concat(filled, ignore_index=True).reindex(columns=columns)
