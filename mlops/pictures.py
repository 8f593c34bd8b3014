"""What a run draws for MLflow: how the search went, and how the winner did on held-out rows."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipelines.charts.answers import of_classes, of_scores, of_values
from pipelines.charts.searches import of_search
from pipelines.judging import decision_of
from pipelines.search.importances import importances
from pipelines.task import Task
from pipelines.tracking.papers import as_json
from pipelines.trial import as_truth

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipelines.algorithms import Algorithm
    from pipelines.automl import Found

FOLDER = "charts"


def draw(found: Found, rows: Mapping[str, Algorithm]) -> dict[str, str]:
    """Return the charts by their path, and a text that says why one of them is missing."""
    shares, why = importances(found.leaderboard, rows)
    charts = {**of_search(found.leaderboard, shares), **_answers(found)}
    told = {"importances.txt": f"{why}\n"} if why else {}
    drawn = {f"{FOLDER}/{name}": chart for name, chart in {**charts, **told}.items()}
    nested = {} if found.nested is None else {"nested.json": as_json(found.nested)}
    return {**drawn, **nested}


def _answers(found: Found) -> dict[str, str]:
    dataset, answer = found.dataset, found.answer
    if answer is None or dataset.target is None:
        return {}
    classes = found.classes
    truth = as_truth(found.holdout[dataset.target], dataset.task, classes)
    if dataset.task is Task.CLASSIFICATION:
        return of_classes(truth, answer, classes, decision_of(found.model))
    if dataset.task is Task.ANOMALY:
        return of_scores(truth, answer, classes)
    return of_values(truth, answer)
