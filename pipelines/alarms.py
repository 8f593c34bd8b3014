"""From a detector to an alarm: what training rows score, where to cut, how far to believe it.

The reference says how strange rows look that a detector did not learn from: the out-of-fold
scores of a labelled search, or scores from fitting once more in parts. What a detector says of the
rows it learned from makes new rows look rarer than they are (``benchmarks/false_discoveries.py``).
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import numpy as np
from scipy.optimize import minimize
from scipy.special import expit
from scipy.stats import spearmanr
from threadpoolctl import threadpool_limits

from pipelines.adapters import build
from pipelines.adapters.alarms import Alarm
from pipelines.errors import BadSetting
from pipelines.task import Task

if TYPE_CHECKING:
    from pipelines.adapters import Model
    from pipelines.anomaly.thresholds import Cut
    from pipelines.dataset import Dataset
    from pipelines.trial import Work
    from pipelines.winner import Chosen

Array: TypeAlias = np.ndarray[Any, Any]

PARTS = 5
MOST_REFERENCE = 20_000
FEWEST_TO_CALIBRATE = 10
FEWEST_TO_CUT = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """What can be seen without labels. None of it says how good the scores are."""

    cut: str
    share: float
    """Of the training rows, how many are beyond the threshold."""
    agreement: float | None
    """Rank correlation with the mean rank of the other detectors."""
    stability: float | None
    """Rank correlation of the scores with those of a fit on other parts of the rows."""
    separation: float
    """Of the scores' variance, the share that lies between both sides of the threshold."""

    def told(self) -> str:
        """Return it in one sentence."""
        parts = [f"Cut at {self.cut}", f"{self.share:.2%} of the training rows lie beyond"]
        named = {"agreement": self.agreement, "stability": self.stability}
        parts += [f"{name} {value:.2f}" for name, value in named.items() if value is not None]
        parts.append(f"separation {self.separation:.2f}")
        return f"{'; '.join(parts)}: diagnostics, not qualities."


UNLABELLED = "unlabelled"


def completed(dataset: Dataset) -> tuple[Dataset, bool]:
    """Return a table whose rows without a label count as usual, and whether there were any.

    What is maximised then is how well labelled anomalies are told from all other rows.

    Raises:
        BadSetting: Labels have one value only, or more than two; the sentence says which.
    """
    labels = dataset.labels
    if labels is None or dataset.task is not Task.ANOMALY:
        return dataset, False
    values = labels.dropna().unique().tolist()
    partial = bool(labels.isna().any())
    option = f"the labels in {dataset.target!r}"
    if len(values) > 2:
        wanted = "Anomalies are labelled with two values, such as 0 and 1."
        raise BadSetting(option, f"one of {len(values)} values", wanted)
    strange = [value for value in values if value in (1, True) or isinstance(value, str)]
    if not values or (len(values) == 1 and not (partial and strange)):
        said = "all missing" if not values else f"all {values[0]}"
        raise BadSetting(option, said, "Label at least one anomaly with 1 and leave other rows "
                         "empty or 0; or leave --labels out.")  # fmt: skip
    if not partial:
        return dataset, False
    usual = labels.value_counts().index[0] if len(values) == 2 else UNLABELLED
    if set(values) <= {0, 1}:
        usual = 0
    filled = labels.astype(object).where(labels.notna(), usual)
    whole = set(filled) <= {0, 1}
    filled = filled.astype("int64") if whole else filled.astype("str")
    frame = dataset.frame.assign(**{str(dataset.target): filled})
    return replace(dataset, frame=frame), True


def arm(chosen: Chosen, work: Work, cut: Cut, *, partial: bool) -> Diagnosis:
    """Put an alarm around the chosen detector; return what can be seen of it.

    Chances are learned only where every row has a label (not ``partial``).
    """
    model = chosen.model
    found, again = _reference(chosen, work, chosen.trial.seed)
    known = None if work.labels is None else work.truth(np.arange(len(work.features)))
    usable = np.isfinite(found)
    learned = _learned(chosen, work)
    scores = found[usable] if learned is None else learned
    threshold, told = cut.threshold(scores)
    reference, sigmoid = found[usable], None
    if known is not None and len(found) == len(known):
        reference = found[usable & (known == 0)]
        if not partial:
            sigmoid = _sigmoid(reference, found[usable], known[usable])
        if cut.auto and known[usable].sum() >= FEWEST_TO_CUT:
            threshold, told = _best_cut(found[usable], known[usable], partial=partial)
    if len(reference) > MOST_REFERENCE:
        reference = np.random.default_rng(0).permutation(reference)[:MOST_REFERENCE]
    chosen.model = cast("Model", Alarm(model, reference, threshold, sigmoid))
    beyond = scores > threshold
    return Diagnosis(
        cut=told,
        share=float(beyond.mean()),
        agreement=None if work.labels is not None else chosen.outcome.score,
        stability=_stability(found, again),
        separation=_between(scores, beyond),
    )


