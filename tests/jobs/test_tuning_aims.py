"""Tuning for a promised precision, another gallery, from pairs and from nothing."""

from dataclasses import replace

import numpy as np
import pandas as pd
import pytest
import yaml

import matcher
from matcher.calibration import Interval, LabelledPairJudge
from matcher.cli.main import main
from matcher.config import RunConfig
from matcher.jobs.thresholds import with_cut
from matcher.jobs.tune import write_config
from matcher.jobs.tune_pairs import read_pairs

TITLES = {
    "encoders": {"words": {"encoder": "tfidf", "tokens": "words"}},
    "fusion": {"method": "union", "thresholds": {"words": 0.9}},
    "clustering": {"method": "components"},
}


@pytest.fixture(scope="module")
def table():
    """300 products of two listings each, told apart by a word; some share all but a number."""
    rng = np.random.default_rng(0)
    words = [f"w{i}x" for i in range(400)]
    rows = []
    for product in range(300):
        title = " ".join(rng.choice(words, 5, replace=False))
        rows += [{"title": title, "label_group": product}] * 2
    table = pd.DataFrame(rows)
    table.insert(0, "id", [f"i{i}" for i in range(len(table))])
    return table


@pytest.fixture(scope="module")
def labelled_pairs(table):
    rng = np.random.default_rng(1)
    rows = []
    for product in range(0, 300, 2):
        a, b = 2 * product, 2 * product + 1
        rows.append((f"i{a}", f"i{b}", 1))
        rows.append((f"i{a}", f"i{a + 2 + int(rng.integers(2))}", 0))
    return pd.DataFrame(rows, columns=["id_left", "id_right", "label"])


@pytest.mark.parametrize("matches", ["clusters", "pairs"])
def test_a_promise_on_clear_cut_products_is_kept(table, matches):
    tuned = matcher.tune(table, config={**TITLES, "matches": matches}, precision=0.9)
    assert tuned.precision.low >= 0.9
    assert tuned.precision.low <= tuned.precision.estimate <= tuned.precision.high
    assert tuned.fitted_f1 == pytest.approx(1)
    assert matcher.dedupe(table, config=tuned.config).metrics["rowwise_precision"] == 1
    assert any("Precision promised: 0.9" in told for told in tuned.sentences())


def test_more_than_the_labels_can_promise(table):
    with pytest.raises(matcher.DataError, match=r"0\.999 cannot be promised .* 300 independent"):
        matcher.tune(table, config=TITLES, precision=0.999)
    with pytest.raises(matcher.ConfigError, match=r"share in \(0, 1\)"):
        matcher.tune(table, config=TITLES, precision=98)


def test_a_promise_costs_matches_but_never_loosens(root):
    example = root / "examples" / "listings.csv"
    plain, strict = matcher.tune(example), matcher.tune(example, precision=0.8, confidence=0.5)
    assert strict.config.fusion == plain.config.fusion
    assert strict.config.clustering.min_score >= plain.config.clustering.min_score - 1e-6
    again = matcher.dedupe(example, config=strict.config).metrics["rowwise_f1"]
    assert again == pytest.approx(strict.fitted_f1)
    assert matcher.tune(example, precision=0.8, confidence=0.5) == strict


def test_a_larger_gallery_is_expected_to_be_harder(root, tmp_path):
    example = root / "examples" / "listings.csv"
    plain, larger = matcher.tune(example), matcher.tune(example, gallery_size=100_000)
    assert larger.gallery_size == 100_000
    assert larger.fitted_size == plain.gallery_size
    assert larger.expected_f1 < plain.expected_f1
    assert larger.config != plain.config
    write_config(larger, tmp_path / "c.yaml")
    assert "transferred to a gallery of 100,000" in (tmp_path / "c.yaml").read_text()
    assert RunConfig.load(tmp_path / "c.yaml") == larger.config
    same = matcher.tune(example, gallery_size=plain.gallery_size)
    assert same.config == plain.config


def test_pairs_with_a_label_each(table, labelled_pairs, tmp_path):
    path = tmp_path / "pairs.csv"
    labelled_pairs.to_csv(path, index=False)
    unlabelled = table.drop(columns="label_group")
    tuned = matcher.tune(unlabelled, config=TITLES, pairs=path)
    assert tuned.source == "pairs"
    assert tuned.expected_f1 == tuned.fitted_f1 == 1
    assert "hold" in " ".join(tuned.sentences())
    promised = matcher.tune(unlabelled, config=TITLES, pairs=labelled_pairs, precision=0.9)
    assert promised.precision.low >= 0.9
    with pytest.raises(matcher.DataError, match="cannot be promised"):
        matcher.tune(unlabelled, config=TITLES, pairs=labelled_pairs.iloc[:80], precision=0.98)


