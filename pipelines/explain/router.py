"""Which method explains a model: the fastest exact one that passes its own check.

An exact method must prove itself on the model's own answers: base value and contributions have to
equal the answer, on one of the scales the method knows, for every explained row. One that fails
is refused, told in the report, and the next is tried; permutation SHAP, which adds up by
construction, is always left.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd

from pipelines.errors import UnfaithfulExplanation
from pipelines.explain import additive, mixtures
from pipelines.explain.attribution import spread
from pipelines.explain.exact import Exact, prepared
from pipelines.explain.links import LINKS, TOLERANCE, centred, worst_gap
from pipelines.explain.mixtures import Member, Mixture
from pipelines.explain.question import Mixer, Question
from pipelines.explain.stacks import StackedMembers, scale_of, stack_of

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pipelines.explain.links import Link

PROBE = 64
ADDED_PROBE = 16
"""Rows that show whether a model only adds up: each takes an answer for each column."""


class NotExact(Exception):
    """A method that does not apply to a model; the text says why."""


def separable(question: Question, probe: pd.DataFrame, player: np.ndarray) -> bool:
    """Say whether a row mixed before preparing equals the rows mixed after it.

    Only then do features belong to raw columns; a rotation or a filling from others would not.
    """
    rng = np.random.default_rng(0)
    other = rng.permutation(len(probe))
    taken = rng.random(probe.shape) < 0.5
    own = np.arange(len(probe))[:, None]
    mixed = prepared(question, Mixer(probe).rows(np.where(taken, own, other[:, None])))
    cells = prepared(question, probe)
    return np.allclose(mixed, np.where(taken[:, player], cells, cells[other]), equal_nan=True)


def exact(
    question: Question, background: pd.DataFrame, frame: pd.DataFrame
) -> tuple[Exact | Mixture | None, tuple[str, ...]]:
    """Return the exact method for a model, or None; and the reasons of those that do not apply."""
    refused: list[str] = []
    probe = pd.concat([frame.iloc[:PROBE], background.iloc[:PROBE]], ignore_index=True)
    model = question.predictor.model
    bent, alone = bool(mixtures.members(model)), mixtures.is_one(model)
    for name, prepare in (METHODS if alone else {"ensemble": _mixture}).items():
        try:
            return prepare(question, background, probe), tuple(refused)
        except NotExact as why:
            refused.append(f"{name}: {why}")
        except UnfaithfulExplanation as error:
            refused.append(str(error))
    if alone and bent:
        refused.insert(0, "ensemble: it bends what the model inside says")
    return None, tuple(refused)


def unwrapped(estimator: Any) -> tuple[Any, float]:
    """Return what a wrapper holds, and what it multiplies the sums inside by.

    PyOD's detectors pass on to scikit-learn's; a standardised target is scaled back; one sigmoid
    calibration of a binary classifier makes log-odds of scores.
    """
    if type(estimator).__module__.startswith("pyod."):
        return getattr(estimator, "detector_", estimator), 1.0
    scaler = getattr(estimator, "transformer_", None)
    if scaler is not None and hasattr(scaler, "scale_"):
        return estimator.regressor_, float(np.ravel(scaler.scale_)[0])
    calibrated: Sequence[Any] = getattr(estimator, "calibrated_classifiers_", [])
    if len(calibrated) == 1 and len(calibrated[0].calibrators) == 1:
        sigmoid = calibrated[0].calibrators[0]
        if hasattr(sigmoid, "a_"):
            return calibrated[0].estimator, -float(sigmoid.a_)
    return estimator, 1.0


def _estimator(question: Question) -> tuple[Any, np.ndarray]:
    """Return the estimator inside, and the raw column behind each of its features."""
    model = question.predictor.model
    steps = getattr(getattr(model, "pipeline", None), "named_steps", {})
    behind = getattr(steps.get("prepare"), "raw_columns_", None)
    if "model" not in steps or behind is None:
        raise NotExact("the model is no pipeline that tells its raw columns")
    looked_at = getattr(model, "varying", None)
    names = np.asarray(behind, dtype=object)
    estimator, _ = unwrapped(steps["model"])
    return estimator, names if looked_at is None else names[np.asarray(looked_at, dtype=bool)]


def _players(question: Question, probe: pd.DataFrame) -> tuple[Any, np.ndarray]:
    """Return the estimator and the number of the raw column behind each feature.

    Raises:
        NotExact: features do not belong to raw columns.
    """
    estimator, behind = _estimator(question)
    place = {str(name): index for index, name in enumerate(probe.columns)}
    if any(str(name) not in place for name in behind):
        raise NotExact("its preparation mixes columns")
    player = np.array([place[str(name)] for name in behind], dtype=np.int64)
    if not separable(question, probe, player):
        raise NotExact("its preparation mixes columns")
    return estimator, player


def _trees(question: Question, background: pd.DataFrame, probe: pd.DataFrame) -> Exact:
    from pipelines.explain.forests import CannotRead
    from pipelines.explain.trees import METHOD, TreeExplainer

    estimator, player = _players(question, probe)
    try:
        explainer = TreeExplainer.of(
            estimator, player, background.shape[1], prepared(question, background)
        )
    except CannotRead as why:
        raise NotExact(str(why)) from why
    return _settle(question, probe, explainer, METHOD, explainer.forest.links)


def _linear(question: Question, background: pd.DataFrame, probe: pd.DataFrame) -> Exact:
    from pipelines.explain.linear import LINKS_TRIED, METHOD, CannotRead, LinearExplainer

    estimator, player = _players(question, probe)
    try:
        explainer = LinearExplainer.of(
            estimator, player, background.shape[1], prepared(question, background)
        )
    except CannotRead as why:
        raise NotExact(str(why)) from why
    return _settle(question, probe, explainer, METHOD, LINKS_TRIED)


def _settle(
    question: Question,
    probe: pd.DataFrame,
    explainer: Any,
    method: str,
    links: Sequence[str],
) -> Exact:
    """Find the scale on which contributions and answers differ by one constant.

    Raises:
        NotExact: there is none.
    """
    answers = question.ask(probe)
    values, base = explainer.contributions(prepared(question, probe))
    _, factor = unwrapped(question.predictor.model.pipeline.named_steps["model"])
    values, base = values * factor, base * factor
    if values.shape[2] != answers.shape[1]:
        raise NotExact("it has other outputs than the model")
    forest = getattr(explainer, "forest", None)
    single = bool(getattr(forest, "single", False))
    for shift in {0.0, float(getattr(forest, "shift", 0.0))}:
        for link in _candidates(links, values.shape[2]):
            parts, start = (centred(values), centred(base)) if link.centred else (values, base)
            sums = start + parts.sum(axis=1)
            linked = link.apply(answers - shift)
            known = np.where(np.isfinite(linked), linked, np.nan)
            if np.isnan(known).all(axis=0).any():
                continue
            offset = np.nanmedian(known - sums, axis=0)
            if worst_gap(link, sums + offset, answers - shift, single=single) <= TOLERANCE:
                return Exact(question, explainer, method, link, offset, single, factor, shift)
    raise NotExact("its sums are not the model's answers, on no scale that is known")


def _candidates(names: Sequence[str], outputs: int) -> list[Link]:
    return [LINKS[name] for name in names if not LINKS[name].centred or outputs > 1]


def _additive(question: Question, background: pd.DataFrame, probe: pd.DataFrame) -> Exact:
    """Ask whether the model only adds up over raw columns, on some scale.

    Raises:
        NotExact: it does not.
    """
    few = probe.iloc[:: max(1, len(probe) // ADDED_PROBE)]
    answers = question.ask(few)
    reference = int(spread(question.ask(background)[:, 0], 1)[0])
    for link in _candidates(additive.LINKS_TRIED, answers.shape[1]):
        explainer = additive.AdditiveExplainer(question, link, background, reference)
        with np.errstate(invalid="ignore"):  # logs of nothing
            sums = explainer.start + explainer.moves(few).sum(axis=1)
        if np.isfinite(sums).all() and worst_gap(link, sums, answers) <= TOLERANCE:
            offset = np.zeros(answers.shape[1])
            return Exact(
                question, explainer, additive.METHOD, link, offset, single=False,
                prepares=False, questions_per_row=probe.shape[1] + 1,
            )  # fmt: skip
    raise NotExact("its answers are more than a sum over columns")


def _mixture(question: Question, background: pd.DataFrame, probe: pd.DataFrame) -> Mixture:
    """Explain a weighted mean, or a stack, by its members.

    Raises:
        NotExact: it is neither, or a member adds up on another scale than the whole.
    """
    model = question.predictor.model
    stack = stack_of(model)
    if stack is None and not mixtures.averages(model):
        raise NotExact("it bends the mean of its members")
    scale = "identity" if stack is None else scale_of(stack)
    parts = []
    for weight, member in mixtures.members(model):
        found, refused = exact(Question(Member(member)), background, probe)
        if found is None:
            raise NotExact(f"its member {member.algorithm} has no exact method ({refused[-1]})")
        if not isinstance(found, Exact) or found.link.name != scale or found.shift:
            raise NotExact(f"its member {member.algorithm} adds up in {found.link.words}")
        if tuple(member.classes) != tuple(model.classes):
            raise NotExact(f"its member {member.algorithm} knows fewer classes")
        parts.append((weight, found))
    if stack is None:
        return Mixture(tuple(parts), question)
    return StackedMembers(tuple(parts), question, stack=stack)


def known_parts(question: Question, background: pd.DataFrame, frame: pd.DataFrame) -> list[Exact]:
    """Return the members of a model that have an exact method, each on its own scale."""
    found = []
    for _, member in mixtures.members(question.predictor.model):
        method, _ = exact(Question(Member(member)), background, frame)
        if isinstance(method, Exact):
            found.append(method)
    return found


METHODS: dict[str, Callable[[Question, pd.DataFrame, pd.DataFrame], Exact]] = {
    "linear": _linear,
    "trees": _trees,
    "additive": _additive,
}
