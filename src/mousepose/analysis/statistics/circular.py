"""Phases from 0 to 1 that begin again: means and differences round the circle."""

from __future__ import annotations

import numpy as np

from mousepose.types import Floats, Ints


def wrapped(phase: Floats) -> Floats:
    """Return phases as -0.5 to below 0.5."""
    return np.asarray((phase + 0.5) % 1.0 - 0.5)


def mean_direction(phase: Floats, animal: Ints) -> tuple[float, float]:
    """Return the mean (0 to 1) and the concentration (0 to 1) of phases (N,), each animal alike.

    Concentration 1: all phases are one; 0: they lie all round, and there is no mean.
    """
    turn = np.exp(2j * np.pi * phase)
    count = np.bincount(animal)
    some = count > 0
    sums = np.bincount(animal, turn.real) + 1j * np.bincount(animal, turn.imag)
    mean = (sums[some] / count[some]).mean()
    return float(np.angle(mean) / (2 * np.pi) % 1.0), float(abs(mean))
