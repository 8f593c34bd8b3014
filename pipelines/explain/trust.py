"""The section about the explanation itself: does it add up, is it stable, do two methods agree."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipelines.explain import router
from pipelines.explain.facts import Check, Removal, Status, Trust
from pipelines.explain.question import Mixer
from pipelines.explain.surrogates import agreement_of, of_all

if TYPE_CHECKING:
    from pipelines.explain.surrogates import Surrogate
    from pipelines.explain.work import Work

ACCURACY = 1e-6
STABLE = 0.2
STABLE_ROWS = 50
STABLE_DRAWS = 3
REMOVAL_ROWS = 100
CHANCE_ORDERS = 4
LEAST_AGREEMENT = 0.3


def section(work: Work, lime: Surrogate | None) -> Trust:
    """Return the checks, LIME's against SHAP among them where there is one."""
    if work.attribution is None:
        return Trust(status=Status.skipped("there are no attributions to check"))
    checks = [_accuracy(work)]
    if lime is not None:
        checks += _agreement(work, lime)
    checks += _noise(work)
    checks += _stability(work)
    removals: tuple[Removal, ...] = ()
    if work.clock.left > 1:
        removals = removal(work)
        checks += [_removal_check(one) for one in removals]
    return Trust(
        status=Status.sampled(len(work.explained), None, "checks on the explained rows"),
        checks=tuple(checks),
        removals=removals,
    )


def _accuracy(work: Work) -> Check:
    worst = worst_gap(work)
    return Check(
        name="Local accuracy",
        value=worst,
        reference=ACCURACY,
        fine=worst <= ACCURACY,
        words="Base value plus contributions equal the model's answer: the largest difference, "
        "relative to the spread of the answers.",
    )


def worst_gap(work: Work) -> float:
    """Return how far contributions are from adding up to the answers, over their spread."""
    found = work.attribution
    if found is None or found.link != "identity":
        return 0.0 if found is None else float(found.gap)
    answers = work.answers[work.explained]
    scale = max(float(np.ptp(work.answers)), float(np.abs(found.base).max()), 1e-12)
    return float(np.abs(found.answers - answers).max() / scale)


def _agreement(work: Work, lime: Surrogate) -> list[Check]:
    """Compare SHAP with LIME, relative to how well LIME agrees with itself."""
    both = np.isin(lime.positions, work.explained)
    if not both.any():
        return []
    shap = work.shap_of(lime.positions[both]).values
    ceiling = of_all(agreement_of(lime.first[both], lime.second[both]))
    agreement = agreement_of(shap, lime.values[both])
    relative = agreement / ceiling if ceiling > 0 else 0.0
    return [
        Check(
            name="LIME with itself",
            value=ceiling,
            reference=0.9,
            fine=ceiling >= 0.9,
            words="Rank correlation of LIME's sizes with another seed's, told from two halves of "
            "the made-up rows: the next line's ceiling.",
        ),
        Check(
            name="SHAP with LIME",
            value=relative,
            reference=LEAST_AGREEMENT,
            fine=relative >= LEAST_AGREEMENT,
            words=f"Rank correlation {agreement:.2f} of sizes, relative to that ceiling. "
            "They ask different questions, so 1 is not expected; a low value asks for a look.",
        ),
    ]


def _noise(work: Work) -> list[Check]:
    found = work.attribution
    if found is None or found.error is None:
        return []
    size = float(np.abs(found.values).mean()) or 1.0
    noise = float(found.error.mean()) / size
    return [
        Check(
            name="Sampling noise",
            value=noise,
            reference=0.5,
            fine=noise <= 0.5,
            words="Mean standard error of a contribution over its mean size.",
        )
    ]


