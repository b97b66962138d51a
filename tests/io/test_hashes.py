import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from matcher.io.hashes import format_hash, parse_hashes

CODES = st.lists(st.none() | st.integers(0, 2**64 - 1), max_size=20)


@given(CODES)
def test_what_is_written_is_read_back(codes):
    texts = [None if code is None else format_hash(code) for code in codes]
    read, present, problems = parse_hashes(texts)
    assert read.dtype == np.uint64
    assert read.tolist() == [code or 0 for code in codes]
    assert present.tolist() == [code is not None for code in codes]
    assert not problems


DIGITS = "0123456789abcdefABCDEF"


@given(st.lists(st.text(max_size=20) | st.text(DIGITS + " ", max_size=18), max_size=5))
def test_any_text_is_a_hash_none_or_a_problem(texts):
    codes, present, problems = parse_hashes(texts)
    for row, text in enumerate(texts):
        stripped = text.strip()
        valid = len(stripped) == 16 and set(stripped) <= set(DIGITS)
        assert present[row] == valid
        assert (row in problems) == (bool(stripped) and not valid)
        assert codes[row] == (int(stripped, 16) if valid else 0)


def test_malformed_hashes_say_what_came():
    given_texts = ["9.49E+15", "0x94974f937d4c24", "94974f937d4c243", "９４974f937d4c2433", " "]
    codes, present, problems = parse_hashes(given_texts)
    assert not present.any()
    assert not codes.any()
    assert sorted(problems) == [0, 1, 2, 3]
    assert problems[0] == "'9.49E+15' is not 16 hexadecimal digits"


def test_a_long_text_is_cut_in_the_message():
    assert len(parse_hashes(["x" * 10_000])[2][0]) < 100
