"""Convolutional networks that turn pixels in 0..255 into one vector a picture.

They are those of ``keras.applications``, and a ResNet18 of ours, without their classifier,
averaged over the picture. Each does its own preprocessing.

Source: EfficientNet, Tan and Le, ICML 2019, arXiv:1905.11946; EfficientNetV2, Tan and Le,
ICML 2021, arXiv:2104.00298; MobileNetV2, Sandler et al., CVPR 2018, arXiv:1801.04381;
MobileNetV3, Howard et al., ICCV 2019, arXiv:1905.02244; ResNet, He et al., CVPR 2016,
arXiv:1512.03385; ConvNeXt, Liu et al., CVPR 2022, arXiv:2201.03545.
"""

from __future__ import annotations

import logging
import math
import socket
import warnings
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers, ops

from matcher.errors import BackendError, StoreError
from matcher.models.catalogue import Backbone, find_backbone
from matcher.models.resnet18 import build_resnet18

log = logging.getLogger(__name__)

# Seconds without an answer after which a download is given up.
PATIENCE = 5

_MEAN = (0.485, 0.456, 0.406)
_DEVIATION = (0.229, 0.224, 0.225)
# Blue, green, red in 0..255, which the weights of Caffe were trained with.
_CAFFE_MEAN = (103.939, 116.779, 123.68)


def build_backbone(
    name: str,
    size: int | None = None,
    weights: str | Path | None = None,
    seed: int = 0,
    activation: str = "relu",
) -> keras.Model:
    """Build a network.

    Args:
        name: A name in ``BACKBONES``.
        size: Side of the pictures, in pixels; None is the size the network was made for.
        weights: ``"imagenet"`` downloads them, or takes what was downloaded before; a path is
            a ``.weights.h5`` or ``.h5`` file for the network without its classifier; None is
            random.
        seed: Of random weights.
        activation: ``"relu"`` or ``"mish"``, in networks of ours; Keras' own have theirs.

    Returns:
        A model of pixels in 0..255, shape ``(batch, size, size, 3)``, that gives ``(batch, d)``,
        not normalised.

    Raises:
        BackendError: If the file does not exist or weights cannot be downloaded.
        ConfigError: If there is no network of that name.
        StoreError: If the file cannot be read or is of another network.
    """
    backbone = find_backbone(name)
    if weights == "imagenet":
        return _download(name, backbone, size or backbone.size)
    model = _build(name, backbone, size or backbone.size, activation=activation)
    if weights is None:
        _randomise(model, np.random.default_rng(seed))
    else:
        _load_file(model, Path(weights), name)
    return model


def _build(
    name: str,
    backbone: Backbone,
    size: int,
    weights: str | None = None,
    activation: str = "relu",
) -> keras.Model:
    pixels = keras.Input((size, size, 3), name="pixels")
    if backbone.ours:
        maps = build_resnet18(pixels, activation)
        return keras.Model(pixels, layers.GlobalAveragePooling2D(name="avg_pool")(maps), name=name)
    builder = getattr(keras.applications, backbone.builder)
    network = builder(
        include_top=False,
        pooling="avg",
        weights=weights,
        input_tensor=_preprocess(backbone, pixels, weights),
    )
    return keras.Model(pixels, network.output, name=name)


def _preprocess(backbone: Backbone, pixels: Any, weights: str | None) -> Any:
    """What ``keras.applications`` leaves to the caller.

    The EfficientNets of 2019 divide by the deviation and then by its root, but Keras builds
    the second division in only where it downloads the weights itself. Divide by the root here,
    around the mean, so that the weights do the same from a file.
    """
    if backbone.scaling == "unit":
        return layers.Rescaling(1 / 127.5, offset=-1.0, name="to_unit_range")(pixels)
    if backbone.scaling == "caffe":
        offset = [-mean for mean in _CAFFE_MEAN]
        return layers.Rescaling(1.0, offset, name="less_mean")(ops.flip(pixels, axis=-1))
    if backbone.scaling == "inside" or weights == "imagenet":
        return pixels
    scale = [1 / math.sqrt(deviation) for deviation in _DEVIATION]
    offset = [255 * mean * (1 - s) for mean, s in zip(_MEAN, scale, strict=True)]
    return layers.Rescaling(scale, offset, name="around_mean")(pixels)


def _download(name: str, backbone: Backbone, size: int) -> keras.Model:
    if backbone.ours:
        raise BackendError(
            f"Keras has no ImageNet weights of {name}. Those of {backbone.hub} on huggingface.co "
            "are taken by matcher.encoders and by trainings: they come as arrays, to "
            "build_image_embedder."
        )
    log.info("%s: looking for ImageNet weights", name)
    try:
        with _quiet_download():
            return _build(name, backbone, size, "imagenet")
    except Exception as error:  # keras raises plain Exception where a URL does not answer
        reason = _clause(str(error).rpartition(" -- ")[2])
        raise BackendError(
            f"{name} needs its ImageNet weights, which are not on this machine and could not be "
            f"downloaded ({reason}). Run it once on a machine with a network and copy "
            "~/.keras/models, set weights: to a .weights.h5 file, or leave this encoder out."
        ) from error


@contextmanager
def _quiet_download() -> Iterator[None]:
    """Give up soon when nobody answers, and keep Keras from printing to standard output."""
    timeout, loud = socket.getdefaulttimeout(), keras.config.is_interactive_logging_enabled()
    socket.setdefaulttimeout(timeout or PATIENCE)
    keras.config.disable_interactive_logging()
    try:
        with warnings.catch_warnings():
            # MobileNets say that they take weights for 224 pixels; those fit any size.
            warnings.filterwarnings("ignore", message="`input_shape` is undefined or non-square")
            yield
    finally:
        socket.setdefaulttimeout(timeout)
        if loud:
            keras.config.enable_interactive_logging()


def _load_file(model: keras.Model, path: Path, name: str) -> None:
    if not path.is_file():
        raise BackendError(
            f"{name} needs its weights, but there is no {path}. "
            "Set weights: to 'imagenet', to a .weights.h5 file or to a folder saved by a training."
        )
    if path.suffix != ".h5":
        raise StoreError(
            f"{path} must be a .weights.h5 or .h5 file. To make one, call model.save_weights."
        )
    floats = [v for v in model.weights if np.issubdtype(v.dtype, np.floating)]
    for variable in floats:
        variable.assign(np.full(variable.shape, np.nan, np.float32))
    try:
        with warnings.catch_warnings():
            # Keras only warns, and wrongly so for its own older files, where it finds no weights.
            warnings.simplefilter("ignore")
            model.load_weights(path)
        if not all(np.isfinite(np.asarray(v)).all() for v in floats):
            raise ValueError("some of its weights are missing or not finite")
    except Exception as error:  # h5py and Keras raise a dozen types on damaged files
        reason = _clause(str(error))
        raise StoreError(
            f"{path} is damaged, or holds no weights of {name} without its classifier: {reason}."
        ) from error


def _clause(text: str) -> str:
    """The first sentence of a library's message, on one line and without its full stop."""
    return " ".join(text.split()).partition(". ")[0][:200].rstrip(".")


def _randomise(model: keras.Model, rng: np.random.Generator) -> None:
    """Draw kernels that keep the variance (He et al., arXiv:1502.01852), from our own seed."""
    for variable in model.weights:
        if variable.name.endswith("kernel"):
            shape = tuple(variable.shape)
            depthwise = shape[-1] == 1
            n_inputs = math.prod(shape[:2] if depthwise else shape[:-1])
            values = rng.normal(0, math.sqrt(2 / n_inputs), shape)
            variable.assign(values.astype(np.float32))
