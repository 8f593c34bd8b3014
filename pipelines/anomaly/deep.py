"""PyOD's detectors that are networks, made to keep to the rules of all the others.

They draw from the process's random numbers, print as they learn, fail on a last batch of one row,
and some answer by the batch: DIF sizes its columns by the rows it is asked about, VAE draws when
it answers, AE1SVM fails on one row. Here every fit has its own random numbers, the guard asks in
whole blocks, DIF keeps the sizes of the training rows and VAE answers with the mean.
"""

from __future__ import annotations

import importlib
import inspect
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, Self, TypeAlias

import numpy as np
from sklearn.preprocessing import StandardScaler

if TYPE_CHECKING:
    from collections.abc import Iterator

Array: TypeAlias = np.ndarray[Any, Any]

BATCH = 32
BLOCK = 64
"""So many rows are answered at a time: the guard asks in multiples of it (``steady``)."""
DIGITS = 5
"""DIF's forests split what its networks say, whose last bits are not their own."""


class Net:
    """One of PyOD's networks: ``module:Class`` and its arguments."""

    def __init__(self, kind: str, random_state: int = 0, **arguments: Any) -> None:
        self.kind, self.random_state, self.arguments = kind, random_state, arguments

    def fit(self, rows: Array, labels: Array | None = None) -> Self:
        """Learn what is usual; the process's own random numbers are left as they were."""
        del labels
        module, _, name = self.kind.partition(":")
        make = getattr(importlib.import_module(f"pyod.models.{module}"), name)
        accepted = inspect.signature(make).parameters
        seen = {
            "n_features": rows.shape[1], "batch_size": _batch(len(rows)), "device": "cpu",
            "verbose": 0, "random_state": self.random_state,
            "n_neighbours": min(5, len(rows) - 1),
        }  # fmt: skip
        given = {word: value for word, value in seen.items() if word in accepted}
        with _own_numbers(self.random_state):
            self.model_ = make(**given, **self.arguments)
            if self._is_dif:
                self.model_._deep_representation = Kept()
                self.model_.max_samples = min(256, len(rows))
            self.model_.fit(rows)
        self.model_.batch_size = BLOCK
        if isinstance(scaler := getattr(self.model_, "scaler_", None), StandardScaler):
            self.model_.scaler_ = Scaled(scaler.mean_, scaler.scale_)
        if self._is_dif:
            self.model_.x_reduced_lst = []  # the training rows, fifty times over
        return self

    def decision_function(self, rows: Array) -> Array:
        """Return how strange each row is."""
        with _own_numbers(self.random_state), _the_mean(self.model_):
            found = np.asarray(self.model_.decision_function(rows), dtype=float)
        return found.ravel()

    @property
    def _is_dif(self) -> bool:
        return self.kind.endswith(":DIF")


class Scaled:
    """Stands in for a scaler: the same cells, without its looks at rows the guard has seen to."""

    def __init__(self, middle: Array, spread: Array) -> None:
        self.middle, self.spread = middle, spread

    def transform(self, rows: Array) -> Array:
        """Return rows from the middle, in spreads."""
        found: Array = rows - self.middle
        found /= self.spread
        return found


class Kept:
    """Stands in where DIF makes its columns: sized as they were when the network first spoke."""

    def __call__(self, net: Any, rows: Array) -> Array:
        """Return what a network makes of rows."""
        import torch

        with torch.no_grad():
            made = net(torch.as_tensor(rows).float()).numpy().astype(float)
        if not hasattr(net, "sizes_"):
            spread = made.std(axis=0)
            net.sizes_ = made.mean(axis=0), np.where(spread > 0, spread, 1.0)
        middle, spread = net.sizes_
        found: Array = np.round(np.tanh((made - middle) / spread), DIGITS)
        return found


def _batch(rows: int) -> int:
    """Return the size of a batch that leaves no single row over: networks cannot learn from one.

    >>> _batch(65), _batch(64), _batch(3)
    (31, 32, 3)
    """
    sizes = [size for size in range(min(BATCH, rows), 1, -1) if rows % size != 1]
    return sizes[0] if sizes else BATCH


@contextmanager
def _own_numbers(seed: int) -> Iterator[None]:
    """Draw from torch's numbers anew and leave the process's as they were, as the guard does."""
    import torch

    with torch.random.fork_rng(devices=[]):
        torch.default_generator.manual_seed(seed)  # every device by name costs a millisecond
        yield


@contextmanager
def _the_mean(detector: Any) -> Iterator[None]:
    """Have a variational network answer with the middle of what it would draw from."""
    net = getattr(detector, "model", None)
    if not hasattr(net, "reparameterize"):
        yield
        return
    net.__dict__["reparameterize"] = lambda middle, spread: middle  # noqa: ARG005
    try:
        yield
    finally:
        del net.__dict__["reparameterize"]
