"""Everything a fit needs besides the keypoints, and one animal's body as the kernels read it."""

from __future__ import annotations

import itertools
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np

from mousepose.body.default import default_body
from mousepose.body.keypoint_map import KeypointMap, load_keypoint_map
from mousepose.body.mixture import PositionMixture
from mousepose.body.model import BodyModel, Marks
from mousepose.body.prior import PosePrior, load_prior
from mousepose.errors import InputError, ModelError
from mousepose.fit.alternative import check_mixture
from mousepose.fit.arrays import BodyArrays, Views, Weights
from mousepose.fit.config import FitConfig, Scale
from mousepose.geometry.camera import Camera
from mousepose.types import Floats

#: How far, as a share, an animal's size may be off that these give: between recordings the distance
#: from snout to tail base differs by 5 % with how it stands, weight goes with much besides length.
_SCALE_SD = {"none": 0.10, "weight": 0.06, "body_length": 0.05, "bone": 0.03}
#: How far, as a share, the straight length of a mean pose is off that was seen by one camera.
_STRAIGHT_SD = 0.03
#: Where the straight body length is measured.
BODY_ENDS = ("NOSE", "ROOT_TAIL")
_PAWS = ("LEFT_HIND_PAW", "RIGHT_HIND_PAW", "LEFT_FORE_PAW", "RIGHT_FORE_PAW")
#: mm, height of the joint in a paw that stands on the floor (hind paws of 81 labelled poses of
#: spoonsso/dannce, MIT: 1.3 to 2.4).
PAW_HEIGHT = 1.5
#: g, the weight taken for the animals of the prior, whose sources do not tell it, and for the body.
_DEFAULT_WEIGHT = 25.0


