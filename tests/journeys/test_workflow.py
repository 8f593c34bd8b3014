"""The example workflow does what it says: its shell steps are run for real, in their order."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest
import yaml

from pipelines.samples import credit_risk
from tests.journeys.conftest import ROOT

WORKFLOW = yaml.safe_load((ROOT / "docs" / "examples" / "promote.yml").read_text())
CODES = re.findall(
    r"^ +(\d+(?: \| \d+)*)\)", WORKFLOW["jobs"]["promote"]["steps"][-1]["run"], re.M
)


class Runner:
    """Runs a job's shell steps as GitHub does: bash -e, variables handed on by a file."""

    def __init__(self, folder):
        self.folder, self.values = folder, {}
        (folder / "bin").mkdir()
        for name, line in {
            "mlops": f'exec {sys.executable} -m mlops "$@"',
            "python": f'exec {sys.executable} "$@"',
            "gh": 'echo "$@" >> gh.log; cp "${@: -1}" comment.md',
        }.items():
            program = folder / "bin" / name
            program.write_text(f"#!/bin/bash\n{line}\n")
            program.chmod(0o755)

    def run(self, job, **more):
        for step in WORKFLOW["jobs"][job]["steps"]:
            if "run" in step and step["name"] != "Install":
                done = self._step(step, more)
                if done.returncode:
                    return step["name"], done
        return None, done

    def _step(self, step, more):
        known = {k: str(v) for k, v in {**WORKFLOW["env"], **step.get("env", {})}.items()}
        plain = {key: value for key, value in known.items() if "${{" not in value}
        handed = self.folder / "handed.env"
        handed.touch()
        self.values |= dict(line.split("=", 1) for line in handed.read_text().splitlines())
        env = {
            **os.environ, **plain, **self.values, "NUMBER": "7", "CI": "true",
            "PATH": f"{self.folder / 'bin'}:{os.environ['PATH']}", "PYTHONPATH": str(ROOT),
            "GITHUB_ENV": str(handed), "GITHUB_STEP_SUMMARY": str(self.folder / "summary.md"),
            "GITHUB_SHA": "c0ffee", "GITHUB_REF_NAME": "7/merge", **more,
        }  # fmt: skip
        return subprocess.run(
            ["/bin/bash", "-eo", "pipefail", "-c", step["run"]], cwd=self.folder, env=env,
            capture_output=True, text=True, check=False, timeout=900,
        )  # fmt: skip


@pytest.fixture
def runner(tmp_path):
    folder = tmp_path
    (folder / "data").mkdir()
    table = credit_risk(600, 0).rename(columns={"outcome": WORKFLOW["env"]["TARGET"]})
    table.to_csv(folder / WORKFLOW["env"]["DATA"], index=False)
    (folder / "promotion.toml").write_text(
        "[[rules]]\n[rules.production.gates]\nreproducible = true\nschema = true\n"
        "latency = { max_ms = 5000 }\nbetter_than_champion = { margin = 0.2 }\n"
        "[[rules.production.freezes]]\nwhy = 'the test'\n"
        "from = 2020-01-01T00:00:00Z\nuntil = 2020-02-01T00:00:00Z\n"
    )
    return Runner(folder)


def test_a_pull_request_is_trained_checked_and_told_then_merged_and_promoted(runner):
    failed, done = runner.run("check", BUDGET="4s")
    assert failed is None, done.stdout + done.stderr
    comment = (runner.folder / "comment.md").read_text()
    assert comment.startswith("### ✅ `churn/1` may enter production")
    assert "| ✅ | G023 metrics come out again |" in comment
    assert (runner.folder / "summary.md").read_text() == comment
    failed, done = runner.run("promote", MLOPS_ROLE="scientist")
    assert (failed, done.returncode) == ("Promote", 6)
    failed, done = runner.run("promote")
    assert failed is None, done.stdout + done.stderr
    told = json.loads((runner.folder / "promotion.json").read_text())
    assert (told["version"], told["stage"], told["mirrored"]) == ("churn/1", "production", True)
    assert "promoted" in done.stdout
    failed, done = runner.run("promote")
    assert (failed, done.returncode) == ("Promote", 4)  # nothing is left in staging


def test_the_workflow_knows_the_codes_that_the_program_has():
    from mlops.failures import FAILURES

    known = {row.exit_code for row in FAILURES.values()} | {0}
    named = {int(code) for codes in CODES for code in codes.split(" | ")}
    assert named <= known
    page = (Path(ROOT) / "docs" / "how-to" / "promote-in-ci.md").read_text()
    assert all(str(code) in page for code in named)
