import pytest

from matcher.text.model_numbers import find_model_numbers
from matcher.text.words import clean_title


@pytest.mark.parametrize(
    ("title", "codes"),
    [
        ("Sony KD-55X9005C 55 inch 4K TV", ["kd55x9005c", "sonykd55x9005c"]),
        ("Samsung Galaxy S8 SM-G950F 64GB", ["smg950f"]),
        ("apple mq8n2b/a iphone 8", ["mq8n2ba"]),
        ("canon battery 1163641", ["1163641"]),
        ("Velora charger CH 936 33W", ["ch936"]),
        ("Velora charger CH-936", ["ch936"]),
        ("Sony KD 55X9005C", ["55x9005c", "kd55x9005c"]),
        ("mug isi 12", []),
        ("lampu 12W 5MP 1080p 4x4", []),
        ("kemeja 2021 XL", []),  # four digits are a year as often as a code
        ("tas 2021", ["tas2021"]),  # a price worth paying for "rb 2140"
        ("blender 3in1 10x20cm", []),
        ("", []),
    ],
)
def test_codes(title, codes):
    assert find_model_numbers(clean_title(title)) == codes
