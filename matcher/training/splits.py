"""Splits without leaks: rows tied by a label or by a picture stay together."""

from __future__ import annotations

import json
from hashlib import blake2b

import numpy as np
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components

from matcher.errors import ConfigError, DataError
from matcher.types import UNLABELLED, Bool, Int64, Listings


def super_components(*ties: Int64) -> Int64:
    """Number the sets of rows that are tied to one another, directly or through others.

    Args:
        *ties: Columns of codes, each of shape ``(n,)``; rows with equal codes in any column
            are tied. A negative code ties nothing.

    Returns:
        The set of each row, shape ``(n,)``.

    Example:
        >>> super_components(np.array([0, 0, 1, 2]), np.array([-1, 7, 7, -1])).tolist()
        [0, 0, 0, 1]
    """
    if not ties or len({len(t) for t in ties}) > 1:
        raise DataError(f"ties must be columns of one length. Received: {[len(t) for t in ties]}.")
    n = len(ties[0])
    rows, marks, n_marks = [], [], n
    for codes in ties:
        known = np.flatnonzero(codes >= 0)
        values, inverse = np.unique(codes[known], return_inverse=True)
        rows.append(known)
        marks.append(n_marks + inverse)
        n_marks += len(values)
    ends = np.concatenate(rows), np.concatenate(marks)
    graph = csr_array((np.ones(len(ends[0]), np.int8), ends), shape=(n_marks, n_marks))
    return np.asarray(connected_components(graph, directed=False)[1][:n], np.int64)


def tied_rows(listings: Listings, *more: Int64) -> Int64:
    """Sets of listings that share a label, a picture or a given hash, shape ``(n,)``.

    Args:
        listings: The listings.
        *more: Other ties, as ``super_components`` takes them, such as one code for pictures of
            equal content.

    Raises:
        DataError: If the listings have no labels.
    """
    if listings.groups is None:
        raise DataError("Splitting by product needs labels. Name their column with --group.")
    ties = [listings.groups, _codes([ref.name if ref else "" for ref in listings.images]), *more]
    if listings.phashes is not None:
        hashes = np.unique(listings.phashes.codes, return_inverse=True)[1]
        ties.append(np.where(listings.phashes.present, hashes, UNLABELLED))
    return super_components(*ties)


def digest_labels(listings: Listings) -> str:
    """A short text that only the same listings with the same labels share, in any order.

    Returns:
        16 hexadecimal digits; nothing where there are no labels.
    """
    if listings.groups is None:
        return ""
    groups: dict[int, list[str]] = {}
    for name, group in zip(listings.ids, listings.groups.tolist(), strict=True):
        if group != UNLABELLED:
            groups.setdefault(group, []).append(name)
    told = json.dumps(sorted(sorted(names) for names in groups.values()))
    return blake2b(told.encode(), digest_size=8).hexdigest() if groups else ""


def folds(components: Int64, n_folds: int, seed: int = 0) -> Int64:
    """Deal sets of tied rows to folds of about equal numbers of rows.

    Args:
        components: The set of each row, as ``super_components`` gives them.
        n_folds: Number of folds, 2 or more.
        seed: Seeds the order in which sets of one size are dealt.

    Returns:
        The fold of each row in ``0..n_folds-1``, shape ``(n,)``.

    Raises:
        ConfigError: If there are fewer sets than folds.
    """
    sizes = np.bincount(components)
    if not 2 <= n_folds <= len(sizes):
        raise ConfigError(
            f"n_folds must be at least 2 and at most the {len(sizes)} sets of tied rows. "
            f"Received: {n_folds}."
        )
    order = np.random.default_rng(seed).permutation(len(sizes))
    fold_of, load = np.empty(len(sizes), np.int64), np.zeros(n_folds, np.int64)
    for component in order[np.argsort(-sizes[order], kind="stable")].tolist():
        fold = int(np.argmin(load))
        fold_of[component] = fold
        load[fold] += sizes[component]
    return fold_of[components]


def pairs_held_out(components: Int64, groups: Int64) -> tuple[Bool, Bool]:
    """Train on products of three listings or more, validate on those of exactly two.

    Where rows are tied across products, a set that holds a product of three or more is trained
    on as a whole. Products of one listing, and rows without a label, take part in neither,
    unless they are tied to one that does.

    Args:
        components: The set of each row, as ``tied_rows`` gives them, shape ``(n,)``.
        groups: True product of each row, or ``UNLABELLED``, shape ``(n,)``.

    Returns:
        Whether a row is trained on, and whether it is validated on; both of shape ``(n,)``.
    """
    labelled = groups != UNLABELLED
    sizes = np.zeros(len(groups), np.int64)
    _, inverse, counts = np.unique(groups[labelled], return_inverse=True, return_counts=True)
    sizes[labelled] = counts[inverse]
    largest = np.zeros(components.max(initial=-1) + 1, np.int64)
    np.maximum.at(largest, components, sizes)
    return largest[components] >= 3, largest[components] == 2


def _codes(names: list[str]) -> Int64:
    """Code of each name; -1 for an empty one."""
    values = np.array(names, dtype=np.str_)
    codes = np.unique(values, return_inverse=True)[1]
    return np.where(values == "", UNLABELLED, codes)
