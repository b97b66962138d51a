"""Listings posted over and over: a crowd of identical ones stands in the search as one.

Fifty neighbours of a listing that was posted ten thousand times are all copies of it. Without
this they would crowd out one another, and every other match.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from matcher.clustering._base import number_by_first_member
from matcher.config import RunConfig
from matcher.search import Distinct, score_pairs
from matcher.types import Clusters, Encoded, Int64

LARGEST_FAMILY = 25  # copies that are searched one by one


def leaders(
    config: RunConfig, encoded: Mapping[str, Encoded], named: Int64 | None = None
) -> tuple[Int64, Int64]:
    """The listings to search, and for each listing of all the one that stands for it.

    A crowd is more than 25 listings that are the same in every modality and that the fusion
    accepts as matches of one another. Where direct pairs are wanted there are none: each pair
    has to be found by itself.

    Args:
        config: Its fusion says whether a crowd's listings match one another.
        encoded: All listings, by modality.
        named: Rows that stand for themselves, since something has been decided about them.

    Returns:
        Rows, ascending, shape ``(m,)``; and of each listing the first of its crowd, or itself,
        shape ``(n,)``.
    """
    n = len(next(iter(encoded.values())))
    if config.matches == "pairs":
        return np.arange(n), np.arange(n)
    keys = np.stack([Distinct.of(rows).number for rows in encoded.values()], axis=1)
    _, first, inverse, counts = np.unique(
        keys, axis=0, return_index=True, return_inverse=True, return_counts=True
    )
    crowded = np.flatnonzero(counts > LARGEST_FAMILY)
    heads = first[crowded].astype(np.int64)
    if len(heads):
        crowded = crowded[config.fusion.same_product(score_pairs(heads, heads, encoded))]
    member = np.isin(inverse, crowded)
    member[[] if named is None else named] = False
    leader = np.where(member, first[inverse], np.arange(n)).astype(np.int64)
    return np.unique(leader), leader


def rejoin(clusters: Clusters, rows: Int64, first: Int64) -> Clusters:
    """Give every listing of a crowd the cluster of its first.

    Args:
        clusters: Clusters of the listings ``rows``.
        rows: As ``leaders`` gives them.
        first: Likewise.
    """
    return number_by_first_member(clusters.labels[np.searchsorted(rows, first)])


def without_copies(config: RunConfig, encoded: Mapping[str, Encoded], groups: Int64) -> Int64:
    """The listings to fit to, ascending: of a crowd one of each label, as it is searched.

    Copies under two labels stay two listings: putting them together is a mistake.

    Args:
        config: As for ``leaders``.
        encoded: All listings, by modality.
        groups: True product of each listing, or ``UNLABELLED``; shape ``(n,)``.
    """
    _, leader = leaders(config, encoded)
    return np.sort(np.unique(np.stack([leader, groups]), axis=1, return_index=True)[1])
