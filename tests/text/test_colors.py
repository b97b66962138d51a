import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.text.colors import base_color, find_colors, same_color
from matcher.text.words import clean_title


@pytest.mark.parametrize(
    ("title", "colors"),
    [
        ("Tas Merah", ["red"]),
        ("red", ["red"]),
        ("hitam / putih", ["black", "white"]),
        ("Biru Muda", ["light blue"]),
        ("light blue", ["light blue"]),
        ("LightBlue", ["light blue"]),
        ("light-blue", ["light blue"]),
        ("navy", ["navy"]),
        ("biru dongker", ["navy"]),
        ("abu abu", ["gray"]),
        ("abu-abu", ["gray"]),
        ("Grey", ["gray"]),
        ("dark grey", ["dark gray"]),
        ("abu tua", ["dark gray"]),
        ("coklat", ["brown"]),
        ("cokelat muda", ["light brown"]),
        ("rose gold", ["rose gold"]),
        ("rosegold", ["rose gold"]),
        ("emas", ["gold"]),
        ("krem", ["cream"]),
        ("hijau tosca", ["turquoise"]),
        ("merah muda", ["pink"]),
        ("merah_putih", ["red", "white"]),
        ("warna warni", ["multicolor"]),
        ("warna: cream", ["cream"]),
        ("black/cream", ["black", "cream"]),
        ("night cream 30gr", []),
        ("cream, olive", []),
        ("minyak kayu putih", []),
        ("bawang merah", []),
        ("redmi blueberry", []),
        ("", []),
    ],
)
def test_one_name(title, colors):
    assert find_colors(clean_title(title)) == colors


def test_a_plain_color_may_be_any_of_its_shades_but_shades_differ():
    assert same_color("blue", "navy")
    assert same_color("light blue", "blue")
    assert not same_color("light blue", "dark blue")
    assert not same_color("red", "blue")
    assert base_color("rose gold") == "gold"


@given(st.text(max_size=100))
def test_any_text_is_survived(text):
    assert all(find_colors(text))
