"""Files made to break a decoder: each gives a picture or one DataError, at bounded cost."""

import io
import os
import re
import struct
import subprocess
import sys
import tracemalloc
import zipfile
import zlib
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from matcher.errors import DataError
from matcher.io import decoding, images
from matcher.io.images import open_image
from matcher.types import ImageRef


@pytest.fixture
def write(tmp_path):
    """Write bytes under a name; return where they lie."""

    def put(content: bytes, name: str = "hostile.jpg") -> ImageRef:
        path = tmp_path / name
        path.write_bytes(content)
        return ImageRef(path)

    return put


def refused(ref: ImageRef, reason: str) -> None:
    """Check that the picture gives one sentence with its name and the reason."""
    with pytest.raises(DataError, match=reason) as caught:
        open_image(ref)
    sentence = str(caught.value)
    assert sentence.startswith(f"{ref.name} cannot be read: ")
    assert sentence.endswith(".")
    assert sentence.isprintable()


def encoded(image: Image.Image, kind: str, **options) -> bytes:
    content = io.BytesIO()
    image.save(content, kind, **options)
    return content.getvalue()


def png_chunk(kind: bytes, content: bytes = b"") -> bytes:
    check = struct.pack(">I", zlib.crc32(kind + content))
    return struct.pack(">I", len(content)) + kind + content + check


def png(width: int, height: int, n_rows: int = 0, more: bytes = b"") -> bytes:
    """A grey PNG of which ``n_rows`` black rows are there."""
    header = png_chunk(b"IHDR", struct.pack(">IIBBBBB", width, height, 8, 0, 0, 0, 0))
    rows = png_chunk(b"IDAT", zlib.compress(bytes(width + 1) * n_rows, 9))
    return b"\x89PNG\r\n\x1a\n" + header + more + rows + png_chunk(b"IEND")


@pytest.fixture
def photo(rng) -> Image.Image:
    return Image.fromarray(rng.integers(0, 256, (24, 32, 3), np.uint8))


@pytest.mark.parametrize(
    ("width", "height"), [(60_000, 60_000), (10_000, 10_000), (64_000_000, 1), (1, 65_536)]
)
def test_a_pixel_bomb_is_refused_by_its_header(write, width, height):
    bomb = write(png(width, height, n_rows=1), "bomb.png")
    tracemalloc.start()
    refused(bomb, "more than 64,000,000 pixels, or more than 65,535 in a row or column")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 2**24  # the modules of Pillow, when this is the first test


def test_the_largest_picture_allowed_is_read(write, monkeypatch):
    monkeypatch.setattr(decoding, "MAX_PIXELS", 20 * 30)
    assert open_image(write(png(20, 30, n_rows=30))).size == (20, 30)
    refused(write(png(20, 31, n_rows=31)), r"\(20 x 31\)")


def test_a_gif_with_a_huge_canvas(write, photo):
    content = bytearray(encoded(photo.convert("P"), "GIF"))
    content[6:10] = struct.pack("<HH", 60_000, 60_000)
    refused(write(bytes(content)), "more than 64,000,000 pixels")


def test_a_gif_of_10_000_frames_costs_one(write, monkeypatch):
    frame = encoded(Image.new("P", (16, 16), 3), "GIF")
    start = frame.index(b"\x2c\0\0\0\0\x10\0\x10\0")
    broken = frame[start : start + 10] + b"\x08\x01\xff\0"  # a frame that no decoder can read
    ref = write(frame[:-1] + broken * 10_000 + b";")
    assert open_image(ref).size == (16, 16)
    with Image.open(ref.path) as opened:
        assert opened.n_frames > 1


def test_an_eps_named_jpg_starts_no_ghostscript(write, tmp_path, monkeypatch):
    trap = tmp_path / "gs"
    trap.write_text('#!/bin/sh\ntouch "$(dirname "$0")/started"\n')
    trap.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:{os.environ['PATH']}")
    eps = b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 9 9\n%%EndComments\nshowpage\n%%EOF\n"
    ref = write(eps)
    refused(ref, "it is no JPEG, PNG, WEBP, GIF, BMP or TIFF picture")
    assert not (tmp_path / "started").exists()


