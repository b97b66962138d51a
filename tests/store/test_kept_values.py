"""Vectors as bytes, and the stream that PostgreSQL reads and writes."""

import struct

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy.sparse import csr_array

from matcher.errors import StoreError
from matcher.store._postgres_copy import from_stream, to_stream
from matcher.store._values import bytes_to_rows, rows_to_bytes, to_codes, to_signed

SMALL = st.floats(-1, 1, width=32)


@given(arrays(np.float32, st.tuples(st.integers(0, 6), st.integers(1, 9)), elements=SMALL))
def test_sparse_rows_come_back(dense):
    sparse = csr_array(dense)
    back = bytes_to_rows(rows_to_bytes(sparse), dense.shape[1])
    assert back.dtype == np.float32
    np.testing.assert_array_equal(back.toarray(), dense)


def test_an_entry_is_its_column_and_its_value():
    row = csr_array(np.float32([[0, 0.5, 0, 2]]))
    assert rows_to_bytes(row) == [struct.pack("<ifif", 1, 0.5, 3, 2)]


@pytest.mark.parametrize(
    ("kept", "why"),
    [(b"\0" * 7, "half an entry"), (struct.pack("<if", 4, 1), "too many"), (b"\xff" * 8, "too")],
)
def test_other_bytes_are_refused(kept, why):
    with pytest.raises(StoreError, match=why):
        bytes_to_rows([kept], 4)


@given(st.lists(st.integers(0, 2**64 - 1)))
def test_hashes_come_back(codes):
    given_codes = np.array(codes, np.uint64)
    assert to_codes(to_signed(given_codes)).tolist() == codes


def cut(stream, places):
    """The stream in blocks that end anywhere."""
    ends = sorted(place % (len(stream) + 1) for place in places)
    return [stream[a:b] for a, b in zip([0, *ends], [*ends, len(stream)], strict=True)]


@given(
    st.integers(0, 5),
    st.sampled_from(["f4", "f2"]),
    st.lists(st.integers(0, 500), max_size=6),
)
def test_a_stream_comes_back_however_it_is_cut(n, kind, places):
    columns = {
        "row_no": np.arange(n) - 2,
        "score": np.linspace(-1, 1, n, dtype=np.float32),
        "value": np.arange(n * 3).reshape(n, 3).astype(kind),
    }
    types = {name: np.dtype((c.dtype, c.shape[1:])) for name, c in columns.items()}
    stream = b"".join(to_stream(columns))
    found = np.concatenate(list(from_stream(cut(stream, places), types)))
    assert found["row_no"].tolist() == columns["row_no"].tolist()
    assert found["score"].tolist() == columns["score"].tolist()
    np.testing.assert_array_equal(found["value"]["numbers"], columns["value"])


def test_a_long_stream_arrives_in_parts():
    columns = {"row_no": np.arange(400_000), "other": np.arange(400_000)}
    types = {name: np.dtype("i8") for name in columns}
    blocks = list(to_stream(columns))
    parts = list(from_stream(blocks, types))
    assert len(blocks) > 3
    assert len(parts) > 1
    assert np.array_equal(np.concatenate(parts)["other"], columns["other"])


def test_a_row_lies_as_the_manual_says():
    (_, row, _) = to_stream({"row_no": np.array([7]), "value": np.float32([[0.5, 2]])})
    assert row == struct.pack(">hiqihhff", 2, 8, 7, 12, 2, 0, 0.5, 2)


@pytest.mark.parametrize("harm", ["no header", "a row short", "another width"])
def test_another_stream_is_refused(harm):
    types = {"row_no": np.dtype("i8")}
    stream = b"".join(to_stream({"row_no": np.arange(9)}))
    if harm == "another width":
        types = {"row_no": np.dtype("f4")}
    stream = {"no header": stream[3:], "a row short": stream[:-9]}.get(harm, stream)
    with pytest.raises(StoreError):
        list(from_stream([stream], types))
