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

FARTHEST = 40.0


def on_scale(name: str, answers: Table, shift: float = 0.0) -> Table:
    """Return answers on a scale, with what would be infinite cut off.

    >>> on_scale("logit", np.array([[0.5, 1.0]])).tolist()
    [[0.0, 40.0]]
    """
    found = LINKS[name].apply(answers - shift)
    return found if name == "identity" else np.clip(found, -FARTHEST, FARTHEST)
