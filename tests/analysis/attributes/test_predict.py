"""Laws of the prediction: what is there is found, what is not is not, and nothing leaks."""

from __future__ import annotations

from dataclasses import replace

import numpy as np
import pytest
from tests.analysis.attributes.cohorts import QUICK, animals, measures

from mousepose.analysis.attributes.compare import ALL, compare
from mousepose.analysis.attributes.config import AttributeConfig
from mousepose.analysis.attributes.cross_validate import (
    class_weights,
    out_of_fold,
    shuffled,
    splits_of,
)
from mousepose.analysis.attributes.kernel import (
    PENALTIES,
    Features,
    _centred,
    _kernels,
    _left_out_error,
    fit_predict,
    standardised,
)
from mousepose.analysis.attributes.scores import once, score_of
from mousepose.analysis.attributes.task import task_of
from mousepose.errors import InputError


def test_an_attribute_that_is_there_is_told_and_the_better_set_wins() -> None:
    cohort = animals(32)
    weak, strong = (measures(cohort["genotype"], k, k) for k in (0, 2))
    task = task_of(cohort, "genotype")
    found = compare(
        {"weak": weak, "strong": strong}, task, replace(QUICK, repeats=1, permutations=19)
    )
    table = found.sets.set_index("features")
    assert list(table.index) == ["weak", "strong", ALL]
    assert table.loc["strong", "score"] > 0.9
    assert table.loc["strong", "p"] == pytest.approx(1 / 20)
    assert table.loc["weak", "p"] > 0.1
    row = found.differences.iloc[0]
    assert (row["features"], row["less"]) == ("strong", "weak")
    assert 0 < row["low"] < row["difference"] < row["high"]
    assert table.loc["weak", "low"] < table.loc["weak", "score"] < table.loc["weak", "high"]


def test_a_number_is_told() -> None:
    cohort = animals(32)
    found = compare({"x": measures(cohort["age"], 4)}, task_of(cohort, "age"), QUICK)
    assert found.task.is_number
    assert found.sets["score"][0] > 0.7
    assert found.sets["mean_error"][0] < 0.5 * cohort["age"].std()


def test_shuffled_labels_give_chance() -> None:
    """Also with more measures than animals, of which one knows the true labels perfectly."""
    cohort = animals(30)
    table = measures(cohort["genotype"], 5, count=60)
    task = task_of(cohort, "genotype")
    random = np.random.default_rng(0)
    scores = []
    for _ in range(24):
        other = shuffled(task, random)
        found = out_of_fold(_features(table), other, splits_of(other, QUICK))
        scores.append(score_of(other, found, once(other))[0])
    assert abs(np.mean(scores) - 0.5) < 0.08
    assert 0.05 < np.std(scores) < 0.25


def test_features_of_noise_give_chance() -> None:
    scores = []
    for seed in range(24):
        cohort = animals(20, seed)
        task = task_of(cohort, "genotype")
        table = measures(cohort["genotype"], 0, seed, count=30)
        found = out_of_fold(_features(table), task, splits_of(task, QUICK))
        scores.append(score_of(task, found, once(task))[0])
    assert abs(np.mean(scores) - 0.5) < 0.08


def test_a_planted_leak_is_caught() -> None:
    cohort = animals(16)
    task = task_of(cohort, "genotype")
    splits = splits_of(task, QUICK)
    train, test = splits[1][2]
    splits[1][2] = (np.append(train, test[0]), test)
    with pytest.raises(InputError, match="training and test at once"):
        out_of_fold(_features(measures(cohort["genotype"], 0)), task, splits)


