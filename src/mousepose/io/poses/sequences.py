"""One door to the files that hold whole sequences: our Parquet, and our NWB."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mousepose.io.keypoints.rows import choose_animal
from mousepose.io.keypoints.sniff import Content
from mousepose.sequence import choose_frames
from mousepose.types import PoseSequence

#: Frames of one animal that are held at once, some 20 MB.
CHUNK_FRAMES = 10_000


@dataclass(frozen=True)
class SequenceFile:
    """A file of whole sequences: the animals in it. `is_nwb` tells which of the two formats."""

    path: Path
    animals: tuple[str, ...]
    is_nwb: bool

    def pieces(
        self, animal: str | None = None, span: tuple[int, int] | None = None
    ) -> Iterator[PoseSequence]:
        """Yield one animal's sequence in pieces, or those of its frames from `span` 0 to before 1.

        Raises `FileError` where the file was cut, `InputError` on a missing or unknown animal.
        """
        chosen = choose_animal(self.path, self.animals, animal)
        for piece in self._all(chosen):
            if span is None:
                yield piece
                continue
            inside = (piece.frame_numbers >= span[0]) & (piece.frame_numbers < span[1])
            if inside.any():
                yield choose_frames(piece, np.asarray(inside))
            if piece.frame_numbers[-1] >= span[1]:
                return

    def whole(self, animal: str | None = None) -> PoseSequence:
        """Return one animal's sequence. Raises `InputError` too where it is too long for memory."""
        chosen = choose_animal(self.path, self.animals, animal)
        if self.is_nwb:
            from mousepose.io.nwb.read import read_nwb

            return read_nwb(self.path)
        from mousepose.io.poses.parquet import read_sequence

        return read_sequence(self.path, chosen)

    def _all(self, animal: str) -> Iterator[PoseSequence]:
        if self.is_nwb:
            from mousepose.io.nwb.read import iterate_nwb

            return iterate_nwb(self.path, CHUNK_FRAMES)
        from mousepose.io.poses.parquet import iterate_sequence

        return iterate_sequence(self.path, CHUNK_FRAMES, animal)


def open_sequences(content: Content) -> SequenceFile | None:
    """Return the file of whole sequences, None where it holds none.

    Raises `FileError` on one that was cut, or of a schema version that is not known.
    """
    from mousepose.io.nwb.read import is_nwb_sequence, open_nwb_points
    from mousepose.io.poses.parquet import is_sequence, open_sequence_points

    if is_sequence(content):
        return SequenceFile(content.path, tuple(open_sequence_points(content).animals), False)
    if is_nwb_sequence(content.path):
        return SequenceFile(content.path, tuple(open_nwb_points(content).animals), True)
    return None
