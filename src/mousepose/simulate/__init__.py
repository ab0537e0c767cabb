"""A mouse whose true pose is known: it walks, and cameras watch it with the faults of real ones."""

from __future__ import annotations

from mousepose.simulate.gaits import GAITS, FootfallPattern
from mousepose.simulate.observe import observe, watching_camera
from mousepose.simulate.walk import PAWS, SimulatedWalk, walking_mouse

__all__ = [
    "GAITS",
    "PAWS",
    "FootfallPattern",
    "SimulatedWalk",
    "observe",
    "walking_mouse",
    "watching_camera",
]
