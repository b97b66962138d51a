import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.text.dimensions import find_dimensions, normalize_dimensions
from matcher.text.words import clean_title


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("10x20 cm", ["100x200mm"]),
        ("20 X 10cm", ["100x200mm"]),  # turned round
        ("20cmx10cm", ["100x200mm"]),
        ("10 x 20 x 5cm", ["50x100x200mm"]),
        ("45 cm x 10 m", ["450x10000mm"]),
        ("12 mm x 4,5 m", ["12x4500mm"]),
        ('24" x 36"', ["609.6x914.4mm"]),
        ("sprei 180x200", ["1800x2000mm"]),  # shops leave centimetres out
        ("kardus 16x8x20", ["80x160x200mm"]),
        ("plastik 20x30 cm dan 30*40 cm", ["200x300mm", "300x400mm"]),
        ("1920x1080", []),
        ("mobil 4x4", []),
        ("kabel 5m x 2", []),  # two of them
        ("susu 36 x 115 ml", []),
        ("6x6x115ml", []),
        ("10x10x10x10", []),
        ("kode a10x20cm", []),
        ("0x20 cm", []),
        ("1.2.3 x 20 cm", []),
        ("", []),
    ],
)
def test_one_spelling(title, expected):
    assert find_dimensions(clean_title(title)) == expected


@given(st.integers(1, 400), st.integers(1, 400), st.sampled_from(["x", " x ", "X", "×", "*"]))
def test_the_order_and_spelling_of_sides_do_not_matter(one, other, times):
    first = find_dimensions(clean_title(f"kotak {one}{times}{other} cm"))
    low, high = sorted([one, other])
    assert first == find_dimensions(clean_title(f"{other}x{one}cm")) == [f"{low}0x{high}0mm"]


@given(st.text(alphabet='0123456789x.,/ cm"', max_size=40))
def test_any_text_is_survived_and_settled(text):
    once = normalize_dimensions(text)
    assert find_dimensions(normalize_dimensions(once)) == find_dimensions(once)
