"""Pictures changed at random, so that a network learns what does not matter.

All is done on the device, in the compiled step, by matrix products and sums: a cropped picture is
the product of a few weights for its rows, the picture, and a few weights for its columns.
"""

from __future__ import annotations

import math
from typing import Any

import keras
from keras import layers, ops

from matcher.models.reposting import SMALLEST, blurring, multiply, overlay, recompress, shrinking
from matcher.models.settings import Augmentation

# Weights of red, green and blue in what the eye takes for brightness (ITU-R BT.601).
LUMA = (0.299, 0.587, 0.114)
# Mean of ImageNet's pictures: 0 to most networks.
FILL = (123.7, 116.3, 103.5)


def build_augmentation(settings: Augmentation, size: int, seed: int = 0) -> RandomView:
    """Build the layer that changes pictures in training.

    Called with ``training=True`` on pixels in 0..255, uint8 or float, shape
    ``(batch, side, side, 3)``, it gives float32 of the same range, shape ``(batch, size, size,
    3)``. Otherwise pixels come out as they are, in float32 and brought to that size.

    Its random state is a variable, ``layer.random_state``, int, shape ``(2,)``: to be saved and
    set with the rest of a run. It works in a compiled step on every backend.
    """
    layer = RandomView(settings, size, seed, name="augmentation")
    layer.build((None, size, size, 3))
    return layer


def build_cut_mix(settings: Augmentation, seed: int = 0) -> CutMix:
    """Build the layer that pastes a part of one picture over another.

    Called on pixels, ``(batch, size, size, 3)``, it gives three things: the mixed pixels; the
    row that the pasted part of each came from, int32, shape ``(batch,)``; and the share of each
    picture that is still its own, a float32 scalar in [0, 1]. The loss is
    ``share * head(e, labels) + (1 - share) * head(e, labels[rows])``. Where ``cut_mix`` says
    that a batch is left alone the share is 1.
    """
    return CutMix(settings.cut_mix, seed, name="cut_mix")


class RandomLayer(layers.Layer):
    """A layer with one random state, that computes in float32."""

    def __init__(self, seed: int, **kwargs: Any) -> None:
        super().__init__(dtype="float32", **kwargs)
        self._seeds = keras.random.SeedGenerator(seed)

    @property
    def random_state(self) -> Any:
        """Variable that the next random numbers depend on."""
        return self._seeds.state

    def _draw(self, *shape: Any) -> Any:
        """Numbers in [0, 1)."""
        return keras.random.uniform(shape, dtype="float32", seed=self._seeds)


class RandomView(RandomLayer):
    """Part of a picture, perhaps mirrored, in another light, perhaps with a hole.

    Args:
        settings: How much of all this.
        size: Side of what comes out, in pixels.
        seed: Of its random state.

    Source:
        Random parts: Szegedy et al., CVPR 2015, arXiv:1409.4842, section 6. Cut-out: DeVries
        and Taylor, arXiv:1708.04552.
    """

    def __init__(self, settings: Augmentation, size: int, seed: int = 0, **kwargs: Any) -> None:
        super().__init__(seed, **kwargs)
        self.settings, self.size = settings, size

    def call(self, pixels: Any, training: bool | None = None) -> Any:
        if training:
            return self.views(pixels)[1]
        pixels = ops.cast(pixels, "float32")
        if pixels.shape[1] == self.size:
            return pixels
        return ops.image.resize(pixels, (self.size, self.size), "bilinear", antialias=True)

    def views(self, pixels: Any) -> tuple[Any, Any]:
        """The part of each picture that is kept, as it is, and the same part changed.

        Args:
            pixels: As for a call in training.

        Returns:
            Two arrays as a call gives one; the second is what a call gives.
        """
        pixels = ops.cast(pixels, "float32")
        part = self._crop(pixels, self._draw(ops.shape(pixels)[0], 5))
        return part, self._change(part)

    def _change(self, pixels: Any) -> Any:
        """Light, colour, and what else is done to a part."""
        s, n = self.settings, ops.shape(pixels)[0]
        if s.blur:
            u = self._draw(n, 2)
            smear = blurring(pixels.shape[1], _chosen(u[:, 0], s.blur), u[:, 1])
            pixels = multiply(smear, pixels, smear)
        pixels = self._light(pixels, self._draw(n, 4))
        if s.tint:
            gains = 1 + s.tint * (2 * self._draw(n, 1, 1, 3) - 1)
            pixels = ops.clip(pixels * gains, 0.0, 255.0)
        if s.shrink:
            pixels = self._shrink(pixels, self._draw(n, 8))
        if s.overlay:
            u = self._draw(n, 10)
            letters = self._draw(n, pixels.shape[1])
            pixels = overlay(pixels, _chosen(u[:, 9], s.overlay), u, letters)
        if s.recompress:
            u = self._draw(n, 2)
            pixels = recompress(pixels, _chosen(u[:, 0], s.recompress), u[:, 1])
        if s.cut_out:
            pixels = self._cut(pixels, self._draw(n, 3))
        return pixels

    def compute_output_shape(self, pixels_shape: Any) -> Any:
        return (pixels_shape[0], self.size, self.size, 3)

    def _crop(self, pixels: Any, u: Any) -> Any:
        """A part of each picture, brought to the full size."""
        s, sides = self.settings, (pixels.shape[1], self.size)
        area = s.area[0] + (s.area[1] - s.area[0]) * u[:, 0]
        ratio = ops.exp(math.log(s.aspect) * (2 * u[:, 1] - 1))
        height = ops.minimum(ops.sqrt(area / ratio), 1.0)
        width = ops.minimum(ops.sqrt(area * ratio), 1.0)
        mirrored = ops.cast(u[:, 4] < (0.5 if s.flip else 0.0), "float32")
        rows = _sample(*sides, (1 - height) * u[:, 2], height, ops.zeros_like(mirrored))
        columns = _sample(*sides, (1 - width) * u[:, 3], width, mirrored)
        return multiply(rows, pixels, columns)

    def _shrink(self, pixels: Any, u: Any) -> Any:
        """Each chosen picture set smaller, anywhere on a ground of one colour."""
        size = pixels.shape[1]
        less = (1 - SMALLEST) * _chosen(u[:, 0], self.settings.shrink)
        sides = []
        for i in (1, 3):
            extent = 1 - less * u[:, i]
            sides.append(shrinking(size, extent, (1 - extent) * u[:, i + 1]))
        ground = 255 * u[:, None, None, 5:8]
        covered = [ops.sum(side, axis=2) for side in sides]
        bare = 1 - covered[0][:, :, None] * covered[1][:, None, :]
        return multiply(sides[0], pixels, sides[1]) + bare[..., None] * ground

    def _light(self, pixels: Any, u: Any) -> Any:
        """Other brightness, contrast and saturation."""
        s, signed = self.settings, (2 * u - 1)[:, :, None, None, None]
        luma = ops.sum(pixels * ops.convert_to_tensor(LUMA, "float32"), axis=3, keepdims=True)
        mean = ops.mean(luma, axis=(1, 2), keepdims=True)
        kept = ops.cast(u[:, 3] >= s.gray, "float32")[:, None, None, None]
        colorful = (1 + s.saturation * signed[:, 0]) * kept
        contrast = 1 + s.contrast * signed[:, 1]
        pixels = luma + colorful * (pixels - luma)
        pixels = mean + contrast * (pixels - mean) + 255 * s.brightness * signed[:, 2]
        return ops.clip(pixels, 0.0, 255.0)

    def _cut(self, pixels: Any, u: Any) -> Any:
        """A square in the mean colour; its middle may be anywhere, its edges outside."""
        s, size = self.settings, pixels.shape[1]
        inside = [_between(size, u[:, i], s.cut_size) for i in (1, 2)]
        hole = inside[0][:, :, None] * inside[1][:, None, :]
        hole = hole * ops.cast(u[:, 0] < s.cut_out, "float32")[:, None, None]
        fill = ops.convert_to_tensor(FILL, "float32")
        return pixels + hole[:, :, :, None] * (fill - pixels)


