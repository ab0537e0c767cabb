"""Files of any length: what is cut into parts, interrupted and resumed is what one run gives."""

from __future__ import annotations

import json
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import numpy as np
import pyarrow.parquet as pq
import pytest

from mousepose.errors import FileError, InputError
from mousepose.io import read_sequence
from mousepose.run import streaming
from mousepose.run.streaming import Job, Outcome, first_frames, results, run
from mousepose.types import Keypoints2D, PoseSequence

MakeJob = Callable[..., Job]


def quiet(stage: str, done: int, total: int) -> None:
    assert stage
    assert done >= 0
    assert total >= 0


def interrupted_after(parts: int, monkeypatch: pytest.MonkeyPatch) -> None:
    """Let the next run end after some parts, as Ctrl-C would end it."""
    solve, solved = streaming.solve, []

    def stopping(keypoints: Keypoints2D, *rest: object) -> PoseSequence:
        if len(solved) == parts:
            raise KeyboardInterrupt
        solved.append(keypoints)
        return solve(keypoints, *rest)  # type: ignore[arg-type]

    monkeypatch.setattr(streaming, "solve", stopping)


def test_every_frame_comes_out_once_and_the_parts_go(finished: tuple[Job, Outcome]) -> None:
    job, outcome = finished
    sequence = read_sequence(job.output)
    np.testing.assert_array_equal(sequence.frame_numbers, np.arange(130))
    assert (outcome.frames, outcome.resumed) == (130, 0)
    assert [path.name for path in job.output.parent.iterdir()] == ["out.parquet"]
    assert len(sequence.provenance["inputs"]) == 1


def test_an_interrupted_run_goes_on_to_the_same_result(
    make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = make_job("whole.parquet", temporal=True)
    run(whole, quiet)
    job = make_job("resumed.parquet", temporal=True)
    with monkeypatch.context() as patch:
        interrupted_after(2, patch)
        with pytest.raises(KeyboardInterrupt):
            run(job, quiet)
    assert not job.output.exists()
    outcome = run(job, quiet)
    assert outcome.resumed == 100
    assert pq.read_table(job.output).equals(pq.read_table(whole.output))
    assert not job.output.with_name("resumed.parquet.parts").exists()


@pytest.mark.parametrize("temporal", [False, True])
def test_the_size_of_chunks_does_not_matter(
    make_job: MakeJob, finished: tuple[Job, Outcome], temporal: bool
) -> None:
    small = finished[0]
    if temporal:
        small = make_job("a.parquet", temporal=True)
        run(small, quiet)
    large = replace(make_job("b.parquet", chunk=1000), setup=small.setup)
    run(large, quiet)
    one, other = read_sequence(small.output), read_sequence(large.output)
    apart = np.linalg.norm(one.keypoints - other.keypoints, axis=-1)
    assert np.median(apart) < (0.2 if temporal else 1e-9)


def test_another_job_in_the_same_place_is_told(
    make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    with monkeypatch.context() as patch:
        interrupted_after(1, patch)
        with pytest.raises(KeyboardInterrupt):
            run(make_job(), quiet)
    other = make_job(sigma=3.0)
    with pytest.raises(InputError, match=r"differs in: settings.*--no-resume"):
        run(other, quiet)
    outcome = run(replace(other, resume=False), quiet)
    assert outcome.resumed == 0
    assert other.output.exists()


def test_a_damaged_record_of_a_run_is_told(
    make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = make_job()
    folder = job.output.with_name("out.parquet.parts")
    folder.mkdir()
    (folder / "run.json").write_text("{", encoding="utf-8")
    with pytest.raises(InputError, match="--no-resume"):
        run(job, quiet)


def test_a_folder_of_something_else_is_never_removed(make_job: MakeJob) -> None:
    job = make_job(resume=False)
    folder = job.output.with_name("out.parquet.parts")
    folder.mkdir()
    (folder / "thesis.txt").write_text("years of work", encoding="utf-8")
    with pytest.raises(InputError, match=r"thesis\.txt"):
        run(job, quiet)
    assert (folder / "thesis.txt").exists()


def test_a_fault_in_the_last_line_is_told_before_anything_is_solved(
    make_job: MakeJob, recording: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    text = (recording / "side.csv").read_text(encoding="utf-8")
    cut = tmp_path / "cut.csv"
    cut.write_text(text[:-40], encoding="utf-8")
    job = make_job()
    job = replace(job, files=replace(job.files, paths=(cut,)))
    interrupted_after(0, monkeypatch)
    with pytest.raises(FileError, match="cut"):
        run(job, quiet)


def test_results_pair_every_frame_with_its_keypoints(finished: tuple[Job, Outcome]) -> None:
    job, _ = finished
    numbers = []
    for keypoints, sequence in results(job):
        np.testing.assert_array_equal(keypoints.frame_numbers, sequence.frame_numbers)
        numbers += sequence.frame_numbers.tolist()
    assert numbers == list(range(130))
    keypoints, sequence = first_frames(job, 70)
    assert len(keypoints) == len(sequence) == 70
    whole = read_sequence(job.output)
    np.testing.assert_array_equal(sequence.keypoints, whole.keypoints[:70])
    np.testing.assert_array_equal(sequence.report.status, whole.report.status[:70])


def test_a_missing_folder_is_told_at_once(make_job: MakeJob, tmp_path: Path) -> None:
    with pytest.raises(InputError, match="does not exist"):
        run(replace(make_job(), output=tmp_path / "missing" / "out.parquet"), quiet)


def test_files_and_cameras_must_be_as_many(make_job: MakeJob, recording: Path) -> None:
    job = make_job()
    with pytest.raises(InputError, match="one file for each camera"):
        replace(job, files=replace(job.files, paths=(recording / "side.csv",) * 2))


def test_a_chunk_shorter_than_its_context_is_told(make_job: MakeJob) -> None:
    with pytest.raises(InputError, match="--chunk"):
        make_job(temporal=True, chunk=5)


def test_the_animal_is_kept_for_the_other_parts(
    make_job: MakeJob, monkeypatch: pytest.MonkeyPatch
) -> None:
    job = make_job()
    interrupted_after(1, monkeypatch)
    with pytest.raises(KeyboardInterrupt):
        run(job, quiet)
    animal = json.loads((job.output.with_name("out.parquet.parts") / "animal.json").read_text())
    assert {"shape", "offset_mm"} <= animal.keys()
