"""Outlines of packages, as tables; coordinates are hundredths of the picture's side.

A *profile* is the silhouette of something turned on a lathe: pairs of a height and the
half-width there, from top to bottom, around the line x = 50.
"""

from __future__ import annotations

from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Part:
    """One piece of a package; later parts cover earlier ones.

    Attributes:
        form: profile, box, polygon, ellipse, ring or line.
        at: Its numbers: height and half-width by turns (profile), left, top, right, bottom
            (box, ellipse, ring), or x and y by turns (polygon, line).
        paint: skin (what is printed), main, accent, white, dark, metal or glow.
        shade: round, lying (round along x), soft (cushion) or flat.
        light: Brightness, 1 is plain.
        size: Corner radius (box), sag of the edges (profile), thickness (ring, line).
    """

    form: str
    at: tuple[float, ...]
    paint: str
    shade: str = "flat"
    light: float = 1.0
    size: float = 0.0


@dataclass(frozen=True, slots=True)
class Shape:
    """A package.

    Attributes:
        parts: Back to front.
        label: Where the text goes: left, top, right, bottom.
        half_width: Of the skin around x = 50 when it is wrapped around a round body; 0 if flat.
        paper: Whether the text may stand on a paper label, not only on the skin itself.
        white_skin: Whether the skin is white card and only the other parts are coloured.
    """

    parts: tuple[Part, ...]
    label: tuple[float, float, float, float]
    half_width: float = 0.0
    paper: bool = True
    white_skin: bool = False


# fmt: off
_TEE = (
    39, 14, 43, 20, 50, 23, 57, 20, 61, 14, 73, 18, 92, 38, 80, 48, 73, 41,
    74, 91, 26, 91, 27, 41, 20, 48, 8, 38, 27, 18,
)
# fmt: on

