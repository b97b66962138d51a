"""Networks to be trained: pixels or tokens in, one vector a listing out.

The vectors come out before they are scaled to length 1; the batch norm before that is the "neck"
of Luo et al., CVPR Workshops 2019, arXiv:1903.07071.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import keras
import numpy as np
from keras import layers

from matcher.models.backbones import build_backbone
from matcher.models.bert import build_bert, read_bert_config
from matcher.models.bert_weights import load_bert_weights
from matcher.models.pooling import build_pooling
from matcher.models.random_states import seed_random_states
from matcher.models.settings import ImageArchitecture, TitleArchitecture
from matcher.models.weights import Tensors, assign, name_weights

# Layers after the backbone, in their order.
HEAD = ("pooling", "projection", "neck", "vectors")
# Before the names of the head's weights, where those of the backbone have names of others.
HEAD_PREFIX = "matcher/"

# Share of the old running mean kept at each step: after 50 steps 0.5 % of the start is left.
NECK_MOMENTUM = 0.9
# Deviation of a random BERT's kernels and tables, as in its paper.
BERT_DEVIATION = 0.02


def build_image_embedder(
    architecture: ImageArchitecture,
    weights: str | Path | Tensors | None = None,
    seed: int = 0,
    where: str = "the weights",
) -> keras.Model:
    """Build a network for pictures.

    Args:
        architecture: Its parts.
        weights: As for ``build_backbone``; or arrays of another such network with the same
            backbone, at any size, as ``export_weights`` gives them: the parts after the
            backbone are taken over where they have the same shape.
        seed: Of what starts at random, and of dropout.
        where: What to call arrays in messages.

    Returns:
        A model of pixels in 0..255, shape ``(batch, size, size, 3)``, uint8 or float, that
        gives float32, shape ``(batch, width)``, not normalised.

    Raises:
        BackendError: As ``build_backbone`` does.
        StoreError: As ``build_backbone`` does, or if arrays of the backbone are missing.
    """
    arrays = weights if isinstance(weights, Mapping) else None
    backbone = build_backbone(
        architecture.backbone,
        architecture.pixels,
        None if isinstance(weights, Mapping) else weights,
        seed,
        architecture.activation or "relu",
    )
    maps, after = _open(backbone)
    x = build_pooling(architecture.pooling)(maps)
    for layer in after:
        x = layer(x)
    x = _finish(x, architecture, seed)
    model = keras.Model(backbone.input, x, name="image_embedder")
    if arrays is not None:
        _adopt(model, arrays, where)
    seed_random_states(model, seed)
    return model


def build_title_embedder(
    architecture: TitleArchitecture,
    config: Mapping[str, Any],
    tensors: Tensors | None,
    seed: int = 0,
    where: str = "the weights",
) -> keras.Model:
    """Build a network for titles.

    Args:
        architecture: Its parts.
        config: Content of a BERT's ``config.json``.
        tensors: Its weights, named as by Hugging Face; those of the parts after it, where the
            folder was saved by a training, are taken over if they have the same shape. None is
            random.
        seed: Of what starts at random, and of dropout.
        where: What to call the settings and arrays in messages.

    Returns:
        A model of ``[token_ids, attended]``, both int32 of shape ``(batch, tokens)``, that
        gives float32, shape ``(batch, width)``, not normalised.

    Raises:
        ConfigError: If the settings are of no BERT.
        StoreError: If arrays are missing or of another shape.
    """
    settings = read_bert_config(config, where)
    if architecture.dropout is not None:
        rates = ("hidden_dropout_prob", "attention_probs_dropout_prob")
        settings = settings.model_copy(update=dict.fromkeys(rates, architecture.dropout))
    bert = build_bert(settings, architecture.pooling)
    model = keras.Model(bert.inputs, _finish(bert.output, architecture, seed), name="bert")
    if tensors is None:
        _randomise_bert(bert, np.random.default_rng(seed))
    else:
        load_bert_weights(bert, tensors, where)
        prefix = len(HEAD_PREFIX)
        arrays = {n[prefix:]: t for n, t in tensors.items() if n.startswith(HEAD_PREFIX)}
        assign(_alike(head_weights(model), arrays), arrays, where)
    seed_random_states(model, seed)
    return model


def head_weights(model: keras.Model) -> dict[str, Any]:
    """Keras variables after the backbone, by the names of ``name_weights``."""
    return {n: v for n, v in name_weights(model).items() if n.partition("/")[0] in HEAD}


def _open(backbone: keras.Model) -> tuple[Any, list[layers.Layer]]:
    """A backbone's last map, and what it does after averaging that."""
    kinds = [isinstance(layer, layers.GlobalAveragePooling2D) for layer in backbone.layers]
    place = len(kinds) - 1 - kinds[::-1].index(True)  # others are in squeeze-and-excitation
    return backbone.layers[place].input, backbone.layers[place + 1 :]


def _finish(x: Any, architecture: ImageArchitecture | TitleArchitecture, seed: int) -> Any:
    """Extra dense layer and neck, as far as wanted, in float32 whatever the precision."""
    if architecture.width is not None:
        has_neck = architecture.neck != "none"
        x = layers.Dense(
            architecture.width,
            use_bias=not has_neck,  # the neck takes any bias away again
            kernel_initializer=keras.initializers.GlorotUniform(seed),
            dtype="float32",
            name="projection",
        )(x)
    if architecture.neck == "batch_norm":
        neck = layers.BatchNormalization(
            momentum=NECK_MOMENTUM, epsilon=1e-5, dtype="float32", name="neck"
        )
        x = neck(x)
    return layers.Activation("linear", dtype="float32", name="vectors")(x)


def _adopt(model: keras.Model, tensors: Tensors, where: str) -> None:
    """Take over a backbone, and what fits of the rest."""
    head = head_weights(model)
    backbone = {name: v for name, v in name_weights(model).items() if name not in head}
    assign(backbone | _alike(head, tensors), tensors, where)


def _alike(variables: Mapping[str, Any], tensors: Tensors) -> dict[str, Any]:
    """Those variables of which there is an array of the same shape."""
    return {
        name: variable
        for name, variable in variables.items()
        if name in tensors and tensors[name].shape == tuple(variable.shape)
    }


def _randomise_bert(bert: keras.Model, rng: np.random.Generator) -> None:
    for variable in bert.weights:
        if variable.name in ("kernel", "embeddings"):
            values = rng.normal(0, BERT_DEVIATION, tuple(variable.shape))
            variable.assign(values.astype(np.float32))
