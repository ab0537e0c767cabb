"""How big an animal is that one camera sees: by the floor it walks on, or by a length it is told.

One view leaves size open: a body twice as large and twice as far looks the same. But only at one
size do the paws stand on a known floor, or is the snout as far from the tail base as the user says.
So bodies are fitted without a floor first and then grown, seen from the camera, until they fit.
"""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mousepose.fit import terms
from mousepose.fit.arrays import BodyArrays, Points, PoseArrays, Views
from mousepose.fit.place import fit_each
from mousepose.fit.setup import BODY_ENDS, Animal, Setup, body_arrays

#: The lowest paw of a frame is low by mistake more often than not; the next one stands as well.
_STANDING = 1
#: Frames that the prior's typical posture is worth where a length is given: it differs by 5 to 10 %
#: between recordings, the distance from snout to tail base by 15 % between poses, and neighbouring
#: frames are alike.
_TYPICAL_FRAMES = 20
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


def match_length(points: Points, setup: Setup, animal: Animal, poses: PoseArrays) -> Animal:
    """Return the animal of the size at which snout and tail base are as far apart as was told.

    The mean over the frames counts, not the prior's typical share of the spine: animals that run
    are straighter than those that groom. Only few frames are outvoted by what is typical. It is
    unchanged where another scale was chosen.
    """
    if not setup.size_from_length:
        return animal
    body, views = body_arrays(setup, animal), setup.views()._replace(floor_known=False)
    poses = poses.take(slice(None))
    fit_each(body, views, setup.weights(), points, poses, setup.config.iterations)
    joint = terms.motion(body, poses).joint
    nose, tail = (joint[:, setup.body.skeleton.index(name)] for name in BODY_ENDS)
    length = float(np.linalg.norm(nose - tail, axis=1).mean())
    length *= setup.prior.typical_length / setup.prior.typical_span  # joints lie within the skin
    trust = len(poses.place) / (len(poses.place) + _TYPICAL_FRAMES)
    return _grown(setup, animal, (setup.scale.value / length) ** trust)


def _grown(setup: Setup, animal: Animal, factor: float) -> Animal:
    shape = animal.shape.copy()
    shape[setup.body.shape_space.names.index("size")] += np.log(factor)
    return replace(animal, shape=shape)
