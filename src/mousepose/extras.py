"""Libraries that only some files need: told by name where they are not installed."""

from __future__ import annotations

from importlib import import_module

from mousepose.errors import InputError


def needed(extra: str, doing: str, *libraries: str) -> None:
    """Raise `InputError` unless all `libraries` of the package's `extra` can be imported."""
    missing = []
    for library in libraries:
        try:
            import_module(library)
        except ImportError:
            missing.append(library)
    if missing:
        raise InputError(f"{doing} needs {' and '.join(missing)}: pip install 'mousepose[{extra}]'")
