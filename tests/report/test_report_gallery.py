import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.errors import DataError
from matcher.report import gallery
from matcher.report.cards import SHOWN_LISTINGS
from matcher.report.clusters import ClusterViews
from matcher.report.pairs import PairViews

PAIRS = st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8), st.floats(0, 1)), max_size=20)


def cards(chapter):
    return [card.heading for card in chapter.cards]


def test_strongest_and_weakest_pair_by_the_numbers_on_the_card(build):
    pairs = [(0, 4, 0.9, "strong"), (0, 3, 0.7, "middling"), (3, 4, 0.3, "weak")]
    (chapter,) = gallery.choose_chapters(build.result([0, 1, 2, 0, 0], pairs))
    (card,) = chapter.cards
    assert [m.row for m in card.members] == [0, 3, 4]
    assert [(r.name, r.first, r.second, r.text) for r in card.reasons] == [
        ("Strongest pair", 1, 3, "strong"),
        ("Weakest pair", 2, 3, "weak"),
    ]
    assert card.weakest == pytest.approx(0.3)


def test_pairs_between_clusters_say_nothing_about_either(build):
    (chapter,) = gallery.choose_chapters(build.result([0, 0, 1, 1], [(0, 2, 0.9), (0, 1, 0.6)]))
    assert [(c.heading, c.weakest) for c in chapter.cards] == [
        ("Cluster 0", pytest.approx(0.6)),
        ("Cluster 1", None),
    ]
    assert chapter.cards[0].reasons[0].name == "Why"
    assert chapter.cards[1].reasons == ()


@given(labels=st.lists(st.integers(0, 3), min_size=9, max_size=9), pairs=PAIRS)
def test_ends_of_each_cluster_as_a_loop_finds_them(build, labels, pairs):
    labels = np.unique(labels, return_inverse=True)[1]
    pairs = [(min(a, b), max(a, b), s) for a, b, s in pairs if a != b]
    result = build.result(labels, pairs)
    views = ClusterViews.of(result)
    assert views.numbers.tolist() == [c for c in range(9) if (labels == c).sum() > 1]
    for i, number in enumerate(views.numbers):
        inside = [
            s
            for (a, b, _), s in zip(pairs, result.scores, strict=True)
            if labels[a] == labels[b] == number
        ]
        if inside:
            assert result.scores[views.weakest_pair[i]] == min(inside)
            assert result.scores[views.strongest_pair[i]] == max(inside)
        else:
            assert views.weakest_pair[i] == -1
        assert views.card(i).n_listings == (labels == number).sum()


@given(
    labels=st.lists(st.integers(0, 2), min_size=8, max_size=8),
    groups=st.lists(st.integers(-1, 2), min_size=8, max_size=8),
)
def test_strangers_as_a_loop_counts_them(build, labels, groups):
    labels = np.unique(labels, return_inverse=True)[1]
    result = build.result(labels, listings=build.listings(8, groups=groups))
    views = ClusterViews.of(result)
    for i, number in enumerate(views.numbers):
        known = [g for g, c in zip(groups, labels, strict=True) if c == number and g >= 0]
        expected = len(known) - max((known.count(g) for g in known), default=0)
        assert views.n_strangers[i] == expected
        marks = [m.mark for m in views.card(i).members]
        assert marks.count("another group") == expected
        assert marks.count("no label") == (
            groups_of(groups, labels, number).count(-1) if known else 0
        )


def groups_of(groups, labels, number):
    return [g for g, c in zip(groups, labels, strict=True) if c == number]


def test_a_large_cluster_shows_its_telling_members(build):
    groups = [0] * 38 + [1, 1]
    pairs = [(20, 21, 0.9), (5, 30, 0.2)]
    result = build.result([0] * 40, pairs, build.listings(40, groups=groups))
    (card,) = gallery.choose_chapters(result)[0].cards
    rows = [m.row for m in card.members]
    assert len(rows) == SHOWN_LISTINGS
    assert rows == sorted(rows)
    assert {20, 21, 5, 30, 38, 39} < set(rows)
    assert (card.n_listings, card.n_strangers) == (40, 2)


