"""The networks: keypoints of one crop as heatmaps, and mice in a whole frame as centres and sizes.

Both are small U-shapes of plain 3 x 3 convolutions, for these run best on processors: the first
halves of the picture are cheap in channels, most weights lie at 8 x 8 and 4 x 4 px. Pictures are
normalised inside, so that any grey picture of 0 to 255 goes in.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import asdict, dataclass
from typing import Any

from torch import Tensor, nn
from torch.nn import functional

from mousepose.skeleton import KEYPOINT_NAMES
from mousepose.train.samples import VIEWS

#: Heatmap cells are so many px of the picture wide.
STRIDE = 4
#: Views that can be declared or told: all but "unknown".
KNOWN_VIEWS = VIEWS[1:]
#: Grey levels that keep a picture of one grey from being divided by nothing.
_LEAST_CONTRAST = 4.0


@dataclass(frozen=True)
class NetworkSize:
    """Channels at 1/2, 1/4, ... of the picture, residual blocks after each halving but the first.

    `features` are the channels from which the maps are drawn.
    """

    widths: tuple[int, ...] = (16, 16, 32, 64, 128)
    depths: tuple[int, ...] = (0, 1, 2, 2)
    features: int = 48

    def as_json(self) -> dict[str, Any]:
        """Return the size as values of JSON, for checkpoints."""
        return asdict(self)

    @classmethod
    def from_json(cls, table: dict[str, Any]) -> NetworkSize:
        """Return the size that `as_json` told."""
        return cls(tuple(table["widths"]), tuple(table["depths"]), int(table["features"]))


#: The detector sees large shapes only: it needs less.
DETECTOR_SIZE = NetworkSize(widths=(8, 16, 24, 48, 64), depths=(0, 0, 1, 1), features=24)


class KeypointNetwork(nn.Module):  # type: ignore[misc, unused-ignore]
    """Heatmaps of the keypoints of one mouse in a crop.

    `forward(images, view)` takes grey pictures (N, 1, S, S), 0 to 255, and the declared view
    (N, 3), a one for top, side or bottom, zeros where it is not known. It returns the logits of
    heatmaps (N, K, S/4, S/4), of visibility (N, K) and of the view (N, 3). The softmax of a heatmap
    is the probability that the keypoint lies in each cell.
    """

    def __init__(self, size: NetworkSize | None = None, keypoints: int = len(KEYPOINT_NAMES)):
        super().__init__()
        self.size = size or NetworkSize()
        deep = self.size.widths[-1]
        self.pyramid = _Pyramid(self.size)
        self.maps = nn.Conv2d(self.size.features, keypoints, 1)
        self.declared = nn.Linear(len(KNOWN_VIEWS), deep, bias=False)
        self.visibility = nn.Sequential(
            nn.Linear(deep, deep), nn.ReLU(inplace=True), nn.Linear(deep, keypoints)
        )
        self.view = nn.Linear(deep, len(KNOWN_VIEWS))

    def forward(self, images: Tensor, view: Tensor) -> tuple[Tensor, Tensor, Tensor]:
        """Return the logits of heatmaps, visibility and view."""
        steps = self.pyramid.down(normalised(images))
        told = self.view(steps[-1].mean((2, 3)))  # before the declared view is known
        steps[-1] = steps[-1] + self.declared(view)[:, :, None, None]
        seen = self.visibility(steps[-1].mean((2, 3)))
        return self.maps(self.pyramid.up(steps)), seen, told


class DetectorNetwork(nn.Module):  # type: ignore[misc, unused-ignore]
    """Where mice are in whole frames: the logits of box centres and the boxes' sizes.

    `forward(images)` takes grey pictures (N, 1, S, S), 0 to 255, and returns the logits of centres
    (N, 1, S/4, S/4) and the logarithm of width and height as shares of S (N, 2, S/4, S/4).
    """

    def __init__(self, size: NetworkSize | None = None):
        super().__init__()
        self.size = size or DETECTOR_SIZE
        self.pyramid = _Pyramid(self.size)
        self.centre = nn.Conv2d(self.size.features, 1, 1)
        self.extent = nn.Conv2d(self.size.features, 2, 1)
        # Centres are rare: without this the first steps only unlearn them (Lin et al. 2017).
        self.centre.bias.data.fill_(-4.0)  # type: ignore[union-attr, unused-ignore]
        self.extent.bias.data.fill_(-2.1)  # type: ignore[union-attr, unused-ignore]

    def forward(self, images: Tensor) -> tuple[Tensor, Tensor]:
        """Return the logits of centres, and log width and height."""
        found = self.pyramid.up(self.pyramid.down(normalised(images)))
        return self.centre(found), self.extent(found)


def normalised(images: Tensor) -> Tensor:
    """Return pictures (N, 1, S, S) with mean 0 and, but for flat ones, standard deviation 1."""
    centred = images - images.mean((2, 3), keepdim=True)
    spread = (centred * centred).mean((2, 3), keepdim=True).sqrt()
    return centred / (spread + _LEAST_CONTRAST)


class _Pyramid(nn.Module):  # type: ignore[misc, unused-ignore]
    """Features of a picture at 1/4 of its size that know of all of it."""

    def __init__(self, size: NetworkSize):
        super().__init__()
        widths = size.widths
        self.stem = _convolution(1, widths[0], kernel=5, stride=2)
        self.halve = nn.ModuleList(
            nn.Sequential(
                _convolution(before, after, stride=2), *[_Residual(after) for _ in range(depth)]
            )
            for before, after, depth in zip(widths[:-1], widths[1:], size.depths, strict=True)
        )
        pairs = list(zip(widths[2:], widths[1:-1], strict=True))
        self.reduce = nn.ModuleList(nn.Conv2d(deep, flat, 1) for deep, flat in pairs)
        self.merge = nn.ModuleList(
            _convolution(flat, size.features if index == 0 else flat)
            for index, (_, flat) in enumerate(pairs)
        )

    def down(self, images: Tensor) -> list[Tensor]:
        """Return the features at 1/4, 1/8, ... of the picture's size."""
        steps = [self.stem(images)]
        for halve in self.halve:
            steps.append(halve(steps[-1]))
        return steps[1:]

    def up(self, steps: Sequence[Tensor]) -> Tensor:
        """Return the features at 1/4 after those of smaller sizes have been laid upon them."""
        found = steps[-1]
        for index in reversed(range(len(self.merge))):
            larger = functional.interpolate(self.reduce[index](found), scale_factor=2.0)
            found = self.merge[index](larger + steps[index])
        return found


class _Residual(nn.Module):  # type: ignore[misc, unused-ignore]
    def __init__(self, channels: int):
        super().__init__()
        self.first = _convolution(channels, channels)
        self.second = _convolution(channels, channels, active=False)

    def forward(self, features: Tensor) -> Tensor:
        return functional.relu(features + self.second(self.first(features)))


def _convolution(
    before: int, after: int, kernel: int = 3, stride: int = 1, active: bool = True
) -> nn.Sequential:
    layers: list[nn.Module] = [
        nn.Conv2d(before, after, kernel, stride, kernel // 2, bias=False),
        nn.BatchNorm2d(after),
    ]
    return nn.Sequential(*layers, *([nn.ReLU(inplace=True)] if active else []))