class CutMix(RandomLayer):
    """A part of another picture of the batch over each, the same part for all.

    Args:
        probability: Of mixing a batch at all.
        seed: Of its random state.

    Source:
        Yun et al., ICCV 2019, arXiv:1905.04899, eq. 1 and 2, with alpha = 1.
    """

    def __init__(self, probability: float, seed: int = 0, **kwargs: Any) -> None:
        super().__init__(seed, **kwargs)
        self.probability = probability

    def call(self, pixels: Any) -> tuple[Any, Any, Any]:
        pixels, size = ops.cast(pixels, "float32"), pixels.shape[1]
        u = self._draw(1, 4)
        rows = ops.cast(ops.argsort(self._draw(ops.shape(pixels)[0])), "int32")
        side = ops.sqrt(u[:, 0]) * ops.cast(u[:, 1] < self.probability, "float32")
        inside = [_between(size, u[:, i], side[:, None]) for i in (2, 3)]
        pasted = inside[0][:, :, None] * inside[1][:, None, :]
        mixed = pixels + pasted[:, :, :, None] * (ops.take(pixels, rows, axis=0) - pixels)
        return mixed, rows, 1 - ops.mean(pasted)


def _chosen(u: Any, share: float) -> Any:
    """1 for that share of numbers in [0, 1), else 0."""
    return ops.cast(u < share, "float32")


def _sample(old: int, new: int, start: Any, extent: Any, mirrored: Any) -> Any:
    """Weights of old pixels in new ones along one side, ``(batch, new, old)``.

    Bilinear; where several old pixels fall on a new one, all of them count.

    Args:
        old: Pixels along the side before.
        new: Pixels along the side after.
        start: Where the part begins, as a share of the side, ``(batch,)``.
        extent: How long it is, as a share of the side, ``(batch,)``.
        mirrored: 1 where it is read backwards, ``(batch,)``.
    """
    along = (ops.arange(new, dtype="float32") + 0.5) / new
    along = along + mirrored[:, None] * (1 - 2 * along)
    places = (start[:, None] + extent[:, None] * along) * old - 0.5
    places = ops.clip(places, 0.0, old - 1.0)[:, :, None]
    reach = ops.maximum(extent * old / new, 1.0)[:, None, None]
    weights = ops.maximum(1 - ops.abs(places - ops.arange(old, dtype="float32")) / reach, 0.0)
    return weights / ops.sum(weights, axis=2, keepdims=True)


def _between(size: int, middle: Any, side: Any) -> Any:
    """1 for the pixels along a side whose middle is in a part of it, ``(batch, size)``."""
    along = (ops.arange(size, dtype="float32") + 0.5) / size
    return ops.cast(ops.abs(along - middle[:, None]) < side / 2, "float32")
