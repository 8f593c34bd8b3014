"""The policy file at the door: what it says, and what is refused before anybody relies on it."""

import sys
from textwrap import dedent

import pytest

from mlops import policies
from mlops.errors import BadPolicy, PolicyExists
from mlops.settings import Settings
from pipelines.errors import FileMissing
from registry.cases import Gate
from registry.gates import EVIDENCE
from registry.permissions import Role
from registry.policy import DEFAULT
from registry.stages import Stage

PRODUCTION = "[[rules]]\n[rules.production"


@pytest.fixture
def read(tmp_path):
    def written(text):
        path = tmp_path / "promotion.toml"
        path.write_text(dedent(text))
        return policies.read(path)

    return written


def test_a_file_starts_from_the_default(read):
    found = read("""
        protected_aliases = ["champion"]
        [[rules]]
        models = "credit-*"
        [rules.production.gates]
        input_example = false
        not_worse = { margin = 0.02 }
        thresholds = { roc_auc = { min = 0.7 } }
        [rules.production.approvals]
        count = 2
        role = "reviewer"
        [rules.production.break_glass]
        roles = ["admin"]
        [[rules]]
        [rules.staging.gates]
        evidence = false
    """)
    credit = found.rules_of("credit-risk", Stage.PRODUCTION)
    assert set(credit.gates) == {*EVIDENCE, "not_worse", "thresholds"} - {"input_example"}
    assert credit.gates["not_worse"].margin == 0.02
    assert credit.gates["thresholds"].metrics["roc_auc"].min == 0.7
    assert (credit.approvals.count, credit.approvals.role) == (2, Role.REVIEWER)
    assert found.rules_of("credit-risk", Stage.STAGING) == DEFAULT.rules_of("x", Stage.STAGING)
    # That the bytes are those on record is not left out in passing.
    assert list(found.rules_of("churn", Stage.STAGING).gates) == ["model_digest"]
    assert found.protects("Champion")


def test_the_digest_is_of_what_is_said_not_of_how(read):
    one = read("[[rules]]\nmodels = 'a'\n[rules.production.gates]\nschema = true\n")
    two = read("# words\n[[rules]]\nmodels='a'\nproduction = { gates = { schema = {} } }\n")
    other = read("[[rules]]\nmodels='a'\nproduction = { gates = { schema = false } }\n")
    assert one.digest == two.digest
    assert len({one.digest, other.digest, DEFAULT.digest}) == 3


@pytest.mark.parametrize(
    ("text", "told"),
    [
        ("rulez = []", "at rulez: there is no such key; did you mean 'rules'?"),
        ("[[rules]]\nmodel = 'a'", r"at rules\[0\].model: .* did you mean 'models'?"),
        (f"{PRODUCTION}.approval]", r"approval: there is no such key; did you mean 'approvals'?"),
        (f"{PRODUCTION}.gates]\nnot_worst = true", "there is no such gate; did you mean 'not_wor"),
        (f"{PRODUCTION}.gates.not_worse]\nmargn = 1", r"not_worse.margn: .* mean 'margin'?"),
        (f"{PRODUCTION}.gates.latency]", "latency.max_ms: it is missing"),
        (f"{PRODUCTION}.gates]\nthresholds = {{ roc_auc = {{ mim = 1 }} }}",
         r"thresholds.roc_auc.mim: .* did you mean 'min'?"),
        (f"{PRODUCTION}.gates]\nlatency = {{ max_ms = 'fast' }}", "'fast': Input should be"),
        ("rules = 3 =", "it is no TOML"),
    ],
)  # fmt: skip
def test_an_unknown_key_is_refused_with_the_nearest_one(read, text, told):
    with pytest.raises(BadPolicy, match=told) as no:
        read(text)
    assert "\n" not in str(no.value)


