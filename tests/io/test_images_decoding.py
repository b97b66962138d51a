"""Every kind of honest picture comes out as the RGB a person sees."""

import zipfile
from io import BytesIO

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from matcher.errors import DataError
from matcher.io.decoding import decode, to_pixels
from matcher.io.images import open_image, read_pixels
from matcher.types import ImageRef

RED, GREEN, BLUE, WHITE = (255, 0, 0), (0, 255, 0), (0, 0, 255), (255, 255, 255)


@pytest.fixture
def save(tmp_path):
    """Save a picture or raw bytes as a file; return where it lies."""

    def write(image, name: str, **options) -> ImageRef:
        path = tmp_path / name
        if isinstance(image, bytes):
            path.write_bytes(image)
        else:
            image.save(path, **options)
        return ImageRef(path)

    return write


@pytest.fixture
def photo(rng) -> Image.Image:
    """60 x 40, smooth enough for JPEG."""
    coarse = Image.fromarray(rng.integers(0, 256, (4, 6, 3), np.uint8))
    return coarse.resize((60, 40), Image.Resampling.BICUBIC)


def pixels(ref: ImageRef, **options) -> np.ndarray:
    image = open_image(ref, **options)
    assert image.mode == "RGB"
    return np.asarray(image)


@pytest.mark.parametrize("ending", ["png", "bmp", "tiff", "webp", "gif", "jpg"])
def test_every_format(save, photo, ending):
    options = {"webp": {"lossless": True}, "jpg": {"quality": 95, "subsampling": 0}}
    ref = save(photo, f"photo.{ending}", **options.get(ending, {}))
    off = np.abs(pixels(ref).astype(int) - np.asarray(photo))
    assert off.mean() < {"gif": 20, "jpg": 2}.get(ending, 1e-9)


def test_the_first_bytes_tell_the_format_not_the_name(save, photo):
    content = BytesIO()
    photo.save(content, "PNG")
    np.testing.assert_array_equal(pixels(save(content.getvalue(), "photo.jpg")), np.asarray(photo))


@pytest.mark.parametrize(
    ("mode", "ending"), [("1", "png"), ("L", "png"), ("P", "png"), ("CMYK", "tiff"), ("L", "jpg")]
)
def test_opaque_modes_convert_as_pillow_does(save, photo, mode, ending):
    ref = save(photo.convert(mode), f"photo.{ending}")
    with Image.open(ref.path) as opened:
        expected = np.asarray(opened.convert("RGB"))
    np.testing.assert_array_equal(pixels(ref), expected)


def test_cmyk_jpeg_has_the_right_colours(save):
    # Pure cyan ink on white paper.
    ref = save(Image.new("CMYK", (16, 16), (255, 0, 0, 0)), "ink.jpg", quality=95)
    assert np.abs(pixels(ref)[8, 8].astype(int) - (0, 255, 255)).max() <= 3


@pytest.mark.parametrize("name", ["grey.png", "grey.tiff"])
def test_16_bits_are_scaled_not_clipped(save, name):
    grey = np.arange(256, dtype=np.uint16).reshape(16, 16)
    ref = save(Image.fromarray(grey * 257), name)  # 257 = 65535 / 255
    np.testing.assert_array_equal(pixels(ref), np.repeat(grey[..., None], 3, axis=2))


def test_32_bits_are_refused(save):
    ref = save(Image.fromarray(np.ones((4, 4), np.float32)), "depth.tiff")
    with pytest.raises(DataError, match=r"depth\.tiff cannot be read: its pixels have 32 bits"):
        open_image(ref)


def test_transparency_lies_on_white(save):
    # Half transparent red on white: 255 * 0.5 + 255 * 0.5 = 255 and 0 * 0.5 + 255 * 0.5 = 127.5.
    half = Image.new("RGBA", (2, 1), (255, 0, 0, 0))
    half.putpixel((1, 0), (255, 0, 0, 128))
    (hidden, mixed) = pixels(save(half, "half.png"))[0].tolist()
    assert hidden == [255, 255, 255]
    assert mixed == pytest.approx([255, 127, 127], abs=1)


