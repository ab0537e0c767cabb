"""The panel beside the scene: time, jumps, what is drawn, plots; its buttons tell the clock."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from html import escape
from typing import TYPE_CHECKING, Any

import numpy as np

from mousepose.report.angles import MEANING
from mousepose.report.canvas import BLUE, GREEN, PURPLE, VERMILLION
from mousepose.run.report_survey import Moment
from mousepose.types import Bytes
from mousepose.view.clock import SPEEDS, Clock
from mousepose.view.mouse import Looks
from mousepose.view.plots import Page

if TYPE_CHECKING:
    import viser

#: A colour for the line of each result in turn; a black one stands at the shown moment.
_LINES = (BLUE, VERMILLION, GREEN, PURPLE, "#E69F00")
_NOWHERE = "–"
#: More bouts than this make no list that anyone reads.
_MOST_BOUTS = 1000
#: Angles by name, as `joint_angles` gives them.
ANGLES = tuple(
    name
    for joint in MEANING
    for name in ((joint,) if joint == "spine" else (f"left {joint}", f"right {joint}"))
)


@dataclass
class Choices:
    """What the user chose besides the moment."""

    looks: Looks = field(default_factory=Looks)
    follow: bool = True
    apart: bool = True
    drawn: bool = True
    keypoint: str = ""
    axis: str = "z"
    angle: str = ANGLES[0]


@dataclass(frozen=True)
class Bout:
    """A stretch of time to jump to, with its name."""

    place: int
    words: str


class Panel:
    """The controls; `view` is called with the name of a point of view that a button asks for."""

    def __init__(
        self,
        server: viser.ViserServer,
        clock: Clock,
        frames: int,
        keypoints: Sequence[str],
        names: Sequence[str],
        videos: bool,
        view: Callable[[str], None],
    ) -> None:
        self.choices = Choices(keypoint=keypoints[0])
        self._clock, self._gui, self._names = clock, server.gui, names
        self._keypoints = list(keypoints)
        self._jumps: dict[str, int] = {}
        self._shown: dict[int, Page] = {}  # the page of each plot
        with self._gui.add_folder("Time"):
            self._add_time(frames)
        self._bouts_folder = self._gui.add_folder("Jump to")
        with self._bouts_folder:
            self._worst = self._gui.add_dropdown("worst", (_NOWHERE,), disabled=True)
            self._bouts = self._gui.add_dropdown("bout", (_NOWHERE,), disabled=True)
        self._worst.on_update(lambda event: self._jump(self._worst.value))
        self._bouts.on_update(lambda event: self._jump(self._bouts.value))
        self._image = None
        if videos:
            with self._gui.add_folder("Video"):
                self._image = self._gui.add_image(np.full((48, 64, 3), 230, np.uint8))
                self._check("draw the pose on it", "drawn", self.choices)
        with self._gui.add_folder("Plots"):
            self._add_plots()
        with self._gui.add_folder("Show", expand_by_default=False):
            self._add_looks(view, several=len(names) > 1)

    def _add_time(self, frames: int) -> None:
        gui, clock = self._gui, self._clock
        self._slider: Any = gui.add_slider("frame", 0, max(frames - 1, 1), 1, 0)
        self._told = gui.add_html("")
        self._play = gui.add_button("Play")
        steps = gui.add_button_group("step", ("-10", "-1", "+1", "+10"))
        speeds = tuple(f"{speed:g}x" for speed in SPEEDS)
        speed = gui.add_dropdown("speed", speeds, initial_value="1x")
        self._slider.on_update(
            lambda event: clock.seek(self._slider.value) if event.client is not None else None
        )
        self._play.on_click(lambda event: clock.play(not clock.playing))
        steps.on_click(lambda event: clock.step(int(steps.value)))
        speed.on_update(lambda event: clock.set_speed(float(str(speed.value).rstrip("x"))))

    def _add_plots(self) -> None:
        gui = self._gui
        point = gui.add_dropdown("keypoint", self._keypoints, initial_value=self._keypoints[0])
        axis = gui.add_dropdown("axis", ("x", "y", "z"), initial_value="z")
        self._point_plot = self._plot("mm")
        angle = gui.add_dropdown("angle", ANGLES, initial_value=ANGLES[0])
        self._angle_plot = self._plot("degrees")

        def chosen(event: Any) -> None:
            choices = self.choices
            choices.keypoint, choices.axis = str(point.value), str(axis.value)
            choices.angle = str(angle.value)
            choices.looks.keypoint = self._keypoints.index(choices.keypoint)
            self._clock.changed.set()

        for chooser in (point, axis, angle):
            chooser.on_update(chosen)

    def _plot(self, unit: str) -> Any:
        lines = [
            {"label": name, "stroke": _LINES[index % len(_LINES)], "width": 1.5}
            for index, name in enumerate(self._names)
        ]
        edge = {"stroke": "transparent", "width": 0}
        series = (
            {"label": "s"},
            {"label": "5 %", **edge},
            {"label": "95 %", **edge},
            *lines,
            {"label": "now", "stroke": "#222222", "width": 1.5},
        )
        axes: Any = ({"label": "time (s)"}, {"label": unit})
        return self._gui.add_uplot(
            tuple(np.zeros(2) for _ in series),
            series,  # type: ignore[arg-type]  # plain dicts are what its TypedDicts are
            axes=axes,
            bands=({"series": (2, 1), "fill": "rgba(0,114,178,0.16)"},),
            scales={"x": {"time": False}, "y": {}},
            legend={"show": len(self._names) > 1, "live": False},
            cursor={"drag": {"x": False, "y": False, "setScale": False}},
            height=170,
        )

    def _add_looks(self, view: Callable[[str], None], several: bool) -> None:
        gui, looks = self._gui, self.choices.looks
        views = gui.add_button_group("view from", ("aslant", "above", "side", "front"))
        views.on_click(lambda event: view(str(views.value)))
        self._check("go along with the mouse", "follow", self.choices)
        if several:
            self._check("results side by side", "apart", self.choices)
        for label, name in (
            ("skin", "skin"), ("skeleton", "skeleton"), ("90 % regions", "regions"),
            ("way", "trail"), ("footfalls", "footfalls"),
        ):  # fmt: skip
            self._check(label, name, looks)
        back = gui.add_slider("seconds of way", 0.5, 20.0, 0.5, looks.trail_s)

        @back.on_update
        def _(event: Any) -> None:
            looks.trail_s = float(back.value)
            self._clock.changed.set()

        gui.add_html(_told("Pale balls and dashed bones are inferred: no image evidence there."))

    def _check(self, label: str, name: str, of: object) -> None:
        box = self._gui.add_checkbox(label, bool(getattr(of, name)))

        @box.on_update
        def _(event: Any) -> None:
            setattr(of, name, bool(box.value))
            self._clock.changed.set()

    def _jump(self, words: str) -> None:
        if words in self._jumps:
            self._clock.seek(self._jumps[words])

    def offer_worst(self, moments: Sequence[Moment]) -> None:
        """Fill the list of worst frames."""
        words = [f"{rank}. {one.time:.2f} s: {one.why}" for rank, one in enumerate(moments, 1)]
        self._offer(self._worst, dict(zip(words, (one.place for one in moments), strict=True)))

    def offer_bouts(self, bouts: Sequence[Bout]) -> None:
        """Fill the list of bouts."""
        self._offer(self._bouts, {bout.words: bout.place for bout in bouts[:_MOST_BOUTS]})

    def _offer(self, chooser: Any, jumps: dict[str, int]) -> None:
        if jumps:
            self._jumps |= jumps
            chooser.options = (_NOWHERE, *jumps)
            chooser.disabled = False

    def tell(self, lines: Sequence[str], warnings: Sequence[str]) -> None:
        """Say what is shown and what is wrong with it, above all else."""
        told = "".join(_told(line) for line in lines)
        told += "".join(_told(f"⚠ {warning}", "#b34700") for warning in warnings)
        self._gui.add_html(told, order=-1.0)

    def show_moment(self, place: int, number: int, time: float, words: str) -> None:
        """Show which frame it is."""
        self._slider.value = place
        self._told.content = _told(f"frame {number:,} · {time:.3f} s · {words}")

    def show_playing(self, playing: bool) -> None:
        """Let the button say what it would do."""
        label = "Pause" if playing else "Play"
        if self._play.label != label:
            self._play.label = label

    def show_pages(self, point: Page, angle: Page, time: float) -> None:
        """Draw both plots, with the shown moment."""
        for plot, page in ((self._point_plot, point), (self._angle_plot, angle)):
            if self._shown.get(id(plot)) is not page:
                self._shown[id(plot)] = page
                plot.scales = {
                    "x": {"time": False, "range": (page.first, page.last)},
                    "y": {"range": page.limits()},
                }
            plot.data = page.with_cursor(time)

    def show_picture(self, image: Bytes) -> None:
        """Show a picture of the video."""
        if self._image is not None:
            self._image.image = image


def _told(text: str, colour: str = "inherit") -> str:
    """Return a line of HTML; whatever stands in the text is text."""
    return f'<div style="padding:2px 8px;font-size:0.85em;color:{colour}">{escape(text)}</div>'
