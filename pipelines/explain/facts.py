"""What a report says, as plain data. Every section states how far its numbers can be trusted."""

from __future__ import annotations

from dataclasses import asdict, dataclass, field
from enum import StrEnum
from typing import TYPE_CHECKING, Any, Literal

if TYPE_CHECKING:
    from collections.abc import Mapping


class Extent(StrEnum):
    """How a section's numbers came about."""

    EXACT = "exact"
    SAMPLED = "sampled"
    SKIPPED = "skipped"


@dataclass(frozen=True, slots=True)
class Status:
    """Exact, sampled from ``rows`` rows with a typical ``error``, or skipped; ``why`` in words."""

    extent: Extent
    rows: int = 0
    error: float | None = None
    why: str = ""

    @classmethod
    def exact(cls, rows: int, why: str = "") -> Status:
        """Say that nothing was left to chance."""
        return cls(Extent.EXACT, rows, None, why)

    @classmethod
    def sampled(cls, rows: int, error: float | None, why: str) -> Status:
        """Say how much was drawn, and how far off it may be."""
        return cls(Extent.SAMPLED, rows, error, why)

    @classmethod
    def skipped(cls, why: str) -> Status:
        """Say why there is nothing."""
        return cls(Extent.SKIPPED, 0, None, why)

    @property
    def late(self) -> bool:
        """Whether there is nothing only because time ran out.

        >>> Status.skipped("the budget ended before it").late
        True
        """
        return self.extent is Extent.SKIPPED and self.why.startswith("the budget")

    def __str__(self) -> str:
        """Return the status as a reader wants it.

        >>> str(Status.sampled(200, 0.0123, "10 orders a row"))
        'sampled: 200 rows, error ±0.0123; 10 orders a row'
        """
        parts = [f"{self.rows:,} rows"] if self.rows else []
        parts += [f"error ±{self.error:.3g}"] if self.error is not None else []
        told = "; ".join(word for word in (", ".join(parts), self.why) if word)
        return f"{self.extent}: {told}" if told else str(self.extent)


