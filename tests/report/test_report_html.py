import re
import sys
from itertools import pairwise
from pathlib import Path
from subprocess import run

import numpy as np
import pytest
from PIL import Image

from matcher.report import render_report
from matcher.types import ImageRef

HOSTILE = {
    "script": "<script>alert(1)</script>",
    "double quote": '" onload="alert(1)" x="',
    "single quote": "' onerror='alert(1)",
    "end of style": "</style></title></main><img src=http://evil.example/x onerror=alert(1)>",
    "comment": "--><!-- ]]> <![CDATA[",
    "template": "{{ 7 * 7 }}{% raw %}{# x #}",
    "override": "\u202egnp.exe\u2066\u2069\u200f",
    "controls": "a\x00b\x07c\x1b[2J\ud800d",
    "endless": "<" * 10_000,
    "accents": "e" + "\u0301" * 5_000,
    "emoji": "👩\u200d👩\u200d👧\u200d👦 💯",
    "address": "javascript:alert(1)",
}
ALLOWED_ATTRIBUTES = {
    *("alt", "aria-hidden", "aria-label", "charset", "class", "content", "decoding", "height"),
    *("href", "http-equiv", "id", "lang", "loading", "name", "preserveaspectratio", "role"),
    *("scope", "src", "style", "tabindex", "viewbox", "width", "x", "x1", "x2", "y", "y1", "y2"),
}


@pytest.fixture(scope="module")
def hostile(build):
    """Every text of a result is hostile, in two clusters and wherever else text comes from."""
    texts = list(HOSTILE.values())
    n = len(texts)
    listings = build.listings(
        2 * n,
        titles=texts * 2,
        ids=tuple(f"{text}{i}" for i, text in enumerate(texts * 2)),
        groups=[0, 1] * n,
        problems=dict(enumerate(texts)),
    )
    pairs = [(0, i, 0.9 - i / 100, texts[i]) for i in range(1, n)]
    names = [text[:80] for text in texts]  # these are the user's own, who will not flood himself
    report = build.report(
        command=texts[0],
        config={name: {"method": name} for name in names},
        encoders={name: {"source": text} for name, text in zip(names, texts, strict=True)},
        left_out=dict(zip(names, texts, strict=True)),
        metrics=dict.fromkeys(names, 0.5) | {f"{name}_f1": 0.5 for name in names},
        problems=dict.fromkeys(texts, 3),
        seconds=dict.fromkeys(names, 1.0),
        versions=dict(zip(names, names, strict=True)),
    )
    words = np.float32([p[2] for p in pairs])
    return build.result(
        [0] * n + [1] * n, pairs, listings, modalities={texts[0]: words}, report=report
    )


def test_hostile_text_is_shown_and_does_nothing(hostile, parse):
    page = parse(render_report(hostile))
    tags = {e.tag for e in page.elements}
    assert not tags & {"script", "iframe", "object", "embed", "link", "base", "form", "image"}
    assert page.all("img") == []
    assert {name for e in page.elements for name in e.attributes} <= ALLOWED_ATTRIBUTES
    assert [len(page.all(tag)) for tag in ("html", "body", "style", "h1", "pre")] == [1] * 5
    assert "<script>alert(1)</script>" in page.text
    assert "{{ 7 * 7 }}{% raw %}" in page.text
    assert "49" not in page.all("h1")[0].text


def test_text_can_neither_turn_nor_flood_the_page(hostile):
    page = render_report(hostile)
    page.encode("utf-8")
    assert not re.search("[\x00-\x09\x0b-\x1f\x7f\u200e\u200f\u202a-\u202e\u2066-\u2069]", page)
    assert "&lt;" * 400 + "&" not in page  # nothing is quoted beyond its limit
    assert "\u0301" * 200 not in page


def test_titles_and_ids_are_isolated(hostile, parse):
    page = parse(render_report(hostile))
    shown = {e.text for e in page.all("bdi")}
    assert {"gnp.exe", "<script>alert(1)</script>", HOSTILE["emoji"]} <= shown


