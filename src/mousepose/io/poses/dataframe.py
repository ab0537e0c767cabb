"""A sequence as a table of pandas, with the columns of its Parquet file or a row for each point."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal

import numpy as np
from numpy.typing import NDArray

from mousepose.errors import InputError
from mousepose.io.poses.sequence_layout import AXES, Layout
from mousepose.types import PoseSequence, State, Status

if TYPE_CHECKING:
    import pandas as pd

Form = Literal["wide", "long", "file"]

#: Told in `DataFrame.attrs`.
UNITS = {
    "position": "mm",
    "standard deviation": "mm",
    "covariance": "mm^2",
    "rotation": "rad",
    "time": "s",
}


def to_dataframe(sequence: PoseSequence, form: Form = "wide") -> pd.DataFrame:
    """Return a sequence as a table; its `attrs` hold units, frame of reference and scale.

    "wide": a row for each frame, with `NOSE_x`, `NOSE_y`, `NOSE_z` mm and `NOSE_state` of every
    keypoint. "long": a row for each frame and keypoint, with `x`, `y`, `z` and their standard
    deviations `x_sd`, `y_sd`, `z_sd` mm. "file": every column of the Parquet file, covariances and
    rotations too. Raises `InputError` on another form.
    """
    if form == "long":
        table = _long(sequence)
    elif form in ("wide", "file"):
        table = _wide(sequence, whole=form == "file")
    else:
        raise InputError(f"form: expected 'wide', 'long' or 'file', got {form!r}")
    table.attrs = {
        "units": UNITS,
        "frame": sequence.frame,
        "scale_source": sequence.scale_source,
        "animal": sequence.animal,
    }
    return table


def _wide(sequence: PoseSequence, whole: bool) -> pd.DataFrame:
    layout = Layout.of(sequence)
    table = layout.table(sequence)
    if not whole:
        kept = [f"{name}_{part}" for name in sequence.keypoint_names for part in (*AXES, "state")]
        table = table.select(["frame", "time_s", "animal", "status", *kept])
    frame: pd.DataFrame = table.to_pandas(ignore_metadata=True)
    return frame


def _long(sequence: PoseSequence) -> pd.DataFrame:
    import pandas as pd

    def category(codes: NDArray[Any], names: Sequence[str]) -> pd.Categorical[str]:
        return pd.Categorical.from_codes(codes.astype(np.int64), categories=pd.Index(names))

    frames, keypoints = sequence.state.shape
    variance = np.diagonal(sequence.covariance, axis1=-2, axis2=-1)
    points, spread = sequence.keypoints.reshape(-1, 3), np.sqrt(variance).reshape(-1, 3)
    states = [state.name.lower() for state in State]
    statuses = [status.name.lower() for status in Status]
    columns: dict[str, Any] = {
        "frame": np.repeat(sequence.frame_numbers, keypoints),
        "time_s": np.repeat(sequence.times, keypoints),
        "animal": category(np.zeros(frames * keypoints), [sequence.animal]),
        "status": category(np.repeat(sequence.report.status, keypoints), statuses),
        "keypoint": category(np.tile(np.arange(keypoints), frames), sequence.keypoint_names),
        "state": category(sequence.state.reshape(-1), states),
    }
    columns |= {axis: points[:, k] for k, axis in enumerate(AXES)}
    columns |= {f"{axis}_sd": spread[:, k] for k, axis in enumerate(AXES)}
    return pd.DataFrame(columns)
