"""A key tells one content from another, and nothing else."""

import os
from zipfile import ZipFile

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from matcher.io import content_keys as module
from matcher.io.content_keys import content_keys, picture_key, title_key
from matcher.types import ImageRef

BOX = np.float32([1, 2, 3, 4])


def digests(contents, boxes=None):
    blocks = list(content_keys(contents, boxes))
    assert [row for rows, _ in blocks for row in rows] == list(range(len(contents)))
    return [key and key.digest for _, keys in blocks for key in keys]


@pytest.fixture
def picture(tmp_path):
    path = tmp_path / "a.jpg"
    path.write_bytes(b"any bytes")
    return ImageRef(path)


def test_a_picture_is_its_bytes_wherever_they_lie(picture, tmp_path):
    (tmp_path / "b.png").write_bytes(b"any bytes")
    (tmp_path / "c.jpg").write_bytes(b"any byte")
    with ZipFile(tmp_path / "z.zip", "w") as archive:
        archive.writestr("folder/d.jpg", b"any bytes")
    refs = [ImageRef(tmp_path / "b.png"), ImageRef(tmp_path / "z.zip", "folder/d.jpg")]
    mine = picture_key(picture).digest
    assert [picture_key(ref).digest for ref in refs] == [mine, mine]
    assert picture_key(ImageRef(tmp_path / "c.jpg")).digest != mine


def test_a_box_makes_another_content(picture):
    whole = picture_key(picture).digest
    assert picture_key(picture, np.full(4, np.nan, np.float32)).digest == whole
    part = picture_key(picture, BOX).digest
    assert len({whole, part, picture_key(picture, BOX + 1).digest}) == 3
    assert picture_key(picture, BOX.astype(np.float64)).digest == part


def test_bytes_cannot_pretend_to_be_a_box(tmp_path):
    (tmp_path / "a").write_bytes(b"content")
    for name, content in (("b", BOX.tobytes() + b"content"), ("c", b"content" + BOX.tobytes())):
        (tmp_path / name).write_bytes(content)
        boxed = picture_key(ImageRef(tmp_path / "a"), BOX).digest
        assert picture_key(ImageRef(tmp_path / name)).digest != boxed


def test_a_title_is_no_picture_of_the_same_bytes(picture):
    assert title_key("any bytes").digest != picture_key(picture).digest


@given(st.lists(st.one_of(st.none(), st.text(st.characters(exclude_categories=()))), max_size=30))
def test_titles_have_equal_keys_where_they_are_equal(titles):
    made = digests(titles)
    for title, key in zip(titles, made, strict=True):
        assert (key is None) == (title is None)
        assert [other == key for other in made] == [other == title for other in titles]


def test_blocks_come_in_order_whatever_their_number(picture, monkeypatch):
    monkeypatch.setattr(module, "ROWS", 3)
    contents = [f"title {i}" for i in range(7)] + [picture, None, picture]
    made = digests(contents)
    assert made[:7] == [title_key(f"title {i}").digest for i in range(7)]
    assert made[7:] == [picture_key(picture).digest, None, picture_key(picture).digest]
    assert digests([]) == []
    boxes = np.full((10, 4), np.nan, np.float32)
    boxes[7] = BOX
    assert digests(contents, boxes)[7:] == [picture_key(picture, BOX).digest, None, made[9]]


def test_what_may_not_be_read_has_no_key(tmp_path, monkeypatch):
    os.mkfifo(tmp_path / "pipe")
    (tmp_path / "large").write_bytes(b"12345")
    with ZipFile(tmp_path / "z.zip", "w") as archive:
        archive.writestr("large", b"12345")
    (tmp_path / "no.zip").write_bytes(b"no archive")
    monkeypatch.setattr("matcher.io.images.MAX_BYTES", 4)
    monkeypatch.setattr(module, "MAX_BYTES", 4, raising=False)
    refs = [ImageRef(tmp_path / name) for name in ("pipe", "large", "absent", ".")]
    refs += [ImageRef(tmp_path / "z.zip", name) for name in ("large", "absent")]
    refs += [ImageRef(tmp_path / "no.zip", "a")]
    assert digests(refs) == [None] * len(refs)


def test_a_key_holds_until_the_file_changes(picture):
    key = picture_key(picture)
    assert key.still_holds()
    picture.path.write_bytes(b"other bytes")
    assert not key.still_holds()
    key, state = picture_key(picture), picture.path.stat()
    picture.path.write_bytes(b"wrong bytes")
    os.utime(picture.path, ns=(state.st_atime_ns, state.st_mtime_ns))
    assert not key.still_holds()  # of the same size, in the same place, at the same time
    key = picture_key(picture)
    picture.path.unlink()
    assert not key.still_holds()
    assert title_key("a").still_holds()
