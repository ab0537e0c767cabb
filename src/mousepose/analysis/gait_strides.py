"""The table of strides: a row from each contact of a limb to its next, in the field's names."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mousepose.analysis.gait_events import Swings
from mousepose.analysis.gait_support import PATTERNS, support_share
from mousepose.analysis.intervals import at_time, highest_in, mean_in, range_in
from mousepose.analysis.locomotion import Locomotion
from mousepose.analysis.motion import Motion
from mousepose.analysis.point_angles import point_angles
from mousepose.types import Floats, Ints

if TYPE_CHECKING:
    import pandas as pd

#: A stride whose period is not within this factor of the bout's median has lost or gained a step.
_IRREGULAR = 1.6
#: Where a paw is not known for longer than this leaves, a swing may be hidden: no stride.
_GIVEN = 0.8
#: A paw seen in less than this share of a stride is inferred rather than measured.
_SEEN = 0.5
#: A stride length less sure than this share of itself is of little use.
_UNSURE = 0.15
_OTHER_SIDE = {"left": "right", "right": "left"}


def tabulate_strides(
    motion: Motion, locomotion: Locomotion, swings: dict[str, Swings]
) -> pd.DataFrame:
    """Return a row for every stride of every limb; columns and units as in `docs/gait.md`.

    Strides that a gap or the end of a bout cuts have no row. Without locomotion the table is empty,
    with all its columns.
    """
    import pandas as pd

    parts = [_of_limb(motion, locomotion, limb, swings) for limb in swings]
    parts = [part for part in parts if part is not None]
    table = pd.concat(parts, ignore_index=True) if parts else pd.DataFrame(columns=COLUMNS)
    for column in COLUMNS:
        if column not in table:
            table[column] = np.nan
    table = table[list(COLUMNS)].sort_values(["contact_s", "limb"], ignore_index=True)
    table["quality"] = _quality(table)
    return table


#: What the table of strides holds, in order.
COLUMNS = (
    "bout", "limb", "marker", "contact_frame", "contact_s", "contact_sd_s", "lift_off_s",
    "next_contact_s", "stride_length_mm", "stride_length_sd_mm", "step_length_mm",
    "base_of_support_mm", "stride_period_s", "stance_s", "swing_s", "duty_factor",
    "stride_frequency_hz", "speed_mm_s", "swing_speed_mm_s", "paw_height_mm",
    "phase_left_fore", "phase_right_fore", "phase_left_hind", "phase_right_hind",
    *(f"support_{pattern}" for pattern in PATTERNS),
    "knee_range_deg", "hip_range_deg", "elbow_range_deg", "shoulder_range_deg", "spine_range_deg",
    "nose_lateral_mm", "tail_lateral_mm", "seen", "quality",
)  # fmt: skip


def _of_limb(
    motion: Motion, locomotion: Locomotion, limb: str, swings: dict[str, Swings]
) -> pd.DataFrame | None:
    """Return the strides of one limb, None where there is none."""
    import pandas as pd

    own = swings[limb]
    # A stride is a contact, the next lift-off and the next contact, in one bout and run.
    here, there = np.arange(len(own.first) - 1), np.arange(1, len(own.first))
    start, lift, end = own.contact[here], own.lift_off[there], own.contact[there]
    first, raised, last = own.end[here], own.first[there], own.end[there]
    known = np.isfinite(start) & np.isfinite(lift) & np.isfinite(end)
    if len(here):
        bout = locomotion.bout
        known &= (bout[first - 1] == bout[last - 1]) & (bout[first - 1] >= 0)
        known &= motion.run[first - 1] == motion.run[last - 1]
        given = np.isfinite(motion.of(own.marker)[:, 0]).astype(np.float64)
        known &= mean_in(given, first, last) >= _GIVEN
    if not known.any():
        return None
    start, lift, end = (times[known] for times in (start, lift, end))
    here, there, first, raised, last = (x[known] for x in (here, there, first, raised, last))
    period = end - start
    point = motion.of(own.marker)
    centre = locomotion.axes.centre
    stood = _standing(point, first, raised)
    # The next stance ends at an unknown time where no swing follows: it lasts as long as this one.
    following = np.append(own.first, len(motion))[there + 1]
    stands = _standing(point, last, np.minimum(following, last + raised - first))
    way = at_time(centre, motion.times, end) - at_time(centre, motion.times, start)
    distance = np.hypot(way[:, 0], way[:, 1])
    speed = distance / period
    forward = way[:, :2] / distance[:, None]
    length = np.hypot(*(stands - stood)[:, :2].T) if own.of_paw else distance
    columns = {
        "bout": locomotion.bout[first], "limb": limb, "marker": own.marker,
        "contact_frame": first, "contact_s": start, "contact_sd_s": own.timing_sd[here],
        "lift_off_s": lift, "next_contact_s": end, "stride_length_mm": length,
        "stride_length_sd_mm": _length_sd(motion, own, (first, last), forward, there, speed),
        "stride_period_s": period, "stance_s": lift - start, "swing_s": end - lift,
        "duty_factor": (lift - start) / period, "stride_frequency_hz": 1 / period,
        "speed_mm_s": speed, "swing_speed_mm_s": length / (end - lift),
        "seen": mean_in(motion.seen[:, motion.index(own.marker)].astype(float), first, last),
    }  # fmt: skip
    if own.of_paw:
        columns["paw_height_mm"] = highest_in(point[:, 2], raised, last) - stood[:, 2]
        columns |= _step(motion, limb, swings, start, stood, forward)
    columns |= {
        f"phase_{name.replace(' ', '_')}": _phase(other.contact, start, period)
        for name, other in swings.items()
    }
    columns |= support_share(motion, locomotion, swings, first, last)
    columns |= _ranges(motion, locomotion, limb, first, last)
    return pd.DataFrame(columns)


def _standing(point: Floats, start: Ints, stop: Ints) -> Floats:
    """Return where (N, 3) a paw stands from frame `start` to before `stop`, in the middle half."""
    trim = np.maximum(stop - start, 0) // 4  # while it rolls off it is not where it stood
    start = np.minimum(start + trim, len(point) - 1)
    stop = np.clip(stop - trim, start + 1, len(point))
    return np.stack([mean_in(point[:, axis], start, stop) for axis in range(3)], axis=-1)


def _length_sd(
    motion: Motion,
    own: Swings,
    ends: tuple[Ints, Ints],
    forward: Floats,
    there: Ints,
    speed: Floats,
) -> Floats:
    """Return the standard deviation (N,) mm of the stride length.

    Both places of a paw have their own error; that of one place is taken to be the same through a
    stance. Without a paw the length is speed times period, and the times have the errors.
    """
    spread = motion.variance_of(own.marker)[:, :2]
    places = [np.clip(frames, 0, len(spread) - 1) for frames in ends]
    variance = sum((spread[place] * forward**2).sum(axis=1) for place in places)
    if own.of_paw:
        return np.asarray(np.sqrt(variance))
    timing = own.timing_sd[there - 1] ** 2 + own.timing_sd[there] ** 2
    return np.asarray(np.sqrt(timing) * speed)


def _step(
    motion: Motion, limb: str, swings: dict[str, Swings], start: Floats, stood: Floats,
    forward: Floats,
) -> dict[str, Floats]:  # fmt: skip
    """Return step length and base of support: from the stance of the paw across to this one."""
    side, girdle = limb.split()
    other = swings.get(f"{_OTHER_SIDE[side]} {girdle}")
    if other is None or not other.of_paw or len(other.first) < 2:
        return {}
    began = np.where(np.isfinite(other.contact), other.contact, np.inf)
    order = np.maximum.accumulate(np.where(np.isfinite(began), began, -np.inf))
    which = np.searchsorted(order, start)  # the first contact of the other after this one
    valid = (which > 0) & (which < len(other.first))
    which = np.clip(which, 1, len(other.first) - 1)
    across = stood - _standing(motion.of(other.marker), other.end[which - 1], other.first[which])
    near = valid & (start - order[which - 1] < 1.0)
    along = (across[:, :2] * forward).sum(axis=1)
    aside = np.abs(across[:, 1] * forward[:, 0] - across[:, 0] * forward[:, 1])
    return {
        "step_length_mm": np.where(near, along, np.nan),
        "base_of_support_mm": np.where(near, aside, np.nan),
    }


def _phase(contacts: Floats, start: Floats, period: Floats) -> Floats:
    """Return when in a stride (N,), 0 to 1, the first of the other limb's contacts is."""
    contacts = contacts[np.isfinite(contacts)]
    if not len(contacts):
        return np.full(len(start), np.nan)
    place = np.searchsorted(contacts, start - 1e-9)
    phase = (contacts[np.minimum(place, len(contacts) - 1)] - start) / period
    return np.where((phase >= -1e-9) & (phase < 1.0), np.abs(phase), np.nan)


