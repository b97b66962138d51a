"""The real command on real files: what it prints, what it writes, what it returns."""

import csv
import json
import subprocess
import sys
from html.parser import HTMLParser

import pandas as pd
import pyarrow.parquet as pq
import pytest
import yaml

from matcher.cli import main


def rows_of(path) -> list[dict[str, str]]:
    with path.open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


@pytest.fixture(scope="module")
def listings(root):
    return root / "examples" / "listings.csv"


@pytest.fixture(scope="module")
def images(root):
    return root / "examples" / "images"


@pytest.fixture(scope="module")
def out(listings, images, tmp_path_factory):
    folder = tmp_path_factory.mktemp("run") / "deep" / "out"
    assert main(["dedupe", str(listings), "--images", str(images), "--out", str(folder)]) == 0
    return folder


def test_everything_promised_is_written_and_nothing_else(out):
    assert sorted(path.name for path in out.iterdir()) == [
        "clusters.csv", "matches.csv", "near_misses.csv", "pairs.csv", "pairs.parquet",
        "report.html", "run.json",
    ]  # fmt: skip


def test_matches_are_a_submission(out, listings):
    matches = pd.read_csv(out / "matches.csv", dtype=str)
    assert matches.columns.tolist() == ["posting_id", "matches"]
    assert matches["posting_id"].tolist() == pd.read_csv(listings)["posting_id"].tolist()
    for row in matches.itertuples():
        ids = row.matches.split(" ")
        assert ids[0] == row.posting_id
        assert len(set(ids)) == len(ids) <= 50


def test_clusters_agree_with_matches(out):
    matches = pd.read_csv(out / "matches.csv", dtype=str).set_index("posting_id")["matches"]
    clusters = pd.read_csv(out / "clusters.csv", dtype={"posting_id": str})
    assert clusters.columns.tolist() == ["posting_id", "cluster"]
    for _, members in clusters.groupby("cluster")["posting_id"]:
        for member in members:
            assert set(matches[member].split(" ")) == set(members)


def test_pairs_carry_scores_and_reasons(out):
    pairs = pq.read_table(out / "pairs.parquet").to_pandas()
    modalities = ["words", "characters", "models", "numbers", "quantities", "phash"]
    assert pairs.columns.tolist() == ["id_left", "id_right", *modalities, "score", "reason"]
    assert len(pairs) > 100
    assert pairs["score"].between(0, 1).all()
    assert (pairs["reason"].str.len() > 10).all()


def test_run_json_says_how_it_came_about(out):
    report = json.loads((out / "run.json").read_text(encoding="utf-8"))
    assert report["counts"]["listings"] == 219
    assert report["metrics"]["rowwise_f1"] > 0.8
    assert {"python", "matcher", "numpy"} <= set(report["versions"])
    assert set(report["encoders"]) == set(report["config"]["encoders"])


class Tags(HTMLParser):
    def __init__(self):
        super().__init__()
        self.seen: list[tuple[str, dict]] = []

    def handle_starttag(self, tag, attrs):
        self.seen.append((tag, dict(attrs)))


def test_the_report_stands_alone(out):
    tags = Tags()
    tags.feed((out / "report.html").read_text(encoding="utf-8"))
    assert not [tag for tag, _ in tags.seen if tag in ("script", "iframe", "object")]
    sources = [a.get("src") or "" for tag, a in tags.seen if tag == "img"]
    assert sources
    assert all(source.startswith("data:image/") for source in sources)


def test_summary_names_clusters_metrics_and_the_report(listings, images, tmp_path, capsys):
    main(["dedupe", str(listings), "--images", str(images), "--out", str(tmp_path)])
    text = capsys.readouterr().out
    assert "clusters of two or more, with" in text
    assert "gallery 219" in text
    assert (tmp_path / "report.html").as_uri() in text


def test_json_instead_of_text(listings, tmp_path, capsys):
    main(["dedupe", str(listings), "--out", str(tmp_path), "--json", "--encoders", "words"])
    report = json.loads(capsys.readouterr().out)
    assert list(report["encoders"]) == ["words"]


def test_evaluate_agrees_with_the_run(out, listings, capsys):
    assert main(["evaluate", "--truth", str(listings), "--matches", str(out / "matches.csv")]) == 0
    found = json.loads(capsys.readouterr().out)
    report = json.loads((out / "run.json").read_text(encoding="utf-8"))
    assert found["rowwise_f1"] == pytest.approx(report["metrics"]["rowwise_f1"])
    assert found["listings"] == 219


def test_tune_writes_a_config_that_dedupe_takes(listings, images, tmp_path, capsys):
    config = tmp_path / "tuned.yaml"
    arguments = [str(listings), "--images", str(images)]
    assert main(["tune", *arguments, "--out", str(config)]) == 0
    assert "products not seen" in capsys.readouterr().out
    assert yaml.safe_load(config.read_text())["fusion"]["method"] == "boundary"
    assert main(["dedupe", *arguments, "--config", str(config), "--out", str(tmp_path)]) == 0


