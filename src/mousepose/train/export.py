"""Trained networks as ONNX files: fixed names, any number of pictures, a description inside."""

from __future__ import annotations

import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import torch
from torch import Tensor, nn

from mousepose.atomic import atomic_path
from mousepose.extras import needed
from mousepose.train.model import KNOWN_VIEWS, DetectorNetwork, KeypointNetwork

#: Version of the ONNX operators: what onnxruntime 1.17 knows, with room to spare.
OPSET = 17
KEYPOINT_INPUTS, KEYPOINT_OUTPUTS = ("images", "view"), ("heatmaps", "visibility", "views")
DETECTOR_INPUTS, DETECTOR_OUTPUTS = ("images",), ("centre", "extent")


class _FromBytes(nn.Module):  # type: ignore[misc, unused-ignore]
    """A network that takes pictures of whole grey levels."""

    def __init__(self, network: nn.Module):
        super().__init__()
        self.network = network

    def forward(self, images: Tensor, *others: Tensor) -> Any:
        return self.network(images.float(), *others)


def export_network(
    network: KeypointNetwork | DetectorNetwork,
    size: int,
    path: str | Path,
    metadata: Mapping[str, str],
) -> None:
    """Write a network for pictures of `size` px as ONNX with entries of `metadata`.

    A `KeypointNetwork` takes "images" (N, 1, S, S) uint8 and "view" (N, 3) float32 and gives
    "heatmaps", "visibility" and "views"; a `DetectorNetwork` takes "images" and gives "centre" and
    "extent". The network is not changed. Raises `InputError` where onnx is not installed.
    """
    needed("train", "writing a network", "onnx")
    images = torch.zeros(2, 1, size, size, dtype=torch.uint8)
    given: tuple[Tensor, ...] = (images,)
    inputs: tuple[str, ...] = DETECTOR_INPUTS
    outputs: tuple[str, ...] = DETECTOR_OUTPUTS
    if isinstance(network, KeypointNetwork):
        given = (images, torch.zeros(2, len(KNOWN_VIEWS)))
        inputs, outputs = KEYPOINT_INPUTS, KEYPOINT_OUTPUTS
    plain = _copy_for_export(network)
    with atomic_path(path) as temporary:
        with warnings.catch_warnings():
            # the exporter without further libraries calls itself the old one
            warnings.simplefilter("ignore")
            torch.onnx.export(
                _FromBytes(plain).eval(), given, str(temporary), dynamo=False, opset_version=OPSET,
                input_names=list(inputs), output_names=list(outputs),
                dynamic_axes={name: {0: "count"} for name in (*inputs, *outputs)},
            )  # fmt: skip
        set_metadata(temporary, metadata)


def set_metadata(path: str | Path, metadata: Mapping[str, str]) -> None:
    """Set entries of an ONNX file's metadata; others stay. Raises `InputError` without onnx."""
    needed("train", "describing a network", "onnx")
    import onnx

    graph = onnx.load(str(path))
    entries = {entry.key: entry.value for entry in graph.metadata_props} | dict(metadata)
    onnx.helper.set_model_props(graph, entries)
    with atomic_path(path) as temporary:
        onnx.save(graph, str(temporary))


def _copy_for_export(network: KeypointNetwork | DetectorNetwork) -> nn.Module:
    """Return the network on the processor, laid out as ONNX wants it."""
    plain = type(network)(network.size)
    plain.load_state_dict({name: value.cpu() for name, value in network.state_dict().items()})
    return plain.eval()
