"""Before a version is judged: which policy applies, and everything its gates will look at.

What was measured is kept with the version, so that a check in a pull request and the promotion
after the merge rest on the same numbers. The files alone are looked at every time: bytes change.
"""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlops import files, policies
from mlops.errors import UnwritableFolder
from registry import measurements, refs, versions
from registry.cases import Case, NoSettings
from registry.errors import GatesFailed
from registry.gates import judge
from registry.moves import Seen
from registry.permissions import Action, may
from registry.policy import Policy, Rule, Rules
from registry.promotion import Grounds
from registry.stages import Stage

if TYPE_CHECKING:
    from collections.abc import Mapping

    from mlops.measuring import Bench
    from mlops.workspace import Workspace
    from registry.versions import ModelVersion

logger = logging.getLogger(__name__)
_INTEGRITY = Rules(gates={"model_digest": NoSettings()})


@dataclass(frozen=True, slots=True)
class Judged:
    """A version, and the grounds on which it will be judged."""

    version: ModelVersion
    grounds: Grounds


def stage_of(to: Stage | str) -> Stage:
    """Read a stage.

    Raises:
        BadSetting: There is no such stage.
    """
    try:
        return Stage(to)
    except ValueError as error:
        from pipelines.errors import BadSetting

        raise BadSetting("--to", to, f"It is one of {', '.join(Stage)}.") from error


def prepare(
    ws: Workspace, ref: str | ModelVersion, to: Stage, *, emergency: bool = False
) -> Judged:
    """Find the policy and measure what its gates want to see.

    In an emergency nothing waits for MLflow: what cannot be looked at is said to be so.

    Raises:
        BadRef: The reference cannot be read.
        UnknownVersion: Nothing answers to it.
        BadPolicy: The policy file makes no sense.
        TrackingDown: A gate wants what only MLflow has, the model's files too, and it is away.
        UnwritableFolder: The files cannot be fetched into MLOPS_HOME to be looked at.
    """
    policy = policies.load(ws.settings)
    with ws.reading() as session:
        version = versions.get(session, refs.parse(str(ref)))
        champion = versions.champion(session, version.name)
    measured = _measured(ws, policy, version, champion, to, emergency=emergency)
    seen = Seen.now(version, champion)
    return Judged(
        version, Grounds(policy=policy, measured=measured, seen=seen, emergency=emergency)
    )


def require_files(ws: Workspace, version: ModelVersion) -> None:
    """Do nothing while a version's files are those on record; what is away turns nobody back.

    Raises:
        GatesFailed: They are not.
    """
    policy = Policy(rules=(Rule(models="*", stages={Stage.PRODUCTION: _INTEGRITY}),))
    found = _measured(ws, policy, version, None, Stage.PRODUCTION, emergency=True)
    [verdict] = judge(Case(version, None, measured=found), policy.asked(_INTEGRITY))
    if verdict.outcome == "failed":
        raise GatesFailed(version, [str(verdict)], [verdict.to_dict()])
    if verdict.outcome != "passed":
        logger.warning("%s: %s", version, verdict.reason)


def _measured(
    ws: Workspace, policy: Policy, version: ModelVersion, champion: ModelVersion | None, to: Stage,
    *, emergency: bool,
) -> dict[str, Mapping[str, Any]]:  # fmt: skip
    rules = policy.rules_of(version.name, to)
    wanted = {kind for gate, _ in policy.asked(rules) for kind in gate.needs}
    if not wanted:
        return {}
    if champion is None or champion.id == version.id:
        wanted -= {"schema", "comparison"}
    from mlops.measuring import Bench

    try:
        with files.scratch(ws.settings.home) as scratch:
            paired = rules.gates.get("better_than_champion")
            bench = Bench(ws, version, champion, scratch, paired, emergency=emergency)
            return _files(bench, wanted) | _kept_or_new(bench, wanted - {"files"})
    except UnwritableFolder as error:
        if not emergency:
            raise
        return {kind: {"why": str(error).rstrip(".")} for kind in wanted}


def _files(bench: Bench, wanted: set[str]) -> dict[str, Mapping[str, Any]]:
    from mlops import measuring

    return {"files": measuring.files(bench)} if "files" in wanted else {}


def _kept_or_new(bench: Bench, wanted: set[str]) -> dict[str, Mapping[str, Any]]:
    """Return what was measured before, and measure what was not."""
    from mlops import measuring

    keys = {kind: measurements.key_of(measuring.inputs(kind, bench)) for kind in sorted(wanted)}
    if not keys:
        return {}
    with bench.ws.reading() as session:
        known = measurements.find(session, bench.version, keys)
    new = {kind: measuring.measure(kind, bench) for kind in keys if kind not in known}
    sound = {kind: found for kind, found in new.items() if "why" not in found}
    if sound and may(bench.ws.by, Action.CHECK):
        with bench.ws.session() as session, session.begin():
            for kind, found in sound.items():
                measurements.keep(session, bench.version, kind, keys[kind], found, by=bench.ws.by)
    return {**known, **new}
