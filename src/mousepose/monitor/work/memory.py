"""Memory that is free goes back to the system, so that months of work need no more than a day."""

from __future__ import annotations

import ctypes
import sys
from functools import cache
from typing import Any


def release_unused() -> None:
    """Give back what allocators keep of memory that nobody uses: a few milliseconds."""
    arrow = sys.modules.get("pyarrow")
    if arrow is not None:
        arrow.default_memory_pool().release_unused()
    trim = _trim()
    if trim is not None:
        trim(0)


@cache
def _trim() -> Any:
    """Return what makes the C library give back memory, None where it does not know how to."""
    if not sys.platform.startswith("linux"):
        return None
    return getattr(ctypes.CDLL(None), "malloc_trim", None)
