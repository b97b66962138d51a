"""What tuning writes: a config, a trained pair model and its page, used again elsewhere."""

import re

import numpy as np
import pandas as pd
import pytest
import yaml

import matcher
from matcher.cli.main import main
from matcher.errors import StoreError
from matcher.io.artifacts import load_model
from matcher.jobs import tune_files
from matcher.jobs.steps import resolve_config
from matcher.jobs.tune import write_config

WORDS = {"words": {"encoder": "tfidf", "tokens": "words", "min_score": 0.1}}
THRESHOLDS = {
    "encoders": WORDS,
    "fusion": {"method": "union", "thresholds": {"words": 0.9}},
    "clustering": {"method": "components"},
}
FILES = ["mine.html", "mine.pairs", "mine.pairs/config.json", "mine.pairs/model.safetensors"]


@pytest.fixture(scope="module")
def labelled_pairs():
    """75 matches, and 74 pairs of two products each; no listing is in two of them."""
    rows = [(f"i{2 * p}", f"i{2 * p + 1}", 1) for p in range(75)]
    rows += [(f"i{i}", f"i{i + 2}", 0) for i in range(152, 300) if i % 4 < 2]
    return pd.DataFrame(rows, columns=["id_left", "id_right", "label"])


def contents(folder):
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {str(path.relative_to(folder)): path.read_bytes() for path in files}


def names(folder):
    return sorted(str(path.relative_to(folder)) for path in folder.rglob("*"))


def test_the_pair_model_and_its_page_lie_beside_the_config(tuned, tmp_path):
    written = write_config(tuned, tmp_path / "mine.yaml")
    assert written == [tmp_path / name for name in ("mine.yaml", "mine.pairs", "mine.html")]
    assert names(tmp_path) == [*FILES, "mine.yaml"]
    text = (tmp_path / "mine.yaml").read_text()
    assert yaml.safe_load(text)["fusion"]["model"] == "mine.pairs"
    assert "# Calibration error of the pair model: 0." in text
    page = (tmp_path / "mine.html").read_text()
    assert "Reliability diagram" in page
    assert f"{tuned.reliability.n_pairs.sum():,}" in page
    assert tuned.sentences()[0] in page


@pytest.mark.parametrize(
    ("name", "beside"),
    [("a.yml", "a"), ("a.v2", "a.v2"), ("a.html", "a.html"), ("plain", "plain")],
)
def test_the_other_files_never_take_the_config_s_own_name(tuned, tmp_path, name, beside):
    write_config(tuned, tmp_path / name)
    assert resolve_config(tmp_path / name).fusion.trained is not None
    assert (tmp_path / f"{beside}.pairs").is_dir()
    assert (tmp_path / f"{beside}.html").is_file()


def test_thresholds_alone_write_the_config_alone(table, tmp_path):
    tuned = matcher.tune(table, config=THRESHOLDS)
    assert write_config(tuned, tmp_path / "mine.yaml") == [tmp_path / "mine.yaml"]
    assert names(tmp_path) == ["mine.yaml"]
    assert tuned.reliability is None
    assert "Calibration" not in (tmp_path / "mine.yaml").read_text()
    assert tuned.sentences([tmp_path / "mine.yaml"])[-1] == (
        f"Written to {tmp_path / 'mine.yaml'}; use it with: matcher dedupe LISTINGS --config "
        f"{tmp_path / 'mine.yaml'}"
    )


def test_what_was_written_finds_what_was_tuned(table, tuned, folder, tmp_path, monkeypatch):
    (tmp_path / "elsewhere").mkdir()
    monkeypatch.chdir(tmp_path / "elsewhere")
    at_once = matcher.dedupe(table, config=tuned.config)
    for path in (folder / "mine.yaml", "../copied/mine.yaml"):
        again = matcher.dedupe(table, config=path)
        np.testing.assert_array_equal(again.candidate_scores, at_once.candidate_scores)
        assert again.metrics == at_once.metrics
    assert at_once.metrics["rowwise_f1"] > 0.9


def test_the_same_labels_give_the_same_files(table, pairs_config, saved, tmp_path):
    write_config(matcher.tune(table, config=pairs_config), tmp_path / "mine.yaml")
    first, second = contents(saved), contents(tmp_path)
    for files in (first, second):
        files.pop("mine.pairs/model.safetensors")  # its metadata come in any order
    assert first == second
    trees = [load_model(path / "mine.pairs")[1] for path in (saved, tmp_path)]
    for name, tensor in trees[0].items():
        np.testing.assert_array_equal(tensor, trees[1][name])


def test_the_command_tunes_and_its_config_is_taken_from_another_folder(
    table, pairs_config, tmp_path, monkeypatch, capsys
):
    table.to_csv(tmp_path / "all.csv", index=False)
    table.iloc[::2].to_csv(tmp_path / "even.csv", index=False)
    table.iloc[1::2].to_csv(tmp_path / "odd.csv", index=False)
    (tmp_path / "c.yaml").write_text(yaml.safe_dump(pairs_config))
    (tmp_path / "deep").mkdir()
    monkeypatch.chdir(tmp_path)
    assert main(["tune", "all.csv", "--config", "c.yaml", "--out", "deep/mine.yaml"]) == 0
    told = capsys.readouterr().out
    assert "Calibration error of the pair model: 0." in told
    assert "Written to deep/mine.yaml, its trained model to deep/mine.pairs, and how far" in told
    assert "true to deep/mine.html; use it with: matcher dedupe LISTINGS --config" in told
    monkeypatch.chdir(tmp_path / "deep")
    assert main(["dedupe", "../all.csv", "--config", "mine.yaml", "--out", "o"]) == 0
    assert len(pd.read_csv("o/clusters.csv")) == 300
    monkeypatch.chdir("o")
    config = str(tmp_path / "deep" / "mine.yaml")
    sources = ["../../even.csv", "../../odd.csv"]
    assert main(["match", *sources, "--config", config, "--out", "p"]) == 0
    found = pd.read_csv("p/pairs.csv")
    right = found["id_left"].str[1:].astype(int) + 1 == found["id_right"].str[1:].astype(int)
    assert right.sum() > 100
    assert right.mean() > 0.9


