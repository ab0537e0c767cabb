"""What stands about in a cage, hangs from an animal, or comes before the camera."""

from __future__ import annotations

from collections.abc import Callable
from functools import cache

import numpy as np

from mousepose.geometry.triangles import vertex_normals
from mousepose.skeleton import KEYPOINT_NAMES
from mousepose.train.render.figures import LOOK, Surface
from mousepose.train.render.shapes import box, sphere, tube
from mousepose.train.render.views import Eye
from mousepose.types import Floats, Ints

_NECK = KEYPOINT_NAMES.index("NECK")
_EARS = [KEYPOINT_NAMES.index(f"{side}_EAR") for side in ("LEFT", "RIGHT")]


def _surface(vertices: Floats, faces: Ints, albedo: float, gloss: float = 0.05) -> Surface:
    look = np.zeros((len(vertices), len(LOOK)))
    look[:, 0], look[:, 3] = albedo, gloss
    return Surface(vertices, vertex_normals(vertices, faces), faces, vertices, look)


def _turned(vertices: Floats, turn: float, place: Floats) -> Floats:
    cosine, sine = np.cos(turn), np.sin(turn)
    spin = np.array([[cosine, -sine, 0], [sine, cosine, 0], [0, 0, 1]])
    return np.asarray(vertices @ spin.T + place)


def _hut(random: np.random.Generator, place: Floats) -> Surface:
    half = random.uniform([25, 20], [55, 45])
    vertices, faces = box(np.append(-half, 0.0), np.append(half, random.uniform(25, 70)))
    spot = place * (1 + half.max() / max(float(np.linalg.norm(place)), 1.0))
    vertices = _turned(vertices, random.uniform(0, np.pi), np.append(spot, 0))
    return _surface(vertices, faces, random.uniform(0.05, 0.8))


def _tunnel(random: np.random.Generator, place: Floats) -> Surface:
    radius = random.uniform(16, 28)
    turn = random.uniform(0, np.pi)
    path = np.outer([-1, -0.5, 0.5, 1], [np.cos(turn), np.sin(turn), 0]) * random.uniform(40, 70)
    vertices, faces = tube(path, radius, 20)
    spot = place * (1 + radius / max(float(np.linalg.norm(place)), 1.0))
    return _surface(vertices + np.append(spot, radius), faces, random.uniform(0.05, 0.6), 0.15)


def _spout(random: np.random.Generator, place: Floats) -> Surface:
    end = np.append(place * random.uniform(0.6, 1.0), random.uniform(22, 55))
    lean = np.append(random.normal(0, 0.4, 2), 1.0)
    path = end + np.array([0.0, 4.0, 40.0, 160.0])[:, None] * lean / np.linalg.norm(lean)
    vertices, faces = tube(path, np.array([2.0, 4.0, 4.0, 4.0]), 10)
    return _surface(vertices, faces, random.uniform(0.3, 0.8), 0.5)


@cache
def _wheel_mesh() -> tuple[Floats, Ints]:
    """Return a wheel that stands at (0, 0, 0): two rings joined by rungs."""
    radius, turn = 56.0, np.linspace(0, 2 * np.pi, 37)
    ring = np.stack([radius * np.cos(turn), 0 * turn, radius * (1 + np.sin(turn)) + 3], axis=-1)
    parts = [tube(ring + [0, side, 0], 1.6, 6) for side in (-22, 22)]
    for at in ring[:-1:3]:
        parts.append(tube(at + np.outer([-22.0, -8.0, 8.0, 22.0], [0, 1, 0]), 0.9, 5))
    return _together(parts)


def _wheel(random: np.random.Generator, place: Floats) -> Surface:
    vertices, faces = _wheel_mesh()
    spot = place * (1 + 60 / max(float(np.linalg.norm(place)), 1.0))
    vertices = vertices * random.uniform(0.8, 1.25)
    vertices = _turned(vertices, random.uniform(0, np.pi), np.append(spot, 0))
    return _surface(vertices, faces, random.uniform(0.1, 0.8), 0.3)


