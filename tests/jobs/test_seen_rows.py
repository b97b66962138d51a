"""What an encoder was trained on sets no thresholds and is not scored."""

import json
import shutil
from dataclasses import replace

import numpy as np
import pandas as pd
import pytest

import matcher
from benchmarks.protocols import as_given, held_out_in_all, take
from matcher.cli import main
from matcher.config import RunConfig
from matcher.errors import ConfigError, DataError, StoreError
from matcher.io.atomic import OutputFolder
from matcher.jobs.audit import audit
from matcher.jobs.evaluate import evaluate
from matcher.jobs.save import save
from matcher.jobs.seen_rows import (
    CHOSEN,
    TRAINED_ON,
    UNSCORED,
    find_seen,
    only_held_out,
    refuse_matches,
    refuse_seen,
    write_seen,
)
from matcher.jobs.train_files import read_sides, write_sides
from matcher.jobs.tune_files import Tuned
from matcher.training.rows import Sides
from matcher.training.trained_rows import FOLDER, picture_digests, save_trained, title_digests
from matcher.types import UNLABELLED, Listings

TRAINED = 120


@pytest.fixture(scope="module")
def listings(root):
    return matcher.read_listings(root / "examples" / "listings.csv", root / "examples" / "images")


def leave(folder, digests, kind, sides, listings, earlier=()):
    """What a training leaves beside its weights."""
    save_trained(folder, digests, kind, earlier)
    table = pd.DataFrame({"listing_id": listings.ids, "side": sides})
    table.to_csv(folder / "split.csv", index=False)
    return folder


@pytest.fixture(scope="module")
def run(root, tmp_path_factory, listings):
    """A network for titles that seems to have been trained on the first 120 listings."""
    folder = tmp_path_factory.mktemp("runs") / "titles"
    shutil.copytree(root / "tests" / "fixtures" / "tiny_bert", folder)
    n = len(listings)
    sides = np.array(["train"] * TRAINED + ["held_out"] * (n - TRAINED - 20) + ["test"] * 20)
    return leave(folder, title_digests(listings)[:TRAINED], "titles", sides, listings)


def config_of(run, **more):
    """Words, and an encoder of that run."""
    bert = {"encoder": "bert", "weights": str(run), "max_tokens": 24}
    encoders = {"words": {"encoder": "tfidf"}, "trained": bert}
    thresholds = {"words": 0.6, "trained": 0.99}
    table = {"encoders": encoders, "clustering": {"method": "average"}, **more}
    return RunConfig.read({"fusion": {"thresholds": thresholds}, **table}, "test")


def test_rows_are_found_by_what_they_hold(run, listings):
    seen = find_seen(config_of(run), listings)
    assert list(seen) == [str(run)]
    np.testing.assert_array_equal(seen[str(run)], np.arange(TRAINED))
    assert not find_seen(config_of(run), listings, ["words"])
    assert not find_seen(RunConfig.default(), listings)
    renamed = replace(listings, ids=tuple(f"x{i}" for i in listings.ids))
    assert not find_seen(config_of(run), renamed)


def test_pictures_are_found_whatever_the_listing_is_called(tmp_path, listings):
    leave(tmp_path, picture_digests(listings)[:50], "pictures", "train", listings)
    config = RunConfig.read(
        {
            "encoders": {"photos": {"encoder": "image", "weights": str(tmp_path)}},
            "fusion": {"thresholds": {"photos": 0.9}},
            "clustering": {"method": "average"},
        },
        "test",
    )
    renamed = replace(listings, ids=tuple(f"x{i}" for i in listings.ids))
    seen = find_seen(config, renamed)[str(tmp_path)]
    readable = np.flatnonzero(picture_digests(listings)[:50])
    assert set(readable.tolist()) <= set(seen.tolist())  # and copies of their pictures
    assert len(seen) < len(listings)


def test_what_the_runs_before_it_were_trained_on_counts_as_well(tmp_path, run, listings):
    last = title_digests(listings)[-5:]
    chained = leave(tmp_path, last, "titles", "train", listings, earlier=[run])
    found = find_seen(config_of(chained), listings)[str(chained)]
    assert len(found) == TRAINED + 5


