"""Titles as TF-IDF vectors over words, characters, numbers or one kind of attribute.

Source: Salton & Buckley, "Term-weighting approaches in automatic text retrieval", 1988;
idf is smoothed, ln((1 + n) / (1 + df)) + 1, as scikit-learn has it.
"""

from __future__ import annotations

import hashlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any, Literal, Self

import numpy as np
from pydantic import Field, model_validator
from scipy.sparse import csr_array

from matcher.encoders._character_runs import RunsVectorizer
from matcher.encoders._tfidf_state import read_learnt, write_learnt
from matcher.errors import BackendError
from matcher.progress import tracked
from matcher.settings import Settings
from matcher.similarity import l2_normalize_sparse
from matcher.text.colors import find_colors
from matcher.text.model_numbers import find_model_numbers
from matcher.text.quantities import find_quantities, find_totals
from matcher.text.sizes import find_sizes
from matcher.text.words import clean_title, split_words, word_filter
from matcher.types import Embeddings, Listings

LONG_TABLE = 100
ATTRIBUTES: dict[str, Callable[[str], list[str]]] = {
    "models": find_model_numbers,
    "quantities": lambda text: find_quantities(text) + find_totals(text),
    "sizes": find_sizes,
    "colors": find_colors,
}
TINY: dict[str, Any] = {}  # for the contract test


class Spec(Settings):
    """Settings of the TF-IDF encoder.

    Attributes:
        tokens: What is counted: "words"; "characters" (n-grams inside words); "numbers" (words
            that hold a digit); "models" (model numbers and article codes); "quantities"
            (amounts, and what packs amount to); "sizes" (clothing sizes, ages and
            dimensions); "colors". A listing without any has no vector: it is neither like nor
            unlike another.
        ngrams: Shortest and longest run, of words or of characters. By default single words,
            and 3 to 5 characters.
        weight: How often a term occurs in a title counts "once", by its "log"arithm, or "each"
            time. By default once, and log for characters.
        min_titles: Terms found in fewer titles are left out. By default 1; for characters 2 in
            tables of 100 titles and more, where pieces of a single title are mostly typos.
        languages: Languages of the titles, for the three settings below.
        stop_words: Drop their stop words. Words only.
        stem: Cut words to their stem. Words only.
        lemmatize: Replace words by their dictionary form. Words only.
    """

    tokens: Literal["words", "characters", "numbers", "models", "quantities", "sizes", "colors"] = (
        "words"
    )
    ngrams: tuple[int, int] | None = None
    weight: Literal["once", "log", "each"] | None = None
    min_titles: int | None = Field(None, ge=1)
    languages: tuple[str, ...] = ("english", "indonesian")
    stop_words: bool = False
    stem: bool = False
    lemmatize: bool = False

    @model_validator(mode="after")
    def _check(self) -> Self:
        low, high = self.ngrams or (1, 1)
        if not 1 <= low <= high:
            raise ValueError(
                "ngrams must be a shortest and a longest length, 1 or more. "
                f"Received: {low}, {high}"
            )
        if self.ngrams and self.tokens not in ("words", "characters"):
            raise ValueError(f"ngrams are of words or characters. Received: tokens {self.tokens!r}")
        if self.tokens != "words" and (self.stop_words or self.stem or self.lemmatize):
            raise ValueError(
                f"stop_words, stem and lemmatize are about words. Received: tokens {self.tokens!r}"
            )
        return self

    def fit(self, listings: Listings) -> TfidfEncoder:
        """Learn the vocabulary and the document frequencies of these titles."""
        if not any(listings.titles):
            raise BackendError(
                "The tfidf encoder needs titles, and these listings have none. "
                "Name the column with --title, or leave it out of --encoders."
            )
        try:
            vectorizer, counted = self._learn(listings)
        except ValueError:  # scikit-learn's way to say that no title holds any term
            return TfidfEncoder(self, None, (), f"tfidf:{self.tokens}:empty")
        return self._encoder(vectorizer, (listings, counted))

    def restore(self, state: bytes) -> TfidfEncoder:
        """The encoder that gave this ``state``; it encodes the same titles to the same bits.

        Raises:
            StoreError: If these bytes are none that an encoder with these settings gave.
        """
        learnt = read_learnt(state)
        if learnt is None:
            return TfidfEncoder(self, None, (), f"tfidf:{self.tokens}:empty")
        if isinstance(learnt, RunsVectorizer):
            return self._encoder(learnt)
        vectorizer = self._vectorizer(1, vocabulary=list(learnt.terms))
        vectorizer.idf_ = learnt.idf
        return self._encoder(vectorizer)

    def _encoder(self, vectorizer: Any, learnt_from: Any = None) -> TfidfEncoder:
        terms = tuple(vectorizer.get_feature_names_out())
        learnt = [str(self.model_dump()), "\0".join(terms), vectorizer.idf_.tobytes().hex()]
        digest = hashlib.sha256("\1".join(learnt).encode("utf-8", "replace")).hexdigest()
        source = f"tfidf:{self.tokens}:{digest[:8]}"
        if self.tokens == "characters":  # pieces of words explain nothing to a reader
            terms = ()
        return TfidfEncoder(self, vectorizer, terms, source, learnt_from)

    def _learn(self, listings: Listings) -> tuple[Any, Any]:
        """A fitted vectorizer, and the weights of the titles' terms before they are scaled.

        Raises:
            ValueError: If no title holds any term.
        """
        ngrams, weight = self._counting()
        least = self.min_titles or (
            2 if self.tokens == "characters" and len(listings) >= LONG_TABLE else 1
        )
        least, texts = min(least, len(listings)), list(_cleaned(listings, self))
        if self.tokens == "characters":
            runs = RunsVectorizer(ngrams, least, weight == "once", weight == "log")
            if (counted := runs.fit_transform(texts)) is not None:
                return runs, counted
        vectorizer = self._vectorizer(least)
        return vectorizer, vectorizer.fit_transform(texts)

    def _counting(self) -> tuple[tuple[int, int], str]:
        """Lengths of the runs, and how often a term counts."""
        characters = self.tokens == "characters"
        ngrams = self.ngrams or ((3, 5) if characters else (1, 1))
        return ngrams, self.weight or ("log" if characters else "once")

    def _vectorizer(self, least: int, vocabulary: list[str] | None = None) -> Any:
        """scikit-learn's vectorizer; fitted but for its weights where there is a vocabulary."""
        from sklearn.feature_extraction.text import TfidfVectorizer

        characters = self.tokens == "characters"
        ngrams, weight = self._counting()
        return TfidfVectorizer(
            analyzer="char_wb" if characters else _splitter(self, ngrams),
            ngram_range=ngrams if characters else (1, 1),
            lowercase=False,
            dtype=np.float32,
            norm=None,
            min_df=least,
            binary=weight == "once",
            sublinear_tf=weight == "log",
            vocabulary=vocabulary,
        )


