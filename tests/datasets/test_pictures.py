"""Pictures: the arithmetic by hand, the drawings by what must show."""

from dataclasses import replace

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from matcher.datasets.catalogue import KINDS, mix
from matcher.datasets.options import Options
from matcher.datasets.paint import (
    draw_mask,
    draw_pattern,
    light_cylinder,
    luminance,
    readable_on,
    wrap,
)
from matcher.datasets.products import EMBLEMS, LABELS, PATTERNS, draw_product, make_products
from matcher.datasets.render import render_product
from matcher.datasets.reposts import Edit, adjust_light, draw_edit, retouch
from matcher.datasets.scenes import BACKDROPS, Scene, draw_scene, take_photo
from matcher.datasets.shapes import Part

RGB = st.tuples(*[st.integers(0, 255)] * 3)


def products_of_each_kind():
    found = {}
    for product in make_products(Options(n_products=400)):
        found.setdefault(product.kind.word.english, product)
    return [found[kind.word.english] for kind in KINDS]


@pytest.mark.parametrize("product", products_of_each_kind(), ids=lambda p: p.kind.word.english)
def test_every_kind_stands_free_in_the_picture(product):
    picture = np.asarray(render_product(product, 96))
    assert picture.shape == (96, 96, 4)
    alpha = picture[..., 3]
    assert set(np.unique(alpha)) == {0, 255}
    assert 0.12 < (alpha == 255).mean() < 0.7
    # No part is cut off by the edge.
    assert not alpha[[0, -1]].any()
    assert not alpha[:, [0, -1]].any()
    # Light, print and text: many colours, not one flat patch.
    assert len(np.unique(picture[alpha == 255], axis=0)) > 100


def test_siblings_look_almost_alike():
    products = make_products(Options(n_products=40, hard_negatives=1))
    for first, second in zip(products[::2], products[1::2], strict=True):
        a, b = (np.asarray(render_product(p, 160), float) for p in (first, second))
        np.testing.assert_array_equal(a[..., 3], b[..., 3])
        changed = (np.abs(a - b).max(axis=2) > 16).mean()
        assert changed > 0
        if first.colour == second.colour:  # Only one line of text differs.
            assert changed < 0.03


@pytest.mark.parametrize(
    ("field", "values"), [("pattern", PATTERNS), ("label", LABELS), ("emblem", EMBLEMS)]
)
def test_each_part_of_the_look_shows(field, values):
    rng = np.random.default_rng(0)
    product = replace(draw_product(0, rng), kind=KINDS[0], variant=KINDS[0].variants[0])
    looks = [replace(product.look, **{field: value}) for value in values]
    pictures = {render_product(replace(product, look=look), 160).tobytes() for look in looks}
    assert len(pictures) == len(values)


def test_a_box_is_masked_to_the_pixel():
    # Hundredths of a side of 100: columns 20..40 and rows 10..30, both ends included.
    mask = np.asarray(draw_mask(Part("box", (20, 10, 40, 30), "main"), 100, slender=1.0))
    assert (mask[10:31, 20:41] == 255).all()
    assert mask.sum() == 255 * 21 * 21


def test_slender_things_shrink_towards_the_middle():
    # 50 + (20 - 50) · 0.5 = 35 and 50 + (80 - 50) · 0.5 = 65.
    mask = np.asarray(draw_mask(Part("box", (20, 10, 80, 30), "main"), 100, slender=0.5))
    np.testing.assert_array_equal(np.flatnonzero(mask[20]), np.arange(35, 66))


def test_a_profile_is_symmetric_and_as_wide_as_it_says():
    part = Part("profile", (10, 20, 90, 20), "main")
    row = np.flatnonzero(np.asarray(draw_mask(part, 200, slender=1.0))[100])
    # Half-width 20 of 100 around 50: from 30 to 70 of 100, twice that in pixels.
    assert (row[0], row[-1]) == (60, 140)


@pytest.mark.parametrize(
    ("name", "first_row"),
    [
        ("plain", [0, 0, 0, 0]),
        ("stripes", [255, 0, 255, 0]),  # x = 0, 25, 50, 75; x mod 50 < 25
        ("checks", [0, 255, 0, 255]),  # as stripes, but swapped where y mod 50 < 25
        ("diagonals", [255, 255, 0, 0]),  # (x + 0) mod 100 < 50
    ],
)
def test_patterns_by_hand(name, first_row):
    assert np.asarray(draw_pattern(name, 50, 4))[0].tolist() == first_row


