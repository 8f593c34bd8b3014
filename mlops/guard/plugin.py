"""What MLflow loads of ours. Every process that imports MLflow imports this file: it imports none.

MLflow picks a builder by the kind of database, whatever the driver: ``postgresql+psycopg2`` is
``postgresql``.
"""

from __future__ import annotations

from typing import Any


def registry_store(store_uri: str, tracking_uri: str | None = None) -> Any:
    """Build MLflow's model registry on a database, guarded."""
    del tracking_uri
    from mlops.guard import stores

    return stores.registry(store_uri)


def tracking_store(store_uri: str, artifact_uri: str | None = None) -> Any:
    """Build MLflow's tracking store on a database, guarded."""
    from mlops.guard import stores

    return stores.tracking(store_uri, artifact_uri)
