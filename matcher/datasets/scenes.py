"""Photos of a product: where it stands, on what, and in what light."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from matcher.datasets.catalogue import Rgb, mix
from matcher.datasets.products import pick
from matcher.types import Float32

if TYPE_CHECKING:
    from PIL import Image

BACKDROPS = ("plain", "studio", "gradient", "table", "tiles", "window")
WALLS: tuple[Rgb, ...] = (
    (246, 244, 240),
    (232, 226, 216),
    (214, 226, 232),
    (238, 216, 212),
    (216, 230, 214),
    (226, 218, 236),
    (250, 232, 190),
    (196, 206, 216),
    (120, 134, 150),
    (64, 72, 84),
)
GREY: Rgb = (150, 150, 158)
FLOORS: tuple[Rgb, ...] = ((176, 132, 92), (132, 92, 62), (206, 178, 142), (226, 222, 216))


@dataclass(frozen=True, slots=True)
class Scene:
    """One photo of a product.

    Attributes:
        backdrop: One of ``BACKDROPS``.
        wall: Colour behind the product.
        floor: Colour of the table.
        scale: Size of the product against the catalogue picture.
        turn: Tilt in degrees, counter-clockwise.
        shift: Of its middle, to the right and down, in shares of the side.
        mirrored: Whether left and right are swapped.
    """

    backdrop: str
    wall: Rgb
    floor: Rgb
    scale: float
    turn: float
    shift: tuple[float, float]
    mirrored: bool


def draw_catalogue_scene(rng: np.random.Generator) -> Scene:
    """Draw the maker's own photo: upright, in the middle, on white or near it."""
    wall: Rgb = (255, 255, 255) if rng.random() < 0.6 else pick(rng, WALLS[:4])
    backdrop = "plain" if rng.random() < 0.6 else "studio"
    return Scene(backdrop, wall, FLOORS[0], float(rng.uniform(0.92, 1.0)), 0.0, (0.0, 0.0), False)


def draw_scene(rng: np.random.Generator) -> Scene:
    """Draw a photo that a seller took at home."""
    return Scene(
        backdrop=pick(rng, BACKDROPS),
        wall=pick(rng, WALLS),
        floor=pick(rng, FLOORS),
        scale=float(rng.uniform(0.68, 1.0)),
        turn=float(rng.normal(0, 4)) if rng.random() < 0.6 else 0.0,
        shift=(float(rng.uniform(-0.07, 0.07)), float(rng.uniform(-0.03, 0.05))),
        mirrored=bool(rng.random() < 0.1),
    )


def take_photo(cutout: Image.Image, scene: Scene, rng: np.random.Generator) -> Image.Image:
    """Put a cut-out product, RGBA, into a scene.

    Returns:
        An RGB picture of the same size.
    """
    from PIL import Image, ImageFilter

    side = cutout.width
    placed = cutout.transform(
        (side, side), Image.Transform.AFFINE, place(scene, side), Image.Resampling.BILINEAR
    )
    backdrop = Image.fromarray(draw_backdrop(scene, side // 2, rng))
    photo = backdrop.resize((side, side), Image.Resampling.BILINEAR)
    # Shadows are soft, so an eighth of the size is fine enough to draw them.
    soft = placed.getchannel("A").reduce(8).filter(ImageFilter.GaussianBlur(1.6))
    soft = soft.point(lambda value: value * 0.38).resize((side, side), Image.Resampling.BILINEAR)
    shadow = Image.new("L", (side, side))
    shadow.paste(soft, (round(side * 0.03), round(side * 0.025)))
    photo.paste(mix(scene.wall, (20, 20, 26), 0.85), mask=shadow)
    photo.paste(placed, mask=placed)
    return photo


def place(scene: Scene, side: int) -> tuple[float, ...]:
    """Return the affine map from a pixel of the photo to that of the cut-out, as Pillow wants it.

    Returns:
        a, b, c, d, e, f of ``x' = a x + b y + c`` and ``y' = d x + e y + f``.
    """
    angle, middle = math.radians(scene.turn), side / 2
    x, y = (middle + side * shift for shift in scene.shift)
    flip = -1 if scene.mirrored else 1
    a, b = flip * math.cos(angle) / scene.scale, -flip * math.sin(angle) / scene.scale
    d, e = math.sin(angle) / scene.scale, math.cos(angle) / scene.scale
    return a, b, middle - a * x - b * y, d, e, middle - d * x - e * y


def draw_backdrop(
    scene: Scene, side: int, rng: np.random.Generator
) -> np.ndarray[tuple[int, ...], np.dtype[np.uint8]]:
    """Draw the place without the product, shape ``(side, side, 3)``."""
    y, x = np.indices((side, side), np.float32) / np.float32(side)
    light, second, share = np.ones_like(y), mix(scene.wall, GREY, 0.6), np.zeros_like(y)
    if scene.backdrop == "studio":
        light = 1.04 - 0.42 * ((x - 0.45) ** 2 + (y - 0.4) ** 2)
    elif scene.backdrop == "gradient":
        share = 0.8 * y
    elif scene.backdrop == "table":
        second = scene.floor
        light, share = draw_table(x, y, rng)
    elif scene.backdrop == "tiles":
        pitch = float(rng.uniform(0.15, 0.3))
        seam = (x % pitch < 0.008) | (y % pitch < 0.008)
        light = np.where(seam, np.float32(0.86), 1.03 - 0.12 * y)
    elif scene.backdrop == "window":
        pane = (0.7 * x + y + float(rng.uniform(0, 0.4))) % 0.42
        light = 0.95 + 0.13 / (1 + np.exp((np.abs(pane - 0.21) - 0.14) * 90))
    wall, far = np.array(scene.wall, np.float32), np.array(second, np.float32)
    colour = (wall + (far - wall) * share[..., None]) * light[..., None]
    return np.asarray(np.clip(colour, 0, 255).round(), np.uint8)


def draw_table(x: Float32, y: Float32, rng: np.random.Generator) -> tuple[Float32, Float32]:
    """Draw light, and the share of wood, of a table in front of a wall."""
    edge, pitch, bend = (float(rng.uniform(*v)) for v in ((0.55, 0.72), (0.09, 0.14), (0, 6)))
    is_wood = y > edge
    grain = 0.05 * np.sin(60 * y + 3 * np.sin(5 * x + bend)) + 0.03 * np.sin(190 * y + 9 * x)
    seam = np.where((y - edge) % pitch < 0.006, 0.8, 1.0)
    light = np.where(is_wood, (1 + grain) * seam * (0.86 + 0.3 * y), 1.03 - 0.1 * y)
    return light.astype(np.float32), is_wood.astype(np.float32)
