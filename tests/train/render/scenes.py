"""Scenes for the tests of the renderer: one mouse, nothing before it, nothing that is random."""

from __future__ import annotations

from dataclasses import replace

import numpy as np

from mousepose.body.prior import load_prior
from mousepose.geometry.camera import Camera
from mousepose.train.render.animal import drawn_animal
from mousepose.train.render.config import RenderConfig
from mousepose.train.render.lens import Lens
from mousepose.train.render.postures import PostureSampler
from mousepose.train.render.scene import Scene, draw_scene
from mousepose.train.render.views import Eye

SIZE = 64
ALONE = RenderConfig(second_mouse=0, furniture=0, bars=0, tether=0, ear_tag=0)
CLEAR = Lens(
    blur=0.01, smear=0.0, smear_turn=0.0, white=0.8, black=0.0, metered=98.0, gamma=1.0,
    corners=0.0, pixels=SIZE, noise=0.0, shot=0.0, jpeg=100, seed=0,
)  # fmt: skip


def sampler() -> PostureSampler:
    return PostureSampler(drawn_animal().body, load_prior())


def scene(seed: int, view: str = "top", config: RenderConfig = ALONE) -> Scene:
    """Return a scene with one mouse, its feet not covered."""
    random = np.random.default_rng(seed)
    drawn = draw_scene(random, drawn_animal(), sampler(), replace(config, views={view: 1}), SIZE)
    return replace(drawn, bed=replace(drawn.bed, deep_mm=0.0), grid=None)


def camera_of(eye: Eye, size: int) -> Camera:
    transform = np.eye(4)
    transform[:3, :3], transform[:3, 3] = eye.turn, -eye.turn @ eye.place
    return Camera(eye.matrix, np.zeros(0), transform, (size, size))
