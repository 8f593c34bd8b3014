"""Rules: what MLflow may do without asking a gate. One function each.

Each returns ``None`` when content and one sentence when not. Moving a version between stages is
not a rule: that is a journey, in ``moves``.
"""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from registry import lookups
from registry.mirror.speaking import REF, RUN, STAGE, tags_of

if TYPE_CHECKING:
    from collections.abc import Mapping

    from sqlalchemy.orm import Session

    from registry.versions import ModelVersion

OURS = (REF, STAGE, RUN)
"""Tags that only the record writes."""
_COPIED = re.compile(r"models:/(?!m-[0-9a-f]{32}(?:/|$))")


def deleting_version(session: Session, name: str, number: str) -> str | None:
    """Who stands in staging or production stays."""
    version = lookups.shown_as(session, name, number)
    if version is None or version.stage not in lookups.HELD:
        return None
    return f"{version} is in {version.stage} and cannot be deleted. {_way_out(version)}"


def deleting_model(session: Session, name: str) -> str | None:
    """A model stays while one of its versions stands in staging or production."""
    return _holding(session, name, "deleted")


def renaming_model(session: Session, name: str) -> str | None:
    """A model keeps its name while it is relied upon."""
    return _holding(session, name, "renamed")


def taking_name(session: Session, name: str) -> str | None:
    """Nothing else takes the name of a recorded model."""
    if not lookups.is_known(session, name):
        return None
    return f"The registry has a model {name!r} already; nothing else takes its name."


def creating_version(
    session: Session, name: str, *, source: str, run_id: str | None, tags: Mapping[str, str]
) -> str | None:
    """A copy carries no evidence, and a version that calls itself ours is ours."""
    if not lookups.is_known(session, name):
        return None
    if _COPIED.match(source):
        return (
            f"{name!r} takes no copies: a version of it comes with the evidence of its own run. "
            "Register it with 'mlops run', or copy it under another name."
        )
    told = {key: tags[key] for key in OURS if key in tags}
    if not told:
        return None
    version = _named(session, name, told.get(REF, ""))
    if version is not None and version.run_id == run_id:
        return None
    return f"The tags {', '.join(told)} of {name!r} are written by the registry alone."


def tagging_version(
    session: Session, name: str, number: str, *, key: str, value: str | None
) -> str | None:
    """Our tags say what the record says; ``None`` as value deletes one."""
    if key not in OURS or not lookups.is_known(session, name):
        return None
    version = lookups.shown_as(session, name, number)
    if version is not None and tags_of(version)[key] == value:
        return None
    return f"The tag {key!r} of {name!r} is written by the registry alone."


def deleting_run(session: Session, run_id: str) -> str | None:
    """The run of a registered version is its evidence."""
    version = lookups.of_run(session, run_id)
    return f"Run {run_id} is the evidence of {version} and stays." if version else None


def deleting_experiment(session: Session, experiment_id: str) -> str | None:
    """So is the experiment that holds the run."""
    version = lookups.of_experiment(session, experiment_id)
    return f"Experiment {experiment_id} holds the run of {version} and stays." if version else None


def deleting_logged_model(session: Session, model_id: str) -> str | None:
    """A logged model that was registered stays."""
    version = lookups.of_model(session, model_id)
    return f"Model {model_id} is {version} of the registry and stays." if version else None


def _holding(session: Session, name: str, what: str) -> str | None:
    held = lookups.held(session, name)
    if not held:
        return None
    told = " and ".join(f"{version} in {version.stage}" for version in held[-2:])
    return f"{name!r} has {told} and cannot be {what}. {_way_out(held[-1])}"


def _way_out(version: ModelVersion) -> str:
    return f"Archive it first: mlops promote {version} --to archived"


def _named(session: Session, name: str, ref: str) -> ModelVersion | None:
    of, _, number = ref.rpartition("/")
    if of != name or not number.isdigit():
        return None
    return next(iter(lookups.numbered(session, name, [int(number)])), None)
