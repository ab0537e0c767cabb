"""anipose's table of points in space: exactly its columns."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mousepose.errors import InputError
from mousepose.io import iterate_points, read_points, write_sequence
from mousepose.types import PoseSequence, State

Maker = Callable[..., PoseSequence]


def test_columns_are_those_of_anipose(tmp_path: Path, sequence: Maker) -> None:
    write_sequence(tmp_path / "a.csv", sequence(4, first_frame=3))
    text = (tmp_path / "a.csv").read_text()
    assert text.splitlines()[0].split(",") == [
        *(
            f"{name}_{what}"
            for name in ("NOSE", "SPINE_MID", "ROOT_TAIL")
            for what in ("x", "y", "z", "error", "ncams", "score")
        ),
        *(f"M_{i}{j}" for i in range(3) for j in range(3)),
        *(f"center_{i}" for i in range(3)),
        "fnum",
    ]
    table = pd.read_csv(tmp_path / "a.csv")
    assert table.fnum.tolist() == [3, 4, 5, 6]
    turn = table[[f"M_{i}{j}" for i in range(3) for j in range(3)]].to_numpy()
    np.testing.assert_array_equal(turn, np.tile(np.eye(3).ravel(), (4, 1)))
    assert not table[["center_0", "center_1", "center_2"]].to_numpy().any()
    assert table.NOSE_error.isna().all()


@pytest.mark.parametrize("cameras", [0, 1, 3])
def test_seen_points_have_the_cameras_of_the_recording(
    tmp_path: Path, sequence: Maker, cameras: int
) -> None:
    source = sequence(20)
    notes = {"cameras": [{"name": str(i)} for i in range(cameras)]} if cameras else {}
    write_sequence(tmp_path / "a.csv", replace(source, provenance=notes))
    views = pd.read_csv(tmp_path / "a.csv").filter(like="_ncams").to_numpy()
    given = np.isfinite(source.keypoints).all(axis=-1)
    seen = source.state == State.SEEN
    np.testing.assert_array_equal(np.isnan(views), ~given)
    np.testing.assert_array_equal(views[given & seen], max(cameras, 1))
    np.testing.assert_array_equal(views[given & ~seen], 0)
    (again,) = iterate_points(tmp_path / "a.csv", fps=1)
    np.testing.assert_array_equal(again.state[given] == State.SEEN, seen[given])
    assert (again.state[~given] == State.ABSENT).all()


def test_a_table_of_another_program_with_turned_axes_is_read(tmp_path: Path) -> None:
    columns = "M_00,fnum,nose_y,nose_x,nose_z,nose_error,nose_score,nose_ncams\n"
    (tmp_path / "a.csv").write_text(columns + "0.5,7,2,1,3,0.1,0.75,2\n0.5,9,,,,,,\n")
    points = read_points(tmp_path / "a.csv", fps=2)
    assert points.xyz[0].tolist() == [[1, 2, 3]]
    assert np.isnan(points.xyz[1]).all()
    assert points.times.tolist() == [3.5, 4.5]
    (track,) = iterate_points(tmp_path / "a.csv", fps=2)
    assert track.confidence[0, 0] == 0.75
    assert track.state.ravel().tolist() == [State.SEEN, State.ABSENT]


def test_one_file_holds_one_animal(tmp_path: Path, sequence: Maker) -> None:
    written = write_sequence(tmp_path / "a.csv", sequence(3, "top/left"), sequence(3, "b"))
    assert [path.name for path in written] == ["a_top-left.csv", "a_b.csv"]
    with pytest.raises(InputError, match="two files of one name"):
        write_sequence(tmp_path / "a.csv", sequence(3, "a/b"), sequence(3, "a-b"))
