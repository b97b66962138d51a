"""ResNet18, which Keras does not have, as a small network of ours.

The layers are those of torchvision's, under the same names but for ``_`` instead of ``.``, and
padded as PyTorch pads, on both sides: ``matcher.models.resnet18_weights`` takes its weights.

Source: He et al., CVPR 2016, arXiv:1512.03385; Mish: Misra, BMVC 2020, arXiv:1908.08681.
"""

from __future__ import annotations

from typing import Any

from keras import layers

MEAN = (0.485, 0.456, 0.406)
DEVIATION = (0.229, 0.224, 0.225)

_WIDTHS = (64, 128, 256, 512)


def build_resnet18(pixels: Any, activation: str = "relu") -> Any:
    """Build the network without its classifier, with weights of Keras' choice.

    Args:
        pixels: Tensor of a Keras input, values in 0..255, shape ``(batch, size, size, 3)``.
        activation: ``"relu"`` or ``"mish"``.

    Returns:
        Tensor of its last map, ``(batch, size / 32, size / 32, 512)``.
    """
    scale = [1 / (255 * d) for d in DEVIATION]
    offset = [-m / d for m, d in zip(MEAN, DEVIATION, strict=True)]
    x = layers.Rescaling(scale, offset, name="to_normal")(pixels)
    x = _convolve(x, 64, 7, 2, "conv1", "bn1")
    x = layers.Activation(activation, name="act1")(x)
    x = layers.ZeroPadding2D(1, name="maxpool_pad")(x)
    x = layers.MaxPooling2D(3, strides=2, name="maxpool")(x)
    for i, width in enumerate(_WIDTHS, start=1):
        x = _block(x, width, 1 if i == 1 else 2, activation, f"layer{i}_0")
        x = _block(x, width, 1, activation, f"layer{i}_1")
    return x


def _block(x: Any, width: int, stride: int, activation: str, name: str) -> Any:
    """Two convolutions, added to their input."""
    shortcut = x
    if stride != 1 or x.shape[-1] != width:
        shortcut = _convolve(x, width, 1, stride, f"{name}_downsample_0", f"{name}_downsample_1")
    x = _convolve(x, width, 3, stride, f"{name}_conv1", f"{name}_bn1")
    x = layers.Activation(activation, name=f"{name}_act1")(x)
    x = _convolve(x, width, 3, 1, f"{name}_conv2", f"{name}_bn2")
    x = layers.Add(name=f"{name}_add")([x, shortcut])
    return layers.Activation(activation, name=f"{name}_act2")(x)


def _convolve(x: Any, width: int, kernel: int, stride: int, name: str, norm: str) -> Any:
    """Convolution with zeros on both sides, as PyTorch pads, and batch norm."""
    if kernel > 1:
        x = layers.ZeroPadding2D(kernel // 2, name=f"{name}_pad")(x)
    x = layers.Conv2D(width, kernel, strides=stride, use_bias=False, name=name)(x)
    return layers.BatchNormalization(epsilon=1e-5, momentum=0.9, name=norm)(x)