@dataclass(frozen=True, slots=True)
class TfidfEncoder:
    """Encodes titles; see ``Spec`` for the settings."""

    spec: Spec
    vectorizer: Any
    terms: tuple[str, ...]
    source: str
    learnt_from: tuple[Listings, Any] | None = None  # and their counts: not counted twice

    def state(self) -> bytes:
        """What it has learnt, for ``Spec.restore``: numbers and text, nothing that is run."""
        return write_learnt(self.vectorizer)

    def encode(self, listings: Listings) -> Embeddings:
        """Return sparse vectors, shape ``(n, number of terms)``."""
        if self.vectorizer is None or not len(listings):
            n_terms = 1 if self.vectorizer is None else len(self.vectorizer.vocabulary_)
            empty = csr_array((len(listings), n_terms), dtype=np.float32)
            return Embeddings(empty, self.source, terms=self.terms)
        if self.learnt_from is not None and self.learnt_from[0] is listings:
            counted = self.learnt_from[1]
        else:
            counted = self.vectorizer.transform(_cleaned(listings, self.spec))
        vectors = csr_array(counted)
        vectors.sort_indices()
        return Embeddings(l2_normalize_sparse(vectors), self.source, terms=self.terms)


def _cleaned(listings: Listings, spec: Spec) -> Iterator[str]:
    """The titles, cleaned, reporting progress."""
    label = f"titles ({spec.tokens})"
    return (clean_title(title) for title in tracked(listings.titles, label, len(listings)))


def _splitter(spec: Spec, ngrams: tuple[int, int]) -> Callable[[str], list[str]]:
    """The function from a cleaned title to the terms that are counted."""
    if spec.tokens in ATTRIBUTES:
        return ATTRIBUTES[spec.tokens]
    if spec.tokens == "numbers":
        return lambda text: [w for w in split_words(text) if any(c.isdigit() for c in w)]
    terms = word_filter(spec.languages, spec.stop_words, spec.stem, spec.lemmatize)
    low, high = ngrams
    if high == 1 and not (spec.stop_words or spec.stem or spec.lemmatize):
        return split_words

    def words(text: str) -> list[str]:
        single = terms(split_words(text))
        runs = range(low, high + 1)
        return [" ".join(single[i : i + n]) for n in runs for i in range(len(single) - n + 1)]

    return words
