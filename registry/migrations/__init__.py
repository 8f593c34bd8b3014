"""The steps of the schema, run by Alembic. Imported only when there is a step to take.

There is no ``alembic.ini`` and no ``env.py``: a connection comes in, and the caller's transaction
decides whether the step happened. Our version table has a name of its own, so that MLflow's
migrations and ours can live in one database.
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from alembic.config import Config
from alembic.runtime.environment import EnvironmentContext
from alembic.runtime.migration import MigrationContext
from alembic.script import ScriptDirectory

from registry.tables import Table

if TYPE_CHECKING:
    from collections.abc import Callable

    from sqlalchemy import Connection

VERSION_TABLE = "mlops_alembic_version"
_FOLDER = Path(__file__).parent


def scripts() -> ScriptDirectory:
    """Return Alembic's view of the steps in this folder."""
    return ScriptDirectory(str(_FOLDER), version_locations=[str(_FOLDER)])


def upgrade(connection: Connection, to: str = "head") -> None:
    """Take every step up to a revision. The caller commits."""
    steps = scripts()
    _run(connection, steps, lambda now, _: steps._upgrade_revs(to, now))


def downgrade(connection: Connection, to: str = "base") -> None:
    """Take every step back down to a revision. The caller commits."""
    steps = scripts()
    _run(connection, steps, lambda now, _: steps._downgrade_revs(to, now))


def differences(connection: Connection) -> list[Any]:
    """Return what separates the tables in the database from those in ``registry.tables``."""
    from alembic.autogenerate import compare_metadata

    def ours(name: str | None, kind: str, parents: Any) -> bool:
        del parents
        return kind != "table" or str(name).startswith("mlops_")

    options = {"version_table": VERSION_TABLE, "compare_type": True, "include_name": ours}
    context = MigrationContext.configure(connection, opts=options)
    return list(compare_metadata(context, Table.metadata))


def _run(connection: Connection, steps: ScriptDirectory, plan: Callable[..., Any]) -> None:
    with EnvironmentContext(Config(), steps, fn=plan) as environment:
        environment.configure(
            connection=connection,
            target_metadata=Table.metadata,
            version_table=VERSION_TABLE,
            transactional_ddl=True,
        )
        environment.run_migrations()