@pytest.mark.parametrize("ending", ["parquet", "npz"])
def test_embed_writes_a_vector_a_listing(listings, tmp_path, ending):
    path = tmp_path / f"words.{ending}"
    assert main(["embed", str(listings), "--encoders", "words", "--out", str(path)]) == 0
    assert path.stat().st_size > 1000


def test_search_by_title_and_by_picture(listings, images, capsys):
    row = next(r for r in rows_of(listings) if r["image"])
    assert main(["search", str(listings), "--title", row["title"], "-k", "2", "--json"]) == 0
    hits = json.loads(capsys.readouterr().out)["hits"]
    assert len(hits) == 2
    assert hits[0]["title_right"] == row["title"]
    picture = str(images / row["image"])
    assert main(["search", str(listings), "--images", str(images), "--image", picture]) == 0
    assert row["posting_id"] in capsys.readouterr().out


def test_match_two_sources(listings, tmp_path, capsys):
    table = pd.read_csv(listings, dtype=str)
    table.iloc[::2].to_csv(tmp_path / "left.csv", index=False)
    table.iloc[1::2].to_csv(tmp_path / "right.parquet.csv", index=False)
    sides = [str(tmp_path / "left.csv"), str(tmp_path / "right.parquet.csv")]
    assert main(["match", *sides, "--one-to-one", "--out", str(tmp_path / "o")]) == 0
    assert "pairs match" in capsys.readouterr().out
    matches = pd.read_csv(tmp_path / "o" / "matches.csv", dtype=str)["matches"].dropna()
    assert matches.is_unique
    assert not matches.str.contains(" ").any()


def test_the_default_config_can_be_printed_and_used(tmp_path, listings, capsys):
    assert main(["config"]) == 0
    path = tmp_path / "mine.yaml"
    path.write_text(capsys.readouterr().out, encoding="utf-8")
    assert main(["dedupe", str(listings), "--config", str(path), "--out", str(tmp_path)]) == 0


def test_pictures_from_a_zip_are_those_of_the_folder(listings, images, tmp_path, out):
    import shutil

    archive = shutil.make_archive(str(tmp_path / "pictures"), "zip", images)
    folder = tmp_path / "o"
    assert main(["dedupe", str(listings), "--images", archive, "--out", str(folder)]) == 0
    assert (folder / "matches.csv").read_bytes() == (out / "matches.csv").read_bytes()


def test_a_folder_a_product(images, listings, tmp_path, capsys):
    import shutil

    for row in rows_of(listings):
        if row["image"]:
            folder = tmp_path / "tree" / row["label_group"]
            folder.mkdir(parents=True, exist_ok=True)
            shutil.copy(images / row["image"], folder / f"{row['posting_id']}.jpg")
    assert main(["dedupe", str(tmp_path / "tree"), "--out", str(tmp_path / "o")]) == 0
    text = capsys.readouterr().out
    assert "Encoders that ran: phash." in text
    assert "Against the labels" in text


def test_version_and_help_and_usage(capsys):
    assert main(["--version"]) == 0
    assert capsys.readouterr().out.strip() == "0.1.0"
    assert main(["dedupe", "--help"]) == 0
    assert "--duplicate-ids" in capsys.readouterr().out
    assert main(["dedupe"]) == 2
    assert "LISTINGS" in capsys.readouterr().err
    assert main(["dedup", "x"]) == 2


def test_the_installed_command():
    run = subprocess.run(
        [sys.executable, "-c", "from matcher.cli import main; raise SystemExit(main(['config']))"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "encoders:" in run.stdout


def test_tables_whose_columns_are_named_otherwise(tmp_path, capsys):
    (tmp_path / "l.csv").write_text("kode;grp;judul\n1;a;red cup 150ml\n2;a;red cup 150 ml\n")
    (tmp_path / "r.csv").write_text("nr,text\nx,red cup 150ML\n")
    left = [str(tmp_path / "l.csv"), "--id", "kode", "--title", "judul"]
    right = ["--right-id", "nr", "--right-title", "text"]
    out = str(tmp_path / "o")
    assert main(["dedupe", *left, "--group", "grp", "--out", out]) == 0
    evaluation = ["--truth", left[0], "--id", "kode", "--group", "grp"]
    capsys.readouterr()
    assert main(["evaluate", *evaluation, "--matches", f"{out}/matches.csv"]) == 0
    scored = json.loads(capsys.readouterr().out)
    assert (scored["rowwise_f1"], scored["matched_pairs"], scored["pair_f1"]) == (1, 1, 1)
    assert main(["match", left[0], str(tmp_path / "r.csv"), *left[1:], *right, "--out", out]) == 0
    assert not (tmp_path / "o" / "clusters.csv").exists()  # of the earlier run
    query = ["--title", "red cup", "--id-column", "kode", "--title-column", "judul"]
    assert main(["search", left[0], *query]) == 0
    assert "red cup 150ml" in capsys.readouterr().out


def test_out_is_checked_before_the_work(listings, tmp_path, capsys):
    assert main(["embed", str(listings), "--encoders", "words", "--out", "e.txt"]) == 2
    assert main(["tune", str(listings), "--out", str(tmp_path)]) == 2
    assert len(capsys.readouterr().err.splitlines()) == 2
