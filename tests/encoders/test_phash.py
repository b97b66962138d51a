"""Hashes against imagehash, bit for bit, and against the table of a real catalogue."""

import csv

import imagehash
import numpy as np
import pytest
from PIL import Image

from matcher.encoders.phash import Spec, hash_image
from matcher.errors import ConfigError
from matcher.io.hashes import parse_hashes
from matcher.io.images import open_image, resolve_images
from matcher.types import Hashes, ImageRef, Listings

MODES = ["RGB", "L", "P", "RGBA", "LA", "CMYK", "1", "YCbCr", "HSV", "I", "F", "I;16"]
SIZES = [(1, 1), (2, 3), (31, 32), (32, 32), (33, 64), (400, 300), (900, 7), (3, 700)]


def reference(image: Image.Image) -> int:
    return int(str(imagehash.phash(image)), 16)


def draw(rng: np.random.Generator, size: tuple[int, int]) -> Image.Image:
    """Random shapes, from coarse to fine."""
    n = rng.integers(1, 40)
    coarse = Image.fromarray(rng.integers(0, 256, (n, n, 3), np.uint8))
    return coarse.resize(size, rng.choice([Image.Resampling.NEAREST, Image.Resampling.BICUBIC]))


def in_mode(image: Image.Image, mode: str) -> Image.Image:
    if mode == "I;16":
        return Image.fromarray(np.asarray(image.convert("L")).astype(np.uint16) * 257)
    return image.convert(mode)


def table(images: list[ImageRef | None], **columns) -> Listings:
    ids = tuple(str(row) for row in range(len(images)))
    return Listings(ids=ids, titles=("",) * len(ids), images=tuple(images), **columns)


def encode(listings: Listings, **settings) -> Hashes:
    return Spec(**settings).fit(listings).encode(listings)


def hashes(*texts: str | None) -> Hashes:
    codes, present, problems = parse_hashes(texts)
    return Hashes(codes, present, problems=problems)


@pytest.mark.parametrize("mode", MODES)
def test_equals_imagehash(rng, mode):
    for size in SIZES * 4:
        image = in_mode(draw(rng, size), mode)
        assert hash_image(image) == reference(image)


def test_golden_hash_of_a_gradient():
    # Brighter to the right by equal steps, every row alike: of the 64 frequencies only the
    # mean and the odd ones of the first row are not 0, so the median is 0. Along the row,
    # sum(x cos(pi k (2x + 1) / 64)) is negative for k = 1, 3, 5, 7: only the mean is above 0.
    # (The bits of frequencies that are 0 but for rounding are left out.)
    ramp = Image.fromarray(np.tile(np.arange(32, dtype=np.uint8) * 8, (32, 1)))
    assert (hash_image(ramp) >> 56) & 0b11010101 == 0b10000000
    # Darker to the right, the four are positive.
    flipped = ramp.transpose(Image.Transpose.FLIP_LEFT_RIGHT)
    assert (hash_image(flipped) >> 56) & 0b11010101 == 0b11010101


@pytest.fixture
def refs(tmp_path, rng) -> list[ImageRef]:
    """Pictures in the formats sellers use."""
    found = []
    for i, name in enumerate(["a.jpg", "b.png", "c.webp", "d.gif", "e.bmp", "f.jpg"]):
        mode = ["RGB", "P", "RGB", "L", "L", "CMYK"][i]
        found.append(ImageRef(tmp_path / name))
        draw(rng, (120, 90)).convert(mode).save(found[-1].path)
    return found


def test_hashes_of_files_equal_those_of_imagehash(refs):
    encoded = encode(table([*refs, None]))
    expected = []
    for ref in refs:
        with Image.open(ref.path) as image:
            expected.append(reference(image))
    assert encoded.codes[:-1].tolist() == expected
    assert encoded.present.tolist() == [True] * len(refs) + [False]
    assert not encoded.problems
    assert encoded.source == "phash"


def test_a_resized_copy_differs_in_few_bits(tmp_path, rng):
    image = draw(rng, (300, 200))
    image.save(tmp_path / "a.png")
    image.resize((150, 100)).save(tmp_path / "b.jpg", quality=60)
    draw(rng, (300, 200)).save(tmp_path / "other.png")
    names = ("a.png", "b.jpg", "other.png")
    a, copy, other = encode(table([ImageRef(tmp_path / name) for name in names])).codes.tolist()
    assert (a ^ copy).bit_count() <= 8
    assert (a ^ other).bit_count() >= 16


