"""A network that goes on learning from frames of one set-up, and what that changed.

The frames are labelled by a person, or by the 3D fit of a video (`run/finetune_pseudo.py`).
Rendered samples and the labelled frames are mixed, so that what the network knew stays: figures
before and after are taken of both.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, replace
from pathlib import Path
from tempfile import TemporaryDirectory

import numpy as np

from mousepose.detect.network import KeypointModel
from mousepose.errors import InputError
from mousepose.run.render import RenderJob, render_samples
from mousepose.run.train_labelled import LabelledSet
from mousepose.run.train_model import Trained, train_keypoints
from mousepose.run.train_scores import score
from mousepose.run.train_sources import TrainingData, open_sources
from mousepose.train.data import InMemory
from mousepose.train.labelled import centred, view_names
from mousepose.train.loop import TrainOptions
from mousepose.train.model_file import read_weights, weights_beside
from mousepose.train.samples import Samples
from mousepose.types import Progress

#: Of a single recording this share of its labelled frames, the last ones, only measures.
LAST_SHARE = 0.2
#: A set whose median error grows by more than this (per cent of the length) got worse.
WORSE_PERCENT = 1.0


@dataclass(frozen=True, eq=False)
class Finetuned:
    """What finetuning made: figures `before` and `after` of each set; `worse` are names of sets."""

    trained: Trained
    before: Mapping[str, Mapping[str, float]]
    after: Mapping[str, Mapping[str, float]]
    worse: tuple[str, ...]


def finetune(
    model: Path,
    labelled: Sequence[LabelledSet],
    folders: Sequence[Path],
    output: Path,
    options: TrainOptions,
    *,
    labelled_share: float = 0.5,
    about: Mapping[str, str] | None = None,
    progress: Progress | None = None,
) -> Finetuned:
    """Train the network of `model` on with labelled sets and `folders` of samples.

    Its weights lie beside it (`weights_beside`). Where a set has one recording its last frames are
    held out. Raises as `train_keypoints`, and `InputError` where there is nothing to learn from.
    """
    if not labelled and not folders:
        raise InputError(
            "finetuning needs a labelled set (--labelled PATH,view=...) or a folder of samples"
        )
    start = read_weights(weights_beside(model))
    data = _with_frames_held(
        open_sources(folders, labelled, labelled_share=labelled_share if folders else 1.0)
    )
    before = _figures(model, data.held)
    trained = train_keypoints(
        data, output, options, start=start, about=about, progress=progress
    )  # fmt: skip
    after = _figures(output, data.held)
    worse = [
        name for name in before
        if after[name]["median_percent"] > before[name]["median_percent"] + WORSE_PERCENT
    ]  # fmt: skip
    return Finetuned(trained, before, after, tuple(worse))


@contextmanager
def with_rendered(
    folders: Sequence[Path],
    labelled: Sequence[LabelledSet],
    count: int,
    seed: int,
    progress: Progress,
) -> Iterator[list[Path]]:
    """Give `folders` of samples; to labelled sets alone one of `count` that are rendered for them.

    A network that learns from one set-up alone forgets the others. Raises `InputError` for a set
    that is not there, before anything is rendered.
    """
    for one in labelled:
        if not one.path.exists():
            raise InputError(f"{one.path}: there is no such file or folder of labels")
    if folders or not labelled:
        yield list(folders)
        return
    with TemporaryDirectory() as place:
        folder = Path(place) / "rendered"
        render_samples(RenderJob(folder, count, seed), on_progress=progress)
        yield [folder]


def _figures(model: Path, held: Mapping[str, Samples]) -> dict[str, dict[str, float]]:
    finder = KeypointModel(model, threads=1)
    figures = {}
    for name, samples in held.items():
        found = finder.predict(samples.images, view_names(samples))
        figures[name] = score(
            found.xy, samples.xy.astype(np.float64), samples.length, found.confidence
        )
    return figures


def _with_frames_held(data: TrainingData) -> TrainingData:
    """Return the data with the last frames held out of labelled sets that hold out no recording."""
    sources, held, real = [], dict(data.held), list(data.real)
    for source in data.sources:
        if source.name in held or not isinstance(source.samples, InMemory):
            sources.append(source)
            continue
        samples = source.samples.samples
        first = len(samples) - round(LAST_SHARE * len(samples))
        sources.append(replace(source, samples=InMemory(samples[:first])))
        if first < len(samples):
            held[source.name] = centred(samples[first:])
            real.append(source.name)
    return replace(data, sources=tuple(sources), held=held, real=tuple(real))
