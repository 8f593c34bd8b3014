"""The fuzz of benchmarks/explain_fuzz.py, in short: each kind of model against the definition."""

from __future__ import annotations

import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parents[3] / "benchmarks"))

import explain_fuzz

pytestmark = pytest.mark.filterwarnings("ignore")


@pytest.mark.parametrize("seed", range(1000, 1000 + 3 * len(explain_fuzz.KINDS)))
def test_random_models_behind_one_hot_codes_are_explained_as_the_definition_says(seed):
    _, apart, gap = explain_fuzz.difference(seed)
    assert apart < explain_fuzz.BAR
    assert gap <= explain_fuzz.BAR
