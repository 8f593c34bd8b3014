"""Datasets that runs logged with MLflow: where their rows lie, and which column is the target."""

from __future__ import annotations

import json
import re
from typing import TYPE_CHECKING, Any

from pipelines.errors import UnreadableData, close_matches, listed
from pipelines.tracking.store import calm, connect, telling

if TYPE_CHECKING:
    from collections.abc import Mapping

_ASKED = re.compile(r"runs:/([^/?]+)/?(?:\?dataset=(.+))?")
_ELSEWHERE = ("http://", "https://")


def logged(tracking_uri: str, address: str) -> tuple[str, str | None] | None:
    """Return where a dataset that a run logged lies, and its target if the run said so.

    ``runs:/RUN`` means the only one, ``runs:/RUN?dataset=NAME`` the one of that name. Returns None
    for any other address.

    Raises:
        TrackingDown: MLflow is not there, or has no such run.
        UnreadableData: The run logged no such dataset, or not where its rows are kept.
    """
    asked = _ASKED.fullmatch(address)
    if asked is None:
        return None
    with calm(), telling(tracking_uri):
        inputs = connect(tracking_uri).get_run(asked[1]).inputs
    records = [] if inputs is None else inputs.dataset_inputs
    found = {record.dataset.name: record for record in records}
    name = asked[2] or next(iter(found), "")
    if name not in found or (asked[2] is None and len(found) > 1):
        told = f"its datasets are {listed(map(repr, found))}" if found else "it logged no dataset"
        reason = f"the run names no single one: {told}.{close_matches(name, list(found))}"
        remedy = "Name one of its files, runs:/RUN/FILE, or a dataset, runs:/RUN?dataset=NAME."
        raise UnreadableData(address, reason, remedy)
    return place(found[name])


def place(record: Any) -> tuple[str, str | None]:
    """Return where the rows of a logged dataset, or of a dataset's source, lie, and its target.

    Raises:
        UnreadableData: It does not say, or they lie where no reader reaches.
    """
    dataset = getattr(record, "dataset", record)
    name = getattr(dataset, "name", "dataset source")
    source = getattr(dataset, "source", None)
    told: Mapping[str, Any] = json.loads(source) if source is not None else record.to_dict()
    uri = str(told.get("uri") or told.get("url") or "")
    if not uri or uri == "memory":
        remedy = "Log it with source=, the file or address that it came from."
        raise UnreadableData(name, "MLflow was not told where its rows are kept", remedy)
    if uri.startswith(_ELSEWHERE):
        raise UnreadableData(name, f"its rows lie at {uri}", "Download them and name the file.")
    target = told.get("target")
    return uri.removeprefix("file://"), None if target is None else str(target)
