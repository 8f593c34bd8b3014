"""What a run hands back: a version, and how it was found."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Mapping

    import pandas as pd

    from mlops.comparisons import Comparison
    from pipelines.leaderboard import Leaderboard
    from pipelines.profile.facts import Profile
    from registry.versions import ModelVersion


@dataclass(frozen=True, slots=True, kw_only=True, repr=False)
class Result:
    """What a run made: a version, and how it was found."""

    version: ModelVersion
    run_id: str
    experiment_id: str
    board: Leaderboard
    profile: Profile
    score: float
    metrics: Mapping[str, float]
    baseline: float | None
    holdout_rows: int
    seconds: float
    interval: tuple[float, float] | None = None
    """Of ``score``, 95 %, over draws of the held-out rows."""
    nested: Mapping[str, Any] | None = None
    """What the whole procedure is worth, where nested evaluation was asked for."""
    single: Mapping[str, Any] | None = None
    """The best single model, where an ensemble won."""
    comparison: Comparison | None = None
    notes: tuple[str, ...] = ()

    @property
    def leaderboard(self) -> pd.DataFrame:
        """Every trial, best first, as a DataFrame."""
        return self.board.to_frame()

    @property
    def trials(self) -> int:
        """How many trials were made."""
        return len([trial for trial, _ in self.board.rows if trial.origin != "ensemble"])

    @property
    def failed_trials(self) -> int:
        """How many of them failed; the leaderboard says why."""
        return sum(self.board.failures.values())

    @property
    def task(self) -> str:
        """The question the model answers."""
        return self.version.task

    @property
    def metric(self) -> str:
        """The metric it was chosen by."""
        return self.version.metric

    @property
    def sentence(self) -> str:
        """How good the version is on rows it never saw; without labels that cannot be told."""
        scores = ", ".join(
            f"{key} {value:.4g}{self._sure if key == self.metric else ''}"
            for key, value in self.metrics.items()
        )
        if self.metric == "agreement":
            return f"{self.version} ranks rows by how strange they are, without labels: {scores}"
        return f"{self.version} on {self.holdout_rows} rows it never saw: {scores}"

    @property
    def _sure(self) -> str:
        if self.interval is None:
            return ""
        return " (95 %: {:.4g} to {:.4g})".format(*self.interval)

    def __repr__(self) -> str:
        """Return the version, how it was found, and what to do next."""
        many = f"{self.trials} trial{'s' if self.trials != 1 else ''}"
        made = f"{many}, {self.failed_trials} failed, {self.seconds:.0f} s"
        return "\n".join([self.sentence, *self.notes, made, *self.commands])

    @property
    def commands(self) -> list[str]:
        """What to type next."""
        return [
            f"mlops show {self.version}",
            f"mlops promote {self.version} --to staging",
            f"mlops predict {self.version} DATA -o answers.csv",
        ]

    def to_dict(self) -> dict[str, Any]:
        """Return everything a script may want to read."""
        return {
            "version": str(self.version),
            "run_id": self.run_id,
            "experiment_id": self.experiment_id,
            "task": self.task,
            "metric": self.metric,
            "score": self.score,
            "interval": self.interval,
            "nested": self.nested,
            "metrics": dict(self.metrics),
            "baseline": self.baseline,
            "holdout_rows": self.holdout_rows,
            "trials": self.trials,
            "failed_trials": self.failed_trials,
            "single": self.single,
            "seconds": round(self.seconds, 3),
            "dropped": {c: f.reason for c, f in self.profile.drops.items()},
            "comparison": self.comparison,
            "like_best": list(self.board.like_best),
            "notes": self.notes,
            "leaderboard": self.leaderboard.to_dict(orient="records"),
        }
