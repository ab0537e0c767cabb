"""Examples are read as protocol buffers say, and what is none is told with its place."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from mousepose.dataset.example import (
    MAX_FEATURES,
    ExampleError,
    kind_of,
    parse_example,
    serialise_example,
)

FEATURES = {
    "image/encoded": [b"\xff\xd8jpeg", b""],
    "NOSE/region/point/x": np.array([0.25], np.float32),
    "row": np.array([1.5, -2.5, np.inf], np.float32),
    "clip": np.array([0, 127, 128, -1, 2**62]),
    "none": [],
}


def equal(a: Any, b: Any) -> bool:
    return list(a) == list(b) if isinstance(a, list) else np.array_equal(a, b, equal_nan=True)


def test_what_is_written_is_read() -> None:
    found = parse_example(serialise_example(FEATURES))
    assert found.keys() == FEATURES.keys()
    assert all(equal(found[name], value) for name, value in FEATURES.items())
    assert [kind_of(found[n]) for n in ("row", "clip", "none")] == ["float", "int64", "bytes"]


@given(
    st.dictionaries(
        st.text(max_size=20).filter(lambda t: t.isprintable()),
        st.one_of(
            st.lists(st.binary(max_size=20), max_size=4),
            st.lists(st.floats(width=32), max_size=5).map(lambda v: np.array(v, np.float32)),
            st.lists(st.integers(-(2**63), 2**63 - 1), max_size=5).map(
                lambda v: np.array(v, np.int64)
            ),
        ),
        max_size=6,
    )
)
def test_anything_survives_the_round_trip(features: dict[str, Any]) -> None:
    found = parse_example(serialise_example(features))
    assert all(equal(found[name], value) for name, value in features.items())


def test_numbers_that_stand_one_by_one_are_the_same() -> None:
    # name "f": floats 1.0, 2.0, each with its key; name "i": 3, -1
    floats = b"\x0a\x01f\x12\x0c\x12\x0a\x0d\x00\x00\x80\x3f\x0d\x00\x00\x00\x40"
    minus_one = b"\xff" * 9 + b"\x01"
    ints = b"\x0a\x01i\x12\x0f\x1a\x0d\x08\x03\x08" + minus_one
    body = b"\x0a" + bytes([len(floats)]) + floats + b"\x0a" + bytes([len(ints)]) + ints
    found = parse_example(b"\x0a" + bytes([len(body)]) + body)
    np.testing.assert_array_equal(found["f"], np.array([1, 2], np.float32))
    np.testing.assert_array_equal(found["i"], [3, -1])


def test_fields_that_are_not_known_are_passed_over_and_the_last_of_a_name_counts() -> None:
    first = serialise_example({"a": np.array([1])})
    second = serialise_example({"a": np.array([2])})
    unknown = b"\x52\x03abc\x59" + bytes(8) + b"\x65" + bytes(4) + b"\x68\x05"
    assert parse_example(unknown + first + second)["a"].tolist() == [2]


def test_protobuf_itself_agrees() -> None:
    pytest.importorskip("google.protobuf", reason="protobuf writes the same Examples")
    message = protobuf_example()
    for name, values in FEATURES.items():
        feature = message.features.feature[name]
        if isinstance(values, list):
            feature.bytes_list.value.extend(values)
        elif values.dtype == np.float32:
            feature.float_list.value.extend(values.tolist())
        else:
            feature.int64_list.value.extend(values.tolist())
    found = parse_example(message.SerializeToString())
    assert all(equal(found[name], value) for name, value in FEATURES.items())
    again = type(message).FromString(serialise_example(FEATURES))
    assert again == message


def protobuf_example() -> Any:
    """An empty tf.train.Example, its classes made from their published definition."""
    from google.protobuf import descriptor_pb2, descriptor_pool, message_factory

    file = descriptor_pb2.FileDescriptorProto(name="example.proto", syntax="proto3", package="t")
    optional, repeated = 1, 3
    kinds = {"BytesList": 12, "FloatList": 2, "Int64List": 3}
    for name, kind in kinds.items():
        field = file.message_type.add(name=name).field.add(name="value", number=1, type=kind)
        field.label = repeated
    feature = file.message_type.add(name="Feature")
    feature.oneof_decl.add(name="kind")
    for number, name in enumerate(kinds, start=1):
        field = feature.field.add(
            name=name[:-4].lower() + "_list", number=number, type=11, type_name=f".t.{name}"
        )
        field.label, field.oneof_index = optional, 0
    features = file.message_type.add(name="Features")
    entry = features.nested_type.add(name="FeatureEntry")
    entry.options.map_entry = True
    entry.field.add(name="key", number=1, type=9, label=optional)
    entry.field.add(name="value", number=2, type=11, type_name=".t.Feature", label=optional)
    field = features.field.add(name="feature", number=1, type=11, label=repeated)
    field.type_name = ".t.Features.FeatureEntry"
    example = file.message_type.add(name="Example")
    example.field.add(name="features", number=1, type=11, type_name=".t.Features", label=optional)
    pool = descriptor_pool.DescriptorPool()
    pool.Add(file)
    return message_factory.GetMessageClass(pool.FindMessageTypeByName("t.Example"))()


@pytest.mark.parametrize(
    ("data", "offset", "message"),
    [
        (b"\x0a\x05abc", 0, "a field of 5 bytes, beyond the end"),
        (b"\x08\x05", 0, r"wire type 0 \(varint\)"),
        (b"\x0b", 0, "wire type 3, which an Example never has"),
        (b"\x00\x00", 0, "no tf.train.Example"),
        (b"\x0a\x80", 1, "a number that is cut"),
        (b"\x0a" + b"\x80" * 11, 1, "more than ten bytes"),
        (b"\x0a" + b"\xff" * 9 + b"\x01", 0, "beyond the end"),
        (b"\x0a\x02\x0a\x09", 2, "a field of 9 bytes"),
        (b"\x55\x00", 0, "a number of 4 bytes that is cut"),
        (b"\x0a\x04\x0a\x02\x08\x01", 4, "wire type 0"),  # a name that is a number
        (b"\x0a\x09\x0a\x07\x12\x05\x12\x03\x0a\x01\x00", 9, "packed floats of 1 bytes"),
        (b"\x0a\x09\x0a\x07\x12\x05\x1a\x03\x0d\x01\x00", 8, "a number of 4 bytes that is cut"),
        (b"\x0a\x05\x0a\x03\x0a\x01\x1b", 6, "is no text"),  # a terminal would obey it
        (b"\x0a\x05\x0a\x03\x0a\x01\xff", 6, "is no text"),
    ],
)
def test_what_is_no_example_is_told_with_its_place(data: bytes, offset: int, message: str) -> None:
    with pytest.raises(ExampleError, match=message) as told:
        parse_example(data)
    assert abs(told.value.offset - offset) <= 1


def test_too_many_features_are_damage() -> None:
    entries = b"".join(b"\x0a\x04\x0a\x02" + n.to_bytes(2, "big") for n in range(MAX_FEATURES + 1))
    size = len(entries)
    data = b"\x0a" + bytes([size & 127 | 128, size >> 7 & 127 | 128, size >> 14]) + entries
    with pytest.raises(ExampleError, match="more than 10000"):
        parse_example(data)


@given(st.binary(max_size=200))
def test_garbage_is_an_example_or_an_error_with_a_place(data: bytes) -> None:
    try:
        found = parse_example(data)
    except ExampleError as error:
        assert 0 <= error.offset <= len(data)
    else:
        again = parse_example(serialise_example(found))
        assert all(equal(again[name], value) for name, value in found.items())
