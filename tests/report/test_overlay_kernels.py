"""What overlays are drawn with: lenses, skins, strokes, colours, the turntable."""

from __future__ import annotations

from dataclasses import replace
from fractions import Fraction
from pathlib import Path
from typing import Any

import av
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

import videos
from mousepose.body.default import default_body
from mousepose.geometry import rotation
from mousepose.geometry.camera import Camera, pinhole
from mousepose.geometry.triangles import vertex_normals
from mousepose.report.overlay_video.layer import ELLIPSE, STROKE, Layer
from mousepose.report.overlay_video.mesh import (
    Lens,
    Look,
    Skin,
    View,
    draw_skins,
    normals_of,
    outwards,
)
from mousepose.report.overlay_video.picture import Colours, Source
from mousepose.report.overlay_video.stick import Flat, Parts, StickPainter, flattened
from mousepose.report.overlay_video.text import WHITE, Letters
from mousepose.report.overlay_video.turntable import Follower, Turntable
from mousepose.skeleton import KEYPOINT_NAMES
from mousepose.types import Floats, State
from mousepose.video import open_video
from mousepose.video.pixels import image_of

RED, BLUE = (250.0, 10.0, 10.0), (10.0, 10.0, 250.0)
CAMERAS = {
    "pinhole": replace(pinhole((320, 240), 300.0), distortion=np.array([-0.31, 0.05, 1e-3, -2e-3])),
    "rational": replace(
        pinhole((320, 240), 300.0), distortion=np.array([0.2, 0.1, 0, 0, 0.02, 0.3, 0.1, 0.01])
    ),
    "fisheye": replace(
        pinhole((320, 240), 170.0), model="fisheye", distortion=np.array([0.05, -0.01, 0.0, 0.0])
    ),
}


def square(depth: float, colour: Any, half: float = 20.0, shift: float = 0.0) -> Skin:
    """Return a flat square that faces a camera at the origin."""
    corners = half * np.array([[-1, -1, 0], [1, -1, 0], [1, 1, 0], [-1, 1, 0]], float)
    vertices = corners + [shift, 0, depth]
    faces = np.array([[0, 2, 1], [0, 3, 2]], np.int32)
    return Skin(vertices, np.tile([0.0, 0.0, -1.0], (4, 1)), faces, colour)


def view_of(camera: Camera) -> View:
    turn = np.ascontiguousarray(camera.rotation)
    return View(turn, np.array(camera.translation), Lens.of(camera))


def drawn(skins: list[Skin], look: Look, camera: Camera | None = None) -> Layer:
    camera = pinhole((320, 240), 300.0) if camera is None else camera
    layer = Layer.of(camera.size)
    draw_skins(layer, view_of(camera), skins, look)
    return layer


@pytest.mark.parametrize("name", CAMERAS)
def test_a_lens_bends_as_its_camera_does(name: str) -> None:
    camera, random = CAMERAS[name], np.random.default_rng(0)
    body = default_body()
    assert body.mesh is not None
    for _ in range(10):
        turn = rotation.exp(random.normal(size=3))
        place = np.array([*random.uniform(-60, 60, 2), random.uniform(150, 400)])
        vertices = body.mesh.vertices @ turn.T + place
        truth = camera.project(vertices)
        inside = ((truth > 0) & (truth < camera.size)).all(axis=1)
        points = vertices[inside]
        # one tiny triangle about each point is drawn where the camera sees that point
        lens = Lens.of(camera)
        at = (points[:, :2] / points[:, 2:] - lens.start) / lens.step
        i, s = np.floor(at).astype(int), at - np.floor(at)
        near = [[lens.table[i[:, 1] + v, i[:, 0] + u] for u in (0, 1)] for v in (0, 1)]
        upper, lower = (row[0] * (1 - s[:, :1]) + row[1] * s[:, :1] for row in near)
        found = upper * (1 - s[:, 1:]) + lower * s[:, 1:]
        np.testing.assert_allclose(found, truth[inside], atol=0.05)


def test_what_a_lens_would_fold_back_is_not_drawn() -> None:
    camera = replace(pinhole((320, 240), 150.0), distortion=np.array([-0.3, 0.0, 0.0, 0.0]))
    beyond = square(100.0, RED, half=8.0, shift=202.0)  # its image lies inside the picture again
    assert (np.abs(camera.project(beyond.vertices) - [160, 120]) < [160, 120]).all()
    assert not drawn([beyond], Look(shaded=1.0), camera).pixels.any()


