"""Keys: their file, and what each opens, over every route that there is."""

import hmac
import json
from collections.abc import Iterator

import pytest
import yaml
from fastapi.routing import APIRoute

from matcher.errors import ConfigError
from matcher.serve import keys as module
from matcher.serve.app import make_app
from matcher.serve.gate import PREFIX
from matcher.serve.keys import RIGHTS, Key, Keys, key_lines, make_key, read_keys
from matcher.serve.rights import RightRoute
from tests.serve.fake import FakeCatalog


def flat(routes) -> Iterator:
    """Routes, those of routers that were included among them."""
    for route in routes:
        inner = getattr(route, "original_router", None)
        yield from flat(inner.routes) if inner is not None else [route]


APP = make_app({"/nowhere": FakeCatalog()}, Keys(place="/nowhere"), references={})
ROUTES = [route for route in flat(APP.routes) if isinstance(route, APIRoute)]
GATED = [
    pytest.param(route, method, id=f"{method} {route.path}")
    for route in ROUTES
    for method in sorted(route.methods)
    if route.path.startswith(PREFIX)
]
# What each route needs in its path and body to do something for a shop that has listings a and b
# in cluster 1, and decision 1.
FILL = {"{id:path}": "a", "{cluster}": "1", "{number}": "1"}
BODIES = {
    "/v1/match": {"title": "red mug"},
    "/v1/listings": {"listings": [{"id": "new", "title": "green hat"}]},
    "/v1/decisions": {"kind": "reject", "left": "a", "right": "b"},
}


def send(client, route, method, headers):
    path = route.path
    for name, value in FILL.items():
        path = path.replace(name, value)
    body = BODIES.get(route.path) if method == "POST" else None
    return client.request(method, path, json=body, headers=headers)


@pytest.fixture
def shops(tenants, png):
    """Both services' shops, the first with listings, the second empty."""
    import base64

    client, keys = tenants
    image = base64.b64encode(png).decode()
    listings = [{"id": id, "title": "red mug", "image": image} for id in "ab"]
    key = keys["one", "all"]
    added = client.post("/v1/listings", json={"listings": listings}, headers=key)
    decided = client.post("/v1/decisions", json={"kind": "accept", "cluster": 1}, headers=key)
    assert (added.status_code, decided.status_code) == (200, 201)
    return client, keys


def test_there_are_routes_and_all_of_them_ask_for_a_right():
    assert len(GATED) >= 12
    for param in GATED:
        assert isinstance(param.values[0], RightRoute)
        assert param.values[0].needs in RIGHTS


def test_what_asks_for_no_key_is_known():
    # Pages ask for a key in a form of their own; see test_pages.py.
    mine = [r for r in flat(APP.routes) if not r.endpoint.__module__.startswith("matcher.page")]
    paths = {route.path for route in mine if not route.path.startswith(PREFIX)}
    assert paths == {"/healthz", "/readyz", "/metrics", "/openapi.json"}


@pytest.mark.parametrize(("route", "method"), GATED)
def test_the_right_key_opens(shops, route, method):
    client, keys = shops
    assert send(client, route, method, keys["one", route.needs]).status_code in (200, 201)


@pytest.mark.parametrize(("route", "method"), GATED)
def test_keys_without_the_right_do_not_open(shops, check_problem, route, method):
    client, keys = shops
    for right in {*RIGHTS, "none"} - {route.needs}:
        check_problem(send(client, route, method, keys["one", right]), 403)


@pytest.mark.parametrize(("route", "method"), GATED)
def test_a_missing_and_a_wrong_key_get_the_same_answer(shops, check_problem, route, method):
    client, keys = shops
    right = keys["one", "all"]["Authorization"].removeprefix("Bearer ")
    shown = [None, "", "Bearer", "Bearer ", "Bearer x", f"Basic {right}", right]
    shown += [
        f"Bearer {right[:-1]}",
        f"Bearer {right}x",
        f"Bearer {right.swapcase()}",
        "Bearer \xff",
    ]
    bodies = set()
    for value in shown:
        headers = {} if value is None else {"Authorization": value.encode("latin-1")}
        answer = send(client, route, method, {**headers, "X-Request-ID": "same"})
        bodies.add(json.dumps(check_problem(answer, 401)))
        assert answer.headers["www-authenticate"] == "Bearer"
    assert len(bodies) == 1


@pytest.mark.parametrize(("route", "method"), GATED)
def test_of_another_shop_nothing_is_seen(shops, route, method):
    """What the other shop has is answered exactly as what nobody has."""
    client, keys = shops
    same = {**keys["two", "all"], "X-Request-ID": "same"}
    other = send(client, route, method, same)
    if "{" in route.path:
        assert other.status_code == 404
        absent = send_absent(client, route, method, same)
        assert (other.text, other.status_code) == (absent.text, absent.status_code)
    assert "red mug" not in other.text
    mine = client.get("/v1/statistics", headers=keys["one", "read"]).json()
    assert mine["listings"] == 2
    assert client.get("/v1/decisions", headers=keys["one", "review"]).json()["total"] == 1


