import base64
import io
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from matcher.report.pictures import MAX_BYTES, make_thumbnail, read_thumbnails
from matcher.types import ImageRef


def decode(thumbnail):
    prefix = "data:image/jpeg;base64,"
    assert thumbnail.address.startswith(prefix)
    content = base64.b64decode(thumbnail.address.removeprefix(prefix), validate=True)
    return content, Image.open(io.BytesIO(content))


def test_a_thumbnail_keeps_shape_and_colour(build, picture):
    listings = build.listings(1, images=[picture(colour=(200, 30, 40), size=(640, 320))])
    thumbnail = read_thumbnails(listings, [0])[0]
    _, image = decode(thumbnail)
    assert image.size == (160, 80) == (thumbnail.width, thumbnail.height)
    assert np.asarray(image)[40, 80] == pytest.approx((200, 30, 40), abs=4)


def test_the_box_is_what_is_shown(build, tmp_path):
    image = Image.new("RGB", (200, 100), "blue")
    image.paste("red", (100, 0, 200, 100))
    image.save(tmp_path / "two.png")
    boxes = np.float32([[100, 0, 100, 100]])
    listings = build.listings(1, images=[ImageRef(tmp_path / "two.png")], boxes=boxes)
    _, shown = decode(read_thumbnails(listings, [0])[0])
    assert shown.size == (100, 100)  # small pictures are not blown up
    assert np.asarray(shown)[50, 50] == pytest.approx((254, 0, 0), abs=4)


@pytest.mark.parametrize("size", [(160, 160), (2000, 1500), (3000, 2), (1, 1)])
def test_no_picture_takes_more_than_its_share(rng, size):
    noise = rng.integers(0, 256, (size[1], size[0], 3), np.uint8)
    content, image = decode(make_thumbnail(Image.fromarray(noise)))
    assert len(content) <= MAX_BYTES
    assert max(image.size) <= 160


def test_a_long_comment_does_not_travel_along(build, tmp_path):
    Image.new("RGB", (50, 50)).save(tmp_path / "a.jpg", comment=b"x" * 60_000)
    listings = build.listings(1, images=[ImageRef(tmp_path / "a.jpg")])
    content, _ = decode(read_thumbnails(listings, [0])[0])
    assert len(content) < 1000


def test_only_rows_asked_for_are_read(build, picture):
    gone = ImageRef(Path("nowhere.jpg"))
    listings = build.listings(3, images=[gone, picture(), gone])
    found = read_thumbnails(listings, [1, 1])
    assert list(found) == [1]
    assert found[1].address


def test_why_there_is_no_picture(build, tmp_path):
    (tmp_path / "broken.jpg").write_bytes(b"no picture at all")
    images = [None, None, ImageRef(tmp_path / "broken.jpg"), ImageRef(tmp_path / "gone.jpg")]
    listings = build.listings(4, images=images, problems={1: "picture not found in a.zip"})
    missing = {row: t.missing for row, t in read_thumbnails(listings, range(4)).items()}
    assert missing[0] == "no picture"
    assert missing[1] == "picture not found in a.zip"
    assert missing[2].startswith("picture cannot be read: it is no JPEG")
    assert missing[3] == "picture cannot be read: No such file or directory"
    assert str(tmp_path) not in "".join(missing.values())  # the page may be passed on
