"""The committed example listings are what ``make_listings`` makes."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from matcher.datasets import make_listings

EXAMPLES = Path(__file__).resolve().parents[2] / "examples"


def check_pictures(made: Path) -> None:
    """Compare pixels, not bytes: JPEG libraries differ between versions."""
    for path in (made / "images").iterdir():
        with Image.open(path) as ours, Image.open(EXAMPLES / "images" / path.name) as theirs:
            difference = np.abs(np.asarray(ours, float) - np.asarray(theirs, float))
        assert difference.mean() < 2, path.name


def test_the_first_products_are_made_again(tmp_path):
    make_listings(4, tmp_path, seed=0)
    first, *rows = (tmp_path / "listings.csv").read_bytes().splitlines()
    committed = (EXAMPLES / "listings.csv").read_bytes().splitlines()
    assert first == committed[0]
    assert rows == [row for row in committed[1:] if int(row.rpartition(b",")[2]) < 4]
    check_pictures(tmp_path)


def test_the_readme_says_what_they_are():
    text = (EXAMPLES / "README.md").read_text(encoding="utf-8")
    assert 'make_listings(60, "examples", seed=0)' in text
    n_listings = len((EXAMPLES / "listings.csv").read_bytes().splitlines()) - 1
    n_pictures = len(list((EXAMPLES / "images").iterdir()))
    assert text.split("\n\n")[1].startswith(f"{n_listings} listings of 60 made-up products")
    assert f"with {n_pictures} pictures" in text


def test_they_stay_small():
    sizes = [path.stat().st_size for path in EXAMPLES.rglob("*") if path.is_file()]
    assert sum(sizes) < 2_500_000


@pytest.mark.slow
def test_all_of_them_are_made_again(tmp_path):
    make_listings(60, tmp_path, seed=0)
    table = "listings.csv"
    assert (tmp_path / table).read_bytes() == (EXAMPLES / table).read_bytes()
    names = {path.name for path in (tmp_path / "images").iterdir()}
    assert names == {path.name for path in (EXAMPLES / "images").iterdir()}
    check_pictures(tmp_path)
