"""Ranking a gallery by photos of users: crops, columns, labels, and pictures that are broken."""

import numpy as np
import pytest
from PIL import Image

from matcher.config import RunConfig
from matcher.errors import ConfigError, DataError
from matcher.jobs.product_search import (
    Products,
    read_products,
    score_products,
    search_products,
    with_truth,
)
from matcher.types import UNLABELLED

CONFIG = {
    "encoders": {"phash": {"min_score": 1.0}},
    "fusion": {"method": "union", "thresholds": {"phash": 1.0}},
    "clustering": {"method": "components"},
}


@pytest.fixture
def config():
    return RunConfig.read(CONFIG, "config")


@pytest.fixture
def folder(tmp_path):
    """Six photos of sellers; each photo of a user shows one of them beside another."""
    noise = np.random.default_rng(0)
    shots = [
        noise.integers(0, 256, (8, 8, 3), np.uint8).repeat(8, 0).repeat(8, 1) for _ in "abcdef"
    ]
    for i, shot in enumerate(shots):
        Image.fromarray(shot).save(tmp_path / f"s{i}.png")
    rows = [f"s{i},s{i}.png,p{i // 2}" for i in range(6)]
    write(tmp_path / "gallery.csv", "seller_img_id,img_path,product_id", rows)
    for i, shot in enumerate(shots):
        both = np.concatenate([shots[i - 1], shot], axis=1)
        Image.fromarray(both).save(tmp_path / f"u{i}.png")
    rows = [f"u{i},u{i}.png,p{i // 2},64,0,64,64" for i in range(6)]
    names = "user_img_id,img_path,product_id,bbox_x,bbox_y,bbox_w,bbox_h"
    write(tmp_path / "queries.csv", names, rows)
    return tmp_path


def write(path, header, rows):
    path.write_text("\n".join([header, *rows]) + "\n", encoding="utf-8")


def read(folder, name="queries"):
    return read_products(folder / f"{name}.csv", folder)


def test_the_query_is_the_part_in_the_box(folder, config):
    gallery, queries = read(folder, "gallery"), read(folder)
    found = search_products(config, gallery.listings, queries.listings)
    table = found.table()
    assert table.column_names == ["user_img_id", "ranking"]
    rankings = [text.split(" ") for text in table["ranking"].to_pylist()]
    assert [ranking[0] for ranking in rankings] == [f"s{i}" for i in range(6)]
    # However unlike, and whatever the config's lowest score: the ranking is whole.
    assert {frozenset(ranking) for ranking in rankings} == {frozenset(f"s{i}" for i in range(6))}
    assert score_products(found, queries, gallery)["top1"] == 1
    short = search_products(config, gallery.listings, queries.listings, k=2)
    assert np.diff(short.ranking.indptr).tolist() == [2] * 6


def test_figures_are_those_of_the_ranking(folder, config):
    gallery, queries = read(folder, "gallery"), read(folder)
    found = search_products(config, gallery.listings, queries.listings)
    scores = score_products(found, queries, gallery)
    ranks = []
    for i, text in enumerate(found.table()["ranking"].to_pylist()):
        mates = {f"s{2 * (i // 2)}", f"s{2 * (i // 2) + 1}"}
        ranks.append(sorted(text.split(" ").index(mate) + 1 for mate in mates))
    # Of two relevant rows: the first at rank 1, the second at rank r, precision 2 / r.
    assert all(first == 1 for first, _ in ranks)
    expected = np.mean([(1 + 2 / second) / 2 for _, second in ranks])
    assert scores["map@1000"] == pytest.approx(expected)
    assert (scores["mar@10"], scores["scored_queries"]) == (1, 6)


