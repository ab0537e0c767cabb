"""The figures of keypoints: percentages, swaps, flips and the worth of confidence."""

from __future__ import annotations

import numpy as np
import pytest

from mousepose.run.train_scores import auroc, score
from mousepose.skeleton import KEYPOINT_NAMES, mirrored_name

LENGTH = np.full(4, 50.0)
MIRROR = [KEYPOINT_NAMES.index(mirrored_name(name)) for name in KEYPOINT_NAMES]


def truth() -> np.ndarray:
    return np.random.default_rng(0).uniform(0, 100, (4, len(KEYPOINT_NAMES), 2))


def test_the_truth_has_no_error() -> None:
    figures = score(truth(), truth(), LENGTH)
    assert figures["median_percent"] == 0 and figures["pck5"] == 100
    assert figures["swaps_percent"] == figures["flips_percent"] == 0


def test_errors_are_shares_of_the_length() -> None:
    figures = score(truth() + [0, 6.0], truth(), LENGTH)
    assert figures["median_percent"] == pytest.approx(12)
    assert figures["pck10"] == 0 and figures["pck20"] == 100
    assert score(truth() + [0, 6.0], truth(), 2 * LENGTH)["median_percent"] == pytest.approx(6)


def test_exchanged_sides_and_ends_are_counted() -> None:
    assert score(truth()[:, MIRROR], truth(), LENGTH)["swaps_percent"] == 100
    turned = truth()
    nose, tail = KEYPOINT_NAMES.index("NOSE"), KEYPOINT_NAMES.index("ROOT_TAIL")
    turned[:2, [nose, tail]] = turned[:2, [tail, nose]]
    assert score(turned, truth(), LENGTH)["flips_percent"] == 50


def test_what_is_not_labelled_does_not_count_and_what_is_lost_does() -> None:
    labels, found = truth(), truth()
    labels[:, 3:] = np.nan
    found[0, 0] = np.nan
    figures = score(found, labels, LENGTH)
    assert figures["points"] == 12
    assert figures["pck20"] == pytest.approx(100 * 11 / 12)
    assert "swaps_percent" not in figures


def test_auroc_is_the_chance_that_the_worse_is_the_less_sure() -> None:
    random = np.random.default_rng(1)
    confidence, wrong = random.integers(0, 5, 60) / 4, random.uniform(size=60) < 0.4
    bad, good = confidence[wrong][:, None], confidence[~wrong][None]
    expected = ((bad < good) + 0.5 * (bad == good)).mean()
    assert auroc(confidence, wrong) == pytest.approx(expected)
    assert np.isnan(auroc(confidence, np.zeros(60, bool)))
