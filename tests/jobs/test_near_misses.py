"""The pairs that came closest without being matches: which, in which order, and why."""

import csv
import json

import numpy as np
import pandas as pd
import pytest

import matcher
from matcher.cli import main
from matcher.clustering import Constraints
from matcher.fusion import make_fusion
from matcher.jobs.near import are_matches, find_near_misses
from matcher.similarity import build_graph
from matcher.types import Matches, ScoredPairs

# Two hashes of which h bits differ score s = 1 - h / 32, and fuse to r / (1 + r), r = s / 0.75.
HASHES = {
    "encoders": {"phash": {"min_score": 0.0}},
    "fusion": {"method": "union", "thresholds": {"phash": 0.75}},
    "clustering": {"method": "components", "min_score": 0.5},
}
BASE = 0x0F0F_0F0F


def hashed(*differing):
    """Listings a, b, …, whose hashes differ from one base in these bits."""
    codes = [BASE ^ sum(1 << bit for bit in bits) for bits in differing]
    ids = [chr(ord("a") + i) for i in range(len(codes))]
    return pd.DataFrame({"id": ids, "phash": [f"{code:016x}" for code in codes]})


def fused(bits):
    ratio = (1 - bits / 32) / 0.75
    return ratio / (1 + ratio)


def titled(*titles):
    ids = [chr(ord("a") + i) for i in range(len(titles))]
    return pd.DataFrame({"id": ids, "title": titles})


def with_clustering(**clustering):
    return {**HASHES, "clustering": {"min_score": 0.5, **clustering}}


@pytest.mark.parametrize("matches", ["clusters", "pairs"])
def test_what_fell_short_best_first_ties_by_row(matches):
    # From a: b 12 bits, c 10, d 10, e 20; c and d 20 apart, b and c 22, and so on.
    sets = [(), range(12), range(20, 30), range(32, 42), range(44, 64)]
    table = hashed(*sets)
    near = matcher.dedupe(table, config={**HASHES, "matches": matches}).near_misses
    assert near.columns.tolist() == [
        "id_left", "title_left", "id_right", "title_right", "phash", "score", "reason",
    ]  # fmt: skip
    ends = [left + right for left, right in near[["id_left", "id_right"]].to_numpy().tolist()]
    assert ends[:3] == ["ac", "ad", "ab"]
    np.testing.assert_allclose(near["score"][:3], [fused(10), fused(10), fused(12)], rtol=1e-6)
    assert near["phash"].tolist()[:3] == [0.6875, 0.6875, 0.625]
    assert near["reason"].tolist()[:3] == [f"phash: {n} of 64 bits differ" for n in (10, 10, 12)]
    # A near miss scores 0.35 or more: 20 bits give a third.
    assert fused(19) > 0.35 > fused(20)
    assert "ae" not in ends
    assert (near["score"] >= 0.35).all()


def test_a_close_pair_that_a_full_cluster_left_out_is_the_nearest():
    config = with_clustering(method="components", max_size=2)
    found = matcher.dedupe(hashed((), (0,), (0, 1, 2, 3)), config=config)
    assert found.clusters["cluster"].tolist() == [0, 0, 1]
    near = found.near_misses
    assert near[["id_left", "id_right"]].to_numpy().tolist() == [["b", "c"], ["a", "c"]]
    np.testing.assert_allclose(near["score"], [fused(3), fused(4)], rtol=1e-6)
    # What is in one cluster is no near miss, however weak; what a cluster joins likewise.
    joined = matcher.dedupe(hashed((), range(8), range(8, 16)), config=HASHES)
    assert joined.clusters["cluster"].tolist() == [0, 0, 0]
    assert joined.pairs["score"].min() == pytest.approx(fused(16))
    assert len(joined.near_misses) == 0


def test_a_direct_match_is_none_whatever_its_cluster():
    """With pairs as matches: b and c match, in whatever clusters a small max_size put them."""
    config = {**with_clustering(method="components", max_size=2), "matches": "pairs"}
    found = matcher.dedupe(hashed((), (0,), (0, 1, 2, 3)), config=config)
    assert len(found.pairs) == 3
    assert len(found.near_misses) == 0


VETOED = ("lavender parfum mist 150ml", "lavender parfum mist 250ml", "wooden dining chair")


