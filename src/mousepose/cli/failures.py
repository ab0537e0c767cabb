"""What goes wrong becomes one line and an exit code; a traceback only for those who ask for one."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager
from enum import IntEnum

import typer

from mousepose.errors import InputError, MouseposeError


class ExitCode(IntEnum):
    """How every command ends."""

    OK = 0  #: done
    FAILED = 1  #: the input cannot be used, or the work could not be done
    USAGE = 2  #: the command itself is wrong: an option, or two that exclude each other
    NOT_GOOD_ENOUGH = 3  #: done, but the result did not pass its check of quality
    INTERRUPTED = 130  #: ended by Ctrl-C; what a shell reports of that


#: The exit codes in the words of `--help`.
EXIT_CODES = (
    "Exit codes: 0 done; 1 bad input, or it failed; 2 wrong usage; 3 finished, but the result did "
    "not pass its check of quality; 130 interrupted."
)


class UsageError(InputError):
    """The command line is wrong, whatever the files hold."""


@contextmanager
def told(debug: bool, goes_on: bool = False) -> Iterator[None]:
    """Turn errors in the block into one line on stderr and an exit code, unless `debug`.

    `goes_on` tells whether the same command, given again, goes on where it was interrupted.
    """
    try:
        yield
    except KeyboardInterrupt:
        hint = "; the same command goes on from here" if goes_on else ""
        print(f"interrupted{hint}", file=sys.stderr)
        raise typer.Exit(ExitCode.INTERRUPTED) from None
    except (MouseposeError, OSError) as error:
        if debug:
            raise
        print(f"error: {error}", file=sys.stderr)
        code = ExitCode.USAGE if isinstance(error, UsageError) else ExitCode.FAILED
        raise typer.Exit(code) from None
