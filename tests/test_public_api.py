"""The public names: each can be reached, and none is shadowed by a module."""

from __future__ import annotations

import ast
import subprocess
import sys
from inspect import isclass, isfunction
from pathlib import Path

import pytest

import mousepose


@pytest.mark.parametrize("name", mousepose.__all__)
def test_every_public_name_can_be_reached_and_explains_itself(name: str) -> None:
    value = getattr(mousepose, name)
    assert isclass(value) or isfunction(value)
    assert value.__name__ == name
    assert value.__doc__
    assert value.__module__.startswith("mousepose.")


def test_the_list_of_names_is_what_is_there() -> None:
    assert sorted(mousepose.__all__) == mousepose.__all__
    assert len(set(mousepose.__all__)) == len(mousepose.__all__)
    assert dir(mousepose) == mousepose.__all__
    tree = ast.parse(Path(mousepose.__file__).read_text(encoding="utf-8"))
    imported = {
        alias.asname or alias.name
        for node in ast.walk(tree)
        if isinstance(node, ast.ImportFrom) and (node.module or "").startswith("mousepose")
        for alias in node.names
    }
    # what type checkers see is what can be reached
    assert imported == set(mousepose.__all__)
    assert set(mousepose._LAZY) < set(mousepose.__all__)


def test_an_unknown_name_is_an_attribute_error() -> None:
    with pytest.raises(AttributeError, match="no attribute 'reconstrukt'"):
        _ = mousepose.reconstrukt


@pytest.mark.parametrize(
    "first", ["mousepose.method", "mousepose.fit.solver", "mousepose.cli.main", "mousepose.io"]
)
def test_a_module_never_takes_the_place_of_a_function(first: str) -> None:
    code = (
        f"import {first}\n"
        "from mousepose import reconstruct, solve, learn_animal, load_keypoints\n"
        "assert all(map(callable, (reconstruct, solve, learn_animal, load_keypoints)))\n"
        "import mousepose, types\n"
        "values = [getattr(mousepose, name) for name in mousepose.__all__]\n"
        "assert not [v for v in values if isinstance(v, types.ModuleType)]\n"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr


def test_no_module_is_named_like_a_public_function() -> None:
    folder = Path(mousepose.__file__).parent
    modules = {path.stem for path in folder.glob("*.py")} | {p.name for p in folder.iterdir()}
    assert not modules & set(mousepose.__all__)


def test_errors_share_one_root() -> None:
    errors = [n for n in mousepose.__all__ if n.endswith("Error")]
    assert len(errors) == 6
    for name in errors:
        assert issubclass(getattr(mousepose, name), mousepose.MouseposeError)
