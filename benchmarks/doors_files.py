"""Small files of every format that mousepose reads, made as other programs make them.

Each maker writes one track and is not our own writer wherever another program's can be had:
pandas writes DeepLabCut's tables, sleap-io SLEAP's files, xarray the netCDF.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import h5py
import numpy as np
import pandas as pd

from mousepose.types import Keypoints2D, Keypoints3D

#: JABS knows these body parts and no others, so all files have them.
NAMES = (
    "NOSE", "LEFT_EAR", "RIGHT_EAR", "BASE_NECK", "LEFT_FRONT_PAW", "RIGHT_FRONT_PAW",
    "CENTER_SPINE", "LEFT_REAR_PAW", "RIGHT_REAR_PAW", "BASE_TAIL", "MID_TAIL", "TIP_TAIL",
)  # fmt: skip
FPS = 30.0
FRAMES = 40

Maker2D = Callable[[Path, Keypoints2D], Path]
Maker3D = Callable[[Path, Keypoints3D], Path]


def a_track() -> Keypoints2D:
    """Return points at whole pixels, as JABS holds them, a tenth of them unseen."""
    random = np.random.default_rng(0)
    xy = random.integers(1, 1000, (FRAMES, 1, len(NAMES), 2)).astype(float)
    lost = random.random((FRAMES, 1, len(NAMES))) < 0.1
    return Keypoints2D(
        np.where(lost[..., None], np.nan, xy),
        np.where(lost, 0.0, 0.5 + 0.5 * random.random(lost.shape)),
        np.arange(FRAMES) / FPS,
        np.arange(FRAMES),
        NAMES,
    )


def a_cloud() -> Keypoints3D:
    """Return points in space, a tenth of them unknown."""
    random = np.random.default_rng(1)
    xyz = random.normal(0, 100, (FRAMES, len(NAMES), 3))
    lost = random.random((FRAMES, len(NAMES), 1)) < 0.1
    return Keypoints3D(np.where(lost, np.nan, xyz), np.arange(FRAMES) / FPS, NAMES)


def _table(points: Keypoints2D, more: Mapping[str, Any] | None = None, animals: int = 1) -> Any:
    """Return DeepLabCut's table; `more` are further columns, `animals` copies of the animal."""
    values = {"x": points.xy[:, 0, :, 0], "y": points.xy[:, 0, :, 1]} | dict(
        more if more is not None else {"likelihood": points.confidence[:, 0]}
    )
    block = np.stack([np.broadcast_to(v, values["x"].shape) for v in values.values()], axis=-1)
    block = block.reshape(len(points), -1)
    levels: list[Any] = [["network"], list(points.keypoint_names), list(values)]
    names = ["scorer", "bodyparts", "coords"]
    if animals > 1:
        levels.insert(1, [f"mouse{index}" for index in range(animals)])
        names.insert(1, "individuals")
        block = np.tile(block, animals)
    columns = pd.MultiIndex.from_product(levels, names=names)
    return pd.DataFrame(block, columns=columns, index=points.frame_numbers)


def _csv(path: Path, table: Any) -> Path:
    table.to_csv(path)
    return path


def _h5(path: Path, table: Any, layout: Any = "table") -> Path:
    table.to_hdf(path, key="df_with_missing", mode="w", format=layout)
    return path


def _labels(path: Path, points: Keypoints2D) -> Path:
    """Write the table of hand labels: a row for each image."""
    table = _table(points, {})
    table.index = [f"labeled-data/mouse/img{frame:04}.png" for frame in points.frame_numbers]
    return _csv(path, table)


def _smoothed(path: Path, points: Keypoints2D) -> Path:
    """Write what the ensemble smoother of Lightning Pose writes."""
    more = {"likelihood": points.confidence[:, 0]}
    for kind in ("ens_median", "ens_var", "posterior_var"):
        more |= {f"{axis}_{kind}": np.ones_like(points.confidence[:, 0]) for axis in "xy"}
    return _csv(path, _table(points, more))


