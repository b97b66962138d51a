"""Masks, patterns and light: the arithmetic behind the drawings, on arrays."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from matcher.datasets.catalogue import DARK, WHITE, Rgb
from matcher.datasets.shapes import Part
from matcher.types import Bool, Float32

if TYPE_CHECKING:
    from PIL import Image


def luminance(rgb: Rgb) -> float:
    """Brightness as the eye sees it, 0 to 255 (ITU-R BT.601)."""
    return 0.299 * rgb[0] + 0.587 * rgb[1] + 0.114 * rgb[2]


def readable_on(ground: Rgb, wish: Rgb) -> Rgb:
    """Return ``wish`` if it stands out on ``ground``; else white or nearly black."""
    if abs(luminance(ground) - luminance(wish)) > 80:
        return wish
    return WHITE if luminance(ground) < 150 else DARK


def draw_mask(part: Part, side: int, slender: float) -> Image.Image:
    """Draw where a part is, as a grey picture of ``side`` pixels square: 0 or 255."""
    from PIL import Image, ImageDraw

    mask = Image.new("L", (side, side))
    draw = ImageDraw.Draw(mask)
    at = trace_profile(part) if part.form == "profile" else part.at
    pixels = [(v if i % 2 else 50 + (v - 50) * slender) * side / 100 for i, v in enumerate(at)]
    size = part.size * side / 100
    if part.form == "box":
        draw.rounded_rectangle(pixels, size, fill=255)
    elif part.form == "ellipse":
        draw.ellipse(pixels, fill=255)
    elif part.form == "ring":
        draw.ellipse(pixels, outline=255, width=round(size))
    elif part.form == "line":
        draw.line(pixels, fill=255, width=max(1, round(size)))
    else:
        draw.polygon(pixels, fill=255)
    return mask


def trace_profile(part: Part) -> tuple[float, ...]:
    """Turn a profile into the polygon of its silhouette, edges sagging as seen from above."""
    heights, widths = np.array(part.at[::2]), np.array(part.at[1::2])
    y = np.linspace(heights[0], heights[-1], 60)
    # Quadratic easing between the given points: shoulders are curves, not corners.
    step = np.clip(np.searchsorted(heights, y, side="right") - 1, 0, len(heights) - 2)
    t = (y - heights[step]) / (heights[step + 1] - heights[step])
    growing = widths[step + 1] > widths[step]
    ease = np.where(growing, 1 - (1 - t) ** 2, t**2)
    half = widths[step] + (widths[step + 1] - widths[step]) * ease
    turn = np.linspace(-1, 1, 40)
    sag = part.size * np.sqrt(1 - turn**2)
    x = np.concatenate([50 + half, 50 - turn * half[-1], 50 - half[::-1], 50 + turn * half[0]])
    top = heights[0] + sag * 0.5
    y = np.concatenate([y, heights[-1] + sag, y[::-1], top])
    return tuple(np.stack([x, y], axis=1).ravel().tolist())


def draw_pattern(name: str, pitch: float, side: int) -> Image.Image:
    """Draw a pattern as a grey picture: how much of the second colour, 0 to 255."""
    from PIL import Image

    y, x = np.indices((side, side), np.float32) * np.float32(100 / side)
    half = pitch / 2
    if name == "fade":
        share = np.clip((y - 20) / 75, 0, 1)
    elif name == "stripes":
        share = x % pitch < half
    elif name == "diagonals":
        share = (x + y) % (2 * pitch) < pitch
    elif name == "dots":
        share = np.hypot(x % pitch - half, y % pitch - half) < 0.28 * pitch
    elif name == "waves":
        share = (y + 1.5 * np.sin(x / 3)) % pitch < 0.4 * pitch
    elif name == "checks":
        share = (x % pitch < half) ^ (y % pitch < half)
    else:
        share = np.abs(y - 78) < (7 if name == "band" else 0)
    return Image.fromarray(np.asarray(share * np.float32(255), np.uint8))


def wrap(skin: Float32, half_width: float, sag: float) -> Float32:
    """Lay a flat skin around an upright cylinder in the middle of the picture.

    Args:
        skin: Shape ``(side, side, 3)``.
        half_width: Of the cylinder, in hundredths of the side.
        sag: How far its edges bend downwards, in hundredths of the side.
    """
    side = len(skin)
    radius = half_width * side / 100
    across = (np.arange(side) - side / 2) / radius
    angle = np.arcsin(np.clip(across, -1, 1))
    columns = np.clip(side / 2 + radius * angle, 0, side - 1).astype(int)
    drop = np.round(sag * side / 100 * np.cos(angle)).astype(int)
    rows = np.clip(np.arange(side)[:, None] - drop[None, :], 0, side - 1)
    return np.asarray(skin[rows, columns[None, :]])


def draw_light(mask: Image.Image, shade: str) -> Float32:
    """Draw how brightly each pixel of a part is lit; 1 is plain.

    Args:
        mask: The part, cropped to its own size, 0 or 255.
        shade: round, lying, soft or flat.

    Returns:
        Of the shape of ``mask``.
    """
    if shade == "round":
        return light_cylinder(np.asarray(mask) > 0)
    if shade == "lying":
        return light_cylinder(np.asarray(mask).T > 0).T
    if shade == "soft":
        return light_cushion(mask)
    y = np.linspace(1.05, 0.99, mask.height, dtype=np.float32)
    return np.repeat(y[:, None], mask.width, axis=1)


def light_cylinder(inside: Bool) -> Float32:
    """Light each row as a turned body: bright left of the middle, dark at both edges."""
    u = np.linspace(0, 1, 256)
    body = 0.56 + 0.52 * np.sin(np.pi * u**0.85) ** 0.7
    gloss = 0.3 * np.exp(-(((u - 0.24) / 0.055) ** 2))
    rim = 0.1 * np.exp(-(((u - 0.95) / 0.03) ** 2))
    around = (body + gloss + rim).astype(np.float32)
    left = inside.argmax(axis=1)[:, None]
    width = np.maximum(inside.sum(axis=1), 1)[:, None]
    step = (np.arange(inside.shape[1])[None, :] - left) * 255 // width
    return np.asarray(around[np.clip(step, 0, 255)])


def light_cushion(mask: Image.Image) -> Float32:
    """Light a part as something stuffed: darker towards its edges, most so below right."""
    from PIL import ImageFilter, ImageOps

    reach = max(mask.size) // 20 + 1
    padded = ImageOps.expand(mask, border=2 * reach).filter(ImageFilter.BoxBlur(reach))
    depth = np.asarray(padded, np.float32) / 255
    slope = np.roll(depth, (reach, reach), (0, 1)) - np.roll(depth, (-reach, -reach), (0, 1))
    light = 0.72 + 0.34 * depth - 0.2 * slope
    edge = slice(2 * reach, -2 * reach)
    return np.asarray(light[edge, edge], np.float32)
