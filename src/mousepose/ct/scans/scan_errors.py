"""Libraries of others: where they are not installed or fail, one clear error says so."""

from __future__ import annotations

import logging
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from importlib import import_module
from pathlib import Path
from typing import Any

from mousepose.errors import FileError, MouseposeError
from mousepose.extras import needed

#: Loggers that print to the terminal unless they are told otherwise.
_TALKATIVE = ("tifffile", "nibabel.global")


@contextmanager
def reading(path: Path, what: str) -> Iterator[None]:
    """Turn whatever a library raises on a damaged file into a `FileError` that names the file.

    A parser may raise anything on bytes that no program wrote. What libraries warn of (odd values
    of tags that are not used here) is no news to the user, nor what they log before they raise.
    """
    with _unlogged(), warnings.catch_warnings():
        warnings.simplefilter("ignore")
        try:
            yield
        except MouseposeError:
            raise
        except PermissionError as error:
            raise FileError(f"{path}: no permission to read it") from error
        except FileNotFoundError as error:
            raise FileError(f"{path} does not exist") from error
        except Exception as error:
            told = str(error).splitlines()[0][:160] if str(error) else type(error).__name__
            raise FileError(
                f"{path} is no {what} that can be read, it may be cut or damaged: {told}"
            ) from error


@contextmanager
def _unlogged() -> Iterator[None]:
    loggers = [logging.getLogger(name) for name in _TALKATIVE]
    before = [logger.disabled for logger in loggers]
    for logger in loggers:
        logger.disabled = True
    try:
        yield
    finally:
        for logger, disabled in zip(loggers, before, strict=True):
            logger.disabled = disabled


def library(doing: str, name: str) -> Any:
    """Return a module of the extra `ct`. Raises `InputError` where it is not installed."""
    needed("ct", doing, name.split(".", maxsplit=1)[0])
    return import_module(name)
