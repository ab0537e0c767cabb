"""A cage that tells the attribute is noticed; what is told within and across cages is told so."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pandas as pd
from tests.analysis.attributes.cohorts import QUICK, animals, measures

from mousepose.analysis.attributes.compare import compare
from mousepose.analysis.attributes.confounders import check_confounders
from mousepose.analysis.attributes.task import task_of


def asked(samples: pd.DataFrame, table: pd.DataFrame, *columns: str) -> pd.DataFrame:
    """Return the answers on some confounders by column and question."""
    config = replace(QUICK, permutations=19, repeats=1)
    sets = {"x": table}
    found = compare(sets, task_of(samples, "genotype"), replace(config, permutations=0))
    table = check_confounders(found, sets, samples, list(columns), config)
    return table.set_index(["confounder", "question"])


def test_a_true_attribute_is_told_within_cages_and_in_cages_never_seen() -> None:
    cohort = animals(32)
    answers = asked(cohort, measures(cohort["genotype"], 3), "cage").loc["cage"]
    assert answers.loc["alone", "p"] > 0.1
    assert answers.loc["within", "score"] > 0.9
    assert answers.loc["across", "score"] > 0.9
    assert "8 of 8 values go with several classes" in answers.loc["alone", "note"]


def test_a_cage_that_is_the_attribute_is_noticed() -> None:
    """Animals of a cage share a class, and the measures know the cage only."""
    cohort = animals(32)
    cohort["genotype"] = np.where(np.arange(32) // 4 % 2, "ko", "wt")
    cage = pd.Series(pd.factorize(cohort["cage"])[0] * 1.0, index=cohort.index)
    prints = np.random.default_rng(0).normal(size=(8, 20))[cage.astype(int)]
    table = (
        pd.DataFrame(prints, index=cohort.index)
        + 0.01 * measures(cohort["genotype"], 0).iloc[:, [0] * 20].to_numpy()
    )
    answers = asked(cohort, table, "cage").loc["cage"]
    assert answers.loc["alone", "score"] > 0.9
    assert answers.loc["alone", "p"] <= 0.05
    assert "every value of it goes with one class only" in answers.loc["alone", "note"]
    assert "no two animals that share it differ" in answers.loc["within", "note"]
    assert answers.loc["across", "score"] < 0.8


def test_what_cannot_be_asked_says_why() -> None:
    cohort = animals(16).assign(camera="one", own=lambda table: table["animal"], weight=20.0)
    cohort["weight"] += np.arange(16)
    cohort["room"] = np.where(cohort["genotype"] == "ko", "left", "right")
    answers = asked(
        cohort, measures(cohort["genotype"], 1), "camera", "own", "weight", "room"
    )  # fmt: skip
    assert "same for all" in answers.loc[("camera", "alone"), "note"]
    assert "different for every animal" in answers.loc[("own", "alone"), "note"]
    assert np.isfinite(answers.loc[("weight", "alone"), "score"])
    assert "one group only" in answers.loc[("room", "across"), "note"]
