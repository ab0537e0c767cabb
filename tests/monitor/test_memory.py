"""What a stage used and nobody needs any more goes back to the system."""

from __future__ import annotations

import os
import sys
from pathlib import Path

import numpy as np
import pytest

from mousepose.monitor.work.memory import _trim, release_unused


def resident() -> int:
    """Bytes of memory that this process has."""
    pages = int(Path("/proc/self/statm").read_text().split()[1])
    return pages * os.sysconf("SC_PAGE_SIZE")


@pytest.mark.skipif(not sys.platform.startswith("linux"), reason="malloc_trim is of Linux")
def test_what_is_free_goes_back() -> None:
    if _trim() is None:
        pytest.skip("this C library gives memory back by itself")
    # small pieces, every tenth of which stays: what is free lies between them
    pieces = [np.ones(2000) for _ in range(20_000)]
    full = resident()
    kept = pieces[::10]
    del pieces
    release_unused()
    assert full - resident() > 150e6
    assert all(one[0] == 1.0 for one in kept)