@pytest.fixture
def tune_pairs(table, pairs_config, tmp_path):
    """Run the command with some labelled pairs; the config is written to out/mine.yaml."""
    listings, given, config = (tmp_path / name for name in ("t.csv", "pairs.csv", "c.yaml"))
    table.drop(columns="label_group").to_csv(listings, index=False)
    config.write_text(yaml.safe_dump(pairs_config))

    def run(labelled):
        labelled.to_csv(given, index=False)
        command = ["tune", str(listings), "--config", str(config), "--pairs", str(given)]
        return main([*command, "--out", str(tmp_path / "out" / "mine.yaml")])

    return run


def test_labelled_pairs_train_the_pair_model(tune_pairs, labelled_pairs, table, tmp_path, capsys):
    assert tune_pairs(labelled_pairs) == 0
    told = capsys.readouterr().out
    assert "F1 of pairs to expect on products not seen: 0.9" in told
    assert "Measured on 149 labelled pairs" in told
    assert "not for all pairs of a catalogue" in told
    assert names(tmp_path / "out") == [*FILES, "mine.yaml"]
    found = matcher.dedupe(table, config=tmp_path / "out" / "mine.yaml")
    assert found.metrics["rowwise_f1"] > 0.7


@pytest.mark.parametrize(
    ("n_right", "n_wrong", "received"), [(19, 74, "19 and 74"), (75, 19, "75 and 19")]
)
def test_too_few_labelled_pairs_are_refused_and_nothing_is_written(
    tune_pairs, labelled_pairs, tmp_path, capsys, n_right, n_wrong, received
):
    right, wrong = (labelled_pairs[labelled_pairs["label"] == label] for label in (1, 0))
    assert tune_pairs(pd.concat([right.iloc[:n_right], wrong.iloc[:n_wrong]])) == 2
    refusal = capsys.readouterr().err
    assert "at least 20 candidate pairs that are matches and as many that are not" in refusal
    assert re.search(rf"Received: {received}, of 1\d\d products\. Label more", refusal)
    assert not (tmp_path / "out" / "mine.yaml").exists()


def test_pairs_that_are_too_few_once_half_are_held_out(tune_pairs, labelled_pairs, capsys):
    assert tune_pairs(labelled_pairs.iloc[50:100]) == 2  # 25 of either kind
    assert "held out to say what to expect not counted. Received: 1" in capsys.readouterr().err


@pytest.mark.parametrize("broken", ["render_reliability", "save_pair_model", "yaml", "interrupt"])
def test_what_was_there_stays_if_writing_fails(tuned, tmp_path, monkeypatch, broken):
    (tmp_path / "mine.pairs").mkdir()
    for name in ("mine.yaml", "mine.html", "mine.pairs/model.safetensors", "mine.pairs/notes"):
        (tmp_path / name).write_text(f"old {name}")
    before = contents(tmp_path)
    fail_at(monkeypatch, broken)
    with pytest.raises(KeyboardInterrupt if broken == "interrupt" else StoreError):
        write_config(tuned, tmp_path / "mine.yaml")
    assert contents(tmp_path) == before


@pytest.mark.parametrize("broken", ["save_pair_model", "yaml", "interrupt"])
def test_nothing_is_left_of_a_first_writing_that_fails(tuned, tmp_path, monkeypatch, broken):
    fail_at(monkeypatch, broken)
    with pytest.raises(KeyboardInterrupt if broken == "interrupt" else StoreError):
        write_config(tuned, tmp_path / "new" / "mine.yaml")
    assert names(tmp_path) == []


def fail_at(monkeypatch, broken):
    """Have one step fail: the two last ones after all the others have been taken."""
    last = broken in ("yaml", "interrupt")
    name = "_write" if last else broken
    own = getattr(tune_files, name)

    def fail(*arguments):
        if last and arguments[0].suffix != ".yaml":
            return own(*arguments)
        raise KeyboardInterrupt if broken == "interrupt" else StoreError("no space")

    monkeypatch.setattr(tune_files, name, fail)


@pytest.mark.parametrize(("name", "folder_there"), [("mine.html", True), ("mine.pairs", False)])
def test_what_is_in_the_way_is_named_and_nothing_changes(tuned, tmp_path, name, folder_there):
    (tmp_path / "mine.yaml").write_text("old")
    (tmp_path / name).mkdir() if folder_there else (tmp_path / name).write_text("old")
    before = contents(tmp_path)
    with pytest.raises(StoreError, match=name):
        write_config(tuned, tmp_path / "mine.yaml")
    assert contents(tmp_path) == before


def test_a_link_is_followed_and_stays_one_where_writing_fails(tuned, tmp_path, monkeypatch):
    (tmp_path / "real").mkdir()
    (tmp_path / "real" / "page").write_text("old")
    (tmp_path / "mine.html").symlink_to(tmp_path / "real" / "page")
    fail_at(monkeypatch, "yaml")
    with pytest.raises(StoreError):
        write_config(tuned, tmp_path / "mine.yaml")
    assert (tmp_path / "mine.html").is_symlink()
    assert (tmp_path / "real" / "page").read_text() == "old"
