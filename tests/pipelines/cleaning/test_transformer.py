from __future__ import annotations

import pickle
import timeit

import numpy as np
import pandas as pd
import pytest
import skops.io
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from hypothesis.extra import pandas as some
from lightgbm import LGBMClassifier
from sklearn.base import clone
from sklearn.ensemble import HistGradientBoostingClassifier
from sklearn.linear_model import LogisticRegression
from sklearn.model_selection import StratifiedKFold, cross_val_score
from sklearn.pipeline import make_pipeline
from sklearn.preprocessing import QuantileTransformer

from pipelines.cleaning.operations import OPERATIONS, TABLE, Step
from pipelines.cleaning.plan import Plan
from pipelines.cleaning.proposals import RULES, alike
from pipelines.cleaning.rows import training_rows
from pipelines.cleaning.transformer import TRUSTED_TYPES, transformer
from pipelines.dataset import Kind
from pipelines.errors import BadPlan, SchemaMismatch
from pipelines.schema import Schema
from pipelines.task import Task

LINEAR = frozenset({"numbers", "scaled", "no_missing"})
NEEDS = [
    frozenset(),
    frozenset({"no_missing"}),
    frozenset({"numbers"}),
    LINEAR,
    LINEAR | {"few_columns", "dense"},
]


def plan_of(columns, task=Task.CLASSIFICATION, **more):
    """Write a plan the way a person does."""
    entries = {
        name: {"kind": str(kind), "steps": list(steps)} for name, (kind, *steps) in columns.items()
    }
    return Plan.from_dict({"task": str(task), "target": "y", "columns": entries, **more})


def prepared(plan, frame, labels=None, needs=LINEAR):
    return transformer(plan, needs).fit(frame, labels)


@pytest.mark.parametrize("needs", NEEDS, ids=lambda needs: "-".join(sorted(needs)) or "nothing")
@pytest.mark.parametrize("task", list(Task))
def test_one_plan_serves_every_algorithm(table, planned, task, needs):
    labels = None if task is Task.ANOMALY else table["y"]
    made = transformer(planned(table, task), needs)
    block = made.fit_transform(table, labels)
    names = made.get_feature_names_out()
    assert block.dtype == float
    assert block.shape == (len(table), len(names)) == (len(table), len(made.raw_columns_))
    assert len(set(names)) == len(names)
    assert np.isfinite(block).all() or "no_missing" not in needs
    assert set(made.raw_columns_) == set(planned(table, task).used)
    assert bool(made.categorical_columns_) is ("numbers" not in needs)


def test_boosters_get_codes_and_gaps(table, planned):
    made = transformer(planned(table), frozenset())
    block = made.fit_transform(table, table["y"])
    codes = {made.raw_columns_[at]: block[:, at] for at in made.categorical_columns_}
    assert set(codes) == {"city", "street", "zip"}
    assert np.array_equal(np.isnan(codes["city"]), table["city"].isna())
    assert np.isnan(block[:, made.raw_columns_.index("age")]).sum() == table["age"].isna().sum()
    assert np.nanmax(codes["street"]) == table["street"].nunique() - 1


def test_codes_stay_below_what_boosters_can_split():
    frame = pd.DataFrame({"c": pd.Series([f"v{i}" for i in range(600)] * 2, dtype="str")})
    made = prepared(plan_of({"c": (Kind.CATEGORY,)}), frame, needs=frozenset())
    codes = made.transform(frame)
    assert (codes.min(), codes.max()) == (0, 253)
    labels = np.arange(1200) % 2
    booster = HistGradientBoostingClassifier(categorical_features=made.categorical_columns_)
    booster.fit(codes, labels)


