"""Pictures in memory read as their files do, and have the same keys."""

import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from matcher.io import images
from matcher.io.content_keys import content_keys
from matcher.io.decoding import FORMATS, MAX_PIXELS, decode, read_header
from matcher.io.images import HeldImage, ImageError, open_image, read_all, read_content
from matcher.types import ImageRef, Listings


@pytest.fixture
def photo(rng) -> Image.Image:
    return Image.fromarray(rng.integers(0, 256, (24, 32, 3), np.uint8))


@pytest.fixture
def both(photo, tmp_path):
    """The same picture in memory and in a file."""
    path = tmp_path / "p.png"
    photo.save(path)
    return HeldImage(Path("sent.png"), content=path.read_bytes()), ImageRef(path)


def test_the_same_pixels(both):
    held, file = both
    assert read_content(held) == read_content(file)
    for box in (None, (1, 2, 10.5, 8)):
        np.testing.assert_array_equal(open_image(held, box), open_image(file, box))


def test_the_same_keys_and_no_file_that_a_key_holds_to(both):
    held, file = both
    boxes = np.array([[np.nan] * 4, [np.nan] * 4, [1, 2, 3, 4], [1, 2, 3, 4]], np.float32)
    ((_, keys),) = content_keys((held, file, held, file), boxes)
    assert keys[0].digest == keys[1].digest != keys[2].digest == keys[3].digest
    assert (keys[0].path, keys[0].still_holds()) == (None, True)
    assert keys[1].path == file.path


def test_a_table_may_mix_them(both):
    held, file = both
    listings = Listings(("a", "b", "c"), ("",) * 3, (held, None, file))
    found = dict(read_all(listings, lambda image: image.size, "pictures"))
    assert found == {0: (32, 24), 2: (32, 24)}


def test_trouble_names_what_it_was_called(monkeypatch):
    with pytest.raises(ImageError, match=r"^sent\.png cannot be read: it is no JPEG"):
        open_image(HeldImage(Path("sent.png"), content=b"hello"))
    monkeypatch.setattr(images, "MAX_BYTES", 4)
    with pytest.raises(ImageError, match="larger than 4 bytes"):
        open_image(HeldImage(Path("sent.png"), content=b"hello"))
    ((_, (key,)),) = content_keys((HeldImage(Path("sent.png"), content=b"hello"),))
    assert key is None


def test_a_message_never_shows_the_content(both):
    assert "content" not in repr(both[0])


@pytest.mark.parametrize("kind", FORMATS)
def test_a_header_tells_format_and_size(photo, kind):
    content = io.BytesIO()
    photo.save(content, kind)
    assert read_header(content.getvalue()) == (kind, (32, 24))


@pytest.mark.parametrize("content", [b"", b"hello", b"\x89PNG\r\n\x1a\n", b"GIF89a"])
def test_what_has_no_header(content):
    with pytest.raises(Exception):  # noqa: B017, PT011, Pillow raises a dozen types
        read_header(content)


def test_a_header_that_announces_too_much(photo):
    content = io.BytesIO()
    photo.save(content, "BMP")
    large = bytearray(content.getvalue())
    large[18:26] = (60_000).to_bytes(4, "little") * 2
    assert MAX_PIXELS < 60_000**2
    for read in (read_header, decode):
        with pytest.raises(Exception, match="pixels"):
            read(bytes(large))
