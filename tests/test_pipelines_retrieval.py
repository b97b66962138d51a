"""The pipelines for auction items and for eProduct, from the command line to their files."""

import csv
import json
import subprocess
import sys

import numpy as np
import pytest
import yaml
from PIL import Image

from matcher.report.ranking_sheet import choose_shown
from pipelines import auction, eproduct

pytestmark = pytest.mark.keras
pytest.importorskip("keras")

THREES, PAIRS = 6, 5
NETWORK = {"backbone": "resnet18", "size": 32, "weights": "random"}


@pytest.fixture(scope="module")
def shop(tmp_path_factory):
    """A folder a product: six of three pictures, five of two; a table of them as well."""
    folder = tmp_path_factory.mktemp("shop")
    rng = np.random.default_rng(0)
    rows = [["id", "image", "label_group", "meta", "kind", "role"]]
    for product in range(THREES + PAIRS):
        pattern = rng.integers(0, 256, (4, 4, 3)).repeat(10, 0).repeat(10, 1)
        (folder / "pictures" / f"m{product}").mkdir(parents=True)
        for i in range(3 if product < THREES else 2):
            noisy = np.clip(pattern + rng.normal(0, 30, pattern.shape), 0, 255).astype(np.uint8)
            name = f"m{product}/item{product}-{i}.png"
            Image.fromarray(noisy).save(folder / "pictures" / name)
            role = "query" if product >= THREES and i else "index"
            rows.append([f"{product}-{i}", name, f"m{product}", product % 2, product % 4, role])
    with (folder / "listings.csv").open("w", newline="") as file:
        csv.writer(file).writerows(rows)
    untrained = {
        "encoders": {"photos": {"encoder": "image", **NETWORK}},
        "fusion": {"method": "union", "thresholds": {"photos": 0.9}},
        "clustering": {"method": "average"},
    }
    (folder / "untrained.yaml").write_text(yaml.safe_dump(untrained))
    return folder


def training(shop, **changes):
    """Write a small training, with changes."""
    table = {
        "source": {"listings": "given on the command line", "least": 3, "tie_phash": False},
        "image": NETWORK,
        "loss": {"method": "triplet"},
        "batches": {"size": 6, "per_group": 2},
        "freezing": {"norms": False},
        "epochs": 1,
        "validation": {"split": "pairs"},
        **changes,
    }
    path = shop / f"{table['loss']['method']}-{table['validation']['split']}.yaml"
    path.write_text(yaml.safe_dump(table))
    return path


def call(pipeline, monkeypatch, *arguments):
    """Run a pipeline in this process; what it returns."""
    monkeypatch.setattr(sys, "argv", [pipeline.__name__, *map(str, arguments)])
    return pipeline.main()


@pytest.fixture(scope="module")
def auctioned(root, shop, tmp_path_factory):
    """An auction trained and measured by the command, its folder and what it printed."""
    out = tmp_path_factory.mktemp("auction") / "out"
    arguments = [shop / "pictures", "--train", training(shop), "--out", out, "--queries", "4"]
    command = [sys.executable, "-m", "pipelines.auction", *map(str, arguments)]
    ran = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    return out, ran.stdout


@pytest.mark.slow
def test_an_auction_is_measured_before_and_after(auctioned):
    out, _ = auctioned
    found = json.loads((out / "auction.json").read_text())
    assert found["held_out"] == {"pictures": 2 * PAIRS, "products": PAIRS}
    for when in ("before", "after"):
        assert 0 <= found[when]["top1"] <= found[when]["top5"] <= 1
    run = json.loads((out / "encoder" / "run.json").read_text())
    assert run["counts"]["trained_listings"] == 3 * THREES


@pytest.mark.slow
def test_an_auction_shows_its_queries(auctioned):
    with Image.open(auctioned[0] / "queries.png") as sheet:
        assert sheet.format == "PNG"
        assert sheet.width > 5 * 168
        assert sheet.height > 4 * 168


@pytest.mark.slow
@pytest.mark.long
def test_an_auction_names_the_audit_that_can_be_run(auctioned, root):
    _, printed = auctioned
    line = next(line for line in printed.splitlines() if line.startswith("matcher audit"))
    code = "import sys; from matcher.cli.main import main; sys.exit(main(sys.argv[1:]))"
    command = [sys.executable, "-c", code, *line.split()[1:]]
    ran = subprocess.run(command, cwd=root, capture_output=True, text=True, check=False)
    assert ran.returncode == 0, ran.stderr
    assert (auctioned[0] / "audit" / "suspects.csv").exists()


