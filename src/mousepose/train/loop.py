"""The training loop: steps on mixed batches until the steps, or the minutes, are used up.

AdamW (Loshchilov & Hutter 2019) with a short rise and a cosine fall of the learning rate, and a
running mean of the weights, which is what is kept. With `minutes` the learning rate follows the
clock, so that a run ends annealed at its time on any machine. A run that was stopped goes on from
its checkpoint and, when it counts steps, ends with the same weights.
"""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Mapping
from contextlib import nullcontext
from copy import deepcopy
from dataclasses import dataclass, field
from pathlib import Path

import torch
from torch import Tensor, nn

from mousepose.errors import InputError
from mousepose.train.augment import Placed
from mousepose.train.data import Mixture
from mousepose.train.loop_checkpoint import read_checkpoint, write_checkpoint
from mousepose.train.model import KNOWN_VIEWS, DetectorNetwork, KeypointNetwork
from mousepose.train.model_loss import Targets, detector_loss, keypoint_loss
from mousepose.types import Progress

Network = KeypointNetwork | DetectorNetwork
#: Returns figures of a network, as "openfield.median_percent"; it sees the mean weights.
Measure = Callable[[Network], Mapping[str, float]]


@dataclass(frozen=True)
class TrainOptions:
    """How long and how fast a network learns.

    One of `steps` and `minutes` ends the run. `learning_rate` is the highest, reached after `rise`
    of the run. `mean_decay` is the share of the mean weights that a step keeps. `declared` is the
    share of samples whose view the network is told. `threads` of the processor, `device` "auto",
    "cpu" or "cuda". Every `measure_every` share of the run figures are taken, every `save_minutes`
    a checkpoint is written.
    """

    steps: int | None = None
    minutes: float | None = None
    batch: int = 64
    learning_rate: float = 2e-3
    rise: float = 0.03
    weight_decay: float = 0.02
    mean_decay: float = 0.998
    declared: float = 0.5
    seed: int = 0
    threads: int = 1
    device: str = "auto"
    measure_every: float = 0.125
    save_minutes: float = 5.0

    def __post_init__(self) -> None:
        if (self.steps is None) == (self.minutes is None):
            raise InputError("training: give the steps or the minutes, one of them")
        positive = {"steps": self.steps, "minutes": self.minutes, "batch": self.batch,
                    "threads": self.threads, "learning_rate": self.learning_rate}  # fmt: skip
        for name, value in positive.items():
            if value is not None and not value > 0:
                raise InputError(f"training: {name}: expected a positive number, got {value}")


@dataclass
class TrainState:
    """Where a run is: networks, optimiser, steps and seconds done, and what was noted on the way.

    `mean` is the network with the mean weights. `history` has a row for each measurement.
    """

    network: Network
    mean: Network
    optimiser: torch.optim.Optimizer
    step: int = 0
    seconds: float = 0.0
    history: list[dict[str, float]] = field(default_factory=list)


def train(
    network: Network,
    mixture: Mixture,
    options: TrainOptions,
    *,
    measure: Measure | None = None,
    checkpoint: Path | None = None,
    progress: Progress | None = None,
    stop_at_step: int | None = None,
) -> TrainState:
    """Train a network on a mixture and return the state at the end; `mean` is the one to keep.

    Where `checkpoint` exists the run goes on from there, and it is kept up to date.
    `stop_at_step` ends before the run is complete, with a checkpoint. Raises `InputError` where the
    checkpoint is of another network or other options, or no GPU is there though asked for.
    """
    device = chosen_device(options.device)
    torch.set_num_threads(options.threads)
    state = started(network.to(device), options)
    if checkpoint is not None and checkpoint.exists():
        read_checkpoint(checkpoint, state, options)
    began, saved = time.monotonic() - state.seconds, time.monotonic()
    sums: dict[str, float] = {}
    last, noted = state.step, _noted(state)
    state.network.train()
    while True:
        state.seconds = time.monotonic() - began
        done = progress_of(state, options)
        if state.step > last and (done >= noted + options.measure_every or done >= 1):
            noted = done
            _note(state, sums, state.step - last, measure, done)
            sums, last = {}, state.step
            state.network.train()
        stop = done >= 1 or state.step == stop_at_step
        if checkpoint is not None and (
            stop or time.monotonic() - saved > 60 * options.save_minutes
        ):
            write_checkpoint(checkpoint, state, options)
            saved = time.monotonic()
        if stop:
            return state
        rate = options.learning_rate * schedule(done, options.rise)
        for name, value in one_step(state, mixture, options, rate, device).items():
            sums[name] = sums.get(name, 0.0) + value
        if progress is not None:
            _tell(progress, state, options)


