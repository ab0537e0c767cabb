"""MultiRocket: it tells the acts apart, and comes back from its file the same."""

from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from tests.analysis.behaviour.acts import cohort

from mousepose.analysis.behaviour.classifier import BehaviourModel, head_scores
from mousepose.analysis.behaviour.model_file import load_behaviour, save_behaviour
from mousepose.analysis.behaviour.rocket import RocketHead, _filled, train_rocket
from mousepose.errors import InputError, ModelError


def test_unknown_frames_are_taken_from_the_nearest() -> None:
    series = np.array([[[1.0, np.nan, np.nan, 4.0, np.nan], [np.nan] * 5]], np.float32)
    filled = _filled(series, np.zeros(2), np.ones(2))
    np.testing.assert_array_equal(filled[0, 0], [1, 1, 4, 4, 4])
    np.testing.assert_array_equal(filled[0, 1], 0)


def test_without_aeon_it_is_told_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(__import__("sys").modules, "aeon", None)
    with pytest.raises(InputError, match=r"aeon.*pip install 'mousepose\[analysis\]'"):
        train_rocket(np.zeros((4, 2, 12), np.float32), np.arange(4) % 2, np.ones(4), 0)


@pytest.fixture(scope="module")
def head() -> RocketHead:
    """Return kernels trained on the doll's acts."""
    pytest.importorskip("aeon", reason="kernels are made by aeon")
    data = cohort(animals=4)
    return train_rocket(
        data.windows.series(), data.codes(data.classes), data.weights(), seed=0, kernels=84
    )


def test_kernels_tell_the_acts_of_new_animals(head: RocketHead) -> None:
    data = cohort(animals=6)
    new = data.chosen(np.isin(data.animals, ["mouse 4", "mouse 5"]))
    said = head_scores(head, new.windows).argmax(axis=1)
    assert (said == new.codes(data.classes)).mean() > 0.9


def test_a_file_gives_back_the_same_scores(head: RocketHead, tmp_path: Path) -> None:
    data = cohort(animals=1)
    windows = data.windows
    model = BehaviourModel(
        data.classes, windows.layout, windows.length, windows.rate, head, 1.0, ("mouse 0",)
    )
    save_behaviour(tmp_path / "model.npz", model)
    again = load_behaviour(tmp_path / "model.npz")
    np.testing.assert_allclose(again.chances(windows), model.chances(windows), atol=1e-5)


def test_other_kernels_than_those_of_the_training_are_told(head: RocketHead) -> None:
    other = replace(head, check=head.check + 1.0, aeon="0.0.1")
    with pytest.raises(ModelError, match=r"pip install aeon==0\.0\.1"):
        other.scores(cohort(animals=1).windows.series())


def test_windows_too_short_for_kernels_are_told() -> None:
    pytest.importorskip("aeon", reason="kernels are made by aeon")
    with pytest.raises(InputError, match="8 frames are too short"):
        train_rocket(np.zeros((4, 2, 8), np.float32), np.arange(4) % 2, np.ones(4), 0)
