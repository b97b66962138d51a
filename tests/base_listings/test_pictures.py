"""Pictures for the base encoder, of small sets and of the real ones."""

import shutil
import zipfile
from collections import Counter

import pytest

from matcher.errors import DataError
from pipelines._base_pictures import lift_rare, write_pictures


def by_id(rows):
    return {row.listing_id: row for row in rows}


def test_a_category_is_as_fine_as_it_is_frequent(pictures):
    sizes = Counter(p.category for p in pictures[1] if p.set == "fashion")
    assert sizes == {
        "fashion/Apparel/Topwear/Kurtas": 30,
        "fashion/Apparel/Topwear/Shirts": 6,
        "fashion/Apparel": 3,
        "fashion/Home": 1,
    }


def test_rare_categories_may_be_frequent_together():
    levels = [["x", "a", str(i % 2)] for i in range(4)] + [["x", "a"]]
    assert lift_rare(levels, least=3) == [["x", "a"]] * 5
    assert lift_rare([]) == []


def test_pictures_are_written_as_they_are(pictures, read_rows):
    folder, found = pictures
    told = read_rows(folder / "listings.csv")
    assert [row["image"] for row in told] == [p.image for p in found]
    assert list(told[0]) == ["listing_id", "image", "product", "category", "set"]
    assert (folder / "images" / "fashion" / "7.jpg").read_bytes() == b"fashion 7"
    files = {p for p in (folder / "images").rglob("*") if p.is_file()}
    assert files == {folder / "images" / p.image for p in found}


def test_pictures_of_the_same_bytes_are_one_product(pictures):
    found = by_id(pictures[1])
    assert found["fashion/1"].product == found["fashion/0"].product
    assert len({p.product for p in pictures[1]}) == len(pictures[1]) - 1


def test_no_test_photo_of_the_grocery_set_is_written_under_any_name(pictures, sets):
    folder, found = pictures
    grocery = [p for p in found if p.set == "grocery"]
    names = {p.listing_id.removeprefix("grocery/") for p in grocery}
    assert len(names) == 7
    assert not {"train_1_1", "test_0_4", "test_1_4"} & names
    with zipfile.ZipFile(sets / "grocery" / "images.zip") as archive:
        tests = {archive.read(name) for name in archive.namelist() if "test_" in name}
    assert not tests & {p.read_bytes() for p in (folder / "images").rglob("*.jpg")}
    assert {p.category for p in grocery} == {"grocery/Class 0", "grocery/Class 1"}


def test_a_picture_that_is_not_there_is_named(sets, tmp_path):
    shutil.copytree(sets, tmp_path / "sets")
    folder = tmp_path / "sets" / "clothing"
    with zipfile.ZipFile(folder / "images.zip", "w") as archive:
        archive.writestr("images/c0.jpg", b"x")
    with pytest.raises(DataError, match=r"images/c1\.jpg"):
        write_pictures(tmp_path / "sets", tmp_path / "out")
    with zipfile.ZipFile(folder / "images.zip", "w") as archive:
        archive.writestr("../c0.jpg", b"x")
    (folder / "listings.csv").write_text("listing_id,image,category\nc0,../c0.jpg,hat\n")
    with pytest.raises(DataError, match=r"below the folder of its set.*\.\./c0\.jpg"):
        write_pictures(tmp_path / "sets", tmp_path / "out")
    assert not (tmp_path / "out" / "images" / "c0.jpg").exists()


@pytest.mark.data
@pytest.mark.slow
def test_real_pictures_hold_no_grocery_test_photo(real_data, tmp_path):
    found = write_pictures(real_data, tmp_path)
    sizes = Counter(p.set for p in found)
    assert sizes == {"fashion": 26_367, "clothing": 3_781, "grocery": 3_017}
    assert not any("/test_" in p.image for p in found if p.set == "grocery")
    assert min(Counter(p.category for p in found if p.category.count("/") > 1).values()) >= 5
