"""The planted defects of benchmarks/planted.py, in short: every check finds its own."""

import sys
from pathlib import Path

import numpy as np
import pytest

from pipelines.profile.checks import CHECKS
from pipelines.profile.pair_checks import PAIR_CHECKS, compare
from pipelines.profile.table import profile

sys.path.append(str(Path(__file__).parents[3] / "benchmarks"))

import planted

TABLES = 8


def test_every_check_has_a_planted_defect():
    assert {defect.code for defect in planted.DEFECTS} == {check.code for check in CHECKS}


@pytest.mark.parametrize("defect", planted.DEFECTS, ids=lambda defect: defect.code)
def test_a_planted_defect_is_found(defect):
    found = 0
    for place in range(TABLES):
        rng = np.random.default_rng([7, place])
        data, wanted = defect.plant(planted.clean(rng, defect.task), rng)
        found += planted.caught(profile(data).findings, defect.code, wanted)
    assert found >= TABLES - 1


def test_clean_tables_raise_no_alarm():
    alarms = [
        finding.code
        for place in range(3 * TABLES)
        for finding in profile(planted.clean(np.random.default_rng([8, place]))).findings
    ]
    assert len(alarms) <= 2, alarms


@pytest.mark.parametrize("check", PAIR_CHECKS, ids=lambda check: check.code)
def test_a_defect_between_two_tables_is_found(check):
    for place in range(3):
        pair = planted.pairs(np.random.default_rng([9, place]), check.code)
        assert check.code in {finding.code for finding in compare(*pair)}
