"""What a person has decided about pairs: read, kept to, and contradictions told by id."""

import itertools
import json

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from pyarrow import parquet

import matcher
from matcher.cli import main
from matcher.clustering import Constraints
from matcher.jobs.decisions import are_different, as_constraints, decide_pairs, read_decisions

# Two hashes of which h bits differ score 1 - h / 32; a union with the threshold 0.75 accepts up
# to 8 bits, and its fused score is s / 0.75 / (1 + s / 0.75).
HASHES = {
    "encoders": {"phash": {"min_score": 0.0}},
    "fusion": {"method": "union", "thresholds": {"phash": 0.75}},
    "clustering": {"method": "components", "min_score": 0.5},
}
# a and b differ in 4 bits, b and c in 2, a and c in 6; d is far from all of them.
A, B, C, D = 0x0F0F, 0x0F0F ^ 0xF0, 0x0F0F ^ 0x3F0, 0xFFFF_FFFF_0000_0000


def hashed(*codes):
    ids = [chr(ord("a") + i) for i in range(len(codes))]
    return pd.DataFrame({"id": ids, "phash": [f"{code:016x}" for code in codes]})


@pytest.fixture
def decide(tmp_path):
    """Write decisions, each "a b same", and return the file."""

    def write(*lines, name="decided.csv"):
        rows = [line.split(" ") for line in lines]
        path = tmp_path / name
        table = pd.DataFrame(rows, columns=["id_left", "id_right", "decision"])
        table.to_csv(path, index=False)
        return path

    return write


def clusters(*args, **settings):
    return matcher.dedupe(*args, **settings).clusters["cluster"].tolist()


@pytest.mark.parametrize(
    ("decisions", "labels"),
    [
        ([], [0, 0, 0, 1]),
        (["a b different"], [0, 1, 1, 2]),  # c goes where it is closer: 2 bits to b, 6 to a
        (["b c different"], [0, 0, 1, 2]),
        (["a b different", "c a same"], [0, 1, 0, 2]),  # b differs from a, so from c
        (["a d same"], [0, 0, 0, 0]),  # no candidates of one another
        (["a d same", "d b different"], [0, 1, 1, 0]),
        (["a b different", "b c different", "c a different"], [0, 1, 2, 3]),
        (["a b same", "b c different", "c d same"], [0, 0, 1, 1]),
    ],
)
def test_clusters_by_hand(decide, decisions, labels):
    assert clusters(hashed(A, B, C, D), config=HASHES, decisions=decide(*decisions)) == labels


@pytest.mark.parametrize("method", ["average", "complete", "center", "star", "correlation"])
def test_whatever_the_clusterer_and_its_largest_size(decide, method):
    config = {**HASHES, "clustering": {"method": method, "min_score": 0.5, "max_size": 2}}
    decided = decide("a b different", "c d same", "d e same")
    found = clusters(hashed(A, A, A, A, D), config=config, decisions=decided)
    assert found[0] != found[1]
    assert found[2] == found[3] == found[4]


def test_decided_pairs_are_matches_with_the_score_they_have(decide):
    found = matcher.dedupe(hashed(A, B, C, D), config=HASHES, decisions=decide("a d same"))
    assert found.matches["matches"][0].split(" ")[1:] == ["b", "c", "d"]
    pairs = found.pairs.set_index(["id_left", "id_right"])["score"]
    s = (1 - 4 / 32) / 0.75
    assert pairs[("a", "b")] == pytest.approx(s / (1 + s))
    assert pairs[("a", "d")] < 0.5


def test_direct_pairs_keep_to_decisions_and_differences_pass_on(decide):
    config = {**HASHES, "matches": "pairs"}
    table = hashed(A, B, C, D)
    plain = matcher.dedupe(table, config=config)
    assert plain.matches["matches"].tolist() == ["a b c", "b c a", "c b a", "d"]
    decided = decide("b c same", "a b different", "d a same")
    found = matcher.dedupe(table, config=config, decisions=decided)
    # a differs from b, and so from c, which is the same as b; d is no candidate of a.
    assert found.matches["matches"].tolist() == ["a d", "b c", "c b", "d a"]
    assert found.near_misses["id_left"].tolist() == ["a", "a"]
    assert found.near_misses["id_right"].tolist() == ["b", "c"]


def crowd(n=40):
    return hashed(*[A] * n, B ^ 0xFF00_0000, D).assign(id=[str(i) for i in range(n + 2)])


def test_in_a_crowd_of_identical_listings_the_decided_stand_for_themselves(decide):
    found = clusters(crowd(), config=HASHES, decisions=decide("3 30 different", "5 41 same"))
    # 3 is looked at first, and joins the others; 30 must then stay out. 40 is 12 bits away.
    assert found == [0] * 30 + [1] + [0] * 9 + [2, 0]


