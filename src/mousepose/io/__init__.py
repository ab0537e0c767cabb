"""Files in and out. Importing it is light: what needs pyarrow or h5py is loaded when it is used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mousepose.io.atomic import atomic_path
    from mousepose.io.cameras import read_cameras, write_cameras
    from mousepose.io.dlc import write_dlc_csv
    from mousepose.io.mesh import read_obj, write_keypoint_text, write_obj
    from mousepose.io.parquet import (
        SequenceWriter,
        concatenate_sequences,
        iterate_sequence,
        read_sequence,
        write_sequence,
    )
    from mousepose.io.registry import iterate_keypoints, load_keypoints
    from mousepose.io.table import write_keypoints_parquet

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
    "SequenceWriter": "parquet",
    "atomic_path": "atomic",
    "concatenate_sequences": "parquet",
    "iterate_keypoints": "registry",
    "iterate_sequence": "parquet",
    "load_keypoints": "registry",
    "read_cameras": "cameras",
    "read_obj": "mesh",
    "read_sequence": "parquet",
    "write_cameras": "cameras",
    "write_dlc_csv": "dlc",
    "write_keypoint_text": "mesh",
    "write_keypoints_parquet": "table",
    "write_obj": "mesh",
    "write_sequence": "parquet",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
