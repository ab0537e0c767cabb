"""The documents of OpenCV's FileStorage, YAML and XML, as plain tables; no code is ever run.

Read by our own small parser, so that cameras can be read without OpenCV and a hostile file can do
nothing but be refused. ROS's `camera_info` files are YAML of the same kind.
"""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any
from xml.etree import ElementTree
from xml.sax.saxutils import escape

import numpy as np

from mousepose.errors import FileError
from mousepose.io.cameras.text import is_number

#: Nothing that a camera file holds is nested deeper.
_DEEPEST = 8
_KEY = re.compile(r"^( *)(- +)?([A-Za-z_][\w .-]*?) *:(?: +(.*))?$")
_ESCAPES = {"n": "\n", "r": "\r", "t": "\t"}
_TAG = re.compile(r"^!!?[\w-]+ *")
_FLOW = re.compile(r"\[|\]|,|\"(?:[^\"\\]|\\.)*\"|'(?:[^']|'')*'|[^\[\],\"'\s][^\[\],]*")


def is_yaml(text: str) -> bool:
    """Tell whether `text` says that it is YAML, or its first line is `key:` as YAML writes it."""
    lines = [line for line in text.splitlines() if line.strip() and not line.startswith("#")]
    return bool(lines) and (lines[0].startswith(("%YAML", "---")) or bool(_KEY.match(lines[0])))


def is_xml(text: str) -> bool:
    """Tell whether `text` starts as XML does."""
    return text.lstrip().startswith("<")


def parse_yaml(path: Path, text: str) -> dict[str, Any]:
    """Return the tables, lists, numbers and texts of a YAML document. Raises `FileError`."""
    return _Yaml(path, text).document()


def parse_xml(path: Path, text: str) -> dict[str, Any]:
    """Return the elements of an XML document as nested tables. Raises `FileError`.

    Documents that declare entities are refused: a few lines of them can fill the memory.
    """
    if "<!" in re.sub(r"<!--.*?-->", "", text, flags=re.DOTALL):
        raise FileError(f"{path}: declares a document type or entities, so no camera file")
    try:
        root = ElementTree.fromstring(text)
    except (ElementTree.ParseError, ValueError, RecursionError) as error:
        raise FileError(f"{path}: is cut or no XML: {error}") from error
    table = _element(path, root, 0)
    return table if isinstance(table, dict) else {root.tag: table}


def format_yaml(document: dict[str, Any]) -> str:
    """Return the YAML of numbers, texts and matrices (N, M), as OpenCV's FileStorage writes it."""
    lines = ["%YAML:1.0", "---"]
    for key, value in document.items():
        if isinstance(value, np.ndarray):
            rows, columns = value.shape
            data = ", ".join(map(repr, value.ravel().tolist()))
            lines += [f"{key}: !!opencv-matrix", f"   rows: {rows}", f"   cols: {columns}"]
            lines += ["   dt: d", f"   data: [ {data} ]"]
        else:
            lines.append(f"{key}: {_yaml_quoted(value) if isinstance(value, str) else value}")
    return "\n".join(lines) + "\n"


def format_xml(document: dict[str, Any]) -> str:
    """Return the XML of numbers, texts and matrices (N, M), as OpenCV's FileStorage writes it."""
    lines = ['<?xml version="1.0"?>', "<opencv_storage>"]
    for key, value in document.items():
        if isinstance(value, np.ndarray):
            rows, columns = value.shape
            data = " ".join(map(repr, value.ravel().tolist()))
            lines += [f'<{key} type_id="opencv-matrix">', f"  <rows>{rows}</rows>"]
            lines += [f"  <cols>{columns}</cols>", "  <dt>d</dt>", f"  <data>{data}</data></{key}>"]
        else:
            shown = _xml_quoted(value) if isinstance(value, str) else value
            lines.append(f"<{key}>{shown}</{key}>")
    return "\n".join([*lines, "</opencv_storage>"]) + "\n"


def _yaml_quoted(text: str) -> str:
    escaped = text.replace("\\", "\\\\").replace('"', '\\"')
    return '"' + escaped.replace("\n", "\\n").replace("\r", "\\r").replace("\t", "\\t") + '"'


def _xml_quoted(text: str) -> str:
    """Return a text in quotes, as OpenCV writes those with blanks, less what XML cannot hold."""
    held = "".join(c if c.isprintable() else " " for c in text)
    return '"' + escape(held, {'"': "&quot;"}) + '"'


