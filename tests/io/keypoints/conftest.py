"""Two mice of known numbers, and files of them as each tracker lays them out.

The files are made with plain csv, json, h5py and pandas, as the trackers do: nothing of mousepose.
"""

from __future__ import annotations

import csv
import json
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import h5py
import numpy as np
import pandas as pd
import pyarrow as pa
import pyarrow.parquet as pq
import pytest

from mousepose.types import Floats

#: JABS knows these points and no others, so all formats hold them here.
POINTS = (
    *("NOSE", "LEFT_EAR", "RIGHT_EAR", "BASE_NECK", "LEFT_FRONT_PAW", "RIGHT_FRONT_PAW"),
    *("CENTER_SPINE", "LEFT_REAR_PAW", "RIGHT_REAR_PAW", "BASE_TAIL", "MID_TAIL", "TIP_TAIL"),
)
COORDS = ("x", "y", "likelihood")


@dataclass(frozen=True)
class Mice:
    """Points of several mice: `xy` (A, T, K, 2) in whole px, NaN where lost; `sure` (A, T, K).

    A confidence is 0 (lost), 0.5 or 1, the only ones that COCO knows.
    """

    xy: Floats
    sure: Floats
    names: tuple[str, ...] = ("a", "b")

    @property
    def frames(self) -> int:
        return self.xy.shape[1]

    @property
    def values(self) -> Floats:
        """Points and confidences as rows of a table: (A, T, K, 3)."""
        return np.concatenate([self.xy, self.sure[..., None]], axis=-1)


def make_mice(frames: int = 8, animals: int = 2) -> Mice:
    random = np.random.default_rng(frames)
    sure = random.choice([0.0, 0.5, 1.0], size=(animals, frames, len(POINTS)), p=[0.2, 0.3, 0.5])
    xy = random.integers(1, 1000, (*sure.shape, 2)).astype(float)
    xy[sure == 0] = np.nan
    return Mice(xy, sure, ("a", "b", "c")[:animals])


@pytest.fixture(scope="session")
def mice() -> Callable[..., Mice]:
    return make_mice


def table(mice: Mice) -> pd.DataFrame:
    """DeepLabCut's table: individuals where there are several mice."""
    levels: list[tuple[str, ...]] = [("net",), mice.names, POINTS, COORDS]
    names = ["scorer", "individuals", "bodyparts", "coords"]
    if len(mice.names) == 1:
        del levels[1], names[1]
    columns = pd.MultiIndex.from_product(levels, names=names)
    flat = np.moveaxis(mice.values, 0, 1).reshape(mice.frames, -1)
    return pd.DataFrame(flat, columns=columns)


def dlc_csv(path: Path, mice: Mice) -> None:
    table(mice).to_csv(path)


def dlc_h5(path: Path, mice: Mice) -> None:
    table(mice).to_hdf(path, key="df_with_missing", format="table", mode="w")


def dlc_h5_fixed(path: Path, mice: Mice) -> None:
    table(mice).to_hdf(path, key="df_with_missing", format="fixed", mode="w")


def sleap_h5(path: Path, mice: Mice, axes: str = "axnt", attributes: bool = True) -> None:
    """SLEAP's analysis; `axes` orders animal, x/y, node and time ("axnt" is its preset matlab)."""
    place = {"a": 0, "t": 1, "n": 2, "x": 3}
    long = {"a": "track", "t": "frame", "n": "node", "x": "xy"}
    order = [place[axis] for axis in axes]
    flat = [place[axis] for axis in axes if axis != "x"]
    with h5py.File(path, "w") as file:
        file["tracks"] = mice.xy.transpose(order)
        scores = np.where(mice.sure == 0, np.nan, mice.sure)
        file["point_scores"] = scores.transpose(flat)
        file["track_occupancy"] = np.isfinite(mice.xy).any(axis=(2, 3)).T.astype(np.uint8)
        file["track_names"] = np.array(mice.names, "S")
        file["node_names"] = np.array(POINTS, "S")
        if attributes:
            file.attrs["format"] = "analysis"
            file.attrs["preset"] = {"axnt": "matlab", "tanx": "standard"}.get(axes, "custom")
            file["tracks"].attrs["dims"] = json.dumps([long[axis] for axis in axes])


def sleap_h5_standard(path: Path, mice: Mice) -> None:
    sleap_h5(path, mice, "tanx")


def sleap_h5_old(path: Path, mice: Mice) -> None:
    sleap_h5(path, mice, attributes=False)


def jabs(path: Path, mice: Mice, version: int = 6) -> None:
    """JABS: instances change places every frame; the ids tell whose they are."""
    points = np.moveaxis(np.nan_to_num(mice.xy), 0, 1)[..., ::-1].astype(np.uint16)
    sure = np.moveaxis(mice.sure, 0, 1).astype(np.float32)
    ids = np.tile(np.arange(len(mice.names)), (mice.frames, 1))
    for frame in range(1, mice.frames, 2):
        for array in (points, sure, ids):
            array[frame] = array[frame][::-1].copy()
    with h5py.File(path, "w") as file:
        group = file.create_group("poseest")
        if version == 2:
            group["points"], group["confidence"] = points[:, 0], sure[:, 0]
            return
        group.attrs["version"] = np.array([version, 0], np.uint16)
        group["points"], group["confidence"] = points, sure
        group["instance_count"] = np.full(mice.frames, len(mice.names), np.uint8)
        group["instance_track_id"] = ids.astype(np.uint32)
        if version > 3:
            group["instance_embed_id"] = (ids + 1).astype(np.uint32)
            group["id_mask"] = np.zeros(ids.shape, bool)


def jabs3(path: Path, mice: Mice) -> None:
    jabs(path, mice, version=3)


