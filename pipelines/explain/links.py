"""The scales on which a model's answer is a sum of contributions."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    Table = np.ndarray


@dataclass(frozen=True)
class Link:
    """One scale. ``steep`` is the derivative: how far rounding in the answer is blown up."""

    name: str
    apply: Callable[[Table], Table]
    steep: Callable[[Table], Table]
    words: str
    centred: bool = False
    """Only differences between outputs count; contributions are centred over them."""


def _logit(answers: Table) -> Table:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.log(answers) - np.log1p(-answers))


def _centred_log(answers: Table) -> Table:
    with np.errstate(divide="ignore", invalid="ignore"):
        logs = np.log(answers)
        return np.asarray(logs - logs.mean(axis=1, keepdims=True))


def _log(answers: Table) -> Table:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.log(answers))


def _log2(answers: Table) -> Table:
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.asarray(np.log2(answers))


def _inverse(answers: Table) -> Table:
    return np.asarray(1 / np.maximum(np.abs(answers), 1e-300))


LINKS = {
    link.name: link
    for link in (
        Link("identity", np.asarray, np.ones_like, "answer"),
        Link(
            "logit",
            _logit,
            lambda p: 1 / np.maximum(p * (1 - p), 1e-300),
            "log-odds",
        ),
        Link(
            "clr",
            _centred_log,
            lambda p: 1 / np.maximum(p.min(axis=1, keepdims=True), 1e-300) * np.ones_like(p),
            "log-probability against the mean class",
            centred=True,
        ),
        Link("log", _log, _inverse, "log of the predicted value"),
        Link("log2", _log2, _inverse, "log2 of the strangeness"),
    )
}

TOLERANCE = 1e-6
ROUNDING = {True: 2e-6, False: 1e-12}
"""How far an answer in single or double precision may be rounded, before the link blows it up."""
FAR = 15.0
"""Log-odds (or logs) beyond which a probability may have been rounded to 0 or 1."""
FARTHEST = 40.0


def on_scale(name: str, answers: Table, shift: float = 0.0) -> Table:
    """Return answers on a scale, with what would be infinite cut off.

    >>> on_scale("logit", np.array([[0.5, 1.0]])).tolist()
    [[0.0, 40.0]]
    """
    found = LINKS[name].apply(answers - shift)
    return found if name == "identity" else np.clip(found, -FARTHEST, FARTHEST)


def centred(values: Table) -> Table:
    """Return values less their mean over the outputs."""
    result: Table = values - values.mean(axis=-1, keepdims=True)
    return result


def worst_gap(link: Link, sums: Table, answers: Table, *, single: bool = False) -> float:
    """Return how far sums are from linked answers, less rounding, relative to their spread.

    An answer that has no place on the scale (a log of what overflowed, log-odds of two) is
    infinitely far; one that was rounded to the scale's very end needs a sum far out on that side.
    """
    linked = link.apply(answers)
    known = np.isfinite(linked)
    if not link.centred:
        ends = np.isinf(linked) & np.isfinite(answers)
        if not (known | (ends & (sums * np.sign(linked) >= FAR))).all():
            return float("inf")
    if not known.any():
        return 0.0
    slack = ROUNDING[single] * link.steep(answers)
    excess = np.where(known, np.abs(sums - linked) - slack, 0.0)
    spread = max(float(np.ptp(sums)), float(np.abs(sums).mean()), 1e-9)
    return float(excess.clip(0).max() / spread)