def test_an_animal_that_is_there_twice_tells_nothing_of_itself() -> None:
    """Each animal's measures are its fingerprint: split by rows this would be told perfectly."""
    random = np.random.default_rng(3)
    cohort = animals(16).loc[np.repeat(animals(16).index, 6)]
    prints = np.repeat(random.normal(size=(16, 40)), 6, axis=0)
    values = prints + 0.01 * random.normal(size=prints.shape)
    task = task_of(cohort, "genotype")
    features = Features(values, np.zeros(40, np.int64))
    honest = out_of_fold(features, task, splits_of(task, QUICK))
    by_rows = replace_animals(task)
    leaking = out_of_fold(features, by_rows, splits_of(by_rows, QUICK))
    assert score_of(task, leaking, once(task))[0] > 0.99
    assert score_of(task, honest, once(task))[0] < 0.8


def test_the_same_seed_gives_the_same_figures() -> None:
    cohort = animals(16)
    task = task_of(cohort, "genotype")
    config = replace(QUICK, permutations=3)
    one, two = (compare({"x": measures(cohort["genotype"], 1)}, task, config) for _ in range(2))
    assert one.sets.equals(two.sets)
    other = compare({"x": measures(cohort["genotype"], 1)}, task, replace(config, seed=1))
    assert not one.sets.equals(other.sets)


def test_scale_and_shift_of_measures_do_not_matter_nor_what_is_constant() -> None:
    cohort = animals(16)
    task = task_of(cohort, "genotype")
    table = measures(cohort["genotype"], 1)
    other = (table * 37.0 + 1000).assign(same=4.0)
    one, two = (compare({"x": t}, task, QUICK).predictions["x"].mean for t in (table, other))
    assert np.allclose(one, two, atol=1e-9)


def test_unknown_values_are_the_mean_of_the_training() -> None:
    train = np.array([[1.0, 5.0], [3.0, np.nan], [np.nan, 7.0]])
    own, other = standardised(train, np.array([[np.nan, 6.0]]), np.ones(3))
    assert own[1, 1] == own[2, 0] == other[0, 0] == other[0, 1] == 0
    assert np.allclose(own[:2, 0], [-1, 1])


def test_the_linear_kernel_is_ridge_regression_with_a_free_mean() -> None:
    random = np.random.default_rng(0)
    own, other = random.normal(size=(20, 5)), random.normal(size=(4, 5))
    target, weight = random.normal(size=(20, 1)), random.uniform(0.5, 2, 20)
    kernel, reach = _centred(*_kernels(own, other, np.full(5, 1 / 5))[0], weight)
    root = np.sqrt(weight)[:, None]
    for penalty in PENALTIES:
        mean = weight @ target / weight.sum()
        inner = root * kernel * root.T + penalty * np.eye(20)
        mine = (reach * root.T) @ np.linalg.solve(inner, root * (target - mean)) + mean
        # The same as least squares, with a row for what each slope costs.
        rows = root * np.column_stack([own / np.sqrt(5), np.ones(20)])
        costs = np.sqrt(penalty) * np.eye(6)[:5]
        slopes = np.linalg.lstsq(
            np.vstack([rows, costs]), np.vstack([root * target, np.zeros((5, 1))]), rcond=None
        )[0]
        assert np.allclose(mine, np.column_stack([other / np.sqrt(5), np.ones(4)]) @ slopes)


@pytest.mark.parametrize("groups", [np.arange(12), np.repeat(np.arange(5), [1, 2, 2, 3, 4])])
def test_leaving_out_by_formula_is_leaving_out(groups: np.ndarray) -> None:
    random = np.random.default_rng(1)
    values, target = random.normal(size=(12, 4)), random.normal(size=(12, 2))
    weight, share = random.uniform(0.5, 2, 12), np.full(4, 0.25)
    root = np.sqrt(weight)[:, None]
    expected = np.zeros(len(PENALTIES))
    for group in np.unique(groups):
        kept, gone = groups != group, groups == group
        kernel, reach = _centred(*_kernels(values[kept], values[gone], share)[0], weight[kept])
        own = root[kept]
        mean = weight[kept] @ target[kept] / weight[kept].sum()
        for place, penalty in enumerate(PENALTIES):
            inner = own * kernel * own.T + penalty * np.eye(kept.sum())
            said = (reach * own.T) @ np.linalg.solve(inner, own * (target[kept] - mean)) + mean
            expected[place] += (weight[gone, None] * (said - target[gone]) ** 2).sum()
    kernel, _ = _centred(*_kernels(values, values, share)[0], weight)
    level, axes = np.linalg.eigh(root * kernel * root.T)
    mean = weight @ target / weight.sum()
    found = _left_out_error(np.maximum(level, 0), axes, root, root * (target - mean), groups)
    assert np.allclose(found, expected)


