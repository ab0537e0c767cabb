"""Conversion: any file in, any format of the same kind out, and the points stay what they are."""

from __future__ import annotations

import tracemalloc
from collections.abc import Callable
from itertools import product
from pathlib import Path

import numpy as np
import pytest

from mousepose.errors import FileError, InputError, UnknownNameError
from mousepose.io import (
    conversion,
    convert,
    load,
    load_keypoints,
    read_points,
    read_sequence,
    write_keypoints,
    write_sequence,
)
from mousepose.io.keypoints import table, text
from mousepose.io.keypoints.registry_write import KEYPOINT_WRITERS
from mousepose.io.poses.registry import WRITERS
from mousepose.types import Keypoints2D, PoseSequence

for _library in ("xarray", "h5netcdf", "tables"):
    pytest.importorskip(_library, reason=f"some formats need {_library}")

FPS = 50.0
TABLES = sorted(WRITERS.keys() - {"keypoint-text", "trc", "c3d", "stac"})


@pytest.mark.parametrize(("first", "second"), list(product(sorted(KEYPOINT_WRITERS), repeat=2)))
def test_every_pair_of_2d_formats(
    tmp_path: Path, keypoints: Callable[..., Keypoints2D], first: str, second: str
) -> None:
    source = keypoints(6)
    one = tmp_path / f"one{KEYPOINT_WRITERS[first].ending}"
    two = tmp_path / f"two{KEYPOINT_WRITERS[second].ending}"
    write_keypoints(one, source, format=first)
    done = convert(one, two, to=second, fps=FPS)
    assert (done.kind, done.written, done.format.name) == ("2D", (two,), second)
    found = load_keypoints(two, fps=FPS)
    rows = np.isin(found.frame_numbers, source.frame_numbers)
    np.testing.assert_array_equal(found.xy[rows], source.xy)
    np.testing.assert_array_equal(found.confidence[rows], source.confidence)
    np.testing.assert_allclose(found.times[rows], source.times, atol=1e-12)


@pytest.mark.parametrize(("first", "second"), list(product(TABLES, repeat=2)))
def test_every_pair_of_3d_formats(
    tmp_path: Path, sequence: Callable[..., PoseSequence], first: str, second: str
) -> None:
    source = sequence(6)
    one, two = tmp_path / f"one{WRITERS[first].ending}", tmp_path / f"two{WRITERS[second].ending}"
    write_sequence(one, source, format=first)
    done = convert(one, two, to=second, fps=FPS)
    assert (done.kind, done.written[0], done.frames) == ("3D", two, 6)
    found = read_points(two, fps=FPS)
    np.testing.assert_array_equal(found.xyz, source.keypoints)
    np.testing.assert_allclose(found.times, source.times, atol=1e-12)
    if "uncertainty" in WRITERS[first].holds & WRITERS[second].holds:
        given = np.isfinite(source.keypoints).all(axis=-1)
        assert found.covariance is not None
        np.testing.assert_array_equal(found.covariance[given], source.covariance[given])


def test_all_animals_or_one(tmp_path: Path, sequence: Callable[..., PoseSequence]) -> None:
    both = tmp_path / "both.parquet"
    write_sequence(both, sequence(4, "a"), sequence(4, "b"))
    assert convert(both, tmp_path / "both.nc").animals == ("a", "b")
    assert convert(both, tmp_path / "b.nc", animal="b").animals == ("b",)
    np.testing.assert_array_equal(read_points(tmp_path / "b.nc").xyz, sequence(4, "b").keypoints)
    each = convert(both, tmp_path / "each.csv")
    assert [path.name for path in each.written] == ["each_a.csv", "each_b.csv"]
    only = convert(both, tmp_path / "only.parquet", animal="b", fps=10)
    again = read_sequence(tmp_path / "only.parquet")
    assert (only.animals, again.animal, again.times[1]) == (("b",), "b", 0.1)
    for target in ("c.csv", "c.parquet", "c.nc"):
        with pytest.raises(UnknownNameError, match="'c'"):
            convert(both, tmp_path / target, animal="c")
        assert not (tmp_path / target).exists()


def test_what_is_left_out_is_told(
    tmp_path: Path,
    keypoints: Callable[..., Keypoints2D],
    sequence: Callable[..., PoseSequence],
) -> None:
    write_sequence(tmp_path / "poses.parquet", sequence(4))
    lost = {
        to: convert(tmp_path / "poses.parquet", tmp_path / "out", to=to).left_out for to in WRITERS
    }
    assert lost["parquet"] == lost["movement"] == ()
    assert lost["csv"] == ("provenance",)
    assert lost["anipose"] == ("times", "uncertainty", "provenance")
    assert set(lost["keypoint-text"]) == {
        "times", "confidence", "uncertainty", "state", "provenance",
    }  # fmt: skip


def test_without_a_rate_the_result_has_no_times(
    tmp_path: Path, keypoints: Callable[..., Keypoints2D]
) -> None:
    write_keypoints(tmp_path / "track.csv", keypoints(4))
    for target in ("track.parquet", "track.nc"):
        done = convert(tmp_path / "track.csv", tmp_path / target)
        assert not done.timed
        with pytest.raises(InputError, match="holds no times"):
            load(tmp_path / target)
        found = load(tmp_path / target, fps=2)
        np.testing.assert_array_equal(found.times, keypoints(4).frame_numbers / 2)


