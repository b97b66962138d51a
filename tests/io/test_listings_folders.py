"""A tree of pictures: every picture a listing, every folder a product."""

import os

import pytest

from matcher.errors import ConfigError, DataError
from matcher.io.columns import Columns
from matcher.io.listings import read_listings


@pytest.fixture
def tree(tmp_path):
    """Make empty files, and return the folder that holds them."""

    def make(*names: str):
        for name in names:
            path = tmp_path / "photos" / name
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_bytes(b"-")
        return tmp_path / "photos"

    return make


def test_every_folder_is_a_product(tree):
    root = tree("mug/a.jpg", "mug/b.PNG", "lamp/c.jpeg", "lamp/big/d.webp", "e.gif")
    listings = read_listings(root)
    paths = ["e.gif", "lamp/big/d.webp", "lamp/c.jpeg", "mug/a.jpg", "mug/b.PNG"]
    assert listings.ids == ("e", "d", "c", "a", "b")
    assert [ref.path for ref in listings.images] == [root / path for path in paths]
    # "lamp/big" is 0, "lamp" 1, "mug" 2; what lies at the top is of no known product
    assert listings.groups.tolist() == [-1, 0, 1, 2, 2]
    assert listings.titles == ("",) * 5
    assert listings.extra.column("path").to_pylist() == paths


def test_a_flat_folder_has_no_labels(tree):
    assert read_listings(tree("a.jpg", "b.jpg")).groups is None


def test_ids_are_as_short_as_can_be(tree):
    root = tree("p/1.jpg", "q/1.jpg", "q/2.jpg", "q/2.png", "q/3.jpg")
    assert read_listings(root).ids == ("p/1", "q/1", "q/2.jpg", "q/2.png", "3")


def test_white_space_in_names(tree):
    root = tree("my mug/IMG 1.jpg", "my mug/IMG\u00a02.jpg", "other/IMG 1.jpg")
    assert read_listings(root).ids == ("my_mug/IMG_1", "IMG_2", "other/IMG_1")
    with pytest.raises(DataError, match=r"two pictures with the id 'a/b_c\.jpg'\. Rename one"):
        read_listings(tree("a/b c.jpg", "a/b_c.jpg"))


def test_long_name_of_one_that_is_the_short_name_of_another(tree):
    with pytest.raises(DataError, match=r"two pictures with the id '1\.jpg'"):
        read_listings(tree("1.jpg", "1.png", "q/1.jpg.png"))


def test_what_is_no_picture_is_left_out_and_said(tree, caplog):
    root = tree(
        "a/1.jpg", "a/notes.txt", "a/.hidden.jpg", ".git/x.jpg", "__MACOSX/a/1.jpg", "Thumbs.db"
    )
    assert read_listings(root).ids == ("1",)
    assert "photos: left out other file a/notes.txt" in caplog.text


def test_names_that_are_no_utf8(tree):
    root = tree("a/1.jpg")
    try:
        (root / "a" / os.fsdecode(b"caf\xe9.jpg")).write_bytes(b"-")
    except OSError:
        pytest.skip("this file system takes UTF-8 names only")
    listings = read_listings(root)
    assert listings.ids == ("1", "caf\ufffd")
    assert all(ref.path.exists() for ref in listings.images)


def test_links_to_folders_are_not_followed(tree):
    root = tree("a/1.jpg")
    (root / "a" / "loop").symlink_to(root)
    assert read_listings(root).ids == ("1",)


@pytest.mark.parametrize("names", [[], ["a/notes.txt"]])
def test_no_pictures(tree, tmp_path, names):
    tree("x/x.txt")
    with pytest.raises(DataError, match=r"photos is a folder without pictures\. Name a CSV"):
        read_listings(tree(*names))


def test_a_table_at_the_top_is_probably_what_was_meant(tree):
    with pytest.raises(
        DataError, match=r"folder that holds tables. Name the one to read \(l\.csv\)"
    ):
        read_listings(tree("a/1.jpg", "l.csv"))
    assert len(read_listings(tree("a/1.jpg") / "a")) == 1


def test_options_of_tables_are_refused(tree):
    root = tree("a/1.jpg")
    assert len(read_listings(root, columns=Columns())) == 1
    for options in ({"images": root}, {"columns": Columns(id="x")}):
        with pytest.raises(ConfigError, match="neither images nor columns"):
            read_listings(root, **options)
