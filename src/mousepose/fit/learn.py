"""Learning how mice bend from poses known in 3D: a pose prior and where a tracker's marks sit.

Expectation-maximisation with Laplace's approximation. E: every frame's angles and their posterior
covariance, given the marks. M: mean and covariance of the angles (inverse-Wishart shrunk, mirrored
copies added), the animal's shape, each mark's offset on its bone and how far it wanders. Mean and
covariance include the posterior covariance, so that unseen angles are not taken for still ones.
"""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
from numpy.typing import NDArray

from mousepose.body.gaussians import GaussianMixture
from mousepose.body.model import BodyModel, Marks
from mousepose.body.prior import Components, PosePrior
from mousepose.fit import terms
from mousepose.fit.arrays import BodyArrays, PoseArrays
from mousepose.fit.coordinates import leading_coordinates
from mousepose.fit.reference import Cost, Energy, minimise, plain_cost
from mousepose.types import Floats, Ints

#: Frames fitted at once; more only take memory.
_CHUNK = 300
#: mm by which a mark may miss the mirror image of its partner.
_SAME_PLACE = 3.0


@dataclass(frozen=True)
class LearnConfig:
    """Settings of the learning; all were chosen by cross-validation over animals' poses."""

    iterations: int = 15  #: rounds of expectation-maximisation
    angle_sd: float = 0.3  #: rad, prior standard deviation of the first round
    shrink_sd: float = 0.1  #: rad, towards which the covariance of angles is shrunk
    shrink_count: float = 10.0  #: frames that this shrinking is worth
    offset_sd: float = 4.0  #: mm by which a mark may sit elsewhere than its map's first guess
    smallest_sigma: float = 1.5  #: mm, no mark is taken to be steadier than labels are
    coordinates: int = 24  #: pose coordinates kept
    unseen_sd: float = 0.05  #: rad added to every angle for poses that were not among the learned


@dataclass(frozen=True, eq=False)
class Learned:
    """What EM found: angles of the free axes, the marks, the animal's shape."""

    mean: Floats  #: (A,)
    covariance: Floats  #: (A, A)
    marks: Marks
    shape: Floats
    poses: PoseArrays  #: z holds the angles of the free axes
    posterior: Floats  #: (T, n, n)
    body: BodyModel


def learn(
    body: BodyModel, marks: Marks, xyz: Floats, poses: PoseArrays, config: LearnConfig
) -> Learned:
    """Return the Gaussian over joint angles and the marks that explain `xyz` (T, M, 3) mm.

    `poses` are starting poses whose z (T, A) are the free angles, all axes of `body.free`.
    """
    free = np.argwhere(body.free)
    mirror, sign = mirrored_axes(body)
    mean, covariance = np.zeros(len(free)), np.eye(len(free)) * config.angle_sd**2
    found = Learned(mean, covariance, marks, body.shape_space.mean, poses, np.zeros(0), body)
    found = replace(found, marks=replace(marks, sigma=np.full(len(marks), 3.0)))
    for round_ in range(config.iterations):
        found = expect(found, xyz, 15 if round_ < 2 else 6)
        angles = found.poses.z
        mean = angles.mean(0)
        mean = (mean + mean[mirror] * sign) / 2
        apart = angles - mean
        spread = found.posterior[:, 6:, 6:] + apart[:, :, None] * apart[:, None]
        spread = (spread + spread[:, mirror][:, :, mirror] * sign[:, None] * sign).sum(0)
        count = 2 * len(angles)
        shrunk = spread + config.shrink_count * config.shrink_sd**2 * np.eye(len(free))
        found = replace(found, mean=mean, covariance=shrunk / (count + config.shrink_count))
        found = _place_marks(found, xyz, marks, config)
    return found


def mirrored_axes(body: BodyModel) -> tuple[Ints, Floats]:
    """Return for each free angle the one on the other side, and the sign a mirror gives it."""
    free = [tuple(row) for row in np.argwhere(body.free)]
    partner = body.skeleton.mirror
    index = np.array([free.index((partner[j], axis)) for j, axis in free])
    left = int(np.argmax(np.abs(body.axes[1])))
    return index, np.array([1.0 if axis == left else -1.0 for _, axis in free])


def angle_body(found: Learned) -> BodyArrays:
    """Return the body as arrays whose z are the free angles themselves."""
    body, marks = found.body, found.marks
    free = np.argwhere(body.free)
    basis = np.zeros((*body.free.shape, len(free)))
    basis[free[:, 0], free[:, 1], np.arange(len(free))] = 1
    scale = body.bone_scale(found.shape)
    return BodyArrays(
        np.array(body.skeleton.parents), scale[:, None] * body.bone_vectors,
        np.zeros((len(scale), 3)), basis, body.limits[..., 0], body.limits[..., 1], marks.bone,
        scale[marks.bone, None] * marks.offset, marks.sigma**2, np.zeros(0, np.int64),
    )  # fmt: skip