@pytest.mark.parametrize(
    ("model", "needs"),
    [(LGBMClassifier(n_estimators=5, verbose=-1), frozenset()), (LogisticRegression(), LINEAR)],
    ids=["lightgbm", "linear"],
)
def test_a_pipeline_fits_and_predicts_without_a_warning(table, planned, model, needs):
    pipeline = make_pipeline(transformer(planned(table), needs), model)
    pipeline.fit(table, table["y"])
    assert pipeline.score(table, table["y"]) > 0.8
    pipeline.predict_proba(table[:1])
    clone(pipeline).fit(table[:100], table["y"][:100])


def test_one_row_is_answered_as_in_a_batch(table, planned):
    made = prepared(planned(table), table, table["y"])
    batch = made.transform(table)
    single = np.vstack([made.transform(table[at : at + 1]) for at in range(100)])
    np.testing.assert_allclose(single, batch[:100], atol=1e-9)


def test_fitting_twice_gives_the_same_numbers(table, planned):
    first = transformer(planned(table), LINEAR).fit_transform(table, table["y"])
    again = transformer(planned(table), LINEAR).fit_transform(table, table["y"])
    np.testing.assert_array_equal(first, again)


ALL_WAYS = [row for row in OPERATIONS if row.how not in {"gap", "minhash"}]


@pytest.mark.parametrize("row", ALL_WAYS, ids=lambda row: f"{row.do}-{row.how}")
def test_every_step_survives_pickle_and_skops_without_other_types(table, planned, row):
    data = planned(table).to_dict()
    usual = {k: v for k, v in row.options.items() if v is not None}
    step = Step(row.do, row.how, options=usual).to_dict()
    step |= {"order": "since"} if "order" in row.options else {}
    kind = next((k for k in ("number", "category", "date", "text") if k in row.kinds), None)
    if row.kinds == TABLE:
        data["table"] = [step]
    else:
        name = next(n for n, entry in data["columns"].items() if entry["kind"] == kind)
        data["columns"][name]["steps"] = [step]
    made = prepared(Plan.from_dict(data), table, table["y"])
    stored = skops.io.dumps(made)
    assert set(skops.io.get_untrusted_types(data=stored)) <= set(TRUSTED_TYPES)
    for back in (
        skops.io.loads(stored, trusted=list(TRUSTED_TYPES)),
        pickle.loads(pickle.dumps(made)),  # noqa: S301 - our own bytes
    ):
        np.testing.assert_array_equal(back.transform(table), made.transform(table))
        assert back.raw_columns_ == made.raw_columns_


def test_frames_without_a_column_are_refused_by_its_name(table, planned):
    made = prepared(planned(table), table, table["y"])
    with pytest.raises(SchemaMismatch, match="'income'"):
        made.transform(table.drop(columns="income"))
    with pytest.raises(SchemaMismatch, match="ndarray"):
        made.transform(table.to_numpy())


