"""Regression by another loss, where target or metric ask for it: counts, amounts, quantiles.

A row that is asked for by name is used as it stands: the middle quantile, a Tweedie power of 1.5.
"""

from __future__ import annotations

from typing import Any

from optuna.distributions import FloatDistribution as Float

from pipelines.algorithms import DISTANCES, NO_NEEDS, Aim, Algorithm, Entry, Limits
from pipelines.algorithms.boosting import LIGHTGBM, LIGHTGBM_FIXED, lightgbm
from pipelines.task import Task

_POWER = Float(1.1, 1.9)
_COUNTS = "counts, or the metric poisson_deviance"
_AMOUNTS = "amounts that are often zero, or the metrics tweedie_deviance and gamma_deviance"
_QUANTILES = "the metrics pinball_*, mae and median_ae"


def _counts(aim: Aim) -> dict[str, Any] | None:
    return {} if aim.counts or aim.loss == "poisson" else None


def _amounts(aim: Aim) -> dict[str, Any] | None:
    if aim.loss == "gamma":
        return {"power": 2.0}
    return {} if aim.amounts or aim.loss == "tweedie" else None


def _boosted_amounts(aim: Aim) -> dict[str, Any] | None:
    found = _amounts(aim)
    return {"objective": "gamma", "tweedie_variance_power": 1.5} if found else found


def _quantile(name: str) -> Any:
    def aimed(aim: Aim) -> dict[str, Any] | None:
        kind, _, share = aim.loss.partition(" ")
        return {name: float(share)} if kind == "quantile" else None

    return aimed


def _boosted(key: str, title: str, turn: int, **row: Any) -> Algorithm:
    fixed, more = row.pop("fixed"), row.pop("default", {})
    return Algorithm(
        key=key,
        title=title,
        target="lightgbm:LGBMRegressor",
        task=Task.REGRESSION,
        adapter="boosters",
        space={**LIGHTGBM, **row.pop("space", {})},
        fixed={**LIGHTGBM_FIXED, **fixed},
        portfolio=(
            Entry(turn, {"n_estimators": 100, **more}),
            Entry(turn + 18, {**lightgbm(0.06, 31, 0.8, 20, 1.0), **more}),
        ),
        needs=NO_NEEDS,
        explain_with="tree",
        **row,
    )


ROWS = (
    _boosted(
        "lightgbm_quantile",
        "LightGBM for a quantile",
        5,
        fixed={"objective": "quantile", "alpha": 0.5},
        aim=_quantile("alpha"),
        only_for=_QUANTILES,
    ),
    _boosted(
        "lightgbm_poisson",
        "LightGBM for counts",
        6,
        fixed={"objective": "poisson"},
        aim=_counts,
        only_for=_COUNTS,
    ),
    _boosted(
        "lightgbm_tweedie",
        "LightGBM for amounts that are often zero",
        7,
        space={"tweedie_variance_power": _POWER},
        default={"tweedie_variance_power": 1.5},
        fixed={"objective": "tweedie"},
        aim=_boosted_amounts,
        only_for=_AMOUNTS,
    ),
    Algorithm(
        key="quantile",
        title="Linear quantile regression",
        target="sklearn.linear_model:QuantileRegressor",
        task=Task.REGRESSION,
        space={"alpha": Float(1e-5, 1.0, log=True)},
        fixed={"quantile": 0.5, "solver": "highs"},
        portfolio=(Entry(8, {"alpha": 1e-3}),),
        wrap="scaled_target",
        needs=DISTANCES,
        limits=Limits(rows=5_000, columns=200),
        explain_with="linear",
        aim=_quantile("quantile"),
        only_for=_QUANTILES,
    ),
    Algorithm(
        key="poisson",
        title="Poisson regression",
        target="sklearn.linear_model:PoissonRegressor",
        task=Task.REGRESSION,
        space={"alpha": Float(1e-6, 1e1, log=True)},
        fixed={"max_iter": 500},
        portfolio=(Entry(8, {"alpha": 1e-3}), Entry(41, {"alpha": 1.0})),
        needs=DISTANCES,
        explain_with="linear",
        aim=_counts,
        only_for=_COUNTS,
    ),
    Algorithm(
        key="tweedie",
        title="Tweedie regression",
        target="sklearn.linear_model:TweedieRegressor",
        task=Task.REGRESSION,
        space={"alpha": Float(1e-6, 1e1, log=True), "power": _POWER},
        fixed={"link": "log", "max_iter": 500},
        portfolio=(Entry(9, {"alpha": 1e-3, "power": 1.5}),),
        needs=DISTANCES,
        explain_with="linear",
        aim=_amounts,
        only_for=_AMOUNTS,
    ),
)
