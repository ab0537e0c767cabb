"""Workers answer every job, whatever happens to them: processes of this machine, and Dask's."""

from __future__ import annotations

import errno
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

pytest.importorskip("sqlalchemy", reason="the ledger needs SQLAlchemy")

from monitor import stand_ins
from monitor.workers import job_maker, minute
from mousepose.errors import InputError
from mousepose.monitor.records import Stage, Task
from mousepose.monitor.work.cluster import opened_executor
from mousepose.monitor.work.executor import Executor
from mousepose.monitor.work.job import Answer, Ending, Job, do
from mousepose.monitor.work.pool import LocalExecutor


def job_of(run: Callable[..., Any], number: int = 0, path: str = "", **settings: Any) -> Job:
    from dataclasses import replace

    segment = minute(number)
    segment = replace(segment, path=path or segment.path)
    task = Task(segment, Stage.POSES, f"token{number}")
    return job_maker(run=run, **settings)(task)


def answers_of(executor: Executor, count: int, patience: float = 60.0) -> list[Answer]:
    found: list[Answer] = []
    until = time.monotonic() + patience
    while len(found) < count and time.monotonic() < until:
        found += executor.answers(1.0)
    assert len(found) == count
    return found


# -- a job in this process ---------------------------------------------------------------------


@pytest.mark.filterwarnings("always")
def test_a_fault_brings_its_log() -> None:
    answer = do(job_of(stand_ins.wrong))
    assert (answer.ending, answer.reason, answer.token) == (Ending.FAILED, "no video", "token0")
    for what in ("the picture looks odd", "a frame is missing", "FileError: no video"):
        assert what in answer.log


def test_a_full_disk_is_known_below_other_errors() -> None:
    assert do(job_of(stand_ins.full)).ending == Ending.FULL
    quota = OSError(errno.EDQUOT, "quota")

    def over_quota(*_: object) -> None:
        raise quota

    assert do(job_of(over_quota)).ending == Ending.FULL


def test_a_video_that_is_gone_is_told_from_a_folder_that_is_away(tmp_path: Path) -> None:
    from dataclasses import replace

    job = job_of(stand_ins.wrong, path=str(tmp_path / "gone.mp4"))
    points = replace(job, task=replace(job.task, stage=Stage.POINTS))
    assert do(points).ending == Ending.GONE
    assert do(job).ending == Ending.FAILED  # later stages need no video
    segment = replace(job.task.segment, path=str(tmp_path / "unmounted" / "a.mp4"))
    assert do(replace(points, task=replace(points.task, segment=segment))).ending == Ending.AWAY
    (tmp_path / "gone.mp4").touch()
    assert do(points).ending == Ending.FAILED


# -- processes of this machine -----------------------------------------------------------------


@pytest.fixture(scope="module")
def pool() -> Iterator[LocalExecutor]:
    executor = LocalExecutor(1)
    yield executor
    executor.close()


def test_one_process_does_job_after_job(pool: LocalExecutor) -> None:
    for number in range(4):
        pool.submit(job_of(stand_ins.well, number))
    found = answers_of(pool, 4)
    assert [one.token for one in found] == [f"token{n}" for n in range(4)]
    processes = {one.outcome.seconds["pid"] for one in found if one.outcome is not None}
    assert len(processes) == 1
    assert os.getpid() not in processes


def test_a_killed_worker_is_replaced_and_the_next_job_is_done(
    pool: LocalExecutor, tmp_path: Path
) -> None:
    killed = job_of(stand_ins.killed, path=str(tmp_path / "mark"))
    pool.submit(killed)
    pool.submit(job_of(stand_ins.well, 1))
    first, second = answers_of(pool, 2)
    assert (first.ending, first.token) == (Ending.CUT_OFF, "token0")
    assert "exit code -9" in first.reason
    assert (second.ending, second.token) == (Ending.DONE, "token1")


def test_a_worker_that_is_killed_while_idle_is_replaced(pool: LocalExecutor) -> None:
    pool.submit(job_of(stand_ins.well))
    answers_of(pool, 1)
    os.kill(pool.processes[0], signal.SIGKILL)
    time.sleep(0.3)
    pool.submit(job_of(stand_ins.well))
    assert answers_of(pool, 1)[0].ending in {Ending.DONE, Ending.CUT_OFF}
    pool.submit(job_of(stand_ins.well))
    assert answers_of(pool, 1)[0].ending == Ending.DONE


@pytest.mark.parametrize(
    ("run", "limit", "reason", "log"),
    [
        (stand_ins.crash, 60.0, "SIGSEGV", "crash"),
        (stand_ins.stuck, 0.3, "took longer than it may", "stuck"),
    ],
)
def test_a_job_that_ends_its_worker_by_itself_fails_and_tells_where(
    pool: LocalExecutor, run: Callable[..., Any], limit: float, reason: str, log: str
) -> None:
    pool.submit(job_of(run, limit_s=limit))
    answer = answers_of(pool, 1)[0]
    assert answer.ending == Ending.FAILED
    assert reason in answer.reason
    assert f"in {log}" in answer.log


