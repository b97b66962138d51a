"""Match files read back for scoring."""

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from matcher.errors import DataError
from matcher.io.match_files import read_matches
from matcher.io.outputs import matches_table, write_csv, write_parquet
from matcher.similarity import build_graph
from matcher.types import Matches

IDS = ("a", "b", "c", "d")


@pytest.fixture
def read(tmp_path):
    """Read matches among ``IDS`` from CSV text."""

    def read(content: str, ids=IDS, **options) -> Matches:
        path = tmp_path / "matches.csv"
        path.write_text(content, encoding="utf-8")
        return read_matches(path, ids, **options)

    return read


def edges(matches: Matches) -> list[list[int]]:
    return [row.tolist() for row in np.split(matches.indices, matches.indptr[1:-1])]


def test_order_of_the_file_survives_as_scores(read):
    matches = read("id,matches\nd,d c a b\nb,b\na,d\nc,\n")
    assert edges(matches) == [[3], [], [], [2, 0, 1]]
    # 1 - 0.5 * rank / 3 for the three matches of d
    np.testing.assert_allclose(matches.scores, [1, 1, 1 - 1 / 6, 1 - 2 / 6], rtol=1e-6)
    assert (matches.n_rows, matches.n_cols) == (4, 4)


def test_scores_of_a_long_row_are_accepted_and_strictly_fall(read):
    ids = [str(i) for i in range(5000)]
    scores = read(f"id,matches\n0,{' '.join(ids)}\n", ids).scores
    assert (np.diff(scores) < 0).all()
    assert scores.min() > 0.5


def test_own_id_anywhere_repeats_and_odd_spaces_are_passed_over(read):
    assert edges(read("id,matches\na,  b a c\tb  \nb,b b\nc,a\nd,d\n")) == [[1, 2], [], [0], []]


def test_missing_listings_match_only_themselves_and_are_counted(read, caplog):
    assert edges(read("id,matches\nc,a\n")) == [[], [], [0], []]
    assert "3 of 4 listings have no row" in caplog.text
    assert "(ids 'a', 'b', 'd')" in caplog.text


def test_all_there_is_silence(read, caplog):
    read("posting_id,matches\na,a\nb,b\nc,c\nd,d\n")
    assert not caplog.records


def test_unknown_ids_are_refused_with_their_line(read):
    with pytest.raises(DataError, match="line 3: id 'x' is not among the 4 listings"):
        read("id,matches\na,a\nx,a\n")
    with pytest.raises(DataError, match="line 4: id 'y' is not among the 4 listings"):
        read("id,matches\na,a b\n\nb,a  y\n")


def test_two_rows_of_one_id_are_refused(read):
    with pytest.raises(DataError, match=r"id 'b' has more than one row \(lines 3, 5\)"):
        read("id,matches\na,a\nb,a\nc,c\nb,c\n")


@pytest.mark.parametrize("header", ["id,match", "id,matches,matches"])
def test_needs_the_column(read, header):
    with pytest.raises(DataError, match="needs one column named 'matches'"):
        read(f"{header}\na,a{',a' * (header.count(',') - 1)}\n")


def test_column_of_ids_named_or_detected(read):
    assert edges(read("key,matches\na,b\n", id_name="key"))[0] == [1]
    with pytest.raises(DataError, match="no column of ids"):
        read("key,matches\na,b\n")


def test_no_rows(read):
    assert edges(read("id,matches\n")) == [[], [], [], []]


def test_missing_file(tmp_path):
    with pytest.raises(DataError, match="does not exist"):
        read_matches(tmp_path / "x.csv", IDS)


PAIRS = st.sets(st.tuples(st.integers(0, 6), st.integers(0, 6)).filter(lambda p: p[0] != p[1]))


@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=30
)
@given(pairs=PAIRS, ending=st.sampled_from(["csv", "parquet"]), rng=st.randoms())
def test_what_is_written_is_read_back(tmp_path, pairs, ending, rng):
    ids = [f"id{i}" for i in range(7)]
    rows, cols = np.array(sorted(pairs), np.int64).reshape(-1, 2).T
    scores = np.array([rng.random() for _ in rows], np.float32)
    graph = build_graph(rows, cols, scores, 7, 7)
    matches = Matches(graph.indptr, graph.indices, graph.scores, 7)
    path = tmp_path / f"matches.{ending}"
    {"csv": write_csv, "parquet": write_parquet}[ending](matches_table(ids, matches), path)
    assert edges(read_matches(path, ids)) == edges(matches)
