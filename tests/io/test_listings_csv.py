"""CSV as people write it: what is read, what is left out and said."""

import gzip
import logging

import numpy as np
import pyarrow as pa
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from matcher.errors import ConfigError
from matcher.io.columns import Columns
from matcher.io.listings import MAX_TITLE_CHARS, read_listings
from matcher.io.outputs import write_csv

# --- what is read


def test_every_cell_is_the_text_of_the_file(csv):
    path = csv("id,title,price,label_group\n007,NA,1.50,9\n1e3,null,,\n-0,None,nan,9\nx,,01,5\n")
    listings = read_listings(path)
    assert listings.ids == ("007", "1e3", "-0", "x")
    assert listings.titles == ("NA", "null", "None", "")
    assert listings.extra.column("price").to_pylist() == ["1.50", "", "nan", "01"]
    # groups by first appearance: "9" is 0, "" is unlabelled, "5" is 1
    assert listings.groups.tolist() == [0, -1, 0, 1]
    assert listings.groups.dtype == np.int64
    assert (listings.id_name, dict(listings.problems)) == ("id", {})


def test_no_label_column_is_no_groups_at_all(csv):
    listings = read_listings(csv("id,title\n1,a\n"))
    assert (listings.groups, listings.phashes, listings.boxes) == (None, None, None)
    assert listings.images == (None,)


def test_quotes_line_breaks_and_commas_inside_cells(csv):
    listings = read_listings(csv('id,title\n1,"two\nlines, and ""quotes"""\n2,5" tv\n'))
    # the line break is a control character: a space for encoders, kept in extra
    assert listings.titles == ('two lines, and "quotes"', '5" tv')
    assert listings.extra.column("title")[0].as_py() == 'two\nlines, and "quotes"'


@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
@pytest.mark.parametrize("last", [True, False])
def test_line_ends(csv, end, last):
    content = end.join(["id,title", "1,a", "2,b"]) + end * last
    assert read_listings(csv(content)).titles == ("a", "b")


def test_blank_lines_anywhere_are_passed_over_silently(csv, caplog):
    listings = read_listings(csv("\n \nid,title\n\n1,a\n,\n2,b\n\n\n"))
    assert listings.ids == ("1", "2")
    assert not caplog.records


@pytest.mark.parametrize("delimiter", [",", ";", "\t", "|"])
def test_delimiter_is_seen_in_the_header(csv, delimiter):
    rows = [["id", "title", "x"], ["1", "a", "p"], ["2", "b", "q"]]
    content = "\n".join(delimiter.join(row) for row in rows)
    assert read_listings(csv(content, "shop.txt")).titles == ("a", "b")


def test_delimiter_that_names_known_columns_beats_one_that_splits_more(csv):
    listings = read_listings(csv("id;title;a,b,c,d\n1;one, two;x\n"))
    assert listings.titles == ("one, two",)


@pytest.mark.parametrize("spelt", ["\t", "tab", "\\t"])
def test_delimiter_named(csv, spelt):
    listings = read_listings(
        csv("id,x\ttitle\n1\ta\n"), columns=Columns(id="id,x"), delimiter=spelt
    )
    assert listings.ids == ("1",)


@pytest.mark.parametrize("delimiter", ["", "ab", '"', "é", "\n"])
def test_no_such_delimiter(csv, delimiter):
    with pytest.raises(ConfigError, match="delimiter must be one character"):
        read_listings(csv("id,title\n1,a\n"), delimiter=delimiter)


def test_gzip_whatever_its_name(csv):
    content = gzip.compress(b"id,title\n1,a\n")
    assert read_listings(csv(content, "a.csv.gz")).ids == ("1",)
    assert read_listings(csv(content, "a.csv")).ids == ("1",)


def test_byte_order_mark(csv):
    assert read_listings(csv(b"\xef\xbb\xbfid,title\n1,a\n")).id_name == "id"
    marked = csv("\ufeffid,title\n1,ä\n".encode("utf-16"))
    assert read_listings(marked, encoding="utf-16").titles == ("ä",)
    little = csv("\ufeffid,title\n1,ä\n".encode("utf-16-le"))
    assert read_listings(little, encoding="utf-16-le").id_name == "id"


def test_another_encoding(csv):
    path = csv("id,title\n1,Crème €\n".encode("cp1252"))
    assert read_listings(path, encoding="cp1252").titles == ("Crème €",)


def test_a_cell_of_a_megabyte(csv):
    text = "word, " * 180_000
    listings = read_listings(csv(f'id,title,note\n1,a,"{text}"\n2,"{text}",b\n'))
    assert listings.extra.column("note")[0].as_py() == text
    assert listings.titles[1] == text[:MAX_TITLE_CHARS]


