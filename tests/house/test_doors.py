"""The door opens fast, and shows what it says it shows."""

import subprocess
import sys

import pytest

import mlops

HEAVY = {
    "mlflow",
    "pandas",
    "numpy",
    "sklearn",
    "shap",
    "lime",
    "optuna",
    "pyod",
    "torch",
    "sqlalchemy",
}


def loaded_by(code):
    shown = f"{code}; import sys; print(*sorted(sys.modules), file=sys.stderr)"
    run = subprocess.run([sys.executable, "-c", shown], capture_output=True, text=True, check=True)
    return set(run.stderr.split())


def test_the_command_line_loads_nothing_heavy_before_a_command_runs():
    assert not HEAVY & loaded_by("import mlops.cli, mlops")


def test_a_promotion_does_not_pay_for_explanations_or_learning():
    assert not {"shap", "lime", "sklearn", "optuna", "pandas", "mlflow"} & loaded_by(
        "import mlops.promotions, mlops.records"
    )


def test_reading_settings_loads_no_database_and_no_frame():
    assert not HEAVY & loaded_by("import mlops.settings")


@pytest.mark.parametrize("name", mlops.__all__)
def test_every_public_name_is_there_and_documented(name):
    assert getattr(mlops, name).__doc__


def test_the_public_names_are_those_the_door_loads_lazily():
    assert sorted(mlops._HOMES) == mlops.__all__
    assert set(mlops.__all__) <= set(dir(mlops))


def test_an_unknown_name_is_refused():
    with pytest.raises(AttributeError, match="no attribute 'rum'"):
        mlops.rum  # noqa: B018
