"""Rendered training samples, shard by shard on several processes; stopped, it goes on."""

from __future__ import annotations

from collections.abc import Iterator
from concurrent.futures import ProcessPoolExecutor, as_completed
from dataclasses import dataclass, field
from functools import cache
from multiprocessing import get_context
from pathlib import Path
from typing import Any

import numpy as np

from mousepose import __version__
from mousepose.body.prior import load_prior
from mousepose.errors import InputError
from mousepose.simulate import walking_mouse
from mousepose.train.render.animal import drawn_animal
from mousepose.train.render.config import RenderConfig
from mousepose.train.render.postures import Strides
from mousepose.train.render.sampling import Generator
from mousepose.train.samples import SampleFolder, SampleWriter
from mousepose.types import Progress, require

#: Samples in a shard.
SHARD = 250
_LICENCE = "Apache-2.0: rendered by mousepose, no picture of anyone's is in it"
#: Walks from which strides are taken: how many, how long each is (s), and pictures a second.
_WALKS, _SECONDS, _RATE = 14, 1.2, 25.0


@dataclass(frozen=True)
class RenderJob:
    """What to render: `count` samples (rounded up to whole shards) of `kind` into `folder`."""

    folder: Path
    count: int
    seed: int = 0
    kind: str = "crops"
    config: RenderConfig = field(default_factory=RenderConfig)

    @property
    def shards(self) -> int:
        """Return how many shards that is."""
        return -(-self.count // SHARD)

    @property
    def header(self) -> dict[str, Any]:
        """Return where the samples come from."""
        return {
            "licence": _LICENCE, "made_by": "mousepose render", "mousepose": __version__,
            "seed": self.seed, "shard": SHARD, "config": self.config.as_dict(),
        }  # fmt: skip


def render_samples(
    job: RenderJob, *, workers: int = 1, on_progress: Progress | None = None
) -> SampleFolder:
    """Render what is missing of a job and return all that its folder holds.

    `on_progress` is told the stage, and samples done and in all. Raises `InputError` for a count
    below 1 and where the folder was begun with other settings.
    """
    require(job.count > 0, f"count: expected 1 or more, got {job.count}")
    require(workers > 0, f"workers: expected 1 or more, got {workers}")
    writer = SampleWriter(job.folder, job.header, kind=job.kind)
    missing = writer.missing(job.shards)
    done = job.shards - len(missing)
    for _ in _rendered(job, missing, workers, on_progress, done):
        done += 1
    return SampleFolder(job.folder)


def _rendered(
    job: RenderJob, missing: list[int], workers: int, on_progress: Progress | None, done: int
) -> Iterator[int]:
    def tell() -> None:
        if on_progress is not None:
            on_progress("rendering", done * SHARD, job.shards * SHARD)

    tell()
    if workers == 1 or len(missing) < 2:
        for number in missing:
            _render_shard(job, number)
            done += 1
            tell()
            yield number
        return
    with ProcessPoolExecutor(workers, mp_context=get_context("spawn")) as pool:
        try:
            futures = {pool.submit(_render_shard, job, number): number for number in missing}
            for future in as_completed(futures):
                future.result()
                done += 1
                tell()
                yield futures[future]
        except BaseException:
            pool.shutdown(wait=False, cancel_futures=True)
            raise


def _render_shard(job: RenderJob, number: int) -> None:
    samples = Generator(job.config, strides(), job.kind).shard(job.seed, number, SHARD)
    SampleWriter(job.folder, job.header, kind=job.kind).write(number, samples)


@cache
def strides() -> Strides:
    """Return poses of animals of several shapes that walk, the same in every process."""
    body, prior = drawn_animal().body, load_prior()
    random = np.random.default_rng(11)
    poses = []
    for walk in range(_WALKS):
        shape = np.clip(random.normal(0, 1, len(body.shape_space)), -2, 2) * body.shape_space.sd
        try:
            made = walking_mouse(
                body, _SECONDS, _RATE, stride_length_mm=random.uniform(35, 62),
                strides_per_second=random.uniform(2, 6), turn_radius_mm=random.uniform(90, 500),
                shape=shape, posture=prior.mean if walk % 2 else None, seed=walk,
            )  # fmt: skip
        except InputError:  # this animal cannot take such strides
            continue
        poses.append((made.pose, shape))
    return Strides(
        np.concatenate([pose.root_rotation for pose, _ in poses]),
        np.concatenate([pose.joint_rotation for pose, _ in poses]),
        np.concatenate([np.tile(shape, (len(pose.root_rotation), 1)) for pose, shape in poses]),
    )