def _stability(work: Work) -> list[Check]:
    """Draw the background anew and see how far the contributions of some rows move."""
    rng = np.random.default_rng(work.seed + 9)
    rows = np.sort(rng.permutation(work.explained)[:STABLE_ROWS])
    if work.exact is None or work.clock.left < work.clock.budget * 0.1:
        return []
    before = work.shap_of(rows).values
    moves = [_moved(work, rows, before, rng) for _ in range(STABLE_DRAWS)]
    if any(move is None for move in moves):
        return []
    share = float(np.mean(moves) / (np.abs(before).mean() or 1.0))  # type: ignore[arg-type]
    return [
        Check(
            name="Another background",
            value=share,
            reference=STABLE,
            fine=share <= STABLE,
            words="Mean move of a contribution, over its mean size, when as many background rows "
            "are drawn anew.",
        )
    ]


def _moved(
    work: Work, rows: np.ndarray, before: np.ndarray, rng: np.random.Generator
) -> float | None:
    some = rng.integers(0, len(work.background), len(work.background))
    part, other = work.frame.iloc[rows], work.background.iloc[some].reset_index(drop=True)
    method, _ = router.exact(work.question, other, part)
    if method is None or work.exact is None or method.link != work.exact.link:
        return None
    return float(np.abs(method(part, work.answers[rows]).values - before).mean())


def removal(work: Work) -> tuple[Removal, ...]:
    """Replace columns by background cells, most important first; watch the answers move."""
    rng = np.random.default_rng(work.seed + 5)
    rows = rng.permutation(work.explained)[:REMOVAL_ROWS]
    values = work.shap_of(rows).values
    output = int(np.abs(values).mean(axis=(0, 1)).argmax())
    columns = len(work.columns)
    donors = rng.integers(0, len(work.background), len(rows))
    order = np.argsort(-np.abs(values[:, :, output]), axis=1)
    drawn = [np.argsort(rng.random(order.shape), axis=1) for _ in range(CHANCE_ORDERS)]
    found = []
    for kind in ("deletion", "insertion"):
        ordered = _path(work, rows, donors, order, output, insert=kind == "insertion")
        chance = np.mean(
            [_path(work, rows, donors, one, output, insert=kind == "insertion") for one in drawn],
            axis=0,
        )
        found.append(
            Removal(
                kind=kind,
                shares=tuple((np.arange(columns + 1) / columns).tolist()),
                ordered=tuple(ordered.tolist()),
                chance=tuple(chance.tolist()),
            )
        )
    return tuple(found)


def _path(
    work: Work,
    rows: np.ndarray,
    donors: np.ndarray,
    order: np.ndarray,
    output: int,
    *,
    insert: bool,
) -> np.ndarray:
    """Return the mean distance of the answers from the rows' own, after each step."""
    columns = len(work.columns)
    ranks = np.argsort(order, axis=1)
    replaced = ranks[:, None, :] < np.arange(columns + 1)[None, :, None]
    if insert:
        replaced = ~replaced
    mixer = Mixer.of(work.frame.iloc[rows], work.background)
    own = np.arange(len(rows))[:, None, None]
    which = np.where(replaced, len(rows) + donors[:, None, None], own).reshape(-1, columns)
    answers = work.question.ask(mixer.rows(which))[:, output].reshape(len(rows), columns + 1)
    own_answers = work.answers[rows, output]
    distance: np.ndarray = np.abs(answers - own_answers[:, None]).mean(axis=0)
    return distance


def _removal_check(found: Removal) -> Check:
    """Return how much faster than chance the ordered path goes, by area."""
    ordered, chance = np.trapezoid(found.ordered), np.trapezoid(found.chance)
    gain = float((ordered - chance) / chance) if chance > 0 else 0.0
    gain = gain if found.kind == "deletion" else -gain
    verb = "Taking away" if found.kind == "deletion" else "Putting back"
    return Check(
        name=f"{found.kind.capitalize()} against chance",
        value=gain,
        reference=0.0,
        fine=gain >= 0,
        words=f"{verb} the columns named as most important first moves the answer this much "
        "faster than in random order.",
    )