def test_into_a_folder(tmp_path: Path, keypoints: Callable[..., Keypoints2D]) -> None:
    write_keypoints(tmp_path / "track.analysis.h5", keypoints(4))
    done = convert(tmp_path / "track.analysis.h5", tmp_path, to="dlc-csv")
    assert done.written == (tmp_path / "track.csv",)
    with pytest.raises(InputError, match="is a folder: say which format"):
        convert(tmp_path / "track.csv", tmp_path)


def test_what_does_not_go_together_is_refused_and_nothing_is_touched(
    tmp_path: Path,
    keypoints: Callable[..., Keypoints2D],
    sequence: Callable[..., PoseSequence],
) -> None:
    flat, solid = tmp_path / "flat.csv", tmp_path / "solid.parquet"
    write_keypoints(flat, keypoints(4))
    write_sequence(solid, sequence(4))
    (tmp_path / "notes.txt").write_text("no table\n")
    before = {path: path.read_bytes() for path in tmp_path.iterdir()}
    for source, target, options, message in (
        (flat, "a.csv", {"to": "anipose"}, "points in an image .*mousepose reconstruct"),
        (flat, "a.xyz", {}, "its ending tells no format"),
        (flat, "a.csv", {"to": "xlsx"}, "unknown format 'xlsx'; known: csv, dlc-csv"),
        (flat, "flat.csv", {}, "is the file that is read"),
        (flat, "a.csv", {"dims": "plural"}, "--dims names the dimensions of a netCDF"),
        (flat, "a.parquet", {"fps": -3}, "fps: expected a positive number"),
        (flat, "none/a.parquet", {}, "folder .* does not exist"),
        (tmp_path / "notes.txt", "a.csv", {}, "of no known format"),
        (tmp_path / "missing.csv", "a.csv", {}, "cannot be read"),
    ):
        with pytest.raises(InputError, match=message):
            convert(source, tmp_path / target, **options)  # type: ignore[arg-type]
    flat.write_text(flat.read_text() + "9,1,2\n")
    with pytest.raises(FileError, match="a short last row means that the file was cut"):
        convert(flat, solid)
    before[flat] = flat.read_bytes()
    assert {path: path.read_bytes() for path in tmp_path.iterdir()} == before


@pytest.mark.parametrize("there", ["track.parquet", "track.csv"])
def test_memory_does_not_grow_with_the_file(
    tmp_path: Path,
    keypoints: Callable[..., Keypoints2D],
    there: str,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # Small pieces, so that the files need not be large.
    monkeypatch.setattr(text, "BLOCK_BYTES", 2**17)
    monkeypatch.setattr(table, "ROWS_AT_ONCE", 1000)
    monkeypatch.setattr(conversion, "CHUNK_FRAMES", 1000)

    def peak(frames: int) -> int:
        source = tmp_path / f"{frames}.{'csv' if 'parquet' in there else 'parquet'}"
        write_keypoints(source, keypoints(frames))
        convert(source, tmp_path / there, fps=FPS)  # what is imported and cached
        peaks = []
        for _ in range(3):
            tracemalloc.start()
            convert(source, tmp_path / there, fps=FPS)
            peaks.append(tracemalloc.get_traced_memory()[1])
            tracemalloc.stop()
        return min(peaks)

    # The csv reader runs ahead by some megabytes and no further, how far is for the threads to say;
    # what grew with the file would be there each time.
    assert peak(90_000) < 1.5 * peak(30_000)


def test_the_page_says_what_each_format_holds() -> None:
    page = Path(__file__).resolve().parents[2] / "docs" / "formats-out.md"
    told = {}
    for line in page.read_text(encoding="utf-8").splitlines():
        cells = [cell.strip() for cell in line.split("|")[1:-1]]
        if cells and cells[0] in ("2D", "3D"):
            name, star = cells[1].split("`")[1], cells[1].endswith("*")
            told[cells[0], name] = (star, cells[2].split("`")[1], cells[3:8])
    for kind, writers in (("2D", KEYPOINT_WRITERS), ("3D", WRITERS)):
        assert {name for of, name in told if of == kind} == set(writers)
        for name, writer in writers.items():
            star, ending, (animals, times, spread, state, origin) = told[kind, name]
            assert (star, ending) == (writer.default, writer.ending)
            holds = {
                "animals": animals == "many", "times": bool(times), "uncertainty": bool(spread),
                "state": bool(state), "units": bool(origin), "provenance": bool(origin),
            }  # fmt: skip
            assert {key for key, held in holds.items() if held} == writer.holds - {"confidence"}


def test_progress_counts_the_frames(tmp_path: Path, sequence: Callable[..., PoseSequence]) -> None:
    write_sequence(tmp_path / "poses.parquet", sequence(7))
    told: list[tuple[str, int, int]] = []
    for target in ("a.nc", "b.parquet"):
        convert(tmp_path / "poses.parquet", tmp_path / target, progress=lambda *a: told.append(a))
        assert told[-1] == ("writing animal0", 7, 0)