def _element(path: Path, element: ElementTree.Element, depth: int) -> Any:
    if depth > _DEEPEST:
        raise FileError(f"{path}: nested deeper than {_DEEPEST}, so no camera file")
    if len(element):
        return {child.tag: _element(path, child, depth + 1) for child in element}
    text = (element.text or "").strip()
    words = text.split()
    if len(words) > 1 and all(map(is_number, words)):
        return [_scalar(word) for word in words]
    if text[:1] == '"' and len(text) > 1 and text[-1] == '"':
        return text[1:-1]
    return _scalar(text)


def _scalar(text: str) -> Any:
    """Return the number, truth or text that `text` stands for."""
    if text[:1] in {"'", '"'} and len(text) > 1 and text[-1] == text[0]:
        if text[0] == "'":
            return text[1:-1].replace("''", "'")
        return re.sub(r"\\(.)", lambda match: _ESCAPES.get(match[1], match[1]), text[1:-1])
    if text in {"true", "false"}:
        return text == "true"
    if re.fullmatch(r"[-+]?\d{1,18}", text):
        return int(text)
    if text.lower() in {".nan", ".inf", "-.inf"}:
        return float(text.replace(".", ""))
    return float(text) if is_number(text) else text


class _Yaml:
    """Tables by indentation, `[a, b]` lists (over several lines), `- a` lists, `#` comments."""

    def __init__(self, path: Path, text: str) -> None:
        self._path = path
        self._lines = self._joined(text)
        self._place = 0

    def document(self) -> dict[str, Any]:
        table = self._table(0, 0)
        if self._place < len(self._lines):
            number, line = self._lines[self._place]
            raise self._fault(number, f"expected `key: value`, got {line.strip()[:40]!r}")
        return table

    def _fault(self, number: int, what: str) -> FileError:
        return FileError(f"{self._path}: line {number}: {what}")

    def _joined(self, text: str) -> list[tuple[int, str]]:
        """Return (number, line) without comments; a list in brackets becomes one line."""
        lines: list[tuple[int, str]] = []
        open_brackets = 0
        for number, raw in enumerate(text.splitlines(), start=1):
            line = re.sub(r"(^|\s)#.*$", "", raw.expandtabs()).rstrip()
            if not line or line.startswith(("%", "---", "...")):
                continue
            if open_brackets:
                first, start = lines[-1]
                lines[-1] = (first, f"{start} {line.strip()}")
            else:
                lines.append((number, line))
            open_brackets += line.count("[") - line.count("]")
        if open_brackets > 0:
            raise self._fault(lines[-1][0], "a list is not closed: is the file cut?")
        return lines

    def _table(self, indent: int, depth: int) -> dict[str, Any]:
        if depth > _DEEPEST:
            raise FileError(f"{self._path}: nested deeper than {_DEEPEST}, so no camera file")
        table: dict[str, Any] = {}
        while self._place < len(self._lines):
            number, line = self._lines[self._place]
            match = _KEY.match(line)
            if match is None or len(match[1]) != indent or match[2]:
                break
            self._place += 1
            value = _TAG.sub("", (match[4] or "").strip())
            if match[3] in table:
                raise self._fault(number, f"{match[3]!r} is there twice")
            table[match[3]] = self._value(value, number) if value else self._block(indent, depth)
        return table

    def _block(self, indent: int, depth: int) -> Any:
        """Return what stands below a key without value: a table, a list, or nothing."""
        if self._place == len(self._lines):
            return None
        line = self._lines[self._place][1]
        inner = len(line) - len(line.lstrip())
        if line.lstrip().startswith("- "):
            return self._items(inner)
        return self._table(inner, depth + 1) if inner > indent else None

    def _items(self, indent: int) -> list[Any]:
        items = []
        while self._place < len(self._lines):
            number, line = self._lines[self._place]
            if not line.startswith(" " * indent + "- "):
                break
            self._place += 1
            items.append(self._value(line[indent + 2 :].strip(), number))
        return items

    def _value(self, text: str, number: int) -> Any:
        if not text.startswith("["):
            return _scalar(text)
        stack: list[list[Any]] = [[]]
        for token in _FLOW.findall(text):
            if token == "[":
                stack.append([])
                stack[-2].append(stack[-1])
            elif token == "]":
                stack.pop()
            elif token != ",":
                stack[-1].append(_scalar(token.strip()))
            if not 0 < len(stack) <= _DEEPEST:
                raise self._fault(number, "brackets do not match")
        if len(stack) != 1 or len(stack[0]) != 1:
            raise self._fault(number, "brackets do not match")
        return stack[0][0]
