"""The front door. ``mlops.run`` and its sisters load what they need on first use.

>>> import mlops
>>> result = mlops.run(frame, target="y", budget="60s")  # doctest: +SKIP
>>> mlops.promote(result.version, to="staging")  # doctest: +SKIP
>>> mlops.load("credit-risk@staging").predict(frame)  # doctest: +SKIP
"""

from __future__ import annotations

import importlib
from typing import TYPE_CHECKING, Any

from mlops import notebooks

if TYPE_CHECKING:
    from mlops.approvals import approve, reject, request
    from mlops.catalogue import algorithms
    from mlops.experiments import run
    from mlops.explanations import explain
    from mlops.predictions import load, predict
    from mlops.profiles import profile
    from mlops.promotions import archive, check, demote, history, promote, rollback
    from mlops.records import show, versions
    from mlops.reproductions import reproduce
    from mlops.results import Result
    from mlops.reviews import review
    from mlops.settings import Settings
    from mlops.workspace import Workspace
    from pipelines.own_metric import OwnMetric

__all__ = [
    "OwnMetric",
    "Result",
    "Settings",
    "Workspace",
    "algorithms",
    "approve",
    "archive",
    "check",
    "demote",
    "explain",
    "history",
    "load",
    "predict",
    "profile",
    "promote",
    "reject",
    "reproduce",
    "request",
    "review",
    "rollback",
    "run",
    "show",
    "versions",
]

_HOMES = {
    "OwnMetric": "experiments",
    "Result": "results",
    "Settings": "settings",
    "Workspace": "workspace",
    "algorithms": "catalogue",
    "approve": "approvals",
    "archive": "promotions",
    "check": "promotions",
    "demote": "promotions",
    "explain": "explanations",
    "history": "promotions",
    "load": "predictions",
    "predict": "predictions",
    "profile": "profiles",
    "promote": "promotions",
    "reject": "approvals",
    "reproduce": "reproductions",
    "request": "approvals",
    "rollback": "promotions",
    "review": "reviews",
    "run": "experiments",
    "show": "records",
    "versions": "records",
}


def __getattr__(name: str) -> Any:
    if name not in _HOMES:
        raise AttributeError(f"module 'mlops' has no attribute {name!r}")
    return getattr(importlib.import_module(f"mlops.{_HOMES[name]}"), name)


notebooks.prepare()


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
