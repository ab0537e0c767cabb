"""Checkpoints of training: weights, mean weights, the optimiser and the history in one npz."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import TYPE_CHECKING, Any
from zipfile import BadZipFile

import numpy as np
import torch
from numpy.typing import NDArray

from mousepose.atomic import atomic_path
from mousepose.errors import FileError, InputError

if TYPE_CHECKING:
    from mousepose.train.loop import TrainOptions, TrainState

_FORMAT = "mousepose checkpoint 1"
_MOST_BYTES = 2_000_000_000
#: Options that may differ when a run goes on: they do not change what is learnt.
_FREE = frozenset({"threads", "device", "save_minutes", "measure_every"})


def write_checkpoint(path: Path, state: TrainState, options: TrainOptions) -> None:
    """Write the state of a run."""
    header = {
        "format": _FORMAT,
        "network": type(state.network).__name__,
        "size": state.network.size.as_json(),
        "options": asdict(options),
        "step": state.step,
        "seconds": state.seconds,
        "history": state.history,
    }
    text = json.dumps(header).encode()
    arrays = {"header": np.frombuffer(text, np.uint8), **_arrays(state)}
    with atomic_path(path) as temporary, temporary.open("wb") as stream:
        np.savez(stream, **arrays)  # type: ignore[arg-type]


def read_checkpoint(path: Path, state: TrainState, options: TrainOptions) -> None:
    """Set a started state to what a checkpoint holds.

    Raises `FileError` for a file that is none, `InputError` for one of another run.
    """
    try:
        if path.stat().st_size > _MOST_BYTES:
            raise FileError(f"{path}: larger than {_MOST_BYTES:,} bytes, no checkpoint")
        with path.open("rb") as stream, np.load(stream, allow_pickle=False) as archive:
            arrays: dict[str, NDArray[Any]] = dict(archive)
        header = json.loads(arrays.pop("header").tobytes())
        if header["format"] != _FORMAT:
            raise ValueError(f"its format is {header['format']!r}")
    except (OSError, ValueError, KeyError, BadZipFile, EOFError) as error:
        advice = "delete it to train from the start"
        raise FileError(f"{path}: no checkpoint of training ({error}); {advice}") from error
    _refuse_other(path, header, state, options)
    _set_arrays(state, arrays)
    state.step, state.seconds = int(header["step"]), float(header["seconds"])
    state.history = list(header["history"])


def _refuse_other(
    path: Path, header: dict[str, Any], state: TrainState, options: TrainOptions
) -> None:
    mine = {
        "network": type(state.network).__name__,
        **{f"size {k}": v for k, v in state.network.size.as_json().items()},
        **{k: v for k, v in asdict(options).items() if k not in _FREE},
    }
    theirs = {
        "network": header["network"],
        **{f"size {k}": v for k, v in header["size"].items()},
        **{k: v for k, v in header["options"].items() if k not in _FREE},
    }
    mine = json.loads(json.dumps(mine))
    differ = [name for name in mine if mine[name] != theirs.get(name)]
    if differ:
        told = ", ".join(f"{name} {theirs.get(name)} (now {mine[name]})" for name in differ)
        raise InputError(
            f"{path} is the checkpoint of another run: {told}; give the same options to go on, or "
            "another checkpoint"
        )


def _arrays(state: TrainState) -> dict[str, NDArray[Any]]:
    arrays = {}
    for prefix, network in (("network", state.network), ("mean", state.mean)):
        for name, value in network.state_dict().items():
            arrays[f"{prefix}/{name}"] = value.detach().cpu().contiguous().numpy()
    for index, values in state.optimiser.state_dict()["state"].items():
        for name, value in values.items():
            arrays[f"optimiser/{index}/{name}"] = value.detach().cpu().contiguous().numpy()
    return arrays


def _set_arrays(state: TrainState, arrays: dict[str, NDArray[Any]]) -> None:
    for prefix, network in (("network", state.network), ("mean", state.mean)):
        network.load_state_dict(
            {name: torch.from_numpy(arrays[f"{prefix}/{name}"]) for name in network.state_dict()}
        )
    table = state.optimiser.state_dict()
    moments: dict[int, dict[str, torch.Tensor]] = {}
    for key, value in arrays.items():
        if key.startswith("optimiser/"):
            _, index, name = key.split("/")
            moments.setdefault(int(index), {})[name] = torch.from_numpy(value)
    state.optimiser.load_state_dict({**table, "state": moments})
