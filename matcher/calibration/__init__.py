"""Thresholds from labels, and what can be said of them on products not seen."""

from __future__ import annotations

from matcher.calibration._counting import (
    count_labelled_pairs,
    count_matches,
    count_pair_matches,
    cuts_keeping,
    pair_blocks,
    shares_kept,
)
from matcher.calibration._fitting import (
    CUTS,
    PROBABILITY_CUTS,
    THRESHOLDS,
    FittedFusion,
    fit_clusterer,
    fit_fusion,
)
from matcher.calibration._gallery import Gallery, GalleryJudge
from matcher.calibration._judges import (
    Examples,
    Judge,
    LabelledPairJudge,
    PairJudge,
    cluster_row_f1,
)
from matcher.calibration._pair_model import Reliability, reliability
from matcher.calibration._promise import (
    Interval,
    MatchCounts,
    Promise,
    choose_cut,
    closest_cut,
    cross_choose,
    refuse,
)
from matcher.calibration._unlabelled import impostor_bounds

__all__ = [
    "CUTS",
    "PROBABILITY_CUTS",
    "THRESHOLDS",
    "Examples",
    "FittedFusion",
    "Gallery",
    "GalleryJudge",
    "Interval",
    "Judge",
    "LabelledPairJudge",
    "MatchCounts",
    "PairJudge",
    "Promise",
    "Reliability",
    "choose_cut",
    "closest_cut",
    "cluster_row_f1",
    "count_labelled_pairs",
    "count_matches",
    "count_pair_matches",
    "cross_choose",
    "cuts_keeping",
    "fit_clusterer",
    "fit_fusion",
    "impostor_bounds",
    "pair_blocks",
    "refuse",
    "reliability",
    "shares_kept",
]
