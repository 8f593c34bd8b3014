"""Webhooks: addresses, receivers and secrets."""

from __future__ import annotations

from registry.errors.root import RegistryError


class BadWebhook(RegistryError):
    """Nothing can or may be sent to that address."""

    def __init__(self, url: str, reason: str) -> None:
        self.reason = reason
        remedy = "Give an address like https://host/path"
        super().__init__(f"{url!r} cannot be a webhook: {reason}. {remedy}")


class Undelivered(RegistryError):
    """A receiver did not take an event."""

    def __init__(self, url: str, reason: str, status: int | None = None) -> None:
        self.reason, self.status = reason, status
        super().__init__(f"{url!r} did not take the event: {reason}. Nothing waits because of it.")


class SecretSealed(RegistryError):
    """A webhook's secret is sealed, and the key is not here."""

    def __init__(self, key: str, reason: str) -> None:
        told = (
            f"The webhook's secret cannot be read: it is sealed with the key {key}, and {reason}."
        )
        super().__init__(f"{told} Set MLOPS_SECRET_KEY to that key, or add the webhook anew.")
