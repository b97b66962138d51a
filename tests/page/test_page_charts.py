"""Figures behind the charts, by hand; colours that everyone can read."""

import math
import re
from importlib.resources import files

import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.page.charts import MAX_NODES, SIDE, chart_scores, chart_sizes, draw_graph, make_bars
from tests.report.test_report_style import contrast


def test_sizes_are_put_together_from_six_on():
    bars = chart_sizes({1: 9, 2: 4, 6: 1, 10: 2, 11: 1, 500: 3, 101: 1})
    assert [(bar.label, bar.count) for bar in bars] == [
        ("1", 9),
        ("2", 4),
        ("6 to 10", 3),
        ("11 to 20", 1),
        ("101 or more", 4),
    ]
    assert bars[0].width == 100
    assert bars[1].width == pytest.approx(44.44)
    assert chart_sizes({}) == []
    assert make_bars([]) == []


@given(st.dictionaries(st.integers(1, 10_000), st.integers(1, 50), max_size=20))
def test_no_cluster_is_lost(sizes):
    assert sum(bar.count for bar in chart_sizes(sizes)) == sum(sizes.values())


def test_scores_fall_into_their_bins():
    chart = chart_scores(((0.0, 1), (0.45, 2), (0.5, 3), (0.95, 4)))
    assert [bin.count for bin in chart.bins] == [1, *[0] * 8, 2, 3, *[0] * 8, 4]
    assert chart.top == 4
    assert chart.bins[10].height == 75
    assert chart.summary == "10 edges; 70% score 0.5 or more."
    assert chart_scores(()) is None
    assert chart_scores(((0.5, 0),)) is None


def test_a_graph_stands_on_a_circle_with_the_strongest_edge_on_top():
    graph = draw_graph(["a", "b", "c"], [("a", "b", 0.9), ("b", "c", 0.4)])
    assert [node.number for node in graph.nodes] == [1, 2, 3]
    radii = {round(math.hypot(n.x - SIDE / 2, n.y - SIDE / 2)) for n in graph.nodes}
    assert radii == {134}
    assert [(line.high, line.width) for line in graph.lines] == [(False, 2.6), (True, 4.6)]
    assert graph.view == "0 0.0 320 253.0"
    assert draw_graph(["a", "b"], [("a", "b", 0.9)]) is None
    assert draw_graph(["a", "b", "c"], []) is None
    many = [str(i) for i in range(MAX_NODES + 1)]
    assert draw_graph(many, [("0", "1", 0.9)]) is None


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast_is_enough_in_both_schemes(scheme):
    style = files("matcher.page").joinpath("static", "page.css").read_text("utf-8")
    blocks = re.findall(r":root \{(.*?)\}", style, re.DOTALL)
    colours = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", blocks[scheme == "dark"]))
    text = [(ink, ground) for ink in ("ink", "soft", "accent") for ground in ("page", "card")]
    text += [("accent", "accent-ground"), ("bad", "bad-ground"), ("soft", "frame")]
    text += [("on-accent", "accent"), ("bad", "card"), ("page", "ink"), ("ink", "accent-ground")]
    assert min(contrast(colours[a], colours[b]) for a, b in text) >= 4.5
    # Borders of controls, bars and rings, which carry meaning.
    for ground in ("page", "card"):
        shapes = ("edge", "bar", "bad-bar", "accent")
        assert min(contrast(colours[a], colours[ground]) for a in shapes) >= 3
