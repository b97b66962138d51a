"""The text and the emblem on a package."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, TypeAlias

from matcher.datasets.catalogue import WHITE, Rgb, mix
from matcher.datasets.paint import readable_on
from matcher.datasets.products import Product
from matcher.datasets.shapes import Shape
from matcher.datasets.units import write_amount

if TYPE_CHECKING:
    from PIL import Image, ImageDraw

Box: TypeAlias = tuple[float, float, float, float]

CREAM: Rgb = (252, 249, 240)


def draw_label(sheet: Image.Image, product: Product, shape: Shape) -> None:
    """Print brand, name, variant and amount where ``shape`` has its label."""
    from PIL import ImageDraw

    draw = ImageDraw.Draw(sheet)
    scale = sheet.width / 100
    left, top, right, bottom = (v * scale for v in shape.label)
    box = (left, top, right, bottom)
    ground = WHITE if shape.white_skin else product.rgb
    accent = readable_on(ground, product.look.accent)
    style = product.look.label if shape.paper else "bare"
    if style == "panel":
        ground = CREAM
        draw.rounded_rectangle(box, 2 * scale, fill=CREAM)
    elif style == "oval":
        ground = CREAM
        draw.ellipse(grow(box, 4 * scale), fill=CREAM, outline=accent, width=round(scale))
    elif style == "strip":
        draw.rectangle((0, top, sheet.width, top + (bottom - top) * 0.27), fill=accent)
    print_lines(draw, product, box, ground, style)


def print_lines(
    draw: ImageDraw.ImageDraw, product: Product, box: Box, ground: Rgb, style: str
) -> None:
    """Print brand, emblem, name and amount below each other inside ``box``."""
    left, top, right, bottom = box
    height, middle = bottom - top, (left + right) / 2
    ink = readable_on(ground, product.look.accent)
    room = (right - left) * (0.8 if style == "oval" else 0.94)
    brand_ink = readable_on(ink, WHITE) if style == "strip" else ink
    words = product.kind.word.english, product.variant.word.english
    amount = write_amount(product.amount, product.kind.unit)
    last = "  ".join(text for text in (amount, product.model) if text)

    def line(text: str, y: float, size: float, colour: Rgb, bold: bool = False) -> None:
        print_line(draw, text, (middle, top + y * height), room, size * height, colour, bold)

    line(product.brand.upper(), 0.14, 0.22, brand_ink, bold=True)
    radius = 0.13 * min(height, right - left)
    draw_emblem(draw, product.look.emblem, (middle, top + 0.42 * height), radius, ink)
    line(words[0].title(), 0.66, 0.15, ink)
    line(words[1], 0.79, 0.11, mix(ink, ground, 0.25))
    line(last, 0.92, 0.13, ink, bold=True)


def print_line(
    draw: ImageDraw.ImageDraw,
    text: str,
    middle: tuple[float, float],
    room: float,
    size: float,
    ink: Rgb | int,
    bold: bool = False,
) -> None:
    """Print one line around ``middle``, as large as ``size`` and ``room`` (pixels) allow."""
    from PIL import ImageFont

    if not text:
        return
    width = ImageFont.load_default(100).getlength(text) / 100
    size = max(4.0, min(size, room / width))
    stroke = round(size / 28) if bold else 0
    draw.text(middle, text, ink, ImageFont.load_default(size), anchor="mm", stroke_width=stroke)


def draw_emblem(
    draw: ImageDraw.ImageDraw, name: str, middle: tuple[float, float], radius: float, ink: Rgb
) -> None:
    """Draw a small sign of the product line around ``middle``."""
    x, y = middle
    if name == "leaves":
        low, high = 0.6 * radius, 1.6 * radius
        draw.chord((x - 2 * radius, y - radius, x + low, y + high), -62, 28, fill=ink)
        draw.chord((x - low, y - high, x + 2 * radius, y + radius), 118, 208, fill=ink)
    elif name == "drop":
        draw.ellipse((x - 0.7 * radius, y - 0.3 * radius, x + 0.7 * radius, y + radius), fill=ink)
        sides = ((x - 0.66 * radius, y + 0.15 * radius), (x + 0.66 * radius, y + 0.15 * radius))
        draw.polygon([(x, y - 1.2 * radius), *sides], fill=ink)
    elif name == "hills":
        for dx, tall in ((-0.5, 0.8), (0.5, 1.3)):
            foot = (x + dx * radius - radius, y + radius), (x + dx * radius + radius, y + radius)
            draw.polygon([(x + dx * radius, y + (1 - 2 * tall) * radius * 0.7), *foot], fill=ink)
    else:
        inner, n_rays = {"sun": (0.72, 12), "star": (0.45, 5), "flower": (0.3, 6)}[name]
        draw.polygon(trace_star(x, y, radius, inner, n_rays), fill=ink)


def trace_star(
    x: float, y: float, radius: float, inner: float, n_rays: int
) -> list[tuple[float, float]]:
    """Corners of a star whose inner corners lie at ``inner`` of its radius."""
    corners = []
    for i in range(2 * n_rays):
        angle = math.pi * i / n_rays - math.pi / 2
        reach = radius * (1 if i % 2 == 0 else inner)
        corners.append((x + reach * math.cos(angle), y + reach * math.sin(angle)))
    return corners


def grow(box: Box, by: float) -> Box:
    """Move every edge of ``box`` outwards."""
    left, top, right, bottom = box
    return left - by, top - by, right + by, bottom + by
