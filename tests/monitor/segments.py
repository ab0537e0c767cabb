"""A small film of a mouse, cut into segments as a recorder would, and the stages done on them."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import UTC, datetime
from fractions import Fraction
from pathlib import Path

import av
import numpy as np

from mousepose.fit.config import FitConfig, Scale
from mousepose.geometry.camera import pinhole
from mousepose.monitor.records import Outcome, Segment, Stage, Task, Written
from mousepose.monitor.sources.look import look_at
from mousepose.monitor.sources.replay import Replay
from mousepose.monitor.stages import CageWork, Store, run_stage
from mousepose.run.keypoint_files import digest_of

SIZE, FPS = 160, 24
START = datetime(2026, 10, 25, 0, 59, 58, tzinfo=UTC)


def picture(number: int, hidden: range = range(0)) -> np.ndarray:
    """A dark ellipse on a light floor that goes round; it is not there in the frames `hidden`."""
    y, x = np.mgrid[:SIZE, :SIZE]
    image = 170 + 6 * np.sin(x / 3) + 6 * np.cos(y / 4)
    turn = 2 * np.pi * number / 60
    u, v = x - 80 - 45 * np.cos(turn), y - 80 - 45 * np.sin(turn)
    along, across = -np.sin(turn) * u + np.cos(turn) * v, np.cos(turn) * u + np.sin(turn) * v
    if number not in hidden:
        image[(along / 20) ** 2 + (across / 9) ** 2 < 1] = 40
    return image.astype(np.uint8)


def write_film(
    path: Path, images: Sequence[np.ndarray], group: int, fps: int = FPS, **coding: str
) -> Path:
    """Write grey images as a film with a key frame every `group` frames."""
    with av.open(str(path), "w") as container:
        options = {"g": str(group), "keyint_min": str(group), "sc_threshold": "0", "crf": "18",
                   "preset": "veryfast"}  # fmt: skip
        stream = container.add_stream("libx264", rate=fps, options=options | coding)
        stream.height, stream.width = images[0].shape
        stream.pix_fmt, stream.codec_context.time_base = "yuv420p", Fraction(1, 90_000)
        for number, image in enumerate(images):
            frame = av.VideoFrame.from_ndarray(image, "gray")
            frame.pts, frame.time_base = number * 90_000 // fps, Fraction(1, 90_000)
            container.mux(stream.encode(frame))
        container.mux(stream.encode(None))
    return path


def cut(film: Path, folder: Path, seconds: float) -> list[Path]:
    """Cut a film at its key frames."""
    folder.mkdir(exist_ok=True)
    paths: list[Path] = []
    replay = Replay(film, folder, START, seconds, float("inf"))
    replay.run(done=lambda path, _: paths.append(path))
    return paths


def segment_of(path: Path, start: datetime = START, follows: bool = False) -> Segment:
    """A file as a segment of the cage."""
    film = look_at(path)
    return Segment(
        "cage1", start, str(path), film.frames, film.fps, film.seconds, digest_of(path), follows
    )


def segments_of(paths: Sequence[Path]) -> list[Segment]:
    """Files as segments of which each follows the one before."""
    found: list[Segment] = []
    for path in paths:
        start = found[-1].end if found else START
        found.append(segment_of(path, start, bool(found)))
    return found


def cage_work(**settings: object) -> CageWork:
    """A cage with one mouse below a camera."""
    config = FitConfig(min_confidence=0.0, overlap=10, window=60)
    camera = pinhole((SIZE, SIZE), 400.0)
    usual = {"view": "top", "fit": config, "scale": Scale.body_length(90)}
    return CageWork("cage1", camera, **(usual | settings))  # type: ignore[arg-type]


class Line:
    """A chain of segments on which stages are done as a coordinator would do them."""

    def __init__(self, segments: Sequence[Segment], cage: CageWork, store: Store) -> None:
        self.segments, self.cage, self.store = list(segments), cage, store
        self.written: dict[str, tuple[Written, ...]] = {}
        self.outcomes: dict[tuple[Stage, int], Outcome] = {}

    def task(self, stage: Stage, number: int, **settings: object) -> Task:
        """The task of a stage of a segment, with all that is there by now."""
        segment = self.segments[number]
        before = self.segments[number - 1] if segment.follows and number else None
        after = self.segments[number + 1] if number + 1 < len(self.segments) else None
        if after is not None and (not after.follows or stage is Stage.POINTS):
            after = None
        near = {one.id for one in (before, segment, after) if one is not None}
        inputs = {
            name: tuple(w for w in files if name in near or w.table == "animal")
            for name, files in self.written.items()
        }
        task = Task(segment, stage, f"{stage}{number}", before, after, inputs)
        return replace(task, **settings)  # type: ignore[arg-type]

    def do(self, stage: Stage, number: int, **settings: object) -> Outcome:
        """Do a stage of a segment, and keep what it wrote."""
        outcome = run_stage(self.task(stage, number, **settings), self.cage, self.store)
        kept = [
            one for one in self.written.get(outcome.segment_id, ())
            if one.table not in {own.table for own in outcome.written}
        ]  # fmt: skip
        self.written[outcome.segment_id] = (*kept, *outcome.written)
        self.outcomes[stage, number] = outcome
        return outcome

    def do_all(self, *stages: Stage, **settings: object) -> None:
        """Do stages of all segments."""
        for stage in stages:
            for number in range(len(self.segments)):
                self.do(stage, number, **settings)

    def table(self, name: str, number: int):  # type: ignore[no-untyped-def]
        """The rows of a table that a segment gave, of all its files."""
        import pyarrow as pa

        files = self.written[self.segments[number].id]
        return pa.concat_tables([self.store.read(one) for one in files if one.table == name])
