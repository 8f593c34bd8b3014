"""All contributions as one long table: row, column, output, value, SHAP and LIME."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np
import pandas as pd

if TYPE_CHECKING:
    from pipelines.explain.surrogates import Surrogate
    from pipelines.explain.work import Work

MOST_CELLS = 200_000


def table(work: Work, lime: Surrogate | None) -> pd.DataFrame:
    """Return one line for each explained cell; rows that LIME explained come first."""
    found = work.attribution
    columns, outputs = len(work.columns), len(work.question.outputs)
    with_lime = np.empty(0, int) if lime is None else lime.positions
    others = np.setdiff1d(work.explained, with_lime)
    room = max(len(with_lime), MOST_CELLS // (columns * outputs))
    rows = np.concatenate([with_lime, others])[:room]
    shap, copied = (np.full((len(rows), columns, outputs), np.nan) for _ in range(2))
    if found is not None:
        there = np.isin(rows, work.explained)
        shap[there] = work.shap_of(rows[there]).values
    if lime is not None:
        copied[: len(with_lime)] = lime.values
    words = [work.frame.iloc[rows, j].astype("str").to_numpy() for j in range(columns)]
    text = np.repeat(np.stack(words, axis=1).ravel(), outputs)
    names = np.array(work.names, dtype=object)[rows]
    return pd.DataFrame(
        {
            "row": pd.Categorical(np.repeat(names, columns * outputs)),
            "column": pd.Categorical(np.tile(np.repeat(work.columns, outputs), len(rows))),
            "output": pd.Categorical(np.tile(work.question.outputs, len(rows) * columns)),
            "value": pd.Series(text, dtype="str"),
            "shap": shap.ravel().astype("float32"),
            "lime": copied.ravel().astype("float32"),
        }
    )