@pytest.mark.parametrize("kind", ["PPM", "PCX", "TGA", "ICO", "SGI", "PDF"])
def test_formats_that_are_not_on_the_list(write, photo, kind):
    refused(write(encoded(photo, kind)), "it is no JPEG")


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF"])
@pytest.mark.parametrize("part", [0.02, 0.5, 0.9])
def test_truncated(write, photo, kind, part):
    content = encoded(photo, kind)
    refused(write(content[: int(len(content) * part)]), "cannot be read")


def test_empty_and_missing(write, tmp_path):
    refused(write(b""), "it is no JPEG")
    refused(ImageRef(tmp_path / "gone.jpg"), "No such file or directory")


def test_things_that_are_no_files(tmp_path):
    (tmp_path / "folder.jpg").mkdir()
    refused(ImageRef(tmp_path / "folder.jpg"), "Is a directory")
    os.mkfifo(tmp_path / "pipe.jpg")
    refused(ImageRef(tmp_path / "pipe.jpg"), "it is not a regular file")
    refused(ImageRef(Path("/dev/zero")), "it is not a regular file")
    (tmp_path / "loop.jpg").symlink_to(tmp_path / "loop.jpg")
    refused(ImageRef(tmp_path / "loop.jpg"), "symbolic links")


def test_a_large_file_is_not_read(tmp_path):
    path = tmp_path / "large.jpg"
    with path.open("wb") as file:
        file.truncate(decoding.MAX_BYTES + 1)
    refused(ImageRef(path), "it is larger than 67,108,864 bytes")


def test_scans_that_cost_a_pass_each(write):
    content = encoded(Image.new("L", (64, 64)), "JPEG", progressive=True)
    last = content[content.rindex(b"\xff\xda") : -2]
    assert open_image(write(content[:-2] + last * 50 + content[-2:])).size == (64, 64)
    refused(write(content[:-2] + last * 100 + content[-2:]), "more than 100 scans")


def test_colour_profiles_that_unpack_to_a_megabyte_each(write):
    profile = png_chunk(b"iCCP", b"p\0\0" + zlib.compress(bytes(10**6)))
    assert open_image(write(png(4, 4, n_rows=4, more=profile))).size == (4, 4)
    refused(write(png(4, 4, n_rows=4, more=profile * 11)), "colour profiles")


def test_a_name_cannot_write_to_the_terminal(write):
    ref = write(b"", "red\x1b[31m\n.jpg")
    with pytest.raises(DataError, match=r"'.*red\\x1b\[31m\\n\.jpg' cannot be read"):
        open_image(ref)


def archive_of(path: Path, content: bytes, method: int = zipfile.ZIP_DEFLATED) -> ImageRef:
    with zipfile.ZipFile(path, "w", method) as file:
        file.writestr("a.png", content)
    return ImageRef(path, "a.png")


def patched(ref: ImageRef, offset: int, value: bytes) -> ImageRef:
    """Overwrite bytes of both headers of the one member; offset as in the central one."""
    content = bytearray(ref.path.read_bytes())
    central = content.index(b"PK\x01\x02")
    content[central + offset : central + offset + len(value)] = value
    content[offset - 2 : offset - 2 + len(value)] = value  # the local header lacks one field
    ref.path.write_bytes(content)
    return ref


def test_a_member_that_says_it_is_large(tmp_path, monkeypatch):
    monkeypatch.setattr(images, "MAX_BYTES", 1_000_000)
    ref = archive_of(tmp_path / "p.zip", bytes(1_000_001))
    assert ref.path.stat().st_size < 2_000
    refused(ref, "it is larger than 1,000,000 bytes")


def test_a_member_that_says_it_is_small(tmp_path):
    # Unpacked it has 20 MB; its headers say 1,000 bytes, at offset 24 of the central one.
    ref = archive_of(tmp_path / "p.zip", bytes(20_000_000))
    patched(ref, 24, struct.pack("<I", 1000))
    tracemalloc.start()
    refused(ref, "Bad CRC-32")
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert peak < 1_000_000