def _sleap_labels(points: Keypoints2D) -> Any:
    import sleap_io as sio

    skeleton = sio.Skeleton(nodes=[sio.Node(name) for name in points.keypoint_names])
    video, track = sio.Video(filename="mouse.mp4", open_backend=False), sio.Track("mouse")
    frames = []
    for row, number in enumerate(points.frame_numbers):
        instance = sio.PredictedInstance.from_numpy(
            points.xy[row, 0],
            skeleton=skeleton,
            point_scores=points.confidence[row, 0],
            score=1.0,
            track=track,
        )
        frames.append(sio.LabeledFrame(video=video, frame_idx=int(number), instances=[instance]))
    return sio.Labels(frames, videos=[video], skeletons=[skeleton], tracks=[track])


def _sleap(path: Path, points: Keypoints2D, preset: str) -> Path:
    import sleap_io as sio

    sio.save_analysis_h5(_sleap_labels(points), str(path), preset=preset)
    return path


def _slp(path: Path, points: Keypoints2D) -> Path:
    import sleap_io as sio

    sio.save_slp(_sleap_labels(points), str(path), verbose=False)
    return path


def _sleap_csv(path: Path, points: Keypoints2D) -> Path:
    columns: dict[str, Any] = {"track": "mouse", "frame_idx": points.frame_numbers}
    for k, name in enumerate(points.keypoint_names):
        columns |= {
            f"{name}.x": points.xy[:, 0, k, 0],
            f"{name}.y": points.xy[:, 0, k, 1],
            f"{name}.score": points.confidence[:, 0, k],
        }
    pd.DataFrame(columns).to_csv(path, index=False)
    return path


def _jabs(path: Path, points: Keypoints2D, version: int) -> Path:
    yx = np.nan_to_num(points.xy[:, 0, :, ::-1]).astype(np.uint16)
    sure = points.confidence[:, 0].astype(np.float32)
    several = version > 2
    with h5py.File(path, "w") as file:
        group = file.create_group("poseest")
        group["points"] = yx[:, None] if several else yx
        group["confidence"] = sure[:, None] if several else sure
        if several:
            group.attrs["version"] = [version, 0]
            count = np.ones(len(points), np.uint8)
            group["instance_count"] = count
            group["instance_track_id"] = np.zeros((len(points), 1), np.uint32)
        if version > 3:
            group["instance_embed_id"] = np.ones((len(points), 1), np.uint32)
            group["id_mask"] = np.zeros((len(points), 1), bool)
    return path


def _coco(path: Path, points: Keypoints2D) -> Path:
    annotations = []
    for row in range(len(points)):
        seen = np.isfinite(points.xy[row, 0, :, 0])
        triples = np.column_stack([np.nan_to_num(points.xy[row, 0]), 2 * seen])
        annotations.append(
            {"id": row, "image_id": row, "category_id": 1, "keypoints": triples.ravel().tolist()}
        )
    images = [{"id": row, "file_name": f"img{row:04}.png"} for row in range(len(points))]
    category = {"id": 1, "name": "mouse", "keypoints": list(points.keypoint_names)}
    document = {"images": images, "annotations": annotations, "categories": [category]}
    path.write_text(json.dumps(document), encoding="utf-8")
    return path


def _netcdf(path: Path, points: Keypoints2D | Keypoints3D, plural: bool = False) -> Path:
    import xarray as xr

    ending = "s" if plural else ""
    xyz = points.xy[:, 0] if isinstance(points, Keypoints2D) else points.xyz
    sure = (
        points.confidence[:, 0]
        if isinstance(points, Keypoints2D)
        else np.ones(xyz.shape[:2], dtype=float)
    )
    last = (f"keypoint{ending}", f"individual{ending}")
    xr.Dataset(
        {
            "position": (("time", "space", *last), xyz.transpose(0, 2, 1)[..., None]),
            "confidence": (("time", *last), sure[..., None]),
        },
        coords={
            "time": points.times,
            "space": list("xyz")[: xyz.shape[-1]],
            last[0]: list(points.keypoint_names),
            last[1]: ["mouse"],
        },
        attrs={"fps": FPS, "time_unit": "seconds", "ds_type": "poses"},
    ).to_netcdf(path, engine="h5netcdf")
    return path


def _plain(points: Keypoints2D | Keypoints3D) -> Any:
    xyz = points.xy[:, 0] if isinstance(points, Keypoints2D) else points.xyz
    columns: dict[str, Any] = {"frame": np.arange(len(xyz)), "time_s": points.times}
    for k, name in enumerate(points.keypoint_names):
        columns |= {f"{name}_{axis}": xyz[:, k, d] for d, axis in enumerate("xyz"[: xyz.shape[-1]])}
    return pd.DataFrame(columns)


