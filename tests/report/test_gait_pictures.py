"""The pictures of gait appear, of whatever is known."""

from __future__ import annotations

from pathlib import Path

from tests.analysis.walkers import points, without

from mousepose.analysis.gait import analyse_gait
from mousepose.report.gait import draw_gait


def test_a_whole_walk_has_all_pictures(tmp_path: Path) -> None:
    drawn = draw_gait(tmp_path, analyse_gait(points()))
    assert [path.name for path in drawn] == ["gait-diagram.png", "stride-lengths.png", "phases.png"]
    assert all(path.stat().st_size > 5000 for path in drawn)


def test_without_legs_only_the_rhythm_is_drawn(tmp_path: Path) -> None:
    drawn = draw_gait(tmp_path, analyse_gait(without(points(), "PAW", "KNEE", "ELBOW")))
    assert [path.name for path in drawn] == ["stride-lengths.png"]
