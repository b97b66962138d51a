"""What ``make_listings`` writes, and what it refuses."""

import csv
import subprocess
import sys
from collections import Counter
from itertools import combinations, pairwise
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from matcher.datasets import listings as listings_module
from matcher.datasets import make_listings
from matcher.errors import ConfigError, StoreError

N_PRODUCTS = 24


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("made")
    make_listings(N_PRODUCTS, path, listings_per_product=(2, 4), seed=3, faulty=0.1, side=64)
    return path


def read_rows(folder: Path) -> list[dict[str, str]]:
    with (folder / "listings.csv").open(encoding="utf-8", newline="") as file:
        return list(csv.DictReader(file))


def read_files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_the_table_has_the_columns_of_shopee(folder):
    header = (folder / "listings.csv").read_bytes().split(b"\n", 1)[0]
    assert header == b"posting_id,image,title,label_group"


def test_every_product_has_the_promised_number_of_listings(folder):
    counts = Counter(int(row["label_group"]) for row in read_rows(folder))
    assert sorted(counts) == list(range(N_PRODUCTS))
    assert set(counts.values()) == {2, 3, 4}


def test_ids_are_unique_and_do_not_sort_by_product(folder):
    rows = read_rows(folder)
    ids = [row["posting_id"] for row in rows]
    assert ids == sorted(set(ids))
    groups = [int(row["label_group"]) for row in rows]
    in_a_row = sum(a == b for a, b in pairwise(groups))
    assert in_a_row < len(rows) / 10  # sorted by product, two in three would be


def test_ids_stay_unique_up_to_the_limits():
    numbers = [(group, number) for group in (0, 1, 99_998, 99_999) for number in range(1000)]
    assert len({listings_module.name_post(*pair) for pair in numbers}) == 4000


def test_named_pictures_are_there_and_no_others(folder):
    named = {row["image"] for row in read_rows(folder)} - {""}
    assert named == {path.name for path in (folder / "images").iterdir()}
    for name in named:
        with Image.open(folder / "images" / name) as picture:
            assert (picture.format, picture.mode, picture.size) == ("JPEG", "RGB", (64, 64))


def test_some_listings_share_a_picture_but_only_within_a_product(folder):
    groups = {}
    for row in read_rows(folder):
        groups.setdefault(row["image"], []).append(row["label_group"])
    lacking = groups.pop("", [])
    assert 0 < len(lacking) < 0.3 * len(read_rows(folder))
    assert any(len(of_image) > 1 for of_image in groups.values())
    assert all(len(set(of_image)) == 1 for of_image in groups.values())


def test_no_faults_when_none_are_wanted(tmp_path):
    make_listings(6, tmp_path, faulty=0, side=32)
    assert all(row["image"] for row in read_rows(tmp_path))


def test_all_listings_are_faulty_in_one_way_when_all_are_wanted(tmp_path):
    make_listings(6, tmp_path, listings_per_product=(5, 5), faulty=0.5, side=32)
    rows = read_rows(tmp_path)
    terse = [len(row["title"].split()) <= 3 for row in rows]
    lacking = [not row["image"] for row in rows]
    assert 0 < sum(lacking) < len(rows)
    # A full title has brand, kind, variant and a fact: four words at least.
    assert terse == [not missing for missing in lacking]


def test_pictures_of_one_product_are_closer_than_others(folder):
    vectors, groups = [], []
    for row in read_rows(folder):
        if row["image"]:
            with Image.open(folder / "images" / row["image"]) as picture:
                small = np.asarray(picture.resize((12, 12)), float).ravel()
            vectors.append((small - small.mean()) / np.linalg.norm(small - small.mean()))
            groups.append(row["label_group"])
    scores = np.array(vectors) @ np.array(vectors).T
    pairs = list(combinations(range(len(groups)), 2))
    same = [scores[i, j] for i, j in pairs if groups[i] == groups[j]]
    other = [scores[i, j] for i, j in pairs if groups[i] != groups[j]]
    assert np.mean(same) > np.mean(other) + 0.3


