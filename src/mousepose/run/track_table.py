"""Tables of mouse boxes: of single frames while a run lasts, of mice through time at its end."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from mousepose.atomic import atomic_path
from mousepose.detect.track import TrackedFrame
from mousepose.detect.types import Detections
from mousepose.errors import FileError
from mousepose.types import Floats, State

_EDGES = ("left", "top", "right", "bottom")
_KEY = b"mousepose"
#: Rows of one group of the final table.
_ROWS = 50_000


def write_detections(
    path: Path, start: int, detections: Sequence[Detections], state: bytes = b""
) -> None:
    """Write what was found in frames from `start` on, with what the detector remembers."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    counts = [len(found) for found in detections]
    boxes = np.concatenate([found.boxes for found in detections] or [np.zeros((0, 4))])
    columns: dict[str, Any] = {"frame": np.repeat(np.arange(len(detections)) + start, counts)}
    columns |= {edge: boxes[:, n] for n, edge in enumerate(_EDGES)}
    columns["score"] = np.concatenate([found.scores for found in detections] or [np.zeros(0)])
    events = {start + n: found.event for n, found in enumerate(detections) if found.event}
    about = {"start": start, "frames": len(detections), "events": events}
    table = pa.table(columns).replace_schema_metadata(
        {_KEY: json.dumps(about).encode(), b"detector": state}
    )
    with atomic_path(path) as temporary:
        pq.write_table(table, temporary)


def read_detections(path: Path) -> list[Detections]:
    """Return what `write_detections` wrote, frame by frame."""
    import pyarrow.parquet as pq

    table = pq.read_table(path)
    about = json.loads(table.schema.metadata[_KEY])
    frames = table["frame"].to_numpy() - about["start"]
    boxes = np.stack([table[edge].to_numpy() for edge in _EDGES], axis=1)
    cuts = np.searchsorted(frames, np.arange(about["frames"] + 1))
    scores, events = table["score"].to_numpy(), about["events"]
    return [
        Detections(boxes[a:b], scores[a:b], events.get(str(about["start"] + n), ""))
        for n, (a, b) in enumerate(zip(cuts[:-1], cuts[1:], strict=True))
    ]


def read_detector(path: Path) -> bytes:
    """Return what the detector remembered at the end of a part."""
    import pyarrow.parquet as pq

    return bytes(pq.read_schema(path).metadata[b"detector"])


def write_boxes(
    path: Path, frames: Iterator[TrackedFrame], times: Floats, about: Mapping[str, Any]
) -> None:
    """Write mice through time: a row for each frame and mouse, frames in their order.

    Columns: frame, time (s), animal, left, top, right, bottom (px, NaN where absent), score, state
    ("seen", "inferred", "absent"), swap_risk, extra (mice beyond the promised), event. `about` is
    kept in the header.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    header = {_KEY: json.dumps({"kind": "boxes", **about}).encode()}
    schema = pa.schema(
        [("frame", pa.int64()), ("time", pa.float64()), ("animal", pa.int16())]
        + [(edge, pa.float32()) for edge in _EDGES]
        + [("score", pa.float32()), ("state", pa.string()), ("swap_risk", pa.float32())]
        + [("extra", pa.int16()), ("event", pa.string())],
        metadata=header,
    )
    with atomic_path(path) as temporary, pq.ParquetWriter(temporary, schema) as writer:
        rows: list[dict[str, Any]] = []
        for number, frame in enumerate(frames):
            rows += _rows(number, float(times[number]), frame)
            if len(rows) >= _ROWS:
                writer.write_table(pa.Table.from_pylist(rows, schema))
                rows = []
        writer.write_table(pa.Table.from_pylist(rows, schema))


def _rows(number: int, time: float, frame: TrackedFrame) -> Iterator[dict[str, Any]]:
    for animal, box in enumerate(frame.boxes):
        yield {
            "frame": number,
            "time": time,
            "animal": animal,
            **dict(zip(_EDGES, box.tolist(), strict=True)),
            "score": float(frame.scores[animal]),
            "state": State(frame.states[animal]).name.lower(),
            "swap_risk": float(frame.swap_risk[animal]),
            "extra": frame.extra,
            "event": frame.event,
        }


def iterate_boxes(path: Path) -> Iterator[tuple[int, Floats, np.ndarray, str]]:
    """Yield of each frame its number, boxes (N, 4), states (N,) `State` and event.

    Raises `FileError` where the file is no table of boxes.
    """
    import pyarrow as pa
    import pyarrow.parquet as pq

    try:
        with pq.ParquetFile(path) as file:
            if b'"kind": "boxes"' not in (file.schema_arrow.metadata or {}).get(_KEY, b""):
                raise FileError(f"{path}: is no table of boxes as `mousepose track` writes")
            waiting: list[dict[str, Any]] = []
            for batch in file.iter_batches():
                for row in batch.to_pylist():
                    if waiting and row["frame"] != waiting[0]["frame"]:
                        yield _frame(waiting)
                        waiting = []
                    waiting.append(row)
            if waiting:
                yield _frame(waiting)
    except (OSError, pa.ArrowException) as error:
        raise FileError(f"{path}: cannot be read as Parquet: {error}") from error


def _frame(rows: list[dict[str, Any]]) -> tuple[int, Floats, np.ndarray, str]:
    boxes = np.array([[row[edge] for edge in _EDGES] for row in rows], np.float64)
    states = np.array([State[row["state"].upper()] for row in rows])
    return rows[0]["frame"], boxes, states, rows[0]["event"]
