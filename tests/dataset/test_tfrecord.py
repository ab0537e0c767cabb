"""Record files: what is written is read, by number and in order; damage is told or left out."""

from __future__ import annotations

import gzip
import sys
import zlib
from pathlib import Path

import numpy as np
import pytest

from mousepose.dataset.example import serialise_example
from mousepose.dataset.tfrecord import Records
from mousepose.dataset.tfrecord_shards import is_record_name, shard_paths
from mousepose.dataset.tfrecord_write import framed, record_writer, write_records
from mousepose.errors import FileError, InputError

BENCHMARKS = Path(__file__).resolve().parents[2] / "benchmarks"
PAYLOADS = [bytes([n]) * (n * 37 % 200) for n in range(50)]  # some are empty


@pytest.fixture
def file(tmp_path: Path) -> Path:
    (path,) = write_records(tmp_path / "a.tfrecord", PAYLOADS)
    return path


def test_the_bytes_are_those_of_the_format() -> None:
    # An empty record: length 0, its masked checksum, the masked checksum of nothing.
    assert framed(b"") == bytes(8) + bytes.fromhex("29039807") + bytes.fromhex("d8ea82a2")


def test_what_is_written_is_read(file: Path) -> None:
    with Records(file) as records:
        assert len(records) == 50
        assert list(records) == PAYLOADS
        assert [records[n] for n in (49, 0, 7, -1, -50)] == [
            PAYLOADS[n] for n in (49, 0, 7, -1, -50)
        ]
        assert records.size_bytes == sum(map(len, PAYLOADS))
        for wrong in (50, -51):
            with pytest.raises(IndexError, match="of 50"):
                records[wrong]


def test_tensorflow_writes_the_same(tmp_path: Path) -> None:
    tf = pytest.importorskip("tensorflow", reason="TensorFlow's writer is the standard")
    path = tmp_path / "tf.tfrecord"
    with tf.io.TFRecordWriter(str(path)) as writer:
        for payload in PAYLOADS:
            writer.write(payload)
    assert path.read_bytes() == b"".join(map(framed, PAYLOADS))


@pytest.mark.parametrize("packer", [gzip.compress, zlib.compress])
def test_compressed_files_are_known_by_their_content(file: Path, packer: object) -> None:
    file.write_bytes(packer(file.read_bytes()))  # type: ignore[operator]
    with Records(file) as records:
        assert list(records) == PAYLOADS
        assert records[3] == PAYLOADS[3]


def test_gzip_is_written_for_a_name_in_gz_and_is_the_same_each_time(tmp_path: Path) -> None:
    one, two = tmp_path / "1.tfrecord.gz", tmp_path / "2.tfrecord.gz"
    for path in (one, two):
        write_records(path, PAYLOADS)
    assert gzip.decompress(one.read_bytes()) == b"".join(map(framed, PAYLOADS))
    assert one.read_bytes() == two.read_bytes()


def test_several_streams_in_one_gzip_file_are_read_on(tmp_path: Path) -> None:
    path = tmp_path / "a.gz"
    path.write_bytes(b"".join(gzip.compress(framed(p)) for p in PAYLOADS))
    with Records(path) as records:
        assert list(records) == PAYLOADS


def test_shards_are_one_set(tmp_path: Path) -> None:
    paths = write_records(tmp_path / "video.tfrecord", PAYLOADS, shards=3)
    assert [p.name for p in paths] == [f"video.tfrecord-{n:05d}-of-00003" for n in range(3)]
    expected = [*PAYLOADS[0::3], *PAYLOADS[1::3], *PAYLOADS[2::3]]
    asked = (paths[1], tmp_path, tmp_path / "video.tfrecord@3", tmp_path / "video.tfrecord-*")
    for path in asked:
        with Records(path) as records:
            assert list(records) == expected
            assert records[20] == expected[20]
    paths[1].unlink()
    for path in (paths[0], tmp_path):
        with pytest.raises(FileError, match=r"1 of 3 shards are missing: .*00001-of-00003"):
            shard_paths(path)


def test_many_shards_need_few_open_files(tmp_path: Path) -> None:
    write_records(tmp_path / "a.tfrecord", PAYLOADS * 3, shards=100)
    with Records(tmp_path) as records:
        assert sorted(records) == sorted(PAYLOADS * 3)
        assert len(records._maps) <= 32


def test_a_folder_with_two_sets_or_none_is_told(tmp_path: Path) -> None:
    with pytest.raises(FileError, match="holds no TFRecord file"):
        shard_paths(tmp_path)
    write_records(tmp_path / "a.tfrecord", PAYLOADS)
    write_records(tmp_path / "b.tfrecord", PAYLOADS, shards=2)
    with pytest.raises(FileError, match="several sets of records"):
        shard_paths(tmp_path)
    with pytest.raises(FileError, match="no such file"):
        shard_paths(tmp_path / "c.tfrecord")


def test_names_of_record_files_are_known() -> None:
    good = ("a.tfrecord", "a.TFRecords", "a.tfrec.gz", "a.tfrecord-00000-of-00002", "a-0.tfrecord")
    assert all(map(is_record_name, good))
    assert not any(map(is_record_name, ("a.txt", "a.gz", "tfrecord", "a-00000-of-00002")))


