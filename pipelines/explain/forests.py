"""Reads fitted tree ensembles into plain arrays, with one short reader for each library.

A tree is arrays over its nodes, root first; a cell goes left if it is at most the threshold. What
differs between libraries is settled here: strict comparisons become inclusive ones, missing
values get a side, sets of categories become bit words, averages become sums. A constant that
every answer shares (prior, baseline) is left out: the explainer finds it by comparing with the
model's own answers.
"""

from __future__ import annotations

import json
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, Any, NamedTuple

import numpy as np
from numpy.typing import NDArray

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


class CannotRead(Exception):
    """Trees of a kind that has no reader."""


NO_SETS: NDArray[np.uint32] = np.zeros(1, np.uint32)


class Tree(NamedTuple):
    """One tree, as the kernel takes it."""

    left: NDArray[np.int32]
    right: NDArray[np.int32]
    feature: NDArray[np.int32]
    threshold: NDArray[np.float64]
    missing_left: NDArray[np.uint8]
    sets: NDArray[np.int32]
    """Where a node's set of left-going categories starts in ``words``; -1 for numbers."""
    words: NDArray[np.uint32]
    """Each set is its number of words, then the words."""
    value: NDArray[np.float64]
    """(nodes, outputs of this tree); zero but at the leaves."""
    output: int
    """The first output that its leaves speak to."""


def no_sets(nodes: int) -> NDArray[np.int32]:
    """Say that no node splits by categories."""
    return np.full(nodes, -1, np.int32)


@dataclass(frozen=True)
class Forest:
    """Trees whose sum is the model's answer behind one of the ``links``, up to a constant."""

    trees: tuple[Tree, ...]
    outputs: int
    links: tuple[str, ...]
    single: bool = False
    """The library compares in single precision."""
    encode: Callable[[NDArray[np.float64]], NDArray[np.float64]] | None = None
    order: NDArray[np.int64] | None = None
    """Which prepared column each of the trees' features is, if the library reorders them."""
    shift: float = 0.0
    """What a detector's score may have been moved by: its threshold."""


def _from_sklearn(tree: Any, value: NDArray[np.float64], output: int = 0) -> Tree:
    missing = getattr(tree, "missing_go_to_left", None)
    many = tree.node_count
    return Tree(
        left=tree.children_left.astype(np.int32),
        right=tree.children_right.astype(np.int32),
        feature=np.maximum(tree.feature, 0).astype(np.int32),
        threshold=tree.threshold.astype(np.float64),
        missing_left=np.zeros(many, np.uint8) if missing is None else missing.astype(np.uint8),
        sets=no_sets(many),
        words=NO_SETS,
        value=np.where((tree.children_left < 0)[:, None], value, 0.0),
        output=output,
    )


def _members(estimator: Any) -> list[Any]:
    return list(getattr(estimator, "estimators_", [estimator]))


def read_forest_regressor(estimator: Any) -> Forest:
    """Read a random forest, extra trees or one tree that answers with a value."""
    trees = _members(estimator)
    read_trees = [_from_sklearn(t.tree_, t.tree_.value[:, :, 0] / len(trees)) for t in trees]
    return Forest(tuple(read_trees), 1, ("identity",), single=True)


def read_forest_classifier(estimator: Any) -> Forest:
    """Read a random forest, extra trees or one tree that answers with probabilities."""
    trees = _members(estimator)
    classes = len(estimator.classes_)
    found = []
    for one in trees:
        counts = one.tree_.value[:, 0, :]
        chance = counts / np.maximum(counts.sum(axis=1, keepdims=True), 1e-300) / len(trees)
        found.append(_from_sklearn(one.tree_, chance if classes > 2 else chance[:, -1:]))
    return Forest(tuple(found), classes if classes > 2 else 1, ("identity",), single=True)


def read_gradient_boosting(estimator: Any) -> Forest:
    """Read scikit-learn's gradient boosting."""
    rate = estimator.learning_rate
    grown = estimator.estimators_
    found = [
        _from_sklearn(one.tree_, rate * one.tree_.value[:, :, 0], output)
        for stage in grown
        for output, one in enumerate(stage)
    ]
    links = ("logit", "clr") if hasattr(estimator, "classes_") else ("identity",)
    return Forest(tuple(found), grown.shape[1], links, single=True)


def read_isolation_forest(estimator: Any) -> Forest:
    """Read an isolation forest: its strangeness is 2 to the power of its leaves' sum.

    Leaves hold path lengths, which are long for usual rows: the sign is turned here, only here.
    """
    from sklearn.ensemble._iforest import _average_path_length

    trees = estimator.estimators_
    usual = _average_path_length(np.array([estimator._max_samples]))[0]
    found = []
    for one, columns in zip(trees, estimator.estimators_features_, strict=True):
        tree = one.tree_
        steps = np.zeros(tree.node_count)
        for node in range(tree.node_count):
            if tree.children_left[node] >= 0:
                steps[[tree.children_left[node], tree.children_right[node]]] = steps[node] + 1
        length = steps + _average_path_length(tree.n_node_samples)
        flat = _from_sklearn(tree, -(length / (len(trees) * usual))[:, None])
        features = np.asarray(columns)[flat.feature].astype(np.int32)
        found.append(flat._replace(feature=features))
    return Forest(tuple(found), 1, ("log2",), single=True, shift=float(estimator.offset_))


