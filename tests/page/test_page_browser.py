"""The pages in a browser: accessible, quiet, and quick under the keyboard."""

from __future__ import annotations

import shutil
import socket
import threading
import time
from contextlib import contextmanager
from pathlib import Path

import pytest

pytest.importorskip("playwright.sync_api")
pytest.importorskip("uvicorn")

import uvicorn
from fastapi import FastAPI
from playwright import sync_api as playwright

from matcher.page import Visitor, page_router
from tests.page.fake import FakeService, Row, TinyCatalog

CHROMIUM = shutil.which("chromium") or shutil.which("chromium-browser")
pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(CHROMIUM is None, reason="chromium is not installed"),
]
PAGES = ("/", "/?title=red+mug", "/review", "/review?cluster=1&find=red+mug", "/clusters")
PAGES += ("/clusters/1", "/clusters/98", "/clusters/99", "/dashboard", "/decisions")


@pytest.fixture(scope="module")
def browser():
    with playwright.sync_playwright() as started:
        launched = started.chromium.launch(
            executable_path=CHROMIUM, args=["--no-sandbox", "--disable-gpu"]
        )
        yield launched
        launched.close()


@contextmanager
def serving(service):
    """Serve pages on a free port; gives the address."""
    app = FastAPI(openapi_url=None)
    app.include_router(page_router(service))
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        server = uvicorn.Server(uvicorn.Config(app, log_level="error", ws="none", lifespan="off"))
        thread = threading.Thread(target=server.run, kwargs={"sockets": [taken]})
        thread.start()
        while not server.started:
            time.sleep(0.01)
        yield f"http://127.0.0.1:{taken.getsockname()[1]}"
        server.should_exit = True
        thread.join()


@pytest.fixture
def site(catalog):
    """Address of a service with twelve more clusters, and the service."""
    picture = catalog.rows["a"].image
    for i in range(12):
        ids = [f"{i}-left", f"{i}-right"]
        catalog.rows |= {id: Row(f"kettle {i} {id} \u202e<b>", picture) for id in ids}
        catalog.clusters_now[next(catalog.numbers)] = ids
    catalog.gone[98] = (1, 2)
    service = FakeService(catalog)
    with serving(service) as address:
        yield address, service


@pytest.fixture
def open_page(browser, site):
    """Opens pages; what the console says, and requests to other hosts, end up in ``noise``."""
    contexts, noise = [], []

    def begin(**options):
        address, _ = site
        context = browser.new_context(base_url=address, **options)
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda said: noise.append(said.text))
        page.on("pageerror", lambda error: noise.append(str(error)))
        own = ("http://127.0.0.1:", "data:", "blob:")
        page.on("request", lambda sent: sent.url.startswith(own) or noise.append(sent.url))
        return page

    yield begin
    for context in contexts:
        context.close()
    # Browsers themselves write of answers that are errors.
    assert [line for line in noise if "responded with a status of" not in line] == []


def begin_review(page):
    page.goto("/review")
    page.fill("#who", "Ana")
    page.click("text=Go on")
    page.wait_for_selector("#decide")


def press(page, key):
    """Press a key that brings another part of the page, and wait for it to settle."""
    with page.expect_response(lambda got: "/review" in got.url and got.status == 200):
        page.keyboard.press(key)
    busy = page.locator(".htmx-request, .htmx-settling, .htmx-swapping, .htmx-added")
    playwright.expect(busy).to_have_count(0)


def kinds(site):
    return [one.kind for one in site[1].catalog.made]


def faults_of(page, name) -> dict:
    """What axe finds; the page must not be wider than the window either."""
    axe = Path(pytest.importorskip("axe_playwright_python").__file__).parent / "axe.min.js"
    page.evaluate(axe.read_text("utf-8"))
    assert page.evaluate("document.documentElement.scrollWidth <= innerWidth"), name
    violations = page.evaluate("axe.run()")["violations"]
    return {(name, one["id"]): [node["target"] for node in one["nodes"]] for one in violations}


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1280, 390])
def test_every_page_is_accessible(open_page, site, scheme, width):
    page = open_page(color_scheme=scheme, viewport={"width": width, "height": 900})
    page.goto("/review")
    found = {}

    def check(name):
        found.update(faults_of(page, name))

    check("who")
    begin_review(page)
    press(page, "a")
    check("told")
    for path in PAGES:
        page.goto(path)
        for details in page.locator("details").all():
            details.evaluate("one => one.open = true")
        check(path)
    assert found == {}


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_signing_in_to_an_empty_catalogue_is_accessible(open_page, scheme):
    visitor = Visitor("ana", frozenset({"read", "review"}), "shop", TinyCatalog())
    page = open_page(color_scheme=scheme, viewport={"width": 390, "height": 800})
    with serving(FakeService(visitor.catalog, {"key": visitor})) as address:
        page.goto(f"{address}/review")
        found = faults_of(page, "sign in")
        page.fill("#key", "wrong")
        page.click("main button")
        found |= faults_of(page, "wrong key")
        page.fill("#key", "key")
        page.click("main button")
        assert page.url == f"{address}/review"
        for path in ("/review", "/", "/clusters", "/dashboard", "/decisions"):
            page.goto(f"{address}{path}")
            found |= faults_of(page, path)
    assert found == {}


