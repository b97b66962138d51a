"""Tables of results, and the files they become."""

import csv
import json
from pathlib import Path

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyarrow import parquet

from matcher.errors import ConfigError, DataError
from matcher.io import outputs
from matcher.io.outputs import (
    clusters_table,
    matches_table,
    spreadsheet_safe,
    write_csv,
    write_json,
    write_parquet,
)
from matcher.similarity import build_graph
from matcher.types import Clusters, Matches


def matches_of(edges: list[tuple[int, int, float]], n: int, n_cols: int | None = None) -> Matches:
    rows, cols, scores = (
        np.array(column) for column in (zip(*edges, strict=True) if edges else ([], [], []))
    )
    graph = build_graph(
        rows.astype(int), cols.astype(int), scores.astype(np.float32), n, n_cols or n
    )
    return Matches(graph.indptr, graph.indices, graph.scores, graph.n_cols)


# 0 matches 2 better than 1; 1 matches 0; 2 matches 0 and 1 equally well; 3 matches nothing
FOUR = matches_of([(0, 1, 0.6), (0, 2, 0.9), (1, 0, 0.6), (2, 0, 0.7), (2, 1, 0.7)], 4)
IDS = ("w", "x", "y", "z")


def test_self_comes_first_then_the_best_score():
    table = matches_table(IDS, FOUR, "posting_id")
    assert table.column_names == ["posting_id", "matches"]
    assert table.column(0).to_pylist() == list(IDS)
    assert table.column(1).to_pylist() == ["w y x", "x w", "y w x", "z"]


def test_cap_counts_the_listing_itself():
    assert matches_table(IDS, FOUR, cap=2).column("matches").to_pylist() == [
        "w y",
        "x w",
        "y w",
        "z",
    ]
    assert matches_table(IDS, FOUR, cap=1).column("matches").to_pylist() == list(IDS)
    with pytest.raises(ConfigError, match=r"cap must be at least 1\. Received: 0"):
        matches_table(IDS, FOUR, cap=0)


def test_fifty_at_most_unless_told_otherwise():
    star = matches_of([(0, col, 0.9) for col in range(1, 80)], 80)
    ids = [str(i) for i in range(80)]
    counts = {
        cap: len(matches_table(ids, star, cap=cap).column("matches")[0].as_py().split())
        for cap in (50, None)
    }
    assert counts == {50: 50, None: 80}
    assert len(matches_table(ids, star).column("matches")[0].as_py().split()) == 50


def test_between_two_tables_there_is_no_self():
    matches = matches_of([(0, 2, 0.6), (0, 0, 0.9)], 2, 3)
    table = matches_table(("q", "r"), matches, other_ids=("a", "b", "c"), cap=50)
    assert table.column("matches").to_pylist() == ["a c", ""]


def test_no_listings():
    assert matches_table((), matches_of([], 0)).num_rows == 0


def test_wrong_number_of_ids():
    with pytest.raises(DataError, match=r"from 4 to 4 listings\. Received: 3 and 3 ids"):
        matches_table(IDS[:3], FOUR)
    with pytest.raises(DataError, match=r"2 listings have a cluster\. Received: 3 ids"):
        clusters_table(IDS[:3], Clusters(np.array([0, 1])))


EDGES = st.lists(st.tuples(st.integers(0, 8), st.integers(0, 8), st.integers(0, 4)), max_size=40)


@given(EDGES, st.integers(1, 6), st.integers(1, 4))
def test_same_rows_as_a_plain_loop(edges, cap, at_once):
    kept = {(row, col): score for row, col, score in edges if row != col}
    ids = [f"id{i}" for i in range(9)]
    expected = []
    for row in range(9):
        mates = sorted((-score, col) for (left, col), score in kept.items() if left == row)
        expected.append(" ".join([ids[row], *(ids[col] for _, col in mates)][:cap]))
    matches = matches_of([(*pair, score / 4) for pair, score in kept.items()], 9)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(outputs, "ROWS_AT_ONCE", at_once)
        table = matches_table(ids, matches, cap=cap)
    assert table.column("matches").to_pylist() == expected


def test_submission_is_byte_for_byte_what_kaggle_wants(tmp_path):
    path = tmp_path / "submission.csv"
    write_csv(matches_table(("test_1", "test_2"), matches_of([(0, 1, 0.9)], 2), "posting_id"), path)
    assert path.read_bytes() == b"posting_id,matches\ntest_1,test_1 test_2\ntest_2,test_2\n"


def test_hostile_ids_come_through_byte_for_byte(tmp_path):
    path = tmp_path / "matches.csv"
    ids = ("=1+1", "a,b", 'c"d', "-é")
    write_csv(matches_table(ids, FOUR), path)
    assert path.read_bytes().decode() == (
        'id,matches\n"=1+1","=1+1 c""d a,b"\n"a,b","a,b =1+1"\n"c""d","c""d =1+1 a,b"\n"-é","-é"\n'
    )