@dataclass(frozen=True, slots=True, kw_only=True)
class Weight:
    """How much one column moves the answers: mean |contribution|, over all rows."""

    column: str
    strength: float
    low: float
    high: float
    share: float
    by_output: tuple[float, ...]
    direction: float
    """Rank correlation of value and contribution (numbers and dates, one output); else 0."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Reliance:
    """How much the loss grows when one column's values are drawn from other rows."""

    column: str
    rise: float
    low: float
    high: float
    p_value: float
    p_holm: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Curve:
    """How a column's contribution (and the mean answer) changes with its value."""

    column: str
    output: str
    numeric: bool
    labels: tuple[str, ...]
    centres: tuple[float, ...]
    rows: tuple[int, ...]
    contribution: tuple[float, ...]
    low: tuple[float, ...]
    high: tuple[float, ...]
    answer: tuple[float, ...] = ()
    """Partial dependence: the mean answer if every row had this value."""
    single: tuple[tuple[float, ...], ...] = ()
    """Individual conditional expectations of a few rows."""
    local: tuple[float, ...] = ()
    """Accumulated local effects (numbers): moves to neighbouring values only, centred."""
    points: tuple[tuple[float, float], ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Interaction:
    """How far two columns together do more than each alone."""

    first: str
    second: str
    strength: float
    share: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Overall:
    """The global section."""

    status: Status
    weights: tuple[Weight, ...] = ()
    """Mean |SHAP contribution|."""
    lime_status: Status = field(default_factory=lambda: Status.skipped("not made"))
    lime: tuple[Weight, ...] = ()
    """Mean |LIME coefficient|, over a sample of the rows."""
    reliance_status: Status = field(default_factory=lambda: Status.skipped("not made"))
    reliance: tuple[Reliance, ...] = ()
    curves: tuple[Curve, ...] = ()
    interactions_status: Status = field(default_factory=lambda: Status.skipped("not made"))
    interactions: tuple[Interaction, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Case:
    """One row: what went in, what came out, what moved it, in the order of ``columns``."""

    row: str
    position: int
    reasons: tuple[str, ...]
    values: tuple[str, ...]
    prediction: str
    answer: tuple[float, ...]
    label: str | None
    loss: float | None
    output: int
    """The output the page shows first: the class that was predicted."""
    shap: tuple[tuple[float, ...], ...]
    """Per output, per column."""
    shap_error: tuple[float, ...] | None
    lime: tuple[tuple[float, ...], ...] | None
    nearest: tuple[tuple[str, str], ...] = ()
    """The most similar rows of the background or data: row and outcome."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Local:
    """The local section."""

    status: Status
    lime_status: Status
    cases: tuple[Case, ...] = ()
    lime_fit: float | None = None
    """How much of the model LIME's straight lines explain around the rows (median R2)."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Driver:
    """A column's mean |contribution| inside a group, with its 95 % interval, and elsewhere."""

    column: str
    here: float
    low: float
    high: float
    elsewhere: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Group:
    """Some rows that share a condition, against all the others."""

    condition: str
    column: str
    rows: int
    share: float
    loss: float
    low: float
    high: float
    gap: float
    gap_low: float
    gap_high: float
    p_value: float
    p_holm: float
    outcome: float | None
    """Mean label (share of the last class; mean value), if there are labels."""
    answer: float
    drivers: tuple[Driver, ...] = ()
    """The columns that differ most from elsewhere, by SHAP."""
    shap: tuple[Driver, ...] = ()
    """The strongest columns inside, by SHAP."""
    lime: tuple[Driver, ...] = ()
    """The strongest columns inside, by LIME."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Difference:
    """One number of a group, and how it differs from that of all other rows."""

    value: float
    gap: float
    low: float
    high: float
    p_value: float
    p_holm: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Treatment:
    """How the model treats a group of a column marked sensitive."""

    column: str
    condition: str
    rows: int
    selected: Difference
    """How often the last class (or an anomaly) is said; the mean value for regression."""
    hits: Difference | None
    """The same among rows that truly are of it: the true positive rate."""
    alarms: Difference | None
    """The same among all others: the false positive rate."""
    calibration: Difference | None
    """Mean answer less mean outcome."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Cluster:
    """Strange rows that are strange in the same way."""

    description: str
    rows: int
    share: float
    """Of the strange rows that were looked at."""
    columns: tuple[str, ...]
    added: tuple[float, ...]
    """What each of the columns adds to the score, on average."""
    score: float
    without: float
    """The score of the same rows with usual cells in these columns."""
    examples: tuple[int, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Cohorts:
    """The cohort section: columns somebody named, and slices that were searched for."""

    status: Status
    shap_status: Status = field(default_factory=lambda: Status.skipped("not made"))
    lime_status: Status = field(default_factory=lambda: Status.skipped("not made"))
    loss: str = ""
    groups: tuple[Group, ...] = ()
    slices_status: Status = field(default_factory=lambda: Status.skipped("not made"))
    slices: tuple[Group, ...] = ()
    candidates: int = 0
    fairness_status: Status = field(
        default_factory=lambda: Status.skipped("no column was marked sensitive")
    )
    fairness: tuple[Treatment, ...] = ()
    clusters_status: Status = field(
        default_factory=lambda: Status.skipped("it does not look for anomalies")
    )
    clusters: tuple[Cluster, ...] = ()


@dataclass(frozen=True, slots=True, kw_only=True)
class Check:
    """One question put to the explanation itself."""

    name: str
    value: float
    reference: float | None
    fine: bool
    words: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Removal:
    """How the answer decays while columns are replaced, against chance."""

    kind: str
    shares: tuple[float, ...]
    ordered: tuple[float, ...]
    chance: tuple[float, ...]


@dataclass(frozen=True, slots=True, kw_only=True)
class Trust:
    """The section about the explanation itself."""

    status: Status
    checks: tuple[Check, ...] = ()
    removals: tuple[Removal, ...] = ()


@dataclass(frozen=True, slots=True)
class Shift:
    """What one column's weight did between two versions; shares are of all movement."""

    column: str
    before: float
    after: float
    rank_before: int | None
    rank_after: int | None
    sign_changed: bool

    @property
    def change(self) -> float:
        """By how much the share grew."""
        return self.after - self.before


@dataclass(frozen=True, slots=True, kw_only=True)
class Comparison:
    """How two versions differ in what moves their answers."""

    against: str = ""
    """The version in place."""
    shifts: tuple[Shift, ...]
    new_columns: tuple[str, ...]
    lost_columns: tuple[str, ...]
    entered_top: tuple[str, ...]
    left_top: tuple[str, ...]
    distance: float
    """Half the sum of |share changes|: 0 for the same weights, 1 for entirely other columns."""
    row_agreement: float
    """Mean rank correlation of the contributions to the rows that both explained."""
    rows: int
    usual: tuple[float, ...]
    """The distances between same-recipe retrains."""
    p_value: float | None
    verdict: Literal["as usual", "changed", "not calibrated"]
    words: str

    def to_dict(self) -> dict[str, Any]:
        """Return everything as JSON-ready data."""
        return asdict(self)


@dataclass(frozen=True, slots=True, kw_only=True)
class About:
    """What was explained, from which rows, by which method, in which unit."""

    task: str
    columns: tuple[str, ...]
    outputs: tuple[str, ...]
    unit: str
    method: str
    refused: tuple[str, ...]
    """Faster methods that did not apply, each with its reason."""
    base: tuple[float, ...]
    rows: int
    background: int
    labelled: bool
    seed: int
    budget: float
    seconds: Mapping[str, float] = field(default_factory=dict)
    numbers: Mapping[str, Any] = field(default_factory=dict)
