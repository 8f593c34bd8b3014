"""Every error a user can meet has its own exit code in one table."""

import subprocess
import sys

import pytest

from mlops import errors, failures
from pipelines import errors as making
from registry import errors as record

BASES = (making.PipelineError, record.RegistryError, errors.DoorError)


def below(cls):
    for child in cls.__subclasses__():
        if child.__module__.startswith(("mlops.errors", "pipelines.errors", "registry.errors")):
            yield child
            yield from below(child)


EVERY = sorted({cls for base in BASES for cls in below(base)}, key=lambda cls: cls.__name__)


@pytest.mark.parametrize("cls", EVERY, ids=lambda cls: cls.__name__)
def test_every_error_has_a_row_of_its_own(cls):
    assert cls in failures.FAILURES


@pytest.mark.parametrize("module", [making, record, errors], ids=lambda module: module.__name__)
def test_the_tree_at_the_top_of_the_file_names_every_error(module):
    ours = [cls for cls in EVERY if cls.__module__.startswith(module.__name__)]
    assert not [cls.__name__ for cls in ours if cls.__name__ not in module.__doc__]
    assert all(getattr(module, cls.__name__) is cls for cls in ours), "they have one address"


def test_exit_codes_are_distinct_but_for_usage_and_the_unforeseen():
    codes = [row.exit_code for row in failures.FAILURES.values() if row.exit_code > 2]
    assert len(codes) == len(set(codes))
    slugs = [row.slug for row in failures.FAILURES.values()]
    assert len(slugs) == len(set(slugs))


def test_something_unforeseen_is_a_sentence_and_not_a_traceback(tmp_path):
    (tmp_path / ".mlops").mkdir()
    run = subprocess.run(
        [sys.executable, "-m", "mlops", "show", "x/1"],
        capture_output=True, text=True, cwd=tmp_path, check=False,
        env={"MLOPS_DATABASE_URL": "mysql://nowhere/x", "PATH": ""},
    )  # fmt: skip
    assert run.returncode != 0
    assert "Traceback" not in run.stderr
