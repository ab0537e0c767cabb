"""Reads HDF5 files that anyone may have made: arrays of numbers and texts, and nothing else.

A hostile file can name other files of the machine (links, virtual and external storage), hold
pickled objects, or claim arrays that no memory holds. Each array passes these checks before a
number of it is read.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from itertools import pairwise
from os import SEEK_END
from pathlib import Path
from typing import Any

import h5py
import numpy as np

from mousepose.errors import FileError, InputError
from mousepose.io.keypoints.heaps import heap_fault
from mousepose.types import Floats

#: Bytes of an array read at once.
BYTES_AT_ONCE = 16 * 2**20
#: HDF5 unpacks whole chunks: a larger one would fill the memory. Trackers write less than 4 MB.
MAX_CHUNK_BYTES = 256 * 2**20
#: Packing shrinks real tracks some 2 times and tracks without any point 1000 times.
MAX_PACKING = 10_000
#: Names of animals and body parts in one file, and the characters of one of them.
MAX_NAMES = 30_000
MAX_NAME_LENGTH = 1000

#: How an array holds a text of any length: its length, the heap's address, its number there.
_TEXT = np.dtype([("length", "<u4"), ("heap", "<u8"), ("number", "<u4")])
#: What h5py raises on damaged and hostile files.
_FAULTS = (
    OSError,
    KeyError,
    IndexError,
    ValueError,
    TypeError,
    AttributeError,
    RuntimeError,
    OverflowError,
    MemoryError,
)


@contextmanager
def opened(path: Path, what: str) -> Iterator[h5py.File]:
    """Open `path`, said to be `what`; whatever is wrong inside becomes a `FileError`."""
    try:
        fault = heap_fault(path)
        require(not fault, fault)
        with h5py.File(path, "r") as file:
            yield file
    except FileError as error:
        raise FileError(
            f"{path}: {error}" if str(path) not in str(error) else str(error)
        ) from error
    except InputError:
        raise
    except _FAULTS as error:
        raise FileError(
            f"{path} cannot be read as {what} ({error}); it may be cut or damaged, or compressed "
            "by a filter that is not installed"
        ) from error


def require(condition: bool, message: str) -> None:
    """Raise `FileError` with `message` unless `condition` holds."""
    if not condition:
        raise FileError(message)


def holds(group: h5py.Group, name: str) -> bool:
    """Tell whether a group holds a member of its own; a link to elsewhere is none.

    A soft or external link could lead into any other file of the machine.
    """
    links = group.id.links
    raw = name.encode()
    return bool(links.exists(raw)) and links.get_info(raw).type == h5py.h5l.TYPE_HARD


def members(path: Path) -> list[str]:
    """Return the names at the top of an HDF5 file, and which of them only lead elsewhere."""
    with opened(path, "HDF5") as file:
        return [n if holds(file, n) else f"{n} (a link to elsewhere, not followed)" for n in file]


def member(group: h5py.Group, name: str) -> Any:
    """Return the member `name` of a group. Raises `FileError` where it is missing or a link."""
    require(isinstance(group, h5py.Group) and holds(group, name), f"{name!r} is missing or a link")
    return group[name]


def dataset(group: h5py.Group, name: str) -> h5py.Dataset:
    """Return the array `name`, whose content lies in this file and fits what the file can hold."""
    data = member(group, name)
    require(isinstance(data, h5py.Dataset) and data.ndim > 0, f"{name!r} is no array")
    require(not data.is_virtual and not data.external, f"{name!r} points into other files")
    chunk = int(np.prod(data.chunks or (0,), dtype=np.float64)) * data.dtype.itemsize
    require(chunk <= MAX_CHUNK_BYTES, f"{name!r} is packed in pieces of {chunk / 2**20:.0f} MB")
    if data.dtype.kind == "O":
        _refuse_endless_texts(data)
    else:
        stored = data.id.get_storage_size()
        claimed = float(np.prod(data.shape, dtype=np.float64)) * data.dtype.itemsize
        require(
            claimed <= MAX_PACKING * stored,
            f"{name!r} claims {claimed:.3g} bytes of numbers and stores {stored}: it was never "
            "written, or is made to fill the memory",
        )
    return data


def _refuse_endless_texts(data: h5py.Dataset) -> None:
    """Raise `FileError` where an array names texts longer than the file: 4 GB each, all zeros.

    Texts of any length lie in a heap; the array holds for each its length, and where it is.
    """
    plan = data.id.get_create_plist()
    where: list[tuple[int | None, int]] = []
    if plan.get_layout() == h5py.h5d.CONTIGUOUS:
        where = [(data.id.get_offset(), data.size * _TEXT.itemsize)]
    elif plan.get_layout() == h5py.h5d.CHUNKED and plan.get_nfilters() == 0:
        require(data.id.get_num_chunks() <= MAX_NAMES, f"{data.name!r} is in too many pieces")
        chunks = [data.id.get_chunk_info(n) for n in range(data.id.get_num_chunks())]
        where = [(chunk.byte_offset, chunk.size) for chunk in chunks]
    else:
        require(data.size == 0, f"{data.name!r} holds packed texts: save names without compression")
    with Path(data.file.filename).open("rb") as stream:
        size = stream.seek(0, SEEK_END)
        for offset, length in where:
            if offset is None:
                continue  # never written: all texts are empty
            stream.seek(offset)
            raw = stream.read(min(length, size))
            lengths = np.frombuffer(raw[: len(raw) // _TEXT.itemsize * _TEXT.itemsize], _TEXT)
            most = int(lengths["length"].max(initial=0))
            require(most <= size, f"{data.name!r} names a text of {most} bytes, which is not there")


def numbers(group: h5py.Group, name: str, shape: tuple[int | None, ...]) -> h5py.Dataset:
    """Return the array of numbers `name`; None in `shape` stands for any length."""
    data = dataset(group, name)
    require(data.dtype.kind in "fiub", f"{name!r} holds {data.dtype}, expected numbers")
    good = data.ndim == len(shape) and all(
        want is None or have == want for have, want in zip(data.shape, shape, strict=True)
    )
    shown = ", ".join("any" if n is None else str(n) for n in shape)
    require(good, f"{name!r} has the shape {data.shape}, expected ({shown})")
    return data


def texts(group: h5py.Group, name: str) -> list[str]:
    """Return the texts of a one-dimensional array; none of an empty array of any type."""
    data = dataset(group, name)
    require(
        data.ndim == 1 and len(data) <= MAX_NAMES and data.dtype.itemsize <= 4 * MAX_NAME_LENGTH,
        f"{name!r} is no list of names",
    )
    if len(data) == 0:
        return []
    kind = h5py.check_string_dtype(data.dtype)
    require(kind is not None, f"{name!r} holds {data.dtype}, expected texts")
    return [text_of(value) for value in data[:]]


def text_of(value: Any) -> str:
    """Return a text of an array or attribute, whichever way it is stored."""
    found = value.decode("utf-8", errors="replace") if isinstance(value, bytes) else str(value)
    require(len(found) <= MAX_NAME_LENGTH, "a name is longer than any name")
    return found


def attribute(owner: h5py.Group | h5py.Dataset, name: str) -> Any:
    """Return an attribute, None where there is none; an array of one number as that number."""
    value = owner.attrs.get(name)
    if isinstance(value, np.ndarray) and value.size == 1:
        value = value.reshape(-1)[0]
    return text_of(value) if isinstance(value, bytes | str) else value


def listed(owner: h5py.Dataset, name: str) -> list[str]:
    """Return the attribute `name`, a JSON list of texts; empty where there is none."""
    value = attribute(owner, name)
    if value is None:
        return []
    found = json.loads(value)
    require(
        isinstance(found, list) and all(isinstance(item, str) for item in found),
        f"the attribute {name!r} is no list of names",
    )
    return list(found)


def blocks(length: int, row_bytes: int) -> Iterator[tuple[int, int]]:
    """Yield the ranges in which `length` rows of `row_bytes` are read, `BYTES_AT_ONCE` each."""
    step = max(1, BYTES_AT_ONCE // max(row_bytes, 1))
    yield from pairwise([*range(0, length, step), length])


def as_floats(values: Any) -> Floats:
    """Return numbers of any type as float64."""
    with np.errstate(invalid="ignore"):  # damaged files hold numbers that are none
        return np.asarray(values, dtype=np.float64)
