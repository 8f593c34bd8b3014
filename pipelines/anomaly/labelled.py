"""Detectors that learn from labels: few of them, most rows unlabelled, or all.

``Blend`` is for few: a forest that parts the labelled anomalies from all other rows (some of which
may be anomalies nobody labelled), on the columns and on what detectors say, averaged with the five
detectors that rank the labelled anomalies best. ``Trees`` and ``Boosted`` believe every label.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Self, TypeAlias

import numpy as np
from sklearn.ensemble import ExtraTreesClassifier, HistGradientBoostingClassifier

from pipelines.anomaly import combining
from pipelines.anomaly.guard import Guard
from pipelines.errors import CannotDetect
from pipelines.formulas import auc

if TYPE_CHECKING:
    from collections.abc import Mapping

Array: TypeAlias = np.ndarray[Any, Any]

PANEL: Mapping[str, tuple[dict[str, Any], frozenset[str]]] = {
    "pipelines.anomaly.together:Together": ({}, frozenset()),
    "pipelines.anomaly.tails:ECOD": ({}, frozenset()),
    "pipelines.anomaly.tails:COPOD": ({}, frozenset()),
    "pipelines.anomaly.neighbourhoods:COF": ({}, frozenset({"distinct"})),
    "pipelines.anomaly.deviations:CD": ({}, frozenset()),
    "pyod.models.knn:KNN": ({"n_neighbors": 5}, frozenset()),
    "pyod.models.iforest:IForest": ({"n_estimators": 100}, frozenset()),
    "pyod.models.mcd:MCD": ({}, frozenset({"full_rank"})),
    "pyod.models.lof:LOF": ({"n_neighbors": 20}, frozenset({"distinct"})),
    "pyod.models.hbos:HBOS": ({}, frozenset()),
    "pyod.models.pca:PCA": ({}, frozenset()),
    "pyod.models.gmm:GMM": ({"n_components": 5, "reg_covar": 1e-3}, frozenset({"full_rank"})),
    "pyod.models.inne:INNE": ({}, frozenset({"steady"})),
}
"""The detectors a blend asks, with their arguments and what their guards must see to."""
MOST_ROWS = 5_000
BEST = 5
EVEN = 5.0
"""With so many labelled anomalies the forest weighs as much as the detectors; with more, more."""


class Panel:
    """Detectors that were fitted without labels, and what they say on one scale."""

    def __init__(self, seed: int) -> None:
        self.seed = seed

    def fit(self, rows: Array) -> Self:
        """Fit every detector that has a use for the rows."""
        self.guards_: list[Guard] = []
        self.references_: list[Array] = []
        for target, (arguments, needs) in PANEL.items():
            if target.endswith(":CD") and rows.shape[1] > 50:
                continue
            guard = Guard(target, arguments, needs=needs, sample=MOST_ROWS, seed=self.seed)
            try:
                scores = combining.steady(guard.fit(rows).score(rows[:MOST_ROWS]))
            except CannotDetect:
                continue
            self.guards_.append(guard)
            self.references_.append(np.sort(scores))
        return self

    def of(self, rows: Array) -> Array:
        """Return minus the log of each detector's tail: (rows, detectors)."""
        tails = [
            combining.extended(reference, combining.steady(guard.score(rows)))
            for guard, reference in zip(self.guards_, self.references_, strict=True)
        ]
        found: Array = -np.log(np.column_stack(tails))
        return found


class Blend:
    """A positive-unlabelled forest and the detectors that suit the labels best."""

    def __init__(self, n_estimators: int = 120, min_samples_leaf: int = 3,
                 random_state: int = 0) -> None:  # fmt: skip
        self.n_estimators, self.min_samples_leaf = n_estimators, min_samples_leaf
        self.random_state = random_state

    def fit(self, rows: Array, labels: Array) -> Self:
        """Learn from rows labelled 1, against all others."""
        return self.join(Panel(self.random_state).fit(rows), rows, labels)

    def join(self, panel: Panel, rows: Array, labels: Array) -> Self:
        """Learn with a panel that was fitted on these rows before."""
        self.panel_ = panel
        said = panel.of(rows)
        worth = np.array([auc(labels, column) for column in said.T])
        ones = float(np.sum(labels == 1))
        self.trust_ = ones / (ones + EVEN)
        self.best_ = np.argsort(-worth, kind="stable")[:BEST]
        self.forest_ = ExtraTreesClassifier(
            self.n_estimators,
            min_samples_leaf=self.min_samples_leaf,
            class_weight="balanced",
            bootstrap=True,
            oob_score=True,
            random_state=self.random_state,
        ).fit(np.hstack([rows, said]), labels)
        unseen = np.nan_to_num(self.forest_.oob_decision_function_[:, 1])
        self.chances_ = np.sort(combining.steady(unseen))
        self.means_ = np.sort(combining.steady(said[:, self.best_].mean(axis=1)))
        return self

    def decision_function(self, rows: Array) -> Array:
        """Return the place of a row by the forest and by the best detectors, weighted."""
        said = self.panel_.of(rows)
        chance = combining.steady(self.forest_.predict_proba(np.hstack([rows, said]))[:, 1])
        mean = combining.steady(said[:, self.best_].mean(axis=1))
        forest, panel = _place(self.chances_, chance), _place(self.means_, mean)
        found: Array = self.trust_ * forest + (1 - self.trust_) * panel
        return found


def _place(reference: Array, scores: Array) -> Array:
    """Return where scores stand in a reference, from 0 to 1; equal ones stand in the middle."""
    low = np.searchsorted(reference, scores, side="left")
    high = np.searchsorted(reference, scores, side="right")
    beyond = np.clip(scores - reference[-1], 0, None) / (abs(reference[-1]) + 1)
    found: Array = (low + high) / (2 * len(reference)) + beyond * 1e-3
    return found


class Trees:
    """A balanced forest on the columns: it believes that unlabelled rows are usual."""

    def __init__(self, n_estimators: int = 200, min_samples_leaf: int = 2,
                 random_state: int = 0) -> None:  # fmt: skip
        self.n_estimators, self.min_samples_leaf = n_estimators, min_samples_leaf
        self.random_state = random_state

    def fit(self, rows: Array, labels: Array) -> Self:
        """Learn to part anomalies from other rows."""
        self.model_ = ExtraTreesClassifier(
            self.n_estimators,
            min_samples_leaf=self.min_samples_leaf,
            class_weight="balanced",
            random_state=self.random_state,
        ).fit(rows, labels)
        return self

    def decision_function(self, rows: Array) -> Array:
        """Return the forest's share of votes."""
        found: Array = self.model_.predict_proba(rows)[:, 1]
        return found


class Boosted:
    """Gradient boosting on the columns, for many labels."""

    def __init__(self, learning_rate: float = 0.1, max_leaf_nodes: int = 15,
                 random_state: int = 0) -> None:  # fmt: skip
        self.learning_rate, self.max_leaf_nodes = learning_rate, max_leaf_nodes
        self.random_state = random_state

    def fit(self, rows: Array, labels: Array) -> Self:
        """Learn to part anomalies from other rows."""
        self.model_ = HistGradientBoostingClassifier(
            learning_rate=self.learning_rate,
            max_leaf_nodes=self.max_leaf_nodes,
            class_weight="balanced",
            early_stopping=False,
            random_state=self.random_state,
        ).fit(rows, labels)
        return self

    def decision_function(self, rows: Array) -> Array:
        """Return log-odds."""
        found: Array = self.model_.decision_function(rows)
        return found
