"""Clusters as a centre and the listings that resemble it."""

from __future__ import annotations

from typing import ClassVar

from matcher.clustering._centers import CenterScan


class CenterClusterer(CenterScan):
    """Appoint centres in one scan over the accepted pairs, best first.

    A pair of two listings that are in no cluster yet makes the one with the higher sum of
    accepted scores a centre, and the other joins it. A pair of such a listing and a centre puts
    it there. All other pairs are without effect. Everyone in a cluster resembles its centre;
    clusters are small and many.

    Time is O(m log m) for m candidate pairs; memory is O(m).

    Source:
        Haveliwala, Gionis & Indyk, "Scalable techniques for clustering the web", WebDB 2000.

    Example:
        >>> import numpy as np
        >>> from matcher.similarity import build_graph
        >>> a, b = np.array([0, 3, 1, 2]), np.array([1, 4, 2, 3])
        >>> scores = np.float32([0.9, 0.8, 0.7, 0.6])
        >>> both = np.r_[a, b], np.r_[b, a], np.r_[scores, scores]
        >>> graph = build_graph(*both, 5, 5)
        >>> CenterClusterer()(graph).labels  # 1 takes 0 and 2, 3 takes 4
        array([0, 0, 0, 1, 1])
    """

    merges: ClassVar = False


Spec = CenterClusterer
