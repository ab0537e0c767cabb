"""What a network of ours said of the keypoints that a result was made of: which network, the view.

It stands in the files of keypoints that `mousepose reconstruct` of a video leaves beside its poses.
"""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path

import pyarrow as pa
import pyarrow.parquet as pq

from mousepose.detect.shipped import shipped_model
from mousepose.io.keypoints.streams_write import told_of_animals
from mousepose.io.keypoints.table_write import METADATA_KEY
from mousepose.run.report_result import Result


@dataclass(frozen=True)
class Tracker:
    """A network that found keypoints: of which video, its file's name, how the camera looks.

    `view` is "top", "side" or "bottom" as it was declared, "unknown" where it was not. `shipped`
    tells that it is the network that comes with the package.
    """

    video: str
    model: str
    view: str
    shipped: bool


def trackers_of(result: Result, given: Path | None = None) -> tuple[Tracker, ...]:
    """Return the networks of the keypoints beside a result, and of a given file, one a video.

    Files of other trackers, and what cannot be read, tell nothing.
    """
    beside = sorted(result.path.parent.glob("*.keypoints.parquet"))
    paths = [*beside, *([] if given is None or given in beside else [given])]
    found = {tracker.video: tracker for path in paths for tracker in _told(path, result.animal)}
    return tuple(found.values())


def _told(path: Path, animal: str) -> Iterable[Tracker]:
    try:
        metadata = pq.read_schema(path).metadata or {}
    except (OSError, pa.ArrowException):
        return
    about = told_of_animals(metadata.get(METADATA_KEY, b"{}")).get(animal, {})
    model = about.get("model name")
    if isinstance(model, str):
        video = str(about.get("video name", path.name))
        shipped = model == shipped_model().name
        yield Tracker(video, model, str(about.get("view", "unknown")), shipped)
