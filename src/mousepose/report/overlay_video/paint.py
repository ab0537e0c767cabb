"""What is drawn on a picture: skins, stick figures, words, and the panel beside it."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np

from mousepose.errors import UnknownNameError
from mousepose.report.overlay_video.cast import Appearance, Cast, Posed
from mousepose.report.overlay_video.layer import Layer, Pixels
from mousepose.report.overlay_video.mesh import Lens, Look, Skin, View, draw_skins
from mousepose.report.overlay_video.picture import Picture, Source
from mousepose.report.overlay_video.stick import Flat, Parts, StickPainter, flattened
from mousepose.report.overlay_video.text import WHITE, Letters, Words
from mousepose.report.overlay_video.turntable import SQUARE_MM, Follower, Sight, Turntable
from mousepose.video import FrameState

#: What can be drawn.
DRAWN = ("silhouette", "mesh", "skeleton", "keypoints", "ellipses")
#: The panel's width as a share of the video's height, and at least so many px.
_ASIDE, _LEAST_ASIDE = 2 / 3, 160
#: Lines have their usual size for an animal so long (px, with its tail), in a panel so high.
_LENGTH_PX, _ROWS = 280.0, 648
_FILLED, _OUTLINE, _OUTLINE_OF_MESH = 0.38, 0.95, 0.45
_GREY, _WARNING = (168.0, 174.0, 184.0), (255.0, 176.0, 84.0)


class Painter:
    """Draws the cast on the pictures of one video, in their order."""

    def __init__(
        self, draw: Sequence[str], opacity: float, text: bool, source: Source, cast: Cast
    ) -> None:
        for name in draw:
            if name not in DRAWN:
                raise UnknownNameError.of("part to draw", name, DRAWN)
        self._cast, self._text = cast, text
        width, height = source.size
        self._yuv = source.colours.to_yuv(height)
        self._layer = Layer.of(source.size)
        self._look = Look(
            shaded=opacity if "mesh" in draw else 0.0,
            filled=_FILLED if "silhouette" in draw else 0.0,
            outline=_OUTLINE if "silhouette" in draw else _OUTLINE_OF_MESH * opacity,
        )
        names = [actor.result.keypoint_names for actor in cast.actors]
        parts = ("skeleton" in draw, "keypoints" in draw, "ellipses" in draw)
        scale = float(np.clip(np.nan_to_num(cast.length_px() / _LENGTH_PX, nan=1.0), 0.6, 1.6))
        self._sticks = [StickPainter(one, Parts(*parts, scale)) for one in names]
        camera = cast.camera
        turn, shift = np.ascontiguousarray(camera.rotation), np.array(camera.translation)
        self._view = View(turn, shift, Lens.of(camera))
        self._letters = Letters(max(11, round(height / 38)))
        rows = (len(cast.actors) + 1) * 2 * self._letters.height
        self._board = Layer.of((source.size[0], min(source.size[1], rows)))
        beside = source.canvas[0] > source.place_aside[0]
        there = Parts(*parts, max(0.7, height / _ROWS))
        sticks = [StickPainter(one, there) for one in names]
        self._panel = Panel(source, cast, sticks, self._yuv) if beside else None

    @staticmethod
    def aside(size: tuple[int, int]) -> int:
        """Return how wide the panel beside a video of a size is, px, an even number."""
        return max(_LEAST_ASIDE, round(_ASIDE * size[1])) // 2 * 2

    def paint(self, picture: Picture, appearances: Sequence[Appearance]) -> None:
        """Draw all animals, each of `appearances` that of an actor, on a picture."""
        layer = self._layer
        layer.clear()
        draw_skins(layer, self._view, _skins(appearances), self._look)
        for stick, one in zip(self._sticks, appearances, strict=True):
            if one.posed is not None:
                stick.draw(layer, one.posed.flat)
        picture.draw(layer.pixels, (0, 0), layer.box, self._yuv)
        if self._text:
            board, edge = self._board, self._letters.height // 2
            board.clear()
            self._letters.board(board, (edge, edge), self._lines(picture, appearances))
            picture.draw(board.pixels, (0, 0), board.box, self._yuv)
        if self._panel is not None:
            self._panel.paint(picture, appearances)

    def _lines(self, picture: Picture, appearances: Sequence[Appearance]) -> list[list[Words]]:
        first: list[Words] = [
            (f"frame {picture.number}", WHITE), (f"   {picture.time:.3f} s", _GREY)
        ]  # fmt: skip
        if picture.state == FrameState.MISSING:
            first.append(("   no picture", _WARNING))
        if len(appearances) == 1:
            return [[*first, _words(appearances[0])]]
        named = [
            [(f"{actor.name}", actor.colour), _words(one)]
            for actor, one in zip(self._cast.actors, appearances, strict=True)
        ]
        return [first, *named]


class Panel:
    """The turntable beside the video."""

    def __init__(
        self, source: Source, cast: Cast, sticks: Sequence[StickPainter], yuv: Pixels
    ) -> None:
        self._sticks, self._yuv, self._place = sticks, yuv, source.place_aside
        size = (source.canvas[0] - self._place[0], source.canvas[1])
        stage, world = cast.stage, cast.stage.T_frame_world
        to_stage = np.ascontiguousarray(stage.turn @ world[:3, :3]), stage.place_world(np.zeros(3))
        self._turn, self._shift = to_stage
        self._layer, self._table = Layer.of(size), Turntable(size, to_stage)
        self._follower = Follower()
        letters = Letters(max(10, round(size[1] / 44)))
        edge = letters.height // 2 * 2
        self._caption = Layer.of((size[0], 2 * edge))
        letters.write(self._caption, edge, edge // 2, f"a square is {SQUARE_MM:g} mm", _GREY)
        self._place_caption = (self._place[0], (size[1] - 2 * edge) // 2 * 2)

    def paint(self, picture: Picture, appearances: Sequence[Appearance]) -> None:
        """Draw the panel of a picture."""
        trunks = np.array([one.posed.trunk for one in appearances if one.posed is not None])
        self._follower.follow(trunks.reshape(-1, 3) @ self._turn.T + self._shift, picture.time)
        sight = self._table.looking(self._follower.middle, self._follower.reach, picture.time)
        skins = _skins(appearances)
        self._table.draw_floor(picture, self._place[0], self._yuv, sight, skins)
        layer = self._layer
        layer.clear()
        self._table.draw(layer, sight, skins)
        for stick, one in zip(self._sticks, appearances, strict=True):
            if one.posed is not None:
                stick.draw(layer, self._flat(sight, one.posed))
        picture.draw(layer.pixels, self._place, layer.box, self._yuv)
        picture.draw(self._caption.pixels, self._place_caption, self._caption.box, self._yuv)

    def _flat(self, sight: Sight, one: Posed) -> Flat:
        """Return an animal's stick figure as the turntable's camera sees it."""
        turn = sight.turn @ self._turn
        points = one.points @ turn.T + (sight.turn @ self._shift + sight.shift)
        covariance = turn @ one.covariance @ turn.T
        return flattened(self._table.camera, points[None], covariance[None], one.flat.state[None])[
            0
        ]


def _skins(appearances: Sequence[Appearance]) -> list[Skin]:
    skins = [one.posed.skin for one in appearances if one.posed is not None]
    return [skin for skin in skins if skin is not None]


def _words(one: Appearance) -> Words:
    return f"   {one.words}", _GREY if one.good else _WARNING