def started(network: Network, options: TrainOptions) -> TrainState:
    """Return the state before the first step. Biases and norms are not decayed."""
    for layer in network.modules():
        if isinstance(layer, nn.Conv2d):  # quicker on processors and on new GPUs
            layer.weight.data = layer.weight.data.contiguous(memory_format=torch.channels_last)
    decayed = [p for p in network.parameters() if p.ndim > 1]
    others = [p for p in network.parameters() if p.ndim <= 1]
    optimiser = torch.optim.AdamW(
        [{"params": decayed, "weight_decay": options.weight_decay},
         {"params": others, "weight_decay": 0.0}],
        lr=options.learning_rate,
    )  # fmt: skip
    mean = deepcopy(network).eval().requires_grad_(False)
    return TrainState(network, mean, optimiser)


def one_step(
    state: TrainState, mixture: Mixture, options: TrainOptions, rate: float, device: torch.device
) -> dict[str, float]:
    """Take one step at a learning rate; return the parts of the loss."""
    batch = mixture.batch(state.step, device)
    for group in state.optimiser.param_groups:
        group["lr"] = rate
    state.optimiser.zero_grad()
    # half precision without a scaler needs the exponents of bfloat16
    half = device.type == "cuda" and torch.cuda.is_bf16_supported()
    with torch.autocast("cuda", torch.bfloat16) if half else nullcontext():
        parts = _loss(state.network, batch, options, state.step)
    torch.autograd.backward(parts["loss"])
    nn.utils.clip_grad_norm_(state.network.parameters(), 5.0)
    state.optimiser.step()
    state.step += 1
    # the mean of few steps is one of few steps only
    _follow(state.mean, state.network, min(options.mean_decay, state.step / (state.step + 9)))
    return {name: float(value.detach()) for name, value in parts.items()}


def schedule(done: float, rise: float) -> float:
    """Return the learning rate as a share of the highest after a share `done` of the run."""
    if done < rise:
        return (done + 0.02 * rise) / (1.02 * rise)
    return max(0.5 * (1 + math.cos(math.pi * min((done - rise) / (1 - rise), 1.0))), 1e-3)


def progress_of(state: TrainState, options: TrainOptions) -> float:
    """Return the share of the run that is done."""
    if options.steps is not None:
        return state.step / options.steps
    return state.seconds / (60 * (options.minutes or 1.0))


def chosen_device(name: str) -> torch.device:
    """Return the device called so; "auto" is a GPU where there is one."""
    if name not in ("auto", "cpu", "cuda"):
        raise InputError(f"device: expected auto, cpu or cuda, got {name!r}")
    there = torch.cuda.is_available()
    if name == "cuda" and not there:
        raise InputError("device cuda: PyTorch finds no GPU here; use --device cpu or auto")
    return torch.device("cuda" if there and name != "cpu" else "cpu")


def declared_views(view: Tensor, share: float, seed: int, step: int) -> Tensor:
    """Return the views (N, 3) that a network is told: ones for a `share` of those known."""
    generator = torch.Generator().manual_seed((seed * 1_000_003 + step) % 2**62)
    told = torch.rand(len(view), generator=generator).to(view.device) < share
    places = torch.arange(1, len(KNOWN_VIEWS) + 1, device=view.device)
    return ((view[:, None] == places) & told[:, None]).float()


def _loss(network: Network, batch: Placed, options: TrainOptions, step: int) -> dict[str, Tensor]:
    images = batch.images.contiguous(memory_format=torch.channels_last)
    if isinstance(network, DetectorNetwork):
        if batch.boxes is None:
            raise InputError("the detector learns from whole frames (kind frames), not from crops")
        return detector_loss(network(images), batch.boxes)
    view = declared_views(batch.view, options.declared, options.seed, step)
    return keypoint_loss(network(images, view), Targets(batch.xy, batch.state, batch.view))


def _follow(mean: Network, network: Network, decay: float) -> None:
    """Move the mean weights, and the statistics of the norms, towards those of the network."""
    pairs = zip(mean.state_dict().values(), network.state_dict().values(), strict=True)
    with torch.no_grad():
        for kept, now in pairs:
            if kept.dtype.is_floating_point:
                kept.lerp_(now, 1 - decay)
            else:
                kept.copy_(now)


def _noted(state: TrainState) -> float:
    return state.history[-1]["done"] if state.history else 0.0


def _note(
    state: TrainState,
    sums: Mapping[str, float],
    steps: int,
    measure: Measure | None,
    done: float,
) -> None:
    row = {f"train.{name}": value / max(steps, 1) for name, value in sums.items()}
    if measure is not None:
        row |= measure(state.mean)
    about = {"step": state.step, "seconds": round(state.seconds, 1), "done": done}
    state.history.append({**about, **{name: round(value, 5) for name, value in row.items()}})


def _tell(progress: Progress, state: TrainState, options: TrainOptions) -> None:
    if options.steps is not None:
        progress("training, steps", state.step, options.steps)
    else:
        total = round(60 * (options.minutes or 0.0))
        progress("training, seconds", min(round(state.seconds), total), total)