def read_histogram_boosting(estimator: Any) -> Forest:
    """Read scikit-learn's histogram gradient boosting, with its categories."""
    found = [
        _from_predictor(one, output, estimator)
        for stage in estimator._predictors
        for output, one in enumerate(stage)
    ]
    links = ("logit", "clr") if hasattr(estimator, "classes_") else ("identity", "log")
    outputs = len(estimator._predictors[0])
    preparer = getattr(estimator, "_preprocessor", None)
    if preparer is None:
        return Forest(tuple(found), outputs, links)
    which = np.asarray(estimator.is_categorical_)
    order = np.concatenate([np.flatnonzero(which), np.flatnonzero(~which)])
    return Forest(
        tuple(found), outputs, links, encode=lambda x: _floats(preparer.transform(x)), order=order
    )


def _floats(values: Any) -> NDArray[np.float64]:
    return np.asarray(values, dtype=np.float64)


def _from_predictor(predictor: Any, output: int, estimator: Any) -> Tree:
    nodes = predictor.nodes
    leaf = nodes["is_leaf"].astype(bool)
    sets = no_sets(len(nodes))
    words = [NO_SETS]
    if nodes["is_categorical"].any():
        known, places = estimator._bin_mapper.make_known_categories_bitsets()
        for node in np.flatnonzero(nodes["is_categorical"]):
            one = nodes[node]
            left = predictor.raw_left_cat_bitsets[one["bitset_idx"]].astype(np.uint32)
            if one["missing_go_to_left"]:  # what was never seen goes where missing values go
                left = left | ~known[places[one["feature_idx"]]]
            sets[node] = sum(map(len, words))
            words += [np.array([len(left)], np.uint32), left]
    return Tree(
        left=np.where(leaf, -1, nodes["left"].astype(np.int64)).astype(np.int32),
        right=np.where(leaf, -1, nodes["right"].astype(np.int64)).astype(np.int32),
        feature=nodes["feature_idx"].astype(np.int32),
        threshold=nodes["num_threshold"].astype(np.float64),
        missing_left=nodes["missing_go_to_left"].astype(np.uint8),
        value=np.where(leaf, nodes["value"], 0.0)[:, None],
        output=output,
        sets=sets,
        words=np.concatenate(words),
    )


def read_lightgbm(estimator: Any) -> Forest:
    """Read LightGBM's text format: one block of named arrays per tree."""
    text = estimator.booster_.model_to_string()
    head, *blocks = text.split("\nTree=")
    facts = dict(line.split("=", 1) for line in head.splitlines() if "=" in line)
    per_round = int(facts["num_tree_per_iteration"])
    trees = [_from_lightgbm(block, index % per_round) for index, block in enumerate(blocks)]
    links = ("logit", "clr") if hasattr(estimator, "classes_") else ("identity", "log")
    return Forest(tuple(trees), per_round, links)


def _from_lightgbm(block: str, output: int) -> Tree:
    lines = block.split("\n\n", 1)[0].splitlines()
    facts = dict(line.split("=", 1) for line in lines if "=" in line)
    if int(facts.get("is_linear", "0")):
        raise CannotRead("trees with linear leaves")
    leaves = np.array(facts["leaf_value"].split(), np.float64)
    inner = len(leaves) - 1
    value = np.concatenate([np.zeros(inner), leaves])[:, None]
    if inner == 0:
        return _stump(float(leaves[0]), output)

    def numbers(name: str, kind: Any) -> Any:
        return np.array(facts[name].split(), np.float64).astype(kind)

    def children(name: str) -> NDArray[np.int32]:
        found = numbers(name, np.int32)  # -1 is leaf 0, -2 is leaf 1, and so on
        placed = np.where(found >= 0, found, inner - 1 - found)
        return np.concatenate([placed, np.full(len(leaves), -1)]).astype(np.int32)

    kinds = numbers("decision_type", np.int64)
    threshold = np.array(facts["threshold"].split(), np.float64)
    missing = (kinds >> 2) & 3
    if (missing == 1).any():
        raise CannotRead("zeros that count as missing")
    by_default = np.where(missing == 2, (kinds >> 1) & 1, threshold >= 0)  # else missing is 0
    categorical = (kinds & 1).astype(bool)
    by_default = np.where(categorical, 0, by_default)
    sets, words = _lightgbm_sets(facts, categorical, threshold)
    pad = np.zeros(len(leaves))
    return Tree(
        left=children("left_child"),
        right=children("right_child"),
        feature=np.concatenate([numbers("split_feature", np.int32), pad]).astype(np.int32),
        threshold=np.concatenate([threshold, pad]),
        missing_left=np.concatenate([by_default, pad]).astype(np.uint8),
        value=value,
        output=output,
        sets=np.concatenate([sets, pad - 1]).astype(np.int32),
        words=words,
    )