@pytest.mark.parametrize("matches", ["clusters", "pairs"])
def test_a_vetoed_pair_has_the_score_without_the_veto_and_its_reason(matches):
    config = matcher.RunConfig.default().model_copy(update={"matches": matches})
    found = matcher.dedupe(titled(*VETOED), config=config)
    assert len(found.pairs) == 0
    (pair,) = found.near_misses.to_dict("records")
    assert (pair["id_left"], pair["id_right"]) == ("a", "b")
    assert (pair["title_left"], pair["title_right"]) == VETOED[:2]
    assert pair["score"] >= 0.5
    assert pair["quantities"] == 0
    assert pair["reason"].startswith("words in common: ")
    assert pair["reason"].endswith("but volume differs: 150ml, 250ml; vetoed by quantities")
    fusion = config.fusion.model_copy(update={"vetoes": {}})
    lenient = config.model_copy(update={"fusion": fusion})
    scores = matcher.dedupe(titled(*VETOED), config=lenient).pairs["score"]
    assert pair["score"] == pytest.approx(scores[0])


def test_a_vetoed_pair_between_two_sources():
    left, right = titled(VETOED[0]), titled(VETOED[2], VETOED[1])
    found = matcher.match(left, right)
    assert len(found.pairs) == 0
    (pair,) = found.near_misses.to_dict("records")
    assert (pair["id_left"], pair["id_right"]) == ("a", "b")
    assert pair["score"] >= 0.5
    assert pair["reason"].endswith("but volume differs: 150ml, 250ml; vetoed by quantities")


def test_what_one_to_one_gave_up_is_a_near_miss_and_no_match():
    left, right = titled("red kettle steel"), titled("red kettle steel", "red kettle steel new")
    found = matcher.match(left, right, one_to_one=True)
    assert found.pairs["id_right"].tolist() == ["a"]
    assert found.near_misses["id_right"].tolist() == ["b"]
    assert found.near_misses["score"][0] >= 0.5


def test_a_veto_that_no_words_explain_is_named_all_the_same():
    """A volume and a weight are of two kinds, and no conflict between titles."""
    found = matcher.dedupe(titled("lavender parfum mist 150ml", "lavender parfum mist 250g"))
    (reason,) = found.near_misses["reason"]
    assert "differs" not in reason
    assert reason.endswith("vetoed by quantities")


def test_pairs_that_a_veto_spares_do_not_name_it():
    found = matcher.dedupe(titled("green tea shampoo 90 ml", "green tea 90ml conditioner soap"))
    assert [("vetoed" in reason) for reason in found.near_misses["reason"]] == [False]


@pytest.mark.parametrize("matches", ["clusters", "pairs"])
def test_a_pair_that_a_person_called_different_says_so(matches):
    table = hashed((), (0,), (0, 1), range(9, 21))
    decided = Constraints(cannot_link=np.array([[0, 1]]), must_link=np.array([[1, 2], [2, 3]]))
    found = matcher.dedupe(table, config={**HASHES, "matches": matches}, decisions=decided)
    reasons = found.near_misses.set_index(["id_left", "id_right"])["reason"]
    told = "a person calls them different"
    assert reasons[("a", "b")].endswith(f"1 of 64 bits differ; {told}")
    assert reasons[("a", "c")].endswith(told)  # c is the same as b
    assert ("b", "c") not in reasons.index
    # c and d score below 0.5, but are called the same: a match is no near miss.
    assert ("c", "d") not in reasons.index


@pytest.mark.parametrize(
    "table",
    [
        titled("red kettle steel", "wooden dining chair"),
        titled("red kettle steel"),
        titled("red kettle steel", "red kettle steel"),
    ],
)
def test_none_where_there_are_none(table, tmp_path):
    found = matcher.dedupe(table)
    assert len(found.near_misses) == 0
    listings = tmp_path / "l.csv"
    table.to_csv(listings, index=False)
    assert main(["dedupe", str(listings), "--out", str(tmp_path / "o")]) == 0
    lines = (tmp_path / "o" / "near_misses.csv").read_text().splitlines()
    assert lines == [",".join(found.near_misses.columns)]


