"""Metrics of pairs: those a clustering implies, and those given with a label each."""

from __future__ import annotations

import numpy as np

from matcher.errors import DataError
from matcher.metrics.checks import check_columns
from matcher.metrics.contingency import Contingency, tabulate
from matcher.metrics.counts import Counts
from matcher.types import Bool, Int64


def count_pairs(table: Contingency) -> Counts:
    """Count the unordered pairs within cells, within clusters and within groups."""
    return Counts(
        correct=_pairs_within(table.counts),
        predicted=_pairs_within(table.cluster_sizes),
        true=_pairs_within(table.group_sizes),
    )


def _pairs_within(sizes: Int64) -> int:
    return int((sizes * (sizes - 1) // 2).sum())


def pair_counts(labels: Int64, groups: Int64) -> Counts:
    """Count the pairs of listings that a clustering puts together, and that belong together.

    With ``n_cg`` listings shared by cluster ``c`` and group ``g``, and ``C(m) = m(m-1)/2``:
    correct is the sum of ``C(n_cg)`` over the cells, predicted of ``C(|c|)`` over the clusters,
    true of ``C(|g|)`` over the groups. No pair is ever listed; memory is linear in n.

    Args:
        labels: Cluster of each listing, shape ``(n,)``; any numbering.
        groups: True product of each listing, shape ``(n,)``; any numbering.

    Returns:
        Correct, predicted and true pairs; exact below 4 thousand million listings.

    Raises:
        DataError: If the two differ in length, or a listing is unlabelled.

    Source:
        Menestrina, Whang and Garcia-Molina, "Evaluating entity resolution results",
        PVLDB 3(1), 2010.

    Example:
        >>> pair_counts(np.array([0, 0, 0, 1]), np.array([7, 7, 8, 8]))
        Counts(correct=1, predicted=3, true=2)
    """
    return count_pairs(tabulate(labels, groups))


def pair_precision(labels: Int64, groups: Int64) -> float:
    """Share of the pairs put together that belong together; 1 where no pair is.

    Arguments, errors and source as for ``pair_counts``.

    Example:
        >>> round(pair_precision(np.array([0, 0, 0, 1]), np.array([7, 7, 8, 8])), 3)
        0.333
    """
    return pair_counts(labels, groups).precision


def pair_recall(labels: Int64, groups: Int64) -> float:
    """Share of the pairs that belong together that are put together; 1 where none does.

    Arguments, errors and source as for ``pair_counts``.

    Example:
        >>> pair_recall(np.array([0, 0, 0, 1]), np.array([7, 7, 8, 8]))
        0.5
    """
    return pair_counts(labels, groups).recall


def pair_f1(labels: Int64, groups: Int64) -> float:
    """Harmonic mean of pair precision and recall: ``2 correct / (predicted + true)``.

    Arguments, errors and source as for ``pair_counts``.

    Example:
        >>> pair_f1(np.array([0, 0, 0, 1]), np.array([7, 7, 8, 8]))
        0.4
    """
    return pair_counts(labels, groups).f1


def labelled_pair_counts(predicted: Bool, truth: Bool) -> Counts:
    """Count matches among a given set of pairs, each of them labelled match or not.

    This is how entity resolution benchmarks with a list of test pairs are scored. Pairs
    outside the list, such as those a blocking step missed, count for nothing.

    Args:
        predicted: Whether each pair is accepted as a match, shape ``(m,)``.
        truth: Whether each pair is a match, shape ``(m,)``.

    Returns:
        Correct, predicted and true matches.

    Raises:
        DataError: If the two differ in length or are not boolean.

    Source:
        Köpcke, Thor and Rahm, PVLDB 3(1), 2010; Mudgal et al. (DeepMatcher), SIGMOD 2018.

    Example:
        >>> labelled_pair_counts(np.array([True, True, False]), np.array([True, False, False]))
        Counts(correct=1, predicted=2, true=1)
    """
    check_columns(predicted=predicted, truth=truth)
    for name, values in {"predicted": predicted, "truth": truth}.items():
        if values.dtype != np.bool_:
            raise DataError(
                f"{name} must be boolean. Received: dtype={values.dtype}. "
                "To use scores, pass scores >= threshold."
            )
    counted = (predicted & truth, predicted, truth)
    return Counts(*(int(np.count_nonzero(values)) for values in counted))


def labelled_pair_precision(predicted: Bool, truth: Bool) -> float:
    """Share of the pairs accepted that are matches; 1 where none is accepted.

    Arguments, errors and source as for ``labelled_pair_counts``.

    Example:
        >>> labelled_pair_precision(np.array([True, True]), np.array([True, False]))
        0.5
    """
    return labelled_pair_counts(predicted, truth).precision


def labelled_pair_recall(predicted: Bool, truth: Bool) -> float:
    """Share of the matches that are accepted; 1 where there is no match.

    Arguments, errors and source as for ``labelled_pair_counts``.

    Example:
        >>> labelled_pair_recall(np.array([True, False]), np.array([True, True]))
        0.5
    """
    return labelled_pair_counts(predicted, truth).recall


def labelled_pair_f1(predicted: Bool, truth: Bool) -> float:
    """Harmonic mean of the two: ``2 correct / (predicted + true)``.

    Arguments, errors and source as for ``labelled_pair_counts``.

    Example:
        >>> round(labelled_pair_f1(np.array([True, True]), np.array([True, False])), 3)
        0.667
    """
    return labelled_pair_counts(predicted, truth).f1
