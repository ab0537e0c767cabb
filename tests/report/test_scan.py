"""The quality page of a scan is drawn for good and for bad scans."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
from matplotlib.image import imread

from mousepose.ct.segmentation.segment import segment
from mousepose.ct.types import NamedPoints, Volume
from mousepose.errors import FileError
from mousepose.report.scan import plot_scan
from mousepose.report.scan_table import bones_of


def blob() -> Volume:
    """Give a lump of flesh with a rod of bone in it."""
    axes = np.meshgrid(*(np.arange(n) - n / 2 for n in (40, 40, 80)), indexing="ij")
    values = np.full((40, 40, 80), -1000, dtype=np.int16)
    values[(axes[0] / 14) ** 2 + (axes[1] / 14) ** 2 + (axes[2] / 34) ** 2 < 1] = 30
    values[(axes[0] ** 2 + axes[1] ** 2 < 9) & (np.abs(axes[2]) < 28)] = 1200
    return Volume(values, np.diag([0.8, 0.8, 0.8, 1.0]), name="blob")


def some_joints() -> NamedPoints:
    names = ("LEFT_KNEE", "LEFT_HIND_PAW", "LEFT_ANKLE", "LEFT_HIP", "RIGHT_HIP")
    points = np.array(
        [[12.0, 14, 20], [12, 14, 40], [10, 14, 36], [16, 16, 24], [np.nan] * 3], np.float64
    )
    return NamedPoints(names, points, np.array([0.9, 0.2, 0.6, 0.8, 0.0]))


def test_bones_join_what_is_known() -> None:
    assert set(bones_of(some_joints())) == {
        ("LEFT_KNEE", "LEFT_HIP"),
        ("LEFT_ANKLE", "LEFT_KNEE"),
        ("LEFT_HIND_PAW", "LEFT_ANKLE"),
    }


@pytest.mark.parametrize("joints", [None, some_joints()], ids=["without", "with joints"])
def test_a_page_is_drawn(tmp_path: Path, joints: NamedPoints | None) -> None:
    path = tmp_path / "scan.png"
    plot_scan(segment(blob()), path, joints)
    picture = imread(path)
    assert picture.shape[0] > 1000
    assert picture[..., :3].std() > 0.1


def test_an_empty_scan_has_a_page_too(tmp_path: Path) -> None:
    empty = Volume(np.full((9, 9, 9), -1000, dtype=np.int16), np.eye(4))
    plot_scan(segment(empty), tmp_path / "empty.png")
    assert (tmp_path / "empty.png").stat().st_size > 0
    with pytest.raises(FileError, match="does not exist"):
        plot_scan(segment(empty), tmp_path / "nowhere" / "page.png")
