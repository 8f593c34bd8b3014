"""Sealing: secrets that must be read again lie in the database encrypted, by a key kept elsewhere.

The first key seals, every key opens, so that keys can be changed: put the new one first, seal
again, drop the old one. Without a key secrets lie there as they are. What is sealed names its key
by a fingerprint and is authenticated (Fernet: AES-128-CBC and HMAC-SHA256).
"""

from __future__ import annotations

import base64
import binascii
import hashlib
from typing import TYPE_CHECKING

from registry.errors import SecretSealed

if TYPE_CHECKING:
    from collections.abc import Sequence

_MARK = "sealed"
_BYTES = 32


def make_key() -> str:
    """Return a new key as text."""
    from cryptography.fernet import Fernet

    return Fernet.generate_key().decode()


def is_key(text: str) -> bool:
    """Say whether a text is a key.

    >>> is_key(make_key()), is_key("secret")
    (True, False)
    """
    try:
        return len(base64.b64decode(text, altchars=b"-_", validate=True)) == _BYTES
    except (binascii.Error, ValueError):
        return False


def fingerprint(key: str) -> str:
    """Return a short name of a key, for people to compare."""
    return hashlib.sha256(key.encode()).hexdigest()[:8]


def sealed_by(kept: str) -> str | None:
    """Return the fingerprint of the key that a secret is sealed with; None when it is in clear.

    >>> sealed_by("whsec_abc"), sealed_by("sealed:0a1b2c3d:gAAA")
    (None, '0a1b2c3d')
    """
    mark, _, rest = kept.partition(":")
    return rest.partition(":")[0] if mark == _MARK else None


def seal(secret: str, keys: Sequence[str]) -> str:
    """Seal a secret with the first key; without one it stays as it is.

    >>> key = make_key()
    >>> opened(seal("whsec_abc", [key]), [key])
    'whsec_abc'
    """
    if not keys:
        return secret
    from cryptography.fernet import Fernet

    closed = Fernet(keys[0]).encrypt(secret.encode()).decode()
    return f"{_MARK}:{fingerprint(keys[0])}:{closed}"


def opened(kept: str, keys: Sequence[str]) -> str:
    """Return a secret that may be sealed.

    Raises:
        SecretSealed: No key opens it, or it was changed since.
    """
    name = sealed_by(kept)
    if name is None:
        return kept
    from cryptography.fernet import Fernet, InvalidToken

    for key in keys:
        if fingerprint(key) == name:
            try:
                return Fernet(key).decrypt(kept.rpartition(":")[2]).decode()
            except InvalidToken as error:
                raise SecretSealed(name, "it was changed since") from error
    here = ", ".join(fingerprint(key) for key in keys)
    raise SecretSealed(name, f"MLOPS_SECRET_KEY holds {here}" if here else "no key is set")
