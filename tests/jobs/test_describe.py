"""The command that looks at a table: figures, files, hostile tables."""

import json

import numpy as np
import pandas as pd
import pytest
from PIL import Image

from matcher.cli import main
from matcher.jobs.describe import describe
from matcher.types import Listings


@pytest.fixture(scope="module")
def example(root):
    return root / "examples" / "listings.csv", root / "examples" / "images"


def test_the_example_in_figures(example):
    table = pd.read_csv(example[0], dtype=str, keep_default_na=False)
    found = describe(*example)
    groups = table["label_group"].value_counts()
    assert found.counts == {
        "listings": len(table),
        "with_title": int((table["title"] != "").sum()),
        "with_image": int((table["image"] != "").sum()),
        "with_hash": int((table["image"] != "").sum()),
        "hashes_given": 0,
        "labelled": len(table),
    }
    assert found.groups.sizes == groups.value_counts().to_dict()
    assert found.titles.characters.longest == table["title"].str.len().max()
    assert sum(found.languages.counts.values()) == len(table)
    # The same file is the same hash, but a hash may be shared by files that differ.
    assert 0 < found.copies["picture"].listings <= found.copies["hash"].listings


def test_the_command_writes_a_page_and_the_same_figures(example, tmp_path, capsys):
    call = ["describe", str(example[0]), "--images", str(example[1]), "--out", str(tmp_path / "o")]
    assert main(call) == 0
    out = capsys.readouterr().out
    assert sorted(p.name for p in (tmp_path / "o").iterdir()) == [
        "description.html",
        "description.json",
    ]
    assert "219 listings: 219 with a title" in out
    assert (tmp_path / "o" / "description.html").as_uri() in out
    assert len(out.splitlines()) < 15
    written = (tmp_path / "o" / "description.json").read_text("utf-8")
    assert main([*call, "--json"]) == 0
    assert json.loads(capsys.readouterr().out) == json.loads(written)
    assert json.loads(written)["counts"]["listings"] == 219


def test_a_failed_run_leaves_what_was_there(tmp_path, capsys):
    (tmp_path / "description.json").write_text("before")
    (tmp_path / "empty.csv").write_text("id,title\n")
    assert main(["describe", str(tmp_path / "empty.csv"), "--out", str(tmp_path)]) == 2
    assert "holds no listings" in capsys.readouterr().err
    assert (tmp_path / "description.json").read_text() == "before"
    assert not (tmp_path / "description.html").exists()


def test_copies_by_title_hash_and_file(tmp_path):
    for name, left in (("a", 0), ("c", 16)):
        picture = Image.new("RGB", (32, 32), "white")
        picture.paste("black", (left, 0, left + 16, 20))
        picture.save(tmp_path / f"{name}.png")
    (tmp_path / "b.png").write_bytes((tmp_path / "a.png").read_bytes())
    (tmp_path / "bad.png").write_bytes(b"no picture")
    table = pd.DataFrame(
        {
            "id": list("abcde"),
            "title": ["Tea 50 g", "TEA  50g", "", "tea 60g", "!"],
            "image": ["a.png", "b.png", "c.png", "bad.png", ""],
            "label": ["x", "y", "y", "x", ""],
        }
    )
    found = describe(table, tmp_path)
    assert found.copies["title"].largest[0].ids == ("a", "b")
    assert (found.copies["title"].compared, found.copies["title"].several_groups) == (4, 1)
    assert found.copies["hash"].largest[0].ids == ("a", "b")
    assert (found.copies["hash"].compared, found.copies["hash"].sets) == (3, 1)
    assert found.copies["picture"].largest[0].ids == ("a", "b")
    assert found.counts["with_image"] == 4
    assert found.counts["with_hash"] == 3
    assert sum(found.problems.values()) == 1


def test_hashes_alone_and_titles_alone():
    table = pd.DataFrame({"id": ["a", "b"], "phash": ["94974f937d4c2433", "94974F937D4C2433"]})
    found = describe(table)
    assert (found.counts["hashes_given"], found.copies["hash"].sets) == (2, 1)
    assert (found.titles.titles, found.groups) == (0, None)
    titles = describe(pd.DataFrame({"id": ["a"], "title": ["soap"]}))
    assert titles.copies["hash"].compared == titles.copies["picture"].compared == 0


def test_no_listing_and_one():
    assert describe(Listings((), (), ())).counts["listings"] == 0
    found = describe(Listings(("a",), ("Soap",), (None,), groups=np.zeros(1, np.int64)))
    assert (found.groups.groups, found.groups.singletons, found.titles.titles) == (1, 1, 1)


def test_ten_thousand_identical_listings():
    n = 10_000
    ids = tuple(map(str, range(n)))
    found = describe(Listings(ids, ("soap",) * n, (None,) * n, groups=np.zeros(n, np.int64)))
    assert found.titles.distinct == 1
    assert (found.copies["title"].sets, found.copies["title"].listings) == (1, n)
    assert len(found.copies["title"].largest[0].ids) < 20
    assert found.groups.sizes == {n: 1}


def test_the_order_of_the_rows_does_not_matter(example, rng):
    table = pd.read_csv(example[0], dtype=str, keep_default_na=False)
    found = describe(table)
    other = describe(table.iloc[rng.permutation(len(table))])
    assert (found.titles, found.languages, found.counts) == (
        other.titles,
        other.languages,
        other.counts,
    )
    assert found.groups.sizes == other.groups.sizes


@pytest.mark.data
@pytest.mark.slow
def test_real_listings(real_data):
    path = real_data / "shopee" / "train.csv"
    table = pd.read_csv(path, dtype=str, keep_default_na=False)
    found = describe(path)
    hashes = table["image_phash"].value_counts()
    assert found.copies["hash"].sets == (hashes > 1).sum()
    labels = table.groupby("image_phash")["label_group"].nunique()
    assert found.copies["hash"].several_groups == (labels > 1).sum()
    assert found.groups.groups == table["label_group"].nunique()
    assert found.languages.sampled == 2_000
