"""Group statistics: false positives, intervals, and what drugs do to gait and behaviour.

    python benchmarks/group_statistics.py [--data DIR] [--json FILE] [--only NAME ...] [--tables N]

`false_positive`: tables without any effect, 4 animals against 4 of 5 to 120 strides each; `mixed`
is ours, `wald` the z-test that mixed models usually come with (statsmodels), `naive` a t-test over
strides. `crossed` and `partly`: all animals, and some, are in both groups. `coverage`: tables with
a known effect. `drug`: swings in 95 recordings of mice under drugs or their vehicle; `dose`: time
in 25 behaviour clusters under four doses; both also with labels shuffled. `manual`: steps counted
by eye in 30 recordings of a minute. Percentages of findings are of comparisons with p < 0.05.
"""

from __future__ import annotations

import argparse
import warnings
from collections.abc import Callable
from pathlib import Path

import numpy as np
import pandas as pd
from common import CannotMeasure, Measured, Nested, arguments, folder, run
from gait_walkers import concordance
from scipy import stats

from mousepose.analysis.config import GaitConfig
from mousepose.analysis.floor import grounded
from mousepose.analysis.gait_events import find_swings
from mousepose.analysis.locomotion import find_locomotion
from mousepose.analysis.statistics.compare import compare_groups
from mousepose.analysis.statistics.design import design_of
from mousepose.analysis.statistics.effect_size import hedges_g
from mousepose.analysis.statistics.matched import speed_matched
from mousepose.analysis.statistics.model import Model, fitted
from mousepose.analysis.statistics.plan import Plan
from mousepose.extras import needed
from mousepose.types import Keypoints3D

GAIT, CLUSTERS = "drug_gait_table", "drug_openfield_clusters"
SWINGS = "INHCP_FL2_keypoints_60stride30__step_features__swing_properties_swing_duration_train_"
MANUAL = "INHCP_FL2_keypoints_60stride30__step_features__manual_step_count_bij.csv"
RUN = "INH_FL2_keypoints_1_60_wresiduals_w1nan_stride0.5__test_w-all-nans_file7.csv"
#: What is compared of a swing; its mean speed is what groups are matched by.
MEASURES = ("swing_height", "swing_direct_distance", "swing_max_speed", "swing_duration")
SPEED = "swing_mean_speed"
#: The sheet's letters of the treatments that its counts were made blind to.
LETTERS = {"A": "vehicle_INH", "B": "PF3845 10mg/kg", "C": "MJN110 1.25mg/kg"}
#: The points of the raw run, and its rate (Hz).
POINTS = ("back", "coord", "hip", "knee")
RATE = 60.0
SHUFFLES = 20