def test_the_keyboard_decides(open_page, site):
    page = open_page()
    begin_review(page)
    first = page.inner_text("#item-title")
    press(page, "a")
    assert kinds(site) == ["accept"]
    assert "one product" in page.inner_text("#told")
    assert page.evaluate("document.activeElement.id") == "item-title"
    assert page.inner_text("#item-title") != first
    press(page, "u")
    assert kinds(site) == ["accept", "undo"]
    assert page.inner_text("#item-title") == first
    press(page, "j")
    second = page.inner_text("#item-title")
    press(page, "ArrowLeft")
    assert page.inner_text("#item-title") == first
    press(page, "ArrowRight")
    press(page, "k")
    assert page.inner_text("#item-title") == first
    press(page, "s")
    press(page, "d")
    assert kinds(site) == ["accept", "undo", "split", "reject"]
    assert second != first
    page.keyboard.press("m")
    assert page.evaluate("document.activeElement.id") == "find"
    page.keyboard.type("green hat sad")  # letters are text here
    page.keyboard.press("Enter")
    page.click("#found button >> nth=0")
    playwright.expect(page.locator("#told")).to_contain_text("put together")
    assert kinds(site)[-1] == "merge"
    assert {one.who for one in site[1].catalog.made} == {"Ana"}


def test_single_keys_can_be_turned_off_and_modifiers_are_left_alone(open_page, site):
    page = open_page()
    begin_review(page)
    for key in ("Control+s", "Alt+a", "Meta+u"):
        page.keyboard.press(key)
    page.click("summary >> text=Keyboard")
    page.uncheck("#keys-on")
    page.keyboard.press("a")
    page.reload()
    page.keyboard.press("a")
    page.wait_for_timeout(200)
    assert kinds(site) == []
    assert not page.is_checked("#keys-on")


def test_deselected_listings_are_named_and_split_off(open_page, site):
    page = open_page()
    begin_review(page)
    page.goto("/review?cluster=1")
    page.uncheck("#decide input[name=keep][value='1']")
    assert page.inner_text("[data-split]") == "Split off 1"
    press(page, "s")
    assert site[1].catalog.clusters_now[1] == ["b", "c"]


def test_back_and_forth_show_whole_pages(open_page):
    page = open_page()
    begin_review(page)
    first = page.inner_text("#item-title")
    press(page, "j")
    page.go_back()
    playwright.expect(page.locator("#item-title")).to_have_text(first)
    assert page.locator("header.bar").count() == 1


def test_what_cannot_be_done_is_told_in_place(open_page, site):
    page = open_page()
    begin_review(page)
    site[1].catalog.fails = ValueError("broken")
    page.keyboard.press("a")
    page.wait_for_selector("#told .wrong")
    assert "bug" in page.inner_text("#told")
    assert page.locator("#decide").count() == 1
    site[1].catalog.fails = None
    press(page, "a")
    assert kinds(site) == ["accept"]


def test_a_photo_is_dropped_and_a_part_of_it_dragged(open_page, site, tmp_path, png):
    page = open_page(viewport={"width": 1280, "height": 1000})
    page.goto("/")
    script = """bytes => {
      const held = new DataTransfer();
      held.items.add(new File([new Uint8Array(bytes)], "p.png", {type: "image/png"}));
      for (const name of ["dragover", "drop"])
        document.body.dispatchEvent(new DragEvent(name, {dataTransfer: held, bubbles: true}));
    }"""
    page.evaluate(script, list(png))
    page.wait_for_selector("#crop:not([hidden])")
    seen = page.locator("#selection").bounding_box()
    corner = [seen["x"] + seen["width"] / 4, seen["y"] + seen["height"] / 4]
    page.mouse.move(*corner)
    page.mouse.down()
    page.mouse.move(corner[0] + seen["width"] / 2, corner[1] + seen["height"] / 2, steps=3)
    page.mouse.up()
    page.click("text=Search >> visible=true >> nth=-1")
    page.wait_for_selector(".results")
    asked = site[1].asked[-1]
    assert asked.photo == png
    # The photo is 640 by 480; a pixel of the screen is some two of its own.
    assert asked.box == pytest.approx((160, 120, 320, 240), abs=6)
    assert page.locator(".results-head img").get_attribute("src").startswith("data:image/webp")
    for name, value in zip(("x", "y", "width", "height"), (1, 2, 3, 4), strict=True):
        page.fill(f"#box-{name}", str(value))
    assert page.locator("#selection .box").get_attribute("width") == "3"
    page.click("#whole")
    assert page.input_value("#box-x") == ""


def test_everything_essential_works_without_scripts(open_page, site, tmp_path, png):
    page = open_page(java_script_enabled=False)
    page.goto("/review")
    page.fill("#who", "Ana")
    page.click("text=Go on")
    page.click("button >> text=Same product")
    page.click("button >> text=Undo")
    assert kinds(site) == ["accept", "undo"]
    (tmp_path / "photo.png").write_bytes(png)
    page.goto("/")
    page.set_input_files("#photo", tmp_path / "photo.png")
    page.fill("#title", "green hat")
    page.click("#ask button.primary")
    assert page.locator(".result.match").count() == 1
    assert site[1].asked[-1].photo == png
