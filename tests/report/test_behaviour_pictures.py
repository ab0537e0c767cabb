"""The pictures of behaviour are drawn of what is known, also where that is little."""

from __future__ import annotations

from pathlib import Path

import numpy as np
from PIL import Image

from mousepose.analysis.behaviour.bouts import Chances, find_bouts
from mousepose.analysis.behaviour.scores import score_chances
from mousepose.report.behaviour import draw_behaviour, draw_scores
from mousepose.run.behaviour_apply import Behaviour

CLASSES = ("eating", "resting", "walking")


def shown(name: str, chance: float) -> Behaviour:
    start = np.arange(40) * 10.0
    chances = np.full((40, 3), (1 - chance) / 2)
    chances[np.arange(40), np.arange(40) // 14] = chance
    found = Chances(CLASSES, start, start + 10.0, chances)
    return Behaviour(name, name, found, find_bouts(found))


def coloured(path: Path) -> float:
    """Return the share of pixels that have a colour."""
    pixels = np.asarray(Image.open(path).convert("RGB")).astype(int)
    return float((np.ptp(pixels, axis=-1) > 40).mean())


def test_an_ethogram_shows_bouts_where_there_are_some(tmp_path: Path) -> None:
    (path,) = draw_behaviour(tmp_path, [shown("mouse 1", 0.8)])
    with_bouts = coloured(path)
    (path,) = draw_behaviour(tmp_path, [shown("mouse 1", 0.4)])
    assert with_bouts > 0.05
    assert coloured(path) < 0.01


def test_several_recordings_share_a_picture(tmp_path: Path) -> None:
    (path,) = draw_behaviour(tmp_path, [shown(f"mouse {n}", 0.8) for n in range(3)])
    assert coloured(path) > 0.1


def test_scores_are_drawn_with_a_class_that_never_was(tmp_path: Path) -> None:
    chances = np.array([[0.8, 0.1, 0.1], [0.2, 0.7, 0.1], [0.6, 0.3, 0.1]])
    scores = score_chances(chances, np.array([0, 1, 1]), CLASSES, np.arange(3))
    paths = draw_scores(tmp_path, scores)
    assert [path.name for path in paths] == ["confusion.png", "reliability.png"]
    assert coloured(paths[0]) > 0.03
