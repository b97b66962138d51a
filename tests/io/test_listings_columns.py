"""Which column is which, named or detected, and what the columns beside titles mean."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.errors import ConfigError, DataError
from matcher.io.columns import CANDIDATES, Columns, FoundColumns, find_columns
from matcher.io.listings import read_listings


def find(names: str, **columns) -> FoundColumns:
    return find_columns(names.split(), Columns(**columns), "shop.csv")


def found(id, title=(), image=None, phash=None, group=None, box=()):
    return FoundColumns(id, title, image, phash, group, box)


@pytest.mark.parametrize(
    ("names", "expected"),
    [
        ("posting_id image image_phash title label_group", found(0, (3,), 1, 2, 4)),
        ("product_id product_title vendor_id cluster_id cluster_label", found(0, (1,), group=3)),
        ("id name description price", found(0, (1,))),
        ("seller_img_id img_path", found(0, image=1)),
        (
            "user_img_id img_path bbox_x bbox_y bbox_w bbox_h",
            found(0, image=1, box=(2, 3, 4, 5)),
        ),
        ("listing_id image title detail_desc label_group", found(0, (2,), 1, group=4)),
    ],
)
def test_known_layouts_need_no_options(names, expected):
    assert find(names) == expected


@pytest.mark.parametrize("kind", ["id", "title", "group"])
def test_earlier_candidates_win(kind):
    for first, second in itertools.pairwise(CANDIDATES[kind]):
        names = ["x", second, first, "id" if kind != "id" else "y", "phash"]
        place = getattr(find_columns(names, Columns(), "t"), kind)
        assert place in (2, (2,)), (first, second)


def test_case_and_outer_spaces_do_not_matter_but_the_exact_name_wins():
    names = [" Posting_ID", "TITLE ", "title"]
    assert find_columns(names, Columns(), "t") == found(0, (2,))
    assert find_columns(names, Columns(id="posting_id", title="TITLE "), "t") == found(0, (1,))


def test_repeated_name_matters_only_if_it_is_read():
    assert find("id title x x") == found(0, (1,))
    with pytest.raises(DataError, match="2 columns named 'x', and it is not clear"):
        find("id title x x", group="x")
    with pytest.raises(DataError, match="2 columns named 'id'"):
        find("ID Id title")


def test_several_title_columns():
    assert find("id name brand", title="brand, name").title == (2, 1)
    assert find("id name brand", title=["name", "brand"]).title == (1, 2)
    names = ["id", "brand,name", "name"]
    assert find_columns(names, Columns(title="brand,name"), "t").title == (1,)


def test_empty_name_means_no_such_column():
    assert find("id title label", group="").group is None
    assert find("id title image", title="").title == ()
    with pytest.raises(DataError, match="no column of ids"):
        find("id title", id="")
    box = "bbox_x bbox_y bbox_w bbox_h"
    assert find(f"id title {box}", box="").box == ()


def test_box_is_detected_whole_or_not_at_all_and_takes_four_names():
    assert find("id title bbox_x bbox_y bbox_w").box == ()
    assert find("id title x y w h", box="x,y,w,h").box == (2, 3, 4, 5)
    with pytest.raises(
        ConfigError, match=r"run\.yaml: box takes four columns: x, y, width, height"
    ):
        Columns.read({"box": "x,y,w"}, "run.yaml")


@pytest.mark.parametrize("kind", ["id", "title", "image", "phash", "group"])
def test_absent_column_is_named_with_a_suggestion(kind):
    message = f"shop.csv has no column 'labels', named for '{kind}'. Did you mean 'label'?"
    with pytest.raises(DataError) as caught:
        find("id title label", **{kind: "labels"})
    assert str(caught.value).startswith(message)
    assert "Columns found: 'id', 'title', 'label'." in str(caught.value)


def test_wide_tables_are_not_listed_in_full():
    with pytest.raises(DataError, match=r"'c28', 'c29' and 170 more\. Name one with --id COLUMN"):
        find_columns([f"c{i}" for i in range(200)], Columns(), "t")


# --- what the columns mean


@pytest.fixture
def read(tmp_path):
    """Read listings from CSV text."""

    def read(content: str, **options):
        path = tmp_path / "shop.csv"
        path.write_text(content, encoding="utf-8")
        return read_listings(path, **options)

    return read


def test_titles_are_joined_by_a_space_without_the_empty_ones(read):
    content = "id,name,brand\n1,lamp,Acme\n2,,Acme\n3,lamp,\n4,,\n"
    listings = read(content, columns=Columns(title="brand,name"))
    assert listings.titles == ("Acme lamp", "Acme", "lamp", "")


def test_joined_title_is_cut_as_a_whole(read):
    listings = read(f"id,a,b\n1,{'x' * 6000},{'y' * 6000}\n", columns=Columns(title="a,b"))
    assert listings.titles == ("x" * 6000 + " " + "y" * 3999,)


def test_repeated_names_are_told_apart_in_extra(read):
    listings = read("x,id,x,x_2,title,x\na,1,b,c,t,d\n")
    assert listings.extra.to_pylist() == [
        {"x": "a", "x_2": "b", "x_2_2": "c", "title": "t", "x_3": "d"}
    ]


def test_phashes(read, caplog):
    listings = read("id,phash\n1,00000000000000ff\n2,\n3,oops\n4,FF00000000000000\n")
    assert listings.phashes.codes[[0, 3]].tolist() == [255, 255 << 56]
    assert listings.phashes.present.tolist() == [True, False, False, True]
    assert list(listings.problems) == [2]
    assert "perceptual hash 'oops' is not 16 hexadecimal digits (line 4)" in caplog.text


def test_boxes(read, caplog):
    rows = [
        "1,2,3.5,4",  # fine
        ",,,",  # the whole picture, on purpose
        "0,0,0,5",  # no width
        "0,0,5,-1",
        "x,0,5,5",
        "1,2,3,",  # half a box
        "nan,0,5,5",
        "0,0,inf,5",
        "0,0,1e40,5",  # beyond float32
        " -3 ,+.5,1e2,2.",  # may begin outside the picture
    ]
    lines = "".join(f"{i},t,{row}\n" for i, row in enumerate(rows))
    listings = read(f"id,title,bbox_x,bbox_y,bbox_w,bbox_h\n{lines}")
    assert listings.boxes.dtype == np.float32
    np.testing.assert_array_equal(listings.boxes[[0, 9]], [[1, 2, 3.5, 4], [-3, 0.5, 100, 2]])
    assert np.isnan(listings.boxes[1:9]).all()
    assert list(listings.problems) == [2, 3, 4, 5, 6, 7, 8]
    assert "box is not four numbers" in listings.problems[2]
    assert "(lines 4, 5, 6, 7, 8 and 2 more)" in caplog.text


@given(st.lists(st.sampled_from(["", "a", "b", "B", " a", "0", "00"]), min_size=1, max_size=12))
def test_groups_are_numbered_by_first_appearance(tmp_path_factory, labels):
    path = tmp_path_factory.mktemp("groups") / "shop.csv"
    path.write_text("id,title,group\n" + "".join(f"{i},t,{g}\n" for i, g in enumerate(labels)))
    seen = dict.fromkeys(label for label in labels if label)
    order = {label: code for code, label in enumerate(seen)} | {"": -1}
    assert read_listings(path).groups.tolist() == [order[label] for label in labels]


def test_pictures_are_looked_for_only_where_asked(read, tmp_path, caplog):
    (tmp_path / "photos").mkdir()
    (tmp_path / "photos" / "a.jpg").write_bytes(b"-")
    content = "id,image\n1,a.jpg\n2,\n3,b.jpg\n"
    assert read(content).images == (None, None, None)
    assert not caplog.records
    listings = read(content, images=tmp_path / "photos")
    assert listings.images[0].path == tmp_path / "photos" / "a.jpg"
    assert listings.images[1:] == (None, None)
    assert list(listings.problems) == [2]
    assert "picture not found" in listings.problems[2]
    assert "(line 4)" in caplog.text


def test_pictures_given_but_not_named_in_the_table(read, tmp_path, caplog):
    assert read("id,title\n1,a\n", images=tmp_path).images == (None,)
    assert "has no column of pictures" in caplog.text


def test_a_folder_of_pictures_that_is_not_there_is_an_error_without_a_column_too(read, tmp_path):
    with pytest.raises(DataError, match=r"photos does not exist; give the folder or zip archive"):
        read("id,title\n1,a\n", images=tmp_path / "photos")


def test_problems_of_one_row_are_told_together(read):
    content = f"id,title,phash\n1,{'x' * 10_001},zz\n"
    assert read(content).problems == {
        0: "title cut at 10,000 characters; perceptual hash 'zz' is not 16 hexadecimal digits"
    }


# --- real files


@pytest.mark.data
@pytest.mark.parametrize(
    ("file", "n", "n_groups", "id_name"),
    [
        ("shopee/train.csv", 24_172, 7_764, "posting_id"),
        ("pricerunner/offers.csv", 30_272, 11_735, "product_id"),
        ("deepmatcher/abt-buy/tableA.csv", 1_081, None, "id"),
        ("hm/listings.csv", 8_444, 4_749, "listing_id"),
        ("grocery/listings.csv", 4_721, 81, "listing_id"),
    ],
)
def test_real_tables(real_data, file, n, n_groups, id_name, caplog):
    listings = read_listings(real_data / file)
    assert (len(listings), listings.id_name) == (n, id_name)
    assert (None if listings.groups is None else listings.groups.max() + 1) == n_groups
    assert all(listings.titles)
    assert not caplog.records
