"""What is timed is made up as told, every contender is timed, and the page is the results'."""

import json

import numpy as np
import pytest

from benchmarks.bench_scaling import crossover, exponent, scaling_lines
from benchmarks.bench_search import search_lines
from benchmarks.made_up import embeddings, group_sizes, hashes, titles
from benchmarks.timing import race


def test_group_sizes_sum_up():
    for n in (1, 2, 3, 1000):
        sizes = group_sizes(n, np.random.default_rng(0))
        assert sizes.sum() == n
        assert 1 <= sizes.min() <= sizes.max() <= 51


def test_vectors_have_length_1_and_partners():
    vectors = embeddings(500, 32)
    np.testing.assert_allclose(np.linalg.norm(vectors, axis=1), 1, atol=1e-5)
    scores = vectors @ vectors.T - np.eye(500)
    assert (scores.max(axis=1) > 0.6).mean() > 0.5
    np.testing.assert_array_equal(vectors, embeddings(500, 32))


def test_hashes_have_partners_within_six_bits():
    codes = hashes(300)
    differ = np.bitwise_count(codes[:, None] ^ codes) + 64 * np.eye(300, dtype=np.uint8)
    assert (differ.min(axis=1) <= 6).mean() > 0.9


def test_titles_go_on_beyond_those_known():
    made = titles(["red cup", "usb cable long"], 10)
    assert made[:2] == ["red cup", "usb cable long"]
    assert len(made) == 10
    assert set(" ".join(made).split()) <= {"red", "cup", "usb", "cable", "long", "x"}


def test_every_contender_runs_in_every_round_from_another_one_on():
    seen = []
    timed = race({name: lambda name=name: seen.append(name) or name for name in "ab"}, 2)
    assert seen == ["a", "b", "a", "b", "b", "a"]
    assert timed["a"].answer == "a"
    assert len(timed["a"].wall) == len(timed["a"].cpu) == len(timed["a"].peak) == 2


def test_exponent_and_crossover_by_hand():
    exact = [{"n": n, "cpu": n**2 / 1e10} for n in (10_000, 100_000, 1_000_000)]
    other = [{"n": n, "cpu": n / 1e4} for n in (10_000, 100_000, 1_000_000)]
    assert exponent(exact) == pytest.approx(2)
    assert exponent(other) == pytest.approx(1)
    assert crossover(exact, other) == pytest.approx(1e6)


def test_the_tables_of_the_page_are_made_from_the_results(root):
    page = (root / "docs" / "search.md").read_text(encoding="utf-8")
    for name, lines_of in (("search", search_lines), ("scaling", scaling_lines)):
        content = json.loads((root / "benchmarks" / "results" / f"{name}.json").read_text("utf-8"))
        for line in lines_of(content):
            assert line in page
