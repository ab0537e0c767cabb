"""The structure holds: imports go down only, files stay short enough to read."""

from __future__ import annotations

import ast
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[1] / "src" / "mousepose"
PACKAGE = "mousepose"

#: Each part of the package in its layer, lowest first. A part imports itself and lower layers only.
LAYERS: tuple[frozenset[str], ...] = (
    frozenset({"errors"}),
    frozenset({"types", "skeleton", "atomic", "closing", "extras"}),
    frozenset({"sequence", "video"}),
    frozenset({"geometry"}),
    frozenset({"body"}),
    frozenset({"fit"}),
    frozenset(
        {"method", "calibrate", "analysis", "io", "simulate", "detect", "dataset", "ct", "train"}
    ),
    frozenset({"run"}),
    frozenset({"report", "monitor"}),
    frozenset({"view"}),
    frozenset({"cli"}),
)
#: Parts that a lower layer may not know of although it lies above them.
FORBIDDEN = {("geometry", "skeleton"): "geometry knows nothing of mice"}
NUMPY_ONLY = LAYERS[0] | LAYERS[1]
EXEMPT = {"__init__", "__main__"}  # the public names and `python -m mousepose` reach everywhere

MAX_MODULE_LINES = 400
MAX_FUNCTION_LINES = 60

MODULES = sorted(SOURCE.rglob("*.py"))


def part_of(path: Path) -> str:
    """The part that a module belongs to: "geometry" for geometry/rotation.py."""
    return path.relative_to(SOURCE).with_suffix("").parts[0]


def layer_of(part: str) -> int:
    for level, parts in enumerate(LAYERS):
        if part in parts:
            return level
    raise AssertionError(f"{part!r} is in no layer: give it one in LAYERS")


def imported_modules(path: Path) -> Iterator[str]:
    """Every module that the file imports, anywhere in it, by its full name."""
    package = (PACKAGE, *path.relative_to(SOURCE).parts[:-1])
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.Import):
            yield from (alias.name for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            above = package[: len(package) - node.level + 1] if node.level else ()
            base = ".".join((*above, *filter(None, [node.module])))
            # `from mousepose import types` names the part among the imported names.
            yield from (f"{base}.{alias.name}" for alias in node.names)


def imported_parts(path: Path) -> set[str]:
    names = (name.split(".") for name in imported_modules(path))
    return {name[1] for name in names if name[0] == PACKAGE and not name[1].startswith("__")}


def functions(path: Path) -> Iterator[tuple[str, int]]:
    """Each function's name and its number of lines without the docstring."""
    for node in ast.walk(ast.parse(path.read_text(encoding="utf-8"))):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef):
            body = node.body[1:] if ast.get_docstring(node) is not None else node.body
            first = body[0].lineno if body else node.lineno
            yield node.name, (node.end_lineno or first) - first + 1


def shown(path: Path) -> str:
    return str(path.relative_to(SOURCE))


@pytest.mark.parametrize("path", MODULES, ids=shown)
def test_imports_go_down_only(path: Path) -> None:
    part = part_of(path)
    if part in EXEMPT:
        return
    level = layer_of(part)
    for other in imported_parts(path) - {part}:
        assert layer_of(other) < level, f"{part} imports {other}, which is not below it"
        assert (part, other) not in FORBIDDEN, FORBIDDEN[part, other]


@pytest.mark.parametrize("path", [p for p in MODULES if part_of(p) in NUMPY_ONLY], ids=shown)
def test_the_lowest_layer_needs_numpy_only(path: Path) -> None:
    roots = {name.split(".")[0] for name in imported_modules(path)}
    assert roots <= {PACKAGE, "numpy", *sys.stdlib_module_names}


@pytest.mark.parametrize("path", MODULES, ids=shown)
def test_modules_and_functions_are_short(path: Path) -> None:
    lines = len(path.read_text(encoding="utf-8").splitlines())
    assert lines < MAX_MODULE_LINES
    long = {name: size for name, size in functions(path) if size >= MAX_FUNCTION_LINES}
    assert not long


def test_an_upward_import_is_found(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(globals(), "SOURCE", tmp_path)
    (tmp_path / "geometry").mkdir()
    wrong = tmp_path / "geometry" / "wrong.py"
    for line in (
        "from mousepose import cli",
        "import mousepose.cli.main",
        "from ..cli import main",
    ):
        wrong.write_text(line, encoding="utf-8")
        assert imported_parts(wrong) == {"cli"}
        with pytest.raises(AssertionError, match="not below"):
            test_imports_go_down_only(wrong)
