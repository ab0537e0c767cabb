"""Moved pictures keep their labels: what was at a keypoint is there after."""

from __future__ import annotations

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch")

from mousepose.body.heading import headings  # noqa: E402
from mousepose.skeleton import KEYPOINT_NAMES  # noqa: E402
from mousepose.train.augment import MIRROR, Movement, Placed, moved, placed  # noqa: E402
from mousepose.train.augment_light import Light, relit  # noqa: E402
from mousepose.train.samples import HIDDEN, UNLABELLED, VISIBLE  # noqa: E402

SIZE = 48
COUNT = 6


def spots(seed: int = 0, size: int = SIZE, view: int = 1) -> Placed:
    """Pictures of one bright spot each, at the first keypoint; the others are anywhere."""
    random = np.random.default_rng(seed)
    xy = random.uniform(0.35, 0.65, (COUNT, len(KEYPOINT_NAMES), 2)) * size
    steps = np.arange(size)
    off = np.stack(np.meshgrid(steps, steps), -1) - xy[:, 0, None, None]
    images = 250 * np.exp(-0.5 * (off**2).sum(-1) / 2.0**2)
    state = torch.full((COUNT, len(KEYPOINT_NAMES)), VISIBLE, dtype=torch.uint8)
    views = torch.full((COUNT,), view, dtype=torch.uint8)
    return Placed(torch.tensor(images[:, None]).float(), torch.tensor(xy).float(), state, views)


def centre_of(images: torch.Tensor) -> torch.Tensor:
    """The centre of mass of each picture."""
    steps = torch.arange(images.shape[-1], dtype=torch.float32)
    mass = images.sum((1, 2, 3))
    x, y = (images.sum((1, 2)) * steps).sum(1), (images.sum((1, 3)) * steps).sum(1)
    return torch.stack([x, y], -1) / mass[:, None]


def all_of(value: float, *shape: int) -> torch.Tensor:
    return torch.full((COUNT, *shape), value)


@pytest.mark.parametrize("source", [SIZE, 72])
def test_the_labels_move_with_the_picture(source: int) -> None:
    batch = spots(size=source)
    turn, zoom = torch.linspace(-3, 3, COUNT), torch.linspace(0.9, 1.2, COUNT)
    none = torch.zeros(COUNT, dtype=torch.bool)
    done = placed(batch, SIZE, turn, zoom, torch.tensor([[1.5, -2.0]]).repeat(COUNT, 1), none)
    assert done.images.shape[-1] == SIZE
    torch.testing.assert_close(done.xy[:, 0], centre_of(done.images), atol=0.05, rtol=0)


def test_a_mirrored_picture_exchanges_left_and_right() -> None:
    batch = spots()
    still, flip = all_of(0.0), torch.ones(COUNT, dtype=torch.bool)
    done = placed(batch, SIZE, still, all_of(1.0), all_of(0.0, 2), flip)
    torch.testing.assert_close(done.images, batch.images.flip(-1), atol=1e-3, rtol=0)
    there = batch.xy[:, list(MIRROR)]
    torch.testing.assert_close(done.xy[..., 0], SIZE - 1 - there[..., 0])
    torch.testing.assert_close(done.xy[..., 1], there[..., 1])
    again = placed(done, SIZE, still, all_of(1.0), all_of(0.0, 2), flip)
    torch.testing.assert_close(again.xy, batch.xy)


def test_only_what_is_seen_from_above_or_below_turns_fully() -> None:
    movement = Movement(turn=0.1, zoom=1.0001, shift=0.0, mirror=0.0, upright=0.0)
    for view, free in ((0, False), (1, True), (2, False), (3, True)):
        batch = spots(view=view)
        done = moved(batch, SIZE, movement, torch.Generator().manual_seed(1))
        before, after = (b.xy[:, 1] - b.xy[:, 2] for b in (batch, done))
        across = before[:, 0] * after[:, 1] - before[:, 1] * after[:, 0]
        turned = torch.atan2(across, (before * after).sum(1)).abs().max()
        assert (turned > 0.2) == free


