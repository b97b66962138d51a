"""Index and queries: who is asked, and what counts as right."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc

from matcher.errors import ConfigError, DataError
from matcher.io.columns import Columns
from matcher.jobs.encoding import take_listings
from matcher.jobs.label_names import name_labels
from matcher.metrics import SizeBucket, accuracy_by_class_size
from matcher.settings import suggest
from matcher.training.trained_rows import NOTHING, picture_digests
from matcher.types import UNLABELLED, Bool, Int64, Listings, SimilarityGraph


@dataclass(frozen=True, slots=True)
class Side:
    """Index or queries.

    Attributes:
        listings: What encoders read.
        labels: What a query should find an equal one of; empty where it is not known.
        classes: What is counted together, such as a category; empty where it is not known.
    """

    listings: Listings
    labels: tuple[str, ...]
    classes: tuple[str, ...]

    @classmethod
    def of(cls, listings: Listings, column: str | None = None) -> Side:
        """All rows of a table; classes stand in a column, or are the labels."""
        labels = read_values(listings)
        classes = labels if column is None else read_values(listings, column)
        return cls(listings, tuple(labels), tuple(classes))

    @property
    def known(self) -> Bool:
        """Whether a row has a label and a class, shape ``(n,)``."""
        both = zip(self.labels, self.classes, strict=True)
        return np.array([bool(a and b) for a, b in both], np.bool_)

    def take(self, rows: Bool) -> Side:
        """Some rows, given as shape ``(n,)``."""
        kept = np.flatnonzero(rows).tolist()
        labels, classes = (tuple(t[i] for i in kept) for t in (self.labels, self.classes))
        return Side(take_listings(self.listings, kept), labels, classes)


def read_values(
    listings: Listings, column: str | None = None, columns: Columns | None = None
) -> list[str]:
    """Label of each listing as the table spells it, or what stands in another column.

    Args:
        listings: The table.
        column: Name of the column; None for the labels.
        columns: Names of the columns that the table was read with.

    Returns:
        Texts, empty where there is nothing.

    Raises:
        DataError: If there are no labels, no such column, or it holds lists or other things that
            are no text.
    """
    if column is None:
        if listings.groups is None:
            raise DataError(
                f"{len(listings):,} listings have no labels to score by. Add a column label_group."
            )
        names = name_labels(listings, columns)
        return ["" if g == UNLABELLED else names[g] for g in listings.groups.tolist()]
    known = listings.extra.column_names if listings.extra is not None else []
    if listings.extra is None or column not in known:
        raise DataError(
            f"There is no column {column!r}.{suggest(column, known)} There are: {', '.join(known)}."
        )
    values = listings.extra[column]
    try:
        texts = pc.fill_null(values.cast(pa.large_string()), "")
    except pa.ArrowException as error:
        raise DataError(
            f"The column {column!r} holds {values.type}, which cannot be compared as text. Name "
            "one with a text or number in each row."
        ) from error
    return [text.strip() for text in texts.to_pylist()]


def number_values(*tables: Sequence[str]) -> tuple[Int64, ...]:
    """Number texts so that equal ones have equal numbers in all tables; empty: ``UNLABELLED``.

    Example:
        >>> [codes.tolist() for codes in number_values(["b", "a"], ["", "b"])]
        [[0, 1], [-1, 0]]
    """
    places: dict[str, int] = {"": UNLABELLED}
    found = []
    for texts in tables:
        codes = [places.setdefault(text, len(places) - 1) for text in texts]
        found.append(np.array(codes, np.int64))
    return tuple(found)


def set_apart(codes: Int64) -> Int64:
    """Give each row without a number one that no other row has, so that it equals none.

    Example:
        >>> set_apart(np.array([3, -1, -1])).tolist()
        [3, 4, 5]
    """
    unknown = codes == UNLABELLED
    fresh = codes.max(initial=-1) + np.cumsum(unknown)
    return np.where(unknown, fresh, codes)


def score_classes(
    ranking: SimilarityGraph, index: Side, queries: Side, trained: Sequence[str] | None = None
) -> tuple[SizeBucket, ...]:
    """Top-1 of the queries' classes, by how many training samples each class had.

    Args:
        ranking: For each query the rows of the index found, best first.
        index: What was searched in.
        queries: What was searched for; each has a class.
        trained: Class of each training sample; None for those of the index.
    """
    seen = index.classes if trained is None else trained
    asked, held, samples = number_values(queries.classes, index.classes, seen)
    sizes = np.bincount(samples[samples != UNLABELLED], minlength=asked.max(initial=0) + 1)
    return accuracy_by_class_size(ranking, asked, set_apart(held), sizes[asked])


def rows_with(listings: Listings, asked: str) -> Bool:
    """Rows that have a value in a column, given as ``COLUMN=VALUE``, shape ``(n,)``.

    Raises:
        ConfigError: If that is not what is given.
        DataError: If there is no such column, or all rows or none have the value.
    """
    column, equals, value = asked.partition("=")
    if not equals:
        raise ConfigError(f"Name queries as COLUMN=VALUE, e.g. split=test. Received: {asked!r}.")
    rows = np.array([text == value.strip() for text in read_values(listings, column)], np.bool_)
    if not rows.any() or rows.all():
        raise DataError(
            f"{asked} names {int(rows.sum()):,} of {len(rows):,} listings as queries; it must "
            "name some, and leave some to search in."
        )
    return rows


def count_with_mate(query_groups: Int64, index_groups: Int64) -> int:
    """Number of queries that have a row of their product in the index.

    Raises:
        DataError: If none has.
    """
    in_index = int(np.isin(query_groups, index_groups).sum())
    if not in_index:
        raise DataError(
            f"No query has a listing of its label in the index: of {len(query_groups):,} queries "
            f"and {len(index_groups):,} listings, nothing can be found. Labels are compared as "
            "the tables spell them."
        )
    return in_index


def refuse_shared(index: Listings, queries: Listings) -> None:
    """Refuse queries that are in the index: each would find itself.

    A listing is in both where its id is, with the same title or a picture of the same content;
    tables that merely number their rows alike share none. Pictures are read for such ids alone.

    Raises:
        DataError: If there are any.
    """
    places = {name: row for row, name in enumerate(index.ids)}
    asked = [row for row, name in enumerate(queries.ids) if name in places]
    there = [places[queries.ids[row]] for row in asked]
    left, right = take_listings(queries, asked), take_listings(index, there)
    titles = zip(left.titles, right.titles, strict=True)
    alike = np.array([bool(a.strip()) and a == b for a, b in titles], np.bool_)
    digests = picture_digests(left)
    alike |= (digests == picture_digests(right)) & (digests != NOTHING)
    shared = np.flatnonzero(alike)
    if len(shared):
        raise DataError(
            f"{len(shared):,} of the {len(queries):,} queries are in the index as well, such as "
            f"{left.ids[shared[0]]!r}: each would find itself. Leave them out of one of the two "
            "tables, or name one table, whose queries are taken out of the index."
        )


def pairs_not_seen(groups: Int64, unseen: Bool) -> Int64:
    """Rows of products of exactly two listings, neither of which was trained on.

    Args:
        groups: True product of each listing or ``UNLABELLED``, shape ``(n,)``.
        unseen: Whether a listing was not trained on, shape ``(n,)``.

    Returns:
        In rising order.

    Raises:
        DataError: If there are none.
    """
    codes, inverse, counts = np.unique(groups, return_inverse=True, return_counts=True)
    whole = np.bincount(inverse[unseen], minlength=len(codes)) == 2
    rows = np.flatnonzero((whole & (counts == 2))[inverse] & (groups != UNLABELLED))
    if not len(rows):
        raise DataError(
            f"None of {len(codes):,} products has exactly two listings, neither of them trained "
            "on: nothing can be measured."
        )
    return rows


def one_query_each(groups: Int64, eligible: Bool, seed: int = 0) -> Bool:
    """Choose one listing of each product as a query; the others of it are what it should find.

    Args:
        groups: True product of each listing or ``UNLABELLED``, shape ``(n,)``.
        eligible: Listings that may be a query, shape ``(n,)``.
        seed: Of the choice.

    Returns:
        Whether a listing is a query, shape ``(n,)``.

    Raises:
        DataError: If no product has an eligible listing and another one.
    """
    labelled = groups != UNLABELLED
    values, inverse, counts = np.unique(groups, return_inverse=True, return_counts=True)
    shuffled = np.random.default_rng(seed).permutation(len(groups))
    chosen = np.zeros(len(groups), np.bool_)
    may = shuffled[(eligible & labelled & (counts[inverse] >= 2))[shuffled]]
    _, first = np.unique(inverse[may], return_index=True)
    chosen[may[first]] = True
    if not chosen.any():
        raise DataError(
            f"None of {len(values):,} products has two listings, one of which the encoder was "
            "not trained on: there is nothing to ask for. Name the queries."
        )
    return chosen