def test_same_arguments_same_bytes(tmp_path):
    for name in ("first", "second"):
        make_listings(3, tmp_path / name, seed=8, side=48)
    first, second = read_files(tmp_path / "first"), read_files(tmp_path / "second")
    assert len(first) > 4
    assert first == second


def test_another_seed_gives_other_products(tmp_path):
    for seed in (0, 1):
        make_listings(3, tmp_path / str(seed), seed=seed, faulty=0, side=32)
    titles = [{row["title"] for row in read_rows(tmp_path / str(seed))} for seed in (0, 1)]
    assert not titles[0] & titles[1]


def test_a_product_does_not_depend_on_how_many_follow(tmp_path):
    for n_products in (3, 6):
        make_listings(n_products, tmp_path / str(n_products), side=32)
    few, many = read_rows(tmp_path / "3"), read_rows(tmp_path / "6")
    assert few == [row for row in many if int(row["label_group"]) < 3]
    files = read_files(tmp_path / "6")
    del files["listings.csv"]
    for row in few:
        if row["image"]:
            path = tmp_path / "3" / "images" / row["image"]
            assert path.read_bytes() == files[str(Path("images") / row["image"])]


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"n_products": 0}, r"'n_products'.*greater than or equal to 1\. Received: 0"),
        ({"n_products": 100_001}, r"'n_products'.*Received: 100001"),
        ({"n_products": 2.5}, r"'n_products'.*Received: 2\.5"),
        ({"listings_per_product": (0, 3)}, r"1 <= fewest <= most <= 1000\. Received: \(0, 3\)"),
        ({"listings_per_product": (4, 3)}, r"1 <= fewest <= most <= 1000\. Received: \(4, 3\)"),
        ({"listings_per_product": 3}, r"'listings_per_product'.*Received: 3"),
        ({"seed": -1}, r"'seed'.*Received: -1"),
        ({"hard_negatives": 1.1}, r"'hard_negatives'.*Received: 1\.1"),
        ({"faulty": 0.6}, r"'faulty'.*Received: 0\.6"),
        ({"side": 8}, r"'side'.*Received: 8"),
    ],
)
def test_arguments_out_of_range_are_refused(tmp_path, arguments, message):
    with pytest.raises(ConfigError, match=message):
        make_listings(**{"n_products": 2, "folder": tmp_path / "out", **arguments})
    assert not (tmp_path / "out").exists()


@pytest.mark.parametrize("name", ["listings.csv", "images"])
def test_listings_that_are_there_stay(tmp_path, name):
    (tmp_path / name).mkdir()
    with pytest.raises(StoreError, match=f"must not hold '{name}' yet"):
        make_listings(2, tmp_path, side=32)
    assert [path.name for path in tmp_path.iterdir()] == [name]


def test_a_file_in_the_place_of_the_folder_is_refused(tmp_path):
    (tmp_path / "taken").write_text("mine")
    with pytest.raises(StoreError, match="taken"):
        make_listings(2, tmp_path / "taken", side=32)
    assert (tmp_path / "taken").read_text() == "mine"


def test_nothing_is_left_when_it_fails_half_way(tmp_path, monkeypatch):
    draw_posts = listings_module.draw_posts

    def fail_at_second(product, options):
        if product.group:
            raise RuntimeError("power cut")
        return draw_posts(product, options)

    monkeypatch.setattr(listings_module, "draw_posts", fail_at_second)
    with pytest.raises(RuntimeError, match="power cut"):
        make_listings(2, tmp_path, side=32)
    assert list(tmp_path.iterdir()) == []


def test_importing_it_does_not_load_pillow():
    code = "import sys, matcher.datasets; sys.exit('PIL' in sys.modules)"
    assert subprocess.run([sys.executable, "-c", code], check=False).returncode == 0
