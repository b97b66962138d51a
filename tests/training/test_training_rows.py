"""Which rows are trained on and held out, and that nobody is scored on the former."""

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.errors import ConfigError, DataError, StoreError
from matcher.io.artifacts import save_model
from matcher.training.rows import (
    code_levels,
    count_times,
    number_classes,
    number_levels,
    split_rows,
)
from matcher.training.settings import Repeat, TrainConfig
from matcher.training.splits import pairs_held_out, super_components
from matcher.training.trained_rows import (
    FOLDER,
    codes_of,
    load_chosen,
    load_trained,
    picture_digests,
    refuse_chosen,
    refuse_trained,
    save_trained,
    title_digests,
)
from matcher.types import UNLABELLED, ImageRef, Listings


def config(**settings):
    least = settings.pop("least", 2)
    table = {
        "source": {"listings": "x.csv", "least": least},
        "title": {"weights": "x"},
        "loss": {"method": "arcface"},
        "validation": settings,
    }
    return TrainConfig.read(table, "test")


def listings(groups, titles=None, images=None, extra=None):
    n = len(groups) if groups is not None else len(titles)
    return Listings(
        ids=tuple(f"id{i}" for i in range(n)),
        titles=tuple(titles or [f"title {i}" for i in range(n)]),
        images=tuple(images or (None,) * n),
        groups=None if groups is None else np.array(groups, np.int64),
        extra=extra,
    )


def split(groups, *ties, usable=None, targets="groups", **settings):
    table = listings(groups)
    usable = np.ones(len(table), np.bool_) if usable is None else np.array(usable, np.bool_)
    wanted = table.groups if targets == "groups" else targets
    found = split_rows(table, usable, wanted, [np.array(t) for t in ties], config(**settings))
    sides = found.train.tolist(), found.held.tolist(), found.test.tolist()
    return sides if "test_fold" in settings else sides[:2]


def test_products_of_two_are_held_out_and_those_of_three_trained_on():
    groups = np.array([0, 0, 0, 1, 1, 2, 3, 3, UNLABELLED])
    ties = np.array([-1, -1, -1, 7, 8, -1, 7, 8, 8])
    components = super_components(groups, ties)
    train, held = pairs_held_out(components, groups)
    np.testing.assert_array_equal(np.flatnonzero(train), [0, 1, 2])
    np.testing.assert_array_equal(np.flatnonzero(held), [3, 4, 6, 7, 8])


def test_a_set_with_a_product_of_three_is_trained_on_as_a_whole():
    groups = np.array([0, 0, 0, 1, 1])
    components = super_components(groups, np.array([3, -1, -1, 3, -1]))
    train, held = pairs_held_out(components, groups)
    assert train.all()
    assert not held.any()


@given(st.lists(st.integers(0, 3), min_size=5, max_size=20), st.permutations(range(4)))
def test_the_test_fold_is_trained_on_by_nobody(ties, order):
    groups = np.arange(40) // 2
    ties = np.concatenate([ties, np.full(40 - len(ties), -1)])
    fold, test_fold = order[:2]
    sides = split(groups, ties, n_folds=4, fold=fold, test_fold=test_fold)
    for column in (np.arange(40), groups, ties):
        seen = [{column[row] for row in rows} - {-1} for rows in sides]
        assert not seen[0] & seen[1]
        assert not seen[0] & seen[2]
        assert not seen[1] & seen[2]
    assert sorted(sides[0] + sides[1] + sides[2]) == list(range(40))


def test_pairs_and_a_test_fold_go_together():
    groups = np.repeat(np.arange(12), [2, 3] * 6)
    train, held, test = split(groups, split="pairs", n_folds=3, test_fold=2)
    sizes = np.bincount(groups)
    assert set(sizes[groups[train]]) == {3}
    assert set(sizes[groups[held]]) == {2}
    assert 8 <= len(test) <= 12
    assert sorted(train + held + test) == list(range(30))


