"""Fitted models of every row of the catalogue, made when asked for and kept for the session."""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Any

import pandas as pd
import pytest

from pipelines import algorithms
from pipelines.adapters import build
from pipelines.cleaning.plan import plan
from pipelines.dataset import Dataset
from pipelines.profile.table import profile
from pipelines.samples import credit_risk
from pipelines.schema import Schema
from pipelines.task import Task

ROWS = 240


@dataclass(frozen=True)
class Fitted:
    """A model with the table it learned from."""

    model: Any
    schema: Schema
    dataset: Dataset
    profile: Any
    plan: Any

    @property
    def rows(self) -> pd.DataFrame:
        return self.dataset.features[list(self.schema.names)]


@cache
def credit(task: Task) -> tuple[Dataset, Any, Any]:
    frame = credit_risk(ROWS).astype({"application_date": "datetime64[us]"})
    target = {Task.CLASSIFICATION: "outcome", Task.REGRESSION: "amount"}.get(task)
    if task is not Task.CLASSIFICATION:
        frame = frame.drop(columns="outcome")
    dataset = Dataset("credit", frame, task, target)
    found = profile(dataset)
    return dataset, found, plan(found, dataset)


@cache
def fit(key: str, task: Task) -> Fitted:
    dataset, found, made = credit(task)
    row = algorithms.find(key, task)
    model = build(row, row.default, 0, plan=made, task=task)
    schema = Schema.of(dataset.features, {column.name: column.kind for column in made.columns})
    labels = dataset.labels
    if labels is None and "labels" in row.needs:
        labels = (dataset.features["amount"] > dataset.features["amount"].quantile(0.9)).astype(
            int
        )
    return Fitted(model.fit(dataset.features, labels), schema, dataset, found, made)


@pytest.fixture(scope="session")
def fitted():
    return fit