def test_what_is_curved_is_told_by_the_gaussian_kernel() -> None:
    random = np.random.default_rng(2)
    values = random.normal(size=(80, 2))
    target = np.where(np.hypot(*values.T) > 1.1, 1.0, -1.0)[:, None]
    train, test = (Features(part, np.zeros(2, np.int64)) for part in (values[:60], values[60:]))
    said, (kernel, _) = fit_predict(train, target[:60], np.ones(60), np.arange(60), test)
    assert kernel == 1
    assert np.mean(np.sign(said) == target[60:]) > 0.85


def test_blocks_count_alike() -> None:
    """One measure that knows is not drowned by a block of a hundred that do not."""
    cohort = animals(32)
    task = task_of(cohort, "genotype")
    sets = {"one": measures(cohort["genotype"], 3, count=1),
            "many": measures(cohort["genotype"], 0, 1, count=100)}  # fmt: skip
    found = compare(sets, task, QUICK).sets.set_index("features")["score"]
    assert found["many"] < 0.75
    assert found[ALL] > 0.9


def test_rare_classes_count_as_much_as_common_ones() -> None:
    cohort = animals(20)
    cohort["genotype"] = np.where(np.arange(20) < 4, "rare", "common")
    weight = class_weights(task_of(cohort, "genotype"), np.arange(20))
    assert weight[:4].sum() == pytest.approx(weight[4:].sum()) == pytest.approx(10)


def test_samples_of_one_animal_are_shuffled_within_it() -> None:
    cohort = animals(8)
    both = cohort.loc[np.repeat(cohort.index, 2)].assign(dose=["none", "some"] * 8)
    task = task_of(both, "dose", crossover=True)
    assert task.crossover
    other = shuffled(task, np.random.default_rng(0))
    assert not np.array_equal(other.target, task.target)
    for animal in range(8):
        own = task.animal == animal
        assert sorted(other.target[own, 0]) == sorted(task.target[own, 0])


def test_too_few_animals_are_refused() -> None:
    few = animals(6)
    task = task_of(few, "genotype")
    table = {"x": measures(few["genotype"], 0)}
    with pytest.raises(InputError, match="6 animals are fewer than 7 folds"):
        compare(table, task, AttributeConfig(folds=7))
    few["genotype"] = ["a", "a", "b", "b", "b", "b"]
    with pytest.raises(InputError, match=r"only 2 animal\(s\) with a"):
        compare(table, task_of(few, "genotype"), AttributeConfig(folds=2))


def test_tables_that_do_not_fit_are_refused() -> None:
    cohort = animals(12)
    task = task_of(cohort, "genotype")
    with pytest.raises(InputError, match="11 rows, expected one for each of 12"):
        compare({"x": measures(cohort["genotype"], 0).iloc[1:]}, task, QUICK)
    with pytest.raises(InputError, match="no value is known that differs"):
        compare({"x": measures(cohort["genotype"], 0) * np.nan}, task, QUICK)
    with pytest.raises(InputError, match="no set of features"):
        compare({}, task, QUICK)


def _features(table: object) -> Features:
    values = np.asarray(table, float)
    return Features(values, np.zeros(values.shape[1], np.int64))


def replace_animals(task):  # type: ignore[no-untyped-def]
    """Return the task as if every row were of an animal of its own."""
    names = tuple(str(number) for number in range(len(task)))
    return replace(task, animal=np.arange(len(task)), animals=names)
