"""Effects in the words and digits of a paper: as a table, in csv and Markdown."""

from __future__ import annotations

import math
from collections.abc import Hashable, Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any

from mousepose.atomic import atomic_path

if TYPE_CHECKING:
    import pandas as pd

#: How units at the end of a column's name are written.
_UNITS = {
    "_mm_s": "mm/s", "_deg_s": "deg/s", "_mm": "mm", "_deg": "deg", "_hz": "Hz", "_percent": "%",
    "_px_s": "px/s", "_px": "px", "_s": "s",
}  # fmt: skip


def in_words(measure: str) -> str:
    """Return a column's name as a reader wants it: "stride length (mm)"."""
    part, colon, name = measure.rpartition(": ")
    for ending, unit in _UNITS.items():
        if name.endswith(ending) and len(name) > len(ending):
            return f"{part}{colon}{name[: -len(ending)].replace('_', ' ')} ({unit})"
    return part + colon + name.replace("_", " ")


def given_words(adjusted_for: str) -> str:
    """Return what a comparison adjusts for as a reader wants it: "limb and speed (mm/s)"."""
    return " and ".join(in_words(name) for name in adjusted_for.split(", ") if name)


def number(value: float) -> str:
    """Return a number with three digits that count, "" where it is unknown."""
    if not math.isfinite(value):
        return ""
    if value == 0 or 1e-4 <= abs(value) < 1e5:
        digits = 2 if value == 0 else max(0, 2 - math.floor(math.log10(abs(value))))
        return f"{value:.{digits}f}".replace("-", "\N{MINUS SIGN}")
    return f"{value:.2e}".replace("-", "\N{MINUS SIGN}")


def p_value(value: float) -> str:
    """Return a p-value as journals want it."""
    if not math.isfinite(value):
        return ""
    return "< 0.001" if value < 0.001 else f"{value:.3f}" if value < 0.1 else f"{value:.2f}"


def paper_table(effects: pd.DataFrame, confidence: float = 0.95) -> pd.DataFrame:
    """Return the effects as text: a row for each, ready for a paper.

    Means are those of animals, with the standard deviation between them; n counts animals.
    """
    import pandas as pd

    percent = f"{100 * confidence:g} % interval"
    rows = []
    for row in effects.to_dict("records"):
        is_trend = row["reference"] == ""
        cells = {
            "measure": in_words(str(row["measure"])), "group": str(row["group"]),
            "reference": str(row["reference"]), "adjusted for": str(row["adjusted_for"]),
            "n animals": _animals(row, is_trend),
            "mean (SD)": _mean(row["mean_group"], row["sd_group"]),
            "reference mean (SD)": _mean(row["mean_reference"], row["sd_reference"]),
            "difference": number(row["effect"]), percent: _interval(row["low"], row["high"]),
            "df": number(row["df"]), "p": p_value(row["p"]), "p (Holm)": p_value(row["p_holm"]),
            "p (BH)": p_value(row["p_bh"]), "p (permutation)": p_value(row["p_permutation"]),
            "Hedges' g": number(row["hedges_g"]),
            f"g, {percent}": _interval(row["g_low"], row["g_high"]),
            "note": str(row["note"] or ""),
        }  # fmt: skip
        rows.append(cells)
    table = pd.DataFrame(rows)
    empty = [name for name in table.columns if (table[name] == "").all()]
    return table.drop(columns=[name for name in empty if name != "p"])


def write_paper_table(folder: Path, effects: pd.DataFrame, confidence: float) -> list[Path]:
    """Write the table of a paper as table.csv and table.md; return the paths."""
    table = paper_table(effects, confidence)
    written = []
    for name, text in (("table.csv", table.to_csv(index=False)), ("table.md", _markdown(table))):
        path = folder / name
        with atomic_path(path) as temporary:
            temporary.write_text(text, encoding="utf-8")
        written.append(path)
    return written


def _markdown(table: pd.DataFrame) -> str:
    rows = [list(table.columns), ["---"] * len(table.columns), *table.to_numpy().tolist()]
    cells = [[str(cell).replace("|", "\\|") for cell in row] for row in rows]
    return "".join(f"| {' | '.join(row)} |\n" for row in cells)


def _animals(row: Mapping[Hashable, Any], is_trend: bool) -> str:
    group, reference, both = (
        int(row[f"animals_{name}"]) for name in ("group", "reference", "both")
    )  # fmt: skip
    if is_trend:
        return str(group)
    return f"{group} v {reference}" + (f" ({both} in both)" if both else "")


def _mean(mean: float, sd: float) -> str:
    spread = f" ({number(sd)})" if math.isfinite(sd) else ""
    return number(mean) + spread


def _interval(low: float, high: float) -> str:
    return f"{number(low)} to {number(high)}" if math.isfinite(low) else ""
