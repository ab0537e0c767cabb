"""The viewer: results, their videos and tables in one scene, moved by a clock."""

from __future__ import annotations

import threading
import time as clock_of_machine
from collections.abc import Callable, Iterator, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np

from mousepose.body.model import BodyModel
from mousepose.body.of_sequence import body_of
from mousepose.errors import InputError, MouseposeError
from mousepose.geometry import rotation
from mousepose.geometry.camera import Camera
from mousepose.report.page_stage import Stage, stage_of
from mousepose.report.page_views import VideoView, video_views
from mousepose.report.stick import trunk_of
from mousepose.run.report_company import Company, company_of
from mousepose.run.report_result import Result, open_results
from mousepose.run.report_survey import survey, worst_frames
from mousepose.types import Bytes, Floats, State, Status
from mousepose.view.clock import Clock
from mousepose.view.feed import Feed
from mousepose.view.mouse import SKINS, Mouse
from mousepose.view.pace import Pace
from mousepose.view.panel import Bout, Panel
from mousepose.view.plots import Pages
from mousepose.view.server import LOCALHOST, start_server, stop_server
from mousepose.view.shapes import UNIT

#: How often a second the scene is moved at most, and the pictures of videos.
_SCENE_HZ, _VIDEO_HZ = 30.0, 12.0
#: And the panel: a browser that draws slowly takes in at once all that waited for it, and gives up
#: where that changes some fifty of its controls.
_PANEL_HZ = 4.0
_IDLE_S = 0.5
#: Between parts of a file that is gone through while the scene moves.
_BREATH_S = 0.1
#: mm between results side by side.
_APART_MM = 160.0
#: Share of a camera's distance from the stage at which its picture hangs.
_PICTURE_AT = 0.4
#: From where the scene is looked at, in scene units from what is looked at.
VIEWS = {
    "aslant": (1.1, -1.5, 1.1), "above": (0.0, -0.01, 2.2), "side": (0.0, -2.0, 0.25),
    "front": (2.0, 0.0, 0.25),
}  # fmt: skip


@dataclass(frozen=True, eq=False)
class ViewJob:
    """What to show and where: results, videos of the first one's cameras, files that go with it.

    `body` is that of the fit, by default the one that comes with the package. Files that are None
    are looked for beside the first result.
    """

    results: tuple[Path, ...]
    videos: tuple[Path, ...] = ()
    camera: Path | None = None
    body: BodyModel | None = None
    gait: Path | None = None
    behaviour: Path | None = None
    animal: str | None = None
    host: str = LOCALHOST
    port: int = 8080


def view(job: ViewJob, ready: Callable[[str], None], stop: threading.Event) -> None:
    """Show results in a browser until `stop` is set; `ready` is told the address.

    Raises `InputError` and `FileError` before the server starts where anything given cannot be
    shown.
    """
    with opened(job, ready) as viewer:
        viewer.run(stop)


@contextmanager
def opened(job: ViewJob, ready: Callable[[str], None] | None = None) -> Iterator[Viewer]:
    """Give a viewer whose server runs; its `run` moves what it shows. Raises as `view` does.

    `ready` is told the address as soon as the server listens, so that a browser loads its page
    while the scene is made.
    """
    with ExitStack() as stack:
        results = stack.enter_context(open_results(job.results, job.animal))
        yield Viewer(job, results, stack, ready)


