"""The page on the probabilities of a pair model, taken apart."""

import re

import numpy as np
import pytest

from matcher.calibration import reliability
from matcher.fusion._reliability import Reliability
from matcher.report.reliability import describe, render_reliability


def measured(*bins):
    """A reliability from (probability, matches, pairs) by bin."""
    probabilities = np.concatenate([np.full(n, p, np.float32) for p, _, n in bins])
    truth = np.concatenate([np.arange(n) < right for _, right, n in bins])
    return reliability(probabilities, truth, np.ones(len(truth), np.int64))


@pytest.fixture
def told():
    """1,000 pairs at 0.0, none right; 40 at 0.5, 30 right; 10 at 0.75, none right."""
    return measured((0.0, 0, 1000), (0.5, 30, 40), (0.75, 0, 10))


def test_the_figures_by_hand(told, parse):
    # error = (40 * 0.25 + 10 * 0.75) / 1050; Brier = (40 * 0.25 + 10 * 0.5625) / 1050
    page = parse(render_reliability(told, "mine.yaml"))
    assert [e.text for e in page.all("strong")] == ["0.017", "0.015", "1,050"]
    assert page.all("h1")[0].text == "Probabilities are off by 0.017 on average"
    rows = [e.text for e in page.all("tr")][1:]
    assert rows == [
        "0 to 0.1 1,000 0.000 0.000 +0.000",
        "0.5 to 0.6 40 0.500 0.750 +0.250",
        "0.7 to 0.8 10 0.750 0.000 -0.750",
    ]


def test_each_bin_with_pairs_is_a_dot_at_its_place_with_its_count(told, parse):
    page = parse(render_reliability(told, "mine.yaml"))
    dots = [(float(e.attributes["cx"]), float(e.attributes["cy"])) for e in page.all("circle")]
    # The square begins at 56, 16 and is 400 wide: (0.5, 0.75) lies at 56 + 200, 16 + 100.
    assert dots == [(56, 416), (256, 116), (356, 416)]
    assert [e.attributes.get("class") for e in page.all("circle")] == [None, None, "few"]
    assert [e.text for e in page.all("text", class_="much")] == ["1,000", "40", "10"]
    heights = [float(e.attributes["height"]) for e in page.all("rect")]
    assert heights == sorted(heights, reverse=True)
    assert heights[0] == 72
    gaps = page.all("line", class_="gap")
    assert float(gaps[1].attributes["y1"]) == 216  # where 0.5 would be true


def test_the_sentences_say_what_the_diagram_shows(told):
    lines = " ".join(describe(told))
    assert "1,050 labelled pairs, 2.9% of them matches" in lines
    assert "95% of the pairs lie below 0.1 or from 0.9 on" in lines
    # The 10 pairs are too few; of the others those at 0.5 are furthest off, by 0.25: more than
    # 3 * sqrt(0.25 / 40) = 0.237.
    assert "the one from 0.5 to 0.6 is furthest off: its 40 pairs" in lines
    assert "too low by 0.250, more than chance" in lines
    assert "standard errors: 0.237" in lines


def test_what_chance_may_do_is_called_so():
    lines = " ".join(describe(measured((0.5, 18, 40), (0.95, 950, 1000))))
    assert "too high by 0.050, no more than chance" in lines


def test_few_pairs_are_not_relied_on(parse):
    told = measured((0.25, 3, 12), (0.75, 9, 12))
    assert any("No bin has 30 pairs or more" in line for line in describe(told))
    page = parse(render_reliability(told, "mine.yaml"))
    assert len(page.all("circle", class_="few")) == 2


def test_one_pair_and_millions(parse):
    page = parse(render_reliability(measured((1.0, 1, 1)), "mine.yaml"))
    assert "It shows 1 labelled pair" in page.text
    n_pairs = np.array([2_345_678, 12_345])
    some = Reliability(np.array([0.1, 0.9]), np.array([0.1, 0.9]), n_pairs * 2.0, n_pairs, 0.1, 0.0)
    page = parse(render_reliability(some, "mine.yaml"))
    assert [e.text for e in page.all("text", class_="much")] == ["2.3M", "12k"]
    assert "2,345,678" in page.text


def test_hostile_text_is_shown_and_does_nothing(told, parse):
    evil = "</style></title><script>alert(1)</script>{{ 7 * 7 }}\u202e\" onload='alert(1)"
    source = render_reliability(told, evil, [evil])
    page = parse(source)
    tags = {e.tag for e in page.elements}
    assert not tags & {"script", "iframe", "object", "embed", "link", "base", "form", "img"}
    assert [len(page.all(tag)) for tag in ("html", "body", "style", "h1")] == [1] * 4
    assert page.text.count("<script>alert(1)</script>{{ 7 * 7 }}") == 2
    assert "\u202e" not in source
    assert not [name for e in page.elements for name in e.attributes if name.startswith("on")]


def test_the_page_asks_for_nothing_and_is_the_same_each_time(told, parse):
    source = render_reliability(told, "mine.yaml", ["Row F1: 0.9."])
    assert source == render_reliability(told, "mine.yaml", ["Row F1: 0.9."])
    page = parse(source)
    links = {e.attributes["href"] for e in page.elements if "href" in e.attributes}
    assert links == {"#top"}
    assert not [e for e in page.elements if "src" in e.attributes]
    assert not re.search(r"url\(|@import|@font-face", page.all("style")[0].text)
    policy = page.all("meta", **{"http-equiv": "Content-Security-Policy"})[0].attributes["content"]
    assert policy.startswith("default-src 'none'")
    assert "Row F1: 0.9." in page.text