def test_what_no_process_can_be_sent_fails(pool: LocalExecutor) -> None:
    pool.submit(job_of(lambda *_: None))
    answer = answers_of(pool, 1)[0]
    assert (answer.ending, answer.reason[:14]) == (Ending.FAILED, "cannot be sent")


def test_what_was_not_begun_can_be_withdrawn(pool: LocalExecutor) -> None:
    for number in range(3):
        pool.submit(job_of(stand_ins.a_moment, number))
    assert pool.withdraw() == ["token1", "token2"]
    assert [one.token for one in answers_of(pool, 1)] == ["token0"]
    assert pool.answers(0.4) == []


def test_workers_end_when_their_parent_is_killed(tmp_path: Path) -> None:
    """Else each kill of the main process would leave processes that wait for ever."""
    code = (
        "import sys, time\n"
        "from monitor import stand_ins, test_executors as t\n"
        "if __name__ == '__main__':\n"
        "    pool = t.LocalExecutor(1)\n"
        "    pool.submit(t.job_of(stand_ins.well)); t.answers_of(pool, 1)\n"
        "    print(pool.processes[0], flush=True); time.sleep(60)\n"
    )
    script = tmp_path / "parent.py"
    script.write_text(code, encoding="utf-8")
    path = os.pathsep.join(sys.path)
    parent = subprocess.Popen(
        [sys.executable, str(script)], stdout=subprocess.PIPE, text=True,
        env={**os.environ, "PYTHONPATH": path},
    )  # fmt: skip
    assert parent.stdout is not None
    with parent.stdout as told:
        worker = int(told.readline())
    parent.kill()
    parent.wait()
    until = time.monotonic() + 10
    while _runs(worker) and time.monotonic() < until:
        time.sleep(0.05)
    assert not _runs(worker)


def _runs(process: int) -> bool:
    try:
        state = Path(f"/proc/{process}/stat").read_text(encoding="utf-8").split()[2]
    except OSError:
        return False
    return state != "Z"


# -- Dask --------------------------------------------------------------------------------------


@pytest.mark.parametrize("where", ["remote", "tcp:/host", "http://host:1"])
def test_an_unknown_cluster_is_told(where: str) -> None:
    with pytest.raises(InputError, match=r"expected local, tcp://"), opened_executor(where, 1):
        pass


@pytest.fixture
def dask() -> Iterator[Callable[[], tuple[str, list[Any]]]]:
    """Starts a scheduler at an address that stays the same, and a worker."""
    pytest.importorskip("distributed", reason="a cluster needs Dask")
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    address, running = f"tcp://127.0.0.1:{port}", []
    environment = {**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)}

    def start() -> tuple[str, list[Any]]:
        scheduler = ["scheduler", "--host", "127.0.0.1", "--port", str(port), "--no-dashboard"]
        worker = ["worker", address, "--nthreads", "1", "--no-dashboard", "--no-nanny"]
        for command in (scheduler, worker):
            running.append(
                subprocess.Popen(
                    [sys.executable, "-m", "dask", *command], env=environment,
                    stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL,
                )
            )  # fmt: skip
        return address, running

    yield start
    for process in running:
        process.kill()
        process.wait()


def until(what: Callable[[], object], patience: float = 90.0) -> None:
    end = time.monotonic() + patience
    while not what():
        assert time.monotonic() < end
        time.sleep(0.1)


@pytest.mark.filterwarnings("default")  # of Dask itself
def test_a_scheduler_that_dies_gives_back_its_work_and_is_found_again(
    dask: Callable[[], tuple[str, list[Any]]],
) -> None:
    address, running = dask()
    with opened_executor(address, 1) as executor:
        until(lambda: executor.workers == 1)
        executor.submit(job_of(stand_ins.well))
        executor.submit(job_of(stand_ins.wrong, 1))
        endings = {one.token: one.ending for one in answers_of(executor, 2)}
        assert endings == {"token0": Ending.DONE, "token1": Ending.FAILED}
        executor.submit(job_of(stand_ins.stuck, 2))
        time.sleep(0.5)
        for process in running:
            process.kill()
            process.wait()
        (back,) = answers_of(executor, 1)
        assert (back.token, back.ending) == ("token2", Ending.RETURNED)
        until(lambda: executor.workers == 0)
        executor.submit(job_of(stand_ins.well, 3))  # nobody is there
        dask()
        assert answers_of(executor, 1)[0].ending in {Ending.RETURNED, Ending.DONE}
        until(lambda: executor.workers == 1)
        executor.submit(job_of(stand_ins.well, 4))
        assert answers_of(executor, 1)[0].ending == Ending.DONE


@pytest.mark.filterwarnings("default")
def test_no_scheduler_is_told(monkeypatch: pytest.MonkeyPatch) -> None:
    module = pytest.importorskip("mousepose.monitor.work.dask_executor", reason="needs Dask")
    monkeypatch.setattr(module, "_CALL_S", 0.5)
    with pytest.raises(InputError, match="no Dask scheduler answers at tcp://127.0.0.1:9"):
        module.DaskExecutor("tcp://127.0.0.1:9")