def test_the_one_that_stands_for_a_crowd_may_be_decided_about(decide):
    found = clusters(crowd(), config=HASHES, decisions=decide("0 7 different", "0 41 same"))
    assert found == [0] * 7 + [1] + [0] * 32 + [2, 0]


def test_many_identical_listings_with_decisions_hold_few_pairs(decide):
    n = 2_000
    table = crowd(n)
    lines = [f"{i} {i + 1} different" for i in range(100, 160, 2)]
    found = matcher.dedupe(table, config=HASHES, decisions=decide(*lines, f"1900 {n} same"))
    labels = found.clusters["cluster"].to_numpy()
    assert (labels[100:160:2] != labels[101:160:2]).all()
    assert labels[1900] == labels[n]
    assert found.report.counts["candidate_pairs"] < 64 * 63 / 2  # of the decided ones and two more
    assert len(found.accepted) <= 25 * (n + 2)


@pytest.mark.parametrize(
    ("lines", "two"),
    [
        (["a b same", "b a different"], "'b' and 'a'"),
        (["a b same", "b c same", "d a different", "c a different"], "'c' and 'a'"),
        (["b d different", "c a same", "d c same", "a b same"], "'b' and 'd'"),
    ],
)
def test_contradictions_name_the_file_the_two_and_the_way_out(decide, lines, two):
    path = decide(*lines)
    with pytest.raises(matcher.DataError) as caught:
        matcher.dedupe(hashed(A, B, C, D), config=HASHES, decisions=path)
    told = str(caught.value)
    assert told.startswith(f"{path}: {two} are different")
    assert "Take back one" in told
    assert "ows 0" not in told


def test_one_contradiction_among_many_decisions_is_found_in_one_pass(tmp_path, monkeypatch):
    n = 30_000
    ids = [f"i{i}" for i in range(n)]
    rows = [(ids[i], ids[i + 1], "different") for i in range(0, n - 2, 2)]
    rows += [(ids[n - 2], ids[n - 1], "same"), (ids[n - 1], ids[n - 2], "different")]
    pd.DataFrame(rows, columns=["id_left", "id_right", "decision"]).to_csv(
        tmp_path / "d.csv", index=False
    )
    built = []

    def count(*args, **settings):
        built.append(1)
        return Constraints(*args, **settings)

    monkeypatch.setattr("matcher.jobs.decisions.Constraints", count)
    with pytest.raises(matcher.DataError, match=f"'i{n - 1}' and 'i{n - 2}' are different"):
        read_decisions(tmp_path / "d.csv", ids)
    assert len(built) <= 3


def test_wrong_tables_of_decisions_say_what_is_wrong(tmp_path):
    def refused(text):
        path = tmp_path / "d.csv"
        path.write_text(text)
        with pytest.raises(matcher.DataError) as caught:
            read_decisions(path, ("a", "b"))
        told = str(caught.value)
        assert told.startswith(str(path))
        return told

    head = "id_left,id_right,decision\n"
    assert "line 3: id 'x' is not among the 2 listings" in refused(f"{head}a,b,same\na,x,same\n")
    assert "line 2: id 'x'" in refused(f"{head}x,b,different\n")
    assert "line 3: id ''" in refused(f"{head}a,b,\na,,same\n")
    assert "Received: 'maybe'" in refused(f"{head}a,b,maybe\n")
    assert "line 2: a decision is about two listings. Received: 'a'" in refused(f"{head}a,a,same\n")
    columns = refused("id_left,id_right\na,b\n")
    assert "one column named 'decision'" in columns
    assert "'id_left', 'id_right'" in columns
    with pytest.raises(matcher.DataError, match=r"absent\.csv does not exist"):
        read_decisions(tmp_path / "absent.csv", ("a", "b"))


def test_what_is_skipped_and_how_words_may_be_written(tmp_path):
    path = tmp_path / "d.csv"
    path.write_text(
        "note;id_left;decision;id_right\n"
        "x; a ; SAME;b\n"
        "y;unknown;;b\n"  # without a decision nobody looks at the ids
        ";c; Different ;a\n"
        ";a;different;c\n"
    )
    found = read_decisions(path, ("a", "b", "c"))
    assert found.must_link.tolist() == [[0, 1]]
    assert found.cannot_link.tolist() == [[2, 0], [0, 2]]
    path.write_text("id_left,id_right,decision\n")
    assert len(read_decisions(path, ("a", "b"))) == 0
    table = pa.table({"id_left": ["b"], "id_right": ["a"], "decision": ["same"]})
    parquet.write_table(table, tmp_path / "d.parquet")
    assert read_decisions(tmp_path / "d.parquet", ("a", "b")).must_link.tolist() == [[1, 0]]


