"""The audit log: its clock, its chain, its seals and its exports."""

from __future__ import annotations

from typing import TYPE_CHECKING

from registry.errors.root import RegistryError

if TYPE_CHECKING:
    from datetime import datetime


class ClockBehind(RegistryError):
    """The clock shows a time before the last entry of the audit log."""

    def __init__(self, now: datetime, last: datetime) -> None:
        super().__init__(
            f"This machine's clock shows {now:%Y-%m-%d %H:%M:%S} UTC, but the audit log already "
            f"goes to {last:%Y-%m-%d %H:%M:%S}; nothing was changed. Set the clock right."
        )


class BrokenChain(RegistryError):
    """The audit log no longer hashes to what it recorded."""

    def __init__(self, number: int, what: str = "was changed after it was written") -> None:
        self.number = number
        super().__init__(
            f"Audit entry {number} {what}. Compare the database with its last backup."
        )


class BadSeal(RegistryError):
    """A checkpoint was not signed with the key it is held against."""

    def __init__(self, number: object, key: str) -> None:
        super().__init__(
            f"The checkpoint at entry {number} does not carry the signature of key {key}. Either "
            "it was changed, or it was made with another key: name that one with --key."
        )


class BadKey(RegistryError):
    """A file holds no key to sign or to verify with."""

    def __init__(self, path: object, reason: str) -> None:
        super().__init__(
            f"{str(path)!r} cannot be used as the key of the audit log: {reason}. "
            "'mlops audit key' makes one and prints its public half."
        )


class BadExport(RegistryError):
    """A file is no whole export of an audit log."""

    def __init__(self, line: int, what: str) -> None:
        super().__init__(
            f"Line {line} of the export {what}. Get the file again from where it was exported: "
            "mlops audit export FILE"
        )
