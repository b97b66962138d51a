"""Pictures that clients send, whole and mutated: an answer or one problem, never a bug."""

import base64
import random
import struct
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from matcher.errors import StoreError
from matcher.io.images import HeldImage, open_image
from matcher.io.references import to_picture
from matcher.serve.pictures import PictureFolder, check_picture, from_base64
from matcher.serve.problems import Refused
from matcher.types import ImageRef
from tests.serve.conftest import encoded

KINDS = ("JPEG", "PNG", "WEBP", "GIF")
MANY = 24_000_000


def chunk(kind: bytes, body: bytes) -> bytes:
    return struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))


def png_of(width: int, height: int, n_rows: int) -> bytes:
    header = struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0)
    rows = zlib.compress(bytes(width + 1) * n_rows, 9)
    return (
        b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", rows) + chunk(b"IEND", b"")
    )


def mutate(content: bytes, chance: random.Random) -> bytes:
    """Flip, cut, repeat, overwrite or insert bytes, mostly near the start, where headers are."""
    changed = bytearray(content)
    for _ in range(chance.randint(1, 8)):
        at = int(len(changed) * chance.random() ** 2)
        kind = chance.randrange(5)
        if kind == 0 and changed:
            changed[min(at, len(changed) - 1)] = chance.randrange(256)
        elif kind == 1:
            del changed[at:]
        elif kind == 2:
            changed[at:at] = changed[at : at + chance.randint(1, 64)] * chance.randint(1, 3)
        elif kind == 3:
            changed[at : at + 4] = chance.choice(
                [b"\xff\xff\xff\xff", b"\0\0\0\0", b"\x7f\xff\xff\xff"]
            )
        else:
            changed[at:at] = chance.randbytes(chance.randint(1, 16))
    return bytes(changed)


def mutants(photo, n: int):
    chance = random.Random(20210511)
    whole = {kind: encoded(photo, kind) for kind in KINDS}
    for i in range(n):
        kind = KINDS[i % len(KINDS)]
        yield f"{kind} {i}", mutate(whole[kind], chance)


def check_mutants(client, photo, n):
    ended = {"taken": 0, "refused": 0}
    for name, content in mutants(photo, n):
        sent = {"title": "x", "image": base64.b64encode(content).decode() or "AA=="}
        answer = client.post("/v1/match", json=sent)
        assert answer.status_code in (200, 422), (name, answer.text)
        ended["taken" if answer.status_code == 200 else "refused"] += 1
        if answer.status_code == 422:
            assert "cannot be read" in answer.text or "pixels" in answer.text
    assert ended["refused"] > n / 3
    assert ended["taken"] > n / 50


def test_mutated_pictures(client, photo):
    check_mutants(client, photo, 400)


@pytest.mark.long
@pytest.mark.slow
def test_very_many_mutated_pictures(client, photo):
    check_mutants(client, photo, 10_000)


@pytest.mark.parametrize("kind", KINDS)
def test_mutated_listings_leave_no_picture_behind(client, photo, tmp_path, kind):
    cut = encoded(photo, kind)[:60]
    sent = {"id": "a", "title": "x", "image": base64.b64encode(cut).decode()}
    assert client.post("/v1/listings", json={"listings": [sent]}).status_code == 422
    assert not [path for path in (tmp_path / "shop").rglob("*") if path.is_file()]


@pytest.mark.parametrize(
    "content",
    [
        png_of(60_000, 60_000, 1),
        png_of(6_000, 6_000, 6_000),
        png_of(65_536, 1, 1),
        png_of(0, 0, 0),
        b"",
        b"\x89PNG\r\n\x1a\n",
        b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n",
        b"<svg xmlns='http://www.w3.org/2000/svg'/>",
        b"GIF89a" + b"\xff" * 7,
        b"RIFF\xff\xff\xff\xffWEBPVP8 ",
        b"BM" + b"\xff" * 60,
        b"II*\0" + b"\xff" * 60,
    ],
    ids=lambda content: repr(content[:12]),
)
def test_bombs_and_what_is_no_picture(content):
    with pytest.raises(Refused) as refused:
        check_picture(content, None, MANY, "body.image")
    assert refused.value.status == 422
    (fault,) = refused.value.errors
    assert fault.where == "body.image"
    assert fault.message.isprintable()


