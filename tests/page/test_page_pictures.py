"""Thumbnails: bounded, re-encoded, of the visitor's catalogue alone."""

import io
from pathlib import Path

import pytest
from PIL import Image

from matcher.io.references import to_picture
from matcher.page.rendering import picture_path
from matcher.page.thumbnails import SIZES, Thumbnails, show_photo
from matcher.types import ImageRef
from tests.page.conftest import encoded
from tests.page.fake import Row, TinyCatalog


def opened(answer) -> Image.Image:
    return Image.open(io.BytesIO(answer.content))


@pytest.mark.parametrize("size", SIZES)
def test_a_thumbnail_fits_and_is_made_anew(client, size):
    answer = client.get(f"/pictures/a?size={size}")
    assert answer.headers["content-type"] == "image/webp"
    assert answer.headers["x-content-type-options"] == "nosniff"
    assert "sandbox" in answer.headers["content-security-policy"]
    assert opened(answer).size == (size, size * 3 // 4)


@pytest.mark.parametrize("size", ["", "0", "193", "100000", "-1", "x", "9" * 40])
def test_other_sizes_are_not_made(client, size):
    assert opened(client.get(f"/pictures/a?size={size}")).width == 192


def test_a_box_is_cut_out(client):
    assert opened(client.get("/pictures/d?size=96")).size == (96, 48)


def test_what_is_no_picture_is_a_placeholder_that_names_no_place(client):
    for id, why in (("b", "No picture"), ("e", "cannot be read")):
        answer = client.get(f"/pictures/{id}")
        assert answer.status_code == 200
        assert answer.headers["content-type"] == "image/svg+xml"
        assert why in answer.text
        assert "bad.jpg" not in answer.text
    unknown = client.get("/pictures/nobody")
    assert (unknown.status_code, unknown.headers["content-type"]) == (404, "image/svg+xml")


def test_nothing_of_the_file_but_its_pixels_is_passed_on(visiting, tmp_path, photo):
    told = Image.Exif()
    told[0x010E] = "where I live"
    (tmp_path / "told.jpg").write_bytes(encoded(photo, "JPEG", exif=told, comment=b"a secret"))
    client = visiting(TinyCatalog([["a"]], {"a": Row("", str(tmp_path / "told.jpg"))}))
    content = client.get("/pictures/a").content
    assert b"where I live" not in content
    assert b"secret" not in content


@pytest.mark.parametrize("id", ["..", ".", "a/b", "../a", "ü b?#%", "a\\b", "a\nb", "<&>"])
def test_any_id_has_a_picture(visiting, tmp_path, photo, id):
    photo.save(tmp_path / "good.png")
    client = visiting(TinyCatalog([[id]], {id: Row("", str(tmp_path / "good.png"))}))
    assert client.get(picture_path(id, 96)).headers["content-type"] == "image/webp"


def test_a_browser_that_has_it_is_not_sent_it_again(client):
    tag = client.get("/pictures/a").headers["etag"]
    again = client.get("/pictures/a", headers={"If-None-Match": tag})
    assert (again.status_code, again.content) == (304, b"")
    assert "Cookie" in again.headers["vary"]
    client.catalog.rows["a"].title = "another digest"
    assert client.get("/pictures/a", headers={"If-None-Match": tag}).status_code == 200


def test_thumbnails_are_kept_as_long_as_there_is_room(catalog, tmp_path, monkeypatch):
    from matcher.page import thumbnails as module

    reads = []
    real = module.open_image
    monkeypatch.setattr(module, "open_image", lambda *g: reads.append(g) or real(*g))
    kept = catalog.listings(["a"])
    large = Thumbnails()
    assert large.make(kept, 96) == large.make(kept, 96)
    assert len(reads) == 1
    one = len(large.make(kept, 96).content)
    small = Thumbnails(max_bytes=one)
    small.make(kept, 96)
    small.make(kept, 192)
    small.make(kept, 96)
    assert len(reads) == 4


def test_references_lead_to_pictures_and_members(tmp_path):
    archive = tmp_path / "a:b.zip"
    archive.write_bytes(b"PK")
    plain = tmp_path / "c:d.jpg"
    plain.write_bytes(b"x")
    assert to_picture(str(plain)) == ImageRef(plain)
    assert to_picture(f"{archive}:in/e:f.jpg") == ImageRef(archive, "in/e:f.jpg")
    assert to_picture("/gone/x:y.jpg") == ImageRef(Path("/gone/x:y.jpg"))


def test_a_photo_that_was_searched_for_comes_back_small_and_cropped(png):
    assert show_photo(png, None, 192).startswith("data:image/webp;base64,")
    assert len(show_photo(png, (0, 0, 10, 10), 192)) < len(show_photo(png, None, 192))
    assert show_photo(b"nothing", None, 192) == ""
