"""What was found of an attribute as tables: Parquet for programs, csv for people."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

import numpy as np

from mousepose.run.attributes import AttributeOutcome
from mousepose.run.tables import write_tables

if TYPE_CHECKING:
    import pandas as pd


def write_attribute(folder: Path, outcome: AttributeOutcome) -> list[Path]:
    """Write all tables of one attribute into a folder, which is made; return their paths.

    Raises `InputError` where the folder is a file.
    """
    import pandas as pd

    found = outcome.comparison
    features = pd.concat(
        [table.add_prefix(f"{name}: ") for name, table in outcome.features.items()], axis=1
    )
    null = pd.DataFrame(found.null)
    return write_tables(
        folder,
        {
            "comparison": found.sets, "differences": found.differences,
            "predictions": predictions_of(outcome), "confounders": outcome.confounders,
            "shuffled": null.rename_axis("shuffle").reset_index(),
            "features": outcome.samples.join(features).rename_axis("sample").reset_index(),
        },
    )  # fmt: skip


def predictions_of(outcome: AttributeOutcome) -> pd.DataFrame:
    """Return a row for each sample and set of features: what is true and what was predicted.

    `score_<CLASS>` is what the models give for each class, means over splits; `fold` is the
    sample's part in the first split.
    """
    import pandas as pd

    task = outcome.comparison.task
    parts = []
    for name, found in outcome.comparison.predictions.items():
        table = pd.DataFrame({
            "sample": outcome.samples.index, "animal": outcome.samples["animal"].to_numpy(),
            "features": name, "fold": found.fold[0],
        })  # fmt: skip
        if task.is_number:
            table["true"], table["predicted"] = task.target[:, 0], found.mean[:, 0]
        else:
            names = np.array(task.classes)
            table["true"], table["predicted"] = names[task.kind], names[found.mean.argmax(axis=1)]
            for place, of_class in enumerate(task.classes):
                table[f"score_{of_class}"] = found.mean[:, place]
        parts.append(table)
    return pd.concat(parts, ignore_index=True)
