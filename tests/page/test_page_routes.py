"""Every page: it comes, keeps to the policy, escapes what it shows, and asks nobody else."""

import re
from pathlib import Path

import pytest
from fastapi.testclient import TestClient
from starlette.requests import Request

from matcher.errors import StoreError
from matcher.page import render_error
from matcher.page.rendering import STATIC, picture_path, version_of
from tests.page.fake import Row, TinyCatalog
from tests.page.reading import Page, is_own, styled_inline

PAGES = ("/", "/?title=red+mug", "/review", "/clusters", "/clusters/1", "/dashboard", "/decisions")
HOSTILE = '<script>alert("1")</script> \u202egnip\u202c\u0007 \u2066mug'
FOREIGN = ("http://", "https://", "//")


@pytest.fixture(params=["full", "empty", "one"])
def shown(request, visiting, catalog):
    """Browsers whose user is named, at catalogues of many listings, of none and of one."""
    made = {
        "full": catalog,
        "empty": TinyCatalog(),
        "one": TinyCatalog([["only"]], {"only": Row("")}),
    }[request.param]
    client = visiting(made)
    client.get("/review")
    client.submit("/name", who="Ana", next="/")
    return client


@pytest.mark.parametrize("path", PAGES)
def test_every_page_comes_and_keeps_to_the_policy(shown, path):
    answer = shown.get(path)
    there = path != "/clusters/1" or shown.catalog.rows
    assert answer.status_code == (200 if there else 404)
    page = Page(answer.text)
    assert page.find("title")
    assert len(page.find("h1")) == 1
    assert page.find("html", lang="en")
    assert styled_inline(page) == []
    assert all(is_own(address) for address in page.addresses), page.addresses
    policy = answer.headers["content-security-policy"]
    assert "default-src 'none'" in policy
    assert "unsafe" not in policy
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert answer.headers["cache-control"] == "no-store"
    assert shown.service.explained == []


@pytest.mark.parametrize("path", PAGES)
def test_ids_on_a_page_are_unique_and_what_labels_name_is_there(named, path):
    page = Page(named.get(path).text)
    ids = [has["id"] for _, has, _ in page.elements if "id" in has]
    assert len(set(ids)) == len(ids)
    for _, has, _ in page.elements:
        for key in ("for", "aria-labelledby", "aria-describedby"):
            assert key not in has or has[key] in ids


def test_titles_are_escaped_isolated_and_without_controls(visiting):
    long = "x" * 300
    rows = {"<b>&": Row(HOSTILE, "/gone.jpg"), "2": Row(f"{HOSTILE} {long}")}
    client = visiting(TinyCatalog([["<b>&", "2"]], rows))
    client.get("/review")
    client.submit("/name", who=HOSTILE, next="/")
    client.get("/review")
    done = decide(client, kind="accept")
    assert "product" in done.text
    for path in (*PAGES, "/?title=" + "%3Cscript%3E"):
        source = client.get(path).text
        assert not re.search("[\u202e\u202c\u2066\u0007]", source)
        page = Page(source)
        assert all("src" in has for name, has, _ in page.elements if name == "script")
        assert not page.find("b")
        for has, text in page.find("span", **{"class": "title"}):
            assert "alert" in text
            assert has == {"class": "title"}
    assert "x" * 200 in Page(client.get("/clusters/1").text).text


def decide(client, **fields):
    page = Page(client.get("/review").text)
    return client.submit(
        "/review", cluster=page.value("cluster"), seen=page.value("seen"), **fields
    )


def test_a_title_is_isolated_in_bdi(named):
    source = named.get("/clusters/1").text
    assert source.count('<span class="title"><bdi>') == 3


def test_every_static_file_is_there_and_lasts_only_under_its_version(client):
    for name, media in STATIC.items():
        answer = client.get(f"/static/{name}")
        assert (answer.status_code, answer.headers["content-type"]) == (200, media)
        assert answer.headers["cache-control"] == "no-cache"
        lasting = client.get(f"/static/{name}?v={version_of(answer.content)}")
        assert "immutable" in lasting.headers["cache-control"]
    for name in ("nothing.css", "..%2Fguard.py", "%2e%2e/guard.py"):
        assert client.get(f"/static/{name}").status_code == 404


def test_the_vendored_script_comes_with_its_licence_and_version(root):
    folder = Path(root) / "matcher" / "page" / "static"
    assert {path.name for path in folder.iterdir()} == set(STATIC)
    assert "Zero-Clause BSD" in (folder / "htmx-LICENSE.txt").read_text("utf-8")
    (script,) = folder.glob("htmx-*.min.js")
    version = re.fullmatch(r"htmx-(.*)\.min\.js", script.name).group(1)
    assert f'version:"{version}"' in script.read_text("utf-8")