@pytest.mark.data
def test_submission_looks_like_the_sample(real_data, tmp_path):
    sample = real_data / "shopee" / "sample_submission.csv"
    with sample.open(encoding="utf-8", newline="") as file:
        ids = [row["posting_id"] for row in csv.DictReader(file)]
    write_csv(matches_table(ids, matches_of([], len(ids)), "posting_id"), tmp_path / "s.csv")
    assert (tmp_path / "s.csv").read_bytes().split() == sample.read_bytes().split()


def test_clusters(tmp_path):
    table = clusters_table(("a", "b", "c"), Clusters(np.array([0, 1, 0])), "sku")
    write_csv(table, tmp_path / "clusters.csv")
    assert (tmp_path / "clusters.csv").read_text() == "sku,cluster\na,0\nb,1\nc,0\n"


def test_csv_quotes_what_needs_it_and_blanks_what_is_missing(tmp_path):
    table = pa.table(
        {
            'odd "name", this': ["plain", "with, comma", 'a "quote"', "line\nbreak", None],
            "score": [1.0, float("nan"), 0.25, None, -1.0],
            "n": [1, 2, None, 4, 5],
        }
    )
    write_csv(table, tmp_path / "odd.csv")
    with (tmp_path / "odd.csv").open(encoding="utf-8", newline="") as file:
        rows = list(csv.reader(file))
    assert rows == [
        ['odd "name", this', "score", "n"],
        ["plain", "1", "1"],
        ["with, comma", "", "2"],
        ['a "quote"', "0.25", ""],
        ["line\nbreak", "", "4"],
        ["", "-1", "5"],
    ]


@pytest.mark.parametrize("note", ["plain", "with, comma"])
def test_csv_of_a_table_with_empty_chunks(tmp_path, note):
    whole = pa.table({"id": ["1"], "note": [note]})
    pieces = pa.concat_tables([whole.slice(0, 0), whole, whole.slice(0, 0), whole])
    write_csv(pieces, tmp_path / "t.csv")
    with (tmp_path / "t.csv").open(encoding="utf-8", newline="") as file:
        assert list(csv.reader(file)) == [["id", "note"], ["1", note], ["1", note]]
    write_csv(whole.slice(0, 0), tmp_path / "none.csv")
    assert (tmp_path / "none.csv").read_bytes() == b"id,note\n"


def test_csv_of_repeated_column_names(tmp_path):
    write_csv(pa.table([["1"], ["2"]], names=["a", "a"]), tmp_path / "a.csv")
    assert (tmp_path / "a.csv").read_text() == "a,a\n1,2\n"


@pytest.mark.parametrize("kind", [pa.string(), pa.large_string()])
def test_formulas_are_disarmed(kind):
    risky = ["=1+1", "+1", "-1", "@x", "\tx", "\rx"]
    plain = ["a=b", " =x", "1-1", "", "'=x", "a\n=b", None]
    for column in (pa.array(risky + plain, kind), pa.chunked_array([risky, plain], kind)):
        safe = spreadsheet_safe(column)
        assert safe.type == kind
        assert safe.to_pylist() == ["'" + text for text in risky] + plain


def test_numbers_are_no_formulas():
    column = pa.array([-1.5, 2])
    assert spreadsheet_safe(column).equals(column)


def test_parquet_keeps_everything(tmp_path):
    table = pa.table({"id": ["=1", None], "score": [float("nan"), 1.0], "boxes": [[1, 2], []]})
    write_parquet(table, tmp_path / "t.parquet")
    back = parquet.read_table(tmp_path / "t.parquet")
    assert back.schema == table.schema
    assert back.column("id").equals(table.column("id"))


def test_json_of_numpy_nan_and_paths(tmp_path):
    value = {
        "f1": np.float32(0.5),
        "n": np.int64(3),
        "ok": np.bool_(True),
        "scores": np.array([[1.0, np.nan], [np.inf, 0.0]]),
        "none": (float("nan"), None, -float("inf")),
        np.int64(7): {"path": Path("a") / "b"},
        "title": "Crème \ud800",
    }
    write_json(value, tmp_path / "r.json")
    text = (tmp_path / "r.json").read_text(encoding="utf-8")
    assert json.loads(text) == {
        "f1": 0.5,
        "n": 3,
        "ok": True,
        "scores": [[1.0, None], [None, 0.0]],
        "none": [None, None, None],
        "7": {"path": str(Path("a") / "b")},
        "title": "Crème \ud800",
    }
    assert "Crème" in text
    assert text.endswith("}\n")


def test_json_of_something_else_leaves_the_old_file(tmp_path):
    path = tmp_path / "r.json"
    write_json([1], path)
    with pytest.raises(TypeError, match="not JSON serializable"):
        write_json({"x": object()}, path)
    assert json.loads(path.read_text()) == [1]
