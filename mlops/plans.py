"""Cleaning plans as files that a person edits."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from mlops import files
from pipelines.cleaning.plan import Plan
from pipelines.cleaning.plan import plan as propose
from pipelines.errors import BadPlan, FileMissing

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipelines.dataset import Dataset
    from pipelines.profile.facts import Profile


def read(source: str | Path | Mapping[str, Any], dataset: Dataset) -> Plan:
    """Read an edited plan and hold it against the table.

    Raises:
        FileMissing: There is no such file.
        BadPlan: It is no plan, or names a column, step or option that is not known.
    """
    data = _loaded(Path(source)) if isinstance(source, str | Path) else dict(source)
    plan = Plan.from_dict(data, columns=list(dataset.frame.columns))
    if (plan.target, plan.task) != (dataset.target, dataset.task):
        raise BadPlan(
            f"The plan is for {plan.task} with the target {plan.target!r}, this run for "
            f"{dataset.task} with {dataset.target!r}. Write a new one: mlops profile --plan FILE."
        )
    return plan


def write(profile: Profile, dataset: Dataset, path: Path) -> None:
    """Write the proposed plan as YAML, or as JSON where the name ends so.

    Raises:
        UnwritableFolder: The file cannot be written.
    """
    told = propose(profile, dataset).to_dict()
    files.write_whole(path, lambda part: part.write_text(_text(told, path), encoding="utf-8"))


def _text(told: Mapping[str, Any], path: Path) -> str:
    if path.suffix == ".json":
        import json

        return json.dumps(told, indent=2, ensure_ascii=False)
    import yaml

    return yaml.safe_dump(told, sort_keys=False, allow_unicode=True, width=95)


def _loaded(path: Path) -> dict[str, Any]:
    import yaml

    try:
        data = yaml.safe_load(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise FileMissing(path) from error
    except (yaml.YAMLError, UnicodeDecodeError) as error:
        where = " ".join(str(error).split())[:150]
        raise BadPlan(f"The plan {str(path)!r} is no YAML: {where}.") from error
    if not isinstance(data, dict):
        raise BadPlan(f"The plan {str(path)!r} is empty. Write one: mlops profile --plan FILE.")
    return data