@pytest.mark.slow
def test_a_hierarchy_without_products_is_trained_on_and_measured(shop, tmp_path, monkeypatch):
    from matcher.cli.main import main

    with (shop / "listings.csv").open() as file:
        rows = [[row[0], row[1], row[3], row[4]] for row in csv.reader(file)]
    with (tmp_path / "train.csv").open("w", newline="") as file:  # no labels, only categories
        csv.writer(file).writerows([["id", "image", "meta", "kind"], *rows[1 : 3 * THREES + 1]])
    source = {"listings": str(tmp_path / "train.csv"), "images": str(shop / "pictures")}
    config = training(
        shop,
        source={**source, "levels": ["meta", "kind"]},
        loss={"method": "hierarchical", "hidden": 8},
        validation={"split": "none"},
    )
    run = tmp_path / "run"
    assert main(["train", str(config), "--out", str(run)]) == 0
    assert json.loads((run / "run.json").read_text())["counts"]["trained_classes"] == 4
    table = [shop / "listings.csv", "--images", shop / "pictures", "--encoder", run]
    trained = ["--trained", tmp_path / "train.csv", "--classes", "kind", "--out", tmp_path / "out"]
    assert call(eproduct, monkeypatch, *table, *trained) == 0
    found = json.loads((tmp_path / "out" / "eproduct.json").read_text())
    assert found["queries"] == PAIRS
    assert {size["least"] for size in found["class_sizes"]} <= {2, 4}


@pytest.mark.slow
def test_what_was_trained_on_is_no_query(auctioned, shop, tmp_path, monkeypatch, capsys):
    encoder = auctioned[0] / "encoder"
    table = [shop / "listings.csv", "--images", shop / "pictures", "--encoder", encoder]
    assert call(eproduct, monkeypatch, *table, "--out", tmp_path) == 0
    found = json.loads((tmp_path / "eproduct.json").read_text())
    assert found["queries"] == PAIRS
    asked = [*table, "--out", tmp_path, "--asked", "role=index"]
    assert call(eproduct, monkeypatch, *asked) == 2
    assert "was trained on 18 of the 23 labelled queries" in capsys.readouterr().err


@pytest.mark.slow
def test_an_auction_without_training_takes_any_encoder(shop, tmp_path, monkeypatch):
    arguments = [shop / "pictures", "--encoder", shop / "untrained.yaml", "--out", tmp_path]
    assert call(auction, monkeypatch, *arguments) == 0
    found = json.loads((tmp_path / "auction.json").read_text())
    assert found["now"]["top1"] > 0.5  # the patterns are told apart without any training


def test_eproduct_measures_both_searches(shop, tmp_path, monkeypatch, capsys):
    table = [shop / "listings.csv", "--images", shop / "pictures"]
    settings = ["--asked", "role=query", "--classes", "kind", "--bits", 4, "--min-score", 0.5]
    encoder = ["--encoder", shop / "untrained.yaml", "--out", tmp_path]
    assert call(eproduct, monkeypatch, *table, *settings, *encoder) == 0
    found = json.loads((tmp_path / "eproduct.json").read_text())
    assert (found["index"], found["queries"], found["queries_in_index"]) == (23, PAIRS, PAIRS)
    assert found["lsh"]["mar@10"] <= found["exact"]["mar@10"] == 1.0
    assert 0 <= found["recall_of_lsh"] <= 1
    assert found["above_min_score"]["exact"]["precision"] >= found["exact"]["precision"]
    right, wrong = found["scores"]["right"]["0.5"], found["scores"]["wrong"]["0.5"]
    assert right > wrong
    assert sum(size["queries"] for size in found["class_sizes"]) == PAIRS
    assert {size["least"] for size in found["class_sizes"]} == {4}  # kinds hold 5 to 7 listings
    names = {path.name for path in tmp_path.iterdir()}
    assert names == {"eproduct.json", "class_sizes.csv", "class_sizes.png", "scores.png"}
    assert "LSH finds" in capsys.readouterr().out


def test_queries_that_are_in_the_index_are_refused(shop, tmp_path, monkeypatch, capsys):
    table = [shop / "listings.csv", "--images", shop / "pictures"]
    same = ["--queries", shop / "listings.csv", "--encoder", shop / "untrained.yaml"]
    assert call(eproduct, monkeypatch, *table, *same, "--out", tmp_path) == 2
    assert "28 of the 28 queries are in the index" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["--min-score", "2"], "min_score must be a similarity in [-1, 1]. Received: 2.0"),
        (["--k", "0"], "at least 1. Received: 0"),
        (["--trained", "bare.csv"], "no labels to score by"),
        (["--queries", "strangers.csv"], "No query has a listing of its label in the index"),
    ],
)
def test_what_cannot_be_measured_is_told_before_encoding(
    shop, tmp_path, monkeypatch, capsys, changes, message
):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr(eproduct, "embed_tables", lambda *_: pytest.fail("encoded"))
    (tmp_path / "bare.csv").write_text("id,title\nx,mug\n")
    (tmp_path / "strangers.csv").write_text("id,image,label_group\nx,m0/item0-0.png,stranger\n")
    table = [shop / "listings.csv", "--images", shop / "pictures"]
    encoder = ["--encoder", shop / "untrained.yaml", "--out", tmp_path / "out"]
    assert call(eproduct, monkeypatch, *table, *encoder, *changes) == 2
    assert message in capsys.readouterr().err


