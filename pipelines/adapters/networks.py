"""A small network for tables, in NumPy: fast in one thread, and one seed gives one network.

Each number also comes in as the stretches of a ruler laid through its quantiles, so that a step
or a bend needs no depth. What answers is the running mean of the weights, which is good at the end
of any epoch: so a network can watch other rows, and ``keep`` can go back to an earlier epoch.
"""

from __future__ import annotations

import itertools
import os
import tempfile
import time
from typing import TYPE_CHECKING, Any, Self, TypeAlias

import numpy as np
from scipy.special import log_softmax, softmax
from sklearn.base import BaseEstimator, ClassifierMixin, RegressorMixin

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Array: TypeAlias = np.ndarray[Any, Any]

WIDEST, FEWEST_STRETCHES = 480, 3
"""So many input columns at most come of rulers; shorter rulers than this are left out."""
ROWS_LOOKED_AT = 20_000
MOST_EPOCHS, PATIENCE = 100, 10
EPOCHS_APART = 6
"""Of later epochs only every so-many-th part is remembered: all folds' are, until all ended."""
SIZES = ((1_000, 32), (4_000, 64), (16_000, 128), (60_000, 256))
"""Up to so many rows: so many of them per step."""
LARGEST_STEP = 512
FIRST, SECOND = 0.9, 0.98
"""How slowly Adam forgets slopes and their squares."""
MEMORY = 2.0
"""The weights that answer are the mean of about so many epochs."""
FAR = 3.0
"""Standard deviations beyond which a number hardly counts for more."""


