"""Clusters, what to review, decisions and their undoing, figures."""

import pytest


def test_clusters_largest_first(filled):
    found = filled.get("/v1/clusters?min_size=1").json()["clusters"]
    assert [[one["id"] for one in cluster["listings"]] for cluster in found] == [["a", "b"], ["c"]]
    assert [c["id"] for c in filled.get("/v1/clusters").json()["clusters"]] == [1]
    paged = filled.get("/v1/clusters?min_size=1&offset=1&limit=1").json()["clusters"]
    assert [c["id"] for c in paged] == [2]


def test_one_cluster(filled):
    assert filled.get("/v1/clusters/1").json() == {
        "id": 1,
        "listings": [
            {"id": "a", "title": "red mug 300 ml", "image": None},
            {"id": "b", "title": "red mug 300 ml new", "image": None},
        ],
        "edges": [{"left": "a", "right": "b", "score": 0.75, "reason": "words in common"}],
        "events": [{"when": "2026-01-31T00:00:00Z", "kind": "created", "clusters": []}],
    }


@pytest.mark.parametrize("id", [0, 99, 2**53 - 1])
def test_a_cluster_that_never_was(filled, check_problem, id):
    check_problem(filled.get(f"/v1/clusters/{id}"), 404)
    check_problem(filled.post("/v1/decisions", json={"kind": "accept", "cluster": id}), 404)


@pytest.mark.parametrize("id", ["x", "-1", "1.5", "9" * 400, str(2**53), "%00", "1e3"])
def test_a_cluster_that_cannot_be(filled, check_problem, id):
    check_problem(filled.get(f"/v1/clusters/{id}"), 422)


def test_an_ended_cluster_says_where_its_listings_are(filled, check_problem):
    filled.post("/v1/decisions", json={"kind": "merge", "clusters": [1, 2]})
    for answer in (
        filled.get("/v1/clusters/2"),
        filled.post("/v1/decisions", json={"kind": "accept", "cluster": 2}),
        filled.post("/v1/decisions", json={"kind": "merge", "clusters": [1, 2]}),
        filled.post("/v1/decisions", json={"kind": "split", "cluster": 2, "out": ["c"]}),
    ):
        assert check_problem(answer, 410)["now"] == [1]


def test_a_cluster_whose_listings_are_all_removed(filled, check_problem):
    filled.delete("/v1/listings/c")
    assert check_problem(filled.get("/v1/clusters/2"), 410)["now"] == []


def test_review(filled):
    assert filled.get("/v1/review").json() == {
        "items": [
            {
                "cluster": 1,
                "score": 0.5,
                "left": ["a"],
                "right": ["b"],
                "reason": "words in common",
            }
        ]
    }


@pytest.mark.parametrize(
    "path",
    [
        "/v1/review?n=0",
        "/v1/review?n=201",
        "/v1/clusters?limit=0",
        "/v1/clusters?limit=201",
        "/v1/clusters?offset=-1",
        "/v1/clusters?min_sise=3",
        "/v1/clusters?limit=1&limit=2",
        "/v1/clusters/1?limit=1",
        "/v1/listings/a?%00=%ff",
        "/v1/statistics?x",
        "/v1/clusters?min_size=x",
        "/v1/decisions?limit=1e9",
        "/v1/decisions?offset=" + "9" * 30,
    ],
)
def test_pages_that_are_none(filled, check_problem, path):
    check_problem(filled.get(path), 422)


DECISIONS = [
    {"kind": "accept", "cluster": 1},
    {"kind": "reject", "left": "a", "right": "c"},
    {"kind": "split", "cluster": 1, "out": ["b"]},
    {"kind": "merge", "clusters": [1, 2]},
]


