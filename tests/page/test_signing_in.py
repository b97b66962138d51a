"""Keys, sessions, cookies, tokens and bounds of forms."""

import re

import pytest

from matcher.page import Visitor
from matcher.page.sessions import (
    IDLE_SECONDS,
    MAX_SECONDS,
    MAX_SESSIONS,
    Sessions,
    is_cookie,
    new_cookie,
)
from matcher.page.signing import own_path
from tests.page.fake import Row, TinyCatalog
from tests.page.reading import Page

KEY = "right-key"
READ = "/", "/clusters", "/clusters/1", "/dashboard", "/pictures/a"
REVIEW = "/review", "/decisions"


@pytest.fixture
def other():
    return TinyCatalog([["secret"]], {"secret": Row("a secret title")})


@pytest.fixture
def keyed(visiting, catalog, other):
    """A service with a key for everything, one that may only read, and one of another shop."""
    both = frozenset({"read", "review"})
    keys = {
        KEY: Visitor("ana", both, "shop", catalog),
        "reader": Visitor("ben", frozenset({"read"}), "shop", catalog),
        "writer": Visitor("cy", frozenset({"write"}), "shop", catalog),
        "other": Visitor("dee", both, "other", other),
    }
    return visiting(catalog, keys)


def sign_in(client, key, next="/"):
    client.get("/sign-in")
    return client.submit("/sign-in", key=key, next=next)


@pytest.mark.parametrize("path", [*READ, *REVIEW])
def test_nothing_is_shown_before_signing_in(keyed, path):
    answer = keyed.get(path, follow_redirects=False)
    if path.startswith("/pictures"):
        assert answer.status_code == 401
    else:
        assert answer.status_code == 303
        assert answer.headers["location"].startswith("/sign-in?next=%2F")
    assert "mug" not in answer.text
    part = keyed.get(path, headers={"HX-Request": "true"}, follow_redirects=False)
    assert part.headers.get("hx-redirect", "/sign-in").startswith("/sign-in")


def test_a_right_key_leads_back_and_a_wrong_one_does_not(keyed):
    refused = sign_in(keyed, "wrong", next="/clusters/1?x=1")
    assert refused.status_code == 401
    page = Page(refused.text)
    assert page.value("next") == "/clusters/1?x=1"
    assert "wrong" not in page.text
    assert keyed.get("/clusters").url.path == "/sign-in"
    assert sign_in(keyed, f" {KEY}\n", next="/clusters/1?x=1").url.path == "/clusters/1"
    assert "ana" in keyed.get("/").text


def test_the_cookie_is_for_this_service_alone_and_new_after_signing_in(keyed):
    first = keyed.get("/sign-in").headers["set-cookie"]
    for word in ("HttpOnly", "SameSite=strict", "Path=/"):
        assert word in first
    assert "Secure" not in first
    before = dict(keyed.cookies)
    sign_in(keyed, KEY)
    after = dict(keyed.cookies)
    assert before.keys() == after.keys()
    assert before != after
    assert KEY not in str(after)


def test_the_cookie_is_secure_over_https(visiting, catalog):
    cookie = visiting(catalog, base_url="https://testserver").get("/").headers["set-cookie"]
    assert "Secure" in cookie


def test_the_cookie_is_secure_behind_a_proxy_that_ends_tls(keyed):
    keyed.get("/sign-in")
    origin = {"Origin": "https://shop.example"}
    sent = {"key": KEY, "next": "/", "token": keyed.token}
    answer = keyed.post("/sign-in", data=sent, headers=origin, follow_redirects=False)
    assert answer.status_code == 303
    assert "Secure" in answer.headers["set-cookie"]


def test_services_on_two_ports_have_cookies_of_their_own(visiting, catalog):
    names = {
        visiting(catalog, base_url=f"http://localhost:{port}")
        .get("/")
        .headers["set-cookie"]
        .partition("=")[0]
        for port in (8000, 8001)
    }
    assert names == {"matcher-8000", "matcher-8001"}


def test_a_cookie_that_somebody_planted_does_not_become_a_session(keyed):
    planted = new_cookie()
    keyed.cookies.set("matcher", planted)
    sign_in(keyed, KEY)
    assert keyed.get("/clusters").url.path == "/clusters"
    keyed.cookies.clear()
    keyed.cookies.set("matcher", planted)
    assert keyed.get("/clusters").url.path == "/sign-in"


def test_signing_out_ends_the_session_on_the_server(keyed):
    sign_in(keyed, KEY)
    held = dict(keyed.cookies)
    keyed.submit("/sign-out", next="/")
    keyed.cookies.clear()
    keyed.cookies.update(held)
    assert keyed.get("/clusters").url.path == "/sign-in"


def test_rights_are_kept(keyed):
    sign_in(keyed, "reader")
    for path in READ:
        assert keyed.get(path).status_code == 200
    for path in REVIEW:
        answer = keyed.get(path)
        assert answer.status_code == 403
        assert "no right to review" in answer.text
    page = Page(keyed.get("/clusters/1").text)
    assert not page.find("a", href="/review")
    assert "Decide about it" not in page.text
    assert keyed.submit("/review", kind="accept", cluster="1").status_code == 403
    assert keyed.submit("/undo", number="1").status_code == 403
    assert keyed.submit("/name", who="x").status_code == 403
    assert keyed.catalog.made == []