def send_absent(client, route, method, headers):
    path = route.path
    for name, value in {"{id:path}": "zz", "{cluster}": "77", "{number}": "77"}.items():
        path = path.replace(name, value)
    return client.request(method, path, headers=headers)


def test_a_decision_that_names_another_shop_s_listings(shops, check_problem):
    client, keys = shops
    for sent in (
        {"kind": "reject", "left": "a", "right": "b"},
        {"kind": "accept", "cluster": 1},
        {"kind": "split", "cluster": 1, "out": ["a"]},
        {"kind": "merge", "clusters": [1, 2]},
    ):
        answer = client.post("/v1/decisions", json=sent, headers=keys["two", "all"])
        check_problem(answer, 404)


def test_unknown_paths_below_the_interface_ask_for_a_key_first(tenants, check_problem):
    client, keys = tenants
    for path in ("/v1", "/v1/", "/v1/nothing"):
        check_problem(client.get(path), 401)
        check_problem(client.get(path, headers=keys["one", "all"]), 404)
    check_problem(client.get("/v1nothing"), 404)


def test_all_keys_are_compared_whichever_it_is(monkeypatch):
    compared = []

    def compare(a, b):
        compared.append(a)
        return hmac.compare_digest(a, b)

    monkeypatch.setattr(
        module, "hmac", type("Module", (), {"compare_digest": staticmethod(compare)})
    )
    made = [make_key() for _ in range(5)]
    keys = Keys([Key(str(i), bytes.fromhex(d), "p", frozenset()) for i, (_, d) in enumerate(made)])
    for i, (text, _) in enumerate(made):
        compared.clear()
        assert keys.find(text).name == str(i)
        assert len(compared) == 5
    compared.clear()
    assert keys.find("none of them") is None
    assert len(compared) == 5
    assert keys.find("\ud800") is None


# The file of keys


def write(folder, *entries):
    path = folder / "keys.yaml"
    path.write_text(yaml.safe_dump({"keys": list(entries)}), encoding="utf-8")
    return path


def entry(name="ana", **more):
    return {"name": name, "sha256": make_key()[1], **more}


def test_a_made_key_is_found_by_its_file(tmp_path):
    text, digest = make_key()
    lines = key_lines("ana", digest, "shop", ["read", "review"])
    path = tmp_path / "keys.yaml"
    path.write_text("keys:\n" + lines, encoding="utf-8")
    keys = read_keys(path)
    found = keys.find(text)
    assert (found.name, found.rights) == ("ana", {"read", "review"})
    assert found.place == str(tmp_path / "shop")
    assert keys.open is None
    assert text not in path.read_text()
    assert len(text) >= 43


def test_catalogues_are_named_from_the_file_on_or_by_address(tmp_path):
    path = write(
        tmp_path,
        entry("a", catalog="shop"),
        entry("b", catalog=str(tmp_path / "x" / ".." / "shop")),
        entry("c", catalog="postgresql://host/db?schema=toys"),
        entry("d"),
    )
    keys = read_keys(path, str(tmp_path / "default"))
    places = (str(tmp_path / "shop"), "postgresql://host/db?schema=toys", str(tmp_path / "default"))
    assert keys.places == places


@pytest.mark.parametrize(
    ("entries", "told"),
    [
        ([], "keys"),
        ([entry(catalog="s", right=["read"])], "Did you mean 'rights'"),
        ([entry(catalog="s", rights=["delete"])], "rights"),
        ([{**entry(catalog="s"), "sha256": "secret"}], "sha256"),
        ([entry("a b", catalog="s")], "name"),
        ([entry(catalog="s"), entry(catalog="s")], "'ana' is given to two keys"),
        (
            [entry("a", catalog="s", sha256="0" * 64), entry("b", catalog="s", sha256="0" * 64)],
            "two",
        ),
        ([entry()], "opens no catalogue"),
        ([entry(catalog="")], "catalog"),
        ([entry(catalog="s", rate=0)], "rate"),
    ],
)
def test_files_of_keys_that_are_refused(tmp_path, entries, told):
    path = write(tmp_path, *entries)
    with pytest.raises(ConfigError, match=told) as caught:
        read_keys(path)
    assert "keys.yaml" in str(caught.value)
    assert "secret" not in str(caught.value)


@pytest.mark.parametrize(
    "content", [b"", b"keys: [", b"[]", b"\xff", b"keys: !!python/object:os.system x"]
)
def test_what_is_no_file_of_keys(tmp_path, content):
    path = tmp_path / "keys.yaml"
    path.write_bytes(content)
    with pytest.raises(ConfigError, match=r"keys\.yaml"):
        read_keys(path)
    with pytest.raises(ConfigError, match="absent"):
        read_keys(tmp_path / "absent")
