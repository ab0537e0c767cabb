"""The workers that a word names: local, tcp://HOST:PORT, tls://HOST:PORT, slurm."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from typing import Any

from mousepose.errors import InputError
from mousepose.extras import needed
from mousepose.monitor.work.executor import Executor
from mousepose.monitor.work.logs import note
from mousepose.monitor.work.pool import LocalExecutor

#: What `opened_executor` knows, in the words of an error.
KINDS = "local, tcp://HOST:PORT, tls://HOST:PORT or slurm"


@contextmanager
def opened_executor(where: str, workers: int) -> Iterator[Executor]:
    """Give the workers that `where` names; what is still being done at the end is stopped.

    `workers` processes of this machine, or as many jobs of SLURM; a scheduler has those it has.
    SLURM is told what a job needs in Dask's own settings (`jobqueue.slurm`). Raises `InputError`
    for an unknown word, for a scheduler that does not answer, and where SLURM is not set up.
    """
    if where == "local":
        executor: Executor = LocalExecutor(workers)
        try:
            yield executor
        finally:
            executor.close()
        return
    address = where
    if where != "slurm" and not where.startswith(("tcp://", "tls://")):
        raise InputError(f"cluster: expected {KINDS}, got {where!r}")
    needed("monitor", "a cluster", "distributed")
    from mousepose.monitor.work.dask_executor import DaskExecutor

    with _jobs_of_slurm(workers) if where == "slurm" else _nothing(address) as address:
        executor = DaskExecutor(address)
        note("info", "cluster", f"{executor.workers} workers at {address}")
        try:
            yield executor
        finally:
            executor.close()


@contextmanager
def _nothing(address: str) -> Iterator[str]:
    yield address


@contextmanager
def _jobs_of_slurm(workers: int) -> Iterator[str]:
    """Give the address of a scheduler in this process, for which SLURM starts workers."""
    needed("monitor", "SLURM", "dask_jobqueue")
    dask_jobqueue: Any = import_module("dask_jobqueue")
    try:
        cluster = dask_jobqueue.SLURMCluster(processes=1)
    except (ValueError, OSError) as error:
        raise InputError(
            f"SLURM: {error}; say what a job needs (cores, memory, walltime, queue) under "
            "jobqueue: slurm: in Dask's settings, as ~/.config/dask/jobqueue.yaml"
        ) from error
    with cluster:
        cluster.scale(jobs=workers)
        yield cluster.scheduler_address
