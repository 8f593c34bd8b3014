"""What can go wrong at the door. Light: every MLflow process imports it with the guard.

DoorError
├── BadEnvironment     a setting has a value that makes no sense
├── BadPolicy          a policy file makes no sense, or nothing could ever pass it
├── PolicyExists       a policy file is there already
├── UnwritableFolder   a folder that a command writes to cannot be written
├── PortBusy           something else listens where the server should
├── NoServer           the MLflow server did not come up
├── Diverged           MLflow shows something else than the record says
├── NoRecipe           a version does not say how it was made
├── DataChanged        the rows are not those that a version learned from
├── NotReproduced      a version was made again and its metrics came out differently
└── Interrupted        somebody pressed Ctrl-C; it says how to go on
"""

from __future__ import annotations


class DoorError(Exception):
    """Base of every error the door raises on purpose."""


class BadEnvironment(DoorError):
    """A setting has a value that makes no sense."""

    def __init__(self, name: str, value: object, wanted: str) -> None:
        super().__init__(f"The setting {name} cannot be {value!r}: {wanted}.")


class BadPolicy(DoorError):
    """A policy file makes no sense, or nothing could ever pass it."""

    def __init__(self, path: object, where: str, what: str) -> None:
        place = f" at {where}" if where else ""
        end = "" if what.endswith("?") else "."
        super().__init__(
            f"The policy {str(path)!r} was not used{place}: {what}{end} "
            "docs/reference/policy.md says what a policy can say."
        )


class PolicyExists(DoorError):
    """A policy file is there already."""

    def __init__(self, path: object) -> None:
        super().__init__(f"{str(path)!r} is there already; nothing was written. Edit it.")


class UnwritableFolder(DoorError):
    """A folder that a command writes to cannot be written."""

    def __init__(self, folder: object, reason: str) -> None:
        super().__init__(
            f"The folder {str(folder)!r} cannot be written: {reason}. "
            "Go to a folder of your own, or choose another with MLOPS_HOME or -o."
        )


class PortBusy(DoorError):
    """Something else listens where the server should."""

    def __init__(self, host: str, port: int, free: int) -> None:
        super().__init__(
            f"Port {port} on {host} is in use by another program. "
            f"Take another one: mlops ui --port {free}"
        )


class NoServer(DoorError):
    """The MLflow server did not come up."""

    def __init__(self, reason: str) -> None:
        super().__init__(f"The MLflow server did not start: {reason}")


class Diverged(DoorError):
    """MLflow shows something else than the record says; ``mlops doctor`` lists what."""


class Interrupted(DoorError):
    """Somebody pressed Ctrl-C."""


class NoRecipe(DoorError):
    """A version does not say how it was made."""

    def __init__(self, version: object, why: str) -> None:
        super().__init__(f"{version} cannot be made again: {why}")


class DataChanged(DoorError):
    """The rows are not those that a version learned from."""

    def __init__(self, version: object, source: object, digests: tuple[str, str]) -> None:
        found, recorded = digests
        super().__init__(
            f"{str(source)!r} is not the data that {version} learned from: its digest is "
            f"{found[:12]}…, recorded is {recorded[:12]}…. Nothing was trained. "
            "Say where the same rows are now with --data."
        )


class NotReproduced(DoorError):
    """A version was made again and its metrics came out differently."""

    def __init__(self, version: object, told: str) -> None:
        super().__init__(f"{version} was made again and differs: {told}")
