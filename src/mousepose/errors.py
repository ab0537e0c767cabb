"""Every error that mousepose raises on purpose.

    MouseposeError
    |-- InputError        what a user gave is wrong: says what, where, what was expected, what to do
    |   |-- FileError     a file is missing, cut, or not of the format it claims
    |   |-- UnknownNameError  a keypoint, joint or column name is unknown
    |   `-- CameraError   a camera is no camera: non-rotation, singular matrix, wrong size
    `-- ModelError        a body model or prior is inconsistent with itself or with the data

All of them are also ``ValueError``, so callers who know nothing of mousepose can catch them.
"""

from __future__ import annotations

from collections.abc import Iterable


class MouseposeError(ValueError):
    """Base of all errors raised on purpose."""


class InputError(MouseposeError):
    """What the user gave is wrong."""


class FileError(InputError):
    """A file is missing, cut in the middle, or not of the format it claims."""


class UnknownNameError(InputError):
    """A keypoint, joint or column name is not known; the message lists those that are."""

    @classmethod
    def of(cls, what: str, name: str, known: Iterable[str]) -> UnknownNameError:
        """Return the error for `name`, a `what` that is not among `known`."""
        return cls(f"unknown {what} {name!r}; known: {', '.join(sorted(known))}")


class CameraError(InputError):
    """A camera is no camera: its rotation is none, its matrix is singular, its size is wrong."""


class ModelError(MouseposeError):
    """A body model or prior does not fit together with itself or with the data."""