def _plain_csv(path: Path, points: Keypoints2D | Keypoints3D) -> Path:
    _plain(points).to_csv(path, index=False)
    return path


def _plain_parquet(path: Path, points: Keypoints2D | Keypoints3D) -> Path:
    _plain(points).to_parquet(path)
    return path


def _anipose(path: Path, points: Keypoints3D) -> Path:
    table = _plain(points).drop(columns=["frame", "time_s"])
    for name in points.keypoint_names:
        table[[f"{name}_error", f"{name}_ncams", f"{name}_score"]] = (1.5, 3.0, 0.9)
    table[[f"M_{i}{j}" for i in range(3) for j in range(3)]] = np.eye(3).ravel()
    table[[f"center_{i}" for i in range(3)]] = 0.0
    table["fnum"] = np.arange(len(table))
    table.to_csv(path, index=False)
    return path


def _space_table(points: Keypoints3D) -> Any:
    columns = pd.MultiIndex.from_product(
        [["DLC_3D"], list(points.keypoint_names), list("xyz")],
        names=["scorer", "bodyparts", "coords"],
    )
    return pd.DataFrame(points.xyz.reshape(len(points.xyz), -1), columns=columns)


def _sleap_anipose(path: Path, points: Keypoints3D) -> Path:
    with h5py.File(path, "w") as file:
        file.create_dataset("tracks", data=points.xyz[:, None], compression="gzip")
        file["node_names"] = np.array([name.encode() for name in points.keypoint_names])
    return path


#: Makers of files of 2D keypoints, by the format's name and the file's ending.
MAKERS_2D: dict[tuple[str, str], Maker2D] = {
    ("DeepLabCut csv", ".csv"): lambda path, points: _csv(path, _table(points)),
    ("DeepLabCut csv, 2 animals", ".csv"): lambda path, points: _csv(
        path, _table(points, animals=2)
    ),
    ("DeepLabCut csv of labels", ".csv"): _labels,
    ("DeepLabCut h5", ".h5"): lambda path, points: _h5(path, _table(points)),
    ("DeepLabCut h5, fixed layout", ".h5"): lambda path, points: _h5(path, _table(points), "fixed"),
    ("DeepLabCut h5, 2 animals", ".h5"): lambda path, points: _h5(path, _table(points, animals=2)),
    ("Lightning Pose csv, smoothed", ".csv"): _smoothed,
    ("SLEAP analysis h5, matlab", ".h5"): lambda path, points: _sleap(path, points, "matlab"),
    ("SLEAP analysis h5, standard", ".h5"): lambda path, points: _sleap(path, points, "standard"),
    ("SLEAP labels", ".slp"): _slp,
    ("SLEAP csv", ".csv"): _sleap_csv,
    **{
        (f"JABS h5 v{version}", ".h5"): lambda path, points, version=version: _jabs(
            path, points, version
        )
        for version in range(2, 9)
    },
    ("COCO json", ".json"): _coco,
    ("movement netCDF", ".nc"): _netcdf,
    ("movement netCDF, plural", ".nc"): lambda path, points: _netcdf(path, points, plural=True),
    ("plain csv", ".csv"): _plain_csv,
    ("Parquet", ".parquet"): _plain_parquet,
    ("anipose 2D h5", ".h5"): lambda path, points: _h5(
        path, _table(points, {"likelihood": points.confidence[:, 0], "interpolated": 0.0})
    ),
}
#: Makers of files of points in space.
MAKERS_3D: dict[tuple[str, str], Maker3D] = {
    ("anipose 3D csv", ".csv"): _anipose,
    ("DeepLabCut 3D csv", ".csv"): lambda path, points: _csv(path, _space_table(points)),
    ("DeepLabCut 3D h5", ".h5"): lambda path, points: _h5(path, _space_table(points)),
    ("sleap-anipose h5", ".h5"): _sleap_anipose,
    ("movement netCDF, 3D", ".nc"): _netcdf,
    ("plain csv, 3D", ".csv"): _plain_csv,
    ("Parquet, 3D", ".parquet"): _plain_parquet,
}
