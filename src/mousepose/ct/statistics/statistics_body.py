"""The body of many scans: mean bones and skin, and the ways in which animals differ from it."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mousepose.body.model import BodyModel
from mousepose.body.shape import ShapeSpace
from mousepose.ct.registration.register_pose import with_bone_lengths
from mousepose.ct.statistics.rig import mirror_partners
from mousepose.ct.statistics.statistics import Components, filled, principal_components
from mousepose.ct.types import Surface
from mousepose.errors import InputError, ModelError
from mousepose.types import Floats

#: No coefficient varies by less than this: a shape space needs something to divide by.
_LEAST_SD = 1e-4
#: Components that tell the bones which a scan does not show.
_FILLED_BY = 3
_COMPONENT = "shape "
#: Rounds in which noise and factors are told apart.
_ROUNDS = 200


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
    shapes: int = 2,
    builds: int = 4,
    source: str = "",
) -> LearnedBody:
    """Return the body with the mean bones and skin of animals, and with their ways to differ.

    `bone_lengths` (N, J) mm, NaN where a scan was cut; `rest_vertices` (N, V, 3) mm as
    `register_body` gives them. The body's own shape coefficients, such as its size, stay and get
    the SD that the animals have; `shapes` principal components of what they leave come after them,
    and `builds` of the skin. Raises `InputError` for too few animals and lengths that are none,
    `ModelError` for vertices that are not of this body's skin.
    """
    logs, weights = _log_lengths(body, bone_lengths)
    bones = principal_components(logs * weights)
    space, coefficients = _shape_space(body, logs, weights, shapes)
    source = source or f"{len(logs)} scans"
    longer = _with_lengths(body, np.concatenate([[0.0], logs.mean(axis=0)]))
    learned = longer.with_shape_space(replace(space, source=source))
    if rest_vertices is None:
        return LearnedBody(learned, coefficients, np.zeros((len(logs), 0)), bones, None)
    fleshed, build, skins = _with_builds(body, learned, rest_vertices, builds)
    return LearnedBody(fleshed, coefficients, build, bones, skins)


def _log_lengths(body: BodyModel, lengths: Floats) -> tuple[Floats, Floats]:
    """Return log lengths (N, J - 1) against the body's, and how much (J - 1,) each bone counts.

    Left and right share their mean; what is not known is told by the others.
    """
    joints = len(body.rest)
    if lengths.ndim != 2 or lengths.shape[1] != joints or len(lengths) < 3:
        raise InputError(
            f"expected bone lengths (N, {joints}) of 3 animals or more, got {lengths.shape}"
        )
    if (lengths[:, 1:] <= 0).any():
        raise InputError("bone lengths must be positive; one that is not known is NaN")
    own = np.linalg.norm(body.bone_vectors, axis=1)[1:]
    logs = np.log(lengths[:, 1:]) - np.log(own)
    partner = np.array(body.skeleton.mirror)[1:] - 1
    both = np.stack([logs, logs[:, partner]])
    known = np.isfinite(both).sum(axis=0)
    total = np.nansum(both, axis=0)
    logs = np.where(known > 0, total / np.maximum(known, 1), np.nan)
    weights = own / own.mean()
    return filled(logs * weights, min(_FILLED_BY, len(logs) - 1)) / weights, weights


def _shape_space(
    body: BodyModel, logs: Floats, weights: Floats, count: int
) -> tuple[ShapeSpace, Floats]:
    """Return the body's coefficients with the animals' SD and `count` more, and theirs (N, S)."""
    space, centred = body.shape_space, logs - logs.mean(axis=0)
    named = space.basis[:, 1:]
    own, sd = _coefficients(centred * weights, named * weights, space.sd)
    found = principal_components((centred - own @ named) * weights, count)
    directions = found.directions / weights
    # Per unit of a coefficient the bone that it moves most grows by one unit of log length.
    largest = np.take_along_axis(directions, np.abs(directions).argmax(axis=1)[:, None], axis=1)
    largest = np.where(np.abs(largest) > 0, largest, 1.0)
    basis = np.concatenate([space.basis, np.pad(directions / largest, ((0, 0), (1, 0)))])
    coefficients = np.concatenate([own, found.scores * largest[:, 0]], axis=1)
    first = 1 + sum(name.startswith(_COMPONENT) for name in space.names)
    names = tuple(f"{_COMPONENT}{first + k}" for k in range(len(directions)))
    sd = np.concatenate([sd, coefficients[:, len(sd) :].std(axis=0, ddof=1)])
    sd = np.maximum(sd, _LEAST_SD)
    return ShapeSpace(space.names + names, basis, sd, n_scans=len(logs)), coefficients


def _coefficients(measures: Floats, basis: Floats, sd: Floats) -> tuple[Floats, Floats]:
    """Return the likeliest coefficients (N, S) behind measures (N, D), and the animals' SD (S,).

    Factor analysis with known loadings `basis` (S, D), by EM (Rubin, Thayer, EM algorithms for ML
    factor analysis, 1982): how much is noise, and how much each factor varies, is learned too, so
    that factors which few measures tell apart are not blown up by noise.
    """
    variance, noise = sd**2, float((measures**2).mean()) / 2 + _LEAST_SD**2
    inner, outer = basis @ basis.T, measures @ basis.T
    scores = np.zeros((len(measures), len(basis)))
    for _ in range(_ROUNDS):
        spread = np.linalg.inv(inner / noise + np.diag(1 / variance))
        scores = outer @ spread / noise
        variance = (scores**2).mean(axis=0) + np.diag(spread) + _LEAST_SD**2
        left = float(((measures - scores @ basis) ** 2).mean())
        noise = left + float(np.trace(spread @ inner)) / measures.shape[1] + _LEAST_SD**2 / 100
    return scores, np.sqrt(variance)


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
