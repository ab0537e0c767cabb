"""Other pictures of the same labels: turned, mirrored, moved and zoomed, all of a batch at once.

What may turn how far depends on the view: seen from above or below any way up is a way that mice
stand in a picture, but most are turned to head up, as `detect/upright.py` turns them before the
network looks a second time; seen from the side, up is up. A mirrored mouse has left and right
exchanged.
Everything is drawn from one generator, so that a seed gives the same pictures again.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
import torch
from torch import Tensor
from torch.nn import functional

from mousepose.body.heading import headings
from mousepose.skeleton import KEYPOINT_NAMES, mirrored_name
from mousepose.train.samples import HIDDEN, VIEWS, VISIBLE

#: For each keypoint the place of its partner on the other side.
MIRROR = tuple(KEYPOINT_NAMES.index(mirrored_name(name)) for name in KEYPOINT_NAMES)
_TURNS_FULLY = (VIEWS.index("top"), VIEWS.index("bottom"))


@dataclass(frozen=True)
class Movement:
    """How far pictures are moved.

    `turn` rad where up is up, `zoom` the largest factor of size either way, `shift` a share of the
    picture's side, `mirror` the share of pictures that are mirrored. With `any_way_up` pictures
    from above and below are turned fully, but a share `upright` of them so that the mouse heads up,
    off by at most `turn`.
    """

    turn: float = math.radians(25)
    zoom: float = 1.2
    shift: float = 0.06
    mirror: float = 0.5
    any_way_up: bool = True
    upright: float = 0.7


@dataclass(frozen=True)
class Placed:
    """Pictures of a batch with what is known of them.

    `images` (N, 1, S, S) float 0 to 255, `xy` (N, K, 2) px with NaN = not labelled, `state` (N, K),
    `view` (N,) and `boxes` (N, M, 4) px or None.
    """

    images: Tensor
    xy: Tensor
    state: Tensor
    view: Tensor
    boxes: Tensor | None = None


def moved(batch: Placed, size: int, movement: Movement, generator: torch.Generator) -> Placed:
    """Return pictures of `size` px turned, zoomed, shifted and mirrored at random.

    Larger pictures are cut about their centre: what lies outside is context for turning. A point
    that leaves the picture is hidden.
    """
    count, device = len(batch.images), batch.images.device

    def random() -> Tensor:
        return torch.rand(count, generator=generator).to(device)

    free = torch.zeros(count, dtype=torch.bool, device=device)
    for view in _TURNS_FULLY if movement.any_way_up else ():
        free |= batch.view == view
    slight = (2 * random() - 1) * movement.turn
    turn = torch.where(free, (2 * random() - 1) * math.pi, slight)
    zoom = torch.exp((2 * random() - 1) * math.log(movement.zoom))
    shift = (2 * torch.stack([random(), random()], -1) - 1) * movement.shift * size
    flip = random() < movement.mirror
    up = _turn_to_head_up(batch.xy, flip)
    turn = torch.where(free & (random() < movement.upright) & up.isfinite(), up + slight, turn)
    return placed(batch, size, turn, zoom, shift, flip)


def placed(
    batch: Placed, size: int, turn: Tensor, zoom: Tensor, shift: Tensor, flip: Tensor
) -> Placed:
    """Return pictures of `size` px turned by `turn` (N,) rad, by `zoom` (N,) and `shift` (N, 2) px.

    Those of `flip` (N,) are mirrored first, left and right of the mouse exchanged.
    """
    source = batch.images.shape[-1]
    cosine, sine = torch.cos(turn), torch.sin(turn)
    rotation = torch.stack([cosine, -sine, sine, cosine], -1).view(-1, 2, 2)
    sign = torch.where(flip, -1.0, 1.0)
    mirror = torch.diag_embed(torch.stack([sign, torch.ones_like(sign)], -1))
    forward = zoom[:, None, None] * rotation @ mirror  # px about the old centre -> the new one
    backward = torch.linalg.inv(forward)
    steps = torch.arange(size, device=turn.device, dtype=torch.float32) - (size - 1) / 2
    grid = torch.stack(torch.meshgrid(steps, steps, indexing="xy"), -1)  # (S, S, 2)
    offset = (backward @ shift[..., None])[..., 0]
    places = torch.einsum("nij,hwj->nhwi", backward, grid) - offset[:, None, None]
    places = places * (2 / source)  # -1 to 1 from edge to edge
    images = functional.grid_sample(
        batch.images, places, mode="bilinear", padding_mode="border", align_corners=False
    )
    centre = (source - 1) / 2
    xy = (batch.xy - centre) @ forward.transpose(1, 2) + shift[:, None] + (size - 1) / 2
    order = torch.tensor(MIRROR, device=turn.device)
    xy = torch.where(flip[:, None, None], xy[:, order], xy)
    state = torch.where(flip[:, None], batch.state[:, order], batch.state)
    outside = ((xy < -0.5) | (xy >= size - 0.5)).any(-1)
    state = torch.where(outside & (state == VISIBLE), HIDDEN, state)
    boxes = None if batch.boxes is None else _moved_boxes(batch.boxes, forward, shift, source, size)
    return Placed(images, xy, state, batch.view, boxes)


def _turn_to_head_up(xy: Tensor, flip: Tensor) -> Tensor:
    """Return by how many rad (N,) pictures, mirrored first where `flip`, must turn; NaN unknown."""
    known = np.asarray(xy.cpu().numpy(), np.float64)
    heading = torch.from_numpy(headings(known, KEYPOINT_NAMES)).to(xy)
    return -math.pi / 2 - torch.where(flip, math.pi - heading, heading)


def _moved_boxes(boxes: Tensor, forward: Tensor, shift: Tensor, source: int, size: int) -> Tensor:
    """Return the boxes (N, M, 4) about boxes that were moved: larger than the mice where turned."""
    left, top, right, low = (boxes - (source - 1) / 2).unbind(-1)
    corners = torch.stack([left, top, right, top, left, low, right, low], -1)
    corners = corners.view(*boxes.shape[:2], 4, 2)
    there = corners @ forward[:, None].transpose(-1, -2) + shift[:, None, None] + (size - 1) / 2
    return torch.cat([there.amin(-2), there.amax(-2)], -1)
