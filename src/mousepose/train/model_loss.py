"""What training makes small: how unlikely the labels are under the networks' maps.

What is not labelled has no part in it: its gradient is zero.
"""

from __future__ import annotations

from typing import NamedTuple, cast

import torch
from torch import Tensor
from torch.nn import functional

from mousepose.train.model import STRIDE
from mousepose.train.samples import HIDDEN, UNLABELLED, VISIBLE

#: Standard deviation of the blob that stands for a label, in cells of the heatmap.
BLOB_CELLS = 1.0
#: A hidden keypoint teaches where it must be, but more loosely than one that is seen.
HIDDEN_WEIGHT = 0.4
#: Samples with fewer labels than this do not make up for it by the weight of each.
_FEW_LABELS = 6.0
_VISIBILITY_WEIGHT, _VIEW_WEIGHT = 0.2, 0.1
#: The focal loss's powers for found and for absent centres (Zhou et al. 2019, CenterNet).
_FOUND_POWER, _ABSENT_POWER = 2.0, 4.0
_EXTENT_WEIGHT = 0.5


class Targets(NamedTuple):
    """Labels of a batch: `xy` (N, K, 2) px, NaN = none; `state` (N, K); `view` (N,), 0 unknown."""

    xy: Tensor
    state: Tensor
    view: Tensor


def keypoint_loss(output: tuple[Tensor, Tensor, Tensor], targets: Targets) -> dict[str, Tensor]:
    """Return the parts of the loss of `KeypointNetwork` and their weighted sum, "loss".

    "heatmap": cross entropy between the heatmap and a blob at the label, mean over each sample's
    labels within the picture. "visibility" and "view": cross entropies of what is known.
    """
    maps, seen, view = output
    heat = heatmap_loss(maps, targets)
    known = targets.state > UNLABELLED
    visible = (targets.state == VISIBLE).to(seen.dtype)
    raw = functional.binary_cross_entropy_with_logits(seen, visible, reduction="none")
    visibility = (raw * known).sum() / known.sum().clamp(min=1)
    told = targets.view > 0
    each = functional.cross_entropy(view, (targets.view.long() - 1).clamp(min=0), reduction="none")
    views = (each * told).sum() / told.sum().clamp(min=1)
    total = heat + _VISIBILITY_WEIGHT * visibility + _VIEW_WEIGHT * views
    return {"loss": total, "heatmap": heat, "visibility": visibility, "view": views}


def heatmap_loss(maps: Tensor, targets: Targets) -> Tensor:
    """Return the mean cross entropy of heatmaps (N, K, H, W), in nats above what a blob has."""
    height, width = maps.shape[-2:]
    xy = targets.xy
    cells = cells_of(torch.nan_to_num(xy))
    inside = (xy >= -0.5) & (xy < xy.new_tensor([width, height]) * STRIDE - 0.5)
    weight = torch.where(targets.state == HIDDEN, HIDDEN_WEIGHT, 1.0)
    weight = weight * ((targets.state > UNLABELLED) & inside.all(-1))
    across, down = _blob(cells[..., 0], width), _blob(cells[..., 1], height)
    log_chance = functional.log_softmax(maps.float().flatten(2), dim=-1).view(maps.shape)
    # the blob is a product of two: sum over rows first, so that no map of targets is made
    cross = -((log_chance * across[..., None, :]).sum(-1) * down).sum(-1)
    excess = cross - _entropy(across) - _entropy(down)
    labels = weight.sum(1)
    per_sample = (excess * weight).sum(1) / labels.clamp(min=_FEW_LABELS)
    return per_sample.sum() / (labels > 0).sum().clamp(min=1)


def cells_of(xy: Tensor) -> Tensor:
    """Return points in px in cells of the heatmap, the centre of the first cell being 0."""
    return (xy + 0.5) / STRIDE - 0.5


def detector_loss(output: tuple[Tensor, Tensor], boxes: Tensor) -> dict[str, Tensor]:
    """Return the parts of the loss of `DetectorNetwork` and their weighted sum, "loss".

    `boxes` (N, M, 4) px are left, top, right, bottom, NaN where there is none. "centre": the focal
    loss of Zhou et al. 2019 (Objects as Points, eq. 1) with blobs as wide as the boxes ask.
    "extent": how far the logarithms of width and height are off around the centres.
    """
    logits, extent = output
    size = logits.shape[-1]
    known = torch.isfinite(boxes).all(-1)
    safe = torch.nan_to_num(boxes)
    cells = cells_of((safe[..., :2] + safe[..., 2:]) / 2)
    sides = (safe[..., 2:] - safe[..., :2]).clamp(min=1.0)
    spread = (0.08 * sides.mean(-1) / STRIDE).clamp(min=0.8)
    # the centre's own cell must be 1 exactly
    nearest = cells.round().clamp(0, size - 1)
    blobs = _peak(nearest[..., 0], spread, size)[..., None, :]
    blobs = blobs * _peak(nearest[..., 1], spread, size)[..., :, None] * known[..., None, None]
    target, owner = blobs.max(dim=1)
    found = target > 1 - 1e-4
    chance = torch.sigmoid(logits[:, 0].float())
    log_found = functional.logsigmoid(logits[:, 0].float())
    log_absent = functional.logsigmoid(-logits[:, 0].float())
    positive = found * (1 - chance) ** _FOUND_POWER * log_found
    negative = ~found * (1 - target) ** _ABSENT_POWER * chance**_FOUND_POWER * log_absent
    count = known.sum().clamp(min=1)
    centre = -(positive.sum() + negative.sum()) / count
    wanted = torch.log(sides / (size * STRIDE))
    index = owner.flatten(1)[..., None].expand(-1, -1, 2)
    wanted_maps = wanted.gather(1, index).transpose(1, 2).reshape(-1, 2, size, size)
    near = (target > 0.3).unsqueeze(1)
    off = functional.smooth_l1_loss(extent.float(), wanted_maps, reduction="none", beta=0.1)
    extents = (off * near).sum() / near.sum().clamp(min=1)
    total = centre + _EXTENT_WEIGHT * extents
    return {"loss": total, "centre": centre, "extent": extents}


def _blob(place: Tensor, cells: int) -> Tensor:
    """Return normal distributions (..., cells) about places in cells."""
    steps = torch.arange(cells, device=place.device, dtype=torch.float32)
    return torch.softmax(-((steps - place[..., None]) ** 2) / (2 * BLOB_CELLS**2), dim=-1)


def _peak(place: Tensor, spread: Tensor, cells: int) -> Tensor:
    """Return blobs (..., cells) whose highest value is 1."""
    steps = torch.arange(cells, device=place.device, dtype=torch.float32)
    return torch.exp(-((steps - place[..., None]) ** 2) / (2 * spread[..., None] ** 2))


def _entropy(chance: Tensor) -> Tensor:
    return cast(Tensor, torch.special.entr(chance).sum(-1))
