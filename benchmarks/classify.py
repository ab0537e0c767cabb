"""What motion tells of animals: real groups, simulated cohorts, and that nothing is told by chance.

    python benchmarks/classify.py [--data DIR] [--json FILE] [--only NAME ...] [--permutations N]

`drug`: drug or vehicle from swings and from activity, recordings pooled, split by mouse, labels
shuffled within mice. `dose`: dose of yohimbine (0, 1, 3, 6) from shares and bouts of 25 clusters of
behaviour. `cohort`: simulated animals of which half hold their hind limbs outward, seen by one
camera while they turn (`cohort_side`: while they pass it); `3d` is reconstructed from that image,
`true_3d` the true points. `walkway`: which of two mice a passage is of, split by passages: the
files name no attribute, and two animals allow none. `leak`: whether an animal in training and test
is noticed. `shuffled`: the mean area under the curve when the labels of the simulated cohort are
shuffled. Areas are means over splits, intervals hold 95 % over animals.
"""

from __future__ import annotations

import argparse
from collections.abc import Callable, Mapping
from functools import cache

import numpy as np
import pandas as pd
from classify_cohort import SIDE, TURNING, Cohort, View, cohort
from classify_walkway import walkway_segments
from common import CannotMeasure, Measured, Nested, arguments, folder, run

from mousepose.analysis.attributes.compare import ALL, Comparison, compare, features_of
from mousepose.analysis.attributes.config import AttributeConfig
from mousepose.analysis.attributes.cross_validate import (
    LEAST_ANIMALS,
    out_of_fold,
    splits_of,
)
from mousepose.analysis.attributes.pool import pooled
from mousepose.analysis.attributes.task import task_of
from mousepose.errors import InputError

SWINGS = (
    "INHCP_FL2_keypoints_60stride30__step_features__swing_properties_swing_duration_"
    "train_fulllength_imputed.csv"
)
#: The measures of a swing, and of a whole recording.
SWING_SETS = {
    "swing": [
        "vel_peak_height", "swing_height", "swing_direct_distance", "swing_total_distance",
        "swing_mean_speed", "swing_max_speed", "swing_duration",
    ],
    "activity": ["mean_activity_index", "total_distance"],
}  # fmt: skip
CLUSTERS = ("US_YohRoche_kmeans25_perframe.npz", "US_YohRoche_meta_report.csv")
#: Recordings with fewer swings than this are left out.
_FEWEST_SWINGS = 5
#: Simulated cohorts: how many animals, and how they are seen.
COHORTS = {"cohort": (40, TURNING), "cohort_side": (36, SIDE)}


def drug(options: argparse.Namespace) -> Nested:
    """Return how well drug is told from vehicle in mice that were left out."""
    table = pd.read_csv(folder(options.data, "drug_gait_table") / SWINGS)
    swings = table.groupby("index_sample").size()
    table = table[table["index_sample"].map(swings) >= _FEWEST_SWINGS]
    recordings = table.groupby("index_sample").first()
    samples = pd.DataFrame({
        "animal": recordings["mouse_id"].map("{:g}".format),
        "drug": np.where(recordings["treatment_str"].str.startswith("vehicle"), "vehicle", "drug"),
    })  # fmt: skip
    sets = {
        name: pooled(table[columns], table["index_sample"], _FEWEST_SWINGS)
        for name, columns in SWING_SETS.items()
    }
    found = compare(sets, task_of(samples, "drug", crossover=True), _config(options))
    figures = _areas(found, ALL)
    for name in SWING_SETS:
        figures |= {f"{name}_{key}": value for key, value in _areas(found, name).items()}
    return figures | {"mice": len(found.task.animals), "recordings": len(samples)}


def dose(options: argparse.Namespace) -> Nested:
    """Return how well the dose is told from what the animals did, one recording of each."""
    place = folder(options.data, "drug_openfield_clusters")
    with np.load(place / CLUSTERS[0]) as content:
        rows = {name: _of_clusters(content[name]) for name in content.files}
    about = pd.read_csv(place / CLUSTERS[1], encoding="latin-1").set_index("filename")
    table = pd.DataFrame.from_dict(rows, orient="index").reindex(about.index)
    samples = pd.DataFrame({"animal": about.index, "dose": about["Dosage"].to_numpy()})
    figures: dict[str, float] = {}
    config = _config(options)
    for name, kept in {
        "": (0, 1, 3, 6),
        "0_v_1_": (0, 1),
        "0_v_3_": (0, 3),
        "0_v_6_": (0, 6),
    }.items():
        own = samples["dose"].isin(kept).to_numpy()
        task = task_of(samples[own], "dose")
        found = compare({"clusters": table[own]}, task, config)
        figures |= {f"{name}{key}": x for key, x in _areas(found, "clusters").items()}
    return figures | {"animals": len(samples)}


def _of_clusters(cluster: np.ndarray) -> dict[str, float]:
    """Return the share of time in each cluster and its number of bouts in 1000 frames."""
    known = cluster[cluster >= 0]
    numbers = np.arange(1, 26) if known.max() == 25 else np.arange(25)
    begins = known[np.flatnonzero(np.diff(known, prepend=-1))]
    shares = {f"share_{n}": float((known == n).mean()) for n in numbers}
    return shares | {f"bouts_{n}": 1000 * float((begins == n).sum()) / len(known) for n in numbers}


@cache
def _simulated(animals: int, view: View) -> Cohort:
    return cohort(animals, view)