def test_a_photo_that_cannot_be_read_costs_nobody_else(folder, config):
    gallery, queries = read(folder, "gallery"), read(folder)
    whole = search_products(config, gallery.listings, queries.listings).table()["ranking"]
    (folder / "u1.png").write_bytes(b"no picture")
    (folder / "u2.png").unlink()
    (folder / "s5.png").write_bytes(b"")
    rows = (folder / "queries.csv").read_text().replace("p1,64,0,64,64", "p1,900,900,5,5")
    (folder / "queries.csv").write_text(rows)
    queries, gallery = read(folder), read(folder, "gallery")
    found = search_products(config, gallery.listings, queries.listings)
    assert list(found.unread) == ["u1", "u2", "u3"]
    assert "not found" in found.unread["u2"]
    assert "shows no part" in found.unread["u3"]
    assert found.gallery_unread == 1
    rankings = found.table()["ranking"].to_pylist()
    assert rankings[1:4] == ["", "", ""]
    assert rankings[0].split(" ") == [name for name in whole[0].as_py().split(" ") if name != "s5"]
    scores = score_products(found, queries, gallery)
    assert (scores["scored_queries"], scores["top1"]) == (6, pytest.approx(2 / 6))  # u0 and u4


def test_labels_are_compared_as_they_are_spelt(folder, config):
    gallery = read(folder, "gallery")
    # Another order, one product that the gallery lacks, and one photo of no known product.
    rows = ["u4,u4.png,p2,64,0,64,64", "u1,u1.png,px,64,0,64,64", "u0,u0.png,,64,0,64,64"]
    names = "user_img_id,img_path,product_id,bbox_x,bbox_y,bbox_w,bbox_h"
    write(folder / "queries.csv", names, rows)
    queries = read(folder)
    assert queries.labels == ("p2", "px", "")
    found = search_products(config, gallery.listings, queries.listings)
    scores = score_products(found, queries, gallery)
    assert (scores["scored_queries"], scores["top1"]) == (1, 1)
    alone = Products(queries.listings, ("py", "px", ""))
    with pytest.raises(DataError, match=r"None of the 3 queries.*such as 'py'.*such as 'p0'"):
        score_products(found, alone, gallery)


def test_truth_in_a_table_of_its_own(folder):
    queries = read(folder)
    write(folder / "truth.csv", "user_img_id,product_id", ["u3,p1", "u0,p0", "other,p2"])
    truth = read_products(folder / "truth.csv", labels_only=True)
    assert with_truth(queries, truth).labels == ("p0", "", "", "p1", "", "")
    write(folder / "truth.csv", "user_img_id,product_id", ["x3,p1"])
    with pytest.raises(DataError, match=r"none of the 6 queries.*'user_img_id'.*'u0'"):
        with_truth(queries, read_products(folder / "truth.csv", labels_only=True))


def test_a_gallery_searches_itself(folder, config):
    gallery = read(folder, "gallery")
    found = search_products(config, gallery.listings)
    assert found.within
    rankings = found.table()["ranking"].to_pylist()
    assert [set(text.split(" ")) for text in rankings] == [
        {f"s{j}" for j in range(6) if j != i} for i in range(6)
    ]
    assert score_products(found, gallery, gallery)["scored_queries"] == 6
    singles = Products(gallery.listings, tuple("abcdef"))
    with pytest.raises(DataError, match="has its product in the gallery"):
        score_products(found, singles, singles)


def test_the_id_is_the_pictures_and_the_label_the_products(folder):
    write(folder / "gallery.csv", "product_id,Seller_Img_Id,img_path", ["p0,a,s0.png", ",b,s1.png"])
    gallery = read(folder, "gallery")
    assert (gallery.listings.ids, gallery.labels) == (("a", "b"), ("p0", ""))
    assert gallery.listings.groups.tolist() == [0, UNLABELLED]
    write(folder / "gallery.csv", "seller_img_id,img_path,kind", ["a,s0.png,x"])
    assert not read(folder, "gallery").labelled
    assert read_products(folder / "gallery.csv", folder, "kind").labels == ("x",)
    # A table without ids of pictures is read as everywhere.
    write(folder / "plain.csv", "product_id,image,label_group", ["a,s0.png,x"])
    plain = read_products(folder / "plain.csv", folder)
    assert (plain.listings.ids, plain.labels) == (("a",), ("x",))


def test_what_cannot_be_ranked_is_refused(folder, config):
    gallery = read(folder, "gallery").listings
    with pytest.raises(ConfigError, match=r"k must be at least 1\. Received: 0"):
        search_products(config, gallery, k=0)
    two = RunConfig.default()
    with pytest.raises(ConfigError, match="one encoder"):
        search_products(two, gallery)
