"""Growing the trees of the pair model with scikit-learn or LightGBM."""

from __future__ import annotations

import os
from collections.abc import Callable
from typing import Any

import numpy as np

from matcher.errors import BackendError
from matcher.fusion import PairsFusion, Trees
from matcher.types import Bool, Float32, Int64

LEAST_LEAF, MOST_LEAF = 5, 40  # pairs in a leaf: fewer where there are few pairs to learn from
DEPTH = 6
CHECKED = 1000  # rows on which the exported trees must agree with their learner


def grow(fusion: PairsFusion, rows: Float32, truth: Bool, weight: Int64, seed: int) -> Trees:
    """Train boosted trees whose sum is the log-odds of a match.

    Args:
        fusion: Learner, number of trees, leaves and learning rate.
        rows: Features, NaN where missing, shape ``(m, n_features)``.
        truth: Whether each pair is a match, shape ``(m,)``; both must occur.
        weight: How many times each pair counts, 1 or more, shape ``(m,)``.
        seed: Seeds the learner.

    Raises:
        BackendError: If the learner is not installed, or its trees cannot be read.
    """
    from threadpoolctl import threadpool_limits

    learners: dict[str, Callable[..., tuple[Trees, Any]]] = {
        "hist_gradient_boosting": _grow_with_sklearn,
        "lightgbm": _grow_with_lightgbm,
    }
    # scikit-learn 1.9 bins weighted rows a hundred times slower than repeated ones.
    times = np.repeat(np.arange(len(rows)), weight // np.gcd.reduce(weight))
    rows, truth = rows[times], truth[times]
    leaf = int(np.clip(len(rows) // 50, LEAST_LEAF, MOST_LEAF))
    # The threads of a learner wait for one another at every node of a tree: where none of the
    # cores is free for one of them, all of them wait, and training takes ten times as long.
    with threadpool_limits(max(1, (os.cpu_count() or 1) // 2), user_api="openmp"):
        trees, expected = learners[fusion.learner](fusion, rows, truth, leaf, seed)
    if not np.allclose(trees(rows[:CHECKED]), expected, atol=1e-5):
        raise BackendError(
            f"The installed version of the learner {fusion.learner!r} keeps its trees in a way "
            "this package does not know. Take the other learner, or another version."
        )
    return trees


def _grow_with_sklearn(
    fusion: PairsFusion, rows: Float32, truth: Bool, leaf: int, seed: int
) -> tuple[Trees, Any]:
    from sklearn.ensemble import HistGradientBoostingClassifier

    # scikit-learn 1.9 fails on a column without any value; no tree splits one of zeros.
    rows = np.where(np.isnan(rows).all(axis=0), np.float32(0), rows)
    learner = HistGradientBoostingClassifier(
        max_iter=fusion.trees,
        learning_rate=fusion.learning_rate,
        max_leaf_nodes=fusion.leaves,
        max_depth=DEPTH,
        min_samples_leaf=leaf,
        l2_regularization=1.0,
        early_stopping=False,
        random_state=seed,
    ).fit(rows, truth)
    expected = learner.decision_function(rows[:CHECKED])
    try:
        grown = [predictor.nodes for (predictor,) in learner._predictors]
        start = float(np.ravel(learner._baseline_prediction)[0])
        return _join([_read_sklearn(nodes) for nodes in grown], start, rows.shape[1]), expected
    except (AttributeError, ValueError, TypeError, KeyError) as error:
        raise BackendError(
            f"The trees of the installed scikit-learn cannot be read ({error}). Install another "
            "version, or set learner: lightgbm."
        ) from error


def _read_sklearn(nodes: Any) -> dict[str, Any]:
    """Columns of one tree, children numbered within the tree."""
    own = np.arange(len(nodes))
    leaf = nodes["is_leaf"].astype(bool)
    return {
        "feature": np.where(leaf, 0, nodes["feature_idx"]),
        "threshold": np.where(leaf, 0, nodes["num_threshold"]),
        "missing_left": nodes["missing_go_to_left"].astype(bool),
        "left": np.where(leaf, own, nodes["left"]),
        "right": np.where(leaf, own, nodes["right"]),
        "value": np.where(leaf, nodes["value"], 0),
    }


def _grow_with_lightgbm(
    fusion: PairsFusion, rows: Float32, truth: Bool, leaf: int, seed: int
) -> tuple[Trees, Any]:
    try:
        import lightgbm
    except ImportError as error:
        raise BackendError(
            "The learner 'lightgbm' needs LightGBM. Install it with pip install "
            "'matcher[lightgbm]', or set learner: hist_gradient_boosting."
        ) from error
    settings = {
        "objective": "binary",
        "learning_rate": fusion.learning_rate,
        "num_leaves": fusion.leaves,
        "max_depth": DEPTH,
        "min_data_in_leaf": leaf,
        "lambda_l2": 1.0,
        "seed": seed,
        "deterministic": True,
        "zero_as_missing": False,
        "verbosity": -1,
    }
    table = lightgbm.Dataset(rows, truth.astype(np.float32))
    learner = lightgbm.train(settings, table, num_boost_round=fusion.trees)
    grown = [_read_lightgbm(tree["tree_structure"]) for tree in learner.dump_model()["tree_info"]]
    expected = learner.predict(rows[:CHECKED], raw_score=True)
    return _join(grown, 0.0, rows.shape[1]), expected


def _read_lightgbm(root: dict[str, Any]) -> dict[str, Any]:
    """Columns of one tree, parents before children."""
    names = ("feature", "threshold", "missing_left", "left", "right", "value")
    columns: dict[str, list[Any]] = {name: [] for name in names}
    waiting: list[tuple[dict[str, Any], str, int]] = [(root, "", 0)]
    while waiting:
        node, side, parent = waiting.pop()
        place = len(columns["value"])
        if side:
            columns[side][parent] = place
        inner = "split_feature" in node
        missing_left = _missing_goes_left(node) if inner else False
        first = (node["split_feature"], node["threshold"]) if inner else (0, 0.0)
        row = (*first, missing_left, place, place, 0.0 if inner else node["leaf_value"])
        for name, value in zip(names, row, strict=True):
            columns[name].append(value)
        if inner:
            waiting += [(node[f"{s}_child"], s, place) for s in ("left", "right")]
    return {name: np.asarray(values) for name, values in columns.items()}


def _missing_goes_left(node: dict[str, Any]) -> bool:
    """Where a node sends NaN: its default, or where 0 would go if it saw none in training."""
    if node["missing_type"] == "NaN":
        return bool(node["default_left"])
    return bool(node["threshold"] >= 0)


def _join(grown: list[dict[str, Any]], start: float, n_features: int) -> Trees:
    """One after the other, with a first tree of one leaf for the value they start from."""
    first = {"feature": [0], "threshold": [0.0], "missing_left": [False], "left": [0]}
    parts = [{**first, "right": [0], "value": [start]}, *grown]
    sizes = np.array([len(part["value"]) for part in parts])
    roots = np.cumsum(sizes) - sizes
    columns = {name: np.concatenate([part[name] for part in parts]) for name in parts[0]}
    for side in ("left", "right"):
        columns[side] = columns[side] + np.repeat(roots, sizes)
    return Trees.of({**columns, "roots": roots}, n_features)