def simulated(options: argparse.Namespace, which: str) -> Nested:
    """Return what each set tells of a simulated cohort, and by how much 3D tells more than 2D."""
    made = _simulated(*COHORTS[which])
    task = task_of(made.samples, "attribute")
    config = _config(options)
    figures: dict[str, float] = {"animals": len(made.samples)}
    for prefix in ("", "true "):
        names = ("2d", f"{prefix}3d", f"{prefix}angles", f"{prefix}gait")
        found = compare({name: made.sets[name] for name in names}, task, config)
        for name in (*names, ALL):
            if prefix and name == "2d":
                continue
            key = (f"{prefix}{name}" if name == ALL else name).replace(" ", "_")
            figures |= {f"{key}_{what}": x for what, x in _areas(found, name).items()}
        for name in (*names[1:], ALL):
            key = (f"{prefix}{name}" if name == ALL else name).replace(" ", "_")
            figures |= _difference(found, name, f"{key}_minus_2d")
    return figures


def walkway(options: argparse.Namespace) -> Nested:
    """Return whether 2D or 3D tells better which of the two mice passes."""
    table, sets = walkway_segments(options.data)
    samples = pd.DataFrame({"animal": table["passage"], "mouse": table["mouse"]})
    rows = samples.drop_duplicates("animal").set_index("animal", drop=False)
    fewest = int(rows["mouse"].value_counts().min())
    if fewest < LEAST_ANIMALS:
        raise CannotMeasure(f"walkway_c3d: only {fewest} passages of one mouse")
    config = AttributeConfig(min(5, fewest), permutations=options.permutations)
    own = {
        name: pooled(part, samples["animal"], 1).reindex(rows.index) for name, part in sets.items()
    }
    found = compare(own, task_of(rows, "mouse"), config)
    figures: dict[str, float] = {
        "mice": table["mouse"].nunique(), "recordings": table["recording"].nunique(),
        "passages": len(rows), "segments": len(table),
    }  # fmt: skip
    for name in own:
        figures |= {f"{name}_{key}": value for key, value in _areas(found, name).items()}
    return figures | _difference(found, "3d", "3d_minus_2d")


def leak(options: argparse.Namespace) -> Nested:
    """Return 1 where an animal that is put into training and test is noticed."""
    samples = pd.DataFrame({"animal": [f"m{i}" for i in range(12)], "kind": ["a", "b"] * 6})
    task = task_of(samples, "kind")
    splits = splits_of(task, AttributeConfig(folds=3))
    train, test = splits[0][0]
    splits[0][0] = (np.append(train, test[0]), test)
    values = pd.DataFrame(np.random.default_rng(0).normal(size=(12, 4)))
    try:
        out_of_fold(features_of({"x": values}, task)["x"], task, splits)
    except InputError:
        return {"caught": 1.0}
    return {"caught": 0.0}


def shuffled(options: argparse.Namespace) -> Nested:
    """Return what is told when labels are shuffled: the mean area over all shuffles."""
    made = _simulated(*COHORTS["cohort"])
    found = compare(
        {"true 3d": made.sets["true 3d"]}, task_of(made.samples, "attribute"), _config(options)
    )
    row = found.sets.iloc[0]
    return {
        "auc": row["shuffled"], "auc_low": row["shuffled_low"], "auc_high": row["shuffled_high"],
    }  # fmt: skip


def _areas(found: Comparison, name: str) -> dict[str, float]:
    row = found.sets.set_index("features").loc[name]
    return {
        "auc": float(row["score"]), "auc_low": float(row["low"]), "auc_high": float(row["high"]),
        "shuffled_auc": float(row["shuffled"]), "p": float(row["p"]),
    }  # fmt: skip


def _difference(found: Comparison, name: str, key: str) -> dict[str, float]:
    table = found.differences
    row = table[(table["features"] == name) & (table["less"] == "2d")].iloc[0]
    return {key: row["difference"], f"{key}_low": row["low"], f"{key}_high": row["high"]}


def _config(options: argparse.Namespace) -> AttributeConfig:
    return AttributeConfig(permutations=options.permutations)


PARTS: Mapping[str, Callable[[argparse.Namespace], Nested]] = {
    "drug": drug, "dose": dose,
    "cohort": lambda options: simulated(options, "cohort"),
    "cohort_side": lambda options: simulated(options, "cohort_side"),
    "walkway": walkway, "leak": leak, "shuffled": shuffled,
}  # fmt: skip
#: What lies in recordings, and where.
RECORDINGS = {
    "drug": "drug_gait_table", "dose": "drug_openfield_clusters", "walkway": "walkway_c3d",
}  # fmt: skip


def measure(options: argparse.Namespace) -> Measured:
    """Measure the parts that were asked for."""
    measured = Measured("Attributes of animals", ("figure", "value"))
    for name in options.only or PARTS:
        measured.add_figures(name, PARTS[name](options))
        if name in RECORDINGS:
            measured.ran_on.append(RECORDINGS[name])
    for name, value in measured.figures.items():
        measured.add_row(name, value)
    return measured


def main() -> int:
    """Run the benchmark."""
    parser = arguments(__doc__)
    parser.add_argument("--only", nargs="+", choices=list(PARTS), help="which parts to measure")
    parser.add_argument("--permutations", type=int, default=200, help="shuffles of the labels")
    return run(parser, measure)


if __name__ == "__main__":
    raise SystemExit(main())