def test_columns_are_those_of_pairs_and_a_missing_modality_is_empty(tmp_path):
    """A listing without a hash is no listing with a hash that scores 0."""
    table = titled("red kettle steel large", "red kettle blue toy", "green oak table")
    table["phash"] = ["ff00ff00ff00ff0f", "", "ff00ff00ff00f000"]
    listings, out = tmp_path / "l.csv", tmp_path / "o"
    table.to_csv(listings, index=False)
    assert main(["dedupe", str(listings), "--out", str(out)]) == 0
    with (out / "near_misses.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.DictReader(file))
    near = {row["id_left"] + row["id_right"]: row for row in rows}
    assert near["ab"]["phash"] == ""
    assert 0 < float(near["ab"]["words"]) < 1
    pairs = pd.read_csv(out / "pairs.csv")
    assert list(rows[0]) == pairs.columns.tolist()


MIST = "<script>alert</script> lavender parfum mist"
HOSTILE = (f'=HYPERLINK("x") {MIST} 150ml', f"@HYPERLINK x {MIST} 250ml")


def test_hostile_ids_and_titles_are_no_formulas(tmp_path):
    table = titled(*HOSTILE).assign(id=["=1+2", "-cmd|calc"])
    listings, out = tmp_path / "l.csv", tmp_path / "o"
    table.to_csv(listings, index=False)
    assert main(["dedupe", str(listings), "--out", str(out)]) == 0
    with (out / "near_misses.csv").open(encoding="utf-8", newline="") as file:
        (row,) = csv.DictReader(file)
    assert (row["id_left"], row["id_right"]) == ("'=1+2", "'-cmd|calc")
    assert (row["title_left"], row["title_right"]) == ("'" + HOSTILE[0], "'" + HOSTILE[1])
    assert not [cell for cell in row.values() if cell[:1] in ("=", "+", "-", "@")]
    assert "<script>alert" not in (out / "report.html").read_text(encoding="utf-8")


def test_a_crowd_of_identical_listings_leaves_few_near_misses():
    n = 1_000
    table = titled(*["red kettle steel 2l"] * n, "red kettle steel 5l", "red kettle copper pot")
    found = matcher.dedupe(table.assign(id=[str(i) for i in range(n + 2)]))
    near = found.near_misses
    # The crowd stands in the search as one: its first listing alone has near misses.
    assert set(near["id_left"]) <= {"0", str(n)}
    assert ["0", str(n)] in near[["id_left", "id_right"]].to_numpy().tolist()
    assert len(near) <= 3


def test_at_most_a_thousand_are_kept():
    words = [f"w{i:02d}x" for i in range(60)]
    table = pd.DataFrame(
        {"id": [str(i) for i in range(60)], "title": [f"red kettle steel {w}" for w in words]}
    )
    config = {
        "encoders": {"words": {"encoder": "tfidf", "min_score": 0.0}},
        "search": {"neighbors": 60},
        "fusion": {"method": "union", "thresholds": {"words": 0.2}},
        "clustering": {"method": "components", "max_size": 1, "min_score": 0.99},
    }
    found = matcher.dedupe(table, config=config)
    assert found.report.counts["candidate_pairs"] == 60 * 59 // 2
    assert found.candidate_scores.min() >= 0.35  # all of them fell short, and came close
    assert len(found.near_misses) == 1000


def pairs_of(left, right, scores, n_left, n_right):
    by_name = {name: np.float32(values) for name, values in scores.items()}
    return ScoredPairs(np.array(left), np.array(right), by_name, n_left, n_right)


def test_between_two_tables_rows_of_one_number_are_two_listings():
    pairs = pairs_of([0, 0, 1], [0, 1, 0], {"title": [0.4, 0.3, 0.9]}, 2, 2)
    fusion = make_fusion("union", thresholds={"title": 0.5})
    near, scores = find_near_misses(fusion, pairs, fusion(pairs))
    assert near.tolist() == [0, 1]
    np.testing.assert_allclose(scores, [0.8 / 1.8, 0.6 / 1.6], rtol=1e-6)


def test_what_an_assignment_gave_up_is_a_near_miss():
    pairs = pairs_of([0, 0, 1], [0, 1, 0], {"title": [0.9, 0.6, 0.8]}, 2, 2)
    fusion = make_fusion("union", thresholds={"title": 0.5})
    kept = np.array([True, False, False])
    assert find_near_misses(fusion, pairs, fusion(pairs), kept)[0].tolist() == [2, 1]


def test_pairs_that_are_matches():
    rows, cols = np.array([0, 1, 1, 2]), np.array([1, 0, 2, 1])
    graph = build_graph(rows, cols, np.ones(4, np.float32), 4, 4)
    matches = Matches(graph.indptr, graph.indices, graph.scores, 4)
    asked = np.array([0, 0, 1, 2]), np.array([1, 2, 2, 3])
    assert are_matches(*asked, matches).tolist() == [True, False, True, False]


def test_the_command_writes_what_a_run_in_memory_finds(tmp_path):
    table = hashed((), range(12), range(20, 30))
    listings, config = tmp_path / "l.csv", tmp_path / "c.yaml"
    table.to_csv(listings, index=False)
    config.write_text(json.dumps(HASHES))
    out = tmp_path / "o"
    assert main(["dedupe", str(listings), "--config", str(config), "--out", str(out)]) == 0
    written = pd.read_csv(out / "near_misses.csv", keep_default_na=False)
    found = matcher.dedupe(table, config=HASHES).near_misses
    assert written["id_right"].tolist() == found["id_right"].tolist()
    np.testing.assert_allclose(written["score"], found["score"], rtol=1e-6)
