"""Settings: the one place that reads the environment.

Nothing has to be set: SQLite and local files under the current folder are the default, in the
places where MLflow looks by itself. ``docs/reference/settings.md`` is this class as a table.
"""

from __future__ import annotations

import getpass
import os
from pathlib import Path
from typing import Literal

from pydantic import Field, SecretStr, ValidationError, field_validator
from pydantic_settings import BaseSettings, SettingsConfigDict

from mlops.errors import BadEnvironment
from registry import sealing
from registry.permissions import Role

_SHARED = ("sqlite:", "postgresql")
_SERVED = ("_MLFLOW_SERVER_FILE_STORE", "_MLFLOW_SERVER_REGISTRY_STORE")
_FILES = "_MLFLOW_SERVER_ARTIFACT_DESTINATION"
_SECRETS = {"secret_key", "token"}
_REPLICA, _ROOT = "_MLFLOW_SERVER_READ_REPLICA_BACKEND_STORE", "_MLFLOW_SERVER_ARTIFACT_ROOT"


class Settings(BaseSettings):
    """Everything that can be set from outside; each field names its environment variable."""

    model_config = SettingsConfigDict(
        env_prefix="MLOPS_",
        frozen=True,
        extra="ignore",
        populate_by_name=True,
        validate_default=True,
    )

    tracking_uri: str = Field(
        "sqlite:///mlflow.db",
        validation_alias="MLFLOW_TRACKING_URI",
        description="Where runs and models are kept: a database URL or an MLflow server.",
    )
    database: str | None = Field(
        None,
        validation_alias="MLOPS_DATABASE_URL",
        description="The registry's database; by default the tracking database, "
        "or sqlite:///mlops.db when tracking is a server.",
    )
    database_pool: int = Field(
        5,
        ge=1,
        le=1000,
        description="Connections to PostgreSQL that are kept open; twice as many more at a rush.",
    )
    database_wait: float = Field(
        30.0,
        gt=0,
        le=3600,
        description="Seconds to wait for a lock in the database, or for a free connection.",
    )
    database_timeout: float = Field(
        60.0,
        ge=0,
        description="Seconds that one statement may take on PostgreSQL; 0 is for ever.",
    )
    artifacts: str | None = Field(
        None,
        description="Where new experiments keep files, and the server those that it hands out; by "
        "default MLflow's choice (mlruns/).",
    )
    home: Path = Field(
        Path(".mlops"),
        description="Journals of searches, models at hand, demo data.",
    )
    audit_folder: Path | None = Field(
        None,
        description="The key and the checkpoints of the audit log; by default MLOPS_HOME/audit.",
    )
    user: str = Field(
        "",
        description="The name the audit log shows; by default the name you are logged in with.",
    )
    token: SecretStr | None = Field(
        None,
        description="Your API token (mlops tokens create): it says who you are, not MLOPS_USER "
        "or MLOPS_ROLE.",
    )
    secret_key: SecretStr | None = Field(
        None,
        description="Seals the secrets of webhooks in the database; mlops webhooks key makes one. "
        "Several with commas: the first seals, all open.",
    )
    role: Role = Field(
        Role.ADMIN,
        description="What you may do: viewer, scientist, reviewer, releaser or admin. Once "
        "the registry has users, theirs counts and this one only narrows it.",
    )
    policy: Path | None = Field(
        None,
        description="The policy file; by default promotion.toml in this folder, if there is one.",
    )
    budget: str = Field(
        "10m",
        description="How long a run searches when --budget is not given.",
    )
    workers: int | None = Field(
        None,
        ge=1,
        description="How many trials run at once; by default one per core.",
    )
    ui_host: str = Field("127.0.0.1", description="Where mlops ui listens.")
    ui_port: int = Field(5000, ge=1, le=65535, description="On which port.")
    mlflow_stages: bool = Field(
        True,  # noqa: FBT003 - a default, not a flag in a call
        description="Show stages in MLflow also as its own, deprecated ones; off: aliases only.",
    )
    mlflow_role: Role = Field(
        Role.VIEWER,
        description="What somebody who signed in at the MLflow server may do there while the "
        "registry knows nobody; MLflow's own admins may do everything then.",
    )
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = Field(
        "WARNING", description="How much is logged to stderr."
    )
    ci: bool = Field(
        False,  # noqa: FBT003 - a default, not a flag in a call
        validation_alias="CI",
        description="Set by CI systems; changes are then audited with the source 'ci'.",
    )

    @field_validator("tracking_uri", "database")
    @classmethod
    def _fixed(cls, url: str | None) -> str | None:
        return None if url is None else fixed(url)

    @field_validator("secret_key")
    @classmethod
    def _keys(cls, given: SecretStr | None) -> SecretStr | None:
        for key in _split(given):
            if not sealing.is_key(key):
                raise ValueError("it holds something that 'mlops webhooks key' did not make")
        return given

    @property
    def keys(self) -> tuple[str, ...]:
        """What secrets are sealed with: the first seals, all of them open."""
        return _split(self.secret_key)

    @property
    def database_url(self) -> str:
        """The registry's database: what was set, or the tracking database."""
        if self.database:
            return self.database
        shared = self.tracking_uri.startswith(_SHARED)
        return self.tracking_uri if shared else f"sqlite:///{Path('mlops.db').absolute()}"

    @property
    def author(self) -> str:
        """The name that stands behind what this process does."""
        return self.user or _login()

    @property
    def at_once(self) -> int:
        """How many trials run at once."""
        return self.workers or _cores()