@pytest.mark.parametrize("ending", ["png", "gif"])
def test_transparent_palette_colours_are_white(save, ending):
    image = Image.new("P", (2, 1))
    image.putpalette([*RED, *BLUE])
    image.putpixel((1, 0), 1)
    ref = save(image, f"p.{ending}", transparency=0)
    assert pixels(ref)[0].tolist() == [list(WHITE), list(BLUE)]


@pytest.mark.parametrize(
    ("mode", "key", "hidden"), [("L", 7, 7), ("RGB", (1, 2, 3), (1, 2, 3)), ("1", 0, 0)]
)
def test_a_transparent_colour_is_white(save, mode, key, hidden):
    ref = save(Image.new(mode, (3, 3), hidden), "key.png", transparency=key)
    assert (pixels(ref) == 255).all()


def test_grey_with_alpha(save):
    image = Image.new("LA", (2, 1), (9, 0))
    image.putpixel((1, 0), (9, 255))
    assert pixels(save(image, "la.png"))[0].tolist() == [[255] * 3, [9] * 3]


def corners(array: np.ndarray) -> list[list[int]]:
    return [array[y, x].tolist() for y in (0, -1) for x in (0, -1)]


TURNS = {
    1: [Image.Transpose.ROTATE_180] * 2,
    2: [Image.Transpose.FLIP_LEFT_RIGHT],
    3: [Image.Transpose.ROTATE_180],
    4: [Image.Transpose.FLIP_TOP_BOTTOM],
    5: [Image.Transpose.TRANSPOSE],
    6: [Image.Transpose.ROTATE_90],  # stored a quarter turn to the left, shown to the right
    7: [Image.Transpose.TRANSVERSE],
    8: [Image.Transpose.ROTATE_270],
}


@pytest.mark.parametrize("orientation", TURNS)
@pytest.mark.parametrize("ending", ["png", "tiff", "webp", "jpg"])
def test_exif_orientation_is_undone(save, orientation, ending):
    seen = Image.new("RGB", (32, 16), WHITE)
    for colour, corner in ((RED, (0, 0)), (GREEN, (16, 0)), (BLUE, (0, 8))):
        seen.paste(colour, (*corner, corner[0] + 16, corner[1] + 8))
    stored = seen
    for turn in TURNS[orientation]:
        stored = stored.transpose(turn)
    exif = Image.Exif()
    exif[0x0112] = orientation
    options = {"webp": {"lossless": True}, "jpg": {"quality": 95, "subsampling": 0}}
    ref = save(stored, f"turned.{ending}", exif=exif, **options.get(ending, {}))
    shown = pixels(ref)
    assert shown.shape == (16, 32, 3)
    assert np.abs(shown.astype(int) - np.asarray(seen)).max() < 30


def test_a_damaged_exif_block_is_passed_over(save, photo):
    ref = save(photo, "photo.jpg", exif=b"Exif\0\0II*\0\xff\xff\xff\xff")
    assert pixels(ref).shape == (40, 60, 3)


def test_only_the_first_frame(save):
    frames = [Image.new("RGB", (9, 9), colour) for colour in (BLUE, RED, GREEN)]
    for name in ("a.gif", "a.webp", "a.png", "a.tiff"):
        ref = save(frames[0], name, save_all=True, append_images=frames[1:])
        assert np.abs(pixels(ref)[4, 4].astype(int) - BLUE).max() <= 3


def test_a_phone_photo_with_several_frames(save, photo):
    ref = save(photo, "photo.jpg", format="MPO", save_all=True, append_images=[photo.rotate(180)])
    with Image.open(ref.path) as opened:
        assert opened.format == "MPO"
    assert np.abs(pixels(ref).astype(int) - np.asarray(photo)).mean() < 5


