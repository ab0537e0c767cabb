"""The scores of a classifier as files."""

from __future__ import annotations

import json
from pathlib import Path

import numpy as np

from mousepose.analysis.behaviour.scores import Scores
from mousepose.atomic import atomic_path
from mousepose.errors import InputError


def write_scores(folder: Path, scores: Scores) -> list[Path]:
    """Write confusion, the scores of classes and of chances, and all numbers; return the paths.

    The folder is made where it is not there. Raises `InputError` where it is a file.
    """
    import pandas as pd

    try:
        folder.mkdir(parents=True, exist_ok=True)
    except FileExistsError:
        raise InputError(f"{folder}: is a file; give the path of a folder") from None
    classes = list(scores.classes)
    confusion = pd.DataFrame(scores.confusion, columns=classes)
    confusion.insert(0, "labelled_as", classes)
    tables = {
        "confusion": confusion, "classes": scores.table(), "reliability": scores.reliability,
    }  # fmt: skip
    written = []
    for name, table in tables.items():
        written.append(folder / f"{name}.csv")
        with atomic_path(written[-1]) as temporary:
            table.to_csv(temporary, index=False, float_format="%.6g")
    written.append(folder / "scores.json")
    numbers = {k: x if np.isfinite(x) else None for k, x in scores.summary().items()}
    with atomic_path(written[-1]) as temporary:
        temporary.write_text(json.dumps(numbers, indent=1) + "\n", encoding="utf-8")
    return written
