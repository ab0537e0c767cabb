"""How big an animal is that one camera sees walking on a known floor.

One view leaves size open: a body twice as large and twice as far looks the same. But only at one
size do the paws stand on the floor. So bodies are fitted without a floor first and then grown, seen
from the camera, until they stand.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mousepose.fit import terms
from mousepose.fit.arrays import BodyArrays, PoseArrays, Views
from mousepose.fit.setup import Animal, Setup

#: The lowest paw of a frame is low by mistake more often than not; the next one stands as well.
_STANDING = 1
#: A size that another factor than these would need is no mouse's: the fit is wrong, not the size.
_SMALLEST, _LARGEST = 0.3, 3.0


def without_floor(setup: Setup) -> Views:
    """Return the cameras with no floor where the floor is what gives the size."""
    views = setup.views()
    return views._replace(floor_known=views.floor_known and not setup.size_from_floor)


def stand_on_floor(
    setup: Setup, animal: Animal, body: BodyArrays, poses: PoseArrays
) -> tuple[Animal, PoseArrays]:
    """Return animal and poses grown about the camera until paws stand on the floor.

    They are unchanged where the floor does not give the scale. The factor is the median over
    frames of the one that the second lowest paw of each needs.
    """
    if not setup.size_from_floor or len(body.paw) <= _STANDING:
        return animal, poses
    views, eye = setup.views(), setup.cameras[0].position
    paws = terms.motion(body, poses).joint[:, body.paw]
    above = views.floor[:3] @ eye + views.floor[3]
    way = (eye - paws) @ views.floor[:3]  # down to the paw, in the direction of the floor
    factors = np.sort(above / np.where(way > 0, way, np.nan), axis=1)[:, _STANDING]
    if np.isnan(factors).all():
        return animal, poses
    factor = float(np.clip(np.nanmedian(factors), _SMALLEST, _LARGEST))
    return _grown(setup, animal, factor), poses._replace(place=eye + factor * (poses.place - eye))


def _grown(setup: Setup, animal: Animal, factor: float) -> Animal:
    shape = animal.shape.copy()
    shape[setup.body.shape_space.names.index("size")] += np.log(factor)
    return replace(animal, shape=shape)
