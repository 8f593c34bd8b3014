"""Charts are whole, small, one file each, and say what they show."""

import xml.etree.ElementTree as ET
from dataclasses import replace

import numpy as np
import pytest

from pipelines import testing
from pipelines.algorithms import catalogue
from pipelines.charts.answers import of_classes, of_values
from pipelines.charts.canvas import Sheet, number, ticks_of
from pipelines.charts.searches import of_search
from pipelines.leaderboard import Leaderboard
from pipelines.metrics import find
from pipelines.search.importances import importances
from pipelines.task import Task
from pipelines.trial import Outcome, Trial

DRAW = np.random.default_rng(0)
ROWS = {row.key: row for row in catalogue() if row.task is Task.CLASSIFICATION}


def whole(charts):
    """Every chart is XML that calls nothing, and smaller than a photograph."""
    for name, chart in charts.items():
        root = ET.fromstring(chart)  # noqa: S314 - made here
        assert root.tag.endswith("svg"), name
        assert "script" not in chart
        assert "http" not in chart.replace("http://www.w3.org/2000/svg", "")
        assert len(chart) < 120_000, name
        assert "nan" not in chart, name
    return charts


def words(chart):
    return " ".join(ET.fromstring(chart).itertext())  # noqa: S314 - made here


def test_two_classes_are_drawn_with_their_area_and_counts():
    chance = DRAW.random(500)
    truth = (DRAW.random(500) < chance).astype(int)
    drawn = whole(of_classes(truth, np.column_stack([1 - chance, chance]), ("no <b>", "yes")))
    assert set(drawn) == {"roc.svg", "precision_recall.svg", "calibration.svg", "confusion.svg"}
    assert "yes, area 0." in words(drawn["roc.svg"])
    assert "no <b>" in words(drawn["confusion.svg"])


def test_the_confusion_counts_what_the_threshold_says():
    truth = np.array([0, 1, 1, 0])
    chances = np.array([[0.9, 0.1], [0.7, 0.3], [0.6, 0.4], [0.75, 0.25]])
    even = words(of_classes(truth, chances, ("no", "yes"))["confusion.svg"])
    early = words(of_classes(truth, chances, ("no", "yes"), np.array([0.2, 0.8]))["confusion.svg"])
    assert even != early
    assert "100%" in early


@pytest.mark.parametrize("count", [3, 9, 40])
def test_many_classes_stay_readable(count):
    truth = np.arange(400) % count
    chances = DRAW.dirichlet(np.ones(count), 400)
    drawn = whole(of_classes(truth, chances, tuple(f"kind {at}" for at in range(count))))
    assert ("confusion.svg" in drawn) is (count <= 12)
    assert drawn["roc.svg"].count("area") <= 6


def test_a_class_that_is_not_there_is_left_out():
    chances = np.full((30, 2), 0.5)
    assert "roc.svg" not in whole(of_classes(np.zeros(30, dtype=int), chances, ("no", "yes")))


@pytest.mark.parametrize("scale", [1e-6, 1.0, 1e9])
def test_values_of_any_size_are_drawn(scale):
    truth = scale * DRAW.normal(size=5000)
    drawn = whole(of_values(truth, truth + scale))
    assert set(drawn) == {"predicted.svg", "residuals.svg"}


def test_a_constant_answer_is_drawn_too():
    whole(of_values(np.ones(5), np.ones(5)))


def board(key, trials, origin="tuned"):
    rows = []
    for at in range(trials):
        params = testing.drawn(ROWS[key], at)
        score = 0.9 - abs(np.log10(params["learning_rate"]) + 1.5) / 10
        rows.append((Trial(at, key, params, 0, origin), Outcome(score, folds=(score,))))
    return Leaderboard(find("roc_auc", Task.CLASSIFICATION), tuple(rows))


def test_the_setting_that_made_the_scores_is_named_first():
    shares, why = importances(board("lightgbm", 40), ROWS)
    assert why == ""
    assert next(iter(shares["lightgbm"])) == "learning_rate"
    assert sum(shares["lightgbm"].values()) == pytest.approx(1)


def test_few_trials_say_nothing_of_settings_and_it_is_told():
    shares, why = importances(board("lightgbm", 5), ROWS)
    assert shares == {}
    assert "has 5 trials, and 12 are needed" in why


def test_a_search_is_drawn_and_failures_are_left_out():
    found = board("lightgbm", 30)
    failed = Trial(30, "mlp", {}, 0, "default"), Outcome(None, failure="ValueError: no")
    found = replace(found, rows=(*found.rows, failed))
    shares, _ = importances(found, ROWS)
    drawn = whole(of_search(found, shares))
    assert set(drawn) == {"history.svg", "importances.svg", "parallel.svg"}
    assert "lightgbm: settings of 30 trials" in words(drawn["parallel.svg"])
    assert "mlp" not in words(drawn["history.svg"])


def test_one_trial_has_no_history():
    assert of_search(board("lightgbm", 1), {}) == {}


@pytest.mark.parametrize(("low", "high"), [(0, 1), (-3e6, 2e7), (0.12345, 0.12346), (-1, 0)])
def test_ticks_are_round_and_lie_inside(low, high):
    marks = ticks_of(low, high)
    assert 3 <= len(marks) <= 9
    assert all(low - 1e-9 <= mark <= high + 1e-9 for mark in marks)
    assert len({number(mark) for mark in marks}) == len(marks)


def test_what_lies_outside_is_moved_to_the_edge():
    sheet = Sheet("t", ("x", 0, 1), ("y", 0, 1))
    assert sheet.x(5) == sheet.x(1)
    assert sheet.y(-5) == sheet.y(0)
