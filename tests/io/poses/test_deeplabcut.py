"""DeepLabCut's tables of points in space, and the uncertainty beside them."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from mousepose.errors import FileError
from mousepose.io import read_points, write_sequence
from mousepose.types import PoseSequence

Maker = Callable[..., PoseSequence]
#: What pandas' quick reader of decimals, the default before pandas 3.1, may be off by.
LAST_BITS = 1e-12
SPREAD = [
    "x_posterior_var", "y_posterior_var", "z_posterior_var",
    "xy_posterior_cov", "xz_posterior_cov", "yz_posterior_cov", "state",
]  # fmt: skip


def test_columns_are_x_y_z_and_nothing_else(tmp_path: Path, sequence: Maker) -> None:
    source = sequence(5, first_frame=2)
    table, beside = write_sequence(tmp_path / "a.csv", source, format="dlc-csv")
    frame = pd.read_csv(table, header=[0, 1, 2], index_col=0)
    assert frame.columns.names == ["scorer", "bodyparts", "coords"]
    assert list(frame.columns) == [
        ("mousepose", name, axis) for name in source.keypoint_names for axis in "xyz"
    ]
    assert frame.index.tolist() == [2, 3, 4, 5, 6]
    np.testing.assert_allclose(frame.to_numpy(), source.keypoints.reshape(5, -1), rtol=LAST_BITS)
    assert beside == tmp_path / "a_uncertainty.csv"
    spread = pd.read_csv(beside, header=[0, 1, 2], index_col=0)["mousepose"]
    assert list(spread["NOSE"].columns) == SPREAD
    np.testing.assert_allclose(
        spread["NOSE"]["xz_posterior_cov"], source.covariance[:, 0, 0, 2], rtol=LAST_BITS
    )
    np.testing.assert_array_equal(spread["NOSE"]["state"], source.state[:, 0])


def test_the_h5_is_the_table_that_deeplabcut_writes(tmp_path: Path, sequence: Maker) -> None:
    pytest.importorskip("tables", reason="writing a DeepLabCut h5 needs PyTables")
    one, two = sequence(5, "m1"), sequence(4, "m2", 3)
    table, _ = write_sequence(tmp_path / "a.h5", one, two)
    frame = pd.read_hdf(table, "df_with_missing")
    assert isinstance(frame, pd.DataFrame)
    assert frame.columns.names == ["scorer", "individuals", "bodyparts", "coords"]
    assert frame.shape == (7, 2 * 3 * 3)
    mine = frame["mousepose"]["m2"].to_numpy()
    np.testing.assert_array_equal(mine[3:], two.keypoints.reshape(4, -1))
    assert np.isnan(mine[:3]).all()
    with pd.HDFStore(table, "r") as store:
        storer = store.get_storer("df_with_missing")  # type: ignore[operator]
        assert storer.is_table


def test_a_table_alone_has_no_covariance(tmp_path: Path, sequence: Maker) -> None:
    table, beside = write_sequence(tmp_path / "a.csv", sequence(5), format="dlc-csv")
    assert read_points(table, fps=1).covariance is not None
    beside.unlink()
    assert read_points(table, fps=1).covariance is None


def test_uncertainties_of_another_result_are_refused(tmp_path: Path, sequence: Maker) -> None:
    for other, what in (
        (sequence(6), "frames"),
        (sequence(4), "frames"),
        (replace(sequence(5), keypoint_names=("A", "B", "C")), "body parts"),
    ):
        _, beside = write_sequence(tmp_path / "b.csv", other, format="dlc-csv")
        write_sequence(tmp_path / "a.csv", sequence(5), format="dlc-csv")
        beside.rename(tmp_path / "a_uncertainty.csv")
        with pytest.raises(FileError, match=f"does not hold the same {what}"):
            read_points(tmp_path / "a.csv", fps=1)


def test_body_parts_in_another_order_find_their_uncertainty(
    tmp_path: Path, sequence: Maker
) -> None:
    source = sequence(5)
    table, beside = write_sequence(tmp_path / "a.csv", source, format="dlc-csv")
    frame = pd.read_csv(beside, header=[0, 1, 2], index_col=0)
    frame[frame.columns[::-1]].to_csv(beside)
    spread = read_points(table, fps=1).covariance
    given = np.isfinite(source.keypoints).all(axis=-1)
    assert spread is not None
    np.testing.assert_allclose(spread[given], source.covariance[given], rtol=LAST_BITS)
