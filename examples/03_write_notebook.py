"""Run an example cell by cell and write it, with what it printed and drew, as a notebook.

    python examples/03_write_notebook.py examples/03_the_data_set.py

Cells begin with `# %%`, text with `# %% [markdown]`. No Jupyter is needed; the files that the
example writes go into a temporary folder.
"""

from __future__ import annotations

import ast
import base64
import io
import json
import os
import re
import sys
import tempfile
from contextlib import chdir, redirect_stdout
from pathlib import Path
from typing import Any

os.environ.setdefault("MPLBACKEND", "Agg")
_CELL = re.compile(r"^# %%(?P<text> \[markdown\])?\s*$", re.MULTILINE)
_DPI = 64


def cells_of(source: str) -> list[tuple[str, str]]:
    """Return the kind ("code" or "markdown") and the text of each cell."""
    marks = list(_CELL.finditer(source))
    ends = [mark.start() for mark in marks[1:]] + [len(source)]
    cells = []
    for mark, end in zip(marks, ends, strict=True):
        body = source[mark.end() : end].strip("\n")
        if mark["text"]:
            body = "\n".join(line.removeprefix("#").removeprefix(" ") for line in body.split("\n"))
        cells.append(("markdown" if mark["text"] else "code", body))
    return cells


def run_cell(code: str, names: dict[str, Any]) -> list[dict[str, Any]]:
    """Run a cell in `names`; return what it printed, drew, and the value of its last line."""
    import matplotlib.pyplot as plt

    body = ast.parse(code).body
    last = body.pop() if body and isinstance(body[-1], ast.Expr) else None
    printed, value = io.StringIO(), None
    with redirect_stdout(printed):
        exec(compile(ast.Module(body, []), "<cell>", "exec"), names)
        if isinstance(last, ast.Expr):
            value = eval(compile(ast.Expression(last.value), "<cell>", "eval"), names)
    outputs: list[dict[str, Any]] = []
    if told := _lines(printed.getvalue()):
        outputs.append({"output_type": "stream", "name": "stdout", "text": told})
    if value is not None:
        shown: dict[str, Any] = {"text/plain": _lines(repr(value))}
        if hasattr(value, "_repr_html_"):
            shown["text/html"] = _lines(value._repr_html_())
        outputs.append({"output_type": "execute_result", "data": shown, "metadata": {}})
    for number in plt.get_fignums():
        picture = io.BytesIO()
        plt.figure(number).savefig(picture, format="png", dpi=_DPI)
        data = {"image/png": base64.b64encode(picture.getvalue()).decode("ascii")}
        outputs.append({"output_type": "display_data", "data": data, "metadata": {}})
    plt.close("all")
    return outputs


def notebook_of(source: str) -> dict[str, Any]:
    """Return the notebook (nbformat 4.5) of an example, all of its cells run."""
    cells: list[dict[str, Any]] = []
    names: dict[str, Any] = {"__name__": "__main__"}
    run = 0
    for place, (kind, text) in enumerate(cells_of(source)):
        cell: dict[str, Any] = {
            "cell_type": kind, "id": f"cell-{place:02d}", "metadata": {}, "source": _lines(text),
        }  # fmt: skip
        if kind == "code":
            run += 1
            cell |= {"execution_count": run, "outputs": run_cell(text, names)}
            for output in cell["outputs"]:
                if output["output_type"] == "execute_result":
                    output["execution_count"] = run
        cells.append(cell)
    about = {
        "kernelspec": {"display_name": "Python 3", "language": "python", "name": "python3"},
        "language_info": {"name": "python"},
    }
    return {"cells": cells, "metadata": about, "nbformat": 4, "nbformat_minor": 5}


def _lines(text: str) -> list[str]:
    return text.splitlines(keepends=True)


def main(path: Path) -> None:
    """Write the notebook of the example at `path` beside it."""
    source, target = path.read_text(encoding="utf-8"), path.with_suffix(".ipynb").absolute()
    with tempfile.TemporaryDirectory() as folder, chdir(folder):
        notebook = notebook_of(source)
    target.write_text(json.dumps(notebook, indent=1, ensure_ascii=False) + "\n", encoding="utf-8")
    print(f"wrote {target}, {target.stat().st_size / 1024:.0f} KB")


if __name__ == "__main__":
    main(Path(sys.argv[1]))
