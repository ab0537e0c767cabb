"""Labels of exported frames as COCO, YOLO pose and Parquet."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np

from mousepose.dataset.frames import labelled, to_normalised
from mousepose.run.dataset_export import Exported
from mousepose.skeleton import PUBLISHED_PARENTS, TAIL_PARENTS, mirrored_name

_PARENTS = PUBLISHED_PARENTS | TAIL_PARENTS | {"LEFT_EAR": "NECK", "RIGHT_EAR": "NECK"}
#: COCO's visibility: 0 not labelled, 2 labelled and visible.
_VISIBLE = 2


def edges_of(names: tuple[str, ...]) -> list[tuple[int, int]]:
    """Return the skeleton's lines as pairs of places in `names`, from the trunk outwards."""
    edges = []
    for place, name in enumerate(names):
        parent = _PARENTS.get(name)
        while parent is not None and parent not in names:
            parent = _PARENTS[parent]
        if parent is not None:
            edges.append((names.index(parent), place))
    return edges


def write_coco(folder: Path, labels: Exported) -> None:
    """Write `annotations.json`, or `annotations_<part>.json` for each part of a split."""
    for part in labels.parts:
        name = f"annotations_{part}.json" if part else "annotations.json"
        document = _coco(labels, labels.rows_of(part))
        (folder / name).write_text(json.dumps(document), encoding="utf-8")


def write_yolo(folder: Path, labels: Exported) -> None:
    """Write a text for each picture, and `data.yaml`.

    A line is: class 0, centre and size of the box, then x, y and visibility of each keypoint, all
    as shares of the picture. A picture without an animal has an empty text.
    """
    for row, path in enumerate(labels.path):
        target = (folder / path.replace("images/", "labels/", 1)).with_suffix(".txt")
        target.parent.mkdir(parents=True, exist_ok=True)
        target.write_text(_yolo_line(labels, row), encoding="utf-8")
    names = labels.keypoint_names
    flip = [names.index(m) if (m := mirrored_name(name)) in names else k
            for k, name in enumerate(names)]  # fmt: skip
    parts = labels.parts
    lines = ["path: .", f"train: images/{parts[0]}"]
    lines.append(f"val: images/{parts[min(1, len(parts) - 1)]}")
    if len(parts) > 2:
        lines.append(f"test: images/{parts[2]}")
    lines += [
        f"kpt_shape: [{len(names)}, 3]", f"flip_idx: {flip}", "names:", "  0: mouse",
        f"kpt_names:\n  0: {json.dumps(list(names))}",
    ]  # fmt: skip
    (folder / "data.yaml").write_text("\n".join(lines) + "\n", encoding="utf-8")


def write_parquet(path: Path, labels: Exported) -> None:
    """Write one row a frame: record, clip, behaviour, part, size, box, and x and y of each name."""
    import pyarrow as pa
    import pyarrow.parquet as pq

    xy, box = np.stack(labels.xy), np.stack(labels.box)
    columns: dict[str, Any] = {
        "record": labels.record,
        "clip": labels.clip,
        "behaviour": labels.behaviour,
        "picture": labels.path,
        "width": [size[0] for size in labels.size],
        "height": [size[1] for size in labels.size],
    }
    if any(labels.part):
        columns["part"] = labels.part
    for column, name in enumerate(("left", "top", "right", "low")):
        columns[f"box_{name}"] = box[:, column]
    for k, name in enumerate(labels.keypoint_names):
        columns |= {f"{name}_x": xy[:, k, 0], f"{name}_y": xy[:, k, 1]}
    about = {b"units": b"px, the centre of the top-left pixel is (0, 0); NaN = not labelled"}
    table = pa.table(columns)
    pq.write_table(table.replace_schema_metadata(about), path)


def _coco(labels: Exported, rows: list[int]) -> dict[str, Any]:
    names = labels.keypoint_names
    images: list[dict[str, Any]] = []
    annotations: list[dict[str, Any]] = []
    for row in rows:
        width, height = labels.size[row]
        images.append({
            "id": labels.record[row], "file_name": labels.path[row], "width": width,
            "height": height, "clip": labels.clip[row], "behaviour": labels.behaviour[row],
        })  # fmt: skip
        xy = labels.xy[row]
        seen = labelled(xy)
        if not seen.any():
            continue
        flat = np.concatenate([np.where(seen[:, None], xy, 0.0), _VISIBLE * seen[:, None]], axis=1)
        left, top, right, low = labels.box[row].tolist()
        annotations.append({
            "id": len(annotations) + 1, "image_id": labels.record[row], "category_id": 1,
            "keypoints": [round(v, 3) for v in flat.ravel().tolist()],
            "num_keypoints": int(seen.sum()), "iscrowd": 0,
            "bbox": [round(v, 3) for v in (left, top, right - left, low - top)],
            "area": round((right - left) * (low - top), 3),
        })  # fmt: skip
    category = {
        "id": 1, "name": "mouse", "supercategory": "animal", "keypoints": list(names),
        "skeleton": [[a + 1, b + 1] for a, b in edges_of(names)],
    }  # fmt: skip
    about = {"description": "Frames of the Mouse Pose Analysis Dataset, written by mousepose"}
    return {"info": about, "images": images, "annotations": annotations, "categories": [category]}


def _yolo_line(labels: Exported, row: int) -> str:
    seen = labelled(labels.xy[row])
    if not seen.any():
        return ""
    size = labels.size[row]
    corners = to_normalised(labels.box[row].reshape(2, 2), size)
    centre, extent = corners.mean(axis=0), corners[1] - corners[0]
    points = np.where(seen[:, None], to_normalised(labels.xy[row], size), 0.0)
    cells = [f"{v:.6f}" for v in (*centre, *extent)]
    for (x, y), visible in zip(points.tolist(), seen.tolist(), strict=True):
        cells += [f"{x:.6f}", f"{y:.6f}", str(_VISIBLE * visible)]
    return " ".join(["0", *cells]) + "\n"
