"""CSV that is no table of listings: what is refused, and in what words."""

import gzip
from contextlib import suppress

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from matcher.errors import ConfigError, DataError
from matcher.io import csv_text
from matcher.io.listings import read_listings

REFUSED = {
    "is empty": [b"", b"\n\n \n", b"\xef\xbb\xbf"],
    "holds no listings": [b"id,title", b"id,title\n", b"id,title\n\n,\n", b"id,title\n,x\n"],
    "in UTF-16; pass --encoding utf-16": [
        "\ufeffid,title\n1,a\n".encode("utf-16-le"),
        "\ufeffid,title\n1,a\n".encode("utf-16-be"),
    ],
    "NUL bytes.*--encoding utf-16-le": ["id,title\n1,a\n".encode("utf-16-le")],
    "a Parquet file": [b"PAR1 and so on"],
    "an Excel workbook": [b"PK\x03\x04 and so on"],
    "damaged gzip": [gzip.compress(b"id,title\n1,a\n", mtime=0)[:-6], b"\x1f\x8bnonsense"],
    "no column of ids": [b"name,price\n1,a\n", b"\x89PNG\r\n\x1a\n 123", b"1,a\n2,b\n"],
    "no column of titles, images or perceptual hashes": [b"id,price\n1,a\n"],
    "2 columns named 'title'": [b"id,title,title\n1,a,b\n"],
    r"3 of 4 rows.*2 cells.*split at ','.*\(lines 2, 3, 5\).*--delimiter": [
        b"id,title\n1,a,b\n2\n3,c\n4,d,e\n"
    ],
    "is not in UTF-8: 1 of 2 rows.*first in line 3.*--encoding cp1252": [
        b"id,title\n1,a\n2,caf\xe9\n"
    ],
    "a quote opens in the row at line 3 and is never closed": [
        b'id,title\n1,a\n2,"b\n3,c\n',
        b'id,title\n1,a\n"2,b\n3,c\n',
        b'id,title\n1,a\n2,"b',
    ],
    "at line 2 and is never closed": [b'id,title\n"', b'id,title\n1,"'],
    "no header": [b'"id,title\n1,a\n' + b"2,b\n" * 40_000],
    "line 3: id 'a b' holds white space": [b"id,title\n1,x\na b,y\nc d,z\n"],
    r"line 2: id 'a\\x00' holds white space": [b"id,title\na\x00,x\n"],
    r"id '\\xa01' holds": ["id,title\n\u00a01,x\n".encode()],
    "id '1' occurs more than once, in lines 2, 5.*--duplicate-ids first": [
        b'id,title\n1,a\n2,"x\ny"\n1,b\n2,c\n1,d\n'
    ],
}


@pytest.mark.parametrize(
    ("message", "content"), [(message, c) for message, cs in REFUSED.items() for c in cs]
)
def test_refused_in_one_breath_that_names_the_file(csv, message, content):
    path = csv(content)
    with pytest.raises(DataError, match=f"(?s){message}") as caught:
        read_listings(path)
    assert str(caught.value).startswith(str(path))


def test_row_that_never_ends(csv, monkeypatch):
    monkeypatch.setattr(csv_text, "BLOCK_BYTES", 1 << 10)
    assert len(read_listings(csv("id,title\n" + "1,a\n" * 1000), duplicate_ids="first")) == 1
    with pytest.raises(DataError, match=r"a row is longer than .* Is a quote never closed\?"):
        read_listings(csv('id,title\n1,"a\n' + "2,b\n" * 1000))


def test_missing_file_suggests_its_neighbour(csv):
    path = csv("id,title\n1,a\n", "listings.csv")
    with pytest.raises(DataError, match=r"listing\.csv does not exist\. Did you mean 'listings"):
        read_listings(path.with_name("listing.csv"))
    with pytest.raises(DataError, match=r"nowhere.x\.csv does not exist\. Check the path"):
        read_listings(path.parent / "nowhere" / "x.csv")


def test_path_below_a_file(csv):
    with pytest.raises(DataError, match="Not a directory"):
        read_listings(csv("id,title\n1,a\n") / "x.csv")


def test_unknown_encoding(csv):
    for name in ("utf-9", "rot13"):
        with pytest.raises(ConfigError, match=f"Unknown text encoding '{name}'"):
            read_listings(csv("id,title\n1,a\n"), encoding=name)


def test_wrong_encoding_names_the_line(csv):
    with pytest.raises(DataError, match="is not in ascii: see line 3"):
        read_listings(csv("id,title\n1,a\n2,ä\n"), encoding="ascii")


def test_no_such_way_with_duplicates(csv):
    with pytest.raises(ConfigError, match="Received: 'last'"):
        read_listings(csv("id,title\n1,a\n"), duplicate_ids="last")


@settings(suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(content=st.binary(max_size=200) | st.text('",;\nabé', max_size=60).map(str.encode))
def test_any_bytes_are_listings_or_a_data_error(tmp_path, content):
    path = tmp_path / "any.csv"
    path.write_bytes(b"id,title\n" + content)
    with suppress(DataError):
        assert len(read_listings(path, duplicate_ids="first")) > 0