def test_members_that_cannot_be_read(tmp_path):
    whole = png(4, 4, n_rows=4)
    encrypted = patched(archive_of(tmp_path / "e.zip", whole), 8, b"\x01")
    refused(encrypted, "it is encrypted")
    refused(archive_of(tmp_path / "l.zip", whole, zipfile.ZIP_LZMA), "otherwise than by deflate")
    refused(ImageRef(encrypted.path, "b.png"), "no such member")
    (tmp_path / "n.zip").write_bytes(b"PK\x03\x04 but no more")
    refused(ImageRef(tmp_path / "n.zip", "a.png"), "cannot be read as a zip archive")
    refused(ImageRef(tmp_path, "a.png"), "not a regular file")


def test_damaged_members(tmp_path, rng, photo):
    ref = archive_of(tmp_path / "p.zip", encoded(photo, "PNG"))
    whole = ref.path.read_bytes()
    n_read = 0
    for i in range(100):
        content = bytearray(whole)
        content[rng.integers(0, 300)] ^= 1 << rng.integers(8)
        damaged = ImageRef(tmp_path / f"{i}.zip", "a.png")
        damaged.path.write_bytes(content)
        n_read += read_or_refuse(damaged)
    assert 0 < n_read < 100


def read_or_refuse(ref: ImageRef, **options) -> bool:
    """Whether the picture could be read; anything but a DataError escapes."""
    sentence = ""
    try:
        image = open_image(ref, **options)
    except DataError as error:
        sentence = str(error)
    if sentence:
        assert re.fullmatch(r".* cannot be read: .+\.", sentence)
    else:
        assert image.mode == "RGB"
    return not sentence


SEEDS = {
    "jpeg": ("JPEG", {}),
    "progressive": ("JPEG", {"progressive": True}),
    "png": ("PNG", {}),
    "apng": ("PNG", {"save_all": True}),
    "webp": ("WEBP", {}),
    "lossless": ("WEBP", {"lossless": True, "save_all": True}),
    "gif": ("GIF", {"save_all": True}),
    "bmp": ("BMP", {}),
    "tiff": ("TIFF", {}),
}


@pytest.mark.parametrize("seed", SEEDS)
def test_mutated_pictures(write, photo, rng, seed):
    kind, options = SEEDS[seed]
    if "save_all" in options:
        options = options | {"append_images": [photo.rotate(90)] * 2}
    exif = Image.Exif()
    exif[0x0112] = 6
    whole = encoded(photo, kind, exif=exif, **options)
    n_read = 0
    for _ in range(120):
        content = bytearray(whole)
        reach = rng.choice([40, 200, len(whole)])  # headers are where the trouble is
        for at in rng.integers(0, min(reach, len(whole)), rng.integers(1, 5)):
            content[at] = rng.choice([0, 1, 127, 128, 255, rng.integers(256)])
        n_read += read_or_refuse(write(bytes(content)), draft_size=rng.choice([8, None]))
    assert n_read < 120


OPEN_ALL = """
import sys
from contextlib import suppress
from pathlib import Path
from matcher.errors import DataError
from matcher.io.images import open_image
from matcher.types import ImageRef

for path in sys.argv[1:]:
    with suppress(DataError):
        open_image(ImageRef(Path(path)))
"""


def test_nothing_is_written_to_stderr(write, photo, tmp_path):
    """In a process of its own, where no test runner turns warnings into errors."""
    warned = [
        png(9_500, 9_500),  # Pillow warns above 89 million pixels
        encoded(photo, "JPEG", exif=b"Exif\0\0II*\0\x08\0\0\0\xff\xff"),
        encoded(photo, "TIFF")[:-40],
        encoded(photo.convert("P"), "PNG", transparency=bytes(256)),
    ]
    paths = [str(write(content, f"{i}.jpg").path) for i, content in enumerate(warned)]
    run = subprocess.run(
        [sys.executable, "-W", "always", "-c", OPEN_ALL, *paths],
        capture_output=True,
        text=True,
        check=True,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)},
    )
    assert run.stderr == ""
