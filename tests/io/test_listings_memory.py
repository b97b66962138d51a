"""Tables that are not text: Parquet, Arrow and pandas."""

import datetime

import numpy as np
import pandas as pd
import pyarrow as pa
import pytest
from pyarrow import parquet

from matcher.errors import DataError
from matcher.io.columns import Columns
from matcher.io.listings import listings_from_table, read_listings
from matcher.io.outputs import write_parquet


@pytest.fixture
def file(tmp_path):
    """Write an Arrow table as Parquet and return its path."""

    def write(table: pa.Table):
        path = tmp_path / "shop.parquet"
        write_parquet(table, path)
        return path

    return write


def test_parquet_keeps_the_types_of_extra(file):
    table = pa.table({"id": [7, 8], "title": ["a", None], "price": [1.5, None], "group": [3, None]})
    listings = read_listings(file(table))
    assert listings.ids == ("7", "8")
    assert listings.titles == ("a", "")
    assert listings.groups.tolist() == [0, -1]
    assert listings.extra.equals(table.drop(["id"]))


def test_pandas_and_arrow_and_csv_give_the_same(tmp_path, file):
    table = pa.table(
        {
            "id": ["1", "2", "3"],
            "title": ["a", "", "c"],
            "phash": ["00000000000000ff", "", "0000000000000001"],
            "group": ["x", "y", "x"],
        }
    )
    pd.DataFrame(table.to_pydict()).to_csv(tmp_path / "shop.csv", index=False)
    as_bytes = pa.schema([(name, pa.large_binary()) for name in table.column_names])
    sources = [
        read_listings(file(table)),
        read_listings(tmp_path / "shop.csv"),
        listings_from_table(table),
        listings_from_table(table.to_pandas()),
        listings_from_table(table.to_pandas().astype(object)),
        listings_from_table(table.to_pandas().astype("category")),
        listings_from_table(table.cast(as_bytes)),
    ]
    for listings in sources:
        assert listings.ids == ("1", "2", "3")
        assert listings.titles == ("a", "", "c")
        assert listings.groups.tolist() == [0, 1, 0]
        assert listings.phashes.codes.tolist() == [255, 0, 1]
        assert listings.phashes.present.tolist() == [True, False, True]


def test_pandas_missing_values_and_numbers():
    table = pd.DataFrame(
        {
            "id": [10, 20, 30],
            "title": ["a", None, float("nan")],
            "label_group": [1.0, np.nan, 1.0],
            "bbox_x": [0.0, np.nan, 0.0],
            "bbox_y": [0, 1, 2],
            "bbox_w": [5, 5, 5],
            "bbox_h": [5, 5, 0],
        }
    )
    listings = listings_from_table(table)
    assert listings.ids == ("10", "20", "30")
    assert listings.titles == ("a", "", "")
    assert listings.groups.tolist() == [0, -1, 0]
    np.testing.assert_array_equal(listings.boxes[0], [0, 0, 5, 5])
    assert np.isnan(listings.boxes[1:]).all()
    assert list(listings.problems) == [1, 2]


def test_pandas_index_with_a_name_is_a_column():
    table = pd.DataFrame({"posting_id": ["a", "b"], "title": ["x", "y"]}).set_index("posting_id")
    assert listings_from_table(table).ids == ("a", "b")
    shuffled = pd.DataFrame({"id": ["a", "b"], "title": ["x", "y"]}, index=[5, 3])
    assert listings_from_table(shuffled).ids == ("a", "b")


def test_pandas_columns_of_mixed_types_and_repeated_names():
    table = pd.DataFrame([[1, "a", 2, "p"], ["x", 5, 3, None]], columns=["id", "title", "n", "n"])
    listings = listings_from_table(table)
    assert listings.ids == ("1", "x")
    assert listings.titles == ("a", "5")
    assert listings.extra.column_names == ["title", "n", "n_2"]


def test_lone_surrogates_become_spaces():
    table = pd.DataFrame({"id": ["1", "2"], "title": pd.Series(["a\ud83db", "ok"], dtype=object)})
    listings = listings_from_table(table)
    assert listings.titles == ("a b", "ok")
    assert listings.problems == {0: "lone surrogates became spaces"}


