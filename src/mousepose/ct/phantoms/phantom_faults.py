"""Scans that no body can be built from: what goes wrong in a scanner room and with its files."""

from __future__ import annotations

from dataclasses import replace
from typing import Any, Literal, get_args

import numpy as np

from mousepose.ct.types import Volume
from mousepose.types import require

Fault = Literal[
    "two animals", "front half", "hind half", "empty", "mirrored", "turned", "wrong spacing",
    "something else",
]  # fmt: skip
FAULTS: tuple[str, ...] = get_args(Fault)

_AIR_HU, _NOISE_HU = -1000, 20.0
#: A header that counts in cm.
_WRONG_FACTOR = 0.1
#: Radius (mm) of the bottle of water that is no mouse.
_BOTTLE_MM = 11.0


def faulty(volume: Volume, fault: Fault) -> Volume:
    """Return what a good scan, axes RAS, would be with one fault.

    Two animals lie side by side; of a half only the nose's or the tail's half is left; an empty
    scan is noise; a mirrored one has left and right exchanged, a turned one its axes (nose along
    +x), and the matrix knows of neither; a wrong spacing is ten times too small; something else is
    a bottle of water. Raises `InputError` for other words.
    """
    require(fault in FAULTS, f"fault: expected one of {', '.join(FAULTS)}, got {fault!r}")
    named = replace(volume, name=f"{volume.name}, {fault}")
    if fault in ("empty", "something else"):
        return _without_animal(named, bottle=fault == "something else")
    if fault == "wrong spacing":
        matrix = volume.T_world_voxel.copy()
        matrix[:3] *= _WRONG_FACTOR
        return replace(named, T_world_voxel=matrix)
    return _rearranged(named, fault)


def _rearranged(volume: Volume, fault: str) -> Volume:
    values, matrix = volume.values, volume.T_world_voxel.copy()
    middle = values.shape[2] // 2
    if fault == "front half":
        matrix[:3, 3] += middle * matrix[:3, 2]
    changed: dict[str, Any] = {
        "two animals": lambda: np.concatenate([values, values[::-1]]),
        "hind half": lambda: values[..., :middle],
        "front half": lambda: values[..., middle:],
        "mirrored": lambda: values[::-1],
        "turned": lambda: values.transpose(2, 0, 1),
    }
    kept = np.ascontiguousarray(changed[fault]())
    return replace(volume, values=kept, T_world_voxel=matrix)


def _without_animal(volume: Volume, *, bottle: bool) -> Volume:
    shape = volume.values.shape
    noise = np.random.default_rng(0).standard_normal(shape, np.float32) * np.float32(_NOISE_HU)
    noise += _AIR_HU
    if bottle:
        away = [
            ((np.arange(n) - n / 2) * step) ** 2
            for n, step in zip(shape[:2], volume.spacing[:2], strict=True)
        ]
        noise[away[0][:, None] + away[1][None, :] < _BOTTLE_MM**2] -= _AIR_HU
    return replace(volume, values=np.rint(noise).astype(np.int16))
