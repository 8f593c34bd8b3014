"""Nested evaluation: what the whole procedure is worth, not one model that it found.

The rows are dealt to folds, again and again if asked; for each fold the whole search runs on the
others and its winner is judged there. Every search has the run's own budget.
"""

from __future__ import annotations

import math
import re
import statistics
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

from scipy.stats import t as student

from pipelines import splits
from pipelines.automl import Prepared
from pipelines.errors import BadSetting
from pipelines.leaderboard import ratio_of

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipelines.dataset import Dataset
    from pipelines.goal import Goal
    from pipelines.search import Budget

LEVEL = 0.95
MOST_SEARCHES = 100


@dataclass(frozen=True, slots=True)
class Shape:
    """How many folds, how often.

    >>> Shape.read("3x2").searches
    6
    """

    folds: int
    repeats: int = 1

    @classmethod
    def read(cls, text: str) -> Shape:
        """Read "3x2": three folds, twice.

        Raises:
            BadSetting: It is nothing of the kind.
        """
        found = re.fullmatch(r"(\d{1,3})(?:x(\d{1,3}))?", text.strip().lower())
        shape = cls(int(found[1]), int(found[2] or 1)) if found else cls(0)
        if shape.folds < 2 or not shape.repeats >= 1 or shape.searches > MOST_SEARCHES:
            raise BadSetting(
                "--nested", text,
                f"Write folds and repeats like 5 or 3x2, {MOST_SEARCHES} searches at most.",
            )  # fmt: skip
        return shape

    @property
    def searches(self) -> int:
        """How many searches that takes."""
        return self.folds * self.repeats


@dataclass(frozen=True, slots=True, kw_only=True)
class Nested:
    """What every search's winner was worth on the rows that its search never saw."""

    metric: str
    folds: int
    repeats: int
    scores: tuple[float, ...]
    winners: tuple[str, ...]
    ratio: float
    """Rows judged on for each row learned from."""

    @property
    def mean(self) -> float:
        """The mean score."""
        return statistics.fmean(self.scores)

    @property
    def interval(self) -> tuple[float, float] | None:
        """Of the mean, 95 %, by the corrected resampled t-test; None for one score."""
        count = len(self.scores)
        if count < 2:
            return None
        error = math.sqrt((1 / count + self.ratio) * statistics.variance(self.scores))
        reach = float(student.ppf((1 + LEVEL) / 2, count - 1)) * error
        return self.mean - reach, self.mean + reach

    @property
    def sentence(self) -> str:
        """The outcome in one line."""
        how = f"{self.folds} folds" + (f", {self.repeats} times" if self.repeats > 1 else "")
        sure = "" if self.interval is None else " (95 %: {:.4g} to {:.4g})".format(*self.interval)
        return (
            f"Nested evaluation ({how}): {self.metric} {self.mean:.4g}{sure} for the whole "
            f"procedure, over {len(self.scores)} searches."
        )

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain data."""
        return {
            "metric": self.metric,
            "folds": self.folds,
            "repeats": self.repeats,
            "mean": self.mean,
            "interval": self.interval,
            "scores": list(self.scores),
            "winners": list(self.winners),
        }


def check(dataset: Dataset, goal: Goal) -> None:
    """See that there is something to deal anew.

    Raises:
        BadSetting: There are no labels, or a column says how to split.
    """
    if dataset.target is None:
        raise BadSetting("--nested", "a run without a target", "There is nothing to judge by.")
    if goal.split is not None:
        raise BadSetting(
            "--nested", f"with --split {goal.split}", "The column says already what is held out."
        )


def evaluate(
    dataset: Dataset,
    goal: Goal,
    budget: Budget,
    shape: Shape,
    *,
    engine: str = "processes",
    doing: Callable[[str], None] = lambda _: None,
) -> Nested:
    """Run the whole search once for each fold, and judge each winner on its fold.

    Raises:
        BadSetting: There are no labels, or a column says how to split.
        AllTrialsFailed: A search found nothing.
    """
    check(dataset, goal)
    frame = dataset.frame[dataset.frame[dataset.target].notna()].reset_index(drop=True)
    whole = replace(dataset, frame=frame)
    by = {kind: frame[name] for kind, name in goal.split_by.items()}
    folds = splits.folds(
        frame[dataset.target], task=dataset.task, n=shape.folds, seed=goal.seed,
        repeats=1 if goal.time else shape.repeats, groups=by.get("group"), time=by.get("time"),
    )  # fmt: skip
    scores, winners, metric = [], [], ""
    for number, apart in enumerate(folds, start=1):
        doing(f"nested evaluation, search {number} of {len(folds)}")
        found = Prepared(whole, goal, (), apart).find_best(budget, engine=engine)
        scores.append(found.score)
        winners.append(found.trial.algorithm_key)
        metric = found.metric.key
    return Nested(
        metric=metric, folds=shape.folds, repeats=1 if goal.time else shape.repeats,
        scores=tuple(scores), winners=tuple(winners), ratio=ratio_of(folds),
    )  # fmt: skip