def test_pairs_too_few_to_hold_half_of_them_out(table, labelled_pairs):
    right, wrong = (labelled_pairs[labelled_pairs["label"] == label] for label in (1, 0))
    few = pd.concat([right.iloc[:1], wrong.iloc[:40]])
    with pytest.raises(matcher.DataError, match=r"Received: 0 of one product, .* in one half"):
        matcher.tune(table, config=TITLES, pairs=few)


def test_an_interval_that_reaches_below_the_promise_says_so(table):
    tuned = replace(
        matcher.tune(table, config=TITLES, precision=0.9), precision=Interval(0.92, 0.85, 0.97)
    )
    assert any("lower end is below the promise" in told for told in tuned.sentences())
    above = replace(tuned, precision=Interval(0.95, 0.91, 0.99))
    assert not any("lower end" in told for told in above.sentences())


def test_pairs_that_hang_together_say_nothing_of_others(table):
    chain = pd.DataFrame(
        [(f"i{i}", f"i{i + 1}", 1 - i % 2) for i in range(40)],
        columns=["id_left", "id_right", "label"],
    )
    tuned = matcher.tune(table, config=TITLES, pairs=chain)
    assert np.isnan(tuned.expected_f1)
    assert "cannot be said" in tuned.sentences()[0]
    with pytest.raises(matcher.DataError, match="do not hang together"):
        matcher.tune(table, config=TITLES, pairs=chain, precision=0.9)


def test_ids_may_be_quoted_as_pairs_csv_quotes_them():
    given = pd.DataFrame({"id_left": ["'=a"], "id_right": ["'b"], "label": [1]})
    assert read_pairs(given, ("=a", "'b"))[2].tolist() == [True]
    with pytest.raises(matcher.DataError, match=r"row 0: .*'b.*, which the table lacks"):
        read_pairs(given, ("=a", "b"))


def test_pairs_are_read_once_each():
    ids = ("a", "b", "c")
    given = pd.DataFrame(
        {"id_left": ["b", "a", "c"], "id_right": ["a", "b", "a"], "label": [1, 1, 0]}
    )
    left, right, truth = read_pairs(given, ids)
    assert (left.tolist(), right.tolist(), truth.tolist()) == ([0, 0], [1, 2], [True, False])


def test_decisions_of_a_person_are_labels():
    given = {
        "id_left": ["b", "a", "b"],
        "id_right": ["a", "c", "c"],
        "decision": ["same", "Different", ""],
    }
    left, right, truth = read_pairs(pd.DataFrame(given), ("a", "b", "c"))
    assert (left.tolist(), right.tolist(), truth.tolist()) == ([0, 0], [1, 2], [True, False])
    given["decision"][2] = "perhaps"
    with pytest.raises(matcher.DataError, match=r"row 2: .*'same', 'different' or empty.*perhaps"):
        read_pairs(pd.DataFrame(given), ("a", "b", "c"))


@pytest.mark.parametrize(
    ("wrong", "message"),
    [
        ({"id_left": ["a"], "id_right": ["b"]}, "Missing: label"),
        ({"id_left": ["a"], "id_right": ["x"], "label": [1]}, "'x', which the table lacks"),
        ({"id_left": ["a"], "id_right": ["a"], "label": [1]}, "'a' with itself"),
        ({"id_left": ["a"], "id_right": ["b"], "label": ["maybe"]}, "Received: 'maybe'"),
        (
            {"id_left": ["a", "b"], "id_right": ["b", "a"], "label": [1, 0]},
            "labelled both 0 and 1",
        ),
    ],
)
def test_pairs_that_make_no_sense(wrong, message):
    with pytest.raises(matcher.DataError, match=message):
        read_pairs(pd.DataFrame(wrong), ("a", "b"))


def test_pairs_of_one_kind_or_too_few(table, labelled_pairs):
    ones = labelled_pairs[labelled_pairs["label"] == 1]
    for few in (ones, labelled_pairs.iloc[:4]):
        with pytest.raises(matcher.DataError, match="at least 10 labelled pairs of both kinds"):
            matcher.tune(table, config=TITLES, pairs=few)


