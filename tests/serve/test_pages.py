"""The pages as part of the service: its keys, its queue of questions, its refusals."""

import re

import pytest

from matcher.errors import StoreError
from matcher.io.images import HeldImage
from tests.serve.fake import FakeCatalog

HTML = {"Accept": "text/html"}


class Browser:
    """A browser without scripts: it sends the token of the page it saw last."""

    def __init__(self, client):
        self.client, self.token = client, ""

    def _seen(self, answer):
        found = re.search(r'name="token" value="(\w+)"', answer.text)
        self.token = found.group(1) if found else self.token
        return answer

    def get(self, path, **options):
        return self._seen(self.client.get(path, headers=HTML, **options))

    def submit(self, path, files=None, **fields):
        form = {"token": self.token, **fields}
        return self._seen(self.client.post(path, data=form, files=files, headers=HTML))


@pytest.fixture
def browser(filled) -> Browser:
    begun = Browser(filled)
    begun.get("/review")
    begun.submit("/name", who="Ana", next="/review")
    return begun


def hidden(text, name):
    return re.search(rf'name="{name}" value="([^"]*)"', text).group(1)


@pytest.mark.parametrize("path", ["/", "/review", "/clusters", "/clusters/1", "/dashboard"])
def test_pages_come_with_their_own_policy_and_an_id(browser, path):
    answer = browser.get(path)
    assert answer.status_code == 200
    assert "script-src 'self'" in answer.headers["content-security-policy"]
    assert answer.headers["x-request-id"]


class Recording(FakeCatalog):
    """Keeps what it was asked."""

    def query(self, listings, k=10):
        self.asked = listings
        return super().query(listings, k)


def test_a_photo_is_asked_about_in_memory(start, png):
    catalog = Recording()
    browser = Browser(start({"shop": catalog}))
    browser.get("/")
    fields = {"title": "red mug", "x": "1", "y": "2", "width": "30", "height": "20"}
    assert browser.submit("/", files={"photo": ("p.png", png)}, **fields).status_code == 200
    assert isinstance(catalog.asked.images[0], HeldImage)
    assert catalog.asked.boxes[0].tolist() == [1, 2, 30, 20]
    broken = browser.submit("/", files={"photo": ("p.png", b"nothing")})
    assert broken.status_code == 422
    assert "cannot be read" in broken.text


def test_decisions_are_the_service_s_own(browser, catalog):
    page = browser.get("/review").text
    fields = {name: hidden(page, name) for name in ("cluster", "seen")}
    assert "one product" in browser.submit("/review", kind="accept", **fields).text
    listed = browser.client.get("/v1/decisions").json()["decisions"]
    assert [(one["kind"], one["who"]) for one in listed] == [("accept", "Ana")]
    browser.submit("/undo", number="1", next="/decisions")
    assert [one.kind for one in catalog.made] == ["accept", "undo"]


def test_errors_are_pages_and_name_no_places(browser, catalog):
    page = browser.get("/review").text
    fields = {name: hidden(page, name) for name in ("cluster", "seen")}
    catalog.fails = StoreError("/secret is locked")
    answer = browser.submit("/review", kind="accept", **fields)
    assert answer.status_code == 503
    assert "/secret" not in answer.text
    catalog.fails = ZeroDivisionError()
    broken = browser.submit("/review", kind="accept", **fields)
    assert broken.status_code == 500
    assert broken.headers["x-request-id"] in broken.text


def test_paths_that_nobody_has_are_pages_to_browsers_and_problems_to_programs(client):
    page = client.get("/nothing", headers=HTML)
    assert (page.status_code, "<h1>" in page.text) == (404, True)
    assert client.get("/nothing").headers["content-type"] == "application/problem+json"
    assert client.get("/v1/nothing", headers=HTML).headers["content-type"].endswith("+json")


def test_without_keys_other_hosts_and_sites_are_refused_but_links_are_followed(client):
    assert client.get("/clusters", headers={"Host": "evil.example"}).status_code == 403
    site = {"Sec-Fetch-Site": "cross-site"}
    assert client.get("/clusters", headers=site).status_code == 403
    link = {**site, "Sec-Fetch-Mode": "navigate"}
    assert client.get("/clusters", headers=link).status_code == 200
    rebound = {"Host": "evil.example", "Sec-Fetch-Mode": "navigate"}
    assert client.get("/clusters", headers=rebound).status_code == 403


def test_keys_open_their_own_catalogue_with_their_own_rights(tenants):
    client, keys = tenants
    listing = {"listings": [{"id": "a", "title": "red mug"}, {"id": "b", "title": "red mug new"}]}
    assert client.post("/v1/listings", json=listing, headers=keys["one", "all"]).is_success
    browser = Browser(client)

    def enter(shop, right):
        client.cookies.clear()
        browser.get("/sign-in")
        key = keys[shop, right]["Authorization"].removeprefix("Bearer ")
        return browser.submit("/sign-in", key=key, next="/clusters")

    assert "red mug" in enter("one", "read").text
    assert browser.get("/review").status_code == 403
    assert "red mug" not in enter("two", "all").text
    assert client.get("/pictures/a").status_code == 404
    assert enter("one", "none").status_code == 403
    assert browser.submit("/sign-in", key="wrong", next="/").status_code == 401
    # A session is of no use to programs, and a key of no use to pages.
    enter("one", "all")
    assert client.get("/v1/clusters").status_code == 401
    client.cookies.clear()
    refused = client.get("/clusters", headers=keys["one", "all"], follow_redirects=False)
    assert refused.status_code == 303


def test_a_form_that_is_too_large_is_refused(start):
    browser = Browser(start({"shop": FakeCatalog()}, max_body_mb=0.01))
    browser.get("/")
    assert browser.submit("/", title="x" * 20_000).status_code == 413
