"""A person has the last word, for ever, and cannot say two things at once."""

from datetime import UTC, datetime

import pytest

from matcher.catalog import open_catalog
from matcher.catalog._links import Links
from matcher.errors import DataError
from matcher.store import Decision


def same(catalog, *ids):
    return len({catalog.cluster_of(id) for id in ids}) == 1


def test_reject_parts_two_and_undo_joins_them(catalog):
    assert same(catalog, "a", "b")
    number = catalog.reject("a", "b", "ann", "other size")
    assert not same(catalog, "a", "b")
    made = catalog.decisions()[0]
    assert (made.kind, made.who, made.note) == ("reject", "ann", "other size")
    assert (made.different, made.model, made.number) == ((("a", "b"),), catalog.model, number)
    undone = catalog.undo(number, "bob")
    assert same(catalog, "a", "b")
    catalog.undo(undone, "ann")
    assert not same(catalog, "a", "b")
    assert [one.kind for one in catalog.decisions()] == ["reject", "undo", "undo"]


def test_merge_joins_what_nothing_joins(catalog):
    clusters = [catalog.cluster_of("e"), catalog.cluster_of("c")]
    catalog.merge(clusters, "ann")
    assert same(catalog, "e", "c", "d")
    assert catalog.cluster_of("e") == min(clusters)
    view = catalog.cluster(max(clusters))
    assert view.now == (min(clusters),)


def test_split_takes_some_out(catalog):
    cluster = catalog.cluster_of("c")
    number = catalog.split(cluster, ["d"], "ann")
    assert not same(catalog, "c", "d")
    assert catalog.decisions()[number - 1].different == (("d", "c"),)


def test_split_keeps_what_leaves_together(catalog, table):
    catalog.add(table({"g": "red soap bar 250ml big", "h": "red soap bar 250ml small"}))
    cluster = catalog.cluster_of("a")
    members = catalog.cluster(cluster).ids
    out, rest = ["g", "h"], [id for id in members if id not in "gh"]
    catalog.split(cluster, out, "ann")
    assert same(catalog, "g", "h")
    assert all(not same(catalog, "g", id) for id in rest)


def test_accept_holds_them_together(catalog, table):
    cluster = catalog.cluster_of("a")
    members = catalog.cluster(cluster).ids
    number = catalog.accept(cluster, "ann")
    assert catalog.decisions()[number - 1].same == tuple((members[0], id) for id in members[1:])
    assert catalog.review() == [item for item in catalog.review() if item.cluster != cluster]
    catalog.add(table({"n": "red soap bar 250ml again"}))
    assert cluster in [item.cluster for item in catalog.review()]  # it has changed since


def test_contradictions_name_what_to_take_back(catalog, partition):
    number = catalog.accept(catalog.cluster_of("c"), "ann")
    before, revision = partition(catalog), catalog.revision
    with pytest.raises(DataError, match=rf"Decision {number} \(accept by ann\).*undo {number}"):
        catalog.reject("d", "c", "bob")
    assert (partition(catalog), catalog.revision) == (before, revision)
    assert len(catalog.decisions()) == 1
    catalog.undo(number, "bob")
    catalog.reject("d", "c", "bob")
    with pytest.raises(DataError, match="Decision 3"):
        catalog.merge([catalog.cluster_of("c"), catalog.cluster_of("d")], "ann")
    with pytest.raises(DataError, match="Decision 3"):
        catalog.undo(2, "ann")  # which would bring the first one back


def test_contradictions_through_others():
    now = datetime.now(UTC)
    made = [
        Decision("ann", now, "accept", same=(("a", "b"),), number=1),
        Decision("ann", now, "merge", same=(("b", "c"),), number=2),
        Decision("ann", now, "reject", different=(("c", "d"),), number=3),
    ]
    links = Links(made)
    assert links.are_same("a", "c")
    assert links.are_different("a", "d")
    assert not links.are_different("a", "x")
    with pytest.raises(DataError, match="Decision 3"):
        Links([*made, Decision("bob", now, "merge", same=(("d", "a"),))])
    with pytest.raises(DataError, match="Decision 2"):
        Links([*made[:2], Decision("bob", now, "reject", different=(("c", "a"),))])


def test_they_survive_removal_and_rebuild(catalog, table):
    catalog.reject("a", "b", "ann")
    catalog.merge([catalog.cluster_of("c"), catalog.cluster_of("e")], "ann")
    catalog.remove(["b", "e"])
    catalog.rebuild()
    assert len(catalog.decisions()) == 2
    catalog.add(table({"b": "soap bar red 250ml new", "e": "wooden chair"}))
    assert not same(catalog, "a", "b")
    assert same(catalog, "c", "e")
    with open_catalog(catalog.place) as again:
        assert same(again, "c", "e")


def test_a_link_through_a_listing_that_is_gone_still_holds(catalog):
    catalog.merge([catalog.cluster_of("c"), catalog.cluster_of("e")], "ann")
    catalog.merge([catalog.cluster_of("e"), catalog.cluster_of("f")], "ann")
    assert same(catalog, "c", "e", "f")
    catalog.remove(["e"])
    assert same(catalog, "c", "f")


WRONG = {
    "no name": (lambda c: c.reject("a", "b", "  "), "names the person"),
    "not there": (lambda c: c.reject("a", "x", "ann"), "no listing 'x'"),
    "itself": (lambda c: c.reject("a", "a", "ann"), "differ from itself"),
    "never was": (lambda c: c.accept(99, "ann"), "never was a cluster 99"),
    "one listing": (lambda c: c.accept(c.cluster_of("e"), "ann"), "one listing, 'e'"),
    "all of it": (lambda c: c.split(c.cluster_of("e"), ["e"], "ann"), "on both sides"),
    "stranger": (lambda c: c.split(c.cluster_of("c"), ["a"], "ann"), "'a' is not in cluster"),
    "merge of one": (lambda c: c.merge([1, 1], "ann"), "two clusters or more"),
    "no decision": (lambda c: c.undo(1, "ann"), "no decision 1"),
}


@pytest.mark.parametrize("name", WRONG)
def test_wishes_that_cannot_be(catalog, name):
    wish, told = WRONG[name]
    with pytest.raises(DataError, match=told):
        wish(catalog)
    assert catalog.decisions() == ()
    assert catalog.revision == 1


def test_undoing_twice(catalog):
    catalog.reject("a", "b", "ann")
    catalog.undo(1, "bob")
    with pytest.raises(DataError, match=r"undone already, by decision 2 \(bob\)"):
        catalog.undo(1, "ann")


def test_copies_can_be_told_apart(make, table, partition):
    copies = dict.fromkeys("abc", "red soap bar 250ml")
    catalog = make(table({**copies, "d": "red soap bar 250ml new"}))
    assert same(catalog, "a", "b", "c", "d")
    catalog.reject("a", "b", "ann")
    assert not same(catalog, "a", "b")
    assert {id for cluster in partition(catalog) for id in cluster} == set("abcd")
    catalog.undo(1, "ann")
    assert same(catalog, "a", "b", "c", "d")


def test_a_cluster_that_has_ended_says_where_its_listings_are(catalog):
    gone = catalog.cluster_of("e")
    catalog.merge([catalog.cluster_of("c"), gone], "ann")
    with pytest.raises(DataError, match=f"{gone} has ended: its listings are in"):
        catalog.accept(gone, "ann")