def test_thresholds_without_labels(tmp_path):
    rng = np.random.default_rng(0)
    words = [f"w{i}x" for i in range(40)]  # few words: many listings share some
    titles = [" ".join(rng.choice(words, 12, replace=False)) for _ in range(150)]
    table = pd.DataFrame({"id": [f"i{i}" for i in range(300)], "title": np.repeat(titles, 2)})
    config = {**TITLES, "clustering": {"method": "average"}}
    tuned = matcher.tune(table, config=config, unlabelled=True)
    assert np.isnan(tuned.expected_f1)
    assert 0.3 < tuned.config.fusion.thresholds["words"] < 0.9
    labelled = table.assign(label_group=np.repeat(np.arange(150), 2))
    assert matcher.dedupe(labelled, config=tuned.config).metrics["rowwise_f1"] > 0.6
    write_config(tuned, tmp_path / "c.yaml")
    assert "no label seen" in (tmp_path / "c.yaml").read_text()
    with pytest.raises(matcher.DataError, match="more than ten neighbours"):
        matcher.tune(table.iloc[:8], config=TITLES, unlabelled=True)


@pytest.mark.parametrize(
    "contradiction",
    [
        {"unlabelled": True, "precision": 0.9},
        {"unlabelled": True, "gallery_size": 5},
        {"pairs": "x.csv", "gallery_size": 5},
        {"gallery_size": 0},
    ],
)
def test_aims_that_contradict_each_other(table, contradiction):
    with pytest.raises(matcher.ConfigError):
        matcher.tune(table, config=TITLES, **contradiction)


def test_labels_that_cannot_be_learnt_from(table):
    for groups in (np.zeros(len(table), int), np.arange(len(table))):
        with pytest.raises(matcher.DataError, match="at least 10 groups of two or more"):
            matcher.tune(table.assign(label_group=groups), config=TITLES)
    tied = table.assign(phash="00ff00ff00ff00ff")
    with pytest.raises(matcher.DataError, match="share no picture or hash"):
        matcher.tune(tied, config=TITLES)


def test_one_modality_and_a_weighted_fusion(table):
    fusion = {"method": "weighted", "weights": {"words": 1.0}, "threshold": 0.5}
    tuned = matcher.tune(table, config={**TITLES, "fusion": fusion}, precision=0.9)
    assert tuned.precision.low >= 0.9


@pytest.mark.parametrize(("cut", "scaled"), [(0.5, 0.6), (0.6, 0.9)])
def test_scaled_thresholds_move_the_bound(cut, scaled):
    fusion = {"method": "union", "thresholds": {"words": 0.6}}
    config = RunConfig.read({**TITLES, "fusion": fusion, "matches": "pairs"}, "test")
    assert with_cut(config, cut).fusion.thresholds["words"] == pytest.approx(scaled, abs=1e-4)
    weighted = {"method": "weighted", "weights": {"words": 1.0}, "threshold": 0.6}
    config = RunConfig.read({**TITLES, "fusion": weighted, "matches": "pairs"}, "test")
    assert with_cut(config, cut).fusion.threshold == pytest.approx(scaled, abs=1e-4)
    with pytest.raises(matcher.ConfigError, match="no threshold that can be raised"):
        with_cut(config, 0.9)


def test_hub_in_ten_thousand_identical_pairs_is_bounded():
    pairs = matcher.types.ScoredPairs(
        np.zeros(10_000, np.int64), np.arange(1, 10_001), {"words": np.ones(10_000, np.float32)},
        10_001, 10_001,
    )  # fmt: skip
    assert LabelledPairJudge(pairs, np.ones(10_000, bool))(pairs.scores["words"]) == 1


def test_the_command_promises_and_refuses(table, tmp_path, capsys):
    path, config, out = tmp_path / "t.csv", tmp_path / "c.yaml", tmp_path / "out.yaml"
    table.to_csv(path, index=False)
    config.write_text(yaml.safe_dump(TITLES))
    command = ["tune", str(path), "--config", str(config), "--out", str(out)]
    assert main([*command, "--precision", "0.9"]) == 0
    assert "Precision promised: 0.9" in capsys.readouterr().out
    header = out.read_text().split("encoders:")[0]
    assert "Precision promised: 0.9" in header
    assert "galleries of about 600" in header
    assert main([*command, "--precision", "0.999"]) == 2
    assert "cannot be promised" in capsys.readouterr().err