def test_no_file_of_ours_names_another_host(root):
    folder = Path(root) / "matcher" / "page"
    for path in [*folder.glob("static/*"), *folder.glob("templates/*")]:
        if path.name.startswith("htmx-"):
            continue
        text = path.read_text("utf-8").replace("http://www.w3.org/2000/svg", "")
        assert not any(start in re.sub(r"(?m)^\s*//.*| // .*", "", text) for start in FOREIGN), path


def test_errors_are_pages_with_the_id_of_the_request(named):
    for path, status in (("/clusters/99", 404), ("/clusters/x", 404), ("/clusters?go=x", 422)):
        answer = named.get(path)
        page = Page(answer.text)
        assert answer.status_code == status
        assert re.fullmatch("[0-9a-f]{16}", page.find("code")[0][1])
        assert "default-src 'none'" in answer.headers["content-security-policy"]


def test_what_the_catalogue_cannot_do_is_told_as_the_service_words_it(named):
    named.catalog.fails = StoreError("/secret/place is locked")
    answer = decide(named, kind="accept")
    assert answer.status_code == 503
    assert "cannot be used just now" in answer.text
    assert "/secret" not in answer.text
    named.catalog.fails = ZeroDivisionError("oops")
    broken = decide(named, kind="accept")
    error, request_id = named.service.explained[-1]
    assert broken.status_code == 500
    assert isinstance(error, ZeroDivisionError)
    assert Page(broken.text).find("code") == [({}, request_id)]


def test_an_ended_cluster_says_where_its_listings_are(named):
    named.catalog.merge([1, 2], "Ana")
    answer = named.get("/clusters/2")
    assert answer.status_code == 410
    assert Page(answer.text).find("a", href="/clusters/1")
    named.catalog.gone[1] = ()
    assert "were removed" in named.get("/clusters/1").text


def test_a_cluster_shows_edges_events_and_decisions(named):
    named.catalog.accept(1, "Ben")
    page = Page(named.get("/clusters/1").text)
    rows = [text for _, text in page.find("tr")]
    assert any(text.startswith("1 – 2") and "0.90" in text for text in rows)
    assert any(text.startswith("2 – 3") and "0.80" in text for text in rows)
    assert "created" in page.text
    assert "Same product by Ben" in page.text
    assert len(page.find("circle")) == 3
    assert page.find("a", href="/review?cluster=1")


def test_clusters_come_in_pages_largest_first(visiting):
    ids = [[f"{c}-{i}" for i in range(2 + (c == 30))] for c in range(1, 31)]
    rows = {id: Row(f"title {id}") for cluster in ids for id in cluster}
    client = visiting(TinyCatalog(ids, rows))
    first, second = (Page(client.get(f"/clusters?page={n}").text) for n in (1, 2))
    titles = [text for _, text in first.find("h2")]
    assert titles[:2] == ["Cluster 30", "Cluster 1"]
    assert len(titles) == 24
    assert len(second.find("h2")) == 6
    assert first.find("a", rel="next")
    assert not second.find("a", rel="next")
    assert client.get("/clusters?go=30").url.path == "/clusters/30"


def test_dashboard_shows_precision_sizes_and_scores(named):
    assert "Nothing has been reviewed yet" in named.get("/dashboard").text
    named.catalog.accept(1, "Ana")
    page = Page(named.get("/dashboard").text)
    assert "75.0 % 95 % interval 30.0 to 95.0 %" in page.text
    assert "3 edges; 100% score 0.5 or more." in page.text
    assert [text for _, text in page.find("tr")][1:4] == ["11", "21", "31"]
    assert all(has.get("aria-label") for has, _ in page.find("svg", role="img"))


@pytest.mark.parametrize(
    ("id", "path"),
    [
        ("a b/ü", "/pictures/a%20b%2F%C3%BC?size=96"),
        ("..", "/pictures?id=..&size=96"),
        (".", "/pictures?id=.&size=96"),
        ("a?b#c", "/pictures/a%3Fb%23c?size=96"),
    ],
)
def test_paths_of_pictures_hold_any_id(id, path):
    assert picture_path(id, 96) == path


def test_a_service_below_a_path_links_below_it(named):
    below = TestClient(named.app, root_path="/shop")
    page = Page(below.get("/shop/clusters").text)
    assert {a for a in page.addresses if not a.startswith(("/shop/", "#"))} == set()


def test_paths_that_are_none_of_ours_can_be_answered_with_a_page():
    request = Request({"type": "http", "method": "GET", "path": "/x", "headers": []})
    answer = render_error(request, 405, "There is no <such> path.", {"Allow": "POST"})
    page = Page(answer.body.decode())
    assert (answer.status_code, answer.headers["allow"]) == (405, "POST")
    assert "no <such> path" in page.text
    assert "default-src 'none'" in answer.headers["content-security-policy"]
    assert not page.find("nav")
