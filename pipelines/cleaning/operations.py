"""The steps a plan may hold: one row for each thing that can be done to a column.

Listing them imports nothing heavy. A row says which kinds of column the step takes and which
options it has with their usual values; the fitted work lives in ``stages``, ``encoding``,
``dates``, ``texts`` and ``combining``.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any, Self

from pipelines.dataset import Kind
from pipelines.errors import BadPlan, close_matches, listed

if TYPE_CHECKING:
    from collections.abc import Mapping

NUMERIC = frozenset({Kind.NUMBER, Kind.BOOLEAN, Kind.DATE})
NUMBERS = frozenset({Kind.NUMBER})
NAMED = frozenset({Kind.CATEGORY, Kind.ID, Kind.BOOLEAN})
WORDS = frozenset({Kind.TEXT, Kind.CATEGORY, Kind.ID})
EVERY = frozenset(Kind)
TABLE: frozenset[Kind] = frozenset()
"""A step with no kinds works on the whole table, after the columns."""

NEEDS = ("numbers", "scaled", "no_missing", "dense", "few_columns")
"""What an algorithm may not be able to do itself; a step's ``when`` names one of them."""


@dataclass(frozen=True, slots=True)
class Operation:
    """One thing that can be done, under the two words a plan uses for it."""

    do: str
    how: str
    kinds: frozenset[Kind]
    does: str
    options: Mapping[str, Any] = field(default_factory=dict)
    supervised: bool = False


@dataclass(frozen=True, slots=True)
class Step:
    """One step of a plan: what to do, how, when it applies, and why."""

    do: str
    how: str
    reason: str = ""
    when: str = "always"
    options: Mapping[str, Any] = field(default_factory=dict)

    def option(self, name: str) -> Any:
        """Return an option's value, the usual one where the plan does not say."""
        return self.options.get(name, operation(self.do, self.how).options[name])

    def applies(self, needs: frozenset[str]) -> bool:
        """Say whether an algorithm with these needs gets this step."""
        return self.when == "always" or self.when in needs

    def to_dict(self) -> dict[str, Any]:
        """Return the step as plain data, the way a person writes it in YAML."""
        found: dict[str, Any] = {"do": self.do, "with": self.how}
        if self.when != "always":
            found["when"] = self.when
        return found | dict(self.options) | {"reason": self.reason}

    @classmethod
    def from_dict(cls, data: Mapping[str, Any], where: str) -> Self:
        """Read a step that a person may have written.

        Raises:
            BadPlan: The step, its way, an option or its condition is not known.
        """
        if not isinstance(data, dict) or not isinstance(data.get("do"), str):
            raise BadPlan(f"{where}: {data!r} is no step. Write {{do: …, with: …, reason: …}}.")
        row = operation(data["do"], data.get("with"), where)
        options = {k: v for k, v in data.items() if k not in {"do", "with", "when", "reason"}}
        for name in options:
            if name not in row.options:
                raise BadPlan(
                    f"{where}: the step '{row.do}: {row.how}' has no option {name!r}."
                    f"{close_matches(str(name), row.options)} "
                    f"It has: {listed(row.options) or 'none'}."
                )
        when = data.get("when", "always")
        if when not in {"always", *NEEDS}:
            raise BadPlan(
                f"{where}: 'when' cannot be {when!r}.{close_matches(str(when), NEEDS)} "
                f"Write always or one of: {listed(NEEDS)}."
            )
        return cls(row.do, row.how, str(data.get("reason", "")), when, options)


