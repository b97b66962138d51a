"""Which method searched each modality, in run.json and on the terminal."""

import json
from dataclasses import asdict

import numpy as np
import pytest
import yaml

import matcher
from matcher.cli import main
from matcher.jobs import dedupe as dedupe_job
from matcher.jobs import sources
from matcher.jobs.steps import Encodings
from matcher.similarity import l2_normalize
from matcher.types import Embeddings

PHOTOS = {
    "encoders": {"photos": {"encoder": "mobilenet", "min_score": 0.5}},
    "fusion": {"method": "union", "thresholds": {"photos": 0.9}},
    "clustering": {"method": "components", "min_score": 0.5, "max_size": 50},
    "search": {"neighbors": 5, "method": "ivf", "recall_sample": 30},
}


@pytest.fixture
def listings(tmp_path):
    path = tmp_path / "listings.csv"
    titles = [f"kettle {n // 2} steel model k{n // 2}" for n in range(40)]
    path.write_text("id,title\n" + "\n".join(f"{n},{t}" for n, t in enumerate(titles)))
    return path


@pytest.fixture
def photos(rng, monkeypatch):
    """An encoder of pictures, played by vectors."""
    pairs = np.repeat(rng.normal(size=(20, 8)), 2, axis=0) + 0.01 * rng.normal(size=(40, 8))
    vectors = l2_normalize(pairs.astype(np.float32))

    def encode(config, learn_from, *tables):
        made = tuple({"photos": Embeddings(vectors[: len(table)], "toy")} for table in tables)
        return Encodings(made, {}, made)

    monkeypatch.setattr(dedupe_job, "encode", encode)
    monkeypatch.setattr(sources, "encode", encode)


def config_file(tmp_path, **search):
    path = tmp_path / "config.yaml"
    path.write_text(yaml.safe_dump({**PHOTOS, "search": {**PHOTOS["search"], **search}}))
    return str(path)


def test_the_report_tells_method_reason_and_recall(listings, photos):
    about = matcher.dedupe(listings, config=PHOTOS).report.search["photos"]
    assert about["method"] == "ivf"
    assert about["why"] == "named in the config"
    assert about["recall_queries"] == 30
    assert 0.9 < about["recall"] <= 1


def test_two_sources_tell_it_too(listings, photos):
    report = matcher.match(listings, listings, config=PHOTOS).report
    assert asdict(report)["search"]["photos"]["method"] == "ivf"


def test_the_command_says_it_in_one_line_and_in_run_json(listings, photos, tmp_path, capsys):
    out = tmp_path / "out"
    command = ["dedupe", str(listings), "--config", config_file(tmp_path), "--out", str(out)]
    assert main(command) == 0
    (line,) = [t for t in capsys.readouterr().out.splitlines() if t.startswith("Searched: ")]
    assert line.startswith("Searched: photos by ivf (named in the config), approximate: recall ")
    assert line.endswith("against exact search for 30 of the queries.")
    assert json.loads((out / "run.json").read_text())["search"]["photos"]["method"] == "ivf"


def test_the_default_is_exact_and_says_so(listings, tmp_path, capsys):
    out = tmp_path / "out"
    assert main(["dedupe", str(listings), "--out", str(out)]) == 0
    text = capsys.readouterr().out
    assert "by sparse (the exact method for sparse vectors)" in text
    report = json.loads((out / "run.json").read_text())
    assert {about["method"] for about in report["search"].values()} == {"sparse"}


def test_search_says_it_below_the_hits(listings, photos, tmp_path, capsys):
    command = ["search", str(listings), "--title", "kettle", "--config", config_file(tmp_path)]
    assert main(command) == 0
    assert capsys.readouterr().out.splitlines()[-1].startswith("Searched: photos by ivf (")
    assert main([*command, "--json"]) == 0
    told = json.loads(capsys.readouterr().out)
    assert told["search"]["photos"]["recall"] is not None
    assert len(told["hits"]) == 10


def test_a_method_that_does_not_fit_ends_the_run_with_the_way_out(listings, tmp_path, capsys):
    path = tmp_path / "config.yaml"
    default = yaml.safe_load(matcher.config.default_yaml())
    path.write_text(yaml.safe_dump({**default, "search": {"method": "lsh"}}))
    assert main(["dedupe", str(listings), "--config", str(path), "--out", str(tmp_path)]) == 2
    assert "gives sparse vectors. Name the modalities that it is for" in capsys.readouterr().err


def test_a_method_for_an_unknown_modality_is_refused(tmp_path, listings, capsys):
    path = config_file(tmp_path, method={"photo": "ivf"})
    assert main(["dedupe", str(listings), "--config", path, "--out", str(tmp_path)]) == 2
    told = capsys.readouterr().err
    assert "search.method names the modality 'photo'" in told
    assert "Did you mean 'photos'?" in told
