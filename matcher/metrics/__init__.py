"""How good are the matches, the clusters or the rankings, given the truth?"""

from matcher.metrics.candidate_scores import right_and_wrong_scores
from matcher.metrics.class_size import SizeBucket, accuracy_by_class_size
from matcher.metrics.clusters import (
    adjusted_rand_index,
    bcubed_f1,
    bcubed_precision,
    bcubed_recall,
    exact_cluster_f1,
    exact_cluster_precision,
    exact_cluster_recall,
    v_measure,
)
from matcher.metrics.counts import Counts
from matcher.metrics.pairs import (
    labelled_pair_counts,
    labelled_pair_f1,
    labelled_pair_precision,
    labelled_pair_recall,
    pair_counts,
    pair_f1,
    pair_precision,
    pair_recall,
)
from matcher.metrics.ranking import (
    average_precision_at_k,
    capped_recall_at_k,
    hit_at_k,
    mean_average_precision,
    mean_average_recall,
    mean_capped_recall,
    recall_at_k,
    top_k_accuracy,
)
from matcher.metrics.rowwise import rowwise_f1, rowwise_precision, rowwise_recall
from matcher.metrics.summary import score_clusters, score_matches, score_ranking

__all__ = [
    "Counts",
    "SizeBucket",
    "accuracy_by_class_size",
    "adjusted_rand_index",
    "average_precision_at_k",
    "bcubed_f1",
    "bcubed_precision",
    "bcubed_recall",
    "capped_recall_at_k",
    "exact_cluster_f1",
    "exact_cluster_precision",
    "exact_cluster_recall",
    "hit_at_k",
    "labelled_pair_counts",
    "labelled_pair_f1",
    "labelled_pair_precision",
    "labelled_pair_recall",
    "mean_average_precision",
    "mean_average_recall",
    "mean_capped_recall",
    "pair_counts",
    "pair_f1",
    "pair_precision",
    "pair_recall",
    "recall_at_k",
    "right_and_wrong_scores",
    "rowwise_f1",
    "rowwise_precision",
    "rowwise_recall",
    "score_clusters",
    "score_matches",
    "score_ranking",
    "top_k_accuracy",
    "v_measure",
]