class TestNothingLeaks:
    """What a model sees of a fold, it learned outside of that fold."""

    def noise(self, rows=300):
        draw = np.random.default_rng(0)
        street = pd.Series([f"s{i}" for i in draw.integers(0, 150, rows)], dtype="str")
        wide = {f"x{i}": draw.normal(size=rows) for i in range(400)}
        return pd.DataFrame({"street": street, **wide}), np.arange(rows) % 2

    def judged(self, plan, frame, labels):
        pipeline = make_pipeline(transformer(plan, LINEAR), LogisticRegression(C=100))
        folds = StratifiedKFold(5, shuffle=True, random_state=0)
        return cross_val_score(pipeline, frame, labels, cv=folds, scoring="roc_auc").mean()

    def test_a_target_mean_per_level_finds_nothing_in_noise(self):
        frame, labels = self.noise()
        plan = plan_of({"street": (Kind.CATEGORY, {"do": "encode", "with": "target"})})
        leaky = pd.Series(labels).groupby(frame["street"]).transform("mean").to_frame("street")
        number = plan_of({"street": (Kind.NUMBER,)})
        assert self.judged(number, leaky, labels) > 0.75
        assert 0.35 < self.judged(plan, frame, labels) < 0.6

    def test_choosing_columns_by_the_target_finds_nothing_in_noise(self):
        frame, labels = self.noise(100)
        columns = {name: (Kind.NUMBER,) for name in frame if name != "street"}
        best = {"do": "select", "with": "f_test", "keep": 10}
        chosen = prepared(plan_of(columns, table=[best]), frame, labels)
        leaky = frame[chosen.raw_columns_]
        plain = plan_of(dict.fromkeys(leaky, (Kind.NUMBER,)))
        assert self.judged(plain, leaky, labels) > 0.75
        assert 0.3 < self.judged(plan_of(columns, table=[best]), frame, labels) < 0.65

    def test_training_rows_do_not_see_their_own_target(self):
        frame, labels = self.noise()
        plan = plan_of({"street": (Kind.CATEGORY, {"do": "encode", "with": "target"})})
        crossed = transformer(plan, LINEAR).fit_transform(frame, labels)[:, 0]
        own = prepared(plan, frame, labels).transform(frame)[:, 0]
        assert abs(np.corrcoef(crossed, labels)[0, 1]) < 0.25
        assert np.corrcoef(own, labels)[0, 1] > 0.4

    def test_a_proposed_plan_does_not_look_at_the_target(self, table, planned):
        shuffled = table.assign(y=table["y"].sample(frac=1, random_state=0).to_numpy())
        assert planned(shuffled).to_dict() == planned(table).to_dict()

    @pytest.mark.parametrize("needs", NEEDS, ids=lambda needs: "-".join(sorted(needs)) or "none")
    def test_rows_outside_the_fold_change_nothing(self, table, planned, needs):
        plan, train = planned(table), table[:200]
        other = table[200:].assign(age=1e9, income=-5.0, city="Atlantis", note="leak leak leak")
        made = prepared(plan, train, train["y"], needs)
        before = made.transform(train)
        made.transform(other)
        np.testing.assert_array_equal(made.transform(train), before)


CELLS = {
    Kind.NUMBER: st.one_of(
        st.floats(allow_nan=True, allow_infinity=True), st.integers(-(2**70), 2**70), st.none()
    ),
    Kind.BOOLEAN: st.sampled_from([True, False, None, 0, 1, "yes", "FALSE", "", np.nan]),
    Kind.DATE: st.one_of(
        st.datetimes().map(pd.Timestamp), st.none(), st.just(pd.NaT),
        st.sampled_from(["2024-02-30"[:7], "1969-12-31 23:59", "0001-01-01", "9999-12-31", ""]),
    ),
    Kind.CATEGORY: st.one_of(
        st.sampled_from(["Bonn", "s1", "", " ", "unseen", "nan"]), st.text(), st.none(),
        st.integers(), st.floats(), st.booleans(),
    ),
    Kind.TEXT: st.one_of(st.text(max_size=60), st.none(), st.just("late payment")),
}  # fmt: skip


def frames(kinds):
    """Frames with the columns of the schema and anything in their cells."""
    columns = [
        some.column(name, elements=CELLS[kind], dtype=object)
        for name, kind in kinds.items()
        if kind is not Kind.ID and name != "zip"
    ]
    zips = some.column("zip", elements=st.one_of(st.integers(0, 99), st.none()), dtype=object)
    return some.data_frames([*columns, zips], index=some.range_indexes(max_size=4))


@pytest.fixture(scope="module")
def ready(request):
    """Transformers for every set of needs, fitted once."""
    found = {}

    def get(table, plan, kinds):
        if not found:
            used = {name: kinds[name] for name in plan.used}
            found["schema"] = Schema.of(table[list(used)], used)
            found["made"] = [(prepared(plan, table, table["y"], needs), needs) for needs in NEEDS]
        return found["schema"], found["made"]

    return get