def test_the_nearer_one_hides_the_other_in_any_order() -> None:
    near, far = square(200.0, RED), square(300.0, BLUE, half=40.0)
    pictures = [drawn(skins, Look(filled=1.0)).pixels for skins in ([near, far], [far, near])]
    np.testing.assert_array_equal(*pictures)
    middle, aside = pictures[0][120, 160], pictures[0][120, 160 + 35]
    np.testing.assert_allclose(middle, [*RED, 1.0], atol=1)
    np.testing.assert_allclose(aside, [*BLUE, 1.0], atol=1)


def test_the_back_of_a_skin_is_not_seen() -> None:
    front = square(200.0, RED)
    back = replace(front, faces=np.ascontiguousarray(front.faces[:, ::-1]))
    assert drawn([front], Look(shaded=1.0)).pixels.any()
    assert not drawn([back], Look(shaded=1.0)).pixels.any()
    assert not drawn([replace(front, vertices=front.vertices - [0, 0, 400])], Look(1.0)).box[2]
    assert not drawn([replace(front, vertices=front.vertices * np.nan)], Look(1.0)).box[2]


def test_covered_pixels_are_the_area_of_the_skin() -> None:
    layer = drawn([square(211.0, RED, half=17.3)], Look(filled=0.5))
    side = 2 * 17.3 / 211 * 300
    assert layer.pixels[..., 3].sum() == pytest.approx(0.5 * side**2, rel=0.01)
    rows, columns = np.nonzero(layer.pixels[..., 3])
    left, top, right, bottom = layer.box
    assert left <= columns.min() and columns.max() < right
    assert top <= rows.min() and rows.max() < bottom
    layer.clear()
    assert not layer.pixels.any() and layer.box == [0, 0, 0, 0]


def test_normals_and_sides_are_those_of_the_mesh() -> None:
    mesh = default_body().mesh
    assert mesh is not None
    faces = outwards(mesh.vertices, mesh.faces)
    np.testing.assert_array_equal(faces, mesh.faces)
    turned = outwards(mesh.vertices, mesh.faces[:, ::-1])
    found = normals_of(np.stack([mesh.vertices, mesh.vertices + 5]), faces)
    truth = vertex_normals(mesh.vertices, mesh.faces)
    np.testing.assert_allclose(found, [truth, truth], atol=1e-9)
    np.testing.assert_allclose(normals_of(mesh.vertices[None], turned)[0], truth, atol=1e-9)


def stroke(**values: float) -> Floats:
    row = dict.fromkeys(STROKE, 0.0) | {"opacity": 1.0, "radius": 3.0} | values
    return np.array([[row[name] for name in STROKE]])


def test_strokes_cover_their_area_and_dashes_half_of_it() -> None:
    def area(**values: float) -> float:
        layer = Layer.of((200, 100))
        layer.strokes(stroke(**values))
        return float(layer.pixels[..., 3].sum())

    disc = {"x": 50.3, "y": 40.7, "to_x": 50.3, "to_y": 40.7}
    assert area(**disc) == pytest.approx(np.pi * 9, rel=0.03)
    line = {"x": 20.0, "y": 20.0, "to_x": 150.0, "to_y": 70.0}
    length = float(np.hypot(130, 50))
    assert area(**line) == pytest.approx(6 * length + np.pi * 9, rel=0.03)
    assert area(**line, radius=1.0, dash=8.0) < 0.75 * area(**line, radius=1.0)
    assert area(**line | {"x": np.nan}) == area(**line | {"y": 1e9}) == 0
    assert area(**{name: value - 500 for name, value in line.items()}) == 0


@given(st.lists(st.floats(allow_nan=True, allow_infinity=True), min_size=10, max_size=10))
def test_no_stroke_and_no_ellipse_breaks_a_layer(values: list[float]) -> None:
    rows = np.array([values])
    layer = Layer.of((40, 30))
    with np.errstate(all="ignore"):
        rows[:, 4] = np.clip(np.nan_to_num(rows[:, 4]), -50, 50)
        layer.strokes(rows)
        layer.ellipses(rows)
    left, top, right, bottom = layer.box
    assert 0 <= left <= right <= 40 and 0 <= top <= bottom <= 30


