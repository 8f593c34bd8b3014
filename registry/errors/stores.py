"""What the record is kept in and shown by: the database, and MLflow."""

from __future__ import annotations

from registry.errors.root import RegistryError


class Conflict(RegistryError):
    """Somebody else changed the same thing at the same moment."""

    def __init__(self, what: str, *, again: bool = False) -> None:
        self.again = again
        super().__init__(f"{what} Nothing was changed; look at it and try again.")


class MirrorFailed(RegistryError):
    """MLflow cannot be made to show what the record says. The record itself is unharmed."""

    def __init__(self, name: str, uri: str, reason: str) -> None:
        super().__init__(
            f"MLflow at {uri!r} does not show {name!r} as recorded yet: {reason}. "
            "The record is complete; MLflow is brought up to it with the next change."
        )


class DatabaseError(RegistryError):
    """Base of what makes a database unusable."""


class MissingDriver(DatabaseError):
    """The library that speaks to the database is not installed."""

    def __init__(self, module: str) -> None:
        super().__init__(
            f"PostgreSQL needs the driver {module!r}. "
            "Install it with: pip install 'mlops-platform[postgres]'"
        )


class DatabaseDown(DatabaseError):
    """The database cannot be reached, read or written."""

    def __init__(self, url: str, reason: str) -> None:
        super().__init__(
            f"The database {url!r} cannot be used: {reason}. "
            "Check MLOPS_DATABASE_URL, the server, and who may write there."
        )


class SchemaOutdated(DatabaseError):
    """The database is from an older version of this package."""

    def __init__(self, url: str, found: str, wanted: str) -> None:
        super().__init__(
            f"The database {url!r} has schema {found}; this version needs {wanted}. "
            "Make a backup, then run: mlops db upgrade"
        )


class DatabaseTooNew(DatabaseError):
    """The database is from a newer version of this package."""

    def __init__(self, url: str, found: str, known: str) -> None:
        super().__init__(
            f"The database {url!r} has schema {found}; this version knows up to {known}. "
            "Update this package: pip install -U mlops-platform"
        )
