"""A skin takes the girth of outlines: wider where they say, with posture too, its volume kept."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest

from mousepose.body.default import default_body
from mousepose.body.mesh import Mesh
from mousepose.body.model import BodyModel
from mousepose.body.postures import posture, posture_names
from mousepose.ct.anatomy.girth import Girths, place_of, shortening, with_girths
from mousepose.ct.surfaces.surface_parts import part_volumes
from mousepose.ct.types import Surface
from mousepose.errors import InputError
from mousepose.types import Floats

PLACES = np.linspace(0, 1, 5)
NONE = np.zeros(5)
TABLE = Path(__file__).resolve().parents[2] / "tools" / "girths.toml"


@pytest.fixture
def mouse() -> BodyModel:
    """The default body, in a skin that gives way to nothing."""
    body = default_body()
    assert body.mesh is not None
    none = np.zeros((0, 0, 3))
    return body.with_mesh(replace(body.mesh, bulges=none, drivers=none))


def skin_of(body: BodyModel) -> Mesh:
    assert body.mesh is not None
    return body.mesh


def driver_of(body: BodyModel) -> Floats:
    return shortening(body, [posture(body, name) for name in posture_names()])


def girdled(body: BodyModel, rest: Floats, shortened: Floats) -> BodyModel:
    trust = np.ones(len(skin_of(body).vertices))
    girths = Girths(PLACES, rest, shortened)
    return body.with_mesh(with_girths(body, girths, driver_of(body), trust))


def test_a_skin_with_its_fur_grows_by_what_the_outlines_say(mouse: BodyModel) -> None:
    wider = girdled(mouse, np.full(5, np.log(1.2)), NONE)
    before, after = (body.vertices(body.rest_pose()) for body in (mouse, wider))
    mesh = skin_of(mouse)
    assert mesh.coat is not None
    furred = before + mesh.coat[:, None] * mesh.normals
    np.testing.assert_allclose((after - before)[:, 1], 0.2 * furred[:, 1], atol=1e-9)
    np.testing.assert_array_equal((after - before)[:, [0, 2]], 0)


def test_only_the_places_that_are_wider_grow(mouse: BodyModel) -> None:
    wider = girdled(mouse, np.array([0, 0, 0.3, 0, 0]), NONE)
    moved = np.linalg.norm(skin_of(wider).vertices - skin_of(mouse).vertices, axis=1) > 1e-9
    place = place_of(mouse, skin_of(mouse).vertices)
    assert moved.any()
    assert place[moved].min() > 0.25
    assert place[moved].max() < 0.75


def test_where_nothing_is_trusted_nothing_changes(mouse: BodyModel) -> None:
    mesh = skin_of(mouse)
    girths = Girths(PLACES, np.full(5, 0.3), np.full(5, 2.0))
    same = with_girths(mouse, girths, driver_of(mouse), np.zeros(len(mesh.vertices)))
    np.testing.assert_array_equal(same.vertices, mesh.vertices)
    np.testing.assert_array_equal(same.bulges[-1], 0)


def test_the_rest_pose_does_not_bulge_and_bulges_are_added_to_those_there(mouse: BodyModel) -> None:
    once = girdled(mouse, NONE, np.array([0, 0, 2.0, 0, 0]))
    np.testing.assert_allclose(
        once.vertices(once.rest_pose()), mouse.vertices(mouse.rest_pose()), atol=1e-9
    )
    assert len(skin_of(girdled(once, NONE, NONE)).bulges) == 2


def test_the_driver_tells_a_curled_trunk_from_a_stretched_one(mouse: BodyModel) -> None:
    driver = driver_of(mouse)
    curled, stretched = (
        float((driver * posture(mouse, name).joint_rotation).sum())
        for name in ("curled", "stretched")
    )
    assert curled > 0.1
    assert stretched < 0


def test_the_driver_is_the_same_for_larger_animals(mouse: BodyModel) -> None:
    poses = [posture(mouse, name) for name in posture_names()]
    large = mouse.shape_space.mean.copy()
    large[mouse.shape_space.names.index("size")] = 0.2
    grown = shortening(mouse, [replace(pose, shape=large) for pose in poses])
    np.testing.assert_allclose(grown, shortening(mouse, poses), atol=1e-9)


def test_a_shorter_trunk_is_wider_and_keeps_its_volume(mouse: BodyModel) -> None:
    fleshed = girdled(mouse, NONE, np.array([0, 0, 1.5, 0, 0]))
    driver = driver_of(mouse)
    # A turn that shortens the trunk by a tenth, of which only the bulge is looked at.
    turn = 0.1 * driver / (driver * driver).sum()
    before, after = (skin_of(body).at_rest(turn) for body in (mouse, fleshed))
    middle = np.abs(place_of(mouse, before) - 0.5) < 0.05
    wide = np.abs(before[middle, 1]).max(), np.abs(after[middle, 1]).max()
    assert wide[1] > 1.1 * wide[0]
    faces = skin_of(mouse).faces
    volumes = [part_volumes(Surface(points, faces))[1].sum() for points in (before, after)]
    assert abs(volumes[1] / volumes[0] - 1) < 0.03


def test_left_and_right_stay_mirror_images(mouse: BodyModel) -> None:
    mesh = skin_of(girdled(mouse, np.full(5, 0.2), np.full(5, 1.0)))
    for points in (mesh.vertices, mesh.bulges[-1]):
        assert abs(points[:, 1].sum()) < 1e-3 * np.abs(points[:, 1]).sum()


def test_bad_girths_and_a_body_without_a_skin_are_refused(mouse: BodyModel) -> None:
    with pytest.raises(InputError, match="as many shares"):
        Girths(PLACES, NONE[1:], NONE)
    with pytest.raises(InputError, match="must rise"):
        Girths(PLACES[::-1], NONE, NONE)
    with pytest.raises(InputError, match="no skin"):
        with_girths(mouse.with_mesh(None), Girths(PLACES, NONE, NONE), NONE, NONE)


def test_the_skin_that_ships_widens_as_the_kept_table_says() -> None:
    """The last bulge of the default skin is the table's: a curled mouse is wide in the middle."""
    text = TABLE.read_text(encoding="utf-8")
    assert "MIT" in text
    mesh = skin_of(default_body())
    sideways = mesh.bulges[-1][:, 1] * np.sign(mesh.vertices[:, 1])
    place = place_of(default_body(), mesh.vertices)
    assert sideways[np.abs(place - 0.5) < 0.1].max() > 10
    assert np.abs(sideways[place < 0.15]).max() < 1e-5