def test_a_key_without_either_right_sees_nothing(keyed):
    assert sign_in(keyed, "writer").status_code == 403
    assert keyed.get("/clusters").status_code == 403


def test_each_visitor_sees_one_catalogue(keyed):
    sign_in(keyed, "other")
    assert "secret" in keyed.get("/clusters/1").text
    assert keyed.get("/pictures/a").status_code == 404
    keyed.submit("/sign-out", next="/")
    sign_in(keyed, KEY)
    assert keyed.get("/pictures/secret").status_code == 404
    assert "secret" not in keyed.get("/clusters/1").text


def test_decisions_are_kept_under_the_name_of_the_key(keyed):
    sign_in(keyed, KEY)
    page = Page(keyed.get("/review").text)
    fields = {name: page.value(name) for name in ("cluster", "seen", "next")}
    keyed.submit("/review", kind="accept", who="mallory", **fields)
    assert [one.who for one in keyed.catalog.made] == ["ana"]


@pytest.mark.parametrize("path", ["/", "/review", "/undo", "/name", "/sign-out"])
@pytest.mark.parametrize("token", ["", "0" * 64, "ü" * 64, None])
def test_forms_without_the_token_are_refused(named, path, token):
    form = {"kind": "accept", "cluster": "1", "number": "1", "title": "mug", "next": "/"}
    answer = named.post(path, data=form if token is None else {**form, "token": token})
    assert answer.status_code == 403
    assert "out of date" in answer.text
    assert named.catalog.made == []
    assert named.service.asked == []


def test_the_token_of_another_browser_is_refused(visiting, catalog, named):
    stranger = visiting(catalog)
    stranger.get("/")
    assert named.post("/sign-out", data={"token": stranger.token}).status_code == 403


def test_forms_of_other_sites_are_refused_token_or_not(named):
    for site in ("cross-site", "same-site"):
        answer = named.submit("/sign-out", headers={"Sec-Fetch-Site": site})
        assert answer.status_code == 403
    assert named.submit("/sign-out", headers={"Sec-Fetch-Site": "same-origin"}).status_code == 200


def test_without_keys_only_this_machine_is_answered(visiting, catalog):
    rebound = visiting(catalog, base_url="http://evil.example")
    assert rebound.get("/clusters").status_code == 403
    assert "mug" not in rebound.get("/clusters/1").text


@pytest.mark.parametrize(
    ("asked", "path"),
    [
        ("/review?cluster=1", "/review?cluster=1"),
        ("//evil.example", "/"),
        ("/\\evil.example", "/"),
        ("https://evil.example", "/"),
        ("/\tevil", "/"),
        ("", "/"),
    ],
)
def test_one_goes_on_only_within_the_service(asked, path):
    assert own_path(asked) == path


def test_forms_are_bounded(visiting, catalog):
    client = visiting(catalog, max_body_bytes=10_000)
    client.get("/")
    large = "x" * 20_000
    assert client.submit("/", title=large).status_code == 413
    stream = (b"token=" for _ in range(3000))
    headers = {"content-type": "application/x-www-form-urlencoded"}
    assert client.post("/", content=stream, headers=headers).status_code == 413
    many = "&".join("a=1" for _ in range(2000))
    assert client.post("/", content=many, headers=headers).status_code == 400
    assert client.post("/", content=b"\xff\xfe", headers=headers).status_code == 400
    assert client.post("/", content=b"{}", headers={"content-type": "text/x"}).status_code == 415
    parts = {"content-type": "multipart/form-data"}
    assert client.post("/", content=b"--x", headers=parts).status_code == 400


def test_sessions_end_when_unused_when_old_and_when_there_are_too_many():
    now = [0.0]
    sessions = Sessions(lambda: now[0])
    sessions.begin("a", None, "Ana")
    now[0] = IDLE_SECONDS
    assert sessions.find("a").who == "Ana"
    now[0] = 2 * IDLE_SECONDS
    assert sessions.find("a") is not None
    now[0] = 3 * IDLE_SECONDS + 1
    assert sessions.find("a") is None
    sessions.begin("b", None, "Ben")
    began = now[0]
    while now[0] <= began + MAX_SECONDS - IDLE_SECONDS:
        now[0] += IDLE_SECONDS
        assert sessions.find("b") is not None
    now[0] = began + MAX_SECONDS + 1
    assert sessions.find("b") is None
    for i in range(MAX_SESSIONS + 1):
        sessions.begin(str(i), None, "x")
    assert sessions.find("0") is None
    assert sessions.find("1") is not None


def test_tokens_belong_to_a_cookie_and_a_service():
    one, two = Sessions(), Sessions()
    assert one.is_token("a", one.token("a"))
    assert not one.is_token("b", one.token("a"))
    assert not two.is_token("a", one.token("a"))
    assert is_cookie(new_cookie())
    assert not any(is_cookie(text) for text in ("", "a" * 42, "a" * 44, "ü" * 43, "a" * 42 + "\n"))


def test_every_form_of_every_page_carries_the_token(named):
    named.catalog.accept(1, "Ana")
    for path in ("/", "/review", "/review?cluster=1&find=mug", "/decisions?done=1", "/dashboard"):
        source = named.get(path).text
        for form in re.findall(r'<form[^>]*method="post".*?</form>', source, re.DOTALL):
            assert form.count('name="token"') == 1, form
