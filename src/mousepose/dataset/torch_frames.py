"""Frames for PyTorch: pictures and points as tensors. PyTorch is loaded when one is asked for."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any

import numpy as np

from mousepose.dataset.frames import Frames
from mousepose.errors import InputError
from mousepose.types import Ints


class TorchFrames:
    """A map-style dataset for `torch.utils.data.DataLoader`, of all frames or of some `records`.

    An item is a dict: `image` (3, H, W) uint8, `keypoints` (K, 2) float32 px with NaN = not
    labelled, `visible` (K,) bool, `behaviour` (int64, its place in `behaviours`, -1 = not told) and
    `record`; `transform` may change it. Workers may start by fork or by spawn. Raises `InputError`
    where PyTorch is not installed.
    """

    def __init__(
        self,
        frames: Frames,
        records: Sequence[int] | Ints | None = None,
        transform: Callable[[dict[str, Any]], Any] | None = None,
    ) -> None:
        _torch()
        self._frames, self._transform = frames, transform
        self.records = np.arange(len(frames)) if records is None else np.asarray(records, np.int64)
        told = "behaviour" in frames.feature_map.roles
        self.behaviours = frames.table.behaviour_names if told else ()

    def __len__(self) -> int:
        return len(self.records)

    def __getitem__(self, place: int) -> Any:
        torch = _torch()
        frame = self._frames[int(self.records[place])]
        known = frame.behaviour in self.behaviours
        item = {
            "image": torch.from_numpy(frame.image.transpose(2, 0, 1).copy()),
            "keypoints": torch.from_numpy(frame.xy.astype(np.float32)),
            "visible": torch.from_numpy(frame.visible),
            "behaviour": torch.tensor(self.behaviours.index(str(frame.behaviour)) if known else -1),
            "record": torch.tensor(frame.number),
        }
        return item if self._transform is None else self._transform(item)


def _torch() -> Any:
    try:
        import torch  # type: ignore[import-not-found, unused-ignore]
    except ImportError as error:
        raise InputError("frames for PyTorch need torch: pip install 'mousepose[train]'") from error
    return torch
