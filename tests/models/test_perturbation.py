"""Titles changed at random: marks stay, and only what the settings say is changed."""

import numpy as np
import pytest

from matcher.models.settings import Perturbation

pytestmark = pytest.mark.keras
keras = pytest.importorskip("keras")

from matcher.models.perturbation import build_perturbation  # noqa: E402

FIRST, LAST, ROWS, WIDTH = 2, 3, 200, 24


@pytest.fixture
def titles(rng):
    """Titles of 3 to 22 words between two marks; every word of the batch is another one."""
    token_ids = np.zeros((ROWS, WIDTH), np.int32)
    attended = np.zeros((ROWS, WIDTH), np.int32)
    for row, n in enumerate(rng.integers(3, 23, ROWS).tolist()):
        words = 100 + row * WIDTH + np.arange(n)
        token_ids[row, : n + 2] = [FIRST, *words.tolist(), LAST]
        attended[row, : n + 2] = 1
    return token_ids, attended


def run(titles, seed=0, training=True, **settings):
    layer = build_perturbation(Perturbation(**settings), seed)
    return tuple(np.asarray(x) for x in layer(list(titles), training=training))


def read(token_ids, attended):
    """Tokens that are attended to, row by row."""
    return [row[mask > 0].tolist() for row, mask in zip(token_ids, attended, strict=True)]


def test_nothing_on_and_no_training_change_nothing(titles):
    everything = {"drop": 1.0, "replace": 1.0, "shuffle": 9.0}
    for found in (run(titles), run(titles, training=False, **everything)):
        np.testing.assert_array_equal(found[0], titles[0])
        np.testing.assert_array_equal(found[1], titles[1])


def test_dropping_leaves_marks_and_order(titles):
    before, after = read(*titles), read(*run(titles, drop=0.8))
    for old, new in zip(before, after, strict=True):
        assert (new[0], new[-1]) == (FIRST, LAST)
        assert new == [token for token in old if token in set(new)]
    kept = sum(map(len, after)) / sum(map(len, before))
    assert 0.5 < kept < 0.75  # a share of 0 to 0.8 of each, 0.4 on average, and no mark


def test_shuffling_keeps_all_words_near_their_place(titles):
    token_ids, attended = run(titles, shuffle=2.0)
    np.testing.assert_array_equal(attended, titles[1])
    moved = 0
    for old, new in zip(read(*titles), read(token_ids, attended), strict=True):
        assert (new[0], new[-1]) == (FIRST, LAST)
        assert sorted(new) == sorted(old)
        moved += old != new
        assert max(abs(new.index(token) - place) for place, token in enumerate(old)) <= 2
    assert moved > ROWS * 0.7


def test_replaced_words_come_from_one_other_title(titles):
    after = read(*run(titles, replace=0.6))
    changed = 0
    for row, (old, new) in enumerate(zip(read(*titles), after, strict=True)):
        assert len(new) == len(old)
        assert (new[0], new[-1]) == (FIRST, LAST)
        rows = {(token - 100) // WIDTH for token in new[1:-1]} - {row}
        assert len(rows) <= 1
        changed += sum(a != b for a, b in zip(old, new, strict=True))
    assert 0.1 < changed / sum(map(len, after)) < 0.4


def test_all_at_once_and_the_same_again(titles):
    everything = {"drop": 0.5, "replace": 0.3, "shuffle": 3.0}
    one, again = run(titles, 1, **everything), run(titles, 1, **everything)
    np.testing.assert_array_equal(one[0], again[0])
    np.testing.assert_array_equal(one[1], again[1])
    assert (run(titles, 2, **everything)[1] != one[1]).any()
    for new in read(*one):
        assert (new[0], new[-1]) == (FIRST, LAST)


def test_the_shortest_titles_survive():
    token_ids, attended = np.int32([[FIRST, LAST, 0], [FIRST, 9, LAST]]), np.int32([[1, 1, 0]] * 2)
    attended[1] = 1
    found = read(*run((token_ids, attended), drop=1.0, replace=1.0, shuffle=5.0))
    assert found[0] == [FIRST, LAST]
    assert found[1] in ([FIRST, 9, LAST], [FIRST, LAST])
