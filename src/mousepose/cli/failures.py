"""What goes wrong becomes one line and an exit code; a traceback only for those who ask for one."""

from __future__ import annotations

import sys
from collections.abc import Iterator
from contextlib import contextmanager

import typer

from mousepose.errors import MouseposeError

#: The exit code of input that cannot be used, as for wrong options.
BAD_INPUT = 2
#: What a shell reports of a program ended by Ctrl-C.
INTERRUPTED = 130


@contextmanager
def told(debug: bool) -> Iterator[None]:
    """Turn errors in the block into one line on stderr and an exit code, unless `debug`."""
    try:
        yield
    except KeyboardInterrupt:
        print("interrupted; the same command goes on from here", file=sys.stderr)
        raise typer.Exit(INTERRUPTED) from None
    except (MouseposeError, OSError) as error:
        if debug:
            raise
        print(f"error: {error}", file=sys.stderr)
        raise typer.Exit(BAD_INPUT) from None
