"""Pictures of products, cut out on a transparent ground."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from matcher.datasets.catalogue import DARK, WHITE, Rgb, mix
from matcher.datasets.labels import draw_label
from matcher.datasets.paint import (
    draw_light,
    draw_mask,
    draw_pattern,
    luminance,
    readable_on,
    wrap,
)
from matcher.datasets.products import Product
from matcher.datasets.shapes import SHAPES, Part, Shape
from matcher.types import Float32

if TYPE_CHECKING:
    from PIL import Image

METAL: Rgb = (196, 198, 204)


def render_product(product: Product, side: int) -> Image.Image:
    """Draw a product, upright and in even light.

    Args:
        product: What to draw; equal products give equal pixels.
        side: Width and height in pixels.

    Returns:
        An RGBA picture, transparent around the product.
    """
    from PIL import Image

    shape = SHAPES[product.kind.shape]
    skin = render_skin(product, shape, side)
    cutout = np.zeros((side, side, 4), np.float32)
    for part in shape.parts:
        mask = draw_mask(part, side, product.look.slender)
        left, top, right, bottom = box = mask.getbbox() or (0, 0, 0, 0)
        window = (slice(top, bottom), slice(left, right))
        piece = mask.crop(box)
        plain = np.array(paint_colour(part, product), np.float32)
        colour = skin[window] if part.paint == "skin" else plain
        light = np.float32(part.light) * draw_light(piece, part.shade)[..., None]
        # Light beyond 1 whitens, as gloss does, instead of only scaling the colour.
        lit = colour * np.minimum(light, 1) + 200 * np.maximum(light - 1, 0)
        inside = np.asarray(piece)[..., None] > 0
        np.copyto(cutout[window][..., :3], lit, where=inside)
        np.copyto(cutout[window][..., 3:], 255, where=inside)
    return Image.fromarray(np.clip(cutout, 0, 255).round().astype(np.uint8))


def render_skin(product: Product, shape: Shape, side: int) -> Float32:
    """Draw what is printed on the package, before light, shape ``(side, side, 3)``."""
    from PIL import Image

    look = product.look
    base = WHITE if shape.white_skin else product.rgb
    second = mix(base, look.accent if luminance(base) > 190 else WHITE, 0.22)
    sheet = Image.new("RGB", (side, side), base)
    sheet.paste(second, mask=draw_pattern(look.pattern, look.pitch, side))
    draw_label(sheet, product, shape)
    skin = np.asarray(sheet, np.float32)
    if shape.half_width:
        return wrap(skin, shape.half_width * look.slender, sag=2.0)
    return skin


def paint_colour(part: Part, product: Product) -> Rgb:
    """Colour of a part, or of what is printed on it."""
    colours: dict[str, Rgb] = {
        "skin": product.rgb,
        "main": product.rgb,
        "accent": readable_on(product.rgb, product.look.accent),
        "white": WHITE,
        "dark": DARK,
        "metal": METAL,
        "glow": mix(product.rgb, WHITE, 0.75),
    }
    return colours[part.paint]