@pytest.mark.parametrize("sent", DECISIONS, ids=lambda sent: sent["kind"])
def test_decisions_are_recorded_and_undone(filled, sent):
    made = filled.post("/v1/decisions", json={**sent, "who": "ana", "note": "clear"})
    assert (made.status_code, made.json()) == (201, {"number": 1})
    undone = filled.post("/v1/decisions/1/undo", json={"who": "bo"})
    assert (undone.status_code, undone.json()) == (201, {"number": 2})
    kept = filled.get("/v1/decisions").json()
    assert kept["total"] == 2
    last, first = kept["decisions"]
    assert (last["kind"], last["who"], last["undoes"], last["undone"]) == ("undo", "bo", 1, False)
    assert (first["kind"], first["who"], first["note"]) == (sent["kind"], "ana", "clear")
    assert (first["undoes"], first["undone"]) == (None, True)
    assert first["same"] or first["different"]
    paged = filled.get("/v1/decisions?offset=1&limit=1").json()["decisions"]
    assert paged == [first]


def test_who_decides_is_the_key_where_nobody_is_named(tenants):
    client, keys = tenants
    listings = {"listings": [{"id": id, "title": "red mug"} for id in "ab"]}
    client.post("/v1/listings", json=listings, headers=keys["one", "write"])
    sent = {"kind": "accept", "cluster": 1}
    assert client.post("/v1/decisions", json=sent, headers=keys["one", "review"]).status_code == 201
    client.post("/v1/decisions/1/undo", headers=keys["one", "all"])
    kept = client.get("/v1/decisions", headers=keys["one", "review"]).json()["decisions"]
    assert [one["who"] for one in kept] == ["one-all", "one-review"]


@pytest.mark.parametrize(
    ("sent", "status"),
    [
        ({}, 422),
        ({"kind": "undo"}, 422),
        ({"kind": "accept"}, 422),
        ({"kind": "accept", "cluster": "1"}, 422),
        ({"kind": "accept", "cluster": 1.5}, 422),
        ({"kind": "accept", "cluster": -1}, 422),
        ({"kind": "accept", "cluster": 1, "who": ""}, 422),
        ({"kind": "accept", "cluster": 1, "note": "x" * 2001}, 422),
        ({"kind": "reject", "left": "a", "right": "a"}, 422),
        ({"kind": "reject", "left": "a", "right": "gone"}, 404),
        ({"kind": "reject", "left": "a"}, 422),
        ({"kind": "split", "cluster": 1, "out": []}, 422),
        ({"kind": "split", "cluster": 1, "out": ["a", "b"]}, 422),
        ({"kind": "split", "cluster": 1, "out": ["c"]}, 422),
        ({"kind": "merge", "clusters": [1]}, 422),
        ({"kind": "merge", "clusters": [1, 1]}, 422),
        ({"kind": "merge", "clusters": [1, 99]}, 404),
    ],
)
def test_decisions_that_are_refused_leave_nothing(filled, catalog, check_problem, sent, status):
    check_problem(filled.post("/v1/decisions", json=sent), status)
    assert catalog.made == []


def test_a_contradiction_is_told(filled, check_problem):
    filled.post("/v1/decisions", json={"kind": "reject", "left": "a", "right": "b"})
    body = check_problem(filled.post("/v1/decisions", json={"kind": "accept", "cluster": 1}), 409)
    assert body["detail"] == "Decision 1 says they are different: take it back first."


def test_undoing_what_is_not_there_or_undone(filled, check_problem):
    check_problem(filled.post("/v1/decisions/1/undo"), 404)
    filled.post("/v1/decisions", json=DECISIONS[0])
    assert filled.post("/v1/decisions/1/undo", json={}).status_code == 201
    check_problem(filled.post("/v1/decisions/1/undo"), 409)
    check_problem(filled.post("/v1/decisions/x/undo"), 422)


def test_statistics(filled):
    filled.post("/v1/decisions", json=DECISIONS[0])
    assert filled.get("/v1/statistics").json() == {
        "listings": 3,
        "clusters": 1,
        "sizes": {"1": 1, "2": 1},
        "scores": [{"from": 0.75, "count": 1}],
        "decisions": {"accept": 1},
        "precision": {"value": 1.0, "low": 0.2, "high": 1.0},
        "revision": 1,
    }


def test_statistics_of_nothing(client):
    assert client.get("/v1/statistics").json()["precision"] is None
    assert client.get("/v1/clusters").json() == {"clusters": []}
    assert client.post("/v1/match", json={"title": "x"}).json() == {"candidates": []}
