import numpy as np
import pytest
from scipy import stats

from pipelines import metrics, paired
from pipelines.errors import BadSetting
from pipelines.paired import Asked
from pipelines.task import Task

AUC = metrics.find("roc_auc", Task.ANOMALY)
ACCURACY = metrics.find("accuracy", Task.CLASSIFICATION)
MAE = metrics.find("mae", Task.REGRESSION)
ROWS, TIMES = 300, 400


def pair(rng, edge=0.0, rows=ROWS):
    """Draw a truth, and two scores that share noise; the first knows ``edge`` more."""
    truth = rng.integers(0, 2, rows)
    shared = rng.normal(size=rows)
    ours, theirs = (
        (1.2 + e) * truth + 0.7 * shared + 0.7 * rng.normal(size=rows) for e in (edge, 0)
    )
    return truth, ours, theirs


def shares(scores):
    low = scores - 0.6
    return np.column_stack([-low, low])


def delong(truth, ours, theirs, asked=None):
    return paired.compare(AUC, truth, ours, theirs, asked)


def mcnemar(truth, ours, theirs, asked=None):
    return paired.compare(ACCURACY, truth, shares(ours), shares(theirs), asked)


@pytest.mark.parametrize("test", [delong, mcnemar])
def test_of_two_equal_models_one_is_called_better_no_oftener_than_alpha(test):
    rng = np.random.default_rng(0)
    shown = sum(test(*pair(rng)).shown for _ in range(TIMES))
    assert shown <= stats.binom.ppf(0.999, TIMES, 0.05)


@pytest.mark.parametrize("test", [delong, mcnemar])
def test_a_model_that_is_worse_by_the_margin_passes_no_oftener_than_alpha(test):
    rng, margin = np.random.default_rng(1), None
    draws = [pair(rng, edge=-0.3) for _ in range(TIMES)]
    gaps = [test(*draw).difference for draw in draws]
    margin = -float(np.mean(gaps))
    assert margin > 0
    shown = sum(test(*draw, Asked(margin=margin)).shown for draw in draws)
    assert shown <= stats.binom.ppf(0.9999, TIMES, 0.05)


@pytest.mark.parametrize("test", [delong, mcnemar])
def test_a_model_that_is_clearly_better_is_seen(test):
    rng = np.random.default_rng(2)
    assert sum(test(*pair(rng, edge=0.8)).shown for _ in range(50)) >= 45


def test_delongs_variance_is_that_of_the_definition():
    truth, ours, theirs = pair(np.random.default_rng(3), 0.2, rows=60)
    one, zero = truth == 1, truth == 0
    placed = []
    for score in (ours, theirs):
        wins = (score[one][:, None] > score[zero]) + 0.5 * (score[one][:, None] == score[zero])
        placed.append((wins.mean(axis=1), wins.mean(axis=0)))
    gaps = [placed[0][side] - placed[1][side] for side in (0, 1)]
    error = np.sqrt(sum(gap.var(ddof=1) / len(gap) for gap in gaps))
    difference = placed[0][0].mean() - placed[1][0].mean()
    found = delong(truth, ours, theirs)
    assert found.difference == pytest.approx(difference)
    assert found.p_value == pytest.approx(stats.norm.sf(difference / error))
    assert found.low == pytest.approx(difference - stats.norm.isf(0.05) * error)


def test_mcnemars_mid_p_is_that_of_the_binomial():
    for won, lost in [(9, 1), (0, 4), (5, 5), (1, 0), (0, 0)]:
        exact = stats.binom.sf(won, won + lost, 0.5) + 0.5 * stats.binom.pmf(won, won + lost, 0.5)
        wanted = 1.0 if won + lost == 0 else exact
        assert paired._mid_p(won, lost) == pytest.approx(wanted)


def test_tangos_bound_is_where_its_score_leaves_the_level():
    low = paired._tango_low(30, 20, 200, 0.05)
    assert paired._tango(30, 20, 200, low) == pytest.approx(stats.norm.isf(0.05), abs=1e-6)


@pytest.mark.parametrize("key", ["mae", "rmse", "log_loss", "balanced_accuracy"])
def test_the_bootstrap_knows_which_way_is_up(key):
    rng = np.random.default_rng(4)
    truth, ours, theirs = pair(rng, edge=1.5)
    if key in {"mae", "rmse"}:
        metric, answers = metrics.find(key, Task.REGRESSION), (ours / 2.7, theirs - 3)
        truth = truth.astype(float)
    else:
        metric = metrics.find(key, Task.CLASSIFICATION)
        chances = [1 / (1 + np.exp(-(score - 0.6))) for score in (ours, theirs * 0)]
        answers = tuple(np.column_stack([1 - chance, chance]) for chance in chances)
    there = paired.compare(metric, truth, *answers)
    back = paired.compare(metric, truth, *answers[::-1])
    assert (there.method, there.shown, back.shown) == ("paired bootstrap", True, False)
    assert there.low > 0 > back.low
    assert paired.compare(metric, truth, *answers) == there


def test_a_model_is_not_better_than_itself_but_not_worse_by_a_margin():
    truth, ours, _ = pair(np.random.default_rng(5))
    for test in (delong, mcnemar):
        assert not test(truth, ours, ours).shown
        assert test(truth, ours, ours, Asked(margin=0.05)).shown


def test_folds_are_corrected_for_sharing_their_rows():
    ours, theirs = [0.81, 0.82, 0.80, 0.83, 0.81], [0.80, 0.80, 0.80, 0.81, 0.80]
    found = paired.folds(ours, theirs, Asked(), upwards=True, tested=0.25)
    plain = stats.ttest_rel(ours, theirs, alternative="greater").pvalue
    assert found.p_value > plain
    assert paired.folds(theirs, ours, Asked(), upwards=False, tested=0.25).p_value == found.p_value
    same = paired.folds(ours, ours, Asked(), upwards=True, tested=0.25)
    assert (same.p_value, same.shown) == (1.0, False)


@pytest.mark.parametrize(
    ("asked", "rows", "told"),
    [
        (Asked(method="mcnemar"), ROWS, "auto, bootstrap"),
        (Asked(method="folds"), ROWS, "auto, bootstrap"),
        (Asked(), 10, "at least 20"),
    ],
)
def test_a_test_that_makes_no_sense_is_refused(asked, rows, told):
    truth, ours, theirs = pair(np.random.default_rng(6), rows=rows)
    with pytest.raises(BadSetting, match=told):
        delong(truth, ours, theirs, asked)


def test_one_class_alone_and_too_few_folds_are_refused():
    with pytest.raises(BadSetting, match="Both classes"):
        delong(np.zeros(50, int), np.arange(50.0), np.arange(50.0))
    with pytest.raises(BadSetting, match="three or more"):
        paired.folds([1, 2], [1, 2], Asked(), upwards=True, tested=0.5)
    assert paired.compare(MAE, np.zeros(30), np.ones(30), np.ones(30) * 2).shown
