"""Gates: what a version must show before it enters a stage. One row each, with a stable code.

Which of them guard a stage, and with which numbers, is the policy's to say (``registry.policy``);
docs/reference/gates.md lists them. That production is entered from staging only is in
``stages.MOVES``.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

from registry.cases import Case, Gate, Verdict, ask
from registry.gates import artifact, evidence, quality

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

GATES: Sequence[Gate] = tuple(
    sorted((*evidence.ROWS, *quality.ROWS, *artifact.ROWS), key=lambda gate: gate.code)
)
BY_KEY = {gate.key: gate for gate in GATES}
EVIDENCE: Sequence[str] = tuple(gate.key for gate in evidence.ROWS)
"""The keys of the gates that together ask for complete evidence."""


def judge(case: Case, asked: Iterable[tuple[Gate, Any]]) -> tuple[Verdict, ...]:
    """Ask gates under their settings; all of them, even after a failure."""
    return tuple(ask(gate, case, given) for gate, given in asked)
