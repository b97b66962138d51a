"""The protocols refuse to score what set the thresholds; the README's table is the results'."""

import json
from dataclasses import replace

import numpy as np
import pytest

from benchmarks.ablation import ablation_lines
from benchmarks.protocols import (
    _disjoint,
    as_given,
    held_out_alone,
    held_out_in_all,
    published_pairs,
    take,
    with_distractors,
)
from benchmarks.quality import misses_its_bar
from benchmarks.table import quality_lines
from matcher.config import RunConfig
from matcher.errors import DataError
from matcher.io.listings import read_listings
from matcher.jobs.dedupe import dedupe
from matcher.jobs.dedupe_report import SEEN
from matcher.jobs.tune import tune


def test_rows_that_set_thresholds_are_not_scored():
    rows = np.array([True, False])
    np.testing.assert_array_equal(_disjoint(rows, ~rows), rows)
    with pytest.raises(DataError, match="may not be scored"):
        _disjoint(rows, rows)


def test_a_config_is_not_scored_as_given_on_the_labels_it_was_fitted_to(root):
    listings = read_listings(root / "examples" / "listings.csv")
    fitted = tune(listings).config
    with pytest.raises(DataError, match="fitted to these labels"):
        as_given(listings, fitted)
    result = dedupe(listings, config=fitted)
    assert result.report.problems[SEEN] == len(listings)
    other = take(listings, np.arange(100))
    assert as_given(other, fitted)
    assert SEEN not in dedupe(other, config=fitted).report.problems


def test_test_pairs_may_not_be_training_pairs(root):
    listings = read_listings(root / "examples" / "listings.csv")
    part = (np.array([0, 1]), np.array([2, 3]), np.array([True, False]))
    with pytest.raises(DataError, match="Test pairs may not be among those"):
        published_pairs(listings, listings, RunConfig.default(), part, part)


def test_distractors_never_raise_the_figure(root):
    listings = read_listings(root / "examples" / "listings.csv")
    config = RunConfig.default()
    figures = [with_distractors(listings, config, n, transferred=False) for n in range(3)]
    assert 0.6 < figures[2] <= figures[0] + 0.02
    assert 0.6 < with_distractors(listings, config, 2, transferred=True) <= 1


def test_held_out_figures_do_not_see_the_labels_they_are_scored_on(root):
    """With labels that mean nothing no protocol may report more than singletons would get."""
    listings = read_listings(root / "examples" / "listings.csv")
    shuffled = np.random.default_rng(0).permutation(listings.groups)
    nonsense = replace(listings, groups=shuffled)
    config = RunConfig.default()
    for figure in (held_out_in_all, lambda *a: held_out_alone(*a)["rowwise_f1"]):
        assert figure(nonsense, config, 2) < 0.65 < figure(listings, config, 2)


@pytest.mark.parametrize(
    ("page", "configs", "all_of_them"),
    [("README.md", "configs", False), ("docs/figures.md", "../configs", True)],
)
def test_the_tables_of_figures_are_made_from_the_results(root, page, configs, all_of_them):
    content = json.loads((root / "benchmarks" / "results" / "quality.json").read_text())
    text = (root / page).read_text(encoding="utf-8")
    every = [row for rows in content["results"].values() for row in rows]
    shown = [row for row in every if all_of_them or row.get("headline")]
    assert len(shown) > 10
    for line in quality_lines(shown, content["machine"], configs):
        assert line in text
    for row in every:
        assert row["gallery"] > 0
        assert not misses_its_bar(row)
        assert row["split"]


def test_the_table_of_the_ablation_is_made_from_the_results(root):
    content = json.loads((root / "benchmarks" / "results" / "ablation.json").read_text())
    text = (root / "docs" / "ablation.md").read_text(encoding="utf-8")
    for line in ablation_lines(content):
        assert line in text
