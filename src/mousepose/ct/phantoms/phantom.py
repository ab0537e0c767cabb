"""CT scans of mice that never lived: every joint, bone length and surface of them is known.

An animal of random size, build and limb lengths (`anatomy.py`) lies on a curved bed in the scanner;
its tissues, the plastic around it and the faults of a scanner (`phantom_scan.py`) make the volume.
The same seed and options give the same bytes.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from functools import cached_property
from typing import Any, Literal, get_args

import numpy as np

from mousepose.body.default import default_body
from mousepose.body.model import BodyModel
from mousepose.ct.anatomy.anatomy import Anatomy, mouse_anatomy
from mousepose.ct.anatomy.anatomy_solids import Grid3, Lattice
from mousepose.ct.phantoms.phantom_bed import LYING, Bed, NoseCone
from mousepose.ct.phantoms.phantom_pose import animal_shape, scan_pose
from mousepose.ct.phantoms.phantom_scan import Scene, scan_of
from mousepose.ct.scans.scan_errors import library
from mousepose.ct.types import Surface, Volume
from mousepose.errors import InputError
from mousepose.types import Floats, Pose, require

Lying = Literal["prone", "supine", "left side", "right side"]
#: What a scan shows of the animal: all; not the tail behind its root; not the snout either.
Shown = Literal["whole", "no tail", "no tail, no nose"]

#: Room (mm) around the animal.
_MARGIN = 3.0
#: How far (mm) toes reach beyond the joint in the middle of the paw.
_TOES = 8.0
#: Step (mm) of the skin that is laid on the bed.
_COARSE = 0.6
#: Spacings (mm) that a scan of a mouse may have.
_FINEST, _COARSEST = 0.02, 5.0


@dataclass(frozen=True, eq=False)
class Phantom:
    """A scan and its truth, in RAS mm.

    `joints` (J, 3) are those of `body` in `pose`, `bone_lengths` (J,) mm the bones that end there
    (0 for the root); `pose.shape` and `build` (log girth) are what the animal was drawn with.
    """

    volume: Volume
    joints: Floats
    bone_lengths: Floats
    pose: Pose
    build: float
    body: BodyModel
    anatomy: Anatomy
    lying: str

    @cached_property
    def skin(self) -> Surface:
        """Return the true skin, where its field is 0, from points 0.2 mm apart."""
        return self.skin_surface(0.2)

    @cached_property
    def skeleton(self) -> Surface:
        """Return the true surface of all bones, from points 0.15 mm apart; the skull is hollow."""
        return self.skeleton_surface(0.15)

    def skin_surface(self, step_mm: float) -> Surface:
        """Return the true skin from points `step_mm` apart."""
        lattice = Lattice.around(*self.anatomy.box, step_mm)
        return _surface(self.anatomy.skin_field(lattice), lattice)

    def skeleton_surface(self, step_mm: float) -> Surface:
        """Return the true surface of the bones from points `step_mm` apart."""
        lattice = Lattice.around(*self.anatomy.box, step_mm)
        return _surface(self.anatomy.bone_field(lattice), lattice)


def make_phantom(
    seed: int,
    *,
    voxel_mm: float | tuple[float, float, float] = 0.2,
    body: BodyModel | None = None,
    posed: bool = True,
    lying: Lying = "prone",
    shown: Shown = "whole",
    bed: bool = True,
    tubes: bool = False,
    nose_cone: bool = True,
    ear_tag: bool = False,
    noise_hu: float = 40.0,
    blur_mm: float | None = None,
    cupping_hu: float = 60.0,
    build_sd: float = 0.06,
    vary_shape: bool = True,
    orientation: str = "RAS",
) -> Phantom:
    """Return a scan of a random mouse with its truth.

    `voxel_mm` is the spacing, one for all or x, y and z. `posed` animals lie with their limbs at
    random, others stand as at rest; `vary_shape` and `build_sd` (log girth) say how animals differ.
    `lying` names where the bed is, `shown` what of the animal is in the field of view. `body` is
    the body model whose joints and shape space the animal has (the default one). `noise_hu` is the
    SD of the noise, `blur_mm` that of the scanner's blur (0.6 voxels where not given), `cupping_hu`
    how much darker the middle of the body is. `orientation` names the directions in which the voxel
    axes grow, such as "LPS"; the matrix of the volume says so too, so that RAS mm stay the same.
    Raises `InputError` for options that make no scan.
    """
    spacing = _spacing(voxel_mm)
    require(seed >= 0, f"seed: expected 0 or more, got {seed}")
    for name, given, known in (("lying", lying, LYING), ("shown", shown, get_args(Shown))):
        require(given in known, f"{name}: expected one of {', '.join(known)}, got {given!r}")
    rng = np.random.default_rng(seed)
    body = default_body() if body is None else body
    shape = animal_shape(body, rng)
    build = float(rng.normal(0.0, build_sd))
    pose = scan_pose(body, shape if vary_shape else 0 * shape, rng, posed=posed)
    anatomy = mouse_anatomy(body, pose, build=build)
    joints = body.joints(pose)
    scene = _scene(body, joints, anatomy, lying, rng, bed=bed, tubes=tubes, nose_cone=nose_cone)
    if ear_tag:
        scene = replace(scene, ear_tag=_ear_place(body, pose))
    lattice = _lattice(scene, body, joints, spacing, shown)
    volume = scan_of(scene, lattice, rng, noise_hu=noise_hu, blur_mm=blur_mm, cupping_hu=cupping_hu)
    volume = replace(volume, name=f"phantom {seed}")
    return Phantom(
        volume=reoriented(volume, orientation),
        joints=joints,
        bone_lengths=np.linalg.norm(body.bone_vectors, axis=1) * body.bone_scale(pose.shape),
        pose=pose,
        build=build,
        body=body,
        anatomy=anatomy,
        lying=lying,
    )


def _spacing(voxel_mm: float | tuple[float, float, float]) -> Floats:
    given = np.asarray(voxel_mm, np.float64)
    good = given.shape in ((), (3,)) and ((given > _FINEST) & (given < _COARSEST)).all()
    require(
        bool(good),
        f"voxel_mm: expected one spacing or x, y and z, {_FINEST} to {_COARSEST} mm; "
        f"got {voxel_mm}",
    )
    return np.broadcast_to(given, (3,)).copy()


def reoriented(volume: Volume, orientation: str) -> Volume:
    """Return the same RAS volume with voxel axes that grow to the letters of `orientation`.

    Raises `InputError` unless the letters name each of R or L, A or P and S or I once.
    """
    letters = orientation.upper()
    pairs = ("RL", "AP", "SI")
    order = [[letter in pair for pair in pairs].index(True) for letter in letters
             if letter in "RLAPSI"]  # fmt: skip
    if len(letters) != 3 or sorted(order) != [0, 1, 2]:
        raise InputError(f"orientation: expected letters such as RAS or LPS, got {orientation!r}")
    values: Any = volume.values.transpose(order)
    matrix = volume.T_world_voxel[:, [*order, 3]]
    for axis, letter in enumerate(letters):
        if letter in "LPI":
            values = np.flip(values, axis)
            matrix = matrix.copy()
            matrix[:, 3] += (values.shape[axis] - 1) * matrix[:, axis]
            matrix[:, axis] *= -1
    return replace(volume, values=np.ascontiguousarray(values), T_world_voxel=matrix)


def _scene(
    body: BodyModel, joints: Floats, anatomy: Anatomy, lying: str, rng: np.random.Generator,
    *, bed: bool, tubes: bool, nose_cone: bool,
) -> Scene:  # fmt: skip
    """Return the animal with the bed that carries it and the cone around its nose."""
    lattice = Lattice.around(*anatomy.box, _COARSE)
    inside = np.argwhere(anatomy.skin_field(lattice) < 0.5 * _COARSE)
    skin = lattice.origin + inside * lattice.step
    # The bed ends where the tail begins.
    carried = skin[skin[:, 2] > joints[body.skeleton.index("ROOT_TAIL"), 2]]
    trough = Bed.under(carried, lying, float(rng.uniform(1.3, 2.2)))
    nose = joints[body.skeleton.index("NOSE")]
    cone = NoseCone(
        centre=(float(nose[0]), float(nose[1])),
        start=float(nose[2] - rng.uniform(3.0, 8.0)),
        radius=float(rng.uniform(6.0, 8.0)),
    )
    return Scene(
        animals=(anatomy,),
        bed=trough if bed else None,
        tubes=tubes and bed,
        nose_cone=cone if nose_cone else None,
        ear_tag=None,
    )


def _ear_place(body: BodyModel, pose: Pose) -> Floats:
    """Return where a metal tag sits in the left ear (3,) mm."""
    from mousepose.ct.anatomy.anatomy import anatomy_table
    from mousepose.ct.anatomy.anatomy_parts import places

    part = anatomy_table()["flesh"]["ear"]
    left = next(iter(places(part, body, pose)))
    centre = np.array(part["balls"][0][:3])
    base = np.array(part["chains"][0][-1][:3])
    return np.asarray(left.points(0.5 * (centre + base)[None])[0])


def _lattice(
    scene: Scene, body: BodyModel, joints: Floats, spacing: Floats, shown: Shown
) -> Lattice:
    """Return the voxels of the scan: the animal, the bed below it, and some air."""
    low, high = (edge.copy() for edge in scene.animals[0].box)
    if scene.bed is not None:
        low[:2] = np.minimum(low[:2], scene.bed.lowest)
        high[:2] = np.maximum(high[:2], scene.bed.lowest)
    low, high = low - _MARGIN, high + _MARGIN
    if shown != "whole":
        kept = ("ROOT_TAIL", "LEFT_HIND_PAW", "RIGHT_HIND_PAW")
        low[2] = min(joints[body.skeleton.index(name), 2] for name in kept) - _TOES - _MARGIN
    if shown == "no tail, no nose":
        high[2] = joints[body.skeleton.index("NOSE"), 2] - 2 * _MARGIN
    x, y, z = (int(n) for n in np.ceil((high - low) / spacing) + 1)
    return Lattice(low, spacing, (x, y, z))


def _surface(field: Grid3, lattice: Lattice) -> Surface:
    marching_cubes = library("making a surface", "skimage.measure").marching_cubes
    vertices, faces, _, _ = marching_cubes(field, 0.0)
    placed = lattice.origin + lattice.step * vertices
    return Surface(np.asarray(placed, np.float64), np.asarray(faces, np.int64))
