"""What all tests share: the hypothesis profile and the way to the real recordings."""

from __future__ import annotations

import os
from collections.abc import Callable
from pathlib import Path

import pytest
from hypothesis import HealthCheck, settings

# Derandomized: a run that passes here passes everywhere. No deadline: the first call of a compiled
# function takes seconds. Function-scoped fixtures such as tmp_path are rewritten by each example.
settings.register_profile(
    "mousepose",
    deadline=None,
    derandomize=True,
    max_examples=50,
    suppress_health_check=[HealthCheck.too_slow, HealthCheck.function_scoped_fixture],
)
settings.load_profile("mousepose")

REPOSITORY = Path(__file__).resolve().parents[1]


@pytest.fixture(scope="session")
def shared_data() -> Callable[[str], Path]:
    """Give the path of a real recording by its name in the data folder, or skip the test."""
    root = Path(os.environ.get("MOUSEPOSE_DATA", REPOSITORY.parent / "shared" / "data"))

    def find(name: str) -> Path:
        path = root / name
        if not path.exists():
            pytest.skip(f"no real data: {name} is not in MOUSEPOSE_DATA nor in ../shared/data")
        return path

    return find
