import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pydantic import ValidationError

from matcher.errors import ConfigError
from matcher.training.sampling import Batches, count_batches, deal

CLASSES = st.lists(st.integers(0, 6), min_size=8, max_size=40)


def codes(labels):
    return np.unique(labels, return_inverse=True)[1].astype(np.int64)


@given(CLASSES, st.integers(0, 3), st.integers(0, 3))
def test_plain_batches_hold_no_row_twice_and_leave_out_less_than_a_batch(labels, seed, epoch):
    classes = codes(labels)
    rows = deal(classes, Batches(size=3), seed, epoch)
    assert rows.shape == (len(classes) // 3, 3)
    assert len(set(rows.ravel().tolist())) == rows.size
    np.testing.assert_array_equal(rows, deal(classes, Batches(size=3), seed, epoch))


@given(CLASSES, st.integers(2, 4), st.integers(0, 3))
def test_groups_stand_together_and_once_in_a_batch_and_an_epoch(labels, k, epoch):
    classes = codes(labels)
    n_groups = classes.max() + 1
    p = min(2, n_groups)
    rows = deal(classes, Batches(size=p * k, per_group=k), 0, epoch)
    assert rows.shape == (n_groups // p, p * k)
    drawn = classes[rows].reshape(-1, k)
    assert (drawn == drawn[:, :1]).all()
    assert len(set(drawn[:, 0].tolist())) == len(drawn)
    for group, chunk in zip(drawn[:, 0], rows.reshape(-1, k), strict=True):
        size = int((classes == group).sum())
        assert len(set(chunk.tolist())) == min(size, k)


def test_the_order_is_another_one_in_each_epoch_and_for_each_seed():
    classes = np.zeros(1_000, np.int64)
    orders = [deal(classes, Batches(size=10), seed, epoch) for seed in (0, 1) for epoch in (0, 1)]
    for i, one in enumerate(orders):
        for other in orders[:i]:
            assert not np.array_equal(one, other)


def test_two_views_of_a_row_stand_next_to_each_other():
    rows = deal(np.zeros(10, np.int64), Batches(size=6, views=True), 0, 0)
    assert rows.shape == (3, 6)
    np.testing.assert_array_equal(rows[:, ::2], rows[:, 1::2])
    assert len(set(rows.ravel().tolist())) == 9


def test_ten_thousand_rows_of_one_product_are_dealt():
    classes = np.zeros(10_000, np.int64)
    assert deal(classes, Batches(size=32), 0, 0).shape == (312, 32)
    assert deal(classes, Batches(size=4, per_group=4), 0, 0).shape == (1, 4)


@pytest.mark.parametrize(
    ("batches", "message"),
    [
        (Batches(size=8), "takes 8 rows, but there are 5"),
        (Batches(size=8, per_group=2), "takes 4 groups, but there are 2"),
        (Batches(size=12, views=True), "takes 6 rows, but there are 5"),
    ],
)
def test_too_little_for_a_batch_is_refused(batches, message):
    with pytest.raises(ConfigError, match=message):
        count_batches(np.array([0, 0, 0, 1, 1]), batches)


@pytest.mark.parametrize("settings", [{"size": 5, "per_group": 2}, {"size": 5, "views": True}])
def test_a_batch_holds_whole_groups(settings):
    with pytest.raises(ValidationError, match="multiple of 2"):
        Batches(**settings)


@given(CLASSES, st.integers(0, 3), st.integers(0, 2**32 - 1))
def test_by_length_deals_the_same_kind_of_batches(labels, epoch, seed):
    classes = codes(labels)
    lengths = np.random.default_rng(seed).integers(1, 70, len(classes))
    batches = Batches(size=4, per_group=2)
    if len(np.unique(classes)) < 2:
        return
    rows = deal(classes, batches, 0, epoch, lengths)
    plain = deal(classes, batches, 0, epoch)
    assert rows.shape == plain.shape
    parts, before = rows.reshape(-1, 2), plain.reshape(-1, 2)
    assert sorted(parts.tolist()) == sorted(before.tolist())
    ends = lengths[rows].reshape(-1, 2, 2).max(axis=2)
    ranges = np.sort(np.stack([ends.min(axis=1), ends.max(axis=1)], axis=1).view("i8,i8"), axis=0)
    assert (ranges["f1"][:-1] <= ranges["f0"][1:]).all()


def test_titles_of_one_length_stand_together():
    # 4 groups of 2 rows of the lengths 9, 1, 9, 1: the batches are {1, 1} and {9, 9}
    classes = np.repeat(np.arange(4), 2)
    lengths = np.array([9, 9, 1, 1, 9, 9, 1, 1])
    for epoch in range(4):
        rows = deal(classes, Batches(size=4, per_group=2), 0, epoch, lengths)
        assert sorted(lengths[rows].tolist()) == [[1] * 4, [9] * 4]
    for epoch in range(4):
        rows = deal(classes, Batches(size=4), 0, epoch, lengths)
        assert sorted(lengths[rows].tolist()) == [[1] * 4, [9] * 4]


def test_by_length_can_be_left_out():
    classes, lengths = np.arange(40), np.arange(40) % 7
    batches = Batches(size=4, by_length=False)
    np.testing.assert_array_equal(
        deal(classes, batches, 3, 1, lengths), deal(classes, batches, 3, 1)
    )


@given(CLASSES, st.integers(0, 3), st.data())
def test_rows_and_groups_come_up_as_often_as_they_are_to(labels, seed, data):
    classes = codes(labels)
    n = len(classes)
    times = np.array(data.draw(st.lists(st.integers(1, 3), min_size=n, max_size=n)))
    rows = deal(classes, Batches(size=2), seed, 0, times=times).ravel()
    assert (np.bincount(rows, minlength=n) <= times).all()
    assert len(rows) == times.sum() // 2 * 2
    assert count_batches(classes, Batches(size=2), times) == times.sum() // 2
    groups = classes[deal(classes, Batches(size=2, per_group=2), seed, 0, times=times)[:, 0]]
    most = [times[classes == group].max() for group in range(classes.max() + 1)]
    np.testing.assert_array_equal(np.bincount(groups, minlength=len(most)), most)