def test_ellipses_cover_their_area() -> None:
    row = dict.fromkeys(ELLIPSE, 0.0) | {"x": 80.0, "y": 60.0, "inside": 1.0}
    turn = rotation.exp(np.array([0.0, 0.0, 0.7]))[:2, :2]
    inverse = turn @ np.diag([1 / 30.0**2, 1 / 9.0**2]) @ turn.T
    row |= {"xx": inverse[0, 0], "xy": inverse[0, 1], "yy": inverse[1, 1]}
    layer = Layer.of((160, 120))
    layer.ellipses(np.array([list(row.values())]))
    assert layer.pixels[..., 3].sum() == pytest.approx(np.pi * 270, rel=0.02)


def test_regions_hold_points_as_often_as_they_say() -> None:
    camera, random = pinhole((320, 240), 300.0), np.random.default_rng(1)
    spread = np.diag([4.0, 9.0, 25.0])
    point = np.array([[10.0, -5.0, 400.0]])
    flat = flattened(camera, point[None], spread[None, None], np.array([[State.SEEN]], np.uint8))[0]
    many = camera.project(random.multivariate_normal(point[0], spread, 4000))
    np.testing.assert_allclose(flat.covariance[0], np.cov(many.T), rtol=0.1, atol=0.3)


def test_absent_points_are_not_drawn() -> None:
    painter = StickPainter(KEYPOINT_NAMES, Parts(regions=True))
    count = len(KEYPOINT_NAMES)
    xy = np.random.default_rng(0).uniform(20, 100, (count, 2))
    layer = Layer.of((120, 120))
    spread = np.tile(4 * np.eye(2), (count, 1, 1))
    painter.draw(layer, Flat(xy, spread, np.full(count, State.ABSENT, np.uint8)))
    assert not layer.pixels.any()
    painter.draw(layer, Flat(xy * np.nan, spread, np.full(count, State.SEEN, np.uint8)))
    assert not layer.pixels.any()
    painter.draw(layer, Flat(xy, spread, np.full(count, State.SEEN, np.uint8)))
    assert layer.pixels.any()


def test_letters_stand_where_they_are_written() -> None:
    letters, layer = Letters(20), Layer.of((300, 60))
    end = letters.write(layer, 10, 10, "frame 88", WHITE)
    assert end == 10 + letters.width("frame 88") and layer.box[:2] == [10, 10]
    assert letters.width("111") == letters.width("888")  # figures that change stand still
    letters.board(layer, (250, 50), [[("far \u00e9\u4e00 outside", WHITE)]])  # cut, no error


@pytest.mark.parametrize(("range_", "matrix"), [(1, 2), (1, 1), (2, 5)])
@pytest.mark.parametrize("height", [64, 720])
def test_colours_are_those_of_the_video(range_: int, matrix: int, height: int) -> None:
    """What is drawn in a colour comes out of FFmpeg in that colour."""
    high = matrix == 1 or (matrix == 2 and height >= 720)
    yuv = Colours(range_, matrix).to_yuv(height)
    for colour in (RED, BLUE, (200.0, 180.0, 20.0), (255.0, 255.0, 255.0), (0.0, 0.0, 0.0)):
        frame = av.VideoFrame(16, 16, "yuv420p")
        frame.color_range, frame.colorspace = range_, 1 if high else 5
        for k in range(3):
            plane = np.frombuffer(frame.planes[k], np.uint8).reshape(-1, frame.planes[k].line_size)
            plane[:] = np.rint(yuv[k, :3] @ np.array(colour) + yuv[k, 3])
        shown = frame.reformat(
            format="rgb24", src_colorspace="ITU709" if high else "ITU601"
        ).to_ndarray()
        np.testing.assert_allclose(shown[8, 8], colour, atol=4)


@pytest.mark.parametrize(
    ("codec", "form"),
    [("ffv1", "gray"), ("ffv1", "yuv444p"), ("ffv1", "yuv422p10le"), ("ffv1", "bgr0"),
     ("mjpeg", "yuvj420p"), ("libx264", "yuv420p")],
)  # fmt: skip
def test_any_format_becomes_planes_of_the_same_grey(codec: str, form: str, tmp_path: Path) -> None:
    path = videos.write(tmp_path / "a.mkv", codec, form, numbers=range(2), tick=Fraction(1, 25))
    with open_video(path) as video:
        source = Source(video, video.index.stamps, 0)
        picture = list(source.pictures([0, 1]))[1]
        picture.frame.color_range = source.colours.range
        found, truth = image_of(picture.frame, False), video.frame(1).image
    np.testing.assert_allclose(found.astype(int), truth.astype(int), atol=3)