class Viewer:
    """One scene with its panel; `run` moves it. Closed by the stack it was given."""

    def __init__(
        self,
        job: ViewJob,
        results: Sequence[Result],
        stack: ExitStack,
        ready: Callable[[str], None] | None = None,
    ) -> None:
        if not results:
            raise InputError("no result was given: name at least one file of poses")
        self.results = results
        self.company = company_of(results[0], job.camera, job.gait, job.behaviour)
        views = video_views(job.videos, self.company.cameras, results[0])
        for one in views:
            stack.callback(one.close)
        self._listen(job, stack)
        if ready is not None:
            ready(self.address)
        self._stages = _stages(results, self.company)
        bodies, notes = _bodies(results, job.body)
        self.clock = Clock(results[0].times)
        names = [f"{chr(65 + n)}: {_short(one.path)}" for n, one in enumerate(results)]
        self._panel = Panel(
            self.server, self.clock, len(results[0]), results[0].keypoint_names,
            names, bool(views), self._look_from,
        )  # fmt: skip
        self._pages = Pages(results, self._stages, next((b for b in bodies if b), None))
        self._mice = [
            Mouse(
                self.server, f"result{n}", result, bodies[n], self._stages[n], SKINS[n % len(SKINS)]
            )
            for n, result in enumerate(results)
        ]
        if self.company.strides is not None:
            self._mice[0].add_footfalls(self.server, self.company.strides)
        self._frustums = self._add_surroundings([one.camera for one in views])
        self._feeds = [
            Feed(one, self._shower(node, index == 0))
            for index, (one, node) in enumerate(zip(views, self._frustums, strict=False))
        ]
        for feed in self._feeds:
            stack.callback(feed.close)
        self.updates = 0
        self._middle = self._first_middle()
        self._set_out()
        self._look_from("aslant")  # a quick browser is there already
        self._say(views, notes)
        self._panel.offer_bouts(_bouts(results[0], self.company))

    def _listen(self, job: ViewJob, stack: ExitStack) -> None:
        """Start the server, with an empty scene that is looked at from where the mouse will be."""
        self.server = start_server(job.host, job.port, "mousepose")
        stack.callback(stop_server, self.server)
        self._pace = Pace(self.server)
        stack.callback(self._pace.close)
        self.address = f"http://{'localhost' if job.host == LOCALHOST else job.host}:"
        self.address += str(self.server.get_port())
        self._middle = np.zeros(3)
        self.server.scene.set_up_direction("+z")
        self._set_out()

    def run(self, stop: threading.Event) -> None:
        """Move the scene until `stop` is set."""
        threading.Thread(target=self._look_for_worst, args=(stop,), daemon=True).start()
        shown, told = -1, 0.0  # told: when the panel was brought up to date
        behind, wanted = False, True  # whether the panel, whether the scene is to be moved
        while not stop.is_set():
            now = clock_of_machine.monotonic()
            changed = self.clock.changed.is_set()
            self.clock.changed.clear()
            try:
                place = self.clock.advance(now, self.results[0].place_at)
                wanted |= changed or place != shown
                if wanted and self._pace.free:
                    self.show(place)
                    self._pace.sent()
                    shown, behind, wanted = place, True, False
                if behind and not wanted and (not self.clock.playing or now - told > 1 / _PANEL_HZ):
                    self._show_moment(place)
                    told, behind = now, False
            except MouseposeError as error:
                self.clock.play(False)
                self._complain(str(error))
                shown, behind, wanted = self.clock.place, False, False
            if wanted:
                self._pace.wait(_IDLE_S)
            elif self.clock.playing:
                left = 1 / _SCENE_HZ - (clock_of_machine.monotonic() - now)
                stop.wait(max(left, 0.001))
            else:
                self.clock.changed.wait(_IDLE_S)

    def show(self, place: int) -> None:
        """Move everything in the scene to a frame of the first result."""
        choices = self._panel.choices
        time = float(self.results[0].times[place])
        with self.server.atomic():
            for n, (result, mouse) in enumerate(zip(self.results, self._mice, strict=True)):
                at = place if n == 0 else result.place_at(time)
                apart = choices.apart * n * _APART_MM * UNIT
                mouse.root.position = (0.0, apart, 0.0)
                middle = mouse.show(at, choices.looks)
                if n == 0:
                    self._go_along(middle, choices.follow)
        for feed in self._feeds:
            feed.ask(place, choices.drawn)
        self.updates += 1

    def _show_moment(self, place: int) -> None:
        """Bring slider, words and plots up to date."""
        first, choices = self.results[0], self._panel.choices
        status = Status(min(int(first.status[place]), len(Status) - 1)).name.lower()
        sequence, index = first.at(place)
        seen = int((sequence.state[index] == State.SEEN).sum())
        words = f"{status}, {seen} of {len(first.keypoint_names)} seen"
        time = float(first.times[place])
        number = self._pages.number(time)
        if choices.follow:
            self._set_out()
        with self.server.atomic():
            self._panel.show_moment(place, int(first.frame_numbers[place]), time, words)
            self._panel.show_playing(self.clock.playing)
            self._panel.show_pages(
                self._pages.of_point(number, choices.keypoint, choices.axis),
                self._pages.of_angle(number, choices.angle),
                time,
            )

    def _go_along(self, middle: Floats, wanted: bool) -> None:
        """Move the points of view by as much as the mouse moved."""
        if not np.isfinite(middle).all():
            return
        moved = (middle - self._middle) * [1.0, 1.0, 0.0]
        if wanted and np.linalg.norm(moved) > 1e-3:
            for client in self.server.get_clients().values():
                client.camera.position = client.camera.position + moved
                client.camera.look_at = client.camera.look_at + moved
        self._middle = middle

    def _first_middle(self) -> Floats:
        """Return where the trunk is in the first frame with a pose, in scene units."""
        trunk = trunk_of(self.results[0].at(0)[0])
        known = trunk[np.isfinite(trunk).all(axis=1)]
        return self._stages[0].place(known[0]) * UNIT if len(known) else np.zeros(3)

    def _set_out(self) -> None:
        """Let browsers that come later begin at the mouse."""
        self.server.initial_camera.position = tuple(self._middle + np.array(VIEWS["aslant"]))
        self.server.initial_camera.look_at = tuple(self._middle)

    def _look_from(self, name: str) -> None:
        for client in self.server.get_clients().values():
            with client.atomic():
                client.camera.position = self._middle + np.array(VIEWS[name])
                client.camera.look_at = self._middle

    def _add_surroundings(self, with_video: Sequence[Camera]) -> list[Any]:
        """Add the floor and the cameras; return the nodes of those with a video, in their order."""
        scene = self.server.scene
        scene.configure_default_lights(cast_shadow=False)  # drawing stays quick without a GPU
        scene.add_grid(
            "/floor", 8.0, 8.0, cell_size=0.1, section_size=1.0, cell_thickness=0.6,
            section_thickness=1.2, plane_color=(248, 248, 246), plane_opacity=0.35,
        )  # fmt: skip
        nodes = {
            camera.name: _frustum(scene, camera, self._stages[0]) for camera in self.company.cameras
        }
        return [nodes[camera.name] for camera in with_video]

    def _shower(self, frustum: Any, first: bool) -> Callable[[Bytes], None]:
        last = 0.0

        def show(image: Bytes) -> None:
            nonlocal last
            frustum.image = image
            if first:
                self._panel.show_picture(image)
            pause = 1 / _VIDEO_HZ - (clock_of_machine.monotonic() - last)
            if pause > 0:
                clock_of_machine.sleep(pause)
            last = clock_of_machine.monotonic()

        return show

    def _look_for_worst(self, stop: threading.Event) -> None:
        """Offer the worst frames; the first picture comes before the file is gone through."""
        while not (self.updates and self._pace.free) and not stop.is_set():
            stop.wait(0.1)

        def progress(stage: str, done: int, total: int) -> None:
            if stop.is_set():
                raise InterruptedError
            if self.clock.playing:
                stop.wait(_BREATH_S)

        try:
            found = survey(self.results[0], progress)
        except InterruptedError:
            return
        except MouseposeError as error:
            self._complain(str(error))
            return
        self._panel.offer_worst(worst_frames(self.results[0], found))

    def _complain(self, text: str) -> None:
        self._panel.tell((), (text,))

    def _say(self, views: Sequence[VideoView], notes: Sequence[str]) -> None:
        first = self.results[0]
        lines = [
            f"{chr(65 + n)}: {_short(one.path)}, {one.animal}, {len(one):,} frames, "
            f"{one.times[-1] - one.times[0]:.1f} s"
            for n, one in enumerate(self.results)
        ]
        lines.append(f"A square of the floor is 100 mm; {self._stages[0].words}.")
        warnings = [*self.company.notes, *notes, *(one.warning for one in views if one.warning)]
        if first.about["scale_source"] == "none":
            warnings.append("nothing gave the scale: lengths are those of a typical mouse")
        for n, other in enumerate(self.results[1:], start=1):
            if other.times[0] > first.times[-1] or other.times[-1] < first.times[0]:
                warnings.append(f"result {chr(65 + n)} has no time in common with A")
            elif len(other) != len(first):
                warnings.append(f"result {chr(65 + n)} has {len(other):,} frames, A {len(first):,}")
        self._panel.tell(lines, warnings)


