"""The numbers a policy gives to gates: one plain frozen class for each gate that has any.

A value that would make a gate impossible to pass is refused when the policy is read.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

from registry.cases import settings

METHODS = ("auto", "delong", "mcnemar", "bootstrap", "folds")

KNOWN_NAMES = (
    "builtins.bytearray", "builtins.complex", "builtins.dict", "builtins.frozenset",
    "builtins.list", "builtins.object", "builtins.range", "builtins.set", "builtins.slice",
    "builtins.tuple", "collections.OrderedDict", "collections.defaultdict",
    "copyreg._reconstructor", "functools.partial", "numpy.dtype", "numpy.ndarray",
    "numpy._core.multiarray.*", "numpy._core.numeric.*", "numpy.core.multiarray.*",
    "numpy.random._pickle.*", "numpy.random.mtrand.*", "_codecs.encode",
    "pandas._libs.*", "pandas.core.*", "scipy.sparse.*", "scipy.interpolate.*",
    "sklearn.*", "lightgbm.basic.*", "lightgbm.sklearn.*", "lightgbm.compat.*",
    "xgboost.core.*", "xgboost.sklearn.*", "catboost.core.*", "pyod.models.*",
    "pipelines.adapters.*", "pipelines.cleaning.*", "pipelines.schema.*", "pipelines.task.*",
    "pipelines.ensemble.*", "pipelines.calibration.*",
)  # fmt: skip
"""What the pickles of ordinary models name; none of it runs a command or opens a file."""


@settings
class Commit:
    """Whether a model from outside a git repository, or from unsaved changes, may pass."""

    required: bool = False
    clean: bool = False


@settings
class Margin:
    """How much worse than the champion still counts as not worse, as a share of its value."""

    margin: float = 0.001

    def __post_init__(self) -> None:
        _in("margin", self.margin, 0.0, 1.0)


@settings
class Bounds:
    """Between which values a metric must lie."""

    min: float | None = None
    max: float | None = None

    def __post_init__(self) -> None:
        if self.min is None and self.max is None:
            raise ValueError("give min, max or both")
        if self.min is not None and self.max is not None and self.min > self.max:
            raise ValueError(f"min {self.min:g} lies above max {self.max:g}: nothing can pass")


@settings
class Thresholds:
    """By metric, between which values it must lie."""

    metrics: Mapping[str, Bounds]

    def __post_init__(self) -> None:
        if not self.metrics:
            raise ValueError("name at least one metric")


@settings
class Paired:
    """How a paired test with the champion is made.

    ``margin`` is in the metric's own unit: 0 asks for better, 0.01 allows to be worse by 0.01.
    """

    margin: float = 0.0
    alpha: float = 0.05
    method: Literal["auto", "delong", "mcnemar", "bootstrap", "folds"] = "auto"
    metric: str = ""

    def __post_init__(self) -> None:
        if not 0 < self.alpha < 0.5:
            raise ValueError(f"alpha is {self.alpha:g}; it lies between 0 and 0.5")


@settings
class AtMost:
    """The most that still passes."""

    max: float

    def __post_init__(self) -> None:
        if self.max < 0:
            raise ValueError(f"max is {self.max:g}: nothing can pass")


@settings
class Latency:
    """The longest that answering one row may take, in milliseconds."""

    max_ms: float

    def __post_init__(self) -> None:
        _positive("max_ms", self.max_ms)


@settings
class Size:
    """The most that the model's files may weigh, in megabytes."""

    max_mb: float

    def __post_init__(self) -> None:
        _positive("max_mb", self.max_mb)


@settings
class Age:
    """How old the data may be, in days."""

    max_days: float

    def __post_init__(self) -> None:
        _positive("max_days", self.max_days)


@settings
class Drift:
    """Which verdicts on the change of explanations pass."""

    allow: tuple[Literal["as usual", "changed", "not calibrated"], ...] = ("as usual",)

    def __post_init__(self) -> None:
        _some("allow", self.allow)


@settings
class Compatible:
    """Whether columns may be needed that the champion's callers don't send."""

    new_columns: bool = False


@settings
class Formats:
    """In which formats a model may be written, and which types beyond the trusted it may hold."""

    allow: tuple[Literal["skops", "cloudpickle"], ...] = ("skops",)
    types: tuple[str, ...] = ()

    def __post_init__(self) -> None:
        _some("allow", self.allow)


@settings
class Names:
    """What a pickle may name: exact names, or ``package.*``. ``also`` adds to the known ones."""

    also: tuple[str, ...] = ()
    known: bool = True

    @property
    def allowed(self) -> tuple[str, ...]:
        """Everything that may be named."""
        return (*KNOWN_NAMES, *self.also) if self.known else self.also


@settings
class Tolerance:
    """How far a metric that is computed again may be from the recorded one, as a share of it."""

    tolerance: float = 1e-6

    def __post_init__(self) -> None:
        _in("tolerance", self.tolerance, 0.0, 1.0)


def _in(name: str, value: float, low: float, high: float) -> None:
    if not low <= value <= high:
        raise ValueError(f"{name} is {value:g}; it lies between {low:g} and {high:g}")


def _positive(name: str, value: float) -> None:
    if not value > 0:
        raise ValueError(f"{name} is {value:g}: nothing can pass")


def _some(name: str, values: tuple[str, ...]) -> None:
    if not values:
        raise ValueError(f"{name} is empty: nothing can pass")
