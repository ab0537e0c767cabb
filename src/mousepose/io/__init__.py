"""Files in and out. Importing it is light: what needs pyarrow or h5py is loaded when it is used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mousepose.io.atomic import atomic_path
    from mousepose.io.cameras.files import read_cameras, write_cameras
    from mousepose.io.keypoints.dlc import write_dlc_csv
    from mousepose.io.keypoints.registry import iterate_keypoints, load_keypoints
    from mousepose.io.keypoints.table import write_keypoints_parquet
    from mousepose.io.poses.mesh import read_obj, write_keypoint_text, write_obj
    from mousepose.io.poses.parquet import (
        SequenceWriter,
        concatenate_sequences,
        iterate_sequence,
        read_sequence,
        write_sequence,
    )

__all__ = [
    "SequenceWriter",
    "atomic_path",
    "concatenate_sequences",
    "iterate_keypoints",
    "iterate_sequence",
    "load_keypoints",
    "read_cameras",
    "read_obj",
    "read_sequence",
    "write_cameras",
    "write_dlc_csv",
    "write_keypoint_text",
    "write_keypoints_parquet",
    "write_obj",
    "write_sequence",
]

_MODULE_OF = {
    "SequenceWriter": "poses.parquet",
    "atomic_path": "atomic",
    "concatenate_sequences": "poses.parquet",
    "iterate_keypoints": "keypoints.registry",
    "iterate_sequence": "poses.parquet",
    "load_keypoints": "keypoints.registry",
    "read_cameras": "cameras.files",
    "read_obj": "poses.mesh",
    "read_sequence": "poses.parquet",
    "write_cameras": "cameras.files",
    "write_dlc_csv": "keypoints.dlc",
    "write_keypoint_text": "poses.mesh",
    "write_keypoints_parquet": "keypoints.table",
    "write_obj": "poses.mesh",
    "write_sequence": "poses.parquet",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