@dataclass(frozen=True, eq=False)
class Setup:
    """Cameras, body, keypoint map, prior, scale and config of a fit; `Setup.of` fills defaults.

    `mixture` is there exactly where `config.prior` is "published".
    """

    cameras: tuple[Camera, ...]
    body: BodyModel
    keypoint_map: KeypointMap
    prior: PosePrior
    scale: Scale
    config: FitConfig
    mixture: PositionMixture | None = None

    @classmethod
    def of(
        cls,
        cameras: Camera | Sequence[Camera],
        body: BodyModel | None = None,
        keypoint_map: KeypointMap | str = "dataset22",
        prior: PosePrior | None = None,
        scale: Scale | None = None,
        config: FitConfig | None = None,
        mixture: PositionMixture | None = None,
    ) -> Setup:
        """Return a setup; a prior that is not given is the shipped one where it fits the body.

        Raises `ModelError` for a prior of another skeleton, `InputError` for a scale that the
        cameras cannot give and for the prior "published" without its `mixture`.
        """
        config = config or FitConfig()
        cameras = (cameras,) if isinstance(cameras, Camera) else tuple(cameras)
        if not cameras:
            raise InputError("expected at least one camera, got none")
        given = body
        body = body or default_body()
        if isinstance(keypoint_map, str):
            keypoint_map = load_keypoint_map(keypoint_map)
        if prior is None:
            learned = given is None and config.prior == "learned"
            prior = load_prior() if learned else PosePrior.isotropic(body)
        if prior.joint_names != body.skeleton.joint_names:
            raise ModelError(
                f"the prior is for {len(prior.joint_names)} joints "
                f"({', '.join(prior.joint_names[:3])}, ...), body {body.name!r} has "
                f"{len(body.skeleton.joint_names)}; give a prior learned for this body"
            )
        check_mixture(config.prior, mixture, body.skeleton.joint_names)
        known = keypoint_map.restricted_to(body)
        setup = cls(cameras, body, known, prior, scale or Scale(), config, mixture)
        setup._check_scale()
        return setup

    def _check_scale(self) -> None:
        """Raise `InputError` where the scale asks for what body or cameras do not have."""
        body, kind = self.body, self.scale.kind
        if self.size_from_floor and "size" not in body.shape_space.names:
            raise InputError(
                f"scale {kind!r} finds the animal's size, and body {body.name!r} has no shape "
                "coefficient 'size'"
            )
        missing = [name for name in BODY_ENDS if name not in body.skeleton.joint_names]
        if kind == "body_length" and missing:
            raise InputError(
                f"scale {kind!r} goes from NOSE to ROOT_TAIL, body {body.name!r} has no "
                f"{' and no '.join(missing)}; give the length of a bone instead"
            )
        for one, other in itertools.combinations(self.cameras, 2):
            if np.allclose(one.T_camera_world, other.T_camera_world):
                raise InputError(
                    f"cameras {one.name!r} and {other.name!r} stand at the same place: several "
                    "cameras need T_camera_world, where each of them stands"
                )
        self.floor()  # raises where the scale needs a floor that no camera has

    @property
    def frame(self) -> str:
        """Return the frame of reference of results: "camera" or "world"."""
        first = self.cameras[0]
        placed = not np.allclose(first.T_camera_world, np.eye(4))
        return "world" if placed or len(self.cameras) > 1 else "camera"

    @property
    def min_keypoints(self) -> int:
        """Return how many keypoints a frame needs to be solved on its own."""
        return self.keypoint_map.needed(self.config.min_keypoints)

    @property
    def scale_source(self) -> str:
        """Return what makes the result metric."""
        if len(self.cameras) > 1 and self.scale.kind != "model":
            return "cameras"
        return str(self.scale)

    @property
    def size_is_free(self) -> bool:
        """Return whether the animal's size is seen: by several cameras, or against the floor."""
        return len(self.cameras) > 1 or self.size_from_floor

    @property
    def size_from_floor(self) -> bool:
        """Return whether it is the floor that shows the animal's size to one camera."""
        return len(self.cameras) == 1 and self.scale.kind in ("floor", "camera_height")

    @property
    def scale_sd(self) -> float:
        """Return how far, as a share, the size and with it the distance may be off."""
        return 0.0 if self.size_is_free else _SCALE_SD.get(self.scale.kind, 0.0)

    def floor(self) -> Floats | None:
        """Return the floor plane (4,) in the frame of reference, or None."""
        plane = next((c.floor_plane for c in self.cameras if c.floor_plane is not None), None)
        if self.scale.kind in ("floor", "camera_height"):
            if plane is None:
                raise InputError(
                    f"scale {self.scale.kind!r} needs a camera with a floor plane: give "
                    "floor_plane = [a, b, c, d] in the camera file"
                )
            if self.scale.kind == "camera_height":
                normal = np.asarray(plane[:3])
                return np.append(normal, self.scale.value - normal @ self.cameras[0].position)
        return None if plane is None or not self.config.floor else np.asarray(plane, np.float64)

    def views(self) -> Views:
        """Return the cameras as the kernels see them; their floor is where a paw's joint stands."""
        floor = self.floor()
        raised = np.zeros(4) if floor is None else floor - [0, 0, 0, PAW_HEIGHT]
        return Views(
            np.stack([np.ascontiguousarray(c.T_camera_world[:3, :3]) for c in self.cameras]),
            np.stack([np.ascontiguousarray(c.T_camera_world[:3, 3]) for c in self.cameras]),
            raised,
            floor is not None,
        )

    def weights(self) -> Weights:
        """Return the weights of the terms."""
        config = self.config
        return Weights(
            prior=np.full(self.prior.coordinates, config.prior_weight),
            limit=config.limit_sigma**-2 if config.limits else 0.0,
            robust=min(config.robust, 1e15) ** 2,
            penetration=config.floor_sigma**-2,
            contact=config.floor_sigma**-2,
            anchor=1e-6,
        )

    def first_shape(self, mean: Floats | None = None) -> Floats:
        """Return the shape that the scale and the prior give before any image is seen.

        `mean` (J, 3) rad are the animal's mean joint rotations, where they are known better than
        from the prior: how straight it carries itself tells what its straight length means.
        """
        body, prior = self.body, self.prior
        learned = len(prior.shape) == len(body.shape_space) and self.scale.kind != "model"
        shape = np.array(prior.shape) if learned else body.shape_space.mean
        factor = self._size_factor(shape)
        if mean is not None and self.scale.kind == "body_length":
            factor /= self._straightness(shape, mean)
        if factor == 1.0:
            return shape
        if "size" not in body.shape_space.names:
            raise InputError(
                f"body {body.name!r} has no size coefficient to bring it to {self.scale}"
            )
        shape[body.shape_space.names.index("size")] += math.log(factor)
        return shape

    def _straightness(self, shape: Floats, mean: Floats) -> float:
        """Return how much longer the straight length is at joint rotations `mean` than usual.

        Differences smaller than what the mean of one view is off by are drawn to none.
        """
        pose = replace(self.body.rest_pose(), shape=shape)
        ends = [self.body.skeleton.index(name) for name in BODY_ENDS]
        joints = [
            self.body.joints(replace(pose, joint_rotation=m))[ends] for m in (self.prior.mean, mean)
        ]
        usual, have = (np.linalg.norm(nose - tail) for nose, tail in joints)
        change = math.log(have / usual)
        return math.exp(change**3 / (change**2 + _STRAIGHT_SD**2))

    def _size_factor(self, shape: Floats) -> float:
        scale, body = self.scale, self.body
        if scale.kind == "body_length":
            return scale.value / self.prior.typical_length
        if scale.kind == "weight":
            return float((scale.value / _DEFAULT_WEIGHT) ** (1 / 3))
        if scale.kind == "bone":
            joint = body.skeleton.index(scale.bone_name)
            length = np.linalg.norm(body.bone_vectors[joint]) * body.bone_scale(shape)[joint]
            if length == 0:
                raise InputError(f"scale: {scale.bone_name!r} is the root and no bone")
            return float(scale.value / length)
        return 1.0