def _lightgbm_sets(
    facts: dict[str, str], categorical: NDArray[np.bool_], threshold: NDArray[np.float64]
) -> tuple[NDArray[np.int64], NDArray[np.uint32]]:
    sets = np.full(len(categorical), -1)
    if not categorical.any():
        return sets, NO_SETS
    ends = np.array(facts["cat_boundaries"].split(), np.int64)
    stored = np.array(facts["cat_threshold"].split(), np.uint64).astype(np.uint32)
    words, starts = [NO_SETS], []
    for first, last in pairwise(ends):
        starts.append(sum(map(len, words)))
        words += [np.array([last - first], np.uint32), stored[first:last]]
    sets[categorical] = np.array(starts)[threshold[categorical].astype(int)]
    return sets, np.concatenate(words)


def _stump(value: float, output: int) -> Tree:
    none, zero = np.array([-1], np.int32), np.zeros(1, np.int32)
    return Tree(
        left=none,
        right=none,
        feature=zero,
        threshold=np.zeros(1),
        missing_left=np.zeros(1, np.uint8),
        sets=none,
        words=NO_SETS,
        value=np.array([[value]]),
        output=output,
    )


def read_xgboost(estimator: Any) -> Forest:
    """Read XGBoost's JSON; its comparisons are strict and in single precision."""
    booster = estimator.get_booster()
    if booster.attr("best_iteration") is not None:
        booster = booster[: int(booster.attr("best_iteration")) + 1]
    learner = json.loads(booster.save_raw("json").decode())["learner"]
    model = learner["gradient_booster"]
    if model["name"] != "gbtree":
        raise CannotRead(f"XGBoost's {model['name']}")
    model = model["model"]
    outputs = int(learner["learner_model_param"]["num_class"])
    outputs = outputs if outputs > 2 else 1
    pairs: Iterable[tuple[Any, int]] = zip(model["trees"], model["tree_info"], strict=True)
    trees = tuple(_from_xgboost(tree, group) for tree, group in pairs)
    links = ("logit", "clr") if hasattr(estimator, "classes_") else ("identity", "log", "logit")
    return Forest(trees, outputs, links, single=True)


def _from_xgboost(tree: dict[str, Any], output: int) -> Tree:
    left = np.array(tree["left_children"], np.int32)
    right = np.array(tree["right_children"], np.int32)
    conditions = np.array(tree["split_conditions"], np.float32)
    leaf = left < 0
    below = np.nextafter(conditions, np.float32(-np.inf)).astype(np.float64)
    sets = no_sets(len(left))
    words = [NO_SETS]
    starts, sizes = tree.get("categories_segments", []), tree.get("categories_sizes", [])
    default = np.array(tree["default_left"], np.uint8)
    for node, start, size in zip(tree.get("categories_nodes", []), starts, sizes, strict=True):
        packed = _packed(np.array(tree["categories"][start : start + size], np.int64))
        # XGBoost's sets go right, ours left: swap the children.
        left[node], right[node] = right[node], left[node]
        default[node] = 1 - default[node]
        sets[node] = sum(map(len, words))
        words += [np.array([len(packed)], np.uint32), packed]
    return Tree(
        left=left,
        right=right,
        feature=np.array(tree["split_indices"], np.int32),
        threshold=below,
        missing_left=default,
        sets=sets,
        words=np.concatenate(words),
        value=np.where(leaf, conditions.astype(np.float64), 0.0)[:, None],
        output=output,
    )


def _packed(codes: NDArray[np.int64]) -> NDArray[np.uint32]:
    """Return a set of small numbers as bit words.

    >>> _packed(np.array([0, 33])).tolist()
    [1, 2]
    """
    flags = np.zeros((int(codes.max(initial=0)) // 32 + 1) * 32, np.uint8)
    flags[codes] = 1
    return np.packbits(flags, bitorder="little").view(np.uint32)


def most_players(tree: Tree, player: NDArray[np.int32]) -> int:
    """Return the largest number of different players on one path of a tree."""
    most, todo = 0, [(0, frozenset[int]())]
    while todo:
        node, seen = todo.pop()
        most = max(most, len(seen))
        if tree.left[node] >= 0:
            seen |= {int(player[tree.feature[node]])}
            todo += [(int(tree.left[node]), seen), (int(tree.right[node]), seen)]
    return most
