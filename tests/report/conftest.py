"""Results built by hand, and pages taken apart."""

from dataclasses import dataclass, field
from html.parser import HTMLParser
from types import SimpleNamespace

import numpy as np
import pytest
from PIL import Image

from matcher.results import MatchReport, MatchResult
from matcher.similarity import build_graph
from matcher.types import Clusters, ImageRef, Listings, Matches, ScoredPairs

INLINE = {"a", "b", "bdi", "code", "em", "strong"}
VOID = {"meta", "img", "br", "hr", "link", "input"}


@dataclass
class Element:
    tag: str
    attributes: dict
    texts: list = field(default_factory=list)

    @property
    def text(self):
        return " ".join("".join(self.texts).split())


class Page(HTMLParser):
    """All elements of a page, each with the text inside it; nesting must be right."""

    def __init__(self, source):
        super().__init__(convert_charrefs=True)
        self.source = source
        self.elements = []
        self._open = []
        self.feed(source)
        self.close()
        if self._open:
            raise AssertionError(f"never closed: {[e.tag for e in self._open]}")

    def handle_starttag(self, tag, attrs):
        element = Element(tag, dict(attrs))
        self.elements.append(element)
        if tag not in VOID:
            self._open.append(element)

    def handle_startendtag(self, tag, attrs):
        self.elements.append(Element(tag, dict(attrs)))

    def handle_endtag(self, tag):
        if self._open[-1].tag != tag:
            raise AssertionError(f"<{self._open[-1].tag}> ends with </{tag}>")
        if tag not in INLINE:
            self.handle_data(" ")
        self._open.pop()

    def handle_data(self, data):
        for element in self._open:
            element.texts.append(data)

    def all(self, tag, **attributes):
        """Elements with a tag and, where given, words in their attributes."""
        wanted = {key.rstrip("_"): value for key, value in attributes.items()}
        return [
            e
            for e in self.elements
            if e.tag == tag
            and all(value in (e.attributes.get(key) or "").split() for key, value in wanted.items())
        ]

    @property
    def text(self):
        return next(e for e in self.elements if e.tag == "body").text


def make_listings(n, titles=None, images=None, groups=None, **columns):
    return Listings(
        ids=columns.pop("ids", tuple(f"id{i}" for i in range(n))),
        titles=tuple(titles) if titles is not None else tuple(f"title {i}" for i in range(n)),
        images=tuple(images) if images is not None else (None,) * n,
        groups=None if groups is None else np.array(groups, np.int64),
        **columns,
    )


def make_result(labels, pairs=(), listings=None, modalities=None, **changes):
    """A result within one table; each pair is (left, right, score) or with a reason as well."""
    listings = listings or make_listings(len(labels))
    scored = scored_pairs(pairs, len(labels), len(labels), modalities)
    scores = np.array([p[2] for p in pairs], np.float32)
    rows, cols = np.r_[scored.left, scored.right], np.r_[scored.right, scored.left]
    graph = build_graph(rows, cols, np.r_[scores, scores], len(labels), len(labels))
    given = {
        "right_listings": None,
        "clusters_found": Clusters(np.array(labels, np.int64)),
        "candidate_scores": scores,
        "candidate_truth": None,
        "report": make_report(),
    }
    return MatchResult(
        listings=listings,
        graph=Matches(graph.indptr, graph.indices, graph.scores, graph.n_cols),
        accepted=scored,
        scores=scores,
        reasons=tuple(p[3] if len(p) > 3 else "alike" for p in pairs),
        **(given | changes),
    )


def make_match(left, right, pairs, **changes):
    """A result between two sources."""
    scored = scored_pairs(pairs, len(left), len(right))
    scores = np.array([p[2] for p in pairs], np.float32)
    graph = build_graph(scored.left, scored.right, scores, len(left), len(right))
    given = {"candidate_scores": scores, "candidate_truth": None}
    return MatchResult(
        listings=left,
        right_listings=right,
        graph=Matches(graph.indptr, graph.indices, graph.scores, graph.n_cols),
        clusters_found=None,
        accepted=scored,
        scores=scores,
        reasons=tuple(p[3] if len(p) > 3 else "alike" for p in pairs),
        report=make_report(command="match"),
        **(given | changes),
    )


def scored_pairs(pairs, n_left, n_right, modalities=None):
    left = np.array([p[0] for p in pairs], np.int64)
    right = np.array([p[1] for p in pairs], np.int64)
    words = np.array([p[2] for p in pairs], np.float32)
    return ScoredPairs(left, right, modalities or {"words": words}, n_left, n_right)


def make_report(**changes):
    given = {
        "command": "dedupe",
        "config": {
            "encoders": {"words": {"encoder": "tfidf"}},
            "fusion": {"method": "boundary"},
            "clustering": {"method": "average"},
        },
        "encoders": {"words": {"source": "tfidf:words:0a1b", "listings": 3}},
        "seconds": {"read": 0.5, "encode": 1.5},
        "versions": {"python": "3.11"},
    }
    return MatchReport(**(given | changes))


@pytest.fixture(scope="session")
def build():
    """Builders of results, as functions."""
    return SimpleNamespace(
        listings=make_listings, result=make_result, match=make_match, report=make_report
    )


@pytest.fixture(scope="session")
def parse():
    """Take a page apart."""
    return Page


@pytest.fixture
def picture(tmp_path):
    """Draw a picture of one colour and return where it lies."""

    def draw(name="a.png", colour=(200, 30, 40), size=(320, 240)):
        Image.new("RGB", size, colour).save(tmp_path / name)
        return ImageRef(tmp_path / name)

    return draw


@pytest.fixture
def twins():
    """Three listings, the first two of one cluster."""
    return make_result([0, 0, 1], [(0, 1, 0.8, "words in common: soap (0.80)")])
