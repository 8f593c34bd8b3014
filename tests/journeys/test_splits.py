"""How rows are held out can be said: by group, by time, by marks; one model can be asked for."""

import pytest

from pipelines.samples import credit_risk

RUN = ["run", "loans.csv", "--target", "outcome", "--trials", "2", "--workers", "1"]


@pytest.fixture
def loans(desk):
    frame = credit_risk(500)
    frame["branch"] = [f"branch {i % 25}" for i in range(500)]
    frame["part"] = ["test" if i % 4 == 0 else "train" for i in range(500)]
    frame.to_csv(desk.folder / "loans.csv", index=False)
    return desk


@pytest.mark.parametrize(
    "how", [("--group", "branch"), ("--time", "application_date"), ("--split", "part")], ids=str
)
def test_rows_are_held_out_as_asked(loans, how):
    import pandas as pd

    done = loans.json(*RUN, *how, "--simple", "--algorithms", "logistic")
    [path] = (loans.folder / "mlruns").glob(
        f"*/{done['run_id']}/artifacts/evidence/holdout.parquet"
    )
    held = pd.read_parquet(path)
    whole = pd.read_csv(loans.folder / "loans.csv")
    rest = whole.drop(index=held.index)
    if how[0] == "--group":
        assert not set(held["branch"]) & set(rest["branch"])
    elif how[0] == "--time":
        assert str(held["application_date"].min().date()) >= rest["application_date"].max()
    else:
        assert set(held["part"]) == {"test"}
        assert len(held) == 125


def test_a_column_to_split_by_that_is_not_there_is_named(loans):
    done = loans.mlops(*RUN, "--group", "brunch", check=False)
    assert done.returncode == 14
    assert "Did you mean 'branch'" in done.stderr


def test_a_latency_that_no_model_keeps_is_said(loans):
    done = loans.json(*RUN, "--max-latency", "0.001ms", "--algorithms", "logistic")
    assert any("latency" in note or "row" in note for note in done["notes"])
