"""Files that look like a tracker's and are none: each is read or refused in words, no worse."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import h5py
import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from mousepose.errors import MouseposeError
from mousepose.io.keypoints.registry import load_tracks


def check(path: Path) -> None:
    try:
        tracks = load_tracks(path, fps=50)
    except MouseposeError as error:
        assert str(path) in str(error)
    else:
        assert all(len(track) > 0 for track in tracks.values())


#: Arrays and groups that make a reader take a file for its own, and all others that it then reads.
SLEAP = ("tracks", "node_names", "track_names", "point_scores")
JABS = tuple(
    f"poseest/{name}"
    for name in (
        *("points", "confidence", "instance_count", "instance_track_id"),
        *("instance_embed_id", "id_mask", "external_identity_mapping"),
    )
)
MOVEMENT = ("position", "time", "space", "keypoint", "individual", "confidence")
LABELS = ("frames", "instances", "points", "pred_points", "tracks_json", "videos_json", "metadata")
PANDAS = tuple(f"df/{name}" for name in ("table", "axis1", "block0_values", "block0_items_level0"))

KINDS = st.sampled_from(["f8", "f4", "u2", "i8", "bool", "S3", "O", "i4,f8", "c16"])
#: Sizes that fit together now and then.
SHAPES = st.lists(st.sampled_from([0, 1, 2, 2, 3, 12]), max_size=5)
ATTRIBUTES = st.dictionaries(
    st.sampled_from(["dims", "preset", "version", "fps", "format_id", "nblocks", "time_unit"]),
    st.sampled_from(["standard", "seconds", '["frame", "track", "node", "xy"]', 3, -1.0, "{"])
    | st.lists(st.integers(0, 9), max_size=3),
    max_size=2,
)


@given(
    st.sampled_from([SLEAP, JABS, MOVEMENT, LABELS, PANDAS]).flatmap(
        lambda names: st.fixed_dictionaries(
            {}, optional={name: st.tuples(SHAPES, KINDS, ATTRIBUTES) for name in names}
        )
    ),
    ATTRIBUTES,
    st.sampled_from([None, b"frame", b"frame_table"]),
)
def test_any_arrays_under_known_names(
    tmp_path: Path, arrays: dict[str, Any], attributes: dict[str, Any], pandas: bytes | None
) -> None:
    path = tmp_path / "file.h5"
    with h5py.File(path, "w") as file:
        for name, (shape, kind, told) in arrays.items():
            if kind == "O":
                array = file.create_dataset(name, shape, h5py.string_dtype())
            else:
                array = file.create_dataset(name, data=np.ones(shape).astype(kind))
            array.attrs.update(told)
        for owner in (file, *(file[name] for name in ("poseest", "df") if name in file)):
            owner.attrs.update(attributes)
            if pandas is not None:
                owner.attrs["pandas_type"] = np.bytes_(pandas)
    check(path)


VALUES = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3),
    lambda inner: st.lists(inner, max_size=6) | st.dictionaries(st.text(max_size=2), inner),
    max_leaves=8,
)
NUMBERS = st.lists(st.sampled_from([0, 1, 2, 0.5, None, "x", 1e300]), min_size=3, max_size=3)
IDS = st.sampled_from([0, 1, 2, "1", 2**70, -1, None])


def objects(**fields: st.SearchStrategy[Any]) -> st.SearchStrategy[Any]:
    """A list of objects with these fields, or with something else in their place."""
    found = st.fixed_dictionaries({}, optional={k: v | VALUES for k, v in fields.items()})
    return st.lists(found, max_size=3) | VALUES


@given(
    objects(id=IDS, file_name=st.sampled_from(["a/img1.png", "b/2.png", "x"])),
    objects(image_id=IDS, category_id=IDS, keypoints=NUMBERS, track_id=IDS, attributes=VALUES),
    objects(id=IDS, name=st.just("mouse"), keypoints=st.just(["nose"])),
)
def test_any_json_under_the_keys_of_coco(
    tmp_path: Path, images: Any, annotations: Any, categories: Any
) -> None:
    path = tmp_path / "file.json"
    found = {"images": images, "annotations": annotations, "categories": categories}
    path.write_text(json.dumps(found), encoding="utf-8")
    check(path)


CELLS = st.sampled_from(
    ["", "0", "1", "2", "0.5", "x", "y", "z", "nan", "inf", "-1", '"', "likelihood", "a", "set"]
    + ["scorer", "coords", "bodyparts", "individuals", "visible", "x_posterior_var", "img1.png"]
    + ["frame", "animal", "a_x", "a_y", "a_p", "a_cov_xx", "1e999", "\0", "9" * 30]
)
ROWS = st.lists(st.lists(CELLS, min_size=1, max_size=5), min_size=1, max_size=6)


@given(st.sampled_from(["scorer", "frame", "a_x,a_y"]), ROWS, st.sampled_from(",;\t"))
def test_any_cells_in_any_rows(
    tmp_path: Path, start: str, rows: list[list[str]], delimiter: str
) -> None:
    path = tmp_path / "file.csv"
    lines = [delimiter.join(cells) for cells in rows]
    lines[0] = start.replace(",", delimiter) + delimiter + lines[0]
    path.write_text("\n".join(lines), encoding="utf-8")
    check(path)


@given(ROWS)
def test_any_cells_below_a_header_of_deeplabcut(tmp_path: Path, rows: list[list[str]]) -> None:
    path = tmp_path / "file.csv"
    width = len(rows[0])
    header = [["scorer", *"s" * width], ["bodyparts", *"a" * width], ["coords", *rows[0]]]
    path.write_text("\n".join(",".join(cells) for cells in header + rows[1:]), encoding="utf-8")
    check(path)