@dataclass(frozen=True, eq=False)
class Animal:
    """What is learned once for an animal: its `shape` (S,), where its marks sit, how it moves.

    `offset` (M, 3) mm are the marks' offsets in rest axes, in the order of the setup's keypoint
    map. Its joint rotations are `mean` (J, 3) rad + `basis` (J, 3, r) z with z ~ N(0, I), and
    `acceleration` (2 + r,) are the spectral densities with which a root turn (rad^2/s^3), its place
    (mm^2/s^3) and every coordinate z (1/s^3) accelerate.
    """

    shape: Floats
    offset: Floats
    mean: Floats
    basis: Floats
    acceleration: Floats

    @classmethod
    def typical(cls, setup: Setup) -> Animal:
        """Return the animal that is assumed before any image is seen."""
        marks = setup.keypoint_map.marks(setup.body)
        prior, r = setup.prior, setup.prior.coordinates
        turn, place, coordinate = prior.acceleration
        return cls(
            setup.first_shape(), marks.offset, prior.mean, prior.basis[..., :r],
            np.r_[turn, place, np.full(r, coordinate)],
        )  # fmt: skip

    def to_dict(self) -> dict[str, Any]:
        """Return the animal as numbers and lists, for JSON."""
        return {
            "shape": self.shape.tolist(),
            "offset_mm": self.offset.tolist(),
            "mean_rad": self.mean.tolist(),
            "basis_rad": self.basis.tolist(),
            "acceleration": self.acceleration.tolist(),
        }

    @classmethod
    def from_dict(cls, table: Mapping[str, Any]) -> Animal:
        """Return the animal that `to_dict` wrote. Raises `InputError` for anything else."""
        try:
            keys = ("shape", "offset_mm", "mean_rad", "basis_rad", "acceleration")
            return cls(*(np.array(table[key], np.float64) for key in keys))
        except (KeyError, TypeError, ValueError) as error:
            raise InputError(f"not an animal written by mousepose: {error}") from error


def check_animal(setup: Setup, animal: Animal) -> None:
    """Raise `InputError` for an animal that was learned with another body, map or prior."""
    joints, r = len(setup.body.skeleton.joint_names), setup.prior.coordinates
    for name, have, want in (
        ("shape", animal.shape, (len(setup.body.shape_space),)),
        ("offset", animal.offset, (len(setup.keypoint_map), 3)),
        ("mean", animal.mean, (joints, 3)),
        ("basis", animal.basis, (joints, 3, r)),
        ("acceleration", animal.acceleration, (2 + r,)),
    ):
        if have.shape != want or not np.isfinite(have).all():
            raise InputError(
                f"animal {name}: expected finite {want}, got {have.shape}; was it learned with "
                "another body, keypoint map or prior?"
            )


def animal_marks(setup: Setup, animal: Animal) -> Marks:
    """Return the tracker's marks on this animal."""
    return replace(setup.keypoint_map.marks(setup.body), offset=animal.offset)


def body_arrays(setup: Setup, animal: Animal, marks: Marks | None = None) -> BodyArrays:
    """Return the animal's body as the kernels read it, with its tracker's marks or others."""
    body, prior = setup.body, setup.prior
    marks = animal_marks(setup, animal) if marks is None else marks
    scale = body.bone_scale(animal.shape)
    size = _body_length(body, animal.shape) / prior.body_length
    paws = [body.skeleton.index(p) for p in _PAWS if p in body.skeleton.joint_names]
    return BodyArrays(
        parent=np.array(body.skeleton.parents, np.int64),
        bone=np.ascontiguousarray(scale[:, None] * body.bone_vectors),
        mean=np.ascontiguousarray(animal.mean),
        basis=np.ascontiguousarray(animal.basis),
        low=np.ascontiguousarray(body.limits[..., 0]),
        high=np.ascontiguousarray(body.limits[..., 1]),
        mark_bone=np.asarray(marks.bone, np.int64),
        mark_offset=np.ascontiguousarray(scale[marks.bone, None] * marks.offset),
        mark_variance=np.ascontiguousarray((marks.sigma * size) ** 2),
        paw=np.array(paws, np.int64),
    )


def _body_length(body: BodyModel, shape: Floats) -> float:
    known = set(body.skeleton.joint_names)
    return body.body_length_of(shape) if known.issuperset(BODY_ENDS) else 1.0
