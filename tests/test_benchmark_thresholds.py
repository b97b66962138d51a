"""Samples of the threshold measurements keep whole sets together."""

import numpy as np

from benchmarks.thresholds import some_sets


def test_samples_hold_whole_sets_and_differ_by_seed():
    tied = np.repeat(np.arange(300), np.arange(300) % 4 + 1)
    few = some_sets(tied, 200, 0)
    assert 190 < few.sum() <= 200
    assert not set(tied[few]) & set(tied[~few])
    assert (few != some_sets(tied, 200, 1)).any()
