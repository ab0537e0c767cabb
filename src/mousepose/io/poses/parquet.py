"""A `PoseSequence` as Parquet: one row per frame and animal, written and read in flat memory.

Columns: frame, time_s, animal, status, iterations; per keypoint `_x _y _z` mm, `_cov_xx` ...
mm^2 and `_state`; `root_rotation_x` ... rad, `root_translation_x` ... mm; per joint
`_rotation_x` ... and `_rotation_sd_x` ... rad; `cost_<term>`. The metadata key "mousepose" holds
JSON: schema version, units, names, and per animal the shape, the frame of reference, what made the
scale metric and the provenance.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from contextlib import ExitStack
from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import pyarrow as pa
import pyarrow.parquet as pq

from mousepose.atomic import atomic_path
from mousepose.errors import InputError
from mousepose.io.keypoints.rows import choose_animal
from mousepose.io.keypoints.sniff import Content
from mousepose.io.keypoints.table import opened, rows_of
from mousepose.io.poses.point_files import PointFile, PointRows
from mousepose.io.poses.sequence_header import METADATA_KEY, Header
from mousepose.types import Ints, PoseSequence

#: Rows in one row group, some 20 MB in memory: what reading and writing hold at once.
ROWS_PER_GROUP = 10_000
#: A small damaged or hostile file can claim to hold any number of frames; memory ends here.
MAX_LOADED_BYTES = 16 * 2**30


class SequenceWriter:
    """Writes one file from any number of chunks; the file appears when the block ends well.

    ``with SequenceWriter(path) as writer: writer.append(chunk)``. Chunks of one animal follow each
    other in time and agree in shape, frame of reference, scale and provenance; animals may
    alternate. Raises `InputError` where chunks disagree or none came.
    """

    def __init__(self, path: str | Path) -> None:
        self._path = Path(path)
        self._open_files = ExitStack()
        self._writer: pq.ParquetWriter | None = None
        self._header: Header | None = None
        self._pending: list[pa.Table] = []
        self._last_frame: dict[str, int] = {}

    def __enter__(self) -> Self:
        self._temporary = self._open_files.enter_context(atomic_path(self._path))
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        if error is not None:
            self._open_files.__exit__(kind, error, trace)
            return
        with self._open_files:
            if self._header is None:
                raise InputError(f"{self._path}: no frames were given, so nothing is written")
            self._opened_writer(self._header).add_key_value_metadata(self._header.metadata())
            self._flush(self._header)

    def append(self, sequence: PoseSequence) -> None:
        """Add the frames of `sequence`, which follow those that its animal already has."""
        header = Header.of(sequence)
        self._add(header, header.layout.table(sequence))

    def append_file(self, path: str | Path) -> None:
        """Add all rows of a file that this class wrote, in flat memory."""
        for header, table in _tables(Path(path), ROWS_PER_GROUP):
            self._add(header, table)

    def _add(self, header: Header, table: pa.Table) -> None:
        self._header = header if self._header is None else self._header.merged(header)
        for animal in header.animals:
            self._refuse_disorder(animal, rows_of(table, animal).column("frame").to_numpy())
        self._pending.append(table)
        if sum(len(pending) for pending in self._pending) >= ROWS_PER_GROUP:
            self._flush(self._header)

    def _refuse_disorder(self, animal: str, frames: Ints) -> None:
        if not len(frames):
            return
        with_last = np.concatenate([[self._last_frame.get(animal, -1)], frames])
        falls = np.flatnonzero(np.diff(with_last) <= 0)
        if len(falls):
            before, after = with_last[falls[0] : falls[0] + 2]
            raise InputError(
                f"{self._path}: frame {after} of {animal} comes after frame {before}; "
                "frame numbers must increase from 0 on"
            )
        self._last_frame[animal] = int(frames[-1])

    def _opened_writer(self, header: Header) -> pq.ParquetWriter:
        if self._writer is None:
            self._writer = self._open_files.enter_context(
                pq.ParquetWriter(
                    self._temporary,
                    header.layout.schema,
                    compression="snappy",  # as small as zstd here, read four times faster
                    use_dictionary=["animal"],
                    use_byte_stream_split=header.layout.float_columns,
                )
            )
        return self._writer

    def _flush(self, header: Header) -> None:
        if self._pending:
            table = pa.concat_tables(self._pending)
            self._opened_writer(header).write_table(table, ROWS_PER_GROUP)
            self._pending.clear()


def write_sequence_parquet(path: str | Path, *sequences: PoseSequence) -> None:
    """Write one file of one or more animals' sequences. Raises `InputError`, `FileError`."""
    with SequenceWriter(path) as writer:
        for sequence in sequences:
            writer.append(sequence)


