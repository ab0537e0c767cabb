"""Training learns, and a run that was stopped ends as one that was not."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest

torch = pytest.importorskip("torch", reason="training needs torch")

from mousepose.errors import FileError, InputError  # noqa: E402
from mousepose.train.augment import Movement  # noqa: E402
from mousepose.train.data import InMemory, Mixture, Source, shares_of  # noqa: E402
from mousepose.train.loop import (  # noqa: E402
    TrainOptions,
    TrainState,
    chosen_device,
    schedule,
    train,
)
from mousepose.train.model import DetectorNetwork, KeypointNetwork, NetworkSize  # noqa: E402
from training_pictures import ellipses  # noqa: E402

SMALL = NetworkSize((8, 8, 16), (0, 0), 8)


def mixture(seed: int = 0) -> Mixture:
    sources = [
        Source("one", InMemory(ellipses(40)), 3.0, Movement(turn=0.2)),
        Source("two", InMemory(ellipses(10, seed=1)), 1.0),
    ]
    return Mixture(sources, 8, 32, seed)


def network() -> KeypointNetwork:
    torch.manual_seed(4)
    return KeypointNetwork(SMALL)


def weights(state: TrainState) -> list[torch.Tensor]:
    return [*state.network.state_dict().values(), *state.mean.state_dict().values()]


def test_resuming_ends_with_the_same_weights(tmp_path: Path) -> None:
    options = TrainOptions(steps=6, batch=8, measure_every=0.5)
    whole = train(network(), mixture(), options)
    path = tmp_path / "run.npz"
    half = train(network(), mixture(), options, checkpoint=path, stop_at_step=3)
    assert half.step == 3
    torch.manual_seed(99)
    rest = train(KeypointNetwork(SMALL), mixture(), options, checkpoint=path)
    assert rest.step == 6 and [row["step"] for row in rest.history] == [3, 6]
    for one, other in zip(weights(whole), weights(rest), strict=True):
        assert torch.equal(one, other)
    again = train(network(), mixture(), options, checkpoint=path)  # nothing is left to do
    assert again.step == 6 and again.history == rest.history


def test_a_checkpoint_of_another_run_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "run.npz"
    train(network(), mixture(), TrainOptions(steps=1, batch=8), checkpoint=path)
    with pytest.raises(InputError, match="another run: steps 1 "):
        train(network(), mixture(), TrainOptions(steps=2, batch=8), checkpoint=path)
    other = KeypointNetwork(NetworkSize((8, 8, 8), (0, 0), 8))
    with pytest.raises(InputError, match="size widths"):
        train(other, mixture(), TrainOptions(steps=1, batch=8), checkpoint=path)
    path.write_bytes(path.read_bytes()[:500])
    with pytest.raises(FileError, match="no checkpoint of training"):
        train(network(), mixture(), TrainOptions(steps=1, batch=8), checkpoint=path)


def test_the_loss_falls() -> None:
    options = TrainOptions(steps=40, batch=8, learning_rate=5e-3, measure_every=0.2)
    history = train(network(), mixture(), options).history
    assert history[-1]["train.heatmap"] < 0.8 * history[0]["train.heatmap"]


def test_the_clock_ends_a_run_with_a_low_learning_rate() -> None:
    told = []
    options = TrainOptions(minutes=0.02, batch=8)
    state = train(network(), mixture(), options, progress=lambda *row: told.append(row))
    assert state.seconds >= 1.2 and state.history[-1]["done"] >= 1
    assert told[-1][0] == "training, seconds"


def test_figures_are_taken_of_the_mean_weights() -> None:
    seen = []

    def measure(found: torch.nn.Module) -> dict[str, float]:
        seen.append(found)
        return {"set.median_percent": 1.0}

    state = train(network(), mixture(), TrainOptions(steps=2, batch=8), measure=measure)
    assert all(one is state.mean for one in seen)
    assert state.history[-1]["set.median_percent"] == 1.0


def test_the_schedule_rises_and_falls() -> None:
    rates = [schedule(done, 0.1) for done in np.linspace(0, 1, 101)]
    assert np.argmax(rates) == 10 and max(rates) == pytest.approx(1)
    assert rates[-1] <= 1e-3 and rates[0] < 0.05
    assert (np.diff(rates[10:]) <= 0).all()


def test_batches_are_the_same_for_the_same_seed_and_step() -> None:
    device = torch.device("cpu")
    one, same = mixture().batch(3, device), mixture().batch(3, device)
    assert torch.equal(one.images, same.images) and torch.equal(one.xy, same.xy)
    assert not torch.equal(one.images, mixture().batch(4, device).images)
    assert not torch.equal(one.images, mixture(seed=1).batch(3, device).images)
    assert one.images.shape == (8, 1, 32, 32)


@pytest.mark.parametrize(
    ("batch", "shares", "expected"),
    [(8, [3, 1], [6, 2]), (8, [0.999, 0.001], [7, 1]), (3, [1, 1], [2, 1]), (1, [1, 9], [0, 1])],
)
def test_shares_are_kept_and_no_source_is_left_out(
    batch: int, shares: list[float], expected: list[int]
) -> None:
    assert shares_of(batch, shares).tolist() == expected


def test_wrong_options_are_told() -> None:
    with pytest.raises(InputError, match="one of them"):
        TrainOptions()
    with pytest.raises(InputError, match="one of them"):
        TrainOptions(steps=3, minutes=2)
    with pytest.raises(InputError, match="batch: expected a positive"):
        TrainOptions(steps=3, batch=0)
    with pytest.raises(InputError, match="at least one source"):
        Mixture([], 8, 32, 0)
    with pytest.raises(InputError, match="device"):
        chosen_device("tpu")
    with pytest.raises(InputError, match="learns from whole frames"):
        train(DetectorNetwork(SMALL), mixture(), TrainOptions(steps=1, batch=8))
