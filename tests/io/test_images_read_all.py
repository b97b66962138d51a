"""A whole table of pictures: in order, in threads, in bounded memory."""

import threading
import time
import zipfile
from concurrent.futures import ThreadPoolExecutor

import numpy as np
import pytest
from PIL import Image

from matcher.io.images import AHEAD, ImageError, open_image, read_all
from matcher.progress import shown_by
from matcher.types import ImageRef, Listings


def table(images: list[ImageRef | None], **columns) -> Listings:
    ids = tuple(str(row) for row in range(len(images)))
    return Listings(ids=ids, titles=("",) * len(ids), images=tuple(images), **columns)


def first_pixel(image: Image.Image) -> int:
    return image.getpixel((0, 0))[0]


@pytest.fixture
def pictures(tmp_path) -> list[ImageRef]:
    """Forty pictures; picture i is grey of level i."""
    refs = [ImageRef(tmp_path / f"{i}.png") for i in range(40)]
    for i, ref in enumerate(refs):
        Image.new("L", (8, 8), i).save(ref.path)
    return refs


def test_rows_come_in_order_whichever_thread_is_first(pictures):
    def slow_at_first(image):
        time.sleep(0.03 if first_pixel(image) % 8 == 0 else 0)
        return first_pixel(image)

    rows = list(read_all(table(pictures), slow_at_first, "pictures", workers=4))
    assert rows == [(i, i) for i in range(40)]


def test_rows_without_a_picture_are_passed_over(pictures):
    listings = table([None, pictures[3], None, pictures[1]])
    assert list(read_all(listings, first_pixel, "pictures")) == [(1, 3), (3, 1)]


@pytest.mark.parametrize("images", [[], [None, None]])
def test_no_pictures_at_all(images):
    assert list(read_all(table(images), first_pixel, "pictures")) == []


def test_a_damaged_picture_stops_no_other(pictures):
    pictures[1].path.write_bytes(b"damaged")
    rows = dict(read_all(table(pictures[:3]), first_pixel, "pictures"))
    assert (rows[0], rows[2]) == (0, 2)
    assert isinstance(rows[1], ImageError)
    assert "1.png cannot be read" in str(rows[1])


def test_convert_may_refuse_a_picture(pictures):
    def refuse(image):
        raise ImageError("a.png", "too grey")

    ((row, problem),) = read_all(table(pictures[:1]), refuse, "pictures")
    assert (row, str(problem)) == (0, "a.png cannot be read: too grey.")


def test_a_fault_in_convert_is_not_hidden(pictures):
    with pytest.raises(ZeroDivisionError):
        list(read_all(table(pictures), lambda image: 1 // 0, "pictures"))


@pytest.mark.parametrize("workers", [1, 3])
def test_no_more_pictures_are_begun_than_the_queue_holds(pictures, workers):
    begun = []
    many = table(pictures * 3)
    rows = read_all(many, lambda image: begun.append(0), "pictures", workers=workers)
    for n_taken in range(1, 6):
        next(rows)
        time.sleep(0.03)
        assert len(begun) <= n_taken + workers * AHEAD
    rows.close()
    assert len(begun) < len(many)


def test_stopping_early_leaves_no_thread(pictures):
    rows = read_all(table(pictures), first_pixel, "pictures", workers=2)
    next(rows)
    assert any(thread.name.startswith("pictures") for thread in threading.enumerate())
    rows.close()
    assert not any(thread.name.startswith("pictures") for thread in threading.enumerate())


def test_a_box_shows_its_part_only(tmp_path):
    image = Image.new("L", (20, 10), 0)
    image.paste(200, (10, 0, 20, 10))
    image.save(tmp_path / "a.png")
    ref = ImageRef(tmp_path / "a.png")
    boxes = np.float32([[np.nan] * 4, [10, 0, 10, 10], [30, 0, 5, 5], [np.nan, 0, 5, 5]])
    rows = dict(read_all(table([ref] * 4, boxes=boxes), first_pixel, "pictures"))
    assert (rows[0], rows[1]) == (0, 200)
    assert "shows no part of it" in str(rows[2])
    assert "shows no part of it" in str(rows[3])


def test_progress_is_reported(pictures):
    seen = []
    with shown_by(lambda label, done, total: seen.append((label, done, total))):
        list(read_all(table(pictures[:2]), first_pixel, "hashes"))
    assert seen == [("hashes", 0, 2), ("hashes", 1, 2), ("hashes", 2, 2)]


def test_many_threads_read_one_archive(tmp_path, rng):
    members = [rng.integers(0, 256, (30, 30, 3), np.uint8) for _ in range(60)]
    path = tmp_path / "p.zip"
    with zipfile.ZipFile(path, "w", zipfile.ZIP_DEFLATED) as archive:
        for i, member in enumerate(members):
            with archive.open(f"{i}.png", "w") as file:
                Image.fromarray(member).save(file, "PNG")

    def check(i: int) -> None:
        np.testing.assert_array_equal(open_image(ImageRef(path, f"{i}.png")), members[i])

    with ThreadPoolExecutor(8) as pool:
        list(pool.map(check, list(range(60)) * 3))
