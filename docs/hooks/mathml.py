"""Formulas between dollar signs become MathML, which browsers draw without a script or a font."""

from __future__ import annotations

import re
from typing import Any

from latex2mathml.converter import convert

#: Code is left alone: fenced blocks first, then spans.
_CODE = re.compile(r"(^```.*?^```|`[^`\n]+`)", re.DOTALL | re.MULTILINE)
_BLOCK = re.compile(r"\$\$(.+?)\$\$", re.DOTALL)
_SPAN = re.compile(r"(?<![\\$])\$(?![\s$])([^$\n]+?(?:\n[^$\n]+?)?)(?<!\s)\$(?!\d)")


def on_page_markdown(markdown: str, **_: Any) -> str:
    """Return a page's text with its formulas as MathML."""
    parts = _CODE.split(markdown)
    return "".join(part if index % 2 else _drawn(part) for index, part in enumerate(parts))


def _drawn(text: str) -> str:
    text = _BLOCK.sub(lambda found: f"\n\n<div>{_mathml(found[1], 'block')}</div>\n\n", text)
    # In a span: a line that begins with <math> would be taken for a block.
    return _SPAN.sub(lambda found: f"<span>{_mathml(found[1], 'inline')}</span>", text)


def _mathml(formula: str, display: str) -> str:
    return convert(" ".join(formula.split()), display=display)
