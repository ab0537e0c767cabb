"""Setups that the tests of the fit share: loaded once, for all kernels see the same types."""

from __future__ import annotations

import pytest

from mousepose.fit.setup import Setup
from synthetic import make_setup


@pytest.fixture(scope="session")
def setup() -> Setup:
    """One camera, the default body as it is, the shipped prior."""
    return make_setup(1)


@pytest.fixture(scope="session")
def three_cameras() -> Setup:
    return make_setup(3)
