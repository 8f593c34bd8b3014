"""What a profile says about columns, the whole table, and what somebody asked for."""

import json

import numpy as np
import pandas as pd
import pytest
from scipy import stats

from pipelines.dataset import Dataset, Kind
from pipelines.profile.facts import Severity
from pipelines.profile.pair_checks import compare
from pipelines.profile.table import profile
from pipelines.task import Task

RNG = np.random.default_rng(0)
N = 1000


def frame():
    rng = np.random.default_rng(3)
    x = rng.normal(size=N)
    data = pd.DataFrame(
        {
            "x": x,
            "amount": np.exp(8 + rng.normal(size=N)).astype(int),
            "city": pd.Series(rng.choice(["Rome", "Oslo", "Bonn"], N)).astype("str"),
            "member": rng.random(N) < 0.3,
            "y": (x + rng.normal(size=N) > 0).astype(int),
        }
    )
    data.loc[:99, "city"] = None
    return data


def of(data, task=Task.CLASSIFICATION, **options):
    kinds = options.pop("kinds", {})
    return profile(Dataset("t", data, task, "y", kinds=kinds), **options)


def test_numbers_agree_with_pandas():
    data = frame()
    told, theirs = of(data).column("amount"), data["amount"].describe()
    for ours, name in [("mean", "mean"), ("median", "50%"), ("q25", "25%"), ("max", "max")]:
        assert told.numbers[ours] == pytest.approx(theirs[name])
    assert told.distinct == data["amount"].nunique()
    assert sum(told.numbers["histogram"]["counts"]) == N


def test_outliers_are_those_beyond_the_fences():
    data = frame()
    low, high = of(data).column("amount").numbers["fences"]
    expected = ((data["amount"] < low) | (data["amount"] > high)).sum()
    assert of(data).column("amount").numbers["outliers"] == expected > 0


def test_levels_are_counted_and_missing_ones_are_not():
    city = of(frame()).column("city")
    assert (city.kind, city.missing, city.distinct) == (Kind.CATEGORY, 100, 3)
    assert sum(rows for _, rows in city.numbers["top"]) == 900


def test_association_with_classes_is_the_test_that_scipy_makes():
    data = frame()
    told = of(data).column("x").association
    theirs = stats.kruskal(data["x"][data["y"] == 0], data["x"][data["y"] == 1])
    assert told["test"] == "Kruskal-Wallis"
    assert told["p_value"] == pytest.approx(theirs.pvalue, rel=1e-3)
    city = of(data).column("city").association
    table = pd.crosstab(data["city"], data["y"])
    assert city["p_value"] == pytest.approx(stats.chi2_contingency(table, correction=False).pvalue)


def test_association_with_a_number_is_spearmans():
    data = frame().assign(y=frame()["x"] * 2 + RNG.normal(size=N))
    told = of(data, Task.REGRESSION).column("x").association
    assert told["value"] == pytest.approx(stats.spearmanr(data["x"], data["y"])[0], abs=1e-5)


def test_the_same_seed_gives_the_same_profile_as_plain_json():
    one, two = (json.dumps(of(frame(), seed=4).to_dict(), sort_keys=True) for _ in range(2))
    assert one == two
    assert "NaN" not in one


def test_asked_kinds_win_over_the_values():
    assert of(frame(), kinds={"x": Kind.ID}).drops["x"].code == "D040"
    assert of(frame(), kinds={"amount": Kind.CATEGORY}).column("amount").kind is Kind.CATEGORY


@pytest.mark.parametrize(
    ("name", "cells", "kind"),
    [
        ("row", np.arange(N), Kind.ID),
        ("salary", RNG.permutation(N * 40)[:N], Kind.NUMBER),
        ("user_id", RNG.permutation(N * 40)[:N], Kind.ID),
        ("token", [RNG.bytes(8).hex() for _ in range(N)], Kind.ID),
        ("price", RNG.normal(size=N), Kind.NUMBER),
        ("review", [f"it was the {i}th time I came here" for i in range(N)], Kind.TEXT),
        ("size", RNG.choice(["s", "m", "l"], N), Kind.CATEGORY),
        ("on", RNG.random(N) < 0.5, Kind.BOOLEAN),
    ],
)
def test_kinds_come_from_values_and_a_name_only_helps(name, cells, kind):
    column = pd.Series(cells)
    column = column if column.dtype != object else column.astype("str")
    assert of(frame().assign(**{name: column})).column(name).kind is kind


def test_keep_overrides_what_would_be_left_out_and_says_so():
    data = frame().assign(row_id=np.arange(N), flat=1)
    assert set(of(data).drops) == {"row_id", "flat"}
    kept = of(data, keep=["row_id"])
    assert set(kept.drops) == {"flat"}
    finding = next(f for f in kept.findings if f.code == "D040")
    assert finding.remedy == "Used all the same, as asked: 'row_id'."


def test_the_first_of_two_equal_columns_stays():
    data = frame()
    assert set(of(data.assign(inches=data["x"] * 2.54)).drops) == {"inches"}
    code = data["city"].map({"Rome": "IT", "Oslo": "NO", "Bonn": "DE"}).astype("str")
    assert set(of(data.assign(code=code)).drops) == {"code"}


