"""What MLflow loads of ours. Every process that imports MLflow imports this file: it imports none.

MLflow picks a builder by the kind of database, whatever the driver: ``postgresql+psycopg2`` is
``postgresql``.
"""

from __future__ import annotations

import sys
from typing import Any

from mlops.guard import HEADER


def registry_store(store_uri: str, tracking_uri: str | None = None) -> Any:
    """Build MLflow's model registry on a database, guarded."""
    del tracking_uri
    from mlops.guard import stores

    return stores.registry(store_uri)


def tracking_store(store_uri: str, artifact_uri: str | None = None) -> Any:
    """Build MLflow's tracking store on a database, guarded."""
    from mlops.guard import stores

    return stores.tracking(store_uri, artifact_uri)


class MirrorHeader:
    """What MLflow asks for headers before each request; ours has one only while a mirror draws."""

    def in_context(self) -> bool:
        """Say whether a mirror draws; one that does has imported its own module."""
        speaking = sys.modules.get("registry.mirror.speaking")
        return speaking is not None and bool(speaking.is_drawing())

    def request_headers(self) -> dict[str, str]:
        """Return the header."""
        return {HEADER: "1"}