def test_a_picture_in_memory_reads_as_its_file_does(photo, tmp_path):
    for kind in (*KINDS, "BMP", "TIFF"):
        content = encoded(photo, kind)
        path = tmp_path / f"p.{kind}"
        path.write_bytes(content)
        for box in (None, (3, 4, 20.5, 10)):
            held = check_picture(content, box, MANY, "image")
            from_file = np.asarray(open_image(ImageRef(path), box, 16))
            np.testing.assert_array_equal(np.asarray(open_image(held, box, 16)), from_file)


@pytest.mark.parametrize("box", [(100, 0, 5, 5), (0, 0, 1e-300, 5), (-9, -9, 5, 5)])
def test_a_box_beside_the_picture(photo, box):
    if box == (0, 0, 1e-300, 5):  # it touches a column of pixels
        assert check_picture(encoded(photo), box, MANY, "image")
        return
    with pytest.raises(Refused) as refused:
        check_picture(encoded(photo), box, MANY, "image")
    assert "shows no part of it" in refused.value.errors[0].message


@pytest.mark.parametrize(
    "text", ["aGk", "aGk=\n", "a Gk=", "aGk=aGk=", "====", "aGk_", "\u0661\u0662"]
)
def test_base64_is_strict(text):
    with pytest.raises(Refused):
        from_base64(text, "body.image")


# The folder


def held(content: bytes) -> HeldImage:
    return HeldImage(Path("picture.png"), content=content)


def test_a_picture_is_written_once_and_whole(tmp_path, monkeypatch):
    folder = PictureFolder(tmp_path / "images")
    ref = folder.keep(held(b"one"))
    assert ref.path.read_bytes() == b"one"
    monkeypatch.setattr(Path, "write_bytes", lambda *given: pytest.fail("written again"))
    assert folder.keep(held(b"one")) == ref


def test_what_cannot_be_written_leaves_nothing(tmp_path):
    folder = PictureFolder(tmp_path / "images")
    (tmp_path / "images").write_text("in the way")
    with pytest.raises(StoreError):
        folder.keep(held(b"one"))
    assert list(tmp_path.iterdir()) == [tmp_path / "images"]


def test_only_pictures_of_the_folder_are_dropped(tmp_path):
    folder = PictureFolder(tmp_path / "images")
    kept = folder.keep(held(b"one")).path
    outside = tmp_path / "mine.png"
    outside.write_bytes(b"mine")
    folder.drop([None, str(outside), f"{folder.path}/../mine.png", f"{folder.path}/none.png"])
    assert outside.exists()
    assert kept.exists()
    folder.drop([str(kept)])
    assert not kept.exists()


def test_references_name_files_and_members(tmp_path):
    (tmp_path / "a.zip").write_bytes(b"")
    (tmp_path / "c:d.png").write_bytes(b"")
    assert to_picture(f"{tmp_path}/a.zip:b/c.png") == ImageRef(tmp_path / "a.zip", "b/c.png")
    assert to_picture(f"{tmp_path}/a.zip:b:c.png") == ImageRef(tmp_path / "a.zip", "b:c.png")
    assert to_picture(f"{tmp_path}/c:d.png") == ImageRef(tmp_path / "c:d.png")
    assert to_picture("x.png") == ImageRef(Path("x.png"))


def test_a_picture_in_a_zip_is_served(client, catalog, tmp_path, photo):
    from zipfile import ZipFile

    content = encoded(photo)
    with ZipFile(tmp_path / "a.zip", "w") as archive:
        archive.writestr("b.png", content)
    client.post("/v1/listings", json={"listings": [{"id": "a", "title": "x"}]})
    catalog.kept["a"]["image"] = f"{tmp_path}/a.zip:b.png"
    assert client.get("/v1/pictures/a").content == content


def test_pixels_above_the_limit_are_refused_whatever_the_format():
    for kind in (*KINDS, "BMP", "TIFF"):
        content = encoded(Image.new("RGB", (40, 30)), kind)
        with pytest.raises(Refused, match="not as described"):
            check_picture(content, None, 1199, "image")
        assert check_picture(content, None, 1200, "image").content == content