def expect(found: Learned, xyz: Floats, iterations: int) -> Learned:
    """Return the poses of marks `xyz` (T, M, 3) and their posterior covariance (the E step)."""
    arrays = angle_body(found)
    energy = _energy(found, arrays, xyz)
    poses, _, hessian = minimise(arrays, found.poses, energy, _cost_of(energy), iterations)
    return replace(
        found, poses=poses, posterior=_inverse(hessian + 1e-9 * np.eye(hessian.shape[1]))
    )


def track_poses(found: Learned, xyz: Floats, start: PoseArrays) -> PoseArrays:
    """Return the poses of marks `xyz` (T, M, 3) of a whole recording, each from its start.

    The body, its marks and the Gaussian over angles are those that were `found`.
    """
    arrays = angle_body(found)
    parts = []
    for first in range(0, len(xyz), _CHUNK):
        part = np.arange(first, min(first + _CHUNK, len(xyz)))
        begun = start.take(part)
        begun.z[:] = found.mean
        energy = _energy(found, arrays, xyz[part])
        parts.append(minimise(arrays, begun, energy, _cost_of(energy), 12)[0])
    return PoseArrays(*(np.concatenate(arrays) for arrays in zip(*parts, strict=True)))


def _energy(found: Learned, arrays: BodyArrays, xyz: Floats) -> Energy:
    root = np.linalg.cholesky(np.linalg.inv(found.covariance))

    def energy(poses: PoseArrays, moved: terms.Motion) -> list[terms.Residuals]:
        value = (poses.z - found.mean) @ root
        jacobian = np.zeros((len(value), value.shape[1], 6 + value.shape[1]))
        jacobian[:, :, 6:] = root.T
        data = terms.points_in_space(arrays, xyz, found.marks.sigma, moved)
        return [data, terms.Residuals(value, jacobian)]

    return energy


def _cost_of(energy: Energy) -> Cost:
    """Return the cost that goes with an energy, for `minimise`."""
    return lambda poses, moved: plain_cost(energy(poses, moved))


def _inverse(matrices: Floats) -> Floats:
    return np.asarray(np.linalg.inv(matrices), np.float64)


def _place_marks(found: Learned, xyz: Floats, guess: Marks, config: LearnConfig) -> Learned:
    """Return the least-squares shape and mark offsets, given the bones' rotations.

    With the rotations known, marks are linear in offsets and, to first order, in the shape.
    """
    body = found.body
    arrays = angle_body(found)
    moved = terms.motion(arrays, found.poses)
    points, _ = terms.mark_points(arrays, moved)
    jacobian = geometry_jacobian(body, found.marks, found.shape, moved)
    known = np.isfinite(xyz[..., 0])
    weight = known / found.marks.sigma
    shift = weight / np.maximum(np.linalg.norm(weight, axis=1, keepdims=True), 1e-12)
    rows = jacobian * weight[..., None, None]
    value = np.nan_to_num(xyz - points) * weight[..., None]
    # the place of every frame is free: take it out of the equations
    rows = rows - shift[..., None, None] * np.einsum("tm,tmin->tin", shift, rows)[:, None]
    value = value - shift[..., None] * np.einsum("tm,tmi->ti", shift, value)[:, None]
    flat = rows.reshape(-1, rows.shape[-1])
    precision = np.r_[1 / body.shape_space.sd**2, np.full(3 * len(guess), config.offset_sd**-2)]
    now = np.r_[found.shape, (found.marks.offset - guess.offset).ravel()]
    change = np.linalg.solve(
        flat.T @ flat + np.diag(precision), flat.T @ value.ravel() - precision * now
    )
    shapes = len(found.shape)
    offset = found.marks.offset + change[shapes:].reshape(-1, 3)
    partner, paired = mark_partners(body, guess)
    left = body.axes[1]
    mirrored = offset[partner] @ (np.eye(3) - 2 * np.outer(left, left))
    offset = np.where(paired[:, None], (offset + mirrored) / 2, offset)
    found = replace(
        found, shape=found.shape + change[:shapes], marks=replace(found.marks, offset=offset)
    )
    return _measure_wandering(found, xyz, known, partner, config)


