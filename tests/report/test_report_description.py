import re

import numpy as np
import pytest

from matcher.description.titles import Term
from matcher.jobs.describe import describe
from matcher.report.description import render_description
from matcher.report.description_charts import CLOUD_WORDS, LARGEST, chart_sizes, make_cloud

FORBIDDEN = {"script", "iframe", "object", "embed", "link", "base", "form", "image", "img"}
HOSTILE = {
    "script": "<script>alert(1)</script>",
    "attribute": '" onload="alert(1)" x="',
    "end": "</style></title></main><img src=http://evil.example/x onerror=alert(1)>",
    "formula": "=cmd|' /C calc'!A0",
    "template": "{{ 7 * 7 }}{% raw %}",
    "override": "\u202egnp.exe\u2066\u2069\u200f",
    "controls": "a\x00b\x07c\x1b[2J\ud800d",
    "endless": "<" * 10_000,
    "long word": "w" * 10_000,
    "megabyte": "soap " * 200_000,
    "accents": "e" + "\u0301" * 5_000,
    "right to left": "שלום مرحبا",
}


def render(listings):
    return render_description(describe(listings), listings)


@pytest.fixture(scope="module")
def hostile(build):
    texts = list(HOSTILE.values())
    n = len(texts)
    return build.listings(
        2 * n,
        titles=texts * 2,
        ids=tuple(f"{text[:100]}{i}" for i, text in enumerate(texts * 2)),
        groups=[*range(n), *range(1, n), 0],
        problems=dict(enumerate(texts)),
    )


def test_hostile_text_is_shown_and_does_nothing(hostile, parse):
    source = render(hostile)
    page = parse(source)
    tags = {e.tag for e in page.elements}
    assert not tags & FORBIDDEN
    assert not {name for e in page.elements for name in e.attributes if name.startswith("on")}
    assert [len(page.all(tag)) for tag in ("html", "body", "style", "h1", "main")] == [1] * 5
    assert "<script>alert(1)</script>" in page.text
    assert "{{ 7 * 7 }}{% raw %}" in page.text
    source.encode("utf-8")
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f\u200e\u200f\u202a-\u202e\u2066-\u2069]", source)
    assert "&lt;" * 400 + "&" not in source
    assert "\u0301" * 200 not in source
    assert "w" * 400 not in source
    assert len(source) < 200_000


def test_nothing_is_requested(hostile, build, picture, parse):
    images = [picture(), picture("b.png"), None]
    for listings in (hostile, build.listings(3, ["x"] * 3, images, [0, 0, 1])):
        page = parse(render(listings))
        links = [e.attributes["href"] for e in page.elements if "href" in e.attributes]
        sources = [e.attributes["src"] for e in page.elements if "src" in e.attributes]
        anchors = {e.attributes.get("id") for e in page.elements}
        assert all(link.startswith("#") and link[1:] in anchors for link in links)
        assert all(source.startswith("data:image/jpeg;base64,") for source in sources)
        styles = [e.attributes["style"] for e in page.elements if "style" in e.attributes]
        assert all(re.fullmatch(r"--[a-z]+:\s?[\d.]+%?", style) for style in styles)
        assert not re.search(r"url\(|@import|@font-face", page.all("style")[0].text)
    assert sources
    policy = page.all("meta", **{"http-equiv": "Content-Security-Policy"})[0].attributes["content"]
    assert policy.startswith("default-src 'none'; img-src data:; style-src 'unsafe-inline'")


def test_the_same_table_gives_the_same_bytes(hostile):
    assert render(hostile) == render(hostile)


def test_the_figures_are_on_the_page(build, parse):
    titles = ["Red soap 50 g", "red soap 50g", "Tea cup", "Tea", ""]
    page = parse(render(build.listings(5, titles, groups=[0, 1, 2, 2, -1])))
    assert page.all("h1")[0].text == "5 listings"
    assert "4 labelled listings in 3 groups: 1.33 listings in a group" in page.text
    assert "4 titles, 4 of them distinct." in page.text
    (row,) = [e for e in page.all("tr") if e.text.startswith("Same title")]
    assert row.text.endswith("white space aside 4 1 2 50% 0 1 0")
    assert "2 listings 2 groups" in page.all("section", id="same-title")[0].text
    cloud = page.all("ul", class_="cloud")[0]
    assert cloud.text == "50g cup red soap tea"


def test_members_of_another_group_are_marked(build, parse):
    page = parse(render(build.listings(3, ["soap"] * 3, groups=[4, 4, 6])))
    room = page.all("section", id="same-title")[0]
    assert room.text.count("another group") == 1
    assert "3 listings 2 groups" in room.text


def test_pictures_of_groups_and_of_titles(build, picture, parse):
    images = [picture("a.png"), picture("b.png", (0, 0, 255)), None]
    page = parse(render(build.listings(3, ["soap"] * 3, images, [0, 0, 0])))
    shown = [e.attributes["alt"] for e in page.all("img")]
    assert shown == ["Picture of soap"] * 4
    assert "no picture" in page.text


@pytest.mark.parametrize("titles", [[], [""], ["Soap"], ["", ""]])
def test_tables_with_next_to_nothing(titles, build, parse):
    page = parse(render(build.listings(len(titles), titles)))
    assert "The table names no labels." in page.text
    assert ("No listing has a title." in page.text) == (not any(titles))
    assert ("There are no words." in page.text) == (not any(titles))


def test_ten_thousand_identical_listings_make_a_small_page(build, parse):
    n = 10_000
    source = render(build.listings(n, ["soap"] * n, groups=np.zeros(n)))
    assert "12 of 10,000 listings shown." in parse(source).text
    assert len(source) < 60_000


def test_problems_are_counted(build, parse):
    listings = build.listings(3, problems={0: "title cut", 2: "title cut"})
    assert "title cut 2" in parse(render(listings)).all("section", id="problems")[0].text


def test_group_sizes_in_classes():
    bars = chart_sizes({1: 4, 2: 1, 7: 2, 10: 1, 51: 1})
    assert [(bar.label, bar.value) for bar in bars] == [
        *(("1", "4"), ("2", "1"), ("3", "0"), ("4", "0"), ("5", "0")),
        *(("6 to 10", "3"), ("11 to 20", "0"), ("21 to 50", "0"), ("51 to 100", "1")),
    ]
    assert [bar.width for bar in bars[:2]] == [100, 25]
    assert chart_sizes({9_999: 1})[-1].label == "501 or more"


def test_the_cloud_is_alphabetical_and_sized_by_frequency():
    words = make_cloud([Term("soap", 100), Term("cup", 25), Term("ant", 25), Term("tea", 4)])
    assert [word.text for word in words] == ["ant", "cup", "soap", "tea"]
    sizes = {word.text: word.size for word in words}
    assert sizes["soap"] == LARGEST
    assert sizes["soap"] > sizes["cup"] == sizes["ant"] > sizes["tea"]
    assert len(make_cloud([Term(f"w{i:03}", 500 - i) for i in range(200)])) == CLOUD_WORDS
    assert make_cloud([]) == []
    assert make_cloud([Term("one", 3)])[0].size > 0
