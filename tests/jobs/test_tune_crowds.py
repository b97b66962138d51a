"""Tuning on tables with crowds of copies: each counts as one listing, as it does in a run."""

import numpy as np
import pandas as pd
import pytest

import matcher
from matcher.jobs.crowds import without_copies
from matcher.jobs.steps import encode

UNION = {
    "encoders": {"words": {"encoder": "tfidf"}},
    "fusion": {"method": "union", "thresholds": {"words": 0.9}},
    "clustering": {"method": "components"},
}


def crowd(labels):
    """As many identical listings as labels, and 40 products of two listings each."""
    rng = np.random.default_rng(0)
    titles = ["red kettle 2l steel"] * len(labels)
    groups = list(labels)
    for product in range(40):
        titles += [" ".join(f"w{i}x" for i in rng.integers(0, 400, 5))] * 2
        groups += [f"g{product}"] * 2
    ids = [f"i{i}" for i in range(len(titles))]
    return pd.DataFrame({"id": ids, "title": titles, "label_group": groups})


PAIR_MODEL = {
    "encoders": {"words": {"encoder": "tfidf", "min_score": 0.05}},
    "fusion": {"method": "pairs", "scores": ["words"], "trees": 5},
    "clustering": {"method": "components"},
}


def test_a_pair_model_learns_nothing_from_copies():
    """A crowd counts as one listing: with it in the table, the same trees as without it."""
    with_crowd = matcher.tune(crowd(["a"] * 1000), config=PAIR_MODEL)
    without = matcher.tune(crowd("a"), config=PAIR_MODEL)
    trained, other = with_crowd.config.fusion.trained, without.config.fusion.trained
    assert trained.reliability.n_pairs.tolist() == other.reliability.n_pairs.tolist()
    assert with_crowd.expected_f1 == without.expected_f1
    assert with_crowd.gallery_size == 1080


@pytest.mark.parametrize(("labels", "rows"), [("a", [0]), ("ab", [0, 1]), (["", "a"], [0, 1])])
def test_of_copies_one_of_each_label_is_fitted_to(labels, rows):
    listings = matcher.listings_from_table(crowd([labels[i % len(labels)] for i in range(100)]))
    config = matcher.RunConfig.read(UNION, "test")
    (encoded,) = encode(config, listings, listings).tables
    kept = without_copies(config, encoded, listings.groups)
    assert kept.tolist() == [*rows, *range(100, 180)]


def test_groups_of_nothing_but_copies_are_too_few_to_tune():
    titles = [f"w{product}x w{product}y" for product in range(12) for _ in range(30)]
    table = pd.DataFrame({"id": [f"i{i}" for i in range(360)], "title": titles})
    table["label_group"] = table["title"]
    with pytest.raises(matcher.DataError, match=r"not copies of one another\. Received: 0"):
        matcher.tune(table, config=UNION)
