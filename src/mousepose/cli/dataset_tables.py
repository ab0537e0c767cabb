"""What `mousepose dataset` prints: counts beside the published ones, features, broken rules."""

from __future__ import annotations

import json
from pathlib import Path

from rich.console import Console
from rich.markup import escape
from rich.table import Table

from mousepose import __version__
from mousepose.atomic import atomic_path
from mousepose.dataset.dataset import PUBLISHED
from mousepose.dataset.features import POINT
from mousepose.dataset.summary import Summary
from mousepose.dataset.validate import RULES, Validation
from mousepose.run.dataset_files import FileNote

#: Problems of one rule that are shown.
_SHOWN = 5


def _clean(text: str) -> str:
    """Return a text from a file without what a terminal or rich's markup would obey."""
    return escape("".join(c if c.isprintable() else "\ufffd" for c in text))


def print_summary(summary: Summary) -> None:
    """Print the counts, the behaviours, how often keypoints are labelled, and the notes."""
    console = Console()
    table = Table(title="What is here", title_justify="left")
    for column in ("", "here", "published"):
        table.add_column(column, justify="left" if not column else "right")
    for name, count in summary.counts.items():
        published = PUBLISHED.get(name)
        other = published is not None and published != count
        shown = f"[yellow]{count:,}[/]" if other else f"{count:,}"
        table.add_row(name, shown, "" if published is None else f"{published:,}")
    console.print(table)
    if summary.behaviours:
        listed = Table(title="Frames of each behaviour", title_justify="left")
        listed.add_column("behaviour")
        listed.add_column("frames", justify="right")
        for name, count in summary.behaviours.items():
            listed.add_row(_clean(name), f"{count:,}")
        console.print(listed)
    if summary.labelled:
        ordered = sorted(summary.labelled.items(), key=lambda item: -item[1])
        shares = ", ".join(f"{name} {share:.0%}" for name, share in ordered)
        console.print(f"labelled: {_clean(shares)}", highlight=False)
    for note in summary.notes:
        console.print(f"- {_clean(note)}", highlight=False)


def print_files(notes: list[FileNote]) -> None:
    """Print what each file and folder is."""
    table = Table(title="Files", title_justify="left", show_header=False)
    for name, what in notes:
        table.add_row(_clean(name), _clean(what))
    Console().print(table)


def print_features(summary: Summary) -> None:
    """Print every feature of the records with what it is taken for."""
    table = Table(title="Features of the records that were looked at", title_justify="left")
    for column in ("feature", "kind", "values", "records", "example", "taken for"):
        table.add_column(column, overflow="fold")
    found_points = ((POINT.match(name), f) for name, f in summary.features.items())
    points = {match.string: (match["name"], f.records) for match, f in found_points if match}
    if points:
        records = sorted(count for _, count in points.values())
        names = len({name for name, _ in points.values()})
        table.add_row(
            "<NAME>/region/point/x, /y", "float", "1", f"{records[0]}-{records[-1]}", "",
            f"{names} points",
        )  # fmt: skip
    for name, found in summary.features.items():
        if name in points:
            continue
        several = f"{found.least}-{found.most}" if found.least != found.most else f"{found.most}"
        role = summary.roles.get(name, "")
        table.add_row(
            _clean(name),
            found.kind,
            several,
            f"{found.records}",
            _clean(found.example),
            _clean(role),
        )
    Console().print(table)


def print_validation(found: Validation) -> None:
    """Print each rule with how often it is broken, and the first places."""
    console = Console()
    console.print(f"checked: {', '.join(found.checked) or 'nothing'}", highlight=False)
    for rule, wanted in RULES.items():
        count = found.counts.get(rule, 0)
        if not count:
            continue
        console.print(f"[bold]{rule}[/]: {count:,} x not so: {wanted}", highlight=False)
        own = [problem for problem in found.problems if problem.rule == rule]
        for problem in own[:_SHOWN]:
            console.print(f"  {_clean(problem.where)}: {_clean(problem.what)}", highlight=False)
        if count > _SHOWN:
            console.print(f"  ... and {count - _SHOWN:,} more", highlight=False)
    if found.good:
        console.print("every rule is kept" if not found.counts else "no rule is broken")


def write_validation(path: Path, found: Validation) -> None:
    """Write the counts and the problems (at most 200 of a rule) as JSON."""
    document = {
        "mousepose": __version__,
        "checked": found.checked,
        "good": found.good,
        "counts": found.counts,
        "problems": [problem._asdict() for problem in found.problems],
    }
    with atomic_path(path) as temporary:
        temporary.write_text(json.dumps(document, indent=1) + "\n", encoding="utf-8")
