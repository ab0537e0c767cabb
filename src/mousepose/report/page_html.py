"""Pieces of HTML: whatever text goes in comes out as text."""

from __future__ import annotations

import base64
from collections.abc import Iterable, Sequence
from html import escape
from io import BytesIO
from pathlib import Path

import numpy as np

from mousepose.types import Bytes


def section(title: str, *parts: str) -> str:
    """Return a section of parts that are HTML; nothing where all are empty."""
    inside = "".join(parts)
    return f"<section><h2>{escape(title)}</h2>{inside}</section>" if inside else ""


def paragraph(text: str, kind: str = "") -> str:
    """Return a paragraph of text."""
    return f'<p class="{escape(kind)}">{escape(text)}</p>'


def heading(text: str) -> str:
    """Return a heading within a section."""
    return f"<h3>{escape(text)}</h3>"


def table(columns: Sequence[str], rows: Iterable[Sequence[object]]) -> str:
    """Return a table; cells are text, numbers stand to the right, `Raw` is HTML already."""
    head = "".join(f"<th>{escape(name)}</th>" for name in columns)
    body = "".join(f"<tr>{''.join(_cell(cell) for cell in row)}</tr>" for row in rows)
    return f"<table><thead><tr>{head}</tr></thead><tbody>{body}</tbody></table>" if body else ""


class Raw(str):
    """Text that is HTML already."""


def _cell(cell: object) -> str:
    if isinstance(cell, Raw):
        return f"<td>{cell}</td>"
    if isinstance(cell, float):
        shown = "–" if np.isnan(cell) else f"{cell:,.0f}" if abs(cell) >= 1000 else f"{cell:.3g}"
        return f'<td class="number">{shown}</td>'
    if isinstance(cell, int):
        return f'<td class="number">{cell:,}</td>'
    return f"<td>{escape(str(cell))}</td>"


def tile(value: str, what: str) -> str:
    """Return a number with what it is."""
    return f'<div class="tile"><b>{escape(value)}</b><span>{escape(what)}</span></div>'


def shares(parts: Sequence[tuple[str, float]]) -> Raw:
    """Return a bar of shares, each with its class of style."""
    inside = "".join(
        f'<i class="{escape(kind)}" style="width:{100 * share:.2f}%"></i>' for kind, share in parts
    )
    return Raw(f'<div class="bar">{inside}</div>')


def picture(path: Path, words: str) -> str:
    """Return a PNG file as part of the page, with what it shows in words."""
    return _image("image/png", path.read_bytes(), words)


def photograph(image: Bytes, words: str) -> str:
    """Return an RGB image (H, W, 3) as part of the page, with what it shows in words."""
    from PIL import Image

    buffer = BytesIO()
    Image.fromarray(image).save(buffer, "JPEG", quality=82)
    return _image("image/jpeg", buffer.getvalue(), words)


def _image(kind: str, data: bytes, words: str) -> str:
    coded = base64.b64encode(data).decode("ascii")
    told = escape(words)
    return (
        f'<figure><img alt="{told}" src="data:{kind};base64,{coded}">'
        f"<figcaption>{told}</figcaption></figure>"
    )