@pytest.mark.parametrize("mirror", [0.0, 1.0])
def test_an_upright_mouse_heads_up_whichever_way_it_stood(mirror: float) -> None:
    batch = spots(view=1)
    names = [KEYPOINT_NAMES.index(name) for name in ("NOSE", "ROOT_TAIL")]
    angle = torch.linspace(-3, 3, COUNT)
    along = torch.stack([torch.cos(angle), torch.sin(angle)], -1)
    batch.xy[:] = float("nan")
    batch.xy[:, names[0]] = SIZE / 2 + 8 * along
    batch.xy[:, names[1]] = SIZE / 2 - 8 * along
    movement = Movement(turn=0.2, shift=0.0, mirror=mirror, upright=1.0)
    done = moved(batch, SIZE, movement, torch.Generator().manual_seed(3))
    off = headings(done.xy[:, names].double().numpy(), ("NOSE", "ROOT_TAIL")) + np.pi / 2
    assert np.abs(off).max() <= 0.2 + 1e-6
    assert np.ptp(off) > 0.05


def test_a_point_outside_is_hidden_and_an_unlabelled_one_stays_so() -> None:
    batch = spots()
    xy, state = batch.xy.clone(), batch.state.clone()
    xy[:, 1], state[:, 1] = float("nan"), UNLABELLED
    nothing = torch.zeros(COUNT, dtype=torch.bool)
    done = placed(Placed(batch.images, xy, state, batch.view), SIZE, all_of(0.0), all_of(1.0),
                  all_of(float(SIZE), 2), nothing)  # fmt: skip
    assert (done.state[:, 1] == UNLABELLED).all() and torch.isnan(done.xy[:, 1]).all()
    assert (done.state[:, 2:] == HIDDEN).all()


def test_boxes_hold_the_points_they_held() -> None:
    batch = spots()
    box = torch.cat([batch.xy.amin(1), batch.xy.amax(1)], -1)[:, None]
    boxed = Placed(batch.images, batch.xy, batch.state, batch.view, box)
    done = moved(boxed, SIZE, Movement(), torch.Generator().manual_seed(2))
    assert done.boxes is not None
    assert (done.xy >= done.boxes[..., :2] - 1e-3).all()
    assert (done.xy <= done.boxes[..., 2:] + 1e-3).all()


def test_a_seed_gives_the_same_picture_again_and_labels_do_not_move() -> None:
    batch, light = spots(), Light()
    first, second = (relit(batch, light, torch.Generator().manual_seed(5)) for _ in range(2))
    other = relit(batch, light, torch.Generator().manual_seed(6))
    assert torch.equal(first.images, second.images)
    assert not torch.equal(first.images, other.images)
    assert torch.equal(first.xy, batch.xy)
    assert first.images.min() >= 0 and first.images.max() <= 255


def test_no_change_of_light_changes_nothing() -> None:
    batch = spots()
    dark = Light(1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0)
    done = relit(batch, dark, torch.Generator().manual_seed(0))
    torch.testing.assert_close(done.images, batch.images, atol=1e-3, rtol=0)
    assert torch.equal(done.state, batch.state)


def test_what_is_covered_is_hidden() -> None:
    batch = spots()
    done = relit(batch, Light(1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0, 0.0), torch.Generator())
    changed = (done.images - batch.images).abs()[:, 0] > 1e-3
    hidden = done.state == HIDDEN
    assert hidden.any()
    for n, k in hidden.nonzero().tolist():
        x, y = batch.xy[n, k].round().long().tolist()
        near = changed[n, max(y - 3, 0) : y + 4, max(x - 3, 0) : x + 4]
        assert near.any()


def test_a_picture_that_ends_goes_on_as_at_its_edge() -> None:
    spotted = spots()
    noise = torch.rand(spotted.images.shape, generator=torch.Generator().manual_seed(0)) * 200
    batch = Placed(noise, spotted.xy, spotted.state, spotted.view)
    light = Light(1.0, 1.0, 0.0, 0.0, 0.0, 0.0, 0.0, 0.0, 1.0)
    for seed in range(4):
        done = relit(batch, light, torch.Generator().manual_seed(seed))
        rows = (done.images.diff(dim=2) == 0).all((1, 3)).sum(1)
        columns = (done.images.diff(dim=3) == 0).all((1, 2)).sum(1)
        assert ((rows == 0) | (columns == 0)).all() and (rows + columns <= SIZE / 3).all()
        kept = ((done.images - batch.images).abs() < 1e-2).flatten(1).float().mean(1)
        assert (kept > 0.6).all()
        assert (done.state[done.state != batch.state] == HIDDEN).all()


def test_one_picture_alone_can_be_altered() -> None:
    whole = spots()
    one = Placed(*(value[:1] for value in (whole.images, whole.xy, whole.state, whole.view)))
    for seed in range(8):
        generator = torch.Generator().manual_seed(seed)
        assert torch.isfinite(relit(one, Light(), generator).images).all()
