"""Trained classifiers on disk: numbers and plain text in an npz, nothing that could run."""

from __future__ import annotations

import json
import zlib
from dataclasses import fields
from pathlib import Path
from typing import Any
from zipfile import BadZipFile, ZipFile

import numpy as np

from mousepose.analysis.behaviour.boosting import BoostedTrees
from mousepose.analysis.behaviour.channels import layout_of
from mousepose.analysis.behaviour.classifier import BehaviourModel, Head
from mousepose.analysis.behaviour.rocket import RocketHead
from mousepose.atomic import atomic_path
from mousepose.errors import FileError

_FORMAT = "mousepose behaviour 1"
#: A file of strangers may claim any size: this much is unpacked.
_MAX_BYTES = 1 << 30
#: Keypoints that a classifier may look at, and letters of their names.
_MAX_PARTS, _MAX_NAME = 1000, 100
_HEADS: dict[str, type[BoostedTrees] | type[RocketHead]] = {
    "boosting": BoostedTrees, "rocket": RocketHead,
}  # fmt: skip


def save_behaviour(path: str | Path, model: BehaviourModel) -> None:
    """Write a trained classifier as `.npz`. Raises `FileError` on another ending."""
    path = Path(path)
    if path.suffix != ".npz":
        raise FileError(f"{path}: expected a name that ends in .npz")
    parts = {own.name: getattr(model.head, own.name) for own in fields(model.head)}
    plain = {key: value for key, value in parts.items() if not isinstance(value, np.ndarray)}
    header = {
        "format": _FORMAT,
        "method": model.method,
        "head": plain,
        "classes": list(model.classes),
        "kinds": list(model.layout.kinds),
        "view": model.layout.view,
        "parts": list(model.layout.parts),
        "channels": list(model.layout.names),
        "length": model.length,
        "rate": model.rate,
        "temperature": model.temperature,
        "animals": list(model.animals),
        "notes": dict(model.notes),
    }
    arrays: dict[str, Any] = {k: v for k, v in parts.items() if isinstance(v, np.ndarray)}
    with atomic_path(path) as temporary, temporary.open("wb") as stream:
        np.savez_compressed(stream, header=np.array(json.dumps(header)), **arrays)


def load_behaviour(path: str | Path) -> BehaviourModel:
    """Return a trained classifier from its file.

    Raises `FileError` where it is none, damaged, too large, or of channels that are no longer made.
    """
    path = Path(path)
    try:
        return _loaded(path)
    except FileError:
        raise
    except (
        OSError, EOFError, ValueError, LookupError, TypeError, AttributeError, MemoryError,
        BadZipFile, zlib.error, NotImplementedError, RecursionError,
    ) as error:  # fmt: skip
        if isinstance(error, FileNotFoundError):
            raise FileError(f"{path}: there is no such file") from error
        raise FileError(f"{path}: not a behaviour classifier of mousepose: {error}") from error


def _loaded(path: Path) -> BehaviourModel:
    with ZipFile(path) as archive:
        size = sum(part.file_size for part in archive.infolist())
    if size > _MAX_BYTES:
        raise FileError(f"{path}: unpacks to {size:,} bytes, no behaviour classifier is so large")
    with path.open("rb") as stream, np.load(stream, allow_pickle=False) as file:
        header = json.loads(str(file["header"]))
        if not isinstance(header, dict) or header.get("format") != _FORMAT:
            have = header.get("format") if isinstance(header, dict) else None
            raise FileError(
                f"{path}: expected {_FORMAT!r}, got {have!r}: train it again "
                "(mousepose behaviour train)"
            )
        kind = _HEADS[header["method"]]
        arrays = {own.name: file[own.name] for own in fields(kind) if own.name in file}
    head: Head = kind(**{**arrays, **header["head"]})
    parts = [str(part)[:_MAX_NAME] for part in header["parts"][:_MAX_PARTS]]
    layout = layout_of(header["kinds"], header["view"], parts)
    if list(layout.names) != header["channels"]:
        raise FileError(
            f"{path}: made by another version of mousepose, with other channels: train it again"
        )
    classes = tuple(map(str, header["classes"]))
    length, rate = int(header["length"]), float(header["rate"])
    temperature = float(header["temperature"])
    outputs = len(head.start) if isinstance(head, BoostedTrees) else len(head.level)
    if outputs != len(classes) or list(classes) != sorted(set(classes)):
        raise ValueError("its classes do not fit its numbers")
    if not 3 <= length <= 100_000:
        raise ValueError("the length of its windows is none")
    if not (rate > 0 and np.isfinite(rate) and temperature > 0):
        raise ValueError("its rate or its temperature is none")
    animals = tuple(map(str, header["animals"]))
    notes = header["notes"]
    if not isinstance(notes, dict):
        raise ValueError("its notes are none")
    return BehaviourModel(classes, layout, length, rate, head, temperature, animals, notes)