def _crumbs(random: np.random.Generator, place: Floats) -> Surface:
    parts = []
    for _ in range(int(random.integers(1, 6))):
        vertices, faces = sphere(6, 8)
        size = random.uniform(1.5, 8) * random.uniform(0.5, 1.2, 3)
        vertices = _turned(vertices * size, random.uniform(0, np.pi), np.zeros(3))
        spot = place * random.uniform(0.9, 1.6) + random.normal(0, 15, 2)
        parts.append((vertices + np.append(spot, size[2]), faces))
    return _surface(*_together(parts), random.uniform(0.05, 0.7))


def _rod(random: np.random.Generator, place: Floats) -> Surface:
    turn = random.uniform(0, np.pi)
    path = np.outer([-1, -0.3, 0.3, 1], [np.cos(turn), np.sin(turn), 0]) * random.uniform(20, 90)
    vertices, faces = tube(path, random.uniform(1.5, 6), 8)
    spot = np.append(place * 1.1, random.uniform(2, 7))
    return _surface(vertices + spot, faces, random.uniform(0.02, 0.8), 0.2)


_KINDS: tuple[Callable[[np.random.Generator, Floats], Surface], ...] = (
    _hut, _tunnel, _spout, _wheel, _crumbs, _rod,
)  # fmt: skip


def _together(parts: list[tuple[Floats, Ints]]) -> tuple[Floats, Ints]:
    starts = np.cumsum([0, *(len(vertices) for vertices, _ in parts[:-1])])
    faces = [faces + k for (_, faces), k in zip(parts, starts, strict=True)]
    return np.concatenate([vertices for vertices, _ in parts]), np.concatenate(faces)


def furniture(random: np.random.Generator, count: int) -> list[Surface]:
    """Return `count` things on the floor about (0, 0), clear of a mouse that sits there."""
    made = []
    for _ in range(count):
        turn, away = random.uniform(0, 2 * np.pi), random.uniform(48, 130)
        kind = _KINDS[int(random.integers(len(_KINDS)))]
        made.append(kind(random, away * np.array([np.cos(turn), np.sin(turn)])))
    return made


def bars(random: np.random.Generator, eye: Eye, target: Floats) -> Surface:
    """Return a few rods between camera and mouse, as of a lid or a frame, out of focus or not."""
    near = random.uniform(0.35, 0.75)
    middle = eye.place + near * (target - eye.place)
    along = eye.turn[:2].T @ random.normal(size=2)
    along /= np.linalg.norm(along)
    aside = np.cross(along, eye.turn[2])
    count = int(random.integers(1, 4))
    gap = random.uniform(18, 60) * near
    first = random.uniform(-40, 40) * near - gap * (count - 1) / 2
    parts = []
    for k in range(count):
        start = middle + (first + k * gap) * aside
        path = start + np.outer([-200.0, -60.0, 60.0, 200.0], along)
        parts.append(tube(path, random.uniform(0.8, 2.6) * near, 8))
    return _surface(*_together(parts), random.uniform(0.02, 0.8), 0.3)


def tether(random: np.random.Generator, keypoints: Floats) -> Surface:
    """Return a cable from the head of an animal with keypoints (K, 3) mm up to the ceiling."""
    ears = keypoints[_EARS]
    head = 0.6 * ears.mean(axis=0) + 0.4 * keypoints[_NECK] + [0, 0, 3]
    top = head + np.append(random.normal(0, 60, 2), random.uniform(120, 250))
    share = np.linspace(0, 1, 10)[:, None]
    sag = np.sin(np.pi * share) * np.append(random.normal(0, 25, 2), 0)
    path = head + share * (top - head) + sag
    radius = np.full(10, random.uniform(0.5, 1.4))
    radius[0] = random.uniform(2, 4)
    return _surface(*tube(path, radius, 8), random.uniform(0.02, 0.8), 0.2)


def ear_tag(random: np.random.Generator, keypoints: Floats) -> Surface:
    """Return a small bright tag in one ear of an animal with keypoints (K, 3) mm."""
    vertices, faces = sphere(5, 6)
    place = keypoints[_EARS[int(random.integers(2))]] + [0, 0, 0.5]
    return _surface(vertices * random.uniform(1.0, 2.2) + place, faces, 0.9, 0.8)
