"""Checkpoints: where the audit log ended, signed, to be kept outside the database.

Whoever owns the database can cut off the log's end and nothing in it could tell. A checkpoint can:
the log must still contain it. It is signed with Ed25519, so that it cannot be made up either.
"""

from __future__ import annotations

import base64
import hashlib
import json
from dataclasses import asdict, dataclass
from typing import TYPE_CHECKING, Any

from registry.audit import Head, text_of
from registry.errors import BadKey, BadSeal

if TYPE_CHECKING:
    from datetime import datetime

    from cryptography.hazmat.primitives.asymmetric.ed25519 import (
        Ed25519PrivateKey,
        Ed25519PublicKey,
    )

_KIND = "mlops-checkpoint/1"
_FIELDS = {"number", "digest", "at", "database", "key", "signature"}


@dataclass(frozen=True, slots=True, kw_only=True)
class Checkpoint:
    """The end of one database's log at some moment, with a signature."""

    number: int
    digest: str
    at: str
    database: str
    key: str
    """The fingerprint of the key."""
    signature: str

    @property
    def head(self) -> Head:
        """Where the log ended."""
        return Head(self.number, self.digest)

    def to_dict(self) -> dict[str, Any]:
        """Return everything as plain JSON-ready data."""
        return asdict(self)

    def to_line(self) -> str:
        """Return it as the one line that files keep."""
        return text_of({"checkpoint": self.to_dict()})


def make_key() -> bytes:
    """Return a new private key as PEM. Only its owner may be able to read the file."""
    from cryptography.hazmat.primitives import serialization as forms
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    return Ed25519PrivateKey.generate().private_bytes(
        forms.Encoding.PEM, forms.PrivateFormat.PKCS8, forms.NoEncryption()
    )


def public_of(private: bytes, path: object = "") -> bytes:
    """Return the public half of a private key as PEM.

    Raises:
        BadKey: That is no private Ed25519 key.
    """
    from cryptography.hazmat.primitives import serialization as forms

    public = _private(private, path).public_key()
    return public.public_bytes(forms.Encoding.PEM, forms.PublicFormat.SubjectPublicKeyInfo)


def fingerprint(public: bytes, path: object = "") -> str:
    """Return a short name of a public key, for people to compare.

    Raises:
        BadKey: That is no public Ed25519 key.
    """
    return hashlib.sha256(_public(public, path).public_bytes_raw()).hexdigest()[:16]


def sign(head: Head, *, private: bytes, at: datetime, database: str) -> Checkpoint:
    """Make the checkpoint of a log's end.

    Raises:
        BadKey: That is no private Ed25519 key.
    """
    told = {
        "number": head.number,
        "digest": head.digest,
        "at": at.isoformat(),
        "database": database,
        "key": fingerprint(public_of(private)),
    }
    signature = _private(private, "").sign(_signed(told))
    return Checkpoint(**told, signature=base64.b64encode(signature).decode())  # type: ignore[arg-type]


def check(checkpoint: Checkpoint, public: bytes, path: object = "") -> None:
    """Do nothing if the checkpoint was signed with the private half of a key.

    Raises:
        BadSeal: It was not.
        BadKey: That is no public Ed25519 key.
    """
    from cryptography.exceptions import InvalidSignature

    told = checkpoint.to_dict()
    try:
        signature = base64.b64decode(told.pop("signature"), validate=True)
        _public(public, path).verify(signature, _signed(told))
    except (InvalidSignature, ValueError) as error:
        raise BadSeal(checkpoint.number, fingerprint(public)) from error


def read(line: str, key: str = "?") -> Checkpoint:
    """Read back what ``to_line`` wrote, and nothing but that.

    Raises:
        BadSeal: The line is another one than was written.
    """
    try:
        told = json.loads(line)["checkpoint"]
        whole = set(told) == _FIELDS and isinstance(told["number"], int)
        found = Checkpoint(**told) if whole else None
    except (ValueError, TypeError, KeyError) as error:
        raise BadSeal("?", key) from error
    if found is None or found.to_line() != line:
        raise BadSeal(told.get("number", "?"), key)
    return found


def _signed(told: dict[str, Any]) -> bytes:
    return text_of([_KIND, told]).encode()


def _private(pem: bytes, path: object) -> Ed25519PrivateKey:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey

    try:
        key = serialization.load_pem_private_key(pem, password=None)
    except (ValueError, TypeError) as error:
        raise BadKey(path, "it holds no private key in PEM form") from error
    if not isinstance(key, Ed25519PrivateKey):
        raise BadKey(path, "it is no Ed25519 key")
    return key


def _public(pem: bytes, path: object) -> Ed25519PublicKey:
    from cryptography.hazmat.primitives import serialization
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        key = serialization.load_pem_public_key(pem)
    except ValueError as error:
        raise BadKey(path, "it holds no public key in PEM form") from error
    if not isinstance(key, Ed25519PublicKey):
        raise BadKey(path, "it is no Ed25519 key")
    return key
