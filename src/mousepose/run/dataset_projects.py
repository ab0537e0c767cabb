"""Exported frames as projects of DeepLabCut and Lightning Pose, and as SLEAP's labels."""

from __future__ import annotations

import csv
import json
import math
import warnings
from pathlib import Path
from typing import Any

import numpy as np

from mousepose.dataset.frames import labelled
from mousepose.run.dataset_export import Exported
from mousepose.run.dataset_labels import edges_of
from mousepose.skeleton import side_pairs

SCORER = "mousepose"


def write_deeplabcut(folder: Path, labels: Exported) -> None:
    """Write `config.yaml` and, beside the pictures of each clip, `CollectedData_<scorer>.csv`, .h5.

    The h5 needs PyTables; without it DeepLabCut makes it of the csv (`convertcsv2h5`).
    """
    for clip in dict.fromkeys(labels.clip):
        rows = [row for row, own in enumerate(labels.clip) if own == clip]
        base = folder / "labeled-data" / clip / f"CollectedData_{SCORER}"
        index = [tuple(labels.path[row].split("/")) for row in rows]
        values = np.stack([labels.xy[row] for row in rows]).reshape(len(rows), -1)
        _write_labels(base.with_suffix(".csv"), labels.keypoint_names, index, values)
        _write_h5(base.with_suffix(".h5"), labels.keypoint_names, index, values)
    (folder / "config.yaml").write_text(_deeplabcut_config(labels), encoding="utf-8")


def write_lightning_pose(folder: Path, labels: Exported) -> None:
    """Write `CollectedData.csv` of all pictures and `project.yaml`, as Lightning Pose does."""
    values = np.stack(labels.xy).reshape(len(labels), -1)
    index: list[tuple[str, ...]] = [(path,) for path in labels.path]
    _write_labels(folder / "CollectedData.csv", labels.keypoint_names, index, values)
    (folder / "videos").mkdir()
    names = "\n".join(f"  - {json.dumps(name)}" for name in labels.keypoint_names)
    text = f"view_names: []\nkeypoint_names:\n{names}\n"
    (folder / "project.yaml").write_text(text, encoding="utf-8")


def write_slp(folder: Path, labels: Exported, final: Path) -> None:
    """Write SLEAP's `labels.slp`: one video of pictures a clip.

    `final` is where the folder will lie when the file is opened.
    """
    import sleap_io as sio

    names = labels.keypoint_names
    nodes = [sio.Node(name) for name in names]
    skeleton = sio.Skeleton(
        nodes,
        [sio.Edge(nodes[a], nodes[b]) for a, b in edges_of(names)],
        [sio.Symmetry([nodes[a], nodes[b]]) for a, b in side_pairs(names)],
        name="mouse",
    )
    frames, videos = [], []
    for clip in dict.fromkeys(labels.clip):
        rows = [row for row, own in enumerate(labels.clip) if own == clip]
        files = [str(final / labels.path[row]) for row in rows]
        width, height = labels.size[rows[0]]
        video = sio.Video(filename=files, open_backend=False)
        # The pictures are not there yet, so the library cannot find this out by itself.
        video.backend_metadata = {
            "type": "ImageVideo", "filename": files[0], "filenames": files, "grayscale": False,
            "shape": [len(rows), height, width, 3],
            "height_": height, "width_": width, "channels_": 3,
        }  # fmt: skip
        videos.append(video)
        for place, row in enumerate(rows):
            if labelled(labels.xy[row]).any():
                instance = sio.Instance.from_numpy(labels.xy[row], skeleton=skeleton)
                frames.append(sio.LabeledFrame(video, place, [instance]))
    made = sio.Labels(frames, videos, [skeleton], provenance={"source": "mousepose"})
    with warnings.catch_warnings(action="ignore"):
        sio.save_file(made, str(folder / "labels.slp"), format="slp", embed=False, verbose=False)


def _write_labels(
    path: Path, names: tuple[str, ...], index: list[tuple[str, ...]], values: Any
) -> None:
    """Write a csv in DeepLabCut's layout: three header rows, the picture's path in front."""
    blank = [""] * (len(index[0]) - 1)
    with path.open("w", encoding="utf-8", newline="") as stream:
        writer = csv.writer(stream, lineterminator="\n")
        writer.writerow(["scorer", *blank, *[SCORER] * (2 * len(names))])
        writer.writerow(["bodyparts", *blank, *(name for name in names for _ in "xy")])
        writer.writerow(["coords", *blank, *(["x", "y"] * len(names))])
        for place, row in zip(index, values.tolist(), strict=True):
            writer.writerow([*place, *("" if math.isnan(v) else f"{v:.4f}" for v in row)])


def _write_h5(
    path: Path, names: tuple[str, ...], index: list[tuple[str, ...]], values: Any
) -> None:
    """Write the same table as pandas does for DeepLabCut, where PyTables is installed."""
    import pandas as pd

    try:
        import tables  # noqa: F401
    except ImportError:
        return
    columns = pd.MultiIndex.from_product(
        [[SCORER], list(names), ["x", "y"]], names=["scorer", "bodyparts", "coords"]
    )
    table = pd.DataFrame(values, columns=columns, index=pd.MultiIndex.from_tuples(index))
    with warnings.catch_warnings(
        action="ignore"
    ):  # PyTables pickles the names, as DeepLabCut's own do
        table.to_hdf(path, key="df_with_missing", mode="w")


def _deeplabcut_config(labels: Exported) -> str:
    """Return DeepLabCut's `config.yaml`. JSON's strings and lists are YAML's too."""
    clips = list(dict.fromkeys(labels.clip))
    width, height = np.max(np.array(labels.size), axis=0).tolist()
    names = labels.keypoint_names
    lines = [
        "Task: mouse-pose-dataset", f"scorer: {SCORER}", "date: dataset",
        "multianimalproject: false", "identity: false", "project_path: .",
        "engine: pytorch", "video_sets:",
    ]  # fmt: skip
    for clip in clips:
        lines += [f"  {json.dumps(f'videos/{clip}.mp4')}:", f"    crop: 0, {width}, 0, {height}"]
    lines += ["bodyparts:", *(f"- {json.dumps(name)}" for name in names)]
    lines += ["skeleton:"]
    for a, b in edges_of(names):
        lines += [f"- - {json.dumps(names[a])}", f"  - {json.dumps(names[b])}"]
    lines += [
        "start: 0", "stop: 1", "numframes2pick: 12", "skeleton_color: black", "pcutoff: 0.6",
        "dotsize: 4", "alphavalue: 0.7", "colormap: rainbow", "TrainingFraction:", "- 0.95",
        "iteration: 0", "default_net_type: resnet_50", "default_augmenter: default",
        "snapshotindex: -1", "batch_size: 8", "cropping: false", "corner2move2:", "- 50", "- 50",
        "move2corner: true",
    ]  # fmt: skip
    return "\n".join(lines) + "\n"
