"""An MLflow store of one's own: migrated once, copied for each test."""

from __future__ import annotations

import shutil
import sqlite3
from dataclasses import dataclass
from pathlib import Path

import pytest

from pipelines import metrics
from pipelines.leaderboard import Leaderboard
from pipelines.task import Task
from pipelines.tracking import store as reaching
from pipelines.trial import Outcome, Trial


@dataclass(frozen=True)
class Store:
    """A database file with questions to ask."""

    path: Path

    @property
    def uri(self) -> str:
        return f"sqlite:///{self.path}"

    def ask(self, question: str, *values: object) -> list[tuple]:
        with sqlite3.connect(self.path) as database:
            return database.execute(question, values).fetchall()

    def tags(self, run_id: str) -> dict[str, str]:
        return dict(self.ask("select key, value from tags where run_uuid = ?", run_id))

    def children(self, parent: str) -> dict[int, str]:
        """Return the run of each trial, and fail on two for one trial."""
        rows = self.ask(
            "select t.value, t.run_uuid from tags t join tags p on p.run_uuid = t.run_uuid "
            "where t.key = 'mlops.trial' and p.key = 'mlflow.parentRunId' and p.value = ?",
            parent,
        )
        assert len({number for number, _ in rows}) == len(rows)
        return {int(number): run for number, run in rows}

    def status(self, run_id: str) -> str:
        return self.ask("select status from runs where run_uuid = ?", run_id)[0][0]


@pytest.fixture(scope="session")
def template(tmp_path_factory):
    path = tmp_path_factory.mktemp("mlflow") / "mlflow.db"
    with reaching.calm():
        reaching.connect(f"sqlite:///{path}")
    return path


@pytest.fixture
def store(template, tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    return Store(Path(shutil.copy(template, tmp_path / "mlflow.db")))


@pytest.fixture
def board():
    return Leaderboard(metrics.find("roc_auc", Task.CLASSIFICATION))


@pytest.fixture
def pairs():
    """Six trials; the fourth one failed, each one before is better than the last."""
    made = []
    for number in range(6):
        params = {"learning_rate": 0.1 * number, "num_leaves": 31}
        trial = Trial(number, "lightgbm", params, 7, "tuned")
        outcome = Outcome(
            (80 + number) / 100,
            {"roc_auc": (80 + number) / 100, "log_loss": 0.4},
            (0.79, 0.81),
            1.5,
            learned={"n_estimators": 120},
        )
        if number == 3:
            outcome = Outcome(None, seconds=0.5, failure="ValueError: input has negative values")
        made.append((trial, outcome))
    return made