def test_pairs_leave_single_and_unlabelled_listings_to_nobody():
    assert split([0, 0, 0, 1, 1, 2, UNLABELLED], split="pairs") == ([0, 1, 2], [3, 4])


GROUPS = st.lists(st.integers(-1, 6), min_size=12, max_size=30)


@given(GROUPS, st.integers(0, 1))
def test_no_product_and_no_tie_is_on_both_sides(groups, fold):
    ties = [code % 4 if code >= 0 else -1 for code in groups[::-1]]
    try:
        train, held = split(groups, ties, n_folds=2, fold=fold)
    except (DataError, ConfigError):
        return
    for column in (groups, ties):
        sides = [{column[row] for row in rows} - {-1} for rows in (train, held)]
        assert not sides[0] & sides[1]
    assert UNLABELLED not in {groups[row] for row in train + held}
    assert all(groups.count(groups[row]) >= 2 for row in train)


def test_nothing_is_held_out_where_nothing_is_to_be():
    assert split([0, 0, 1], split="none") == ([0, 1], [])
    assert split([0, 0, 1], split="none", least=1) == ([0, 1, 2], [])


def test_rows_that_cannot_be_read_do_not_count_as_mates():
    assert split([0, 0, 1, 1], usable=[1, 1, 1, 0], split="none") == ([0, 1], [])


def test_a_loss_without_labels_takes_unlabelled_rows_too():
    assert split([0, UNLABELLED, 1], targets=None, split="none") == ([0, 1, 2], [])


@pytest.mark.parametrize(
    ("groups", "settings", "message"),
    [
        ([0, 1, 2], {"split": "none"}, "No listing is left"),
        ([0, 0, 0, 1], {"split": "pairs"}, "there are none"),
        ([0, 0, 1], {"n_folds": 5}, "at most the 2 sets"),
        ([0, 0, 0], {"n_folds": 2}, "at most the 1 sets"),
        ([UNLABELLED] * 3, {"split": "none"}, "No listing is left"),
    ],
)
def test_what_cannot_be_split_is_refused(groups, settings, message):
    with pytest.raises((DataError, ConfigError), match=message):
        split(groups, **settings)


def test_a_fold_without_mates_is_refused():
    messages = set()
    for fold in range(3):
        try:
            split([0, 0, 1, 2], n_folds=3, fold=fold)
        except DataError as error:
            messages.add(str(error)[:40])
    # either the pair is trained on and nothing can be measured, or nothing is left to train on
    assert messages == {
        "No product that is held out has two list",
        "No listing is left to train on: of 4, 4 ",
    }


def test_classes_are_numbered_without_gaps():
    found = number_classes(np.array([9, 4, 9, 7]))
    np.testing.assert_array_equal(found.labels, [2, 0, 2, 1])
    assert found.sizes == [1, 1, 2]


def test_equal_names_below_different_parents_are_different_classes():
    extra = pa.table(
        {"meta": ["a", "a", "b", "b", ""], "leaf": ["x", "y", "x", "x", "x"], "n": range(5)}
    )
    table = listings([0] * 5, extra=extra)
    codes = code_levels(table, ["meta", "leaf"])
    assert (codes[4] == UNLABELLED).all()
    found = number_levels(codes[:4])
    np.testing.assert_array_equal(found.labels, [[0, 0], [0, 1], [1, 2], [1, 2]])
    assert found.parents == ((0, 0, 1),)
    assert found.sizes == [1, 1, 2]


def test_a_level_that_is_no_column_is_refused():
    table = listings([0], extra=pa.table({"meta": ["a"]}))
    with pytest.raises(ConfigError, match=r"'leaf', which the table does not have.*meta"):
        code_levels(table, ["meta", "leaf"])