def test_eproduct_takes_a_table_of_queries_and_one_of_training(shop, tmp_path, monkeypatch):
    with (shop / "listings.csv").open() as file:
        header, *rows = csv.reader(file)
    for role in ("index", "query"):
        with (tmp_path / f"{role}.csv").open("w", newline="") as file:
            csv.writer(file).writerows([header, *(row for row in rows if row[-1] == role)])
    settings = ["--queries", tmp_path / "query.csv", "--trained", shop / "listings.csv"]
    out = ["--images", shop / "pictures", "--out", tmp_path / "out", "--folder", tmp_path / "lsh"]
    encoder = ["--encoder", shop / "untrained.yaml", "--rank", "hamming"]
    assert call(eproduct, monkeypatch, tmp_path / "index.csv", *settings, *out, *encoder) == 0
    found = json.loads((tmp_path / "out" / "eproduct.json").read_text())
    assert (found["index"], found["queries"]) == (23, PAIRS)
    assert {size["least"] for size in found["class_sizes"]} == {2}  # of each pair, both
    assert any((tmp_path / "lsh").iterdir())


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        (["--asked", "role"], "COLUMN=VALUE"),
        (["--asked", "rôle=query"], "no column 'rôle'. Did you mean 'role'?"),
        (["--asked", "role=nobody"], "names 0 of 28 listings"),
        (["--trained", "missing.csv"], "missing.csv"),
        (["--min-score", "1.5"], "min_score must be a similarity in [-1, 1]"),
        (["--bits", "0"], "n_bits"),
        (["--encoder", "pipelines"], "not the folder of a training"),
    ],
)
def test_eproduct_says_what_is_wrong(shop, root, tmp_path, monkeypatch, capsys, changes, message):
    monkeypatch.chdir(root)
    table = [shop / "listings.csv", "--images", shop / "pictures", "--asked", "role=query"]
    encoder = ["--encoder", shop / "untrained.yaml", "--out", tmp_path]
    assert call(eproduct, monkeypatch, *table, *encoder, *changes) == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_queries_without_a_mate_are_refused(shop, tmp_path, monkeypatch, capsys):
    table = tmp_path / "strangers.csv"
    table.write_text("id,image,label_group\nx,m0/item0-0.png,stranger\n")
    arguments = [shop / "listings.csv", "--images", shop / "pictures", "--queries", table]
    encoder = ["--encoder", shop / "untrained.yaml", "--out", tmp_path / "out"]
    assert call(eproduct, monkeypatch, *arguments, *encoder) == 2
    assert "No query has a listing of its label in the index" in capsys.readouterr().err


def test_an_auction_holds_out_pairs(shop, tmp_path, monkeypatch, capsys):
    config = training(shop, validation={"split": "folds"})
    arguments = [shop / "pictures", "--train", config, "--out", tmp_path]
    assert call(auction, monkeypatch, *arguments) == 2
    assert "Set it to pairs" in capsys.readouterr().err


@pytest.mark.parametrize("queries", [0, -3])
def test_an_auction_without_a_picture_of_queries(shop, tmp_path, monkeypatch, queries):
    (tmp_path / "queries.png").write_bytes(b"of an earlier run")
    arguments = [shop / "pictures", "--encoder", shop / "untrained.yaml", "--out", tmp_path]
    assert call(auction, monkeypatch, *arguments, "--queries", queries) == 0
    assert {path.name for path in tmp_path.iterdir()} == {"auction.json", "encoder.yaml"}


def test_a_sheet_shows_as_many_queries_as_it_holds():
    assert len(choose_shown(1000, 300, seed=0)) == 200
    assert choose_shown(3, 300, seed=0).tolist() == [0, 1, 2]


def test_an_auction_says_what_it_starts_from_before_training(shop, tmp_path, monkeypatch, capsys):
    from matcher.io.artifacts import save_model

    monkeypatch.setattr(auction, "train", lambda *_: pytest.fail("trained"))
    save_model(tmp_path / "artefact", {"matcher": {}}, {"x": np.zeros(1)})
    config = training(shop, init_from=str(tmp_path / "artefact"))
    arguments = [shop / "pictures", "--train", config, "--out", tmp_path / "out"]
    assert call(auction, monkeypatch, *arguments) == 2
    assert "trained-on" in capsys.readouterr().err


@pytest.mark.parametrize(
    ("table", "message"),
    [
        ("id,image\na,x.png\n", "has no labels, and no folder for each product"),
        ("id,image,label_group\na,x.png,1\nb,y.png,2\n", "exactly two listings"),
        (None, "missing.csv"),
    ],
)
def test_an_auction_says_what_is_wrong(shop, tmp_path, monkeypatch, capsys, table, message):
    path = tmp_path / ("missing.csv" if table is None else "listings.csv")
    if table is not None:
        path.write_text(table)
    arguments = [path, "--encoder", shop / "untrained.yaml", "--out", tmp_path / "out"]
    assert call(auction, monkeypatch, *arguments) == 2
    assert message in capsys.readouterr().err
