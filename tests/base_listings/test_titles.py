"""Titles for the base encoder, of small sets and of the real ones."""

import shutil
from collections import Counter

import pytest

from matcher.errors import DataError
from matcher.io.columns import Columns
from matcher.io.listings import read_listings
from pipelines._base_titles import (
    Title,
    clean_wdc,
    distinct,
    gather_titles,
    join,
    title_key,
    write_titles,
)


def by_id(rows):
    return {row.listing_id: row for row in rows}


def test_no_title_that_is_scored_is_among_those_to_learn_from(titles):
    learnt = {title_key(row.title) for row in titles.rows}
    held_out = {title_key(offer.title) for offer in titles.held_out}
    assert held_out
    assert not learnt & held_out
    assert "one phone for all" in held_out  # so that it is in no other cluster either
    assert not any("tested" in title or "other" in title for title in learnt)
    assert {row.product for row in titles.rows}.isdisjoint(o.product for o in titles.held_out)


def test_a_fifth_of_the_clusters_is_held_out_whole(titles):
    clusters = Counter(offer.product for offer in titles.held_out)
    assert set(clusters.values()) == {3}
    assert 4 < len(clusters) < 24  # 12 of 60 are expected
    assert titles.held_out[0].category.startswith("Category")


def test_which_clusters_are_held_out_changes_with_the_seed_alone(sets):
    def held(seed):
        return {o.product for o in gather_titles(sets, seed, 0).held_out}

    assert held(0) == held(0) != held(1)


def test_each_title_of_a_product_is_there_once(titles, hostile):
    pairs = [(title_key(row.title), row.product) for row in titles.rows]
    assert len(set(pairs)) == len(pairs)
    assert len(by_id(titles.rows)) == len(titles.rows)
    fashion = [row for row in titles.rows if row.set == "fashion"]
    assert len(fashion) == 16 + len(hostile) == len({row.product for row in fashion})
    rows = [Title("1", "A b", "p", "s"), Title("2", " a  B", "p", "s"), Title("3", "A b", "q", "s")]
    assert [row.listing_id for row in distinct([*rows, Title("4", "  ", "p", "s")])] == ["1", "3"]


def test_wdc_titles_that_match_are_joined_and_scored_ones_are_left_out(titles):
    found = {row.title: row.product for row in titles.rows if row.set == "wdc-cameras"}
    assert set(found) == {
        f"cameras {w}" for w in ("alpha", "Alpha 1", "alpha one", "beta", "gamma")
    }
    assert len(set(found.values())) == 3
    assert found["cameras alpha"] == found["cameras alpha one"] != found["cameras beta"]


@pytest.mark.parametrize(
    ("written", "title"),
    [
        ('COL title VAL  "A 1", "Null" Price A-1"', "A 1 Price A-1"),
        ('COL title VAL  " GoPro Kit "@en-US "GoPro | Shop"@en-US', "GoPro Kit GoPro | Shop"),
        ('COL title VAL  "x"@en, "Lens "@en-uk, COL brand VAL "y"', "x Lens"),
        ('COL brand VAL "y" COL title VAL "▷ lens@home 5"', "lens@home 5"),
        ("COL brand VAL y", ""),
        ('COL title VAL  "Null"', ""),
    ],
)
def test_marks_of_the_crawl_are_taken_off(written, title):
    assert clean_wdc(written) == title


def test_deepmatcher_records_of_scored_pairs_are_left_out(titles):
    found = {row.listing_id: row for row in titles.rows if row.set == "abt-buy"}
    assert set(found) == {f"abt-buy/{record}" for record in ("a0", "b0", "b1", "b2", "a2")}
    assert found["abt-buy/a0"].product == found["abt-buy/b1"].product
    assert found["abt-buy/a0"].product != found["abt-buy/b2"].product
    assert found["abt-buy/a0"].title == "abt-buy A 0"


def test_joining_is_transitive_and_numbers_by_the_first_name():
    pairs = [("e", "d"), ("d", "b")]
    assert join("abcde", pairs) == {"a": 0, "b": 1, "c": 2, "d": 1, "e": 1}
    assert join([], []) == {}


def test_hostile_titles_come_back_as_they_were(titles, tmp_path, hostile, read_rows):
    write_titles(titles, tmp_path)
    found = {row["title"] for row in read_rows(tmp_path / "listings.csv")}
    assert set(hostile) <= found
    columns = Columns.model_validate({"group": "product"})
    listings = read_listings(tmp_path / "listings.csv", None, columns)
    read = [title_key(title) for title in listings.titles]  # cells are read as one line each
    assert read == [title_key(row.title) for row in titles.rows]
    assert len(set(listings.groups.tolist())) == len({row.product for row in titles.rows})
    header = list(read_rows(tmp_path / "pricerunner_held_out.csv")[0])
    assert header == ["listing_id", "title", "product", "category"]


@pytest.mark.parametrize(
    ("name", "content", "message"),
    [
        ("pricerunner/offers.csv", "product_id,title\n1,a\n", "Missing: product_title"),
        ("wdc/cameras/test.txt", "COL title VAL a\tCOL title VAL b\n", "line 1"),
        ("wdc/computers/train.txt.small", None, "cannot be read"),
        ("deepmatcher/abt-buy/test.csv", "ltable_id,rtable_id,label\n77,1,0\n", "a77"),
        ("fashion/listings.csv", None, "fashion"),
    ],
)
def test_a_set_that_is_not_as_published_is_named(sets, tmp_path, name, content, message):
    shutil.copytree(sets, tmp_path / "sets")
    path = tmp_path / "sets" / name
    path.unlink()
    if content is not None:
        path.write_text(content, "utf-8")
    with pytest.raises(DataError, match=message):
        gather_titles(tmp_path / "sets", seed=0, n_made_up=0)


@pytest.mark.data
@pytest.mark.slow
def test_real_titles_keep_what_is_scored_apart(real_data):
    found = gather_titles(real_data, seed=0, n_made_up=100)
    learnt = {title_key(row.title) for row in found.rows}
    assert not learnt & {title_key(offer.title) for offer in found.held_out}
    sizes = Counter(row.set for row in found.rows)
    assert sizes["fashion"] > 19_000
    assert 19_000 < sizes["pricerunner"] < 23_000
    assert 0.3 < sizes["foreign"] / (len(found.rows) - sizes["foreign"] - 200) < 0.4
    assert 5_000 < len(found.held_out) < 7_500
    wdc = [row.title for row in found.rows if row.set.startswith("wdc")]
    assert not any('"' in title or "COL title" in title for title in wdc)
    assert {row.set for row in found.rows} == {
        "fashion",
        "pricerunner",
        "wdc-computers",
        "wdc-cameras",
        "abt-buy",
        "amazon-google",
        "walmart-amazon",
        "foreign",
        "made-up",
    }
