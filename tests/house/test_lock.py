"""pyproject.toml and requirements.lock are kept together."""

import tomllib
from pathlib import Path

import pytest
from packaging.requirements import Requirement

ROOT = Path(__file__).parents[2]
PROJECT = tomllib.loads((ROOT / "pyproject.toml").read_text())["project"]
LOCKED = dict(
    line.split("==")
    for line in (ROOT / "requirements.lock").read_text().splitlines()
    if line and not line.startswith("#")
)
WANTED = [
    *PROJECT["dependencies"],
    *(line for extra in PROJECT["optional-dependencies"].values() for line in extra),
]


@pytest.mark.parametrize("line", WANTED)
def test_every_dependency_is_locked_at_a_version_it_allows(line):
    wanted = Requirement(line)
    if wanted.name == "mlops-platform" or not (wanted.marker is None or wanted.marker.evaluate()):
        return
    version = LOCKED[wanted.name.lower().replace("_", "-")]
    assert wanted.specifier.contains(version), f"the lock has {version}; run 'make lock'"


def test_all_gathers_every_extra_but_dev():
    [line] = PROJECT["optional-dependencies"]["all"]
    assert Requirement(line).extras == set(PROJECT["optional-dependencies"]) - {"all", "dev"}


def test_a_plain_install_brings_no_deep_learning_framework():
    names = {Requirement(line).name for line in PROJECT["dependencies"]}
    assert not names & {"torch", "tensorflow", "tensorflow-cpu", "jax", "keras"}