def strides(
    random: np.random.Generator, kind: str, animals: int, effect: float = 0.0, sd: float = 0.5
) -> pd.DataFrame:
    """Return strides of animals that differ by `sd` (within an animal strides differ by 1)."""
    animal = np.arange(animals) if kind == "between" else np.repeat(np.arange(animals), 2)
    group = np.arange(len(animal)) % 2
    if kind == "partly":
        left = np.sort(random.choice(len(animal), len(animal) - animals // 3, replace=False))
        animal, group = animal[left], group[left]
    count = random.integers(5, 120, len(animal))
    offset = sd * random.normal(size=animals)[animal] + 0.5 * sd * random.normal(size=len(animal))
    speed = np.repeat(0.7 * random.normal(size=len(animal)), count)
    speed = speed + random.normal(size=len(speed))
    value = np.repeat(offset + effect * group, count) + 0.8 * speed
    value = value + random.normal(size=len(speed))
    return pd.DataFrame({
        "animal": np.repeat(animal, count), "group": np.repeat(np.array(["a", "b"])[group], count),
        "speed": speed, "value": value,
    })  # fmt: skip


def model_of(table: pd.DataFrame) -> Model:
    """Return the mixed model of a simulated table, with speed as a covariate."""
    plan = Plan("group", "animal", covariates=("speed",))
    model = fitted(design_of(table, "value", plan, ["a", "b"]))
    if isinstance(model, str):
        raise CannotMeasure(model)
    return model


def false_positive(options: argparse.Namespace) -> dict[str, float]:
    """Return how often p < 0.05 where there is no effect, in percent."""
    found: dict[str, list[float]] = {}
    for kind, animals in (("between", 8), ("crossed", 6), ("partly", 9)):
        random = np.random.default_rng(1)
        for _ in range(options.tables):
            table = strides(random, kind, animals)
            estimate = model_of(table).estimate("b")
            prefix = "" if kind == "between" else f"{kind}_"
            found.setdefault(f"{prefix}mixed_percent", []).append(estimate.p)
            if kind == "between":
                one, other = (table[table["group"] == g]["value"] for g in "ab")
                found.setdefault("naive_percent", []).append(stats.ttest_ind(one, other).pvalue)
                found.setdefault("wald_percent", []).append(_wald(table))
    return {name: 100 * float(np.mean(np.array(p) < 0.05)) for name, p in found.items()}


def _wald(table: pd.DataFrame) -> float:
    """Return the p-value of statsmodels' mixed model; 1 where it has no standard error."""
    needed("analysis", "the z-test of mixed models", "statsmodels")
    from statsmodels.regression.mixed_linear_model import MixedLM

    x = np.column_stack([np.ones(len(table)), table["group"] == "b", table["speed"]]).astype(float)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        p = MixedLM(table["value"].to_numpy(), x, groups=table["animal"]).fit(reml=True).pvalues[1]
    return float(p) if np.isfinite(p) else 1.0


def coverage(options: argparse.Namespace) -> dict[str, float]:
    """Return how often intervals of 95 % hold the truth, and the bias of the effect, in percent."""
    random = np.random.default_rng(2)
    truth, held, effects = 1.0, [], []
    for _ in range(options.tables):
        estimate = model_of(strides(random, "between", 8, truth)).estimate("b")
        low, high = estimate.interval(0.95)
        held.append(low <= truth <= high)
        effects.append(estimate.effect)
    sizes = []
    for _ in range(4 * options.tables):
        size = hedges_g(random.normal(0.8, 1.0, 6), random.normal(0.0, 1.0, 7))
        sizes.append((size.g, size.low <= 0.8 <= size.high))
    g, inside = np.array(sizes).T
    return {
        "effect_percent": 100 * float(np.mean(held)),
        "effect_bias_percent": 100 * float(np.mean(effects) - truth) / truth,
        "g_percent": 100 * float(inside.mean()), "g_bias": float(g.mean() - 0.8),
    }  # fmt: skip


def drug(options: argparse.Namespace) -> dict[str, Nested | float]:
    """Return what drugs change in swings, as they walked and at equal speed of the paw."""
    path = folder(options.data, GAIT) / f"{SWINGS}fulllength_imputed.csv"
    table = pd.read_csv(path)
    table = table.rename(columns={"experiment_str": "cohort", "treatment_str": "drug"})
    plain, adjusted, matched, overlap, shuffled = [], [], [], [], []
    random = np.random.default_rng(3)
    for vehicle in ("vehicle_INH", "vehicle_CP"):
        cohorts = table[table["drug"] == vehicle]["cohort"].unique()
        own = table[table["cohort"].isin(cohorts)]
        plan = Plan("drug", "mouse_id", vehicle, ("cohort",), recording="index_sample")
        faster = Plan("drug", "mouse_id", vehicle, ("cohort", SPEED), recording="index_sample")
        plain.append(compare_groups(own, [*MEASURES, SPEED], plan))
        adjusted.append(compare_groups(own, MEASURES, faster))
        same = speed_matched(own, MEASURES, plan, SPEED)
        matched.append(same.effects)
        overlap.append(same.overlap)
        if vehicle == "vehicle_INH":
            for _ in range(SHUFFLES):
                shuffled.append(compare_groups(_relabelled(own, random), MEASURES, plan)["p"])
    one, equal, strata = map(pd.concat, (plain, adjusted, matched))
    p = pd.concat(shuffled).dropna()
    figures: dict[str, Nested | float] = {
        "animals": float(table["mouse_id"].nunique()), "recordings": float(_recordings(table)),
        "comparisons": float(one["p"].notna().sum()), "measures_found": _found(one),
        "speed_adjusted_found": _found(equal), "speed_matched_found": _found(strata),
        "speed_matched_comparisons": float(strata["p"].notna().sum()),
        "speed_matched_overlap_percent": float(pd.concat(overlap)["overlap_percent"].median()),
        "shuffled_percent": 100 * float((p < 0.05).mean()),
    }  # fmt: skip
    for name, effects in (("largest", one), ("speed_matched_largest", strata)):
        best = effects.sort_values("p").iloc[0]
        print(f"{name}: {best['measure']} of {best['group']}, {best['note'] or best['design']}")
        figures[name] = {
            "effect": best["effect"], "low": best["low"], "high": best["high"], "df": best["df"],
            "p": best["p"], "standardized": best["standardized"],
        }  # fmt: skip
    return figures


def _relabelled(table: pd.DataFrame, random: np.random.Generator) -> pd.DataFrame:
    """Return the table with the drugs of each mouse shuffled over its recordings."""
    first = table.drop_duplicates("index_sample")[["index_sample", "mouse_id", "drug"]]
    new = first.groupby("mouse_id")["drug"].transform(random.permutation)
    drug_of = dict(zip(first["index_sample"], new, strict=True))
    return table.assign(drug=table["index_sample"].map(drug_of))


def _recordings(table: pd.DataFrame) -> int:
    return table.groupby(["mouse_id", "cohort", "drug", "index_sample"]).ngroups


def _found(effects: pd.DataFrame) -> float:
    """Return how many comparisons stand after Benjamini & Hochberg."""
    return float((effects["p_bh"] < 0.05).sum())


def dose(options: argparse.Namespace) -> dict[str, float]:
    """Return in how many behaviour clusters the share of time follows the dose of yohimbine."""
    where = folder(options.data, CLUSTERS)
    about = pd.read_csv(where / "US_YohRoche_meta_report.csv").set_index("filename")
    with np.load(where / "US_YohRoche_kmeans25_perframe.npz", allow_pickle=False) as labels:
        shares = {
            name: np.bincount(labels[name][labels[name] >= 0].astype(int), minlength=26)[:26]
            for name in labels.files
        }
    table = pd.DataFrame(shares).T
    table = 100 * table.loc[:, table.sum() > 0].div(table.sum(axis=1), axis=0)
    table.columns = [f"cluster_{name}" for name in table.columns]
    measures = list(table.columns)
    table["dose"], table["animal"] = about["Dosage"].reindex(table.index), table.index
    plan = Plan("dose", "animal", trend=True)
    effects = compare_groups(table, measures, plan)
    random = np.random.default_rng(4)
    shuffled = [
        compare_groups(table.assign(dose=random.permutation(table["dose"])), measures, plan)["p"]
        for _ in range(SHUFFLES)
    ]
    best = effects.sort_values("p").iloc[0]
    print(f"trend: {best['measure']}, share of time in percent for each mg/kg")
    return {
        "animals": float(len(table)), "clusters": float(len(effects)), "trend": _found(effects),
        "trend_holm": float((effects["p_holm"] < 0.05).sum()),
        "permutation_percent": 100 * float((effects["p_permutation"] < 0.05).mean()),
        "shuffled_percent": 100 * float((pd.concat(shuffled) < 0.05).mean()),
        "largest_percent_per_mg_kg": best["effect"], "largest_low": best["low"],
        "largest_high": best["high"],
    }  # fmt: skip


def manual(options: argparse.Namespace) -> dict[str, float]:
    """Return how the table's automatic step counts agree with those by eye; and our own count.

    The one raw run is of no recording of the sheet that could be told, so its count has no
    reference but the range of the sheet.
    """
    where = folder(options.data, GAIT)
    sheet = pd.read_csv(where / MANUAL)
    sheet["mouse_id"] = sheet["mouse_id_str"].str[1:].astype(int) - 1.0
    sheet["treatment_str"] = sheet["treatment_letter"].map(LETTERS)
    figures = {"by_eye_least": float(sheet["n_steps_manual"].min())}
    figures["by_eye_most"] = float(sheet["n_steps_manual"].max())
    for name, ending in (("table", "fulllength.csv"), ("imputed", "fulllength_imputed.csv")):
        swings = pd.read_csv(where / f"{SWINGS}{ending}").query("experiment_str == 'INH1A'")
        count = swings.groupby(["mouse_id", "treatment_str"]).size().rename("automatic")
        both = sheet.merge(count.reset_index(), on=["mouse_id", "treatment_str"])
        eye, machine = (both[c].to_numpy(float) for c in ("n_steps_manual", "automatic"))
        figures |= {
            f"{name}_recordings": float(len(both)), f"{name}_ccc": concordance(machine, eye),
            f"{name}_bias_percent": 100 * float((machine - eye).sum() / eye.sum()),
            f"{name}_median_error_percent": 100 * float(np.median(np.abs(machine - eye) / eye)),
        }  # fmt: skip
    return figures | {"own_steps_in_run": float(_steps(where / RUN))}


def _steps(path: Path) -> int:
    """Return how many swings of both hind limbs our analysis finds in the raw run of a minute.

    The run has hips and knees, and the back in pairs of markers: their middles are the spine.
    """
    xyz = pd.read_csv(path).to_numpy().reshape(-1, 2, len(POINTS), 3)
    left, right = ({n: xyz[:, side, k] for k, n in enumerate(POINTS)} for side in (0, 1))
    points = {
        "SPINE_MID": (left["back"] + right["back"]) / 2,
        "SPINE_HIP": (left["coord"] + right["coord"]) / 2,
        "LEFT_HIP": left["hip"], "LEFT_KNEE": left["knee"],
        "RIGHT_HIP": right["hip"], "RIGHT_KNEE": right["knee"],
    }  # fmt: skip
    times = np.arange(len(xyz)) / RATE
    motion = grounded(Keypoints3D(np.stack(list(points.values()), 1), times, tuple(points)))
    config = GaitConfig()
    swings = find_swings(motion, find_locomotion(motion, config), config)
    return sum(len(own.first) for own in swings.values())


PARTS: dict[str, Callable[[argparse.Namespace], Nested]] = {
    "false_positive": false_positive, "coverage": coverage, "drug": drug, "dose": dose,
    "manual": manual,
}  # fmt: skip


def measure(options: argparse.Namespace) -> Measured:
    """Measure the parts that were asked for."""
    measured = Measured("Group statistics", ("figure", "value"))
    for name in options.only or PARTS:
        measured.add_figures(name, PARTS[name](options))
    measured.ran_on += [GAIT, CLUSTERS]
    for name, value in measured.figures.items():
        measured.add_row(name, value)
    return measured


def main() -> int:
    """Run the benchmark."""
    parser = arguments(__doc__)
    parser.add_argument("--only", nargs="+", choices=list(PARTS), help="which parts to measure")
    parser.add_argument("--tables", type=int, default=400, help="how many tables to simulate")
    return run(parser, measure)


if __name__ == "__main__":
    raise SystemExit(main())
