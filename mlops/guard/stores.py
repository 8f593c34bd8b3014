"""MLflow's two SQL stores, asking the record first. Imported only when such a store is built.

A method is overridden where the record may speak; all else is MLflow's own code, and so is every
call on a model, run or database that the record does not know.
"""

from __future__ import annotations

from contextlib import contextmanager
from functools import partial
from typing import TYPE_CHECKING, Any

from mlflow.entities.model_registry.model_version_stages import get_canonical_stage
from mlflow.environment_variables import MLFLOW_ENABLE_WORKSPACES
from mlflow.exceptions import MlflowException
from mlflow.protos.databricks_pb2 import PERMISSION_DENIED, TEMPORARILY_UNAVAILABLE
from mlflow.store.model_registry import sqlalchemy_store as registries
from mlflow.store.model_registry import sqlalchemy_workspace_store as shared_registries
from mlflow.store.model_registry.dbmodels.models import SqlModelVersionTag
from mlflow.store.tracking import DEFAULT_LOCAL_FILE_AND_ARTIFACT_PATH
from mlflow.store.tracking import sqlalchemy_store as trackings
from mlflow.store.tracking import sqlalchemy_workspace_store as shared_trackings
from mlflow.utils.workspace_utils import DEFAULT_WORKSPACE_NAME

from mlops import settings
from mlops.errors import DoorError
from mlops.guard import moves, people, rules
from mlops.guard.witness import Witness
from registry import lookups
from registry.errors import DatabaseError, RegistryError
from registry.mirror.speaking import MOVED_ON, REF

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    _Registry = registries.SqlAlchemyStore
    _Tracking = trackings.SqlAlchemyStore
else:
    _Registry = _Tracking = object


def registry(store_uri: str) -> Any:
    """Build the model registry, as MLflow would have built its own."""
    kind = GuardedSharedRegistry if MLFLOW_ENABLE_WORKSPACES.get() else GuardedRegistry
    return kind(store_uri, read_db_uri=settings.read_replica())


def tracking(store_uri: str, artifact_uri: str | None) -> Any:
    """Build the tracking store, as MLflow would have built its own."""
    kind = GuardedSharedTracking if MLFLOW_ENABLE_WORKSPACES.get() else GuardedTracking
    root = artifact_uri or settings.artifact_root() or DEFAULT_LOCAL_FILE_AND_ARTIFACT_PATH
    return kind(store_uri, root, read_db_uri=settings.read_replica())


class _Guarded:
    """What both stores need: a witness, and a way to say no."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.witness = Witness(self.db_uri, self.engine)  # type: ignore[attr-defined]

    def _ask(self, rule: Callable[..., str | None], *told: Any, **more: Any) -> None:
        """Ask a rule; its sentence becomes MLflow's answer."""
        with _answering(), self.witness.session() as session:
            refusal = rule(session, *told, **more) if session is not None else None
            if refusal:
                raise moves.Refused(refusal)


@contextmanager
def _answering() -> Iterator[None]:
    """Turn what the record raises into what MLflow's clients and pages understand."""
    try:
        yield
    except DatabaseError as error:
        raise MlflowException(str(error), TEMPORARILY_UNAVAILABLE) from error
    except (moves.Refused, RegistryError, DoorError) as error:
        told = f"{MOVED_ON}. {error}" if people.is_mirror() else str(error)
        raise MlflowException(told, PERMISSION_DENIED) from error


