"""What a network learns from and what it is measured on: folders of samples and labelled sets."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from mousepose.errors import InputError
from mousepose.run.train_labelled import LabelledSet, read_recordings
from mousepose.train.augment import Movement
from mousepose.train.augment_light import Light
from mousepose.train.data import InMemory, Source
from mousepose.train.labelled import HELD_OUT_SHARE, centred, split_recordings
from mousepose.train.samples import SampleFolder, Samples
from mousepose.types import Ints

#: Rendered crops come moved, lit and blurred already.
RENDERED_MOVEMENT = Movement(zoom=1.1, shift=0.03)
RENDERED_LIGHT = Light(gamma=1.4, contrast=1.4, brightness=15.0, slope=0.15, noise=5.0,
                       blurred=0.25, coarse=0.15, covered=0.2)  # fmt: skip
#: Labelled crops are exact: a detector's are not.
LABELLED_MOVEMENT = Movement(zoom=1.3, shift=0.08)
#: Samples of each source that are measured on; more cost time and change no figure.
_MEASURED = 200
#: The last of a folder's samples are held out, a share but so many at most.
_HELD_SAMPLES_SHARE, _HELD_SAMPLES = 0.1, 2000


@dataclass(frozen=True, eq=False)
class _Part:
    """Some samples of a folder."""

    folder: SampleFolder
    stop: int

    def __len__(self) -> int:
        return self.stop

    def take(self, indices: object) -> Samples:
        return self.folder.take(np.asarray(indices))


@dataclass(frozen=True, eq=False)
class TrainingData:
    """`sources` to learn from; `held` samples by name to measure on, never learnt from.

    `real` are the names of held-out samples that are no rendered ones. `trained_on` says in words
    what the sources are, with their licences where they tell them.
    """

    sources: tuple[Source, ...]
    held: dict[str, Samples] = field(default_factory=dict)
    real: tuple[str, ...] = ()
    trained_on: tuple[str, ...] = ()


def open_sources(
    folders: Sequence[Path],
    labelled: Sequence[LabelledSet] = (),
    *,
    labelled_share: float = 0.3,
    held_out: float = HELD_OUT_SHARE,
    kind: str = "crops",
) -> TrainingData:
    """Return the data of sample `folders` and `labelled` sets, some of each held out.

    `labelled_share` of every batch are labelled pictures, of each set by its share. Of labelled
    sets whole recordings are held out, about a share `held_out` of them, whatever the seed of the
    training: benchmarks measure on the same ones. Raises `InputError` for
    folders of another kind than `kind`, and where there is nothing to learn from.
    """
    if not folders and not labelled:
        raise InputError("training: give folders of samples, labelled sets, or both")
    if not 0 <= labelled_share <= 1 or not 0 <= held_out < 1:
        raise InputError("training: labelled_share is 0 to 1, held_out 0 to below 1")
    sources: list[Source] = []
    held: dict[str, Samples] = {}
    words: list[str] = []
    rendered = 1.0 if not labelled else 1.0 - labelled_share
    opened = [_opened(folder, kind) for folder in folders]
    total = sum(len(folder) for folder in opened)
    for folder in opened:
        last = min(int(len(folder) * _HELD_SAMPLES_SHARE), _HELD_SAMPLES)
        part = _Part(folder, len(folder) - last)
        share = rendered * len(folder) / total
        name = folder.folder.name
        sources.append(Source(name, part, share, RENDERED_MOVEMENT, RENDERED_LIGHT))
        if last:
            held[name] = folder.take(len(folder) - last + _spread(last))
        licence = folder.header.get("licence", "licence not told")
        words.append(f"{name}: {len(part):,} samples ({licence})")
    real: list[str] = []
    of_sets = (1.0 if not folders else labelled_share) / max(sum(s.share for s in labelled), 1e-9)
    for one in labelled:
        source, kept, text = _of_set(one, of_sets * one.share, held_out)
        sources.append(source)
        words.append(text)
        if kept is not None:
            held[source.name] = kept
            real.append(source.name)
    return TrainingData(tuple(sources), held, tuple(real), tuple(words))


def _opened(folder: Path, kind: str) -> SampleFolder:
    found = SampleFolder(folder)
    if found.kind != kind:
        raise InputError(f"{folder} holds {found.kind}; expected a folder of {kind}")
    return found


def _of_set(one: LabelledSet, share: float, held_out: float) -> tuple[Source, Samples | None, str]:
    recordings = read_recordings(one)
    names = [recording.name for recording in recordings]
    learnt, kept = split_recordings(names, held_out)
    samples = Samples.joined([recordings[place].samples() for place in learnt])
    held = [centred(recordings[place].samples()) for place in kept]
    folder = one.path.parent if one.path.is_file() else one.path
    name = f"{folder.resolve().name}_{one.view}"
    text = (
        f"{name}: {len(samples)} labelled pictures of {len(learnt)} recordings "
        f"({', '.join(names[place] for place in learnt)})"
    )
    source = Source(name, InMemory(samples), share, LABELLED_MOVEMENT, Light())
    return source, Samples.joined(held) if held else None, text


def _spread(count: int) -> Ints:
    return np.unique(np.linspace(0, count - 1, min(count, _MEASURED)).astype(np.int64))
