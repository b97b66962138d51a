"""Thresholds of the default config are fitted to several sets at once."""

import numpy as np
import pytest

from benchmarks.default_thresholds import Half, fit_cut, fit_thresholds, ours, without
from matcher.config import RunConfig
from matcher.errors import ConfigError
from matcher.types import ScoredPairs

CONFIG = RunConfig.read(
    {
        "encoders": {"words": {"encoder": "tfidf"}, "meaning": {"encoder": "bert"}},
        "fusion": {"thresholds": {"words": 0.9, "meaning": 0.95}},
        "clustering": {},
    },
    "test",
)


def half(meaning):
    """Listings 0 and 1, and 2 and 3, are one product each; 1 and 2 are not."""
    left, right = np.array([0, 1, 2]), np.array([1, 2, 3])
    scores = {"words": np.float32([0.1, 0.1, 0.1]), "meaning": np.float32(meaning)}
    return Half(ScoredPairs(left, right, scores, 4, 4), np.array([0, 0, 1, 1]))


def test_a_threshold_serves_all_sets():
    assert ours(CONFIG) == ["meaning"]
    halves = [half([0.8, 0.3, 0.8]), half([0.72, 0.66, 0.72])]
    fitted = fit_thresholds(CONFIG, ["meaning"], halves)
    assert [h.clusters(fitted) for h in halves] == [1.0, 1.0]
    assert fit_cut(fitted, halves)[1] == 1.0
    # Without it nothing is joined: each listing finds itself alone, F1 2 * 1 * 1/2 / (3/2).
    bare = without(fitted, ["meaning"])
    assert [h.clusters(bare) for h in halves] == [pytest.approx(2 / 3)] * 2
    with pytest.raises(ConfigError, match="image and bert"):
        ours(CONFIG.model_copy(update={"encoders": {"words": CONFIG.encoders["words"]}}))