SHAPES: dict[str, Shape] = {
    "flip_bottle": Shape(
        (
            Part("profile", (8, 11, 10, 13, 24, 14), "accent", "round", size=1.5),
            Part("profile", (24, 14, 30, 20, 40, 23, 84, 22, 91, 19), "skin", "round", size=2.5),
        ),
        (30, 40, 70, 82),
        half_width=23,
    ),
    "pump_bottle": Shape(
        (
            Part("box", (30, 7, 57, 12), "accent", "lying", size=2),
            Part("box", (30, 9, 34, 16), "accent", "lying", 0.9, size=1),
            Part("box", (47.5, 11, 52.5, 22), "white", "round"),
            Part("profile", (20, 9, 28, 10), "accent", "round", size=1.2),
            Part("profile", (28, 11, 31, 17, 36, 22, 87, 22, 92, 20), "skin", "round", size=2.5),
        ),
        (31, 40, 69, 84),
        half_width=22,
    ),
    "jar": Shape(
        (
            Part("profile", (47, 30, 54, 33, 80, 33, 86, 29), "skin", "round", size=4),
            Part("profile", (30, 31, 33, 33, 48, 33), "accent", "round", size=4),
            Part("ellipse", (19, 26.5, 81, 35), "accent", "soft", 1.18),
        ),
        (27, 54, 73, 84),
        half_width=33,
    ),
    "honey_jar": Shape(
        (
            Part("profile", (27, 20, 34, 27, 40, 28, 82, 28, 89, 24), "skin", "round", size=3),
            Part("profile", (15, 21, 17, 22, 28, 22), "accent", "round", size=2.5),
            Part("ellipse", (29, 12.5, 71, 18), "accent", "soft", 1.15),
        ),
        (30, 43, 70, 82),
        half_width=28,
    ),
    "pill_bottle": Shape(
        (
            Part("profile", (28, 15, 33, 21, 36, 22, 86, 22, 91, 20), "skin", "round", size=2.5),
            Part("profile", (11, 17, 13, 18, 29, 18), "white", "round", 0.98, size=2),
        ),
        (30, 39, 70, 84),
        half_width=22,
    ),
    "tube": Shape(
        (
            Part("profile", (8, 23, 13, 23, 45, 20, 72, 17, 78, 15), "skin", "soft", size=0.5),
            Part("box", (27, 7, 73, 11.5), "main", "flat", 0.92, size=0.5),
            Part("profile", (78, 14, 92, 13), "accent", "round", size=1.5),
        ),
        (33, 16, 67, 68),
    ),
    "lying_tube": Shape(
        (
            Part("polygon", (7, 28, 72, 36, 80, 43, 80, 61, 72, 68, 7, 76), "skin", "lying"),
            Part("box", (5, 27.5, 9.5, 76.5), "main", "flat", 0.9, size=0.5),
            Part("box", (80, 42, 95, 62), "accent", "lying", size=1.5),
        ),
        (13, 37, 70, 67),
    ),
    "pouch": Shape(
        (
            Part(
                "polygon",
                (25, 9, 75, 9, 74, 18, 78, 60, 76, 90, 70, 93, 30, 93, 24, 90, 22, 60, 26, 18),
                "skin",
                "soft",
            ),
            Part("box", (25, 9, 75, 15), "main", "flat", 0.9, size=0.4),
            Part("line", (26, 18.5, 74, 18.5), "main", "flat", 0.75, size=0.7),
        ),
        (31, 28, 69, 82),
    ),
    "carton": Shape(
        (
            Part("polygon", (16, 27, 32, 17, 86, 17, 70, 27), "main", "flat", 1.12),
            Part("polygon", (70, 27, 86, 17, 86, 80, 70, 91), "main", "flat", 0.68),
            Part("box", (16, 27, 70, 91), "skin", "flat"),
        ),
        (22, 34, 64, 85),
    ),
    "can": Shape(
        (
            Part("profile", (14, 17, 19, 21, 84, 21, 89, 18), "skin", "round", size=2.5),
            Part("ellipse", (32.5, 9, 67.5, 16.5), "metal", "flat", 0.85),
            Part("ellipse", (35, 10, 65, 15.5), "metal", "soft", 1.05),
            Part("ellipse", (46, 11, 56, 13.5), "metal", "flat", 0.7),
        ),
        (31, 30, 69, 80),
        half_width=21,
    ),
    "flacon": Shape(
        (
            Part("box", (41, 9, 59, 30), "dark", "round", size=1.5),
            Part("box", (44, 29, 56, 37), "metal", "round"),
            Part("box", (25, 36, 75, 91), "glow", "soft", 1.05, size=4),
            Part("box", (29, 40, 71, 87), "skin", "soft", size=2),
        ),
        (32, 48, 68, 84),
    ),
    "shirt": Shape(
        (
            Part("ellipse", (39, 11, 61, 24), "main", "flat", 0.6),
            Part(
                "polygon",
                _TEE,
                "skin",
                "soft",
            ),
            Part("line", (27.5, 40, 29, 30), "main", "flat", 0.8, size=0.5),
            Part("line", (72.5, 40, 71, 30), "main", "flat", 0.8, size=0.5),
        ),
        (36, 36, 64, 66),
        paper=False,
    ),
    "tote": Shape(
        (
            Part("ring", (36, 6, 64, 70), "accent", "flat", 0.8, size=2.6),
            Part("polygon", (20, 37, 80, 37, 84, 93, 16, 93), "skin", "soft"),
            Part("line", (20.5, 40, 79.5, 40), "main", "flat", 0.8, size=0.5),
        ),
        (32, 48, 68, 84),
        paper=False,
    ),
    "phone_case": Shape(
        (
            Part("box", (29, 5, 71, 95), "main", "flat", 0.75, size=7),
            Part("box", (30.2, 6, 69.8, 94), "skin", "flat", size=6.5),
            Part("box", (33, 9, 50, 27), "dark", "soft", 1.3, size=4),
            Part("ellipse", (35, 11, 41, 17), "dark", "flat", 0.6),
            Part("ellipse", (42, 18, 48, 24), "dark", "flat", 0.6),
            Part("ellipse", (43, 12, 46, 15), "glow"),
        ),
        (35, 44, 65, 82),
        paper=False,
    ),
    "charger": Shape(
        (
            Part("box", (38, 8, 43, 30), "metal", "round", size=1),
            Part("box", (57, 8, 62, 30), "metal", "round", size=1),
            Part("box", (34, 26, 66, 34), "main", "flat", 0.85, size=2),
            Part("box", (27, 32, 73, 92), "skin", "soft", size=7),
            Part("box", (42, 83, 58, 88), "dark", "flat", size=2.4),
        ),
        (32, 40, 68, 80),
        paper=False,
        white_skin=True,
    ),
    "cable": Shape(
        (
            Part("box", (16, 5, 84, 95), "skin", "flat", size=2),
            Part("ellipse", (46, 8, 54, 13), "dark", "flat", 2.2),
            Part("ring", (25, 47, 75, 88), "main", "round", 0.85, size=3.2),
            Part("ring", (28, 50, 72, 85), "main", "round", size=3.2),
            Part("ring", (31, 53, 69, 82), "main", "round", 1.1, size=3.2),
            Part("line", (69, 66, 74, 78), "main", "flat", 0.9, size=3),
            Part("box", (71, 75, 77, 86), "dark", "round", 1.3, size=1),
            Part("box", (72.2, 85, 75.8, 90), "metal", "round"),
            Part("box", (36, 62, 49, 68), "dark", "lying", 1.3, size=1),
            Part("box", (48, 63, 54, 67), "metal", "lying"),
        ),
        (20, 15, 80, 45),
        white_skin=True,
    ),
    "power_bank": Shape(
        (
            Part("box", (27, 8, 73, 93), "main", "flat", 0.7, size=7),
            Part("box", (28, 8, 72, 92), "skin", "soft", size=6.5),
            Part("box", (37, 11, 47, 14.5), "dark", "flat", size=1),
            Part("box", (53, 11, 63, 14.5), "dark", "flat", size=1),
            Part("ellipse", (63, 84, 65, 86), "glow"),
            Part("ellipse", (59, 84, 61, 86), "glow"),
        ),
        (33, 30, 67, 80),
        paper=False,
    ),
    "mug": Shape(
        (
            Part("ring", (62, 36, 90, 74), "main", "soft", 0.88, size=5.5),
            Part("profile", (26, 26, 80, 25, 86, 22), "skin", "round", size=4),
            Part("ellipse", (24, 21.5, 76, 31), "main", "flat", 1.1),
            Part("ellipse", (26, 23, 74, 30.5), "main", "lying", 0.62),
        ),
        (29, 38, 71, 82),
        half_width=26,
        paper=False,
    ),
    "tumbler": Shape(
        (
            Part("profile", (17, 16, 24, 18, 55, 18, 88, 15, 92, 14), "skin", "round", size=1.8),
            Part("profile", (86, 15.3, 89, 15, 93, 14), "metal", "round", size=1.8),
            Part("profile", (6, 10, 8, 12, 12, 12, 13, 17, 18, 17), "dark", "round", size=1.5),
        ),
        (34, 34, 66, 80),
        half_width=18,
        paper=False,
    ),
}
