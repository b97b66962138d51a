"""Review and undo, as a browser without scripts does it, and as one with scripts."""

import re

import pytest

from matcher.page.charts import meter
from matcher.page.clusters import list_members
from matcher.page.review import MAX_SHOWN, make_case
from tests.page.fake import Row, TinyCatalog
from tests.page.reading import Page

HTMX = {"HX-Request": "true"}


def look(client, query="") -> Page:
    return Page(client.get(f"/review{query}").text)


def decide(client, query="", headers=None, **fields):
    page = look(client, query)
    given = {name: page.value(name) for name in ("cluster", "seen", "next")}
    return client.submit("/review", headers=headers, **given, **fields)


def test_the_name_is_asked_once_and_kept_with_every_decision(client):
    first = look(client)
    assert "Who decides?" in first.text
    assert not first.find("button", name="kind")
    assert client.submit("/name", who=" Ana  Lim ", next="/review").url.path == "/review"
    assert "Who decides?" not in look(client).text
    decide(client, kind="accept")
    assert [one.who for one in client.catalog.made] == ["Ana Lim"]
    client.submit("/sign-out", next="/review")
    assert "Who decides?" in look(client).text
    client.token = Page(client.get("/").text).value("token")
    assert client.submit("/name", who=" ", next="/").status_code == 422


def test_a_note_stays_with_the_decision(named):
    decide(named, kind="accept", note=" looks\r\nthe <b>same</b>\0 ")
    assert [one.note for one in named.catalog.made] == ["looks the <b>same</b>"]
    assert "looks the &lt;b&gt;same&lt;/b&gt;" in named.get("/decisions").text


def test_without_a_name_nothing_is_decided(client):
    client.get("/review")
    seen = {"cluster": "1", "seen": "x", "kind": "accept"}
    assert client.submit("/review", **seen).status_code == 422
    assert client.catalog.made == []


def test_the_weakest_bridge_comes_first_with_both_sides(named):
    page = look(named)
    assert page.find("h2")[0][1] == "Cluster 1"
    assert [text.split(" listing")[0] for _, text in page.find("legend")] == [
        "One side 2",
        "Other side 1",
    ]
    assert (page.value("bridge_left"), page.value("bridge_right")) == ("2", "3")
    assert "0.80" in page.text
    assert "1 of 2 to review" in page.text
    assert [has["value"] for has, _ in page.find("input", name="keep")] == ["2", "1", "3"]


def test_accepting_goes_on_to_the_next_and_can_be_undone(named):
    answer = decide(named, kind="accept")
    page = Page(answer.text)
    assert answer.url.path == "/review"
    assert "3 listings are one product." in page.text
    assert page.find("h2")[0][1] == "Cluster 2"
    assert named.catalog.made[0].kind == "accept"
    (status,) = page.find("div", id="told")
    assert (status[0]["role"], status[0]["aria-live"]) == ("status", "polite")
    back = named.submit("/undo", number="1", next="/review")
    again = Page(back.text)
    assert again.find("h2")[0][1] == "Cluster 1"
    assert "Decision 1 was taken back." in again.text
    assert [one.kind for one in named.catalog.made] == ["accept", "undo"]
    named.submit("/undo", number="2", next="/review")  # as it was: accepted
    assert look(named).find("h2")[0][1] == "Cluster 2"


def test_splitting_without_deselecting_parts_the_sides(named):
    decide(named, kind="split", shown=["1", "2", "3"], keep=["1", "2", "3"], beyond="3")
    assert named.catalog.clusters_now[1] == ["a", "b"]
    assert ["c"] in named.catalog.clusters_now.values()


def test_splitting_takes_the_deselected(named):
    decide(named, kind="split", shown=["1", "2", "3"], keep=["2"], beyond="3")
    assert named.catalog.clusters_now[1] == ["b"]
    assert ["a", "c"] in named.catalog.clusters_now.values()


@pytest.mark.parametrize("keep", [["1", "2", "3"], []])
def test_a_split_needs_two_sides(named, keep):
    answer = decide(named, kind="split", shown=["1", "2", "3"], keep=keep)
    assert answer.status_code == 422
    assert named.catalog.made == []


def test_the_two_at_the_bridge_are_told_apart(named):
    decide(named, kind="reject", bridge_left="2", bridge_right="3")
    assert named.catalog.made[0].different == (("b", "c"),)
    assert decide(named, "?cluster=2", kind="reject").status_code == 422
    wrong = decide(named, "?cluster=2", kind="reject", bridge_left="1", bridge_right="9")
    assert wrong.status_code == 422


def test_merging_by_number_and_by_what_was_found(named):
    found = Page(named.get("/review?cluster=1&find=green+hat").text)
    buttons = {has["value"] for has, _ in found.find("button", name="with")}
    assert buttons == {"2", "3"}
    decide(named, kind="merge", **{"with": "3"})
    assert named.catalog.clusters_now[1] == ["a", "b", "c", "f"]
    assert decide(named, "?cluster=1", kind="merge", **{"with": "3"}).status_code == 409
    assert decide(named, "?cluster=1", kind="merge", **{"with": "1"}).status_code == 422
    assert decide(named, "?cluster=1", kind="merge", **{"with": "77"}).status_code == 404
    assert decide(named, "?cluster=1", kind="merge", **{"with": "-1"}).status_code == 422


def test_a_cluster_that_changed_meanwhile_is_not_decided_about(named):
    page = look(named)
    given = {name: page.value(name) for name in ("cluster", "seen", "next")}
    named.catalog.rows["g"] = Row("new")
    named.catalog.clusters_now[1].append("g")
    answer = named.submit("/review", kind="accept", **given)
    assert answer.status_code == 409
    assert "has changed" in answer.text
    assert named.catalog.made == []


