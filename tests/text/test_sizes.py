import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.text.sizes import (
    LETTERS,
    find_ages,
    find_letter_sizes,
    find_numbered_sizes,
    find_sizes,
)
from matcher.text.words import clean_title


@pytest.mark.parametrize(
    ("title", "sizes"),
    [
        ("Kaos XL", ["xl"]),
        ("kaos XXL", ["2xl"]),
        ("kaos 2XL", ["2xl"]),
        ("kaos 2xl", ["2xl"]),
        ("kaos 2 XL", ["2xl"]),
        ("xxxl/xxxxl", ["3xl", "4xl"]),
        ("size M", ["m"]),
        ("ukuran L", ["l"]),
        ("uk. S", ["s"]),
        ("ukuran size “s”", ["s"]),
        ("fit to L", ["l"]),
        ("fit L - fit xl", ["l", "xl"]),
        ("ukuran besar", ["l"]),
        ("all size", ["onesize"]),
        ("allsize", ["onesize"]),
        ("free size fit to XL", ["xl", "onesize"]),
        ("S-M-L", ["s", "m", "l"]),
        ("S/M/L/XL", ["s", "m", "l", "xl"]),
        ("s m l polos", ["s", "m", "l"]),
        ("M-XXL", ["m", "l", "xl", "2xl"]),
        ("size s-l", ["s", "m", "l"]),
        ("Galaxy S 10", []),
        ("Galaxy S-Pen s pen", []),
        ("minyak 1 L", []),
        ("kabel 2 M", []),
        ("men's, L'Oreal, pc(s)", []),
        ("tas H&M M&M", []),
        ("iphone XS max", []),
        ("ukuran 2 m", []),
        ("besar", []),
        ("", []),
    ],
)
def test_letters(title, sizes):
    assert find_letter_sizes(clean_title(title)) == sizes


@pytest.mark.parametrize(
    ("title", "sizes"),
    [
        ("uk 42", ["42"]),
        ("size 38", ["38"]),
        ("EU 42", ["42"]),
        ("no 40", ["40"]),
        ("No. 10,5", ["10.5"]),
        ("size 36-39", ["36", "37", "38", "39"]),
        ("size 8 10 12", ["8", "10", "12"]),
        ("uk 38/39", ["38", "39"]),
        ("size 1-2 tahun", []),
        ("uk 40 cm", []),
        ("ukuran 30 x 40", []),
        ("ukuran 100%", []),
        ("no 085", []),
        ("nokia 42", []),
        ("iphone 11", []),
        ("", []),
    ],
)
def test_numbers(title, sizes):
    assert find_numbered_sizes(clean_title(title)) == sizes


@pytest.mark.parametrize(
    ("title", "ages"),
    [
        ("12-18 bulan", ["12-18months"]),
        ("12-18 bln", ["12-18months"]),
        ("12 - 18 months", ["12-18months"]),
        ("1-2 tahun", ["12-24months"]),
        ("3-6thn", ["36-72months"]),
        ("1_6tahun", ["12-72months"]),
        ("usia 8thn", ["96months"]),
        ("garansi 1 tahun", []),
        ("", []),
    ],
)
def test_ages(title, ages):
    assert find_ages(clean_title(title)) == ages


def test_all_of_them():
    found = find_sizes(clean_title("piyama size S uk 38 usia 7-18 bulan 70x140 cm"))
    assert found == ["s", "38", "7-18months", "700x1400mm"]


@given(st.integers(0, len(LETTERS) - 1), st.integers(0, len(LETTERS) - 1))
def test_a_range_is_every_size_between(low, high):
    low, high = sorted([low, high])
    found = find_letter_sizes(f"size {LETTERS[low]}-{LETTERS[high]}")
    assert found == list(LETTERS[low : high + 1])


@given(st.text(alphabet="smlx2-/ size0123tahun", max_size=60))
def test_any_text_is_survived(text):
    for size in find_letter_sizes(text):
        assert size in {*LETTERS, "onesize"}
    assert all(part.isascii() for part in find_sizes(text))
