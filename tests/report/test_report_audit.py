import re

import pytest

from matcher.report.audit import AuditPage, Beside, Case, render_audit
from matcher.types import ImageRef

COUNTS = {"listings": 3, "labelled": 3, "labels": 2, "suspects": 1, "suggested_elsewhere": 1}


@pytest.fixture
def make_page(build):
    def make(listings, counts=COUNTS, **changes):
        given = {
            "row": 0, "rank": 1, "suspicion": 0.75, "label": "x", "suggested": "y",
            "why": "unlike the other of its label", "alike": "words in common: soap (0.80)",
            "own": (Beside(1, 0.1, "x"),), "rivals": (Beside(2, 0.62, "y"),), "n_own": 1,
        }  # fmt: skip
        cases = (Case(**(given | changes)),) if counts["suspects"] else ()
        report = build.report(command="audit", counts=counts)
        return AuditPage(listings, cases, report)

    return make


def test_a_suspect_stands_beside_its_label_and_its_likes(build, make_page, parse, picture):
    images = [picture("a.png"), None, picture("c.png", (0, 0, 255))]
    page = parse(render_audit(make_page(build.listings(3, images=images))))
    (case,) = page.all("article", id="suspect-1")
    assert "1. title 0 suspicion 0.75 labelled x fits y" in case.text
    assert "1 other labelled x 0.10 title 1 id1" in case.text.replace("no picture ", "")
    assert "0.62 · label y title 2 id2" in case.text
    assert "Why: unlike the other of its label." in case.text
    assert "In common with the most similar one: words in common: soap (0.80)." in case.text
    assert [e.attributes["alt"] for e in page.all("img")] == [
        "Picture of title 0",
        "Picture of title 2",
    ]
    assert "1 label to look at again" in page.all("h1")[0].text


def test_titles_alone_get_no_empty_frames(build, make_page, parse):
    page = parse(render_audit(make_page(build.listings(3))))
    assert page.all("img") == page.all("div", class_="frame") == []
    assert "title 0" in page.text


@pytest.mark.parametrize(
    ("suggested", "told"), [("", "fits no label"), ("x", "fits its own label best")]
)
def test_what_fits_is_told(build, make_page, parse, suggested, told):
    page = parse(render_audit(make_page(build.listings(3), suggested=suggested)))
    assert told in page.all("article")[0].text


def test_a_lone_suspect_has_nobody_beside_it(build, make_page, parse):
    page = make_page(build.listings(1), own=(), rivals=(), n_own=0, alike="")
    text = parse(render_audit(page)).all("article")[0].text
    assert "It is the only listing of its label." in text
    assert "None was similar enough to be compared." in text
    assert "In common" not in text


def test_nobody_is_suspected(build, make_page, parse):
    counts = COUNTS | {"suspects": 0, "suggested_elsewhere": 0}
    page = parse(render_audit(make_page(build.listings(3), counts)))
    assert page.all("h1")[0].text == "No label looks wrong"
    assert page.all("article") == []


def test_more_suspects_than_shown_are_counted(build, make_page, parse):
    page = parse(render_audit(make_page(build.listings(3), COUNTS | {"suspects": 4_026})))
    assert "The 1 most suspicious of 4,026" in page.text


def test_hostile_text_is_shown_and_does_nothing(build, make_page, parse, tmp_path):
    evil = "</style></title><script>alert(1)</script>{{ 7 * 7 }}\u202e\" onload='alert(1)"
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff broken")
    listings = build.listings(
        3,
        titles=[evil] * 3,
        ids=tuple(f"{evil}{i}" for i in range(3)),
        images=[ImageRef(tmp_path / "broken.jpg"), None, None],
    )
    changes = {"label": evil, "suggested": evil + "!", "why": evil, "alike": evil}
    rivals = (Beside(2, 0.5, evil),)
    source = render_audit(make_page(listings, **changes, rivals=rivals))
    page = parse(source)
    tags = {e.tag for e in page.elements}
    assert not tags & {"script", "iframe", "object", "embed", "link", "base", "form"}
    assert page.all("img") == []
    assert [len(page.all(tag)) for tag in ("html", "body", "style", "h1")] == [1] * 4
    assert "<script>alert(1)</script>{{ 7 * 7 }}" in page.text
    assert not re.search("[\u200e\u200f\u202a-\u202e\u2066-\u2069]", source)
    assert str(tmp_path) not in source
    assert not [name for e in page.elements for name in e.attributes if name.startswith("on")]
    policy = page.all("meta", **{"http-equiv": "Content-Security-Policy"})[0].attributes["content"]
    assert policy.startswith("default-src 'none'; img-src data:; style-src 'unsafe-inline'")


def test_the_page_asks_for_nothing(build, make_page, parse, picture):
    listings = build.listings(3, images=[picture("a.png"), None, None])
    page = parse(render_audit(make_page(listings)))
    anchors = {e.attributes.get("id") for e in page.elements}
    links = [e.attributes["href"] for e in page.elements if "href" in e.attributes]
    assert all(link.startswith("#") and link[1:] in anchors for link in links)
    sources = [e.attributes["src"] for e in page.elements if "src" in e.attributes]
    assert len(sources) == 1
    assert sources[0].startswith("data:image/jpeg;base64,")
    assert not re.search(r"url\(|@import|@font-face", page.all("style")[0].text)
