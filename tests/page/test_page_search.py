"""Search by photo and title, without scripts and with them."""

import pytest

from matcher.page.search import finite_scores
from tests.page.reading import Page, is_own

PHOTO = "photo.png"


def search(client, content=None, headers=None, **fields):
    client.get("/")
    files = {"photo": (PHOTO, content)} if content is not None else None
    return client.submit("/", files=files, headers=headers, **fields)


def test_by_title(named):
    answer = search(named, title="red mug 300 ml")
    page = Page(answer.text)
    assert answer.status_code == 200
    assert page.find("h2")[0][1] == "1 match"
    first = page.find("li", **{"class": "card result match"})[0][1]
    for part in ("match", "98 % likely the same", "red mug 300 ml", "words in common", "Score1.00"):
        assert part.replace(" ", "") in first.replace(" ", "")
    assert page.find("a", href="/clusters/1")
    assert page.value("title") == "red mug 300 ml"
    asked = named.service.asked[-1]
    assert (asked.title, asked.photo, asked.box) == ("red mug 300 ml", None, None)


def test_by_the_address(named):
    assert Page(named.get("/?title=green%20hat").text).find("h2")[0][1] == "1 match"


def test_by_photo_and_a_part_of_it(named, png):
    answer = search(named, png, title="", x="10", y="20", width="30.5", height="40")
    asked = named.service.asked[-1]
    assert (asked.photo, asked.box) == (png, (10, 20, 30.5, 40))
    page = Page(answer.text)
    (shown,) = page.find("img", alt="What you searched for")
    assert shown[0]["src"].startswith("data:image/webp")
    assert all(is_own(address) for address in page.addresses)
    assert "by the part of the photo" in page.text


def test_a_box_without_a_photo_is_left_from_before(named):
    search(named, title="mug", x="1", y="2", width="3", height="4")
    assert named.service.asked[-1].box is None


@pytest.mark.parametrize(
    "box",
    [
        ("1", "2", "3", ""),
        ("1", "2", "0", "4"),
        ("-1", "2", "3", "4"),
        ("x", "2", "3", "4"),
        ("nan", "2", "3", "4"),
        ("1e9", "2", "3", "4"),
    ],
)
def test_boxes_that_are_no_part_are_refused(named, png, box):
    fields = dict(zip(("x", "y", "width", "height"), box, strict=True))
    answer = search(named, png, **fields)
    assert answer.status_code == 422
    assert "leave all four empty" in answer.text
    assert named.service.asked == []


def test_a_search_for_nothing_is_refused(named):
    for title in ("", "  ", "\0"):
        assert search(named, title=title).status_code == 422
    assert search(named, title="x" * 10_001).status_code == 422
    assert named.service.asked == []


def test_a_photo_that_cannot_be_read_is_told(named):
    answer = search(named, b"no picture")
    assert answer.status_code == 422
    assert "cannot be read" in answer.text


def test_scripts_get_the_results_alone(named):
    answer = search(named, title="red mug", headers={"HX-Request": "true"})
    page = Page(answer.text)
    assert page.elements[0][0] == "section"
    assert not page.find("html")


def test_scores_that_are_no_numbers_are_left_out(named):
    assert finite_scores({"a": 0.5, "b": float("nan"), "c": float("inf")}) == {"a": 0.5}
    page = Page(search(named, title="red mug").text)
    names = {text for _, text in page.find("dt")}
    assert names == {"Score", "tfidf", "image"}


def test_the_form_needs_no_script(named):
    (form, _), *_ = Page(named.get("/").text).find("form", id="ask")
    assert (form["method"], form["action"]) == ("post", "/")
    assert form["enctype"] == "multipart/form-data"
