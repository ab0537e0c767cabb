"""The report of an attribute, in Markdown and as a page: n is that of animals, never of frames."""

from __future__ import annotations

import html
import re
from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mousepose.analysis.attributes.compare import Comparison
from mousepose.atomic import atomic_path
from mousepose.report.attributes import words
from mousepose.run.attributes import AttributeOutcome

if TYPE_CHECKING:
    import pandas as pd

#: What counts as found.
_SURE = 0.05
_STYLE = (
    "body{font:15px/1.5 sans-serif;max-width:54em;margin:2em auto;padding:0 1em;color:#222}"
    "table{border-collapse:collapse;margin:1em 0}td,th{border-bottom:1px solid #d9d9d9;"
    "padding:.25em .7em;text-align:left}img{max-width:100%}code{background:#f3f3f3}"
)


def write_report(folder: Path, outcome: AttributeOutcome, pictures: list[Path]) -> list[Path]:
    """Write report.md and report.html into a folder and return their paths."""
    text = report_text(outcome, [path.name for path in pictures])
    written = []
    for name, content in (("report.md", text), ("report.html", page_of(text))):
        with atomic_path(folder / name) as temporary:
            temporary.write_text(content, encoding="utf-8")
        written.append(folder / name)
    return written


def report_text(outcome: AttributeOutcome, pictures: list[str]) -> str:
    """Return the report in Markdown; `pictures` are the names of those beside it."""
    found = outcome.comparison
    parts = [
        f"# {found.task.attribute}: what motion tells of it", _animals(outcome), verdict(found),
        *(f"![{name}]({name})" for name in pictures), "## Sets of features", _scores(found),
    ]  # fmt: skip
    if len(found.differences):
        parts += ["## Differences between them", difference_words(found), _differences(found)]
    parts += ["## Confounders", _confounders(outcome)]
    if outcome.left_out:
        lines = [f"* {sample}: {why}" for sample, why in outcome.left_out.items()]
        parts += ["## Left out", "\n".join(lines)]
    return "\n\n".join([*parts, "## How", _methods(outcome)]) + "\n"


def verdict(found: Comparison) -> str:
    """Return in words whether any set of features tells the attribute; a null result as plainly."""
    table = found.sets
    what = "R2" if found.task.is_number else "AUC"
    if "p_of_all_sets" not in table:
        return "Without shuffled labels (--permutations) nothing can be said of chance."
    best = table.sort_values(["p_of_all_sets", "score"], ascending=[True, False]).iloc[0]
    score = (
        f"{what} {best['score']:.2f} (interval {best['low']:.2f} to {best['high']:.2f}; shuffled "
        f"labels {best['shuffled']:.2f}; p = {best['p_of_all_sets']:.3g}, allowing for all sets)"
    )
    if best["p_of_all_sets"] <= _SURE:
        return f"**{found.task.attribute} is told by {words(best['features'])}: {score}.**"
    shuffles = len(next(iter(found.null.values())))
    if 1 / (1 + shuffles) > _SURE:
        return (
            f"Best is {words(best['features'])}: {score}. {shuffles} shuffles are too few to tell."
        )
    return (
        f"**No set of features tells {found.task.attribute} better than chance.** The best is "
        f"{words(best['features'])}: {score}. With these animals a score below "
        f"{table['shuffled_high'].max():.2f} cannot be told from chance, so a weak effect is not "
        "excluded."
    )


def difference_words(found: Comparison) -> str:
    """Return in words by how much 3D keypoints tell more than 2D ones, where both are there."""
    table = found.differences
    own = table[(table["features"] == "3d") & (table["less"] == "2d")]
    if not len(own):
        return "Each set less another, on the same folds, with intervals over animals."
    row = own.iloc[0]
    told = f"{row['difference']:+.2f} (interval {row['low']:+.2f} to {row['high']:+.2f})"
    if row["low"] > 0:
        return f"**3D keypoints tell more than 2D keypoints: {told}.**"
    if row["high"] < 0:
        return f"**2D keypoints tell more than 3D keypoints: {told}.**"
    return f"3D keypoints less 2D keypoints: {told}; the interval holds 0: no difference is shown."


def _animals(outcome: AttributeOutcome) -> str:
    task = outcome.comparison.task
    if task.is_number:
        values = task.target[:, 0]
        kinds = f"{task.attribute} {values.min():g} to {values.max():g}"
    else:
        number = [len(np.unique(task.animal[task.kind == i])) for i in range(len(task.classes))]
        kinds = ", ".join(f"{n} {name}" for n, name in zip(number, task.classes, strict=True))
    more = ""
    if len(task) > len(task.animals):
        more = f" They gave {len(task)} samples; an animal's samples stay together in all folds."
    segments = ", ".join(f"{n:,} of {words(name)}" for name, n in outcome.segments.items())
    return (
        f"**n = {len(task.animals)} animals** ({kinds}).{more} Their segments or strides "
        f"({segments}) were pooled first and do not count as n."
    )


def _scores(found: Comparison) -> str:
    second = "mean_error" if found.task.is_number else "balanced_accuracy"
    header = ["features", "n animals", "measures", "R2" if found.task.is_number else "AUC",
              "interval", second.replace("_", " "), "shuffled", "p", "p, all sets"]  # fmt: skip
    rows = [
        [
            words(row["features"]), str(row["animals"]), str(row["measures"]),
            f"{row['score']:.2f}", _range(row["low"], row["high"]), f"{row[second]:.3g}",
            _number(row.get("shuffled")), _number(row.get("p"), 3),
            _number(row.get("p_of_all_sets"), 3),
        ]
        for row in found.sets.to_dict("records")
    ]  # fmt: skip
    return _table(header, rows)


