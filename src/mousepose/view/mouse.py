"""One result in the scene: skin, skeleton, regions of uncertainty, its way and its footfalls."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from mousepose.body.model import BodyModel
from mousepose.report.gait import COLOURS
from mousepose.report.page_stage import Stage
from mousepose.report.stick import Stick, trunk_of
from mousepose.run.report_result import Result
from mousepose.sequence import pose_at
from mousepose.types import Bytes, Floats, PoseSequence
from mousepose.view import shapes
from mousepose.view.shapes import UNIT

if TYPE_CHECKING:
    import pandas as pd
    import viser

#: A colour of the skin for each result in turn, told apart with any colour vision.
SKINS = ((128, 112, 98), (70, 120, 165), (180, 130, 50), (90, 140, 90), (160, 105, 145))
#: Footfalls in the scene at once: those of the last seconds.
_FOOTFALLS = 32
_HEIGHT_MM = 0.6


@dataclass
class Looks:
    """What is drawn, and for how many seconds back."""

    skin: bool = True
    skeleton: bool = True
    regions: bool = True
    trail: bool = True
    footfalls: bool = True
    trail_s: float = 2.0
    keypoint: int = 0  #: whose way is drawn besides that of the trunk


class Mouse:
    """The nodes of one result below `/NAME`; `show` moves them to a frame.

    `body` None, or one without a skin, draws no skin.
    """

    def __init__(
        self,
        server: viser.ViserServer,
        name: str,
        result: Result,
        body: BodyModel | None,
        stage: Stage,
        skin: tuple[int, int, int] = SKINS[0],
    ) -> None:
        self.result, self.stage = result, stage
        self.body = body if body is not None and body.mesh is not None else None
        self.stick = Stick.of(result.keypoint_names)
        self._colours = np.array([shapes.rgb(colour) for colour in self.stick.colours], np.uint8)
        self._footfalls: Footfalls | None = None
        self._discs: Any = None
        self._name = name
        self.root = server.scene.add_frame(f"/{name}", show_axes=False)
        self._add_nodes(server.scene, name, skin)

    def _add_nodes(self, scene: Any, name: str, skin: tuple[int, int, int]) -> None:
        count = len(self.result.keypoint_names)
        none, upright = np.zeros((count, 3)), np.tile([1.0, 0.0, 0.0, 0.0], (count, 1))
        ball = shapes.sphere()
        self._joints = scene.add_batched_meshes_simple(
            f"/{name}/joints", *ball, upright, none, batched_scales=none,
            batched_colors=self._colours, lod="off", cast_shadow=False, receive_shadow=False,
        )  # fmt: skip
        self._regions = scene.add_batched_meshes_simple(
            f"/{name}/regions", *ball, upright, none, batched_scales=none,
            batched_colors=self._colours, opacity=0.08, lod="off", cast_shadow=False,
            receive_shadow=False,
        )  # fmt: skip
        line = {"colors": (0, 0, 0), "thickness_units": "world"}
        empty = np.zeros((1, 2, 3))
        self._whole = scene.add_line_segments(f"/{name}/bones", empty, thickness=0.02, **line)
        self._dashed = scene.add_line_segments(f"/{name}/inferred", empty, thickness=0.014, **line)
        self._trunk_way = scene.add_line_segments(
            f"/{name}/way", empty, skin, thickness=0.012, thickness_units="world"
        )
        self._point_way = scene.add_line_segments(
            f"/{name}/point-way", empty, (213, 94, 0), thickness=0.008, thickness_units="world"
        )
        self._skin = None
        if self.body is not None and self.body.mesh is not None:
            mesh = self.body.mesh
            self._skin = scene.add_mesh_simple(
                f"/{name}/skin", np.zeros_like(mesh.vertices, np.float32), mesh.faces, color=skin,
                opacity=0.75, side="front", visible=False,
            )  # fmt: skip

    def add_footfalls(self, server: viser.ViserServer, strides: pd.DataFrame) -> None:
        """Add discs where paws came down, from the table of strides of `mousepose gait`."""
        self._footfalls = Footfalls(strides, self.result, self.stage)
        still, turns = np.zeros((_FOOTFALLS, 3)), np.tile([1.0, 0, 0, 0], (_FOOTFALLS, 1))
        self._discs = server.scene.add_batched_meshes_simple(
            f"/{self._name}/footfalls", *shapes.disc(), turns, still, batched_scales=still,
            batched_colors=np.zeros((_FOOTFALLS, 3), np.uint8), side="double", lod="off",
            cast_shadow=False, receive_shadow=False,
        )  # fmt: skip

    def show(self, place: int, looks: Looks) -> Floats:
        """Move all nodes to a frame; return the middle of the trunk (3,) in scene units.

        It is NaN where the frame has no pose.
        """
        sequence, index = self.result.at(place)
        points = self.stage.place(sequence.keypoints[index])
        state = sequence.state[index]
        self._show_skeleton(points, state, looks)
        self._regions.visible = looks.regions
        if looks.regions:
            covariance = self.stage.spread(sequence.covariance[index])
            _put(self._regions, shapes.regions(points, covariance, state))
        self._show_skin(sequence, index, looks.skin)
        self._show_way(place, looks)
        if self._footfalls is not None:
            self._discs.visible = looks.footfalls
            if looks.footfalls:
                balls, colours = self._footfalls.until(float(self.result.times[place]))
                _put(self._discs, balls)
                self._discs.batched_colors = colours
        return np.asarray(self.stage.place(trunk_of(sequence[index : index + 1])[0]) * UNIT)

    def _show_skeleton(self, points: Floats, state: Bytes, looks: Looks) -> None:
        self._joints.visible = looks.skeleton
        if looks.skeleton:
            _put(self._joints, shapes.joints(points, state))
            self._joints.batched_colors = shapes.paler(self._colours, state)
        drawn = shapes.bones(self.stick, points, state, self._colours)
        for node, (lines, colours) in zip((self._whole, self._dashed), drawn, strict=True):
            _draw(node, lines if looks.skeleton else lines[:0], colours)

    def _show_skin(self, sequence: PoseSequence, index: int, wanted: bool) -> None:
        if self._skin is None or self.body is None:
            return
        pose = pose_at(sequence, index)
        there = wanted and bool(np.isfinite(pose.root_translation).all())
        self._skin.visible = there
        if there:
            vertices = self.stage.place(shapes.skin(self.body, pose)) * UNIT
            self._skin.vertices = vertices.astype(np.float32)

    def _show_way(self, place: int, looks: Looks) -> None:
        for node in (self._trunk_way, self._point_way):
            node.visible = looks.trail
        if not looks.trail:
            return
        start, _ = self.result.places_of(self.result.times[place] - looks.trail_s, np.inf)
        pieces = self.result.span(start, place + 1)
        trunk = np.concatenate([trunk_of(piece) for piece in pieces])
        point = np.concatenate([piece.keypoints[:, looks.keypoint] for piece in pieces])
        floor = self.stage.place(trunk) * [1.0, 1.0, 0.0] + [0.0, 0.0, _HEIGHT_MM]
        _draw(self._trunk_way, shapes.way(floor))
        _draw(self._point_way, shapes.way(self.stage.place(point)))


class Footfalls:
    """Where and when paws came down: discs on the floor, for some seconds."""

    def __init__(
        self, strides: pd.DataFrame, result: Result, stage: Stage, seconds: float = 3.0
    ) -> None:
        own = strides[strides["marker"].isin(result.keypoint_names)].sort_values("contact_s")
        self._times = own["contact_s"].to_numpy(np.float64)
        self._markers = [result.keypoint_names.index(name) for name in own["marker"]]
        grey = "#777777"
        self._colours = [shapes.rgb(COLOURS.get(str(limb), grey)) for limb in own["limb"]]
        self._result, self._stage, self._seconds = result, stage, seconds

    def until(self, time: float) -> tuple[shapes.Balls, shapes.Colours]:
        """Return the discs of the last seconds before `time`, later ones larger; and colours."""
        first, last = np.searchsorted(self._times, [time - self._seconds, time])
        chosen = range(max(first, last - _FOOTFALLS), last)
        places = np.zeros((_FOOTFALLS, 3))
        radii = np.zeros((_FOOTFALLS, 3))
        colours = np.zeros((_FOOTFALLS, 3), np.uint8)
        for row, stride in enumerate(chosen):
            sequence, index = self._result.at(self._result.place_at(self._times[stride]))
            point = self._stage.place(sequence.keypoints[index, self._markers[stride]])
            if np.isfinite(point).all():
                age = (time - self._times[stride]) / self._seconds
                places[row] = [point[0] * UNIT, point[1] * UNIT, _HEIGHT_MM * UNIT]
                radii[row] = (4.0 - 2.0 * age) * UNIT
                colours[row] = self._colours[stride]
        turns = np.tile([1.0, 0.0, 0.0, 0.0], (_FOOTFALLS, 1))
        return shapes.Balls(places, turns, radii), colours


def _put(node: Any, balls: shapes.Balls) -> None:
    node.batched_positions = balls.positions.astype(np.float32)
    node.batched_wxyzs = balls.turns.astype(np.float32)
    node.batched_scales = balls.radii.astype(np.float32)


def _draw(node: Any, lines: Floats, colours: shapes.Colours | None = None) -> None:
    """Draw segments (N, 2, 3); the browser wants one at least, which then has no length."""
    if not len(lines):
        lines = np.zeros((1, 2, 3))
        colours = None if colours is None else np.zeros((1, 2, 3), np.uint8)
    node.points = lines.astype(np.float32)
    if colours is not None:
        node.colors = colours
