"""Stride frequency from the rhythm of the whole body; works when the feet are hidden.

In each window of time every coordinate of every joint in the frame of the body is fitted, at every
frequency f, with a line and sines (the floating-mean periodogram of Zechmeister & Kuerster, Astron.
Astrophys. 496, 2009, of known frames only). A walk or trot looks in the mirror as it did half a
stride ago. So what differs between left and right has a rhythm of f (yaw, roll, sway), what is
alike one of 2 f (bobbing, pitching): that parity tells the stride from the step. A gallop or bound
has no such mirror; it is tried as well, everything with f and 2 f, at the cost of its freedom.
The score is the profile likelihood of independent coordinates with unknown noise of their own.
Where it tells little, what mice of this speed do decides between a stride, a step and two strides.
A window's sine serves to find the rhythm; how many strides a window and a bout hold is then counted
by the phase (`gait_phase`), as strides are not even.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np

from mousepose.analysis.config import GaitConfig
from mousepose.analysis.gait_phase import OWN_NUMBERS_HZ, Phase, follow_phase, repeats
from mousepose.analysis.intervals import mean_in
from mousepose.analysis.locomotion import Locomotion
from mousepose.analysis.motion import Motion
from mousepose.skeleton import mirrored_name
from mousepose.types import Floats, Ints

#: Frequencies a window's grid holds for every 1 / (its length).
_FINENESS = 8
#: Windows looked at at once.
_AT_ONCE = 256
#: A coordinate known in less of the window tells nothing.
_KNOWN = 0.6
#: No coordinate is taken to be explained better than this, or the cleanest would decide alone.
_TRUST = 0.9
#: The share of the best quarter of the coordinates' variance that a rhythm explains, at least.
_LEAST_STRENGTH = 0.35
#: What a gait without mirror costs (log-likelihood for each frame of a coordinate).
_COST_OF_FREEDOM = 0.03
#: So many times more than what is alike counts what differs between the sides.
_SIDES_COUNT = 4.0
#: How much the next windows on both sides count, and those after them, and how near (a factor) a
#: window's frequency is to what they tell together.
_NEIGHBOURS = (0.7, 0.4)
_NEAR = 1.3
#: Adult mice stride about 30 mm + 0.13 s of their speed (45 mm at 0.1 m/s, 95 mm at 0.5 m/s: round
#: numbers of ours; stride and frequency grow alike with speed, Herbin et al., J. Comp. Physiol. A
#: 190, 2004), within a factor whose logarithm has this standard deviation.
_STRIDE_MM, _STRIDE_S, _STRIDE_SPREAD = 30.0, 0.13, 0.3
#: What moves once a stride: the differences between the sides, what is alike, or one side alone.
_ODD, _EVEN, _ONE_SIDE = 0, 1, 2
#: A point seen in a smaller share of the frames in which it is given is inferred.
_SEEN = 0.2
#: Points whose motion follows its own will, not the stride.
_OWN_WILL = ("TIP_TAIL", "LEFT_EAR", "RIGHT_EAR")


@dataclass(frozen=True, eq=False)
class Rhythm:
    """What the windows tell: bout, start and stop (s), stride frequency (Hz) and its sd.

    All (N,). `strength` is the share of the best coordinates' motion that the rhythm explains;
    `mirrored` tells a walk or trot from a gallop or bound. NaN frequency: no rhythm was found.
    `speed` mm/s is the trunk's, with its standard deviation. `bout_frequency` (M,) Hz,
    `bout_frequency_sd` and `bout_speed` are those of whole bouts, of the windows with a rhythm.
    """

    bout: Ints
    start: Floats
    stop: Floats
    frequency: Floats
    frequency_sd: Floats
    strength: Floats
    mirrored: np.ndarray
    speed: Floats
    speed_sd: Floats
    bout_frequency: Floats
    bout_frequency_sd: Floats
    bout_speed: Floats


def find_rhythm(motion: Motion, locomotion: Locomotion, config: GaitConfig | None = None) -> Rhythm:
    """Return the rhythm of the strides in windows of every bout, half overlapping."""
    config = config or GaitConfig()
    coordinates, kind = mirror_coordinates(motion, locomotion)
    bout, start, stop = _windows(locomotion, motion.rate, config)
    speed, speed_sd = _speed(motion, locomotion, start, stop)
    found = [np.empty((0, 5))]
    beside = len(_NEIGHBOURS)
    for length in np.unique(stop - start):
        chosen = np.flatnonzero(stop - start == length)
        for part in range(0, len(chosen), _AT_ONCE):
            before = min(part, beside)
            rows = chosen[part - before : part + _AT_ONCE + beside]
            window = coordinates[start[rows, None] + np.arange(length)]
            told = _rhythm(window, kind, bout[rows], speed[rows], motion.rate, config)
            inner = slice(before, before + min(_AT_ONCE, len(chosen) - part))
            found.append(np.column_stack([rows, told])[inner])
    table = np.concatenate(found)
    table = table[np.argsort(table[:, 0])]
    mirrored = table[:, -1] > 0
    frequency, sd, whole = _counted(
        coordinates, kind, locomotion, motion.rate, (bout, start, stop), table[:, 1:3], mirrored
    )
    return Rhythm(
        bout, motion.times[start], motion.times[stop - 1], frequency, sd, table[:, 3], mirrored,
        speed, speed_sd, *whole.T,
    )  # fmt: skip


def _counted(
    coordinates: Floats,
    kind: Ints,
    locomotion: Locomotion,
    rate: float,
    windows: tuple[Ints, Ints, Ints],
    sine: Floats,
    mirrored: np.ndarray,
) -> tuple[Floats, Floats, Floats]:
    """Return frequency (N,) and its sd of all windows by counted strides, and of bouts (M, 3).

    A bout has frequency, its sd and speed, of what its windows with a rhythm cover.

    `sine` (N, 2) are frequency and sd of the windows by the sines that fit them: they stay where
    the phase cannot be followed.
    """
    bout, start, stop = windows
    frequency, sd = sine.T.copy()
    whole = np.full((len(locomotion), 3), np.nan)
    for number in np.unique(bout[np.isfinite(frequency)]):
        own = np.flatnonzero((bout == number) & np.isfinite(frequency))
        usual = float(np.median(frequency[own]))
        sides = kind != _EVEN if mirrored[own].mean() > 0.5 else np.ones(len(kind), bool)
        first, end = locomotion.start[number], locomotion.stop[number]
        covered = np.zeros(end - first, bool)
        for window in own:
            covered[start[window] - first : stop[window] - first] = True
        speed = float(np.nanmean(locomotion.progress[first:end][covered]))
        whole[number] = usual, float(np.median(sd[own])), speed
        phase = follow_phase(coordinates[first:end, sides], usual, rate)
        if phase is not None:
            frequency[own], sd[own] = _of_phase(phase, start[own] - first, stop[own] - first, rate)
            ends = np.flatnonzero(np.diff(covered, prepend=False, append=False))
            parts, spread = _of_phase(phase, ends[::2], ends[1::2], rate)
            share = (ends[1::2] - ends[::2]) / covered.sum()
            whole[number, :2] = parts @ share, np.sqrt(spread**2 @ share**2)
    return frequency, sd, whole


def _of_phase(phase: Phase, start: Ints, stop: Ints, rate: float) -> tuple[Floats, Floats]:
    """Return the mean frequency (N,) Hz from frame `start` to before `stop`, and its sd."""
    seconds = (stop - 1 - start) / rate
    strides = phase.strides[stop - 1] - phase.strides[start]
    return strides / seconds, np.hypot(phase.sd[stop - 1], phase.sd[start]) / seconds


def mirror_coordinates(motion: Motion, locomotion: Locomotion) -> tuple[Floats, Ints]:
    """Return coordinates (T, D) mm of all joints in the body's frame, and of which kind (D,) each.

    Pairs give their mean (`_EVEN`) and their difference (`_ODD`); the rhythm of a point of one side
    alone is both.
    """
    columns, kind = [], []
    axes = locomotion.axes
    for name in motion.names:
        if name in _OWN_WILL or not _has_evidence(motion, name):
            continue
        point = axes.turned(motion.of(name))
        other = mirrored_name(name)
        if other == name:  # on the midline
            columns.append(point)
            kind += [_EVEN, _ODD, _EVEN]
        elif not _has_evidence(motion, other):
            columns.append(point)
            kind += [_ONE_SIDE] * 3
        elif name.startswith("LEFT_"):
            right = axes.turned(motion.of(other)) * np.array([1.0, -1.0, 1.0])
            columns += [(point + right) / 2, point - right]
            kind += [_EVEN] * 3 + [_ODD] * 3
    values = np.concatenate([*columns, axes.centre[:, 2:]], axis=1)
    return values, np.array([*kind, _EVEN])


def _has_evidence(motion: Motion, name: str) -> bool:
    """Tell whether a point is more than inferred: what is follows the others and the prior."""
    if not motion.has(name):
        return False
    known = np.isfinite(motion.of(name)[:, 0])
    return bool(motion.seen[known, motion.index(name)].mean() >= _SEEN)


def _windows(locomotion: Locomotion, rate: float, config: GaitConfig) -> tuple[Ints, Ints, Ints]:
    """Return bout, first frame and end of windows: the whole bout, or overlapping parts of it."""
    most = max(8, round(config.rhythm_window * rate))
    rows = [np.empty((0, 3), np.int64)]
    for number, (first, end) in enumerate(zip(locomotion.start, locomotion.stop, strict=True)):
        length = min(most, end - first)
        count = 1 + max(0, round(2 * (end - first - length) / length))
        starts = np.linspace(first, end - length, count).astype(np.int64)
        rows.append(np.stack([np.full(count, number), starts, starts + length], axis=1))
    table = np.concatenate(rows)
    return table[:, 0], table[:, 1], table[:, 2]


def _rhythm(
    window: Floats, kind: Ints, bout: Ints, speed: Floats, rate: float, config: GaitConfig
) -> Floats:
    """Return frequency (Hz), its sd, strength, mirrored (B, 4) of windows (B, N, D) mm."""
    seconds = window.shape[1] / rate
    lowest = max(config.slowest_stride, 1.3 / seconds)
    highest = min(config.fastest_stride, 0.45 * rate)
    if lowest >= highest:
        return np.tile([np.nan, np.nan, 0.0, 0.0], (len(window), 1))
    # On whole steps, so that twice a frequency of the grid is one too.
    step = 1 / (_FINENESS * seconds)
    grid = step * np.arange(np.ceil(lowest / step), 2 * highest / step)
    explained, frames = _explained(window, grid / rate)
    half = int(np.searchsorted(grid, highest))
    twice = np.round((2 * grid[:half] - grid[0]) / step).astype(np.int64)
    twice = np.minimum(twice, len(grid) - 1)
    usable = 2 * grid[:half] < 0.48 * rate
    once, double = explained[:, :half], np.where(usable[:, None], explained[:, twice], 0.0)
    # What differs between the sides tells a stride from a step and from two strides, however
    # much stronger what is alike may be.
    odd, even, one_side = (kind == which for which in (_ODD, _EVEN, _ONE_SIDE))
    both = np.minimum(once + np.minimum(double, once), _TRUST)
    swaying = _likelihood(once[..., odd], frames[:, odd])
    bobbing = _likelihood(double[..., even], frames[:, even])
    alone = _likelihood(both[..., one_side], frames[:, one_side])
    halves = np.round((grid[:half] / 2 - grid[0]) / step).astype(np.int64)
    slower = np.where(halves >= 0, swaying[:, np.maximum(halves, 0)], 0.0)
    free = _likelihood(both, frames)
    free -= _COST_OF_FREEDOM * frames.sum(axis=-1)[:, None]
    free -= _SIDES_COUNT * np.maximum(slower - swaying, 0.0)
    sided = swaying + alone
    score = np.maximum(sided + np.minimum(bobbing, _SIDES_COUNT * sided), free)
    repeated = repeats(window)
    own_numbers = min(1.0, OWN_NUMBERS_HZ / rate) / repeated[:, None]
    peak = _peaks(own_numbers * score + _usual(grid[:half], speed), grid[:half], bout)
    rows = np.arange(len(window))
    # On a curve a walk has no exact mirror either: what counts is which rhythm is the stronger.
    once_even, twice_even = once[rows, peak][:, even], double[rows, peak][:, even]
    mirrored = np.log1p(-once_even).sum(axis=1) >= np.log1p(-twice_even).sum(axis=1)
    frequency, sd = _refined(score, peak, grid, repeated)
    share = np.minimum((once + double)[rows, peak] / _TRUST, 1.0)
    strength = np.sort(share, axis=1)[:, -max(1, share.shape[1] // 4) :].mean(axis=1)
    good = strength > _LEAST_STRENGTH
    return np.column_stack([
        np.where(good, frequency, np.nan), np.where(good, sd, np.nan), strength, mirrored,
    ])  # fmt: skip


def _usual(grid: Floats, speed: Floats) -> Floats:
    """Return how usual (B, F) a frequency (F,) Hz is at a speed (B,) mm/s, as log-likelihood."""
    usual = (_STRIDE_MM + _STRIDE_S * speed) * grid[:, None] / np.maximum(speed, 1e-9)
    return np.asarray(-0.5 * (np.log(usual.T) / _STRIDE_SPREAD) ** 2)


def _peaks(score: Floats, grid: Floats, bout: Ints) -> Ints:
    """Return the place (B,) of each window's highest score near what its neighbours tell too.

    Strides do not double or halve from one window to the next; a window alone may mistake a step
    for a stride.
    """
    together = score.copy()
    for apart, weight in enumerate(_NEIGHBOURS, start=1):
        same = (bout[apart:] == bout[:-apart])[:, None]
        together[apart:] += np.where(same, weight * score[:-apart], 0.0)
        together[:-apart] += np.where(same, weight * score[apart:], 0.0)
    agreed = grid[together.argmax(axis=1)]
    near = np.abs(np.log(grid / agreed[:, None])) < np.log(_NEAR)
    return np.asarray(np.where(near, score, -np.inf).argmax(axis=1))


def _explained(window: Floats, cycles: Floats) -> tuple[Floats, Floats]:
    """Return the share (B, F, D) of variance that a sine explains, and frames that count (B, D).

    `cycles` (F,) are cycles for each frame. A parabola is taken out first, and frames count less
    towards the ends of the window (Hann), so that slow turns do not look like a rhythm.
    """
    length = window.shape[1]
    known = np.isfinite(window)
    taper = np.sin(np.pi * (np.arange(length) + 0.5) / length) ** 2
    weight = known * taper[:, None]
    count = weight.sum(axis=1)
    enough = count >= _KNOWN * taper.sum()
    values = weight * _levelled(np.where(known, window, 0.0), weight)
    total = (values * np.divide(values, weight, out=np.zeros_like(values), where=known)).sum(axis=1)
    phase = 2 * np.pi * np.arange(length)[:, None] * cycles
    wave = np.concatenate([np.cos(phase), np.sin(phase)], axis=1).T  # (2 F, N)
    half = len(cycles)
    on = wave @ values  # (B, 2 F, D)
    squared = np.concatenate([wave[:half] ** 2, wave[:half] * wave[half:]]) @ weight
    number = np.maximum(count, 1e-9)[:, None]
    mean = (wave @ weight) / number
    cc = squared[:, :half] - number * mean[:, :half] ** 2
    ss = number - squared[:, :half] - number * mean[:, half:] ** 2
    cs = squared[:, half:] - number * mean[:, :half] * mean[:, half:]
    on_cos, on_sin = on[:, :half], on[:, half:]
    power = on_cos**2 * ss - 2 * on_cos * on_sin * cs + on_sin**2 * cc
    power /= np.maximum(cc * ss - cs**2, 1e-9 * number**2)
    share = power / np.maximum(total, 1e-9)[:, None]
    share = np.where((enough & (total > 1e-9))[:, None], share, 0.0)
    return _TRUST * np.clip(share, 0.0, 1.0), np.where(enough, count, 0.0)


def _levelled(values: Floats, weight: Floats) -> Floats:
    """Return values (B, N, D) without their weighted parabola."""
    place = np.linspace(-1.0, 1.0, values.shape[1])
    powers = np.stack([np.ones_like(place), place, place**2], axis=1)  # (N, 3)
    products = (powers[:, :, None] * powers[:, None]).reshape(-1, 9)
    normal = np.einsum("bnd,np->bdp", weight, products, optimize=True)
    normal = normal.reshape(*normal.shape[:2], 3, 3) + 1e-9 * np.eye(3)
    right = np.einsum("bnd,np->bdp", weight * values, powers, optimize=True)
    fit = np.linalg.solve(normal, right[..., None])[..., 0]
    return np.asarray(values - np.einsum("np,bdp->bnd", powers, fit, optimize=True))


def _likelihood(share: Floats, frames: Floats) -> Floats:
    """Return the gain in log-likelihood (B, F) of all coordinates over no rhythm."""
    return np.asarray((-0.5 * frames[:, None] * np.log1p(-share)).sum(axis=-1))


def _refined(score: Floats, peak: Ints, grid: Floats, repeated: Floats) -> tuple[Floats, Floats]:
    """Return the top (B,) of a parabola through each peak, and its standard deviation by it."""
    rows = np.arange(len(score))
    inner = np.clip(peak, 1, score.shape[1] - 2)
    low, top, high = (score[rows, inner + shift] for shift in (-1, 0, 1))
    bend = np.minimum(low - 2 * top + high, -1e-9)
    shift = np.clip(0.5 * (low - high) / bend, -1.0, 1.0)
    step = grid[1] - grid[0]
    return grid[inner] + shift * step, step * np.sqrt(repeated / -bend)


def _speed(
    motion: Motion, locomotion: Locomotion, start: Ints, stop: Ints
) -> tuple[Floats, Floats]:
    """Return the trunk's mean speed (N,) mm/s in windows, along its way, and its sd."""
    speed = mean_in(locomotion.progress, start, stop)
    spread = np.sqrt(np.maximum(mean_in(locomotion.axes.variance.mean(axis=1), start, stop), 0.0))
    seconds = (stop - start) / motion.rate
    unsure = mean_in(locomotion.unsure, start, stop) * speed
    return speed, np.hypot(np.sqrt(2) * spread / seconds, unsure)