def _stages(results: Sequence[Result], company: Company) -> list[Stage]:
    """Return the stage of each result; results of one frame of reference share the first's."""
    first = stage_of(results[0].at(0)[0], company.cameras)
    stages = [first]
    for result in results[1:]:
        shares = result.about["frame"] == results[0].about["frame"]
        stages.append(first if shares else stage_of(result.at(0)[0]))
    return stages


def _bodies(
    results: Sequence[Result], body: BodyModel | None
) -> tuple[list[BodyModel | None], list[str]]:
    """Return the body of each result; None, and a note, where it was fitted with another one."""
    bodies: list[BodyModel | None] = []
    notes = []
    for result in results:
        try:
            bodies.append(body_of(result.at(0)[0][:1], body))
        except InputError as error:
            bodies.append(None)
            notes.append(f"{result.path.name} has no skin and no angles: {error}")
    return bodies, notes


def _bouts(result: Result, company: Company) -> list[Bout]:
    """Return the bouts of behaviour and of locomotion in the order of time."""
    found: list[tuple[float, str]] = []
    if company.walks is not None:
        walks = company.walks
        starts = walks["start_s"].to_numpy(np.float64)
        found += [(t, f"{t:.2f} s: walk {n}") for t, n in zip(starts, walks["bout"], strict=True)]
    if company.behaviour is not None:
        bouts = company.behaviour
        starts = bouts["start_s"].to_numpy(np.float64)
        kinds = bouts["behaviour"]
        found += [(t, f"{t:.2f} s: {kind}") for t, kind in zip(starts, kinds, strict=True)]
    found.sort(key=lambda bout: bout[0])
    return [Bout(result.place_at(float(start)), words) for start, words in found]


def _frustum(scene: Any, camera: Camera, stage: Stage) -> Any:
    """Return the node of a camera: its place, where it looks, and room for its picture."""
    axes, place = stage.camera_pose(camera)
    width, height = camera.size
    half = height / 2 / camera.matrix[1, 1]
    depth = _PICTURE_AT * float(np.linalg.norm(place)) * UNIT
    # The browser makes a frustum of volume 1 from the field of view and scales that.
    aspect = width / height
    scale = depth * np.cbrt(half * half * aspect / 3)
    return scene.add_camera_frustum(
        f"/cameras/{_plain(camera.name)}", fov=2 * float(np.arctan(half)), aspect=aspect,
        scale=float(scale), thickness=1.5, thickness_units="screen", color=(90, 90, 90),
        wxyz=tuple(rotation.to_quaternion(axes)), position=tuple(place * UNIT),
        cast_shadow=False,
    )  # fmt: skip


def _short(path: Path) -> str:
    """Return a file's name with its folder's: many results are called alike."""
    return "/".join(path.resolve().parts[-2:])


def _plain(name: str) -> str:
    """Return a name that is one step of a path."""
    return name.replace("/", "_") or "camera"
