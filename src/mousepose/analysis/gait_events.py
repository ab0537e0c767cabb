"""When each paw comes down and when it lifts: contact and lift-off, to a part of a frame.

A limb swings while it gains on the trunk along the way (Zeni et al., Gait Posture 27, 2008, for
foot and sacrum). A paw leaves and lands at rest on the floor or belt: so its lift-off and contact
are read where its speed over ground, by its slope there, is nought. A knee or elbow stands for a
paw that is not known, and its turning points for lift-off and contact.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mousepose.analysis.config import GaitConfig
from mousepose.analysis.locomotion import Locomotion, bridged
from mousepose.analysis.motion import Motion
from mousepose.analysis.smooth import Smoother, derive, stretches
from mousepose.types import Floats, Ints

#: The limbs, each with the points that can tell of it, best first.
LIMBS: dict[str, tuple[str, ...]] = {
    "left fore": ("LEFT_FORE_PAW", "LEFT_ELBOW"),
    "right fore": ("RIGHT_FORE_PAW", "RIGHT_ELBOW"),
    "left hind": ("LEFT_HIND_PAW", "LEFT_KNEE"),
    "right hind": ("RIGHT_HIND_PAW", "RIGHT_KNEE"),
}
#: A paw known in less than this share of the frames of locomotion, while its knee or elbow is
#: known in more, is replaced by it.
_OFTEN = 0.6
#: A swing of a knee or elbow gains at least this share of what its larger swings gain.
_SHARE_OF_USUAL = 0.4


@dataclass(frozen=True, eq=False)
class Swings:
    """The swings of one limb, told by the point `marker`: frames and times, in order.

    `first` (N,) and `end` (N,) are the first frame of each swing and the one after its last,
    `lift_off` and `contact` (N,) s when they begin and end; NaN where a gap or the end of a bout
    hides it. `timing_sd` (N,) s is the standard deviation of `contact`.
    """

    marker: str
    first: Ints
    end: Ints
    lift_off: Floats
    contact: Floats
    timing_sd: Floats

    @property
    def of_paw(self) -> bool:
        """Whether the limb's paw itself was used."""
        return self.marker.endswith("PAW")


def find_swings(
    motion: Motion, locomotion: Locomotion, config: GaitConfig | None = None
) -> dict[str, Swings]:
    """Return the swings of every limb of which a point is known, by the limb's name."""
    config = config or GaitConfig()
    found = {}
    for limb, markers in LIMBS.items():
        marker = _marker(motion, locomotion, markers)
        if marker is not None:
            found[limb] = _swings(motion, locomotion, marker, config)
    return found


def _marker(motion: Motion, locomotion: Locomotion, markers: tuple[str, ...]) -> str | None:
    """Return the point that tells of a limb: the paw, unless it is rarely known."""
    walks = locomotion.bout >= 0
    shares = {
        name: float(np.isfinite(motion.of(name)[walks, 0]).mean()) if walks.any() else 1.0
        for name in markers
        if motion.has(name)
    }
    if not shares:
        return None
    paw = next(iter(shares))
    best = max(shares, key=lambda name: shares[name])
    return paw if shares[paw] >= _OFTEN else best


def _swings(motion: Motion, locomotion: Locomotion, marker: str, config: GaitConfig) -> Swings:
    is_paw = marker.endswith("PAW")
    bandwidth = config.paw_bandwidth if is_paw else config.joint_bandwidth
    smoother = Smoother.of(bandwidth, motion.rate)
    # A gap shorter than any swing or stance can hide neither.
    place = bridged(motion.of(marker)[:, :2], motion, config.shortest_phase)
    velocity = derive(place, motion.run, smoother, 1)
    variance = bridged(motion.variance_of(marker)[:, :2], motion, config.shortest_phase)
    spread = derive(variance, motion.run, smoother, 1, variance=True)
    along = (velocity * locomotion.direction).sum(axis=1)
    gain = along - locomotion.speed
    above = along - config.swing_share * locomotion.speed if is_paw else gain
    known = np.isfinite(above) & (locomotion.bout >= 0)
    fast = known & (above > 0)
    first, end = stretches(_closed(fast, known, motion, config), motion.run)
    gained = np.concatenate([[0.0], np.cumsum(np.where(fast, gain, 0.0))]) / motion.rate
    least = config.least_swing if is_paw else config.least_swing_of_joint
    gains = gained[end] - gained[first]
    if not is_paw and len(gains):
        least = max(least, _SHARE_OF_USUAL * float(np.quantile(gains, 0.75)))
    enough = gains >= least
    enough &= end - first >= config.shortest_phase * motion.rate
    first, end = first[enough], end[enough]
    lift_off, rise = _crossing(above, known, motion, first)
    contact, slope = _crossing(above, known, motion, end)
    if is_paw:  # it leaves and lands at rest: where a straight line through the crossing does
        level = config.swing_share * np.append(locomotion.speed, np.nan)
        with np.errstate(divide="ignore", invalid="ignore"):
            lift_off = lift_off - np.clip(level[first] / rise, 0.0, config.longest_ramp)
            contact = contact + np.clip(level[end - 1] / -slope, 0.0, config.longest_ramp)
    sd = np.sqrt(spread.mean(axis=1))[np.clip(end - 1, 0, None)] if len(end) else np.empty(0)
    with np.errstate(divide="ignore", invalid="ignore"):
        timing = np.hypot(sd / np.abs(slope), 1 / motion.rate / np.sqrt(12))
    return Swings(marker, first, end, lift_off, contact, timing)


def _closed(fast: np.ndarray, known: np.ndarray, motion: Motion, config: GaitConfig) -> np.ndarray:
    """Return `fast` (T,) with stances too short to be any filled in."""
    start, stop = stretches(known & ~fast, motion.run)
    inner = (start > 0) & (stop < len(fast))
    start, stop = start[inner], stop[inner]
    brief = (stop - start) < config.shortest_phase * motion.rate
    brief &= fast[start - 1] & fast[stop]
    closed = fast.copy()
    change = np.zeros(len(fast) + 1, np.int64)
    change[start[brief]] += 1
    change[stop[brief]] -= 1
    return np.asarray(closed | (np.cumsum(change)[:-1] > 0))


def _crossing(
    above: Floats, known: np.ndarray, motion: Motion, frame: Ints
) -> tuple[Floats, Floats]:
    """Return when (N,) s `above` is zero between `frame` - 1 and `frame`, and its slope there."""
    inside = (frame > 0) & (frame < len(above))
    after = np.clip(frame, 1, len(above) - 1)
    whole = inside & known[after] & known[after - 1]
    whole &= motion.run[after] == motion.run[after - 1]
    low, high = above[after - 1], above[after]
    with np.errstate(divide="ignore", invalid="ignore"):
        share = np.clip(-low / (high - low), 0.0, 1.0)
    step = motion.times[after] - motion.times[after - 1]
    when = motion.times[after - 1] + share * step
    return np.where(whole, when, np.nan), np.where(whole, (high - low) / step, np.nan)
