"""Clusters around centres, joined where a listing resembles two centres."""

from __future__ import annotations

from typing import ClassVar

from matcher.clustering._centers import CenterScan


class MergeCenterClusterer(CenterScan):
    """Appoint centres as ``center`` does, and join clusters that share a listing.

    Where a pair shows a centre and a listing that is in another cluster already, that listing
    resembles both centres, and the two clusters become one, as far as ``max_size`` allows.
    Clusters lie between those of ``center`` and those of ``components``.

    Time is O(m log m) for m candidate pairs; memory is O(m).

    Source:
        Hassanzadeh & Miller, "Creating probabilistic databases from duplicated data",
        VLDB Journal 18, 2009 (MERGE-CENTER).

    Example:
        >>> import numpy as np
        >>> from matcher.similarity import build_graph
        >>> a, b = np.array([0, 3, 1, 2]), np.array([1, 4, 2, 3])
        >>> scores = np.float32([0.9, 0.8, 0.7, 0.6])
        >>> both = np.r_[a, b], np.r_[b, a], np.r_[scores, scores]
        >>> graph = build_graph(*both, 5, 5)
        >>> MergeCenterClusterer()(graph).labels  # 2 resembles the centres 1 and 3
        array([0, 0, 0, 0, 0])
    """

    merges: ClassVar = True


Spec = MergeCenterClusterer
