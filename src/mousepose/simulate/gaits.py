"""How simulated mice go: when each paw comes down in the stride, how long it stands, how they sway.

Typical phases and duty factors of mice (Bellardita & Kiehn, Curr. Biol. 25, 2015): a walk in the
lateral sequence, a trot with diagonal pairs, and a gallop in which both hind paws land shortly
after each other, then both fore paws.
"""

from __future__ import annotations

from dataclasses import dataclass

from mousepose.types import require


@dataclass(frozen=True)
class FootfallPattern:
    """One way of going; paws are left fore, right fore, left hind, right hind.

    `phases` (4) are the parts of the stride, 0 to 1, at which the paws come down, `duty` the part
    of it for which each stands. `sides` tells how much the trunk sways, rolls and yaws once a
    stride (1: as at a trot), `bounce` how much it rises and bends up and down once a stride: only
    where left and right move alike.
    """

    name: str
    phases: tuple[float, float, float, float]
    duty: float
    sides: float = 1.0
    bounce: float = 0.0


#: A paw follows the one behind it on its side after a quarter of the stride.
WALK = FootfallPattern("walk", (0.25, 0.75, 0.0, 0.5), duty=0.7)
#: The hind paw of a diagonal pair is a little later; mice at a trot have a duty of 0.5 to 0.65.
TROT = FootfallPattern("trot", (0.0, 0.5, 0.54, 0.04), duty=0.6)
#: The pairs of hind and of fore paws, each with one side ahead of the other.
GALLOP = FootfallPattern("gallop", (0.5, 0.62, 0.0, 0.12), duty=0.35, sides=0.3, bounce=1.0)
GAITS: dict[str, FootfallPattern] = {own.name: own for own in (WALK, TROT, GALLOP)}


def footfall_pattern(gait: str | FootfallPattern) -> FootfallPattern:
    """Return the pattern of a name of `GAITS`, or the given one.

    Raises `InputError` on an unknown name, on phases outside 0 to 1 and on a duty that leaves
    no stance or no swing.
    """
    if isinstance(gait, str):
        require(gait in GAITS, f"gait: expected one of {', '.join(GAITS)}, got {gait!r}")
        gait = GAITS[gait]
    require(
        all(0 <= phase < 1 for phase in gait.phases) and len(gait.phases) == 4,
        f"phases: expected four numbers from 0 to below 1, got {gait.phases}",
    )
    require(0 < gait.duty < 1, f"duty: expected a number between 0 and 1, got {gait.duty}")
    return gait
