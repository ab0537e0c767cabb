"""Files that appear whole or not at all."""

from __future__ import annotations

import os
import secrets
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

from mousepose.errors import FileError


@contextmanager
def atomic_path(target: str | Path) -> Iterator[Path]:
    """Give a temporary path beside `target` that takes its place when the block ends well.

    The temporary name keeps the suffix, so libraries that choose the format by it still do. When
    the block raises, the temporary file is removed and whatever was at `target` stays.
    Raises `FileError` when the folder is missing or `target` is a folder.
    """
    target = Path(target)
    if not target.parent.is_dir():
        raise FileError(f"{target}: the folder {target.parent} does not exist; make it first")
    if target.is_dir():
        raise FileError(f"{target}: is a folder; give the path of a file")
    temporary = target.with_name(f".{target.stem}.{secrets.token_hex(4)}{target.suffix}")
    try:
        yield temporary
        os.replace(temporary, target)
    except BaseException:
        temporary.unlink(missing_ok=True)
        raise
