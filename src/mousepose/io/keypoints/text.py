"""Tables in text files: their encoding, their delimiter, and their numbers, block by block."""

from __future__ import annotations

import codecs
import csv
import re
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

import numpy as np

from mousepose.errors import FileError
from mousepose.types import Floats

#: A header line of this many characters has some ten thousand columns: no tracker writes that.
MAX_HEADER_CHARACTERS = 2**20
#: Bytes parsed at once; must hold at least one row.
BLOCK_BYTES = 4 * 2**20
#: Lines below the first that tell how numbers are written.
SAMPLE_LINES = 20

_MARKS = (
    (codecs.BOM_UTF32_LE, "utf-32"),  # before UTF-16, whose mark starts the same
    (codecs.BOM_UTF32_BE, "utf-32"),
    (codecs.BOM_UTF8, "utf-8-sig"),
    (codecs.BOM_UTF16_LE, "utf-16"),
    (codecs.BOM_UTF16_BE, "utf-16"),
)
_DELIMITERS = ",;\t"
_DECIMAL_COMMA = re.compile(r"\d,\d")


@dataclass(frozen=True)
class TextFile:
    """A text file: its encoding, its first lines, and how its tables are written."""

    path: Path
    encoding: str
    lines: tuple[str, ...]

    @property
    def delimiter(self) -> str:
        """The character between the columns, by the first line: comma, semicolon or tab."""
        first = self.lines[0] if self.lines else ""
        return max(_DELIMITERS, key=first.count)

    @property
    def decimal(self) -> str:
        """The decimal mark: a comma where the columns are not separated by it and numbers are."""
        commas = self.delimiter != "," and any(_DECIMAL_COMMA.search(line) for line in self.lines)
        return "," if commas else "."

    def cells(self, line: int) -> list[str]:
        """Return the cells of one of the first lines; none where the file is shorter.

        Raises `FileError` on broken quotes.
        """
        if line >= len(self.lines):
            return []
        try:
            rows = csv.reader([self.lines[line]], delimiter=self.delimiter, strict=True)
            return [cell.strip() for cell in next(rows, [])]
        except csv.Error as error:
            raise FileError(f"{self.path}: line {line + 1} cannot be read: {error}") from error


def text_file(path: Path, head: bytes) -> TextFile | None:
    """Return the text file whose first bytes are `head`, or None where it is no text."""
    encoding = encoding_of(head)
    if encoding is None:
        return None
    lines: list[str] = []
    try:
        with path.open(encoding=encoding, errors="replace", newline=None) as stream:
            while len(lines) < SAMPLE_LINES:
                line = stream.readline(MAX_HEADER_CHARACTERS)
                if not line:
                    break
                lines.append(line.rstrip("\n"))
    except (OSError, UnicodeError) as error:
        raise FileError(f"{path} cannot be read: {error}") from error
    return TextFile(path, encoding, tuple(lines))


def encoding_of(head: bytes) -> str | None:
    """Return the encoding of a text by its first bytes, None where they are no text.

    UTF-8 and UTF-16, with or without a byte order mark; UTF-32 with one; else latin-1.
    """
    for mark, name in _MARKS:
        if head.startswith(mark):
            return name
    even, odd = head[::2].count(0), head[1::2].count(0)
    if max(even, odd) > 0.3 * len(head) and min(even, odd) == 0:
        return "utf-16-le" if odd else "utf-16-be"
    if even or odd:
        return None
    try:
        # The last character may be cut in the middle.
        codecs.getincrementaldecoder("utf-8")().decode(head)
    except UnicodeDecodeError:
        return "latin-1"
    return "utf-8"


def blocks(
    text: TextFile,
    skip: int,
    width: int,
    numbers: Sequence[int],
    words: Sequence[int] = (),
) -> Iterator[tuple[Floats, list[list[str]]]]:
    """Yield the rows below the first `skip` lines of a table of `width` columns.

    Each block is the values (N, len(numbers)) of the columns `numbers`, NaN where a cell is empty,
    and one list of N texts for each column of `words`. Raises `FileError` that names the line.
    """
    import pyarrow as pa
    import pyarrow.csv as pa_csv

    names = [str(index) for index in range(width)]
    kinds = {names[i]: pa.float64() for i in numbers} | {names[i]: pa.binary() for i in words}
    used = list(dict.fromkeys(names[i] for i in (*numbers, *words)))
    with _faults(text.path), text.path.open("rb") as stream:
        reader = pa_csv.open_csv(
            stream,
            pa_csv.ReadOptions(
                use_threads=False,  # so that errors name the line
                block_size=BLOCK_BYTES,
                skip_rows=skip,
                column_names=names,
                # Decoding costs time, and UTF-8 needs none.
                encoding="utf8" if text.encoding.startswith("utf-8") else text.encoding,
            ),
            pa_csv.ParseOptions(delimiter=text.delimiter),
            pa_csv.ConvertOptions(
                column_types=kinds, include_columns=used, decimal_point=text.decimal
            ),
        )
        for batch in reader:
            found = {name: batch.column(place) for place, name in enumerate(used)}
            values = np.empty((len(batch), len(numbers)))
            for place, index in enumerate(numbers):
                values[:, place] = found[names[index]].to_numpy(zero_copy_only=False)
            yield values, [_texts(found[names[index]].to_pylist()) for index in words]


def _texts(cells: Sequence[bytes | None]) -> list[str]:
    found = []
    for cell in cells:
        try:
            found.append((cell or b"").decode("utf-8"))
        except UnicodeDecodeError:
            found.append((cell or b"").decode("latin-1"))
    return found


@contextmanager
def _faults(path: Path) -> Iterator[None]:
    import pyarrow as pa

    try:
        yield
    except pa.ArrowInvalid as error:
        if "Empty CSV" in str(error):
            raise FileError(f"{path} holds no frames: nothing follows its header") from error
        raise FileError(
            f"{path}: {error}. Each row needs a whole frame number and as many numbers as the "
            "header has columns; a short last row means that the file was cut"
        ) from error
    except (OSError, UnicodeError) as error:
        raise FileError(f"{path} cannot be read: {error}") from error
