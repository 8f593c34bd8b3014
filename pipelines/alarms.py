"""From a detector to an alarm: what training rows score, where to cut, how far to believe it.

What p-values compare with is in ``pipelines.references``.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any, TypeAlias, cast

import numpy as np
import pandas as pd
from scipy.optimize import minimize
from scipy.special import expit
from scipy.stats import spearmanr

from pipelines import references
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

MOST_TO_CUT = 100_000
"""Of a larger table so many rows say where its strangest few lie."""
FEWEST_TO_CALIBRATE = 10
FEWEST_TO_CUT = 3


@dataclass(frozen=True, slots=True, kw_only=True)
class Diagnosis:
    """What can be seen without labels. None of it says how good the scores are."""

    cut: str
    share: float
    """Of the rows that say where to cut, how many are beyond the threshold."""
    reference: str
    """What p-values compare with."""
    agreement: float | None
    """Rank correlation with the mean rank of the other detectors."""
    stability: float | None
    """Rank correlation of the scores with those of a fit on other parts of the rows."""
    separation: float
    """Of the scores' variance, the share that lies between both sides of the threshold."""

    def told(self) -> str:
        """Return it in one sentence."""
        parts = [f"Cut at {self.cut}", f"{self.share:.2%} of the rows lie beyond"]
        named = {"agreement": self.agreement, "stability": self.stability}
        parts += [f"{name} {value:.2f}" for name, value in named.items() if value is not None]
        parts.append(f"separation {self.separation:.2f}")
        return f"{'; '.join(parts)}: diagnostics, not qualities. {self.reference.capitalize()}."


@dataclass(frozen=True, slots=True)
class Held:
    """The rows a run keeps apart."""

    features: pd.DataFrame
    truth: Array | None = None
    """1 for an anomaly; None without labels."""


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


def arm(chosen: Chosen, work: Work, cut: Cut, held: Held, *, partial: bool) -> Diagnosis:
    """Put an alarm around the chosen detector; return what can be seen of it.

    Chances are learned only where every row has a label (not ``partial``).
    """
    known, found, sigmoid = None, np.empty(0), None
    if work.labels is None:
        reference = references.of_unlabelled(chosen, work, held.features)
    else:
        known, found = _out_of_fold(chosen, work)
        usual = held.features if held.truth is None else held.features[held.truth == 0]
        reference = references.of_labelled(found, known == 0, chosen.model.score(usual))
        if not partial:
            sigmoid = _sigmoid(reference.scores, found, known)
    scores = _to_cut(chosen, work, held, cut, found if len(found) else reference.all_scores)
    if known is not None and cut.auto and known.sum() >= FEWEST_TO_CUT:
        threshold, told = best_cut(found, known, partial=partial)
    else:
        threshold, told = cut.threshold(scores, of=len(work.features) + len(held.features))
    chosen.model = cast(
        "Model", Alarm(chosen.model, reference.scores, threshold, sigmoid, parts=reference.parts)
    )
    beyond = scores > threshold
    return Diagnosis(
        cut=told,
        share=float(beyond.mean()),
        reference=reference.told,
        agreement=None if work.labels is not None else chosen.outcome.score,
        stability=_stability(reference.stability),
        separation=_between(scores, beyond),
    )


def _out_of_fold(chosen: Chosen, work: Work) -> tuple[Array, Array]:
    """Return the labels and scores of the rows that a fold held out; none where none was tried."""
    answer = chosen.outcome.out_of_fold
    if answer is None:
        return np.empty(0), np.empty(0)
    usable = np.isfinite(answer)
    return work.truth(np.flatnonzero(usable)), answer[usable].astype(float)


def _to_cut(chosen: Chosen, work: Work, held: Held, cut: Cut, found: Array) -> Array:
    """Return the scores that say where to cut.

    So many of this very table: what the model says of the table. A share or an estimate: what a
    detector noted of the rows it learned from, or scores by fits that did not see the row.
    """
    if cut.most is not None:
        whole = pd.concat([work.features, held.features])
        if len(whole) > MOST_TO_CUT:
            whole = whole.sample(MOST_TO_CUT, random_state=0)
        return chosen.model.score(whole)
    detector = getattr(getattr(chosen.model, "guard", None), "detector", None)
    own = getattr(detector, "reference_", None)
    if own is not None and work.labels is None:
        return np.asarray(own)
    return found


def _stability(pair: tuple[Array, Array] | None) -> float | None:
    if pair is None or min(np.ptp(scores) for scores in pair) == 0:
        return None
    return float(spearmanr(*pair).statistic)


def _between(scores: Array, beyond: Array) -> float:
    if not beyond.any() or beyond.all() or scores.var() == 0:
        return 0.0
    share = beyond.mean()
    gap = scores[beyond].mean() - scores[~beyond].mean()
    return float(share * (1 - share) * gap**2 / scores.var())


def best_cut(scores: Array, known: Array, *, partial: bool) -> tuple[float, str]:
    """Return the threshold with the highest F1 on out-of-fold scores.

    Where only some anomalies are labelled, recall can be told and precision cannot, for other rows
    may be anomalies too. Then it is the highest squared recall for the share of rows beyond
    (precision times recall, but for a constant) that finds half of them or more: two labelled rows
    that happen to come first would call nothing but themselves.
    """
    order = np.argsort(-scores, kind="stable")
    hits, rows = np.cumsum(known[order]), np.arange(1, len(order) + 1)
    worth = hits**2 / rows if partial else 2 * hits / (rows + known.sum())
    if partial:
        worth = np.where(2 * hits >= known.sum(), worth, 0.0)
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
