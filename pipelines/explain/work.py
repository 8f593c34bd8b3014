"""What the sections share: rows, answers, losses and the attributions they were given."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

from pipelines import formulas
from pipelines.errors import BadSetting, UnfaithfulExplanation
from pipelines.explain import mixtures, router
from pipelines.explain.exact import Exact
from pipelines.explain.links import on_scale
from pipelines.explain.question import Clock, OutOfTime, Question
from pipelines.explain.sampling import FEWEST_PAIRS, Effort, affordable, draw
from pipelines.task import Task

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipelines.explain.attribution import Attribution
    from pipelines.explain.question import Matrix

MOST_EXACT_ROWS = 100_000
MOST_CONTRIBUTIONS = 6_000_000
"""Rows x columns x outputs that a report holds at a time: 48 MB each time they are copied."""
MOST_BACKGROUND_ROWS = 1_000
MOST_OF_A_KIND = 20
MOST_QUESTIONS = 400_000
"""Answers of the model that an exact method may take: one a row, or one a cell."""
SAMPLED_ROWS = 200
MOST_PAIRS = 24
SMALLEST_LIKELIHOOD = 1e-7


@dataclass(frozen=True)
class Work:
    """One report in the making."""

    question: Question
    frame: pd.DataFrame
    names: tuple[str, ...]
    background: pd.DataFrame
    labels: pd.Series | None
    answers: Matrix
    losses: np.ndarray | None
    loss: str
    clock: Clock
    seed: int
    attribution: Attribution | None = None
    explained: np.ndarray = field(default_factory=lambda: np.empty(0, int))
    drawn: np.ndarray = field(default_factory=lambda: np.empty(0, int))
    """Those of the explained rows that were drawn at random: they stand for all rows."""
    refused: tuple[str, ...] = ()
    exact: Exact | mixtures.Mixture | None = None
    """The exact method that proved itself on these rows."""

    @property
    def columns(self) -> tuple[str, ...]:
        """The raw columns the model looks at."""
        return tuple(map(str, self.frame.columns))

    @property
    def judged(self) -> np.ndarray:
        """Positions of the rows whose loss is known."""
        if self.losses is None:
            return np.empty(0, int)
        return np.flatnonzero(np.isfinite(self.losses))

    def shap_of(self, positions: np.ndarray) -> Attribution:
        """Return the attributions of rows that were explained."""
        if self.attribution is None:
            raise OutOfTime
        place = {position: index for index, position in enumerate(self.explained.tolist())}
        return self.attribution.rows(np.array([place[p] for p in positions.tolist()], dtype=int))

    def on_scale(self, answers: Matrix) -> Matrix:
        """Return answers on the scale on which the contributions add up."""
        if self.attribution is None:
            return answers
        return on_scale(self.attribution.link, answers, self.attribution.shift)


def begin(
    question: Question,
    data: pd.DataFrame,
    labels: pd.Series | None,
    background: pd.DataFrame,
    clock: Clock,
    seed: int,
) -> Work:
    """Conform the rows, ask the model about them, and judge its answers."""
    frame = question.conform(data)
    rng = np.random.default_rng(seed)
    reference = question.conform(background)
    if len(reference) > MOST_BACKGROUND_ROWS:
        kept = np.sort(rng.choice(len(reference), MOST_BACKGROUND_ROWS, replace=False))
        reference = reference.iloc[kept].reset_index(drop=True)
    answers = question.ask(frame)
    known = None if labels is None else pd.Series(labels).reset_index(drop=True)
    if known is not None and len(known) != len(frame):
        raise BadSetting(
            "labels", f"{len(known)} values", f"There are {len(frame)} rows to explain."
        )
    losses, loss = judge(question, frame, answers, known)
    names = tuple(map(str, data.index))
    return Work(question, frame, names, reference, known, answers, losses, loss, clock, seed)


def judge(
    question: Question, frame: pd.DataFrame, answers: Matrix, labels: pd.Series | None
) -> tuple[np.ndarray | None, str]:
    """Return how wrong each answer is, NaN without a label, and what that is called."""
    if labels is None:
        return None, ""
    missing = labels.isna().to_numpy()
    if question.task is Task.REGRESSION:
        losses = np.abs(labels.to_numpy(dtype=float, na_value=np.nan) - answers[:, 0])
        return losses, "absolute error"
    if question.task is Task.ANOMALY:
        flags = np.array([said == "anomaly" for said in question.predictions(frame)])
        truth = labels.astype(str).str.lower().isin(["1", "1.0", "true", "anomaly", "yes"])
        return np.where(missing, np.nan, flags != truth.to_numpy()), "wrong flag"
    chance = answers if answers.shape[1] > 1 else np.hstack([1 - answers, answers])
    codes = {spelled(label): code for code, label in enumerate(question.predictor.classes)}
    place = np.array([codes.get(spelled(label), -1) for label in labels])
    given = np.where(place >= 0, chance[np.arange(len(chance)), place], 0.0)
    losses = -np.log(np.clip(given, SMALLEST_LIKELIHOOD, 1.0))
    return np.where(missing, np.nan, losses), "log loss"


def calibration_error(work: Work) -> float | None:
    """Return how far confidence is from accuracy; None without known classes to compare with."""
    if work.question.task is not Task.CLASSIFICATION or work.labels is None:
        return None
    chance = work.answers
    chance = chance if chance.shape[1] > 1 else np.hstack([1 - chance, chance])
    codes = {spelled(label): code for code, label in enumerate(work.question.predictor.classes)}
    truth = np.array([codes.get(spelled(label), -1) for label in work.labels])
    known = truth >= 0
    return formulas.calibration_error(truth[known], chance[known]) if known.any() else None


def choose(work: Work, asked: Sequence[int]) -> dict[int, tuple[str, ...]]:
    """Return the rows for the local section, each with the reasons it was chosen.

    Raises:
        BadSetting: a row was asked for that is not there.
    """
    many = len(work.frame)
    for row in asked:
        if not 0 <= row < many:
            raise BadSetting("rows", row, f"The data has rows 0 to {many - 1}.")
    rng = np.random.default_rng(work.seed)
    first = work.answers[:, 0]
    groups: list[tuple[str, np.ndarray]] = [("asked for", np.array(asked, dtype=int))]
    if work.losses is not None and work.loss != "wrong flag":
        judged = work.judged
        worst = judged[np.argsort(-work.losses[judged], kind="stable")]
        groups.append(("worst error", worst[:MOST_OF_A_KIND]))
    if work.question.task is Task.CLASSIFICATION:
        sure = work.answers.max(axis=1) if work.answers.shape[1] > 1 else np.abs(first - 0.5)
        groups.append(("most confident", np.argsort(-sure, kind="stable")[:MOST_OF_A_KIND]))
    elif work.question.task is Task.ANOMALY:
        groups.append(("strangest", np.argsort(-first, kind="stable")[:MOST_OF_A_KIND]))
    else:
        far = np.argsort(-np.abs(first - np.median(first)), kind="stable")
        groups.append(("most extreme answer", far[:MOST_OF_A_KIND]))
    groups.append(("random", rng.permutation(many)[:MOST_OF_A_KIND]))
    reasons: dict[int, tuple[str, ...]] = {}
    for reason, rows in groups:
        for row in rows.tolist():
            reasons[row] = (*reasons.get(row, ()), reason)
    return reasons


def attribute(work: Work, chosen: np.ndarray) -> Work:
    """Explain the chosen rows and as many others as the method and the budget allow."""
    many = len(work.frame)
    rng = np.random.default_rng(work.seed + 1)
    exact, refused = router.exact(work.question, work.background, work.frame)
    if exact is not None:
        room = MOST_CONTRIBUTIONS // max(1, len(work.columns) * work.answers.shape[1])
        room = min(MOST_EXACT_ROWS, room, MOST_QUESTIONS // exact.questions_per_row)
        some = rng.permutation(many)[: max(1_000, room)]
        rows = np.union1d(some, chosen)
        try:
            found = exact(work.frame.iloc[rows], work.answers[rows])
        except UnfaithfulExplanation as error:
            refused = (*refused, str(error))
        else:
            return replace(
                work, attribution=found, explained=rows, drawn=some, refused=refused, exact=exact
            )
    return replace(_sample(work, chosen, rng), refused=refused)


def _sample(work: Work, chosen: np.ndarray, rng: np.random.Generator) -> Work:
    """Spend at most a third of what is left of the budget on sampled attributions."""
    speed = affordable(work.question, work.frame, work.background, work.clock)
    clock = Clock(work.clock.left / 3, now=work.clock.now)
    calls = clock.budget * speed / (2 * (len(work.columns) + 1))
    others = rng.permutation(len(work.frame))[:SAMPLED_ROWS]
    options = [(np.union1d(others, chosen), others)]
    options += [(chosen[:few], chosen[:few]) for few in (len(chosen), 20, 5)]
    for rows, drawn in options:
        pairs = int(min(MOST_PAIRS, calls / len(rows)))
        if pairs >= min(FEWEST_PAIRS, len(work.background)):
            part, effort = work.frame.iloc[rows], Effort(pairs, work.seed, clock)
            found = draw(work.question, part, work.background, effort, router.known_parts)
            return replace(work, attribution=found, explained=rows, drawn=drawn)
    return work


def spelled(label: object) -> str:
    """Return a label as text that does not depend on its dtype.

    >>> spelled(1.0), spelled(True), spelled("a")
    ('1', 'True', 'a')
    """
    whole = isinstance(label, float) and label.is_integer()
    return str(int(label)) if whole else str(label)  # type: ignore[call-overload]
