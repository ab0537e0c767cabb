"""The picture of a body: brighter where it faces the light, empty where there is nothing."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mousepose.body.default import default_body
from mousepose.body.mesh import Mesh
from mousepose.errors import InputError
from mousepose.geometry.camera import pinhole
from mousepose.report.body_picture import plot_body, shaded

CUBE = np.array([[x, y, z] for x in (-1.0, 1) for y in (-1.0, 1) for z in (-1.0, 1)])
FACES = np.array(
    [[0, 1, 3], [0, 3, 2], [4, 6, 7], [4, 7, 5], [0, 4, 5], [0, 5, 1], [2, 3, 7], [2, 7, 6],
     [0, 2, 6], [0, 6, 4], [1, 5, 7], [1, 7, 3]]
)  # fmt: skip


def test_what_faces_the_light_is_brighter_and_the_rest_is_white() -> None:
    camera = pinhole((200, 200), 100.0)
    tilted = CUBE @ np.array([[1, 0, 0], [0, 0.8, -0.6], [0, 0.6, 0.8]]) * 20 + [0, 0, 80]
    picture = shaded(tilted, FACES, camera)
    assert picture[0, 0] == 1
    drawn = np.nonzero(picture[:, 100] < 1)[0]
    upper, lower = drawn[: len(drawn) // 4], drawn[-len(drawn) // 4 :]
    assert picture[upper, 100].mean() > picture[lower, 100].mean() + 0.05


def test_faces_counted_from_inside_look_the_same() -> None:
    camera = pinhole((100, 100), 50.0)
    cube = CUBE * 20 + [0, 0, 80]
    np.testing.assert_allclose(
        shaded(cube, FACES, camera), shaded(cube, FACES[:, ::-1], camera), atol=1e-6
    )


def test_a_body_is_drawn_from_all_sides(tmp_path: Path) -> None:
    body = default_body()
    weights = np.zeros((8, len(body.rest)))
    weights[:, 0] = 1
    plot_body(
        tmp_path / "body.png", replace(body, mesh=Mesh(CUBE * 10 + [0, 0, 20], FACES, weights))
    )
    assert (tmp_path / "body.png").stat().st_size > 10_000


def test_a_body_without_a_skin_is_told(tmp_path: Path) -> None:
    with pytest.raises(InputError, match="no skin"):
        plot_body(tmp_path / "body.png", default_body().with_mesh(None))
