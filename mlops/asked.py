"""What a person asked of a run, in their words: how much searching, under what name."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from mlops.durations import bytes_of, seconds_of
from pipelines.search import Budget

if TYPE_CHECKING:
    from mlops.workspace import Workspace


def budget_of(
    ws: Workspace, budget: str | float | None, trials: int | None, workers: int | None
) -> Budget:
    """Return a search's limits; the setting's time where neither time nor trials were asked for.

    Raises:
        BadSetting: One of them makes no sense.
    """
    seconds = None
    if budget is not None or trials is None:
        seconds = seconds_of(ws.settings.budget if budget is None else budget)
    return Budget(seconds=seconds, trials=trials, workers=workers or ws.settings.at_once)


def for_each_trial(time: str | float | None, memory: str | int | None) -> dict[str, Any]:
    """Return what one trial may take, as a budget names it.

    >>> for_each_trial("10s", "2GB")
    {'trial_seconds': 10.0, 'memory': 2000000000}
    """
    return {
        "trial_seconds": None if time is None else seconds_of(time, "--trial-time"),
        "memory": None if memory is None else bytes_of(memory, "--trial-memory"),
    }


def model_name(text: str) -> str:
    """Return a model's name for a file's: what a reference can carry.

    >>> model_name("Churn 2024 (final)")
    'churn-2024-final'
    """
    return re.sub(r"[^a-z0-9]+", "-", text.lower()).strip("-") or "model"