@pytest.fixture
def many(build):
    """100 clusters of two; cluster i has score i / 100, and the last five mix groups."""
    labels = np.repeat(np.arange(100), 2)
    groups = labels.copy()
    groups[191::2] = 500
    pairs = [(2 * i, 2 * i + 1, i / 100) for i in range(100)]
    return build.result(labels, pairs, build.listings(200, groups=groups))


def test_chapters_say_how_they_were_chosen_and_repeat_no_card(many):
    largest, mixed, doubtful, sample = gallery.choose_chapters(many)
    assert cards(largest) == [f"Cluster {i}" for i in range(16)]
    assert cards(mixed) == [f"Cluster {i}" for i in range(95, 100)]
    assert mixed.note.startswith("5 of 100 clusters hold listings of more than one group")
    assert doubtful.note.startswith("The 24 clusters with the lowest score")
    assert [c.heading for c in doubtful.shown_above] == cards(largest)
    assert cards(doubtful) == [f"Cluster {i}" for i in range(16, 24)]
    assert len(sample.cards) == 24
    assert sample.shown_above == ()
    anchors = [c.anchor for chapter in (largest, mixed, doubtful, sample) for c in chapter.cards]
    assert len(set(anchors)) == len(anchors)


def test_the_sample_is_the_same_every_time(many):
    first, second = (gallery.choose_chapters(many)[-1] for _ in range(2))
    assert cards(first) == cards(second)
    assert cards(first) != [f"Cluster {i}" for i in range(24, 48)]


def test_clusters_without_any_pair_are_not_doubtful(build):
    labels = np.repeat(np.arange(60), 2)
    pairs = [(2 * i, 2 * i + 1, 0.9) for i in range(30, 60)]
    chapters = {c.anchor: c for c in gallery.choose_chapters(build.result(labels, pairs))}
    assert cards(chapters["doubtful"]) == [f"Cluster {i}" for i in range(30, 54)]
    assert "mixed" not in chapters


def test_few_clusters_are_all_shown_the_largest_first(build):
    (chapter,) = gallery.choose_chapters(build.result([0, 0, 1, 1, 1, 2]))
    assert chapter.title == "All clusters"
    assert cards(chapter) == ["Cluster 1", "Cluster 0"]


def test_nothing_found_nothing_to_show(build):
    assert gallery.choose_chapters(build.result([0, 1, 2])) == []
    assert gallery.choose_chapters(build.result([])) == []
    empty = build.listings(0)
    assert gallery.choose_chapters(build.match(empty, empty, [])) == []


def test_pairs_between_two_sources_stand_side_by_side(build):
    left, right = build.listings(2, groups=[3, 4]), build.listings(2, groups=[4, 3])
    (chapter,) = gallery.choose_chapters(build.match(left, right, [(0, 1, 0.9), (0, 0, 0.6)]))
    good, bad = chapter.cards
    assert [(m.number, m.row, m.from_right, m.mark) for m in good.members] == [
        (1, 0, False, ""),
        (2, 1, True, ""),
    ]
    assert [(m.row, m.from_right, m.mark) for m in bad.members] == [
        (0, False, ""),
        (0, True, "another group"),
    ]
    assert (good.n_strangers, bad.n_strangers) == (0, 1)


def test_chapters_of_many_pairs(build):
    left, right = build.listings(90, groups=range(90)), build.listings(90, groups=[7] * 90)
    pairs = [(i, i, 0.99 - i / 200) for i in range(90)]
    surest, wrong, doubtful, sample = gallery.choose_chapters(build.match(left, right, pairs))
    assert cards(surest) == [f"Pair {i}" for i in range(1, 17)]
    assert wrong.note.startswith("89 of 90 pairs are of different groups")
    assert len(wrong.shown_above) == 15  # of the 24 wrong ones on top, all but number 8 so far
    assert cards(doubtful) == [f"Pair {i}" for i in range(90, 66, -1)]
    assert len(sample.cards) == 24


def test_views_refuse_the_other_kind_of_result(build, twins):
    with pytest.raises(DataError, match="ClusterViews"):
        PairViews.of(twins)
    empty = build.listings(0)
    with pytest.raises(DataError, match="PairViews"):
        ClusterViews.of(build.match(empty, empty, []))