def load() -> Settings:
    """Read the environment.

    Raises:
        BadEnvironment: A variable has a value that makes no sense; the message names it.
    """
    try:
        return Settings()
    except ValidationError as error:
        first = error.errors()[0]
        name = str(first["loc"][0])
        shown = "***" if name in _SECRETS else first["input"]
        wanted = first["msg"].removeprefix("Value error, ")
        raise BadEnvironment(variable(name), shown, wanted) from error


def fixed(url: str) -> str:
    """Fix a relative SQLite file to this folder: libraries keep connections by their URL.

    >>> fixed("sqlite:////srv/mlflow.db"), fixed("postgresql://db/mlflow")
    ('sqlite:////srv/mlflow.db', 'postgresql://db/mlflow')
    """
    path = url.removeprefix("sqlite:///")
    if path in {url, "", ":memory:"} or path.startswith(("/", "file:")):
        return url
    return f"sqlite:///{Path(path).absolute()}"


def names_a_database() -> bool:
    """Say whether the registry has a database of its own, without reading all settings."""
    return bool(os.environ.get("MLOPS_DATABASE_URL"))


def served_stores() -> set[str]:
    """Return the stores that this process serves, if it is a worker of an MLflow server."""
    return {fixed(url) for name in _SERVED if (url := os.environ.get(name))}


def read_replica() -> str | None:
    """Return the read replica that the MLflow server gave to this worker of it."""
    return os.environ.get(_REPLICA) or None


def served_files() -> str | None:
    """Return where the MLflow server keeps what it hands out itself, in a worker of it."""
    return os.environ.get(_FILES) or None


def artifact_root() -> str | None:
    """Return the artifact root that the MLflow server gave to this worker of it."""
    return os.environ.get(_ROOT) or None


def variable(field: str) -> str:
    """Return the environment variable of a setting.

    >>> variable("tracking_uri"), variable("role")
    ('MLFLOW_TRACKING_URI', 'MLOPS_ROLE')
    """
    known = Settings.model_fields.get(field)
    alias = known.validation_alias if known is not None else field
    return str(alias or f"MLOPS_{field.upper()}")


def _split(given: SecretStr | None) -> tuple[str, ...]:
    words = given.get_secret_value().split(",") if given else ()
    return tuple(word.strip() for word in words if word.strip())


def _cores() -> int:
    if hasattr(os, "sched_getaffinity"):  # knows of containers and taskset; not on macOS
        return len(os.sched_getaffinity(0))
    return os.cpu_count() or 1


def _login() -> str:
    try:
        return getpass.getuser()
    except (KeyError, OSError):  # a container whose user id has no name
        return f"uid-{os.getuid()}"
