"""A film of a simulated walk, as an infrared camera above a cage takes it, with its truth."""

from __future__ import annotations

from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np

from mousepose.geometry.camera import Camera
from mousepose.simulate import SimulatedWalk
from mousepose.train.render.animal import Animal, drawn_animal
from mousepose.train.render.figures import Dress, Figure, draw_dress, stand
from mousepose.train.render.lens import Lens
from mousepose.train.render.lights import Lights
from mousepose.train.render.picture import render
from mousepose.train.render.room import Room
from mousepose.train.render.scene import Scene
from mousepose.train.render.shading import Bed
from mousepose.train.render.textures import Texture, floor_textures
from mousepose.train.render.views import Eye
from mousepose.types import Pose, PoseSequence, Progress
from mousepose.video import video_writer

#: Half the side of the cage and the height of its walls, mm.
_HALF_CAGE, _WALL = 190.0, 130.0
_ROOM = Room(
    low_x=-_HALF_CAGE, high_x=_HALF_CAGE, low_y=-_HALF_CAGE, high_y=_HALF_CAGE, wall_mm=_WALL,
    turn=0.0, floor=0.1, floor_contrast=0.45, floor_relief=3.0, mm_per_texel=0.55, offset=40.0,
    wall=0.25, wall_clear=0.5, wall_mirror=0.15, beyond=0.02, beyond_contrast=0.5, veil=0.0,
    grid=0.2, slope_x=0.0006, slope_y=-0.0004,
)  # fmt: skip
_LIGHTS = Lights(
    ambient=0.42, camera=0.25, softness=6.0,
    lamps=np.array([[0.35, 0.25, 0.90, 0.38], [-0.62, -0.37, 0.69, 0.18]]),
)  # fmt: skip
#: Width of tufts (mm), how they vary light and normal, sheen of the fur.
_FUR = np.array([0.55, 0.08, 0.1, 0.6])
_LENS = Lens(
    blur=0.5, smear=0.0, smear_turn=0.0, white=0.9, black=0.02, metered=99.0, gamma=0.85,
    corners=0.15, pixels=0, noise=0.006, shot=0.006, jpeg=100, seed=0,
)  # fmt: skip


@dataclass(frozen=True, eq=False)
class Film:
    """A written film: its `video`, and the `truth` of what it shows."""

    video: Path
    truth: PoseSequence


def film(
    walk: SimulatedWalk, camera: Camera, output: Path, progress: Progress, seed: int = 0
) -> Film:
    """Write the film of a walk of the default body as `camera` sees it; its image must be square.

    Bedding hides the feet, the light throws shadows.
    """
    random = np.random.default_rng(seed)
    animal = drawn_animal()
    dress = replace(draw_dress(random, "albino"), fat_mm=1.0, build=0.3, fur=0.36)
    side = camera.size[0]
    eye = Eye(camera.position, camera.rotation, camera.matrix)
    floor = next(texture for texture in floor_textures() if texture.name == "cob")
    bed = Bed(_ROOM.floor, 1.5, _ROOM.mm_per_texel, _ROOM.offset, floor.levels)
    fps = 1 / float(np.median(np.diff(walk.times)))
    with video_writer(output, (side, side), fps, quality=20) as writer:
        for n, time in enumerate(walk.times):
            figure = _standing(walk, n, animal, dress)
            scene = _scene(figure, eye, floor, bed)
            lens = replace(_LENS, pixels=side, seed=n)
            writer.write(render(scene, lens, side, 1).image, float(time))
            progress("filming a simulated mouse", n + 1, len(walk))
    return Film(output, walk.sequence(animal.body))


def _alone(walk: SimulatedWalk, n: int) -> Pose:
    pose = walk.pose
    return replace(
        pose,
        root_rotation=pose.root_rotation[n],
        root_translation=pose.root_translation[n],
        joint_rotation=pose.joint_rotation[n],
    )


def _standing(walk: SimulatedWalk, n: int, animal: Animal, dress: Dress) -> Figure:
    """Return the mouse of frame `n` where the walk has it; its paws are in the bedding."""
    place = walk.pose.root_translation[n]
    figure = stand(animal, _alone(walk, n), dress, place[:2], 0.0)
    lower = np.array([0.0, 0.0, place[2] - figure.pose.root_translation[2]])
    surface = replace(figure.surface, vertices=figure.surface.vertices + lower)
    return replace(figure, surface=surface, keypoints=figure.keypoints + lower)


def _scene(figure: Figure, eye: Eye, floor: Texture, bed: Bed) -> Scene:
    return Scene(
        view="top", eye=eye, figures=[figure], things=[], room=_ROOM, floor=floor,
        lights=_LIGHTS, bed=bed, fur=_FUR, grid=None,
    )  # fmt: skip
