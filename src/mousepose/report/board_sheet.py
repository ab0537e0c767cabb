"""A board to print: PNG with its resolution, or SVG in mm, both with a bar to measure the print."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from mousepose.atomic import atomic_path
from mousepose.calibrate.board import Board
from mousepose.calibrate.board_pattern import board_image, dark_parts
from mousepose.errors import FileError

_DOTS_PER_INCH = 600
_MM_PER_INCH = 25.4
#: Light space around the board, as a share of a square: markers at the edge need it.
_MARGIN = 0.5
#: Height of the caption below the board, mm.
_CAPTION_MM = 9.0
_BAR_MM = 100.0


def write_board_sheet(path: str | Path, board: Board) -> tuple[float, float]:
    """Write the board in its true size as .png or .svg; return the sheet's width and height, mm.

    Below it stand its numbers and, where it is wide enough, a bar of 100 mm: printers scale.
    Raises `FileError` for another suffix.
    """
    path = Path(path)
    writers = {".png": _write_png, ".svg": _write_svg}
    if path.suffix.lower() not in writers:
        raise FileError(f"{path}: expected a name that ends in .svg or .png")
    with atomic_path(path) as temporary:
        writers[path.suffix.lower()](temporary, board)
    width, height = (side + 2 * _MARGIN * board.square_mm for side in board.size_mm)
    return width, height + _CAPTION_MM


def _write_png(path: Path, board: Board) -> None:
    from PIL import Image, ImageDraw, ImageFont

    dots = _DOTS_PER_INCH / _MM_PER_INCH
    margin = _MARGIN * board.square_mm
    image = board_image(board, dots, margin)
    height = image.shape[0]
    caption = np.full((round(_CAPTION_MM * dots), image.shape[1]), 255, np.uint8)
    sheet = Image.fromarray(np.vstack([image, caption]))
    draw = ImageDraw.Draw(sheet)
    left = round(margin * dots)
    font = ImageFont.load_default(size=round(3.0 * dots))
    draw.text((left, height + round(1.5 * dots)), _caption(board), fill=0, font=font)
    if _has_bar(board):
        bar = [left, height - round(2 * dots), left + round(_BAR_MM * dots) - 1, height]
        draw.rectangle(bar, fill=0)
    sheet.save(path, dpi=(_DOTS_PER_INCH, _DOTS_PER_INCH))


def _write_svg(path: Path, board: Board) -> None:
    margin = _MARGIN * board.square_mm
    width, height = (side + 2 * margin for side in board.size_mm)
    # one path, so that no light line shows where two of its parts meet
    parts = "".join(
        f"M{x:.4f} {y:.4f}h{w:.4f}v{h:.4f}h{-w:.4f}z" for x, y, w, h in dark_parts(board)
    )
    bar = ""
    if _has_bar(board):
        bar = f'<rect x="{margin}" y="{height - 2}" width="{_BAR_MM}" height="2"/>'
    full = height + _CAPTION_MM
    path.write_text(
        f'<svg xmlns="http://www.w3.org/2000/svg" width="{width}mm" height="{full}mm" '
        f'viewBox="0 0 {width} {full}">\n<rect width="100%" height="100%" fill="white"/>\n'
        f'<path transform="translate({margin} {margin})" d="{parts}"/>\n{bar}\n'
        f'<text x="{margin}" y="{height + 5}" font-family="sans-serif" font-size="3.5">'
        f"{_caption(board)}</text>\n</svg>\n",
        encoding="utf-8",
    )


def _caption(board: Board) -> str:
    measured = "; print at 100 %: the bar is 100 mm long" if _has_bar(board) else ""
    return f"{board}{measured}"


def _has_bar(board: Board) -> bool:
    return board.size_mm[0] >= _BAR_MM
