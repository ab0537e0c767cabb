"""Joint angles as a table."""

from __future__ import annotations

from typing import TYPE_CHECKING

from mousepose.body.model import BodyModel
from mousepose.body.of_sequence import body_of
from mousepose.report.angles import MEANING, joint_angles
from mousepose.types import Floats, PoseSequence

if TYPE_CHECKING:
    import pandas as pd


def tabulate_angles(sequence: PoseSequence, body: BodyModel | None = None) -> pd.DataFrame:
    """Return anatomical angles and their standard deviations in degrees, indexed by time in s.

    Columns are "left knee" and "left knee sd", and so on: knee, hip, elbow and shoulder of both
    sides, and the spine. A straight knee, elbow or spine has 180 degrees; hip and shoulder are
    measured between limb and trunk. `attrs` say so too. The standard deviation is to first order.
    Raises `InputError` where `body`, by default the shipped one, is not that of the fit.
    """
    import pandas as pd

    angles = joint_angles(body_of(sequence, body), sequence)
    columns: dict[str, Floats] = {}
    for name, degrees in angles.degrees.items():
        columns |= {name: degrees, f"{name} sd": angles.sd[name]}
    table = pd.DataFrame(columns, index=pd.Index(sequence.times, name="time_s"))
    table.attrs = {"units": "degrees", "meaning": dict(MEANING), "animal": sequence.animal}
    return table