def test_transparency_hashes_as_white(tmp_path, rng):
    shape = draw(rng, (60, 60))
    mask = Image.new("L", (60, 60), 0)
    mask.paste(255, (10, 20, 50, 45))
    cut = shape.copy()
    cut.putalpha(mask)
    cut.save(tmp_path / "cut.png")
    on_white = Image.new("RGB", (60, 60), "white")
    on_white.paste(shape, mask=mask)
    assert encode(table([ImageRef(tmp_path / "cut.png")])).codes[0] == reference(on_white)


def test_given_hashes_need_no_picture(tmp_path):
    given = hashes("94974f937d4c2433", None)
    encoded = encode(table([ImageRef(tmp_path / "gone.jpg"), None], phashes=given))
    assert encoded.codes[0] == 0x94974F937D4C2433
    assert encoded.present.tolist() == [True, False]
    assert not encoded.problems


def test_pictures_fill_the_gaps_of_the_column(refs, tmp_path):
    gone = ImageRef(tmp_path / "gone.jpg")
    listings = table(
        [refs[0], refs[1], refs[2], None, gone],
        phashes=hashes("94974f937d4c2433", None, "damaged", "damaged", "damaged"),
    )
    encoded = encode(listings)
    from_pictures = encode(table(refs[:3]))
    assert encoded.codes[:3].tolist() == [0x94974F937D4C2433, *from_pictures.codes[1:].tolist()]
    assert encoded.present.tolist() == [True, True, True, False, False]
    assert sorted(encoded.problems) == [3, 4]
    assert encoded.problems[3] == "'damaged' is not 16 hexadecimal digits"
    assert "picture cannot be read" in encoded.problems[4]
    assert listings.phashes.present.tolist() == [True, False, False, False, False]


def test_the_column_can_be_passed_over(refs):
    listings = table(refs[:1], phashes=hashes("94974f937d4c2433"))
    assert encode(listings, column=False).codes[0] == encode(table(refs[:1])).codes[0]


def test_pictures_of_one_colour_have_one_of_two_hashes():
    assert {hash_image(Image.new("L", (9, 7), level)) for level in range(256)} == {0, 1 << 63}


@pytest.mark.parametrize("colour", ["black", "white", "teal"])
def test_blank_pictures_count_as_having_no_hash(tmp_path, colour):
    Image.new("RGB", (50, 40), colour).save(tmp_path / "blank.jpg")
    encoded = encode(table([ImageRef(tmp_path / "blank.jpg")]))
    assert not encoded.present.any()
    assert encoded.problems == {0: "blank picture, all one colour"}


def test_given_hashes_of_blank_pictures_do_not_count():
    encoded = encode(table([None] * 3, phashes=hashes("8" + "0" * 15, "0" * 16, "8" * 16)))
    assert encoded.present.tolist() == [False, False, True]
    assert sorted(encoded.problems) == [0, 1]


def test_a_box_hashes_the_crop(tmp_path, rng):
    product, scene = draw(rng, (64, 48)), draw(rng, (200, 150))
    scene.paste(product, (100, 50))
    scene.save(tmp_path / "scene.png")
    ref = ImageRef(tmp_path / "scene.png")
    boxes = np.float32([[100, 50, 64, 48], [np.nan] * 4])
    encoded = encode(table([ref, ref], boxes=boxes))
    assert encoded.codes.tolist() == [reference(product), reference(scene)]


def test_no_listings():
    assert len(encode(table([]))) == 0


def test_a_misspelt_setting_is_named():
    with pytest.raises(ConfigError, match=r"unknown setting 'colum'\. Did you mean 'column'"):
        Spec.read({"colum": True}, "encoders.phash")


@pytest.mark.data
def test_a_real_catalogue(real_data):
    """26 of its pictures are there; one hash was made from a picture decoded otherwise."""
    with (real_data / "shopee" / "train.csv").open(encoding="utf-8") as file:
        rows = list(csv.DictReader(file))
    refs, _ = resolve_images([row["image"] for row in rows], real_data / "shopee" / "images")
    given, _, problems = parse_hashes([row["image_phash"] for row in rows])
    assert not problems
    there = [row for row, ref in enumerate(refs) if ref is not None]
    encoded = encode(table([refs[row] for row in there]))
    assert encoded.codes.tolist() == [reference(open_image(refs[row])) for row in there]
    pairs = zip(encoded.codes.tolist(), given[there].tolist(), strict=True)
    n_bits = [(ours ^ theirs).bit_count() for ours, theirs in pairs]
    assert len(n_bits) >= 26
    assert sum(n == 0 for n in n_bits) >= len(n_bits) - 1
    assert max(n_bits) <= 2