def test_anything_that_arrow_imports():
    class Foreign:
        def __arrow_c_stream__(self, requested_schema=None):
            return pa.table({"id": ["1"], "title": ["a"]}).__arrow_c_stream__(requested_schema)

    assert listings_from_table(Foreign()).ids == ("1",)


@pytest.mark.parametrize("table", [[{"id": 1}], {"id": [1]}, "shop.csv", None])
def test_no_table(table):
    with pytest.raises(DataError, match=r"must be a pandas.DataFrame or a pyarrow.Table. Received"):
        listings_from_table(table)


@pytest.mark.parametrize(
    "table", [pd.DataFrame(), pd.DataFrame({"id": [], "title": []}), pa.table({"id": []})]
)
def test_nothing_in_it(table):
    with pytest.raises(DataError, match=r"The table (holds no listings|has no column)"):
        listings_from_table(table)


def test_ids_that_have_become_fractions_are_refused():
    table = pd.DataFrame({"id": [1, None], "title": ["a", "b"]})
    with pytest.raises(DataError, match=r"'id' must be text or whole numbers. Received: double"):
        listings_from_table(table)


def test_rows_are_counted_from_0():
    table = pd.DataFrame({"id": ["a", "b", "a"], "title": ["x", "y", "z"]})
    with pytest.raises(DataError, match="'a' occurs more than once, in rows 0, 2"):
        listings_from_table(table)


def test_lists_are_no_text():
    table = pa.table({"id": ["1"], "title": [["a", "b"]]})
    with pytest.raises(DataError, match=r"column 'title' must hold text. Received: list"):
        listings_from_table(table)
    assert listings_from_table(table, columns=Columns(title="id")).extra.num_columns == 1


def test_dates_and_truths_as_text():
    day = datetime.date(2021, 5, 11)
    table = pa.table({"id": ["1"], "title": [day], "group": [True]})
    assert listings_from_table(table).titles == ("2021-05-11",)


def test_bytes_that_are_no_utf8(caplog):
    titles = [b"caf\xe9"] + [b"tea"] * 199
    table = pa.table({"id": [str(i) for i in range(200)], "title": titles})
    listings = listings_from_table(table)
    assert listings.titles[:2] == ("caf\ufffd", "tea")
    assert listings.problems == {0: "title: bytes that are no UTF-8 became U+FFFD"}
    assert "(row 0)" in caplog.text
    with pytest.raises(DataError, match="is not in UTF-8: 1 of 10 rows"):
        listings_from_table(table.slice(0, 10))


def test_text_of_parquet_need_not_be_utf8(file):
    # Parquet's writers and readers pass such "text" on unchecked.
    titles = pa.array([b"\xed\xa0\x80"] + [b"x"] * 199).cast(pa.binary()).view(pa.string())
    table = pa.table({"id": [str(i) for i in range(200)], "title": titles})
    assert read_listings(file(table)).titles[0] == "\ufffd\ufffd\ufffd"


@pytest.mark.parametrize(
    ("content", "message"),
    [(b"id,title\n1,a\n", "cannot be read as Parquet: "), (b"", "is empty"), (b"PAR1", "Parquet")],
)
def test_no_parquet_though_named_so(tmp_path, content, message):
    path = tmp_path / "shop.parquet"
    path.write_bytes(content)
    with pytest.raises(DataError, match=message) as caught:
        read_listings(path)
    assert str(caught.value).startswith(str(path))
    assert "\n" not in str(caught.value)


def test_damaged_parquet(file, rng):
    path = file(pa.table({"id": [str(i) for i in range(500)], "title": ["word"] * 500}))
    whole = path.read_bytes()
    path.write_bytes(whole[: len(whole) // 2])
    with pytest.raises(DataError, match="cannot be read as Parquet"):
        read_listings(path)


def test_parquet_that_repeats_a_name(tmp_path):
    path = tmp_path / "shop.pq"
    parquet.write_table(pa.table([["1"], ["a"], ["b"]], names=["id", "title", "title"]), path)
    with pytest.raises(DataError, match="2 columns named 'title'"):
        read_listings(path)


def test_missing_parquet(tmp_path):
    with pytest.raises(DataError, match="does not exist"):
        read_listings(tmp_path / "shop.parquet")
