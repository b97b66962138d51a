import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.text.quantities import find_quantities, normalize_quantities


def amounts(title: str) -> list[str]:
    return find_quantities(normalize_quantities(title.lower()))


@pytest.mark.parametrize(
    ("title", "expected"),
    [
        ("150ml", ["150ml"]),
        ("150 ML", ["150ml"]),
        ("0.15 liter", ["150ml"]),
        ("0,15 l", ["150ml"]),
        ("2 x 75ml", ["2pcs", "75ml"]),
        ("500 gr", ["500g"]),
        ("1/2 kg", ["500g"]),
        ("1.000 gr", ["1000g"]),  # a dot groups thousands of small units
        ("1.5 kg", ["1500g"]),
        ("0.500 gr", ["0.5g"]),
        ("0.3 mg", ["0.0003g"]),
        ("4,5 m", ["4500mm"]),
        ("64GB", ["64gb"]),
        ("1TB", ["1000gb"]),
        ('55" tv', ["55inch"]),
        ("10.000 mah", ["10000mah"]),
        ("isi 3 pcs", ["3pcs"]),
        ("teh isi 25", ["25pcs"]),
        ("teh 25's", ["25pcs"]),
        ("10 biji", ["10pcs"]),
        ("isi 250ml", ["250ml"]),
        ("ukuran 10x20cm", []),  # a size, not ten of twenty
        ("5gb/64gb", ["5gb"]),  # what follows a slash is left alone
    ],
)
def test_one_spelling(title, expected):
    assert amounts(title) == expected


@pytest.mark.parametrize(
    "title", ["iphone 8 plus", "iphone 5s", "model 15mlx", "a150ml", "1.2.3 kg", "3/0 kg", ""]
)
def test_no_amount(title):
    assert amounts(title) == []


@given(st.integers(1, 999), st.sampled_from(["ml", "ML", " ml", " Ml", " mililiter"]))
def test_spellings_of_one_amount_agree(number, unit):
    assert amounts(f"sabun {number}{unit} ok") == [f"{number}ml"]


@given(st.text(max_size=200))
def test_any_text_is_survived_and_settled(text):
    once = normalize_quantities(text.lower())
    assert find_quantities(normalize_quantities(once)) == find_quantities(once)