def test_listings_of_some_values_come_up_several_times():
    table = listings([0] * 4, extra=pa.table({"set": ["a", "b", "", "c"]}))
    rows = np.array([3, 1, 0])
    assert count_times(table, rows, None) is None
    repeat = Repeat(column="set", times={"b": 3, "c": 2})
    np.testing.assert_array_equal(count_times(table, rows, repeat), [2, 3, 1])
    with pytest.raises(ConfigError, match=r"'d', which no listing.*They have: a, b, c"):
        count_times(table, rows, Repeat(column="set", times={"d": 3}))
    with pytest.raises(ConfigError, match=r"source.repeat.column names the column 'shop'"):
        count_times(table, rows, Repeat(column="shop", times={"d": 3}))


def pictures(folder, contents):
    refs = []
    for i, content in enumerate(contents):
        path = folder / f"{i}.jpg"
        path.write_bytes(content)
        refs.append(ImageRef(path))
    return refs


def test_pictures_of_equal_content_have_one_digest(tmp_path):
    refs = [*pictures(tmp_path, [b"one", b"two", b"one"]), None, ImageRef(tmp_path / "gone.jpg")]
    digests = picture_digests(listings([0] * 5, images=refs))
    assert digests[0] == digests[2] != digests[1]
    np.testing.assert_array_equal(codes_of(digests)[3:], [-1, -1])


def test_what_was_trained_on_is_refused_under_any_name(tmp_path):
    trained = listings([0, 0], images=pictures(tmp_path, [b"one", b"two"]))
    save_trained(tmp_path / "run", picture_digests(trained), "pictures")
    (tmp_path / "b").mkdir()
    others = listings([1, 1, 1], images=pictures(tmp_path / "b", [b"three", b"two", b"four"]))
    with pytest.raises(DataError, match=r"trained on 1 of the 3 listings.*'id1'"):
        refuse_trained(tmp_path / "run", others)
    refuse_trained(tmp_path / "run", others, np.array([0, 2]))


def test_a_run_answers_for_those_it_started_from(tmp_path):
    first, second = listings([0], ["red mug"]), listings([0, 0], ["green mug", ""])
    save_trained(tmp_path / "a", title_digests(first), "titles")
    save_trained(tmp_path / "b", title_digests(second), "titles", [tmp_path / "a"])
    assert len(load_trained(tmp_path / "b")[1]) == 2  # the empty title is nobody's
    with pytest.raises(DataError, match="'id0'"):
        refuse_trained(tmp_path / "b", first)


def test_what_weights_were_chosen_by_is_not_tested_on(tmp_path):
    table = listings([0, 0, 1, 1], ["mug", "cup", "lamp", ""])
    digests = title_digests(table)
    save_trained(tmp_path / "a", digests[:1], "titles", chosen=digests[1:2])
    save_trained(tmp_path / "b", digests[:1], "titles", [tmp_path / "a"], digests[3:])
    for run in ("a", "b"):
        with pytest.raises(DataError, match=r"chosen by 1 of the 3 .*'id1'.*n_folds, fold and"):
            refuse_chosen(tmp_path / run, table, np.array([1, 2, 3]), digests)
        refuse_chosen(tmp_path / run, table, np.array([0, 2, 3]), digests)
        refuse_trained(tmp_path / run, table, np.array([1, 2, 3]))


def test_a_run_that_does_not_say_what_it_was_chosen_by_still_loads(tmp_path):
    digests = title_digests(listings([0, 0]))
    save_model(tmp_path / "old" / FOLDER, {"kind": "titles"}, {"rows": np.sort(digests)})
    assert not len(load_chosen(tmp_path / "old"))
    save_trained(tmp_path / "new", digests, "titles", [tmp_path / "old"], digests)
    np.testing.assert_array_equal(load_chosen(tmp_path / "new"), np.sort(digests))


def test_a_title_under_another_id_may_be_scored(tmp_path):
    save_trained(tmp_path, title_digests(listings([0, 0], ["mug", "cup"])), "titles")
    refuse_trained(tmp_path, listings([0, 0], ["cup", "mug"]))


def test_a_folder_that_does_not_say_is_refused(tmp_path):
    with pytest.raises(StoreError, match="does not exist"):
        refuse_trained(tmp_path, listings([0]))
