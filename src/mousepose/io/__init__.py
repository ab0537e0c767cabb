"""Files in and out. Importing it is light: what needs pyarrow or h5py is loaded when it is used."""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mousepose.io.biomechanics.bvh import write_bvh
    from mousepose.io.biomechanics.bvh_read import read_bvh
    from mousepose.io.cameras.files import read_cameras, write_cameras
    from mousepose.io.conversion import Conversion, convert
    from mousepose.io.keypoints.dlc_write import write_dlc_csv
    from mousepose.io.keypoints.registry import (
        animals_in,
        iterate_keypoints,
        load_keypoints,
        load_tracks,
    )
    from mousepose.io.keypoints.registry_write import write_keypoints
    from mousepose.io.keypoints.table_write import write_keypoints_parquet
    from mousepose.io.loading import load
    from mousepose.io.mesh.frames import write_mesh_frames, write_ply
    from mousepose.io.mesh.gltf import write_glb
    from mousepose.io.mesh.gltf_read import read_glb
    from mousepose.io.nwb.read import iterate_nwb, read_nwb
    from mousepose.io.nwb.session import read_session
    from mousepose.io.nwb.write import Recording, VideoFile, write_nwb
    from mousepose.io.poses.mesh import (
        read_keypoint_text,
        read_obj,
        write_keypoint_text,
        write_obj,
    )
    from mousepose.io.poses.parquet import (
        SequenceWriter,
        concatenate_sequences,
        iterate_sequence,
        read_sequence,
    )
    from mousepose.io.poses.registry import iterate_points, read_points, write_sequence

_MODULE_OF = {
    "Conversion": "conversion",
    "Recording": "nwb.write",
    "SequenceWriter": "poses.parquet",
    "VideoFile": "nwb.write",
    "animals_in": "keypoints.registry",
    "concatenate_sequences": "poses.parquet",
    "convert": "conversion",
    "iterate_keypoints": "keypoints.registry",
    "iterate_nwb": "nwb.read",
    "iterate_points": "poses.registry",
    "iterate_sequence": "poses.parquet",
    "load": "loading",
    "load_keypoints": "keypoints.registry",
    "load_tracks": "keypoints.registry",
    "read_bvh": "biomechanics.bvh_read",
    "read_cameras": "cameras.files",
    "read_glb": "mesh.gltf_read",
    "read_keypoint_text": "poses.mesh",
    "read_nwb": "nwb.read",
    "read_obj": "poses.mesh",
    "read_points": "poses.registry",
    "read_sequence": "poses.parquet",
    "read_session": "nwb.session",
    "write_bvh": "biomechanics.bvh",
    "write_cameras": "cameras.files",
    "write_dlc_csv": "keypoints.dlc_write",
    "write_glb": "mesh.gltf",
    "write_keypoint_text": "poses.mesh",
    "write_keypoints": "keypoints.registry_write",
    "write_keypoints_parquet": "keypoints.table_write",
    "write_mesh_frames": "mesh.frames",
    "write_nwb": "nwb.write",
    "write_obj": "poses.mesh",
    "write_ply": "mesh.frames",
    "write_sequence": "poses.registry",
}

__all__ = [
    "Conversion",
    "Recording",
    "SequenceWriter",
    "VideoFile",
    "animals_in",
    "concatenate_sequences",
    "convert",
    "iterate_keypoints",
    "iterate_nwb",
    "iterate_points",
    "iterate_sequence",
    "load",
    "load_keypoints",
    "load_tracks",
    "read_bvh",
    "read_cameras",
    "read_glb",
    "read_keypoint_text",
    "read_nwb",
    "read_obj",
    "read_points",
    "read_sequence",
    "read_session",
    "write_bvh",
    "write_cameras",
    "write_dlc_csv",
    "write_glb",
    "write_keypoint_text",
    "write_keypoints",
    "write_keypoints_parquet",
    "write_mesh_frames",
    "write_nwb",
    "write_obj",
    "write_ply",
    "write_sequence",
]


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