def test_contradictions_are_told(named):
    from matcher.errors import DataError

    named.catalog.fails = DataError("Decision 4 (Ben) says they differ; take it back first.")
    answer = decide(named, kind="accept")
    assert answer.status_code == 409
    assert "Decision 4 (Ben)" in answer.text


@pytest.mark.parametrize("kind", ["", "delete", "undo"])
def test_unknown_decisions_are_refused(named, kind):
    assert decide(named, kind=kind).status_code == 422


def test_a_cluster_outside_the_queue_can_be_decided_about_as_a_whole(named):
    decide(named, kind="accept")
    page = look(named, "?cluster=1")
    assert "not in the queue" in page.text
    assert len(page.find("fieldset")) == 1
    decide(named, "?cluster=1", kind="split", shown=["1", "2", "3"], keep=["1", "2"])
    assert named.catalog.clusters_now[1] == ["a", "b"]


def test_next_and_back_lead_through_the_queue(named):
    first, second = look(named), look(named, "?cluster=2")
    assert first.find("a", **{"data-key": "j"})[0][0]["href"] == "/review?cluster=2"
    assert not first.find("a", **{"data-key": "k"})
    assert second.find("a", **{"data-key": "k"})[0][0]["href"] == "/review?cluster=1"
    assert not second.find("a", **{"data-key": "j"})


def test_the_queue_is_asked_for_anew_only_after_a_change(named):
    look(named)
    asked = named.catalog.reviews
    look(named, "?cluster=2")
    assert named.catalog.reviews == asked
    decide(named, kind="accept")
    assert named.catalog.reviews == asked + 1


def test_an_empty_queue_says_so(named):
    decide(named, kind="accept")
    assert "Nothing to review" in decide(named, "?cluster=2", kind="accept").text


def test_scripts_get_a_part_of_the_page_and_what_happened(named):
    answer = decide(named, kind="accept", headers=HTMX)
    assert "<html" not in answer.text
    page = Page(answer.text)
    assert page.find("section", id="item")
    (told,) = page.find("div", id="told")
    assert told[0]["hx-swap-oob"] == "innerHTML"
    assert named.get("/review", headers=HTMX).text.count("hx-swap-oob") == 0
    restored = named.get("/review", headers={**HTMX, "HX-History-Restore-Request": "true"})
    assert "<html" in restored.text


def test_scripts_are_told_what_went_wrong_where_things_are_told(named):
    answer = decide(named, kind="nothing", headers=HTMX)
    assert answer.status_code == 422
    assert answer.headers["hx-retarget"] == "#told"
    assert answer.headers["hx-reswap"] == "innerHTML"
    assert "<html" not in answer.text
    assert "Choose what to do" in Page(answer.text).text


def test_decisions_are_listed_newest_first_and_undone_from_there(named):
    decide(named, kind="accept")
    decide(named, kind="accept")
    page = Page(named.get("/decisions").text)
    assert [text for _, text in page.find("th", scope="row")] == ["2", "1"]
    answer = named.submit("/undo", number="1", next="/decisions")
    assert str(answer.url).endswith("/decisions?done=3")
    assert "Decision 1 was taken back." in answer.text
    assert "taken back" in Page(answer.text).find("span", **{"class": "chip"})[0][1]
    assert named.submit("/undo", number="1", next="/decisions").status_code == 409
    assert named.submit("/undo", number="99", next="/decisions").status_code == 404
    assert named.submit("/undo", number="x", next="/decisions").status_code == 422


def test_pages_delete_nothing(named):
    rows = dict(named.catalog.rows)
    assert not hasattr(named.catalog, "remove")
    decide(named, kind="split", shown=["1"], keep=[], beyond="")
    assert named.catalog.rows == rows


def test_very_large_clusters_are_shown_in_part_and_split_whole():
    ids = [str(i) for i in range(150)]
    catalog = TinyCatalog([ids], {id: Row("t") for id in ids})
    view = catalog.cluster(1)
    whole = make_case(view, None)
    assert (len(whole.left), whole.n_left) == (MAX_SHOWN, 150)
    item = catalog.review()[0]
    sides = type(item)(1, 0.4, item.left[:10], (*item.left[10:], *item.right), "why")
    case = make_case(view, sides)
    assert (len(case.left), len(case.right), case.n_right) == (10, MAX_SHOWN, 140)
    assert case.bridge == (10, 11)
    assert (case.left[0].number, case.right[0].number) == (10, 11)
    assert case.beyond == ",".join(str(number) for number in range(11, 151))


def test_sides_that_do_not_make_up_the_cluster_are_shown_as_one():
    catalog = TinyCatalog([["a", "b", "c"]], {id: Row(id) for id in "abc"})
    item = catalog.review()[0]
    stale = type(item)(1, 0.4, ("a",), ("b",), "why")
    assert make_case(catalog.cluster(1), stale).bridge is None
    assert [m.number for m in list_members(catalog.cluster(1), 2)] == [1, 2]


def test_meters_stay_inside():
    assert [meter("x", s).width for s in (-1.0, 0.0, 0.5, 1.0, 2.0, float("nan"))] == [
        0, 0, 50, 100, 100, 0,
    ]  # fmt: skip
    assert [meter("x", s, 0.5).high for s in (0.49, 0.5)] == [False, True]


def test_tokens_differ_by_browser(visiting, catalog):
    tokens = set()
    for _ in range(2):
        text = visiting(catalog).get("/").text
        tokens.add(re.search('name="token" value="([^"]+)"', text).group(1))
    assert len(tokens) == 2
