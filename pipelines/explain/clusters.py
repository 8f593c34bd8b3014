"""Clusters of strange rows: those that are strange in the same way, each in one line.

Two rows are alike where the same columns make them strange, in the same direction. What is said of
a cluster is put to the model: with usual cells in the columns that are named, its score must fall.
Where it does not, one more column is named; where that is no help, the cluster is left out.
"""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
import pandas as pd
from scipy.cluster import hierarchy

from pipelines.explain.facts import Cluster, Status
from pipelines.explain.question import worded
from pipelines.task import Task

if TYPE_CHECKING:
    from pipelines.explain.facts import Cohorts
    from pipelines.explain.question import Question
    from pipelines.explain.work import Work

Array: TypeAlias = np.ndarray[Any, Any]

MOST_ROWS = 300
UNLIKE = 0.5
"""Rows are of one cluster while their mean cosine distance is below this."""
NAMED, ENOUGH, LEAST = 3, 0.6, 0.15
"""Columns are named until they make so much of the strangeness; so many, and none below that."""
WORDS = 3
USUAL_ROWS = 20
"""Usual rows that lend their cells to see whether the score falls."""
WAYS = 4
ABOVE, BELOW, MISSING, OTHER = range(WAYS)


def added(cohorts: Cohorts, work: Work) -> Cohorts:
    """Return the cohort section with the clusters of what was called an anomaly."""
    if work.question.task is not Task.ANOMALY:
        return cohorts
    called = [said == "anomaly" for said in work.question.predictions(work.frame)]
    places = work.explained[np.asarray(called)[work.explained]]
    if work.attribution is None or not len(places):
        reason = "no row that was explained is called an anomaly"
        return replace(cohorts, clusters_status=Status.skipped(reason))
    values = work.shap_of(places).values[:, :, 0]
    found = of(work.question, work.frame.iloc[places], values, work.background)
    found = tuple(replace(one, examples=tuple(int(places[at]) for at in one.examples))
                  for one in found)  # fmt: skip
    looked = min(len(places), MOST_ROWS)
    told = f"{looked} of the {sum(called)} rows that are called anomalies"
    whole = looked == sum(called)
    status = Status.exact(looked, told) if whole else Status.sampled(looked, None, told)
    return replace(cohorts, clusters=found, clusters_status=status)


def of(
    question: Question, rows: pd.DataFrame, contributions: Array, usual: pd.DataFrame
) -> tuple[Cluster, ...]:
    """Return the clusters of strange rows, the largest first.

    Args:
        question: The model.
        rows: Strange rows as the model knows them.
        contributions: What each column adds to each row's score: (rows, columns).
        usual: Rows that are usual, as the model knows them.
    """
    if not len(rows):
        return ()
    added = np.clip(contributions, 0, None)
    scores = question.ask(rows)[:, 0]
    told = np.flatnonzero(added.sum(axis=1) > 0)
    told = told[np.argsort(-scores[told], kind="stable")][:MOST_ROWS]
    if not len(told):
        return ()
    share = added[told] / added[told].sum(axis=1, keepdims=True)
    rows, scores = rows.iloc[told].reset_index(drop=True), scores[told]
    found = []
    for places in _alike(share, ways(rows, usual)):
        cells, score = rows.iloc[places], float(scores[places].mean())
        columns, without = _true(question, cells, usual, share[places].mean(axis=0), score)
        if not columns:
            continue
        names = [str(rows.columns[at]) for at in columns]
        found.append(
            Cluster(
                description=", ".join(_told(cells[name], usual[name]) for name in names),
                rows=len(places),
                share=len(places) / len(rows),
                columns=tuple(names),
                added=tuple(float(added[told[places], at].mean()) for at in columns),
                score=score,
                without=without,
                examples=tuple(int(told[place]) for place in places[:5]),
            )
        )
    return tuple(sorted(found, key=lambda cluster: -cluster.rows))


def ways(rows: pd.DataFrame, usual: pd.DataFrame) -> Array:
    """Return in which way each cell is off: above or below the middle, missing, another word."""
    found = np.full(rows.shape, OTHER)
    for at, name in enumerate(rows.columns):
        if _numeric(rows[name]):
            middle = usual[name].median()
            found[:, at] = np.where(rows[name] >= middle, ABOVE, BELOW)
        found[rows[name].isna().to_numpy(), at] = MISSING
    return found


def _alike(share: Array, way: Array) -> list[Array]:
    """Return the positions of each cluster's rows."""
    if len(share) == 1:
        return [np.array([0])]
    wide = np.zeros((len(share), share.shape[1], WAYS))
    np.put_along_axis(wide, way[:, :, None], share[:, :, None], axis=2)
    tree = hierarchy.linkage(wide.reshape(len(share), -1), "average", "cosine")
    part = hierarchy.fcluster(tree, UNLIKE, "distance")
    return [np.flatnonzero(part == each) for each in np.unique(part)]


def _true(
    question: Question, cells: pd.DataFrame, usual: pd.DataFrame, share: Array, score: float
) -> tuple[list[int], float]:
    """Return the columns to name and the score without them; none where it does not fall."""
    order, least = _named(share)
    for many in range(least, len(order) + 1):
        columns = order[:many]
        without = _without(question, cells, usual, [str(cells.columns[at]) for at in columns])
        if without < score:
            return columns, without
    return [], score


def _named(share: Array) -> tuple[list[int], int]:
    """Return the columns that may be named, and how many of them make enough."""
    order = np.argsort(-share, kind="stable")[:NAMED]
    before = np.concatenate([[0.0], np.cumsum(share[order])[:-1]])
    kept = (before < ENOUGH) & ((share[order] >= LEAST) | (before == 0))
    return [int(at) for at in order], int(kept.sum())


def _told(cells: pd.Series, usual: pd.Series) -> str:
    """Return a column's cells in words, beside what is usual."""
    gone = cells.isna()
    if gone.mean() > 0.5:
        return f"{cells.name} missing (in {usual.isna().mean():.0%} of usual rows)"
    known = cells[~gone]
    if _numeric(cells):
        low, high = worded(known.min(), 3), worded(known.max(), 3)
        here = low if low == high else f"{low} to {high}"
        order = usual.dropna().sort_values()
        ends = [order.iloc[round((len(order) - 1) * at)] for at in (0.05, 0.95)]
        return f"{cells.name} {here} (usually {worded(ends[0], 3)} to {worded(ends[1], 3)})"
    words = known.astype(str).value_counts().index[:WORDS].tolist()
    often = usual.astype(str).isin(words).mean()
    return f"{cells.name} = {', '.join(words)} (in {often:.0%} of usual rows)"


def _numeric(column: pd.Series) -> bool:
    kinds = pd.api.types
    if kinds.is_bool_dtype(column):
        return False
    return kinds.is_numeric_dtype(column) or kinds.is_datetime64_any_dtype(column)


def _without(
    question: Question, cells: pd.DataFrame, usual: pd.DataFrame, names: list[str]
) -> float:
    """Return the mean score of the rows with usual rows' cells in the named columns."""
    lent = usual.iloc[np.linspace(0, len(usual) - 1, min(len(usual), USUAL_ROWS)).astype(int)]
    here = cells.iloc[np.repeat(np.arange(len(cells)), len(lent))].reset_index(drop=True)
    for name in names:
        here[name] = pd.concat([lent[name]] * len(cells), ignore_index=True)
    return float(question.ask(here).mean())
