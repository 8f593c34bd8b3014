"""Free text becomes a few numbers, by scikit-learn's and skrub's encoders."""

from __future__ import annotations

import warnings
from typing import TYPE_CHECKING, Any

import numpy as np
import pandas as pd
from sklearn.decomposition import TruncatedSVD
from sklearn.feature_extraction.text import HashingVectorizer, TfidfVectorizer

from pipelines.schema import as_text

if TYPE_CHECKING:
    from collections.abc import Callable

LONGEST = 2_000
"""Letters of a text that are read; more cost time and say little."""


class Words:
    """Reads one column of text as a few numbers."""

    def __init__(self, column: str, how: str, width: int) -> None:
        self.column = column
        self.how = how
        self.width = width

    def fit_read(self, values: pd.Series, _labels: np.ndarray | None) -> np.ndarray:
        """Learn the words, or zeros where there are none."""
        texts = self._texts(values)
        self.names_ = [f" ({self.how} {at})" for at in range(self.width)]
        self.encoders_: list[Any] = []
        if any(text.strip() for text in texts):
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    self.encoders_ = MAKERS[self.how](texts, self.width)
            except ValueError:  # only stop words or punctuation: nothing to learn
                self.encoders_ = []
        return self._encode(texts)

    def read(self, values: pd.Series) -> np.ndarray:
        """Return the numbers."""
        return self._encode(self._texts(values))

    def _texts(self, values: pd.Series) -> list[str]:
        """Return the cells as text, a missing one as the empty text."""
        missing = values.isna().to_numpy()
        cells = zip(values.tolist(), missing, strict=True)
        return ["" if gap else as_text(cell)[:LONGEST] for cell, gap in cells]

    def _encode(self, texts: list[str]) -> np.ndarray:
        """Return the numbers; columns that were not needed are 0."""
        block = np.zeros((len(texts), self.width))
        if not self.encoders_:
            return block
        found: Any = pd.Series(texts, name=self.column) if self.how in SKRUB else texts
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            for encoder in self.encoders_:
                found = encoder.transform(found)
        if hasattr(found, "toarray"):
            found = found.toarray()
        found = np.asarray(found, dtype=float)[:, : self.width]
        block[:, : found.shape[1]] = np.nan_to_num(found)
        return block


def _tfidf(texts: list[str], width: int) -> list[Any]:
    """Weighted words and word pairs, condensed."""
    counter = TfidfVectorizer(
        ngram_range=(1, 2), max_features=5_000, sublinear_tf=True, strip_accents="unicode"
    )
    return _condensed(counter, texts, width)


def _hashed_words(texts: list[str], width: int) -> list[Any]:
    """Hashed letter groups, condensed."""
    counter = HashingVectorizer(analyzer="char_wb", ngram_range=(2, 4), n_features=2**12)
    return _condensed(counter, texts, width)


def _condensed(counter: Any, texts: list[str], width: int) -> list[Any]:
    """Condense many counted columns to few."""
    counted = counter.fit_transform(texts)
    if counted.shape[1] <= width:
        return [counter]
    condenser = TruncatedSVD(width, random_state=0)
    with np.errstate(all="ignore"):
        condenser.fit(counted)
    return [counter, condenser]


def _gap(texts: list[str], width: int) -> list[Any]:
    """Topics of letter groups, by skrub."""
    from skrub import GapEncoder

    topics = max(1, min(width, len(set(texts))))
    encoder = GapEncoder(n_components=topics, random_state=0)
    return [encoder.fit(pd.Series(texts, name="text"))]


def _minhash(texts: list[str], width: int) -> list[Any]:
    """Min-hashed letter groups, by skrub."""
    from skrub import MinHashEncoder

    return [MinHashEncoder(n_components=width).fit(pd.Series(texts, name="text"))]


SKRUB = frozenset({"gap", "minhash"})
MAKERS: dict[str, Callable[[list[str], int], list[Any]]] = {
    "tfidf": _tfidf,
    "hashed_words": _hashed_words,
    "gap": _gap,
    "minhash": _minhash,
}
