"""A realistic table to try things on: made by a seeded generator, with the faults of real ones."""

from __future__ import annotations

import numpy as np
import pandas as pd

_PURPOSES = ("car", "debt consolidation", "education", "home improvement", "medical", "wedding")
_PURPOSE_RISK = (-0.35, 0.35, 0.05, -0.2, 0.45, 0.1)
_REGIONS = ("north", "south", "east", "west")


def credit_risk(rows: int = 5000, seed: int = 0) -> pd.DataFrame:
    """Make a table of loans, some of which defaulted.

    Numbers, categories, a date and missing values as they come; ``customer_id`` is an id, and
    ``collection_letters`` leaks the target, because it is only written after a loan defaulted.

    >>> sorted(credit_risk(200)["outcome"].unique())
    ['defaulted', 'repaid']
    """
    rng = np.random.default_rng(seed)
    frame = _applicants(rng, rows)
    defaulted = rng.random(rows) < _risk(frame)
    _forget(frame, rng)
    letters = np.where(defaulted, rng.integers(1, 9, rows), 0)
    frame["collection_letters"] = letters
    frame["outcome"] = np.where(defaulted, "defaulted", "repaid")
    return frame


def _applicants(rng: np.random.Generator, rows: int) -> pd.DataFrame:
    age = np.clip(rng.gamma(6.0, 6.5, rows) + 18, 18, 85).round()
    employment = rng.choice(
        ["employed", "self-employed", "retired", "unemployed"], rows, p=[0.68, 0.15, 0.1, 0.07]
    )
    income = rng.lognormal(10.45, 0.45, rows) * np.where(employment == "unemployed", 0.45, 1.0)
    amount = np.clip(rng.lognormal(9.1, 0.7, rows), 500, 60_000).round(-2)
    started = np.datetime64("2023-01-02")
    return pd.DataFrame(
        {
            "customer_id": [f"C{number:07d}" for number in rng.permutation(rows) + 1_000_000],
            "application_date": started + rng.integers(0, 900, rows).astype("timedelta64[D]"),
            "age": age.astype("int64"),
            "income": income.round(2),
            "employment": employment,
            "home": rng.choice(["rent", "mortgage", "own"], rows, p=[0.45, 0.4, 0.15]),
            "region": rng.choice(_REGIONS, rows),
            "purpose": rng.choice(_PURPOSES, rows, p=[0.22, 0.34, 0.1, 0.17, 0.1, 0.07]),
            "amount": amount,
            "term_months": rng.choice([12, 24, 36, 48, 60], rows, p=[0.1, 0.2, 0.4, 0.15, 0.15]),
            "card_utilisation": rng.beta(2.0, 3.0, rows).round(3),
            "late_payments": rng.poisson(0.6, rows),
            "has_guarantor": rng.random(rows) < 0.12,
        }
    )


def _risk(frame: pd.DataFrame) -> np.ndarray:
    purpose = frame["purpose"].map(dict(zip(_PURPOSES, _PURPOSE_RISK, strict=True)))
    burden = frame["amount"] / frame["income"]
    stretched = (frame["home"] == "rent") & (frame["term_months"] >= 48)
    logit = (
        -3.6
        + 2.6 * frame["card_utilisation"]
        + 0.55 * frame["late_payments"]
        + 1.9 * burden
        + 0.9 * (frame["employment"] == "unemployed")
        + 0.8 * stretched
        - 0.7 * frame["has_guarantor"]
        - 0.015 * (frame["age"] - 45)
        + purpose
    )
    return np.asarray(1 / (1 + np.exp(-logit)))


def _forget(frame: pd.DataFrame, rng: np.random.Generator) -> None:
    """Leave holes where real forms have them: the self-employed keep their income quiet."""
    rows = len(frame)
    quiet = np.where(frame["employment"] == "self-employed", 0.25, 0.05)
    frame.loc[rng.random(rows) < quiet, "income"] = np.nan
    frame.loc[rng.random(rows) < 0.08, "card_utilisation"] = np.nan
    frame.loc[rng.random(rows) < 0.04, "employment"] = None