def test_a_run_that_does_not_say_what_it_was_trained_on_is_not_believed(tmp_path, listings):
    (tmp_path / FOLDER).mkdir()
    with pytest.raises(StoreError, match=FOLDER):
        find_seen(config_of(tmp_path), listings)


@pytest.mark.parametrize("more", [{}, {"unlabelled": True}, {"pairs": True}])
def test_thresholds_are_not_fitted_to_them(run, listings, more):
    if "pairs" in more:
        ends = {"id_left": listings.ids[0], "id_right": listings.ids[-1], "label": 1}
        more = {"pairs": pd.DataFrame([ends])}
    with pytest.raises(DataError, match=f"titles was trained on .* {listings.ids[0]!r}.*split.csv"):
        matcher.tune(listings, config=config_of(run), **more)


def test_labels_of_other_listings_may_be_used(run, listings):
    some = replace(listings, groups=np.where(np.arange(219) < TRAINED, -1, listings.groups))
    refuse_seen(config_of(run), some)
    with pytest.raises(DataError, match="120 of the 219"):
        refuse_seen(config_of(run), listings)
    held = only_held_out(listings, run)
    np.testing.assert_array_equal(np.flatnonzero(held.groups != UNLABELLED), np.arange(120, 199))


def test_choosing_what_was_held_out_needs_labels_and_a_run_that_held_some_out(
    run, listings, tmp_path
):
    with pytest.raises(DataError, match="needs labels"):
        only_held_out(replace(listings, groups=None), run)
    with pytest.raises(StoreError, match="finished training"):
        only_held_out(listings, tmp_path)
    with pytest.raises(DataError, match="held out none"):
        only_held_out(listings, leave(tmp_path, title_digests(listings), "titles", "x", listings))
    with pytest.raises(ConfigError, match="neither pairs nor"):
        matcher.tune(listings, config=config_of(run), held_out_by=run, unlabelled=True)


def test_benchmarks_refuse_them(run, listings):
    for figure in (as_given, lambda *a: held_out_in_all(*a, 2)):
        with pytest.raises(DataError, match=r"was trained on .* are to be scored"):
            figure(listings, config_of(run))


def test_ids_are_found_as_they_were_written(tmp_path):
    """``=1`` is kept from a spreadsheet by a quote; another id begins with one."""
    titles = ("a", "b", "c")
    quoted = Listings(("'=1", "=2", "x"), titles, (None,) * 3, groups=np.zeros(3, np.int64))
    write_sides(tmp_path, quoted, Sides(*np.arange(3).reshape(3, 1)))
    assert read_sides(tmp_path, quoted).tolist() == ["train", "held_out", "test"]
    with OutputFolder(tmp_path / "out") as out:
        write_seen([(quoted.ids, {"run": np.array([0])})], out)
    with pytest.raises(DataError, match=r"1 of the 3 labelled listings, such as \"'=1\""):
        refuse_matches(tmp_path / "out" / "matches.csv", quoted)
    both = replace(quoted, ids=("=1", "'=1", "x"))
    write_sides(tmp_path, both, Sides(*np.arange(3).reshape(3, 1)))
    with pytest.raises(StoreError, match="rename one"):
        read_sides(tmp_path, both)


def test_a_file_of_that_name_from_elsewhere_is_refused(tmp_path, listings):
    (tmp_path / TRAINED_ON).write_text("id,what\n1,2\n")
    with pytest.raises(DataError, match=r"columns listing_id and run\. Received: id, what\."):
        refuse_matches(tmp_path / "matches.csv", listings)


def test_an_encoder_without_weights_is_of_no_run(run, listings, monkeypatch):
    monkeypatch.chdir(run)
    assert not find_seen(RunConfig.default(), listings)


def test_tuning_by_what_weights_were_chosen_by_says_so():
    tuned = Tuned(RunConfig.default(), 0.9, 0.95, 10, 10)
    assert not any("flatters" in said for said in tuned.sentences())
    told = replace(tuned, held_out_by="runs/a").sentences()
    assert "runs/a chose its encoder's weights by these same products" in told[1]


