"""The committed pipeline for product search runs from the command line, and says what is wrong."""

import json
import subprocess
import sys

import numpy as np
import pytest
from PIL import Image

from pipelines.product_search import main

CONFIG = """
encoders: {phash: {min_score: 1.0}}
fusion: {method: union, thresholds: {phash: 1.0}}
clustering: {method: components}
"""


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Three products of two photos, almost alike, and a query of each."""
    path = tmp_path_factory.mktemp("products")
    noise = np.random.default_rng(0)
    gallery, queries = ["seller_img_id,img_path,product_id"], []
    for product in range(3):
        shot = noise.integers(20, 236, (8, 8, 3)).repeat(8, axis=0).repeat(8, axis=1)
        for i in range(3):
            changed = shot + noise.integers(-9, 10, shot.shape)
            Image.fromarray(changed.astype(np.uint8)).save(path / f"{product}{i}.png")
        gallery += [f"s{product}{i},{product}{i}.png,{product}" for i in range(2)]
        queries.append(f"u{product},{product}2.png,0,0,64,64,{product}")
    header = "user_img_id,img_path,bbox_x,bbox_y,bbox_w,bbox_h,product_id"
    write(path / "gallery.csv", gallery)
    write(path / "queries.csv", [header, *queries, "u3,gone.png,,,,,1"])
    (path / "config.yaml").write_text(CONFIG)
    return path


def write(path, lines):
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def command(folder, out, *more, tables=("gallery", "queries"), encoder=None):
    """What stands behind the name of the pipeline."""
    paths = [folder / f"{name}.csv" for name in tables]
    options = ["--images", folder, "--encoder", encoder or folder / "config.yaml", "--out", out]
    return [str(part) for part in (*paths, *options, *more)]


@pytest.fixture
def run(folder, capsys):
    """Runs the pipeline in this process: its status, and what it prints."""

    def call(out, *more, **what):
        status = main(command(folder, out, *more, **what))
        printed = capsys.readouterr()
        return status, printed.out + printed.err

    return call


def test_queries_are_ranked_and_scored(root, folder, tmp_path):
    arguments = command(folder, tmp_path, "--k", 4)
    line = [sys.executable, "-m", "pipelines.product_search", *arguments]
    done = subprocess.run(line, cwd=root, capture_output=True, text=True, check=True)
    assert "query u3 has an empty ranking: picture not found" in done.stderr
    assert done.stdout.startswith("gallery 6, queries 4, map@4 0.7500")
    assert "pictures by hamming" in done.stdout
    lines = (tmp_path / "ranking.csv").read_text().splitlines()
    assert lines[0] == "user_img_id,ranking"
    assert lines[4] == "u3,"
    for product, line in enumerate(lines[1:4]):
        name, ranking = line.split(",")
        assert name == f"u{product}"
        assert set(ranking.split(" ")[:2]) == {f"s{product}0", f"s{product}1"}
        assert len(ranking.split(" ")) == 4
    scores = json.loads((tmp_path / "scores.json").read_text())
    assert (scores["gallery"], scores["queries"], scores["scored_queries"]) == (6, 4, 4)
    # Three of four are perfect; the fourth has no picture.
    assert (scores["map@4"], scores["top1"]) == (0.75, 0.75)
    assert "mar@10" not in scores  # it was not searched that deep
    assert list(scores["unread"]) == ["u3"]


def test_what_a_run_held_out_searches_itself(run, tmp_path):
    sides = {"s00": "test", "s01": "test", "s10": "held_out", "s11": "train"}
    lines = [f"s{i}{j},{sides.get(f's{i}{j}', 'unused')}" for i in range(3) for j in range(2)]
    write(tmp_path / "split.csv", ["listing_id,side", *lines])
    options = ("--held-out", tmp_path)
    status, told = run(tmp_path / "out", *options, tables=("gallery",))
    assert status == 0, told
    assert (tmp_path / "out" / "ranking.csv").read_text().splitlines()[1:] == ["s00,s01", "s01,s00"]
    scores = json.loads((tmp_path / "out" / "scores.json").read_text())
    assert (scores["map@1000"], scores["side"]) == (1, "test")
    assert "flatter" not in told
    sides = {"s00": "held_out", "s01": "held_out"}
    lines = [f"s{i}{j},{sides.get(f's{i}{j}', 'train')}" for i in range(3) for j in range(2)]
    write(tmp_path / "split.csv", ["listing_id,side", *lines])
    status, told = run(tmp_path / "out", *options, tables=("gallery",))
    assert json.loads((tmp_path / "out" / "scores.json").read_text())["side"] == "held_out"
    assert "has no test fold" in told
    write(tmp_path / "split.csv", ["listing_id,side", "s00,test"])
    assert run(tmp_path / "out", *options, tables=("gallery",))[0] == 2


def test_truth_of_its_own_and_none_at_all(run, folder, tmp_path):
    bare = [line.rpartition(",")[0] for line in (folder / "queries.csv").read_text().splitlines()]
    write(folder / "bare.csv", bare)
    status, told = run(tmp_path, tables=("gallery", "bare"))
    assert status == 0
    assert "nothing is scored" in told
    assert "top1" not in json.loads((tmp_path / "scores.json").read_text())
    write(tmp_path / "truth.csv", ["user_img_id,product_id", "u0,0", "u1,1"])
    options = ("--truth", tmp_path / "truth.csv")
    status, told = run(tmp_path, *options, tables=("gallery", "bare"))
    assert "top1 1.0000" in told
    assert "scored_queries 2" in told


def test_a_column_of_the_product_may_be_named_beside_a_truth(run, folder, tmp_path):
    rows = (folder / "gallery.csv").read_text().replace("product_id", "kind")
    (folder / "kinds.csv").write_text(rows)
    bare = [line.rpartition(",")[0] for line in (folder / "queries.csv").read_text().splitlines()]
    write(folder / "nameless.csv", bare)
    write(tmp_path / "truth.csv", ["user_img_id,kind", "u0,0", "u1,1"])
    options = ("--truth", tmp_path / "truth.csv", "--label", "kind")
    status, told = run(tmp_path, *options, tables=("kinds", "nameless"))
    assert status == 0, told
    assert "scored_queries 2" in told


def test_what_is_wrong_is_said_in_a_line(run, folder, tmp_path):
    write(folder / "other.csv", ["user_img_id,img_path,product_id", "u9,00.png,99"])
    status, told = run(tmp_path, tables=("gallery", "other"))
    assert status == 0
    assert "None of the 1 queries has its product in the gallery" in told
    assert (tmp_path / "ranking.csv").read_text().splitlines()[1].startswith("u9,s00 ")
    assert "top1" not in json.loads((tmp_path / "scores.json").read_text())
    for path in tmp_path.iterdir():
        path.unlink()
    status, told = run(tmp_path, tables=("gallery", "missing"))
    assert status == 2
    assert "missing.csv does not exist" in told
    status, told = run(tmp_path, "--k", 0)
    assert status == 2
    assert "k must be at least 1" in told
    assert not list(tmp_path.iterdir())


@pytest.mark.slow
@pytest.mark.keras
def test_a_run_ranks_but_is_not_scored_on_what_it_was_trained_on(run, folder, tmp_path):
    pytest.importorskip("keras")
    from matcher.encoders._saved import save_encoder, start_image_embedder
    from matcher.jobs.product_search import read_products
    from matcher.models.settings import ImageArchitecture, ModelCard
    from matcher.training.trained_rows import picture_digests, save_trained

    architecture = ImageArchitecture(backbone="resnet18", size=32)
    trained = tmp_path / "run"
    save_encoder(trained, start_image_embedder(architecture), architecture, ModelCard())
    listings = read_products(folder / "queries.csv", folder).listings
    save_trained(trained, picture_digests(listings)[:0], "pictures")
    status, told = run(tmp_path / "out", encoder=trained)
    assert status == 0, told
    assert "map@1000" in told
    save_trained(trained, picture_digests(listings)[:1], "pictures")
    status, told = run(tmp_path / "again", encoder=trained)
    assert status == 2
    assert "was trained on 1 of the 4 listings that are to be scored, such as 'u0'" in told
    named = CONFIG.replace("phash: {", "photos: {encoder: image, weights: RUN, ")
    named = named.replace("phash: 1.0", "photos: 1.0").replace("RUN", str(trained))
    (tmp_path / "named.yaml").write_text(named)
    status, told = run(tmp_path / "again", encoder=tmp_path / "named.yaml")
    assert status == 2
    assert "was trained on 1 of the 4" in told
    rows = (folder / "queries.csv").read_text().replace("64,64,0", "64,64,")
    (folder / "unknown.csv").write_text(rows)  # u0 is not scored
    status, told = run(tmp_path / "out", encoder=trained, tables=("gallery", "unknown"))
    assert status == 0, told
    assert "scored_queries 3" in told