def movement(path: Path, mice: Mice, plural: bool = False, fps: float | None = 50.0) -> None:
    """movement: netCDF's axes are HDF5's dimension scales."""
    ending = "s" if plural else ""
    axes = ("time", "space", f"keypoint{ending}", f"individual{ending}")
    with h5py.File(path, "w") as file:
        file["time"] = np.arange(mice.frames) / (fps or 1.0)
        for name, texts in zip(axes[1:], (("x", "y"), POINTS, mice.names), strict=True):
            file.create_dataset(name, data=list(texts), dtype=h5py.string_dtype())
        file["position"] = mice.xy.transpose(1, 3, 2, 0)
        file["confidence"] = np.where(mice.sure == 0, np.nan, mice.sure).transpose(1, 2, 0)
        for name in axes:
            file[name].make_scale(name)
        for array in ("position", "confidence"):
            used = [axis for axis in axes if array == "position" or axis != "space"]
            for place, axis in enumerate(used):
                file[array].dims[place].attach_scale(file[axis])
        file.attrs["ds_type"] = "poses"
        file.attrs["time_unit"] = "seconds" if fps else "frames"
        if fps:
            file.attrs["fps"] = np.array([fps])


def movement_plural(path: Path, mice: Mice) -> None:
    movement(path, mice, plural=True)


def coco(path: Path, mice: Mice) -> None:
    """COCO: each mouse has a `track_id`; images and annotations in no order."""
    mark = {0.0: 0, 0.5: 1, 1.0: 2}
    annotations = []
    for animal, frame in np.ndindex(mice.xy.shape[:2]):
        points = []
        for (x, y), sure in zip(mice.xy[animal, frame], mice.sure[animal, frame], strict=True):
            points += [x, y, mark[sure]] if sure else [0, 0, 0]
        annotations.append(
            {"image_id": frame + 7, "category_id": 1, "track_id": animal, "keypoints": points}
        )
    images = [{"id": n + 7, "file_name": f"video/img{n:05}.png"} for n in range(mice.frames)]
    categories = [{"id": 1, "name": "mouse", "keypoints": list(POINTS)}]
    content = {"images": images[::-1], "annotations": annotations, "categories": categories}
    path.write_text(json.dumps(content), encoding="utf-8")


def wide_rows(mice: Mice) -> tuple[list[str], list[list[object]]]:
    """A plain table: a line of each animal in each frame."""
    header = ["frame", "animal", *(f"{p}_{c}" for p in POINTS for c in ("x", "y", "confidence"))]
    rows: list[list[object]] = []
    for frame in range(mice.frames):
        for animal, name in enumerate(mice.names):
            cells = mice.values[animal, frame].ravel().tolist()
            rows.append([frame, name, *(None if np.isnan(cell) else cell for cell in cells)])
    return header, rows


def plain_csv(path: Path, mice: Mice) -> None:
    header, rows = wide_rows(mice)
    with path.open("w", newline="", encoding="utf-8") as stream:
        csv.writer(stream).writerows([header, *rows])


def parquet(path: Path, mice: Mice) -> None:
    header, rows = wide_rows(mice)
    columns = [pa.array(column) for column in zip(*rows, strict=True)]
    pq.write_table(pa.table(columns, names=header), path)


def slp(path: Path, mice: Mice) -> None:
    """SLEAP's own labels, by its own library."""
    sleap_io = pytest.importorskip("sleap_io", reason="the extra formats is not installed")
    skeleton = sleap_io.Skeleton(list(POINTS))
    tracks = [sleap_io.Track(name) for name in mice.names]
    video = sleap_io.Video(filename="video.mp4", open_backend=False)
    frames = []
    for frame in range(mice.frames):
        instances = [
            sleap_io.PredictedInstance.from_numpy(
                mice.xy[animal, frame],
                skeleton=skeleton,
                point_scores=mice.sure[animal, frame],
                score=1.0,
                track=track,
            )
            for animal, track in enumerate(tracks)
        ]
        frames.append(sleap_io.LabeledFrame(video=video, frame_idx=frame, instances=instances))
    labels = sleap_io.Labels(frames, videos=[video], skeletons=[skeleton], tracks=tracks)
    sleap_io.save_slp(labels, str(path), embed=False, verbose=False)


#: Every layout, and the name of the reader that knows it.
LAYOUTS = {
    "dlc_csv": (dlc_csv, "DeepLabCut csv"),
    "dlc_h5": (dlc_h5, "DeepLabCut h5"),
    "dlc_h5_fixed": (dlc_h5_fixed, "DeepLabCut h5"),
    "sleap_h5": (sleap_h5, "SLEAP analysis h5"),
    "sleap_h5_standard": (sleap_h5_standard, "SLEAP analysis h5"),
    "sleap_h5_old": (sleap_h5_old, "SLEAP analysis h5"),
    "slp": (slp, "SLEAP labels"),
    "jabs": (jabs, "JABS h5"),
    "jabs3": (jabs3, "JABS h5"),
    "movement": (movement, "movement netCDF"),
    "movement_plural": (movement_plural, "movement netCDF"),
    "coco": (coco, "COCO json"),
    "plain_csv": (plain_csv, "plain csv"),
    "parquet": (parquet, "Parquet"),
}

Write = Callable[..., None]


@pytest.fixture(scope="session")
def write() -> dict[str, Write]:
    """The function that lays out mice in a file, by the layout's name."""
    return {name: function for name, (function, _) in LAYOUTS.items()}


@pytest.fixture(params=LAYOUTS)
def layout(request: pytest.FixtureRequest) -> tuple[str, Write, str]:
    """One layout after the other: its name, what writes it, and which reader knows it."""
    function, reader = LAYOUTS[request.param]
    return request.param, function, reader
