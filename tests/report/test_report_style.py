"""Colours that everyone can read."""

import re
from importlib.resources import files

import pytest


def contrast(first, second):
    """Contrast ratio of two colours; WCAG 2.2, relative luminance."""
    lights = []
    for colour in (first, second):
        parts = [int(colour[i : i + 2], 16) / 255 for i in (1, 3, 5)]
        linear = [p / 12.92 if p <= 0.04045 else ((p + 0.055) / 1.055) ** 2.4 for p in parts]
        lights.append(0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2])
    return (max(lights) + 0.05) / (min(lights) + 0.05)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_contrast_is_enough_in_both_schemes(scheme):
    style = files("matcher.report").joinpath("style.css").read_text("utf-8")
    blocks = re.findall(r":root \{(.*?)\}", style, re.DOTALL)
    colours = dict(re.findall(r"--([a-z-]+): (#[0-9a-f]{6});", blocks[scheme == "dark"]))
    grounds = ("page", "card")
    text = [(ink, ground) for ink in ("ink", "soft", "accent") for ground in grounds]
    text += [("accent", "accent-ground"), ("bad", "bad-ground"), ("soft", "frame")]
    assert min(contrast(colours[a], colours[b]) for a, b in text) >= 4.5
    assert min(contrast(colours[a], colours["card"]) for a in ("bar", "bad-bar", "off")) >= 3
    assert contrast("#000000", "#ffffff") == pytest.approx(21)
