"""What a person decides about pairs of two sources."""

import numpy as np
import pandas as pd
import pytest

import matcher
from matcher.cli import main
from matcher.clustering import Constraints
from matcher.errors import DataError

LEFT = pd.DataFrame({"id": ["1", "2"], "title": ["sony tv kd55x9005c", "apple iphone 8 64gb"]})
RIGHT = pd.DataFrame(
    {
        "id": ["1", "x", "y", "z"],
        "title": [
            "iphone 8 64gb apple",
            "apple iphone 8 64gb silver",
            "sony kd55x9005c tv",
            "garden hose",
        ],
    }
)


@pytest.fixture
def decide(tmp_path):
    """Match with some decisions, given as rows of a table."""

    def run(*rows, **options):
        path = tmp_path / "decided.csv"
        decided = pd.DataFrame(rows, columns=["id_left", "id_right", "decision"])
        decided.to_csv(path, index=False)
        return matcher.match(LEFT, RIGHT, decisions=path, **options)

    return run


def test_decisions_hold_whatever_the_scores(decide):
    assert matcher.match(LEFT, RIGHT).matches["matches"].tolist() == ["y", "1 x"]
    result = decide(("1", "z", "same"), ("2", "1", "different"), ("1", "y", ""))
    assert result.matches["matches"].tolist() == ["y z", "x"]
    missed = result.near_misses.set_index(["id_left", "id_right"])["reason"]
    assert "a person calls them different" in missed["2", "1"]


def test_what_differs_from_one_differs_from_all_that_are_the_same(decide):
    result = decide(("1", "z", "same"), ("1", "x", "same"), ("2", "z", "different"))
    assert result.matches["matches"].tolist() == ["y x z", "1"]


def test_one_to_one_gives_way_to_a_decision(decide):
    result = decide(("1", "1", "same"), one_to_one=True)
    assert result.matches["matches"].tolist() == ["1", "x"]
    result = decide(("1", "1", "same"), ("1", "z", "same"), one_to_one=True)
    assert sorted(result.matches["matches"][0].split()) == ["1", "z"]


def test_constraints_count_the_right_rows_on_from_the_left():
    decided = Constraints(cannot_link=np.array([[1, 2]]), must_link=np.array([[5, 0], [0, 1]]))
    result = matcher.match(LEFT, RIGHT, decisions=decided)
    assert result.matches["matches"].tolist() == ["y z", "x"]
    with pytest.raises(DataError, match=r"0 to 5\. Received: row 6"):
        matcher.match(LEFT, RIGHT, decisions=Constraints(must_link=np.array([[0, 6]])))


def test_no_decisions_change_nothing(decide):
    plain, decided = matcher.match(LEFT, RIGHT), decide()
    pd.testing.assert_frame_equal(plain.pairs, decided.pairs)


@pytest.mark.parametrize(
    ("rows", "message"),
    [
        ([("x", "1", "same")], "id 'x' is not among the 2 listings"),
        ([("1", "2", "same")], "id '2' is not among the 4 listings"),
        (
            [("1", "1", "same"), ("1", "z", "same"), ("2", "1", "same"), ("2", "z", "different")],
            "'2' and 'z' are different, but other rows make them the same",
        ),
    ],
)
def test_what_is_refused(decide, rows, message):
    with pytest.raises(DataError, match=message):
        decide(*rows)


def test_the_command_takes_decisions(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    LEFT.to_csv("l.csv", index=False)
    RIGHT.to_csv("r.csv", index=False)
    (tmp_path / "d.csv").write_text("id_left,id_right,decision\n2,1,different\n")
    assert main(["match", "l.csv", "r.csv", "--decisions", "d.csv", "--out", "o"]) == 0
    assert pd.read_csv("o/matches.csv")["matches"].tolist() == ["y", "x"]
