"""One animal, posed, dressed and set on the floor: vertices with what light does to them."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np

from mousepose.body.skinning import skin
from mousepose.geometry import rotation
from mousepose.train.render.animal import Animal
from mousepose.train.render.noise import turbulence
from mousepose.types import Floats, Ints, Pose

COATS = ("albino", "black", "agouti", "piebald")


@dataclass(frozen=True, eq=False)
class Surface:
    """A mesh to draw: `vertices`, `normals` (V, 3) in the world, `faces` (F, 3), `look` (V, L).

    `texture` (V, 3) mm says where in its own noise a vertex lies. The columns of `look` are those
    of `LOOK`.
    """

    vertices: Floats
    normals: Floats
    faces: Ints
    texture: Floats
    look: Floats


#: What light does: share that is scattered, hair (0-1), light that comes through, mirroring, and
#: how fine and strong bands across the texture's x axis are (a tail's rings).
LOOK = ("albedo", "fur", "translucent", "gloss", "rings")
ALBEDO, FUR, TRANSLUCENT, GLOSS, RINGS = range(len(LOOK))


def joined(surfaces: list[Surface]) -> Surface:
    """Return several surfaces as one."""
    starts = np.cumsum([0, *(len(s.vertices) for s in surfaces[:-1])])
    return Surface(
        np.concatenate([s.vertices for s in surfaces]),
        np.concatenate([s.normals for s in surfaces]),
        np.concatenate([s.faces + k for s, k in zip(surfaces, starts, strict=True)]),
        np.concatenate([s.texture for s in surfaces]),
        np.concatenate([s.look for s in surfaces]),
    )


@dataclass(frozen=True)
class Dress:
    """How one animal looks: reflectances 0-1 of its parts, and how thick it is and its fur."""

    coat: str
    fur: float
    belly: float
    skin: float
    ear: float
    tail: float
    eye: float
    mottled: float
    tuft_mm: float
    thickness: float
    fat_mm: float
    build: float
    seed: float


def draw_dress(random: np.random.Generator, coat: str) -> Dress:
    """Return a random dress of a coat of `COATS`, as infrared or grey pictures show it."""
    low, high = {
        "albino": (0.62, 0.95), "black": (0.025, 0.2), "agouti": (0.14, 0.42),
        "piebald": (0.04, 0.3),
    }[coat]  # fmt: skip
    fur = float(np.exp(random.uniform(np.log(low), np.log(high))))
    pale = random.uniform(0.4, 0.8) if coat == "albino" else random.uniform(0.12, 0.6)
    skin_ = float(max(pale, fur * random.uniform(0.75, 1.6)))
    belly = random.uniform(0.9, 1.15) if coat == "albino" else random.uniform(0.8, 2.4)
    pink = coat == "albino" and random.random() < 0.5
    return Dress(
        coat=coat, fur=fur, belly=float(min(fur * belly, 0.9)), skin=min(skin_, 0.9),
        ear=float(np.clip(skin_ * random.uniform(0.55, 1.2), 0.04, 0.9)),
        tail=float(np.clip(skin_ * random.uniform(0.6, 1.1), 0.04, 0.9)),
        eye=random.uniform(0.1, 0.6) if pink else random.uniform(0.0, 0.06),
        mottled=random.uniform(0.0, 0.09) * (1.8 if coat == "agouti" else 1.0),
        tuft_mm=random.uniform(0.03, 0.22), thickness=random.uniform(0.8, 2.2),
        fat_mm=float(np.clip(random.normal(1.5, 1.8), 0, 5.5)),
        build=float(np.clip(random.normal(0.3, 1.1), -1.8, 2.6)), seed=random.uniform(0, 1000),
    )  # fmt: skip


@dataclass(frozen=True, eq=False)
class Figure:
    """An animal in the world: its `surface`, its keypoints (K, 3) mm and its `pose`.

    `up` (K, 3) are the directions of the animal's own up where the keypoints ride; `padding_mm` is
    how much thicker fur and fat make it than the default body is.
    """

    surface: Surface
    keypoints: Floats
    pose: Pose
    length_mm: float
    up: Floats
    padding_mm: float


def stand(animal: Animal, pose: Pose, dress: Dress, place: Floats, heading: float) -> Figure:
    """Return an animal set down at `place` (2,) mm on the floor z = 0, turned by `heading` rad."""
    turned = rotation.exp(np.array([0.0, 0.0, heading])) @ rotation.exp(pose.root_rotation)
    pose = replace(pose, root_rotation=rotation.log(turned), root_translation=np.zeros(3))
    body, mesh = animal.body, animal.mesh
    rest = mesh.at_rest(pose.joint_rotation, np.full(len(mesh.builds), dress.build))
    coat = np.zeros(len(rest)) if mesh.coat is None else mesh.coat
    tufts = turbulence(animal.rest * [0.1, 0.35, 0.35] + dress.seed)
    out = dress.thickness * coat + dress.fat_mm * animal.trunk + dress.tuft_mm * coat * tufts
    rest = rest + out[:, None] * mesh.normals
    transforms = body.bone_transforms(pose)
    vertices = skin(rest, mesh.sparse_weights, transforms)
    spin = transforms.copy()
    spin[..., 3] = 0
    normals = skin(mesh.normals, mesh.sparse_weights, spin)
    normals /= np.maximum(np.linalg.norm(normals, axis=1, keepdims=True), 1e-9)
    marks = body.keypoints
    at_rest = body.rest[marks.bone] + marks.offset
    carried = transforms[marks.bone]
    keypoints = (carried[..., :3] @ at_rest[..., None])[..., 0] + carried[..., 3]
    shift = np.array([place[0], place[1], -vertices[animal.grounded, 2].min()])
    vertices, keypoints = vertices + shift, keypoints + shift
    # what hangs lower than the feet lies on the floor: the tail
    vertices[:, 2] = np.where(vertices[:, 2] < 0.3, 0.3 + 0.01 * (vertices[:, 2] - 0.3),
                              vertices[:, 2])  # fmt: skip
    keypoints[:, 2] = np.maximum(keypoints[:, 2], 0.8)
    pose = replace(pose, root_translation=shift)
    surface = Surface(vertices, normals, mesh.faces, animal.rest, _look(animal, dress))
    up = carried[..., :3] @ body.axes[2]
    up /= np.linalg.norm(up, axis=1, keepdims=True)
    padding = dress.fat_mm + max(dress.thickness - 1, 0)
    return Figure(surface, keypoints, pose, body.body_length_of(pose.shape), up, padding)


def _look(animal: Animal, dress: Dress) -> Floats:
    count = len(animal.rest)
    fur = np.full(count, dress.fur)
    spots = turbulence(animal.rest / 14 + dress.seed)
    if dress.coat == "piebald":
        fur = np.where(spots > -0.15, fur, 0.8)
    elif dress.coat == "agouti":
        dorsal = np.clip(animal.mesh.normals[:, 2], 0, 1)
        fur = fur * (1.1 - 0.3 * dorsal)
    blotches = turbulence(animal.rest * [0.14, 0.22, 0.22] + 2 * dress.seed)
    fur = fur * (1 + dress.mottled * blotches)
    fur = fur + animal.belly * (dress.belly - dress.fur)
    parts = (("paw", dress.skin), ("snout", 0.5 * (dress.skin + dress.fur)), ("tail", dress.tail),
             ("ear", dress.ear), ("eye", dress.eye))  # fmt: skip
    albedo = animal.fur * fur
    for name, value in parts:
        albedo = albedo + getattr(animal, name) * value
    covered = animal.fur + sum(getattr(animal, name) for name, _ in parts)
    albedo = np.where(covered > 0.05, albedo / np.maximum(covered, 0.05), dress.skin)
    return np.stack([
        np.clip(albedo, 0.005, 1), animal.fur, 0.6 * animal.ear,
        0.9 * animal.eye + 0.08 * animal.snout + 0.03 * animal.fur, animal.tail,
    ], axis=1)  # fmt: skip