def test_a_layer_is_laid_over_a_picture_by_its_share(tmp_path: Path) -> None:
    path = videos.write(tmp_path / "a.mkv", "ffv1", "gray", numbers=range(1))
    with open_video(path) as video:
        source = Source(video, video.index.stamps, 32)
        picture = next(source.pictures([0]))
    before = picture.y.astype(float)
    layer = Layer.of((32, source.canvas[1]))
    layer.pixels[4:20, 3:21] = [100.0, 100.0, 100.0, 0.5]  # white, half of it
    layer.touch(3, 4, 21, 20)
    picture.draw(layer.pixels, source.place_aside, layer.box, source.colours.to_yuv(64))
    x = source.place_aside[0]
    expected = before.copy()
    expected[4:20, x + 3 : x + 21] = 0.5 * expected[4:20, x + 3 : x + 21] + 100
    np.testing.assert_allclose(picture.y, expected, atol=1)
    assert (np.abs(picture.u.astype(int) - 128) <= 1).all()


def test_the_turntable_goes_round_what_it_follows() -> None:
    table = Turntable((200, 300), (np.eye(3), np.zeros(3)))
    middle = np.array([30.0, -20.0, 12.0])
    for time in (0.0, 3.7, 11.0):
        sight = table.looking(middle, 60.0, time)
        assert rotation.is_rotation(sight.turn)
        seen = table.camera.project(sight.turn @ middle + sight.shift)
        np.testing.assert_allclose(seen, [99.5, 149.5], atol=1e-6)
        assert sight.place[2] > 50 and (sight.turn[2] @ (middle - sight.place)) > 0
        above = table.camera.project(sight.turn @ (middle + [0, 0, 5]) + sight.shift)
        assert above[1] < seen[1]  # up is up


def test_the_follower_comes_after_without_a_leap() -> None:
    follower = Follower()
    follower.follow(np.full((1, 3), np.nan), 0.0)
    follower.follow(np.array([[100.0, 0.0, 10.0]]), 1.0)
    np.testing.assert_allclose(follower.middle, [100, 0, 10])  # at once at the first sight
    follower.follow(np.array([[200.0, 0.0, 10.0]]), 1.05)
    assert 100 < follower.middle[0] < 130
    for n in range(100):
        follower.follow(np.array([[200.0, 0.0, 10.0], [400.0, 0.0, 10.0]]), 1.1 + n / 10)
    np.testing.assert_allclose(follower.middle, [300, 0, 10], atol=0.1)
    assert follower.reach > 150


def test_a_mouse_throws_its_shadow_below_itself(tmp_path: Path) -> None:
    path = videos.write(tmp_path / "a.mkv", "ffv1", "gray", numbers=range(1), size=(128, 160))
    lit = []
    body = default_body()
    assert body.mesh is not None
    vertices = body.mesh.vertices - body.mesh.vertices.min(axis=0) * [0, 0, 1]
    faces = outwards(vertices, body.mesh.faces)
    skin = Skin(vertices, normals_of(vertices[None], faces)[0], faces, RED)
    table = Turntable((128, 160), (np.eye(3), np.zeros(3)))
    sight = table.looking(vertices.mean(axis=0), 60.0, 0.0)
    with open_video(path) as video:
        source = Source(video, video.index.stamps, 128)
        for skins in ([], [skin]):
            picture = next(source.pictures([0]))
            yuv = source.colours.to_yuv(160)
            table.draw_floor(picture, source.place_aside[0], yuv, sight, skins)
            lit.append(picture.y[:, 128:].astype(int))
    change = lit[0] - lit[1]
    assert change.min() >= -1 and change.max() > 10
    rows, columns = np.nonzero(change > 10)
    below = table.camera.project((vertices * [1, 1, 0]) @ sight.turn.T + sight.shift)
    assert abs(columns.mean() - below[:, 0].mean()) < 15
    assert abs(rows.mean() - below[:, 1].mean()) < 15