@pytest.mark.keras
def test_what_weights_were_chosen_by_is_scored_with_a_warning(root, tmp_path, listings):
    pytest.importorskip("keras")
    few, run = take(listings, np.arange(40)), tmp_path / "run"
    shutil.copytree(root / "tests" / "fixtures" / "tiny_bert", run)
    digests = title_digests(few)
    save_trained(run, digests[:10], "titles", chosen=digests[10:25])
    config, rows = config_of(run), np.arange(40)
    found = {}
    for first in (0, 10, 25):
        some = replace(few, groups=np.where(rows < first, UNLABELLED, few.groups))
        found[first] = matcher.dedupe(some, config=config)
    assert not found[0].metrics
    assert CHOSEN not in found[0].report.problems
    assert found[10].metrics
    assert found[10].report.problems[CHOSEN] == 15
    assert CHOSEN not in found[25].report.problems


@pytest.mark.keras
def test_matches_between_sources_say_what_was_trained_on(root, run, tmp_path, listings):
    pytest.importorskip("keras")
    left, right = take(listings, np.arange(5)), take(listings, np.arange(110, 130))
    result = matcher.match(left, right, config=config_of(run))
    with OutputFolder(tmp_path / "out") as out:
        save(result, out)
    told = pd.read_csv(tmp_path / "out" / TRAINED_ON, dtype=str)
    assert told["listing_id"].tolist() == [*left.ids, *right.ids[:10]]
    table = root / "examples" / "listings.csv"
    with pytest.raises(DataError, match="was trained on 15 of the 219 labelled"):
        evaluate(table, tmp_path / "out" / "matches.csv")
    words = matcher.match(left, right, config=config_of(run), encoders="words")
    with OutputFolder(tmp_path / "out") as out:
        save(words, out)
    assert not (tmp_path / "out" / TRAINED_ON).exists()


@pytest.mark.keras
@pytest.mark.slow
def test_a_run_on_them_has_clusters_but_no_metrics(run, listings, tmp_path, root, capfd):
    pytest.importorskip("keras")
    config, out = tmp_path / "c.yaml", tmp_path / "out"
    config.write_text(json.dumps(config_of(run, fitted_on=[]).dump()))
    table = str(root / "examples" / "listings.csv")
    assert main(["dedupe", table, "--config", str(config), "--out", str(out)]) == 0
    told = capfd.readouterr().out
    assert f"120 listings: {UNSCORED}" in told
    assert "row F1" not in told
    told = json.loads((out / "run.json").read_text())
    assert told["metrics"] == {}
    assert told["counts"]["clusters"] > 0
    page = (out / "report.html").read_text()
    assert UNSCORED in page
    assert "of one product" not in page
    assert len(pd.read_csv(out / TRAINED_ON)) == TRAINED
    with pytest.raises(DataError, match="was trained on 120 of the 219 labelled"):
        evaluate(table, out / "matches.csv")
    fewer = pd.read_csv(table, dtype=str)
    fewer.loc[: TRAINED - 1, "label_group"] = ""
    fewer.to_csv(tmp_path / "fewer.csv", index=False)
    assert evaluate(tmp_path / "fewer.csv", out / "matches.csv")["labelled"] == 99
    again = ["dedupe", table, "--config", str(config), "--encoders", "words", "--out", str(out)]
    assert main(again) == 0
    assert "row F1" in capfd.readouterr().out
    assert not (out / TRAINED_ON).exists()


@pytest.mark.keras
@pytest.mark.slow
def test_tuning_on_what_was_held_out(run, listings, tmp_path, root, capfd):
    pytest.importorskip("keras")
    config = tmp_path / "c.yaml"
    config.write_text(json.dumps(config_of(run).dump()))
    table, out = str(root / "examples" / "listings.csv"), tmp_path / "mine.yaml"
    asked = ["tune", table, "--config", str(config), "--out", str(out)]
    assert main(asked) == 2
    assert "--held-out-by" in capfd.readouterr().err
    assert main([*asked, "--held-out-by", str(run)]) == 0
    assert "weights by these same products" in capfd.readouterr().out
    fitted = RunConfig.load(out)
    other = listings.groups.copy()
    other[:TRAINED] = 0  # whatever those labels are
    again = matcher.tune(replace(listings, groups=other), config=config, held_out_by=run).config
    assert again.fusion == fitted.fusion
    audited = audit(listings, config=fitted)
    assert sum("may look right" in reason for reason in audited.report.problems) == 1