def _ranges(
    motion: Motion, locomotion: Locomotion, limb: str, first: Ints, last: Ints
) -> dict[str, Floats]:
    """Return the ranges of the limb's angles and of the sideways motion of nose and tail."""
    side = limb.split(maxsplit=1)[0]
    found = {}
    for name, (degrees, _) in point_angles(motion).items():
        joint = name.split()[-1]
        belongs = joint in ({"knee", "hip"} if limb.endswith("hind") else {"elbow", "shoulder"})
        if name == "spine" or (name.startswith(side) and belongs):
            found[f"{joint}_range_deg"] = range_in(degrees, first, last)
    direction = locomotion.direction
    for name, column in (("NOSE", "nose_lateral_mm"), ("MID_TAIL", "tail_lateral_mm")):
        if motion.has(name):
            away = motion.of(name)[:, :2] - locomotion.axes.centre[:, :2]
            aside = direction[:, 0] * away[:, 1] - direction[:, 1] * away[:, 0]
            found[column] = range_in(aside, first, last)
    return found


def _quality(table: pd.DataFrame) -> list[str]:
    """Return for each stride "good", or what speaks against it."""
    if not len(table):
        return []
    usual = table.groupby(["bout", "limb"])["stride_period_s"].transform("median")
    ratio = table["stride_period_s"] / usual
    irregular = (ratio > _IRREGULAR) | (ratio < 1 / _IRREGULAR)
    unsure = table["stride_length_sd_mm"] > _UNSURE * table["stride_length_mm"]
    proxy = ~table["marker"].str.endswith("PAW")
    choices = [irregular, table["seen"] < _SEEN, unsure, proxy]
    words = ["irregular", "hidden", "unsure", "no paw"]
    return list(np.select(choices, words, "good"))
