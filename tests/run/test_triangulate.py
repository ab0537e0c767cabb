"""Files of several cameras to a file of points: flat memory, formats, sources, messages."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

from mousepose.errors import FileError, InputError
from mousepose.geometry.triangulate_keypoints import triangulate_keypoints
from mousepose.io import read_cameras, read_points
from mousepose.io.poses.registry import open_points
from mousepose.run import triangulate as module
from mousepose.run.keypoint_files import KeypointFiles
from mousepose.run.triangulate import TriangulateJob, run_triangulation, triangulate
from mousepose.run.triangulate_calibrate import guessed_lenses
from mousepose.run.triangulate_sources import ViewSource, cameras_of, is_multiview, open_views
from mousepose.simulate import watching_camera
from mousepose.types import Keypoints2D
from recordings import FPS


def quiet(stage: str, done: int, total: int) -> None:
    """Tell nobody."""


def job_of(folder: Path, output: Path, **others: object) -> TriangulateJob:
    source = open_views([folder / "side.csv", folder / "top.csv"], fps=FPS)
    cameras = tuple(read_cameras(folder / "rig.toml"))
    return TriangulateJob(source, cameras, output, **others)  # type: ignore[arg-type]


def whole(folder: Path) -> Keypoints2D:
    files = KeypointFiles((folder / "side.csv", folder / "top.csv"), FPS)
    return next(files.chunks(10_000))


@pytest.mark.parametrize("name", ["points.parquet", "points.csv"])
def test_files_hold_the_points(recording: Path, tmp_path: Path, name: str) -> None:
    done = run_triangulation(job_of(recording, tmp_path / name), quiet)
    points = triangulate(whole(recording), read_cameras(recording / "rig.toml"))
    read = read_points(tmp_path / name, fps=FPS)
    assert done.paths == (tmp_path / name,)
    assert done.frames == 130
    assert read.keypoint_names == points.keypoint_names
    np.testing.assert_allclose(read.xyz, points.xyz, atol=1e-4)
    if name.endswith("parquet"):
        assert read.covariance is not None
        np.testing.assert_allclose(read.covariance, points.covariance, rtol=1e-3)
        about = next(iter(open_points(tmp_path / name).about.values()))
        assert about["scale_source"] == "cameras"
        assert about["provenance"]["cameras"] == ["side", "top"]


def test_anipose_csv_has_error_and_cameras_of_each_point(
    recording: Path,
    tmp_path: Path,
) -> None:
    run_triangulation(job_of(recording, tmp_path / "pose_3d.csv"), quiet)
    header = (tmp_path / "pose_3d.csv").read_text().splitlines()[0].split(",")
    table = np.genfromtxt(tmp_path / "pose_3d.csv", delimiter=",", names=True)
    found = triangulate_keypoints(whole(recording), read_cameras(recording / "rig.toml"))
    assert header[:6] == [f"{found.points.keypoint_names[0]}{s}" for s in
                          ("_x", "_y", "_z", "_error", "_ncams", "_score")]  # fmt: skip
    assert header[-1] == "fnum"
    assert header[-13:-1] == [*(f"M_{i}{j}" for i in range(3) for j in range(3)),
                              "center_0", "center_1", "center_2"]  # fmt: skip
    name = found.points.keypoint_names[0]
    np.testing.assert_allclose(table[f"{name}_error"], found.reprojection_error[:, 0], rtol=1e-3)
    np.testing.assert_array_equal(table[f"{name}_ncams"], found.n_views[:, 0])
    np.testing.assert_array_equal(table["fnum"], np.arange(130))


def test_pieces_make_no_difference(
    recording: Path,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    one = run_triangulation(job_of(recording, tmp_path / "one.parquet"), quiet)
    monkeypatch.setattr(module, "_AT_ONCE", 17)
    many = run_triangulation(job_of(recording, tmp_path / "many.parquet"), quiet)
    a, b = (read_points(tmp_path / f"{name}.parquet") for name in ("one", "many"))
    np.testing.assert_allclose(a.xyz, b.xyz, atol=1e-9)
    np.testing.assert_array_equal(one.report.histogram, many.report.histogram)
    assert one.report.known == many.report.known


def test_cameras_in_the_wrong_order_disagree(recording: Path, tmp_path: Path) -> None:
    right = job_of(recording, tmp_path / "right.parquet")
    wrong = TriangulateJob(right.source, right.cameras[::-1], tmp_path / "wrong.parquet")
    assert run_triangulation(right, quiet).disagreeing < 0.05
    done = run_triangulation(wrong, quiet)
    assert done.disagreeing > 0.5 or np.nanmedian(done.noise) > 20


def test_a_camera_of_other_files_is_named(tmp_path: Path) -> None:
    cameras = [watching_camera(azimuth_deg=90 * k, name=f"cam_{k}") for k in range(4)]
    points = np.random.default_rng(0).normal([0, 0, 30], 20, (40, 5, 3))
    xy = np.stack([camera.project(points) for camera in cameras], axis=1)
    xy = xy + np.random.default_rng(1).standard_normal(xy.shape)
    xy[:, 2] = xy[::-1, 2]
    names = tuple(f"p{k}" for k in range(5))
    seen = Keypoints2D(xy, np.ones(xy.shape[:-1]), np.arange(40.0), np.arange(40), names)
    source = ViewSource((), lambda frames: iter([seen]), list)
    job = TriangulateJob(source, tuple(cameras), tmp_path / "points.parquet")
    assert run_triangulation(job, quiet).strangers == ("cam_2",)


def table(path: Path, views: tuple[str, ...] = ("top", "side1", "side2")) -> Path:
    path.mkdir()
    rows = ["FRAME,NOSE_X,NOSE_Y,NECK_X,NECK_Y"]
    rows += [f"moment_{m}_{view}.png,{m},{m + 1},," for m in range(4) for view in views]
    (path / "keypoints.csv").write_text("\n".join(rows))
    return path / "keypoints.csv"


def test_a_multi_view_table_is_a_source(tmp_path: Path) -> None:
    path = table(tmp_path / "multiview")
    for given in (path, path.parent, tmp_path):
        assert is_multiview(given)
        source = open_views([given])
        assert source.view_names == ("side1", "side2", "top")
        (chunk,) = source.chunks(10)
        assert chunk.xy.shape[:2] == (4, 3)
    assert source.sizes == ()


def test_cameras_go_to_views_by_name(tmp_path: Path, recording: Path) -> None:
    source = open_views([table(tmp_path / "multiview")])
    lens = read_cameras(recording / "camera.toml")[0]
    from dataclasses import replace

    named = [replace(lens, name=name) for name in ("Top", "side_2", "side-1")]
    ordered, told = cameras_of(source, named)
    assert [camera.name for camera in ordered] == ["side-1", "side_2", "Top"]
    assert told == ""
    others = [replace(lens, name=f"c{i}") for i in range(3)]
    assert "view side1 by camera c0" in cameras_of(source, others)[1]
    with pytest.raises(InputError, match="3 views"):
        cameras_of(source, others[:2])


def test_lenses_are_guessed_from_sizes(tmp_path: Path) -> None:
    source = open_views([table(tmp_path / "multiview")])
    lenses = guessed_lenses(source, [(640, 480)], 90.0)
    assert [lens.name for lens in lenses] == ["side1", "side2", "top"]
    assert lenses[0].matrix[0, 0] == pytest.approx(320)
    with pytest.raises(InputError, match="--size"):
        guessed_lenses(source, [], None)


def test_what_cannot_be_used_is_told(recording: Path, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="at least two cameras"):
        open_views([recording / "side.csv"], fps=FPS)
    with pytest.raises(FileError, match=r"nowhere\.csv: not there"):
        open_views([tmp_path / "nowhere.csv", recording / "side.csv"])
    with pytest.raises(InputError, match="its folder is not there"):
        run_triangulation(job_of(recording, tmp_path / "no" / "out.csv"), quiet)
    with pytest.raises(InputError, match="tells no format"):
        run_triangulation(job_of(recording, tmp_path / "out.xyz"), quiet)
    assert list(tmp_path.iterdir()) == []
    lonely = table(tmp_path / "multiview", ("top",))
    lonely.write_text("FRAME,NOSE_X,NOSE_Y\na/b.png,1,2\n")
    with pytest.raises(InputError, match="view-pattern"):
        open_views([lonely])
