import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.report import charts
from matcher.types import Clusters

SCORES = st.lists(st.floats(0, 1, width=32), min_size=1, max_size=60)


def chart(build, scores, groups=None, truth=None):
    n = max(len(scores), 2)
    listings = build.listings(n, groups=groups)
    result = build.result(
        list(range(n)),
        listings=listings,
        candidate_scores=np.float32(scores),
        candidate_truth=None if truth is None else np.array(truth),
    )
    return charts.chart_candidates(result)


def test_a_pair_at_the_bound_stands_right_of_the_line(build):
    found = chart(build, [0.5, 0.4999])
    counts = {b.start: b.n_up for b in found.bins if b.n_up}
    assert counts == {0.475: 1, 0.5: 1}
    assert found.line == 50
    assert "1 (50%) reach 0.5" in found.summary


@given(scores=SCORES)
def test_every_pair_is_in_one_bin_and_bins_fit_the_chart(build, scores):
    found = chart(build, scores)
    edges = [b.start for b in found.bins] + [found.bins[-1].end]
    assert edges == pytest.approx(np.linspace(0, 1, 41))
    assert sum(b.n_up for b in found.bins) == len(scores)
    for b in found.bins:
        inside = sum(b.start - 1e-6 <= s < b.end + 1e-6 or s == b.end == 1 for s in scores)
        assert b.n_up <= inside
    assert max(b.up for b in found.bins) == 100
    assert all((b.up > 0) == (b.n_up > 0) for b in found.bins)


def test_heights_by_hand(build):
    # On a log scale 1 + n: 3 right pairs give log 4, 1 wrong one log 2, which is half of it.
    found = chart(build, [0.9, 0.9, 0.9, 0.1], [0, 0, 0, 0], [True, True, True, False])
    (right,) = [b for b in found.bins if b.n_up]
    (wrong,) = [b for b in found.bins if b.n_down]
    assert (right.start, right.n_up, right.up) == (0.9, 3, 66.67)
    assert (wrong.start, wrong.n_down, wrong.down) == (0.1, 1, 33.33)
    assert found.zero == 66.67
    ticks = {(t.label, t.at) for t in found.y_ticks}
    assert ticks == {("1", 66.66), ("1", 0.0)}  # a third above and below the axis at 33.33


def test_the_summary_counts_right_and_wrong(build):
    truth = [True, False, True, False]
    found = chart(build, [0.9, 0.8, 0.3, 0.2], [0, 0, 0, 0], truth)
    assert "2 (50%) reach 0.5" in found.summary
    assert "1 (50%) are of one product; below 0.5 it is 1 of 2" in found.summary
    assert found.legend == ("same product", "different products")


def test_what_has_no_label_is_not_called_different(build):
    found = chart(build, [0.9, 0.8], [0, -1], [True, False])
    assert found.legend[1] == "different products, or not labelled"


def test_a_table_whose_labels_are_all_unknown_has_none(build):
    found = chart(build, [0.9, 0.8], [-1, -1], [False, False])
    assert found.legend == ()
    assert sum(b.n_up for b in found.bins) == 2


def test_no_candidates_no_chart(build):
    assert chart(build, []) is None


def test_modalities_share_an_axis_and_leave_out_missing_scores(build):
    scores = {
        "words": np.float32([0.9, 0.3]),
        "phash": np.float32([-0.3, np.nan]),
        "bert": np.float32([np.nan, np.nan]),
    }
    result = build.result([0, 0, 0], [(0, 1, 0.9), (0, 2, 0.7)], modalities=scores)
    words, phash = charts.chart_modalities(result)
    assert [words.title, phash.title] == ["words", "phash"]
    assert words.bins[0].start == phash.bins[0].start == -0.5  # a multiple of 1/4 below -0.3
    assert [t.label for t in phash.x_ticks] == ["-0.5", "0", "0.5", "1"]
    assert words.summary == "Median 0.60 of 2 accepted pairs."
    assert phash.summary == "Median -0.30 of 1 accepted pair. Missing for 1 pair."
    assert sum(b.n_up for b in phash.bins) == 1


def test_cluster_sizes_by_class():
    sizes = [1, 1, 2, 2, 3, 6, 10, 11, 600]
    labels = np.repeat(np.arange(len(sizes)), sizes)
    found = charts.chart_sizes(Clusters(labels))
    assert [(b.label, b.value) for b in found if b.value != "0"] == [
        ("2", "2"),
        ("3", "1"),
        ("6 to 10", "2"),
        ("11 to 20", "1"),
        ("501 or more", "1"),
    ]
    assert [b.width for b in found if b.value == "1"] == [50, 50, 50]


def test_no_clusters_no_bars():
    assert charts.chart_sizes(Clusters(np.arange(3))) == []
    assert charts.chart_sizes(Clusters(np.empty(0, np.int64))) == []


def test_seconds_of_nothing():
    assert charts.chart_seconds({"read": 0.0})[0].width == 0
    assert charts.chart_seconds({}) == []