def test_a_decision_column_added_to_what_a_run_wrote_will_do(tmp_path):
    """Ids that a spreadsheet would run as a formula stand in pairs.csv with a quote before."""
    table = hashed(A, B, C, D).assign(id=["=1+2", "-1", "'-1", "@d"])
    listings, out, config = tmp_path / "l.csv", tmp_path / "o", tmp_path / "c.yaml"
    table.to_csv(listings, index=False)
    config.write_text(json.dumps(HASHES))
    command = ["dedupe", str(listings), "--config", str(config), "--out", str(out)]
    assert main(command) == 0
    pairs = pd.read_csv(out / "pairs.csv", dtype=str)
    assert pairs[["id_left", "id_right"]].to_numpy().tolist()[-1] == ["'=1+2", "'-1"]
    # The third is called '-1 itself: the name as it stands goes before what it may stand for.
    pairs = pd.DataFrame({"id_left": ["'=1+2", "'=1+2"], "id_right": ["'-1", "'@d"]})
    decided = tmp_path / "decided.csv"
    pairs.assign(decision=["different", "same"]).to_csv(decided, index=False)
    assert main([*command, "--decisions", str(decided)]) == 0
    found = pd.read_csv(out / "clusters.csv", dtype={"id": str}).set_index("id")["cluster"]
    assert found["=1+2"] == found["@d"] != found["'-1"]


def test_bad_decisions_end_the_command_with_one_sentence(tmp_path, decide, capsys):
    listings, out = tmp_path / "l.csv", tmp_path / "o"
    hashed(A, B).to_csv(listings, index=False)
    path = decide("a b same", "b a different")
    assert main(["dedupe", str(listings), "--decisions", str(path), "--out", str(out)]) == 2
    told = capsys.readouterr().err.splitlines()
    assert len(told) == 1
    assert told[0].startswith(f"matcher: {path}: 'b' and 'a' are different")
    assert list(out.iterdir()) == []


def test_decisions_in_memory_are_about_rows(decide):
    table = hashed(A, B, C, D)
    decided = Constraints(cannot_link=np.array([[0, 1]]))
    assert clusters(table, config=HASHES, decisions=decided) == [0, 1, 1, 2]
    beyond = Constraints(must_link=np.array([[0, 4]]))
    with pytest.raises(matcher.DataError, match=r"0 to 3\. Received: row 4"):
        matcher.dedupe(table, config=HASHES, decisions=beyond)
    assert len(as_constraints(None, ("a",))) == 0


def test_the_order_of_the_rows_does_not_change_what_is_decided(decide):
    table = hashed(A, B, C, D)
    path = decide("a d same", "b d different")

    def partition(rows):
        found = matcher.dedupe(rows, config=HASHES, decisions=path).clusters
        return {frozenset(ids) for ids in found.groupby("cluster")["id"].agg(list)}

    wanted = {frozenset("ad"), frozenset("bc")}
    for order in itertools.permutations(range(4)):
        assert partition(table.iloc[list(order)]) == wanted


N = 6
PAIRS = st.lists(
    st.tuples(st.integers(0, N - 1), st.integers(0, N - 1)).filter(lambda p: p[0] != p[1]),
    max_size=5,
)


def closure(same):
    """For each row the rows that are the same as it, itself among them, by going round."""
    sets = [{row} for row in range(N)]
    for _ in range(N):
        for a, b in same:
            both = sets[a] | sets[b]
            for row in both:
                sets[row] = sets[row] | both
    return sets


@settings(max_examples=150, deadline=None)
@given(PAIRS, PAIRS, PAIRS)
def test_decided_pairs_are_those_of_going_round(found, same, different):
    sets = closure(same)
    different = [(a, b) for a, b in different if b not in sets[a]]
    as_rows = (np.array(pairs, np.int64).reshape(-1, 2) for pairs in (different, same))
    decided = Constraints(*as_rows)
    apart = {frozenset((x, y)) for a, b in different for x in sets[a] for y in sets[b]}
    found = sorted({tuple(sorted(pair)) for pair in found})
    left, right = np.array(found, np.int64).reshape(-1, 2).T
    told = are_different(left, right, decided)
    assert told.tolist() == [frozenset(pair) in apart for pair in found]
    kept = {pair for pair in found if frozenset(pair) not in apart}
    wanted = sorted(kept | {tuple(sorted(pair)) for pair in same})
    left, right = decide_pairs(left, right, decided)
    assert list(zip(left.tolist(), right.tolist(), strict=True)) == wanted
