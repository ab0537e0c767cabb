"""The loss is lowest where the labels are, and knows nothing of what is not labelled."""

from __future__ import annotations

import pytest

torch = pytest.importorskip("torch", reason="training needs torch")

from mousepose.train.model import DetectorNetwork, KeypointNetwork, NetworkSize  # noqa: E402
from mousepose.train.model_loss import (  # noqa: E402
    BLOB_CELLS,
    Targets,
    cells_of,
    detector_loss,
    heatmap_loss,
    keypoint_loss,
)

CELLS, POINTS = 12, 22
SMALL = NetworkSize((8, 8, 8), (0, 0), 8)


def targets(state: int = 2) -> Targets:
    torch.manual_seed(0)
    xy = torch.rand(3, POINTS, 2) * 30 + 8
    return Targets(xy, torch.full((3, POINTS), state), torch.tensor([0, 1, 3]))


def blobs(xy: torch.Tensor) -> torch.Tensor:
    """Logits of the blobs that stand for labels."""
    cells = cells_of(xy)[..., None, None, :]
    steps = torch.arange(CELLS, dtype=torch.float32)
    grid = torch.stack(torch.meshgrid(steps, steps, indexing="xy"), -1)
    return -((grid - cells) ** 2).sum(-1) / (2 * BLOB_CELLS**2)


def test_the_blobs_themselves_have_no_loss_and_others_have() -> None:
    labels = targets()
    assert float(heatmap_loss(blobs(labels.xy), labels)) == pytest.approx(0, abs=1e-5)
    assert float(heatmap_loss(blobs(labels.xy + 3), labels)) > 0.1
    assert float(heatmap_loss(torch.zeros(3, POINTS, CELLS, CELLS), labels)) > 0.5


def test_what_is_not_labelled_has_no_gradient() -> None:
    labels = targets()
    labels.xy[:, 5:] = float("nan")
    labels.state[:, 5:] = 0
    labels.xy[1, 0] = -20.0  # outside of the picture
    maps = torch.zeros(3, POINTS, CELLS, CELLS, requires_grad=True)
    seen = torch.zeros(3, POINTS, requires_grad=True)
    view = torch.zeros(3, 3, requires_grad=True)
    keypoint_loss((maps, seen, view), labels)["loss"].backward()
    for gradient in (maps.grad, seen.grad):
        assert gradient is not None and torch.isfinite(gradient).all()
        assert (gradient[:, 5:] == 0).all() and (gradient[:, 1:5] != 0).any()
    assert maps.grad is not None and (maps.grad[1, 0] == 0).all()
    assert view.grad is not None and (view.grad[0] == 0).all() and (view.grad[1:] != 0).all()


def test_a_batch_without_labels_is_no_error() -> None:
    empty = Targets(torch.full((2, POINTS, 2), float("nan")), torch.zeros(2, POINTS),
                    torch.zeros(2))  # fmt: skip
    output = KeypointNetwork(SMALL)(torch.rand(2, 1, 48, 48) * 255, torch.zeros(2, 3))
    assert float(keypoint_loss(output, empty)["loss"].detach()) == 0


def test_the_detectors_loss_falls_towards_the_boxes() -> None:
    boxes = torch.tensor([[[8.0, 12, 28, 24], [float("nan")] * 4]])
    centre, extent = torch.full((1, 1, CELLS, CELLS), -6.0), torch.zeros(1, 2, CELLS, CELLS)
    nothing = detector_loss((centre, extent), boxes)
    centre = centre.clone()
    centre[0, 0, 4, 4] = 6.0  # (18, 18) px is nearest to cell 4.125
    size = CELLS * 4
    extent = torch.log(torch.tensor([20.0, 12.0]) / size)[None, :, None, None]
    found = detector_loss((centre, extent.expand(1, 2, CELLS, CELLS)), boxes)
    assert float(found["centre"]) < 0.2 * float(nothing["centre"])
    assert float(found["extent"]) == pytest.approx(0, abs=1e-6)


def test_an_empty_frame_teaches_that_nothing_is_there() -> None:
    network = DetectorNetwork(SMALL)
    boxes = torch.full((2, 2, 4), float("nan"))
    parts = detector_loss(network(torch.rand(2, 1, 48, 48) * 255), boxes)
    parts["loss"].backward()
    assert float(parts["centre"].detach()) > 0 and float(parts["extent"].detach()) == 0


def test_a_declared_view_reaches_the_maps_but_not_the_views() -> None:
    torch.manual_seed(1)
    network = KeypointNetwork(SMALL).eval()
    images = torch.rand(1, 1, 48, 48) * 255
    blind, top = network(images, torch.zeros(1, 3)), network(images, torch.eye(3)[:1])
    assert not torch.equal(blind[0], top[0])
    assert torch.equal(blind[2], top[2])


def test_brightness_and_contrast_of_a_picture_hardly_matter() -> None:
    torch.manual_seed(1)
    network = KeypointNetwork(SMALL).eval()
    images = torch.rand(1, 1, 48, 48) * 100
    one, other = (network(picture, torch.zeros(1, 3))[0] for picture in (images, 2 * images + 30))
    torch.testing.assert_close(one, other, atol=0.02, rtol=0.05)
