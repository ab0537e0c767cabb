from __future__ import annotations

import pickle
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from mousepose.errors import FileError
from mousepose.io.keypoints.safe_pickle import load_plain

LEAVES = st.none() | st.integers(-(2**31), 2**31 - 1) | st.text()
PLAIN = st.recursive(LEAVES, lambda inner: st.lists(inner) | st.tuples(inner, inner))


@given(PLAIN)
def test_plain_data_comes_back(value: Any) -> None:
    assert load_plain(pickle.dumps(value, 0)) == value


class Touch:
    def __init__(self, path: Path) -> None:
        self.path = path

    def __reduce__(self) -> tuple[Any, ...]:
        return Path.touch, (self.path,)


@pytest.mark.parametrize("protocol", range(6))
def test_a_pickle_that_runs_code_is_refused_and_not_run(tmp_path: Path, protocol: int) -> None:
    trap = pickle.dumps(["x", Touch(tmp_path / "run")], protocol)
    with pytest.raises(FileError, match="could run code"):
        load_plain(trap)
    assert not (tmp_path / "run").exists()
    pickle.loads(trap)
    assert (tmp_path / "run").exists()


@given(st.binary(max_size=200))
def test_garbage_is_refused(data: bytes) -> None:
    try:
        load_plain(data)
    except FileError as error:
        assert str(error)


@pytest.mark.parametrize("value", [b".", b"(lp0", b"g5\n.", b"a.", b"l.", b"I1\nI2\n.", b"Ix\n."])
def test_damaged_pickles_are_refused(value: bytes) -> None:
    with pytest.raises(FileError, match="damaged"):
        load_plain(value)
