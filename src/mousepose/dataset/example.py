"""`tf.train.Example` in the wire format of protocol buffers: read strictly, and written.

    Example  { Features features = 1; }        Features { map<string, Feature> feature = 1; }
    Feature  { BytesList bytes_list = 1; or FloatList float_list = 2; or Int64List int64_list = 3; }
    *List    { repeated bytes | float | int64 value = 1; }    numbers packed or one by one

A field of another number is skipped, as protocol buffers do; a known field of another wire type, a
length that leads out of its message and an unfinished number are errors with their offset.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from functools import lru_cache
from typing import TypeAlias

import numpy as np
from numpy.typing import NDArray

from mousepose.dataset import wire
from mousepose.types import Bytes, Ints

Feature: TypeAlias = list[bytes] | NDArray[np.float32] | NDArray[np.int64]
Example: TypeAlias = dict[str, Feature]

#: More are taken for damage: they would fill memory far beyond the record's own size.
MAX_FEATURES, MAX_VALUES = 10_000, 2**20
_MAX_NAME_BYTES = 1000
#: Rooms for features of a record: most have few, and a table of the largest size costs time.
_FEW = 256


class ExampleError(ValueError):
    """The bytes are no Example: what is wrong, and at which byte of the payload."""

    def __init__(self, offset: int, problem: str) -> None:
        super().__init__(problem)
        self.offset = offset


def parse_example(payload: bytes) -> Example:
    """Return the features of a serialised Example by name; a list of bytes or an array each.

    A feature without a value is an empty list. Raises `ExampleError`.
    """
    data = np.frombuffer(payload, np.uint8)
    found: Example = {}
    spans = _spans(data)
    bits = np.empty(len(spans), np.uint32)
    single = wire.single_floats(data, spans, bits).tolist()
    values = bits.view(np.float32)
    for row, (first, last, kind, start, stop) in enumerate(spans.tolist()):
        name = _name(payload[first:last], first)
        if single[row]:
            found[name] = values[row : row + 1]
        elif kind == wire.FLOAT_LIST:
            found[name] = _float_list(data, start, stop)
        elif kind == wire.INT64_LIST:
            found[name] = _int64_list(data, start, stop)
        else:
            found[name] = _bytes_list(payload, data, start, stop)
    return found


def serialise_example(features: Mapping[str, Feature | Sequence[str]]) -> bytes:
    """Return features as a serialised Example, by name in order, numbers packed.

    Floating arrays are float lists, whole numbers and truth values int64 lists; texts are UTF-8.
    """
    entries = []
    for name in sorted(features):
        key = name.encode("utf-8")
        entry = _field(1, key) + _field(2, _feature_bytes(features[name]))
        entries.append(_field(1, entry))
    return _field(1, b"".join(entries))


def kind_of(feature: Feature) -> str:
    """Return what a feature holds: "bytes", "float" or "int64"."""
    if isinstance(feature, list):
        return "bytes"
    return "float" if feature.dtype == np.float32 else "int64"


def _feature_bytes(values: Feature | Sequence[str]) -> bytes:
    if isinstance(values, np.ndarray):
        if values.dtype.kind == "f":
            packed = np.ascontiguousarray(values, "<f4").tobytes()
            return _field(wire.FLOAT_LIST, _field(1, packed) if packed else b"")
        packed = b"".join(_varint(int(v) & 0xFFFFFFFFFFFFFFFF) for v in values.ravel())
        return _field(wire.INT64_LIST, _field(1, packed) if packed else b"")
    parts = [v.encode("utf-8") if isinstance(v, str) else v for v in values]
    return _field(wire.BYTES_LIST, b"".join(_field(1, part) for part in parts))


def _varint(value: int) -> bytes:
    out = bytearray()
    while value > 127:
        out.append(value & 127 | 128)
        value >>= 7
    out.append(value)
    return bytes(out)


def _field(number: int, content: bytes) -> bytes:
    return _varint(number << 3 | wire.LENGTH) + _varint(len(content)) + content


def _spans(data: Bytes) -> Ints:
    """Return where the name and the list of each feature stand. See `wire.feature_spans`."""
    fault = np.zeros(3, np.int64)
    for room in (_FEW, MAX_FEATURES):
        spans = np.empty((room, wire.SPAN_COLUMNS), np.int64)
        count = wire.feature_spans(data, spans, fault)
        if count >= 0:
            return spans[:count]
        if fault[0] != wire.TOO_MANY:
            break
    raise _error(fault)


def _error(fault: Ints) -> ExampleError:
    return ExampleError(int(fault[1]), wire.problem_of(fault))


@lru_cache(maxsize=1024)
def _decoded(name: bytes) -> str:
    return name.decode("utf-8")


def _name(name: bytes, offset: int) -> str:
    if len(name) > _MAX_NAME_BYTES:
        raise ExampleError(offset, f"a feature's name of {len(name)} bytes")
    try:
        text = _decoded(name)
    except UnicodeDecodeError:
        text = "\n"
    if not text.isprintable():
        raise ExampleError(offset, f"the name of a feature is no text: {name[:40]!r}")
    return text


def _float_list(data: Bytes, start: int, stop: int) -> NDArray[np.float32]:
    fault = np.zeros(3, np.int64)
    out = np.empty(min((stop - start) // 4, MAX_VALUES), np.uint32)
    count = wire.floats_of(data, start, stop, out, fault)
    if count < 0:
        raise _error(fault)
    return out[:count].view(np.float32)


def _int64_list(data: Bytes, start: int, stop: int) -> NDArray[np.int64]:
    fault = np.zeros(3, np.int64)
    out = np.empty(min(stop - start, MAX_VALUES), np.int64)
    count = wire.ints_of(data, start, stop, out, fault)
    if count < 0:
        raise _error(fault)
    return out[:count].copy()


def _bytes_list(payload: bytes, data: Bytes, start: int, stop: int) -> list[bytes]:
    fault = np.zeros(3, np.int64)
    values: list[bytes] = []
    while start < stop:
        number, kind, begin, end = wire.read_field(data, start, stop, fault)
        if end < 0:
            raise _error(fault)
        if number == 1:
            if kind != wire.LENGTH or len(values) == MAX_VALUES:
                wrong = kind != wire.LENGTH
                fault[:] = (
                    wire.WRONG_WIRE if wrong else wire.TOO_MANY,
                    start,
                    kind if wrong else MAX_VALUES,
                )
                raise _error(fault)
            values.append(payload[begin:end])
        start = end
    return values