class Rulers:
    """Lays a ruler through each column's quantiles."""

    def __init__(self, stretches: int) -> None:
        self.stretches = stretches

    def fit(self, rows: Array) -> Self:
        """Learn the marks; columns of two values need none."""
        looked_at = rows[:: 1 + len(rows) // ROWS_LOOKED_AT]
        several = [at for at in range(rows.shape[1]) if len(np.unique(looked_at[:, at])) > 2]
        most = min(self.stretches, WIDEST // max(1, len(several)))
        self.columns_: list[int] = []
        self.marks_: list[Array] = []
        for at in several if most >= FEWEST_STRETCHES else []:
            marks = np.unique(np.quantile(looked_at[:, at], np.linspace(0, 1, most + 1)))
            self.columns_.append(at)
            self.marks_.append(marks.astype(np.float32))
        return self

    def transform(self, rows: Array) -> Array:
        """Return the rows, far numbers drawn in, and how far each stretch is passed."""
        given = rows.astype(np.float32)
        parts = [given / np.sqrt(1 + np.square(given / FAR))]
        for at, marks in zip(self.columns_, self.marks_, strict=True):
            passed = (given[:, at, None] - marks[:-1]) / np.maximum(np.diff(marks), 1e-12)
            parts.append(np.clip(passed, 0, 1))
        return np.ascontiguousarray(np.hstack(parts))


class Layers:
    """Weights and shifts, layer by layer, as views of one flat array."""

    def __init__(self, widths: Sequence[int], flat: Array | None = None) -> None:
        shapes = list(itertools.pairwise(widths))
        size = sum(into * out + out for into, out in shapes)
        self.flat = np.zeros(size, dtype=np.float32) if flat is None else flat
        self.weights: list[Array] = []
        self.shifts: list[Array] = []
        at = 0
        for into, out in shapes:
            self.weights.append(self.flat[at : at + into * out].reshape(into, out))
            self.shifts.append(self.flat[at + into * out : at + into * out + out])
            at += into * out + out

    def draw(self, dice: np.random.Generator) -> None:
        """Begin with small random weights; the last layer begins with none."""
        for weights in self.weights[:-1]:
            weights[:] = dice.normal(0, np.sqrt(2 / len(weights)), weights.shape)

    def answer(self, rows: Array) -> Array:
        """Return what comes out of the last layer."""
        for weights, shifts in zip(self.weights[:-1], self.shifts[:-1], strict=True):
            rows = np.maximum(rows @ weights + shifts, 0)
        last: Array = rows @ self.weights[-1] + self.shifts[-1]
        return last

    def forward(
        self, rows: Array, dropout: float, dice: np.random.Generator
    ) -> tuple[list[Array], list[Array]]:
        """Return what goes into each layer and out of the last, and what let it pass."""
        told, gates = [rows], []
        for weights, shifts in zip(self.weights[:-1], self.shifts[:-1], strict=True):
            out = told[-1] @ weights + shifts
            kept = dice.random(out.shape, dtype=np.float32) >= dropout
            gates.append(((out > 0) & kept) * np.float32(1 / (1 - dropout)))
            told.append(out * gates[-1])
        told.append(told[-1] @ self.weights[-1] + self.shifts[-1])
        return told, gates

    def backward(
        self, told: list[Array], gates: list[Array], error: Array, slopes: Layers
    ) -> None:
        """Write the slope of the loss by every weight into ``slopes``."""
        for layer in range(len(self.weights) - 1, -1, -1):
            np.matmul(told[layer].T, error, out=slopes.weights[layer])
            slopes.shifts[layer][:] = error.sum(axis=0)
            if layer:
                error = (error @ self.weights[layer].T) * gates[layer - 1]


class Adam:
    """Steps as long as the slopes are steady; weights shrink a little at each."""

    def __init__(self, layers: Layers, shrink: float) -> None:
        self._layers, self._shrink, self._steps = layers, shrink, 0
        self._mean, self._square = np.zeros_like(layers.flat), np.zeros_like(layers.flat)

    def step(self, slope: Array, rate: float) -> None:
        """Move every weight down its slope."""
        self._steps += 1
        self._mean += (1 - FIRST) * (slope - self._mean)
        self._square += (1 - SECOND) * (np.square(slope) - self._square)
        size = np.sqrt(self._square / (1 - SECOND**self._steps)) + 1e-8
        for weights in self._layers.weights:
            weights *= 1 - rate * self._shrink
        self._layers.flat -= rate / (1 - FIRST**self._steps) * self._mean / size


class Past:
    """The weights of earlier epochs, in a file: in memory those of all folds would be too many."""

    def __init__(self) -> None:
        self._file = tempfile.TemporaryFile()  # noqa: SIM115 - it is open as long as this lives
        self._places: dict[int, tuple[int, int]] = {}

    def __len__(self) -> int:
        return len(self._places)

    def __del__(self) -> None:
        self._file.close()

    def put(self, epoch: int, flat: Array) -> None:
        """Remember an epoch's weights."""
        self._places[epoch] = self._file.seek(0, os.SEEK_END), flat.nbytes
        self._file.write(flat.tobytes())

    def nearest(self, epoch: int) -> Array:
        """Return the weights of the epoch, or of the nearest that is remembered."""
        place, size = self._places[min(self._places, key=lambda each: abs(each - epoch))]
        self._file.seek(place)
        return np.frombuffer(bytearray(self._file.read(size)), dtype=np.float32)


class Network(BaseEstimator):  # type: ignore[misc] # scikit-learn is untyped
    """What the classifier and the regressor share: layers, and how they learn."""

    def __init__(  # noqa: PLR0913 - scikit-learn wants them one by one
        self,
        layers: str = "256-128",
        learning_rate: float = 2e-3,
        dropout: float = 0.1,
        shrink: float = 1e-2,
        stretches: int = 12,
        epochs: int = 15,
        random_state: int = 0,
    ) -> None:
        self.layers, self.learning_rate, self.dropout = layers, learning_rate, dropout
        self.shrink, self.stretches, self.epochs = shrink, stretches, epochs
        self.random_state = random_state

    def fit(self, rows: Array, target: Array) -> Self:
        """Learn for the epochs that were asked for."""
        self.past_: Past | None = None
        for _ in zip(range(self.epochs), self._learn(rows, target), strict=False):
            pass
        return self

    def watch(
        self, known: tuple[Array, Array], watched: tuple[Array, Array], deadline: float
    ) -> int:
        """Learn until the watched rows gain no more; return how many epochs that took."""
        self.past_ = Past()
        seen: Array | None = None
        best, at = float("inf"), 0
        for epoch in self._learn(*known):
            seen = self.rulers_.transform(watched[0]) if seen is None else seen
            if epoch % max(1, epoch // EPOCHS_APART) == 0:
                self.past_.put(epoch, self.flat_)
            loss = self._loss(Layers(self.widths_, self.flat_).answer(seen), watched[1])
            if loss < best:
                best, at = loss, epoch
            if epoch - at >= PATIENCE or epoch >= MOST_EPOCHS or time.monotonic() > deadline:
                break
        self.keep(at)
        return at

    def keep(self, epochs: int) -> None:
        """Answer as at the end of an earlier epoch, or of the nearest that is remembered."""
        if self.past_:  # a saved one has none
            self.flat_ = self.past_.nearest(epochs)

    def answered(self, rows: Array) -> Array:
        """Return the last layer's answer."""
        answer = Layers(self.widths_, self.flat_).answer(self.rulers_.transform(np.asarray(rows)))
        return answer.astype(float)

    def __getstate__(self) -> dict[str, Any]:
        """Leave earlier epochs behind when saved."""
        return {**super().__getstate__(), "past_": None}

    def _learn(self, rows: Array, target: Array) -> Iterator[int]:
        """Learn epoch by epoch; ``flat_`` holds the weights that answer after each."""
        wanted = self._wanted(target)
        self.rulers_ = Rulers(self.stretches).fit(rows)
        given = self.rulers_.transform(rows)
        self.widths_ = [given.shape[1], *map(int, self.layers.split("-")), wanted.shape[1]]
        layers, mean, slopes = Layers(self.widths_), Layers(self.widths_), Layers(self.widths_)
        dice = np.random.default_rng(self.random_state)
        layers.draw(dice)
        adam = Adam(layers, self.shrink)
        size = next((size for most, size in SIZES if len(given) < most), LARGEST_STEP)
        each = max(1, len(given) // size)
        self.flat_, steps = mean.flat, 0
        for epoch in range(1, 1 + max(MOST_EPOCHS, self.epochs)):
            for some in np.array_split(dice.permutation(len(given)), each):
                told, gates = layers.forward(given[some], self.dropout, dice)
                layers.backward(told, gates, self._slopes(told[-1], wanted[some]), slopes)
                steps += 1
                adam.step(slopes.flat, self.learning_rate * min(1.0, steps / (each + 20)))
                share = max(1 / (MEMORY * each + 1), 3 / (steps + 3))
                mean.flat += share * (layers.flat - mean.flat)
            yield epoch


class NetworkClassifier(ClassifierMixin, Network):  # type: ignore[misc] # scikit-learn is untyped
    """Learns the chances of classes."""

    def predict_proba(self, rows: Array) -> Array:
        """Return one column per class."""
        chances: Array = softmax(self.answered(rows), axis=1)
        return chances

    def predict(self, rows: Array) -> Array:
        """Return the likeliest class."""
        likeliest: Array = self.classes_[self.answered(rows).argmax(axis=1)]
        return likeliest

    def _wanted(self, target: Array) -> Array:
        self.classes_, codes = np.unique(target, return_inverse=True)
        return np.eye(len(self.classes_), dtype=np.float32)[codes]

    def _slopes(self, answer: Array, wanted: Array) -> Array:
        return _per_row(softmax(answer, axis=1) - wanted)

    def _loss(self, answer: Array, target: Array) -> float:
        codes = np.searchsorted(self.classes_, target)
        return float(-log_softmax(answer, axis=1)[np.arange(len(codes)), codes].mean())


class NetworkRegressor(RegressorMixin, Network):  # type: ignore[misc] # scikit-learn is untyped
    """Learns values, and answers within the range of those it saw."""

    def predict(self, rows: Array) -> Array:
        """Return a value per row."""
        return self._value(self.answered(rows))

    def _wanted(self, target: Array) -> Array:
        self.least_, self.most_ = float(target.min()), float(target.max())
        self.centre_, self.scale_ = float(target.mean()), float(target.std()) or 1.0
        return np.asarray((target - self.centre_) / self.scale_, dtype=np.float32)[:, None]

    def _slopes(self, answer: Array, wanted: Array) -> Array:
        return _per_row(answer - wanted)

    def _loss(self, answer: Array, target: Array) -> float:
        return float(np.square(self._value(answer) - target).mean())

    def _value(self, answer: Array) -> Array:
        value: Array = np.clip(answer[:, 0] * self.scale_ + self.centre_, self.least_, self.most_)
        return value


def _per_row(error: Array) -> Array:
    return error / np.float32(len(error))
