"""What a `PoseSequence` file says of itself: JSON under the Parquet metadata key "mousepose"."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow.parquet as pq

from mousepose.errors import FileError, InputError
from mousepose.io.poses.sequence_layout import Layout
from mousepose.types import PoseSequence

METADATA_KEY = b"mousepose"
#: Raised whenever an older reader would misread a newer file.
SCHEMA_VERSION = 1
UNITS = {"length": "mm", "angle": "rad", "time": "s", "covariance": "mm^2"}
#: What is said of each animal, with the JSON type.
ABOUT = {"shape": list, "frame": str, "scale_source": str, "provenance": dict}


@dataclass(frozen=True)
class Header:
    """The columns of a file and what holds for each animal in it (keys of `ABOUT`)."""

    layout: Layout
    animals: Mapping[str, Mapping[str, Any]]

    @classmethod
    def of(cls, sequence: PoseSequence) -> Header:
        """Return the header of a file of `sequence`. Raises `InputError` on what is no JSON."""
        about = {
            "shape": sequence.pose.shape,
            "frame": sequence.frame,
            "scale_source": sequence.scale_source,
            "provenance": dict(sequence.provenance),
        }
        try:
            # Through JSON and back, so that a header made and a header read compare equal.
            plain = json.loads(json.dumps(about, allow_nan=False, default=_plain))
        except (TypeError, ValueError) as error:
            raise InputError(f"shape and provenance must be plain finite data: {error}") from error
        return cls(Layout.of(sequence), {sequence.animal: plain})

    def merged(self, other: Header) -> Header:
        """Return the header of both files in one. Raises `InputError` where they disagree."""
        for name in ("keypoint_names", "joint_names", "cost_terms"):
            ours, theirs = getattr(self.layout, name), getattr(other.layout, name)
            if ours != theirs:
                raise InputError(f"the {name} differ between parts: {ours} and {theirs}")
        for animal in self.animals.keys() & other.animals.keys():
            for key, ours in self.animals[animal].items():
                theirs = other.animals[animal][key]
                if ours != theirs:
                    raise InputError(
                        f"the {key} of {animal} differs between parts: {ours!r} and {theirs!r}; "
                        "parts of one file come from one run"
                    )
        return Header(self.layout, {**self.animals, **other.animals})

    def metadata(self) -> dict[bytes, bytes]:
        """Return the Parquet metadata that `read` understands."""
        text = json.dumps(
            {
                "schema_version": SCHEMA_VERSION,
                "units": UNITS,
                "keypoint_names": self.layout.keypoint_names,
                "joint_names": self.layout.joint_names,
                "cost_terms": self.layout.cost_terms,
                "animals": dict(self.animals),
            }
        )
        return {METADATA_KEY: text.encode()}

    @classmethod
    def read(cls, path: Path, file: pq.ParquetFile) -> Header:
        """Return the header of an open file. Raises `FileError` where it has none or a bad one."""
        text = (file.metadata.metadata or {}).get(METADATA_KEY)
        if text is None:
            raise FileError(f"{path} is no file of 3D poses: it has no 'mousepose' metadata")
        try:
            header = json.loads(text)
            version = header["schema_version"]
            if version != SCHEMA_VERSION:
                raise FileError(
                    f"{path} has schema version {version}, this mousepose reads {SCHEMA_VERSION}: "
                    "use the version of mousepose that wrote it, or a newer one"
                )
            layout = Layout(*(_names(header[key]) for key in _NAME_LISTS))
            animals = {str(name): _about(about) for name, about in header["animals"].items()}
        except (ValueError, KeyError, TypeError, AttributeError, RecursionError) as error:
            if isinstance(error, FileError):
                raise
            raise FileError(f"{path}: its 'mousepose' metadata is damaged: {error!r}") from error
        return cls(layout, animals)


_NAME_LISTS = ("keypoint_names", "joint_names", "cost_terms")


def _plain(value: object) -> object:
    if isinstance(value, np.ndarray | np.generic):
        return value.tolist()
    if isinstance(value, Path):
        return str(value)
    raise TypeError(f"{type(value).__name__} is no plain data")


def _names(value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not all(isinstance(name, str) for name in value):
        raise TypeError(f"expected a list of names, got {value!r}")
    return tuple(value)


def _about(value: Mapping[str, Any]) -> dict[str, Any]:
    for key, kind in ABOUT.items():
        if not isinstance(value[key], kind):
            raise TypeError(f"{key}: expected a {kind.__name__}, got {value[key]!r}")
    np.asarray(value["shape"], dtype=np.float64)
    return {key: value[key] for key in ABOUT}
