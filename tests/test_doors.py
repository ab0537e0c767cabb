"""Files as other programs make them come in with every number; the benchmark notices if not."""

from __future__ import annotations

import importlib
import sys
from pathlib import Path
from typing import Any

import numpy as np
import pytest

sys.path.append(str(Path(__file__).resolve().parents[1] / "benchmarks"))
for _library in ("h5netcdf", "sleap_io", "tables", "xarray"):
    pytest.importorskip(_library, reason=f"some formats need {_library}")
doors: Any = importlib.import_module("doors")
files: Any = importlib.import_module("doors_files")


@pytest.mark.filterwarnings("ignore")  # of the libraries that make the files
@pytest.mark.parametrize("name", [*files.MAKERS_2D, *files.MAKERS_3D], ids=" ".join)
def test_every_format_comes_in(tmp_path: Path, name: tuple[str, str]) -> None:
    path = tmp_path / f"file{name[1]}"
    if name in files.MAKERS_2D:
        track = files.a_track()
        assert doors._off_in_image(files.MAKERS_2D[name](path, track), track) == 0
    else:
        cloud = files.a_cloud()
        assert doors._off_in_space(files.MAKERS_3D[name](path, cloud), cloud.xyz) == 0


@pytest.mark.filterwarnings("ignore")
def test_every_format_that_is_written_comes_back(tmp_path: Path) -> None:
    found = dict(doors._write_formats(tmp_path))
    assert len(found) == len(doors.KEYPOINT_WRITERS) + len(
        doors.WRITERS
    )  # the mesh too, but no C3D
    assert all(doors._is_right(error) for error, _ in found.values())


def test_a_wrong_number_and_a_lost_point_are_noticed() -> None:
    points = files.a_cloud().xyz
    assert doors._error(points, points) == 0
    assert doors._error(points + 0.5, points) == pytest.approx(0.5)
    lost = points.copy()
    lost[np.argwhere(np.isfinite(points))[0][0]] = np.nan
    assert doors._error(lost, points) == np.inf
    assert doors._error(points[1:], points) == np.inf
    assert not doors._is_right(0.5)
    assert not doors._is_right(np.inf)


def test_another_file_is_infinitely_wrong(tmp_path: Path) -> None:
    (tmp_path / "a.csv").write_text("nothing\n")
    assert doors._off_in_image(tmp_path / "a.csv", files.a_track()) == np.inf
    assert doors._off_in_space(tmp_path / "a.csv", files.a_cloud().xyz) == np.inf
