"""Stacks of models: exact on the scale of log-odds where all members are exact there."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pipelines.adapters.combined import Decided
from pipelines.adapters.stacked import Stack
from pipelines.explain.links import LINKS, centred
from pipelines.explain.mixtures import Mixture

if TYPE_CHECKING:
    from pipelines.explain.links import Link


def stack_of(model: Any) -> Stack | None:
    """Return the stack that gives a model's chances, or None where something else does."""
    if isinstance(model, Decided):
        return stack_of(model.inner)
    return model if isinstance(model, Stack) else None


def scale_of(stack: Stack) -> str:
    """Return the scale on which a stack adds up: of two classes, the second one's log-odds."""
    return "logit" if len(stack.shift) == 2 else "clr"


@dataclass(frozen=True)
class StackedMembers(Mixture):
    """Exact members whose log-odds are added up."""

    stack: Stack | None = None

    @property
    def link(self) -> Link:
        """The scale of the members and of the whole."""
        return LINKS["identity"] if self.stack is None else LINKS[scale_of(self.stack)]

    @property
    def method(self) -> str:
        """How the members are explained."""
        kinds = sorted({part.method for _, part in self.parts})
        return f"stack of {len(self.parts)} members' log-odds: {' and '.join(kinds)}"

    def together(self, parts: list[np.ndarray]) -> np.ndarray:
        """Add up what the members' log-odds are made of, the outputs last."""
        if self.stack is None:
            return super().together(parts)
        slopes = np.array(self.stack.slopes)
        if len(self.stack.shift) == 2:
            counts = (slopes[:, 1, 1] - slopes[:, 1, 0] - slopes[:, 0, 1] + slopes[:, 0, 0]) / 2
            return np.tensordot(counts, parts, axes=1)
        return centred(np.einsum("m...i,mij->...j", np.array(parts), slopes))

    @property
    def start(self) -> np.ndarray:
        """What is added whatever the members say."""
        if self.stack is None:
            return super().start
        shift = np.array(self.stack.shift)
        return shift[1:] - shift[:1] if len(shift) == 2 else centred(shift)
