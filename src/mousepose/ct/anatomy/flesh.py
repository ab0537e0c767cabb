"""The flesh of the parametric mouse: trunk, head, limbs, tail and lungs as solids to blend."""

from __future__ import annotations

from typing import Any

import numpy as np
from scipy.interpolate import PchipInterpolator

from mousepose.body.model import BodyModel
from mousepose.ct.anatomy.anatomy_parts import part_solids, places, polyline
from mousepose.ct.anatomy.anatomy_solids import Solids, ellipsoids, joined
from mousepose.ct.anatomy.anatomy_spine import SpineCurve, Stations
from mousepose.types import Floats, Pose


def place_flesh(
    table: dict[str, Any], body: BodyModel, pose: Pose, build: float
) -> tuple[Solids, Floats, Solids, Floats]:
    """Return the soft parts, the bones of the body they ride on (N, J), and the fine ones' same."""
    spine = SpineCurve.of(body, pose, table["spine"]["lengths"])
    joints = len(body.skeleton.joint_names)
    soft = [_trunk(spine, table["trunk"], build, joints)]
    fine = [_tail(spine, table["tail"], joints)]
    for part in table["flesh"].values():
        for place in places(part, body, pose):
            solids = part_solids(part, place, build)
            riding = np.zeros((len(solids), joints))
            riding[:, place.bone] = 1
            (soft if part.get("soft", False) else fine).append((solids, riding))
    return (
        joined([solids for solids, _ in soft]),
        np.concatenate([riding for _, riding in soft]),
        joined([solids for solids, _ in fine]),
        np.concatenate([riding for _, riding in fine]),
    )


def place_air(table: dict[str, Any], body: BodyModel, pose: Pose) -> Solids:
    """Return the lungs."""
    balls = np.array(table["lungs"]["balls"])
    at = SpineCurve.of(body, pose, table["spine"]["lengths"]).at(balls[:, 0])
    centre = at.point(np.stack([np.zeros(len(balls)), balls[:, 1], balls[:, 2]], axis=1))
    return ellipsoids(centre, at.axes, balls[:, 3:] * at.scale[:, None], np.zeros(len(balls)))


def _trunk(
    spine: SpineCurve, table: dict[str, Any], build: float, joints: int
) -> tuple[Solids, Floats]:
    """Return overlapping ellipsoids that fill the trunk's sections, and the bones they ride on."""
    u = spine.even(table["u"][0], table["u"][-1], table["count"])
    width, top, bottom = (
        PchipInterpolator(table["u"], table[key])(u) for key in ("half_width", "top", "bottom")
    )
    girth = np.exp(build)
    # The back keeps its distance to the spine: an animal grows fat at its sides and belly.
    centre_up, half_height = 0.5 * (top + girth * bottom), 0.5 * (top - girth * bottom)
    at = spine.at(u)
    zero = np.zeros(len(u))
    radii = np.stack([np.minimum(table["reach"], 0.8 * half_height), girth * width, half_height], 1)
    solids = ellipsoids(
        at.point(np.stack([zero, zero, centre_up], axis=1)),
        at.axes,
        radii * at.scale[:, None],
        zero,
    )
    return solids, _riding(at, joints)


def _tail(spine: SpineCurve, table: dict[str, Any], joints: int) -> tuple[Solids, Floats]:
    u = spine.even(table["u"][0], table["u"][-1], table["count"] + 1)
    at = spine.at(u)
    radius = PchipInterpolator(table["u"], table["radius"])(u) * at.scale
    # The tip of the tail is where its last joint is: the skin goes on by its own radius only.
    return polyline(at.centre, radius), _riding(spine.at(0.5 * (u[1:] + u[:-1])), joints)


def _riding(at: Stations, joints: int) -> Floats:
    riding = np.zeros((len(at.centre), joints))
    rows = np.arange(len(riding))[:, None]
    np.add.at(riding, (rows, at.bone), at.share)
    return riding
