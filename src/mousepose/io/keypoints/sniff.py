"""What a file holds by its first bytes: the one look that all readers share."""

from __future__ import annotations

from collections.abc import Callable
from functools import cached_property
from pathlib import Path
from typing import TYPE_CHECKING

from mousepose.errors import FileError
from mousepose.io.keypoints.text import TextFile, text_file

if TYPE_CHECKING:
    import h5py

#: So many first bytes are enough to tell the formats and encodings apart.
HEAD_BYTES = 2**16
#: So much of a file is told in a message.
SUMMARY_CHARACTERS = 80
SUMMARY_NAMES = 12

#: Files that hold no keypoints we read, by their first bytes, and what to do with each.
_VIDEO = "a video: a tracker makes keypoints from it"
_IMAGE = "an image: a tracker makes keypoints from it"
_PICKLE = "a Python pickle, which can run code and is never read: export csv or h5"
_OTHERS = (
    (b"CDF", "a netCDF file of the classic kind: save it again as netCDF 4 (engine='h5netcdf')"),
    (b"PK\x03\x04", "a zip archive, such as an Excel workbook or npz: save the table as csv"),
    (b"MATLAB 5.0", "a MATLAB file: export the points as csv"),
    (b"\x1f\x8b", "packed by gzip: unpack it first"),
    *((bytes((0x80, protocol)), _PICKLE) for protocol in range(2, 6)),
    (b"RIFF", _VIDEO),
    (b"\x1aE\xdf\xa3", _VIDEO),
    (b"\x89PNG", _IMAGE),
    (b"\xff\xd8\xff", _IMAGE),
)


class Content:
    """A file as the readers see it who decide whether it is theirs. Raises `FileError`."""

    def __init__(self, path: Path) -> None:
        self.path = path
        try:
            with path.open("rb") as stream:
                self.head = stream.read(HEAD_BYTES)
        except OSError as error:
            raise FileError(f"{path} cannot be read: {error.strerror}") from error
        if not self.head:
            raise FileError(f"{path} is empty")

    @cached_property
    def family(self) -> str:
        """The kind of file: "Parquet", "HDF5", "JSON", "text", or "" for any other."""
        if self.head.startswith(b"PAR1"):
            return "Parquet"
        if self.head.startswith(b"\x89HDF\r\n\x1a\n"):
            return "HDF5"
        if self.text is None or self.other:
            return ""
        first = next((line.strip() for line in self.text.lines if line.strip()), "")
        return "JSON" if first[:1] in ("{", "[") else "text"

    @cached_property
    def text(self) -> TextFile | None:
        """The file as text, None where it is none."""
        return text_file(self.path, self.head)

    @cached_property
    def other(self) -> str:
        """What the file is and what to do with it, where it is of a kind that nobody reads."""
        if self.head[4:8] == b"ftyp":
            return _VIDEO
        return next((what for start, what in _OTHERS if self.head.startswith(start)), "")

    @cached_property
    def summary(self) -> str:
        """What stands first in the file, in a few words for a message."""
        if self.family == "Parquet":
            from mousepose.io.keypoints.table import opened

            with opened(self.path) as file:
                names = list(file.schema_arrow.names)
        elif self.family == "HDF5":
            from mousepose.io.keypoints.hdf5 import members

            names = members(self.path)
        else:
            first = self.text.lines[0] if self.text and self.text.lines else ""
            return repr(first[:SUMMARY_CHARACTERS])
        more = f" and {len(names) - SUMMARY_NAMES} more" if len(names) > SUMMARY_NAMES else ""
        return (", ".join(names[:SUMMARY_NAMES]) or "nothing") + more

    def hdf5(self, test: Callable[[h5py.File], bool]) -> bool:
        """Tell whether an HDF5 file passes `test`. Raises `FileError` where it is damaged."""
        from mousepose.io.keypoints.hdf5 import opened

        with opened(self.path, "HDF5") as file:
            return test(file)
