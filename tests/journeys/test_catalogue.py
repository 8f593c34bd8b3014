"""The catalogue, as a person looks at it."""


def test_the_catalogue_is_listed_with_limits_extras_and_what_a_row_is_only_for(desk):
    told = {(row["task"], row["key"]): row for row in desk.json("algorithms")}
    assert told["classification", "gaussian_process"]["most_rows"] == 500
    assert told["regression", "catboost"]["extra"] == "catboost"
    assert "poisson_deviance" in told["regression", "poisson"]["only_for"]
    assert {"dummy", "lightgbm", "knn", "mlp", "qda"} <= {
        key for task, key in told if task == "classification"
    }


def test_one_task_is_listed_as_a_table_and_a_slip_is_told(desk):
    shown = desk.mlops("algorithms", "--task", "regression").stdout
    assert "5,000 rows, 200 columns" in shown
    assert "naive_bayes" not in shown
    slip = desk.mlops("algorithms", "--task", "clasification", check=False)
    assert slip.returncode == 2
    assert "Did you mean 'classification'?" in slip.stderr


def test_the_version_is_told(desk):
    assert desk.mlops("--version").stdout.startswith("mlops 0.")