@pytest.mark.parametrize(
    ("text", "told"),
    [
        (".approvals]\ncount = 1\nrole = 'viewer'", "a viewer may not approve, only reviewer"),
        (".approvals]\ncount = 1\nrole = 'pope'", "'pope': Input should be 'viewer'"),
        (".approvals]\ncount = 3\npeople = ['a', 'b']", "3 approvals by 2 people"),
        (".approvals]\ncount = -1", "greater than or equal to 0"),
        (".gates]\nthresholds = { log_loss = { min = 2, max = 1 } }", "min 2 lies above max 1"),
        (".gates]\nthresholds = { roc_auc = { min = 1.2 } }", "roc_auc is 1 at most"),
        (".gates]\nthresholds = {}", "name at least one metric"),
        (".gates]\nlatency = { max_ms = 0 }", "max_ms is 0: nothing can pass"),
        (".gates]\nsafe_format = { allow = [] }", "allow is empty: nothing can pass"),
        (".gates]\ncohort_gap = { max = -1 }", "max is -1: nothing can pass"),
        (".gates]\nbetter_than_champion = { alpha = 0 }", "alpha is 0"),
        (".break_glass]\nroles = []", "it names nobody"),
        ("]\nfreezes = [{ why = 'x', days = ['mon','tue','wed','thu','fri','sat','sun'] }]",
         "every day of the week is frozen"),
        ("]\nfreezes = [{ why = 'x' }]", "give from and until, or days"),
        ("]\nfreezes = [{ why = 'x', from = 2026-01-01T00:00:00Z, until = 2099-01-01T00:00:00Z }]",
         "nothing can pass from 2026 to 2099"),
        ("]\nfreezes = [{ why = 'x', from = 2026-02-01T00:00:00Z, until = 2026-01-01T00:00:00Z }]",
         "it ends before it begins"),
        ("]\nfreezes = [{ why = 'x', from = 2026-02-01T00:00:00, until = 2026-03-01T00:00:00 }]",
         "write times with their zone"),
        ("]\n[[rules]]\nmodels = 'a'", "it never applies"),
    ],
)  # fmt: skip
def test_what_can_never_pass_is_refused_with_why(read, text, told):
    with pytest.raises(BadPolicy, match=told):
        read(PRODUCTION + text)


def test_weekends_may_be_frozen(read):
    found = read(f"{PRODUCTION}]\nfreezes = [{{ why = 'rest', days = ['sat', 'sun'] }}]")
    assert found.rules_of("a", Stage.PRODUCTION).freezes[0].days == ("sat", "sun")


def test_a_first_file_says_what_the_default_says(tmp_path):
    path = tmp_path / "promotion.toml"
    policies.write(path)
    found = policies.read(path)
    for stage in (Stage.STAGING, Stage.PRODUCTION):
        assert found.rules_of("any", stage) == DEFAULT.rules_of("any", stage)
    with pytest.raises(PolicyExists):
        policies.write(path)


def test_every_gate_that_the_first_file_shows_can_be_switched_on(tmp_path, read):
    shown = policies.TEMPLATE.read_text().replace("\n# ", "\n").replace("better_than", "# better")
    text = shown[shown.index("protected_aliases") :]
    kept = [line for line in text.splitlines() if "=" in line or line.startswith("[")]
    found = read("\n".join(kept))
    rules = found.rules_of("any", Stage.PRODUCTION)
    assert {"thresholds", "latency", "schema", "reproducible"} <= set(rules.gates)
    assert (rules.approvals.count, len(rules.freezes)) == (1, 2)
    assert rules.break_glass is not None


def test_the_setting_names_the_file_and_without_one_the_folder_or_the_default(
    tmp_path, monkeypatch
):
    monkeypatch.chdir(tmp_path)
    assert policies.load(Settings()) is DEFAULT
    (tmp_path / "promotion.toml").write_text("protected_aliases = ['a']")
    assert policies.load(Settings()).protected_aliases == ("a",)
    (tmp_path / "other.toml").write_text("protected_aliases = ['b']")
    assert policies.load(Settings(policy="other.toml")).protected_aliases == ("b",)
    with pytest.raises(FileMissing):
        policies.load(Settings(policy="nowhere.toml"))


OWN = """
from dataclasses import dataclass
from registry.cases import Gate

GATE = Gate(
    code="X001", key="weekday", title="weekday", asks="Is it a weekday?", needed="a weekday",
    observed=lambda case: "monday", check=lambda case: None,
)
NO_GATE = 3
"""


@pytest.fixture
def installed(tmp_path, monkeypatch):
    """A package beside ours that brings gates."""
    (tmp_path / "own_gates.py").write_text(OWN)
    info = tmp_path / "own_gates-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: own-gates\nVersion: 1.0\n")
    points = "[mlops.gates]\nweekday = own_gates:GATE\nbroken = own_gates:NO_GATE\n"
    (info / "entry_points.txt").write_text(points)
    monkeypatch.syspath_prepend(str(tmp_path))
    yield
    sys.modules.pop("own_gates", None)


@pytest.mark.usefixtures("installed")
def test_a_gate_of_ones_own_comes_by_an_entry_point(read):
    found = read(f"{PRODUCTION}.gates]\nweekday = true")
    rules = found.rules_of("a", Stage.PRODUCTION)
    gates = {gate.code: gate for gate, _ in found.asked(rules)}
    assert isinstance(gates["X001"], Gate)
    with pytest.raises(BadPolicy, match=r"own_gates:NO_GATE is no registry\.cases\.Gate"):
        read(f"{PRODUCTION}.gates]\nbroken = true")


def test_a_metric_that_nobody_knows_is_noted(read):
    found = read(f"{PRODUCTION}.gates]\nthresholds = {{ roc_acu = {{ min = 0.5 }} }}")
    assert policies.notes(found) == [
        "No metric of ours is called 'roc_acu'; did you mean 'roc_auc'?"
    ]