def test_an_unfinished_write_leaves_nothing(tmp_path: Path) -> None:
    with (
        pytest.raises(RuntimeError, match="no more"),
        record_writer(tmp_path / "a.tfrecord") as writer,
    ):
        writer.write(b"one")
        raise RuntimeError("no more")
    assert list(tmp_path.iterdir()) == []
    with pytest.raises(InputError, match="shards: expected 1 to"):
        write_records(tmp_path / "a.tfrecord", [], shards=0)


# Damage -----------------------------------------------------------------------------------------


def places_of(payloads: list[bytes]) -> list[int]:
    return [sum(len(p) + 16 for p in payloads[:n]) for n in range(len(payloads))]


def test_a_damaged_payload_is_told_where_it_is_and_can_be_skipped(file: Path) -> None:
    data = bytearray(file.read_bytes())
    place = places_of(PAYLOADS)[7]
    data[place + 12] ^= 1
    file.write_bytes(data)
    with (
        Records(file) as records,
        pytest.raises(FileError, match=rf"a.tfrecord: record 7 at byte {place}: the checksum"),
    ):  # noqa: E501
        list(records)
    with Records(file, skip_faults=True) as records:
        assert list(records) == PAYLOADS[:7] + PAYLOADS[8:]
        assert [(f.record, f.offset) for f in records.faults] == [(7, place)]
        with pytest.raises(FileError, match="record 7"):
            records[7]
    with Records(file, check=False) as records:
        assert len(list(records)) == 50


def test_after_a_damaged_length_the_next_record_is_found(file: Path) -> None:
    data = bytearray(file.read_bytes())
    place = places_of(PAYLOADS)[9]
    data[place + 2] ^= 0x40
    file.write_bytes(data)
    with pytest.raises(FileError, match=rf"record 9 at byte {place}: the checksum of its length"):
        Records(file)
    with Records(file, skip_faults=True) as records:
        assert list(records) == PAYLOADS[:9] + PAYLOADS[10:]
        assert [f.offset for f in records.faults] == [place]


def test_a_cut_file_gives_its_whole_records(file: Path) -> None:
    data = file.read_bytes()
    place = places_of(PAYLOADS)[49]
    for size in (place + 5, place + 20):
        file.write_bytes(data[:size])
        with pytest.raises(FileError, match=rf"record 49 at byte {place}: .*cut"):
            Records(file)
        with Records(file, skip_faults=True) as records:
            assert list(records) == PAYLOADS[:49]
            assert len(records.faults) == 1
    packed = gzip.compress(data, mtime=0)
    file.write_bytes(packed[: len(packed) // 2])
    with pytest.raises(FileError, match="cut"):
        Records(file)
    with Records(file, skip_faults=True) as records:
        assert list(records) == PAYLOADS[: len(records)]
        assert 0 < len(records) < 49
        assert any("ends too early" in str(fault) for fault in records.faults)


def test_a_record_beyond_the_limit_is_left_out(file: Path) -> None:
    with pytest.raises(FileError, match=r"record 3 at byte \d+: it has 111 bytes, more than"):
        Records(file, max_record_bytes=100)
    with Records(file, max_record_bytes=100, skip_faults=True) as records:
        assert list(records) == [p for p in PAYLOADS if len(p) <= 100]


def test_a_payload_that_is_no_example_is_told_or_skipped(tmp_path: Path) -> None:
    good = serialise_example({"a": np.array([1])})
    (path,) = write_records(tmp_path / "a.tfrecord", [good, b"\x0a\x7f", good])
    with Records(path) as records:
        assert records.example(2)["a"].tolist() == [1]
        for read in (lambda: records.example(1), lambda: list(records.examples())):
            with pytest.raises(FileError, match=r"record 1 at byte \d+: byte 0 of its payload"):
                read()
    with Records(path, skip_faults=True) as records:
        assert [number for number, _ in records.examples()] == [0, 2]
        assert len(records.faults) == 1


@pytest.mark.parametrize("content", [b"hello, I am a text and no records", b"\x1f\x8b" + bytes(40)])
def test_another_kind_of_file_is_told(tmp_path: Path, content: bytes) -> None:
    path = tmp_path / "a.tfrecord"
    path.write_bytes(content)
    for skip in (False, True):
        with pytest.raises(FileError, match=r"a\.tfrecord"):
            Records(path, skip_faults=skip)


def test_an_empty_file_holds_no_records(tmp_path: Path) -> None:
    (tmp_path / "a.tfrecord").write_bytes(b"")
    with Records(tmp_path / "a.tfrecord") as records:
        assert list(records) == []


def test_a_bomb_is_refused(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from mousepose.dataset import tfrecord_unpack

    monkeypatch.setattr(tfrecord_unpack, "MAX_UNPACKED_BYTES", 10)
    path = tmp_path / "a.gz"
    path.write_bytes(gzip.compress(bytes(10_000_000)))
    with pytest.raises(FileError, match="unpacks to more than"):
        tfrecord_unpack.unpack(path, 1_000_000)


def test_damaged_files_of_every_kind_are_survived(tmp_path: Path) -> None:
    if str(BENCHMARKS) not in sys.path:
        sys.path.append(str(BENCHMARKS))
    import damage

    path = tmp_path / "damaged.tfrecord"
    wrong = [(c.kind, c.seed, damage.survives(c, path)) for c in damage.cases(300)]
    assert [case for case in wrong if case[2]] == []
