"""Journey: a table of loans, a model for it, its explanation, and its way to staging."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from mlops import experiments, files, promotions
from pipelines.samples import credit_risk
from registry.stages import Stage

if TYPE_CHECKING:
    from pathlib import Path

    from mlops.results import Result
    from mlops.workspace import Workspace
    from pipelines.search import Watcher
    from registry.cases import Verdict

NAME = "credit-risk"


@dataclass(frozen=True, slots=True)
class Demo:
    """What the demo made, and where to look further."""

    data: Path
    result: Result
    stage: Stage
    verdicts: tuple[Verdict, ...]

    @property
    def commands(self) -> list[str]:
        """What to type next."""
        version = self.result.version
        return [
            "mlops ui",
            f"mlops show {version}",
            f"mlops explain {version} --by region -o why",
            f"mlops predict {version} {self.data} -o answers.csv",
            f"mlops promote {version} --to production",
        ]

    def to_dict(self) -> dict[str, Any]:
        """Return the run's own document, with the promotion and the next commands."""
        return {
            **self.result.to_dict(),
            "data": self.data,
            "stage": self.stage,
            "gates": self.verdicts,
            "next": self.commands,
        }


def demo(
    ws: Workspace,
    *,
    budget: str = "30s",
    rows: int = 5000,
    seed: int = 0,
    workers: int | None = None,
    watcher: Watcher,
) -> Demo:
    """Make the table, find and explain a model, promote it to staging.

    Raises:
        GatesFailed: The version was registered, but a gate keeps it from staging.
    """
    path = ws.folder("demo") / f"{NAME}.csv"
    table = credit_risk(rows, seed)
    files.write_whole(path, lambda part: table.to_csv(part, index=False))
    result = experiments.run(
        str(path), "outcome", name=NAME, budget=budget, seed=seed, workers=workers,
        watchers=[watcher], workspace=ws,
    )  # fmt: skip
    watcher.doing("asking the gates")
    done = promotions.promote(result.version, to=Stage.STAGING, reason="mlops demo", workspace=ws)
    return Demo(path, result, done.version.stage, done.verdicts)
