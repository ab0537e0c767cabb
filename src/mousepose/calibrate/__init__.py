"""Cameras calibrated: from videos of a board, from a cage of known size, from a good guess.

Importing it is light: what needs OpenCV, a video reader or scipy is loaded when it is used.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from mousepose.calibrate.board import Board
    from mousepose.calibrate.board_calibration import BoardCalibration, calibrate_board
    from mousepose.calibrate.cage import CageCalibration, calibrate_cage
    from mousepose.calibrate.guess import CameraGuess, guess_camera
    from mousepose.calibrate.self_calibration import SelfCalibration, self_calibrate

__all__ = [
    "Board",
    "BoardCalibration",
    "CageCalibration",
    "CameraGuess",
    "SelfCalibration",
    "calibrate_board",
    "calibrate_cage",
    "guess_camera",
    "self_calibrate",
]

_MODULE_OF = {
    "Board": "board",
    "BoardCalibration": "board_calibration",
    "CageCalibration": "cage",
    "CameraGuess": "guess",
    "SelfCalibration": "self_calibration",
    "calibrate_board": "board_calibration",
    "calibrate_cage": "cage",
    "guess_camera": "guess",
    "self_calibrate": "self_calibration",
}


def __getattr__(name: str) -> Any:
    if name not in _MODULE_OF:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    return getattr(import_module(f"{__name__}.{_MODULE_OF[name]}"), name)
