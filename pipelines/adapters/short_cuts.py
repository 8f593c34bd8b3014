"""Answers to a few prepared rows, past the checks with which libraries greet every call.

What is asked is the fitted model inside, by the library's own public ways; the answer is the same.
"""

from __future__ import annotations

import ctypes
import math
from functools import cache
from typing import TYPE_CHECKING, Any, TypeAlias

import numpy as np
from scipy.special import expit, softmax

if TYPE_CHECKING:
    from collections.abc import Callable

Array: TypeAlias = np.ndarray[Any, Any]


FLOAT64, ROW_BY_ROW, USUAL_ANSWER = 1, 1, 0
"""As LightGBM's C interface counts."""
XGBOOST_ROWS = b'{"data":[%d,true],"shape":[%d,%d],"typestr":"<f8","version":3}'
XGBOOST_ASKED = (
    b'{"type":0,"training":false,"iteration_begin":0,"iteration_end":%d,"missing":NaN,'
    b'"strict_shape":false,"cache_id":0}'
)


def answer(estimator: Any, rows: Array, how: str) -> Array | None:
    """Return what ``how`` (predict or predict_proba) would, None where there is no short cut."""
    way = WAYS.get(type(estimator).__name__)
    return None if way is None else way(estimator, rows, how)


def _lightgbm(estimator: Any, rows: Array, how: str) -> Array | None:
    if callable(estimator.objective_):
        return None
    found = _of_lightgbm(estimator.booster_, rows) if len(rows) == 1 else None
    if found is None:
        found = estimator.booster_.predict(rows)
    two = how == "predict_proba" and found.ndim == 1
    return np.column_stack([1 - found, found]) if two else found


def _of_lightgbm(booster: Any, row: Array) -> Array | None:
    """Ask the C interface for one row: it keeps what it needs for the next."""
    library, handle = _lightgbm_library(), getattr(booster, "_handle", None)
    if library is None or handle is None or row.dtype != float or not row.flags.c_contiguous:
        return None
    place, _ = row.__array_interface__["data"]
    many, size = booster.num_model_per_iteration(), ctypes.c_int64()
    told = (ctypes.c_double * many)()
    failed = library.LGBM_BoosterPredictForMatSingleRow(
        handle, ctypes.c_void_p(place), FLOAT64, row.shape[1], ROW_BY_ROW, USUAL_ANSWER,
        0, int(booster.best_iteration), b"", ctypes.byref(size), told,
    )  # fmt: skip
    if failed or size.value != many:
        return None
    return np.array(told) if many == 1 else np.array([told])


@cache
def _lightgbm_library() -> Any:
    from lightgbm import basic

    return getattr(basic, "_LIB", None)


def _xgboost(estimator: Any, rows: Array, how: str) -> Array | None:
    booster = estimator.get_booster()
    last = booster.attr("best_iteration")
    stop = 0 if last is None else int(last) + 1
    found = _of_xgboost(booster, rows, stop) if np.isnan(estimator.missing) else None
    if found is None:
        found = booster.inplace_predict(
            rows, iteration_range=(0, stop), missing=estimator.missing, validate_features=False
        )
    two = how == "predict_proba" and found.ndim == 1
    return np.column_stack([1 - found, found]) if two else found


def _of_xgboost(booster: Any, rows: Array, stop: int) -> Array | None:
    """Ask the C interface: Python's own around it takes longer than a row's trees."""
    if rows.dtype != float or not rows.flags.c_contiguous:
        return None
    place, _ = rows.__array_interface__["data"]
    given = XGBOOST_ROWS % (place, *rows.shape)
    shape, size = ctypes.POINTER(ctypes.c_uint64)(), ctypes.c_uint64()
    told = ctypes.POINTER(ctypes.c_float)()
    failed = _xgboost_library().XGBoosterPredictFromDense(
        booster.handle, given, XGBOOST_ASKED % stop, ctypes.c_void_p(),
        ctypes.byref(shape), ctypes.byref(size), ctypes.byref(told),
    )  # fmt: skip
    if failed:
        return None
    sizes = [shape[at] for at in range(size.value)]
    held = ctypes.string_at(told, 4 * math.prod(sizes))
    return np.frombuffer(held, dtype=np.float32).reshape(sizes)


@cache
def _xgboost_library() -> ctypes.CDLL:
    from xgboost.libpath import find_lib_path

    return ctypes.CDLL(find_lib_path()[0])


def _forest(estimator: Any, rows: Array, how: str) -> Array | None:
    cells = rows.astype(np.float32)
    total = sum(tree.tree_.predict(cells) for tree in estimator.estimators_)
    mean: Array = total / len(estimator.estimators_)
    return mean if how == "predict_proba" else mean.reshape(len(rows), -1)[:, 0]


def _logistic(estimator: Any, rows: Array, how: str) -> Array | None:
    del how
    sums = rows @ estimator.coef_.T + estimator.intercept_
    if sums.shape[1] == 1:
        second = expit(sums[:, 0])
        return np.column_stack([1 - second, second])
    chances: Array = softmax(sums, axis=1)
    return chances


def _ridge(estimator: Any, rows: Array, how: str) -> Array | None:
    del how
    return np.asarray(rows @ estimator.coef_.T + estimator.intercept_)


WAYS: dict[str, Callable[[Any, Array, str], Array | None]] = {
    "LGBMClassifier": _lightgbm,
    "LGBMRegressor": _lightgbm,
    "XGBClassifier": _xgboost,
    "XGBRegressor": _xgboost,
    "RandomForestClassifier": _forest,
    "RandomForestRegressor": _forest,
    "ExtraTreesClassifier": _forest,
    "ExtraTreesRegressor": _forest,
    "LogisticRegression": _logistic,
    "Ridge": _ridge,
}
"""By the class of the estimator. None of them knows a wrapper: that would bend the answer."""