def test_wrapping_keeps_the_middle_and_squeezes_the_sides():
    columns = np.arange(100, dtype=np.float32)
    skin = np.repeat(np.tile(columns, (100, 1))[..., None], 3, axis=2)
    wrapped = wrap(skin, half_width=30, sag=0)[50, :, 0]
    assert wrapped[50] == 50
    # 15 right of the middle is sin(30°) of 30; the arc there is 30 · pi / 6 = 15.7 long.
    assert wrapped[65] == int(50 + 30 * np.pi / 6)
    # At the rim, the arc is 30 · pi / 2 = 47.1 long.
    assert wrapped[80] == int(50 + 30 * np.pi / 2)


def test_a_cylinder_shines_left_and_darkens_at_its_edges():
    inside = np.zeros((1, 300), bool)
    inside[:, 50:250] = True
    light = light_cylinder(inside)[0, 50:250]
    assert 40 < light.argmax() < 60  # 0.24 of 200
    assert light[0] < 0.6 < light[100]
    assert light[199] < light[100]


@given(RGB, RGB)
def test_letters_can_always_be_read(ground, wish):
    assert abs(luminance(readable_on(ground, wish)) - luminance(ground)) > 80


def test_mixing_by_hand():
    # 0 + (200 - 0) · 0.25, 100 + (200 - 100) · 0.25, 250 + (50 - 250) · 0.25
    assert mix((0, 100, 250), (200, 200, 50), 0.25) == (50, 125, 200)


def test_light_contrast_and_warmth_by_hand():
    grey = Image.new("RGB", (1, 1), (28, 128, 228))
    # ((v - 128) · 0.5 + 128) · 1.1: 78 · 1.1, 128 · 1.1, 178 · 1.1; red · 1.05, blue · 0.95
    adjusted = adjust_light(grey, Edit(light=1.1, contrast=0.5, warmth=0.05))
    assert adjusted.getpixel((0, 0)) == (round(90.09), round(140.8), round(186.01))


def test_an_edit_that_changes_nothing_only_scales(rng):
    pixels = rng.integers(0, 256, (64, 64, 3), np.uint8)
    scaled = np.asarray(retouch(Image.fromarray(pixels), Edit(), 32), float)
    means = pixels.reshape(32, 2, 32, 2, 3).mean(axis=(1, 3))
    assert np.abs(scaled - means).max() <= 1


@pytest.mark.parametrize(
    "edit",
    [
        Edit(zoom=1.2),
        Edit(light=0.8),
        Edit(frame=0.03),
        Edit(watermark="shop"),
        Edit(banner="SALE"),
        Edit(sticker="COD"),
    ],
)
def test_each_edit_shows_and_leaves_most_as_it_was(edit):
    product = make_products(Options(n_products=1))[0]
    scene = Scene("plain", (250, 250, 250), (0, 0, 0), 0.9, 0.0, (0.0, 0.0), mirrored=False)
    photo = take_photo(render_product(product, 128), scene, np.random.default_rng(0))
    before, after = (np.asarray(retouch(photo, e, 64), float) for e in (Edit(), edit))
    assert before.shape == after.shape == (64, 64, 3)
    assert 0.5 < np.abs(before - after).mean() < 60


def test_a_mirrored_photo_shows_the_product_mirrored():
    cutout = Image.new("RGBA", (64, 64))
    cutout.paste((255, 0, 0, 255), (20, 20, 32, 44))
    cutout.paste((0, 0, 255, 255), (32, 20, 44, 44))
    scene = Scene("plain", (255, 255, 255), (0, 0, 0), 1.0, 0.0, (0.0, 0.0), mirrored=True)
    photo = take_photo(cutout, scene, np.random.default_rng(0))
    assert photo.getpixel((26, 30)) == (0, 0, 255)
    assert photo.getpixel((38, 30)) == (255, 0, 0)


@pytest.mark.parametrize("backdrop", BACKDROPS)
def test_every_backdrop_lets_the_product_through(backdrop):
    cutout = Image.new("RGBA", (64, 64))
    cutout.paste((10, 200, 10, 255), (16, 16, 48, 48))
    scene = Scene(backdrop, (250, 232, 190), (132, 92, 62), 1.0, 0.0, (0.0, 0.0), mirrored=False)
    photo = take_photo(cutout, scene, np.random.default_rng(0))
    assert photo.mode == "RGB"
    assert photo.getpixel((32, 32)) == (10, 200, 10)
    assert np.asarray(photo)[:8].mean() > 150


def test_drawn_scenes_and_edits_stay_in_range():
    rng = np.random.default_rng(0)
    for _ in range(200):
        scene, edit = draw_scene(rng), draw_edit(rng)
        assert 0.5 < scene.scale <= 1
        assert 1 <= edit.zoom < 1.25
        assert 50 <= edit.quality <= 95
