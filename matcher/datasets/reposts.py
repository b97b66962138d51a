"""What sellers do to a photo before they post it again."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from matcher.datasets.catalogue import WHITE, Rgb
from matcher.datasets.labels import print_line, trace_star
from matcher.datasets.products import pick

if TYPE_CHECKING:
    from PIL import Image

SHOPS = (
    "tokomurah",
    "sinar.jaya",
    "rumah_belanja",
    "bestdeal.id",
    "warungkita",
    "mamashop",
    "grosir88",
    "happybuy",
    "lapakbaru",
    "citymart",
)
BANNERS = (
    "READY STOCK",
    "FREE ONGKIR",
    "BEST SELLER",
    "HARGA GROSIR",
    "100% ORIGINAL",
    "FLASH SALE",
)
STICKERS = ("PROMO", "COD", "SALE", "NEW", "ORI", "HOT")
LOUD: tuple[Rgb, ...] = (
    (214, 40, 44),
    (240, 120, 30),
    (22, 132, 92),
    (30, 90, 190),
    (150, 40, 130),
    (30, 32, 38),
)


@dataclass(frozen=True, slots=True)
class Edit:
    """Changes to a photo; the defaults change nothing.

    Attributes:
        zoom: How much it is enlarged, 1 keeps the whole photo.
        focus: Where the cut-out part lies when enlarged, across and down, in [0, 1].
        light: Factor of the brightness.
        contrast: Factor of the distance from mid-grey.
        warmth: Share that moves from blue to red.
        frame: Width of a coloured border, in shares of the side.
        watermark: Shop name across the photo; empty for none.
        banner: Words on a bar along the lower edge; empty for none.
        sticker: Word on a star in an upper corner; empty for none.
        ink: Colour of border, bar and star.
        on_left: Whether the star is on the left.
        quality: Of the JPEG file, in 1..95.
    """

    zoom: float = 1.0
    focus: tuple[float, float] = (0.5, 0.5)
    light: float = 1.0
    contrast: float = 1.0
    warmth: float = 0.0
    frame: float = 0.0
    watermark: str = ""
    banner: str = ""
    sticker: str = ""
    ink: Rgb = LOUD[0]
    on_left: bool = False
    quality: int = 88


def draw_edit(rng: np.random.Generator) -> Edit:
    """Draw what one seller does to a photo."""

    def maybe(chance: float, words: tuple[str, ...]) -> str:
        word = pick(rng, words)
        return word if rng.random() < chance else ""

    return Edit(
        zoom=float(rng.uniform(1.02, 1.18)) if rng.random() < 0.35 else 1.0,
        focus=(float(rng.random()), float(rng.random())),
        light=float(rng.uniform(0.84, 1.14)),
        contrast=float(rng.uniform(0.86, 1.15)),
        warmth=float(rng.uniform(-0.05, 0.06)),
        frame=float(rng.uniform(0.015, 0.035)) if rng.random() < 0.15 else 0.0,
        watermark=maybe(0.25, SHOPS),
        banner=maybe(0.22, BANNERS),
        sticker=maybe(0.25, STICKERS),
        ink=pick(rng, LOUD),
        on_left=bool(rng.random() < 0.5),
        quality=int(rng.integers(50, 90)),
    )


def retouch(photo: Image.Image, edit: Edit, side: int) -> Image.Image:
    """Apply an edit and scale to ``side`` pixels."""
    from PIL import Image

    full = photo.width
    part = full / edit.zoom
    left, top = ((full - part) * share for share in edit.focus)
    box = (left, top, left + part, top + part)
    work = photo.resize((full, full), Image.Resampling.BILINEAR, box) if edit.zoom > 1 else photo
    work = adjust_light(work, edit)
    if edit.watermark:
        add_watermark(work, edit.watermark)
    add_ads(work, edit)
    return work.resize((side, side), Image.Resampling.BOX)


def adjust_light(photo: Image.Image, edit: Edit) -> Image.Image:
    """Change brightness, contrast and warmth."""
    steps = np.arange(256)
    table: list[int] = []
    for tint in (1 + edit.warmth, 1.0, 1 - edit.warmth):
        values = ((steps - 128) * edit.contrast + 128) * edit.light * tint
        table += np.clip(values, 0, 255).round().astype(int).tolist()
    return photo.point(table)


def add_watermark(photo: Image.Image, text: str) -> None:
    """Write a shop's name across the middle, half transparent."""
    from PIL import Image, ImageDraw

    side = photo.width
    sheet = Image.new("L", (side, side))
    place = (side / 2, side * 0.62)
    print_line(ImageDraw.Draw(sheet), text, place, side * 0.8, side * 0.11, 110, bold=True)
    photo.paste((96, 96, 104), mask=sheet.rotate(24, Image.Resampling.BILINEAR))


def add_ads(photo: Image.Image, edit: Edit) -> None:
    """Draw border, bar and star, where the edit has them."""
    from PIL import ImageDraw

    draw, side = ImageDraw.Draw(photo), photo.width
    if edit.frame:
        draw.rectangle((0, 0, side - 1, side - 1), outline=edit.ink, width=round(edit.frame * side))
    if edit.banner:
        draw.rectangle((0, side * 0.88, side, side), fill=edit.ink)
        place = (side / 2, side * 0.94)
        print_line(draw, edit.banner, place, side * 0.9, side * 0.075, WHITE, bold=True)
    if edit.sticker:
        place = (side * (0.14 if edit.on_left else 0.86), side * 0.15)
        draw.polygon(trace_star(*place, side * 0.125, 0.86, 14), fill=edit.ink)
        print_line(draw, edit.sticker, place, side * 0.19, side * 0.07, WHITE, bold=True)