def test_long_titles_are_cut_and_noted(csv, caplog):
    exact, long = "é" * MAX_TITLE_CHARS, "é" * (MAX_TITLE_CHARS + 1)
    listings = read_listings(csv(f"id,title\n1,{exact}\n2,{long}\n"))
    assert listings.titles == (exact, exact)
    assert listings.problems == {1: "title cut at 10,000 characters"}
    assert listings.extra.column("title")[1].as_py() == long
    assert "shop.csv: title cut at 10,000 characters (line 3)" in caplog.text


def test_control_characters_in_titles_become_spaces(csv):
    listings = read_listings(csv("id,title\n1,a\x00b\tc\x1bd\x7fe\x85f\n"))
    assert listings.titles == ("a b c d e f",)
    assert listings.extra.column("title")[0].as_py() == "a\x00b\tc\x1bd\x7fe\x85f"


# --- what is left out, and said


def test_ragged_rows_are_left_out_with_their_lines(csv, caplog):
    content = 'id,title\n1,a\n2\n3,"x\ny"\n\n4,b,c\n"5\n6",7,8\n9,d\n'
    # lines:    1         2    3  4-5       6  7      8-9         10
    assert read_listings(csv(content)).ids == ("1", "3", "9")
    assert (
        "left out 3 rows that have not the 2 cells of the header (lines 3, 7, 8-9)" in caplog.text
    )


def test_header_of_two_lines_counts_as_two(csv, caplog):
    read_listings(csv('\n"id","title","of\nmine"\n1,a,b\n2\n'))
    # blank 1, header 2-3, good 4, bad 5
    assert "(line 5)" in caplog.text


def test_many_places_are_cut_short(csv, caplog):
    good = "".join(f"{i},a\n" for i in range(10))
    read_listings(csv("id,title\n" + good + "x\n" * 8))
    assert "left out 8 rows" in caplog.text
    assert "(lines 12, 13, 14, 15, 16 and 3 more)" in caplog.text


def test_rows_without_id_are_left_out_with_their_lines(csv, caplog):
    assert read_listings(csv('id,title\n1,a\n,b\n"",c\n2,d\n')).ids == ("1", "2")
    assert "left out 2 rows without id (lines 3, 4)" in caplog.text


def test_problems_move_with_the_rows_that_stay(csv):
    long = "x" * (MAX_TITLE_CHARS + 1)
    listings = read_listings(csv(f"id,title\n,a\nbad\n1,b\n2,{long}\n"))
    assert list(listings.problems) == [1]


def test_first_of_repeated_ids_is_kept_on_request(csv, caplog):
    path = csv("id,title\n1,a\n2,b\n1,c\n2,d\n1,e\n3,f\n")
    listings = read_listings(path, duplicate_ids="first")
    assert listings.titles == ("a", "b", "f")
    assert "left out 3 rows whose id came before (lines 4, 5, 6)" in caplog.text


def test_a_few_bad_bytes_become_replacement_characters(csv, caplog):
    rows = [f"{i},title {i}\n".encode() for i in range(199)]
    rows[50] = b"50,caf\xe9,\n"[:-2] + b"\n"
    rows[60] = b"60\xff\n"  # ragged as well
    listings = read_listings(csv(b"id,title\n" + b"".join(rows)))
    assert len(listings) == 198
    assert listings.titles[50] == "caf\ufffd"
    assert listings.problems == {50: "bytes that are no UTF-8 became U+FFFD"}
    assert "bytes that are no UTF-8 in line 52" in caplog.text


def test_bad_bytes_outside_the_listings_do_not_matter(csv, caplog):
    listings = read_listings(csv(b"id,title,caf\xe9\n1,a,b\n2,b,c\n3\xff\n"))
    assert (listings.ids, dict(listings.problems)) == (("1", "2"), {})
    assert [record.getMessage().count("UTF-8") for record in caplog.records] == [0]


def test_silence_when_all_is_well(csv, caplog):
    with caplog.at_level(logging.DEBUG):
        read_listings(csv("id,title\n1,a\n"))
    assert not caplog.records


# --- round trip

CELLS = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)


# Each example waits for the disk twice, so there are few of them.
@settings(
    suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None, max_examples=40
)
@given(titles=st.lists(st.tuples(CELLS, CELLS), min_size=1, max_size=8))
def test_what_is_written_is_read_back(tmp_path, titles):
    ids = [str(i) for i in range(len(titles))]
    first, second = (list(column) for column in zip(*titles, strict=True))
    path = tmp_path / "round.csv"
    write_csv(pa.table({"id": ids, "title": first, "note": second}), path)
    listings = read_listings(path)
    assert listings.ids == tuple(ids)
    assert listings.extra.column("title").to_pylist() == first
    assert listings.extra.column("note").to_pylist() == second
