"""Which reader reads the trees of which library."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from pipelines.explain.forests import (
    CannotRead,
    Forest,
    read_forest_classifier,
    read_forest_regressor,
    read_gradient_boosting,
    read_histogram_boosting,
    read_isolation_forest,
    read_lightgbm,
    read_xgboost,
)
from pipelines.explain.oblivious import read_catboost

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


def read(estimator: Any) -> Forest:
    """Return an estimator's trees.

    Raises:
        CannotRead: there is no reader for its class.
    """
    for kind in type(estimator).__mro__:
        if (reader := READERS.get(f"{kind.__module__.split('.')[0]}.{kind.__name__}")) is not None:
            return reader(estimator)
    raise CannotRead(f"{type(estimator).__name__} is no ensemble of trees that can be read")


def _forests(names: Iterable[str], reader: Callable[[Any], Forest]) -> dict[str, Any]:
    return {f"sklearn.{name}": reader for name in names}


READERS: dict[str, Callable[[Any], Forest]] = {
    **_forests(
        ("RandomForestClassifier", "ExtraTreesClassifier", "DecisionTreeClassifier"),
        read_forest_classifier,
    ),
    **_forests(
        ("RandomForestRegressor", "ExtraTreesRegressor", "DecisionTreeRegressor"),
        read_forest_regressor,
    ),
    **_forests(
        ("GradientBoostingClassifier", "GradientBoostingRegressor"), read_gradient_boosting
    ),
    **_forests(
        ("HistGradientBoostingClassifier", "HistGradientBoostingRegressor"),
        read_histogram_boosting,
    ),
    "sklearn.IsolationForest": read_isolation_forest,
    "lightgbm.LGBMModel": read_lightgbm,
    "xgboost.XGBModel": read_xgboost,
    "catboost.CatBoost": read_catboost,
}