def test_a_copy_of_a_column_that_is_left_out_does_not_save_it():
    data = frame()
    leak = data["y"] * 10.0 + RNG.normal(size=N) * 0.5
    assert set(of(data.assign(fee=leak, fee_cents=leak * 100)).drops) == {"fee", "fee_cents"}


def test_a_date_after_the_fact_is_left_out():
    data = frame()
    asked = pd.Series(pd.Timestamp("2022-01-01") + pd.to_timedelta(RNG.integers(0, 700, N), "D"))
    closed = (asked + pd.Timedelta("30D")).where(data["y"] == 1)
    told = of(data.assign(asked=asked, closed=closed))
    assert told.drops["closed"].code in {"D021", "D022"}
    assert "asked" not in told.drops


@pytest.mark.parametrize(("labelled", "code"), [(4, "D023"), (50, "D023"), (100, "D021")])
def test_a_column_that_tells_a_few_labelled_anomalies_is_no_leak(labelled, code):
    data = frame()
    odd = np.arange(N) % (N // labelled) == 0
    told = of(data.assign(y=odd.astype(int), amount=data["amount"] + odd * 1e7), Task.ANOMALY)
    assert [one.code for one in told.findings if "amount" in one.columns] == [code]
    assert ("amount" in told.drops) is (code == "D021")


def test_sorted_dates_and_repeated_entities_get_a_split_proposed():
    data = frame()
    own = RNG.normal(size=200)
    who = RNG.integers(0, 200, N)
    day = pd.Series(pd.Timestamp("2022-01-01") + pd.to_timedelta(np.arange(N) // 3, "D"))
    told = of(data.assign(patient_id=who, weight=own[who], visited=day))
    by_code = {finding.code: finding for finding in told.findings}
    assert by_code["D030"].columns == ("patient_id",)
    assert by_code["D031"].columns == ("visited",)
    assert "split in time by 'visited'" in by_code["D031"].remedy


def test_a_sampled_table_says_so_and_counts_missing_values_in_full():
    data = frame()
    told = of(data, max_rows=300)
    assert told.table["sampled"] == {"rows": 300, "of": N, "seed": 0}
    assert told.rows == N
    assert told.column("city").missing == 100


@pytest.mark.parametrize("name", ["patient_id", "who"])
def test_groups_are_found_in_a_table_that_is_looked_at_by_a_sample(name):
    rng = np.random.default_rng(5)
    who = rng.integers(0, 4000, 12_000)
    own = rng.normal(size=4000)[who]
    data = pd.DataFrame(
        {name: [f"P{n:05d}" for n in who], "x": own + 0.3 * rng.normal(size=12_000)}
    )
    data["y"] = rng.integers(0, 2, 12_000)
    told = of(data.astype({name: "str"}), max_rows=1500)
    [found] = [finding for finding in told.findings if finding.code == "D030"]
    assert found.columns == (name,)
    entities = len(set(who))
    assert f"{entities:,} entities in 12,000 rows" in found.reason


def test_an_infinity_outside_the_sample_is_still_found():
    data = frame()
    data.loc[7, "x"] = np.inf
    found = [f for f in of(data, max_rows=100, seed=1).findings if f.code == "D011"]
    assert found
    assert "first in row 7" in found[0].reason


def test_correlated_columns_make_a_cluster_and_missing_ones_a_pattern():
    data = frame()
    near = data["x"] + RNG.normal(size=N) * 0.2
    data = data.assign(near=near, gone=near.where(data["city"].notna()) ** 3)
    told = of(data).table
    assert ["x", "near", "gone"] in told["correlations"]["clusters"]
    assert {"missing": ["city", "gone"], "share": 0.1} in told["missing"]


def test_an_anomaly_table_without_target_is_profiled():
    data = frame().drop(columns="y")
    told = profile(Dataset("t", data, Task.ANOMALY))
    assert told.findings == ()
    assert all(not column.association for column in told.columns)


def test_booleans_with_gaps_and_odd_names_are_read():
    data = frame()
    data["maybe"] = pd.array([True, None, False, None] * 250, dtype="boolean")
    data["  <b>&'\" "] = RNG.normal(size=N)
    told = of(data)
    assert told.column("maybe").kind is Kind.BOOLEAN
    assert told.column("maybe").missing == 500


def test_rows_in_two_tables_are_counted_and_drift_between_them_is_named():
    data = frame()
    train, test = data[:600], data[550:].reset_index(drop=True)
    task = Task.CLASSIFICATION
    same = compare(Dataset("train", train, task, "y"), Dataset("test", test, task, "y"))
    assert [finding.code for finding in same] == ["D050"]
    assert "50 rows of 'test'" in same[0].reason
    moved = data[600:].assign(x=lambda f: f["x"] + 1.5).reset_index(drop=True)
    apart = compare(Dataset("train", train, task, "y"), Dataset("test", moved, task, "y"))
    assert [finding.code for finding in apart] == ["D051"]
    assert apart[0].columns[0] == "x"
    assert apart[0].severity is Severity.ADVICE
