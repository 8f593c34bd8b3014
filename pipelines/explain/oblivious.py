"""Reads CatBoost's trees: every level asks one question of all its nodes."""

from __future__ import annotations

import json
import tempfile
from pathlib import Path
from typing import Any

import numpy as np

from pipelines.explain.forests import NO_SETS, CannotRead, Forest, Tree, no_sets


def read_catboost(estimator: Any) -> Forest:
    """Read CatBoost's JSON: a cell goes left unless it is above the border in single precision."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "model.json"
        estimator.save_model(str(path), format="json")
        told = json.loads(path.read_text(encoding="utf-8"))
    if "oblivious_trees" not in told:
        raise CannotRead("CatBoost trees whose levels ask several questions")
    scale, bias = told["scale_and_bias"]
    features = {one["feature_index"]: one for one in told["features_info"]["float_features"]}
    outputs = len(bias)
    trees = tuple(_tree(one, features, scale, outputs) for one in told["oblivious_trees"])
    classifies = hasattr(estimator, "predict_proba")
    return Forest(
        trees, outputs, ("logit", "clr") if classifies else ("identity", "log"), single=True
    )


def _tree(told: dict[str, Any], features: dict[int, Any], scale: float, outputs: int) -> Tree:
    """Spell the levels out: node h has the children 2h + 1 and 2h + 2; low levels come first."""
    splits = told["splits"] or []
    if any(split["split_type"] != "FloatFeature" for split in splits):
        raise CannotRead("CatBoost's own codes of categories")
    depth = len(splits)
    inner, many = (1 << depth) - 1, (2 << depth) - 1
    node = np.arange(many)
    level = np.floor(np.log2(node + 1)).astype(int)
    asked = [features[split["float_feature_index"]] for split in splits]
    place = [one["flat_feature_index"] for one in asked]
    missing_left = [one["nan_value_treatment"] != "AsTrue" for one in asked]
    border = [np.float64(np.float32(split["border"])) for split in splits]
    return Tree(
        left=np.where(node < inner, 2 * node + 1, -1).astype(np.int32),
        right=np.where(node < inner, 2 * node + 2, -1).astype(np.int32),
        feature=np.array([*place, 0], np.int32)[level],
        threshold=np.array([*border, 0.0])[level],
        missing_left=np.array([*missing_left, 0], np.uint8)[level],
        sets=no_sets(many),
        words=NO_SETS,
        value=_values(told, depth, scale, outputs),
        output=0,
    )


def _values(told: dict[str, Any], depth: int, scale: float, outputs: int) -> np.ndarray:
    """Place the leaves: bit l of a leaf's number says which way level l went."""
    stored = np.array(told["leaf_values"], np.float64).reshape(-1, outputs) * scale
    way = np.arange(1 << depth)  # from the left; the root's answer is the highest bit
    turned = sum(((way >> (depth - 1 - at)) & 1) << at for at in range(depth))
    value = np.zeros(((2 << depth) - 1, outputs))
    value[(1 << depth) - 1 :] = stored[np.broadcast_to(turned, way.shape)]
    return value
