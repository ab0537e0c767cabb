"""What every stage takes: the cage's settings, and the store as far as stages need it."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping
from contextlib import contextmanager
from dataclasses import dataclass, field
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from mousepose.analysis.config import GaitConfig
from mousepose.detect.published_network import opened_model
from mousepose.detect.shipped import shipped_model
from mousepose.fit.config import FitConfig, Scale
from mousepose.fit.setup import Setup
from mousepose.geometry.camera import Camera
from mousepose.monitor.records import Segment, Task, Written
from mousepose.run.crop_points import Finder
from mousepose.run.mouse_finder import Method, Search
from mousepose.run.predict import LIKELY

if TYPE_CHECKING:
    import pyarrow as pa

#: Tables of the store that are no tables to query: what goes from a segment to the next, animals.
CARRY, ANIMAL = "carry", "animal"
POINTS, POSES = "points", "poses"
MINUTES, STRIDES, BOUTS = "minutes", "strides", "bouts"


@dataclass(frozen=True, eq=False)
class CageWork:
    """What stages need to know of a cage: `animals` mice that `camera` sees.

    `view` is how it sees them, "top", "side", "bottom" or None. `model` finds keypoints (None: the
    shipped network), whose names `keypoint_map` knows; `method` and `detector` are as in `Search`.
    `behaviour` is a trained classifier, `up` (3,) where up is in the axes of the poses, by default
    what camera, view or paws tell. `spout` is where the water is: left, top, right, bottom, px.
    `threads` run the networks.
    """

    cage: str
    camera: Camera
    animals: int = 1
    view: str | None = None
    model: Path | None = None
    detector: Path | None = None
    method: Method = "auto"
    scale: Scale = field(default_factory=Scale.none)
    keypoint_map: str = "dataset22"
    fit: FitConfig = field(default_factory=lambda: FitConfig(min_confidence=LIKELY))
    behaviour: Path | None = None
    up: tuple[float, float, float] | None = None
    gait: GaitConfig = field(default_factory=GaitConfig)
    spout: tuple[float, float, float, float] | None = None
    threads: int = 1

    @property
    def network(self) -> Path:
        """The file of the keypoint network."""
        return self.model or shipped_model()

    @property
    def search(self) -> Search:
        """What is sought in the frames, and how."""
        keypoints = None if self.network.suffix == ".tflite" else self.network
        return Search(self.animals, self.method, self.detector, self.threads, keypoints, self.view)

    @property
    def reported(self) -> tuple[str, ...]:
        """The keypoints that the poses have."""
        setup = self.setup()
        marks = self.fit.report == "marks"
        return tuple(setup.keypoint_map.names if marks else setup.body.keypoints.names)

    def setup(self) -> Setup:
        """Return what the fit needs. Raises as `Setup.of`."""
        return Setup.of(
            self.camera, keypoint_map=self.keypoint_map, scale=self.scale, config=self.fit
        )


class Store(Protocol):
    """Where stages read and write: files of one segment each, under names that follow from it."""

    def write(
        self, table: str, segment: Segment, rows: pa.Table, part: str = ""
    ) -> Written:  # pragma: no cover - a protocol
        """Write rows of a table; `part` names the mouse where a segment gives a file for each."""
        ...

    def write_bytes(
        self, table: str, segment: Segment, content: bytes, suffix: str, part: str = ""
    ) -> Written:  # pragma: no cover - a protocol
        """Write what is no table."""
        ...

    def read(
        self, written: Written, columns: Iterable[str] | None = None
    ) -> pa.Table:  # pragma: no cover - a protocol
        """Return the rows, of all columns or of some."""
        ...

    def read_bytes(self, written: Written) -> bytes:  # pragma: no cover - a protocol
        """Return what `write_bytes` wrote."""
        ...


class Clock:
    """Adds up the seconds that are spent on each kind of work."""

    def __init__(self) -> None:
        self.seconds: dict[str, float] = {}

    @contextmanager
    def on(self, what: str) -> Iterator[None]:
        """Count the time of the block."""
        begin = time.perf_counter()
        try:
            yield
        finally:
            self.seconds[what] = self.seconds.get(what, 0.0) + time.perf_counter() - begin


@lru_cache(maxsize=4)
def network_of(path: Path, changed: float) -> Finder:
    """Return a keypoint network, opened once by a worker; `changed` is the file's time.

    Raises `FileError` for what is none.
    """
    # one thread each and several at work: threads within the network wait for each other
    return opened_model(path, threads=1)


def inputs_of(task: Task, segment: Segment | None, table: str) -> tuple[Written, ...]:
    """Return the files of a table that are of a segment, none where there is no segment."""
    if segment is None:
        return ()
    files: Mapping[str, tuple[Written, ...]] = task.inputs
    return tuple(one for one in files.get(segment.id, ()) if one.table == table)
