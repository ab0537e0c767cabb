"""Body models in one file: an npz of plain arrays and a header in JSON, without pickle."""

from __future__ import annotations

import json
import zlib
from collections.abc import Mapping
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

import numpy as np
from numpy.typing import NDArray

from mousepose.atomic import atomic_path
from mousepose.body.mesh import Mesh
from mousepose.body.model import BodyModel, Marks
from mousepose.body.published import load_published
from mousepose.body.shape import ShapeSpace
from mousepose.errors import FileError, ModelError
from mousepose.skeleton import Skeleton
from mousepose.types import Floats

FORMAT = "mousepose body 1"
#: A model of 10,000 vertices takes 3 MB; what unpacks to more than this is none.
_MAX_BYTES = 200_000_000

_Arrays = Mapping[str, NDArray[Any]]


def load_body(path: str | Path) -> BodyModel:
    """Return the body model of a file of ours, or of a folder of the published model's files.

    Raises `FileError` naming the file and what is wrong with it.
    """
    path = Path(path)
    if path.is_dir():
        return load_published(path)
    header, arrays = _read(path, FORMAT)
    try:
        mesh = _mesh(header, arrays) if "vertices" in arrays else None
        skeleton = Skeleton(tuple(header["joints"]), tuple(int(p) for p in header["parents"]))
        bone = [skeleton.index(name) for name in header["keypoint_bones"]]
        marks = Marks(
            tuple(header["keypoints"]), np.array(bone, np.int64), arrays["keypoint_offset"],
            arrays["keypoint_sigma"],
        )  # fmt: skip
        shape = ShapeSpace(
            tuple(header["shapes"]), arrays["shape_basis"], arrays["shape_sd"],
            int(header["scans"]), str(header["shape_source"]),
        )  # fmt: skip
        return BodyModel(
            name=str(header["name"]), skeleton=skeleton, rest=arrays["rest"],
            free=arrays["free"] != 0, limits=arrays["limits"], keypoints=marks, shape_space=shape,
            mesh=mesh, source=str(header["source"]), axes=arrays["axes"],
        )  # fmt: skip
    except (LookupError, TypeError, ValueError, ModelError) as error:
        raise FileError(f"{path}: not a body file of mousepose: {error}") from error


def write_body(path: str | Path, body: BodyModel, notes: Mapping[str, Any] | None = None) -> None:
    """Write a body model with its skin; `notes` are added to the header (provenance)."""
    names = body.skeleton.joint_names
    space = body.shape_space
    header = {
        "format": FORMAT,
        "name": body.name,
        "source": body.source,
        "joints": names,
        "parents": body.skeleton.parents,
        "keypoints": body.keypoints.names,
        "keypoint_bones": [names[bone] for bone in body.keypoints.bone],
        "shapes": space.names,
        "scans": space.n_scans,
        "shape_source": space.source,
        "builds": () if body.mesh is None else body.mesh.build_names,
        **(notes or {}),
    }
    arrays: dict[str, NDArray[Any]] = {
        "rest": body.rest, "free": body.free.astype(np.uint8), "limits": body.limits,
        "axes": body.axes, "keypoint_offset": body.keypoints.offset,
        "keypoint_sigma": body.keypoints.sigma, "shape_basis": space.basis, "shape_sd": space.sd,
    }  # fmt: skip
    _write(path, header, arrays | _mesh_arrays(body.mesh))


def load_skin(path: str | Path) -> Mesh:
    """Return the skin alone of a body file. Raises `FileError`, also where it holds none."""
    header, arrays = _read(Path(path), FORMAT)
    try:
        return _mesh(header, arrays)
    except (LookupError, ModelError) as error:
        raise FileError(f"{path}: holds no skin: {error}") from error


def _mesh(header: Mapping[str, Any], arrays: _Arrays) -> Mesh:
    weights = arrays["weights"].astype(np.float64)
    return Mesh(
        arrays["vertices"].astype(np.float64),
        arrays["faces"].astype(np.int64),
        weights / np.maximum(weights.sum(axis=1, keepdims=True), 1e-9),
        coat=arrays.get("coat"),
        builds=arrays["build_basis"],
        build_names=tuple(header["builds"]),
        bulges=arrays["bulges"],
        drivers=arrays["drivers"],
    )


def _mesh_arrays(mesh: Mesh | None) -> dict[str, NDArray[Any]]:
    if mesh is None:
        return {}
    single = np.float32  # a thousandth of a micrometre on a mouse
    arrays: dict[str, NDArray[Any]] = {
        "vertices": mesh.vertices.astype(single), "faces": mesh.faces.astype(np.int32),
        "weights": mesh.weights.astype(single), "build_basis": mesh.builds.astype(single),
        "bulges": mesh.bulges.astype(single), "drivers": mesh.drivers.astype(single),
    }  # fmt: skip
    if mesh.coat is not None:
        arrays["coat"] = mesh.coat.astype(single)
    return arrays


def _write(path: str | Path, header: Mapping[str, Any], arrays: _Arrays) -> None:
    with atomic_path(path) as temporary, temporary.open("wb") as stream:
        np.savez_compressed(stream, header=np.array(json.dumps(header)), **arrays)  # type: ignore[arg-type]


def _read(path: Path, expected: str) -> tuple[dict[str, Any], dict[str, NDArray[Any]]]:
    """Return header and arrays of an npz file, the numbers as float64."""
    try:
        with path.open("rb") as stream:
            with ZipFile(stream) as archive:
                size = sum(entry.file_size for entry in archive.infolist())
            if size > _MAX_BYTES:
                raise FileError(f"{path}: unpacks to {size:,} bytes, more than any body file")
            stream.seek(0)
            with np.load(stream, allow_pickle=False) as file:
                header = json.loads(str(file["header"]))
                arrays = {name: _numbers(file[name]) for name in file.files if name != "header"}
    except (OSError, EOFError, ValueError, LookupError, BadZipFile, zlib.error) as error:
        raise FileError(f"{path}: not a body file of mousepose: {error}") from error
    if not isinstance(header, dict) or header.get("format") != expected:
        raise FileError(f"{path}: expected the format {expected!r}, not {header!r:.60}")
    return header, arrays


def _numbers(array: NDArray[Any]) -> Floats:
    if array.dtype.kind not in "fiub":
        raise ValueError(f"expected numbers, found {array.dtype}")
    return array.astype(np.float64)
