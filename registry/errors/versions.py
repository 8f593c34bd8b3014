"""Versions: how they are named, what they come with, and that there is none."""

from __future__ import annotations

import difflib
from typing import TYPE_CHECKING

from registry.errors.root import RegistryError, listed

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence


class BadRef(RegistryError):
    """The text does not follow the ``name/version`` or ``name@stage`` grammar."""

    def __init__(self, text: str, example: str = "name", stages: Iterable[str] = ()) -> None:
        known = f" Stages are {', '.join(stages)}." if stages else ""
        super().__init__(
            f"{text!r} is not a version reference.{known} "
            f"Write '{example}/7', '{example}@latest' or '{example}@production'."
        )


class BadName(RegistryError):
    """A model cannot be called that."""

    def __init__(self, name: str) -> None:
        super().__init__(
            f"A model cannot be called {name!r}. Use letters, digits, spaces and '_', '-', '.', "
            "at most 200 of them, with a letter or digit first and no space last."
        )


class BadEvidence(RegistryError):
    """What a version comes with makes no sense."""

    def __init__(self, what: str, remedy: str) -> None:
        super().__init__(f"The version was not recorded: {what}. {remedy}")


class UnknownVersion(RegistryError):
    """Nothing in the record answers to the reference."""

    def __init__(
        self, ref: object, *, name: str = "", names: Sequence[str] = (), exists: Sequence[str] = ()
    ) -> None:
        self.ref = str(ref)
        told = f"No model is called '{ref}'" if ref == name else f"No version answers to '{ref}'"
        super().__init__(f"{told}. {_what_exists(name, names, exists)}")


def _what_exists(name: str, names: Sequence[str], exists: Sequence[str]) -> str:
    if exists:
        return f"'{name}' has {listed(exists)}."
    if not names:
        return "Nothing is registered yet: 'mlops run' registers a first version."
    near = difflib.get_close_matches(name, names, n=3, cutoff=0.55)
    meant = f"Did you mean {' or '.join(map(repr, near))}? " if near else ""
    return f"{meant}Registered models: {listed(names)}."
