"""The samples of the data set's site are read, and what holds none is told."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from mousepose.dataset.dataset import MousePoseDataset
from mousepose.dataset.samples import holds_slices, load_slices, view_panels
from mousepose.errors import FileError

SLICES = np.random.default_rng(0).integers(0, 256, (4, 20, 30), np.uint8)


def animation(path: Path, colours: list[np.ndarray]) -> Path:
    frames = [Image.fromarray(picture) for picture in colours]
    frames[0].save(path, save_all=True, append_images=frames[1:], duration=100)
    return path


def test_an_array_is_read_as_it_is(tmp_path: Path) -> None:
    np.savez(tmp_path / "a.npz", intensity=SLICES, spacing_mm=np.array([0.7, 0.2, 0.1]))
    found = load_slices(tmp_path / "a.npz")
    np.testing.assert_array_equal(found.intensity, SLICES)
    np.testing.assert_array_equal(found.spacing_mm, [0.7, 0.2, 0.1])
    np.savez(tmp_path / "b.npz", intensity=SLICES)
    assert load_slices(tmp_path / "b.npz").spacing_mm is None


def test_a_grey_animation_is_read_as_it_is(tmp_path: Path) -> None:
    found = load_slices(animation(tmp_path / "a.gif", list(SLICES)))
    np.testing.assert_array_equal(found.intensity, SLICES)


def test_colours_of_a_map_become_intensities(tmp_path: Path) -> None:
    from matplotlib import colormaps

    row = np.linspace(0, 255, 30).astype(np.uint8)
    smooth = np.stack([np.tile(np.roll(row, 5 * k), (20, 1)) for k in range(3)])
    colours = (colormaps["viridis"](smooth)[..., :3] * 255).round().astype(np.uint8)
    found = load_slices(animation(tmp_path / "a.gif", list(colours)))
    assert np.abs(found.intensity.astype(int) - smooth).max() <= 3
    other = (colormaps["hsv"](smooth)[..., :3] * 255).round().astype(np.uint8)
    with pytest.raises(FileError, match=r"b\.gif: its colours are neither grey nor"):
        load_slices(animation(tmp_path / "b.gif", list(other)))


@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"other": SLICES}, "holds no array 'intensity' but other"),
        ({"intensity": SLICES.astype(float)}, "float64, expected uint8"),
        ({"intensity": SLICES[0]}, "expected several slices"),
        ({"intensity": SLICES, "spacing_mm": np.array([1.0, -1, 1])}, "three sizes in mm"),
        ({"intensity": SLICES, "spacing_mm": np.array([1.0, np.inf, 1])}, "three sizes in mm"),
        ({"intensity": np.array([{}], dtype=object)}, "no slices of a scan can be read"),
    ],
)
def test_what_is_wrong_is_told(tmp_path: Path, arrays: dict[str, np.ndarray], message: str) -> None:
    np.savez(tmp_path / "a.npz", **arrays)  # type: ignore[arg-type]
    with pytest.raises(FileError, match=message) as error:
        load_slices(tmp_path / "a.npz")
    assert "a.npz" in str(error.value)


@given(st.binary(max_size=200), st.sampled_from([".gif", ".npz"]))
def test_garbage_is_told(tmp_path: Path, data: bytes, suffix: str) -> None:
    path = tmp_path / f"a{suffix}"
    path.write_bytes((b"GIF89a" if suffix == ".gif" else b"PK\x03\x04") + data)
    with pytest.raises(FileError, match=r"a\.(gif|npz)"):
        load_slices(path)
    assert suffix == ".gif" or not holds_slices(path)


def test_too_large_an_archive_is_refused_before_it_is_unpacked(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("mousepose.dataset.samples.MAX_BYTES", 1000)
    np.savez_compressed(tmp_path / "a.npz", intensity=np.zeros((10, 100, 100), np.uint8))
    with pytest.raises(FileError, match="unpacks to"):
        load_slices(tmp_path / "a.npz")


def test_views_meet_where_a_column_differs(tmp_path: Path) -> None:
    random = np.random.default_rng(0)
    parts = [
        np.clip(level + random.normal(0, 2, (90, width, 3)), 0, 255).astype(np.uint8)
        for level, width in ((60, 100), (140, 80), (220, 120))
    ]
    Image.fromarray(np.concatenate(parts, axis=1)).save(tmp_path / "a.png")
    found = view_panels(tmp_path / "a.png")
    assert [panel.shape[1] for panel in found] == [100, 80, 120]
    for panel, part in zip(found, parts, strict=True):
        np.testing.assert_array_equal(panel, part)


def test_a_folder_with_slices_alone_is_a_data_set(tmp_path: Path) -> None:
    np.savez(tmp_path / "slices.npz", intensity=SLICES)
    np.savez(tmp_path / "other.npz", a=SLICES)
    for path in (tmp_path, tmp_path / "slices.npz"):
        with MousePoseDataset(path) as data:
            assert data.slices == (tmp_path / "slices.npz",)
            assert data.frames_path is None
    with pytest.raises(FileError, match=r"other\.npz: holds nothing .* none of these"):
        MousePoseDataset(tmp_path / "other.npz")


def test_the_published_samples(shared_data: Callable[[str], Path]) -> None:
    folder = shared_data("mouse_pose_dataset_samples")
    with MousePoseDataset(folder) as data:
        assert [path.suffix for path in data.slices] == [".gif", ".npz"]
        film, array = (load_slices(path) for path in data.slices)
        assert data.intrinsics_path is not None
    assert film.intensity.shape == array.intensity.shape == (40, 320, 512)
    # The array was made of the same colours.
    away = np.abs(film.intensity.astype(int) - array.intensity)
    assert away.mean() < 0.1
    assert array.spacing_mm is not None
    assert [panel.shape[1] for panel in view_panels(folder / "multiview.png")] == [988, 990, 805]
    assert len(view_panels(folder / "keypoints-definition.png")) == 1