def test_nothing_is_requested(hostile, build, picture, parse):
    with_pictures = build.result(
        [0, 0], [(0, 1, 0.9)], build.listings(2, images=[picture(), picture("b.png")])
    )
    for result in (hostile, with_pictures):
        page = parse(render_report(result))
        links = [e.attributes["href"] for e in page.elements if "href" in e.attributes]
        sources = [e.attributes["src"] for e in page.elements if "src" in e.attributes]
        anchors = {e.attributes.get("id") for e in page.elements}
        assert all(link.startswith("#") and link[1:] in anchors for link in links)
        assert all(source.startswith("data:image/jpeg;base64,") for source in sources)
        styles = [e.attributes["style"] for e in page.elements if "style" in e.attributes]
        assert all(re.fullmatch(r"--[a-z]+:[\d.]+%?", style) for style in styles)
        assert not re.search(r"url\(|@import|@font-face", page.all("style")[0].text)
    assert len(sources) == 2
    policy = page.all("meta", **{"http-equiv": "Content-Security-Policy"})[0].attributes["content"]
    assert policy.startswith("default-src 'none'; img-src data:; style-src 'unsafe-inline'")


def test_the_same_result_gives_the_same_bytes(hostile, twins):
    assert render_report(hostile) == render_report(hostile)
    assert render_report(twins) == render_report(twins)


def test_another_process_gives_the_same_bytes():
    code = (
        "import numpy as np\n"
        "from matcher.report import render_report\n"
        "from matcher.results import MatchReport, MatchResult\n"
        "from matcher.types import *\n"
        "n = 200\n"
        "ids = tuple(map(str, range(n)))\n"
        "nothing = np.empty(0, np.int64)\n"
        "scores = np.empty(0, np.float32)\n"
        "result = MatchResult(Listings(ids, ids, (None,) * n), None,\n"
        "    Matches(np.zeros(n + 1, np.int64), nothing, scores, n),\n"
        "    Clusters(np.arange(n) // 2), ScoredPairs(nothing, nothing, {}, n, n), scores, (),\n"
        "    scores, None, MatchReport('dedupe', {}))\n"
        "import hashlib, sys\n"
        "print(hashlib.sha256(render_report(result).encode()).hexdigest())\n"
        "print('matplotlib' in sys.modules)\n"
    )
    root = Path(__file__).parents[2]
    outputs = [
        run(
            [sys.executable, "-c", code],
            env={"PYTHONHASHSEED": seed, "PYTHONPATH": str(root)},
            check=True,
            capture_output=True,
            text=True,
        ).stdout.split()
        for seed in ("1", "2")
    ]
    assert outputs[0] == outputs[1]
    assert outputs[0][1] == "False"


def test_a_cluster_with_its_pictures_and_reasons(build, picture, parse):
    images = [picture("red.png"), None, picture("blue.png", (0, 0, 255))]
    listings = build.listings(3, images=images, groups=[7, 8, 7])
    pairs = [(0, 2, 0.9, "phash: identical"), (0, 1, 0.3, "words in common: soap (0.31)")]
    page = parse(render_report(build.result([0, 0, 0], pairs, listings)))
    (card,) = page.all("article", id="cluster-0")
    assert "3 listings weakest pair 0.30 1 of another group" in card.text
    assert "Strongest pair (1 and 3, 0.90): phash: identical." in card.text
    assert "Weakest pair (1 and 2, 0.30): words in common: soap (0.31)." in card.text
    assert "Below 0.5, it was the clustering that put the two together." in card.text
    assert "no picture" in card.text
    assert [e.attributes["alt"] for e in page.all("img")] == [
        "Picture of title 0",
        "Picture of title 2",
    ]
    (stranger,) = page.all("li", class_="stranger")
    assert "title 1" in stranger.text


def test_unreadable_pictures_say_so(build, picture, tmp_path, parse):
    (tmp_path / "broken.jpg").write_bytes(b"\xff\xd8\xff broken")
    listings = build.listings(2, images=[picture(), ImageRef(tmp_path / "broken.jpg")])
    page = parse(render_report(build.result([0, 0], [(0, 1, 0.9)], listings)))
    assert "picture cannot be read: it is no JPEG" in page.all("p", class_="missing")[0].text
    assert str(tmp_path) not in page.source


def test_titles_alone_get_no_empty_frames(twins, parse):
    page = parse(render_report(twins))
    assert page.all("div", class_="frame") == []
    assert "title 0 id0" in page.all("article")[0].text


