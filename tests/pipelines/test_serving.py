"""A predictor takes rows as they come and answers in plain values."""

from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest

from pipelines.errors import BadSetting, SchemaMismatch
from pipelines.serving import Predictor
from pipelines.task import Task

KEYS = {Task.CLASSIFICATION: "logistic", Task.REGRESSION: "ridge", Task.ANOMALY: "iforest"}
COLUMNS = {
    Task.CLASSIFICATION: ["prediction", "probability_defaulted", "probability_repaid"],
    Task.REGRESSION: ["prediction"],
    Task.ANOMALY: ["prediction", "score"],
}


@pytest.fixture(params=list(Task))
def one(request, fitted):
    return fitted(KEYS[request.param], request.param)


@pytest.fixture
def predictor(one):
    return Predictor(one.model, one.schema, {})


def test_answers_keep_the_index_and_fit_into_json(one, predictor):
    rows = one.rows.head(7).set_index(pd.Index(list("abcdefg")))
    told = predictor.answers(rows)
    assert list(told.columns) == COLUMNS[predictor.task]
    assert list(told.index) == list("abcdefg")
    assert len(json.loads(json.dumps(told.to_dict("records"), allow_nan=False))) == 7
    assert predictor.predict(rows).tolist() == told["prediction"].tolist()
    assert predictor.predict(rows).name == "prediction"


def test_columns_come_in_any_order_with_any_company_and_as_text(one, predictor):
    rows = one.rows.head(5)
    loose = rows.astype(object).where(rows.notna(), None).astype(str).replace("None", "")
    loose = loose[loose.columns[::-1]].assign(more=1)
    pd.testing.assert_frame_equal(predictor.answers(loose), predictor.answers(rows))


def test_a_column_that_was_learned_from_whole_numbers_takes_fractions(one, predictor):
    rows = one.rows.head(5)
    assert rows["age"].dtype == "int64"
    told = predictor.answers(rows.assign(age=rows["age"] + 0.5))
    assert told.notna().all(axis=None)
    if predictor.task is Task.REGRESSION:
        assert (told["prediction"] != predictor.answers(rows)["prediction"]).all()


def test_no_rows_give_no_answers_of_the_same_types(one, predictor):
    empty = predictor.answers(one.rows.head(0))
    assert len(empty) == 0
    assert (empty.dtypes == predictor.answers(one.rows.head(3)).dtypes).all()
    assert len(predictor.score(one.rows.head(0))) == 0


def test_a_row_alone_gets_the_answer_it_gets_in_company(one, predictor):
    whole = predictor.answers(one.rows)
    alone = predictor.answers(one.rows.iloc[[3]])
    pd.testing.assert_frame_equal(alone, whole.iloc[[3]])


def test_a_missing_column_is_named(one, predictor):
    name = one.schema.names[0]
    with pytest.raises(SchemaMismatch, match=name):
        predictor.answers(one.rows.drop(columns=name))


def test_probabilities_are_named_by_the_labels_and_sum_to_one(fitted):
    one = fitted("logistic", Task.CLASSIFICATION)
    chances = Predictor(one.model, one.schema, {}).probabilities(one.rows)
    assert list(chances.columns) == ["defaulted", "repaid"]
    np.testing.assert_allclose(chances.sum(axis=1), 1)


def test_only_classification_has_probabilities(fitted):
    one = fitted("ridge", Task.REGRESSION)
    with pytest.raises(BadSetting, match="Only classification"):
        Predictor(one.model, one.schema, {}).probabilities(one.rows)


def test_an_anomaly_is_one_and_the_strangest_rows_score_highest(fitted):
    one = fitted("iforest", Task.ANOMALY)
    told = Predictor(one.model, one.schema, {}).answers(one.rows)
    assert set(told["prediction"]) == {0, 1}
    assert told.loc[told["prediction"] == 1, "score"].min() >= told["score"].quantile(0.5)