def test_a_box_is_cut_out_of_the_upright_picture(save, photo):
    whole = np.asarray(photo)
    ref = save(photo, "photo.png")
    np.testing.assert_array_equal(pixels(ref, box=(10, 5, 20, 30)), whole[5:35, 10:30])
    np.testing.assert_array_equal(pixels(ref, box=(-5, -5, 15, 1e30)), whole[:, :10])
    exif = Image.Exif()
    exif[0x0112] = 6
    turned = save(photo.transpose(Image.Transpose.ROTATE_90), "turned.png", exif=exif)
    np.testing.assert_array_equal(pixels(turned, box=(10, 5, 20, 30)), whole[5:35, 10:30])


@pytest.mark.parametrize(
    "box",
    [(60, 0, 5, 5), (0, -9, 5, 9), (0, 0, 0, 5), (5, 5, -3, -3), (0, 0, float("nan"), 5)],
)
def test_a_box_that_shows_nothing(save, photo, box):
    with pytest.raises(DataError, match=r"photo\.png cannot be read: its box .* shows no part"):
        open_image(save(photo, "photo.png"), box=box)


@given(
    size=st.tuples(st.integers(1, 300), st.integers(1, 300)),
    corner=st.tuples(st.floats(-10, 290), st.floats(-10, 290)),
    sides=st.tuples(st.floats(1, 400), st.floats(1, 400)),
    draft_size=st.integers(1, 60),
    orientation=st.sampled_from([1, 6]),
)
def test_a_draft_keeps_the_pixels_asked_for(size, corner, sides, draft_size, orientation):
    exif = Image.Exif()
    exif[0x0112] = orientation
    content = BytesIO()
    Image.new("RGB", size).save(content, "JPEG", exif=exif)
    box = (*corner, *sides)
    try:
        whole = decode(content.getvalue(), box)
    except ValueError:
        return
    draft = decode(content.getvalue(), box, draft_size)
    for full, small in zip(whole.size, draft.size, strict=True):
        # Of a box that juts out, the part inside has its share of the pixels asked for.
        share = min(full / max(sides), 1)
        assert 1 <= small <= full
        assert small >= min(full, draft_size * share) - 2


def test_a_draft_is_the_whole_picture_smaller(save, rng):
    coarse = Image.fromarray(rng.integers(0, 256, (5, 5, 3), np.uint8))
    photo = coarse.resize((800, 640), Image.Resampling.BICUBIC)
    ref = save(photo, "photo.jpg", quality=95)
    assert open_image(ref, draft_size=160).size == (200, 160)
    assert open_image(ref, draft_size=161).size == (400, 320)
    assert open_image(ref, box=(0, 0, 400, 320), draft_size=160).size == (200, 160)
    small, exact = read_pixels(ref, 64), to_pixels(open_image(ref), 64)
    assert np.abs(small.astype(int) - exact).mean() < 1.5
    box = (200, 100, 300, 300)
    small, exact = read_pixels(ref, 64, box), to_pixels(open_image(ref, box), 64)
    assert np.abs(small.astype(int) - exact).mean() < 1.5


def test_pixels_for_a_network(save):
    image = Image.new("RGB", (20, 10), RED)
    array = read_pixels(save(image, "red.png"), 8)
    assert array.shape == (8, 8, 3)
    assert array.dtype == np.uint8
    assert (array == RED).all()


@pytest.mark.parametrize("method", [zipfile.ZIP_STORED, zipfile.ZIP_DEFLATED])
def test_a_member_of_an_archive_is_the_same_picture(save, photo, tmp_path, method):
    ref = save(photo, "photo.png")
    with zipfile.ZipFile(tmp_path / "p.zip", "w", method) as archive:
        archive.write(ref.path, "images/photo.png")
    member = ImageRef(tmp_path / "p.zip", "images/photo.png")
    np.testing.assert_array_equal(pixels(member), pixels(ref))
