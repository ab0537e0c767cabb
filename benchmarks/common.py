"""What every benchmark shares: its arguments, its table, its JSON, and how it ends.

    python benchmarks/NAME.py [--data DIR] [--json FILE]

prints a table and, with `--json`, writes `{"figures": {"a.b.c": number, ...}, "machine": ...,
"version": ...}`. The exit status is 0 only when everything that was asked for was measured.
"""

from __future__ import annotations

import argparse
import json
import math
import os
import platform
import sys
from collections.abc import Callable, Iterable, Mapping, Sequence
from importlib import metadata
from pathlib import Path
from typing import Any

from mousepose.errors import MouseposeError

REPOSITORY = Path(__file__).resolve().parents[1]
#: A figure may be nested; its name is the path to it, joined by dots.
Nested = Mapping[str, Any]


class CannotMeasure(Exception):
    """What a benchmark needs is not there or not as it should be."""


class Measured:
    """What a benchmark found: `figures` by name, the rows of its table, and what it ran on."""

    def __init__(self, title: str, columns: Sequence[str]) -> None:
        self.title = title
        self.columns = tuple(columns)
        self.rows: list[tuple[str, ...]] = []
        self.figures: dict[str, float] = {}
        self.ran_on: list[str] = []

    def add_row(self, *cells: object) -> None:
        """Add one row of the table; numbers are rounded to what can be read."""
        self.rows.append(tuple(_shown(cell) for cell in cells))

    def add_figures(self, prefix: str, figures: Nested) -> None:
        """Add (nested) figures under `prefix`."""
        self.figures |= flatten(figures, prefix)


def flatten(figures: Nested, prefix: str = "") -> dict[str, float]:
    """Return nested figures by their paths: `{"a": {"b": 1}}` gives `{"a.b": 1.0}`."""
    flat: dict[str, float] = {}
    for key, value in figures.items():
        name = f"{prefix}.{key}" if prefix else key
        if isinstance(value, Mapping):
            flat |= flatten(value, name)
        else:
            flat[name] = float(value)
    return flat


def arguments(description: str | None) -> argparse.ArgumentParser:
    """Return the parser that every benchmark starts from."""
    parser = argparse.ArgumentParser(description=(description or "").split("\n", maxsplit=1)[0])
    parser.add_argument(
        "--data",
        type=Path,
        default=Path(os.environ.get("MOUSEPOSE_DATA", REPOSITORY.parent / "shared" / "data")),
        metavar="DIR",
        help="folder of recordings (default: MOUSEPOSE_DATA, or ../shared/data)",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="where to write the figures")
    return parser


def run(parser: argparse.ArgumentParser, measure: Callable[[argparse.Namespace], Measured]) -> int:
    """Measure as the command line says, print, write; return the exit status."""
    options = parser.parse_args()

    def work() -> int:
        measured = measure(options)
        print_table(measured)
        if options.json is not None:
            write_json(options.json, measured)
        failed = [name for name, value in measured.figures.items() if not math.isfinite(value)]
        if failed or not measured.figures:
            raise CannotMeasure(", ".join(sorted(failed)) or "nothing was measured")
        return 0

    return run_or_tell(work)


def run_or_tell(work: Callable[[], int]) -> int:
    """Return the exit status of `work`; 1 and one line of text where it could not measure."""
    try:
        return work()
    except (CannotMeasure, MouseposeError) as error:
        print(f"could not measure: {error}", file=sys.stderr)
        return 1


def print_table(measured: Measured) -> None:
    """Print the table, and under it what it was measured on."""
    rows = [measured.columns, *measured.rows]
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    print(measured.title)
    for index, row in enumerate(rows):
        cells = zip(row, widths, strict=True)
        print("  ".join(c.rjust(w) if i else c.ljust(w) for i, (c, w) in enumerate(cells)))
        if index == 0:
            print("  ".join("-" * width for width in widths))
    print(f"\nmeasured on {', '.join(measured.ran_on) or 'data of its own'}; {machine()}")


def write_json(path: Path, measured: Measured) -> None:
    """Write the finite figures, with what they were measured on and where."""
    from mousepose.atomic import atomic_path

    figures = {k: _rounded(v) for k, v in measured.figures.items() if math.isfinite(v)}
    document = {
        "title": measured.title,
        "figures": figures,
        "ran_on": measured.ran_on,
        "machine": machine(),
        "version": version(),
    }
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")


def machine() -> str:
    """Return the processor, its cores that we may use, and the versions that decide speed."""
    cores = len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count()
    packages = ", ".join(f"{name} {metadata.version(name)}" for name in ("numpy", "numba"))
    return (
        f"{_processor()}, {cores} cores, {platform.system()}, "
        f"Python {platform.python_version()}, {packages}"
    )


def version() -> str:
    """Return the version of mousepose."""
    import mousepose

    return str(getattr(mousepose, "__version__", "unknown"))


def folder(data: Path, name: str) -> Path:
    """Return a recording's folder. Raises `CannotMeasure` where it is not there."""
    path = data / name
    if not path.is_dir():
        raise CannotMeasure(f"{path} is not there; say where the recordings lie with --data DIR")
    return path


def mean_of(figures: Iterable[Nested]) -> dict[str, Any]:
    """Return the mean of equally nested figures."""
    figures = list(figures)
    return {
        key: mean_of(f[key] for f in figures)
        if isinstance(value, Mapping)
        else sum(f[key] for f in figures) / len(figures)
        for key, value in figures[0].items()
    }


def silent(stage: str, done: int, total: int) -> None:
    """Tell nobody how far the work is."""


def _processor() -> str:
    try:
        lines = Path("/proc/cpuinfo").read_text(encoding="utf-8").splitlines()
    except OSError:
        lines = []
    names = [line.partition(":")[2].strip() for line in lines if line.startswith("model name")]
    return names[0] if names else platform.processor() or platform.machine()


def _shown(cell: object) -> str:
    if isinstance(cell, float):
        return "-" if math.isnan(cell) else f"{cell:,.0f}" if abs(cell) >= 1000 else f"{cell:.3g}"
    return str(cell)


def _rounded(value: float) -> float:
    """Return six digits, counts whole: more are noise, and make every new file differ."""
    return value if value == int(value) else float(f"{value:.6g}")
