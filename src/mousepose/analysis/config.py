"""Settings of the gait analysis, each with its unit."""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True)
class GaitConfig:
    """What counts as locomotion, and how paws are read. The defaults are those of a mouse."""

    #: A bout of locomotion begins above this speed of the trunk (mm/s) ...
    start_speed: float = 60.0
    #: ... and ends below this one (mm/s).
    stop_speed: float = 30.0
    #: Shorter bouts (s) are too short for a rhythm.
    shortest_bout: float = 0.4
    #: Pauses up to this long (s) do not end a bout.
    longest_pause: float = 0.15
    #: What the speed of the trunk keeps (Hz); lower than the rhythm of the strides.
    speed_bandwidth: float = 2.0
    #: What the motion of paws and joints keeps (Hz).
    paw_bandwidth: float = 30.0
    #: A paw swings while it is faster over ground than this share of the trunk's speed ...
    swing_share: float = 1.0
    #: ... and gains on the trunk at least so much (mm) meanwhile.
    least_swing: float = 4.0
    #: The same for a knee or elbow, which stands for a paw that is not known ...
    least_swing_of_joint: float = 2.0
    #: ... and whose motion keeps only so much (Hz), as skin slides over it.
    joint_bandwidth: float = 12.0
    #: A paw gathers speed and loses it for so long (s) at most before and after that.
    longest_ramp: float = 0.03
    #: Swings shorter than this (s) are jitter, stances too.
    shortest_phase: float = 0.03
    #: Strides outside this range of frequencies (Hz) are not searched for.
    slowest_stride: float = 1.2
    fastest_stride: float = 11.0
    #: Length (s) of the windows in which the rhythm is taken to be steady.
    rhythm_window: float = 1.5