OPERATIONS = (
    Operation("infinities", "missing", NUMBERS, "Infinite values become missing."),
    Operation("infinities", "clip", NUMBERS, "Infinite values become the largest finite ones."),
    Operation("indicate", "missing", NUMERIC, "Adds a column that says what was missing."),
    Operation("impute", "mean", NUMERIC, "Missing values become the training mean."),
    Operation("impute", "median", NUMERIC, "Missing values become the training median."),
    Operation("impute", "mode", NUMERIC | NAMED, "Missing values become the most frequent one."),
    Operation(
        "impute", "constant", NUMBERS | NAMED, "Missing values become one given value.",
        {"value": 0},
    ),
    Operation(
        "impute", "knn", NUMERIC, "Missing values become the mean of the nearest rows.",
        {"neighbours": 5},
    ),
    *(
        Operation("impute", how, NUMERIC, does, {"order": None})
        for how, does in (
            ("forward", "Missing values become the last known one by time."),
            ("backward", "Missing values become the next known one by time."),
            ("interpolate", "Missing values lie on the line through time."),
        )
    ),
    Operation("impute", "drop", EVERY, "Rows with a missing value are left out of training."),
    *(
        Operation("outliers", how, NUMBERS, does, {"rule": "iqr", "factor": None})
        for how, does in (
            ("clip", "Values beyond the fences become the fences."),
            ("winsorise", "Values beyond the fences become the outermost training value inside."),
            ("missing", "Values beyond the fences become missing."),
            ("drop", "Rows with a value beyond the fences are left out of training."),
        )
    ),
    Operation("scale", "standard", EVERY, "Mean 0, standard deviation 1."),
    Operation("scale", "one_size", EVERY, "Mean 0; all such columns are divided by one size."),
    Operation("scale", "min_max", EVERY, "From 0 to 1."),
    Operation("scale", "robust", EVERY, "Median 0, interquartile range 1."),
    Operation("scale", "quantile", EVERY, "Ranks, as a normal curve.", {"quantiles": 256}),
    Operation("scale", "yeo_johnson", EVERY, "A power that makes the values most normal."),
    Operation("scale", "box_cox", EVERY, "The same for positive values."),
    Operation(
        "encode", "one_hot", NAMED, "A column per level, rare ones share one.",
        {"rare": 0.01, "most": 30},
    ),
    Operation("encode", "ordinal", NAMED, "The level's place in sorted order."),
    Operation(
        "encode", "target", NAMED, "The target's mean per level, cross-fitted.",
        {"folds": 5}, supervised=True,
    ),
    Operation("encode", "binary", NAMED, "The level's number in binary digits."),
    Operation("encode", "frequency", NAMED, "How often the level occurs in training."),
    Operation("encode", "hashing", NAMED, "A fixed number of hashed columns.", {"columns": 8}),
    Operation("encode", "codes", NAMED, "Codes that the algorithm splits itself.", {"most": 254}),
    Operation(
        "encode", "tfidf", WORDS, "Weighted words, condensed (TF-IDF, SVD).", {"columns": 16}
    ),
    Operation(
        "encode", "hashed_words", WORDS, "Hashed letter groups, condensed.", {"columns": 16}
    ),
    Operation("encode", "gap", WORDS, "Topics of letter groups (skrub).", {"columns": 10}),
    Operation("encode", "minhash", WORDS, "Min-hashed letter groups (skrub).", {"columns": 16}),
    Operation(
        "dates", "parts", frozenset({Kind.DATE}), "Calendar parts; months and hours as circles.",
        {"parts": ("year", "month", "day_of_week", "hour", "days")},
    ),
    Operation("interact", "products", TABLE, "Products of number columns.", {"most": 10}),
    Operation("select", "variance", TABLE, "Leaves out constant columns.", {"above": 0.0}),
    Operation("select", "correlation", TABLE, "Leaves out copies of columns.", {"below": 0.98}),
    Operation(
        "select", "f_test", TABLE, "Keeps the columns with the best F-test.",
        {"keep": 50}, supervised=True,
    ),
    Operation(
        "select", "mutual_information", TABLE, "Keeps the most informative columns.",
        {"keep": 50}, supervised=True,
    ),
)  # fmt: skip

KNOWN = {(row.do, row.how): row for row in OPERATIONS}


def operation(do: str, how: object, where: str = "The plan") -> Operation:
    """Return the row with these two words.

    >>> operation("impute", "median").does
    'Missing values become the training median.'

    Raises:
        BadPlan: There is no such step, or not in that way.
    """
    if (do, how) in KNOWN:
        return KNOWN[do, str(how)]
    ways = [row.how for row in OPERATIONS if row.do == do]
    if ways:
        raise BadPlan(
            f"{where}: the step {do!r} does not go with {how!r}."
            f"{close_matches(str(how), ways)} It goes with: {listed(ways)}."
        )
    names = sorted({row.do for row in OPERATIONS})
    raise BadPlan(
        f"{where}: there is no step {do!r}.{close_matches(do, names)} Steps: {listed(names)}."
    )