def test_a_result_between_two_sources(build, picture, parse):
    left = build.listings(2, titles=["red pan", "pot"], images=[picture(), None], groups=[1, 2])
    right = build.listings(2, titles=["pan, red", "lid"], ids=("r0", "r1"), groups=[1, 3])
    result = build.match(
        left, right, [(0, 0, 0.9, "both red"), (1, 1, 0.6)], candidate_truth=np.array([True, False])
    )
    page = parse(render_report(result))
    good, bad = page.all("article")
    assert "Pair 1 score 0.90" in good.text
    assert "red pan id0 no picture pan, red r0 Why: both red." in good.text
    assert "different groups" in bad.text
    assert "different groups" not in good.text
    assert "cluster" not in page.text.lower().partition("settings and versions")[0]


def test_labels_bring_metrics_with_the_size_of_the_gallery(build, parse):
    listings = build.listings(3, groups=[0, 0, 1])
    report = build.report(metrics={"rowwise_f1": 0.875})
    page = parse(render_report(build.result([0, 0, 1], [], listings, report=report)))
    assert "0.875" in page.all("section", id="quality")[0].text
    assert "Measured on 3 listings, all labelled" in page.text


def test_without_labels_nothing_is_right_or_wrong(twins, parse):
    page = parse(render_report(twins))
    assert page.all("section", id="quality") == []
    assert page.all("ul", class_="legend") == []
    assert "group" not in page.text


@pytest.mark.parametrize("n", [0, 1, 3])
def test_a_result_without_clusters(build, parse, n):
    page = parse(render_report(build.result(list(range(n)), report=build.report(encoders={}))))
    assert "No product is listed more than once" in page.all("h1")[0].text
    assert "No two listings were similar enough to be compared." in page.text
    assert "every listing stands alone" in page.text
    assert page.all("article") == []


def test_a_match_without_pairs(build, parse):
    page = parse(render_report(build.match(build.listings(2), build.listings(0), [])))
    assert "0 matches between two sources" in page.all("h1")[0].text
    assert "no pair between the two sources was accepted" in page.text


def test_what_was_left_out_and_what_went_wrong(build, parse):
    report = build.report(
        left_out={"bert": "no weights; run matcher fetch"},
        problems={f"reason {i}": 100 - i for i in range(12)},
    )
    page = parse(render_report(build.result([0], report=report)))
    text = page.all("section", id="run")[0].text
    assert "bert no weights; run matcher fetch" in text
    assert "reason 0 100" in text
    assert "reason 9 91" in text
    assert "reason 10" not in text
    assert "The 10 commonest of 12 reasons" in text


def test_two_thousand_clusters_stay_bounded(build, parse, rng, tmp_path):
    n, size = 2_000, 14
    noise = rng.integers(0, 256, (120, 160, 3), np.uint8)
    Image.fromarray(noise).save(tmp_path / "noise.png")  # nothing is harder to compress
    labels = np.repeat(np.arange(n), size)
    listings = build.listings(
        n * size,
        titles=['"' * 10_000] * (n * size),
        images=[ImageRef(tmp_path / "noise.png")] * (n * size),
        groups=np.where(labels // 100 == 9, np.arange(n * size), labels),
    )
    starts = np.arange(n) * size
    pairs = [(int(s), int(s) + 1, 0.9 - s / n / size / 2, "'" * 10_000) for s in starts]
    result = build.result(labels, pairs, listings)
    source = render_report(result)
    assert len(source.encode()) < 8_000_000
    page = parse(source)
    assert len(page.all("article")) == 16 + 24 + 24 + 24
    assert len(page.all("img")) == 12 * len(page.all("article"))
    assert "The 16 clusters with the most listings, of 2,000." in page.text
    assert "12 of 14 listings shown." in page.text


def test_headings_go_down_one_level_at_a_time(build, parse):
    pairs = [(2 * i, 2 * i + 1, 0.9) for i in range(40)]
    page = parse(render_report(build.result(np.repeat(np.arange(40), 2), pairs)))
    levels = [int(e.tag[1]) for e in page.elements if re.fullmatch("h[1-6]", e.tag)]
    assert levels[0] == 1
    assert levels.count(1) == 1
    assert all(after <= before + 1 for before, after in pairwise(levels))


def test_what_is_drawn_is_also_said(hostile, parse):
    page = parse(render_report(hostile))
    charts = page.all("svg")
    assert len(charts) == 2
    assert all(c.attributes["role"] == "img" and c.attributes["aria-label"] for c in charts)
    assert all(e.attributes.get("scope") in ("row", "col") for e in page.all("th"))
    ids = [e.attributes["id"] for e in page.elements if "id" in e.attributes]
    assert len(ids) == len(set(ids))
