"""Weights of a keypoint network in one npz: what `mousepose finetune` goes on from."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any
from zipfile import BadZipFile

import numpy as np
import torch
from numpy.typing import NDArray

from mousepose.atomic import atomic_path
from mousepose.errors import FileError
from mousepose.train.model import KeypointNetwork, NetworkSize

_FORMAT = "mousepose weights 1"
_MOST_BYTES = 200_000_000


def weights_beside(model: Path) -> Path:
    """Return where the weights of a network file are kept: beside it."""
    return model.with_suffix(".weights.npz")


def write_weights(path: Path, network: KeypointNetwork) -> None:
    """Write the weights of a network, in single precision."""
    header = json.dumps({"format": _FORMAT, "size": network.size.as_json()}).encode()
    arrays: dict[str, NDArray[Any]] = {"header": np.frombuffer(header, np.uint8)}
    for name, value in network.state_dict().items():
        arrays[name] = value.detach().cpu().contiguous().numpy()
    with atomic_path(path) as temporary, temporary.open("wb") as stream:
        np.savez(stream, **arrays)  # type: ignore[arg-type]


def read_weights(path: Path) -> KeypointNetwork:
    """Return the network whose weights a file holds. Raises `FileError` for any other file."""
    if not path.is_file():
        raise FileError(f"{path}: there is no such file; expected the weights of a network")
    if path.stat().st_size > _MOST_BYTES:
        raise FileError(f"{path}: larger than {_MOST_BYTES:,} bytes, no weights")
    try:
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
            arrays = dict(archive)
        header = json.loads(arrays.pop("header").tobytes())
        if header["format"] != _FORMAT:
            raise ValueError(f"its format is {header['format']!r}")
        network = KeypointNetwork(NetworkSize.from_json(header["size"]))
        network.load_state_dict({name: torch.from_numpy(a) for name, a in arrays.items()})
    except (OSError, ValueError, KeyError, TypeError, RuntimeError, BadZipFile, EOFError) as error:
        reason = str(error).strip().split("\n", maxsplit=1)[0][:200]
        raise FileError(f"{path}: no weights of a keypoint network ({reason})") from error
    return network
