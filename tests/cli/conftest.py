"""The program in this process, and a short recording to give it."""

from __future__ import annotations

from collections.abc import Callable

import pytest
from typer.testing import CliRunner

from mousepose.cli.main import app
from recordings import recording  # noqa: F401  a fixture


class Result:
    """What a command left: its exit code, and what it told on each stream."""

    def __init__(self, arguments: list[str]) -> None:
        found = CliRunner().invoke(app, arguments)
        self.code, self.stdout, self.stderr = found.exit_code, found.stdout, found.stderr
        self.exception = found.exception


@pytest.fixture(scope="session")
def program() -> Callable[..., Result]:
    return lambda *arguments: Result([str(argument) for argument in arguments])
