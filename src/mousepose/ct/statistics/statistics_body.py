"""The body of many scans: mean bones and skin, and the ways in which animals differ from it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mousepose.body.model import BodyModel
from mousepose.body.shape import ShapeSpace
from mousepose.ct.registration.register_pose import with_bone_lengths
from mousepose.ct.statistics.rig import mirror_partners
from mousepose.ct.statistics.statistics import Components, filled, principal_components
from mousepose.ct.statistics.statistics_factors import Factors, known_factors
from mousepose.ct.types import Surface
from mousepose.errors import InputError, ModelError
from mousepose.types import Floats

#: No coefficient varies by less than this: a shape space needs something to divide by.
_LEAST_SD = 1e-4
#: A bone's length is not surer than this, mm.
_NOISE_MM = 0.03
_COMPONENT = "shape "


@dataclass(frozen=True, eq=False)
class LearnedBody:
    """A body learned from scans: `shape` (N, S) and `build` (N, B) are the animals' coefficients.

    `build` is in SD. `bones` are the components of log bone lengths (N, J - 1), left and right
    alike, each bone weighing as much as it is long: a joint is off by mm, whatever the bone.
    `skins` are those of rest vertices, mm.
    """

    body: BodyModel
    shape: Floats
    build: Floats
    bones: Components
    skins: Components | None


def learn_body(
    body: BodyModel,
    bone_lengths: Floats,
    rest_vertices: Floats | None = None,
    *,
    bone_sd: Floats | None = None,
    shapes: int = 2,
    builds: int = 4,
    source: str = "",
) -> LearnedBody:
    """Return the body with the mean bones and skin of animals, and with their ways to differ.

    `bone_lengths` (N, J) mm, NaN where a scan was cut, and how sure each is: `bone_sd` (N, J) mm,
    of which only what is more or less than usual for that bone counts; how sure a bone is as such
    is learned. `rest_vertices` (N, V, 3) mm are those of `register_body`. The body's own shape
    coefficients, such as its size, stay and get the SD that the animals have; `shapes` principal
    components of what they leave come after them, and `builds` of the skin. Raises `InputError` for
    too few animals and lengths that are none, `ModelError` for vertices that are not of this body's
    skin.
    """
    weights = np.linalg.norm(body.bone_vectors, axis=1)[1:]
    logs, factors = _log_lengths(body, bone_lengths, bone_sd, min(shapes, len(bone_lengths) - 2))
    weights = weights / weights.mean()
    bones = principal_components(logs * weights)
    space, coefficients = _shape_space(body, logs, weights, factors, shapes)
    source = source or f"{len(logs)} scans"
    longer = _with_lengths(body, np.concatenate([[0.0], logs.mean(axis=0)]))
    learned = longer.with_shape_space(replace(space, source=source))
    if rest_vertices is None:
        return LearnedBody(learned, coefficients, np.zeros((len(logs), 0)), bones, None)
    fleshed, build, skins = _with_builds(body, learned, rest_vertices, builds)
    return LearnedBody(fleshed, coefficients, build, bones, skins)


def _log_lengths(
    body: BodyModel, lengths: Floats, sd: Floats | None, shapes: int
) -> tuple[Floats, Factors]:
    """Return log lengths (N, J - 1) against the body's, and the factors of the body behind them.

    Left and right share their mean. What is not known is told by the factors, and what these leave
    by the other bones.
    """
    _check_lengths(body, lengths, sd)
    own = np.linalg.norm(body.bone_vectors, axis=1)[1:]
    logs, spread = np.log(lengths[:, 1:] / own), np.ones(lengths[:, 1:].shape)
    known = np.isfinite(logs)
    if sd is not None:
        shown = np.where(known | ~known.any(axis=0), np.where(known, sd[:, 1:], 1.0), np.nan)
        usual = np.nanmedian(shown, axis=0)
        spread = np.where(known, sd[:, 1:] / usual, 1.0)
    partner = np.array(body.skeleton.mirror)[1:] - 1
    say = np.where(known, spread**-2.0, 0.0)
    total = say + say[:, partner]
    values = np.where(known, logs, 0.0) * say
    both = (values + values[:, partner]) / np.where(total > 0, total, np.nan)
    one = np.flatnonzero(np.arange(len(own)) <= partner)  # a pair is one measure
    basis = body.shape_space.basis[:, 1:]
    factors = known_factors(
        both[:, one], basis[:, one], body.shape_space.sd, _NOISE_MM / own[one],
        np.sqrt(2 / np.maximum(total, 1e-12))[:, one],
    )  # fmt: skip
    column = np.searchsorted(one, np.minimum(np.arange(len(own)), partner))
    told = factors.mean[column] + factors.scores @ basis
    shown = np.isfinite(both).any(axis=0)
    rest = np.zeros_like(both)
    rest[:, shown] = filled((both - told)[:, shown] * own[shown], max(shapes, 1)) / own[shown]
    return told + rest, factors


def _check_lengths(body: BodyModel, lengths: Floats, sd: Floats | None) -> None:
    joints = len(body.rest)
    if lengths.ndim != 2 or lengths.shape[1] != joints or len(lengths) < 3:
        raise InputError(
            f"expected bone lengths (N, {joints}) of 3 animals or more, got {lengths.shape}"
        )
    if (lengths[:, 1:] <= 0).any():
        raise InputError("bone lengths must be positive; one that is not known is NaN")
    if sd is None:
        return
    if sd.shape != lengths.shape or not (sd[:, 1:][np.isfinite(lengths[:, 1:])] > 0).all():
        raise InputError(f"expected a positive SD (mm) of every known bone {lengths.shape}")


def _shape_space(
    body: BodyModel, logs: Floats, weights: Floats, factors: Factors, count: int
) -> tuple[ShapeSpace, Floats]:
    """Return the body's coefficients with the animals' SD and `count` more, and theirs (N, S)."""
    space, centred, own = body.shape_space, logs - logs.mean(axis=0), factors.scores
    named = space.basis[:, 1:]
    found = principal_components((centred - own @ named) * weights, count)
    directions = found.directions / weights
    # Per unit of a coefficient the bone that it moves most grows by one unit of log length.
    largest = np.take_along_axis(directions, np.abs(directions).argmax(axis=1)[:, None], axis=1)
    largest = np.where(np.abs(largest) > 0, largest, 1.0)
    basis = np.concatenate([space.basis, np.pad(directions / largest, ((0, 0), (1, 0)))])
    coefficients = np.concatenate([own, found.scores * largest[:, 0]], axis=1)
    first = 1 + sum(name.startswith(_COMPONENT) for name in space.names)
    names = tuple(f"{_COMPONENT}{first + k}" for k in range(len(directions)))
    sd = np.concatenate([factors.sd, coefficients[:, len(own[0]) :].std(axis=0, ddof=1)])
    sd = np.maximum(sd, _LEAST_SD)
    return ShapeSpace(space.names + names, basis, sd, n_scans=len(logs)), coefficients


def _with_lengths(body: BodyModel, log_scale: Floats) -> BodyModel:
    """Return the body with bones longer by factors exp(log_scale) (J,), and its skin with them."""
    wide = with_bone_lengths(body)
    coefficients = np.zeros(len(wide.shape_space))
    coefficients[-len(log_scale) + 1 :] = log_scale[1:]
    pose = replace(body.rest_pose(), shape=coefficients)
    joints = wide.joints(pose)
    mesh = body.mesh
    if mesh is not None:
        mesh = replace(mesh, vertices=wide.vertices(pose))
    return replace(body, rest=joints, mesh=mesh)


def _with_builds(
    body: BodyModel, learned: BodyModel, rest_vertices: Floats, builds: int
) -> tuple[BodyModel, Floats, Components]:
    """Return the body with the mean skin and `builds` ways to differ, and the animals' builds."""
    mesh = body.mesh
    if mesh is None or rest_vertices.shape[1:] != mesh.vertices.shape:
        have = "none" if mesh is None else str(mesh.vertices.shape)
        raise ModelError(f"expected rest vertices of the body's skin {have}, got "
                         f"{rest_vertices.shape}")  # fmt: skip
    skins = _symmetrised(body, Surface(mesh.vertices, mesh.faces), rest_vertices)
    found = principal_components(skins.reshape(len(skins), -1), builds)
    ways = (found.directions * found.sd[:, None]).reshape(-1, *mesh.vertices.shape)
    mean = body.with_mesh(replace(mesh, vertices=found.mean.reshape(-1, 3)))
    log_scale = np.log(
        np.linalg.norm(learned.bone_vectors, axis=1)[1:]
        / np.linalg.norm(body.bone_vectors, axis=1)[1:]
    )
    lengthened = _with_lengths(mean, np.concatenate([[0.0], log_scale])).mesh
    # A way to differ is stretched like the skin that it is on.
    stretch = mesh.weights @ np.exp(np.concatenate([[0.0], log_scale]))
    names = tuple(f"build {k + 1}" for k in range(len(ways)))
    if lengthened is None:
        raise ModelError(f"body {body.name!r} has no skin")
    fleshed = replace(lengthened, builds=ways * stretch[:, None], build_names=names)
    scores = found.scores / np.maximum(found.sd, 1e-12)
    return learned.with_mesh(fleshed), scores, found


def _symmetrised(body: BodyModel, template: Surface, rest_vertices: Floats) -> Floats:
    """Return skins (N, V, 3) as they are on the mean of both sides, for a symmetric template."""
    partner = mirror_partners(template, body)
    if partner is None:
        return rest_vertices
    left = body.axes[1]
    away = (rest_vertices - body.rest[0]) @ left
    mirrored = rest_vertices - 2 * away[..., None] * left
    return np.asarray((rest_vertices + mirrored[:, partner]) / 2)
