"""Shards: drawn from seed and number alone, gone on with, looked at."""

from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import typer
from PIL import Image
from typer.testing import CliRunner

from mousepose.cli.render import render as render_command
from mousepose.errors import InputError
from mousepose.report.samples_sheet import draw_sheet
from mousepose.run import render as run
from mousepose.run.render import RenderJob, render_samples, strides
from mousepose.train.render.config import RenderConfig
from mousepose.train.render.sampling import Generator
from mousepose.train.samples import SampleFolder, Samples


@pytest.fixture(autouse=True)
def small_shards(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(run, "SHARD", 3)


def alike(one: Samples, other: Samples) -> bool:
    return (
        np.array_equal(one.images, other.images)
        and np.array_equal(one.xy, other.xy, equal_nan=True)
        and np.array_equal(one.state, other.state)
    )


def test_the_same_seed_gives_the_same_shard() -> None:
    generator = Generator(RenderConfig(), strides())
    first = generator.shard(5, 2, 3)
    assert alike(Generator(RenderConfig(), strides()).shard(5, 2, 3), first)
    assert alike(generator.shard(5, 2, 2), first[:2])
    assert not alike(generator.shard(6, 2, 3), first)
    assert not alike(generator.shard(5, 3, 3), first)


def test_a_longer_job_adds_to_a_shorter_one(tmp_path: Path) -> None:
    seen: list[tuple[str, int, int]] = []
    short = render_samples(RenderJob(tmp_path / "a", 4, seed=1))
    assert len(short) == 6
    (tmp_path / "a" / "00000.npz").unlink()
    longer = render_samples(
        RenderJob(tmp_path / "a", 7, seed=1), on_progress=lambda *told: seen.append(told)
    )
    assert [done for _, done, _ in seen] == [3, 6, 9]
    whole = render_samples(RenderJob(tmp_path / "b", 9, seed=1))
    everything = np.arange(9)
    assert alike(longer.take(everything), whole.take(everything))


def test_other_settings_do_not_mix(tmp_path: Path) -> None:
    render_samples(RenderJob(tmp_path, 1, seed=1))
    with pytest.raises(InputError, match="differ in: config"):
        render_samples(RenderJob(tmp_path, 1, 1, config=RenderConfig(views={"top": 1.0})))


def test_views_and_coats_are_as_ordered(tmp_path: Path) -> None:
    config = RenderConfig(views={"bottom": 1.0}, coats={"black": 1.0})
    samples = render_samples(RenderJob(tmp_path, 3, config=config)).take([0, 1, 2])
    assert set(samples.view) == {3}


def test_frames_hold_boxes_and_black_borders(tmp_path: Path) -> None:
    folder = render_samples(RenderJob(tmp_path, 6, seed=2, kind="frames"))
    samples = folder.take(np.arange(6))
    assert samples.images.shape == (6, 192, 192)
    assert samples.box is not None
    known = np.isfinite(samples.box).all(axis=-1)
    boxes = samples.box[known]
    assert (boxes[:, 2:] > boxes[:, :2]).all()
    assert (boxes >= 0).all()
    assert (boxes <= 191).all()
    assert (samples.images[:, 0].max(axis=1) == 0).any()


def test_the_command_renders_and_draws_a_sheet(tmp_path: Path) -> None:
    app = typer.Typer()
    app.command()(render_command)
    sheet = tmp_path / "sheet.png"
    arguments = ["-o", str(tmp_path / "s"), "--count", "2", "--views", "top=2,side"]
    done = CliRunner().invoke(app, [*arguments, "--sheet", str(sheet)])
    assert done.exit_code == 0, done.output
    assert "3 crops of 128 x 128 px" in done.output
    assert np.ptp(np.asarray(Image.open(sheet))) > 0
    header = SampleFolder(tmp_path / "s").header
    assert header["config"]["views"] == {"top": 2.0, "side": 1.0}
    wrong = CliRunner().invoke(app, [*arguments, "--coats", "pink=x"])
    assert wrong.exit_code == 2
    assert "--coats: expected NAME or NAME=WEIGHT" in wrong.output


def test_a_sheet_marks_every_other_sample(tmp_path: Path) -> None:
    folder = render_samples(RenderJob(tmp_path / "s", 3, seed=4))
    draw_sheet(tmp_path / "a.png", folder, count=3, columns=3, plain=0)
    draw_sheet(tmp_path / "b.png", folder, count=3, columns=3, plain=1)
    marked, plain = (np.asarray(Image.open(tmp_path / name)) for name in ("a.png", "b.png"))
    assert (plain.max(axis=2) == plain.min(axis=2)).all()
    assert (marked.max(axis=2) != marked.min(axis=2)).any()
