"""What every test may use. Thread caps are set before NumPy loads."""

import os

for _name in ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS"):
    os.environ.setdefault(_name, "1")
_KEPT = {"MLOPS_MLFLOW_STAGES"}  # the suite is green with and without MLflow's own stages
for _name in list(os.environ):
    if (_name.startswith(("MLOPS_", "MLFLOW_")) or _name == "CI") and _name not in _KEPT:
        del os.environ[_name]


def pytest_runtest_setup(item):
    """Forget the store that a test before named: MLflow passes it on by the environment."""
    for name in [name for name in os.environ if name.startswith(("MLOPS_", "MLFLOW_"))]:
        if name.endswith("_URI"):
            del os.environ[name]
