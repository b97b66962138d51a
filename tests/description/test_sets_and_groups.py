import zipfile
from collections import Counter, defaultdict

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from matcher.description import describe_groups, find_copies
from matcher.description.pictures import key_pictures
from matcher.description.sets import EXAMPLES, NAMED
from matcher.types import ImageRef, Listings


def make_listings(n, groups=None, images=None):
    return Listings(
        ids=tuple(f"id{i}" for i in range(n)),
        titles=("",) * n,
        images=tuple(images) if images is not None else (None,) * n,
        groups=None if groups is None else np.array(groups, np.int64),
    )


def test_copies_worked_out_by_hand():
    keys = ["a", "b", "a", None, "b", "c", "a", None, "d", "d"]
    groups = [0, 1, 0, 5, 2, 0, -1, 5, 3, -1]
    found = find_copies(keys, make_listings(10, groups))
    assert (found.compared, found.sets, found.listings) == (8, 3, 7)
    assert (found.one_group, found.several_groups, found.not_labelled) == (1, 1, 1)
    assert found.listings_in_several_groups == 2
    assert [s.ids for s in found.largest] == [("id0", "id2", "id6"), ("id1", "id4"), ("id8", "id9")]
    assert [s.groups for s in found.largest] == [1, 2, 1]
    assert found.largest_of_several_groups == (found.largest[1],)


def test_without_labels_no_set_tells_anything():
    found = find_copies(["a", "a"], make_listings(2))
    assert (found.sets, found.one_group, found.several_groups, found.not_labelled) == (1, 0, 0, 1)
    assert found.largest[0].groups == 0


def test_nothing_is_missing_twice():
    found = find_copies([None] * 3, make_listings(3))
    assert (found.compared, found.sets, found.largest) == (0, 0, ())
    assert find_copies([], make_listings(0)).sets == 0


def test_a_huge_set_names_a_few_and_one_of_each_group_first():
    n = 10_000
    groups = [0] * (n - 2) + [1, 2]
    found = find_copies(["same"] * n, make_listings(n, groups))
    assert (found.sets, found.listings, found.largest[0].groups) == (1, n, 3)
    named = found.largest[0].ids
    assert len(named) == NAMED
    assert named[-2:] == (f"id{n - 2}", f"id{n - 1}")


@given(st.lists(st.tuples(st.sampled_from("abcd") | st.none(), st.integers(-1, 2)), max_size=20))
def test_copies_agree_with_counting_set_by_set(rows):
    found = find_copies([k for k, _ in rows], make_listings(len(rows), [g for _, g in rows]))
    members = defaultdict(list)
    for key, group in rows:
        members[key].append(group)
    members.pop(None, None)
    sets = [groups for groups in members.values() if len(groups) > 1]
    known = [[g for g in groups if g >= 0] for groups in sets]
    assert found.sets == len(sets)
    assert found.listings == sum(map(len, sets))
    assert found.one_group == sum(len(k) > 1 and len(set(k)) == 1 for k in known)
    assert found.several_groups == sum(len(set(k)) > 1 for k in known)
    assert found.not_labelled == sum(len(k) < 2 for k in known)
    assert found.one_group + found.several_groups + found.not_labelled == found.sets
    assert [s.listings for s in found.largest] == sorted(map(len, sets), reverse=True)[:EXAMPLES]


def test_groups_worked_out_by_hand():
    found = describe_groups(make_listings(9, [7, 3, 3, -1, 7, 7, 0, 1, -1]))
    assert (found.groups, found.singletons, found.labelled) == (4, 2, 7)
    assert (found.mean, found.median) == (1.75, 1.5)
    assert found.sizes == {1: 2, 2: 1, 3: 1}
    assert [s.ids for s in found.largest] == [("id0", "id4", "id5"), ("id1", "id2")]
    assert found.random == ()


def test_groups_where_nothing_is_labelled():
    assert describe_groups(make_listings(3)) is None
    assert describe_groups(make_listings(3, [-1] * 3)) is None
    assert describe_groups(make_listings(0, [])) is None


def test_singletons_are_no_examples():
    found = describe_groups(make_listings(5, range(5)))
    assert (found.singletons, found.largest, found.random) == (5, (), ())


@given(st.lists(st.integers(-1, 15), max_size=60), st.integers(0, 5))
def test_groups_agree_with_counting_them(groups, seed):
    found = describe_groups(make_listings(len(groups), groups), seed)
    sizes = Counter(g for g in groups if g >= 0)
    if not sizes:
        assert found is None
        return
    assert found.groups == len(sizes)
    assert found.sizes == Counter(sizes.values())
    many = sorted((n for n in sizes.values() if n > 1), reverse=True)
    assert [s.listings for s in found.largest] == many[:EXAMPLES]
    assert len(found.random) == min(EXAMPLES, max(0, len(many) - EXAMPLES))
    named = [s.ids[0] for s in (*found.largest, *found.random)]
    assert len(set(named)) == len(named)


def test_the_seed_decides_which_groups_are_drawn():
    listings = make_listings(200, np.arange(200) // 2)
    first, again, other = (describe_groups(listings, seed).random for seed in (1, 1, 2))
    assert first == again != other


def test_equal_files_have_one_key(tmp_path):
    contents = {"a": b"xy", "b": b"xy", "c": b"yx", "d": b"longer", "e": b""}
    for name, content in contents.items():
        (tmp_path / name).write_bytes(content)
    refs = [ImageRef(tmp_path / name) for name in ("a", "b", "c", "d", "e", "gone", "a")]
    a, b, c, d, e, gone, again, none = key_pictures(make_listings(8, images=[*refs, None]))
    assert a == b == again is not None
    assert len({a, c, d, e}) == 4
    assert gone is none is None


def test_equal_members_of_an_archive_have_one_key(tmp_path):
    path = tmp_path / "pictures.zip"
    with zipfile.ZipFile(path, "w") as archive:
        for name, content in (("a", b"xy"), ("b", b"xy"), ("c", b"yx")):
            archive.writestr(name, content)
    refs = [ImageRef(path, name) for name in ("a", "b", "c", "gone")]
    refs.append(ImageRef(tmp_path / "no.zip", "a"))
    a, b, c, gone, lost = key_pictures(make_listings(5, images=refs))
    assert a == b != c
    assert gone is lost is None


def test_a_folder_is_no_picture(tmp_path):
    assert key_pictures(make_listings(1, images=[ImageRef(tmp_path)])) == [None]