def concatenate_sequences(paths: Sequence[str | Path], out: str | Path) -> None:
    """Join part files, in their order in time, into one; memory does not grow with their length.

    Raises `FileError` on a part that cannot be read, `InputError` where parts disagree in columns,
    shape, frame of reference, scale or provenance, or do not follow each other.
    """
    with SequenceWriter(out) as writer:
        for path in paths:
            writer.append_file(Path(path))


def read_sequence(path: str | Path, animal: str | None = None) -> PoseSequence:
    """Return the sequence of one animal (`animal` chooses among several).

    Raises `FileError` on a file that is cut or no file of poses, `InputError` on one too long for
    memory: use `iterate_sequence`.
    """
    tables: list[pa.Table] = []
    for header, table in _tables(Path(path), ROWS_PER_GROUP):
        chosen = choose_animal(Path(path), tuple(header.animals), animal)
        tables.append(rows_of(table, chosen))
        if sum(part.nbytes for part in tables) > MAX_LOADED_BYTES:
            raise InputError(f"{path} is too long to read at once: use iterate_sequence")
    return header.layout.sequence(pa.concat_tables(tables), chosen, header.animals[chosen])


def iterate_sequence(
    path: str | Path, chunk_frames: int = ROWS_PER_GROUP, animal: str | None = None
) -> Iterator[PoseSequence]:
    """Yield one animal's sequence in pieces of at most `chunk_frames`, in flat memory."""
    for header, table in _tables(Path(path), chunk_frames):
        chosen = choose_animal(Path(path), tuple(header.animals), animal)
        rows = rows_of(table, chosen)
        if len(rows):
            yield header.layout.sequence(rows, chosen, header.animals[chosen])


def is_sequence(content: Content) -> bool:
    """Tell whether a file holds whole sequences as `SequenceWriter` writes them."""
    if content.family != "Parquet":
        return False
    with opened(content.path) as file:
        return METADATA_KEY in (file.metadata.metadata or {})


def open_sequence_points(content: Content) -> PointFile:
    """Return the points of the sequences in a file, without the body's rotations."""
    path = content.path
    with opened(path) as file:
        header = Header.read(path, file)

    def rows(animal: str) -> Iterator[PointRows]:
        for part in iterate_sequence(path, animal=animal):
            frames = part.frame_numbers.astype(np.float64)
            state = part.state.astype(np.float64)
            yield PointRows(frames, part.keypoints, part.times, part.covariance, state)

    return PointFile(
        path,
        dict.fromkeys(header.animals, header.layout.keypoint_names),
        rows,
        has_times=True,
        about={
            animal: {key: value for key, value in about.items() if key != "shape"}
            for animal, about in header.animals.items()
        },
    )


def _tables(path: Path, rows: int) -> Iterator[tuple[Header, pa.Table]]:
    """Yield the file's rows in pieces, each with the header; the first piece is empty."""
    with opened(path) as file:
        header = Header.read(path, file)
        yield header, header.layout.schema.empty_table()
        for batch in file.iter_batches(rows):
            yield header, header.layout.conform(path, pa.Table.from_batches([batch]))