@given(data=st.data())
@settings(
    max_examples=60,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_no_frame_of_the_schema_makes_preparing_fail(ready, table, planned, kinds, data):
    schema, made = ready(table, planned(table), kinds)
    rows = schema.conform(data.draw(frames(kinds)))
    assert list(rows.columns) == list(schema.names)
    for one, needs in made:
        block = one.transform(rows)
        assert block.shape == (len(rows), len(one.raw_columns_))
        assert not np.isinf(block).any()
        assert np.isfinite(block).all() or "no_missing" not in needs


@given(data=st.data(), seed=st.integers(0, 3))
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_no_training_rows_make_preparing_fail(table, planned, kinds, data, seed):
    plan = planned(table)
    used = {name: kinds[name] for name in plan.used}
    frame = Schema.of(table[list(used)], used).conform(data.draw(frames(kinds)))
    if not len(frame):
        return
    labels = np.random.default_rng(seed).integers(0, 3, len(frame))
    for needs in (frozenset(), LINEAR):
        block = transformer(plan, needs).fit_transform(frame, labels)
        assert not np.isinf(block).any()
        assert np.isfinite(block).all() or not needs


SLOW = {"gap", "minhash", "knn"}
WHEN = ["always", "no_missing", "scaled", "numbers"]


@st.composite
def plans(draw, kinds):
    """Any plan that can be read: up to four steps for each column, in any order."""
    columns = {}
    for name, kind in kinds.items():
        rows = [row for row in OPERATIONS if kind in row.kinds and row.how not in SLOW]
        if name == "since":
            rows = [row for row in rows if "order" not in row.options]
        steps = []
        for row in draw(st.lists(st.sampled_from(rows), max_size=4)):
            step = {"do": row.do, "with": row.how, "when": draw(st.sampled_from(WHEN))}
            step |= {"order": "since"} if "order" in row.options else {}
            step |= {"rule": draw(st.sampled_from(RULES))} if "rule" in row.options else {}
            steps.append(step)
        columns[name] = (kind, *steps)
    ways = [{"do": row.do, "with": row.how} for row in OPERATIONS if row.kinds == TABLE]
    return plan_of(columns, table=draw(st.lists(st.sampled_from(ways), max_size=3)))


@given(data=st.data(), needs=st.sampled_from(NEEDS), rows=st.sampled_from([1, 2, 7, 40]))
@settings(
    max_examples=25,
    deadline=None,
    suppress_health_check=[HealthCheck.function_scoped_fixture, HealthCheck.too_slow],
)
def test_any_plan_that_can_be_read_can_be_followed(table, kinds, data, needs, rows):
    used = {name: kind for name, kind in kinds.items() if kind is not Kind.ID}
    plan = data.draw(plans(used))
    train, labels = table[:rows], table["y"][:rows].to_numpy()
    made = transformer(Plan.from_dict(plan.to_dict()), needs)
    learned = made.fit_transform(train, labels)
    asked = Schema.of(train[list(used)], used).conform(data.draw(frames(used)))
    for block in (learned, made.transform(asked)):
        assert block.shape[1] == len(made.get_feature_names_out())
        assert not np.isinf(block).any()
        assert np.isfinite(block).all() or "no_missing" not in needs


class TestSteps:
    """What a step is asked for is what it does."""

    def one(self, values, *steps, needs=LINEAR, kind=Kind.NUMBER, at=None, labels=None):
        frame = pd.DataFrame({"x": values})
        made = prepared(plan_of({"x": (kind, *steps)}), frame, labels, needs)
        rows = frame if at is None else pd.DataFrame({"x": at})
        return made.transform(rows)

    @pytest.mark.parametrize(
        ("how", "filled"), [("mean", 4.0), ("median", 2.0), ("mode", 1.0), ("constant", 7.0)]
    )
    def test_a_gap_is_filled(self, how, filled):
        step = {"do": "impute", "with": how} | ({"value": 7} if how == "constant" else {})
        found = self.one([1.0, 1.0, 3.0, 11.0, np.nan], step)
        assert found[4, 0] == filled

    def test_a_gap_is_filled_from_the_nearest_rows(self):
        frame = pd.DataFrame({"a": [1.0, 1.1, 9.0, 9.1, 1.0], "b": [10.0, 10, 90, 90, np.nan]})
        knn = {"do": "impute", "with": "knn", "neighbours": 2}
        plan = plan_of({"a": (Kind.NUMBER, knn), "b": (Kind.NUMBER, knn)})
        assert prepared(plan, frame).transform(frame)[4, 1] == pytest.approx(10)

    @pytest.mark.parametrize(
        ("how", "filled"), [("forward", 10.0), ("backward", 40.0), ("interpolate", 20.0)]
    )
    def test_a_gap_is_filled_along_time_whatever_the_order_of_rows(self, how, filled):
        days = pd.to_datetime(["2024-01-04", "2024-01-01", "2024-01-02", "2024-01-04"])
        frame = pd.DataFrame({"day": days, "x": [40.0, 10.0, np.nan, 40.0]})
        step = {"do": "impute", "with": how, "order": "day"}
        plan = plan_of({"x": (Kind.NUMBER, step), "day": (Kind.DATE,)})
        made = prepared(plan, frame)
        assert made.transform(frame)[2, 0] == filled
        assert made.transform(frame[2:3])[0, 0] == filled

    def test_what_was_missing_is_said(self):
        steps = {"do": "indicate", "with": "missing"}, {"do": "impute", "with": "mean"}
        assert self.one([1.0, np.nan, 3.0], *steps)[:, 1].tolist() == [0, 1, 0]

    @pytest.mark.parametrize("rule", ["iqr", "modified_z", "quantile"])
    @pytest.mark.parametrize("how", ["clip", "winsorise", "missing"])
    def test_an_outlier_comes_inside_the_fences(self, rule, how):
        values = [*np.arange(100.0), 1e6]
        found = self.one(values, {"do": "outliers", "with": how, "rule": rule})
        assert found.max() < 300
        if how == "winsorise":
            assert found[-1, 0] in values

    def test_infinite_values_become_missing(self):
        found = self.one([1.0, np.inf, -np.inf], {"do": "infinities", "with": "missing"}, needs=[])
        assert np.isnan(found[1:, 0]).all()

    @pytest.mark.parametrize("how", ["standard", "robust", "quantile", "yeo_johnson", "box_cox"])
    def test_scaled_values_lie_around_nought(self, how):
        values = np.exp(np.random.default_rng(0).normal(size=500))
        found = self.one(values, {"do": "scale", "with": how})
        assert abs(np.median(found)) < 0.6
        assert 0.4 < found.std() < 4

    @pytest.mark.parametrize("how", [row.how for row in OPERATIONS if row.do == "scale"])
    @pytest.mark.parametrize(
        "learned", [[1e-300, 1e-299, 3e-300], [5.0] * 3, [1.0, 1e300, -1e300]]
    )
    def test_the_largest_and_smallest_numbers_stay_finite(self, how, learned):
        asked = [1e308, -1e308, np.inf, -np.inf, 5e-324, 0.0, np.nan]
        found = self.one(learned * 3, {"do": "scale", "with": how}, at=asked)
        assert np.isfinite(found.astype(np.float32)).all()

    def test_pixels_share_one_size_so_that_a_dark_edge_stays_dark(self):
        draw = np.random.default_rng(0)
        frame = pd.DataFrame(draw.integers(0, 17, size=(300, 9)), columns=list("abcdefghi"))
        frame["edge"] = np.where(np.arange(300) == 5, 3, np.arange(300) % 2)
        frame["year"] = 2000 + np.arange(300) % 20
        together = alike(frame, Task.CLASSIFICATION)
        assert together == set(frame) - {"year"}
        assert not alike(frame, Task.ANOMALY)
        step = {"do": "scale", "with": "one_size"}
        plan = plan_of(dict.fromkeys(sorted(together), (Kind.NUMBER, step)))
        made = transformer(plan, LINEAR).fit_transform(frame)
        spreads = dict(zip(plan.used, made.std(axis=0), strict=True))
        assert 0.9 < spreads["a"] < 1.2
        assert spreads["edge"] < 0.2

    def test_quantiles_are_scikit_learns(self):
        draw = np.random.default_rng(0)
        values = np.round(np.exp(draw.normal(size=400)), 1)
        asked = np.concatenate([values, draw.normal(size=100) * 20, [1e20, -1e20]])
        theirs = QuantileTransformer(n_quantiles=256, output_distribution="normal", random_state=0)
        found = self.one(values, {"do": "scale", "with": "quantile"}, at=asked)
        expected = theirs.fit(values[:, None]).transform(asked[:, None])
        np.testing.assert_allclose(found, expected, atol=1e-6)

    def test_min_max_goes_from_0_to_1(self):
        found = self.one([2.0, 4.0, 6.0], {"do": "scale", "with": "min_max"}, at=[2.0, 3.0, 8.0])
        assert found[:, 0].tolist() == [0, 0.25, 1.5]

    def test_a_column_per_level_with_one_for_the_rare_and_the_unseen(self):
        values = pd.Series(["a"] * 60 + ["b"] * 38 + ["c", "d"], dtype="str")
        step = {"do": "encode", "with": "one_hot", "rare": 0.05}
        asked = pd.Series(["a", "c", "new", None], dtype="str")
        found = self.one(values, step, kind=Kind.CATEGORY, at=asked)
        assert found[0].tolist() == [1, 0, 0]
        assert found[1].tolist() == found[2].tolist() == [0, 0, 1]

    def test_ordinal_follows_sorted_order(self):
        values = pd.Series(["b", "c", "a", "a"], dtype="str")
        step = {"do": "encode", "with": "ordinal"}
        asked = pd.Series(["a", "b", "c", "z", None], dtype="str")
        found = self.one(values, step, kind=Kind.CATEGORY, at=asked)
        assert found[:, 0].tolist() == [0, 1, 2, -1, -2]

    def test_frequency_and_binary(self):
        values = pd.Series(["a", "a", "a", "b"], dtype="str")
        asked = pd.Series(["a", "b", "z"], dtype="str")
        share = {"do": "encode", "with": "frequency"}
        found = self.one(values, share, kind=Kind.CATEGORY, at=asked)
        assert found[:, 0].tolist() == [0.75, 0.25, 0]
        bits = {"do": "encode", "with": "binary"}
        found = self.one(values, bits, kind=Kind.CATEGORY, at=asked)
        assert len(np.unique(found, axis=0)) == 3
        assert set(np.unique(found)) <= {0, 1}

    def test_a_missing_category_can_become_the_most_frequent_one(self):
        values = pd.Series(["a", "a", "b", None], dtype="str")
        steps = {"do": "impute", "with": "mode"}, {"do": "encode", "with": "one_hot"}
        found = self.one(values, *steps, kind=Kind.CATEGORY)
        assert found.tolist() == [[1, 0], [1, 0], [0, 1], [1, 0]]

    def test_december_is_next_to_january(self):
        step = {"do": "dates", "with": "parts", "parts": ["month"]}
        days = pd.to_datetime(["2023-12-31", "2024-01-01", "2024-07-01"])
        found = self.one(days, step, kind=Kind.DATE)
        near, far = np.linalg.norm(found[0] - found[1]), np.linalg.norm(found[1] - found[2])
        assert near < 0.6 < far

    @pytest.mark.parametrize("how", ["tfidf", "hashed_words", "gap", "minhash"])
    def test_like_texts_get_like_numbers(self, how):
        texts = pd.Series(["red wine glass", "blue car engine"] * 20, dtype="str")
        found = self.one(texts, {"do": "encode", "with": how, "columns": 4}, kind=Kind.TEXT)
        assert np.allclose(found[0], found[2], atol=1e-6)
        assert np.linalg.norm(found[0] - found[1]) > 1e-3

    def test_products_are_named_after_both_columns_and_say_so(self):
        frame = pd.DataFrame({"a": [1.0, 2.0, 3.0], "b": [4.0, 5.0, 7.0]})
        plan = plan_of(
            {"a": (Kind.NUMBER,), "b": (Kind.NUMBER,)},
            table=[{"do": "interact", "with": "products"}],
        )
        made = prepared(plan, frame)
        assert made.transform(frame)[:, 2].tolist() == [4, 10, 21]
        assert made.raw_columns_ == ["a", "b", "a * b"]
        assert made.mixes_columns_

    @pytest.mark.parametrize("how", ["f_test", "mutual_information"])
    def test_the_column_that_tells_most_is_kept(self, how):
        draw = np.random.default_rng(0)
        frame = pd.DataFrame({"noise": draw.normal(size=300), "signal": draw.normal(size=300)})
        frame["gap"] = np.where(draw.random(300) < 0.5, np.nan, 1.0)
        labels = (frame["signal"] > 0).astype(int)
        plan = plan_of(
            dict.fromkeys(frame, (Kind.NUMBER,)),
            table=[{"do": "select", "with": how, "keep": 1}],
        )
        assert prepared(plan, frame, labels, frozenset()).raw_columns_ == ["signal"]

    def test_constants_and_copies_are_left_out(self):
        draw = np.random.default_rng(0)
        frame = pd.DataFrame({"a": draw.normal(size=50), "one": 3.0})
        frame["copy"] = frame["a"] * 2 + 1
        frame["b"] = draw.normal(size=50)
        table = [{"do": "select", "with": "variance"}, {"do": "select", "with": "correlation"}]
        plan = plan_of(dict.fromkeys(frame, (Kind.NUMBER,)), table=table)
        assert prepared(plan, frame).raw_columns_ == ["a", "b"]


class TestRowsOfTraining:
    """Rows are left out of training, never of an answer."""

    def test_a_missing_target_and_copies(self):
        frame = pd.DataFrame({"x": [1.0, 1.0, 1.0, 2.0]})
        labels = pd.Series(["a", "a", "b", None], dtype="str")
        plan = plan_of({"x": (Kind.NUMBER,)}, rows=["target_missing", "duplicates"])
        assert training_rows(plan, frame, labels).tolist() == [0, 2]

    def test_gaps_and_outliers(self):
        frame = pd.DataFrame({"x": [np.nan, *np.arange(50.0), 1e9]})
        drops = {"do": "impute", "with": "drop"}, {"do": "outliers", "with": "drop"}
        plan = plan_of({"x": (Kind.NUMBER, *drops)})
        assert training_rows(plan, frame, None).tolist() == list(range(1, 51))
        made = prepared(plan, frame[1:51])
        assert np.isfinite(made.transform(frame)).all()
        assert len(made.transform(frame)) == len(frame)

    def test_a_step_for_some_algorithms_leaves_rows_to_the_others(self):
        frame = pd.DataFrame({"x": [np.nan, 1.0]})
        step = {"do": "impute", "with": "drop", "when": "no_missing"}
        plan = plan_of({"x": (Kind.NUMBER, step)})
        assert training_rows(plan, frame, None).tolist() == [0, 1]
        assert training_rows(plan, frame, None, LINEAR).tolist() == [1]

    def test_leaving_out_every_row_is_refused(self):
        frame = pd.DataFrame({"x": [np.nan, np.nan]})
        plan = plan_of({"x": (Kind.NUMBER, {"do": "impute", "with": "drop"})})
        with pytest.raises(BadPlan, match="all 2 rows"):
            training_rows(plan, frame, None)


def test_one_row_is_fast(table, planned):
    made = prepared(planned(table.drop(columns="note")), table, table["y"])
    row = table[:1]
    best = min(timeit.repeat(lambda: made.transform(row), number=20, repeat=5)) / 20
    assert best < 0.01, "ten times what it takes on a quiet machine"
