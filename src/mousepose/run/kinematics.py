"""From a file of poses to a table of its kinematics, in flat memory."""

from __future__ import annotations

import json
from dataclasses import dataclass
from pathlib import Path

from mousepose.analysis.floor import Floor, above_floor
from mousepose.analysis.kinematics import BANDWIDTH_HZ, kinematics
from mousepose.atomic import atomic_path
from mousepose.errors import InputError
from mousepose.run.gait_parts import RawPoints, floor_of, joined, parts_of
from mousepose.types import Progress

#: What came before a part is looked at again for so long (s), for the smoothing's sake.
_MARGIN_S = 2.0
METADATA_KEY = b"mousepose_kinematics"


@dataclass(frozen=True, eq=False)
class KinematicsJob:
    """What is to be done; `up` (3,) and `fps` as in `GaitJob`, `bandwidth` in Hz."""

    source: Path
    output: Path
    up: tuple[float, float, float] | None = None
    bandwidth: float = BANDWIDTH_HZ
    fps: float | None = None
    animal: str | None = None


@dataclass(frozen=True, eq=False)
class KinematicsOutcome:
    """What was written: frames, columns, and the bandwidth (Hz) that the derivatives have."""

    frames: int
    columns: tuple[str, ...]
    bandwidth: float


def write_kinematics(job: KinematicsJob, progress: Progress | None = None) -> KinematicsOutcome:
    """Write the kinematics of every frame as .parquet or .csv and return what was written.

    Raises `InputError` on another ending and where too few points are known, `FileError` on a file
    that is none.
    """
    if job.output.suffix not in {".parquet", ".csv"}:
        raise InputError(f"{job.output}: expected a name that ends in .parquet or .csv")
    with atomic_path(job.output) as temporary:
        return _write(job, temporary, progress)


def _write(job: KinematicsJob, path: Path, progress: Progress | None) -> KinematicsOutcome:
    import pyarrow as pa
    import pyarrow.csv as pa_csv
    import pyarrow.parquet as pq

    floor: Floor | None = None
    rest: RawPoints | None = None
    writer: pq.ParquetWriter | pa_csv.CSVWriter | None = None
    frames = before = 0
    columns: tuple[str, ...] = ()
    bandwidth = 0.0
    try:
        for piece, last, about in parts_of(job.source, job.fps, job.animal, progress):
            raw = piece if rest is None else joined([rest, piece])
            motion = raw.motion()
            if floor is None:
                floor = floor_of(motion, job.up, str(about.get("frame", "")))[0]
            table = kinematics(above_floor(motion, floor), job.bandwidth)
            margin = round(_MARGIN_S * motion.rate)
            end = len(table) if last else max(before, len(table) - margin)
            if writer is None:
                columns, bandwidth = tuple(table.columns), table.attrs["bandwidth_hz"]
            part = table.iloc[before:end].reindex(columns=list(columns)).reset_index()
            arrow = pa.Table.from_pandas(part, preserve_index=False)
            if writer is None:
                told = json.dumps(table.attrs).encode()
                schema = arrow.schema.with_metadata({METADATA_KEY: told})
                kind = pq.ParquetWriter if job.output.suffix == ".parquet" else pa_csv.CSVWriter
                writer = kind(str(path), schema)
            writer.write_table(arrow.cast(schema))
            frames += len(part)
            start = max(0, end - margin)
            rest, before = raw.after(start), end - start
    finally:
        if writer is not None:
            writer.close()
    return KinematicsOutcome(frames, columns, bandwidth)
