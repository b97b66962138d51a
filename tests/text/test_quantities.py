import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.text.quantities import find_quantities, normalize_quantities
from matcher.text.words import clean_title


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
        ("75mlx2", ["75ml", "2pcs"]),
        ("tc-26lx85", []),  # a model number, not 85 times 26 litres
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
        ("5gb/64gb", ["5gb", "64gb"]),
        ("ram 4/64GB", ["4gb", "64gb"]),
        ("redmi 4/64 garansi", ["4gb", "64gb"]),
        ("8+128 gb", ["8gb", "128gb"]),
        ("usb 32/64/128GB", ["32gb", "64gb", "128gb"]),
        ("3,5 kg", ["3500g"]),
        ("1.000ml", ["1000ml"]),
        ("1 1/2 kg", ["1500g"]),
        ("setengah kg", ["500g"]),
        ("3/4 inch", ["0.75inch"]),
        ("50/100 ml", ["50ml", "100ml"]),  # one or the other
        ("100/1000 pcs", ["100pcs", "1000pcs"]),
        ("10-12 cm", ["100mm", "120mm"]),
        ("28 - 36 inch", ["28inch", "36inch"]),
        ("redmi 9 - 64gb", ["64gb"]),
        ("3-5kg", ["3000g", "5000g"]),
        ("seri 9-5kg", ["5000g"]),  # what does not ascend is no range
        ("500gr x 2", ["500g", "2pcs"]),
        ("15ml x 12 sachet", ["15ml", "12pcs"]),
        ("300 ml x5 murah", ["300ml", "5pcs"]),
        ("6x6x115ml", ["36pcs", "115ml"]),
        ("isi 30 tablet", ["30pcs"]),
        ("isi 10 x 2 gram", ["10pcs", "2g"]),
        ("1 lusin", ["12pcs"]),
        ("1/2 lusin", ["6pcs"]),
        ("harga per lusin", ["12pcs"]),
        ("2 kodi", ["40pcs"]),
        ("sepasang", ["1pair"]),
        ("3 pasang", ["3pair"]),
        ("2 pair", ["2pair"]),
    ],
)
def test_one_spelling(title, expected):
    assert amounts(title) == expected


@pytest.mark.parametrize(
    "title",
    [
        *("iphone 8 plus", "iphone 5s", "model 15mlx", "a150ml", "1.2.3 kg", "3/0 kg", ""),
        *("blender 5 in 1", "100% katun", "2in1", "biola 1/2 3/4 4/4", "bongkar pasang"),
        "0-6 bulan",
    ],
)
def test_no_amount(title):
    assert amounts(title) == []


@given(st.integers(1, 999), st.sampled_from(["ml", "ML", " ml", " Ml", " mililiter"]))
def test_spellings_of_one_amount_agree(number, unit):
    assert amounts(f"sabun {number}{unit} ok") == [f"{number}ml"]


def test_a_half_written_as_one_sign():
    assert find_quantities(clean_title("½ kg")) == ["500g"]
    assert find_quantities(clean_title("1½ kg")) == ["1500g"]


TOKENS = st.sampled_from(["2", "75", "1/2", "x", "-", "/", "ml", "kg", "gb", "isi", "lusin", " "])


@given(st.lists(TOKENS, max_size=12).map("".join))
def test_any_row_of_numbers_and_units_settles(text):
    once = normalize_quantities(text)
    assert find_quantities(normalize_quantities(once)) == find_quantities(once)


@pytest.mark.parametrize(
    "unit", ["1" * 5000, "1/" * 4000, "1x" * 4000, "9-" * 4000, "1 1/2 " * 1500]
)
def test_long_runs_of_numbers_do_not_hang(unit):
    assert isinstance(find_quantities(clean_title(unit + "kg")), list)


@given(st.text(max_size=200))
def test_any_text_is_survived_and_settled(text):
    once = normalize_quantities(text.lower())
    assert find_quantities(normalize_quantities(once)) == find_quantities(once)