def _differences(found: Comparison) -> str:
    rows = [
        [words(row["features"]), words(row["less"]), f"{row['difference']:+.2f}",
         _range(row["low"], row["high"])]
        for row in found.differences.to_dict("records")
    ]  # fmt: skip
    return _table(["features", "less", "difference", "interval"], rows)


def _confounders(outcome: AttributeOutcome) -> str:
    table = outcome.confounders
    if not len(table):
        return (
            "None was given. Where animals of one class shared a cage, a camera or a day, what was "
            "told may be that: name such columns with --confounder."
        )
    rows = [
        [
            str(row["confounder"]), str(row["values"]), _QUESTIONS[row["question"]],
            "" if not isinstance(row["features"], str) else words(row["features"]),
            _number(row["score"]), _range(row["low"], row["high"]), _number(row["p"], 3),
            str(row["note"] or ""),
        ]
        for row in table.to_dict("records")
    ]  # fmt: skip
    header = ["confounder", "values", "question", "features", "score", "interval", "p", "note"]
    return "\n\n".join([*_warnings(table), _table(header, rows)])


_QUESTIONS = {
    "alone": "does it tell by itself?",
    "within": "is it told within one value? (pairs in order; chance 0.5)",
    "across": "is it told in values not trained on?",
}


def _warnings(table: pd.DataFrame) -> list[str]:
    """Return what a reader must not miss about confounders."""
    found = []
    for row in table[table["question"] == "alone"].to_dict("records"):
        name = row["confounder"]
        if "only" in str(row["note"]):
            found.append(
                f"**{name} and the attribute cannot be told apart**: {row['note']}. What was "
                f"predicted may be {name}."
            )
        elif np.isfinite(row["score"] or np.nan) and row["p"] <= _SURE:
            found.append(
                f"**{name} alone predicts the attribute** (score {row['score']:.2f}, p = "
                f"{row['p']:.3g}): read the rows `within` and `across`."
            )
    return found


def _methods(outcome: AttributeOutcome) -> str:
    job, config = outcome.job, outcome.job.config
    shuffles = "within animals" if outcome.comparison.task.crossover else "over animals"
    return (
        f"Median and spread of every measure over an animal's segments. Kernel ridge regression "
        f"(linear or Gaussian) on standardised measures, in {config.folds} folds over animals, "
        f"{config.repeats} times; kernel and penalty chosen in each training by leaving out one "
        f"animal of it at a time. Scores compare samples that one model predicted. Intervals: "
        f"{100 * config.level:g} %, {config.bootstraps:,} draws of animals; they hold the models "
        f"fixed. Chance: {config.permutations} repetitions of all this, tuning included, with "
        f"labels shuffled {shuffles}. Seed {config.seed}. Source: `{job.source.name}`."
    )


def page_of(text: str) -> str:
    """Return the Markdown that reports consist of as a page of HTML."""
    blocks = []
    for block in text.strip().split("\n\n"):
        lines = block.splitlines()
        picture = re.fullmatch(r"!\[(.*)\]\((.*)\)", block)
        if picture:
            alt, source = (html.escape(part, quote=True) for part in picture.groups())
            blocks.append(f'<p><img alt="{alt}" src="{source}"></p>')
        elif heading := re.fullmatch(r"(#+) (.*)", block):
            level = len(heading[1])
            blocks.append(f"<h{level}>{_inline(heading[2])}</h{level}>")
        elif lines[0].startswith("| "):
            blocks.append(_html_table(lines))
        elif lines[0].startswith("* "):
            items = "".join(f"<li>{_inline(line[2:])}</li>" for line in lines)
            blocks.append(f"<ul>{items}</ul>")
        else:
            blocks.append(f"<p>{_inline(block)}</p>")
    title = html.escape(text.split("\n", 1)[0].lstrip("# "))
    return (
        f'<!doctype html><html lang="en"><meta charset="utf-8"><title>{title}</title>'
        f"<style>{_STYLE}</style>{''.join(blocks)}</html>\n"
    )


def _inline(text: str) -> str:
    text = html.escape(text).replace("\\|", "|")
    text = re.sub(r"\*\*(.+?)\*\*", r"<b>\1</b>", text)
    return re.sub(r"`(.+?)`", r"<code>\1</code>", text)


def _html_table(lines: list[str]) -> str:
    rows = [re.split(r"(?<!\\)\|", line.strip())[1:-1] for line in (lines[0], *lines[2:])]
    found = []
    for place, row in enumerate(rows):
        kind = "td" if place else "th"
        cells = "".join(f"<{kind}>{_inline(cell.strip())}</{kind}>" for cell in row)
        found.append(f"<tr>{cells}</tr>")
    return f"<table>{''.join(found)}</table>"


def _table(header: list[str], rows: list[list[str]]) -> str:
    cells = [[cell.replace("|", "\\|") for cell in row] for row in rows]
    lines = [header, ["---"] * len(header), *cells]
    return "\n".join(f"| {' | '.join(line)} |" for line in lines)


def _number(value: float | None, digits: int = 2) -> str:
    return "" if value is None or not np.isfinite(value) else f"{value:.{digits}f}"


def _range(low: float | None, high: float | None) -> str:
    return "" if low is None or not np.isfinite(low) else f"{low:.2f} to {high:.2f}"
