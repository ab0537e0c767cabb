"""Gait of one animal in two ways: by the events of its paws and by the rhythm of its body."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from mousepose.analysis.config import GaitConfig
from mousepose.analysis.floor import grounded
from mousepose.analysis.gait_bouts import SD_95, tabulate_bouts
from mousepose.analysis.gait_events import Swings, find_swings
from mousepose.analysis.gait_spectral import Rhythm, find_rhythm
from mousepose.analysis.gait_strides import tabulate_strides
from mousepose.analysis.locomotion import Locomotion, find_locomotion
from mousepose.analysis.motion import Motion
from mousepose.types import Keypoints3D, PoseSequence

if TYPE_CHECKING:
    import pandas as pd


@dataclass(frozen=True, eq=False)
class Gait:
    """What the analysis found: a row for each stride, window of rhythm, and bout of locomotion.

    Columns and units are in `docs/gait.md`. All three tables are empty where the animal does not
    walk.
    """

    strides: pd.DataFrame
    rhythm: pd.DataFrame
    bouts: pd.DataFrame


def analyse_gait(
    source: PoseSequence | Keypoints3D | Motion, config: GaitConfig | None = None
) -> Gait:
    """Return strides, rhythm and bouts of points above the floor: z up, over ground.

    Poses in a camera's frame are set on the floor on which their paws stand. Points in other axes
    go through `above_floor`, those of a treadmill or wheel through `on_belt` first. Raises
    `InputError` where the points cannot tell: too short, too few of the trunk, a frame rate that
    changes or is too low.
    """
    config = config or GaitConfig()
    motion = grounded(source)
    locomotion = find_locomotion(motion, config)
    swings = find_swings(motion, locomotion, config)
    return gait_of(motion, locomotion, swings, config)


def gait_of(
    motion: Motion, locomotion: Locomotion, swings: dict[str, Swings], config: GaitConfig
) -> Gait:
    """Return the tables of a motion whose bouts and swings are known."""
    strides = tabulate_strides(motion, locomotion, swings)
    rhythm = find_rhythm(motion, locomotion, config)
    bouts = tabulate_bouts(motion, locomotion, swings, strides, rhythm)
    return Gait(strides, _tabulate_rhythm(rhythm), bouts)


def _tabulate_rhythm(found: Rhythm) -> pd.DataFrame:
    import pandas as pd

    length = found.speed / found.frequency
    with np.errstate(invalid="ignore", divide="ignore"):
        share = np.hypot(found.speed_sd / found.speed, found.frequency_sd / found.frequency)
    return pd.DataFrame({
        "bout": found.bout, "time_s": (found.start + found.stop) / 2, "start_s": found.start,
        "stop_s": found.stop, "stride_frequency_hz": found.frequency,
        "stride_frequency_sd_hz": found.frequency_sd, "speed_mm_s": found.speed,
        "speed_sd_mm_s": found.speed_sd, "stride_length_mm": length,
        "stride_length_low_mm": length * (1 - SD_95 * share),
        "stride_length_high_mm": length * (1 + SD_95 * share), "strength": found.strength,
        "mirrored": found.mirrored,
    })  # fmt: skip
