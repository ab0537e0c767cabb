"""Gradient boosting on the numbers of windows: learned by scikit-learn, kept and read as arrays.

A model file of strangers must not run code, so trees are no pickled objects: they are arrays of
nodes, and the kernel here walks them. That it finds what scikit-learn finds is checked each time
that trees are taken over.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numba import njit
from numpy.typing import NDArray

from mousepose.errors import ModelError
from mousepose.extras import needed
from mousepose.types import Floats, Ints

#: How trees are grown: many small steps of small trees, as clips are few.
SETTINGS: dict[str, Any] = {
    "max_iter": 40, "learning_rate": 0.15, "max_leaf_nodes": 8, "min_samples_leaf": 8,
    "l2_regularization": 1.0, "max_features": 0.25, "max_bins": 63, "early_stopping": False,
}  # fmt: skip
#: What sums of a thousand doubles in another order may differ by.
_ROUNDING = 1e-6
_LEAF = -1


@dataclass(frozen=True, eq=False)
class BoostedTrees:
    """Trees as arrays of nodes, for K classes (one tree a round where K is 2).

    `feature` (M,) is the number of the feature that a node asks for, -1 in a leaf; what is not
    above `threshold` (M,) goes to the node `left` (M,), else to `right` (M,), and an unknown number
    to the left where `unknown_left` (M,). `value` (M,) is that of a leaf. `roots` (R,) are the
    first nodes of the trees, whose class is `column` (R,); `start` (K,) is where sums begin.
    """

    feature: Ints
    threshold: Floats
    left: Ints
    right: Ints
    unknown_left: NDArray[np.bool_]
    value: Floats
    roots: Ints
    column: Ints
    start: Floats

    def __post_init__(self) -> None:
        """Check that no node points outside or back: a walk always ends. Raises `ModelError`."""
        nodes = len(self.feature)
        own = (self.threshold, self.left, self.right, self.unknown_left, self.value)
        inner = self.feature != _LEAF
        after = np.arange(nodes)
        whole = (self.feature, self.left, self.right, self.roots, self.column)
        real = (self.threshold, self.value, self.start)
        good = (
            all(array.dtype == np.int64 for array in whole)
            and all(array.dtype == np.float64 for array in real)
            and self.unknown_left.dtype == np.bool_
            and bool(np.isfinite(self.value).all() and np.isfinite(self.start).all())
            and all(array.shape == (nodes,) for array in own)
            and self.roots.shape == self.column.shape
            and len(self.start) > 1
            and (self.feature >= _LEAF).all()
            and ((self.roots >= 0) & (self.roots < nodes)).all()
            and ((self.column >= 0) & (self.column < len(self.start))).all()
            and all(
                ((side[inner] > after[inner]) & (side[inner] < nodes)).all()
                for side in (self.left, self.right)
            )
        )
        if not good:
            raise ModelError("the trees are damaged: a node has no place, or points back")

    def scores(self, features: NDArray[np.float32]) -> Floats:
        """Return the raw scores (N, K) of features (N, F). Raises `ModelError` on too few."""
        if len(self.feature) and features.shape[1] <= self.feature.max():
            raise ModelError(
                f"the trees ask for {self.feature.max() + 1} features, got {features.shape[1]}"
            )
        out = np.tile(self.start, (len(features), 1))
        _walk(
            features, self.feature, self.threshold, self.left, self.right, self.unknown_left,
            self.value, self.roots, self.column, out,
        )  # fmt: skip
        return out


def train_trees(
    features: NDArray[np.float32],
    labels: Ints,
    classes: int,
    weights: Floats,
    seed: int,
) -> BoostedTrees:
    """Return trees that tell `labels` (N,), counted from 0, by features (N, F).

    Raises `InputError` where scikit-learn is not installed.
    """
    needed("analysis", "training on behaviours", "sklearn")
    from sklearn.ensemble import HistGradientBoostingClassifier

    # What is known nowhere tells nothing, and scikit-learn stops at it; a constant is never used.
    features = np.where(np.isfinite(features).any(axis=0), features, np.float32(0))
    model = HistGradientBoostingClassifier(random_state=seed, **SETTINGS)
    model.fit(features, labels, sample_weight=weights)
    trees = _taken_over(model, classes)
    some = features[:: max(1, len(features) // 100)]
    expected = model.decision_function(some)
    if expected.ndim == 1:
        expected = np.stack([-expected / 2, expected / 2], axis=1)
    if not np.allclose(trees.scores(some), expected, atol=_ROUNDING):
        import sklearn

        raise ModelError(
            f"scikit-learn {sklearn.__version__} keeps its trees in another way than those known "
            "here (1.4 to 1.9): install one of these"
        )
    return trees


def _taken_over(model: Any, classes: int) -> BoostedTrees:
    """Return the trees of a fitted model; those of two classes are shared by both, half each."""
    parts: list[Any] = []
    first: list[int] = []
    output: list[int] = []
    count = 0
    for trees in model._predictors:
        for place, tree in enumerate(trees):
            own = np.array(tree.nodes)
            own["left"] += count
            own["right"] += count
            parts.append(own)
            first.append(count)
            output.append(place)
            count += len(own)
    nodes = np.concatenate(parts)
    leaf = nodes["is_leaf"].astype(bool)
    roots, column = np.array(first, np.int64), np.array(output, np.int64)
    start = np.asarray(model._baseline_prediction, np.float64).ravel()
    found = BoostedTrees(
        feature=np.where(leaf, _LEAF, nodes["feature_idx"]).astype(np.int64),
        threshold=np.where(leaf, 0.0, nodes["num_threshold"]).astype(np.float64),
        left=np.where(leaf, 0, nodes["left"]).astype(np.int64),
        right=np.where(leaf, 0, nodes["right"]).astype(np.int64),
        unknown_left=nodes["missing_go_to_left"].astype(bool),
        value=np.where(leaf, nodes["value"], 0.0).astype(np.float64),
        roots=roots,
        column=column,
        start=start if classes > 2 else np.array([-start[0] / 2, start[0] / 2]),
    )
    if classes > 2:
        return found
    # One sum tells both classes apart: it counts half for the second, half against the first.
    later = np.where(leaf, 0, count)
    return replace(
        found,
        feature=np.tile(found.feature, 2),
        threshold=np.tile(found.threshold, 2),
        left=np.concatenate([found.left, found.left + later]),
        right=np.concatenate([found.right, found.right + later]),
        unknown_left=np.tile(found.unknown_left, 2),
        value=np.concatenate([-found.value / 2, found.value / 2]),
        roots=np.concatenate([roots, roots + count]),
        column=np.concatenate([column, column + 1]),
    )


@njit(cache=True, nogil=True)
def _walk(
    features: Any, feature: Any, threshold: Any, left: Any, right: Any, unknown_left: Any,
    value: Any, roots: Any, column: Any, out: Any,
) -> None:  # fmt: skip
    for tree in range(len(roots)):  # one tree's nodes stay near while all rows pass
        for row in range(len(features)):
            node = roots[tree]
            while feature[node] != _LEAF:
                asked = np.float64(features[row, feature[node]])
                goes_left = unknown_left[node] if np.isnan(asked) else asked <= threshold[node]
                node = left[node] if goes_left else right[node]
            out[row, column[tree]] += value[node]
