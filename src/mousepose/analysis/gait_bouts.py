"""The table of bouts of locomotion: what each was like by both ways, and how they agree."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from mousepose.analysis.gait_events import LIMBS, Swings
from mousepose.analysis.gait_spectral import Rhythm
from mousepose.analysis.gait_support import regularity_index
from mousepose.analysis.locomotion import Locomotion
from mousepose.analysis.motion import Motion
from mousepose.types import Floats

if TYPE_CHECKING:
    import pandas as pd

#: Half of the interval that holds 95 % of a normal variable, in standard deviations.
SD_95 = 1.96
#: What is averaged over the good strides of a bout.
_OF_STRIDES = (
    "stride_length_mm", "stride_frequency_hz", "duty_factor", "stance_s", "swing_s",
    "base_of_support_mm",
)  # fmt: skip


def tabulate_bouts(
    motion: Motion,
    locomotion: Locomotion,
    swings: dict[str, Swings],
    strides: pd.DataFrame,
    rhythm: Rhythm,
) -> pd.DataFrame:
    """Return a row for each bout: when, how far, how fast, and its gait by both ways.

    `events_*` are medians of the usable strides of each limb (good, or without a paw), and of these
    the mean; `spectral_*` come of the strides that the rhythm counts, with the interval that holds
    95 %.
    """
    import pandas as pd

    first, last = locomotion.start, locomotion.stop - 1
    centre = locomotion.axes.centre[:, :2]
    distance = _distance(locomotion, motion.rate)
    seconds = motion.times[last] - motion.times[first] if len(first) else np.empty(0)
    way = np.hypot(*(centre[last] - centre[first]).T) if len(first) else np.empty(0)
    table = pd.DataFrame({
        "bout": np.arange(len(first)), "start_s": motion.times[first],
        "stop_s": motion.times[last], "duration_s": seconds, "distance_mm": distance,
        "speed_mm_s": distance / np.maximum(seconds, 1e-9),
        "straightness": way / np.maximum(distance, 1e-9),
    })  # fmt: skip
    usable = strides[strides["quality"].isin(("good", "no paw"))]
    grouped = usable.groupby("bout")
    numbers = table["bout"]
    table["strides"] = numbers.map(grouped.size()).fillna(0).astype(int)
    # On a curve the outer paws go farther: each limb counts alike.
    of_limbs = usable.groupby(["bout", "limb"])[list(_OF_STRIDES)].median().groupby("bout").mean()
    for column in _OF_STRIDES:
        table[f"events_{column}"] = numbers.map(of_limbs[column]).astype(float)
    _add_steps(table, locomotion, swings, seconds)
    _add_symmetry(table, usable)
    _add_rhythm(table, rhythm)
    return table


def _distance(locomotion: Locomotion, rate: float) -> Floats:
    """Return the way (N,) mm of the trunk in each bout, without the sway of its strides."""
    way = np.concatenate([[0.0], np.cumsum(np.nan_to_num(locomotion.progress))]) / rate
    return np.asarray(way[np.maximum(locomotion.stop - 1, 0)] - way[locomotion.start])


def _add_steps(
    table: pd.DataFrame, locomotion: Locomotion, swings: dict[str, Swings], seconds: Floats
) -> None:
    """Add cadence (footfalls of all paws each second) and the regularity index in percent."""
    paws = [(number, swings[limb]) for number, limb in enumerate(LIMBS) if limb in swings]
    whole = len(paws) == len(LIMBS)
    table["cadence_steps_per_s"] = np.nan
    table["regularity_index_percent"] = np.nan
    if not whole or not len(table):
        return
    when = np.concatenate([own.contact for _, own in paws])
    limb = np.concatenate([np.full(len(own.contact), number) for number, own in paws])
    frame = np.concatenate([np.clip(own.end - 1, 0, None) for _, own in paws])
    order = np.argsort(when)[: int(np.isfinite(when).sum())]
    bout, limb = locomotion.bout[frame[order]], limb[order]
    edges = np.searchsorted(np.maximum.accumulate(bout), np.arange(len(table) + 1))
    count = np.diff(edges)
    table["cadence_steps_per_s"] = count / np.maximum(seconds, 1e-9)
    table["regularity_index_percent"] = [
        regularity_index(limb[start:stop])
        for start, stop in zip(edges[:-1], edges[1:], strict=True)
    ]


def _add_symmetry(table: pd.DataFrame, strides: pd.DataFrame) -> None:
    """Add (left - right) over their mean, in percent, of step length and stance of each girdle."""
    for girdle in ("fore", "hind"):
        for column in ("step_length_mm", "stance_s"):
            sides = [
                table["bout"].map(
                    strides[strides["limb"] == f"{side} {girdle}"].groupby("bout")[column].mean()
                ).astype(float)
                for side in ("left", "right")
            ]  # fmt: skip
            mean = (sides[0] + sides[1]) / 2
            name = column.rsplit("_", 1)[0]
            table[f"asymmetry_{girdle}_{name}_percent"] = 100 * (sides[0] - sides[1]) / mean


def _add_rhythm(table: pd.DataFrame, rhythm: Rhythm) -> None:
    """Add frequency and stride length by the rhythm of each whole bout."""
    bout, count = rhythm.bout, len(table)
    windows = np.maximum(np.bincount(bout, minlength=count), 1)
    known = np.isfinite(rhythm.frequency)
    told = np.maximum(np.bincount(bout[known], minlength=count), 1)
    speed_sd = np.bincount(bout[known], rhythm.speed_sd[known], minlength=count) / told
    frequency, speed = rhythm.bout_frequency, rhythm.bout_speed
    share = np.hypot(rhythm.bout_frequency_sd / frequency, speed_sd / np.maximum(speed, 1e-9))
    length = speed / frequency
    table["spectral_stride_frequency_hz"] = frequency
    table["spectral_stride_frequency_sd_hz"] = rhythm.bout_frequency_sd
    table["spectral_stride_length_mm"] = length
    table["spectral_stride_length_low_mm"] = length * (1 - SD_95 * share)
    table["spectral_stride_length_high_mm"] = length * (1 + SD_95 * share)
    table["rhythm_strength"] = np.bincount(bout, rhythm.strength, minlength=count) / windows
    with np.errstate(invalid="ignore"):
        ratio = table["events_stride_frequency_hz"] / frequency
    table["both_agree"] = (ratio > 1 / 1.15) & (ratio < 1.15)