def _reference(chosen: Chosen, work: Work, seed: int) -> tuple[Array, Array | None]:
    """Return scores of rows not learned from, and of the same rows from the fit on all."""
    answer = chosen.outcome.out_of_fold
    if work.labels is not None and answer is not None:
        return answer.astype(float), None
    places = np.random.default_rng(seed).permutation(len(work.features))[:MOST_REFERENCE]
    scores = np.full(len(places), np.nan)
    row, params = work.rows[chosen.trial.algorithm_key], dict(chosen.trial.params)
    for part in np.array_split(np.arange(len(places)), PARTS):
        rest = np.setdiff1d(np.arange(len(places)), part)
        model = build(row, params, seed, plan=work.plan, task=work.task)
        with threadpool_limits(1):
            model.fit(work.features.iloc[places[rest]])
            scores[part] = model.score(work.features.iloc[places[part]])
    return scores, chosen.model.score(work.features.iloc[places])


def _learned(chosen: Chosen, work: Work) -> Array | None:
    """Return a detector's own record of the rows it learned from: a share of them is cut there."""
    detector = getattr(getattr(chosen.model, "guard", None), "detector", None)
    own = getattr(detector, "reference_", None)
    return None if own is None or work.labels is not None else np.asarray(own)


def _stability(found: Array, again: Array | None) -> float | None:
    if again is None or len(found) != len(again) or np.ptp(found) == 0 or np.ptp(again) == 0:
        return None
    return float(spearmanr(found, again).statistic)


def _between(scores: Array, beyond: Array) -> float:
    if not beyond.any() or beyond.all() or scores.var() == 0:
        return 0.0
    share = beyond.mean()
    gap = scores[beyond].mean() - scores[~beyond].mean()
    return float(share * (1 - share) * gap**2 / scores.var())


def _best_cut(scores: Array, known: Array, *, partial: bool) -> tuple[float, str]:
    """Return the threshold with the highest F1 on out-of-fold scores.

    Where only some anomalies are labelled, recall can be told and precision cannot, for other rows
    may be anomalies too. Then it is the highest squared recall for the share of rows beyond:
    precision times recall, but for a constant.
    """
    order = np.argsort(-scores, kind="stable")
    hits, rows = np.cumsum(known[order]), np.arange(1, len(order) + 1)
    worth = hits**2 / rows if partial else 2 * hits / (rows + known.sum())
    place = int(np.argmax(worth))
    low = scores[order[place + 1]] if place + 1 < len(order) else scores[order[place]] - 1
    told = "the highest F1 on labelled training rows"
    if partial:
        told = "the best trade of labelled anomalies found for rows called"
    return float((scores[order[place]] + low) / 2), told


def _sigmoid(reference: Array, scores: Array, known: Array) -> list[float] | None:
    """Learn chances from labels (Platt): a sigmoid of minus the log p-value, softly."""
    from pipelines.anomaly.thresholds import p_values

    ones = int(known.sum())
    if min(ones, len(known) - ones) < FEWEST_TO_CALIBRATE:
        return None
    place = -np.log(p_values(reference, scores))
    high, low = (ones + 1) / (ones + 2), 1 / (len(known) - ones + 2)
    wanted = np.where(known == 1, high, low)

    def loss(numbers: Array) -> float:
        chance = np.clip(expit(numbers[0] * place + numbers[1]), 1e-12, 1 - 1e-12)
        return float(-(wanted * np.log(chance) + (1 - wanted) * np.log(1 - chance)).mean())

    found = minimize(loss, np.array([1.0, -3.0]), method="Nelder-Mead").x
    return [float(max(found[0], 0.0)), float(found[1])]