def _measure_wandering(
    found: Learned, xyz: Floats, known: np.ndarray, partner: Ints, config: LearnConfig
) -> Learned:
    arrays = angle_body(found)
    points, velocity = terms.mark_points(arrays, terms.motion(arrays, found.poses))
    square = np.nan_to_num(((xyz - points) ** 2).sum(-1))
    square += np.einsum("tmin,tnk,tmik->tm", velocity, found.posterior, velocity, optimize=True)
    variance = (square * known).sum(0) / np.maximum(known.sum(0), 1) / 3
    variance = (variance + variance[partner]) / 2
    sigma = np.sqrt(np.maximum(variance, config.smallest_sigma**2))
    return replace(found, marks=replace(found.marks, sigma=sigma))


def geometry_jacobian(body: BodyModel, marks: Marks, shape: Floats, moved: terms.Motion) -> Floats:
    """Return how marks move with shape and offsets: (T, M, 3, S + 3 M)."""
    frames, count, shapes = len(moved.joint), len(marks), len(shape)
    scale = body.bone_scale(shape)
    way = (moved.rotation @ (scale[:, None] * body.bone_vectors)[..., None])[..., 0]
    growth = np.zeros((*way.shape[:2], 3, shapes))  # of each joint with the shape
    for j in range(1, len(scale)):
        parent = body.skeleton.parents[j]
        growth[:, j] = growth[:, parent] + way[:, j, :, None] * body.shape_space.basis[:, j]
    out = np.zeros((frames, count, 3, shapes + 3 * count))
    for m, bone in enumerate(marks.bone):
        turned = moved.rotation[:, bone] * scale[bone]
        arm = turned @ marks.offset[m]
        out[:, m, :, :shapes] = growth[:, bone] + arm[..., None] * body.shape_space.basis[:, bone]
        out[:, m, :, shapes + 3 * m : shapes + 3 * m + 3] = turned
    return out


def mark_partners(body: BodyModel, marks: Marks) -> tuple[Ints, NDArray[np.bool_]]:
    """Return the mark (M,) on the other side of each, and which (M,) have one.

    It is the one on the mirrored bone that lies nearest to where the mirror image would be; a mark
    on the midline is its own. One whose partner was not tracked has none and stands for itself.
    """
    side = np.array(body.skeleton.mirror)
    left = body.axes[1]
    image = marks.offset @ (np.eye(3) - 2 * np.outer(left, left))
    apart = np.linalg.norm(image[:, None] - marks.offset, axis=-1)
    apart[side[marks.bone][:, None] != marks.bone] = np.inf
    partner = apart.argmin(axis=1)
    rows = np.arange(len(marks))
    paired = (partner[partner] == rows) & (apart[rows, partner] < _SAME_PLACE)
    return np.where(paired, partner, rows), paired


def to_prior(
    found: Learned,
    config: LearnConfig,
    source: str,
    typical_length: float,
    mixture: GaussianMixture | None = None,
) -> PosePrior:
    """Return the prior that a pose fit uses, its coordinates in the order of what they move.

    `typical_length` is the animals' mean straight distance from snout to tail base in mm. With a
    `mixture` over the free angles the prior has its mean and covariance, and its components.
    """
    body = found.body
    mean, covariance = (found.mean, found.covariance) if mixture is None else mixture.moments()
    components = None
    if mixture is not None and len(mixture) > 1:
        parts = [
            _bending(found, m, c, config)
            for m, c in zip(mixture.means, mixture.covariances, strict=True)
        ]
        means, bases = (np.stack(arrays) for arrays in zip(*parts, strict=True))
        components = Components(mixture.weights, means, bases)
    middle, basis = _bending(found, mean, covariance, config)
    return PosePrior(
        mean=middle,
        basis=basis,
        coordinates=config.coordinates,
        acceleration=PosePrior.isotropic(body).acceleration,
        body_length=body.body_length_of(found.shape),
        typical_length=typical_length,
        joint_names=body.skeleton.joint_names,
        source=source,
        shape=tuple(found.shape),
        components=components,
    )


def _bending(
    found: Learned, mean: Floats, covariance: Floats, config: LearnConfig
) -> tuple[Floats, Floats]:
    """Return mean (J, 3) and basis (J, 3, R) of joint rotations, wider for poses not learned."""
    body = found.body
    free = np.argwhere(body.free)
    wider = covariance + config.unseen_sd**2 * np.eye(len(free))
    arrays = angle_body(found)
    arrays.mean[free[:, 0], free[:, 1]] = mean
    basis = arrays.basis @ leading_coordinates(arrays, wider, len(free))
    middle = np.zeros(body.free.shape)
    middle[free[:, 0], free[:, 1]] = mean
    return middle, basis