class _Registrar(_Guarded, _Registry):
    """The model registry's calls that the record may speak of."""

    def transition_model_version_stage(
        self,
        name: str,
        version: Any,
        stage: str,
        archive_existing_versions: bool,  # noqa: FBT001 - MLflow's signature
    ) -> Any:
        """Set a stage; where the record knows the model, by a promotion."""
        # An integer: as text, psycopg 3 fails to compare it (mlflow#24592).
        version = int(version) if str(version).isdecimal() else version
        shown, clear = get_canonical_stage(stage), archive_existing_versions
        if self._is_ours(name):
            move = partial(moves.to_stage, self.witness, name, str(version), shown)
            if self._moved(name, version, partial(move, clear=clear and shown in _ACTIVE)):
                return self.get_model_version(name, version)
            clear = clear and shown not in _ACTIVE  # nobody is archived past the record
        return super().transition_model_version_stage(name, version, stage, clear)

    def set_registered_model_alias(self, name: str, alias: str, version: Any) -> None:
        """Set an alias; a protected one by a promotion."""
        if moves.is_protected(alias) and self._is_ours(name):
            move = partial(moves.to_alias, self.witness, name, str(version), alias)
            if self._moved(name, version, move):
                return
        else:
            self._leave(name, alias)
        super().set_registered_model_alias(name, alias, version)

    def delete_registered_model_alias(self, name: str, alias: str) -> None:
        """Delete an alias; a protected one when nothing stands there."""
        if moves.is_protected(alias) and self._is_ours(name):
            with _answering():
                moves.away_with_alias(self.witness, name, alias)
        else:
            self._leave(name, alias)
        super().delete_registered_model_alias(name, alias)

    def create_model_version(
        self,
        name: str,
        source: str,
        run_id: str | None = None,
        tags: Any = None,
        *args: Any,
        **kwargs: Any,
    ) -> Any:
        """Create a version; not by copying into a recorded model."""
        if self._is_ours(name):
            told = {tag.key: tag.value for tag in tags or ()}
            self._ask(rules.creating_version, name, source=source, run_id=run_id, tags=told)
        return super().create_model_version(name, source, run_id, tags, *args, **kwargs)

    def copy_model_version(self, src_mv: Any, dst_name: str) -> Any:
        """Copy a version; not into a recorded model."""
        if self._is_ours(dst_name):
            source = f"models:/{src_mv.name}/{src_mv.version}"
            self._ask(rules.creating_version, dst_name, source=source, run_id=None, tags={})
        return super().copy_model_version(src_mv, dst_name)

    def delete_model_version(self, name: str, version: Any) -> None:
        """Delete a version that nobody relies upon."""
        if self._is_ours(name):
            self._ask(rules.deleting_version, name, str(version))
        super().delete_model_version(name, version)

    def delete_registered_model(self, name: str) -> None:
        """Delete a model of which no version is relied upon."""
        if self._is_ours(name):
            self._ask(rules.deleting_model, name)
        super().delete_registered_model(name)

    def rename_registered_model(self, name: str, new_name: str) -> Any:
        """Rename a model of which no version is relied upon."""
        if self._is_ours(name):
            self._ask(rules.renaming_model, name)
        if self._is_ours(new_name):
            self._ask(rules.taking_name, new_name)
        return super().rename_registered_model(name, new_name)

    def set_model_version_tag(self, name: str, version: Any, tag: Any) -> None:
        """Set a tag; not one that the record writes."""
        if tag.key in rules.OURS and self._is_ours(name):
            value = tag.value
            self._ask(rules.tagging_version, name, str(version), key=tag.key, value=value)
        super().set_model_version_tag(name, version, tag)

    def delete_model_version_tag(self, name: str, version: Any, key: str) -> None:
        """Delete a tag; not one that the record writes."""
        if key in rules.OURS and self._is_ours(name):
            self._ask(rules.tagging_version, name, str(version), key=key, value=None)
        super().delete_model_version_tag(name, version, key)

    def _is_ours(self, name: str) -> bool:
        """Say whether the record speaks of this model of MLflow's."""
        with _answering():
            return self.witness.knows(name)

    def _leave(self, name: str, alias: str) -> None:
        """Leave an alias alone that the policy protects beside those of stages."""
        if not moves.is_protected(alias) and self._is_ours(name):
            with _answering():
                if self.witness.protects(alias):
                    raise moves.Refused(f"The policy protects the alias {alias!r} of {name!r}.")

    def _moved(self, name: str, version: Any, move: Callable[[], bool]) -> bool:
        """Make a move; False when MLflow may just write, or has no such version to refuse."""
        try:
            with _answering():
                return move()
        except MlflowException:
            try:
                self.get_model_version(name, version)
            except MlflowException:
                return False
            raise


class _SharedRegistrar(_Registrar):
    """The same where one database holds many workspaces: names are theirs, not the record's."""

    def _is_ours(self, name: str) -> bool:
        if not super()._is_ours(name):
            return False
        return self._get_active_workspace() == DEFAULT_WORKSPACE_NAME or self._shows_us(name)

    def _shows_us(self, name: str) -> bool:
        with self.ManagedSessionMaker() as session:
            query = self._get_query(session, SqlModelVersionTag)
            query = query.filter(SqlModelVersionTag.name == name, SqlModelVersionTag.key == REF)
            return query.first() is not None


class _Tracker(_Guarded, _Tracking):
    """The tracking store's calls that would take a registered version's evidence away."""

    def delete_run(self, run_id: str) -> None:
        """Delete a run that is nobody's evidence."""
        self._ask(rules.deleting_run, run_id)
        super().delete_run(run_id)

    def delete_experiment(self, experiment_id: str) -> None:
        """Delete an experiment without such runs."""
        self._ask(rules.deleting_experiment, str(experiment_id))
        super().delete_experiment(experiment_id)

    def delete_logged_model(self, model_id: str) -> None:
        """Delete a logged model that is not registered."""
        self._ask(rules.deleting_logged_model, model_id)
        super().delete_logged_model(model_id)

    def _get_deleted_runs(self, older_than: int = 0) -> list[str]:
        """Return what ``mlflow gc`` may take: it deletes files before it asks for the run."""
        return self._unregistered(lookups.of_run, super()._get_deleted_runs(older_than))

    def _get_deleted_logged_models(self, older_than: int = 0) -> list[str]:
        found = super()._get_deleted_logged_models(older_than)
        return self._unregistered(lookups.of_model, found)

    def _unregistered(self, find: Callable[..., Any], ids: list[str]) -> list[str]:
        with _answering(), self.witness.session() as session:
            return [each for each in ids if session is None or find(session, each) is None]

    def _hard_delete_run(self, run_id: str) -> None:
        self._ask(rules.deleting_run, run_id)
        super()._hard_delete_run(run_id)

    def _hard_delete_experiment(self, experiment_id: str) -> None:
        self._ask(rules.deleting_experiment, str(experiment_id))
        super()._hard_delete_experiment(experiment_id)

    def _hard_delete_logged_model(self, model_id: str) -> None:
        self._ask(rules.deleting_logged_model, model_id)
        super()._hard_delete_logged_model(model_id)


class GuardedRegistry(_Registrar, registries.SqlAlchemyStore):
    """MLflow's model registry on a database."""


class GuardedSharedRegistry(_SharedRegistrar, shared_registries.WorkspaceAwareSqlAlchemyStore):
    """The same with workspaces."""


class GuardedTracking(_Tracker, trackings.SqlAlchemyStore):
    """MLflow's tracking store on a database."""


class GuardedSharedTracking(_Tracker, shared_trackings.WorkspaceAwareSqlAlchemyStore):
    """The same with workspaces."""


_ACTIVE = ("Staging", "Production")
