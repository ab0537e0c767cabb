"""A program that was killed goes on where it stopped, to the same result."""

from __future__ import annotations

import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq


def test_a_killed_program_goes_on_to_the_same_result(
    program: Callable[..., Any], recording: Path, tmp_path: Path
) -> None:
    def words(name: str) -> list[str]:
        options = ["--camera", recording / "camera.toml", "--fps", 30, "--weight", 25]
        options += ["--chunk", 40, "--output", tmp_path / name]
        return ["reconstruct", *(str(word) for word in [recording / "side.csv", *options])]

    start = "import sys; from mousepose.cli.main import app; app(sys.argv[1:])"
    command = [sys.executable, "-c", start, *words("killed.parquet")]
    parts = tmp_path / "killed.parquet.parts"
    process = subprocess.Popen(command, stderr=subprocess.PIPE, stdout=subprocess.DEVNULL)
    deadline = time.monotonic() + 120
    while not (parts / "part-000000.parquet").exists() and time.monotonic() < deadline:
        assert process.poll() is None, "it ended before it could be killed"
        time.sleep(0.002)
    process.kill()
    process.communicate()
    assert parts.exists()
    again = program(*words("killed.parquet"))
    assert "kept from the interrupted run" in again.stdout
    assert program(*words("whole.parquet")).code == 0
    resumed, whole = (pq.read_table(tmp_path / f"{name}.parquet") for name in ("killed", "whole"))
    assert resumed.equals(whole)
